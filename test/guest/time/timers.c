// setitimer, alarm, POSIX timers (signals, threads, overruns), timerfd.
#include "../guest.h"
#include <poll.h>
#include <pthread.h>
#include <sys/timerfd.h>

static volatile int count, value, overrun, code;
static void handler(int s) { (void)s; count++; }
static void info(int s, siginfo_t *si, void *u) {
    (void)s, (void)u;
    count++;
    value = si->si_value.sival_int, overrun = si->si_overrun, code = si->si_code;
}
static void burn(int ms) {
    long long end = now_ms() + ms;
    while (now_ms() < end) {
    }
}
TEST(alarm_calls) {
    on_signal(SIGALRM, handler, 0);
    CHECK_EQ(alarm(10), 0);
    CHECK_EQ(alarm(5), 10);
    CHECK_EQ(alarm(0), 5);
    CHECK_EQ(alarm(0), 0);
    struct itimerval it;
    alarm(3);
    CHECK_EQ(getitimer(ITIMER_REAL, &it), 0);
    CHECK_LE(it.it_value.tv_sec, 3), CHECK_GE(it.it_value.tv_sec, 2);
    CHECK_EQ(it.it_interval.tv_sec, 0);
}
TEST(itimer_real) {
    on_signal(SIGALRM, handler, 0);
    struct itimerval it = {{0, 5000}, {0, 20000}}, old;
    long long t = now_ns();
    CHECK_EQ(setitimer(ITIMER_REAL, &it, NULL), 0);
    WAIT_UNTIL(count >= 3);
    CHECK_GE(now_ns() - t, 30000000);
    memset(&it, 0, sizeof it);
    CHECK_EQ(setitimer(ITIMER_REAL, &it, &old), 0);
    CHECK_EQ(old.it_interval.tv_usec, 5000);
    int n = count;
    sleep_ms(20);
    CHECK_EQ(count, n);
    it.it_value.tv_usec = 1000000;
    CHECK_ERR(setitimer(ITIMER_REAL, &it, NULL), EINVAL);
    it.it_value.tv_usec = 0;
    CHECK_ERR(setitimer(7, &it, NULL), EINVAL);
    CHECK_ERR(getitimer(7, &it), EINVAL);
}
TEST(itimer_prof_and_virtual) {
    on_signal(SIGPROF, handler, 0);
    struct itimerval it = {{0, 10000}, {0, 10000}}, off = {{0}};
    CHECK_EQ(setitimer(ITIMER_PROF, &it, NULL), 0);
    sleep_ms(60); // no CPU time: no signal
    CHECK_LE(count, 1);
    long long end = now_ms() + 3000;
    while (count < 2 && now_ms() < end) {
    }
    CHECK_GE(count, 2);
    CHECK_EQ(setitimer(ITIMER_PROF, &off, NULL), 0);
    struct itimerval kept = {{3, 0}, {0, 0}}, now;
    CHECK_EQ(setitimer(ITIMER_PROF, &kept, NULL), 0); // disarmed, but with its interval, which ITIMER_REAL forgets
    CHECK_EQ(getitimer(ITIMER_PROF, &now), 0);
    CHECK_EQ(now.it_interval.tv_sec, 3), CHECK_EQ(now.it_value.tv_sec, 0);
    CHECK_EQ(setitimer(ITIMER_REAL, &kept, NULL), 0), CHECK_EQ(getitimer(ITIMER_REAL, &now), 0);
    CHECK_EQ(now.it_interval.tv_sec, 0);
    count = 0;
    on_signal(SIGVTALRM, handler, 0);
    CHECK_EQ(setitimer(ITIMER_VIRTUAL, &it, NULL), 0);
    end = now_ms() + 3000;
    while (count < 2 && now_ms() < end)
        for (volatile int i = 0; i < 10000000; i++) {
        }
    CHECK_GE(count, 2);
}
TEST(alarm_survives_exec_but_not_fork) {
    alarm(100);
    IN_CHILD(CHECK_EQ(alarm(0), 0));
    pid_t c = FORK();
    if (c == 0) {
        alarm(1);
        struct itimerval it = {{0, 0}, {0, 30000}};
        setitimer(ITIMER_REAL, &it, NULL);
        execl("/bin/sleep", "sleep", "3", NULL);
        _exit(9);
    }
    CHECK_KILLED(c, SIGALRM);
}
TEST(posix_signal) {
    on_siginfo(SIGRTMIN, info, 0);
    struct sigevent ev = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN, .sigev_value.sival_int = 55};
    timer_t t;
    CHECK_EQ(timer_create(CLOCK_MONOTONIC, &ev, &t), 0);
    struct itimerspec its = {{0, 0}, {0, 10000000}}, now;
    CHECK_EQ(timer_settime(t, 0, &its, NULL), 0);
    CHECK_EQ(timer_gettime(t, &now), 0);
    CHECK_LE(now.it_value.tv_nsec, 10000000);
    WAIT_UNTIL(count == 1);
    CHECK_EQ(value, 55), CHECK_EQ(code, SI_TIMER), CHECK_EQ(overrun, 0);
    CHECK_EQ(timer_gettime(t, &now), 0);
    CHECK_EQ(now.it_value.tv_nsec, 0); // one shot: disarmed
    its.it_interval.tv_nsec = 3000000;
    CHECK_EQ(timer_settime(t, 0, &its, NULL), 0);
    WAIT_UNTIL(count >= 4);
    CHECK_EQ(timer_delete(t), 0);
    CHECK_ERR(timer_delete(t), EINVAL);
    CHECK_ERR(timer_gettime(t, &now), EINVAL);
    int n = count;
    sleep_ms(15);
    CHECK_EQ(count, n);
}
TEST(posix_overrun) {
    on_siginfo(SIGUSR1, info, 0);
    block_signal(SIGUSR1);
    struct sigevent ev = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
    timer_t t;
    CHECK_EQ(timer_create(CLOCK_MONOTONIC, &ev, &t), 0);
    struct itimerspec its = {{0, 2000000}, {0, 2000000}};
    CHECK_EQ(timer_settime(t, 0, &its, NULL), 0);
    sleep_ms(40);
    unblock_signal(SIGUSR1);
    CHECK_GE(count, 1);
    CHECK_GE(timer_getoverrun(t), 0);
    CHECK_EQ(timer_delete(t), 0);
}
TEST(posix_overrun_in_siginfo) {
    block_signal(SIGUSR1);
    struct sigevent ev = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
    timer_t t;
    CHECK_EQ(timer_create(CLOCK_MONOTONIC, &ev, &t), 0);
    struct itimerspec its = {{0, 2000000}, {0, 2000000}};
    CHECK_EQ(timer_settime(t, 0, &its, NULL), 0);
    sleep_ms(41);
    siginfo_t si;
    sigset_t s = sigset_of(SIGUSR1, 0, 0);
    CHECK_EQ(sigwaitinfo(&s, &si), SIGUSR1);
    CHECK_EQ(si.si_code, SI_TIMER);
    CHECK_GE(si.si_overrun, 10);
    CHECK_EQ(timer_getoverrun(t), si.si_overrun);
}
TEST(posix_absolute_and_default_event) {
    on_siginfo(SIGALRM, info, 0);
    timer_t t;
    CHECK_EQ(timer_create(CLOCK_REALTIME, NULL, &t), 0);
    struct itimerspec its = {{0, 0}, {0, 0}};
    clock_gettime(CLOCK_REALTIME, &its.it_value);
    CHECK_EQ(timer_settime(t, TIMER_ABSTIME, &its, NULL), 0); // passed: at once
    WAIT_UNTIL(count == 1);
    its.it_value.tv_nsec = 1000000000;
    CHECK_ERR(timer_settime(t, 0, &its, NULL), EINVAL);
}
static pid_t ran_in;
static void in_thread(int s) {
    (void)s;
    ran_in = gettid();
    count++;
}
static void *with_timer(void *a) {
    struct sigevent ev = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGUSR2};
    ev._sigev_un._tid = gettid();
    timer_t t;
    struct itimerspec its = {{0, 0}, {0, 5000000}};
    if (timer_create(CLOCK_MONOTONIC, &ev, &t) || timer_settime(t, 0, &its, NULL))
        return (void *)1;
    while (count == 0)
        sleep_ms(1);
    return (void *)(long)(ran_in != gettid());
    (void)a;
}
TEST(posix_thread_id) {
    on_signal(SIGUSR2, in_thread, 0);
    pthread_t t;
    void *r;
    CHECK_RET(pthread_create(&t, NULL, with_timer, NULL), 0);
    CHECK_RET(pthread_join(t, &r), 0);
    CHECK_EQ((long)r, 0);
}
static void notify(union sigval v) { count = v.sival_int; }
TEST(posix_notify_thread) {
    struct sigevent ev = {.sigev_notify = SIGEV_THREAD, .sigev_notify_function = notify, .sigev_value.sival_int = 8};
    timer_t t;
    CHECK_EQ(timer_create(CLOCK_MONOTONIC, &ev, &t), 0);
    struct itimerspec its = {{0, 0}, {0, 5000000}};
    CHECK_EQ(timer_settime(t, 0, &its, NULL), 0);
    WAIT_UNTIL(count == 8);
}
TEST(posix_none_and_cpu) {
    struct sigevent ev = {.sigev_notify = SIGEV_NONE}, sig = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
    timer_t t;
    CHECK_EQ(timer_create(CLOCK_MONOTONIC, &ev, &t), 0);
    struct itimerspec its = {{0, 0}, {1, 0}}, now;
    CHECK_EQ(timer_settime(t, 0, &its, NULL), 0);
    CHECK_EQ(timer_gettime(t, &now), 0);
    CHECK_GT(now.it_value.tv_sec * 1000000000LL + now.it_value.tv_nsec, 0);
    on_signal(SIGUSR1, handler, 0);
    CHECK_EQ(timer_create(CLOCK_PROCESS_CPUTIME_ID, &sig, &t), 0);
    its.it_value.tv_sec = 0, its.it_value.tv_nsec = 20000000;
    CHECK_EQ(timer_settime(t, 0, &its, NULL), 0);
    long long end = now_ms() + 2000;
    while (count == 0 && now_ms() < end) {
    }
    CHECK_EQ(count, 1);
    ev.sigev_notify = 77;
    CHECK_ERR(timer_create(CLOCK_MONOTONIC, &ev, &t), EINVAL);
    CHECK_ERR(timer_create(77, NULL, &t), EINVAL);
    sig.sigev_signo = 65;
    CHECK_ERR(timer_create(CLOCK_MONOTONIC, &sig, &t), EINVAL);
}
// Signals are delivered, and the CPU clock looks, while their timer goes away.
static void *make_and_delete(void *clock) {
    for (int i = 0; i < 300; i++) {
        struct sigevent ev = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
        struct itimerspec its = {{0, 10000}, {0, 10000}};
        timer_t t;
        CHECK_EQ(timer_create((clockid_t)(long)clock, &ev, &t), 0);
        CHECK_EQ(timer_settime(t, 0, &its, NULL), 0);
        CHECK_EQ(timer_delete(t), 0);
    }
    return NULL;
}
TEST_LONG(posix_deleted_while_firing) {
    on_siginfo(SIGUSR1, info, SA_RESTART);
    pthread_t threads[2];
    CHECK_RET(pthread_create(&threads[0], NULL, make_and_delete, (void *)(long)CLOCK_MONOTONIC), 0);
    CHECK_RET(pthread_create(&threads[1], NULL, make_and_delete, (void *)(long)CLOCK_PROCESS_CPUTIME_ID), 0);
    for (int i = 0; i < 2; i++)
        CHECK_RET(pthread_join(threads[i], NULL), 0);
    // Processes end with timers that are armed.
    for (int i = 0; i < 20; i++) {
        pid_t c = FORK();
        if (c == 0) {
            struct sigevent ev = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
            struct itimerspec its = {{0, 1000000}, {0, 1000000}};
            struct itimerval it = {{0, 1000}, {0, 1000}};
            timer_t t;
            on_signal(SIGPROF, handler, 0);
            CHECK_EQ(timer_create(CLOCK_PROCESS_CPUTIME_ID, &ev, &t), 0);
            CHECK_EQ(timer_settime(t, 0, &its, NULL), 0);
            CHECK_EQ(setitimer(ITIMER_PROF, &it, NULL), 0);
            burn(i % 5);
            _exit(0);
        }
        CHECK_EXIT(c, 0);
    }
}
TEST(posix_not_inherited) {
    struct sigevent ev = {.sigev_notify = SIGEV_NONE};
    timer_t t;
    struct itimerspec now;
    CHECK_EQ(timer_create(CLOCK_MONOTONIC, &ev, &t), 0);
    IN_CHILD(CHECK_ERR(timer_gettime(t, &now), EINVAL));
}
TEST(timerfd) {
    int fd = OK(timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC));
    uint64_t n;
    CHECK_ERR(read(fd, &n, 8), EAGAIN);
    CHECK_ERR(read(fd, &n, 7), EINVAL);
    struct itimerspec its = {{0, 3000000}, {0, 10000000}}, now;
    long long t = now_ns();
    CHECK_EQ(timerfd_settime(fd, 0, &its, NULL), 0);
    CHECK_EQ(timerfd_gettime(fd, &now), 0);
    CHECK_EQ(now.it_interval.tv_nsec, 3000000);
    struct pollfd p = {fd, POLLIN, 0};
    int early = poll(&p, 1, 0);
    if (now_ns() - t < 10000000)
        CHECK_EQ(early, 0);
    CHECK_EQ(poll(&p, 1, 2000), 1);
    sleep_ms(12);
    CHECK_EQ(read(fd, &n, 8), 8);
    CHECK_GE(n, 4);
    memset(&its, 0, sizeof its);
    CHECK_EQ(timerfd_settime(fd, 0, &its, &now), 0);
    CHECK_ERR(read(fd, &n, 8), EAGAIN);
    CHECK_ERR(timerfd_create(CLOCK_MONOTONIC, 1), EINVAL);
    CHECK_ERR(timerfd_create(77, 0), EINVAL);
    its.it_value.tv_nsec = -1;
    CHECK_ERR(timerfd_settime(fd, 0, &its, NULL), EINVAL);
    CHECK_ERR(timerfd_settime(0, 0, &its, NULL), EINVAL);
}
TEST(timerfd_blocks_and_absolute) {
    int fd = OK(timerfd_create(CLOCK_REALTIME, 0));
    struct itimerspec its = {{0, 0}, {0, 0}};
    uint64_t n;
    long long t = now_ns();
    clock_gettime(CLOCK_REALTIME, &its.it_value);
    its.it_value.tv_nsec += 20000000;
    if (its.it_value.tv_nsec >= 1000000000)
        its.it_value.tv_sec++, its.it_value.tv_nsec -= 1000000000;
    CHECK_EQ(timerfd_settime(fd, TFD_TIMER_ABSTIME, &its, NULL), 0);
    CHECK_EQ(read(fd, &n, 8), 8);
    CHECK_EQ(n, 1);
    CHECK_GE(now_ns() - t, 15000000);
}
// A periodic timer goes on once somebody has looked, and then tells how many periods have passed.
TEST(timerfd_rests_until_read) {
    int fd = OK(timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK));
    struct itimerspec it = {{0, 1}, {0, 1}}, now;
    unsigned long long n = 0;
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fdinfo/%d", fd);
    CHECK_EQ(timerfd_settime(fd, 0, &it, NULL), 0);
    struct pollfd p = {fd, POLLIN, 0};
    CHECK_EQ(poll(&p, 1, 10000), 1);
    sleep_ms(2);
    CHECK(strstr(read_file(path), "ticks: 1\n") != NULL);
    CHECK(strstr(read_file(path), "it_value: (0, 0)\n") != NULL);
    CHECK_EQ(read(fd, &n, sizeof n), 8);
    CHECK_GE(n, 1000000);
    it.it_value.tv_nsec = it.it_interval.tv_nsec = 1000000;
    CHECK_EQ(timerfd_settime(fd, 0, &it, NULL), 0);
    CHECK_EQ(poll(&p, 1, 10000), 1);
    sleep_ms(5);
    CHECK_EQ(timerfd_gettime(fd, &now), 0); // looks too
    CHECK(now.it_value.tv_sec == 0 && now.it_value.tv_nsec <= 1000000);
    CHECK(strstr(read_file(path), "ticks: 1\n") == NULL);
    CHECK_EQ(read(fd, &n, sizeof n), 8);
    CHECK_GE(n, 5);
}
TEST(posix_rests_until_delivered) {
    sigset_t set, old;
    sigemptyset(&set), sigaddset(&set, SIGUSR1);
    sigprocmask(SIG_BLOCK, &set, &old);
    on_siginfo(SIGUSR1, info, 0);
    timer_t id;
    struct sigevent ev = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
    CHECK_EQ(timer_create(CLOCK_MONOTONIC, &ev, &id), 0);
    struct itimerspec it = {{0, 1000000}, {0, 1000000}}, now;
    CHECK_EQ(timer_settime(id, 0, &it, NULL), 0);
    sleep_ms(20);
    CHECK_EQ(timer_gettime(id, &now), 0); // in the period that it would be in
    CHECK(now.it_value.tv_nsec > 0 && now.it_value.tv_nsec <= 1000000);
    siginfo_t si;
    CHECK_EQ(sigwaitinfo(&set, &si), SIGUSR1);
    CHECK_GE(si.si_overrun, 10);
    CHECK_EQ(timer_getoverrun(id), si.si_overrun);
    // Ignored, with one pending too, it goes on once it is not.
    sleep_ms(3);
    signal(SIGUSR1, SIG_IGN);
    sigprocmask(SIG_SETMASK, &old, NULL);
    sleep_ms(10);
    count = 0;
    on_siginfo(SIGUSR1, info, 0);
    WAIT_UNTIL(count >= 3);
    CHECK_EQ(timer_delete(id), 0);
}
TEST(itimer_rests_until_delivered) {
    sigset_t set;
    sigemptyset(&set), sigaddset(&set, SIGALRM);
    sigprocmask(SIG_BLOCK, &set, NULL);
    struct itimerval it = {{0, 300000}, {0, 1000}}, now;
    siginfo_t si;
    CHECK_EQ(setitimer(ITIMER_REAL, &it, NULL), 0);
    sleep_ms(20);
    CHECK_EQ(getitimer(ITIMER_REAL, &now), 0);
    CHECK_EQ(now.it_value.tv_usec, 0), CHECK_EQ(now.it_interval.tv_usec, 300000);
    CHECK_EQ(sigwaitinfo(&set, &si), SIGALRM);
    CHECK_EQ(si.si_code, SI_KERNEL);
    CHECK_EQ(getitimer(ITIMER_REAL, &now), 0);
    CHECK_GT(now.it_value.tv_usec, 0);
    CHECK_EQ(sigwaitinfo(&set, &si), SIGALRM);
}
TEST_LONG(rlimit_cpu) {
    pid_t c = FORK();
    if (c == 0) {
        struct rlimit r = {1, 2};
        setrlimit(RLIMIT_CPU, &r);
        burn(15000);
        _exit(0);
    }
    CHECK_KILLED(c, SIGXCPU);
}
