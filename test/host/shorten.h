// Transfers that move less than they were asked to, which a host may do at any time. Used by the watcher, for faults.py.
#pragma once

#include <linux/seccomp.h>
#include <sys/types.h>

namespace sbx::test {

bool can_shorten(int nr);
// Makes the call for thread `tid` of `process`, with half of its bytes: its result or -errno. False if it is better let pass: nothing to
// halve, or it would wait.
bool shorten(pid_t process, pid_t tid, const seccomp_data& call, long* result);

}  // namespace sbx::test
