// Children that do a little and end, are waited for at once, and share what clone(2) lets them.
#include "seq.h"

#include <poll.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

static int depth;

static void note_wait(pid_t pid, int options) {
    int status = 0;
    pid_t r = waitpid(pid, &status, options);
    note(" {%x}", status);
    result(r < 0 ? -1 : r == pid);
}

void family_processes(void) {
    int f = some_fd(), k = (int)pick(256);
    const char *p = some_path();
    long r;
    if (depth > 0) return;
    switch (pick(10)) {
    case 0: case 1: {
        unsigned n = 1 + pick(4);
        note("fork(%u calls)", n);
        pid_t pid = fork();
        if (pid == 0) {
            depth++;
            _exit((int)(calls_of_child(n) & 127));
        }
        note_wait(pid, 0);
        break;
    }
    case 2: {
        int s = ONE_OF(SIGKILL, SIGTERM, SIGHUP, SIGUSR1, 40);
        note("fork(dies of %d)", s);
        pid_t pid = fork();
        if (pid == 0) {
            sigset_t none;
            sigemptyset(&none);
            signal(s, SIG_DFL), sigprocmask(SIG_SETMASK, &none, NULL);
            kill(getpid(), s);
            _exit(77);
        }
        note_wait(pid, ONE_OF(0, WUNTRACED, __WALL, __WCLONE));
        note_wait(pid, 0);
        break;
    }
    case 3: {
        note("fork(stops, %d)", k);
        pid_t pid = fork();
        if (pid == 0) {
            kill(getpid(), SIGSTOP);
            _exit(k);
        }
        note_wait(pid, WUNTRACED);
        siginfo_t i = {0};
        r = waitid(P_PID, (id_t)pid, &i, WSTOPPED | WNOHANG);
        note(" {%d}", i.si_signo);
        result(r);
        kill(pid, SIGCONT);
        note_wait(pid, 0);
        break;
    }
    case 4: {
        int flags = ONE_OF(CLONE_FILES, CLONE_FS, CLONE_FILES | CLONE_FS, 0);
        note("clone(%x, closes %d, goes to %s)", (unsigned)flags, f, p);
        pid_t pid = (pid_t)syscall(SYS_clone, flags | SIGCHLD, NULL, NULL, NULL, NULL);
        if (pid == 0) {
            close(f);
            r = chdir(p);
            umask(027);
            _exit(r == 0);
        }
        note_wait(pid, 0);
        break;
    }
    case 5: {
        note("fork(waitid, %d)", k);
        pid_t pid = fork();
        if (pid == 0) _exit(k);
        siginfo_t i = {0};
        r = waitid(P_PID, (id_t)pid, &i, WEXITED | WNOWAIT);
        note(" {%d %d %d}", i.si_signo, i.si_code, i.si_status);
        result(r);
        int fd = (int)syscall(SYS_pidfd_open, pid, 0);
        struct pollfd v = {fd, POLLIN, 0};
        poll(&v, 1, -1);
        note(" poll {%x}", v.revents);
        result(waitid(P_PIDFD, (id_t)fd, &i, WEXITED));
        close(fd);
        break;
    }
    case 6: { int o = ONE_OF(0, WNOHANG, 0x100, WNOHANG | WNOWAIT); int s; note("wait4(%x)", o); result(wait4(-1, &s, o, NULL)); siginfo_t i; note(" waitid"); result(waitid(P_ALL, 0, &i, o)); break; }
    case 7: {
        note("fork(session)");
        pid_t pid = fork();
        if (pid == 0) {
            int e = 0;
            if (k & 1) e = setpgid(0, 0) == 0 && getpgrp() == getpid();
            if (k & 2) e = e * 2 + (setsid() == getpid());
            if (k & 4) e = e * 2 + (setpgid(0, 0) == 0);
            _exit(e);
        }
        note_wait(pid, 0);
        break;
    }
    case 8: { int o = ONE_OF(PR_GET_DUMPABLE, PR_GET_PDEATHSIG, PR_GET_KEEPCAPS, PR_GET_NO_NEW_PRIVS, PR_GET_TIMERSLACK, PR_GET_CHILD_SUBREAPER, 12345); int v = 0; note("prctl(%d)", o); r = prctl(o, &v, 0, 0, 0); note(" {%d}", v); result(r); break; }
    case 9: { int fd = (int)syscall(SYS_pidfd_open, ONE_OF(getpid(), -1, 0), ONE_OF(0, 0, 1)); note("pidfd_open"); result_fd(fd, f); note(" pidfd_getfd"); int g = some_fd(); fd = (int)syscall(SYS_pidfd_getfd, f, g, 0); result(fd < 0 ? -1 : 0); if (fd >= 0) close(fd); break; }
    }
}
