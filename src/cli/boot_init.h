// The init of ours that `run.init` puts before the program. Used by boot.cc.
#pragma once

#include "fs/vfs/open_file.h"

namespace sbx::boot {

// A file in memory with its executable, opened as execve would. Its argv: a name, the program's path, the program's argv.
Result<Ref<vfs::OpenFile>> open_init(const vfs::Caller& c);

}  // namespace sbx::boot
