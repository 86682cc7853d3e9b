// Host system calls of hostfs: thin wrappers that speak Result.
#include "fs/hostfs/host_calls.h"

#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>

#include "fs/hostfs/fd_budget.h"

#ifndef SYS_openat2
#define SYS_openat2 437
#endif
#ifndef SYS_fchmodat2
#define SYS_fchmodat2 452
#endif
#ifndef SYS_setxattrat
#define SYS_setxattrat 463
#define SYS_getxattrat 464
#define SYS_listxattrat 465
#define SYS_removexattrat 466
#endif

namespace sbx::hostfs {
namespace {

// include/uapi/linux/openat2.h
struct OpenHow {
    u64 flags, mode, resolve;
};
constexpr u64 kNoMagicLinks = 0x02, kNoSymlinks = 0x04, kBeneath = 0x08;
constexpr u32 kStatxAll = 0xfff;
constexpr int kEmptyPath = 0x1000, kNoFollow = 0x100, kFollow = 0x400, kNoAutomount = 0x800, kRemoveDir = 0x200;

std::atomic<int> proc_fd_dir{-1};  // no state: a descriptor of this process
std::atomic<int> proc_fd_pid{0};   // no state: of this process; whose descriptors it shows

struct XattrArgs {
    u64 value;
    u32 size, flags;
};

// "123" for use below /proc/self/fd.
struct FdName {
    explicit FdName(int fd) { snprintf(text, sizeof text, "%d", fd); }
    char text[12];
};

// A host's refusal as the guest may see it.
tl::unexpected<Errno> fail(int e) {
    switch (e) {
    case EMFILE: return err(ENFILE);  // the sentry's own limit is not the guest's
    case ENOSYS: return err(EOPNOTSUPP);
    default: return err(e);
    }
}

Result<> check(long r) {
    if (r < 0) return fail(errno);
    return {};
}

// Runs op until it is not interrupted; closes idle descriptors and tries once more when there are none left.
template <class Op>
Result<UniqueFd> get_fd(Op op) {
    for (bool second = false;; second = true) {
        long fd;
        do fd = op();
        while (fd < 0 && errno == EINTR);
        if (fd >= 0) return UniqueFd(static_cast<int>(fd));
        int e = errno;
        if ((e != EMFILE && e != ENFILE) || second || FdBudget::get().evict(64) == 0) return fail(e);
    }
}

Result<UniqueFd> open2(int dir, const char* name, int flags, u32 mode, u64 resolve) {
    OpenHow how{static_cast<u64>(flags) | O_CLOEXEC, mode, resolve};
    // EAGAIN: a rename or mount raced with the walk (openat2(2)); harmless to try again.
    for (int tries = 0;; tries++) {
        auto r = get_fd([&] { return syscall(SYS_openat2, dir, name, &how, sizeof how); });
        if (!r && r.error() == EAGAIN && tries < 16) continue;
        return r;
    }
}

}  // namespace

Result<UniqueFd> open_node(int dir, const char* name) {
    return open2(dir, name, O_PATH | O_NOFOLLOW, 0, kBeneath | kNoSymlinks | kNoMagicLinks);
}

Result<UniqueFd> open_below(int dir, const char* name, int flags, u32 mode) {
    return open2(dir, name, flags | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK, (flags & O_CREAT) ? mode : 0,
                 kBeneath | kNoSymlinks | kNoMagicLinks);
}

Result<UniqueFd> open_dir(int dir) {
    return open2(dir, ".", O_RDONLY | O_DIRECTORY, 0, kBeneath | kNoSymlinks | kNoMagicLinks);
}

Result<UniqueFd> reopen(int fd, int flags) {
    int proc = proc_fd_dir.load(std::memory_order_acquire);
    if (proc < 0) return err(EOPNOTSUPP);
    FdName name(fd);
    return get_fd([&] { return syscall(SYS_openat, proc, name.text, flags | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0); });
}

Result<UniqueFd> open_unnamed(int dir, int flags, u32 mode) {
    return open2(dir, ".", flags | O_TMPFILE, mode, kBeneath | kNoSymlinks | kNoMagicLinks);
}

Result<Statx> stat_fd(int fd) {
    Statx s;
    SBX_TRY(check(syscall(SYS_statx, fd, "", kEmptyPath | kNoFollow | kNoAutomount, kStatxAll, &s)));
    return s;
}

Result<Statx> stat_name(int dir, const char* name) {
    Statx s;
    SBX_TRY(check(syscall(SYS_statx, dir, name, kNoFollow | kNoAutomount, kStatxAll, &s)));
    return s;
}

Result<std::string> read_link(int fd) {
    std::string s(PATH_MAX, '\0');
    ssize_t n = readlinkat(fd, "", s.data(), s.size());
    if (n < 0) return fail(errno);
    s.resize(static_cast<size_t>(n));
    return s;
}

Result<> change_mode(int fd, u32 mode) {
    // Not libc's fchmod(): musl's goes through a /proc that is not there.
    if (syscall(SYS_fchmod, fd, mode) == 0) return {};
    if (errno != EBADF) return fail(errno);  // EBADF: an O_PATH descriptor
    if (syscall(SYS_fchmodat2, fd, "", mode, kEmptyPath) == 0) return {};
    if (errno != ENOSYS && errno != EINVAL) return fail(errno);
    int proc = proc_fd_dir.load(std::memory_order_acquire);
    if (proc < 0) return err(EOPNOTSUPP);
    return check(syscall(SYS_fchmodat, proc, FdName(fd).text, mode));
}

Result<> change_owner(int fd, u32 uid, u32 gid) { return check(fchownat(fd, "", uid, gid, kEmptyPath | kNoFollow)); }

Result<> change_times(int fd, const timespec times[2]) {
    if (syscall(SYS_utimensat, fd, "", times, kEmptyPath) == 0) return {};
    if (errno != EINVAL && errno != ENOENT) return fail(errno);  // AT_EMPTY_PATH: Linux 5.8
    int proc = proc_fd_dir.load(std::memory_order_acquire);
    if (proc < 0) return err(EOPNOTSUPP);
    return check(syscall(SYS_utimensat, proc, FdName(fd).text, times, 0));
}

Result<> make_dir(int dir, const char* name, u32 mode) { return check(mkdirat(dir, name, mode)); }
Result<> make_node(int dir, const char* name, u32 mode, dev_t dev) { return check(mknodat(dir, name, mode, dev)); }
Result<> make_symlink(const char* target, int dir, const char* name) { return check(symlinkat(target, dir, name)); }

Result<> make_link(int fd, int old_dir, const char* old_name, int dir, const char* name) {
    int proc = proc_fd_dir.load(std::memory_order_acquire);
    if (proc >= 0) return check(linkat(proc, FdName(fd).text, dir, name, kFollow));
    // Without privileges only for descriptors that we opened ourselves, since Linux 6.10.
    if (linkat(fd, "", dir, name, kEmptyPath) == 0) return {};
    if (errno != ENOENT || old_dir < 0) return fail(errno);
    return check(linkat(old_dir, old_name, dir, name, 0));
}

Result<> remove_name(int dir, const char* name, bool directory) {
    return check(unlinkat(dir, name, directory ? kRemoveDir : 0));
}

Result<> rename_name(int old_dir, const char* old_name, int new_dir, const char* new_name, u32 flags) {
    return check(syscall(SYS_renameat2, old_dir, old_name, new_dir, new_name, flags));
}

namespace {

// Tries with growing buffers until the value fits (xattr(7): at most 64 KiB).
template <class Op>
Result<std::string> grow(Op op) {
    char first[256];
    long n = op(first, sizeof first);
    if (n >= 0) return std::string(first, static_cast<size_t>(n));
    if (errno != ERANGE) return fail(errno);
    std::string s(65536, '\0');
    n = op(s.data(), s.size());
    if (n < 0) return fail(errno);
    s.resize(static_cast<size_t>(n));
    return s;
}

}  // namespace

Result<std::string> get_xattr(int fd, bool path_only, const char* name) {
    int proc = proc_fd_dir.load(std::memory_order_acquire);
    if (path_only && proc < 0) return err(EOPNOTSUPP);
    return grow([&](char* buf, size_t n) -> long {
        XattrArgs args{reinterpret_cast<u64>(buf), static_cast<u32>(n), 0};
        return path_only ? syscall(SYS_getxattrat, proc, FdName(fd).text, 0, name, &args, sizeof args)
                         : syscall(SYS_fgetxattr, fd, name, buf, n);
    });
}

Result<> set_xattr(int fd, bool path_only, const char* name, std::string_view value, int flags) {
    if (!path_only) return check(syscall(SYS_fsetxattr, fd, name, value.data(), value.size(), flags));
    int proc = proc_fd_dir.load(std::memory_order_acquire);
    if (proc < 0) return err(EOPNOTSUPP);
    XattrArgs args{reinterpret_cast<u64>(value.data()), static_cast<u32>(value.size()), static_cast<u32>(flags)};
    return check(syscall(SYS_setxattrat, proc, FdName(fd).text, 0, name, &args, sizeof args));
}

Result<> remove_xattr(int fd, bool path_only, const char* name) {
    if (!path_only) return check(syscall(SYS_fremovexattr, fd, name));
    int proc = proc_fd_dir.load(std::memory_order_acquire);
    if (proc < 0) return err(EOPNOTSUPP);
    return check(syscall(SYS_removexattrat, proc, FdName(fd).text, 0, name));
}

Result<std::string> list_xattr(int fd, bool path_only) {
    int proc = proc_fd_dir.load(std::memory_order_acquire);
    if (path_only && proc < 0) return err(EOPNOTSUPP);
    return grow([&](char* buf, size_t n) -> long {
        return path_only ? syscall(SYS_listxattrat, proc, FdName(fd).text, 0, buf, n)
                         : syscall(SYS_flistxattr, fd, buf, n);
    });
}

Result<size_t> read_at(int fd, std::span<const iovec> spans, u64 offset, u32 rwf) {
    size_t count = spans.size() < IOV_MAX ? spans.size() : IOV_MAX;
    long n;
    do n = syscall(SYS_preadv2, fd, spans.data(), count, offset, 0, rwf);
    while (n < 0 && errno == EINTR);
    if (n < 0) return fail(errno);
    return static_cast<size_t>(n);
}

Result<size_t> write_at(int fd, std::span<const iovec> spans, u64 offset, u32 rwf) {
    size_t count = spans.size() < IOV_MAX ? spans.size() : IOV_MAX;
    long n;
    do n = syscall(SYS_pwritev2, fd, spans.data(), count, offset, 0, rwf);
    while (n < 0 && errno == EINTR);
    if (n < 0) return fail(errno);
    return static_cast<size_t>(n);
}

Result<size_t> read_entries(int fd, void* buf, size_t n) {
    long r = syscall(SYS_getdents64, fd, buf, n);
    if (r < 0) return fail(errno);
    return static_cast<size_t>(r);
}

Result<u64> seek(int fd, i64 offset, int whence) {
    off_t r = lseek(fd, offset, whence);
    if (r < 0) return fail(errno);
    return static_cast<u64>(r);
}

void keep_proc_self_fd() {
    if (proc_fd_dir.load(std::memory_order_acquire) >= 0 && proc_fd_pid.load(std::memory_order_relaxed) == getpid())
        return;
    int fd = open("/proc/self/fd", O_PATH | O_DIRECTORY | O_CLOEXEC);
    proc_fd_pid.store(getpid(), std::memory_order_relaxed);
    int old = proc_fd_dir.exchange(fd, std::memory_order_acq_rel);
    if (old >= 0) close(old);
}

void forget_proc_self_fd() {
    int old = proc_fd_dir.exchange(-1, std::memory_order_acq_rel);
    if (old >= 0) close(old);
}

}  // namespace sbx::hostfs
