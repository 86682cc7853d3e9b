// Which CPU a task's two threads share. A hand-over between a tracer and its tracee costs five to eight times as much across CPUs
// (measured: 8 us against 45-65 us), and the host's scheduler spreads the pair. Used by contexts.
#pragma once

#include <sched.h>
#include <sys/types.h>

#include "src/base/types.h"

namespace sbx::platform::ptrace {

class Placement {
public:
    Placement();
    // Puts the calling sentry thread and the stub thread it traces on one CPU.
    void place(pid_t tid);

private:
    cpu_set_t allowed_;
};

}  // namespace sbx::platform::ptrace
