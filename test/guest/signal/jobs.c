// Process groups and sessions: setpgid, setsid, getsid, orphaned groups, SIGHUP and SIGCONT to orphaned stopped groups.
#include "../guest.h"

TEST(setpgid_rules) {
    CHECK_ERR(setpgid(-1, 0), EINVAL);
    CHECK_ERR(setpgid(0, -1), EINVAL);
    CHECK_ERR(setpgid(4194304 + 9, 0), ESRCH);
    CHECK_ERR(getpgid(4194304 + 9), ESRCH);
    CHECK_ERR(getsid(4194304 + 9), ESRCH);
    pid_t c = FORK();
    if (c == 0) {
        CHECK_EQ(getpgrp(), getpgid(getppid()));
        CHECK_EQ(getsid(0), getsid(getppid()));
        CHECK_EQ(setpgid(0, 0), 0);
        CHECK_EQ(getpgrp(), getpid());
        CHECK_ERR(setsid(), EPERM); // a group leader
        CHECK_ERR(setpgid(0, 4194304 + 9), EPERM);
        CHECK_ERR(setpgid(getppid(), 0), ESRCH); // not a child
        _exit(0);
    }
    CHECK_EXIT(c, 0);
}
TEST(setsid) {
    IN_CHILD(
        pid_t old = getsid(0), group = getpgrp();
        CHECK_EQ(setsid(), getpid());
        CHECK_EQ(getsid(0), getpid());
        CHECK_EQ(getpgrp(), getpid());
        CHECK_NE(old, getpid());
        CHECK_ERR(setpgid(0, 0), EPERM); // a session leader
        CHECK_ERR(open("/dev/tty", O_RDWR), ENXIO);
        pid_t c = FORK();
        if (c == 0) {
            CHECK_ERR(setpgid(0, group), EPERM); // the group of another session
            _exit(0);
        }
        CHECK_EXIT(c, 0);
    );
}
HELPER(exit_when_told) {
    char c;
    return read(0, &c, 1) < 0;
}
TEST(setpgid_after_exec) {
    int fd[2];
    OK(pipe(fd));
    gate_t g = gate_new(); // close-on-exec: end of file tells that exec has happened
    pid_t c = FORK();
    if (c == 0) {
        dup2(fd[0], 0);
        close(fd[1]);
        execl(guest_self, guest_self, "--helper", "exit_when_told", NULL);
        _exit(9);
    }
    close(g.fd[1]);
    char b;
    CHECK_EQ(read(g.fd[0], &b, 1), 0);
    CHECK_ERR(setpgid(c, c), EACCES);
    close(fd[1]);
    CHECK_EXIT(c, 0);
}
TEST(group_outlives_its_leader) {
    gate_t g = gate_new(), h = gate_new();
    pid_t leader = FORK();
    if (leader == 0) {
        setpgid(0, 0);
        pid_t c = FORK();
        if (c == 0) {
            gate_wait(g);
            CHECK_EQ(kill(-getpgrp(), 0), 0);
            gate_open(h);
            _exit(0);
        }
        _exit(0);
    }
    CHECK_EXIT(leader, 0);
    CHECK_EQ(kill(-leader, 0), 0); // its member lives
    gate_open(g);
    gate_wait(h);
}
static volatile int hup, cont;
static void on_hup(int s) { (void)s; hup++; }
static void on_cont(int s) { (void)s; cont++; }
TEST(orphaned_stopped_group_gets_hup_and_cont) {
    gate_t ready = gate_new(), result = gate_new();
    pid_t parent = FORK();
    if (parent == 0) {
        setsid();
        pid_t c = FORK();
        if (c == 0) {
            setpgid(0, 0);
            on_signal(SIGHUP, on_hup, 0), on_signal(SIGCONT, on_cont, 0);
            gate_open(ready);
            while (!hup || !cont)
                sleep_ms(1);
            gate_open(result);
            _exit(0);
        }
        gate_wait(ready);
        int st;
        setpgid(c, c);
        OK(kill(c, SIGSTOP));
        CHECK_EQ(waitpid(c, &st, WUNTRACED), c);
        CHECK(WIFSTOPPED(st));
        _exit(0); // the group of c becomes orphaned and has a stopped member
    }
    CHECK_EXIT(parent, 0);
    gate_wait(result);
}
TEST(orphaned_group_ignores_tstp) {
    gate_t g = gate_new();
    pid_t c = FORK();
    if (c == 0) {
        setsid(); // its group is orphaned: the parent is in another session
        raise(SIGTSTP);
        raise(SIGTTIN);
        raise(SIGTTOU);
        gate_open(g);
        _exit(0);
    }
    gate_wait(g);
    CHECK_EXIT(c, 0);
}
TEST(orphaned_group_still_stops_for_sigstop) {
    pid_t c = FORK();
    if (c == 0) {
        setsid();
        raise(SIGSTOP);
        _exit(0);
    }
    int st;
    CHECK_EQ(waitpid(c, &st, WUNTRACED), c);
    CHECK(WIFSTOPPED(st));
    OK(kill(c, SIGCONT));
    CHECK_EXIT(c, 0);
}
TEST(wait_by_group) {
    pid_t a = FORK();
    if (a == 0) {
        setpgid(0, 0);
        _exit(5);
    }
    setpgid(a, a);
    pid_t b = FORK();
    if (b == 0)
        _exit(6);
    int st;
    CHECK_EQ(waitpid(-a, &st, 0), a);
    CHECK_EQ(WEXITSTATUS(st), 5);
    CHECK_EQ(waitpid(0, &st, 0), b);
    CHECK_EQ(WEXITSTATUS(st), 6);
    CHECK_ERR(waitpid(-a, &st, 0), ECHILD);
}
