// The owner broker: a process that stays in the host's user namespace and says who owns a file. In the sentry's own namespace, where
// one id is mapped, all other owners look like 65534. Used by the confinement; hostfs asks it through a hook.
#pragma once

#include "src/base/result.h"
#include "src/base/types.h"

namespace sbx::host {

// Starts the broker. Before the sentry enters its user namespace, single-threaded.
Result<> start_owner_broker();
// The owner of an open (or O_PATH) file by the host's count. False if there is no broker or it cannot say.
bool real_owner(int fd, u32* uid, u32* gid);

}  // namespace sbx::host
