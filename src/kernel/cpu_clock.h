// CpuClock: the coarse CPU-time counter: a ticker thread samples what the tasks do while at least one runs, and sleeps otherwise. Used by CPU
// times, RLIMIT_CPU, ITIMER_VIRTUAL/PROF, CPU-clock timers, and to look at the limits of
// memory and CPU time.
#pragma once

#include <time.h>

#include <atomic>

#include "src/base/result.h"
#include "src/base/time.h"
#include "src/host/parker.h"

namespace sbx {

class Kernel;
class Task;

class CpuClock {
public:
    explicit CpuClock(Kernel& k) : kernel_(k) {}
    ~CpuClock();

    // The unit of Task::user_ticks and system_ticks.
    static constexpr Nanos kTick = kNanosPerMilli;
    // Sampling period. A task found running is charged all of it, or its share if more tasks run than there are CPUs.
    static constexpr Nanos kPeriod = 10 * kNanosPerMilli;

    // A task starts and stops to need a CPU: around blocking, and at its thread's start and end. Cheap; any thread.
    void task_runs();
    void task_rests();

private:
    static void thread(void* self);
    void run();
    void sample(Nanos elapsed);
    void charge(Nanos elapsed);
    void throttle();

    Kernel& kernel_;
    std::atomic<unsigned> running_{0};
    std::atomic<bool> started_{false}, stopping_{false};
    std::atomic<u32> stopped_{0};  // a futex word: the thread's last store here lets the object go
    std::atomic<bool> parked_{false};
    host::Parker parker_;
};

// CLOCK_PROCESS_CPUTIME_ID, CLOCK_THREAD_CPUTIME_ID and those of clock_getcpuclockid(3). EINVAL.
Result<Nanos> cpu_clock_now(Task& t, clockid_t clock);

}  // namespace sbx
