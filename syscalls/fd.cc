// Descriptors: dup, dup2, dup3, ioctl.
#include <fcntl.h>
#include <sys/ioctl.h>
#include <linux/fiemap.h>
#include <linux/fs.h>

#include "fs/vfs/file_system.h"
#include "fs/vfs/inode.h"
#include "fs/vfs/operations.h"
#include "src/kernel/fasync.h"
#include "syscalls/families.h"
#include "syscalls/fiemap.h"

namespace sbx {
namespace {

Result<long> sys_dup(Task& t, int fd) {
    Ref<vfs::OpenFile> f = SBX_TRY(t.files().get(fd));
    return SBX_TRY(t.files().add(std::move(f), false, t.rlimit(RLIMIT_NOFILE)));
}

Result<long> sys_dup2(Task& t, int old_fd, int new_fd) {
    Ref<vfs::OpenFile> f = SBX_TRY(t.files().get(old_fd));
    if (old_fd == new_fd) return new_fd;
    SBX_TRY(t.files().set(new_fd, std::move(f), false, t.rlimit(RLIMIT_NOFILE), t.caller()));
    return new_fd;
}

Result<long> sys_dup3(Task& t, int old_fd, int new_fd, int flags) {
    if ((flags & ~O_CLOEXEC) || old_fd == new_fd) return err(EINVAL);
    if (new_fd < 0 || static_cast<u64>(new_fd) >= t.rlimit(RLIMIT_NOFILE)) return err(EBADF);
    Ref<vfs::OpenFile> f = SBX_TRY(t.files().get(old_fd));
    SBX_TRY(t.files().set(new_fd, std::move(f), flags & O_CLOEXEC, t.rlimit(RLIMIT_NOFILE), t.caller()));
    return new_fd;
}

Result<long> set_status_bit(Task& t, vfs::OpenFile& f, int fd, int bit, u64 arg) {
    int on = SBX_TRY(t.copy_in(UserPtr<int>{arg}));
    int flags = on ? f.flags() | bit : f.flags() & ~bit;
    SBX_TRY(set_file_flags(t, f, fd, flags));
    return 0;
}

// do_clone_file_range(): no file system here shares blocks.
Result<long> clone_range(Task& t, vfs::OpenFile& out, int fd) {
    Ref<vfs::OpenFile> in = SBX_TRY(t.files().get(fd));
    if (in->is_path_only()) return err(EBADF);
    if (&in->inode().fs() != &out.inode().fs()) return err(EXDEV);
    if (in->inode().is_dir() || out.inode().is_dir()) return err(EISDIR);
    if (!in->inode().is_regular() || !out.inode().is_regular()) return err(EINVAL);
    if (!in->readable() || !out.writable() || (out.flags() & O_APPEND)) return err(EBADF);
    return err(EOPNOTSUPP);
}

// What Linux answers for regular files, directories and symlinks before their file system is asked (do_vfs_ioctl()).
Result<long> ioctl_of_inode(Task& t, vfs::OpenFile& f, u32 cmd, u64 arg) {
    vfs::Inode& i = f.inode();
    switch (cmd) {
    case FIONREAD: {
        if (!i.is_regular()) break;
        vfs::Attr a = SBX_TRY(i.attr());
        i64 pos = 0;
        {
            Lock l(f.pos_mu());
            pos = f.pos();
        }
        SBX_TRY(t.copy_out(UserPtr<int>{arg}, static_cast<int>(static_cast<i64>(a.size) - pos)));
        return 0;
    }
    case FIGETBSZ: {
        vfs::Attr a = SBX_TRY(i.attr());
        SBX_TRY(t.copy_out(UserPtr<int>{arg}, static_cast<int>(a.blksize)));
        return 0;
    }
    case FIOQSIZE: {
        if (!i.is_regular() && !i.is_dir()) return err(ENOTTY);
        vfs::Attr a = SBX_TRY(i.attr());
        SBX_TRY(t.copy_out(UserPtr<i64>{arg}, static_cast<i64>(a.size)));
        return 0;
    }
    case FICLONE: return clone_range(t, f, static_cast<int>(arg));
    case FICLONERANGE: {
        file_clone_range r = SBX_TRY(t.copy_in(UserPtr<file_clone_range>{arg}));
        return clone_range(t, f, static_cast<int>(r.src_fd));
    }
    case FIDEDUPERANGE: return err(EOPNOTSUPP);
    case FS_IOC_FIEMAP: return file_extents(t, f, arg);
    default: break;
    }
    return f.ioctl(cmd, arg, t.caller());
}

Result<long> sys_ioctl(Task& t, int fd, u32 cmd, u64 arg) {
    Ref<vfs::OpenFile> f = SBX_TRY(t.files().get(fd));
    if (f->is_path_only()) return err(EBADF);
    switch (cmd) {
    case FIOCLEX: SBX_TRY(t.files().set_cloexec(fd, true)); return 0;
    case FIONCLEX: SBX_TRY(t.files().set_cloexec(fd, false)); return 0;
    case FIONBIO: return set_status_bit(t, *f, fd, O_NONBLOCK, arg);
    case FIOASYNC:
        // ioctl_fioasync(): who has no signals to send is only asked where that would change.
        if (f->inode().is_regular() || f->inode().is_dir()) {
            int on = SBX_TRY(t.copy_in(UserPtr<int>{arg}));
            if (on != 0) return err(ENOTTY);
            return 0;
        }
        return set_status_bit(t, *f, fd, O_ASYNC, arg);
    default: return ioctl_of_inode(t, *f, cmd, arg);
    }
}

constexpr SyscallRow kRows[] = {
    {16, "ioctl", syscall<sys_ioctl>, "fd x ptr", Support::Partial,
     "what each kind of file answers; cloning of ranges is EOPNOTSUPP"},
    {32, "dup", syscall<sys_dup>, "fd", Support::Full, ""},
    {33, "dup2", syscall<sys_dup2>, "fd fd", Support::Full, ""},
    {292, "dup3", syscall<sys_dup3>, "fd fd oflags", Support::Full, ""},
};

}  // namespace

const SyscallFamily kFdSyscalls(kRows);

}  // namespace sbx
