// Confinement of the sentry (ARCHITECTURE.md, "Holding the sentry itself"). Used by the boot code, in this order:
//   open what the mounts need, confine(), create the platform, install_filter() (sentry_filter.h), run.
// The order matters: stubs belong to the sentry's user namespace and hold no more capabilities than it does, or it could not trace
// them; and they are not to inherit the sentry's filter.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "src/base/result.h"
#include "src/host/landlock.h"

namespace sbx::host {

struct ConfineOptions {
    std::span<const ConfinedPath> paths;  // all that is opened by name from now on stands below one of these
    bool host_network = false;            // sockets of the host are used: no network namespace
};

// One layer of protection and whether it is there. `name` is a word for the user; static storage.
struct Layer {
    const char* name;
    int error;  // 0: active; else why not (an errno)
};

// Puts the calling process, which has one thread, behind every layer that the host grants but the seccomp filter. Errors are only those
// that must not be passed over: no_new_privs and capabilities. Layers that are missing are in the list.
Result<std::vector<Layer>> confine(const ConfineOptions& options);
// Whether the sentry now is in a user namespace of its own, so that hostfs needs real_owner().
bool owners_are_hidden();

// What confine() would get, found out in a child process. For `sbx info`.
std::vector<Layer> probe_layers();

}  // namespace sbx::host
