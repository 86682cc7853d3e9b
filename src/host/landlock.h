// Landlock: what the sentry may open, by directory. Used by the confinement.
#pragma once

#include <span>

#include "src/base/result.h"

namespace sbx::host {

// A directory or file that the sentry goes on to use.
struct ConfinedPath {
    int fd;  // O_PATH or not
    bool writable;
};

// The host's Landlock version; 0: none.
int landlock_version();
// Restricts the calling thread and what it starts from now on. ENOSYS or EOPNOTSUPP where there is no Landlock.
Result<> landlock_restrict(std::span<const ConfinedPath> paths, bool network);

}  // namespace sbx::host
