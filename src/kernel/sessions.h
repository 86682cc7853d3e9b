// Process groups and sessions (credentials(7), setpgid(2), setsid(2)) and the rule of orphaned groups. Used by syscalls/session.cc, exit,
// signals and terminals. TaskSet::mu held throughout; exclusively where something changes.
#pragma once

#include "src/kernel/thread_group.h"

namespace sbx {

// The group joins the process group or session; leaves the one it was in.
void join_pgrp(ThreadGroup& g, const Ref<Pid>& pgrp);
void join_session(ThreadGroup& g, const Ref<Pid>& session);
void leave_pgrp_and_session(ThreadGroup& g);

// No member has a parent in another group of the same session (POSIX: orphaned process group). `ignored`: a process about to exit.
bool is_orphaned_pgrp(const Pid& pgrp, const ThreadGroup* ignored);
// The exit of `g` (parent null), or of g's parent `parent`, may orphan g's process group: SIGHUP and SIGCONT if it has stopped members.
void signal_new_orphans(ThreadGroup& g, const ThreadGroup* parent);

Result<> set_session(ThreadGroup& g);                // setsid(2): EPERM
Result<> set_pgrp(Task& caller, int pid, int pgid);  // setpgid(2): ESRCH, EPERM, EACCES, EINVAL

}  // namespace sbx
