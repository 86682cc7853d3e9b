// Calls on open files: the errors and flags that the pages of read, write, lseek, truncate, fallocate, copy_file_range, sendfile, splice
// and their relatives document, on each kind of file.
#include "../guest.h"
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/sendfile.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>

static char b[8192];
static struct iovec v[4];

#define PREADV2(fd, v, n, off, flags) syscall(SYS_preadv2, fd, v, n, off, 0, flags)
#define PWRITEV2(fd, v, n, off, flags) syscall(SYS_pwritev2, fd, v, n, off, 0, flags)

// A descriptor of each kind.
enum { FILE_RD, FILE_WR, FILE_RW, DIRECTORY, PATH, PIPE_RD, PIPE_WR, STREAM, DGRAM, LISTENER, EVENT, TIMER, SIGNAL, INOTIFY, EPOLL, PIDFD, ZERO, NULLDEV, PROC, MEMFD, KINDS };
static int fds[KINDS];
static void open_all(void) {
    int p[2], s[2];
    write_file("f", "0123456789");
    fds[FILE_RD] = OK(open("f", O_RDONLY)), fds[FILE_WR] = OK(open("f", O_WRONLY)), fds[FILE_RW] = OK(open("f", O_RDWR));
    fds[DIRECTORY] = OK(open(".", O_RDONLY)), fds[PATH] = OK(open("f", O_PATH));
    OK(pipe2(p, O_NONBLOCK)), fds[PIPE_RD] = p[0], fds[PIPE_WR] = p[1];
    OK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, s)), fds[STREAM] = s[0];
    OK(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, s)), fds[DGRAM] = s[0];
    fds[LISTENER] = OK(socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0)), OK(bind(fds[LISTENER], &(struct sockaddr){AF_UNIX}, 2)), OK(listen(fds[LISTENER], 1));
    fds[EVENT] = OK(eventfd(0, EFD_NONBLOCK)), fds[TIMER] = OK(timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK));
    sigset_t set = sigset_of(SIGUSR1, 0, 0);
    fds[SIGNAL] = OK(signalfd(-1, &set, SFD_NONBLOCK)), fds[INOTIFY] = OK(inotify_init1(IN_NONBLOCK)), fds[EPOLL] = OK(epoll_create1(0));
    fds[PIDFD] = OK(syscall(SYS_pidfd_open, getpid(), 0));
    fds[ZERO] = OK(open("/dev/zero", O_RDWR)), fds[NULLDEV] = OK(open("/dev/null", O_RDWR)), fds[PROC] = OK(open("/proc/self/stat", O_RDONLY));
    fds[MEMFD] = OK(memfd_create("m", 0));
    for (int i = 0; i < 4; i++)
        v[i] = (struct iovec){b, 8};
}

TEST_DIR(read_of_each_kind) {
    open_all();
    static const struct { const char *what; int read, pread, readv, preadv2; } want[KINDS] = {
        [FILE_RD] = {"a file", 0, 0, 0, 0}, [FILE_WR] = {"a file for writing", EBADF, EBADF, EBADF, EBADF}, [FILE_RW] = {"a file", 0, 0, 0, 0},
        [DIRECTORY] = {"a directory", EISDIR, EISDIR, EISDIR, EISDIR}, [PATH] = {"O_PATH", EBADF, EBADF, EBADF, EBADF},
        [PIPE_RD] = {"a pipe", EAGAIN, ESPIPE, EAGAIN, ESPIPE}, [PIPE_WR] = {"a pipe's other end", EBADF, ESPIPE, EBADF, ESPIPE},
        [STREAM] = {"a stream socket", EAGAIN, ESPIPE, EAGAIN, ESPIPE}, [DGRAM] = {"a datagram socket", EAGAIN, ESPIPE, EAGAIN, ESPIPE},
        [LISTENER] = {"a listener", EINVAL, ESPIPE, EINVAL, ESPIPE}, [EVENT] = {"an eventfd", EAGAIN, ESPIPE, EAGAIN, ESPIPE},
        [TIMER] = {"a timerfd", EAGAIN, ESPIPE, EAGAIN, ESPIPE}, [SIGNAL] = {"a signalfd", EINVAL, ESPIPE, EINVAL, ESPIPE},
        [INOTIFY] = {"inotify", EAGAIN, ESPIPE, EAGAIN, ESPIPE}, [EPOLL] = {"epoll", EINVAL, ESPIPE, EINVAL, ESPIPE},
        [PIDFD] = {"a pidfd", EINVAL, EINVAL, EINVAL, EINVAL}, [ZERO] = {"/dev/zero", 0, 0, 0, 0}, [NULLDEV] = {"/dev/null", 0, 0, 0, 0},
        [PROC] = {"/proc/self/stat", 0, 0, 0, 0}, [MEMFD] = {"a memfd", 0, 0, 0, 0},
    };
    for (int k = 0; k < KINDS; k++) {
        char what[100];
#define OF(call, want)                                                                                                   \
    snprintf(what, sizeof what, #call " of %s", name), errno = 0, r = call, guest_row(__FILE__, __LINE__, what, r, errno, want, false)
        const char *name = want[k].what;
        long r;
        int fd = fds[k];
        OF(read(fd, b, 8), want[k].read);
        OF(pread(fd, b, 8, 0), want[k].pread);
        OF(readv(fd, v, 2), want[k].readv);
        OF(preadv(fd, v, 2, 0), want[k].preadv2);
        OF(PREADV2(fd, v, 2, 0, 0), want[k].preadv2);
        OF(PREADV2(fd, v, 2, -1L, 0), want[k].readv);
        OF(pread(fd, b, 8, -1), EINVAL);
    }
}
TEST_DIR(write_of_each_kind) {
    open_all();
    static const struct { const char *what; int write, pwrite, writev; } want[KINDS] = {
        [FILE_RD] = {"a file for reading", EBADF, EBADF, EBADF}, [FILE_WR] = {"a file", 0, 0, 0}, [FILE_RW] = {"a file", 0, 0, 0},
        [DIRECTORY] = {"a directory", EBADF, EBADF, EBADF}, [PATH] = {"O_PATH", EBADF, EBADF, EBADF},
        [PIPE_RD] = {"a pipe's other end", EBADF, ESPIPE, EBADF}, [PIPE_WR] = {"a pipe", 0, ESPIPE, 0},
        [STREAM] = {"a stream socket", 0, ESPIPE, 0}, [DGRAM] = {"a datagram socket", 0, ESPIPE, 0},
        [LISTENER] = {"a listener", ENOTCONN, ESPIPE, ENOTCONN}, [EVENT] = {"an eventfd", 0, ESPIPE, 0},
        [TIMER] = {"a timerfd", EINVAL, ESPIPE, EINVAL}, [SIGNAL] = {"a signalfd", EINVAL, ESPIPE, EINVAL},
        [INOTIFY] = {"inotify", EBADF, ESPIPE, EBADF}, [EPOLL] = {"epoll", EINVAL, ESPIPE, EINVAL},
        [PIDFD] = {"a pidfd", EINVAL, EINVAL, EINVAL}, [ZERO] = {"/dev/zero", 0, 0, 0}, [NULLDEV] = {"/dev/null", 0, 0, 0},
        [MEMFD] = {"a memfd", 0, 0, 0},
    };
    memset(b, 0, sizeof b);
    for (int k = 0; k < KINDS; k++) {
        char what[100];
        const char *name = want[k].what;
        long r;
        int fd = fds[k];
        if (!name)
            continue;
        OF(write(fd, b, 8), want[k].write);
        OF(pwrite(fd, b, 8, 0), want[k].pwrite);
        OF(writev(fd, v, 1), want[k].writev);
        OF(pwritev(fd, v, 1, 0), want[k].pwrite);
        OF(PWRITEV2(fd, v, 1, 0, 0), want[k].pwrite);
        OF(PWRITEV2(fd, v, 1, -1L, 0), want[k].writev);
        OF(pwrite(fd, b, 8, -1), EINVAL);
    }
}
TEST_DIR(position_of_each_kind) {
    open_all();
    static const struct { const char *what; int lseek, ftruncate, fallocate, fsync, readahead, fadvise, range; } want[KINDS] = {
        [FILE_RD] = {"a file for reading", 0, EINVAL, EBADF, 0, 0, 0, 0}, [FILE_WR] = {"a file for writing", 0, 0, 0, 0, EBADF, 0, 0},
        [FILE_RW] = {"a file", 0, 0, 0, 0, 0, 0, 0}, [DIRECTORY] = {"a directory", 0, EINVAL, EBADF, 0, EINVAL, 0, 0},
        [PATH] = {"O_PATH", EBADF, EBADF, EBADF, EBADF, EBADF, EBADF, EBADF},
        [PIPE_RD] = {"a pipe's reading end", ESPIPE, EINVAL, EBADF, EINVAL, EINVAL, ESPIPE, ESPIPE},
        [PIPE_WR] = {"a pipe's writing end", ESPIPE, EINVAL, ESPIPE, EINVAL, EBADF, ESPIPE, ESPIPE},
        [STREAM] = {"a stream socket", ESPIPE, EINVAL, ENODEV, EINVAL, EINVAL, 0, ESPIPE},
        [DGRAM] = {"a datagram socket", ESPIPE, EINVAL, ENODEV, EINVAL, EINVAL, 0, ESPIPE},
        [LISTENER] = {"a listener", ESPIPE, EINVAL, ENODEV, EINVAL, EINVAL, 0, ESPIPE},
        [EVENT] = {"an eventfd", 0, EINVAL, ENODEV, EINVAL, EINVAL, 0, ESPIPE},
        [TIMER] = {"a timerfd", 0, EINVAL, ENODEV, EINVAL, EINVAL, 0, ESPIPE},
        [SIGNAL] = {"a signalfd", 0, EINVAL, ENODEV, EINVAL, EINVAL, 0, ESPIPE},
        [INOTIFY] = {"inotify", 0, EINVAL, EBADF, EINVAL, EINVAL, 0, ESPIPE},
        [EPOLL] = {"epoll", 0, EINVAL, ENODEV, EINVAL, EINVAL, 0, ESPIPE},
        [ZERO] = {"/dev/zero", 0, EINVAL, ENODEV, EINVAL, EINVAL, 0, ESPIPE}, [NULLDEV] = {"/dev/null", 0, EINVAL, ENODEV, EINVAL, EINVAL, 0, ESPIPE},
        [MEMFD] = {"a memfd", 0, 0, 0, 0, 0, 0, 0},
    };
    for (int k = 0; k < KINDS; k++) {
        char what[100];
        const char *name = want[k].what;
        long r;
        int fd = fds[k];
        if (!name)
            continue; // what changes from version to version
        OF(lseek(fd, 0, SEEK_SET), want[k].lseek);
        OF(lseek(fd, 0, SEEK_CUR), want[k].lseek);
        OF(lseek(fd, 0, 77), want[k].lseek == EBADF ? EBADF : EINVAL);
        OF(ftruncate(fd, 10), want[k].ftruncate);
        OF(ftruncate(fd, -1), EINVAL);
        OF(fallocate(fd, 0, 0, 10), want[k].fallocate);
        OF(fallocate(fd, 0, 0, 0), want[k].fallocate == EBADF && k == PATH ? EBADF : EINVAL);
        OF(fsync(fd), want[k].fsync);
        OF(fdatasync(fd), want[k].fsync);
        OF(syncfs(fd), k == PATH ? EBADF : 0);
        OF(syscall(SYS_readahead, fd, 0L, 10L), want[k].readahead);
        OF(syscall(SYS_fadvise64, fd, 0L, 0L, POSIX_FADV_NORMAL), want[k].fadvise);
        OF(syscall(SYS_fadvise64, fd, 0L, 0L, 77), want[k].fadvise ? want[k].fadvise : EINVAL);
        OF(syscall(SYS_sync_file_range, fd, 0L, 0L, 0), want[k].range);
    }
}
TEST_DIR(bad_arguments) {
    open_all();
    int f = fds[FILE_RW];
    OK(ftruncate(f, 10));

    ROW(read(99, b, 1), EBADF);
    ROW(read(-1, b, 1), EBADF);
    ROW(read(f, (void *)8, 1), EFAULT);
    ROW(read(f, (void *)-1L, 1), EFAULT);
    ROW(read(f, (void *)8, 0), 0);
    ROW(write(99, b, 1), EBADF);
    ROW(write(f, (void *)8, 1), EFAULT);
    ROW(write(f, (void *)8, 0), 0);
    ROW(write(f, (void *)-1L, 1), EFAULT);
    ROW(read(f, b, -1L), EFAULT); // from b on there is not that much of an address space
    ROW(pread(99, b, 1, 0), EBADF);
    ROW(pread(f, (void *)8, 1, 0), EFAULT);
    ROW(pread(f, b, 1, LONG_MIN), EINVAL);
    ROW(pread(f, b, 2, LONG_MAX), EINVAL);
    ROW(pread(f, b, 1, 1L << 50), 0);
    ROW(pwrite(f, b, 1, LONG_MAX), EINVAL);
    ROW(pwrite(f, b, 2, LONG_MAX), EINVAL);
    ROW(readv(99, v, 1), EBADF);
    ROW(readv(f, (void *)8, 1), EFAULT);
    ROW(readv(f, v, -1), EINVAL);
    ROW(readv(f, v, 1025), EINVAL);
    ROW(readv(f, v, 0), 0);
    ROW(writev(99, v, 1), EBADF);
    ROW(writev(f, (void *)8, 1), EFAULT);
    ROW(writev(f, v, -1), EINVAL);
    ROW(writev(f, v, 1025), EINVAL);
    ROW(writev(f, v, 0), 0);
    struct iovec bad[2] = {{b, 8}, {b, -1L}}, wrong[2] = {{b, 4}, {(void *)8, 4}}, none[1] = {{(void *)8, 0}};
    ROW(readv(f, bad, 2), EINVAL);
    ROW(writev(f, bad, 2), EINVAL);
    OK(lseek(f, 0, SEEK_SET));
    VALUE(readv(f, wrong, 2), 4); // up to the bad part
    ROW(writev(fds[PIPE_WR], wrong, 2), EFAULT); // a page of a pipe is filled whole or not
    ROW(readv(f, none, 1), 0);
    ROW(preadv(f, v, 1, -1), EINVAL);
    ROW(preadv(f, v, 1025, 0), EINVAL);
    ROW(preadv(99, v, 1, 0), EBADF);
    ROW(pwritev(f, v, 1, -1), EINVAL);
    ROW(pwritev(f, v, 1025, 0), EINVAL);
    ROW(pwritev(99, v, 1, 0), EBADF);
    ROW(PREADV2(f, v, 1, -2L, 0), EINVAL);
    ROW(PREADV2(f, v, 1, 0, 0x10000), EOPNOTSUPP);
    ROW(PWRITEV2(f, v, 1, 0, 0x10000), EOPNOTSUPP);
    ROW(PREADV2(f, v, 1, 0, 1 /* RWF_HIPRI */), 0);
    ROW(PWRITEV2(f, v, 1, 0, 2 /* RWF_DSYNC */), 0);
    ROW(PWRITEV2(f, v, 1, 0, 4 /* RWF_SYNC */), 0);
    VALUE(PWRITEV2(f, v, 1, 0, 16 /* RWF_APPEND */), 8);
    ROW(PREADV2(fds[PIPE_RD], v, 1, -1L, 8), EAGAIN);
    ROW(lseek(99, 0, SEEK_SET), EBADF);
    ROW(lseek(f, -1, SEEK_SET), EINVAL);
    ROW(lseek(f, LONG_MIN, SEEK_CUR), EINVAL);
    ROW(lseek(f, 100, SEEK_DATA), ENXIO);
    ROW(lseek(f, 100, SEEK_HOLE), ENXIO);
    ROW(lseek(f, -1, SEEK_DATA), ENXIO);
    ROW(lseek(f, -1, SEEK_HOLE), ENXIO);
    VALUE(lseek(f, 3, SEEK_DATA), 3);
    VALUE(lseek(f, 0, SEEK_HOLE), lseek(f, 0, SEEK_END));
    OK(lseek(f, 5, SEEK_SET));
    ROW(lseek(f, LONG_MAX, SEEK_CUR), EINVAL);
    VALUE(lseek(f, 0, SEEK_CUR), 5);
    ROW(ftruncate(99, 0), EBADF);
    ROW(ftruncate(f, -1), EINVAL);
    ROW(truncate("f", -1), EINVAL);
    ROW(truncate(".", 0), EISDIR);
    ROW(truncate("/dev/null", 0), EINVAL);
    ROW(fsync(99), EBADF);
    ROW(fdatasync(99), EBADF);
    ROW(syncfs(99), EBADF);
    ROW(syscall(SYS_readahead, 99, 0, 1), EBADF);
    ROW(syscall(SYS_fadvise64, 99, 0, 0, 0), EBADF);
    ROW(syscall(SYS_fadvise64, f, 0, -1L, 0), EINVAL);
    for (int i = 0; i < 6; i++)
        ROW(syscall(SYS_fadvise64, f, 0, 0, i), 0);
    ROW(syscall(SYS_fadvise64, f, 0, 0, 6), EINVAL);
    ROW(syscall(SYS_sync_file_range, 99, 0, 0, 0), EBADF);
    ROW(syscall(SYS_sync_file_range, f, -1L, 0, 0), EINVAL);
    ROW(syscall(SYS_sync_file_range, f, 0, -1L, 0), EINVAL);
    ROW(syscall(SYS_sync_file_range, f, 0, 0, 8), EINVAL);
    ROW(syscall(SYS_sync_file_range, f, 0, 0, 7), 0);
}
TEST_DIR(fallocate_errors) {
    open_all();
    int f = fds[FILE_RW], d = fds[DIRECTORY];
    ROW(fallocate(99, 0, 0, 1), EBADF);
    ROW(fallocate(f, 0, -1, 1), EINVAL);
    ROW(fallocate(f, 0, 0, -1), EINVAL);
    ROW(fallocate(f, 0, 0, 0), EINVAL);
    ROW(fallocate(f, 0, LONG_MAX, 1), EFBIG);
    ROW(fallocate(f, 0, 1, LONG_MAX), EFBIG);
    ROW(fallocate(f, 0x1000, 0, 1), EOPNOTSUPP);
    ROW(fallocate(f, FALLOC_FL_PUNCH_HOLE, 0, 1), EOPNOTSUPP); // only with KEEP_SIZE
    ROW(fallocate(f, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE, 0, 1), EOPNOTSUPP);
    ROW(fallocate(f, FALLOC_FL_COLLAPSE_RANGE | FALLOC_FL_KEEP_SIZE, 0, 4096), EOPNOTSUPP);
    ROW(fallocate(f, FALLOC_FL_INSERT_RANGE | FALLOC_FL_KEEP_SIZE, 0, 4096), EOPNOTSUPP);
    ROW(fallocate(fds[FILE_RD], 0, 0, 1), EBADF);
    ROW(fallocate(d, 0, 0, 1), EBADF);
    ROW(fallocate(f, FALLOC_FL_KEEP_SIZE, 0, 100), 0);
    VALUE(lseek(f, 0, SEEK_END), 10);
    ROW(fallocate(f, 0, 0, 100), 0);
    VALUE(lseek(f, 0, SEEK_END), 100);
    ROW(fallocate(f, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 2, 4), 0);
    VALUE(pread(f, b, 10, 0), 10);
    CHECK_MEM(b, "01\0\0\0\0" "6789", 10);
    int a = OK(open("f", O_RDWR | O_APPEND));
    ROW(fallocate(a, 0, 0, 200), 0);
    ROW(posix_fallocate(99, 0, 1) == EBADF ? 0 : -1, 0);
}
TEST_DIR(file_size_limit) {
    open_all();
    int f = fds[FILE_RW];
    struct rlimit r = {100, 100};
    OK(setrlimit(RLIMIT_FSIZE, &r));
    on_signal(SIGXFSZ, SIG_IGN, 0);
    ROW(pwrite(f, b, 1, 100), EFBIG);
    VALUE(pwrite(f, b, 10, 95), 5);
    ROW(ftruncate(f, 101), EFBIG);
    ROW(ftruncate(f, 100), 0);
    ROW(truncate("f", 101), EFBIG);
    ROW(fallocate(f, 0, 0, 101), EFBIG);
    ROW(fallocate(f, 0, 0, 100), 0);
    ROW(pwrite(fds[MEMFD], b, 1, 100), EFBIG);
    loff_t to = 100, from = 0;
    ROW(syscall(SYS_copy_file_range, fds[FILE_RD], &from, f, &to, 1L, 0), EFBIG);
    VALUE(write(fds[PIPE_WR], b, 200), 200); // pipes have no size
    IN_CHILD(
        on_signal(SIGXFSZ, SIG_DFL, 0);
        pid_t p = FORK();
        if (p == 0)
            pwrite(f, b, 1, 100), _exit(0);
        CHECK_KILLED(p, SIGXFSZ);
    );
}
TEST_DIR(copy_file_range_errors) {
    open_all();
    write_file("g", "");
    int f = fds[FILE_RD], g = OK(open("g", O_RDWR)), a = OK(open("g", O_WRONLY | O_APPEND));
    loff_t in = 0, out = 0;
#define COPY(i, ip, o, op, n, fl) syscall(SYS_copy_file_range, i, ip, o, op, (long)(n), fl)
    ROW(COPY(99, NULL, g, NULL, 1, 0), EBADF);
    ROW(COPY(f, NULL, 99, NULL, 1, 0), EBADF);
    ROW(COPY(fds[FILE_WR], NULL, g, NULL, 1, 0), EBADF);
    ROW(COPY(f, NULL, f, NULL, 1, 0), EBADF);
    ROW(COPY(f, NULL, a, NULL, 1, 0), EBADF);
    ROW(COPY(fds[PATH], NULL, g, NULL, 1, 0), EBADF);
    ROW(COPY(f, NULL, g, NULL, 1, 1), EINVAL);
    ROW(COPY(fds[DIRECTORY], NULL, g, NULL, 1, 0), EISDIR);
    ROW(COPY(f, NULL, fds[DIRECTORY], NULL, 1, 0), EISDIR);
    ROW(COPY(fds[PIPE_RD], NULL, g, NULL, 1, 0), EINVAL);
    ROW(COPY(f, NULL, fds[PIPE_WR], NULL, 1, 0), EINVAL);
    ROW(COPY(f, NULL, fds[STREAM], NULL, 1, 0), EINVAL);
    ROW(COPY(fds[ZERO], NULL, g, NULL, 1, 0), EINVAL);
    ROW(COPY(f, (void *)8, g, NULL, 1, 0), EFAULT);
    ROW(COPY(f, NULL, g, (void *)8, 1, 0), EFAULT);
    in = -1;
    ROW(COPY(f, &in, g, NULL, 1, 0), EOVERFLOW);
    in = LONG_MAX;
    VALUE(COPY(f, &in, g, NULL, 10, 0), 0); // past its end there is nothing
    in = 0, out = LONG_MAX;
    ROW(COPY(f, &in, g, &out, 10, 0), EFBIG);
    in = 0, out = 2;
    ROW(COPY(fds[FILE_RW], &in, fds[FILE_RW], &out, 5, 0), EINVAL); // overlap
    in = 0, out = 5;
    VALUE(COPY(fds[FILE_RW], &in, fds[FILE_RW], &out, 5, 0), 5);
    in = 100;
    VALUE(COPY(f, &in, g, NULL, 5, 0), 0);
    VALUE(COPY(f, NULL, g, NULL, 0, 0), 0);
    in = 2;
    VALUE(COPY(f, &in, g, NULL, 100, 0), 8);
    CHECK_EQ(in, 10);
    ROW(COPY(f, NULL, fds[MEMFD], NULL, 5, 0), EXDEV);
    ROW(COPY(fds[PROC], NULL, g, NULL, 5, 0), EXDEV);
}
TEST_DIR(sendfile_errors) {
    open_all();
    write_file("g", "");
    int f = fds[FILE_RD], g = OK(open("g", O_RDWR)), a = OK(open("g", O_WRONLY | O_APPEND));
    off_t off = 0;
    ROW(sendfile(99, f, NULL, 1), EBADF);
    ROW(sendfile(g, 99, NULL, 1), EBADF);
    ROW(sendfile(f, f, NULL, 1), EBADF);
    ROW(sendfile(g, fds[FILE_WR], NULL, 1), EBADF);
    ROW(sendfile(g, fds[PATH], NULL, 1), EBADF);
    ROW(sendfile(g, f, (void *)8, 1), EFAULT);
    ROW(sendfile(a, f, NULL, 1), EINVAL);
    ROW(sendfile(g, fds[PIPE_RD], NULL, 1), EINVAL);
    ROW(sendfile(fds[PIPE_WR], fds[PIPE_RD], NULL, 1), EINVAL);
    ROW(sendfile(g, fds[PIPE_RD], &off, 1), ESPIPE);
    ROW(sendfile(g, fds[STREAM], NULL, 1), EINVAL);
    ROW(sendfile(g, fds[EVENT], NULL, 1), EINVAL);
    ROW(sendfile(g, fds[DIRECTORY], NULL, 1), EINVAL);
    ROW(sendfile(fds[EPOLL], f, NULL, 1), EINVAL);
    off = -1;
    ROW(sendfile(g, f, &off, 1), EINVAL);
    off = 3;
    VALUE(sendfile(g, f, &off, 100), 7);
    CHECK_EQ(off, 10);
    VALUE(lseek(f, 0, SEEK_CUR), 0);
    VALUE(sendfile(fds[PIPE_WR], f, NULL, 100), 10);
    VALUE(lseek(f, 0, SEEK_CUR), 10);
    VALUE(sendfile(fds[STREAM], fds[ZERO], NULL, 100), 100);
    VALUE(sendfile(g, f, NULL, 0), 0);
    int fl = fcntl(fds[PIPE_WR], F_GETPIPE_SZ);
    VALUE(sendfile(fds[PIPE_WR], fds[ZERO], NULL, fl), fl - PAGE);
    ROW(sendfile(fds[PIPE_WR], fds[ZERO], NULL, 1), EAGAIN);
}
TEST_DIR(splice_errors) {
    open_all();
    int f = fds[FILE_RD], p[2], q[2], a = OK(open("f", O_WRONLY | O_APPEND));
    OK(pipe2(p, O_NONBLOCK)), OK(pipe2(q, O_NONBLOCK));
    loff_t off = 0;
    ROW(splice(99, NULL, p[1], NULL, 1, 0), EBADF);
    ROW(splice(f, NULL, 99, NULL, 1, 0), EBADF);
    ROW(splice(f, NULL, p[0], NULL, 1, 0), EBADF);
    ROW(splice(p[1], NULL, fds[FILE_WR], NULL, 1, 0), EBADF);
    ROW(splice(p[0], NULL, f, NULL, 1, 0), EBADF);
    ROW(splice(fds[FILE_WR], NULL, p[1], NULL, 1, 0), EBADF);
    ROW(splice(f, NULL, fds[FILE_WR], NULL, 1, 0), EINVAL);
    ROW(splice(f, NULL, p[1], NULL, 1, 0x10), EINVAL);
    ROW(splice(f, (void *)8, p[1], NULL, 1, 0), EFAULT);
    ROW(splice(f, NULL, p[1], &off, 1, 0), ESPIPE);
    ROW(splice(p[0], &off, fds[FILE_WR], NULL, 1, 0), ESPIPE);
    ROW(splice(fds[STREAM], &off, p[1], NULL, 1, 0), EINVAL);
    ROW(splice(f, NULL, p[1], NULL, 0, 0), 0);
    ROW(splice(99, NULL, 99, NULL, 0, 0), 0);
    ROW(splice(p[0], NULL, p[1], NULL, 1, 0), EINVAL); // into itself
    ROW(splice(p[0], NULL, q[1], NULL, 1, 0), EAGAIN);
    ROW(splice(p[0], NULL, fds[FILE_WR], NULL, 1, 0), EAGAIN);
    ROW(splice(p[0], NULL, a, NULL, 1, 0), EINVAL);
    ROW(splice(fds[DIRECTORY], NULL, p[1], NULL, 1, 0), EINVAL);
    ROW(splice(fds[EVENT], NULL, p[1], NULL, 1, 0), EINVAL);
    ROW(splice(fds[EPOLL], NULL, p[1], NULL, 1, 0), EINVAL);
    off = -1;
    ROW(splice(f, &off, p[1], NULL, 1, 0), EINVAL);
    off = 2;
    VALUE(splice(f, &off, p[1], NULL, 100, SPLICE_F_MOVE | SPLICE_F_NONBLOCK | SPLICE_F_MORE | SPLICE_F_GIFT), 8);
    CHECK_EQ(off, 10);
    VALUE(splice(p[0], NULL, q[1], NULL, 3, 0), 3);
    VALUE(splice(p[0], NULL, fds[STREAM], NULL, 3, 0), 3);
    VALUE(splice(p[0], NULL, fds[NULLDEV], NULL, 100, 0), 2);
    ROW(tee(99, p[1], 1, 0), EBADF);
    ROW(tee(q[0], 99, 1, 0), EBADF);
    ROW(tee(q[1], p[1], 1, 0), EBADF);
    ROW(tee(q[0], p[0], 1, 0), EBADF);
    ROW(tee(f, p[1], 1, 0), EINVAL);
    ROW(tee(q[0], fds[FILE_WR], 1, 0), EINVAL);
    ROW(tee(q[0], q[1], 1, 0), EINVAL);
    ROW(tee(q[0], p[1], 1, 0x10), EINVAL);
    ROW(tee(q[0], p[1], 0, 0), 0);
    VALUE(tee(q[0], p[1], 100, 0), 3);
    VALUE(tee(q[0], p[1], 2, SPLICE_F_NONBLOCK), 2);
    VALUE(read(p[0], b, 100), 5);
    VALUE(read(q[0], b, 100), 3);
    ROW(tee(q[0], p[1], 1, 0), EAGAIN);
    ROW(tee(q[0], p[1], 1, SPLICE_F_NONBLOCK), EAGAIN);
    ROW(vmsplice(99, v, 1, 0), EBADF);
    ROW(vmsplice(f, v, 1, 0), EBADF);
    ROW(vmsplice(fds[STREAM], v, 1, 0), EBADF);
    ROW(vmsplice(p[1], v, 1, 0x10), EINVAL);
    ROW(vmsplice(p[1], v, 1025, 0), EINVAL);
    ROW(vmsplice(p[1], (void *)8, 1, 0), EFAULT);
    ROW(vmsplice(p[1], &(struct iovec){(void *)8, 8}, 1, 0), EFAULT);
    ROW(vmsplice(p[1], v, 0, 0), 0);
    VALUE(vmsplice(p[1], v, 2, 0), 16);
    VALUE(vmsplice(p[0], v, 1, 0), 8); // the other way it copies
    VALUE(read(p[0], b, 100), 8);
    ROW(vmsplice(p[0], v, 1, SPLICE_F_NONBLOCK), EAGAIN);
    close(q[0]);
    on_signal(SIGPIPE, SIG_IGN, 0);
    ROW(splice(f, NULL, q[1], NULL, 5, 0), EPIPE);
    ROW(vmsplice(q[1], v, 1, 0), EPIPE);
    close(q[1]), close(p[1]);
    VALUE(splice(p[0], NULL, fds[FILE_WR], NULL, 5, 0), 0);
    ROW(write(fds[PIPE_WR], b, 1), 0);
    close(fds[PIPE_RD]);
    ROW(write(fds[PIPE_WR], b, 1), EPIPE);
    ROW(splice(f, NULL, fds[PIPE_WR], NULL, 5, 0), EPIPE);
}
