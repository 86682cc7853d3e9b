// Giving up capabilities. Used by the confinement of the sentry.
#pragma once

#include "src/base/result.h"
#include "src/base/types.h"

namespace sbx::host {

// Keeps at most `keep` (bits by capability number) of the calling thread's permitted and effective sets, empties the inheritable and
// ambient ones and, where it may, the bounding set.
Result<> limit_capabilities(u64 keep);
// The calling thread's effective set.
u64 effective_capabilities();

}  // namespace sbx::host
