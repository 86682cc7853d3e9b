// Clocks: which exist, their order, resolution, errnos; sleeping relative and absolute; CPU clocks; time, gettimeofday, times.
#include "../guest.h"
#include <pthread.h>
#include <sys/times.h>
#include <sys/timex.h>

static long long ns(clockid_t c) {
    struct timespec ts;
    if (clock_gettime(c, &ts) != 0)
        FAIL("clock_gettime(%d): %s", c, errno_name(errno));
    return ts.tv_sec * 1000000000LL + ts.tv_nsec;
}
TEST(all_clocks) {
    clockid_t c[] = {CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_PROCESS_CPUTIME_ID, CLOCK_THREAD_CPUTIME_ID, CLOCK_MONOTONIC_RAW,
                     CLOCK_REALTIME_COARSE, CLOCK_MONOTONIC_COARSE, CLOCK_BOOTTIME, CLOCK_TAI};
    for (unsigned i = 0; i < sizeof c / sizeof *c; i++) {
        struct timespec a, r, viasys;
        CHECK_EQ(clock_gettime(c[i], &a), 0);
        CHECK_EQ(syscall(SYS_clock_gettime, c[i], &viasys), 0); // the vDSO and the kernel agree
        CHECK_LE(a.tv_sec * 1000000000LL + a.tv_nsec, viasys.tv_sec * 1000000000LL + viasys.tv_nsec + 10000000);
        CHECK_GE(a.tv_sec * 1000000000LL + a.tv_nsec, viasys.tv_sec * 1000000000LL + viasys.tv_nsec - 500000000);
        CHECK_EQ(clock_getres(c[i], &r), 0);
        CHECK_EQ(r.tv_sec, 0);
        CHECK_GT(r.tv_nsec, 0);
        CHECK_EQ(clock_getres(c[i], NULL), 0);
    }
    struct timespec t;
    CHECK_ERR(clock_gettime(77, &t), EINVAL);
    CHECK_ERR(clock_getres(77, &t), EINVAL);
    CHECK_ERR(syscall(SYS_clock_gettime, CLOCK_MONOTONIC, 8), EFAULT);
}
TEST(monotonic_never_goes_back) {
    long long last = 0;
    for (int i = 0; i < 5000; i++) {
        long long n = ns(CLOCK_MONOTONIC);
        if (n < last)
            FAIL("%lld after %lld", n, last);
        last = n;
    }
    for (int i = 0; i < 20; i++) { // and the coarse one is never ahead
        long long c = ns(CLOCK_MONOTONIC_COARSE), m = ns(CLOCK_MONOTONIC);
        CHECK_LE(c, m);
        CHECK_LT(m - c, 100000000);
    }
    CHECK_GE(ns(CLOCK_BOOTTIME), ns(CLOCK_MONOTONIC) - 1000000000);
}
TEST(wall_clocks_agree) {
    struct timeval tv;
    time_t t = time(NULL);
    CHECK_EQ(gettimeofday(&tv, NULL), 0);
    CHECK_LE(tv.tv_sec - t, 1);
    CHECK_LE(ns(CLOCK_REALTIME) / 1000000000 - t, 1);
    CHECK_GT(t, 1600000000);
    time_t u;
    CHECK_GE(syscall(SYS_time, &u), t);
    CHECK_GE(u, t);
}
TEST(nanosleep_length) {
    struct timespec ts = {0, 15000000}, bad = {0, 1000000000}, neg = {-1, 0}, zero = {0, 0};
    long long t = ns(CLOCK_MONOTONIC);
    CHECK_EQ(nanosleep(&ts, NULL), 0);
    t = ns(CLOCK_MONOTONIC) - t;
    CHECK_GE(t, 15000000);
    CHECK_LT(t, 1000000000);
    CHECK_ERR(nanosleep(&bad, NULL), EINVAL);
    CHECK_ERR(nanosleep(&neg, NULL), EINVAL);
    CHECK_EQ(nanosleep(&zero, NULL), 0);
    CHECK_ERR(nanosleep((void *)8, NULL), EFAULT);
}
TEST(clock_nanosleep) {
    struct timespec ts;
    long long t = ns(CLOCK_MONOTONIC);
    clock_gettime(CLOCK_MONOTONIC, &ts);
    ts.tv_nsec += 20000000;
    if (ts.tv_nsec >= 1000000000)
        ts.tv_sec++, ts.tv_nsec -= 1000000000;
    CHECK_RET(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL), 0);
    CHECK_GE(ns(CLOCK_MONOTONIC) - t, 20000000);
    CHECK_RET(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL), 0); // in the past: at once
    clock_gettime(CLOCK_REALTIME, &ts);
    CHECK_RET(clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &ts, NULL), 0);
    CHECK_RET(clock_nanosleep(CLOCK_THREAD_CPUTIME_ID, 0, &ts, NULL), EINVAL);
    CHECK_RET(clock_nanosleep(77, 0, &ts, NULL), EINVAL);
}
TEST(cpu_clocks_advance_with_work) {
    long long p = ns(CLOCK_PROCESS_CPUTIME_ID), t = ns(CLOCK_THREAD_CPUTIME_ID);
    burn_cpu_ms(40);
    CHECK_GE(ns(CLOCK_PROCESS_CPUTIME_ID) - p, 15000000);
    CHECK_GE(ns(CLOCK_THREAD_CPUTIME_ID) - t, 15000000);
    p = ns(CLOCK_PROCESS_CPUTIME_ID);
    sleep_ms(60);
    CHECK_LT(ns(CLOCK_PROCESS_CPUTIME_ID) - p, 30000000);
    struct rusage ru;
    CHECK_EQ(getrusage(RUSAGE_SELF, &ru), 0);
    CHECK_GT(ru.ru_utime.tv_usec + ru.ru_stime.tv_usec, 10000);
    CHECK_GT(ru.ru_maxrss, 100);
    CHECK_EQ(getrusage(RUSAGE_THREAD, &ru), 0);
    CHECK_ERR(getrusage(77, &ru), EINVAL);
    struct tms tms = {0};
    CHECK_NE(times(&tms), -1);
    CHECK_GT(tms.tms_utime + tms.tms_stime, 0);
    CHECK_GT(clock(), 10000);
}
TEST(clock_of_another_process) {
    gate_t g = gate_new(), h = gate_new();
    pid_t c = FORK();
    if (c == 0) {
        burn_cpu_ms(30);
        gate_open(g);
        gate_wait(h);
        _exit(0);
    }
    gate_wait(g);
    clockid_t id;
    CHECK_RET(clock_getcpuclockid(c, &id), 0);
    CHECK_GT(ns(id), 5000000);
    gate_open(h);
    CHECK_EXIT(c, 0);
    struct timespec ts;
    CHECK_ERR(clock_gettime(id, &ts), EINVAL);
}
TEST(setting_needs_privilege) {
    struct timespec ts;
    struct timeval tv;
    CHECK_ERR(clock_settime(CLOCK_MONOTONIC, &(struct timespec){1, 0}), EINVAL);
    if (geteuid() == 0)
        IN_CHILD(
            become(1234);
            clock_gettime(CLOCK_REALTIME, &ts);
            CHECK_ERR(clock_settime(CLOCK_REALTIME, &ts), EPERM);
            gettimeofday(&tv, NULL);
            CHECK_ERR(settimeofday(&tv, NULL), EPERM);
        );
    struct timex tx = {0};
    CHECK_GE(adjtimex(&tx), 0);
}
