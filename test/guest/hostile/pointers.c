// Bad pointers and lengths for as many calls as have them: each must give its errno and do nothing else.
#include "../guest.h"
#include <poll.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/un.h>

static const long bad[] = {8, 0x7ffffffff000, 0x800000000000, -1, (long)0x8000000000000000, (long)0xffffffff81000000, -4096, -8};
#define NBAD (sizeof bad / sizeof *bad)
static long hole; // two unmapped pages with the page before them mapped
static void make_hole(void) {
    char *p = OK(mmap(NULL, 3 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    memset(p, 0x41, PAGE);
    OK(munmap(p + PAGE, 2 * PAGE));
    hole = (long)p + PAGE;
}
// Each bad pointer, the first byte of a hole, and one byte before a hole (so that a longer object crosses).
#define EFAULTS(...)                                                                                                     \
    ({                                                                                                                   \
        for (size_t i_ = 0; i_ < NBAD + 2; i_++) {                                                                       \
            long p = i_ < NBAD ? bad[i_] : i_ == NBAD ? hole : hole - 1;                                                 \
            errno = 0;                                                                                                   \
            long r_ = (__VA_ARGS__);                                                                                     \
            GUEST_COUNT();                                                                                               \
            if (r_ != -1 || errno != EFAULT)                                                                             \
                FAIL("%s with p = %#lx: got %ld %s, expected -1 EFAULT", #__VA_ARGS__, p, r_, errno_name(errno));        \
        }                                                                                                                \
    })
#define S(nr, ...) syscall(SYS_##nr, ##__VA_ARGS__)
// Strings: unmapped ones give EFAULT; one without an end before the hole does too.
TEST(paths) {
    make_hole();
    EFAULTS(S(open, p, O_RDONLY, 0)), EFAULTS(S(openat, AT_FDCWD, p, O_RDONLY, 0)), EFAULTS(S(creat, p, 0600));
    EFAULTS(S(access, p, 0)), EFAULTS(S(chdir, p)), EFAULTS(S(mkdir, p, 0700)), EFAULTS(S(rmdir, p)), EFAULTS(S(unlink, p));
    EFAULTS(S(chmod, p, 0600)), EFAULTS(S(chown, p, -1, -1)), EFAULTS(S(truncate, p, 0)), EFAULTS(S(readlink, p, &hole, 8));
    EFAULTS(S(link, p, "x")), EFAULTS(S(link, "/", p)), EFAULTS(S(symlink, p, "x")), EFAULTS(S(symlink, "x", p));
    EFAULTS(S(rename, p, "x")), EFAULTS(S(rename, "x", p)), EFAULTS(S(mknod, p, S_IFREG, 0));
    EFAULTS(S(execve, p, NULL, NULL));
    char buf[256];
    EFAULTS(S(stat, p, buf)), EFAULTS(S(lstat, p, buf)), EFAULTS(S(statfs, p, buf)), EFAULTS(S(newfstatat, AT_FDCWD, p, buf, 0));
    EFAULTS(S(statx, AT_FDCWD, p, 0, 0, buf)), EFAULTS(S(getxattr, p, "user.x", buf, 8)), EFAULTS(S(getxattr, "/", p, buf, 8));
    EFAULTS(S(inotify_add_watch, inotify_init(), p, IN_OPEN)), EFAULTS(S(memfd_create, p, 0)), EFAULTS(S(utimensat, AT_FDCWD, p, NULL, 0));
}
TEST(results) {
    make_hole();
    EFAULTS(S(stat, "/", p)), EFAULTS(S(lstat, "/", p)), EFAULTS(S(fstat, 0, p)), EFAULTS(S(statfs, "/", p)), EFAULTS(S(fstatfs, 0, p));
    EFAULTS(S(statx, AT_FDCWD, "/", 0, 0x7ff, p));
    EFAULTS(S(pipe, p)), EFAULTS(S(pipe2, p, 0)), EFAULTS(S(socketpair, AF_UNIX, SOCK_STREAM, 0, p));
    EFAULTS(S(uname, p)), EFAULTS(S(sysinfo, p)), EFAULTS(S(times, p)), EFAULTS(S(getrusage, 0, p)), EFAULTS(S(getrlimit, 0, p));
    EFAULTS(S(prlimit64, 0, 0, NULL, p)), EFAULTS(S(getcwd, p, 100)), EFAULTS(S(getresuid, p, &hole, &hole)), EFAULTS(S(getresgid, p, &hole, &hole));
    EFAULTS(S(getitimer, 0, p)), EFAULTS(S(clock_gettime, 1, p)), EFAULTS(S(clock_getres, 1, p));
    EFAULTS(S(gettimeofday, p, NULL)), EFAULTS(S(sched_getparam, 0, p)), EFAULTS(S(sched_rr_get_interval, 0, p));
    EFAULTS(p == hole - 1 ? (errno = EFAULT, -1) : S(getrandom, p, 64, 0)), EFAULTS(S(capget, p, NULL)), EFAULTS(S(prctl, PR_GET_PDEATHSIG, p)), EFAULTS(S(prctl, PR_GET_NAME, p));
    EFAULTS(S(rt_sigpending, p, 8)), EFAULTS(S(rt_sigprocmask, 0, NULL, p, 8)), EFAULTS(S(rt_sigaction, SIGUSR1, NULL, p, 8));
    EFAULTS(S(sigaltstack, NULL, p)), EFAULTS(S(timer_create, 1, NULL, p)), EFAULTS(S(arch_prctl, 0x1003, p));
    int st = 0;
    EFAULTS(S(getsockopt, socket(AF_UNIX, SOCK_STREAM, 0), SOL_SOCKET, SO_TYPE, p, (st = 4, &st)));
    EFAULTS(S(getdents64, open("/", O_RDONLY), p, 4096));
    EFAULTS(S(get_robust_list, 0, p, &hole)), EFAULTS(S(get_robust_list, 0, &st + 2, p));
}
TEST(arguments) {
    make_hole();
    EFAULTS(S(nanosleep, p, NULL)), EFAULTS(S(clock_nanosleep, 1, 0, p, NULL)), EFAULTS(S(setitimer, 0, p, NULL));
    EFAULTS(S(rt_sigaction, SIGUSR1, p, NULL, 8)), EFAULTS(S(rt_sigprocmask, 0, p, NULL, 8)), EFAULTS(S(rt_sigsuspend, p, 8));
    EFAULTS(S(rt_sigtimedwait, p, NULL, NULL, 8)), EFAULTS(S(rt_sigqueueinfo, getpid(), SIGUSR1, p)), EFAULTS(S(sigaltstack, p, NULL));
    EFAULTS(S(setrlimit, 0, p)), EFAULTS(S(poll, p, 1, 0)), EFAULTS(S(select, 8, p, NULL, NULL, NULL)), EFAULTS(S(ppoll, &hole, 0, p, NULL, 8));
    EFAULTS(S(epoll_ctl, epoll_create(1), EPOLL_CTL_ADD, eventfd(0, 0), p));
    EFAULTS(S(sched_setparam, 0, p)), EFAULTS(S(sched_setaffinity, 0, 8, p));
    EFAULTS(S(clone3, p, 88)), EFAULTS(S(openat2, AT_FDCWD, "/", p, 24));
    EFAULTS(S(timerfd_settime, timerfd_create(1, 0), 0, p, NULL));
    EFAULTS(S(signalfd4, -1, p, 8, 0));
}
TEST(buffers) {
    make_hole();
    int pp[2], s[2], z = OK(open("/dev/zero", O_RDONLY)), n = OK(open("/proc/self/status", O_RDONLY));
    OK(pipe2(pp, O_NONBLOCK));
    OK(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, s));
    for (size_t i = 0; i < NBAD; i++) {
        long p = bad[i];
        CHECK_ERR(S(write, pp[1], p, 100), EFAULT);
        CHECK_ERR(S(read, z, p, 100), EFAULT);
        CHECK_ERR(S(pread64, n, p, 100, 0), EFAULT);
        CHECK_ERR(S(sendto, s[0], p, 100, 0, NULL, 0), EFAULT);
        CHECK_ERR(S(sendmsg, s[0], p, 0), EFAULT);
        CHECK_ERR(S(recvmsg, s[1], p, MSG_DONTWAIT), EFAULT);
        CHECK_ERR(S(writev, pp[1], p, 1), EFAULT);
        CHECK_ERR(S(readv, z, p, 1), EFAULT);
        CHECK_ERR(S(vmsplice, pp[1], p, 1, 0), EFAULT);
        CHECK_ERR(S(bind, s[0], p, 20), EFAULT);
        CHECK_ERR(S(connect, s[0], p, 20), EFAULT);
    }
    CHECK_ERR(S(read, pp[0], &z, 1), EAGAIN); // nothing got through
    CHECK_EQ(S(read, z, hole - 10, 100), 10); // up to the hole
    char b[256];
    CHECK_EQ(S(pread64, n, hole - 10, 100, 0) == 10 || errno == EFAULT, 1);
    CHECK_EQ(S(pread64, n, b, 10, 0), 10);
}
TEST(lengths) {
    char b[16];
    int z = OK(open("/dev/zero", O_RDWR)), s = OK(socket(AF_UNIX, SOCK_DGRAM, 0));
    CHECK_ERR(S(bind, s, b, -1), EINVAL);
    CHECK_ERR(S(bind, s, b, 1000), EINVAL);
    CHECK_ERR(S(connect, s, b, 0x7fffffff), EINVAL);
    CHECK_ERR(S(setsockopt, s, SOL_SOCKET, SO_SNDBUF, b, -1), EINVAL);
    int neg = -1;
    CHECK_ERR(S(getsockopt, s, SOL_SOCKET, SO_TYPE, b, &neg), EINVAL);
    CHECK_ERR(S(poll, b, 0x7fffffff, 0), EINVAL);
    CHECK_ERR(S(readv, z, b, 0x7fffffff), EINVAL);
    CHECK_ERR(S(select, 0x7fffffff, 8, 0, 0, 0), EFAULT);
    CHECK_ERR(S(getcwd, b, 0), ERANGE);
    CHECK_ERR(S(epoll_wait, OK(epoll_create(1)), b, 0x7fffffff, 0), EINVAL);
    CHECK_ERR(S(setgroups, 0x7fffffff, b), geteuid() == 0 && (cap_effective() >> 6 & 1) ? EINVAL : EPERM);
    CHECK_ERR(S(mremap, b, -1L, -1L, 0), EINVAL);
    CHECK_ERR(S(mincore, 0, -1, b), ENOMEM);
    CHECK_ERR(S(process_vm_readv, getpid(), b, 0x7fffffff, b, 1, 0), EINVAL);
    CHECK_EQ(S(write, z, b, 0), 0);
    CHECK_EQ(S(sched_getaffinity, 0, 0x10000, malloc(0x10000)) > 0, 1);
}
