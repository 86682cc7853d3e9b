// What other families need of pidfds: clone makes them, waitid takes them.
#pragma once

#include "fs/vfs/open_file.h"
#include "src/kernel/task.h"

namespace sbx {

// The process behind a pidfd; EBADF for another kind of file.
Result<Ref<Pid>> pid_of_pidfd(vfs::OpenFile& f);
// A descriptor, close-on-exec. EMFILE.
Result<int> add_pidfd(Task& t, const Ref<Pid>& pid, int flags);

}  // namespace sbx
