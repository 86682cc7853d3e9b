// Clocks and sleeping.
#include <sys/time.h>
#include <sys/timex.h>
#include <time.h>

#include "src/kernel/cpu_clock.h"
#include "src/kernel/kernel.h"
#include "src/kernel/timekeeper.h"
#include "syscalls/deadline.h"
#include "syscalls/families.h"
#include "syscalls/restart.h"

namespace sbx {
namespace {

Result<Nanos> clock_now(Task& t, clockid_t clock) {
    if (Result<Nanos> n = Timekeeper::now(clock)) return n;
    return cpu_clock_now(t, clock);
}

Result<long> sys_clock_gettime(Task& t, int clock, UserPtr<timespec> out) {
    Nanos n = SBX_TRY(clock_now(t, clock));
    // The host's vDSO asks, for a caller that adds what there is to add (abi/vdso_data.h).
    if (t.regs.rip >= t.kernel().platform().user_range().end) n -= Timekeeper::offset(clock);
    SBX_TRY(t.copy_out(out, to_timespec(n)));
    return 0;
}

Result<long> sys_clock_getres(Task& t, int clock, UserPtr<timespec> out) {
    SBX_TRY(clock_now(t, clock));
    Nanos resolution = Timekeeper::resolution(clock);
    if (out) SBX_TRY(t.copy_out(out, to_timespec(resolution)));
    return 0;
}

// Nobody inside may set the host's clocks, whatever capabilities they have in here.
Result<long> sys_clock_settime(Task& t, int clock, UserPtr<timespec> in) {
    timespec ts = SBX_TRY(t.copy_in(in));
    if (clock != CLOCK_REALTIME || !timespec_valid(ts)) return err(EINVAL);
    return err(EPERM);
}

Result<long> sys_settimeofday(Task& t, UserPtr<timeval> tv, UserPtr<void> tz) {
    if (tv) {
        timeval v = SBX_TRY(t.copy_in(tv));
        if (v.tv_usec < 0 || v.tv_usec >= 1000000) return err(EINVAL);
    }
    return tv || tz ? err(EPERM) : Result<long>(0);
}

Result<long> adjust(Task& t, UserPtr<timex> p) {
    timex x = SBX_TRY(t.copy_in(p));
    if (x.modes != 0) return err(EPERM);
    int state = adjtimex(&x);
    if (state < 0) return err(errno);
    SBX_TRY(t.copy_out(p, x));
    return state;
}

Result<long> sys_adjtimex(Task& t, UserPtr<timex> p) { return adjust(t, p); }

Result<long> sys_clock_adjtime(Task& t, int clock, UserPtr<timex> p) {
    if (clock == CLOCK_REALTIME) return adjust(t, p);
    SBX_TRY(t.copy_in(p));
    SBX_TRY(clock_now(t, clock));
    return err(EOPNOTSUPP);
}

Result<long> sys_gettimeofday(Task& t, UserPtr<timeval> tv, UserPtr<struct timezone> tz) {
    if (tv) {
        timespec ts = to_timespec(SBX_TRY(Timekeeper::now(CLOCK_REALTIME)));
        timeval v{};
        v.tv_sec = ts.tv_sec;
        v.tv_usec = ts.tv_nsec / 1000;
        SBX_TRY(t.copy_out(tv, v));
    }
    if (tz) SBX_TRY(t.copy_out(tz, (struct timezone){}));
    return 0;
}

Result<long> sys_time(Task& t, UserPtr<i64> out) {
    // The coarse clock, as on Linux: what vDSO and system call say must not go backwards.
    i64 s = SBX_TRY(Timekeeper::now(CLOCK_REALTIME_COARSE))
    / kNanosPerSec;
    if (out) SBX_TRY(t.copy_out(out, s));
    return s;
}

// Sleeps until the deadline. `remaining`: where a relative sleep says how much was left when a signal came.
Result<long> sleep_until(Task& t, Nanos deadline, UserPtr<timespec> remaining) {
    while (host_monotonic() < deadline) {
        if (t.block(deadline) != BlockResult::Interrupted) continue;
        if (remaining && !t.again_after_pause()) {
            Nanos left = deadline - host_monotonic();
            if (left <= 0) return 0;
            SBX_TRY(t.copy_out(remaining, to_timespec(left)));
        }
        RestartBlock b;
        b.kind = RestartBlock::Kind::Nanosleep;
        b.deadline = deadline;
        b.args[0] = remaining.addr;
        t.restart_block = b;
        return err(ERESTART_RESTARTBLOCK);
    }
    return 0;
}

Result<long> sys_nanosleep(Task& t, UserPtr<timespec> request, UserPtr<timespec> remaining) {
    timespec ts = SBX_TRY(t.copy_in(request));
    if (!timespec_valid(ts)) return err(EINVAL);
    return sleep_until(t, t.deadline_in(to_nanos(ts)), remaining);
}

Result<long> sys_clock_nanosleep(Task& t, int clock, int flags, UserPtr<timespec> request,
                                 UserPtr<timespec> remaining) {
    // Sleeping by a CPU clock is possible on Linux for a process's clock; nobody uses it.
    if (clock == CLOCK_PROCESS_CPUTIME_ID || clock == CLOCK_THREAD_CPUTIME_ID || clock < 0) return err(EOPNOTSUPP);
    if (clock == CLOCK_REALTIME_COARSE || clock == CLOCK_MONOTONIC_COARSE || clock == CLOCK_MONOTONIC_RAW)
        return err(EOPNOTSUPP);
    SBX_TRY(Timekeeper::now(clock));
    timespec ts = SBX_TRY(t.copy_in(request));
    if (!timespec_valid(ts)) return err(EINVAL);
    SBX_TRY(check_wake_alarm(t, clock));
    if (!(flags & TIMER_ABSTIME)) return sleep_until(t, t.deadline_in(to_nanos(ts)), remaining);
    // An absolute sleep needs no restart block: the same arguments say the same thing later.
    Nanos deadline = Timekeeper::monotonic_deadline(to_nanos(ts), clock);
    while (host_monotonic() < deadline)
        if (t.block(deadline) == BlockResult::Interrupted) return err(ERESTARTNOHAND);
    return 0;
}

constexpr SyscallRow kRows[] = {
    {35, "nanosleep", syscall<sys_nanosleep>, "ptr ptr", Support::Full, ""},
    {96, "gettimeofday", syscall<sys_gettimeofday>, "ptr ptr", Support::Full, ""},
    {159, "adjtimex", syscall<sys_adjtimex>, "ptr", Support::Partial, "reading only; changes give EPERM"},
    {164, "settimeofday", syscall<sys_settimeofday>, "ptr ptr", Support::Partial,
     "always EPERM: the clocks are the host's"},
    {201, "time", syscall<sys_time>, "ptr", Support::Full, ""},
    {227, "clock_settime", syscall<sys_clock_settime>, "d ptr", Support::Partial,
     "always EPERM: the clocks are the host's"},
    {228, "clock_gettime", syscall<sys_clock_gettime>, "d ptr", Support::Full, ""},
    {229, "clock_getres", syscall<sys_clock_getres>, "d ptr", Support::Full, ""},
    {230, "clock_nanosleep", syscall<sys_clock_nanosleep>, "d flags ptr ptr", Support::Partial, "not by CPU clocks"},
    {305, "clock_adjtime", syscall<sys_clock_adjtime>, "d ptr", Support::Partial, "reading only; changes give EPERM"},
};

}  // namespace

Result<long> restart_nanosleep(Task& t, const RestartBlock& b) { return sleep_until(t, b.deadline, {b.args[0]}); }

const SyscallFamily kTimeSyscalls(kRows);

}  // namespace sbx
