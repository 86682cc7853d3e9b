// The bucket of CPU time.
#include "src/kernel/cpu_quota.h"

#include <algorithm>

#include "src/kernel/task.h"

namespace sbx {

bool CpuQuota::used(Nanos all, Nanos now) {
    // Processes that are being reaped are missing for a moment: time that was taken back comes again.
    Nanos more = std::max<Nanos>(0, all - used_);
    used_ = std::max(used_, all);
    // The start of the sandbox is free.
    if (filled_ != 0)
        left_ = std::min(burst(), left_ + static_cast<Nanos>(static_cast<double>(now - filled_) * cpus_)) - more;
    filled_ = now;
    if (left_ >= 0) return false;
    until_.store(now + static_cast<Nanos>(static_cast<double>(-left_) / cpus_));
    return true;
}

void CpuQuota::wait(Task& t) const {
    for (Nanos until = until_.load(); host_monotonic() < until; until = until_.load())
        if (t.block_killable(until) == BlockResult::Interrupted) return;
}

}  // namespace sbx
