// ExeRef: what a memory manager holds as its executable (MemoryManager::set_exe). Made by the loader, read by procfs and prctl.
#pragma once

#include "fs/vfs/open_file.h"

namespace sbx {

struct ExeRef final : RefCounted {
    explicit ExeRef(Ref<vfs::OpenFile> f) : file(std::move(f)) {}
    Ref<vfs::OpenFile> file;
};

}  // namespace sbx
