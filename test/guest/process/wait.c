// wait4, waitid: options, selectors, rusage, WNOWAIT, errnos; orphans, subreapers, PDEATHSIG.
#include "../guest.h"
#ifndef P_PIDFD
#define P_PIDFD 3
#endif

static pid_t blocked_child(gate_t g, int code) {
    pid_t c = FORK();
    if (c == 0) {
        gate_wait(g);
        _exit(code);
    }
    return c;
}
TEST(echild) {
    int st;
    CHECK_ERR(waitpid(-1, &st, 0), ECHILD);
    CHECK_ERR(waitpid(getpid(), &st, 0), ECHILD);
    CHECK_ERR(waitpid(1, &st, WNOHANG), ECHILD);
    CHECK_ERR(waitpid(-1, &st, 0x100), EINVAL);
    CHECK_ERR(waitpid(INT_MIN, &st, 0), ESRCH);
    siginfo_t si;
    CHECK_ERR(waitid(P_ALL, 0, &si, WEXITED), ECHILD);
    CHECK_ERR(waitid(P_ALL, 0, &si, 0), EINVAL);
    CHECK_ERR(waitid(P_ALL, 0, &si, WNOHANG), EINVAL);
    CHECK_ERR(waitid(99, 0, &si, WEXITED), EINVAL);
    CHECK_ERR(waitid(P_PID, 0, &si, WEXITED), EINVAL);
}
TEST(wnohang) {
    gate_t g = gate_new();
    pid_t c = blocked_child(g, 3);
    int st = 77;
    CHECK_EQ(waitpid(c, &st, WNOHANG), 0);
    CHECK_EQ(st, 77);
    siginfo_t si;
    memset(&si, 0xff, sizeof si);
    CHECK_EQ(waitid(P_PID, c, &si, WEXITED | WNOHANG), 0);
    CHECK_EQ(si.si_pid, 0), CHECK_EQ(si.si_signo, 0); // how "none yet" shows
    gate_open(g);
    CHECK_EXIT(c, 3);
}
TEST(wnowait_leaves_it) {
    pid_t c = FORK();
    if (c == 0)
        _exit(7);
    siginfo_t si = {0};
    for (int i = 0; i < 2; i++) {
        CHECK_EQ(waitid(P_ALL, 0, &si, WEXITED | WNOWAIT), 0);
        CHECK_EQ(si.si_signo, SIGCHLD), CHECK_EQ(si.si_code, CLD_EXITED), CHECK_EQ(si.si_status, 7);
        CHECK_EQ(si.si_pid, c), CHECK_EQ(si.si_uid, getuid());
    }
    CHECK_EXIT(c, 7);
    CHECK_ERR(waitpid(c, NULL, 0), ECHILD);
}
TEST(waitid_kinds) {
    gate_t g = gate_new();
    pid_t c = blocked_child(g, 0);
    siginfo_t si = {0};
    OK(kill(c, SIGSTOP));
    CHECK_EQ(waitid(P_PID, c, &si, WSTOPPED), 0);
    CHECK_EQ(si.si_code, CLD_STOPPED), CHECK_EQ(si.si_status, SIGSTOP);
    OK(kill(c, SIGCONT));
    CHECK_EQ(waitid(P_PID, c, &si, WCONTINUED), 0);
    CHECK_EQ(si.si_code, CLD_CONTINUED), CHECK_EQ(si.si_status, SIGCONT);
    OK(kill(c, SIGKILL));
    CHECK_EQ(waitid(P_PID, c, &si, WEXITED), 0);
    CHECK_EQ(si.si_code, CLD_KILLED), CHECK_EQ(si.si_status, SIGKILL);
}
TEST(any_child_and_order) {
    pid_t a = FORK();
    if (a == 0)
        _exit(1);
    siginfo_t si;
    CHECK_EQ(waitid(P_PID, a, &si, WEXITED | WNOWAIT), 0);
    gate_t g = gate_new();
    pid_t b = blocked_child(g, 2);
    int st;
    CHECK_EQ(wait(&st), a);
    gate_open(g);
    CHECK_EQ(wait(&st), b);
    CHECK_EQ(WEXITSTATUS(st), 2);
}
TEST(pidfd) {
    gate_t g = gate_new();
    pid_t c = blocked_child(g, 5);
    int fd = OK((int)syscall(SYS_pidfd_open, c, 0));
    siginfo_t si = {0};
    CHECK_EQ(waitid(P_PIDFD, fd, &si, WEXITED | WNOHANG), 0);
    CHECK_EQ(si.si_pid, 0);
    gate_open(g);
    CHECK_EQ(waitid(P_PIDFD, fd, &si, WEXITED), 0);
    CHECK_EQ(si.si_pid, c), CHECK_EQ(si.si_status, 5);
    CHECK_ERR(waitid(P_PIDFD, 99, &si, WEXITED), EBADF);
    CHECK_ERR(waitid(P_PIDFD, fd, &si, WEXITED), ECHILD);
}
TEST(rusage) {
    pid_t c = FORK();
    if (c == 0) {
        burn_cpu_ms(40);
        _exit(0);
    }
    struct rusage ru, all;
    int st;
    CHECK_EQ(wait4(c, &st, 0, &ru), c);
    long us = ru.ru_utime.tv_sec * 1000000 + ru.ru_utime.tv_usec + ru.ru_stime.tv_sec * 1000000 + ru.ru_stime.tv_usec;
    CHECK_GE(us, 10000);
    CHECK_GT(ru.ru_maxrss, 0);
    CHECK_EQ(getrusage(RUSAGE_CHILDREN, &all), 0);
    CHECK_GE(all.ru_utime.tv_usec + all.ru_stime.tv_usec + (all.ru_utime.tv_sec + all.ru_stime.tv_sec) * 1000000, us);
    CHECK_ERR(wait4(-1, (int *)8, WNOHANG, NULL), ECHILD);
}
TEST(efault_still_reaps) {
    pid_t c = FORK();
    if (c == 0)
        _exit(0);
    CHECK_ERR(waitpid(c, (int *)8, 0), EFAULT);
    CHECK_ERR(waitpid(c, NULL, 0), ECHILD);
}
TEST(orphan_goes_to_subreaper) {
    IN_CHILD(
        CHECK_EQ(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
        int v = 0;
        CHECK_EQ(prctl(PR_GET_CHILD_SUBREAPER, &v), 0);
        CHECK_EQ(v, 1);
        gate_t g = gate_new(); gate_t h = gate_new();
        pid_t me = getpid(); pid_t c = FORK();
        if (c == 0) {
            pid_t gc = FORK();
            if (gc == 0) {
                gate_wait(g);
                CHECK_EQ(getppid(), me);
                gate_open(h);
                _exit(8);
            }
            _exit(0);
        }
        CHECK_EXIT(c, 0);
        gate_open(g);
        gate_wait(h);
        int st;
        CHECK_GT(waitpid(-1, &st, 0), 0);
        CHECK_EQ(WEXITSTATUS(st), 8);
    );
}
TEST(orphan_gets_another_parent) {
    gate_t g = gate_new(), h = gate_new();
    pid_t c = FORK();
    if (c == 0) {
        pid_t me = getpid(), gc = FORK();
        if (gc == 0) {
            gate_wait(g);
            CHECK_NE(getppid(), me);
            CHECK_GT(getppid(), 0);
            gate_open(h);
            _exit(0);
        }
        _exit(0);
    }
    CHECK_EXIT(c, 0);
    gate_open(g);
    gate_wait(h);
}
TEST(zombie_orphan_is_reaped) {
    // A zombie whose parent dies goes to the reaper, which is told.
    IN_CHILD(
        CHECK_EQ(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
        int fd[2];
        OK(pipe(fd));
        pid_t c = FORK();
        if (c == 0) {
            pid_t gc = FORK();
            if (gc == 0)
                _exit(9);
            siginfo_t si;
            CHECK_EQ(waitid(P_PID, gc, &si, WEXITED | WNOWAIT), 0);
            CHECK_EQ(write(fd[1], &gc, sizeof gc), sizeof gc);
            _exit(0);
        }
        CHECK_EXIT(c, 0);
        pid_t gc;
        CHECK_EQ(read(fd[0], &gc, sizeof gc), sizeof gc);
        CHECK_EXIT(gc, 9);
    );
}
TEST(pdeathsig) {
    gate_t ready = gate_new();
    int fd[2];
    OK(pipe(fd));
    pid_t c = FORK();
    if (c == 0) {
        pid_t gc = FORK();
        if (gc == 0) {
            block_signal(SIGUSR1);
            CHECK_EQ(prctl(PR_SET_PDEATHSIG, SIGUSR1), 0);
            int v = 0;
            CHECK_EQ(prctl(PR_GET_PDEATHSIG, &v), 0);
            CHECK_EQ(v, SIGUSR1);
            gate_open(ready);
            sigset_t s = sigset_of(SIGUSR1, 0, 0);
            CHECK_EQ(sigwaitinfo(&s, NULL), SIGUSR1);
            CHECK_EQ(write(fd[1], "x", 1), 1);
            _exit(0);
        }
        gate_wait(ready);
        _exit(0);
    }
    CHECK_EXIT(c, 0);
    char b;
    close(fd[1]);
    CHECK_EQ(read(fd[0], &b, 1), 1);
    CHECK_ERR(prctl(PR_SET_PDEATHSIG, 65), EINVAL);
}
TEST(pdeathsig_is_not_inherited) {
    CHECK_EQ(prctl(PR_SET_PDEATHSIG, SIGKILL), 0);
    IN_CHILD(int v = 9; CHECK_EQ(prctl(PR_GET_PDEATHSIG, &v), 0); CHECK_EQ(v, 0));
    CHECK_EQ(prctl(PR_SET_PDEATHSIG, 0), 0);
}
TEST(blocked_wait_wakes) {
    for (int i = 0; i < 5; i++) {
        pid_t c = FORK();
        if (c == 0) {
            sleep_ms(5);
            _exit(i);
        }
        int st;
        CHECK_EQ(waitpid(-1, &st, 0), c);
        CHECK_EQ(WEXITSTATUS(st), i);
    }
}
TEST(wclone_and_wall) {
    pid_t c = FORK();
    if (c == 0)
        _exit(0);
    CHECK_ERR(waitpid(c, NULL, __WCLONE), ECHILD); // an ordinary child
    CHECK_EQ(waitpid(c, NULL, __WALL), c);
}
