// CpuClock: the coarse CPU-time counter: a ticker thread samples what the tasks do while at least one runs, and sleeps otherwise. Used by CPU
// times, RLIMIT_CPU, ITIMER_VIRTUAL/PROF, and to look at limits.memory.
#pragma once

#include <time.h>

#include "src/base/result.h"
#include "src/base/time.h"

namespace sbx {

class Kernel;
class Task;

class CpuClock {
public:
    explicit CpuClock(Kernel& k) : kernel_(k) {}

    static constexpr Nanos kTick = 10 * kNanosPerMilli;  // USER_HZ is 100

private:
    [[maybe_unused]] Kernel& kernel_;
};

// CLOCK_PROCESS_CPUTIME_ID, CLOCK_THREAD_CPUTIME_ID and those of clock_getcpuclockid(3). EINVAL.
Result<Nanos> cpu_clock_now(Task& t, clockid_t clock);

}  // namespace sbx
