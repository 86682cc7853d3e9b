// checkpoint.exercise, an aid for tests: one run of a program is driven through several legs, each a process of sbx of its own, which is
// paused and saved at a random time and loaded by the next. The driver keeps the standard streams, passes signals on and ends as the last
// leg does; the keeper of a leg dies with it. Used by `sbx run` and boot.
#pragma once

#include <sys/types.h>

#include <optional>
#include <span>
#include <string>

#include "src/base/time.h"
#include "src/config/config.h"
#include "src/host/unique_fd.h"

namespace sbx::boot {

// What one leg has to do, from its environment.
struct Leg {
    pid_t driver = 0;
    Nanos save_after = kNever;            // its start; kNever: runs to the end
    host::UniqueFd archive_in, pages_in;  // of the leg before; none for the first
    host::UniqueFd archive_out, pages_out;
    bool loads() const { return static_cast<bool>(archive_in); }
};
// Once, before the environment is looked at.
std::optional<Leg> take_leg();

// Drives `sbx run ARGS` through its legs. The status that sbx is to exit with.
int run_legs(const Config& config, std::span<const std::string> args);

}  // namespace sbx::boot
