// Signals, time and futexes: the errors and flags that the pages of the rt_sig* calls, sigaltstack, the timers, clocks, sleeps, futex
// and seccomp document.
#include "../guest.h"
#include <linux/filter.h>
#include <linux/futex.h>
#include <linux/seccomp.h>
#include <sys/timex.h>
#include <utime.h>

static char b[8192];
static bool may_set_time(void) { return cap_effective() >> 25 & 1; } // CAP_SYS_TIME

TEST(signal_calls) {
    sigset_t set = sigset_of(SIGUSR1, 0, 0);
    struct { void *handler; unsigned long flags; void *restorer; unsigned long mask; } sa = {0};
#define SIG(n, ...) syscall(SYS_rt_##n, __VA_ARGS__)
    ROW(SIG(sigaction, 0, &sa, NULL, 8), EINVAL);
    ROW(SIG(sigaction, 65, &sa, NULL, 8), EINVAL);
    ROW(SIG(sigaction, SIGKILL, &sa, NULL, 8), EINVAL);
    ROW(SIG(sigaction, SIGSTOP, &sa, NULL, 8), EINVAL);
    ROW(SIG(sigaction, SIGKILL, NULL, &sa, 8), 0);
    ROW(SIG(sigaction, SIGUSR1, &sa, NULL, 4), EINVAL);
    ROW(SIG(sigaction, SIGUSR1, 8, NULL, 8), EFAULT);
    ROW(SIG(sigaction, SIGUSR1, NULL, 8, 8), EFAULT);
    ROW(SIG(sigprocmask, 7, &set, NULL, 8), EINVAL);
    ROW(SIG(sigprocmask, 7, NULL, NULL, 8), 0); // how does not matter
    ROW(SIG(sigprocmask, SIG_BLOCK, &set, NULL, 4), EINVAL);
    ROW(SIG(sigprocmask, SIG_BLOCK, 8, NULL, 8), EFAULT);
    ROW(SIG(sigprocmask, SIG_BLOCK, NULL, 8, 8), EFAULT);
    ROW(SIG(sigprocmask, SIG_BLOCK, &set, NULL, 8), 0);
    ROW(SIG(sigpending, &set, 16), EINVAL);
    ROW(SIG(sigpending, 8, 8), EFAULT);
    ROW(SIG(sigpending, &set, 4), 0); // a short one is cut
    ROW(SIG(sigsuspend, &set, 4), EINVAL);
    ROW(SIG(sigsuspend, 8, 8), EFAULT);
    struct timespec zero = {0, 0}, bad = {0, 1000000000}, neg = {-1, 0};
    siginfo_t si;
    set = sigset_of(SIGUSR1, 0, 0);
    ROW(SIG(sigtimedwait, &set, &si, &zero, 8), EAGAIN);
    ROW(SIG(sigtimedwait, &set, &si, &bad, 8), EINVAL);
    ROW(SIG(sigtimedwait, &set, &si, &neg, 8), EINVAL);
    ROW(SIG(sigtimedwait, &set, &si, &zero, 4), EINVAL);
    ROW(SIG(sigtimedwait, 8, &si, &zero, 8), EFAULT);
    ROW(SIG(sigtimedwait, &set, &si, 8, 8), EFAULT);
    raise(SIGUSR1);
    ROW(SIG(sigtimedwait, &set, 8, &zero, 8), EFAULT);
    raise(SIGUSR1);
    VALUE(SIG(sigtimedwait, &set, NULL, NULL, 8), SIGUSR1);
    on_signal(SIGALRM, on_nothing, SA_RESTART), tick(5);
    ROW(SIG(sigtimedwait, &set, &si, NULL, 8), EINTR);
    ROW(SIG(sigtimedwait, &set, &si, &(struct timespec){1, 0}, 8), EINTR);
    sigset_t none = sigset_of(0, 0, 0);
    ROW(SIG(sigsuspend, &none, 8), EINTR);
    ROW(pause(), EINTR);
    struct itimerval off = {0};
    setitimer(ITIMER_REAL, &off, NULL);
    stack_t st = {b, 7, sizeof b}, small = {b, 0, 2000}, old;
    ROW(sigaltstack(&st, NULL), EINVAL);
    ROW(sigaltstack(&small, NULL), ENOMEM);
    ROW(sigaltstack((void *)8, NULL), EFAULT);
    ROW(sigaltstack(NULL, (void *)8), EFAULT);
    st.ss_flags = SS_ONSTACK;
    ROW(sigaltstack(&st, &old), 0);
    CHECK_EQ(old.ss_flags, SS_DISABLE);
    st.ss_flags = (int)(1U << 31) /* SS_AUTODISARM */;
    ROW(sigaltstack(&st, NULL), 0);
    ROW(sigaltstack(NULL, &old), 0);
    CHECK_EQ(old.ss_flags, (int)(1U << 31));
    st.ss_flags = SS_DISABLE;
    ROW(sigaltstack(&st, NULL), 0);
    ROW(SIG(sigqueueinfo, getpid(), SIGUSR1, 8), EFAULT);
}
TEST(interval_timers) {
    struct itimerval it = {{0, 0}, {0, 1000000}}, old;
    ROW(getitimer(7, &old), EINVAL);
    ROW(getitimer(-1, &old), EINVAL);
    ROW(syscall(SYS_getitimer, ITIMER_REAL, 8), EFAULT);
    ROW(setitimer(7, &it, NULL), EINVAL);
    ROW(setitimer(ITIMER_REAL, &it, NULL), EINVAL);
    it.it_value.tv_usec = -1;
    ROW(setitimer(ITIMER_REAL, &it, NULL), EINVAL);
    it = (struct itimerval){{-1, 0}, {1, 0}};
    ROW(setitimer(ITIMER_REAL, &it, NULL), EINVAL);
    ROW(syscall(SYS_setitimer, ITIMER_REAL, 8, NULL), EFAULT);
    it = (struct itimerval){{0, 0}, {100, 0}};
    for (int which = 0; which < 3; which++) {
        ROW(setitimer(which, &it, NULL), 0);
        ROW(syscall(SYS_setitimer, which, &it, 8), EFAULT);
        ROW(getitimer(which, &old), 0);
        CHECK_GE(old.it_value.tv_sec, 98);
        ROW(syscall(SYS_setitimer, which, NULL, &old), 0); // as with zeros
        ROW(getitimer(which, &old), 0);
        CHECK_EQ(old.it_value.tv_sec, 0);
    }
    timer_t t = 0;
    int id = -1;
    struct sigevent ev = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
#define CREATE(clock, ev, at) syscall(SYS_timer_create, clock, ev, at)
    ROW(CREATE(77, NULL, &id), EINVAL);
    ROW(CREATE(-1, NULL, &id), EINVAL);
    ROW(CREATE(CLOCK_MONOTONIC_RAW, NULL, &id), EOPNOTSUPP);
    ROW(CREATE(CLOCK_REALTIME_COARSE, NULL, &id), EOPNOTSUPP);
    ROW(CREATE(CLOCK_MONOTONIC_COARSE, NULL, &id), EOPNOTSUPP);
    ROW(CREATE(CLOCK_REALTIME, 8, &id), EFAULT);
    ROW(CREATE(CLOCK_REALTIME, NULL, 8), EFAULT);
    ev.sigev_notify = 77;
    ROW(CREATE(CLOCK_REALTIME, &ev, &id), EINVAL);
    ev.sigev_notify = SIGEV_SIGNAL, ev.sigev_signo = 65;
    ROW(CREATE(CLOCK_REALTIME, &ev, &id), EINVAL);
    ev.sigev_signo = 0;
    ROW(CREATE(CLOCK_REALTIME, &ev, &id), EINVAL);
    ev.sigev_notify = SIGEV_THREAD_ID, ev.sigev_signo = SIGUSR1, ev._sigev_un._tid = 1 << 29;
    ROW(CREATE(CLOCK_REALTIME, &ev, &id), EINVAL);
    ev.sigev_notify = SIGEV_NONE, ev.sigev_signo = 0;
    static const int clocks[] = {CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_BOOTTIME, CLOCK_TAI, CLOCK_PROCESS_CPUTIME_ID, CLOCK_THREAD_CPUTIME_ID};
    for (int i = 0; i < 6; i++)
        ROW(CREATE(clocks[i], &ev, &id), 0);
    ROW(CREATE(CLOCK_MONOTONIC, &ev, &id), 0);
    t = (timer_t)(long)id;
    struct itimerspec its = {{0, 0}, {0, 1000000000}}, ok = {{0, 0}, {100, 0}}, was;
#define SET(id, f, n, o) syscall(SYS_timer_settime, id, f, n, o)
    ROW(SET(id, 0, &its, NULL), EINVAL);
    its.it_value.tv_nsec = -1;
    ROW(SET(id, 0, &its, NULL), EINVAL);
    its = (struct itimerspec){{0, -1}, {1, 0}};
    ROW(SET(id, 0, &its, NULL), EINVAL);
    ROW(SET(id, 0, NULL, NULL), EINVAL);
    ROW(SET(id, 0, 8, NULL), EFAULT);
    ROW(SET(id, 0, &ok, 8), EFAULT);
    ROW(SET(id + 100, 0, &ok, NULL), EINVAL);
    ROW(SET(id, 0, &ok, &was), 0);
    ROW(syscall(SYS_timer_gettime, id, 8), EFAULT);
    ROW(syscall(SYS_timer_gettime, id + 100, &was), EINVAL);
    ROW(syscall(SYS_timer_gettime, id, &was), 0);
    CHECK_GE(was.it_value.tv_sec, 98);
    ROW(syscall(SYS_timer_getoverrun, id + 100), EINVAL);
    VALUE(syscall(SYS_timer_getoverrun, id), 0);
    ROW(syscall(SYS_timer_delete, id), 0);
    ROW(syscall(SYS_timer_delete, id), EINVAL);
    struct rlimit r = {0, 0};
    IN_CHILD(OK(setrlimit(RLIMIT_SIGPENDING, &r)); if (privileged()) become(1234); CHECK_ERR(CREATE(CLOCK_REALTIME, NULL, &id), EAGAIN));
    (void)t;
}
TEST(clock_calls) {
    struct timespec ts = {0, 0}, bad = {0, 1000000000}, neg = {-1, 0}, past = {1, 0}, rem;
    static const int good[] = {CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_PROCESS_CPUTIME_ID, CLOCK_THREAD_CPUTIME_ID, CLOCK_MONOTONIC_RAW, CLOCK_REALTIME_COARSE, CLOCK_MONOTONIC_COARSE, CLOCK_BOOTTIME, CLOCK_TAI};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        int c = good[i];
        ROW(syscall(SYS_clock_gettime, c, &ts), 0);
        ROW(syscall(SYS_clock_gettime, c, 8), EFAULT);
        ROW(syscall(SYS_clock_getres, c, &ts), 0);
        ROW(syscall(SYS_clock_getres, c, NULL), 0);
        ROW(syscall(SYS_clock_getres, c, 8), EFAULT);
    }
    static const int wrong[] = {77, 10, 16, -1};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        int c = wrong[i];
        if (c != -1) {
            ROW(syscall(SYS_clock_gettime, c, &ts), EINVAL);
            ROW(syscall(SYS_clock_getres, c, &ts), EINVAL);
        }
        ROW(syscall(SYS_clock_settime, c, &past), EINVAL);
    }
    int dynamic = ~99 << 3 | 3; // of a closed descriptor
    ROW(syscall(SYS_clock_gettime, dynamic, &ts), EINVAL);
    int none = ~(1 << 27) * 8 | 2; // the CPU time of a process that is not there
    ROW(syscall(SYS_clock_gettime, none, &ts), EINVAL);
    ROW(syscall(SYS_clock_gettime, ~getpid() << 3 | 2, &ts), 0);
    ROW(syscall(SYS_clock_settime, CLOCK_MONOTONIC, &past), EINVAL);
    ROW(syscall(SYS_clock_settime, CLOCK_PROCESS_CPUTIME_ID, &past), EINVAL);
    ROW(syscall(SYS_clock_settime, CLOCK_REALTIME, 8), EFAULT);
    ROW(syscall(SYS_clock_settime, CLOCK_REALTIME, &bad), EINVAL);
    ROW(syscall(SYS_clock_settime, CLOCK_REALTIME, &neg), EINVAL);
    if (!may_set_time()) {
        struct timeval tv = {1, 0};
        struct timex tx = {.modes = ADJ_FREQUENCY};
        ROW(syscall(SYS_clock_settime, CLOCK_REALTIME, &past), EPERM);
        ROW(syscall(SYS_settimeofday, &tv, NULL), EPERM);
        ROW(syscall(SYS_adjtimex, &tx), EPERM);
        ROW(syscall(SYS_clock_adjtime, CLOCK_REALTIME, &tx), EPERM);
    }
    struct timex tx = {0};
    CHECK_GE(syscall(SYS_adjtimex, &tx), 0);
    CHECK_GE(syscall(SYS_clock_adjtime, CLOCK_REALTIME, &tx), 0);
    ROW(syscall(SYS_adjtimex, 8), EFAULT);
    ROW(syscall(SYS_clock_adjtime, CLOCK_REALTIME, 8), EFAULT);
    ROW(syscall(SYS_clock_adjtime, 77, &tx), EINVAL);
    ROW(syscall(SYS_clock_adjtime, CLOCK_MONOTONIC, &tx), EOPNOTSUPP);
    ROW(syscall(SYS_gettimeofday, 8, NULL), EFAULT);
    ROW(syscall(SYS_gettimeofday, NULL, 8), EFAULT);
    ROW(syscall(SYS_gettimeofday, NULL, NULL), 0);
    ROW(syscall(SYS_settimeofday, 8, NULL), EFAULT);
    ROW(syscall(SYS_settimeofday, &(struct timeval){1, 1000000}, NULL), EINVAL);
    ROW(syscall(SYS_settimeofday, &(struct timeval){1, -1}, NULL), EINVAL);
    ROW(syscall(SYS_time, 8), EFAULT);
#define SLEEP(c, f, ts, rem) syscall(SYS_clock_nanosleep, c, f, ts, rem)
    ROW(SLEEP(CLOCK_REALTIME, 0, &bad, NULL), EINVAL);
    ROW(SLEEP(CLOCK_REALTIME, 0, &neg, NULL), EINVAL);
    ROW(SLEEP(CLOCK_REALTIME, 0, 8, NULL), EFAULT);
    ROW(SLEEP(77, 0, &ts, NULL), EINVAL);
    ROW(SLEEP(CLOCK_THREAD_CPUTIME_ID, 0, &past, NULL), EOPNOTSUPP);
    ROW(SLEEP(CLOCK_MONOTONIC_RAW, 0, &past, NULL), EOPNOTSUPP);
    ROW(SLEEP(CLOCK_REALTIME_COARSE, 0, &past, NULL), EOPNOTSUPP);
    static const int sleepy[] = {CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_BOOTTIME, CLOCK_TAI};
    for (int i = 0; i < 4; i++)
        ROW(SLEEP(sleepy[i], TIMER_ABSTIME, &past, NULL), 0);
    ROW(syscall(SYS_nanosleep, &bad, NULL), EINVAL);
    ROW(syscall(SYS_nanosleep, &neg, NULL), EINVAL);
    ROW(syscall(SYS_nanosleep, 8, NULL), EFAULT);
    on_signal(SIGALRM, on_nothing, 0), tick(5);
    struct timespec long_time = {100, 0};
    ROW(syscall(SYS_nanosleep, &long_time, &rem), EINTR);
    CHECK_GE(rem.tv_sec, 98);
    ROW(SLEEP(CLOCK_MONOTONIC, 0, &long_time, &rem), EINTR);
    ROW(SLEEP(CLOCK_MONOTONIC, 0, &long_time, 8), EFAULT);
    ROW(syscall(SYS_nanosleep, &long_time, 8), EFAULT);
    struct timespec far = {1LL << 40, 0};
    ROW(SLEEP(CLOCK_MONOTONIC, TIMER_ABSTIME, &far, NULL), EINTR);
}
TEST(futex_operations) {
    static uint32_t word, word2;
    struct timespec soon = {0, 1000}, bad = {0, 1000000000}, neg = {-1, 0};
#define FUTEX(...) syscall(SYS_futex, __VA_ARGS__)
    ROW(FUTEX(&word, 77, 0, NULL, NULL, 0), ENOSYS);
    ROW(FUTEX(&word, FUTEX_FD, 0, NULL, NULL, 0), ENOSYS);
    ROW(FUTEX(&word, FUTEX_WAKE | FUTEX_CLOCK_REALTIME, 1, NULL, NULL, 0), ENOSYS);
    ROW(FUTEX(&word, FUTEX_WAIT, 1, NULL, NULL, 0), EAGAIN);
    ROW(FUTEX(&word, FUTEX_WAIT, 0, &soon, NULL, 0), ETIMEDOUT);
    ROW(FUTEX(&word, FUTEX_WAIT, 0, &bad, NULL, 0), EINVAL);
    ROW(FUTEX(&word, FUTEX_WAIT, 0, &neg, NULL, 0), EINVAL);
    ROW(FUTEX(&word, FUTEX_WAIT, 0, 8, NULL, 0), EFAULT);
    ROW(FUTEX((char *)&word + 1, FUTEX_WAIT, 0, NULL, NULL, 0), EINVAL);
    ROW(FUTEX((char *)&word + 1, FUTEX_WAKE, 1, NULL, NULL, 0), EINVAL);
    ROW(FUTEX(8, FUTEX_WAIT, 0, NULL, NULL, 0), EFAULT);
    ROW(FUTEX(8, FUTEX_WAKE, 1, NULL, NULL, 0), EFAULT);
    VALUE(FUTEX(8, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, 1, NULL, NULL, 0), 0); // the word is not looked at
    ROW(FUTEX(1L << 60, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, 1, NULL, NULL, 0), EFAULT);
    ROW(FUTEX(&word, FUTEX_WAIT_BITSET, 0, NULL, NULL, 0), EINVAL);
    ROW(FUTEX(&word, FUTEX_WAKE_BITSET, 1, NULL, NULL, 0), EINVAL);
    ROW(FUTEX(&word, FUTEX_WAIT_BITSET, 0, &(struct timespec){1, 0}, NULL, 1), ETIMEDOUT);
    ROW(FUTEX(&word, FUTEX_WAIT_BITSET | FUTEX_CLOCK_REALTIME, 0, &(struct timespec){1, 0}, NULL, 1), ETIMEDOUT);
    ROW(FUTEX(&word, FUTEX_WAIT | FUTEX_CLOCK_REALTIME, 0, &soon, NULL, 0), ENOSYS);
    VALUE(FUTEX(&word, FUTEX_REQUEUE, 1, 1L, &word2, 0), 0);
    ROW(FUTEX(&word, FUTEX_REQUEUE, -1, 1L, &word2, 0), EINVAL);
    ROW(FUTEX(&word, FUTEX_REQUEUE, 1, -1L, &word2, 0), EINVAL);
    ROW(FUTEX(&word, FUTEX_REQUEUE, 1, 1L, 8, 0), EFAULT);
    ROW(FUTEX(&word, FUTEX_REQUEUE, 1, 1L, (char *)&word2 + 1, 0), EINVAL);
    VALUE(FUTEX(&word, FUTEX_CMP_REQUEUE, 1, 1L, &word2, 0), 0);
    ROW(FUTEX(&word, FUTEX_CMP_REQUEUE, 1, 1L, &word2, 1), EAGAIN);
    ROW(FUTEX(8, FUTEX_CMP_REQUEUE, 1, 1L, &word2, 0), EFAULT);
    VALUE(FUTEX(&word, FUTEX_WAKE_OP, 1, 1L, &word2, FUTEX_OP(FUTEX_OP_SET, 5, FUTEX_OP_CMP_EQ, 0)), 0);
    CHECK_EQ(word2, 5);
    ROW(FUTEX(&word, FUTEX_WAKE_OP, 1, 1L, &word2, FUTEX_OP(7, 5, FUTEX_OP_CMP_EQ, 0)), ENOSYS);
    ROW(FUTEX(&word, FUTEX_WAKE_OP, 1, 1L, &word2, FUTEX_OP(FUTEX_OP_SET, 5, 9, 0)), ENOSYS);
    ROW(FUTEX(&word, FUTEX_WAKE_OP, 1, 1L, 8, 0), EFAULT);
    ROW(FUTEX(&word, FUTEX_WAKE_OP, 1, 1L, (char *)&word2 + 1, 0), EINVAL);
    word = 0;
    ROW(FUTEX(&word, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0), EPERM); // not the owner
    ROW(FUTEX(&word, FUTEX_LOCK_PI, 0, NULL, NULL, 0), 0);
    CHECK_EQ(word & FUTEX_TID_MASK, getpid());
    ROW(FUTEX(&word, FUTEX_LOCK_PI, 0, NULL, NULL, 0), EDEADLK);
    ROW(FUTEX(&word, FUTEX_TRYLOCK_PI, 0, NULL, NULL, 0), EDEADLK);
    ROW(FUTEX(&word, 13 /* FUTEX_LOCK_PI2 */, 0, NULL, NULL, 0), EDEADLK);
    ROW(FUTEX(&word, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0), 0);
    word = 1 << 29;
    ROW(FUTEX(&word, FUTEX_LOCK_PI, 0, NULL, NULL, 0), ESRCH); // the owner is nobody
    ROW(FUTEX(&word, FUTEX_TRYLOCK_PI, 0, NULL, NULL, 0), ESRCH);
    ROW(FUTEX(&word, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0), EPERM);
    ROW(FUTEX(8, FUTEX_LOCK_PI, 0, NULL, NULL, 0), EFAULT);
    ROW(FUTEX(8, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0), EFAULT);
    ROW(FUTEX((char *)&word + 1, FUTEX_LOCK_PI, 0, NULL, NULL, 0), EINVAL);
    ROW(FUTEX(&word, FUTEX_LOCK_PI, 0, &bad, NULL, 0), EINVAL);
    ROW(FUTEX(&word, FUTEX_CMP_REQUEUE_PI, 2, 1L, &word2, word), EINVAL); // wakes one, no more
    ROW(FUTEX(&word, FUTEX_WAIT_REQUEUE_PI, word, NULL, &word, 0), EINVAL); // to itself
    ROW(FUTEX(&word, FUTEX_WAIT_REQUEUE_PI, 7, NULL, &word2, 0), EAGAIN);
    const char *ro = OK(mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)), *no = OK(mmap(NULL, PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    ROW(FUTEX(ro, FUTEX_LOCK_PI, 0, NULL, NULL, 0), EFAULT);
    ROW(FUTEX(no, FUTEX_WAIT, 0, NULL, NULL, 0), EFAULT);
    on_signal(SIGALRM, on_nothing, SA_RESTART), tick(5);
    ROW(FUTEX(&word, FUTEX_WAIT, word, &(struct timespec){1, 0}, NULL, 0), EINTR);
    struct itimerval off = {0};
    setitimer(ITIMER_REAL, &off, NULL);
    struct { uint64_t val, uaddr; uint32_t flags, reserved; } w[2] = {{0, (uint64_t)&word2, 2, 0}, {7, (uint64_t)&word, 2, 0}};
#define WAITV(v, n, fl, ts, clock) syscall(449 /* futex_waitv */, v, n, fl, ts, clock)
    ROW(WAITV(w, 1, 0, NULL, CLOCK_MONOTONIC), EAGAIN); // its value is 5
    ROW(WAITV(w, 0, 0, NULL, CLOCK_MONOTONIC), EINVAL);
    ROW(WAITV(w, 129, 0, NULL, CLOCK_MONOTONIC), EINVAL);
    ROW(WAITV(NULL, 1, 0, NULL, CLOCK_MONOTONIC), EINVAL);
    ROW(WAITV(8, 1, 0, NULL, CLOCK_MONOTONIC), EFAULT);
    ROW(WAITV(w, 1, 1, NULL, CLOCK_MONOTONIC), EINVAL);
    struct timespec past = {1, 0};
    w[0].val = 5;
    ROW(WAITV(w, 1, 0, &past, CLOCK_MONOTONIC), ETIMEDOUT);
    ROW(WAITV(w, 1, 0, &past, CLOCK_REALTIME), ETIMEDOUT);
    ROW(WAITV(w, 1, 0, &past, CLOCK_BOOTTIME), EINVAL);
    ROW(WAITV(w, 1, 0, &bad, CLOCK_MONOTONIC), EINVAL);
    ROW(WAITV(w, 1, 0, 8, CLOCK_MONOTONIC), EFAULT);
    w[0].reserved = 1;
    ROW(WAITV(w, 1, 0, &past, CLOCK_MONOTONIC), EINVAL);
    w[0].reserved = 0, w[0].flags = 0x100;
    ROW(WAITV(w, 1, 0, &past, CLOCK_MONOTONIC), EINVAL);
    w[0].flags = 3;
    ROW(WAITV(w, 1, 0, &past, CLOCK_MONOTONIC), EINVAL); // 64 bits
    w[0].flags = 2, w[0].uaddr = 8;
    ROW(WAITV(w, 1, 0, &past, CLOCK_MONOTONIC), EFAULT);
}
TEST(seccomp_operations) {
    struct sock_filter allow[] = {BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)}, bad[] = {BPF_STMT(0xffff, 0)}, open_end[] = {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0)}, outside[] = {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 64), BPF_STMT(BPF_RET | BPF_K, 0)};
    struct sock_fprog p = {1, allow}, none = {0, allow}, far = {1, (void *)8}, b1 = {1, bad}, b2 = {1, open_end}, b3 = {2, outside};
#define SECCOMP(op, fl, arg) syscall(SYS_seccomp, op, fl, arg)
    ROW(SECCOMP(77, 0, NULL), EINVAL);
    ROW(SECCOMP(SECCOMP_SET_MODE_STRICT, 1, NULL), EINVAL);
    ROW(SECCOMP(SECCOMP_SET_MODE_STRICT, 0, b), EINVAL);
    ROW(SECCOMP(SECCOMP_SET_MODE_FILTER, 1 << 20, &p), EINVAL);
    if (!privileged())
        ROW(SECCOMP(SECCOMP_SET_MODE_FILTER, 0, &p), EACCES); // before no_new_privs
    OK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
    ROW(SECCOMP(SECCOMP_SET_MODE_FILTER, 0, 8), EFAULT);
    ROW(SECCOMP(SECCOMP_SET_MODE_FILTER, 0, NULL), EFAULT);
    ROW(SECCOMP(SECCOMP_SET_MODE_FILTER, 0, &none), EINVAL);
    ROW(SECCOMP(SECCOMP_SET_MODE_FILTER, 0, &far), EFAULT);
    ROW(SECCOMP(SECCOMP_SET_MODE_FILTER, 0, &b1), EINVAL);
    ROW(SECCOMP(SECCOMP_SET_MODE_FILTER, 0, &b2), EINVAL);
    ROW(SECCOMP(SECCOMP_SET_MODE_FILTER, 0, &b3), EINVAL);
    p.len = 5000;
    ROW(SECCOMP(SECCOMP_SET_MODE_FILTER, 0, &p), EINVAL);
    p.len = 1;
    uint32_t action = SECCOMP_RET_ALLOW;
    static const uint32_t actions[] = {SECCOMP_RET_KILL_PROCESS, SECCOMP_RET_KILL_THREAD, SECCOMP_RET_TRAP, SECCOMP_RET_ERRNO, SECCOMP_RET_TRACE, SECCOMP_RET_LOG, SECCOMP_RET_ALLOW};
    for (size_t i = 0; i < sizeof actions / sizeof *actions; i++) {
        action = actions[i];
        ROW(SECCOMP(SECCOMP_GET_ACTION_AVAIL, 0, &action), 0);
    }
    action = 0x12345678;
    ROW(SECCOMP(SECCOMP_GET_ACTION_AVAIL, 0, &action), EOPNOTSUPP);
    ROW(SECCOMP(SECCOMP_GET_ACTION_AVAIL, 1, &action), EINVAL);
    ROW(SECCOMP(SECCOMP_GET_ACTION_AVAIL, 0, 8), EFAULT);
    ROW(SECCOMP(SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC | SECCOMP_FILTER_FLAG_LOG | SECCOMP_FILTER_FLAG_SPEC_ALLOW, &p), 0);
    ROW(SECCOMP(SECCOMP_SET_MODE_STRICT, 0, NULL), EINVAL); // from filter mode
    VALUE(prctl(PR_GET_SECCOMP, 0, 0, 0, 0), 2);
}
