// The sentry's own seccomp filter: a table of the host calls that sbx makes, each with its caller and the bounds of its arguments.
// Anything else ends the sandbox. Installed once, after the platform was created and before the first task runs.
#pragma once

#include "src/base/result.h"

namespace sbx::host {

struct FilterOptions {
    bool writable = false;  // host files are written by name: some mount is read-write
};

// On all threads, for good. A failure must end the sandbox.
Result<> install_filter(const FilterOptions& options);

}  // namespace sbx::host
