// Which of several errors a call gives, and calls that give none: found by comparing random sequences of calls with Linux.
#include "../guest.h"
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <sys/xattr.h>

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
TEST_DIR(names_before_descriptors) {
    // An empty name is found to be one before anything else is looked at, but what may be made, and flags.
    struct stat s;
    CHECK_ERR(fstatat(99, "", &s, 0), ENOENT);
    CHECK_ERR(fstatat(99, "x", &s, 0), EBADF);
    CHECK_ERR(mkdirat(99, "", 0700), ENOENT);
    CHECK_ERR(unlinkat(99, "", 0), ENOENT);
    CHECK_ERR(linkat(99, "", AT_FDCWD, "x", 0), ENOENT);
    CHECK_ERR(fchmodat(99, "", 0700, 0), ENOENT);
    CHECK_ERR(mknodat(99, "", S_IFDIR, 0), EPERM);
    CHECK_ERR(mknodat(99, "x", S_IFLNK, 0), EINVAL);
    CHECK_ERR(mknodat(99, "x", S_IFREG, 0), EBADF);
    // The way to the old name, then the new one's.
    CHECK_ERR(renameat2(AT_FDCWD, "no/x", 99, "y", 0), ENOENT);
    CHECK_ERR(renameat2(AT_FDCWD, "x", 99, "y", 0), EBADF);
    CHECK_ERR(renameat2(99, "x", 99, "y", 3), EINVAL);
    // Times are looked at when the file is there.
    struct timespec bad[2] = {{0, 1000000000}, {0, 0}};
    CHECK_ERR(utimensat(AT_FDCWD, "x", bad, 0), ENOENT);
    CHECK_ERR(utimensat(99, "x", bad, 0), EBADF);
    CHECK_ERR(utimensat(AT_FDCWD, ".", bad, 0), EINVAL);
}
TEST_DIR(offsets_seals_and_locks) {
    char b[8];
    struct iovec v = {b, 8};
    CHECK_ERR(preadv(99, &v, 1, -1), EINVAL);
    int fd = OK(open("f", O_RDONLY | O_CREAT, 0600)), w = OK(open("f", O_RDWR));
    CHECK_ERR(fcntl(fd, F_ADD_SEALS, 0x1000), EPERM);
    CHECK_ERR(fcntl(w, F_ADD_SEALS, 0x1000), EINVAL);
    // The locks of files without a position are counted from their end as well.
    int p[2];
    OK(pipe(p));
    struct flock l = {.l_type = F_WRLCK, .l_whence = SEEK_END, .l_len = 5};
    CHECK_EQ(fcntl(p[1], F_SETLK, &l), 0);
    l = (struct flock){.l_type = F_WRLCK, .l_pid = 1};
    CHECK_ERR(fcntl(fd, F_OFD_SETLK, &l), EBADF);
    CHECK_ERR(fcntl(w, F_OFD_SETLK, &l), EINVAL);
    l = (struct flock){.l_type = 9};
    CHECK_ERR(fcntl(w, F_GETLK, &l), EINVAL);
    // What the file itself has locked.
    l = (struct flock){.l_type = F_WRLCK, .l_start = 10, .l_len = 5};
    CHECK_EQ(fcntl(w, F_OFD_SETLK, &l), 0);
    l = (struct flock){.l_type = F_UNLCK, .l_len = 12};
    if (fcntl(w, F_OFD_GETLK, &l) == 0) { // since Linux 6.5
        CHECK_EQ(l.l_type, F_WRLCK), CHECK_EQ(l.l_start, 10), CHECK_EQ(l.l_len, 5);
        l = (struct flock){.l_type = F_UNLCK, .l_start = 20};
        CHECK_EQ(fcntl(w, F_OFD_GETLK, &l), 0), CHECK_EQ(l.l_type, F_UNLCK);
    }
    // Copies within a file overlap only as far as there is something to copy.
    CHECK_EQ(write(w, "abc", 3), 3);
    off_t from = 0, to = 10;
    CHECK_EQ(copy_file_range(w, &from, w, &to, 100, 0), 3);
    from = 0, to = 2;
    CHECK_ERR(copy_file_range(w, &from, w, &to, 100, 0), EINVAL);
    CHECK_ERR(copy_file_range(p[0], NULL, fd, NULL, 1, 0), EINVAL);
    CHECK_ERR(copy_file_range(w, NULL, fd, NULL, 1, 0), EBADF);
    if (fsetxattr(w, "user.x", "", 0, 0) == 0) CHECK_ERR(fsetxattr(w, "user.", "", 0, 0), EINVAL);
}
TEST_DIR(path_descriptors_are_none_to_event_calls) {
    struct epoll_event e = {0};
    struct itimerspec t;
    sigset_t s;
    sigemptyset(&s);
    int p = OK(open(".", O_PATH)), ep = OK(epoll_create1(0));
    CHECK_ERR(epoll_wait(p, &e, 1, 0), EBADF);
    CHECK_ERR(epoll_ctl(ep, EPOLL_CTL_ADD, p, &e), EBADF);
    CHECK_ERR(timerfd_gettime(p, &t), EBADF);
    CHECK_ERR(signalfd(p, &s, 0), EBADF);
    CHECK_ERR(inotify_add_watch(p, ".", IN_OPEN), EBADF);
    int v = 0;
    CHECK_ERR(ioctl(ep, FIONREAD, &v), EINVAL);
    OK(mkfifo("f", 0600));
    CHECK_ERR(open("f", O_ACCMODE | O_NONBLOCK), EINVAL);
    CHECK_ERR(faccessat(99, "", R_OK, 0), ENOENT);
    CHECK_ERR(openat(99, "", O_RDONLY), ENOENT);
}
TEST(a_long_write_is_many_packets) {
    static char b[8200];
    int p[2];
    OK(pipe2(p, O_DIRECT | O_NONBLOCK));
    CHECK_EQ(write(p[1], b, 8196), 8196);
    CHECK_EQ(read(p[0], b, sizeof b), 4096);
    CHECK_EQ(read(p[0], b, sizeof b), 4096);
    CHECK_EQ(read(p[0], b, sizeof b), 4);
}
TEST(mappings_that_are_in_the_way) {
    char *a = mmap(NULL, 8 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(a != MAP_FAILED);
    CHECK_ERR((long)mmap(a, PAGE, PROT_READ, MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0), EEXIST);
    // What the old range is cut by need not be there.
    OK(munmap(a + 3 * PAGE, PAGE));
    a[2 * PAGE] = 7;
    CHECK(mremap(a + 2 * PAGE, 3 * PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, a + 6 * PAGE) == a + 6 * PAGE);
    CHECK_EQ(a[6 * PAGE], 7);
    OK(mprotect(a, PAGE, PROT_WRITE));
    if (madvise(a + PAGE, PAGE, MADV_POPULATE_READ) == 0) CHECK_ERR(madvise(a, PAGE, MADV_POPULATE_READ), EINVAL);
}
TEST_DIR(what_is_noticed_first_between_two_files) {
    // An unread message of who closed is told as an error of the other, before the broken connection.
    int s[2], a[2], b[2];
    OK(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, s));
    CHECK_EQ(write(s[0], "x", 1), 1);
    close(s[1]);
    CHECK_ERR(write(s[0], "x", 1), ECONNRESET);
    CHECK_ERR(write(s[0], "x", 1), EPIPE);
    // Between pipes what there is to read comes before who could.
    OK(pipe2(a, O_NONBLOCK));
    OK(pipe2(b, O_NONBLOCK));
    close(b[0]);
    CHECK_ERR(splice(a[0], NULL, b[1], NULL, 1, 0), EAGAIN);
    int f = OK(open("f", O_RDWR | O_CREAT, 0600));
    off_t from = -4096, to = 0;
    CHECK_ERR(copy_file_range(f, &from, f, &to, 100, 0), EINVAL);
}
