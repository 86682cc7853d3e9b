// CpuQuota: limits.cpus: a bucket of CPU time that fills at a constant rate; while it is empty tasks wait (CPU bandwidth control, cgroup's
// cpu.max). Filled and emptied by the CPU clock, which marks the tasks that have to wait (kWorkThrottle).
#pragma once

#include <atomic>

#include "src/base/time.h"

namespace sbx {

class Task;

class CpuQuota {
public:
    // CPUs that may be used on average; 0: all.
    explicit CpuQuota(double cpus) : cpus_(cpus), left_(burst()) {}

    bool is_set() const { return cpus_ != 0; }
    // `all` is what the sandbox has used since it began, at `now`. True if tasks have to wait. CPU clock only.
    bool used(Nanos all, Nanos now);
    // Waits until there is CPU time again, or the task is killed. Own thread.
    void wait(Task& t) const;

private:
    // What a sandbox that was idle may use at once.
    Nanos burst() const { return static_cast<Nanos>(cpus_ * 100 * kNanosPerMilli); }

    const double cpus_;
    Nanos left_;        // may be less than zero
    Nanos filled_ = 0;  // when it was filled last
    Nanos used_ = 0;    // up to then
    std::atomic<Nanos> until_{0};
};

}  // namespace sbx
