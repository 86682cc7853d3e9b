// Mounts: mount, umount2, pivot_root, ustat.
#include <fcntl.h>
#include <linux/capability.h>
#include <sys/mount.h>

#include "fs/vfs/dentry.h"
#include "fs/vfs/file_system.h"
#include "fs/vfs/landlock.h"
#include "src/kernel/kernel.h"
#include "syscalls/families.h"
#include "syscalls/path_arg.h"

namespace sbx {
namespace {

constexpr u64 kPropagation = MS_SHARED | MS_PRIVATE | MS_SLAVE | MS_UNBINDABLE;
constexpr u64 kMsNoSymfollow = 256, kMsNoUser = 1ull << 31;
constexpr u64 kMountFlags =
    MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_NOATIME | MS_NODIRATIME | MS_RELATIME | kMsNoSymfollow;
constexpr u64 kMagicMask = 0xffff0000, kMagic = 0xc0ed0000;  // MS_MGC_MSK, MS_MGC_VAL
constexpr size_t kDataSize = kPageSize;

// may_mount()
Result<Ref<vfs::MountNamespace>> namespace_to_change(Task& t) {
    Ref<vfs::MountNamespace> ns = t.ns().mnt;
    if (!ns || !t.creds()->capable(CAP_SYS_ADMIN, ns->owner())) return err(EPERM);
    if (vfs::landlock::restricted(t.caller())) return err(EPERM);
    return ns;
}

// path_mount(): the flags of a mount from those of the call.
u64 mount_flags(u64 flags) {
    u64 f = flags & kMountFlags;
    if (!(flags & MS_NOATIME)) f |= MS_RELATIME;
    if (flags & MS_STRICTATIME) f &= ~static_cast<u64>(MS_RELATIME | MS_NOATIME);
    return f;
}

Result<std::string> string_arg(Task& t, u64 addr, size_t max) {
    if (!addr) return std::string();
    Result<std::string> s = t.mm().copy_in_string(addr, max);
    if (!s && s.error() == ENAMETOOLONG) return err(EINVAL);  // strndup_user()
    return s;
}

Result<> remount(Task& t, const vfs::Path& p, u64 flags, std::string_view data) {
    if (p.dentry != p.mount->root()) return err(EINVAL);
    if (flags & MS_BIND) return p.mount->change_flags(mount_flags(flags));
    // sb_prepare_remount_readonly()
    if ((flags & MS_RDONLY) && !p.mount->fs().read_only.load() && p.mount->fs().writers.load() != 0) return err(EBUSY);
    SBX_TRY(p.mount->change_flags(mount_flags(flags)));
    SBX_TRY(p.mount->fs().remount(data, t.caller()));
    p.mount->fs().read_only.store(flags & MS_RDONLY);
    return {};
}

// No mount shares with another. What shares with nobody is a slave of nobody as well.
Result<> change_propagation(vfs::MountNamespace& ns, const vfs::Path& p, u64 flags) {
    if (p.dentry != p.mount->root()) return err(EINVAL);
    u64 type = flags & ~static_cast<u64>(MS_REC | MS_SILENT);
    if (type != MS_PRIVATE && type != MS_SLAVE && type != MS_UNBINDABLE) return err(EINVAL);
    ns.set_unbindable(*p.mount, type == MS_UNBINDABLE, flags & MS_REC);
    return {};
}

Result<> bind_mount(Task& t, vfs::MountNamespace& ns, const std::string& source, const vfs::Path& target, u64 flags) {
    if (source.empty()) return err(EINVAL);
    vfs::Path from = SBX_TRY(vfs::walk(t.caller(), {}, source));
    Ref<vfs::Mount> m = SBX_TRY(ns.bind(from, flags & MS_REC));
    return ns.attach(std::move(m), target);
}

Result<> move_mount(Task& t, vfs::MountNamespace& ns, const std::string& source, const vfs::Path& target) {
    if (source.empty()) return err(EINVAL);
    vfs::Path from = SBX_TRY(vfs::walk(t.caller(), {}, source));
    return ns.move(from, target);
}

Result<> new_mount(Task& t, vfs::MountNamespace& ns, const std::string& source, const vfs::Path& target,
                   const std::string& type, u64 flags, std::string_view data) {
    const vfs::FileSystemType* fs_type = vfs::find_file_system(type);
    if (!fs_type) return err(ENODEV);
    u64 f = mount_flags(flags);
    if (!ns.owner().is_initial() || !t.creds()->user_ns->is_initial()) {
        // mount_capable(); device nodes of a mount made by a user mean nothing (SB_I_NODEV).
        if (!fs_type->user_mountable) return err(EPERM);
        f |= MS_NODEV;
    }
    Ref<vfs::FileSystem> fs = SBX_TRY(fs_type->create(source, data, t.caller()));
    Ref<vfs::Mount> m = vfs::Mount::create(std::move(fs), nullptr, f, source.empty() ? "none" : source);
    // do_add_mount(): the same once more on top of itself.
    if (target.dentry == target.mount->root() && &target.mount->fs() == &m->fs()) return err(EBUSY);
    if (m->root()->inode()->is_symlink()) return err(EINVAL);
    return ns.attach(std::move(m), target);
}

Result<long> sys_mount(Task& t, u64 source, UserString target, u64 type, u64 flags, u64 data) {
    std::string type_name = SBX_TRY(string_arg(t, type, kPageSize));
    std::string source_name = SBX_TRY(string_arg(t, source, kPageSize));
    std::string options = SBX_TRY(string_arg(t, data, kDataSize));
    vfs::Path at = SBX_TRY(walk_at(t, AT_FDCWD, target, 0));
    if ((flags & kMagicMask) == kMagic) flags &= ~kMagicMask;
    if (flags & kMsNoUser) return err(EINVAL);
    Ref<vfs::MountNamespace> ns = SBX_TRY(namespace_to_change(t));
    if (!at.mount->in_namespace(*ns)) return err(EINVAL);
    Result<> r;
    if (flags & MS_REMOUNT)
        r = remount(t, at, flags, options);
    else if (flags & MS_BIND)
        r = bind_mount(t, *ns, source_name, at, flags);
    else if (flags & kPropagation)
        r = change_propagation(*ns, at, flags);
    else if (flags & MS_MOVE)
        r = move_mount(t, *ns, source_name, at);
    else if (!type)
        r = err(EINVAL);
    else
        r = new_mount(t, *ns, source_name, at, type_name, flags, options);
    SBX_TRY(std::move(r));
    return 0;
}

Result<long> sys_umount2(Task& t, UserString target, int flags) {
    if (flags & ~(MNT_FORCE | MNT_DETACH | MNT_EXPIRE | UMOUNT_NOFOLLOW)) return err(EINVAL);
    vfs::Path p = SBX_TRY(walk_at(t, AT_FDCWD, target, flags & UMOUNT_NOFOLLOW ? AT_SYMLINK_NOFOLLOW : 0));
    // LOOKUP_MOUNTPOINT: "." may name a directory that is mounted over.
    if (Ref<vfs::Mount> top = p.mount->lookup_child(*p.dentry)) {
        vfs::Path above = top->root_path();
        top.reset();
        p = std::move(above);
    }
    Ref<vfs::MountNamespace> ns = SBX_TRY(namespace_to_change(t));
    if ((flags & MNT_EXPIRE) && (flags & (MNT_FORCE | MNT_DETACH))) return err(EINVAL);
    SBX_TRY(ns->detach(p, flags));
    return 0;
}

// chroot_fs_refs(): who stands at the old root follows to the new one.
void follow_root(Task& t, const vfs::Path& old_root, const vfs::Path& new_root) {
    std::vector<Ref<vfs::FsContext>> all;
    {
        SharedLock l(t.kernel().tasks().mu);
        for (auto& [nr, pid] : t.kernel().tasks().root_ns->pids())
            if (pid->task)
                if (Ref<vfs::FsContext> fs = pid->task->fs_of()) all.push_back(std::move(fs));
    }
    for (Ref<vfs::FsContext>& fs : all) {
        if (fs->root() == old_root) fs->set_root(new_root);
        if (fs->cwd() == old_root) fs->set_cwd(new_root);
    }
}

Result<long> sys_pivot_root(Task& t, UserString new_root, UserString put_old) {
    Ref<vfs::MountNamespace> ns = SBX_TRY(namespace_to_change(t));
    vfs::Path fresh = SBX_TRY(walk_at(t, AT_FDCWD, new_root, 0));
    vfs::Path old = SBX_TRY(walk_at(t, AT_FDCWD, put_old, 0));
    vfs::Path root = t.fs().root();
    SBX_TRY(ns->pivot_root(fresh, old, root));
    follow_root(t, root, fresh);
    return 0;
}

struct Ustat {  // struct ustat of x86-64
    u32 tfree;
    u32 pad;
    u64 tinode;
    char fname[6], fpack[6];
    u32 pad2;
};

Result<long> sys_ustat(Task& t, u32 dev, UserPtr<Ustat> out) {
    if (!t.ns().mnt) return err(EINVAL);
    for (const Ref<vfs::Mount>& m : t.ns().mnt->mounts()) {
        // new_encode_dev() of the numbers here, whose majors are 0.
        if (m->fs().dev() != dev) continue;
        vfs::StatFs s = SBX_TRY(m->fs().statfs());
        Ustat u{};
        u.tfree = static_cast<u32>(s.bfree);
        u.tinode = s.ffree;
        SBX_TRY(t.copy_out(out, u));
        return 0;
    }
    return err(EINVAL);
}

constexpr SyscallRow kRows[] = {
    {136, "ustat", syscall<sys_ustat>, "x ptr", Support::Full, ""},
    {155, "pivot_root", syscall<sys_pivot_root>, "p p", Support::Full, ""},
    {165, "mount", syscall<sys_mount>, "s p s flags s", Support::Partial,
     "no propagation between mounts: MS_SHARED is EINVAL"},
    {166, "umount2", syscall<sys_umount2>, "p flags", Support::Full, ""},
};

}  // namespace

const SyscallFamily kMountSyscalls(kRows);

}  // namespace sbx
