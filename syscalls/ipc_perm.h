// Permissions of System V objects (ipcperms() and ipcctl_obtain_check() of ipc/util.c). Used by ipc_msg.cc, ipc_sem.cc and ipc_shm.cc.
#pragma once

#include <linux/capability.h>

#include "src/kernel/ns/ipc.h"
#include "src/kernel/task.h"

namespace sbx {

struct IpcOwner {
    u32 mode;
    Kuid uid, cuid;
    Kgid gid, cgid;
    template <class A>
    void state(A& ar) {
        ar(mode, uid, cuid, gid, cgid);
    }
};

inline UserNamespace& ipc_owner_ns(Task& t) { return static_cast<IpcNamespace&>(*t.ns().ipc).owner(); }

// `wanted`: permission bits, wherever they stand in a mode.
inline bool ipc_permitted(Task& t, const IpcOwner& o, u32 wanted) {
    const Creds& c = *t.creds();
    u32 asked = (wanted >> 6) | (wanted >> 3) | wanted, granted = o.mode;
    if (c.euid == o.cuid || c.euid == o.uid)
        granted >>= 6;
    else if (c.in_egroup(o.cgid) || c.in_egroup(o.gid))
        granted >>= 3;
    return (asked & ~granted & 7) == 0 || c.capable(CAP_IPC_OWNER, ipc_owner_ns(t));
}

// IPC_SET and IPC_RMID.
inline bool ipc_may_control(Task& t, const IpcOwner& o) {
    const Creds& c = *t.creds();
    return c.euid == o.cuid || c.euid == o.uid || c.capable(CAP_SYS_ADMIN, ipc_owner_ns(t));
}

}  // namespace sbx
