// dup, dup2, dup3, fcntl, close_range; descriptors shared and separate; FIONBIO and friends; SCM-free fd passing is elsewhere.
#include "../guest.h"
#include <sys/ioctl.h>
#ifndef CLOSE_RANGE_UNSHARE
#define CLOSE_RANGE_UNSHARE 2
#define CLOSE_RANGE_CLOEXEC 4
#endif

TEST_DIR(dup_shares_the_open_file) {
    write_file("f", "abcdef");
    int a = OK(open("f", O_RDWR)), b = OK(dup(a)), c = OK(open("f", O_RDWR));
    char x[2];
    CHECK_EQ(read(a, x, 2), 2);
    CHECK_EQ(lseek(b, 0, SEEK_CUR), 2), CHECK_EQ(lseek(c, 0, SEEK_CUR), 0);
    OK(fcntl(b, F_SETFL, O_NONBLOCK | O_APPEND));
    CHECK_EQ(fcntl(a, F_GETFL) & (O_NONBLOCK | O_APPEND), O_NONBLOCK | O_APPEND);
    OK(fcntl(b, F_SETFL, O_WRONLY | O_CREAT | O_EXCL)); // ignored bits
    CHECK_EQ(fcntl(a, F_GETFL) & O_ACCMODE, O_RDWR);
    OK(fcntl(a, F_SETFD, FD_CLOEXEC));
    CHECK_EQ(fcntl(b, F_GETFD), 0);
    CHECK_EQ(close(a), 0);
    CHECK_EQ(read(b, x, 2), 2);
}
TEST(dup2_and_dup3) {
    int a = OK(open("/dev/null", O_RDWR)), z = OK(open("/dev/zero", O_RDWR));
    char b = 1;
    CHECK_EQ(dup2(z, a), a);
    CHECK_EQ(read(a, &b, 1), 1);
    CHECK_EQ(dup2(a, a), a);
    CHECK_EQ(dup2(a, 77), 77);
    CHECK_ERR(dup2(99, 5), EBADF);
    CHECK_ERR(dup2(99, 99), EBADF);
    CHECK_ERR(dup2(a, -1), EBADF);
    CHECK_ERR(dup2(a, 1 << 28), EBADF);
    CHECK_EQ(dup3(a, 78, O_CLOEXEC), 78);
    CHECK_EQ(fcntl(78, F_GETFD), FD_CLOEXEC);
    CHECK_EQ(dup2(a, 78), 78);
    CHECK_EQ(fcntl(78, F_GETFD), 0);
    CHECK_ERR(dup3(a, a, 0), EINVAL);
    CHECK_ERR(dup3(a, 79, O_NONBLOCK), EINVAL);
}
TEST(dupfd) {
    CHECK_EQ(fcntl(0, F_DUPFD, 50), 50);
    CHECK_EQ(fcntl(0, F_DUPFD, 50), 51);
    CHECK_EQ(fcntl(0, F_DUPFD_CLOEXEC, 50), 52);
    CHECK_EQ(fcntl(52, F_GETFD), FD_CLOEXEC), CHECK_EQ(fcntl(51, F_GETFD), 0);
    CHECK_ERR(fcntl(0, F_DUPFD, -1), EINVAL);
    CHECK_ERR(fcntl(0, F_DUPFD, 1 << 30), EINVAL);
    CHECK_ERR(fcntl(99, F_GETFD), EBADF);
    CHECK_ERR(fcntl(0, 9999), EINVAL);
}
TEST(close_range) {
    for (int i = 60; i < 70; i++)
        OK(dup2(0, i));
    CHECK_EQ(syscall(SYS_close_range, 62, 64, 0), 0);
    CHECK_EQ(fcntl(61, F_GETFD), 0);
    CHECK_ERR(fcntl(62, F_GETFD), EBADF), CHECK_ERR(fcntl(64, F_GETFD), EBADF);
    CHECK_EQ(fcntl(65, F_GETFD), 0);
    CHECK_EQ(syscall(SYS_close_range, 65, 66, CLOSE_RANGE_CLOEXEC), 0);
    CHECK_EQ(fcntl(66, F_GETFD), FD_CLOEXEC);
    CHECK_EQ(syscall(SYS_close_range, 67, ~0U, CLOSE_RANGE_UNSHARE), 0);
    CHECK_ERR(fcntl(69, F_GETFD), EBADF);
    CHECK_ERR(syscall(SYS_close_range, 5, 4, 0), EINVAL);
    CHECK_ERR(syscall(SYS_close_range, 5, 6, 8), EINVAL);
}
TEST(ioctls_on_descriptors) {
    int pp[2], n = 1;
    OK(pipe(pp));
    CHECK_EQ(ioctl(pp[0], FIONBIO, &n), 0);
    CHECK_EQ(fcntl(pp[0], F_GETFL) & O_NONBLOCK, O_NONBLOCK);
    n = 0;
    CHECK_EQ(ioctl(pp[0], FIONBIO, &n), 0);
    CHECK_EQ(fcntl(pp[0], F_GETFL) & O_NONBLOCK, 0);
    CHECK_EQ(ioctl(pp[0], FIOCLEX), 0);
    CHECK_EQ(fcntl(pp[0], F_GETFD), FD_CLOEXEC);
    CHECK_EQ(ioctl(pp[0], FIONCLEX), 0);
    CHECK_EQ(fcntl(pp[0], F_GETFD), 0);
    CHECK_EQ(write(pp[1], "abc", 3), 3);
    CHECK_EQ(ioctl(pp[0], FIONREAD, &n), 0);
    CHECK_EQ(n, 3);
    CHECK_ERR(ioctl(pp[0], 0x12345678, &n), ENOTTY);
    CHECK_ERR(ioctl(99, FIONREAD, &n), EBADF);
    CHECK_ERR(ioctl(pp[0], TCGETS, &n), ENOTTY);
    CHECK_EQ(isatty(pp[0]), 0);
}
TEST_DIR(file_ioctls) {
    write_file("f", "12345678");
    int fd = OK(open("f", O_RDONLY)), n = 0;
    CHECK_EQ(lseek(fd, 3, SEEK_SET), 3);
    CHECK_EQ(ioctl(fd, FIONREAD, &n), 0);
    CHECK_EQ(n, 5);
}
static volatile int ioc, io_fd;
static void on_io(int s, siginfo_t *si, void *u) { (void)s, (void)u; ioc++; io_fd = si->si_fd; }
TEST(async_notification) {
    int pp[2];
    OK(pipe(pp));
    on_siginfo(SIGRTMIN, on_io, 0);
    CHECK_EQ(fcntl(pp[0], F_SETOWN, getpid()), 0);
    CHECK_EQ(fcntl(pp[0], F_GETOWN), getpid());
    CHECK_EQ(fcntl(pp[0], F_SETSIG, SIGRTMIN), 0);
    CHECK_EQ(fcntl(pp[0], F_GETSIG), SIGRTMIN);
    CHECK_EQ(fcntl(pp[0], F_SETFL, O_ASYNC), 0);
    CHECK_EQ(write(pp[1], "x", 1), 1);
    WAIT_UNTIL(ioc == 1);
    CHECK_EQ(io_fd, pp[0]);
}
TEST_DIR(many_descriptors) {
    write_file("f", "x");
    struct rlimit r;
    OK(getrlimit(RLIMIT_NOFILE, &r));
    int n = r.rlim_cur > 600 ? 500 : 100, top = 0;
    for (int i = 0; i < n; i++)
        top = OK(open("f", O_RDONLY));
    char b;
    CHECK_EQ(read(top, &b, 1), 1);
    IN_CHILD(CHECK_EQ(pread(top, &b, 1, 0), 1));
    CHECK_EQ(syscall(SYS_close_range, 3, top, 0), 0);
    CHECK_ERR(read(top, &b, 1), EBADF);
}
