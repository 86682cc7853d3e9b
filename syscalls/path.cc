// Names: mkdir, rmdir, link, symlink, unlink, rename, mknod and their *at forms, umask.
#include <fcntl.h>
#include <sys/sysmacros.h>

#include "fs/vfs/operations.h"
#include "fs/vfs/walker.h"
#include "syscalls/families.h"
#include "syscalls/path_arg.h"

namespace sbx {
namespace {

// A path that is not resolved here, with where it starts.
struct Name {
    vfs::Path start;
    std::string path;
};
Result<Name> name_at(Task& t, int dirfd, UserString path) {
    Name n;
    n.path = SBX_TRY(t.copy_in_path(path));
    if (n.path.empty()) return err(ENOENT);
    n.start = SBX_TRY(start_of(t, dirfd, n.path));
    return n;
}

Result<long> mkdir_at(Task& t, int dirfd, UserString path, u32 mode) {
    Name n = SBX_TRY(name_at(t, dirfd, path));
    SBX_TRY(vfs::mkdir(t.caller(), n.start, n.path, mode));
    return 0;
}
Result<long> sys_mkdir(Task& t, UserString path, u32 mode) { return mkdir_at(t, AT_FDCWD, path, mode); }
Result<long> sys_mkdirat(Task& t, int dirfd, UserString path, u32 mode) { return mkdir_at(t, dirfd, path, mode); }

// The 32-bit device number of the system call (new_decode_dev()).
dev_t decode_device(u32 dev) { return makedev((dev & 0xfff00) >> 8, (dev & 0xff) | ((dev >> 12) & 0xfff00)); }

Result<long> mknod_at(Task& t, int dirfd, UserString path, u32 mode, u32 dev) {
    // may_mknod(), before the path is looked at.
    u32 type = mode & S_IFMT;
    if (type == S_IFDIR) return err(EPERM);
    if (type != 0 && type != S_IFREG && type != S_IFCHR && type != S_IFBLK && type != S_IFIFO && type != S_IFSOCK)
        return err(EINVAL);
    Name n = SBX_TRY(name_at(t, dirfd, path));
    SBX_TRY(vfs::mknod(t.caller(), n.start, n.path, mode & 0xffff, decode_device(dev)));
    return 0;
}
Result<long> sys_mknod(Task& t, UserString path, u32 mode, u32 dev) { return mknod_at(t, AT_FDCWD, path, mode, dev); }
Result<long> sys_mknodat(Task& t, int dirfd, UserString path, u32 mode, u32 dev) {
    return mknod_at(t, dirfd, path, mode, dev);
}

Result<long> unlink_at(Task& t, int dirfd, UserString path, int flags) {
    if (flags & ~AT_REMOVEDIR) return err(EINVAL);
    Name n = SBX_TRY(name_at(t, dirfd, path));
    SBX_TRY(flags & AT_REMOVEDIR ? vfs::rmdir(t.caller(), n.start, n.path) : vfs::unlink(t.caller(), n.start, n.path));
    return 0;
}
Result<long> sys_unlink(Task& t, UserString path) { return unlink_at(t, AT_FDCWD, path, 0); }
Result<long> sys_rmdir(Task& t, UserString path) { return unlink_at(t, AT_FDCWD, path, AT_REMOVEDIR); }
Result<long> sys_unlinkat(Task& t, int dirfd, UserString path, int flags) { return unlink_at(t, dirfd, path, flags); }

Result<long> symlink_at(Task& t, UserString target, int dirfd, UserString path) {
    std::string to = SBX_TRY(t.copy_in_path(target));
    Name n = SBX_TRY(name_at(t, dirfd, path));
    SBX_TRY(vfs::symlink(t.caller(), to, n.start, n.path));
    return 0;
}
Result<long> sys_symlink(Task& t, UserString target, UserString path) { return symlink_at(t, target, AT_FDCWD, path); }
Result<long> sys_symlinkat(Task& t, UserString target, int dirfd, UserString path) {
    return symlink_at(t, target, dirfd, path);
}

Result<long> link_at(Task& t, int old_dirfd, UserString old_path, int new_dirfd, UserString new_path, int flags) {
    if (flags & ~(AT_SYMLINK_FOLLOW | AT_EMPTY_PATH)) return err(EINVAL);
    std::string path = SBX_TRY(t.copy_in_path(old_path));
    if (path.empty() && !(flags & AT_EMPTY_PATH)) return err(ENOENT);
    vfs::Path start = SBX_TRY(start_of(t, old_dirfd, path));
    // An open file may be named by who opened it; else only with CAP_DAC_READ_SEARCH (do_linkat, LOOKUP_LINKAT_EMPTY).
    if (path.empty() && (flags & AT_EMPTY_PATH) && old_dirfd != AT_FDCWD) {
        Ref<vfs::OpenFile> f = SBX_TRY(t.files().get(old_dirfd));
        if (f->creds() != t.creds() && !t.creds()->capable(2 /* CAP_DAC_READ_SEARCH */)) return err(ENOENT);
    }
    vfs::WalkFlags w;
    w.follow = flags & AT_SYMLINK_FOLLOW;
    w.empty_path = flags & AT_EMPTY_PATH;
    vfs::Path target = SBX_TRY(vfs::walk(t.caller(), start, path, w));
    Name n = SBX_TRY(name_at(t, new_dirfd, new_path));
    SBX_TRY(vfs::link(t.caller(), target, n.start, n.path));
    return 0;
}
Result<long> sys_link(Task& t, UserString from, UserString to) { return link_at(t, AT_FDCWD, from, AT_FDCWD, to, 0); }
Result<long> sys_linkat(Task& t, int old_dirfd, UserString from, int new_dirfd, UserString to, int flags) {
    return link_at(t, old_dirfd, from, new_dirfd, to, flags);
}

Result<long> rename_at(Task& t, int old_dirfd, UserString from, int new_dirfd, UserString to, u32 flags) {
    SBX_TRY(vfs::check_rename_flags(flags));
    Name a = SBX_TRY(name_at(t, old_dirfd, from));
    Result<Name> b = name_at(t, new_dirfd, to);
    if (!b) {
        // The way to the old name comes first (filename_parentat() for each).
        vfs::Walker w(t.caller(), 0);
        SBX_TRY(w.start(a.start, a.path));
        SBX_TRY(w.to_last());
        return err(b.error());
    }
    SBX_TRY(vfs::rename(t.caller(), a.start, a.path, b->start, b->path, flags));
    return 0;
}
Result<long> sys_rename(Task& t, UserString from, UserString to) {
    return rename_at(t, AT_FDCWD, from, AT_FDCWD, to, 0);
}
Result<long> sys_renameat(Task& t, int a, UserString from, int b, UserString to) {
    return rename_at(t, a, from, b, to, 0);
}
Result<long> sys_renameat2(Task& t, int a, UserString from, int b, UserString to, u32 flags) {
    return rename_at(t, a, from, b, to, flags);
}

Result<long> sys_umask(Task& t, u32 mask) { return static_cast<long>(t.fs().set_umask(mask)); }

constexpr SyscallRow kRows[] = {
    {82, "rename", syscall<sys_rename>, "p p", Support::Full, ""},
    {83, "mkdir", syscall<sys_mkdir>, "p mode", Support::Full, ""},
    {84, "rmdir", syscall<sys_rmdir>, "p", Support::Full, ""},
    {86, "link", syscall<sys_link>, "p p", Support::Full, ""},
    {87, "unlink", syscall<sys_unlink>, "p", Support::Full, ""},
    {88, "symlink", syscall<sys_symlink>, "s p", Support::Full, ""},
    {95, "umask", syscall<sys_umask>, "mode", Support::Full, ""},
    {133, "mknod", syscall<sys_mknod>, "p mode x", Support::Full, ""},
    {258, "mkdirat", syscall<sys_mkdirat>, "fd p mode", Support::Full, ""},
    {259, "mknodat", syscall<sys_mknodat>, "fd p mode x", Support::Full, ""},
    {263, "unlinkat", syscall<sys_unlinkat>, "fd p atflags", Support::Full, ""},
    {264, "renameat", syscall<sys_renameat>, "fd p fd p", Support::Full, ""},
    {265, "linkat", syscall<sys_linkat>, "fd p fd p atflags", Support::Full, ""},
    {266, "symlinkat", syscall<sys_symlinkat>, "s fd p", Support::Full, ""},
    {316, "renameat2", syscall<sys_renameat2>, "fd p fd p flags", Support::Full, ""},
};

}  // namespace

const SyscallFamily kPathSyscalls(kRows);

}  // namespace sbx
