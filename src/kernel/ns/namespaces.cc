// Making namespaces (kernel/nsproxy.c, kernel/user_namespace.c).
#include "src/kernel/ns/namespaces.h"

#include <linux/capability.h>
#include <sched.h>

#include "src/kernel/kernel.h"
#include "src/kernel/ns/cgroup.h"
#include "src/kernel/ns/ipc.h"
#include "src/kernel/ns/net.h"
#include "src/kernel/ns/uts.h"

namespace sbx {

NsProxy initial_namespaces(Kernel& k, Ref<vfs::MountNamespace> mnt) {
    NsProxy ns;
    Ref<UserNamespace> owner(k.user_ns());
    ns.uts = make_ref<UtsNamespace>(kInitialUtsNs, owner, k.options().hostname, "(none)");
    ns.ipc = make_ref<IpcNamespace>(kInitialIpcNs, owner);
    ns.net = make_ref<NetNamespace>(next_namespace_id(), owner);
    ns.cgroup = make_ref<CgroupNamespace>(kInitialCgroupNs, owner);
    ns.mnt = std::move(mnt);
    ns.pid_for_children = k.tasks().root_ns;
    return ns;
}

Result<> make_namespaces(u64 flags, const Creds& creds, NsProxy& ns, vfs::FsContext* fs) {
    if (!(flags & kCloneNewMask)) return {};
    if (!creds.capable(CAP_SYS_ADMIN, *creds.user_ns)) return err(EPERM);
    const Ref<UserNamespace>& owner = creds.user_ns;
    if (flags & CLONE_NEWNS) {
        vfs::Path root = fs->root(), cwd = fs->cwd();
        ns.mnt = SBX_TRY(ns.mnt->clone(owner, {&root, &cwd}));
        fs->set_root(root);
        fs->set_cwd(cwd);
    }
    if (flags & CLONE_NEWUTS) ns.uts = static_cast<UtsNamespace&>(*ns.uts).copy(owner);
    if (flags & CLONE_NEWIPC) ns.ipc = make_ref<IpcNamespace>(next_namespace_id(), owner);
    if (flags & CLONE_NEWPID) {
        // The owner must own the parent's owner too: a new namespace hangs below it (create_pid_namespace).
        if (!ns.pid_for_children->owner().contains(*owner)) return err(EINVAL);
        ns.pid_for_children = SBX_TRY(PidNamespace::create(ns.pid_for_children, owner));
    }
    if (flags & CLONE_NEWCGROUP) ns.cgroup = make_ref<CgroupNamespace>(next_namespace_id(), owner);
    if (flags & CLONE_NEWNET) ns.net = make_ref<NetNamespace>(next_namespace_id(), owner);
    return {};
}

Result<Ref<Creds>> creds_in_new_user_ns(const Creds& c) {
    // Ids that mean nothing in the parent cannot own the new one.
    if (c.user_ns->from_kuid(c.euid) == kInvalidId || c.user_ns->from_kgid(c.egid) == kInvalidId) return err(EPERM);
    Ref<Creds> n = c.clone();
    n->user_ns = SBX_TRY(UserNamespace::create(c.user_ns, c.euid, c.egid, c.effective));
    n->securebits = 0;
    n->inheritable = CapSet{};
    n->ambient = CapSet{};
    n->permitted = n->effective = n->bounding = CapSet::all();
    return n;
}

}  // namespace sbx
