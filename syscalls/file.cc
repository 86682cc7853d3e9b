// Opening and closing: open, openat, openat2, creat, close, close_range.
#include <fcntl.h>
#include <linux/close_range.h>
#include <linux/openat2.h>

#include "fs/vfs/operations.h"
#include "src/kernel/task_internals.h"
#include "syscalls/copy_struct.h"
#include "syscalls/families.h"
#include "syscalls/path_arg.h"
#include "syscalls/wait_file.h"
#include "syscalls/wait_lease.h"

namespace sbx {
namespace {

constexpr int kLargeFile = 0100000;  // O_LARGEFILE, which 64-bit programs get unasked (force_o_largefile)

Result<long> open_at(Task& t, int dirfd, UserString name, vfs::OpenHow how) {
    if (!(how.flags & O_PATH)) how.flags |= kLargeFile;
    std::string path = SBX_TRY(t.copy_in_path(name));
    SBX_TRY(t.files().has_room(t.rlimit(RLIMIT_NOFILE)));
    // With dirfd as the root, an absolute path starts there as well.
    bool scoped = how.resolve & (RESOLVE_IN_ROOT | RESOLVE_BENEATH);
    // Of an empty path only the flags are looked at before it is found to be one.
    vfs::Path start;
    if (!path.empty()) start = SBX_TRY(start_of(t, dirfd, scoped ? std::string_view() : path));
    Ref<vfs::OpenFile> f = SBX_TRY(wait_lease(t, [&] { return vfs::open(t.caller(), start, path, how); }));
    if (!f->is_path_only()) SBX_TRY(finish_open(t, *f));
    return SBX_TRY(t.files().add(std::move(f), how.flags & O_CLOEXEC, t.rlimit(RLIMIT_NOFILE)));
}

// open and openat ignore flags they do not know (build_open_how), and a mode without O_CREAT.
vfs::OpenHow classic(int flags, u32 mode) {
    vfs::OpenHow how;
    how.flags = flags;
    how.mode = flags & (O_CREAT | (O_TMPFILE & ~O_DIRECTORY)) ? mode & 07777 : 0;
    return how;
}

Result<long> sys_open(Task& t, UserString path, int flags, u32 mode) {
    return open_at(t, AT_FDCWD, path, classic(flags, mode));
}
Result<long> sys_openat(Task& t, int dirfd, UserString path, int flags, u32 mode) {
    return open_at(t, dirfd, path, classic(flags, mode));
}
Result<long> sys_creat(Task& t, UserString path, u32 mode) {
    return open_at(t, AT_FDCWD, path, classic(O_CREAT | O_WRONLY | O_TRUNC, mode));
}

constexpr u64 kOpenHowSize = sizeof(open_how);
constexpr u64 kKnownOpenFlags = O_ACCMODE | O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC | O_APPEND | O_NONBLOCK | O_SYNC |
                                O_DSYNC | O_ASYNC | O_DIRECT | kLargeFile | O_DIRECTORY | O_NOFOLLOW | O_NOATIME |
                                O_CLOEXEC | O_PATH | O_TMPFILE;
constexpr u64 kKnownResolve =
    RESOLVE_NO_XDEV | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_SYMLINKS | RESOLVE_BENEATH | RESOLVE_IN_ROOT | RESOLVE_CACHED;

Result<long> sys_openat2(Task& t, int dirfd, UserString path, UserPtr<open_how> arg, u64 size) {
    if (size < kOpenHowSize) return err(EINVAL);
    SBX_TRY(check_rest_zero(t, arg.addr, kOpenHowSize, size));
    open_how h = SBX_TRY(t.copy_in(arg));
    bool creates = h.flags & (O_CREAT | (O_TMPFILE & ~O_DIRECTORY));
    if ((h.flags & ~kKnownOpenFlags) || (h.resolve & ~kKnownResolve) || (h.mode & ~07777ull) || (h.mode && !creates))
        return err(EINVAL);
    if ((h.resolve & RESOLVE_BENEATH) && (h.resolve & RESOLVE_IN_ROOT)) return err(EINVAL);
    if ((h.flags & O_PATH) && (h.flags & ~static_cast<u64>(O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)))
        return err(EINVAL);
    if ((h.resolve & RESOLVE_CACHED) && (creates || (h.flags & O_TRUNC))) return err(EAGAIN);
    vfs::OpenHow how;
    how.flags = static_cast<int>(h.flags);
    how.mode = static_cast<u32>(h.mode);
    how.resolve = h.resolve;
    return open_at(t, dirfd, path, how);
}

Result<long> sys_close(Task& t, int fd) {
    SBX_TRY(t.files().close(fd, t.caller()));
    return 0;
}

Result<long> sys_close_range(Task& t, u32 first, u32 last, u32 flags) {
    if ((flags & ~static_cast<u32>(CLOSE_RANGE_UNSHARE | CLOSE_RANGE_CLOEXEC)) || first > last) return err(EINVAL);
    if ((flags & CLOSE_RANGE_UNSHARE) && t.files().ref_count() > 1) TaskInternals::set_files(t, t.files().clone());
    if (flags & CLOSE_RANGE_CLOEXEC)
        t.files().set_cloexec_range(first, last);
    else
        t.files().close_range(first, last, t.caller());
    return 0;
}

constexpr SyscallRow kRows[] = {
    {2, "open", syscall<sys_open>, "p oflags mode", Support::Full, ""},
    {3, "close", syscall<sys_close>, "fd", Support::Full, ""},
    {85, "creat", syscall<sys_creat>, "p mode", Support::Full, ""},
    {257, "openat", syscall<sys_openat>, "fd p oflags mode", Support::Full, ""},
    {436, "close_range", syscall<sys_close_range>, "u u flags", Support::Full, ""},
    {437, "openat2", syscall<sys_openat2>, "fd p ptr u", Support::Full, ""},
};

}  // namespace

const SyscallFamily kFileSyscalls(kRows);

}  // namespace sbx
