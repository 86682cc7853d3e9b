// The step of start-up after which the sentry holds nothing but what the sandbox needs. Used by boot.cc.
#pragma once

#include "src/cli/boot_files.h"
#include "src/config/config.h"

namespace sbx::boot {

// After the host files were opened and before anything has a thread. Returns in a child process, the sentry; the caller's own is its keeper
// from then on (src/host/keeper.h). Throws UserError.
// `driven`: all ends with the process that started it, as with run.die-with-parent.
void confine_sentry(const Config& config, const HostFiles& host, bool driven);

// Once the platform is there and before the program starts. Throws UserError.
void filter_sentry(const Config& config);

}  // namespace sbx::boot
