// A child that is traced from the start, and its stops. Included by the tests of ptrace.
#pragma once
#include <sys/ptrace.h>

// The signal of the stop, with the event above it.
static int wait_stop(pid_t c) {
    int st;
    CHECK_EQ(guest_waitpid(c, &st, __WALL), c);
    if (!WIFSTOPPED(st))
        FAIL("status %#x is not a stop", st);
    return st >> 8;
}
static pid_t traced(void (*fn)(void)) {
    pid_t c = FORK();
    if (c == 0) {
        OK(ptrace(PTRACE_TRACEME, 0, 0, 0));
        raise(SIGSTOP);
        fn();
        _exit(0);
    }
    CHECK_EQ(wait_stop(c), SIGSTOP);
    return c;
}
