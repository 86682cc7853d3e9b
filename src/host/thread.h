// Sentry threads: detached, with small stacks and all signals blocked. Used by tasks and service threads.
#pragma once

#include "src/base/result.h"

namespace sbx::host {

// Starts a detached thread that runs fn(arg) with all host signals blocked. EAGAIN if the host gives no more threads.
Result<> spawn_thread(void (*fn)(void*), void* arg, const char* name);

}  // namespace sbx::host
