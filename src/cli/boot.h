// Starts the sandbox that a Config describes: called by `sbx run` once the configuration is resolved.
#pragma once

#include "src/config/config.h"

namespace sbx::boot {

struct Leg;

// Runs config.run.argv to its end and returns the status that sbx is to exit with. What goes wrong on the way is printed
// ("sbx: WHERE: WHAT") and is one of 125, 126 and 127, or 2 for what only the sandbox could find out about the configuration
// (a working directory that is not there).
// `leg`: null, or what is asked of a run that is saved and loaded on its way.
int run_sandbox(const Config& config, const Leg* leg);

}  // namespace sbx::boot
