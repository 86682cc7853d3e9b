// What CPU time sets off: RLIMIT_CPU, and the timers of a thread group that run on CPU time. Called by the CPU clock.
#pragma once

#include "src/base/time.h"

namespace sbx {

class ThreadGroup;

// The group used that much more. TaskSet::mu held shared, on the CPU clock's thread.
void cpu_time_passed(ThreadGroup& g, Nanos user, Nanos system);

}  // namespace sbx
