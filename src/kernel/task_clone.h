// clone: a new task or process (kernel/fork.c). Used by syscalls/process.cc.
#pragma once

#include "src/base/function_ref.h"
#include "src/kernel/task.h"

namespace sbx {

struct CloneArgs {
    u64 flags = 0;  // CLONE_*, without the signal
    int exit_signal = 0;
    u64 stack = 0;  // initial stack pointer; 0: the parent's
    u64 tls = 0;
    u64 parent_tid = 0, child_tid = 0;
    std::vector<int> set_tid;  // deepest namespace first
};

// Makes and starts the child; its number as the caller sees it. With CLONE_VFORK the caller's next state waits for the child.
// `on_pid` runs once the child's Pid is there and before it starts, to make its pidfd; `undo` if the rest fails after it.
// EAGAIN, ENOMEM, EINVAL, EPERM, ENOSPC; ERESTARTNOINTR when a signal is to be handled first.
Result<int> clone_task(Task& t, const CloneArgs& a, FunctionRef<Result<>(const Ref<Pid>&)> on_pid,
                       FunctionRef<void()> undo);

// The vfork parent of t, if any, goes on: t has execed or exited. Own thread.
void release_vfork_parent(Task& t);

}  // namespace sbx
