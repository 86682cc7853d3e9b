// How a copy of the sentry becomes the process that stubs are copies of: steps of it, for a child with one thread. Async-signal-safe: locks
// of the sentry's other threads may be held in the copy. Used by platform/ptrace and platform/systrap.
#pragma once

#include "src/base/types.h"

namespace sbx::platform::stub {

// A session and a name of its own, no core dumps, no capabilities, no new privileges, no restartable sequences. 0 or -errno.
long leave_sentry_behind();
// Puts the stub's code at kCode. 0 or -errno.
long place_code(ConstBytes code);
// Moves the host's vDSO into our hole. False: this host does not let it; what was moved before goes away with the rest.
bool move_vdso();

}  // namespace sbx::platform::stub
