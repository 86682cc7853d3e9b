// Confinement of the sentry (ARCHITECTURE.md, "Holding the sentry itself"). Used by the boot code, in this order:
//   open what the mounts need, leave_keeper(), confine(), create the platform, install_filter() (sentry_filter.h), run.
// The order matters: stubs belong to the sentry's user namespace and hold no more capabilities than it does, or it could not trace
// them; and they are not to inherit the sentry's filter.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "src/base/result.h"
#include "src/host/keeper.h"
#include "src/host/landlock.h"

namespace sbx::host {

struct ConfineOptions {
    std::span<const ConfinedPath> paths;  // all that is opened by name from now on stands below one of these
    bool host_network = false;            // sockets of the host are used: no network namespace
};

// Puts the sentry, which has one thread, behind every layer that the host grants but the seccomp filter, and adds them to those that it has
// from leave_keeper(). Errors are only those that must not be passed over: no_new_privs and capabilities. Layers that are missing are in the list.
Result<std::vector<Layer>> confine(const ConfineOptions& options, std::vector<Layer> layers);

// What a sentry would get, found out in child processes. For `sbx info`.
std::vector<Layer> probe_layers();

}  // namespace sbx::host
