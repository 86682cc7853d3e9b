// Dispatch of system calls to their own program (PR_SET_SYSCALL_USER_DISPATCH, kernel/entry/syscall_user_dispatch.c). Used by prctl and
// by task_syscall.cc; children and new programs start without it.
#pragma once

#include <optional>

#include "src/kernel/task.h"

namespace sbx {

// mode: PR_SYS_DISPATCH_*. EINVAL, EFAULT.
Result<> set_user_dispatch(Task& t, u64 mode, u64 start, u64 length, u64 selector);
// At the entry of a system call, before tracers and filters: the state to go on with if the call is to become a SIGSYS.
std::optional<RunState> user_dispatch_entry(Task& t);

}  // namespace sbx
