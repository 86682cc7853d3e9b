// ioctl FS_IOC_FIEMAP: the extents of a file (Documentation/filesystems/fiemap.rst). Used by ioctl.
#pragma once

#include "fs/vfs/open_file.h"
#include "src/kernel/task.h"

namespace sbx {

// From what the file says of its data and holes. Where it lies on a medium nobody here knows: FIEMAP_EXTENT_UNKNOWN.
// EOPNOTSUPP for what is no regular file, EBADR for flags, EINVAL, EFBIG, EFAULT.
Result<long> file_extents(Task& t, vfs::OpenFile& f, u64 arg);

}  // namespace sbx
