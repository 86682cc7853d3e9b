// eventfd(2) at its edges, and what anonymous files have in common: lseek and splice.
#include "guest.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/sendfile.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>

TEST(eventfd_takes_one_number_a_buffer) {
    int fd = OK(eventfd(0, EFD_NONBLOCK));
    uint64_t v[3] = {1, 2, 4};
    CHECK_EQ(write(fd, v, 8), 8);
    CHECK_ERR(write(fd, v, 7), EINVAL);
    CHECK_ERR(write(fd, v, 0), EINVAL);
    CHECK_ERR(write(fd, v, 16), EINVAL);
    struct iovec two[] = {{&v[1], 8}, {&v[2], 8}};
    CHECK_EQ(writev(fd, two, 2), 16);
    uint64_t sum = 0;
    CHECK_EQ(read(fd, &sum, 8), 8);
    CHECK_EQ(sum, 7);
    struct iovec halves[] = {{v, 4}, {(char *)v + 4, 4}};
    CHECK_ERR(writev(fd, halves, 2), EINVAL);
    struct iovec part[] = {{v, 8}, {v, 3}};
    CHECK_EQ(writev(fd, part, 2), 8);
    struct iovec empty[] = {{v, 0}, {v, 8}};
    CHECK_ERR(writev(fd, empty, 2), EINVAL);
    CHECK_EQ(writev(fd, empty, 1), 0);
    // A read is one number over all buffers.
    struct iovec bytes[] = {{(char *)&sum + 0, 3}, {(char *)&sum + 3, 13 - 8}};
    CHECK_EQ(readv(fd, bytes, 2), 8);
    CHECK_EQ(sum, 1);
}

TEST(anonymous_files_take_lseek) {
    sigset_t s;
    sigemptyset(&s);
    int fds[] = {OK(eventfd(0, 0)), OK(timerfd_create(CLOCK_MONOTONIC, 0)), OK(signalfd(-1, &s, 0)), OK(epoll_create1(0)), OK(inotify_init1(0))};
    char b[8];
    for (int i = 0; i < 5; i++) {
        for (int whence = 0; whence <= SEEK_HOLE; whence++) CHECK_EQ(lseek(fds[i], 100, whence), 0);
        CHECK_EQ(lseek(fds[i], -100, SEEK_SET), 0);
        CHECK_ERR(lseek(fds[i], 0, SEEK_HOLE + 1), EINVAL);
        CHECK_ERR(pread(fds[i], b, 8, 0), ESPIPE);
    }
}

TEST(anonymous_files_are_not_spliced) {
    int e = OK(eventfd(1, EFD_NONBLOCK)), p[2], q[2];
    OK(pipe2(p, O_NONBLOCK));
    OK(pipe2(q, O_NONBLOCK));
    CHECK_ERR(splice(e, NULL, p[1], NULL, 8, 0), EINVAL);
    CHECK_ERR(splice(p[0], NULL, e, NULL, 8, 0), EINVAL);
    CHECK_EQ(write(p[1], "12345678", 8), 8);
    CHECK_ERR(splice(p[0], NULL, e, NULL, 8, 0), EINVAL);
    CHECK_ERR(sendfile(p[1], e, NULL, 8), EINVAL);
    CHECK_EQ(sendfile(2, e, NULL, 0), 0);
    // A pipe without room or readers is noticed first.
    static char fill[1 << 16];
    while (write(p[1], fill, sizeof fill) > 0) continue;
    CHECK_ERR(splice(e, NULL, p[1], NULL, 8, 0), EAGAIN);
    signal(SIGPIPE, SIG_IGN);
    close(q[0]);
    CHECK_ERR(splice(e, NULL, q[1], NULL, 8, 0), EPIPE);
}

