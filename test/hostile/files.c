// Trees, terminals and output without end.
#include "bomb.h"
#include <dirent.h>
#include <sys/ioctl.h>
#include <termios.h>

static void deep(const char *where, int levels) {
    EXPECT(chdir(where) == 0);
    EXPECT(mkdir("deep", 0700) == 0);
    EXPECT(chdir("deep") == 0);
    int top = open(".", O_RDONLY | O_DIRECTORY), i, made = 0;
    char name[256], *b = malloc(1 << 20);
    memset(name, 'd', 250), name[250] = 0;
    for (i = 0; i < levels; i++, made++) {
        if (mkdir(name, 0700))
            break;
        EXPECT(chdir(name) == 0);
    }
    syscall(SYS_getcwd, b, 1 << 20);
    (void)!readlink("/proc/self/cwd", b, 1 << 20);
    int here = open(".", O_RDONLY);
    EXPECT(fchdir(top) == 0);
    for (i = 0; i < 50; i++) { // the top of the tree moves, also below itself
        rename(name, "x"), rename("x", name);
        char below[600];
        snprintf(below, sizeof below, "%s/%s/y", name, name);
        EXPECT(rename(name, below) == -1);
    }
    fchdir(here);
    for (i = 0; i < made; i++)
        EXPECT(chdir("..") == 0 && rmdir(name) == 0);
}
BOMB(deep_tmpfs, ENDS) { enter_tmpfs(), deep(".", 3000); }
BOMB(deep_overlay, ENDS) { deep("/var/tmp", 1200); }
BOMB(deep_left_alone, ENDS) { // a deep tree that the file system's end, not rmdir, takes down
    enter_tmpfs();
    for (int i = 0; i < 20000; i++)
        if (mkdir("d", 0700) || chdir("d"))
            break;
}
static void rename_loop(void) {
    static const char *n[] = {"a", "b", "a/b", "b/a", "a/b/c", "b/a/c", "a/c", "c"};
    for (int i = 0; i < 3000; i++) {
        const char *x = n[rnd() % 8], *y = n[rnd() % 8];
        switch (rnd() % 6) {
        case 0: mkdir(x, 0700); break;
        case 1: rmdir(x); break;
        case 2: case 3: syscall(SYS_renameat2, AT_FDCWD, x, AT_FDCWD, y, rnd() % 3); break;
        case 4: close(open(x, O_CREAT | O_RDWR, 0600)); break;
        case 5: chdir(x), (void)!getcwd((char[4096]){0}, 4096), chdir("/proc/self/cwd/.."), unlink(y); break;
        }
    }
}
BOMB(rename_races, ENDLESS) { enter_tmpfs(), keep(6, rename_loop); }
BOMB(rename_races_overlay, ENDLESS) { mkdir("/var/tmp/r", 0700), chdir("/var/tmp/r"), keep(6, rename_loop); }
static void ptys(void) {
    int m[32], n = 0;
    for (int i = 0; i < 32; i++) {
        int fd = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_NONBLOCK);
        if (fd < 0)
            break;
        m[n++] = fd;
        int zero = 0, num = 0;
        char p[32];
        ioctl(fd, TIOCSPTLCK, &zero), ioctl(fd, TIOCGPTN, &num);
        snprintf(p, sizeof p, "/dev/pts/%d", num);
        if (fork() == 0) {
            setsid();
            int s = open(p, O_RDWR | O_NONBLOCK);
            ioctl(s, TIOCSCTTY, 1);
            static char b[65536];
            for (int k = 0; k < 20; k++) {
                struct termios t;
                for (unsigned long j = 0; j < sizeof t; j++)
                    ((char *)&t)[j] = (char)rnd();
                ioctl(s, TCSETS, &t);
                (void)!write(s, b, sizeof b), (void)!write(fd, b, sizeof b), (void)!read(s, b, sizeof b);
                ioctl(s, TIOCSTI, "x"), ioctl(s, 0x5400 + rnd() % 0x60, b);
                if (rnd() % 8 == 0)
                    vhangup(), close(s), s = open(p, O_RDWR | O_NONBLOCK);
            }
            _exit(0);
        }
    }
    while (n)
        close(m[--n]);
    while (waitpid(-1, NULL, WNOHANG) > 0)
        ;
}
BOMB(pty_flood, ENDLESS) { keep(3, ptys); }
BOMB(zero_into_everything, ENDLESS) {
    static char b[1 << 16];
    const char *to[] = {"/dev/full", "/dev/null", "/dev/tty", "/dev/ptmx", "/dev/random", "/proc/self/comm", "/proc/self/oom_score_adj",
                        "/proc/self/coredump_filter", "/proc/self/clear_refs", "/proc/self/uid_map", "/proc/self/setgroups", "/proc/self/timerslack_ns",
                        "/proc/self/attr/current", "/proc/sys/kernel/hostname", "/proc/sys/vm/overcommit_memory", "/dev/shm/z", "/proc/self/mem", "/proc/sysrq-trigger"};
    for (;;) {
        int fd = open(to[rnd() % (sizeof to / sizeof *to)], O_RDWR | O_CREAT | O_NONBLOCK, 0600);
        for (int i = 0; i < 30; i++) {
            (void)!write(fd, b, sizeof b), (void)!pwrite(fd, b, rnd() % 64, (off_t)(rnd() >> (rnd() % 64)));
            (void)!read(fd, b, sizeof b);
        }
        close(fd);
    }
}
BOMB(output, ENDLESS) { // more than anybody reads
    static char b[1 << 16];
    for (;;)
        (void)!write(1, b, sizeof b), (void)!write(2, b, sizeof b);
}
BOMB(calls, ENDLESS) { // for the trace and the log
    for (int i = 0; i < 3; i++)
        fork();
    for (;;)
        syscall(rnd() % 1000 + 500), syscall(SYS_getppid), open((char *)rnd(), 0);
}
