// What the sentry asks of the host, by caller. Two rows of one number: either lets the call pass.
#include "src/host/filter_rows.h"

#include <asm/ioctls.h>
#include <fcntl.h>
#include <linux/ptrace.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>

namespace sbx::host {
namespace {
constexpr ArgBound equal(u8 index, u64 value) { return {ArgBound::Equal, index, ~0ull, value}; }
constexpr ArgBound masked(u8 index, u64 mask, u64 value) { return {ArgBound::MaskedEqual, index, mask, value}; }
constexpr ArgBound less(u8 index, u64 value) { return {ArgBound::Less, index, ~0ull, value}; }
// A directory descriptor, not AT_FDCWD.
constexpr ArgBound kDirFd = less(0, 0x80000000);
constexpr ArgBound kNoExec = masked(2, PROT_EXEC, 0);
// Flags that a thread of this process has and a process has not.
constexpr u64 kThreadFlags = 0x00000100 | 0x00000200 | 0x00000400 | 0x00000800 | 0x00010000;
constexpr auto W = RowWhen::Writable;
constexpr auto A = RowWhen::Always;
constexpr const char* kGlibc = "glibc only";
constexpr u64 kTcgets2 = 0x802c542a, kTcsets2 = 0x402c542b;  // asm-generic/ioctls.h
// Newer than the headers of some build hosts.
constexpr int kFchmodat2 = 452, kSetxattrat = 463, kGetxattrat = 464, kListxattrat = 465, kRemovexattrat = 466;

constexpr FilterRow kRows[] = {
    // The C library: memory, threads, locks, time.
    {SYS_mmap, "libc, mm", A, {kNoExec}},
    {SYS_mprotect, "libc", A, {kNoExec}},
    {SYS_munmap, "libc, mm"},
    {SYS_mremap, "libc", A, {}, "realloc(3) of a large block"},
    {SYS_madvise, "libc, mm"},
    {SYS_mincore, "mm: what the memory file holds"},
    {SYS_brk, "libc"},
    {SYS_futex, "libc, Parker"},
    {SYS_clone, "spawn_thread", A, {masked(0, kThreadFlags, kThreadFlags)}},
    {SYS_set_robust_list, "libc threads", A, {}, kGlibc},
    {SYS_rseq, "libc threads", A, {}, kGlibc},
    {SYS_rt_sigprocmask, "libc threads"},
    {SYS_sigaltstack, "libc threads", A, {}, "AddressSanitizer's threads"},
    {SYS_restart_syscall, "the kernel, after a stop"},
    {SYS_exit, "libc threads"},
    {SYS_exit_group, "finish"},
    {SYS_gettid, "libc, placement"},
    {SYS_prctl, "libc: thread names", A, {equal(0, PR_SET_NAME)}},
    {SYS_membarrier, "libc, mm"},
    {SYS_getrandom, "random devices"},
    {SYS_clock_gettime, "timekeeper"},
    {SYS_clock_getres, "timekeeper"},
    {SYS_adjtimex, "timekeeper: reading the host's; setting takes a capability"},
    {SYS_clock_adjtime, "libc: adjtimex", A, {equal(0, CLOCK_REALTIME)}, "glibc makes it of adjtimex"},
    {SYS_sched_getaffinity, "libc: malloc", A, {}, "glibc counts the CPUs for its arenas; musl does not"},
#ifdef __SANITIZE_ADDRESS__
    {SYS_pipe2, "UBSan: asks whether an object's memory can be read before it looks at its type"},
#endif
    {SYS_sched_yield, "libc"},
    {SYS_getrusage, "CPU quota"},
    {SYS_sysinfo, "facts"},
    // Memory file and I/O on descriptors that the sentry has.
    {SYS_ftruncate, "mm"},
    {SYS_fallocate, "mm, hostfs"},
    {SYS_read, "hostfs, inherited descriptors"},
    {SYS_write, "hostfs, inherited descriptors"},
    {SYS_writev, "libc: stdio", A, {}, "an uncaught exception's message"},
    {SYS_pread64, "mm"},
    {SYS_pwrite64, "mm"},
    {SYS_preadv2, "hostfs"},
    {SYS_pwritev2, "hostfs"},
    {SYS_lseek, "hostfs, mm"},
    {SYS_close, "everybody"},
    {SYS_fstat, "libc, mm"},
    {SYS_newfstatat, "libc: fstat(3)", A, {kDirFd, equal(3, AT_EMPTY_PATH)}, kGlibc},
    {SYS_statx, "hostfs", A, {kDirFd}},
    {SYS_fstatfs, "hostfs"},
    {SYS_openat2, "hostfs", A, {kDirFd}},
    {SYS_openat, "hostfs: below /proc/self/fd", A, {kDirFd, masked(2, O_CREAT | (O_TMPFILE & ~O_DIRECTORY), 0)}},
    {SYS_readlinkat, "hostfs", A, {kDirFd}},
    {SYS_getdents64, "hostfs"},
    {SYS_fgetxattr, "hostfs"},
    {SYS_flistxattr, "hostfs"},
    {kGetxattrat, "hostfs", A, {kDirFd}},
    {kListxattrat, "hostfs", A, {kDirFd}},
    {SYS_fsync, "hostfs"},
    {SYS_fdatasync, "hostfs"},
    {SYS_syncfs, "hostfs"},
    {SYS_sync_file_range, "hostfs"},
    {SYS_fcntl, "hostfs", A, {equal(1, F_GETFL)}, "only where the host has no /proc"},
    {SYS_fcntl, "libc", A, {equal(1, F_SETFD)}},
    {SYS_fcntl, "hostfs", A, {equal(1, F_DUPFD_CLOEXEC)}},
    {SYS_poll, "hostfs"},
    {SYS_epoll_create1, "host poller"},
    {SYS_epoll_ctl, "host poller"},
    {SYS_epoll_wait, "host poller", A, {}, kGlibc},
    {SYS_epoll_pwait, "host poller"},
    {SYS_eventfd2, "host poller"},
    {SYS_dup3, "hostfs: a mapping becomes writable"},
    {SYS_recvmsg, "hostfs: inherited sockets", A, {masked(2, MSG_DONTWAIT, MSG_DONTWAIT)}},
    {SYS_sendmsg,
     "hostfs: inherited sockets",
     A,
     {masked(2, MSG_DONTWAIT | MSG_NOSIGNAL, MSG_DONTWAIT | MSG_NOSIGNAL)}},
    {SYS_ioctl, "terminals", A, {equal(1, TCGETS)}},
    {SYS_ioctl, "terminals", A, {equal(1, TCSETS)}},
    {SYS_ioctl, "terminals", A, {equal(1, kTcgets2)}},
    {SYS_ioctl, "terminals", A, {equal(1, kTcsets2)}},
    {SYS_ioctl, "terminals", A, {equal(1, TIOCGETD)}},
    {SYS_ioctl, "terminals", A, {equal(1, TCSETSW)}},
    {SYS_ioctl, "terminals", A, {equal(1, TCFLSH)}},
    {SYS_ioctl, "terminals", A, {equal(1, TCXONC)}},
    {SYS_ioctl, "terminals", A, {equal(1, TIOCGWINSZ)}},
    {SYS_ioctl, "terminals", A, {equal(1, TIOCGPGRP)}},
    {SYS_ioctl, "terminals", A, {equal(1, TIOCOUTQ)}},
    {SYS_ioctl, "terminals, pipes", A, {equal(1, FIONREAD)}},
    // Host files by name, where some mount is read-write.
    {SYS_mkdirat, "hostfs", W, {kDirFd}},
    {SYS_mknodat, "hostfs", W, {kDirFd}},
    {SYS_symlinkat, "hostfs", W, {less(1, 0x80000000)}},
    {SYS_linkat, "hostfs", W, {kDirFd, less(2, 0x80000000)}},
    {SYS_unlinkat, "hostfs", W, {kDirFd}},
    {SYS_renameat2, "hostfs", W, {kDirFd, less(2, 0x80000000)}},
    {SYS_fchmod, "hostfs", W},
    {SYS_fchmodat, "hostfs", W, {kDirFd}, "fchmodat2 is there since Linux 6.6"},
    {kFchmodat2, "hostfs", W, {kDirFd}},
    {SYS_fchownat, "hostfs", W, {kDirFd}},
    {SYS_utimensat, "hostfs", W, {kDirFd}},
    {SYS_fsetxattr, "hostfs", W},
    {SYS_fremovexattr, "hostfs", W},
    {kSetxattrat, "hostfs", W, {kDirFd}},
    {kRemovexattrat, "hostfs", W, {kDirFd}},
    // The ptrace platform. Stubs are the only processes that the sentry may trace: Landlock and the namespaces see to that.
    {SYS_ptrace, "ptrace platform", A, {equal(0, PTRACE_SYSEMU)}},
    {SYS_ptrace, "ptrace platform", A, {equal(0, PTRACE_CONT)}},
    {SYS_ptrace, "ptrace platform", A, {equal(0, PTRACE_GETREGS)}},
    {SYS_ptrace, "ptrace platform", A, {equal(0, PTRACE_SETREGS)}},
    {SYS_ptrace, "ptrace platform: breakpoints", A, {equal(0, PTRACE_POKEUSR)}},
    {SYS_ptrace, "ptrace platform: breakpoints", A, {equal(0, PTRACE_PEEKUSR)}},
    {SYS_ptrace, "ptrace platform", A, {equal(0, PTRACE_GETREGSET)}},
    {SYS_ptrace, "ptrace platform", A, {equal(0, PTRACE_SETREGSET)}},
    {SYS_ptrace, "ptrace platform", A, {equal(0, PTRACE_GETSIGINFO)}},
    {SYS_ptrace, "ptrace platform", A, {equal(0, PTRACE_GET_SYSCALL_INFO)}},
    {SYS_ptrace, "ptrace platform", A, {equal(0, PTRACE_SEIZE)}},
    {SYS_ptrace, "ptrace platform", A, {equal(0, PTRACE_INTERRUPT)}},
    {SYS_ptrace, "ptrace platform", A, {equal(0, PTRACE_DETACH)}},
    {SYS_wait4, "platforms"},
    {SYS_kill, "platforms: an address space ends", A, {equal(1, SIGKILL)}},
    {SYS_tgkill, "ptrace platform: interrupt", A, {equal(2, SIGUSR1)}},
    {SYS_sched_setaffinity, "placement"},
    {SYS_getcpu, "placement, facts"},
};
}  // namespace

std::span<const FilterRow> filter_rows() { return kRows; }

}  // namespace sbx::host
