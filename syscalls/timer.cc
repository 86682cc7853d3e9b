// Interval timers, alarm and POSIX timers.
#include <signal.h>
#include <sys/time.h>
#include <time.h>

#include "src/kernel/cpu_clock.h"
#include "src/kernel/itimers.h"
#include "src/kernel/kernel.h"
#include "src/kernel/posix_timers.h"
#include "syscalls/deadline.h"
#include "syscalls/families.h"

namespace sbx {
namespace {

std::shared_ptr<IntervalTimers> itimers_of(Task& t) {
    return t.group().itimers.get_or(
        [&] { return std::make_shared<IntervalTimers>(t.group(), t.kernel().timekeeper()); });
}

std::shared_ptr<PosixTimers> posix_timers_of(Task& t) {
    return t.group().posix_timers.get_or([] { return std::make_shared<PosixTimers>(); });
}

Result<Nanos> nanos_of(const timeval& v) {
    if (v.tv_sec < 0 || static_cast<u64>(v.tv_usec) >= 1000000) return err(EINVAL);
    timespec ts{};
    ts.tv_sec = v.tv_sec;
    ts.tv_nsec = v.tv_usec * 1000;
    return to_nanos(ts);
}

timeval to_timeval(Nanos n) {
    timespec ts = to_timespec(n);
    timeval v{};
    v.tv_sec = ts.tv_sec;
    v.tv_usec = ts.tv_nsec / 1000;
    return v;
}

itimerval to_itimerval(const IntervalTimers::Value& v) {
    itimerval i{};
    i.it_value = to_timeval(v.left);
    i.it_interval = to_timeval(v.interval);
    return i;
}

Result<IntervalTimers::Which> which_of(int which) {
    if (which < ITIMER_REAL || which > ITIMER_PROF) return err(EINVAL);
    return static_cast<IntervalTimers::Which>(which);
}

Result<long> sys_getitimer(Task& t, int which, UserPtr<itimerval> out) {
    IntervalTimers::Which w = SBX_TRY(which_of(which));
    SBX_TRY(t.copy_out(out, to_itimerval(itimers_of(t)->get(w))));
    return 0;
}

Result<long> sys_setitimer(Task& t, int which, UserPtr<itimerval> in, UserPtr<itimerval> old) {
    // A null new value disarms, a Linux peculiarity kept for old programs.
    IntervalTimers::Value v;
    if (in) {
        itimerval i = SBX_TRY(t.copy_in(in));
        v.left = SBX_TRY(nanos_of(i.it_value));
        v.interval = SBX_TRY(nanos_of(i.it_interval));
    }
    IntervalTimers::Which w = SBX_TRY(which_of(which));
    IntervalTimers::Value was = itimers_of(t)->set(w, v);
    if (old) SBX_TRY(t.copy_out(old, to_itimerval(was)));
    return 0;
}

Result<long> sys_alarm(Task& t, u32 seconds) {
    IntervalTimers::Value was =
        itimers_of(t)->set(IntervalTimers::kReal, {static_cast<Nanos>(seconds) * kNanosPerSec, 0});
    // Rounded to the nearest second, but never to "none" (alarm_setitimer).
    Nanos s = was.left / kNanosPerSec, rest = was.left % kNanosPerSec;
    if ((s == 0 && rest) || rest >= kNanosPerSec / 2) s++;
    return s;
}

// struct sigevent as the kernel has it; libc's hides the thread id.
struct KernelSigevent {
    u64 value;
    int signo, notify;
    int tid;
    int pad[11];
};

Result<long> sys_timer_create(Task& t, int clock, UserPtr<KernelSigevent> event, UserPtr<int> out) {
    if (!Timekeeper::now(clock)) SBX_TRY(cpu_clock_now(t, clock));
    if (clock == CLOCK_MONOTONIC_RAW || clock == CLOCK_REALTIME_COARSE || clock == CLOCK_MONOTONIC_COARSE)
        return err(EOPNOTSUPP);
    PosixTimer::Notify n;
    n.user = t.creds()->uid;
    n.how = SIGEV_SIGNAL;
    n.signo = SIGALRM;
    bool default_event = !event;
    if (event) {
        KernelSigevent e = SBX_TRY(t.copy_in(event));
        n.how = e.notify;
        n.signo = e.signo;
        n.value.sival_ptr = reinterpret_cast<void*>(e.value);
        constexpr int kThreadId = 4;  // SIGEV_THREAD_ID
        if (e.notify != SIGEV_SIGNAL && e.notify != SIGEV_NONE && e.notify != kThreadId) return err(EINVAL);
        if (e.notify != SIGEV_NONE && (e.signo < 1 || e.signo > kSignalCount)) return err(EINVAL);
        if (e.notify == kThreadId) {
            SharedLock l(t.kernel().tasks().mu);
            Task* target = t.kernel().tasks().find_task(e.tid, t.pid_ns());
            if (!target || &target->group() != &t.group()) return err(EINVAL);
            n.thread = Ref<Task>(target);
        }
    }
    SBX_TRY(check_wake_alarm(t, clock));
    std::shared_ptr<PosixTimers> timers = posix_timers_of(t);
    int id = SBX_TRY(timers->create(t.group(), t.kernel().timekeeper(), clock, std::move(n), default_event,
                                    t.rlimit(RLIMIT_SIGPENDING)));
    if (Result<> r = t.copy_out(out, id); !r) {
        timers->remove(id);
        return err(r.error());
    }
    return 0;
}

Result<std::shared_ptr<PosixTimer>> find(Task& t, int id) {
    std::shared_ptr<PosixTimer> p = posix_timers_of(t)->find(id);
    if (!p) return err(EINVAL);
    return p;
}

itimerspec to_itimerspec(const PosixTimer::Value& v) {
    itimerspec i{};
    i.it_value = to_timespec(v.left);
    i.it_interval = to_timespec(v.interval);
    return i;
}

Result<long> sys_timer_settime(Task& t, int id, int flags, UserPtr<itimerspec> in, UserPtr<itimerspec> old) {
    if (!in) return err(EINVAL);
    itimerspec i = SBX_TRY(t.copy_in(in));
    if (!timespec_valid(i.it_value) || !timespec_valid(i.it_interval)) return err(EINVAL);
    std::shared_ptr<PosixTimer> p = SBX_TRY(find(t, id));
    PosixTimer::Value was = p->set(t, to_nanos(i.it_value), to_nanos(i.it_interval), flags & TIMER_ABSTIME);
    if (old) SBX_TRY(t.copy_out(old, to_itimerspec(was)));
    return 0;
}

Result<long> sys_timer_gettime(Task& t, int id, UserPtr<itimerspec> out) {
    std::shared_ptr<PosixTimer> p = SBX_TRY(find(t, id));
    SBX_TRY(t.copy_out(out, to_itimerspec(p->get(t))));
    return 0;
}

Result<long> sys_timer_getoverrun(Task& t, int id) {
    return SBX_TRY(find(t, id))
    ->overrun();
}

Result<long> sys_timer_delete(Task& t, int id) {
    if (!posix_timers_of(t)->remove(id)) return err(EINVAL);
    return 0;
}

constexpr SyscallRow kRows[] = {
    {36, "getitimer", syscall<sys_getitimer>, "d ptr", Support::Full, ""},
    {37, "alarm", syscall<sys_alarm>, "u", Support::Full, ""},
    {38, "setitimer", syscall<sys_setitimer>, "d ptr ptr", Support::Full, ""},
    {222, "timer_create", syscall<sys_timer_create>, "d ptr ptr", Support::Full, ""},
    {223, "timer_settime", syscall<sys_timer_settime>, "d flags ptr ptr", Support::Full, ""},
    {224, "timer_gettime", syscall<sys_timer_gettime>, "d ptr", Support::Full, ""},
    {225, "timer_getoverrun", syscall<sys_timer_getoverrun>, "d", Support::Full, ""},
    {226, "timer_delete", syscall<sys_timer_delete>, "d", Support::Full, ""},
};

}  // namespace

const SyscallFamily kTimerSyscalls(kRows);

}  // namespace sbx
