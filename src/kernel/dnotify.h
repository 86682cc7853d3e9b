// dnotify: F_NOTIFY of fcntl(2), signals about changes in a directory (fs/notify/dnotify). Used by syscalls/fcntl.cc. inotify replaced it.
#pragma once

#include "src/kernel/task.h"

namespace sbx {

// `wanted`: DN_*; without any event, what this process asked for of the open directory f ends. ENOTDIR.
Result<> watch_directory(Task& t, vfs::OpenFile& f, int fd, u32 wanted);

}  // namespace sbx
