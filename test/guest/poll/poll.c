// poll, ppoll, select, pselect6, eventfd.
#include "../guest.h"
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/select.h>

TEST(timeouts_and_nothing) {
    long long t = now_ns();
    CHECK_EQ(poll(NULL, 0, 15), 0);
    CHECK_GE(now_ns() - t, 15000000);
    CHECK_EQ(poll(NULL, 0, 0), 0);
    struct timespec ts = {0, 15000000};
    t = now_ns();
    CHECK_EQ(ppoll(NULL, 0, &ts, NULL), 0);
    CHECK_GE(now_ns() - t, 15000000);
    struct timeval tv = {0, 15000};
    t = now_ns();
    CHECK_EQ(select(0, NULL, NULL, NULL, &tv), 0);
    CHECK_GE(now_ns() - t, 15000000);
    CHECK_EQ(tv.tv_sec + tv.tv_usec, 0);
}
TEST(bad_descriptors) {
    struct pollfd p[2] = {{99, POLLIN, 7}, {-1, POLLIN, 7}};
    CHECK_EQ(poll(p, 2, 1000), 1);
    CHECK_EQ(p[0].revents, POLLNVAL), CHECK_EQ(p[1].revents, 0);
    // select looks no further than the process's descriptor table reaches, which is as far as it ever had to.
    OK(dup2(0, 99)), OK(close(99));
    fd_set r;
    FD_ZERO(&r);
    FD_SET(99, &r);
    CHECK_ERR(select(100, &r, NULL, NULL, NULL), EBADF);
    CHECK_ERR(select(-1, NULL, NULL, NULL, NULL), EINVAL);
    CHECK_ERR(poll((struct pollfd *)8, 1, 0), EFAULT);
    struct rlimit l = {5, 5};
    setrlimit(RLIMIT_NOFILE, &l);
    struct pollfd many[6] = {{0}};
    CHECK_ERR(poll(many, 6, 0), EINVAL);
    CHECK_ERR(ppoll(NULL, 0, &(struct timespec){0, 1000000000}, NULL), EINVAL);
}
TEST(wakes_from_another_process) {
    int fd[2];
    OK(pipe(fd));
    pid_t c = FORK();
    if (c == 0) {
        sleep_ms(10);
        CHECK_EQ(write(fd[1], "x", 1), 1);
        _exit(0);
    }
    struct pollfd p = {fd[0], POLLIN | POLLRDNORM, 0};
    CHECK_EQ(poll(&p, 1, 3000), 1);
    CHECK_EQ(p.revents, POLLIN | POLLRDNORM);
    CHECK_EXIT(c, 0);
}
TEST(select_sets) {
    int a[2], b[2];
    OK(pipe(a)), OK(pipe(b));
    CHECK_EQ(write(a[1], "x", 1), 1);
    fd_set r, w;
    FD_ZERO(&r);
    FD_ZERO(&w);
    FD_SET(a[0], &r), FD_SET(b[0], &r), FD_SET(b[1], &w);
    CHECK_EQ(select(b[1] + 1, &r, &w, NULL, NULL), 2);
    CHECK(FD_ISSET(a[0], &r)), CHECK(!FD_ISSET(b[0], &r)), CHECK(FD_ISSET(b[1], &w));
    FD_ZERO(&r);
    FD_SET(a[0], &r);
    CHECK_EQ(select(a[0], &r, NULL, NULL, &(struct timeval){0, 0}), 0); // nfds leaves it out
}
TEST(select_of_a_path) { // is no error, but POLLNVAL, which is in all sets
    int f = OK(open("/", O_PATH)), p[2];
    OK(pipe(p));
    fd_set r, w, e;
    FD_ZERO(&r);
    FD_SET(f, &r);
    FD_SET(p[0], &r);
    FD_ZERO(&w);
    FD_SET(f, &w);
    FD_ZERO(&e);
    FD_SET(f, &e);
    CHECK_EQ(select(64, &r, &w, &e, NULL), 3);
    CHECK(FD_ISSET(f, &r) && FD_ISSET(f, &w) && FD_ISSET(f, &e) && !FD_ISSET(p[0], &r));
}
TEST(regular_files_are_ready) {
    int z = OK(open("/dev/zero", O_RDWR)), e = OK(open(guest_self, O_RDONLY));
    struct pollfd p[2] = {{z, POLLIN | POLLOUT, 0}, {e, POLLIN | POLLOUT, 0}};
    CHECK_EQ(poll(p, 2, 0), 2);
    CHECK_EQ(p[0].revents, POLLIN | POLLOUT), CHECK_EQ(p[1].revents, POLLIN | POLLOUT);
}
static volatile int hits;
static void hit(int s) { (void)s; hits++; }
TEST(ppoll_mask_is_atomic) {
    on_signal(SIGUSR1, hit, 0);
    block_signal(SIGUSR1);
    raise(SIGUSR1);
    sigset_t e;
    sigemptyset(&e);
    CHECK_ERR(ppoll(NULL, 0, NULL, &e), EINTR);
    CHECK_EQ(hits, 1);
    raise(SIGUSR1);
    CHECK_ERR(pselect(0, NULL, NULL, NULL, NULL, &e), EINTR);
    CHECK_EQ(hits, 2);
    sigset_t now;
    sigprocmask(SIG_BLOCK, NULL, &now);
    CHECK_EQ(sigismember(&now, SIGUSR1), 1);
    struct timespec zero = {0, 0};
    CHECK_EQ(ppoll(NULL, 0, &zero, &e), 0);
    CHECK_ERR(syscall(SYS_ppoll, NULL, 0, &zero, &e, 4), EINVAL);
}
TEST(eventfd) {
    int fd = OK(eventfd(3, EFD_NONBLOCK | EFD_CLOEXEC));
    uint64_t v = 0;
    struct pollfd p = {fd, POLLIN | POLLOUT, 0};
    CHECK_EQ(poll(&p, 1, 0), 1);
    CHECK_EQ(p.revents, POLLIN | POLLOUT);
    CHECK_EQ(read(fd, &v, 8), 8);
    CHECK_EQ(v, 3);
    CHECK_ERR(read(fd, &v, 8), EAGAIN);
    v = 5;
    CHECK_EQ(write(fd, &v, 8), 8), CHECK_EQ(write(fd, &v, 8), 8);
    CHECK_EQ(read(fd, &v, 8), 8);
    CHECK_EQ(v, 10);
    v = UINT64_MAX;
    CHECK_ERR(write(fd, &v, 8), EINVAL);
    v = UINT64_MAX - 1;
    CHECK_EQ(write(fd, &v, 8), 8);
    CHECK_EQ(poll(&p, 1, 0), 1);
    CHECK_EQ(p.revents, POLLIN); // full
    v = 1;
    CHECK_ERR(write(fd, &v, 8), EAGAIN);
    CHECK_ERR(read(fd, &v, 4), EINVAL);
    CHECK_ERR(write(fd, &v, 4), EINVAL);
    CHECK_ERR(eventfd(0, 0x8), EINVAL);
}
TEST(eventfd_semaphore) {
    int fd = OK(eventfd(2, EFD_SEMAPHORE | EFD_NONBLOCK));
    uint64_t v;
    for (int i = 0; i < 2; i++) {
        CHECK_EQ(read(fd, &v, 8), 8);
        CHECK_EQ(v, 1);
    }
    CHECK_ERR(read(fd, &v, 8), EAGAIN);
}
static void *post(void *a) {
    uint64_t one = 1;
    sleep_ms(5);
    return (void *)(long)(write(*(int *)a, &one, 8) == 8 ? 0 : 1);
}
TEST(eventfd_between_threads) {
    int fd = OK(eventfd(0, 0));
    pthread_t t;
    uint64_t v;
    for (int i = 0; i < 5; i++) {
        CHECK_RET(pthread_create(&t, NULL, post, &fd), 0);
        CHECK_EQ(read(fd, &v, 8), 8);
        CHECK_EQ(v, 1);
        CHECK_RET(pthread_join(t, NULL), 0);
    }
}
TEST(same_descriptor_twice) {
    int fd[2];
    OK(pipe(fd));
    CHECK_EQ(write(fd[1], "x", 1), 1);
    struct pollfd p[3] = {{fd[0], POLLIN, 0}, {fd[0], 0, 0}, {fd[0], POLLIN, 0}};
    CHECK_EQ(poll(p, 3, 0), 2);
    CHECK_EQ(p[0].revents, POLLIN), CHECK_EQ(p[1].revents, 0), CHECK_EQ(p[2].revents, POLLIN);
}
TEST(a_pending_signal_comes_before_the_time_limit) {
    on_signal(SIGUSR1, on_nothing, 0);
    sigset_t usr1 = sigset_of(SIGUSR1, 0, 0), none;
    sigemptyset(&none);
    OK(sigprocmask(SIG_BLOCK, &usr1, NULL));
    struct timespec no_time = {0, 0};
    int p[2];
    OK(pipe(p));
    struct pollfd f = {p[0], POLLIN, 0};
    fd_set r;
    OK(kill(getpid(), SIGUSR1));
    CHECK_ERR(ppoll(&f, 1, &no_time, &none), EINTR);
    CHECK_EQ(ppoll(&f, 1, &no_time, &none), 0);
    OK(kill(getpid(), SIGUSR1));
    FD_ZERO(&r);
    FD_SET(p[0], &r);
    CHECK_ERR(pselect(p[0] + 1, &r, NULL, NULL, &no_time, &none), EINTR);
    OK(write(p[1], "x", 1));
    OK(kill(getpid(), SIGUSR1));
    CHECK_EQ(ppoll(&f, 1, &no_time, &none), 1); // what is ready goes first; the signal stays
    sigset_t left;
    OK(sigpending(&left));
    CHECK(sigismember(&left, SIGUSR1));
}
