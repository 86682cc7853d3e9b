// What CPU time sets off: RLIMIT_CPU, and the timers of a thread group that run on CPU time. Called by the CPU clock.
#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "src/base/ref.h"
#include "src/base/time.h"
#include "src/kernel/thread_group.h"

namespace sbx {

// What was looked at under TaskSet::mu. It may be the last reference, and timers end outside of that lock, before their group.
using HeldTimers = std::vector<std::pair<Ref<ThreadGroup>, std::shared_ptr<void>>>;

// The group used that much more. TaskSet::mu held shared, on the CPU clock's thread, which clears `held` after it let go of it.
void cpu_time_passed(ThreadGroup& g, Nanos user, Nanos system, HeldTimers& held);

}  // namespace sbx
