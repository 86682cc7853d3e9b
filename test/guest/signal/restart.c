// What a signal does to each kind of blocking call: restarted with SA_RESTART, EINTR always, or EINTR only without; partial results;
// stop and continue without a handler are invisible.
#include "../guest.h"
#include <poll.h>
#include <pthread.h>
#include <linux/futex.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/select.h>
#include <sys/sem.h>
#include <sys/socket.h>

static volatile int ticks;
static int feed = -1;
static void on_tick(int s) {
    (void)s;
    // The fifth tick gives the restarted call what it waits for.
    if (++ticks == 5 && feed >= 0 && write(feed, "fed", 3) != 3)
        _exit(9);
}
static void with(int flags) {
    on_signal(SIGALRM, on_tick, flags);
    tick(4);
}
static void stop_ticking(void) {
    struct itimerval off = {{0}};
    setitimer(ITIMER_REAL, &off, NULL);
}

TEST(pipe_read) {
    int fd[2];
    char b[8];
    OK(pipe(fd));
    with(0);
    CHECK_ERR(read(fd[0], b, 8), EINTR);
    ticks = 0, feed = fd[1];
    with(SA_RESTART);
    CHECK_EQ(read(fd[0], b, 8), 3);
    CHECK_GE(ticks, 5);
}
TEST(pipe_write_partial) {
    int fd[2];
    static char big[1 << 20];
    OK(pipe(fd));
    int size = OK(fcntl(fd[1], F_GETPIPE_SZ));
    with(0);
    CHECK_EQ(write(fd[1], big, sizeof big), size); // interrupted after some: what was written
    CHECK_ERR(write(fd[1], big, 1), EINTR);
}
TEST(socket_read_and_timeout) {
    int s[2];
    char b[8];
    OK(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
    with(0);
    CHECK_ERR(recv(s[0], b, 8, 0), EINTR);
    ticks = 0, feed = s[1];
    with(SA_RESTART);
    CHECK_EQ(recv(s[0], b, 8, 0), 3);
    CHECK_GE(ticks, 5);
    struct timeval tv = {2, 0};
    OK(setsockopt(s[0], SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof tv));
    CHECK_ERR(recv(s[0], b, 8, 0), EINTR); // with a timeout: never restarted
}
TEST(waitpid_restarts) {
    gate_t g = gate_new();
    with(0);
    pid_t c = FORK();
    if (c == 0) {
        signal(SIGALRM, SIG_IGN);
        gate_wait(g);
        _exit(4);
    }
    int st;
    CHECK_ERR(waitpid(c, &st, 0), EINTR);
    ticks = 0, feed = g.fd[1];
    with(SA_RESTART);
    CHECK_EQ(waitpid(c, &st, 0), c);
    CHECK_EQ(WEXITSTATUS(st), 4);
}
TEST(nanosleep_is_interrupted_with_the_rest) {
    struct timespec ts = {2, 0}, rem = {0};
    with(SA_RESTART);
    CHECK_ERR(nanosleep(&ts, &rem), EINTR);
    stop_ticking();
    CHECK_EQ(rem.tv_sec, 1);
    CHECK_GT(rem.tv_nsec, 500000000);
    with(SA_RESTART);
    CHECK_RET(clock_nanosleep(CLOCK_MONOTONIC, 0, &ts, NULL), EINTR);
    struct timespec abs;
    clock_gettime(CLOCK_MONOTONIC, &abs);
    abs.tv_sec += 2;
    CHECK_RET(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &abs, NULL), EINTR);
}
TEST(poll_family_never_restarts) {
    int fd[2], ep = OK(epoll_create1(0));
    OK(pipe(fd));
    struct pollfd p = {fd[0], POLLIN, 0};
    struct epoll_event ev = {.events = EPOLLIN};
    OK(epoll_ctl(ep, EPOLL_CTL_ADD, fd[0], &ev));
    fd_set r;
    struct timeval tv = {3, 0};
    struct timespec ts = {3, 0};
    with(SA_RESTART);
    CHECK_ERR(poll(&p, 1, -1), EINTR);
    CHECK_ERR(poll(&p, 1, 3000), EINTR);
    CHECK_ERR(ppoll(&p, 1, &ts, NULL), EINTR);
    FD_ZERO(&r); FD_SET(fd[0], &r);
    CHECK_ERR(select(fd[0] + 1, &r, NULL, NULL, NULL), EINTR);
    FD_SET(fd[0], &r);
    CHECK_ERR(select(fd[0] + 1, &r, NULL, NULL, &tv), EINTR);
    CHECK_LT(tv.tv_sec * 1000000 + tv.tv_usec, 3000000); // Linux leaves the rest
    CHECK_ERR(epoll_wait(ep, &ev, 1, -1), EINTR);
    CHECK_ERR(epoll_wait(ep, &ev, 1, 3000), EINTR);
}
TEST(futex_wait) {
    int f = 0;
    struct timespec ts = {3, 0};
    with(SA_RESTART);
    CHECK_ERR(syscall(SYS_futex, &f, FUTEX_WAIT, 0, &ts, NULL, 0), EINTR); // with a timeout: EINTR from its restart block
    stop_ticking();
    with(0);
    CHECK_ERR(syscall(SYS_futex, &f, FUTEX_WAIT, 0, NULL, NULL, 0), EINTR);
}
TEST_DIR(locks) {
    int fd = OK(open("f", O_RDWR | O_CREAT, 0644));
    gate_t g = gate_new(), h = gate_new();
    pid_t c = FORK();
    if (c == 0) {
        int fd2 = OK(open("f", O_RDWR));
        struct flock l = {.l_type = F_WRLCK};
        OK(fcntl(fd2, F_SETLK, &l));
        OK(flock(fd2, LOCK_EX));
        gate_open(g);
        gate_wait(h);
        _exit(0);
    }
    gate_wait(g);
    struct flock l = {.l_type = F_WRLCK};
    with(0);
    CHECK_ERR(fcntl(fd, F_SETLKW, &l), EINTR);
    CHECK_ERR(flock(fd, LOCK_EX), EINTR);
    ticks = 0, feed = h.fd[1];
    with(SA_RESTART);
    CHECK_EQ(fcntl(fd, F_SETLKW, &l), 0);
    CHECK_EQ(flock(fd, LOCK_EX), 0);
    CHECK_GE(ticks, 5);
    stop_ticking();
    CHECK_EXIT(c, 0);
}
TEST(sysv_never_restarts) {
    int sem = semget(IPC_PRIVATE, 1, 0600), msg = msgget(IPC_PRIVATE, 0600);
    if (sem < 0 || msg < 0)
        skip("no SysV IPC");
    struct sembuf op = {0, -1, 0};
    struct { long t; char c; } m;
    with(SA_RESTART);
    int r1 = semop(sem, &op, 1), e1 = errno;
    long r2 = msgrcv(msg, &m, 1, 0, 0);
    int e2 = errno;
    semctl(sem, 0, IPC_RMID);
    msgctl(msg, IPC_RMID, NULL);
    CHECK_EQ(r1, -1), CHECK_EQ(e1, EINTR), CHECK_EQ(r2, -1), CHECK_EQ(e2, EINTR);
}
TEST(eventfd_read) {
    int fd = OK(eventfd(0, 0));
    uint64_t v;
    with(0);
    CHECK_ERR(read(fd, &v, 8), EINTR);
}
TEST_DIR(fifo_open) {
    OK(mkfifo("p", 0600));
    with(0);
    CHECK_ERR(open("p", O_RDONLY), EINTR);
}
static void *stopper(void *arg) {
    (void)arg;
    return NULL;
}
TEST(stop_and_continue_are_invisible) {
    (void)stopper;
    int fd[2];
    OK(pipe(fd));
    pid_t c = FORK();
    if (c == 0) {
        char b[4];
        struct timespec ts = {0, 60000000}, rem;
        CHECK_EQ(nanosleep(&ts, &rem), 0);
        CHECK_EQ(read(fd[0], b, 4), 3);
        _exit(0);
    }
    for (int i = 0; i < 3; i++) {
        sleep_ms(5);
        int st;
        OK(kill(c, SIGSTOP));
        CHECK_EQ(waitpid(c, &st, WUNTRACED), c);
        CHECK(WIFSTOPPED(st));
        OK(kill(c, SIGCONT));
        CHECK_EQ(waitpid(c, &st, WCONTINUED), c);
        CHECK(WIFCONTINUED(st));
    }
    sleep_ms(60);
    OK(kill(c, SIGSTOP));
    OK(kill(c, SIGCONT));
    CHECK_EQ(write(fd[1], "fed", 3), 3);
    CHECK_EXIT(c, 0);
}
TEST(epoll_wait_after_stop_is_eintr) {
    // signal(7): some calls return EINTR after SIGSTOP and SIGCONT even without a handler; epoll_wait is one of them.
    int ep = OK(epoll_create1(0));
    gate_t g = gate_new();
    pid_t c = FORK();
    if (c == 0) {
        struct epoll_event ev;
        gate_open(g);
        int r = epoll_wait(ep, &ev, 1, 1000);
        _exit(r == -1 && errno == EINTR ? 0 : 1);
    }
    gate_wait(g);
    sleep_ms(30);
    int st;
    OK(kill(c, SIGSTOP));
    CHECK_EQ(waitpid(c, &st, WUNTRACED), c);
    OK(kill(c, SIGCONT));
    CHECK_EXIT(c, 0);
}
TEST(ignored_signal_does_not_interrupt) {
    signal(SIGALRM, SIG_IGN);
    tick(3);
    struct timespec ts = {0, 30000000};
    CHECK_EQ(nanosleep(&ts, NULL), 0);
    struct pollfd p = {-1, 0, 0};
    CHECK_EQ(poll(&p, 1, 30), 0);
}
static volatile int h1, h2;
static void one(int s) { (void)s; h1++; }
static void two(int s) { (void)s; h2++; }
TEST(restart_only_if_all_handlers_say_so) {
    // The flag of the first delivered signal decides.
    int fd[2];
    char b[4];
    OK(pipe(fd));
    on_signal(SIGUSR1, one, SA_RESTART);
    on_signal(SIGUSR2, two, 0);
    pid_t parent = getpid(), c = FORK();
    if (c == 0) {
        sleep_ms(20);
        kill(parent, SIGUSR1);
        // One of them finds it in read(2).
        for (;;) {
            sleep_ms(20);
            kill(parent, SIGUSR2);
        }
    }
    CHECK_ERR(read(fd[0], b, 4), EINTR);
    kill(c, SIGKILL);
    CHECK_KILLED(c, SIGKILL);
    CHECK_EQ(h1, 1), CHECK_GE(h2, 1);
}
