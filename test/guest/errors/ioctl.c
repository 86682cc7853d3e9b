// ioctl: what ioctl(2), ioctl_ns(2), ioctl_iflags(2), ioctl_ficlonerange(2), ioctl_fideduperange(2) and ioctl_tty(2) document, on each kind of file.
#include "../guest.h"
#include <linux/fs.h>
#include <linux/nsfs.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <termios.h>

static char b[8192];

TEST_DIR(of_every_descriptor) {
    write_file("f", "0123456789");
    int p[2], s[2], f = OK(open("f", O_RDWR)), d = OK(open(".", O_RDONLY)), path = OK(open("f", O_PATH)), n;
    OK(pipe(p)), OK(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
    const struct { const char *name; int fd; } kinds[] = {{"a file", f}, {"a directory", d}, {"a pipe", p[0]}, {"a socket", s[0]}, {"an eventfd", OK(eventfd(0, 0))},
        {"inotify", OK(inotify_init())}, {"a memfd", OK(memfd_create("m", 0))}, {"/dev/null", OK(open("/dev/null", O_RDWR))}, {"/dev/zero", OK(open("/dev/zero", O_RDWR))}};
    static const struct { const char *name; unsigned long cmd; } tty[] = {{"TCGETS", TCGETS}, {"TCSETS", TCSETS}, {"TCSETSW", TCSETSW}, {"TCSETSF", TCSETSF}, {"TCSBRK", TCSBRK}, {"TCXONC", TCXONC}, {"TCFLSH", TCFLSH},
        {"TIOCGWINSZ", TIOCGWINSZ}, {"TIOCSWINSZ", TIOCSWINSZ}, {"TIOCGPGRP", TIOCGPGRP}, {"TIOCSPGRP", TIOCSPGRP}, {"TIOCGSID", TIOCGSID}, {"TIOCSCTTY", TIOCSCTTY}, {"TIOCNOTTY", TIOCNOTTY}, {"TIOCSTI", TIOCSTI},
        {"TIOCGPTN", TIOCGPTN}, {"TIOCSPTLCK", TIOCSPTLCK}, {"TIOCEXCL", TIOCEXCL}, {"TIOCGETD", TIOCGETD}, {"TIOCPKT", TIOCPKT}, {"TIOCMGET", TIOCMGET}, {"TIOCCONS", TIOCCONS}};
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
        int fd = kinds[k].fd, on = 1;
        for (size_t i = 0; i < sizeof tty / sizeof *tty; i++) {
            char what[100];
            if (tty[i].cmd == TIOCCONS && geteuid() != 0)
                continue;
            snprintf(what, sizeof what, "%s of %s", tty[i].name, kinds[k].name);
            memset(b, 0, 64), errno = 0;
            long r = ioctl(fd, tty[i].cmd, b);
            guest_row(__FILE__, __LINE__, what, r, errno, ENOTTY, false);
        }
        ROW(ioctl(fd, FIOCLEX), 0);
        VALUE(fcntl(fd, F_GETFD), FD_CLOEXEC);
        ROW(ioctl(fd, FIONCLEX), 0);
        VALUE(fcntl(fd, F_GETFD), 0);
        ROW(ioctl(fd, FIONBIO, &on), 0);
        VALUE(fcntl(fd, F_GETFL) & O_NONBLOCK, O_NONBLOCK);
        on = 0;
        ROW(ioctl(fd, FIONBIO, &on), 0);
        ROW(ioctl(fd, FIONBIO, 8), EFAULT);
        ROW(ioctl(fd, 0x7777, b), ENOTTY);
    }
    static const unsigned long any[] = {FIOCLEX, FIONCLEX, FIONBIO, FIONREAD, FIOASYNC, TCGETS, 0x7777};
    for (int i = 0; i < 7; i++) {
        ROW(ioctl(99, any[i], b), EBADF);
        ROW(ioctl(path, any[i], b), EBADF);
    }
    OK(lseek(f, 4, SEEK_SET));
    ROW(ioctl(f, FIONREAD, &n), 0);
    CHECK_EQ(n, 6);
    ROW(ioctl(f, FIONREAD, 8), EFAULT);
    ROW(ioctl(d, FIONREAD, &n), ENOTTY);
    ROW(ioctl(f, FIGETBSZ, &n), 0);
    CHECK_GT(n, 0);
    long size = 0;
    ROW(ioctl(f, FIOQSIZE, &size), 0);
    n = 1;
    ROW(ioctl(p[0], FIOASYNC, &n), 0);
    VALUE(fcntl(p[0], F_GETFL) & O_ASYNC, O_ASYNC);
    ROW(ioctl(f, FIOASYNC, &n), ENOTTY);
    ROW(ioctl(f, FIOASYNC, &(int){0}), 0); // no change
    ROW(ioctl(p[0], FIOASYNC, 8), EFAULT);
}
TEST_DIR(clones_and_duplicates) {
    write_file("f", "0123456789"), write_file("g", "0123456789");
    int f = OK(open("f", O_RDWR)), g = OK(open("g", O_RDWR)), r = OK(open("g", O_RDONLY)), w = OK(open("f", O_WRONLY)), a = OK(open("g", O_WRONLY | O_APPEND)), d = OK(open(".", O_RDONLY)), p[2];
    OK(pipe(p));
    ROW(ioctl(g, FICLONE, 99), EBADF);
    ROW(ioctl(r, FICLONE, f), EBADF);
    ROW(ioctl(g, FICLONE, w), EBADF);
    ROW(ioctl(a, FICLONE, f), EBADF);
    ROW(ioctl(g, FICLONE, d), EISDIR);
    ROW(ioctl(g, FICLONE, p[0]), EXDEV);
    ROW(ioctl(g, FICLONE, OK(open("/proc/self/stat", O_RDONLY))), EXDEV);
    long res = ioctl(g, FICLONE, f);
    CHECK(res == 0 || errno == EOPNOTSUPP); // where blocks cannot be shared
    struct file_clone_range range = {.src_fd = 99};
    ROW(ioctl(g, FICLONERANGE, &range), EBADF);
    ROW(ioctl(g, FICLONERANGE, 8), EFAULT);
    struct { struct file_dedupe_range h; struct file_dedupe_range_info i[1]; } dd = {.h = {.src_length = 10, .dest_count = 1}, .i = {{.dest_fd = 99}}};
    res = ioctl(f, FIDEDUPERANGE, &dd);
    CHECK(res == 0 || errno == EOPNOTSUPP || errno == ENOTTY);
    if (res == 0)
        CHECK_EQ(dd.i[0].status, -EBADF);
}
TEST(namespaces) {
    int uts = OK(open("/proc/self/ns/uts", O_RDONLY)), user = OK(open("/proc/self/ns/user", O_RDONLY)), pid = OK(open("/proc/self/ns/pid", O_RDONLY)), mnt = OK(open("/proc/self/ns/mnt", O_RDONLY));
    VALUE(ioctl(uts, NS_GET_NSTYPE), CLONE_NEWUTS);
    VALUE(ioctl(user, NS_GET_NSTYPE), CLONE_NEWUSER);
    VALUE(ioctl(pid, NS_GET_NSTYPE), CLONE_NEWPID);
    VALUE(ioctl(mnt, NS_GET_NSTYPE), CLONE_NEWNS);
    ROW(ioctl(uts, NS_GET_PARENT), EINVAL); // not hierarchical
    ROW(ioctl(uts, NS_GET_OWNER_UID, b), EINVAL); // of user namespaces only
    ROW(ioctl(uts, 0xb777), ENOTTY);
    uid_t owner = 77;
    ROW(ioctl(user, NS_GET_OWNER_UID, &owner), 0);
    ROW(ioctl(user, NS_GET_OWNER_UID, 8), EFAULT);
    ROW(ioctl(user, NS_GET_PARENT), EPERM); // above the caller's
    ROW(ioctl(OK(open("/dev/null", O_RDONLY)), NS_GET_NSTYPE), ENOTTY);
    struct stat of_user, got;
    int u = ioctl(uts, NS_GET_USERNS);
    CHECK_GE(u, 0);
    OK(fstat(user, &of_user)), OK(fstat(u, &got));
    CHECK_EQ(of_user.st_ino, got.st_ino);
    CHECK_EQ(fcntl(u, F_GETFD), FD_CLOEXEC);
    if (unshare(CLONE_NEWUSER | CLONE_NEWPID) == 0) {
        int mine = OK(open("/proc/self/ns/user", O_RDONLY));
        ROW(ioctl(mine, NS_GET_OWNER_UID, &owner), 0);
        ROW(ioctl(mine, NS_GET_PARENT), EPERM);
        pid_t c = FORK();
        if (c == 0)
            for (;;)
                pause();
        int inner = OK(open("/proc/self/ns/pid_for_children", O_RDONLY)); // once it has its first process
        VALUE(ioctl(inner, NS_GET_NSTYPE), CLONE_NEWPID);
        int parent = ioctl(inner, NS_GET_PARENT);
        CHECK_GE(parent, 0);
        OK(fstat(pid, &of_user)), OK(fstat(parent, &got));
        CHECK_EQ(of_user.st_ino, got.st_ino);
    }
}
TEST_DIR(flags_of_inodes) {
    write_file("f", "x");
    int f = OK(open("f", O_RDWR)), flags = 0, p[2];
    OK(pipe(p));
    ROW(ioctl(p[0], FS_IOC_GETFLAGS, &flags), ENOTTY);
    if (ioctl(f, FS_IOC_GETFLAGS, &flags) == -1) {
        CHECK_EQ(errno, ENOTTY);
        skip("this file system has no flags");
    }
    ROW(ioctl(f, FS_IOC_GETFLAGS, 8), EFAULT);
    if (!privileged()) {
        flags |= FS_IMMUTABLE_FL;
        ROW(ioctl(f, FS_IOC_SETFLAGS, &flags), EPERM);
    }
}
