// Asynchronous I/O: the errors that the pages of io_setup, io_submit, io_getevents, io_cancel and io_destroy document.
#include "../guest.h"
#include <linux/aio_abi.h>
#include <sys/eventfd.h>

static char b[64];
static struct iocb cb;
static struct iocb *list[2] = {&cb, (struct iocb *)8};
static void prepare(int op, int fd) {
    cb = (struct iocb){.aio_lio_opcode = op, .aio_fildes = fd, .aio_buf = (uint64_t)b, .aio_nbytes = 8};
}
#define IO(call, ...) syscall(SYS_io_##call, __VA_ARGS__)

TEST_DIR(errors_of_each_call) {
    write_file("f", "0123456789");
    int f = OK(open("f", O_RDWR)), r = OK(open("f", O_RDONLY)), w = OK(open("f", O_WRONLY));
    aio_context_t c = 0, bad = 0x1234000, used = 5;
    struct io_event ev[4];
    struct timespec zero = {0, 0}, wrong = {0, 1000000000};
    ROW(IO(setup, 0, &c), EINVAL);
    ROW(IO(setup, 4, &used), EINVAL);
    ROW(IO(setup, 4, 8), EFAULT);
    ROW(IO(setup, 1 << 30, &c), EINVAL);
    ROW(IO(setup, 4, &c), 0);
    ROW(IO(submit, bad, 1L, list), EINVAL);
    ROW(IO(submit, c, -1L, list), EINVAL);
    ROW(IO(submit, c, 1L, 8), EFAULT);
    ROW(IO(submit, c, 0L, list), 0);
    prepare(IOCB_CMD_PREAD, 99);
    ROW(IO(submit, c, 1L, list), EBADF);
    prepare(IOCB_CMD_PREAD, w);
    ROW(IO(submit, c, 1L, list), EBADF);
    prepare(IOCB_CMD_PWRITE, r);
    ROW(IO(submit, c, 1L, list), EBADF);
    prepare(77, f);
    ROW(IO(submit, c, 1L, list), EINVAL);
    prepare(IOCB_CMD_PREAD, f), cb.aio_reserved2 = 1;
    ROW(IO(submit, c, 1L, list), EINVAL);
    prepare(IOCB_CMD_PREAD, f), cb.aio_nbytes = -1;
    ROW(IO(submit, c, 1L, list), EINVAL);
    prepare(IOCB_CMD_PREAD, f), cb.aio_rw_flags = 1 << 20;
    ROW(IO(submit, c, 1L, list), EOPNOTSUPP);
    prepare(IOCB_CMD_PREAD, f), cb.aio_flags = IOCB_FLAG_RESFD, cb.aio_resfd = 99;
    ROW(IO(submit, c, 1L, list), EBADF);
    cb.aio_resfd = f;
    ROW(IO(submit, c, 1L, list), EINVAL); // no eventfd
    prepare(IOCB_CMD_PREADV, f), cb.aio_nbytes = 1025;
    ROW(IO(submit, c, 1L, list), EINVAL);
    prepare(IOCB_CMD_PREADV, f), cb.aio_buf = 8, cb.aio_nbytes = 1;
    ROW(IO(submit, c, 1L, list), EFAULT);
    prepare(IOCB_CMD_POLL, f), cb.aio_buf = 1 << 20;
    ROW(IO(submit, c, 1L, list), EINVAL);
    prepare(IOCB_CMD_FSYNC, f);
    ROW(IO(submit, c, 1L, list), EINVAL); // wants no buffer
    prepare(IOCB_CMD_PREAD, f);
    VALUE(IO(submit, c, 2L, list), 1); // up to the bad one
    ROW(IO(getevents, bad, 0L, 1L, ev, &zero), EINVAL);
    ROW(IO(getevents, c, 2L, 1L, ev, &zero), EINVAL);
    ROW(IO(getevents, c, -1L, 1L, ev, &zero), EINVAL);
    ROW(IO(getevents, c, 1L, 1L, 8, &zero), EFAULT);
    ROW(IO(getevents, c, 1L, 1L, ev, 8), EFAULT);
    VALUE(IO(getevents, c, 1L, 4L, ev, NULL), 1);
    CHECK_EQ(ev[0].res, 8);
    VALUE(IO(getevents, c, 1L, 1L, ev, &zero), 0);
    on_signal(SIGALRM, on_nothing, 0), tick(5);
    ROW(IO(getevents, c, 1L, 1L, ev, NULL), EINTR);
    struct { const void *set; size_t size; } sig = {b, 4};
    ROW(syscall(333 /* io_pgetevents */, c, 0L, 1L, ev, &zero, &sig), EINVAL);
    ROW(syscall(333, c, 0L, 1L, ev, &zero, 8), EFAULT);
    ROW(syscall(333, bad, 0L, 1L, ev, &zero, NULL), EINVAL);
    (void)wrong;
    cb.aio_key = 77;
    ROW(IO(cancel, c, &cb, ev), EINVAL);
    cb.aio_key = 0;
    ROW(IO(cancel, c, &cb, ev), EINVAL); // it is done
    ROW(IO(cancel, c, 8, ev), EFAULT);
    ROW(IO(cancel, bad, &cb, ev), EINVAL);
    ROW(IO(destroy, bad), EINVAL);
    ROW(IO(destroy, c), 0);
    ROW(IO(destroy, c), EINVAL);
}
