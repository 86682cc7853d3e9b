// pidfd_open, pidfd_send_signal, pidfd_getfd, poll on a pidfd.
#include "../guest.h"
#include <poll.h>

static int pidfd_open_(pid_t p, unsigned f) { return syscall(SYS_pidfd_open, p, f); }
static pid_t sleeper(void) {
    pid_t c = FORK();
    if (c == 0)
        for (;;)
            pause();
    return c;
}
TEST(send_signal) {
    pid_t c = sleeper();
    int fd = OK(pidfd_open_(c, 0));
    CHECK_EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
    CHECK_EQ(syscall(SYS_pidfd_send_signal, fd, 0, NULL, 0), 0);
    CHECK_ERR(syscall(SYS_pidfd_send_signal, fd, 65, NULL, 0), EINVAL);
    CHECK_ERR(syscall(SYS_pidfd_send_signal, fd, SIGTERM, NULL, 1 << 20), EINVAL);
    CHECK_ERR(syscall(SYS_pidfd_send_signal, 0, SIGTERM, NULL, 0), EBADF);
    struct pollfd p = {fd, POLLIN, 0};
    CHECK_EQ(poll(&p, 1, 0), 0);
    CHECK_EQ(syscall(SYS_pidfd_send_signal, fd, SIGTERM, NULL, 0), 0);
    CHECK_EQ(poll(&p, 1, 3000), 1);
    CHECK_EQ(p.revents & POLLIN, POLLIN);
    CHECK_KILLED(c, SIGTERM);
    CHECK_ERR(syscall(SYS_pidfd_send_signal, fd, 0, NULL, 0), ESRCH);
}
TEST(a_directory_of_proc_names_the_process_to_signal) {
    pid_t c = sleeper();
    char name[64];
    snprintf(name, sizeof name, "/proc/%d", c);
    int fd = OK(open(name, O_RDONLY | O_DIRECTORY)), path = OK(open(name, O_PATH));
    int files = OK(openat(fd, "fd", O_RDONLY | O_DIRECTORY)), proc = OK(open("/proc", O_RDONLY));
    snprintf(name, sizeof name, "task/%d", c);
    int thread = OK(openat(fd, name, O_RDONLY | O_DIRECTORY));
    for (int *bad = (int[]){path, files, proc, thread, -1}; *bad >= 0; bad++)
        CHECK_ERR(syscall(SYS_pidfd_send_signal, *bad, SIGTERM, NULL, 0), EBADF);
    CHECK_ERR(syscall(SYS_pidfd_getfd, fd, 0, 0), EBADF);
    CHECK_EQ(syscall(SYS_pidfd_send_signal, fd, SIGTERM, NULL, 0), 0);
    CHECK_KILLED(c, SIGTERM);
    CHECK_ERR(syscall(SYS_pidfd_send_signal, fd, 0, NULL, 0), ESRCH);
}
TEST(open_errnos) {
    CHECK_ERR(pidfd_open_(0, 0), EINVAL);
    CHECK_ERR(pidfd_open_(-1, 0), EINVAL);
    CHECK_ERR(pidfd_open_(getpid(), 1), EINVAL);
    CHECK_ERR(pidfd_open_(4194304 - 1, 0), ESRCH);
    int fd = OK(pidfd_open_(getpid(), O_NONBLOCK));
    CHECK_EQ(fcntl(fd, F_GETFL) & O_NONBLOCK, O_NONBLOCK);
    char b;
    CHECK_ERR(read(fd, &b, 1), EINVAL);
}
TEST(getfd) {
    int pp[2];
    OK(pipe(pp));
    gate_t g = gate_new(), h = gate_new();
    pid_t c = FORK();
    if (c == 0) {
        dup2(pp[1], 50);
        gate_open(g);
        gate_wait(h);
        _exit(0);
    }
    gate_wait(g);
    int fd = OK(pidfd_open_(c, 0)), got = OK((int)syscall(SYS_pidfd_getfd, fd, 50, 0));
    CHECK_EQ(fcntl(got, F_GETFD), FD_CLOEXEC);
    CHECK_EQ(write(got, "x", 1), 1);
    char b;
    CHECK_EQ(read(pp[0], &b, 1), 1);
    CHECK_ERR(syscall(SYS_pidfd_getfd, fd, 51, 0), EBADF);
    CHECK_ERR(syscall(SYS_pidfd_getfd, fd, 50, 1), EINVAL);
    gate_open(h);
    CHECK_EXIT(c, 0);
}
