// Telling a parent or tracer about a child (do_notify_parent, do_notify_parent_cldstop of kernel/signal.c). Used by exit, signals, ptrace.
#pragma once

#include "src/kernel/thread_group.h"

namespace sbx {

// The child ended: queues `sig` (0: none) for its parent or tracer and wakes it. True if the child needs no wait (SIGCHLD ignored or
// SA_NOCLDWAIT): the caller reaps. TaskSet::mu held exclusively.
bool notify_parent_of_exit(Task& child, int sig);
// It stopped or continued (CLD_STOPPED, CLD_CONTINUED, CLD_TRAPPED) with signal `status`. To the tracer of `t`, or to the parent of its
// group. TaskSet::mu held; no SignalHandlers::mu.
void notify_parent_of_stop(Task& t, bool to_tracer, int why, int status);

}  // namespace sbx
