// Storage of files: fsync, fdatasync, sync, syncfs, sync_file_range, fallocate, fadvise64, readahead.
#include <fcntl.h>
#include <linux/falloc.h>

#include <algorithm>

#include "fs/vfs/dentry.h"
#include "fs/vfs/file_system.h"
#include "fs/vfs/inode.h"
#include "fs/vfs/inotify_marks.h"
#include "fs/vfs/mount.h"
#include "src/kernel/thread_group.h"
#include "syscalls/families.h"

namespace sbx {
namespace {

Result<Ref<vfs::OpenFile>> real_file(Task& t, int fd) {
    Ref<vfs::OpenFile> f = SBX_TRY(t.files().get(fd));
    if (f->is_path_only()) return err(EBADF);
    return f;
}

Result<long> do_sync(Task& t, int fd, bool data_only) {
    Ref<vfs::OpenFile> f = SBX_TRY(real_file(t, fd));
    SBX_TRY(f->sync(data_only, Range{0, ~0ull}));
    return 0;
}
Result<long> sys_fsync(Task& t, int fd) { return do_sync(t, fd, false); }
Result<long> sys_fdatasync(Task& t, int fd) { return do_sync(t, fd, true); }

Result<long> sys_sync(Task& t) {
    if (t.ns().mnt)
        for (const Ref<vfs::Mount>& m : t.ns().mnt->mounts()) (void)m->fs().sync();
    return 0;
}

Result<long> sys_syncfs(Task& t, int fd) {
    Ref<vfs::OpenFile> f = SBX_TRY(real_file(t, fd));
    SBX_TRY(f->path().mount->fs().sync());
    return 0;
}

Result<long> sys_sync_file_range(Task& t, int fd, i64 offset, i64 length, u32 flags) {
    if (flags & ~static_cast<u32>(SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER))
        return err(EINVAL);
    i64 end = 0;
    if (offset < 0 || length < 0 || __builtin_add_overflow(offset, length, &end)) return err(EINVAL);
    Ref<vfs::OpenFile> f = SBX_TRY(real_file(t, fd));
    u32 type = f->inode().type();
    if (type != S_IFREG && type != S_IFBLK && type != S_IFDIR && type != S_IFLNK) return err(ESPIPE);
    u64 to = length == 0 ? ~0ull : static_cast<u64>(end);
    SBX_TRY(f->sync(true, Range{static_cast<u64>(offset), to}));
    return 0;
}

// vfs_fallocate()
Result<> check_fallocate(vfs::OpenFile& f, int mode, i64 offset, i64 length) {
    constexpr int kKnown = FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE | FALLOC_FL_COLLAPSE_RANGE |
                           FALLOC_FL_ZERO_RANGE | FALLOC_FL_INSERT_RANGE | FALLOC_FL_UNSHARE_RANGE;
    if (offset < 0 || length <= 0) return err(EINVAL);
    if (mode & ~kKnown) return err(EOPNOTSUPP);
    if ((mode & FALLOC_FL_PUNCH_HOLE) && ((mode & FALLOC_FL_ZERO_RANGE) || !(mode & FALLOC_FL_KEEP_SIZE)))
        return err(EOPNOTSUPP);
    for (int alone : {FALLOC_FL_COLLAPSE_RANGE, FALLOC_FL_INSERT_RANGE})
        if ((mode & alone) && mode != alone) return err(EOPNOTSUPP);
    if (!f.writable()) return err(EBADF);
    switch (f.inode().type()) {
    case S_IFIFO: return err(ESPIPE);
    case S_IFDIR: return err(EISDIR);
    case S_IFREG:
    case S_IFBLK: break;
    default: return err(ENODEV);
    }
    i64 end = 0;
    if (__builtin_add_overflow(offset, length, &end)) return err(EFBIG);
    return {};
}

Result<long> sys_fallocate(Task& t, int fd, int mode, i64 offset, i64 length) {
    Ref<vfs::OpenFile> f = SBX_TRY(real_file(t, fd));
    SBX_TRY(check_fallocate(*f, mode, offset, length));
    Result<> r = f->allocate(mode, static_cast<u64>(offset), static_cast<u64>(length), t.caller());
    if (!r && r.error() == EFBIG && t.rlimit(RLIMIT_FSIZE) != RLIM_INFINITY) send_own_signal(t, SIGXFSZ);
    SBX_TRY(std::move(r));
    if (vfs::inotify_active()) vfs::notify_file(*f->path().dentry, IN_MODIFY);
    return 0;
}

// The host's page cache takes care of itself: a checked hint.
Result<long> sys_fadvise64(Task& t, int fd, i64, i64 length, int advice) {
    Ref<vfs::OpenFile> f = SBX_TRY(real_file(t, fd));
    if (f->inode().type() == S_IFIFO) return err(ESPIPE);
    if (length < 0 || advice < POSIX_FADV_NORMAL || advice > POSIX_FADV_NOREUSE) return err(EINVAL);
    return 0;
}

Result<long> sys_readahead(Task& t, int fd, i64, u64) {
    Ref<vfs::OpenFile> f = SBX_TRY(real_file(t, fd));
    if (!f->readable()) return err(EBADF);
    if (f->inode().type() != S_IFREG && f->inode().type() != S_IFBLK) return err(EINVAL);
    return 0;
}

constexpr SyscallRow kRows[] = {
    {74, "fsync", syscall<sys_fsync>, "fd", Support::Full, ""},
    {75, "fdatasync", syscall<sys_fdatasync>, "fd", Support::Full, ""},
    {162, "sync", syscall<sys_sync>, "", Support::Full, ""},
    {187, "readahead", syscall<sys_readahead>, "fd d u", Support::Full, "a hint without effect"},
    {221, "fadvise64", syscall<sys_fadvise64>, "fd d d d", Support::Full, "a hint without effect"},
    {277, "sync_file_range", syscall<sys_sync_file_range>, "fd d d flags", Support::Full, ""},
    {285, "fallocate", syscall<sys_fallocate>, "fd x d d", Support::Full, ""},
    {306, "syncfs", syscall<sys_syncfs>, "fd", Support::Full, ""},
};

}  // namespace

const SyscallFamily kSyncSyscalls(kRows);

}  // namespace sbx
