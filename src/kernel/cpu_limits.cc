// RLIMIT_CPU and CPU-time timers (setrlimit(2), kernel/time/posix-cpu-timers.c: check_process_timers).
#include "src/kernel/cpu_limits.h"

#include "src/kernel/cpu_clock.h"
#include "src/kernel/itimers.h"
#include "src/kernel/posix_timers.h"
#include "src/kernel/thread_group.h"

namespace sbx {
namespace {

void check_limit(ThreadGroup& g, Nanos before, Nanos after) {
    rlimit l = g.limit(RLIMIT_CPU);
    if (l.rlim_cur == RLIM_INFINITY) return;
    u64 seconds = static_cast<u64>(after / kNanosPerSec);
    if (seconds == static_cast<u64>(before / kNanosPerSec)) return;
    // SIGXCPU at the soft limit and every second after it, SIGKILL at the hard one.
    if (l.rlim_max != RLIM_INFINITY && seconds >= l.rlim_max)
        send_group_signal(g, kernel_siginfo(SIGKILL));
    else if (seconds >= l.rlim_cur)
        send_group_signal(g, kernel_siginfo(SIGXCPU));
}

}  // namespace

void cpu_time_passed(ThreadGroup& g, Nanos user, Nanos system, HeldTimers& held) {
    Nanos before = g.cpu_time.fetch_add(user + system);
    check_limit(g, before, before + user + system);
    if (std::shared_ptr<IntervalTimers> t = g.itimers.get()) {
        held.emplace_back(g, t);
        t->cpu_time_passed(user, system);
    }
    if (std::shared_ptr<PosixTimers> t = g.posix_timers.get()) {
        held.emplace_back(g, t);
        t->check_cpu_time(g, before + user + system, held);
    }
}

}  // namespace sbx
