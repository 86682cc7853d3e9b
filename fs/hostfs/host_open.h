// Open files of hostfs: regular files and directories. Used by HostInode::open.
#pragma once

#include "fs/hostfs/host_inode.h"
#include "fs/vfs/dentry.h"
#include "fs/vfs/mount.h"
#include "fs/vfs/open_file.h"

namespace sbx::hostfs {

Result<Ref<vfs::OpenFile>> open_host_regular(const vfs::OpenArgs& a, HostInode& inode);
Result<Ref<vfs::OpenFile>> open_host_directory(const vfs::OpenArgs& a, HostInode& inode);

// Data I/O at a position on a descriptor of a regular file, straight from or to the buffer. Shared with inherited descriptors.
Result<size_t> read_data(int fd, mm::IoBuf& dst, i64* pos, u32 rwf);
Result<size_t> write_data(int fd, mm::IoBuf& src, i64* pos, u32 rwf, bool append, u64 size_limit);

}  // namespace sbx::hostfs
