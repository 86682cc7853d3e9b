// The devices of major number 1: null, zero, full, random, urandom. Used by devfs.
#pragma once

namespace sbx::devfs {

void register_mem_devices();

}  // namespace sbx::devfs
