// State of a traced task (ptrace(2)). Used by the kernel core and syscalls/ptrace.cc.
#pragma once

#include "src/base/types.h"

namespace sbx {

// Guarded by TaskSet::mu.
struct PtraceState {
    u32 options = 0;  // PTRACE_O_*
    bool seized = false;
};

}  // namespace sbx
