// Asynchronous I/O: contexts, requests on files and pipes, events, what is refused.
#include "../guest.h"
#include <linux/aio_abi.h>
#include <sys/eventfd.h>

static aio_context_t ctx;
static int setup(unsigned n) { return syscall(SYS_io_setup, n, &ctx); }
static int submit(struct iocb *cb) { return syscall(SYS_io_submit, ctx, 1, &cb); }
static int events(long least, long n, struct io_event *e, struct timespec *ts) {
    return syscall(SYS_io_getevents, ctx, least, n, e, ts);
}
static struct iocb request(int op, int fd, void *buf, size_t n, long offset) {
    struct iocb cb = {.aio_lio_opcode = op, .aio_fildes = fd, .aio_buf = (unsigned long)buf, .aio_nbytes = n, .aio_offset = offset};
    cb.aio_data = 4711;
    return cb;
}

TEST_DIR(read_and_write) {
    OK(setup(4));
    CHECK_NE(ctx, 0);
    int fd = OK(open("f", O_RDWR | O_CREAT, 0600));
    struct io_event e;
    struct iocb w = request(IOCB_CMD_PWRITE, fd, "hello", 5, 2);
    CHECK_EQ(submit(&w), 1);
    CHECK_EQ(events(1, 1, &e, NULL), 1);
    CHECK_EQ(e.res, 5), CHECK_EQ(e.data, 4711), CHECK_EQ(e.obj, (unsigned long)&w);
    char b[8] = "", c[4] = "";
    struct iovec iov[2] = {{b, 3}, {c, 4}};
    struct iocb r = request(IOCB_CMD_PREADV, fd, iov, 2, 2), s = request(IOCB_CMD_FSYNC, fd, NULL, 0, 0), *both[2] = {&r, &s};
    CHECK_EQ(syscall(SYS_io_submit, ctx, 2, both), 2);
    struct io_event two[2];
    CHECK_EQ(events(2, 2, two, NULL), 2);
    bool first = two[0].obj == (unsigned long)&r;
    CHECK_EQ(two[!first].res, 5);
    CHECK_EQ(two[first].res, 0);
    CHECK_STR(b, "hel"), CHECK_STR(c, "lo");
    CHECK_EQ(lseek(fd, 0, SEEK_CUR), 0);
    OK(syscall(SYS_io_destroy, ctx));
    CHECK_ERR(syscall(SYS_io_destroy, ctx), EINVAL);
    CHECK_ERR(submit(&w), EINVAL);
}
// What goes wrong with a request is in its event; what is wrong with it, in the submission.
TEST_DIR(errors) {
    OK(setup(4));
    int fd = OK(open("f", O_WRONLY | O_CREAT, 0600)), p[2];
    OK(pipe(p));
    close(p[0]);
    signal(SIGPIPE, SIG_IGN);
    struct io_event e;
    struct iocb cb = request(IOCB_CMD_PWRITE, p[1], "x", 1, 0);
    CHECK_EQ(submit(&cb), 1);
    CHECK_EQ(events(1, 1, &e, NULL), 1);
    CHECK_EQ(e.res, -EPIPE);
    cb = request(IOCB_CMD_PREAD, fd, &e, 1, 0);
    CHECK_ERR(submit(&cb), EBADF);
    cb = request(IOCB_CMD_PREAD, 999, &e, 1, 0);
    CHECK_ERR(submit(&cb), EBADF);
    cb = request(77, fd, &e, 1, 0);
    CHECK_ERR(submit(&cb), EINVAL);
    cb = request(IOCB_CMD_PWRITE, fd, &e, -1, 0);
    CHECK_ERR(submit(&cb), EINVAL);
    cb = request(IOCB_CMD_PWRITE, fd, &e, 1, 0);
    cb.aio_reserved2 = 1;
    CHECK_ERR(submit(&cb), EINVAL);
    struct iocb good = request(IOCB_CMD_PWRITE, fd, "x", 1, 0), *mixed[2] = {&good, &cb};
    CHECK_EQ(syscall(SYS_io_submit, ctx, 2, mixed), 1);
    CHECK_ERR(syscall(SYS_io_submit, ctx, 1, 8), EFAULT);
    CHECK_ERR(syscall(SYS_io_submit, ctx, -1L, mixed), EINVAL);
    CHECK_EQ(syscall(SYS_io_submit, ctx, 0, mixed), 0);
    CHECK_ERR(syscall(SYS_io_cancel, ctx, &good, &e), EINVAL);
    CHECK_ERR(events(2, 1, &e, NULL), EINVAL);
    CHECK_ERR(events(-1, 1, &e, NULL), EINVAL);
}
TEST(contexts) {
    CHECK_ERR(syscall(SYS_io_setup, 0, &ctx), EINVAL);
    CHECK_ERR(syscall(SYS_io_setup, 1, 8), EFAULT);
    CHECK_ERR(syscall(SYS_io_setup, 1u << 31, &ctx), EAGAIN);
    ctx = 1;
    CHECK_ERR(setup(1), EINVAL);
    CHECK_ERR(syscall(SYS_io_destroy, 0), EINVAL);
    ctx = 0;
    OK(setup(1));
    // The name is an address, and a child has no such context.
    CHECK_EQ(ctx % PAGE, 0);
    CHECK_EQ(*(volatile int *)ctx, *(volatile int *)ctx);
    IN_CHILD(struct io_event e; CHECK_ERR(events(0, 1, &e, NULL), EINVAL));
}
static void alarmed(int sig) { (void)sig; }
TEST(timeout_and_signal) {
    OK(setup(1));
    struct io_event e;
    struct timespec now = {0, 0}, moment = {0, 30000000};
    CHECK_EQ(events(0, 1, &e, NULL), 0);
    CHECK_EQ(events(1, 1, &e, &now), 0);
    long long x = now_ms();
    CHECK_EQ(events(1, 1, &e, &moment), 0);
    CHECK_GE(now_ms() - x, 29);
    on_signal(SIGALRM, alarmed, SA_RESTART);
    tick(10);
    CHECK_ERR(events(1, 1, &e, NULL), EINTR);
}
TEST_DIR(event_descriptor) {
    OK(setup(2));
    int fd = OK(open("f", O_RDWR | O_CREAT, 0600)), ev = OK(eventfd(0, EFD_NONBLOCK));
    struct iocb cb = request(IOCB_CMD_PWRITE, fd, "x", 1, 0);
    cb.aio_flags = IOCB_FLAG_RESFD, cb.aio_resfd = fd;
    CHECK_ERR(submit(&cb), EINVAL);
    cb.aio_resfd = ev;
    CHECK_EQ(submit(&cb), 1);
    struct io_event e;
    CHECK_EQ(events(1, 1, &e, NULL), 1);
    uint64_t n = 0;
    CHECK_EQ(read(ev, &n, 8), 8);
    CHECK_EQ(n, 1);
}
