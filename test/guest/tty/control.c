// Controlling terminals: TIOCSCTTY, foreground groups, signals from keys, SIGTTIN and SIGTTOU, /dev/tty, hang-up of a session, SIGWINCH.
#include "../guest.h"
#include <pty.h>
#include <sys/ioctl.h>
#include <termios.h>

static int m;
static volatile int seen[65];
static void note(int sig) { seen[sig]++; }
// A session leader in a child, on a fresh terminal as fd 0 (nothing else is open on it).
static pid_t session(void) {
    m = OK(posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC));
    OK(unlockpt(m));
    char *name = ptsname(m);
    pid_t c = FORK();
    if (c == 0) {
        setsid();
        int s = OK(open(name, O_RDWR)); // a session leader's first terminal becomes its controlling one
        dup2(s, 0);
        if (s > 0)
            close(s);
        close(m);
        m = -1;
    }
    return c;
}
TEST(first_open_takes_it) {
    pid_t c = session();
    if (c == 0) {
        CHECK_EQ(tcgetsid(0), getpid());
        CHECK_EQ(tcgetpgrp(0), getpid());
        int t = OK(open("/dev/tty", O_RDWR));
        CHECK_EQ(isatty(t), 1);
        struct stat a, b;
        OK(fstat(t, &a)), OK(fstat(0, &b));
        CHECK_EQ(a.st_rdev, 0x500); // /dev/tty itself
        CHECK_EQ(tcgetpgrp(t), getpid());
        signal(SIGHUP, SIG_IGN); // a leader that gives it up hangs up its foreground group
        OK(ioctl(0, TIOCNOTTY));
        CHECK_ERR(open("/dev/tty", O_RDWR), ENXIO);
        CHECK_ERR(tcgetpgrp(0), ENOTTY);
        OK(ioctl(0, TIOCSCTTY, 0));
        CHECK_EQ(tcgetsid(0), getpid());
        OK(ioctl(0, TIOCSCTTY, 0)); // again: fine
        _exit(0);
    }
    CHECK_EXIT(c, 0);
}
TEST(o_noctty) {
    m = OK(posix_openpt(O_RDWR | O_NOCTTY));
    OK(unlockpt(m));
    IN_CHILD(
        setsid();
        int s = OK(open(ptsname(m), O_RDWR | O_NOCTTY));
        CHECK_ERR(tcgetpgrp(s), ENOTTY);
        CHECK_ERR(open("/dev/tty", O_RDWR), ENXIO);
    );
}
TEST(keys_send_signals) {
    gate_t g = gate_new(), h = gate_new();
    pid_t c = session();
    if (c == 0) {
        on_signal(SIGINT, note, 0), on_signal(SIGQUIT, note, 0), on_signal(SIGTSTP, note, 0);
        gate_open(g);
        WAIT_UNTIL(seen[SIGINT] == 1);
        gate_open(g);
        WAIT_UNTIL(seen[SIGQUIT] == 1);
        gate_open(g);
        WAIT_UNTIL(seen[SIGTSTP] == 1);
        char b[8];
        int n;
        OK(ioctl(0, FIONREAD, &n)); // the characters themselves are eaten
        CHECK_EQ(n, 0);
        gate_open(g);
        gate_wait(h);
        CHECK_EQ(read(0, b, 8), 3); // the pending line was flushed by the signals
        CHECK_MEM(b, "ok\n", 3);
        struct termios t;
        OK(tcgetattr(0, &t));
        t.c_lflag &= ~ISIG;
        OK(tcsetattr(0, TCSANOW, &t));
        gate_open(g);
        CHECK_EQ(read(0, b, 8), 2);
        CHECK_EQ(b[0], 3);
        CHECK_EQ(seen[SIGINT], 1);
        _exit(0);
    }
    gate_wait(g);
    CHECK_EQ(write(m, "gone\003", 5), 5);
    gate_wait(g);
    CHECK_EQ(write(m, "\034", 1), 1);
    gate_wait(g);
    CHECK_EQ(write(m, "\032", 1), 1);
    gate_wait(g);
    CHECK_EQ(write(m, "ok\n", 3), 3);
    gate_open(h);
    gate_wait(g);
    CHECK_EQ(write(m, "\003\n", 2), 2);
    CHECK_EXIT(c, 0);
}
TEST(only_the_foreground_group_gets_them) {
    gate_t g = gate_new(), h = gate_new();
    pid_t c = session();
    if (c == 0) {
        on_signal(SIGINT, note, 0);
        signal(SIGTTOU, SIG_IGN);
        gate_t ready = gate_new();
        pid_t job = FORK();
        if (job == 0) {
            setpgid(0, 0);
            signal(SIGINT, SIG_DFL);
            gate_open(ready);
            for (;;)
                pause();
        }
        setpgid(job, job);
        OK(tcsetpgrp(0, job));
        CHECK_EQ(tcgetpgrp(0), job);
        gate_wait(ready);
        gate_open(g);
        CHECK_KILLED(job, SIGINT);
        CHECK_EQ(seen[SIGINT], 0);
        CHECK_ERR(tcsetpgrp(0, getppid()), EPERM); // another session's
        CHECK_ERR(tcsetpgrp(0, 4194304 - 5), ESRCH);
        CHECK_ERR(tcsetpgrp(0, -1), EINVAL);
        gate_wait(h);
        _exit(0);
    }
    gate_wait(g);
    CHECK_EQ(write(m, "\003", 1), 1);
    gate_open(h);
    CHECK_EXIT(c, 0);
}
TEST(background_read_and_write) {
    pid_t c = session();
    if (c == 0) {
        int st;
        pid_t job = FORK();
        if (job == 0) {
            setpgid(0, 0);
            char b;
            _exit(read(0, &b, 1) == 1 ? 0 : 1);
        }
        setpgid(job, job);
        CHECK_EQ(waitpid(job, &st, WUNTRACED), job);
        CHECK(WIFSTOPPED(st));
        CHECK_EQ(WSTOPSIG(st), SIGTTIN);
        kill(job, SIGKILL);
        CHECK_KILLED(job, SIGKILL);
        job = FORK();
        if (job == 0) {
            setpgid(0, 0);
            signal(SIGTTIN, SIG_IGN);
            char b;
            CHECK_ERR(read(0, &b, 1), EIO); // ignored or blocked: EIO
            CHECK_EQ(write(0, "x", 1), 1);  // writing is allowed without TOSTOP
            struct termios t;
            OK(tcgetattr(0, &t));
            signal(SIGTTOU, SIG_IGN);
            t.c_lflag |= TOSTOP;
            OK(tcsetattr(0, TCSANOW, &t));
            CHECK_EQ(write(0, "y", 1), 1); // ignored: allowed
            signal(SIGTTOU, SIG_DFL);
            CHECK_EQ(write(0, "z", 1), 1); // stops here
            _exit(3);
        }
        CHECK_EQ(waitpid(job, &st, WUNTRACED), job);
        CHECK(WIFSTOPPED(st));
        CHECK_EQ(WSTOPSIG(st), SIGTTOU);
        OK(tcsetpgrp(0, job));
        OK(kill(job, SIGCONT));
        CHECK_EXIT(job, 3);
        pid_t cfg = FORK();
        if (cfg == 0) {
            setpgid(0, 0);
            struct termios t;
            OK(tcgetattr(0, &t)); // reading is fine
            tcsetattr(0, TCSANOW, &t);
            _exit(0);
        }
        setpgid(cfg, cfg);
        CHECK_EQ(waitpid(cfg, &st, WUNTRACED), cfg);
        CHECK(WIFSTOPPED(st));
        CHECK_EQ(WSTOPSIG(st), SIGTTOU);
        kill(cfg, SIGKILL);
        CHECK_KILLED(cfg, SIGKILL);
        _exit(0);
    }
    CHECK_EXIT(c, 0);
}
TEST(orphaned_background_reader_gets_eio) {
    pid_t c = session();
    if (c == 0) {
        int fd[2];
        OK(pipe(fd));
        pid_t mid = FORK();
        if (mid == 0) {
            pid_t parent = getpid(), job = FORK();
            if (job == 0) {
                setpgid(0, 0);
                WAIT_UNTIL(getppid() != parent); // the middle one has gone: the group is orphaned
                char b;
                int r = read(0, &b, 1) == -1 ? errno : 0;
                CHECK_EQ(write(fd[1], &r, sizeof r), sizeof r);
                _exit(0);
            }
            setpgid(0, 0);
            _exit(0);
        }
        CHECK_EXIT(mid, 0);
        int r = 0;
        CHECK_EQ(read(fd[0], &r, sizeof r), sizeof r);
        CHECK_EQ(r, EIO);
        _exit(0);
    }
    CHECK_EXIT(c, 0);
}
TEST(hangup_reaches_the_leader_and_the_foreground) {
    gate_t g = gate_new();
    pid_t c = session();
    if (c == 0) {
        on_signal(SIGHUP, note, 0), on_signal(SIGCONT, note, 0);
        gate_open(g);
        WAIT_UNTIL(seen[SIGHUP] && seen[SIGCONT]);
        char b;
        CHECK_EQ(read(0, &b, 1), 0);
        CHECK_ERR(write(0, &b, 1), EIO);
        _exit(7);
    }
    gate_wait(g);
    close(m);
    CHECK_EXIT(c, 7);
    c = session();
    if (c == 0) {
        gate_open(g);
        for (;;)
            pause();
    }
    gate_wait(g);
    close(m);
    CHECK_KILLED(c, SIGHUP);
}
TEST(leaders_exit_tells_the_foreground) {
    gate_t g = gate_new(), h = gate_new();
    pid_t c = session();
    if (c == 0) {
        pid_t job = FORK();
        if (job == 0) {
            on_signal(SIGHUP, note, 0);
            gate_open(g);
            WAIT_UNTIL(seen[SIGHUP]);
            WAIT_UNTIL(tcgetpgrp(0) == -1 && errno == ENOTTY); // no controlling terminal any more
            CHECK_EQ(write(0, "x", 1), 1); // but a pty itself is not hung up by that
            gate_open(h);
            _exit(0);
        }
        gate_wait(g);
        _exit(0);
    }
    CHECK_EXIT(c, 0);
    gate_wait(h);
}
TEST(window_change) {
    gate_t g = gate_new();
    pid_t c = session();
    if (c == 0) {
        on_signal(SIGWINCH, note, 0);
        gate_open(g);
        WAIT_UNTIL(seen[SIGWINCH] == 1);
        struct winsize w;
        OK(ioctl(0, TIOCGWINSZ, &w));
        CHECK_EQ(w.ws_row, 30);
        sleep_ms(10);
        CHECK_EQ(seen[SIGWINCH], 1);
        _exit(0);
    }
    gate_wait(g);
    struct winsize w = {30, 100, 0, 0};
    OK(ioctl(m, TIOCSWINSZ, &w));
    OK(ioctl(m, TIOCSWINSZ, &w)); // no change, no signal
    CHECK_EXIT(c, 0);
}
TEST(forkpty_and_a_shell) {
    int fd;
    pid_t c = forkpty(&fd, NULL, NULL, NULL);
    CHECK_GE(c, 0);
    if (c == 0) {
        execl("/bin/sh", "sh", "-c", "read x; echo \"got $x\"; tty >/dev/null && exit 5", NULL);
        _exit(9);
    }
    CHECK_EQ(write(fd, "input\n", 6), 6);
    char out[256] = "";
    size_t n = 0;
    for (ssize_t r; n < 255 && (r = read(fd, out + n, 255 - n)) > 0;)
        n += r;
    CHECK(strstr(out, "got input\r\n"));
    CHECK_EXIT(c, 5);
}
TEST(revoked_by_another_session_needs_privilege) {
    pid_t c = session();
    if (c == 0) {
        int keep = dup(0);
        IN_CHILD(
            setsid();
            if (geteuid() != 0)
                CHECK_ERR(ioctl(keep, TIOCSCTTY, 0), EPERM); // it is another session's
            CHECK_ERR(tcgetpgrp(keep), ENOTTY);
        );
        _exit(0);
    }
    CHECK_EXIT(c, 0);
}
