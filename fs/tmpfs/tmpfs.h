// tmpfs: a file system in memory (tmpfs(5)). Its files' data is in the memory file, so that mappings of it are direct. Used by mount(2),
// the boot code, memfd_create(2), SysV shared memory.
//
// Not supported: POSIX ACLs (EOPNOTSUPP), huge=, mpol=, quotas, swap.
#pragma once

#include <string_view>

#include "fs/vfs/file_system.h"
#include "fs/vfs/open_file.h"
#include "fs/tmpfs/file_data.h"

namespace sbx::tmpfs {

struct Options {
    u64 size = 0;    // bytes; 0: no limit
    u64 inodes = 0;  // 0: no limit
    u32 mode = 01777;
    Kuid uid = 0;
    Kgid gid = 0;
    template <class A>
    void state(A& ar) {
        ar(size, inodes, mode, uid, gid);
    }
};

// Before anything else here, once: where data goes. `total_memory` is what percentages and the default of half of it refer to.
// Registers the type "tmpfs" for mount(2).
void init(Ref<mm::MemoryFile> memory, u64 total_memory);
// Parses mount(2)'s data on top of `o`. EINVAL.
Result<> parse_options(std::string_view data, const UserNamespace& ns, Options& o);
// What mount(2) starts from: half the memory, an inode a page of that; owner: the caller.
Options default_options();
Ref<vfs::FileSystem> create(const Options& o);

// A regular file without a name in an internal tmpfs, opened for reading and writing, shown as /memfd:NAME (deleted). `seals`: the
// initial ones (F_SEAL_SEAL unless MFD_ALLOW_SEALING); mode 0777, or 0666 with F_SEAL_EXEC.
Result<Ref<vfs::OpenFile>> create_memfd(std::string_view name, u32 seals, u32 mode, int flags, const vfs::Caller& c);
// Data for SysV shared memory.
Ref<FileData> create_shm(u64 size);

// The data behind an open file for F_ADD_SEALS and F_GET_SEALS: null if it is not of a tmpfs.
FileData* sealable(vfs::OpenFile& f);

}  // namespace sbx::tmpfs
