// vfork, clone and clone3: flags one by one, exit signals, tids set and cleared, shared and separate parts, pidfds, errnos.
#include "../guest.h"
#include <linux/futex.h>
#include <linux/sched.h>
#include <poll.h>
#include <sched.h>

static char *stack_top(void) {
    char *s = OK(mmap(NULL, 1 << 18, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    return s + (1 << 18);
}
static volatile int shared;
TEST(vfork_shares_memory_and_waits) {
    shared = 0;
    pid_t c = vfork();
    if (c == 0) {
        shared = 5;
        usleep(20000);
        shared = 6;
        _exit(3);
    }
    CHECK_EQ(shared, 6);
    CHECK_EXIT(c, 3);
}
static int child(void *arg) {
    shared += (long)arg;
    return 11;
}
TEST(clone_vm_or_not) {
    shared = 0;
    pid_t c = OK(clone(child, stack_top(), CLONE_VM | SIGCHLD, (void *)1));
    CHECK_EXIT(c, 11);
    CHECK_EQ(shared, 1);
    c = OK(clone(child, stack_top(), SIGCHLD, (void *)1));
    CHECK_EXIT(c, 11);
    CHECK_EQ(shared, 1);
}
TEST(exit_signal) {
    pid_t c = OK(clone(child, stack_top(), 0, (void *)1)); // none: a "clone child"
    int st;
    CHECK_ERR(waitpid(c, &st, WNOHANG), ECHILD);
    CHECK_EQ(waitpid(c, &st, __WCLONE), c);
    CHECK_EQ(WEXITSTATUS(st), 11);
    block_signal(SIGUSR1);
    c = OK(clone(child, stack_top(), SIGUSR1, (void *)1));
    CHECK_EQ(waitpid(c, &st, __WALL), c);
    sigset_t p;
    sigpending(&p);
    CHECK_EQ(sigismember(&p, SIGUSR1), 1);
}
static int close_it(void *arg) { return close((long)arg); }
TEST(clone_files) {
    int fd = OK(open("/dev/null", O_RDONLY));
    CHECK_EXIT(OK(clone(close_it, stack_top(), SIGCHLD, (void *)(long)fd)), 0);
    CHECK_EQ(fcntl(fd, F_GETFD), 0);
    CHECK_EXIT(OK(clone(close_it, stack_top(), CLONE_FILES | SIGCHLD, (void *)(long)fd)), 0);
    CHECK_ERR(fcntl(fd, F_GETFD), EBADF);
}
static int change_fs(void *arg) {
    (void)arg;
    umask(0123);
    return chdir("/proc") || chdir("/dev");
}
TEST(clone_fs) {
    char b[PATH_MAX];
    umask(022);
    CHECK_EXIT(OK(clone(change_fs, stack_top(), CLONE_FS | SIGCHLD, NULL)), 0);
    CHECK_STR(OK(getcwd(b, sizeof b)), "/dev");
    CHECK_EQ(umask(0), 0123);
}
static void nothing(int s) { (void)s; }
static int change_handler(void *arg) {
    (void)arg;
    on_signal(SIGUSR2, nothing, 0);
    return 0;
}
TEST(clone_sighand) {
    struct sigaction sa;
    CHECK_EXIT(OK(clone(change_handler, stack_top(), CLONE_VM | SIGCHLD, NULL)), 0);
    sigaction(SIGUSR2, NULL, &sa);
    CHECK(sa.sa_handler == SIG_DFL);
    CHECK_EXIT(OK(clone(change_handler, stack_top(), CLONE_VM | CLONE_SIGHAND | SIGCHLD, NULL)), 0);
    sigaction(SIGUSR2, NULL, &sa);
    CHECK(sa.sa_handler == nothing);
}
static int ppid(void *arg) { return getppid() == (long)arg ? 0 : 1; }
TEST(clone_parent) {
    pid_t parent = getpid();
    IN_CHILD(
        pid_t c = OK(clone(ppid, stack_top(), CLONE_PARENT | SIGCHLD, (void *)(long)parent));
        CHECK_ERR(waitpid(c, NULL, 0), ECHILD);
    );
    int st;
    CHECK_GT(waitpid(-1, &st, 0), 0);
    CHECK_EQ(st, 0);
}
TEST(tids) {
    volatile int ptid = 0, ctid = 0;
    shared = 0;
    pid_t c = OK(clone(child, stack_top(), CLONE_VM | CLONE_PARENT_SETTID | CLONE_CHILD_SETTID | SIGCHLD, (void *)1, &ptid, NULL, &ctid));
    CHECK_EQ(ptid, c);
    CHECK_EXIT(c, 11);
    CHECK_EQ(ctid, c);
    volatile int clear = 77;
    c = OK(clone(child, stack_top(), CLONE_VM | CLONE_CHILD_CLEARTID | SIGCHLD, (void *)1, NULL, NULL, &clear));
    CHECK_EXIT(c, 11);
    CHECK_EQ(clear, 0);
}
static volatile int thread_tid, thread_pid;
static int raw_thread(void *arg) {
    thread_tid = gettid();
    thread_pid = syscall(SYS_getpid);
    (void)arg;
    return 0;
}
TEST(clone_thread) {
    volatile int tid = -1;
    pid_t t = OK(clone(raw_thread, stack_top(), CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM |
                       CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID, NULL, &tid, NULL, &tid));
    while (tid != 0)
        syscall(SYS_futex, &tid, FUTEX_WAIT, t, NULL, NULL, 0);
    CHECK_EQ(thread_tid, t);
    CHECK_EQ(thread_pid, getpid());
    CHECK_ERR(waitpid(t, NULL, __WALL), ECHILD);
}
TEST(errnos) {
    char *s = stack_top();
    CHECK_ERR(clone(child, s, CLONE_SIGHAND | SIGCHLD, NULL), EINVAL); // needs CLONE_VM
    CHECK_ERR(clone(child, s, CLONE_VM | CLONE_THREAD, NULL), EINVAL); // needs CLONE_SIGHAND
    CHECK_ERR(clone(child, s, CLONE_FS | CLONE_NEWNS | SIGCHLD, NULL), EINVAL);
    struct clone_args a = {.flags = 0, .exit_signal = SIGCHLD};
    CHECK_ERR(syscall(SYS_clone3, &a, 8), EINVAL);
    CHECK_ERR(syscall(SYS_clone3, &a, PAGE + 1), E2BIG);
    CHECK_ERR(syscall(SYS_clone3, 8, sizeof a), EFAULT);
    a.exit_signal = 65;
    CHECK_ERR(syscall(SYS_clone3, &a, sizeof a), EINVAL);
    a.exit_signal = SIGCHLD, a.stack = 4096;
    CHECK_ERR(syscall(SYS_clone3, &a, sizeof a), EINVAL); // stack without a size
    a.stack = 0, a.flags = CLONE_DETACHED;
    CHECK_ERR(syscall(SYS_clone3, &a, sizeof a), EINVAL);
    a.flags = 1ULL << 60;
    CHECK_ERR(syscall(SYS_clone3, &a, sizeof a), EINVAL);
}
TEST(clone3) {
    int pidfd = -1;
    volatile int ptid = 0;
    struct clone_args a = {.flags = CLONE_PIDFD | CLONE_PARENT_SETTID, .pidfd = (uintptr_t)&pidfd, .parent_tid = (uintptr_t)&ptid,
                           .exit_signal = SIGCHLD};
    pid_t c = OK((pid_t)syscall(SYS_clone3, &a, sizeof a));
    if (c == 0)
        _exit(4);
    CHECK_EQ(ptid, c);
    CHECK_EQ(fcntl(pidfd, F_GETFD), FD_CLOEXEC);
    struct pollfd p = {pidfd, POLLIN, 0};
    CHECK_EQ(poll(&p, 1, 3000), 1);
    CHECK_EXIT(c, 4);
}
TEST(clear_sighand) {
    on_signal(SIGUSR1, nothing, 0);
    signal(SIGUSR2, SIG_IGN);
    struct clone_args a = {.flags = CLONE_CLEAR_SIGHAND, .exit_signal = SIGCHLD};
    pid_t c = OK((pid_t)syscall(SYS_clone3, &a, sizeof a));
    if (c == 0) {
        struct sigaction sa;
        sigaction(SIGUSR1, NULL, &sa);
        CHECK(sa.sa_handler == SIG_DFL);
        sigaction(SIGUSR2, NULL, &sa);
        CHECK(sa.sa_handler == SIG_IGN);
        _exit(0);
    }
    CHECK_EXIT(c, 0);
}
TEST(unshare_files_and_fs) {
    CHECK_EQ(unshare(CLONE_FILES | CLONE_FS), 0);
    CHECK_ERR(unshare(1), EINVAL);
}
TEST(pids_grow_and_are_not_reused_at_once) {
    pid_t last = 0;
    for (int i = 0; i < 10; i++) {
        pid_t c = FORK();
        if (c == 0)
            _exit(0);
        CHECK_EXIT(c, 0);
        CHECK_NE(c, last);
        last = c;
    }
}
TEST(vfork_parent_sees_signals_after) {
    shared = 0;
    pid_t c = vfork();
    if (c == 0) {
        kill(getppid(), SIGURG);
        shared = 1;
        _exit(0);
    }
    CHECK_EQ(shared, 1);
    CHECK_EXIT(c, 0);
}
