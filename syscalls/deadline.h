// Time limits of system calls as the host's monotonic clock counts. Used by futex.cc and mqueue.cc.
#pragma once

#include "src/kernel/task.h"
#include "src/kernel/timekeeper.h"

namespace sbx {

// kNever without a limit; EFAULT, EINVAL. An absolute time on `clock` that is past: 0.
inline Result<Nanos> copy_in_deadline(Task& t, UserPtr<timespec> p, bool relative, clockid_t clock) {
    if (!p) return kNever;
    timespec ts = SBX_TRY(t.copy_in(p));
    if (!timespec_valid(ts)) return err(EINVAL);
    return relative ? t.deadline_in(to_nanos(ts)) : Timekeeper::monotonic_deadline(to_nanos(ts), clock);
}

}  // namespace sbx
