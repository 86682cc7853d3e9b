// Which of several errors a call gives, and calls that give none: found by comparing random sequences of calls with Linux.
#include "../guest.h"
#include <sys/socket.h>
#include <sys/uio.h>

TEST(positional_io_on_the_wrong_end_of_a_pipe) {
    int p[2];
    char b[8] = "";
    struct iovec v = {b, 1};
    OK(pipe(p));
    CHECK_ERR(pwrite(p[0], b, 1, 0), ESPIPE);
    CHECK_ERR(pread(p[1], b, 1, 0), ESPIPE);
    CHECK_ERR(pwritev(p[0], &v, 1, 0), ESPIPE);
    CHECK_ERR(preadv(p[1], &v, 1, 0), ESPIPE);
    loff_t at = 0;
    CHECK_ERR(splice(p[1], &at, p[0], NULL, 1, SPLICE_F_NONBLOCK), ESPIPE);
    CHECK_ERR(splice(p[1], NULL, p[0], NULL, 1, SPLICE_F_NONBLOCK), EBADF);
}
TEST(unknown_whence) {
    int p[2];
    OK(pipe(p));
    CHECK_ERR(lseek(p[0], 0, 5), EINVAL);
    CHECK_ERR(lseek(p[0], 0, -1), EINVAL);
    CHECK_ERR(lseek(p[0], 0, SEEK_SET), ESPIPE);
}
TEST(reading_nothing_from_sockets) {
    static const int types[] = {SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET};
    for (int i = 0; i < 3; i++) {
        int s[2];
        char b;
        OK(socketpair(AF_UNIX, types[i] | SOCK_NONBLOCK, 0, s));
        CHECK_EQ(read(s[0], &b, 0), 0);
        CHECK_ERR(read(s[0], &b, 1), EAGAIN);
        close(s[0]), close(s[1]);
    }
}
