// Pipes and FIFOs: blocking, capacity, atomic writes, end of file, EPIPE, sizes, O_DIRECT packets, splice, tee, vmsplice.
#include "../guest.h"
#include <poll.h>
#include <sys/ioctl.h>

static void mk(int fd[2], int flags) { OK(pipe2(fd, flags)); }
TEST(tee_of_nothing_to_nobody) {
    int a[2], b[2];
    signal(SIGPIPE, SIG_IGN);
    OK(pipe(a)), OK(pipe(b));
    CHECK_ERR(tee(a[0], b[1], 1, SPLICE_F_NONBLOCK), EAGAIN);
    close(a[1]);
    CHECK_EQ(tee(a[0], b[1], 1, SPLICE_F_NONBLOCK), 0);
    close(b[0]);
    CHECK_ERR(tee(a[0], b[1], 1, SPLICE_F_NONBLOCK), EPIPE);
}
TEST(basics) {
    int fd[2];
    char b[16];
    mk(fd, 0);
    CHECK_EQ(fcntl(fd[0], F_GETFL) & O_ACCMODE, O_RDONLY), CHECK_EQ(fcntl(fd[1], F_GETFL) & O_ACCMODE, O_WRONLY);
    CHECK_ERR(read(fd[1], b, 1), EBADF);
    CHECK_ERR(write(fd[0], b, 1), EBADF);
    CHECK_EQ(write(fd[1], "abc", 3), 3), CHECK_EQ(write(fd[1], "def", 3), 3);
    CHECK_EQ(read(fd[0], b, 4), 4);
    CHECK_MEM(b, "abcd", 4);
    CHECK_EQ(read(fd[0], b, 16), 2); // what there is
    CHECK_EQ(write(fd[1], "x", 1), 1);
    close(fd[1]);
    CHECK_EQ(read(fd[0], b, 16), 1);
    CHECK_EQ(read(fd[0], b, 16), 0);
    CHECK_EQ(read(fd[0], b, 16), 0);
    CHECK_ERR(pipe((int *)8), EFAULT);
    CHECK_ERR(pipe2(fd, O_APPEND), EINVAL);
    mk(fd, O_CLOEXEC | O_NONBLOCK);
    CHECK_EQ(fcntl(fd[0], F_GETFD), FD_CLOEXEC), CHECK_EQ(fcntl(fd[1], F_GETFL) & O_NONBLOCK, O_NONBLOCK);
    CHECK_ERR(read(fd[0], b, 1), EAGAIN);
    CHECK_EQ(read(fd[0], b, 0), 0);
}
static volatile int sigs;
static void count(int s) { (void)s; sigs++; }
TEST(epipe) {
    int fd[2];
    mk(fd, 0);
    close(fd[0]);
    on_signal(SIGPIPE, count, 0);
    CHECK_ERR(write(fd[1], "x", 1), EPIPE);
    CHECK_EQ(sigs, 1);
    CHECK_EQ(write(fd[1], "x", 0), 0);
    signal(SIGPIPE, SIG_IGN);
    CHECK_ERR(write(fd[1], "x", 1), EPIPE);
    signal(SIGPIPE, SIG_DFL);
    pid_t c = FORK();
    if (c == 0)
        _exit(write(fd[1], "x", 1));
    CHECK_KILLED(c, SIGPIPE);
}
TEST(writer_blocks_until_read) {
    int fd[2];
    mk(fd, 0);
    static char big[200000], back[200000];
    for (size_t i = 0; i < sizeof big; i++)
        big[i] = i * 31;
    pid_t c = FORK();
    if (c == 0) {
        CHECK_EQ(write(fd[1], big, sizeof big), sizeof big);
        _exit(0);
    }
    close(fd[1]);
    size_t n = 0;
    for (ssize_t r; (r = OK(read(fd[0], back + n, sizeof back - n > 7000 ? 7000 : sizeof back - n))) > 0;)
        n += r;
    CHECK_EQ(n, sizeof big);
    CHECK_EQ(memcmp(big, back, n), 0);
    CHECK_EXIT(c, 0);
}
TEST(blocked_writer_gets_epipe) {
    int fd[2];
    mk(fd, 0);
    static char big[100000];
    pid_t c = FORK();
    if (c == 0) {
        close(fd[0]);
        signal(SIGPIPE, SIG_IGN);
        ssize_t r = write(fd[1], big, sizeof big);
        CHECK_EQ(r, 65536); // what fitted
        CHECK_ERR(write(fd[1], big, 1), EPIPE);
        _exit(0);
    }
    int there = 0;
    WAIT_UNTIL(ioctl(fd[0], FIONREAD, &there) == 0 && there == 65536);
    close(fd[0]);
    CHECK_EXIT(c, 0);
}
TEST(capacity) {
    int fd[2];
    mk(fd, O_NONBLOCK);
    CHECK_EQ(fcntl(fd[0], F_GETPIPE_SZ), 65536);
    static char big[200000];
    CHECK_EQ(write(fd[1], big, sizeof big), 65536);
    CHECK_ERR(write(fd[1], big, 1), EAGAIN);
    struct pollfd p = {fd[1], POLLOUT, 0};
    CHECK_EQ(poll(&p, 1, 0), 0);
    int n;
    CHECK_EQ(ioctl(fd[0], FIONREAD, &n), 0);
    CHECK_EQ(n, 65536);
    CHECK_EQ(read(fd[0], big, 4096), 4096);
    CHECK_EQ(poll(&p, 1, 0), 1);
    CHECK_EQ(write(fd[1], big, 5000), 4096); // over PIPE_BUF: may be partial
    CHECK_ERR(fcntl(fd[1], F_SETPIPE_SZ, 4096), EBUSY);
    CHECK_EQ(fcntl(fd[1], F_SETPIPE_SZ, 131072), 131072);
    CHECK_EQ(write(fd[1], big, sizeof big), 65536);
    mk(fd, 0);
    CHECK_EQ(fcntl(fd[1], F_SETPIPE_SZ, 5000), 8192); // rounded up
    CHECK_EQ(fcntl(fd[1], F_SETPIPE_SZ, 1), 4096);
    int f = OK(open("/dev/null", O_RDWR));
    CHECK_ERR(fcntl(f, F_GETPIPE_SZ), EBADF);
}
TEST(small_writes_are_atomic) {
    int fd[2];
    mk(fd, O_NONBLOCK);
    char b[PIPE_BUF];
    for (int i = 0; i < 16; i++)
        CHECK_EQ(write(fd[1], b, PIPE_BUF), PIPE_BUF);
    CHECK_EQ(read(fd[0], b, 100), 100);
    CHECK_ERR(write(fd[1], b, PIPE_BUF), EAGAIN); // all or nothing
    mk(fd, 0);
    pid_t c[4];
    for (int i = 0; i < 4; i++)
        if ((c[i] = FORK()) == 0) {
            char m[512];
            memset(m, 'a' + i, sizeof m);
            for (int j = 0; j < 100; j++)
                CHECK_EQ(write(fd[1], m, sizeof m), sizeof m);
            _exit(0);
        }
    close(fd[1]);
    char m[512];
    FILE *f = fdopen(fd[0], "r");
    int n = 0;
    for (; fread(m, 512, 1, f) == 1; n++)
        for (int i = 1; i < 512; i++)
            if (m[i] != m[0])
                FAIL("a write of 512 bytes was torn");
    CHECK_EQ(n, 400);
    for (int i = 0; i < 4; i++)
        CHECK_EXIT(c[i], 0);
}
TEST(packets) {
    int fd[2];
    char b[16];
    mk(fd, O_DIRECT);
    CHECK_EQ(fcntl(fd[0], F_GETFL), O_RDONLY), CHECK_EQ(fcntl(fd[1], F_GETFL), O_WRONLY | O_DIRECT);
    CHECK_EQ(write(fd[1], "one", 3), 3), CHECK_EQ(write(fd[1], "twotwo", 6), 6);
    CHECK_EQ(read(fd[0], b, 16), 3);
    CHECK_EQ(read(fd[0], b, 2), 2); // the rest of a packet is dropped
    CHECK_EQ(write(fd[1], "x", 1), 1);
    CHECK_EQ(read(fd[0], b, 16), 1);
}
TEST(poll_events) {
    int fd[2];
    mk(fd, 0);
    struct pollfd p[2] = {{fd[0], POLLIN, 0}, {fd[1], POLLOUT, 0}};
    CHECK_EQ(poll(p, 2, 0), 1);
    CHECK_EQ(p[0].revents, 0), CHECK_EQ(p[1].revents, POLLOUT);
    CHECK_EQ(write(fd[1], "x", 1), 1);
    CHECK_EQ(poll(p, 2, 0), 2);
    CHECK_EQ(p[0].revents, POLLIN);
    close(fd[1]);
    CHECK_EQ(poll(p, 1, 0), 1);
    CHECK_EQ(p[0].revents, POLLIN | POLLHUP);
    char b;
    CHECK_EQ(read(fd[0], &b, 1), 1);
    CHECK_EQ(poll(p, 1, 0), 1);
    CHECK_EQ(p[0].revents, POLLHUP);
    mk(fd, 0);
    close(fd[0]);
    p[0] = (struct pollfd){fd[1], POLLOUT, 0};
    CHECK_EQ(poll(p, 1, 0), 1);
    CHECK_EQ(p[0].revents, POLLOUT | POLLERR);
}
TEST_DIR(fifo) {
    OK(mkfifo("p", 0600));
    CHECK_ERR(mkfifo("p", 0600), EEXIST);
    CHECK_ERR(open("p", O_WRONLY | O_NONBLOCK), ENXIO); // no reader
    int r = OK(open("p", O_RDONLY | O_NONBLOCK));
    char b[8];
    CHECK_EQ(read(r, b, 8), 0); // no writer yet: end of file, not EAGAIN
    struct pollfd p = {r, POLLIN, 0};
    CHECK_EQ(poll(&p, 1, 0), 0); // nor a hang-up before there was one
    int w = OK(open("p", O_WRONLY | O_NONBLOCK));
    CHECK_ERR(read(r, b, 8), EAGAIN);
    CHECK_EQ(write(w, "hi", 2), 2);
    CHECK_EQ(read(r, b, 8), 2);
    close(w);
    CHECK_EQ(read(r, b, 8), 0);
    CHECK_EQ(poll(&p, 1, 0), 1);
    CHECK_EQ(p.revents, POLLHUP);
    close(r);
    int rw = OK(open("p", O_RDWR)); // does not block on Linux
    CHECK_EQ(write(rw, "self", 4), 4);
    CHECK_EQ(read(rw, b, 8), 4);
    CHECK_ERR(lseek(rw, 0, SEEK_SET), ESPIPE);
    close(rw);
    pid_t c = FORK();
    if (c == 0) {
        w = OK(open("p", O_WRONLY)); // waits for the reader
        CHECK_EQ(write(w, "from child", 10), 10);
        _exit(0);
    }
    r = OK(open("p", O_RDONLY));
    CHECK_EQ(read(r, b, 4), 4);
    CHECK_EXIT(c, 0);
    CHECK_EQ(read(r, b, 8), 6);
    CHECK_EQ(read(r, b, 8), 0);
}
// However short the writer's visit: a reader's open that met it is over.
TEST_DIR(fifo_writer_comes_and_goes) {
    CHECK_EQ(mkfifo("p", 0600), 0);
    pid_t c = FORK();
    if (c == 0)
        for (;;) close(open("p", O_WRONLY));
    for (int i = 0; i < 500; i++) close(OK(open("p", O_RDONLY)));
    kill(c, SIGKILL);
    CHECK_KILLED(c, SIGKILL);
}
TEST_DIR(fifo_that_nobody_writes) {
    int p[2];
    OK(mkfifo("p", 0600)), OK(pipe(p));
    int r = OK(open("p", O_RDONLY | O_NONBLOCK));
    struct pollfd v = {r, POLLIN, 0};
    CHECK_EQ(poll(&v, 1, 0), 0);
    CHECK_EQ(tee(r, p[1], 1, SPLICE_F_NONBLOCK), 0);
    CHECK_EQ(splice(r, NULL, p[1], NULL, 1, SPLICE_F_NONBLOCK), 0);
    close(r);
    int both = OK(open("p", O_RDWR));
    r = v.fd = OK(open("p", O_RDONLY | O_NONBLOCK));
    CHECK_EQ(poll(&v, 1, 0), 0);
    close(both); // there was one when it was opened
    CHECK_EQ(poll(&v, 1, 0), 1), CHECK_EQ(v.revents, POLLHUP);
}
TEST_DIR(splice_calls) {
    int a[2], b[2];
    char buf[16];
    mk(a, 0), mk(b, 0);
    write_file("f", "0123456789");
    int f = OK(open("f", O_RDWR));
    off_t o = 3;
    CHECK_EQ(splice(f, &o, a[1], NULL, 4, 0), 4);
    CHECK_EQ(o, 7), CHECK_EQ(lseek(f, 0, SEEK_CUR), 0);
    CHECK_EQ(tee(a[0], b[1], 100, 0), 4);
    CHECK_EQ(read(b[0], buf, 16), 4);
    CHECK_MEM(buf, "3456", 4);
    o = 8;
    CHECK_EQ(splice(a[0], NULL, f, &o, 100, 0), 4);
    CHECK_STR(read_file("f"), "012345673456");
    CHECK_EQ(splice(f, NULL, a[1], NULL, 2, 0), 2);
    CHECK_EQ(splice(a[0], NULL, b[1], NULL, 2, 0), 2);
    CHECK_EQ(read(b[0], buf, 16), 2);
    CHECK_MEM(buf, "01", 2);
    struct iovec v = {"vector", 6};
    CHECK_EQ(vmsplice(a[1], &v, 1, 0), 6);
    CHECK_EQ(read(a[0], buf, 16), 6);
    CHECK_MEM(buf, "vector", 6);
    CHECK_ERR(splice(f, NULL, f, NULL, 1, 0), EINVAL); // one side must be a pipe
    o = 0;
    CHECK_ERR(splice(a[0], &o, f, NULL, 1, 0), ESPIPE);
    CHECK_ERR(splice(a[0], NULL, a[1], NULL, 1, 0), EINVAL); // the same pipe
    CHECK_ERR(splice(a[0], NULL, f, NULL, 1, 0x100), EINVAL);
    CHECK_ERR(splice(a[0], NULL, f, NULL, 1, SPLICE_F_NONBLOCK), EAGAIN);
    CHECK_ERR(splice(99, NULL, a[1], NULL, 1, 0), EBADF);
    CHECK_ERR(tee(a[0], f, 1, 0), EINVAL);
    CHECK_EQ(splice(a[0], NULL, f, NULL, 0, 0), 0);
    close(a[1]);
    CHECK_EQ(splice(a[0], NULL, f, NULL, 10, 0), 0);
}
TEST(reopen_through_proc) {
    int fd[2];
    mk(fd, 0);
    char p[64], b[4];
    snprintf(p, 64, "/proc/self/fd/%d", fd[1]);
    int w = OK(open(p, O_WRONLY));
    CHECK_EQ(write(w, "via", 3), 3);
    CHECK_EQ(read(fd[0], b, 4), 3);
    char l[64] = "";
    CHECK_GT(readlink(p, l, 63), 6);
    CHECK_MEM(l, "pipe:[", 6);
}
TEST(close_while_reading_in_fork) {
    int fd[2];
    mk(fd, 0);
    pid_t c = FORK();
    if (c == 0) {
        close(fd[1]);
        char b;
        _exit(read(fd[0], &b, 1) == 0 ? 0 : 1);
    }
    sleep_ms(5);
    close(fd[1]);
    CHECK_EXIT(c, 0);
}
