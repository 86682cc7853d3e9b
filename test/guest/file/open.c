// open, openat, openat2: flags and their errnos, modes and umask, O_PATH, O_TMPFILE, limits; close.
#include "../guest.h"
#include <linux/openat2.h>

static mode_t mode_of(const char *p) {
    struct stat st;
    CHECK_EQ(lstat(p, &st), 0);
    return st.st_mode & 07777;
}
TEST_DIR(creat_excl_trunc) {
    umask(022);
    CHECK_ERR(open("f", O_RDWR), ENOENT);
    int fd = OK(open("f", O_RDWR | O_CREAT | O_EXCL, 0666));
    CHECK_EQ(mode_of("f"), 0644);
    CHECK_EQ(write(fd, "hello", 5), 5);
    CHECK_ERR(open("f", O_RDWR | O_CREAT | O_EXCL, 0666), EEXIST);
    OK(open("f", O_RDWR | O_CREAT, 0777)); // exists: the mode is not looked at
    CHECK_EQ(mode_of("f"), 0644);
    struct stat st;
    CHECK_EQ(fstat(fd, &st), 0);
    CHECK_EQ(st.st_size, 5);
    OK(open("f", O_WRONLY | O_TRUNC));
    CHECK_EQ(fstat(fd, &st), 0);
    CHECK_EQ(st.st_size, 0);
    umask(0);
    OK(open("g", O_CREAT | O_WRONLY, 0642));
    CHECK_EQ(mode_of("g"), 0642);
    fd = OK(open("ro", O_CREAT | O_RDWR, 0400)); // the mode binds later opens only
    CHECK_EQ(write(fd, "x", 1), 1);
}
TEST_DIR(lowest_descriptor) {
    write_file("f", "");
    int a = OK(open("f", O_RDONLY)), b = OK(open("f", O_RDONLY)), c = OK(open("f", O_RDONLY));
    CHECK_EQ(b, a + 1), CHECK_EQ(c, b + 1);
    close(a), close(b);
    CHECK_EQ(open("f", O_RDONLY), a);
    CHECK_EQ(dup(c), b);
    CHECK_ERR(close(99), EBADF);
    CHECK_ERR(close(-1), EBADF);
}
TEST_DIR(access_modes) {
    write_file("f", "data");
    char b[4];
    int r = OK(open("f", O_RDONLY)), w = OK(open("f", O_WRONLY)), rw = OK(open("f", O_RDWR));
    CHECK_ERR(write(r, "x", 1), EBADF);
    CHECK_ERR(read(w, b, 1), EBADF);
    CHECK_EQ(read(rw, b, 4), 4);
    CHECK_EQ(fcntl(r, F_GETFL) & O_ACCMODE, O_RDONLY);
    CHECK_EQ(fcntl(w, F_GETFL) & O_ACCMODE, O_WRONLY);
    CHECK_EQ(fcntl(rw, F_GETFL) & O_ACCMODE, O_RDWR);
    CHECK_ERR(ftruncate(r, 0), EINVAL);
    CHECK_ERR(pread(w, b, 1, 0), EBADF);
}
TEST_DIR(directories) {
    OK(mkdir("d", 0755));
    write_file("f", "");
    CHECK_ERR(open("d", O_WRONLY), EISDIR);
    CHECK_ERR(open("d", O_RDWR), EISDIR);
    CHECK_ERR(open("d", O_RDONLY | O_CREAT, 0644), EISDIR);
    CHECK_ERR(open("d/", O_RDWR | O_CREAT, 0644), EISDIR);
    CHECK_ERR(open("new/", O_RDWR | O_CREAT, 0644), EISDIR);
    CHECK_ERR(open("f/", O_RDONLY), ENOTDIR);
    CHECK_ERR(open("f/x", O_RDONLY), ENOTDIR);
    CHECK_ERR(open("f", O_RDONLY | O_DIRECTORY), ENOTDIR);
    CHECK_ERR(open("f", O_RDWR | O_CREAT | O_DIRECTORY, 0644), EINVAL);
    int d = OK(open("d", O_RDONLY | O_DIRECTORY));
    char b[8];
    CHECK_ERR(read(d, b, 8), EISDIR);
    CHECK_ERR(write(d, b, 8), EBADF);
    CHECK_ERR(ftruncate(d, 0), EINVAL);
    CHECK_ERR(truncate("d", 0), EISDIR);
}
TEST_DIR(openat_base) {
    OK(mkdir("d", 0755));
    write_file("d/f", "in d");
    int d = OK(open("d", O_RDONLY)), f = OK(open("d/f", O_RDONLY));
    char b[4];
    int x = OK(openat(d, "f", O_RDONLY));
    CHECK_EQ(read(x, b, 4), 4);
    CHECK_ERR(openat(f, "f", O_RDONLY), ENOTDIR);
    CHECK_ERR(openat(99, "f", O_RDONLY), EBADF);
    CHECK_EQ(close(openat(99, "/dev/null", O_RDONLY)), 0); // an absolute path needs no base
    CHECK_ERR(openat(d, "", O_RDONLY), ENOENT);
    OK(rename("d", "e")); // the base is the directory, not its name
    CHECK_GE(openat(d, "f", O_RDONLY), 0);
    OK(unlink("e/f"));
    OK(rmdir("e"));
    CHECK_ERR(openat(d, "f", O_RDWR | O_CREAT, 0644), ENOENT); // a removed directory
}
TEST_DIR(symlinks) {
    write_file("f", "x");
    OK(symlink("f", "l")), OK(symlink("gone", "dangling")), OK(symlink("loop2", "loop1")), OK(symlink("loop1", "loop2"));
    OK(mkdir("d", 0755)), OK(symlink("d", "dl"));
    OK(open("l", O_RDONLY));
    CHECK_ERR(open("l", O_RDONLY | O_NOFOLLOW), ELOOP);
    CHECK_ERR(open("dl", O_RDONLY | O_NOFOLLOW | O_DIRECTORY), ENOTDIR);
    CHECK_ERR(open("loop1", O_RDONLY), ELOOP);
    CHECK_ERR(open("dangling", O_RDONLY), ENOENT);
    CHECK_ERR(open("l", O_RDWR | O_CREAT | O_EXCL, 0644), EEXIST);
    CHECK_ERR(open("dangling", O_RDWR | O_CREAT | O_EXCL, 0644), EEXIST);
    OK(open("dangling", O_RDWR | O_CREAT, 0644)); // made where it points to
    CHECK_EQ(access("gone", F_OK), 0);
    OK(open("dl/", O_RDONLY | O_DIRECTORY | O_NOFOLLOW)); // the slash follows
}
TEST_DIR(append) {
    int a = OK(open("f", O_WRONLY | O_CREAT | O_APPEND, 0644)), b = OK(open("f", O_WRONLY | O_APPEND)), w = OK(open("f", O_RDWR));
    CHECK_EQ(write(a, "aa", 2), 2);
    CHECK_EQ(write(b, "bb", 2), 2);
    CHECK_EQ(lseek(a, 0, SEEK_SET), 0);
    CHECK_EQ(write(a, "cc", 2), 2);
    CHECK_EQ(lseek(a, 0, SEEK_CUR), 6);
    CHECK_EQ(pwrite(a, "dd", 2, 0), 2); // Linux appends, whatever the offset
    CHECK_STR(read_file("f"), "aabbccdd");
    CHECK_EQ(fcntl(w, F_SETFL, O_APPEND), 0);
    CHECK_EQ(write(w, "e", 1), 1);
    CHECK_STR(read_file("f"), "aabbccdde");
}
TEST_DIR(o_path) {
    write_file("f", "text");
    OK(symlink("f", "l"));
    int p = OK(open("f", O_PATH)), l = OK(open("l", O_PATH | O_NOFOLLOW)), d = OK(open(".", O_PATH | O_DIRECTORY));
    char b[8];
    struct stat st;
    CHECK_ERR(read(p, b, 1), EBADF);
    CHECK_ERR(write(p, b, 1), EBADF);
    CHECK_ERR(fchmod(p, 0600), EBADF);
    CHECK_ERR(lseek(p, 0, SEEK_SET), EBADF);
    CHECK_ERR(fsync(p), EBADF);
    CHECK_EQ(fstat(p, &st), 0);
    CHECK_EQ(st.st_size, 4);
    CHECK_EQ(fstat(l, &st), 0);
    CHECK(S_ISLNK(st.st_mode));
    CHECK_EQ(readlinkat(l, "", b, 8), 1);
    CHECK_EQ(fcntl(p, F_GETFL) & O_PATH, O_PATH);
    CHECK_GE(openat(d, "f", O_RDONLY), 0);
    CHECK_EQ(fchdir(d), 0);
    CHECK_GE(dup(p), 0);
    char self[64];
    snprintf(self, sizeof self, "/proc/self/fd/%d", p);
    int again = OK(open(self, O_RDWR));
    CHECK_EQ(read(again, b, 4), 4);
}
TEST_DIR(o_tmpfile) {
    int fd = open(".", O_TMPFILE | O_RDWR, 0600);
    if (fd < 0 && errno == EOPNOTSUPP)
        skip("this file system has no O_TMPFILE");
    CHECK_GE(fd, 0);
    CHECK_EQ(write(fd, "anon", 4), 4);
    struct stat st;
    CHECK_EQ(fstat(fd, &st), 0);
    CHECK_EQ(st.st_nlink, 0);
    char self[64];
    snprintf(self, sizeof self, "/proc/self/fd/%d", fd);
    CHECK_EQ(linkat(AT_FDCWD, self, AT_FDCWD, "named", AT_SYMLINK_FOLLOW), 0);
    CHECK_STR(read_file("named"), "anon");
    CHECK_EQ(fcntl(fd, F_GETFL) & ~O_LARGEFILE & ~0100000, O_TMPFILE | O_RDWR);
    CHECK_ERR(open(".", O_TMPFILE | O_RDONLY, 0600), EINVAL);
    int x = OK(open(".", O_TMPFILE | O_RDWR | O_EXCL, 0600));
    snprintf(self, sizeof self, "/proc/self/fd/%d", x);
    CHECK_ERR(linkat(AT_FDCWD, self, AT_FDCWD, "never", AT_SYMLINK_FOLLOW), ENOENT);
}
TEST_DIR(cloexec) {
    int a = OK(open("f", O_RDWR | O_CREAT | O_CLOEXEC, 0644)), b = OK(open("f", O_RDONLY));
    CHECK_EQ(fcntl(a, F_GETFD), FD_CLOEXEC), CHECK_EQ(fcntl(b, F_GETFD), 0);
}
TEST_DIR(rlimit_nofile) {
    struct rlimit r = {20, 20};
    OK(setrlimit(RLIMIT_NOFILE, &r));
    write_file("f", "");
    int last = -1, fd;
    while ((fd = open("f", O_RDONLY)) >= 0)
        last = fd;
    CHECK_EQ(errno, EMFILE);
    CHECK_EQ(last, 19);
    int pp[2];
    CHECK_ERR(pipe(pp), EMFILE);
    CHECK_ERR(dup(0), EMFILE);
    CHECK_ERR(dup2(0, 20), EBADF);
    CHECK_ERR(fcntl(0, F_DUPFD, 20), EINVAL);
    CHECK_EQ(close(last), 0);
    CHECK_ERR(pipe(pp), EMFILE); // needs two
    CHECK_EQ(open("f", O_RDONLY), 19);
}
TEST_DIR(permissions_of_an_ordinary_user) {
    if (geteuid() == 0) {
        NEED_ROOT();
        OK(chmod(".", 0777));
        become(1234);
    }
    write_file("f", "x");
    OK(chmod("f", 0));
    CHECK_ERR(open("f", O_RDONLY), EACCES);
    CHECK_ERR(access("f", R_OK), EACCES);
    CHECK_EQ(access("f", F_OK), 0);
    OK(chmod("f", 0200));
    CHECK_ERR(open("f", O_RDONLY), EACCES);
    OK(open("f", O_WRONLY));
    OK(mkdir("d", 0700));
    write_file("d/f", "");
    OK(chmod("d", 0600)); // no search
    CHECK_ERR(open("d/f", O_RDONLY), EACCES);
    struct stat st;
    CHECK_ERR(stat("d/f", &st), EACCES);
    OK(chmod("d", 0500)); // no write
    CHECK_ERR(open("d/g", O_RDWR | O_CREAT, 0600), EACCES);
    CHECK_ERR(unlink("d/f"), EACCES);
    CHECK_ERR(rename("d/f", "g"), EACCES);
    CHECK_ERR(mkdir("d/x", 0700), EACCES);
    OK(chmod("d", 0300)); // no read
    OK(open("d/f", O_RDONLY));
    CHECK_ERR(open("d", O_RDONLY), EACCES);
    CHECK_ERR(open("/etc/shadow", O_RDONLY), EACCES);
    CHECK_ERR(open("/etc/passwd", O_WRONLY), EACCES);
    CHECK_ERR(open("/etc/new", O_WRONLY | O_CREAT, 0600), EACCES);
    OK(chmod("d", 0700));
}
static long openat2_(int d, const char *p, uint64_t flags, uint64_t mode, uint64_t resolve) {
    struct open_how h = {.flags = flags, .mode = mode, .resolve = resolve};
    return syscall(SYS_openat2, d, p, &h, sizeof h);
}
TEST_DIR(openat2_resolve) {
    OK(mkdir("d", 0755)), OK(mkdir("d/e", 0755));
    write_file("d/e/f", "x"), write_file("out", "x");
    OK(symlink("../out", "d/up")), OK(symlink("/etc/passwd", "d/abs")), OK(symlink("e/f", "d/in")), OK(symlink("/e/f", "d/rooted"));
    int d = OK(open("d", O_PATH));
    CHECK_GE(openat2_(d, "e/f", O_RDONLY, 0, 0), 0);
    CHECK_GE(openat2_(d, "in", O_RDONLY, 0, RESOLVE_BENEATH), 0);
    CHECK_GE(openat2_(d, "e/../e/f", O_RDONLY, 0, RESOLVE_BENEATH), 0);
    CHECK_ERR(openat2_(d, "up", O_RDONLY, 0, RESOLVE_BENEATH), EXDEV);
    CHECK_ERR(openat2_(d, "abs", O_RDONLY, 0, RESOLVE_BENEATH), EXDEV);
    CHECK_ERR(openat2_(d, "..", O_RDONLY, 0, RESOLVE_BENEATH), EXDEV);
    CHECK_ERR(openat2_(d, "/etc/passwd", O_RDONLY, 0, RESOLVE_BENEATH), EXDEV);
    CHECK_GE(openat2_(d, "rooted", O_RDONLY, 0, RESOLVE_IN_ROOT), 0);
    CHECK_GE(openat2_(d, "/e/f", O_RDONLY, 0, RESOLVE_IN_ROOT), 0);
    CHECK_GE(openat2_(d, "../../e/f", O_RDONLY, 0, RESOLVE_IN_ROOT), 0);
    CHECK_ERR(openat2_(d, "up", O_RDONLY, 0, RESOLVE_IN_ROOT), ENOENT);
    CHECK_ERR(openat2_(d, "in", O_RDONLY, 0, RESOLVE_NO_SYMLINKS), ELOOP);
    CHECK_GE(openat2_(d, "in", O_PATH | O_NOFOLLOW, 0, RESOLVE_NO_SYMLINKS), 0);
    CHECK_ERR(openat2_(AT_FDCWD, "/proc/self/exe", O_RDONLY, 0, RESOLVE_NO_MAGICLINKS), ELOOP);
    CHECK_ERR(openat2_(AT_FDCWD, "/proc/version", O_RDONLY, 0, RESOLVE_NO_XDEV), EXDEV);
}
TEST_DIR(openat2_errnos) {
    CHECK_ERR(openat2_(AT_FDCWD, "f", 1ULL << 40, 0, 0), EINVAL);
    CHECK_ERR(openat2_(AT_FDCWD, "f", O_RDONLY, 0644, 0), EINVAL);
    CHECK_ERR(openat2_(AT_FDCWD, "f", O_RDONLY | O_CREAT, 0100644, 0), EINVAL);
    CHECK_ERR(openat2_(AT_FDCWD, "f", O_RDONLY, 0, 0x100), EINVAL);
    CHECK_ERR(openat2_(AT_FDCWD, "f", O_RDONLY, 0, RESOLVE_BENEATH | RESOLVE_IN_ROOT), EINVAL);
    CHECK_ERR(openat2_(AT_FDCWD, "f", O_PATH | O_RDWR | O_CREAT, 0644, 0), EINVAL);
    struct { struct open_how h; uint64_t more; } big = {.h.flags = O_RDONLY};
    write_file("f", "");
    CHECK_ERR(syscall(SYS_openat2, AT_FDCWD, "f", &big, 8), EINVAL);
    CHECK_GE(syscall(SYS_openat2, AT_FDCWD, "f", &big, sizeof big), 0); // zeros are fine
    big.more = 1;
    CHECK_ERR(syscall(SYS_openat2, AT_FDCWD, "f", &big, sizeof big), E2BIG);
}
TEST_DIR(devices) {
    char b[16];
    memset(b, 1, 16);
    int z = OK(open("/dev/zero", O_RDWR)), n = OK(open("/dev/null", O_RDWR)), f = OK(open("/dev/full", O_RDWR)), u = OK(open("/dev/urandom", O_RDONLY));
    CHECK_EQ(read(z, b, 16), 16);
    CHECK_EQ(b[15], 0);
    CHECK_EQ(write(z, b, 16), 16);
    CHECK_EQ(read(n, b, 16), 0);
    CHECK_EQ(write(n, b, 16), 16);
    CHECK_EQ(read(f, b, 16), 16);
    CHECK_ERR(write(f, b, 16), ENOSPC);
    CHECK_EQ(read(u, b, 16), 16);
    struct stat st;
    CHECK_EQ(stat("/dev/null", &st), 0);
    CHECK(S_ISCHR(st.st_mode));
    CHECK_EQ(st.st_rdev, 0x103);
}
