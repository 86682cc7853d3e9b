// Namespaces: unshare, setns.
#include <linux/capability.h>
#include <sched.h>

#include "src/kernel/change_creds.h"
#include "src/kernel/kernel.h"
#include "src/kernel/ns/cgroup.h"
#include "src/kernel/ns/ipc.h"
#include "src/kernel/ns/namespaces.h"
#include "src/kernel/ns/net.h"
#include "src/kernel/ns/ns_file.h"
#include "src/kernel/ns/uts.h"
#include "src/kernel/ptrace.h"
#include "src/kernel/sem_undo.h"
#include "src/kernel/task_internals.h"
#include "syscalls/families.h"
#include "syscalls/pidfd.h"

namespace sbx {
namespace {

bool alone(Task& t) {
    SharedLock l(t.kernel().tasks().mu);
    return t.group().thread_count == 1;
}

// A process has no more to do with the semaphores that it leaves behind; its other threads, if any, still have.
void change_namespaces(Task& t, NsProxy ns) {
    if (ns.ipc != t.ns().ipc && alone(t)) undo_semaphores(t);
    TaskInternals::set_ns(t, std::move(ns));
}

Result<long> sys_unshare(Task& t, u64 flags) {
    constexpr u64 kKnown = kCloneNewMask | CLONE_THREAD | CLONE_FS | CLONE_SIGHAND | CLONE_VM | CLONE_FILES |
                           CLONE_SYSVSEM | CLONE_NEWUSER;
    if (flags & ~kKnown) return err(EINVAL);
    if (flags & CLONE_NEWUSER) flags |= CLONE_THREAD | CLONE_FS;
    if (flags & CLONE_VM) flags |= CLONE_SIGHAND;
    if (flags & CLONE_SIGHAND) flags |= CLONE_THREAD;
    if (flags & CLONE_NEWNS) flags |= CLONE_FS;
    // What threads share cannot be taken from one of them (check_unshare_flags).
    if ((flags & (CLONE_THREAD | CLONE_SIGHAND | CLONE_VM)) && !alone(t)) return err(EINVAL);
    if ((flags & CLONE_SIGHAND) && t.group().handlers()->ref_count() > 1) return err(EINVAL);
    if ((flags & CLONE_VM) && t.mm_ref()->ref_count() > 1) return err(EINVAL);

    CredsRef creds = t.creds();
    Ref<Creds> new_creds;
    if (flags & CLONE_NEWUSER) creds = new_creds = SBX_TRY(creds_in_new_user_ns(*t.creds()));
    Ref<vfs::FsContext> fs = t.fs_of();
    if ((flags & CLONE_FS) && fs->ref_count() > 2) fs = fs->clone();
    NsProxy ns = t.ns();
    SBX_TRY(make_namespaces(flags & kCloneNewMask, *creds, ns, fs.get()));
    if ((flags & CLONE_FILES) && t.files().ref_count() > 1) TaskInternals::set_files(t, t.files().clone());
    if (flags & CLONE_FS) TaskInternals::set_fs(t, std::move(fs));
    if (flags & kCloneNewMask) change_namespaces(t, std::move(ns));
    if (new_creds) commit_creds(t, std::move(new_creds));
    return 0;
}

// Moves into one namespace; collected in `n`, `creds` and `fs`, so that setns with several of a pidfd is all or nothing.
struct Entering {
    NsProxy ns;
    Ref<Creds> creds;
    Ref<vfs::FsContext> fs;
};

Result<> may_enter(Task& t, const Creds& c, const UserNamespace& owner) {
    if (!c.capable(CAP_SYS_ADMIN, owner) || !t.creds()->capable(CAP_SYS_ADMIN)) return err(EPERM);
    return {};
}

Result<> enter(Task& t, Entering& e, u64 type, const Ref<RefCounted>& object) {
    const Creds& c = e.creds ? *e.creds : *t.creds();
    switch (type) {
    case CLONE_NEWUTS:
        SBX_TRY(may_enter(t, c, static_cast<UtsNamespace&>(*object).owner()));
        e.ns.uts = object;
        return {};
    case CLONE_NEWIPC:
        SBX_TRY(may_enter(t, c, static_cast<IpcNamespace&>(*object).owner()));
        e.ns.ipc = object;
        return {};
    case CLONE_NEWNET:
        SBX_TRY(may_enter(t, c, static_cast<NetNamespace&>(*object).owner()));
        e.ns.net = object;
        return {};
    case CLONE_NEWCGROUP:
        SBX_TRY(may_enter(t, c, static_cast<CgroupNamespace&>(*object).owner()));
        e.ns.cgroup = object;
        return {};
    case CLONE_NEWPID: {
        Ref<PidNamespace> ns = static_ref_cast<PidNamespace>(object);
        SBX_TRY(may_enter(t, c, ns->owner()));
        // Only downwards from one's own (pidns_install).
        if (!t.pid_ns().contains(*ns)) return err(EINVAL);
        e.ns.pid_for_children = std::move(ns);
        return {};
    }
    case CLONE_NEWUSER: {
        Ref<UserNamespace> ns = static_ref_cast<UserNamespace>(object);
        // userns_install(): not one's own again, and not while threads or a shared working directory remain.
        if (ns == t.creds()->user_ns || !alone(t) || t.fs().ref_count() > 1) return err(EINVAL);
        if (!c.capable(CAP_SYS_ADMIN, *ns)) return err(EPERM);
        e.creds = c.clone();
        e.creds->user_ns = std::move(ns);
        e.creds->securebits = 0;
        e.creds->inheritable = e.creds->ambient = CapSet{};
        e.creds->permitted = e.creds->effective = e.creds->bounding = CapSet::all();
        return {};
    }
    case CLONE_NEWNS: {
        Ref<vfs::MountNamespace> ns = static_ref_cast<vfs::MountNamespace>(object);
        if (!c.capable(CAP_SYS_ADMIN, ns->owner()) || !c.capable(CAP_SYS_CHROOT) || !c.capable(CAP_SYS_ADMIN))
            return err(EPERM);
        if (t.fs().ref_count() > 1) return err(EINVAL);
        Ref<vfs::Mount> root = ns->root();
        vfs::Path p{root, root->root()};
        e.fs = t.fs().clone();
        e.fs->set_root(p);
        e.fs->set_cwd(p);
        e.ns.mnt = std::move(ns);
        return {};
    }
    default: return err(EINVAL);
    }
}

void commit(Task& t, Entering e) {
    change_namespaces(t, std::move(e.ns));
    if (e.fs) TaskInternals::set_fs(t, std::move(e.fs));
    if (e.creds) commit_creds(t, std::move(e.creds));
}

// The namespaces of a process named by a pidfd, in the order in which Linux enters them.
Result<> enter_process(Task& t, Entering& e, const Ref<Pid>& pid, u64 flags) {
    NsProxy ns;
    Ref<UserNamespace> user;
    Ref<PidNamespace> pid_ns;
    {
        SharedLock l(t.kernel().tasks().mu);
        if (!pid->group || !pid->group->leader) return err(ESRCH);
        Task& target = *pid->group->leader;
        SBX_TRY(ptrace_may_access(t, target, kPtraceRead));
        ns = target.ns_of();
        user = target.creds_of()->user_ns;
        pid_ns = Ref<PidNamespace>(target.pid_ns());
    }
    if (flags & CLONE_NEWUSER) SBX_TRY(enter(t, e, CLONE_NEWUSER, user));
    if (flags & CLONE_NEWNS) SBX_TRY(enter(t, e, CLONE_NEWNS, ns.mnt));
    if (flags & CLONE_NEWUTS) SBX_TRY(enter(t, e, CLONE_NEWUTS, ns.uts));
    if (flags & CLONE_NEWIPC) SBX_TRY(enter(t, e, CLONE_NEWIPC, ns.ipc));
    if (flags & CLONE_NEWPID) SBX_TRY(enter(t, e, CLONE_NEWPID, pid_ns));
    if (flags & CLONE_NEWCGROUP) SBX_TRY(enter(t, e, CLONE_NEWCGROUP, ns.cgroup));
    if (flags & CLONE_NEWNET) SBX_TRY(enter(t, e, CLONE_NEWNET, ns.net));
    return {};
}

Result<long> sys_setns(Task& t, int fd, int flags) {
    Ref<vfs::OpenFile> f = SBX_TRY(t.files().get(fd));
    u64 want = static_cast<u32>(flags);
    Entering e;
    e.ns = t.ns();
    if (Result<Ref<Pid>> pid = pid_of_pidfd(*f)) {
        if (want == 0 || (want & ~(kCloneNewMask | CLONE_NEWUSER))) return err(EINVAL);
        SBX_TRY(enter_process(t, e, *pid, want));
    } else {
        if (f->kind() != &NamespaceFile::kKind) return err(EINVAL);
        auto& n = static_cast<NamespaceFile&>(*f);
        if (want != 0 && want != n.type()) return err(EINVAL);
        SBX_TRY(enter(t, e, n.type(), n.ns()));
    }
    commit(t, std::move(e));
    return 0;
}

constexpr SyscallRow kRows[] = {
    {272, "unshare", syscall<sys_unshare>, "flags", Support::Partial, "no time namespaces"},
    {308, "setns", syscall<sys_setns>, "fd flags", Support::Partial, "no time namespaces"},
};

}  // namespace

const SyscallFamily kNsSyscalls(kRows);

}  // namespace sbx
