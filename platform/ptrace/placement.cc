// CPU affinity of tracer and tracee.
#include "platform/ptrace/placement.h"

#include <sys/syscall.h>
#include <unistd.h>

namespace sbx::platform::ptrace {

Placement::Placement() {
    CPU_ZERO(&allowed_);
    sched_getaffinity(0, sizeof allowed_, &allowed_);
}

void Placement::place(pid_t tid) {
    (void)tid;
}

}  // namespace sbx::platform::ptrace
