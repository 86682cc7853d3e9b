// CPU time of tasks.
#include "src/kernel/cpu_clock.h"

#include "src/kernel/kernel.h"

namespace sbx {

Result<Nanos> cpu_clock_now(Task& t, clockid_t clock) {
    auto ticks_of = [](const Task& task) { return static_cast<Nanos>(task.user_ticks.load() + task.system_ticks.load()) * CpuClock::kTick; };
    if (clock == CLOCK_THREAD_CPUTIME_ID) return ticks_of(t);
    if (clock != CLOCK_PROCESS_CPUTIME_ID) return err(EINVAL);
    SharedLock l(t.kernel().tasks().mu);
    ThreadGroup& g = t.group();
    Nanos sum = static_cast<Nanos>(g.dead_threads.cpu.user + g.dead_threads.cpu.system) * CpuClock::kTick;
    for (Task& other : g.threads) sum += ticks_of(other);
    return sum;
}

}  // namespace sbx
