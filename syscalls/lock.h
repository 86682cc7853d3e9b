// The lock commands of fcntl(2): F_GETLK, F_SETLK, F_SETLKW and their F_OFD_ forms. Used by fcntl.cc.
#pragma once

#include "fs/vfs/open_file.h"
#include "src/kernel/task.h"

namespace sbx {

Result<long> fcntl_lock(Task& t, int fd, vfs::OpenFile& f, int cmd, u64 arg);

}  // namespace sbx
