// The pattern of calls that a lease may keep waiting: open, truncate, execve.
#pragma once

#include "fs/vfs/leases.h"
#include "src/kernel/task.h"

namespace sbx {

// Calls op() until no lease is in its way, waiting for changes of leases in between. ERESTARTSYS when a signal is to be handled.
template <class Op>
auto wait_lease(Task& t, Op&& op) -> decltype(op()) {
    auto r = op();
    if (r || !(r.error() == vfs::kLeaseInTheWay)) return r;
    TaskWaiter w(t, kEventInternal);
    vfs::lease_changes().add(w);
    for (bool interrupted = false;;) {
        r = op();
        if (r || !(r.error() == vfs::kLeaseInTheWay)) break;
        if (interrupted) {
            r = err(ERESTARTSYS);
            break;
        }
        // Nobody tells when a holder's time has run out.
        interrupted = t.block(add_sat(host_monotonic(), kNanosPerSec)) == BlockResult::Interrupted;
    }
    vfs::lease_changes().remove(w);
    return r;
}

}  // namespace sbx
