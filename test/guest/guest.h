// The harness of the guest tests: checks, sub-tests in forked children, and small helpers. Each program in test/guest
// includes it once, as its first header.
//
//   TEST(name) { ... }       a sub-test; runs in a forked child of its own (or in place with --nofork name)
//   TEST_DIR(name) { ... }   the same, in a fresh empty working directory that is removed afterwards
//   TEST_LONG(name) { ... }  a sub-test with a longer limit
//   HELPER(name) { ... }     what `self --helper name ARGS...` runs instead of the tests (int return; argc, argv = ARGS)
//
// A failed check prints one line on stderr and ends its process; a program's last line is `ok: N assertions` or `FAIL: ...`.
// Checks work in any process or thread below a sub-test: the counters are in shared memory.
#pragma once
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define GUEST_FAILED 101
#define GUEST_SKIPPED 102
#pragma GCC diagnostic ignored "-Wnonnull" // bad pointers and lengths are the point of many tests
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wstringop-overflow"
#pragma GCC diagnostic ignored "-Wstringop-overread"
#endif

#define PAGE 4096L
#define UNUSED __attribute__((unused))

enum { GUEST_DIR = 1 };

struct guest_test {
    const char *name;
    void (*fn)(void);
    int flags, seconds;
};
struct guest_helper {
    const char *name;
    int (*fn)(int, char **);
};
struct guest_counts {
    atomic_int checks, failures;
    char reason[160];
};

static struct guest_test guest_tests[160] UNUSED;
static struct guest_helper guest_helpers[32] UNUSED;
static int guest_ntests, guest_nhelpers;
static struct guest_counts guest_local;
static struct guest_counts *guest = &guest_local;
static const char *guest_current = "?";
static const char *guest_self UNUSED = "";
static int guest_slow UNUSED = 1; // GUEST_SLOW: a factor to all limits of time, for instrumented or very loaded kernels

UNUSED static void guest_register(const char *name, void (*fn)(void), int flags, int seconds) {
    if (guest_ntests < (int)(sizeof guest_tests / sizeof *guest_tests))
        guest_tests[guest_ntests++] = (struct guest_test){name, fn, flags, seconds};
    else
        abort();
}
UNUSED static void guest_register_helper(const char *name, int (*fn)(int, char **)) {
    guest_helpers[guest_nhelpers++] = (struct guest_helper){name, fn};
}

#define GUEST_TEST_(n, flags, seconds)                                                                                   \
    static void test_##n(void);                                                                                          \
    __attribute__((constructor)) static void guest_reg_##n(void) { guest_register(#n, test_##n, flags, seconds); }       \
    static void test_##n(void)
#define TEST(n) GUEST_TEST_(n, 0, 5)
#define TEST_DIR(n) GUEST_TEST_(n, GUEST_DIR, 5)
#define TEST_LONG(n) GUEST_TEST_(n, 0, 20) // for what a loaded machine may stretch
#define HELPER(n)                                                                                                        \
    static int helper_##n(int argc, char **argv);                                                                        \
    __attribute__((constructor)) static void guest_regh_##n(void) { guest_register_helper(#n, helper_##n); }             \
    static int helper_##n(int argc UNUSED, char **argv UNUSED)

// ---- errno names -------------------------------------------------------------------------------------------------

UNUSED static const char *errno_name(long e) {
    static char other[32];
#define E(x) case x: return #x;
    switch (e) {
        E(EPERM) E(ENOENT) E(ESRCH) E(EINTR) E(EIO) E(ENXIO) E(E2BIG) E(ENOEXEC) E(EBADF) E(ECHILD) E(EAGAIN) E(ENOMEM)
        E(EACCES) E(EFAULT) E(ENOTBLK) E(EBUSY) E(EEXIST) E(EXDEV) E(ENODEV) E(ENOTDIR) E(EISDIR) E(EINVAL) E(ENFILE)
        E(EMFILE) E(ENOTTY) E(ETXTBSY) E(EFBIG) E(ENOSPC) E(ESPIPE) E(EROFS) E(EMLINK) E(EPIPE) E(EDOM) E(ERANGE)
        E(EDEADLK) E(ENAMETOOLONG) E(ENOLCK) E(ENOSYS) E(ENOTEMPTY) E(ELOOP) E(ENOMSG) E(EIDRM) E(ENODATA) E(ETIME)
        E(EOVERFLOW) E(EILSEQ) E(EUSERS) E(ENOTSOCK) E(EDESTADDRREQ) E(EMSGSIZE) E(EPROTOTYPE) E(ENOPROTOOPT)
        E(EPROTONOSUPPORT) E(ESOCKTNOSUPPORT) E(EOPNOTSUPP) E(EPFNOSUPPORT) E(EAFNOSUPPORT) E(EADDRINUSE)
        E(EADDRNOTAVAIL) E(ENETDOWN) E(ENETUNREACH) E(ECONNABORTED) E(ECONNRESET) E(ENOBUFS) E(EISCONN) E(ENOTCONN)
        E(ETIMEDOUT) E(ECONNREFUSED) E(EHOSTUNREACH) E(EALREADY) E(EINPROGRESS) E(ESTALE) E(ECANCELED) E(EOWNERDEAD)
        E(ENOTRECOVERABLE) E(ENOKEY)
        case 0: return "no error";
    }
#undef E
    snprintf(other, sizeof other, "errno %ld", e);
    return other;
}

// ---- checks --------------------------------------------------------------------------------------------------------

__attribute__((noreturn, format(printf, 3, 4))) UNUSED static void guest_fail(const char *file, int line, const char *fmt, ...) {
    char buf[1024];
    const char *base = strstr(file, "test/guest/");
    int n = snprintf(buf, sizeof buf - 1, "%s:%d: %s: ", base ? base : file, line, guest_current);
    va_list ap;
    va_start(ap, fmt);
    n += vsnprintf(buf + n, sizeof buf - 1 - n, fmt, ap);
    va_end(ap);
    if (n > (int)sizeof buf - 2)
        n = sizeof buf - 2;
    buf[n++] = '\n';
    if (write(2, buf, n) < 0) {
    }
    atomic_fetch_add(&guest->failures, 1);
    _exit(GUEST_FAILED);
}
#define GUEST_COUNT() ((void)atomic_fetch_add(&guest->checks, 1))
#define FAIL(...) guest_fail(__FILE__, __LINE__, __VA_ARGS__)

#define CHECK(x)                                                                                                         \
    ({                                                                                                                   \
        GUEST_COUNT();                                                                                                   \
        if (!(x))                                                                                                        \
            FAIL("CHECK(%s) is false", #x);                                                                              \
    })
#define GUEST_CMP_(a, op, b)                                                                                             \
    ({                                                                                                                   \
        GUEST_COUNT();                                                                                                   \
        long long a_ = (long long)(a);                                                                                   \
        int e_ = errno;                                                                                                  \
        long long b_ = (long long)(b);                                                                                   \
        if (!(a_ op b_))                                                                                                 \
            FAIL("%s %s %s: got %lld (%#llx)%s%s, expected %s %lld (%#llx)", #a, #op, #b, a_, a_,                        \
                 a_ == -1 ? " " : "", a_ == -1 ? errno_name(e_) : "", #op, b_, b_);                                      \
    })
#define CHECK_EQ(a, b) GUEST_CMP_(a, ==, b)
#define CHECK_NE(a, b) GUEST_CMP_(a, !=, b)
#define CHECK_GE(a, b) GUEST_CMP_(a, >=, b)
#define CHECK_GT(a, b) GUEST_CMP_(a, >, b)
#define CHECK_LE(a, b) GUEST_CMP_(a, <=, b)
#define CHECK_LT(a, b) GUEST_CMP_(a, <, b)
#define CHECK_STR(a, b)                                                                                                  \
    ({                                                                                                                   \
        GUEST_COUNT();                                                                                                   \
        const char *a_ = (a), *b_ = (b);                                                                                 \
        if (strcmp(a_, b_) != 0)                                                                                         \
            FAIL("%s: got \"%.200s\", expected \"%.200s\"", #a, a_, b_);                                                 \
    })
#define CHECK_MEM(a, b, n)                                                                                               \
    ({                                                                                                                   \
        GUEST_COUNT();                                                                                                   \
        const unsigned char *a_ = (const void *)(a), *b_ = (const void *)(b);                                            \
        for (size_t i_ = 0, n_ = (n); i_ < n_; i_++)                                                                     \
            if (a_[i_] != b_[i_])                                                                                        \
                FAIL("%s against %s: byte %zu of %zu is %#x, expected %#x", #a, #b, i_, n_, a_[i_], b_[i_]);             \
    })
// OK(call): the call's value; a result of -1 fails with errno.
#define OK(call)                                                                                                         \
    ({                                                                                                                   \
        GUEST_COUNT();                                                                                                   \
        __typeof__(call) r_ = (call);                                                                                    \
        if ((long)r_ == -1L)                                                                                             \
            FAIL("%s: got -1 %s, expected success", #call, errno_name(errno));                                           \
        r_;                                                                                                              \
    })
#define CHECK_ERR(call, err)                                                                                             \
    ({                                                                                                                   \
        GUEST_COUNT();                                                                                                   \
        errno = 0;                                                                                                       \
        long r_ = (long)(call);                                                                                          \
        int e_ = errno;                                                                                                  \
        if (r_ != -1)                                                                                                    \
            FAIL("%s: got %ld (%#lx), expected -1 %s", #call, r_, r_, #err);                                             \
        if (e_ != (err))                                                                                                 \
            FAIL("%s: got -1 %s, expected -1 %s", #call, errno_name(e_), #err);                                          \
    })
// Rows of a table: a row that fails is reported and the next one runs. ROW(call, errno), or 0 for success; VALUE(call, result).
UNUSED static void guest_row(const char *file, int line, const char *what, long got, int e, long want, bool value) {
    const char *base = strstr(file, "test/guest/");
    char number[24], result[64];
    GUEST_COUNT();
    if (value ? got == want : want ? got == -1 && e == want : got != -1)
        return;
    snprintf(number, sizeof number, "%ld", want);
    snprintf(result, sizeof result, "%ld%s%s", got, got == -1 ? " " : "", got == -1 ? errno_name(e) : ""); // errno_name has one buffer
    dprintf(2, "%s:%d: %s: %s: got %s, expected %s\n", base ? base : file, line, guest_current, what, result,
            value ? number : want ? errno_name(want) : "success");
    atomic_fetch_add(&guest->failures, 1);
}
#define GUEST_ROW_(call, want, value)                                                                                    \
    ({                                                                                                                   \
        errno = 0;                                                                                                       \
        long r_ = (long)(call);                                                                                          \
        guest_row(__FILE__, __LINE__, #call, r_, errno, want, value);                                                    \
        r_;                                                                                                              \
    })
#define ROW(call, want) GUEST_ROW_(call, want, false)
#define VALUE(call, want) GUEST_ROW_(call, want, true)
// For calls that return the error number itself (pthread_*, posix_*).
#define CHECK_RET(call, err)                                                                                             \
    ({                                                                                                                   \
        GUEST_COUNT();                                                                                                   \
        int r_ = (call);                                                                                                 \
        if (r_ != (err))                                                                                                 \
            FAIL("%s: got %s, expected %s", #call, errno_name(r_), #err);                                                \
    })

__attribute__((noreturn, format(printf, 1, 2))) UNUSED static void skip(const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(guest->reason, sizeof guest->reason, fmt, ap);
    va_end(ap);
    _exit(GUEST_SKIPPED);
}

// ---- helpers -------------------------------------------------------------------------------------------------------

UNUSED static pid_t guest_waitpid(pid_t pid, int *st, int flags) {
    pid_t r;
    do
        r = waitpid(pid, st, flags);
    while (r == -1 && errno == EINTR);
    return r;
}
UNUSED static void guest_check_status(const char *file, int line, pid_t pid, bool signaled, int want) {
    int st = 0;
    GUEST_COUNT();
    pid_t r = guest_waitpid(pid, &st, 0);
    if (r != pid)
        guest_fail(file, line, "waitpid(%d): got %d %s", pid, r, errno_name(errno));
    if (signaled ? !(WIFSIGNALED(st) && WTERMSIG(st) == want) : !(WIFEXITED(st) && WEXITSTATUS(st) == want))
        guest_fail(file, line, "child: status %#x (%s %d), expected %s %d", st, WIFEXITED(st) ? "exit" : "signal",
                   WIFEXITED(st) ? WEXITSTATUS(st) : WTERMSIG(st), signaled ? "signal" : "exit", want);
}
#define CHECK_EXIT(pid, code) guest_check_status(__FILE__, __LINE__, pid, false, code)
#define CHECK_KILLED(pid, sig) guest_check_status(__FILE__, __LINE__, pid, true, sig)
#define FORK() OK(fork())
// IN_CHILD({ ... }): run the block in a forked child, which must exit with 0.
#define IN_CHILD(...)                                                                                                    \
    do {                                                                                                                 \
        pid_t p_ = FORK();                                                                                               \
        if (p_ == 0) {                                                                                                   \
            __VA_ARGS__;                                                                                                 \
            _exit(0);                                                                                                    \
        }                                                                                                                \
        CHECK_EXIT(p_, 0);                                                                                               \
    } while (0)

UNUSED static long long now_ns(void) {
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return ts.tv_sec * 1000000000LL + ts.tv_nsec;
}
UNUSED static long long now_ms(void) { return now_ns() / 1000000; }
UNUSED static void sleep_ms(int ms) {
    struct timespec ts = {ms / 1000, ms % 1000 * 1000000L};
    while (nanosleep(&ts, &ts) == -1 && errno == EINTR) {
    }
}
UNUSED static long long cpu_ns(void) {
    struct timespec ts;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
    return ts.tv_sec * 1000000000LL + ts.tv_nsec;
}
// Use up some CPU time, however long that takes on a loaded machine (up to four seconds).
UNUSED static void burn_cpu_ms(int ms) {
    long long want = cpu_ns() + ms * 1000000LL, end = now_ms() + 4000 * guest_slow;
    while (cpu_ns() < want && now_ms() < end) {
    }
}
// A gate: one process or thread waits, another opens it, once for each waiting. Works over fork.
typedef struct {
    int fd[2];
} gate_t;
UNUSED static gate_t gate_new(void) {
    gate_t g;
    if (pipe2(g.fd, O_CLOEXEC) != 0)
        FAIL("pipe2: %s", errno_name(errno));
    return g;
}
UNUSED static void gate_open(gate_t g) {
    if (write(g.fd[1], "g", 1) != 1)
        FAIL("gate: write: %s", errno_name(errno));
}
UNUSED static void gate_wait(gate_t g) {
    char c;
    ssize_t n;
    do
        n = read(g.fd[0], &c, 1);
    while (n == -1 && errno == EINTR);
    if (n != 1)
        FAIL("gate: read: %s", n == 0 ? "end of file" : errno_name(errno));
}
// WAIT_UNTIL(x): give x up to three seconds to come true.
#define WAIT_UNTIL(x)                                                                                                    \
    do {                                                                                                                 \
        GUEST_COUNT();                                                                                                   \
        long long end_ = now_ms() + 3000 * guest_slow;                                                                              \
        while (!(x)) {                                                                                                   \
            if (now_ms() > end_)                                                                                         \
                FAIL("%s has not come true in 3 s", #x);                                                                 \
            sleep_ms(1);                                                                                                 \
        }                                                                                                                \
    } while (0)

// FAULT(statement): run it and say which signal it raised (si_signo 0: none), with si_code and si_addr.
static sigjmp_buf guest_fault_jmp UNUSED;
static volatile siginfo_t guest_fault_info UNUSED;
UNUSED static void guest_fault_handler(int sig, siginfo_t *si, void *uc) {
    (void)sig, (void)uc;
    memcpy((void *)&guest_fault_info, si, sizeof *si);
    siglongjmp(guest_fault_jmp, 1);
}
#define FAULT(...)                                                                                                       \
    ({                                                                                                                   \
        struct sigaction sa_ = {0}, segv_, bus_, ill_, fpe_, trap_;                                                      \
        sa_.sa_sigaction = guest_fault_handler;                                                                          \
        sa_.sa_flags = SA_SIGINFO | SA_ONSTACK;                                                                          \
        sigaction(SIGSEGV, &sa_, &segv_), sigaction(SIGBUS, &sa_, &bus_), sigaction(SIGILL, &sa_, &ill_);                \
        sigaction(SIGFPE, &sa_, &fpe_), sigaction(SIGTRAP, &sa_, &trap_);                                                \
        memset((void *)&guest_fault_info, 0, sizeof guest_fault_info);                                                   \
        if (sigsetjmp(guest_fault_jmp, 1) == 0) {                                                                        \
            __VA_ARGS__;                                                                                                 \
        }                                                                                                                \
        sigaction(SIGSEGV, &segv_, 0), sigaction(SIGBUS, &bus_, 0), sigaction(SIGILL, &ill_, 0);                         \
        sigaction(SIGFPE, &fpe_, 0), sigaction(SIGTRAP, &trap_, 0);                                                      \
        guest_fault_info;                                                                                                \
    })
#define CHECK_FAULT(stmt, sig, code, addr)                                                                               \
    do {                                                                                                                 \
        siginfo_t si_ = FAULT(stmt);                                                                                     \
        CHECK_EQ(si_.si_signo, sig);                                                                                     \
        CHECK_EQ(si_.si_code, code);                                                                                     \
        CHECK_EQ((long)si_.si_addr, (long)(addr));                                                                       \
    } while (0)
#define CHECK_NO_FAULT(stmt)                                                                                             \
    do {                                                                                                                 \
        siginfo_t si_ = FAULT(stmt);                                                                                     \
        CHECK_EQ(si_.si_signo, 0);                                                                                       \
    } while (0)

UNUSED static void on_nothing(int sig) { (void)sig; } // a handler, for signals that are to interrupt
UNUSED static void on_signal(int sig, void (*fn)(int), int flags) {
    struct sigaction sa = {0};
    sa.sa_handler = fn;
    sa.sa_flags = flags;
    if (sigaction(sig, &sa, NULL) != 0)
        FAIL("sigaction(%d): %s", sig, errno_name(errno));
}
UNUSED static void on_siginfo(int sig, void (*fn)(int, siginfo_t *, void *), int flags) {
    struct sigaction sa = {0};
    sa.sa_sigaction = fn;
    sa.sa_flags = flags | SA_SIGINFO;
    if (sigaction(sig, &sa, NULL) != 0)
        FAIL("sigaction(%d): %s", sig, errno_name(errno));
}
UNUSED static sigset_t sigset_of(int a, int b, int c) {
    sigset_t s;
    sigemptyset(&s);
    if (a)
        sigaddset(&s, a);
    if (b)
        sigaddset(&s, b);
    if (c)
        sigaddset(&s, c);
    return s;
}
UNUSED static void block_signal(int sig) {
    sigset_t s = sigset_of(sig, 0, 0);
    sigprocmask(SIG_BLOCK, &s, NULL);
}
UNUSED static void unblock_signal(int sig) {
    sigset_t s = sigset_of(sig, 0, 0);
    sigprocmask(SIG_UNBLOCK, &s, NULL);
}
// Every ms milliseconds a SIGALRM from now on, so that "a signal arrives while blocked" needs no knowledge of when.
UNUSED static void tick(int ms) {
    struct itimerval it = {{ms / 1000, ms % 1000 * 1000}, {ms / 1000, ms % 1000 * 1000}};
    if (setitimer(ITIMER_REAL, &it, NULL) != 0)
        FAIL("setitimer: %s", errno_name(errno));
}

UNUSED static void write_file(const char *path, const char *text) {
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text) || close(fd) != 0)
        FAIL("write_file(%s): %s", path, errno_name(errno));
}
// The file's text in a static buffer (up to 64 KiB), NUL-terminated.
UNUSED static char *read_file(const char *path) {
    static char buf[65536];
    size_t n = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        FAIL("read_file(%s): %s", path, errno_name(errno));
    for (ssize_t r; n < sizeof buf - 1 && (r = read(fd, buf + n, sizeof buf - 1 - n)) > 0;)
        n += r;
    buf[n] = 0;
    close(fd);
    return buf;
}

// Capabilities, by number (linux/capability.h), without libcap.
UNUSED static uint64_t cap_effective(void) {
    struct { uint32_t version; int pid; } h = {0x20080522, 0};
    struct { uint32_t effective, permitted, inheritable; } d[2] = {{0}};
    if (syscall(SYS_capget, &h, d) != 0)
        return 0;
    return d[0].effective | (uint64_t)d[1].effective << 32;
}
// Root with what matters of its capabilities.
UNUSED static bool privileged(void) { return geteuid() == 0 && cap_effective() >> 21 & 1 /* CAP_SYS_ADMIN */; }
UNUSED static void need_cap(int cap, const char *name) {
    if (!(cap_effective() >> cap & 1))
        skip("needs %s", name);
}
#define NEED_CAP(cap) need_cap(cap, #cap)
#define NEED_ROOT()                                                                                                      \
    do {                                                                                                                 \
        if (geteuid() != 0)                                                                                              \
            skip("needs root");                                                                                          \
        if ((cap_effective() & 0xff) != 0xff)                                                                            \
            skip("needs root with its capabilities");                                                                    \
    } while (0)
#define NEED_USER()                                                                                                      \
    do {                                                                                                                 \
        if (geteuid() == 0)                                                                                              \
            skip("needs an ordinary user");                                                                              \
    } while (0)
// To mount in: root goes into a new mount namespace, an ordinary user into a user namespace as well.
UNUSED static void enter_mount_namespace(void) {
    char map[32];
    if (geteuid() == 0) {
        NEED_ROOT();
        if (unshare(CLONE_NEWNS) != 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
            FAIL("a mount namespace: %s", errno_name(errno));
        return;
    }
    int gid = getegid();
    snprintf(map, sizeof map, "0 %d 1", geteuid());
    if (unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0)
        skip("no user namespaces");
    write_file("/proc/self/uid_map", map), write_file("/proc/self/setgroups", "deny");
    snprintf(map, sizeof map, "0 %d 1", gid);
    write_file("/proc/self/gid_map", map);
}
// In a child of a root test: become an ordinary user for good.
UNUSED static void become(uid_t uid) {
    if (syscall(SYS_setgroups, 0, NULL) != 0 || setresgid(uid, uid, uid) != 0 || setresuid(uid, uid, uid) != 0)
        FAIL("become(%d): %s", (int)uid, errno_name(errno));
}

// ---- running -------------------------------------------------------------------------------------------------------

UNUSED static void guest_remove_tree(int dir, const char *name) {
    int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 && errno == EACCES && fchmodat(dir, name, 0700, 0) == 0)
        fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd >= 0) {
        fchmod(fd, 0700);
        DIR *d = fdopendir(fd);
        for (struct dirent *e; d && (e = readdir(d));) {
            if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, ".."))
                continue;
            if (unlinkat(fd, e->d_name, 0) != 0)
                guest_remove_tree(fd, e->d_name);
        }
        if (d)
            closedir(d);
    }
    unlinkat(dir, name, AT_REMOVEDIR);
}

static atomic_int guest_expired;
UNUSED static void guest_on_alarm(int sig) {
    (void)sig;
    guest_expired = 1;
}

// Kill what a sub-test left behind; the runner is the subreaper, so strays are its children.
UNUSED static void guest_kill_strays(void) {
    for (int round = 0; round < 50; round++) {
        pid_t r = waitpid(-1, NULL, WNOHANG | __WALL);
        if (r > 0)
            continue;
        if (r < 0)
            return;
        char buf[512] = "", path[64];
        snprintf(path, sizeof path, "/proc/self/task/%d/children", (int)getpid());
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
            return;
        ssize_t n = read(fd, buf, sizeof buf - 1);
        close(fd);
        if (n <= 0)
            return;
        for (char *p = buf, *e; *p; p = e) {
            long pid = strtol(p, &e, 10);
            if (e == p)
                break;
            kill(pid, SIGKILL);
        }
        usleep(1000);
    }
}

UNUSED static bool guest_enter_dir(char *dir, size_t size) {
    const char *tmp = getenv("TMPDIR");
    snprintf(dir, size, "%s/guest.XXXXXX", tmp && *tmp ? tmp : "/tmp");
    if (!mkdtemp(dir) || chdir(dir) != 0) {
        fprintf(stderr, "%s: temporary directory %s: %s\n", guest_current, dir, errno_name(errno));
        return false;
    }
    return true;
}

// Returns 0 passed, 1 failed, 2 skipped.
UNUSED static int guest_run(const struct guest_test *t) {
    char dir[PATH_MAX] = "";
    int failures = guest->failures, old = -1, st = 0;
    guest_current = t->name;
    guest->reason[0] = 0;
    if (t->flags & GUEST_DIR) {
        old = open(".", O_PATH | O_CLOEXEC);
        if (!guest_enter_dir(dir, sizeof dir)) {
            close(old);
            return 1;
        }
    }
    pid_t pid = fork();
    if (pid < 0) {
        fprintf(stderr, "%s: fork: %s\n", t->name, errno_name(errno));
        st = GUEST_FAILED << 8;
    } else if (pid == 0) {
        if (old >= 0)
            close(old);
        on_signal(SIGALRM, SIG_DFL, 0);
        t->fn();
        _exit(0);
    } else {
        guest_expired = 0;
        alarm(t->seconds * guest_slow);
        while (waitpid(pid, &st, 0) != pid) {
            if (guest_expired) {
                guest_expired = 0;
                fprintf(stderr, "%s: still running after %d s\n", t->name, t->seconds * guest_slow);
                atomic_fetch_add(&guest->failures, 1);
                kill(pid, SIGKILL);
            } else if (errno != EINTR) {
                fprintf(stderr, "%s: waitpid: %s\n", t->name, errno_name(errno));
                st = GUEST_FAILED << 8;
                break;
            }
        }
        alarm(0);
        if (WIFSIGNALED(st) && guest->failures == failures)
            fprintf(stderr, "%s: died of signal %d\n", t->name, WTERMSIG(st));
        else if (WIFEXITED(st) && WEXITSTATUS(st) != 0 && WEXITSTATUS(st) != GUEST_SKIPPED && guest->failures == failures)
            fprintf(stderr, "%s: exited with %d\n", t->name, WEXITSTATUS(st));
        guest_kill_strays();
    }
    if (old >= 0) {
        if (fchdir(old) != 0 && chdir("/") != 0) {
        }
        close(old);
        guest_remove_tree(AT_FDCWD, dir);
    }
    if (guest->failures != failures)
        return 1;
    if (WIFEXITED(st) && WEXITSTATUS(st) == GUEST_SKIPPED)
        return 2;
    return st != 0;
}

// --list: name the sub-tests; --only NAME: run one; --nofork NAME: run one without fork; --results: a line for each.
int main(int argc, char **argv) {
    const char *only = NULL;
    bool nofork = false, results = false;
    static char self[PATH_MAX];
    if (argv[0] && realpath(argv[0], self))
        guest_self = self;
    const char *slow = getenv("GUEST_SLOW");
    if (slow && atoi(slow) > 1)
        guest_slow = atoi(slow);
    if (argc > 2 && !strcmp(argv[1], "--helper")) {
        guest_current = argv[2];
        for (int i = 0; i < guest_nhelpers; i++)
            if (!strcmp(guest_helpers[i].name, argv[2]))
                return guest_helpers[i].fn(argc - 3, argv + 3);
        return 99;
    }
    for (int i = 1; i < argc; i++) {
        if (!strcmp(argv[i], "--list")) {
            for (int j = 0; j < guest_ntests; j++)
                puts(guest_tests[j].name);
            return 0;
        }
        if (!strcmp(argv[i], "--results"))
            results = true;
        else if ((!strcmp(argv[i], "--only") || !strcmp(argv[i], "--nofork")) && i + 1 < argc) {
            nofork = argv[i][2] == 'n';
            only = argv[++i];
        } else {
            fprintf(stderr, "usage: %s [--results] [--list | --only NAME | --nofork NAME]\n", argv[0]);
            return 2;
        }
    }
    setvbuf(stdout, NULL, _IONBF, 0);
    if (nofork) {
        for (int i = 0; i < guest_ntests; i++)
            if (!strcmp(guest_tests[i].name, only)) {
                char dir[PATH_MAX];
                guest_current = only;
                if ((guest_tests[i].flags & GUEST_DIR) && !guest_enter_dir(dir, sizeof dir))
                    return GUEST_FAILED;
                guest_tests[i].fn();
                if ((guest_tests[i].flags & GUEST_DIR) && chdir("/") == 0)
                    guest_remove_tree(AT_FDCWD, dir);
                printf("ok: %d assertions\n", guest->checks);
                return 0;
            }
        fprintf(stderr, "no sub-test %s\n", only);
        return 2;
    }
    void *m = mmap(NULL, sizeof guest_local, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (m != MAP_FAILED)
        guest = m;
    on_signal(SIGALRM, guest_on_alarm, 0);
    prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    char failed[512] = "";
    int ran = 0, nfailed = 0;
    for (int i = 0; i < guest_ntests; i++) {
        if (only && strcmp(guest_tests[i].name, only))
            continue;
        ran++;
        int r = guest_run(&guest_tests[i]);
        if (results)
            printf("%s %s%s%s\n", r == 0 ? "pass" : r == 1 ? "fail" : "skip", guest_tests[i].name, r == 2 ? " " : "",
                   r == 2 ? guest->reason : "");
        if (r == 1) {
            nfailed++;
            size_t n = strlen(failed);
            snprintf(failed + n, sizeof failed - n, " %s", guest_tests[i].name);
        }
    }
    if (ran == 0) {
        fprintf(stderr, "no sub-test %s\n", only ? only : "at all");
        return 2;
    }
    if (nfailed)
        printf("FAIL:%s\n", failed);
    else
        printf("ok: %d assertions\n", guest->checks);
    return nfailed ? 1 : 0;
}
