// Time limits of system calls as the host's monotonic clock counts, and who may ask to be woken. Used by calls about time.
#pragma once

#include <linux/capability.h>

#include "src/kernel/kernel.h"
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

// EPERM for a clock whose timers wake a sleeping machine, without the capability for it (alarmtimer.c).
inline Result<> check_wake_alarm(const Task& t, clockid_t clock) {
    if (Timekeeper::wakes(clock) && !t.creds()->capable(CAP_WAKE_ALARM, t.kernel().user_ns())) return err(EPERM);
    return {};
}

}  // namespace sbx
