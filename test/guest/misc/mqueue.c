// POSIX message queues beyond the basics (misc/sysv.c): waiting, time limits, notification, permissions, attributes, refusals.
#include "../guest.h"
#include <mqueue.h>
#include <poll.h>

static const char *name(void) {
    static char n[32];
    snprintf(n, sizeof n, "/sbx-mq-%d", (int)getpid());
    return n;
}
static mqd_t fresh(int flags, long most, long size) {
    struct mq_attr a = {.mq_maxmsg = most, .mq_msgsize = size};
    mqd_t q = mq_open(name(), O_RDWR | O_CREAT | O_EXCL | flags, 0600, &a);
    CHECK_GE(q, 0);
    OK(mq_unlink(name()));
    return q;
}
static struct timespec in_ms(long ms) {
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    t.tv_nsec += ms * 1000000;
    t.tv_sec += t.tv_nsec / 1000000000, t.tv_nsec %= 1000000000;
    return t;
}

TEST(waits) {
    mqd_t q = fresh(0, 1, 8);
    pid_t c = FORK();
    char b[8];
    unsigned prio = 0;
    if (c == 0) {
        for (int i = 0; i < 50; i++)
            OK(mq_send(q, (char *)&i, sizeof i, i));
        _exit(0);
    }
    for (int i = 0; i < 50; i++) {
        CHECK_EQ(mq_receive(q, b, sizeof b, &prio), sizeof i);
        CHECK_EQ(*(int *)b, i);
        CHECK_EQ(prio, i);
    }
    CHECK_EXIT(c, 0);
}
TEST(time_limits) {
    mqd_t q = fresh(0, 1, 8);
    char b[8];
    struct timespec past = {1, 0}, bad = {0, -1}, soon = in_ms(30);
    CHECK_ERR(mq_timedreceive(q, b, 8, NULL, &past), ETIMEDOUT);
    CHECK_ERR(mq_timedreceive(q, b, 8, NULL, &bad), EINVAL);
    CHECK_ERR(mq_timedreceive(q, b, 8, NULL, &soon), ETIMEDOUT);
    struct timespec now;
    OK(clock_gettime(CLOCK_REALTIME, &now)); // the clock of the limit: others may stand still meanwhile
    CHECK(now.tv_sec > soon.tv_sec || (now.tv_sec == soon.tv_sec && now.tv_nsec >= soon.tv_nsec));
    OK(mq_timedsend(q, "x", 1, 0, &past)); // there is room
    CHECK_ERR(mq_timedsend(q, "x", 1, 0, &past), ETIMEDOUT);
    soon = in_ms(30);
    CHECK_ERR(mq_timedsend(q, "x", 1, 0, &soon), ETIMEDOUT);
}
static void nothing(int sig) { (void)sig; }
TEST(interrupted) {
    mqd_t q = fresh(0, 1, 8);
    char b[8];
    on_signal(SIGALRM, nothing, 0);
    tick(10);
    CHECK_ERR(mq_receive(q, b, 8, NULL), EINTR);
}
static volatile siginfo_t seen;
static volatile int calls;
static void caught(int sig, siginfo_t *si, void *uc) {
    (void)sig, (void)uc;
    memcpy((void *)&seen, si, sizeof *si);
    calls++;
}
TEST(notification) {
    mqd_t q = fresh(O_NONBLOCK, 4, 8);
    on_siginfo(SIGUSR1, caught, 0);
    struct sigevent ev = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1, .sigev_value.sival_int = 4711};
    OK(mq_send(q, "a", 1, 0));
    OK(mq_notify(q, &ev));
    OK(mq_send(q, "b", 1, 0)); // not empty before: nobody is told
    CHECK_EQ(calls, 0);
    char b[8];
    OK(mq_receive(q, b, 8, NULL)), OK(mq_receive(q, b, 8, NULL));
    pid_t c = FORK();
    if (c == 0) {
        CHECK_ERR(mq_notify(q, &ev), EBUSY);
        OK(mq_send(q, "c", 1, 0));
        _exit(0);
    }
    CHECK_EXIT(c, 0);
    WAIT_UNTIL(calls == 1);
    CHECK_EQ(seen.si_code, SI_MESGQ), CHECK_EQ(seen.si_value.sival_int, 4711), CHECK_EQ(seen.si_pid, c);
    OK(mq_notify(q, &ev));
    OK(mq_notify(q, NULL));
    OK(mq_notify(q, &ev));
    // Closing any descriptor of it ends the registration.
    OK(close(OK(dup(q))));
    c = FORK();
    if (c == 0) {
        ev.sigev_notify = SIGEV_NONE;
        OK(mq_notify(q, &ev));
        _exit(0);
    }
    CHECK_EXIT(c, 0);
    ev.sigev_signo = 65, ev.sigev_notify = SIGEV_SIGNAL;
    CHECK_ERR(mq_notify(q, &ev), EINVAL);
}
TEST(attributes) {
    mqd_t q = fresh(0, 3, 16);
    struct mq_attr a = {.mq_flags = O_NONBLOCK}, old;
    OK(mq_setattr(q, &a, &old));
    CHECK_EQ(old.mq_flags, 0), CHECK_EQ(old.mq_maxmsg, 3), CHECK_EQ(old.mq_msgsize, 16), CHECK_EQ(old.mq_curmsgs, 0);
    CHECK_EQ(fcntl(q, F_GETFL) & O_NONBLOCK, O_NONBLOCK);
    CHECK_EQ(fcntl(q, F_GETFD), FD_CLOEXEC);
    a.mq_flags = O_APPEND;
    CHECK_ERR(syscall(SYS_mq_getsetattr, q, &a, NULL), EINVAL);
}
TEST(refused) {
    struct mq_attr a = {.mq_maxmsg = 0, .mq_msgsize = 8};
    int flags = O_RDWR | O_CREAT;
    CHECK_ERR(mq_open(name(), flags, 0600, &a), EINVAL);
    a.mq_maxmsg = 1, a.mq_msgsize = -1;
    CHECK_ERR(mq_open(name(), flags, 0600, &a), EINVAL);
    a.mq_maxmsg = 65537, a.mq_msgsize = 8;
    CHECK_ERR(mq_open(name(), flags, 0600, &a), EINVAL);
    CHECK_ERR(mq_open(name(), O_RDWR), ENOENT);
    CHECK_ERR(syscall(SYS_mq_open, "a/b", flags, 0600, NULL), EACCES);
    CHECK_ERR(syscall(SYS_mq_open, "", flags, 0600, NULL), ENOENT);
    CHECK_ERR(syscall(SYS_mq_open, 8, flags, 0600, NULL), EFAULT);
    CHECK_ERR(syscall(SYS_mq_open, "x", flags, 0600, 8), EFAULT);
    mqd_t q = fresh(0, 1, 8);
    char b[8];
    CHECK_ERR(syscall(SYS_mq_timedsend, 0, "x", 1, 0, NULL), EBADF);
    CHECK_ERR(syscall(SYS_mq_timedsend, q, 8, 1, 0, NULL), EFAULT);
    CHECK_ERR(mq_receive(q, b, 7, NULL), EMSGSIZE);
    CHECK_ERR(read(99, b, 1), EBADF);
    // RLIMIT_MSGQUEUE
    struct rlimit small = {1000, 1000};
    OK(setrlimit(RLIMIT_MSGQUEUE, &small));
    a.mq_maxmsg = 10, a.mq_msgsize = 1000;
    CHECK_ERR(mq_open(name(), flags, 0600, &a), EMFILE);
}
TEST(permissions) {
    NEED_ROOT();
    struct mq_attr a = {.mq_maxmsg = 1, .mq_msgsize = 8};
    mqd_t q = mq_open(name(), O_RDWR | O_CREAT | O_EXCL, 0604, &a);
    CHECK_GE(q, 0);
    const char *n = name();
    pid_t c = FORK();
    if (c == 0) {
        become(1234);
        CHECK_ERR(mq_open(n, O_RDWR), EACCES);
        int r = OK(mq_open(n, O_RDONLY));
        CHECK_ERR(mq_send(r, "x", 1, 0), EBADF);
        CHECK_ERR(mq_unlink(n), EACCES); // libc makes it of EPERM
        _exit(0);
    }
    CHECK_EXIT(c, 0);
    OK(mq_unlink(n));
}
