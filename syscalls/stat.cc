// Attributes: the stat family, statx, access, readlink, statfs.
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/mount.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>

#include "fs/vfs/file_system.h"
#include "fs/vfs/operations.h"
#include "src/abi/statx.h"
#include "syscalls/families.h"
#include "syscalls/path_arg.h"

namespace sbx {
namespace {

// struct stat of x86-64 (arch/x86/include/uapi/asm/stat.h), which both C libraries share.
struct stat to_stat(Task& t, const vfs::Path& p, const vfs::Attr& a) {
    const UserNamespace& ns = *t.creds()->user_ns;
    struct stat s {};
    s.st_dev = p.mount->fs().dev();
    s.st_ino = a.ino;
    s.st_nlink = a.nlink;
    s.st_mode = a.mode;
    s.st_uid = ns.from_kuid_munged(a.uid);
    s.st_gid = ns.from_kgid_munged(a.gid);
    s.st_rdev = a.rdev;
    s.st_size = static_cast<i64>(a.size);
    s.st_blksize = a.blksize;
    s.st_blocks = static_cast<i64>(a.blocks);
    s.st_atim = a.atime;
    s.st_mtim = a.mtime;
    s.st_ctim = a.ctime;
    return s;
}

Result<long> put_stat(Task& t, const vfs::Path& p, UserPtr<struct stat> out) {
    vfs::Attr a = SBX_TRY(vfs::get_attr(p));
    SBX_TRY(t.copy_out(out, to_stat(t, p, a)));
    return 0;
}

Result<long> stat_at(Task& t, int dirfd, UserString path, UserPtr<struct stat> out, int flags) {
    return put_stat(t, SBX_TRY(walk_at(t, dirfd, path, flags)), out);
}

Result<long> sys_stat(Task& t, UserString path, UserPtr<struct stat> out) { return stat_at(t, AT_FDCWD, path, out, 0); }
Result<long> sys_lstat(Task& t, UserString path, UserPtr<struct stat> out) {
    return stat_at(t, AT_FDCWD, path, out, AT_SYMLINK_NOFOLLOW);
}
Result<long> sys_fstat(Task& t, int fd, UserPtr<struct stat> out) {
    return put_stat(t, SBX_TRY(t.files().get(fd))->path(), out);
}
Result<long> sys_newfstatat(Task& t, int dirfd, UserString path, UserPtr<struct stat> out, int flags) {
    if (flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH | AT_NO_AUTOMOUNT)) return err(EINVAL);
    return stat_at(t, dirfd, path, out, flags);
}

abi::StatxTimestamp to_statx_time(const timespec& ts) { return {ts.tv_sec, static_cast<u32>(ts.tv_nsec), 0}; }

Result<long> sys_statx(Task& t, int dirfd, UserString path, int flags, u32 mask, UserPtr<abi::Statx> out) {
    if (flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH | AT_NO_AUTOMOUNT | abi::kAtStatxSyncType)) return err(EINVAL);
    if ((flags & abi::kAtStatxSyncType) == abi::kAtStatxSyncType || (mask & abi::kStatxReserved)) return err(EINVAL);
    vfs::Path p;
    // Linux takes a null path with AT_EMPTY_PATH for "" (since 6.11).
    if (!path && (flags & AT_EMPTY_PATH)) p = dirfd == AT_FDCWD ? t.fs().cwd() : SBX_TRY(t.files().get(dirfd))
    ->path();
    else p = SBX_TRY(walk_at(t, dirfd, path, flags));
    vfs::Attr a = SBX_TRY(vfs::get_attr(p));
    struct stat s = to_stat(t, p, a);
    abi::Statx x{};
    x.mask = abi::kStatxBasicStats | abi::kStatxMntId | (a.has_btime ? abi::kStatxBtime : 0);
    x.blksize = a.blksize;
    x.attributes = a.attributes;
    x.attributes_mask = abi::kStatxAttrMountRoot;
    if (p.dentry == p.mount->root()) x.attributes |= abi::kStatxAttrMountRoot;
    x.nlink = a.nlink;
    x.uid = s.st_uid;
    x.gid = s.st_gid;
    x.mode = static_cast<u16>(a.mode);
    x.ino = a.ino;
    x.size = a.size;
    x.blocks = a.blocks;
    x.atime = to_statx_time(a.atime);
    x.btime = to_statx_time(a.btime);
    x.ctime = to_statx_time(a.ctime);
    x.mtime = to_statx_time(a.mtime);
    x.rdev_major = major(a.rdev);
    x.rdev_minor = minor(a.rdev);
    x.dev_major = major(s.st_dev);
    x.dev_minor = minor(s.st_dev);
    x.mnt_id = static_cast<u64>(p.mount->id());
    SBX_TRY(t.copy_out(out, x));
    return 0;
}

Result<long> access_at(Task& t, int dirfd, UserString path, int mode, int flags) {
    if ((mode & ~(R_OK | W_OK | X_OK)) || (flags & ~(AT_EACCESS | AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)))
        return err(EINVAL);
    // Real ids, and capabilities as execve by the real user would give (access_override_creds).
    CredsRef effective = t.creds();
    vfs::Caller caller = t.caller();
    Ref<Creds> real;
    if (!(flags & AT_EACCESS)) {
        real = effective->clone();
        real->fsuid = real->uid;
        real->fsgid = real->gid;
        if (!(real->securebits & 4 /* SECBIT_NO_SETUID_FIXUP */))
            real->effective = real->user_ns->from_kuid(real->uid) == 0 ? real->permitted : CapSet{};
        caller.creds = real.get();
    }
    std::string name = SBX_TRY(t.copy_in_path(path));
    if (name.empty() && !(flags & AT_EMPTY_PATH)) return err(ENOENT);
    vfs::WalkFlags w;
    w.follow = !(flags & AT_SYMLINK_NOFOLLOW);
    w.empty_path = (flags & AT_EMPTY_PATH) != 0;
    vfs::Path p = SBX_TRY(vfs::walk(caller, SBX_TRY(start_of(t, dirfd, name)), name, w));
    if (mode != F_OK) SBX_TRY(vfs::access(caller, p, static_cast<u32>(mode)));
    return 0;
}

Result<long> sys_access(Task& t, UserString path, int mode) { return access_at(t, AT_FDCWD, path, mode, 0); }
Result<long> sys_faccessat(Task& t, int dirfd, UserString path, int mode) { return access_at(t, dirfd, path, mode, 0); }
Result<long> sys_faccessat2(Task& t, int dirfd, UserString path, int mode, int flags) {
    return access_at(t, dirfd, path, mode, flags);
}

Result<long> read_link_at(Task& t, int dirfd, UserString path, u64 buf, int size) {
    if (size <= 0) return err(EINVAL);
    std::string name = SBX_TRY(t.copy_in_path(path));
    vfs::WalkFlags w;
    w.follow = false;
    w.empty_path = true;
    // "" names the symlink that dirfd was opened on with O_PATH | O_NOFOLLOW; without such a descriptor it is ENOENT.
    if (name.empty() && dirfd == AT_FDCWD) return err(ENOENT);
    vfs::Path p = SBX_TRY(vfs::walk(t.caller(), SBX_TRY(start_of(t, dirfd, name)), name, w));
    Result<std::string> target = vfs::read_link(t.caller(), p);
    if (!target) return err(name.empty() && target.error() == EINVAL ? Errno{ENOENT} : target.error());
    size_t n = std::min<size_t>(target->size(), static_cast<size_t>(size));
    SBX_TRY(t.mm().copy_out(buf, target->data(), n));
    return static_cast<long>(n);
}

Result<long> sys_readlink(Task& t, UserString path, u64 buf, int size) {
    return read_link_at(t, AT_FDCWD, path, buf, size);
}
Result<long> sys_readlinkat(Task& t, int dirfd, UserString path, u64 buf, int size) {
    return read_link_at(t, dirfd, path, buf, size);
}

Result<long> put_statfs(Task& t, const vfs::Path& p, UserPtr<struct statfs> out) {
    vfs::StatFs s = SBX_TRY(p.mount->fs().statfs());
    struct statfs f {};
    f.f_type = static_cast<__typeof__(f.f_type)>(s.type);
    f.f_bsize = static_cast<__typeof__(f.f_bsize)>(s.bsize);
    f.f_blocks = s.blocks;
    f.f_bfree = s.bfree;
    f.f_bavail = s.bavail;
    f.f_files = s.files;
    f.f_ffree = s.ffree;
    memcpy(&f.f_fsid, &s.fsid, sizeof f.f_fsid);
    f.f_namelen = static_cast<__typeof__(f.f_namelen)>(s.namelen);
    f.f_frsize = static_cast<__typeof__(f.f_frsize)>(s.frsize);
    // ST_VALID and the mount's flags, whose values are those of MS_*.
    f.f_flags = static_cast<__typeof__(f.f_flags)>(
        0x20 | (p.mount->flags() & 0xf) | (p.mount->flags() & 0x400) | (p.mount->flags() & 0x800) |
        (p.mount->flags() & MS_RELATIME ? 0x1000 : 0) | (p.mount->flags() & 256 /* MS_NOSYMFOLLOW */ ? 0x2000 : 0));
    SBX_TRY(t.copy_out(out, f));
    return 0;
}

Result<long> sys_statfs(Task& t, UserString path, UserPtr<struct statfs> out) {
    return put_statfs(t, SBX_TRY(walk_at(t, AT_FDCWD, path, 0)), out);
}
Result<long> sys_fstatfs(Task& t, int fd, UserPtr<struct statfs> out) {
    return put_statfs(t, SBX_TRY(t.files().get(fd))->path(), out);
}

constexpr SyscallRow kRows[] = {
    {4, "stat", syscall<sys_stat>, "p ptr", Support::Full, ""},
    {5, "fstat", syscall<sys_fstat>, "fd ptr", Support::Full, ""},
    {6, "lstat", syscall<sys_lstat>, "p ptr", Support::Full, ""},
    {21, "access", syscall<sys_access>, "p mode", Support::Full, ""},
    {89, "readlink", syscall<sys_readlink>, "p ptr d", Support::Full, ""},
    {137, "statfs", syscall<sys_statfs>, "p ptr", Support::Full, ""},
    {138, "fstatfs", syscall<sys_fstatfs>, "fd ptr", Support::Full, ""},
    {262, "newfstatat", syscall<sys_newfstatat>, "fd p ptr atflags", Support::Full, ""},
    {267, "readlinkat", syscall<sys_readlinkat>, "fd p ptr d", Support::Full, ""},
    {269, "faccessat", syscall<sys_faccessat>, "fd p mode", Support::Full, ""},
    {332, "statx", syscall<sys_statx>, "fd p atflags x ptr", Support::Full, ""},
    {439, "faccessat2", syscall<sys_faccessat2>, "fd p mode atflags", Support::Full, ""},
};

}  // namespace

const SyscallFamily kStatSyscalls(kRows);

}  // namespace sbx
