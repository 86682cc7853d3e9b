// kill, tgkill, tkill, killpg: targets, permissions, errnos; stop, continue and their effects on what is pending.
#include "../guest.h"

static volatile int count;
static void handler(int s) { (void)s; count++; }
static pid_t sleeper(void) {
    pid_t c = FORK();
    if (c == 0) {
        for (;;)
            pause();
    }
    return c;
}
TEST(errnos) {
    CHECK_EQ(kill(getpid(), 0), 0);
    CHECK_ERR(kill(getpid(), 65), EINVAL);
    CHECK_ERR(kill(getpid(), -1), EINVAL);
    CHECK_ERR(kill(4194304 + 5, 0), ESRCH);
    CHECK_ERR(kill(-(4194304 + 5), 0), ESRCH);
    CHECK_ERR(kill(INT_MIN, 0), ESRCH);
    CHECK_ERR(syscall(SYS_tgkill, getpid(), -1, 0), EINVAL);
    CHECK_ERR(syscall(SYS_tgkill, 0, gettid(), 0), EINVAL);
    CHECK_ERR(syscall(SYS_tgkill, getpid() + 100000, gettid(), 0), ESRCH);
    CHECK_EQ(syscall(SYS_tkill, gettid(), 0), 0);
    CHECK_ERR(syscall(SYS_tkill, 0, 0), EINVAL);
    CHECK_ERR(syscall(SYS_tkill, 4194304 + 5, 0), ESRCH);
}
TEST(zombie_can_be_signalled) {
    pid_t c = FORK();
    if (c == 0)
        _exit(3);
    siginfo_t si;
    CHECK_EQ(waitid(P_PID, c, &si, WEXITED | WNOWAIT), 0);
    CHECK_EQ(kill(c, SIGKILL), 0);
    CHECK_EXIT(c, 3);
    CHECK_ERR(kill(c, 0), ESRCH);
}
TEST(process_group) {
    pid_t a = sleeper(), b = sleeper();
    CHECK_EQ(setpgid(a, a), 0);
    CHECK_EQ(setpgid(b, a), 0);
    CHECK_EQ(kill(-a, SIGTERM), 0);
    CHECK_KILLED(a, SIGTERM);
    CHECK_KILLED(b, SIGTERM);
    CHECK_ERR(kill(-a, 0), ESRCH);
}
TEST(own_group) {
    IN_CHILD(
        CHECK_EQ(setpgid(0, 0), 0);
        on_signal(SIGTERM, handler, 0);
        int ready[2];
        OK(pipe(ready));
        pid_t c = FORK();
        if (c == 0) {
            signal(SIGTERM, SIG_DFL);
            OK(write(ready[1], "", 1));
            for (;;)
                pause();
        }
        char byte;
        CHECK_EQ(read(ready[0], &byte, 1), 1);
        CHECK_EQ(kill(0, SIGTERM), 0);
        CHECK_EQ(count, 1);
        CHECK_KILLED(c, SIGTERM);
    );
}
TEST(permission_between_users) {
    NEED_ROOT();
    pid_t c = sleeper(), parent = getpid();
    IN_CHILD(
        become(1234);
        CHECK_ERR(kill(c, 0), EPERM);
        CHECK_ERR(kill(c, SIGHUP), EPERM);
        CHECK_ERR(kill(parent, SIGTERM), EPERM);
        CHECK_ERR(syscall(SYS_tgkill, c, c, 0), EPERM);
        CHECK_EQ(kill(getpid(), 0), 0);
    );
    CHECK_EQ(kill(c, SIGKILL), 0);
    CHECK_KILLED(c, SIGKILL);
}
TEST(sigcont_within_session) {
    NEED_ROOT();
    pid_t c = FORK();
    if (c == 0) {
        setsid();
        pid_t v = sleeper();
        pid_t u = FORK();
        if (u == 0) {
            become(1234);
            CHECK_ERR(kill(v, SIGTERM), EPERM);
            CHECK_EQ(kill(v, SIGCONT), 0); // same session
            _exit(0);
        }
        CHECK_EXIT(u, 0);
        kill(v, SIGKILL);
        CHECK_KILLED(v, SIGKILL);
        _exit(0);
    }
    CHECK_EXIT(c, 0);
}
TEST(stop_and_continue) {
    pid_t c = sleeper();
    int sigs[] = {SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU};
    for (int i = 0; i < 4; i++) {
        int st;
        OK(setpgid(c, c));
        OK(kill(c, sigs[i]));
        CHECK_EQ(waitpid(c, &st, WUNTRACED), c);
        CHECK(WIFSTOPPED(st));
        CHECK_EQ(WSTOPSIG(st), sigs[i]);
        CHECK_EQ(waitpid(c, &st, WUNTRACED | WNOHANG), 0); // once
        OK(kill(c, SIGCONT));
        CHECK_EQ(waitpid(c, &st, WCONTINUED), c);
        CHECK(WIFCONTINUED(st));
    }
    OK(kill(c, SIGSTOP));
    int st;
    CHECK_EQ(waitpid(c, &st, WUNTRACED), c);
    OK(kill(c, SIGTERM)); // pending while stopped
    CHECK_EQ(waitpid(c, &st, WNOHANG), 0);
    OK(kill(c, SIGCONT));
    CHECK_KILLED(c, SIGTERM);
}
TEST(kill_ends_a_stopped_process) {
    pid_t c = sleeper();
    int st;
    OK(kill(c, SIGSTOP));
    CHECK_EQ(waitpid(c, &st, WUNTRACED), c);
    OK(kill(c, SIGKILL));
    CHECK_KILLED(c, SIGKILL);
}
TEST(cont_discards_pending_stops_and_the_reverse) {
    sigset_t p;
    block_signal(SIGTSTP), block_signal(SIGCONT);
    raise(SIGTSTP);
    sigpending(&p);
    CHECK_EQ(sigismember(&p, SIGTSTP), 1);
    raise(SIGCONT);
    sigpending(&p);
    CHECK_EQ(sigismember(&p, SIGTSTP), 0);
    on_signal(SIGCONT, handler, 0);
    raise(SIGCONT);
    sigpending(&p);
    CHECK_EQ(sigismember(&p, SIGCONT), 1);
    raise(SIGTSTP);
    sigpending(&p);
    CHECK_EQ(sigismember(&p, SIGCONT), 0);
}
TEST(sigcont_handler_runs_after_continue) {
    gate_t g = gate_new(), h = gate_new();
    pid_t c = FORK();
    if (c == 0) {
        on_signal(SIGCONT, handler, 0);
        gate_open(g);
        gate_wait(h);
        CHECK_EQ(count, 1);
        _exit(0);
    }
    gate_wait(g);
    int st;
    OK(kill(c, SIGSTOP));
    CHECK_EQ(waitpid(c, &st, WUNTRACED), c);
    OK(kill(c, SIGCONT));
    CHECK_EQ(waitpid(c, &st, WCONTINUED), c);
    gate_open(h);
    CHECK_EXIT(c, 0);
}
static volatile siginfo_t chld;
static void on_chld(int s, siginfo_t *si, void *u) {
    (void)s, (void)u;
    memcpy((void *)&chld, si, sizeof chld);
    count++;
}
TEST(sigchld_on_stop) {
    on_siginfo(SIGCHLD, on_chld, 0);
    pid_t c = sleeper();
    int st;
    OK(kill(c, SIGSTOP));
    CHECK_EQ(guest_waitpid(c, &st, WUNTRACED), c);
    WAIT_UNTIL(count == 1);
    CHECK_EQ(chld.si_code, CLD_STOPPED);
    CHECK_EQ(chld.si_status, SIGSTOP);
    OK(kill(c, SIGCONT));
    WAIT_UNTIL(count == 2);
    CHECK_EQ(chld.si_code, CLD_CONTINUED);
    on_siginfo(SIGCHLD, on_chld, SA_NOCLDSTOP);
    OK(kill(c, SIGSTOP));
    CHECK_EQ(guest_waitpid(c, &st, WUNTRACED), c);
    CHECK_EQ(count, 2);
    OK(kill(c, SIGKILL));
    CHECK_KILLED(c, SIGKILL);
    WAIT_UNTIL(count == 3);
}
TEST(nocldwait) {
    struct sigaction sa = {.sa_handler = handler, .sa_flags = SA_NOCLDWAIT};
    OK(sigaction(SIGCHLD, &sa, NULL));
    pid_t c = FORK();
    if (c == 0)
        _exit(3);
    int st;
    pid_t r;
    while ((r = waitpid(c, &st, 0)) == -1 && errno == EINTR) {
    }
    CHECK_EQ(r, -1);
    CHECK_EQ(errno, ECHILD);
    CHECK_EQ(count, 1); // the signal is still sent
    signal(SIGCHLD, SIG_IGN);
    c = FORK();
    if (c == 0)
        _exit(3);
    CHECK_ERR(waitpid(-1, &st, 0), ECHILD); // waits for the end of all
}
