// Changing attributes: the chmod, chown and utime families, truncate and ftruncate.
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <utime.h>

#include "fs/vfs/mount.h"
#include "fs/vfs/operations.h"
#include "src/kernel/thread_group.h"
#include "syscalls/families.h"
#include "syscalls/path_arg.h"
#include "syscalls/wait_lease.h"

namespace sbx {
namespace {

// The path that a descriptor stands for, for fchmod and so on: not one opened with O_PATH.
Result<vfs::Path> path_of(Task& t, int fd) {
    Ref<vfs::OpenFile> f = SBX_TRY(t.files().get(fd));
    if (f->is_path_only()) return err(EBADF);
    return f->path();
}

Result<long> chmod_at(Task& t, int dirfd, UserString path, u32 mode, int flags) {
    if (flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)) return err(EINVAL);
    vfs::Path p = SBX_TRY(walk_at(t, dirfd, path, flags));
    SBX_TRY(vfs::chmod(t.caller(), p, mode));
    return 0;
}
Result<long> sys_chmod(Task& t, UserString path, u32 mode) { return chmod_at(t, AT_FDCWD, path, mode, 0); }
Result<long> sys_fchmodat(Task& t, int dirfd, UserString path, u32 mode) { return chmod_at(t, dirfd, path, mode, 0); }
Result<long> sys_fchmodat2(Task& t, int dirfd, UserString path, u32 mode, int flags) {
    return chmod_at(t, dirfd, path, mode, flags);
}
Result<long> sys_fchmod(Task& t, int fd, u32 mode) {
    vfs::Path p = SBX_TRY(path_of(t, fd));
    SBX_TRY(vfs::chmod(t.caller(), p, mode));
    return 0;
}

Result<long> do_chown(Task& t, const vfs::Path& p, u32 user, u32 group) {
    const UserNamespace& ns = *t.creds()->user_ns;
    Kuid uid = user == kInvalidId ? kInvalidId : ns.to_kuid(user);
    Kgid gid = group == kInvalidId ? kInvalidId : ns.to_kgid(group);
    if ((user != kInvalidId && uid == kInvalidId) || (group != kInvalidId && gid == kInvalidId)) return err(EINVAL);
    SBX_TRY(vfs::chown(t.caller(), p, uid, gid));
    return 0;
}
Result<long> chown_at(Task& t, int dirfd, UserString path, u32 user, u32 group, int flags) {
    if (flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)) return err(EINVAL);
    vfs::Path p = SBX_TRY(walk_at(t, dirfd, path, flags));
    return do_chown(t, p, user, group);
}
Result<long> sys_chown(Task& t, UserString path, u32 u, u32 g) { return chown_at(t, AT_FDCWD, path, u, g, 0); }
Result<long> sys_lchown(Task& t, UserString path, u32 u, u32 g) {
    return chown_at(t, AT_FDCWD, path, u, g, AT_SYMLINK_NOFOLLOW);
}
Result<long> sys_fchownat(Task& t, int dirfd, UserString path, u32 u, u32 g, int flags) {
    return chown_at(t, dirfd, path, u, g, flags);
}
Result<long> sys_fchown(Task& t, int fd, u32 u, u32 g) {
    vfs::Path p = SBX_TRY(path_of(t, fd));
    return do_chown(t, p, u, g);
}

using Times = vfs::TimeSpecOrNow[2];

// A null path names dirfd itself (utimensat(2), used by futimens(3)).
Result<long> set_times(Task& t, int dirfd, UserString path, const Times& times, bool both_null, int flags,
                       bool valid = true) {
    if (flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)) return err(EINVAL);
    vfs::Path p;
    if (!path && dirfd != AT_FDCWD) {
        if (flags) return err(EINVAL);
        p = SBX_TRY(path_of(t, dirfd));
    } else {
        p = SBX_TRY(walk_at(t, dirfd, path, flags));
    }
    if (!valid) return err(EINVAL);  // vfs_utimes()
    SBX_TRY(vfs::utimens(t.caller(), p, times, both_null));
    return 0;
}

Result<long> sys_utimensat(Task& t, int dirfd, UserString path, UserPtr<timespec> arg, int flags) {
    Times times;
    bool valid = true;
    if (arg) {
        for (int i = 0; i < 2; i++) {
            timespec ts = SBX_TRY(t.copy_in(arg + static_cast<u64>(i)));
            times[i].now = ts.tv_nsec == UTIME_NOW;
            times[i].omit = ts.tv_nsec == UTIME_OMIT;
            times[i].t = ts;
            if (!times[i].now && !times[i].omit && static_cast<u64>(ts.tv_nsec) >= static_cast<u64>(kNanosPerSec))
                valid = false;
        }
        // Nothing to do is done before the path is looked at.
        if (times[0].omit && times[1].omit) return 0;
    }
    return set_times(t, dirfd, path, times, !arg, flags, valid);
}

Result<long> with_timevals(Task& t, int dirfd, UserString path, UserPtr<timeval> arg) {
    Times times;
    if (arg) {
        for (int i = 0; i < 2; i++) {
            timeval tv = SBX_TRY(t.copy_in(arg + static_cast<u64>(i)));
            if (tv.tv_usec < 0 || tv.tv_usec >= 1000000) return err(EINVAL);
            times[i].t.tv_sec = tv.tv_sec;
            times[i].t.tv_nsec = tv.tv_usec * 1000;
        }
    }
    return set_times(t, dirfd, path, times, !arg, 0);
}
Result<long> sys_futimesat(Task& t, int dirfd, UserString path, UserPtr<timeval> arg) {
    return with_timevals(t, dirfd, path, arg);
}
Result<long> sys_utimes(Task& t, UserString path, UserPtr<timeval> arg) {
    return with_timevals(t, AT_FDCWD, path, arg);
}

Result<long> sys_utime(Task& t, UserString path, UserPtr<utimbuf> arg) {
    Times times;
    if (arg) {
        utimbuf u = SBX_TRY(t.copy_in(arg));
        times[0].t.tv_sec = u.actime;
        times[1].t.tv_sec = u.modtime;
    }
    return set_times(t, AT_FDCWD, path, times, !arg, 0);
}

// Growing past RLIMIT_FSIZE is told by a signal too (inode_newsize_ok()).
Result<long> finish_truncate(Task& t, Result<> r) {
    if (!r && r.error() == EFBIG && t.rlimit(RLIMIT_FSIZE) != RLIM_INFINITY) send_own_signal(t, SIGXFSZ);
    SBX_TRY(std::move(r));
    return 0;
}
Result<long> sys_truncate(Task& t, UserString path, i64 size) {
    if (size < 0) return err(EINVAL);
    vfs::Path p = SBX_TRY(walk_at(t, AT_FDCWD, path, 0));
    return finish_truncate(t, wait_lease(t, [&] { return vfs::truncate(t.caller(), p, static_cast<u64>(size)); }));
}
Result<long> sys_ftruncate(Task& t, int fd, i64 size) {
    if (size < 0) return err(EINVAL);
    Ref<vfs::OpenFile> f = SBX_TRY(t.files().get(fd));
    return finish_truncate(t, vfs::truncate_file(t.caller(), *f, static_cast<u64>(size)));
}

constexpr SyscallRow kRows[] = {
    {76, "truncate", syscall<sys_truncate>, "p d", Support::Full, ""},
    {77, "ftruncate", syscall<sys_ftruncate>, "fd d", Support::Full, ""},
    {90, "chmod", syscall<sys_chmod>, "p mode", Support::Full, ""},
    {91, "fchmod", syscall<sys_fchmod>, "fd mode", Support::Full, ""},
    {92, "chown", syscall<sys_chown>, "p d d", Support::Full, ""},
    {93, "fchown", syscall<sys_fchown>, "fd d d", Support::Full, ""},
    {94, "lchown", syscall<sys_lchown>, "p d d", Support::Full, ""},
    {132, "utime", syscall<sys_utime>, "p ptr", Support::Full, ""},
    {235, "utimes", syscall<sys_utimes>, "p ptr", Support::Full, ""},
    {260, "fchownat", syscall<sys_fchownat>, "fd p d d atflags", Support::Full, ""},
    {261, "futimesat", syscall<sys_futimesat>, "fd p ptr", Support::Full, ""},
    {268, "fchmodat", syscall<sys_fchmodat>, "fd p mode", Support::Full, ""},
    {280, "utimensat", syscall<sys_utimensat>, "fd p ptr atflags", Support::Full, ""},
    {452, "fchmodat2", syscall<sys_fchmodat2>, "fd p mode atflags", Support::Full, ""},
};

}  // namespace

const SyscallFamily kAttrSyscalls(kRows);

}  // namespace sbx
