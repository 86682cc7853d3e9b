// Calls that wait for long, and in which nothing happens: to be run while the sandbox is saved and loaded (make test-state), which must neither
// end them early, nor cut short what they move, nor change what they were given.
#include "../guest.h"
#include <linux/futex.h>
#include <poll.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/timerfd.h>

#define WAIT 150 // ms
static const struct timespec kWait = {0, WAIT * 1000000L};

// The call gives what it should, not before its time and not much after it.
#define WAITS(call, expected)                                                                                            \
    do {                                                                                                                 \
        long long begin_ = now_ms();                                                                                     \
        errno = 0;                                                                                                       \
        long r_ = (call);                                                                                                \
        if (r_ == -1)                                                                                                    \
            r_ = -errno;                                                                                                 \
        CHECK_EQ(r_, expected);                                                                                          \
        CHECK_GE(now_ms() - begin_, WAIT - 1);                                                                           \
        CHECK_LT(now_ms() - begin_, WAIT + 3000);                                                                        \
    } while (0)

TEST(sleeps) {
    struct timespec t = kWait, at;
    WAITS(nanosleep(&t, &t), 0);
    CHECK_EQ(t.tv_nsec, kWait.tv_nsec);
    WAITS(clock_nanosleep(CLOCK_REALTIME, 0, &t, &t), 0);
    OK(clock_gettime(CLOCK_MONOTONIC, &at));
    at.tv_nsec += kWait.tv_nsec;
    at.tv_sec += at.tv_nsec / 1000000000L, at.tv_nsec %= 1000000000L;
    WAITS(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL), 0);
}

TEST(polls) {
    int p[2];
    OK(pipe(p));
    struct pollfd f = {p[0], POLLIN, 0};
    struct timespec t = kWait;
    sigset_t mask;
    sigfillset(&mask);
    WAITS(poll(&f, 1, WAIT), 0);
    WAITS(ppoll(&f, 1, &t, &mask), 0);
    WAITS(poll(NULL, 0, WAIT), 0);
    int e = OK(epoll_create1(0));
    struct epoll_event ev = {.events = EPOLLIN};
    OK(epoll_ctl(e, EPOLL_CTL_ADD, p[0], &ev));
    WAITS(epoll_wait(e, &ev, 1, WAIT), 0);
    WAITS(epoll_pwait(e, &ev, 1, WAIT, &mask), 0);
    sigset_t now;
    OK(sigprocmask(SIG_BLOCK, NULL, &now));
    CHECK(!sigismember(&now, SIGUSR1));
}

TEST(selects) {
    struct timeval v = {0, WAIT * 1000};
    struct timespec t = kWait;
    WAITS(select(0, NULL, NULL, NULL, &v), 0);
    CHECK_EQ(v.tv_usec, 0);
    WAITS(syscall(SYS_pselect6, 0, NULL, NULL, NULL, &t, NULL), 0);
    CHECK_EQ(t.tv_nsec, 0);
}

TEST(signals) {
    sigset_t s;
    sigemptyset(&s);
    sigaddset(&s, SIGUSR1);
    OK(sigprocmask(SIG_BLOCK, &s, NULL));
    WAITS(sigtimedwait(&s, NULL, &kWait), -EAGAIN);
    pid_t c = FORK();
    if (c == 0) {
        sleep_ms(WAIT + 10);
        _exit(kill(getppid(), SIGUSR1));
    }
    WAITS(sigwaitinfo(&s, NULL), SIGUSR1);
    CHECK_EXIT(c, 0);
}

static volatile sig_atomic_t alarms;
static void count_alarm(int sig) { alarms += sig == SIGALRM; }
TEST(handlers) {
    signal(SIGALRM, count_alarm);
    struct itimerval every = {{0, WAIT * 1000}, {0, WAIT * 1000}};
    OK(setitimer(ITIMER_REAL, &every, NULL));
    CHECK_ERR(pause(), EINTR);
    CHECK_EQ(alarms, 1);
    sigset_t none;
    sigemptyset(&none);
    CHECK_ERR(sigsuspend(&none), EINTR);
    CHECK_EQ(alarms, 2);
    CHECK_ERR(poll(NULL, 0, -1), EINTR);
    CHECK_EQ(alarms, 3);
    sigset_t now;
    OK(sigprocmask(SIG_BLOCK, NULL, &now));
    CHECK(!sigismember(&now, SIGALRM));
}

TEST(futexes) {
    uint32_t word = 0;
    WAITS(syscall(SYS_futex, &word, FUTEX_WAIT, 0, &kWait, NULL, 0), -ETIMEDOUT);
    pthread_mutex_t m = PTHREAD_MUTEX_INITIALIZER;
    pthread_cond_t c = PTHREAD_COND_INITIALIZER;
    pthread_mutex_lock(&m);
    struct timespec at;
    OK(clock_gettime(CLOCK_REALTIME, &at));
    at.tv_nsec += kWait.tv_nsec;
    at.tv_sec += at.tv_nsec / 1000000000L, at.tv_nsec %= 1000000000L;
    CHECK_RET(pthread_cond_timedwait(&c, &m, &at), ETIMEDOUT);
}

TEST(system_v) {
    int q = OK(msgget(IPC_PRIVATE, 0600)), s = OK(semget(IPC_PRIVATE, 1, 0600));
    struct sembuf down = {0, -1, 0}, up = {0, 1, 0};
    WAITS(semtimedop(s, &down, 1, &kWait), -EAGAIN);
    pid_t c = FORK();
    struct {
        long type;
        char text[8];
    } m = {1, "late"};
    if (c == 0) {
        sleep_ms(WAIT + 10);
        OK(semop(s, &up, 1));
        sleep_ms(WAIT + 10);
        _exit(msgsnd(q, &m, 8, 0));
    }
    WAITS(semop(s, &down, 1), 0);
    WAITS(msgrcv(q, &m, 8, 1, 0), 8);
    CHECK_EXIT(c, 0);
    OK(msgctl(q, IPC_RMID, NULL));
    OK(semctl(s, 0, IPC_RMID));
}

// Writes to `fd` in pieces with pauses, or reads so.
static pid_t slowly(int fd, bool reads, size_t all) {
    pid_t c = FORK();
    if (c != 0)
        return c;
    static char buf[1 << 16];
    while (all > 0) {
        size_t n = all < sizeof buf ? all : sizeof buf;
        memset(buf, (int)(all / sizeof buf), n);
        sleep_ms(WAIT / 8);
        for (size_t done = 0; done < n;)
            done += (size_t)OK(reads ? read(fd, buf + done, n - done) : write(fd, buf + done, n - done));
        if (reads)
            for (size_t i = 0; i < n; i++)
                CHECK(buf[i] == (char)(all / sizeof buf));
        all -= n;
    }
    _exit(0);
}

#define MUCH (1 << 20)
static char much[MUCH];
static void fill(void) {
    for (size_t at = 0; at < MUCH; at += 1 << 16)
        memset(much + at, (int)((MUCH - at) >> 16), 1 << 16);
}

TEST_LONG(long_writes) {
    int p[2];
    OK(pipe(p));
    fill();
    pid_t c = slowly(p[0], true, MUCH);
    CHECK_EQ(write(p[1], much, MUCH), MUCH);
    CHECK_EXIT(c, 0);
    c = slowly(p[0], true, MUCH);
    struct iovec v[2] = {{much, 1000}, {much + 1000, MUCH - 1000}};
    CHECK_EQ(writev(p[1], v, 2), MUCH);
    CHECK_EXIT(c, 0);
    int s[2];
    OK(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
    c = slowly(s[0], true, MUCH);
    CHECK_EQ(send(s[1], much, MUCH, 0), MUCH);
    CHECK_EXIT(c, 0);
}

TEST_LONG(whole_receptions) {
    int s[2];
    OK(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
    static char got[MUCH];
    pid_t c = slowly(s[0], false, MUCH);
    CHECK_EQ(recv(s[1], got, MUCH, MSG_WAITALL), MUCH);
    CHECK_EXIT(c, 0);
    fill();
    CHECK_MEM(got, much, MUCH);
    OK(socketpair(AF_UNIX, SOCK_DGRAM, 0, s));
    c = FORK();
    if (c == 0) {
        for (int i = 0; i < 4; i++) {
            sleep_ms(WAIT / 3);
            OK(send(s[0], &i, sizeof i, 0));
        }
        _exit(0);
    }
    int values[4];
    struct iovec v[4];
    struct mmsghdr m[4] = {0};
    for (int i = 0; i < 4; i++) {
        v[i] = (struct iovec){&values[i], sizeof values[i]};
        m[i].msg_hdr.msg_iov = &v[i];
        m[i].msg_hdr.msg_iovlen = 1;
    }
    WAITS(recvmmsg(s[1], m, 4, 0, NULL), 4);
    for (int i = 0; i < 4; i++) {
        CHECK_EQ(values[i], i);
        CHECK_EQ(m[i].msg_len, sizeof(int));
    }
    CHECK_EXIT(c, 0);
}

TEST(socket_timeouts) {
    int s[2];
    OK(socketpair(AF_UNIX, SOCK_DGRAM, 0, s));
    struct timeval v = {0, WAIT * 1000};
    OK(setsockopt(s[0], SOL_SOCKET, SO_RCVTIMEO, &v, sizeof v));
    char c;
    WAITS(recv(s[0], &c, 1, 0), -EAGAIN);
}

// Each of these waits in read(2).
TEST(reads) {
    struct itimerspec t = {.it_value = kWait};
    uint64_t n = 0;
    int fd = OK(timerfd_create(CLOCK_MONOTONIC, 0));
    OK(timerfd_settime(fd, 0, &t, NULL));
    WAITS(read(fd, &n, sizeof n), 8);
    CHECK_EQ(n, 1);
    int e = OK(eventfd(0, 0)), p[2];
    OK(pipe(p));
    pid_t c = FORK();
    if (c == 0) {
        n = 5;
        sleep_ms(WAIT + 10);
        CHECK_EQ(write(e, &n, sizeof n), 8);
        sleep_ms(WAIT + 10);
        _exit(write(p[1], "x", 1) != 1);
    }
    WAITS(read(e, &n, sizeof n), 8);
    CHECK_EQ(n, 5);
    char x;
    WAITS(read(p[0], &x, 1), 1);
    CHECK_EXIT(c, 0);
}

TEST(children_and_locks) {
    char name[] = "/tmp/undisturbedXXXXXX";
    int fd = OK(mkstemp(name)), go[2];
    OK(pipe(go));
    pid_t c = FORK();
    if (c == 0) {
        int own = OK(open(name, O_RDWR));
        OK(flock(own, LOCK_EX));
        CHECK_EQ(write(go[1], "x", 1), 1);
        sleep_ms(WAIT + 50);
        _exit(3);
    }
    char x;
    CHECK_EQ(read(go[0], &x, 1), 1);
    long long begin = now_ms();
    OK(flock(fd, LOCK_EX));
    CHECK_GE(now_ms() - begin, WAIT / 2);
    CHECK_EXIT(c, 3);
    c = FORK();
    if (c == 0) {
        sleep_ms(WAIT + 10);
        _exit(0);
    }
    int st;
    WAITS(waitpid(c, &st, 0), c);
    OK(unlink(name));
}

TEST(vfork_and_exec) {
    long long begin = now_ms();
    pid_t c = OK(vfork());
    if (c == 0) {
        struct timespec t = kWait;
        syscall(SYS_nanosleep, &t, NULL);
        _exit(0);
    }
    CHECK_GE(now_ms() - begin, WAIT - 1);
    CHECK_EXIT(c, 0);
}

// Registers that no system call touches.
TEST(vector_registers) {
    long long end = now_ms() + WAIT;
    while (now_ms() < end) {
        double in[2] = {1.5, -2.25}, out[2];
        __asm__ volatile("movupd %1, %%xmm9\n\t"
                         "mov $2000000, %%ecx\n"
                         "1: dec %%ecx\n\t"
                         "jnz 1b\n\t"
                         "movupd %%xmm9, %0"
                         : "=m"(out)
                         : "m"(in)
                         : "xmm9", "ecx");
        CHECK(out[0] == 1.5 && out[1] == -2.25);
    }
}
