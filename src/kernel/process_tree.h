// Linking tasks into the process tree and taking them out. Used by clone, exit, exec and boot.
#pragma once

#include <vector>

#include "src/kernel/thread_group.h"

namespace sbx {

// Adds a new task, with its pid allocated and group set. `parent` null: the first task of a sandbox or one started from outside. For a
// leader the group's process group and session must be set right after. TaskSet::mu held exclusively.
void link_task(Task& t, Task* parent, int exit_signal);
// Takes a dead task out: its numbers become free. May make a waiting zombie leader reapable, which is told or reaped then. The task
// is put on `dead` so that the last reference goes without the lock. TaskSet::mu held exclusively.
void release_task(Task& t, std::vector<Ref<Task>>& dead);
// Removes a task that never ran.
void unlink_new_task(Task& t);

// The first task of the sandbox (PID 1: init, unkillable from inside), or one more started from outside: leader of its own session,
// with no parent. EAGAIN at the limit of tasks.
Result<> adopt_outside_task(Task& t);

// RLIMIT_NPROC's count follows the real user id: to be called with the new one after a change. Own thread or unlinked task.
void count_process(Task& t, Kuid user);

}  // namespace sbx
