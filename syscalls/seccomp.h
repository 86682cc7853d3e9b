// The part of seccomp that prctl offers as well (seccomp.cc). Used by prctl.cc.
#pragma once

#include "src/kernel/task.h"

namespace sbx {

// PR_SET_SECCOMP.
Result<long> prctl_set_seccomp(Task& t, u64 mode, u64 filter);

}  // namespace sbx
