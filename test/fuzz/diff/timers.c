// Timers that are far from running out, or have done so already.
#include "seq.h"

#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <time.h>

enum { TIMERS = 3 };
static timer_t timers[TIMERS];
static int made[TIMERS];

void end_timers(void) {
    struct itimerval off = {0};
    for (int i = 0; i < TIMERS; i++) if (made[i]) timer_delete(timers[i]), made[i] = 0;
    for (int i = 0; i < 3; i++) setitimer(i, &off, NULL);
}
static void note_left(const struct itimerspec *t) { note(" {%d every %ld}", t->it_value.tv_sec || t->it_value.tv_nsec, t->it_interval.tv_sec); }

void family_timers(void) {
    int i = (int)pick(TIMERS), f = some_fd();
    clockid_t c = ONE_OF(CLOCK_MONOTONIC, CLOCK_REALTIME, CLOCK_BOOTTIME, CLOCK_PROCESS_CPUTIME_ID, 99);
    struct itimerspec t = {{ONE_OF(0, 0, 3000), 0}, {ONE_OF(0, 5000, 9000), ONE_OF(0, 0, 1000000000)}}, was = {0};
    long r;
    switch (pick(10)) {
    case 0: { struct sigevent e = {.sigev_notify = ONE_OF(SIGEV_NONE, SIGEV_SIGNAL, 7), .sigev_signo = ONE_OF(SIGUSR1, 40, 65)}; note("timer_create(%d, %d)", c, e.sigev_notify); if (made[i]) timer_delete(timers[i]), made[i] = 0; r = timer_create(c, &e, &timers[i]); made[i] = r == 0; result(r); break; }
    case 1: if (made[i]) { note("timer_settime(%d)", i); r = timer_settime(timers[i], 0, &t, &was); note_left(&was); result(r); } break;
    case 2: if (made[i]) { note("timer_gettime(%d)", i); r = timer_gettime(timers[i], &was); note_left(&was); result(r); note(" overrun"); result(timer_getoverrun(timers[i])); } break;
    case 3: note("timerfd_create(%d)", c); result_fd(timerfd_create(c, TFD_NONBLOCK), f); break;
    case 4: case 5: { int past = (int)pick(3) == 0; if (past) t.it_value.tv_sec = 0, t.it_value.tv_nsec = 1, t.it_interval.tv_sec = 0; note("timerfd_settime(%d, %d, %ld.%ld every %ld)", f, past, t.it_value.tv_sec, t.it_value.tv_nsec, t.it_interval.tv_sec); r = timerfd_settime(f, past ? TFD_TIMER_ABSTIME : 0, &t, &was); note_left(&was); result(r); break; }
    case 6: note("timerfd_gettime(%d)", f); r = timerfd_gettime(f, &was); note_left(&was); result(r); break;
    case 7: { int which = (int)pick(4); struct itimerval v = {{ONE_OF(0, 3000), 0}, {ONE_OF(0, 5000), 0}}, old = {0}; note("setitimer(%d, %ld)", which, v.it_value.tv_sec); r = setitimer(which, &v, &old); note(" {%d %ld}", old.it_value.tv_sec || old.it_value.tv_usec, old.it_interval.tv_sec); result(r); break; }
    case 8: { struct timespec res = {0}; note("clock_getres(%d)", c); r = clock_getres(c, &res); note(" {%ld}", res.tv_nsec); result(r); break; }
    case 9: { struct timespec z = {0, ONE_OF(0, 1, 1000000000, -1)}; note("clock_nanosleep(%d, %ld)", c, z.tv_nsec); result(syscall(SYS_clock_nanosleep, c == CLOCK_PROCESS_CPUTIME_ID ? CLOCK_REALTIME : c, 0, &z, NULL)); break; }
    }
}
