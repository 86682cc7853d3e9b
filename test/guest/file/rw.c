// read, write, pread, readv, preadv2, lseek, truncate, fallocate, holes, limits of sizes, copy_file_range, sendfile, fsync.
#include "../guest.h"
#include <sys/sendfile.h>
#include <sys/socket.h>

static int make(const char *text) {
    write_file("f", text);
    return OK(open("f", O_RDWR));
}
static off_t size_of(int fd) {
    struct stat st;
    CHECK_EQ(fstat(fd, &st), 0);
    return st.st_size;
}
TEST_DIR(read_write_seek) {
    int fd = make("0123456789");
    char b[16] = "";
    CHECK_EQ(read(fd, b, 4), 4);
    CHECK_STR(b, "0123");
    CHECK_EQ(lseek(fd, -2, SEEK_END), 8);
    CHECK_EQ(read(fd, b, 16), 2);
    CHECK_EQ(read(fd, b, 16), 0);
    CHECK_EQ(lseek(fd, 3, SEEK_SET), 3);
    CHECK_EQ(write(fd, "abc", 3), 3);
    CHECK_EQ(lseek(fd, 0, SEEK_CUR), 6);
    CHECK_STR(read_file("f"), "012abc6789");
    CHECK_EQ(read(fd, b, 0), 0);
    CHECK_EQ(write(fd, b, 0), 0);
    CHECK_ERR(lseek(fd, -1, SEEK_SET), EINVAL);
    CHECK_ERR(lseek(fd, -11, SEEK_END), EINVAL);
    CHECK_ERR(lseek(fd, 0, 99), EINVAL);
    CHECK_ERR(lseek(99, 0, SEEK_SET), EBADF);
    CHECK_ERR(lseek(fd, LONG_MAX, SEEK_CUR), EINVAL);
    int pp[2];
    OK(pipe(pp));
    CHECK_ERR(lseek(pp[0], 0, SEEK_SET), ESPIPE);
    CHECK_ERR(pread(pp[0], b, 1, 0), ESPIPE);
    CHECK_ERR(pread(fd, b, 1, -1), EINVAL);
    CHECK_ERR(read(fd, (void *)8, 5), EFAULT);
    CHECK_ERR(read(fd, b, -1), EFAULT);
}
TEST_DIR(hole_reads_zero) {
    int fd = make("");
    char b[10];
    CHECK_EQ(pwrite(fd, "end", 3, 100000), 3);
    CHECK_EQ(size_of(fd), 100003);
    memset(b, 1, 10);
    CHECK_EQ(pread(fd, b, 10, 50000), 10);
    for (int i = 0; i < 10; i++)
        CHECK_EQ(b[i], 0);
    CHECK_EQ(pread(fd, b, 10, 99998), 5);
    CHECK_MEM(b, "\0\0end", 5);
    CHECK_EQ(pread(fd, b, 10, 100003), 0);
    CHECK_EQ(pread(fd, b, 10, 1L << 40), 0);
}
TEST_DIR(vectors) {
    int fd = make("");
    struct iovec w[3] = {{"one", 3}, {"", 0}, {"four", 4}};
    CHECK_EQ(writev(fd, w, 3), 7);
    char a[2], b[10];
    struct iovec r[2] = {{a, 2}, {b, 10}};
    CHECK_EQ(preadv(fd, r, 2, 1), 6);
    CHECK_MEM(a, "ne", 2);
    CHECK_MEM(b, "four", 4);
    CHECK_EQ(lseek(fd, 0, SEEK_CUR), 7);
    CHECK_EQ(pwritev(fd, w, 1, 20), 3);
    CHECK_EQ(size_of(fd), 23);
    CHECK_EQ(preadv2(fd, r, 2, 0, 0), 12);
    CHECK_EQ(lseek(fd, 1, SEEK_SET), 1);
    CHECK_EQ(preadv2(fd, r, 1, -1, 0), 2); // -1: at the file's own offset
    CHECK_EQ(lseek(fd, 0, SEEK_CUR), 3);
    CHECK_ERR(preadv2(fd, r, 2, 0, 0x4000), EOPNOTSUPP);
    CHECK_EQ(pwritev2(fd, w, 1, 0, RWF_APPEND), 3);
    CHECK_EQ(size_of(fd), 26);
    CHECK_EQ(pwritev2(fd, w, 1, 0, RWF_DSYNC), 3);
    CHECK_ERR(preadv(fd, r, 2, -2), EINVAL);
}
TEST_DIR(large_transfer) {
    int fd = make("");
    size_t n = 3 << 20;
    char *p = malloc(n), *q = malloc(n);
    for (size_t i = 0; i < n; i++)
        p[i] = i * 7 + (i >> 12);
    CHECK_EQ(write(fd, p, n), n);
    CHECK_EQ(pread(fd, q, n, 0), n);
    CHECK_EQ(memcmp(p, q, n), 0);
    CHECK_EQ(pread(fd, q, 5000, 4090), 5000);
    CHECK_EQ(memcmp(p + 4090, q, 5000), 0);
}
TEST_DIR(truncation) {
    int fd = make("0123456789");
    char b[16];
    CHECK_EQ(ftruncate(fd, 4), 0);
    CHECK_STR(read_file("f"), "0123");
    CHECK_EQ(ftruncate(fd, 8), 0);
    CHECK_EQ(pread(fd, b, 16, 0), 8);
    CHECK_MEM(b, "0123\0\0\0\0", 8);
    CHECK_EQ(truncate("f", 2), 0);
    CHECK_EQ(size_of(fd), 2);
    CHECK_ERR(truncate("f", -1), EINVAL);
    CHECK_ERR(ftruncate(fd, -1), EINVAL);
    CHECK_ERR(truncate("none", 1), ENOENT);
    CHECK_ERR(truncate("f/x", 1), ENOTDIR);
    CHECK_ERR(ftruncate(99, 1), EBADF);
}
TEST_DIR(rlimit_fsize) {
    int fd = make("");
    struct rlimit r = {100, 100};
    signal(SIGXFSZ, SIG_IGN);
    OK(setrlimit(RLIMIT_FSIZE, &r));
    char b[200] = "";
    CHECK_EQ(write(fd, b, 200), 100); // up to the limit
    CHECK_ERR(write(fd, b, 1), EFBIG);
    CHECK_ERR(ftruncate(fd, 101), EFBIG);
    CHECK_EQ(ftruncate(fd, 100), 0);
    signal(SIGXFSZ, SIG_DFL);
    struct rlimit core = {0, 0};
    setrlimit(RLIMIT_CORE, &core);
    pid_t c = FORK();
    if (c == 0) {
        if (write(fd, b, 1) < 0)
            _exit(1);
        _exit(0);
    }
    CHECK_KILLED(c, SIGXFSZ);
}
TEST_DIR(allocate) {
    int fd = make("abc");
    struct stat st;
    if (fallocate(fd, 0, 0, 10000) != 0 && errno == EOPNOTSUPP)
        skip("this file system has no fallocate");
    CHECK_EQ(size_of(fd), 10000);
    CHECK_EQ(fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, 20000), 0);
    CHECK_EQ(size_of(fd), 10000);
    CHECK_EQ(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 1, 1), 0);
    char b[4];
    CHECK_EQ(pread(fd, b, 3, 0), 3);
    CHECK_MEM(b, "a\0c", 3);
    CHECK_ERR(fallocate(fd, FALLOC_FL_PUNCH_HOLE, 0, 1), EOPNOTSUPP);
    CHECK_ERR(fallocate(fd, 0, -1, 1), EINVAL);
    CHECK_ERR(fallocate(fd, 0, 0, 0), EINVAL);
    CHECK_ERR(fallocate(OK(open("f", O_RDONLY)), 0, 0, 1), EBADF);
    int pp[2];
    OK(pipe(pp));
    CHECK_ERR(fallocate(pp[1], 0, 0, 1), ESPIPE);
    CHECK_EQ(fstat(fd, &st), 0);
    CHECK_RET(posix_fallocate(fd, 0, 30000), 0);
    CHECK_EQ(size_of(fd), 30000);
}
TEST_DIR(seek_data_and_hole) {
    int fd = make("");
    OK(ftruncate(fd, 1 << 20));
    CHECK_EQ(pwrite(fd, "data", 4, 512 << 10), 4);
    off_t d = lseek(fd, 0, SEEK_DATA), h = lseek(fd, 512 << 10, SEEK_HOLE);
    if (d == 0) // a file system without holes: all data, the hole is at the end
        CHECK_EQ(h, 1 << 20);
    else {
        CHECK_LE(d, 512 << 10), CHECK_GT(d, (512 << 10) - 65536);
        CHECK_GE(h, (512 << 10) + 4), CHECK_LE(h, (512 << 10) + 65536);
        CHECK_EQ(lseek(fd, 0, SEEK_HOLE), 0);
        CHECK_ERR(lseek(fd, h, SEEK_DATA), ENXIO);
    }
    CHECK_ERR(lseek(fd, 1 << 20, SEEK_DATA), ENXIO);
    CHECK_ERR(lseek(fd, 2 << 20, SEEK_HOLE), ENXIO);
}
TEST_DIR(sendfile_looks_in_order) {
    int in = OK(open("f", O_RDWR | O_CREAT, 0600)), s[2], p[2];
    CHECK_EQ(write(in, "0123456789", 10), 10);
    off_t before = -1;
    CHECK_ERR(sendfile(99, in, &before, 1), EINVAL);
    CHECK_ERR(sendfile(99, in, NULL, 1), EBADF);
    // A stream is read into a pipe alone.
    OK(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
    OK(pipe2(p, O_NONBLOCK));
    CHECK_EQ(write(s[0], "abc", 3), 3);
    CHECK_ERR(sendfile(in, s[1], NULL, 3), EINVAL);
    CHECK_EQ(sendfile(p[1], s[1], NULL, 3), 3);
    OK(fcntl(s[1], F_SETFL, O_NONBLOCK));
    CHECK_ERR(sendfile(p[1], s[1], NULL, 3), EAGAIN);
    CHECK_ERR(sendfile(p[1], p[0], NULL, 3), EINVAL);
    signal(SIGPIPE, SIG_IGN);
    OK(lseek(in, 0, SEEK_SET));
    close(p[0]);
    CHECK_ERR(sendfile(p[1], in, NULL, 3), EPIPE);
    CHECK_EQ(lseek(in, 0, SEEK_CUR), 0);
}
TEST_DIR(sendfile_and_copy) {
    int in = make("0123456789"), out = OK(open("g", O_RDWR | O_CREAT, 0644));
    off_t o = 2;
    CHECK_EQ(sendfile(out, in, &o, 3), 3);
    CHECK_EQ(o, 5), CHECK_EQ(lseek(in, 0, SEEK_CUR), 0);
    CHECK_EQ(sendfile(out, in, NULL, 100), 10);
    CHECK_EQ(lseek(in, 0, SEEK_CUR), 10);
    CHECK_STR(read_file("g"), "2340123456789");
    int pp[2];
    OK(pipe(pp));
    o = 0;
    CHECK_EQ(sendfile(pp[1], in, &o, 4), 4);
    char b[8];
    CHECK_EQ(read(pp[0], b, 8), 4);
    CHECK_ERR(sendfile(out, 99, NULL, 1), EBADF);
    CHECK_ERR(sendfile(in, OK(open("g", O_WRONLY)), NULL, 1), EBADF);
    off_t from = 0, to = 20;
    CHECK_EQ(copy_file_range(in, &from, out, &to, 5, 0), 5);
    CHECK_EQ(from, 5), CHECK_EQ(to, 25), CHECK_EQ(size_of(out), 25);
    CHECK_ERR(copy_file_range(in, &from, out, &to, 5, 1), EINVAL);
    from = 0, to = 2;
    CHECK_ERR(copy_file_range(in, &from, in, &to, 5, 0), EINVAL); // overlapping
    from = 50;
    CHECK_EQ(copy_file_range(in, &from, out, &to, 5, 0), 0);
}
TEST_DIR(sync_calls) {
    int fd = make("x");
    CHECK_EQ(fsync(fd), 0), CHECK_EQ(fdatasync(fd), 0), CHECK_EQ(syncfs(fd), 0);
    CHECK_EQ(sync_file_range(fd, 0, 0, SYNC_FILE_RANGE_WRITE), 0);
    CHECK_EQ(posix_fadvise(fd, 0, 0, POSIX_FADV_WILLNEED), 0);
    CHECK_RET(posix_fadvise(fd, 0, 0, 99), EINVAL);
    CHECK_EQ(readahead(fd, 0, 100), 0);
    int pp[2];
    OK(pipe(pp));
    CHECK_ERR(fsync(pp[0]), EINVAL);
    CHECK_RET(posix_fadvise(pp[0], 0, 0, 0), ESPIPE);
}
TEST_DIR(unlinked_file_lives) {
    int fd = make("still here");
    OK(unlink("f"));
    char b[16] = "";
    CHECK_EQ(pread(fd, b, 16, 0), 10);
    CHECK_EQ(pwrite(fd, "STILL", 5, 0), 5);
    struct stat st;
    CHECK_EQ(fstat(fd, &st), 0);
    CHECK_EQ(st.st_nlink, 0);
    char self[64];
    snprintf(self, sizeof self, "/proc/self/fd/%d", fd);
    int again = OK(open(self, O_RDONLY));
    CHECK_EQ(read(again, b, 16), 10);
    CHECK_MEM(b, "STILL here", 10);
}
TEST_DIR(concurrent_appends_do_not_lose) {
    pid_t c[4];
    close(make(""));
    for (int i = 0; i < 4; i++)
        if ((c[i] = FORK()) == 0) {
            int fd = OK(open("f", O_WRONLY | O_APPEND));
            for (int j = 0; j < 50; j++)
                CHECK_EQ(write(fd, "0123456789", 10), 10);
            _exit(0);
        }
    for (int i = 0; i < 4; i++)
        CHECK_EXIT(c[i], 0);
    char *t = read_file("f");
    CHECK_EQ(strlen(t), 2000);
    for (int i = 0; i < 2000; i++)
        if (t[i] != '0' + i % 10)
            FAIL("byte %d is %c", i, t[i]);
}
TEST_DIR(stdio) {
    FILE *f = fopen("s", "w+");
    CHECK(f);
    for (int i = 0; i < 2000; i++)
        fprintf(f, "line %d\n", i);
    rewind(f);
    char line[32], want[32];
    for (int i = 0; i < 2000; i++) {
        if (!fgets(line, 32, f))
            FAIL("end at %d", i);
        snprintf(want, 32, "line %d\n", i);
        if (strcmp(line, want))
            FAIL("line %d is %s", i, line);
    }
    CHECK(!fgets(line, 32, f));
    CHECK_EQ(fclose(f), 0);
}
