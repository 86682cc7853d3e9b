// Making and entering namespaces: what clone(2), unshare(2) and boot share.
#pragma once

#include "src/kernel/task.h"

namespace sbx {

constexpr u64 kCloneNewTime = 0x80;
constexpr u64 kCloneNewMask = 0x00020000 /*NS*/ | 0x02000000 /*CGROUP*/ | 0x04000000 /*UTS*/ | 0x08000000 /*IPC*/ |
                              0x20000000 /*PID*/ | 0x40000000 /*NET*/;

// The first ones; `mnt` and `net` as given.
NsProxy initial_namespaces(Kernel& k, Ref<vfs::MountNamespace> mnt);

// Replaces in `ns` what the CLONE_NEW* bits of `flags` ask for (all but CLONE_NEWUSER); `creds` are those of the caller in its possibly
// new user namespace. `fs`: whose root and cwd move to a new mount namespace. EPERM without CAP_SYS_ADMIN; ENOSPC.
Result<> make_namespaces(u64 flags, const Creds& creds, NsProxy& ns, vfs::FsContext* fs);

// Credentials in a new user namespace: all capabilities there (create_user_ns). EPERM (ids not mapped, chroot'ed), ENOSPC.
Result<Ref<Creds>> creds_in_new_user_ns(const Creds& c);

}  // namespace sbx
