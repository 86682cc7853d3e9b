// Real-time signals: queued, in order, with values; sigtimedwait, sigwaitinfo, sigsuspend, rt_sigqueueinfo, pause, signalfd.
#include "../guest.h"
#include <poll.h>
#include <pthread.h>
#include <sys/signalfd.h>

static volatile int n, order[32], values[32];
static void record(int s, siginfo_t *si, void *u) {
    (void)u;
    order[n] = s;
    values[n++] = si->si_value.sival_int;
}
static void queue(int s, int v) { OK(sigqueue(getpid(), s, (union sigval){.sival_int = v})); }

TEST(rt_signals_queue_in_order) {
    int a = SIGRTMIN, b = SIGRTMIN + 1;
    on_siginfo(a, record, 0), on_siginfo(b, record, 0);
    struct sigaction sa = {.sa_sigaction = record, .sa_flags = SA_SIGINFO};
    sigfillset(&sa.sa_mask);
    sigaction(a, &sa, NULL), sigaction(b, &sa, NULL), sigaction(SIGUSR1, &sa, NULL);
    sigset_t s = sigset_of(a, b, SIGUSR1), old;
    sigprocmask(SIG_BLOCK, &s, &old);
    queue(b, 1), queue(a, 2), queue(a, 3), queue(b, 4), queue(SIGUSR1, 5), queue(SIGUSR1, 6), queue(a, 7);
    sigprocmask(SIG_SETMASK, &old, NULL);
    // Lowest number first, in order within one; standard signals before real-time ones and only once.
    int want_s[] = {SIGUSR1, a, a, a, b, b}, want_v[] = {5, 2, 3, 7, 1, 4};
    CHECK_EQ(n, 6);
    for (int i = 0; i < 6; i++)
        CHECK_EQ(order[i], want_s[i]), CHECK_EQ(values[i], want_v[i]);
}
TEST(delivered_nested_lowest_runs_last) {
    // Without a mask in the handler all frames are pushed before any runs: the last pushed runs first.
    int a = SIGRTMIN, b = SIGRTMIN + 1;
    on_siginfo(a, record, 0), on_siginfo(b, record, 0);
    sigset_t s = sigset_of(a, b, 0);
    sigprocmask(SIG_BLOCK, &s, NULL);
    queue(a, 1), queue(b, 2);
    sigprocmask(SIG_UNBLOCK, &s, NULL);
    CHECK_EQ(n, 2);
    CHECK_EQ(order[0], b), CHECK_EQ(order[1], a);
}
TEST(sigwaitinfo) {
    sigset_t s = sigset_of(SIGUSR1, SIGRTMIN + 2, 0);
    sigprocmask(SIG_BLOCK, &s, NULL);
    queue(SIGRTMIN + 2, 9), queue(SIGUSR1, 8);
    siginfo_t si;
    CHECK_EQ(sigwaitinfo(&s, &si), SIGUSR1);
    CHECK_EQ(si.si_value.sival_int, 8);
    CHECK_EQ(si.si_code, SI_QUEUE);
    CHECK_EQ(sigwaitinfo(&s, &si), SIGRTMIN + 2);
    CHECK_EQ(si.si_value.sival_int, 9);
    pid_t c = FORK();
    if (c == 0) {
        sleep_ms(10);
        kill(getppid(), SIGUSR1);
        _exit(0);
    }
    CHECK_EQ(sigwaitinfo(&s, &si), SIGUSR1);
    CHECK_EQ(si.si_pid, c);
    CHECK_EXIT(c, 0);
}
TEST(sigtimedwait) {
    sigset_t s = sigset_of(SIGUSR1, 0, 0);
    sigprocmask(SIG_BLOCK, &s, NULL);
    struct timespec zero = {0, 0}, ms20 = {0, 20000000}, bad = {0, 1000000000};
    CHECK_ERR(sigtimedwait(&s, NULL, &zero), EAGAIN);
    long long t = now_ns();
    CHECK_ERR(sigtimedwait(&s, NULL, &ms20), EAGAIN);
    CHECK_GE(now_ns() - t, 20000000);
    CHECK_ERR(sigtimedwait(&s, NULL, &bad), EINVAL);
    raise(SIGUSR1);
    CHECK_EQ(sigtimedwait(&s, NULL, &zero), SIGUSR1);
}
static void nothing(int s) { (void)s; }
TEST(sigtimedwait_is_interrupted_by_others) {
    sigset_t s = sigset_of(SIGUSR1, 0, 0);
    sigprocmask(SIG_BLOCK, &s, NULL);
    on_signal(SIGALRM, nothing, SA_RESTART);
    tick(10);
    CHECK_ERR(sigwaitinfo(&s, NULL), EINTR);
}
TEST(sigsuspend) {
    on_siginfo(SIGUSR1, record, 0);
    block_signal(SIGUSR1), block_signal(SIGUSR2);
    raise(SIGUSR1);
    sigset_t e;
    sigemptyset(&e);
    CHECK_EQ(n, 0);
    CHECK_ERR(sigsuspend(&e), EINTR);
    CHECK_EQ(n, 1);
    sigset_t now;
    sigprocmask(SIG_BLOCK, NULL, &now);
    CHECK_EQ(sigismember(&now, SIGUSR1), 1), CHECK_EQ(sigismember(&now, SIGUSR2), 1); // restored after the handler
    pid_t c = FORK();
    if (c == 0) {
        sleep_ms(10);
        kill(getppid(), SIGUSR1);
        _exit(0);
    }
    CHECK_ERR(sigsuspend(&e), EINTR);
    CHECK_EQ(n, 2);
    CHECK_EXIT(c, 0);
}
TEST(pause_returns_after_handler) {
    on_signal(SIGALRM, nothing, SA_RESTART);
    tick(10);
    CHECK_ERR(pause(), EINTR);
}
TEST(sigqueueinfo_rules) {
    siginfo_t si = {0};
    si.si_signo = SIGRTMIN, si.si_code = -60, si.si_value.sival_int = 3;
    on_siginfo(SIGRTMIN, record, 0);
    CHECK_EQ(syscall(SYS_rt_sigqueueinfo, getpid(), SIGRTMIN, &si), 0);
    CHECK_EQ(values[0], 3);
    gate_t g = gate_new();
    pid_t c = FORK();
    if (c == 0) {
        gate_wait(g);
        _exit(0);
    }
    si.si_code = SI_USER; // only the kernel may say so to another process
    CHECK_ERR(syscall(SYS_rt_sigqueueinfo, c, 0, &si), EPERM);
    si.si_code = SI_TKILL;
    CHECK_ERR(syscall(SYS_rt_sigqueueinfo, c, 0, &si), EPERM);
    si.si_code = SI_QUEUE;
    CHECK_EQ(syscall(SYS_rt_sigqueueinfo, c, 0, &si), 0);
    CHECK_ERR(syscall(SYS_rt_sigqueueinfo, c, 65, &si), EINVAL);
    CHECK_EQ(syscall(SYS_rt_tgsigqueueinfo, getpid(), gettid(), SIGRTMIN, &si), 0);
    CHECK_EQ(n, 2);
    gate_open(g);
    CHECK_EXIT(c, 0);
}
TEST(rlimit_sigpending) {
    struct rlimit r = {4, 4};
    sigset_t s = sigset_of(SIGRTMIN, 0, 0);
    sigprocmask(SIG_BLOCK, &s, NULL);
    CHECK_EQ(setrlimit(RLIMIT_SIGPENDING, &r), 0);
    int i;
    for (i = 0; i < 10; i++)
        if (sigqueue(getpid(), SIGRTMIN, (union sigval){.sival_int = i}) != 0)
            break;
    CHECK_EQ(errno, EAGAIN);
    CHECK_LE(i, 4);
    CHECK_EQ(kill(getpid(), SIGUSR1 * 0 + SIGCHLD), 0); // kill of a standard signal needs no queue entry
}
TEST(signalfd_read) {
    sigset_t s = sigset_of(SIGUSR1, SIGRTMIN, 0);
    sigprocmask(SIG_BLOCK, &s, NULL);
    int fd = OK(signalfd(-1, &s, SFD_NONBLOCK | SFD_CLOEXEC));
    struct signalfd_siginfo si[4];
    CHECK_ERR(read(fd, si, sizeof si), EAGAIN);
    CHECK_ERR(read(fd, si, 10), EINVAL);
    struct pollfd p = {fd, POLLIN, 0};
    CHECK_EQ(poll(&p, 1, 0), 0);
    queue(SIGRTMIN, 1), queue(SIGRTMIN, 2), kill(getpid(), SIGUSR1);
    CHECK_EQ(poll(&p, 1, 0), 1);
    CHECK_EQ(p.revents, POLLIN);
    CHECK_EQ(read(fd, si, sizeof si), 3 * sizeof si[0]);
    CHECK_EQ(si[0].ssi_signo, SIGUSR1), CHECK_EQ(si[0].ssi_code, SI_USER), CHECK_EQ(si[0].ssi_pid, getpid());
    CHECK_EQ(si[1].ssi_signo, SIGRTMIN), CHECK_EQ(si[1].ssi_int, 1), CHECK_EQ(si[2].ssi_int, 2);
    CHECK_ERR(read(fd, si, sizeof si), EAGAIN);
    sigset_t other = sigset_of(SIGUSR2, 0, 0);
    CHECK_EQ(signalfd(fd, &other, 0), fd); // changes the mask
    kill(getpid(), SIGUSR1);
    CHECK_EQ(poll(&p, 1, 0), 0);
    int pp[2];
    OK(pipe(pp));
    CHECK_ERR(signalfd(pp[0], &s, 0), EINVAL);
    CHECK_ERR(signalfd(-1, &s, 1), EINVAL);
    CHECK_ERR(signalfd(99, &s, 0), EBADF);
    CHECK_ERR(write(fd, si, sizeof si), EINVAL);
}
TEST(signalfd_blocks) {
    sigset_t s = sigset_of(SIGUSR1, 0, 0);
    sigprocmask(SIG_BLOCK, &s, NULL);
    int fd = OK(signalfd(-1, &s, 0));
    pid_t c = FORK();
    if (c == 0) {
        sleep_ms(10);
        kill(getppid(), SIGUSR1);
        _exit(0);
    }
    struct signalfd_siginfo si;
    CHECK_EQ(read(fd, &si, sizeof si), sizeof si);
    CHECK_EQ(si.ssi_pid, c);
    CHECK_EXIT(c, 0);
}
static volatile pid_t handled_by;
static void by(int s) {
    (void)s;
    handled_by = gettid();
}
static void *wait_there(void *arg) {
    gate_t *g = arg;
    unblock_signal(SIGUSR2);
    *(volatile pid_t *)&g[1].fd[0] = gettid();
    gate_open(g[0]);
    while (!handled_by)
        sleep_ms(1);
    return NULL;
}
TEST(process_signal_goes_to_a_thread_that_takes_it) {
    on_signal(SIGUSR2, by, 0);
    block_signal(SIGUSR2);
    gate_t g[2] = {gate_new()};
    pthread_t t;
    CHECK_RET(pthread_create(&t, NULL, wait_there, g), 0);
    gate_wait(g[0]);
    kill(getpid(), SIGUSR2);
    CHECK_RET(pthread_join(t, NULL), 0);
    CHECK_EQ(handled_by, g[1].fd[0]);
}
TEST(thread_directed_stays_with_its_thread) {
    on_signal(SIGUSR2, by, 0);
    block_signal(SIGUSR2);
    CHECK_EQ(syscall(SYS_tgkill, getpid(), gettid(), SIGUSR2), 0);
    sigset_t p;
    sigpending(&p);
    CHECK_EQ(sigismember(&p, SIGUSR2), 1);
    IN_CHILD(sigpending(&p); CHECK_EQ(sigismember(&p, SIGUSR2), 0)); // pending signals are not inherited
    CHECK_EQ(handled_by, 0);
    unblock_signal(SIGUSR2);
    CHECK_EQ(handled_by, gettid());
}
