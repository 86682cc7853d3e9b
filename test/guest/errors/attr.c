// Attributes: the errors and flags that the pages of stat, statx, chmod, chown, utimensat, access, readlink, statfs, getdents and the
// xattr calls document beyond those of the walk.
#include "../guest.h"
#include <sys/socket.h>
#include <sys/vfs.h>
#include <sys/xattr.h>
#include <utime.h>

static struct stat st;
static struct statx sx;
static struct statfs fs;
static char b[70000];


TEST_DIR(stat_errors) {
    write_file("f", "x"), OK(symlink("f", "l"));
    int fd = OK(open("f", O_RDONLY)), path = OK(open("f", O_PATH)), link = OK(open("l", O_PATH | O_NOFOLLOW));
    ROW(syscall(SYS_stat, "f", 8), EFAULT);
    ROW(syscall(SYS_lstat, "f", 8), EFAULT);
    ROW(syscall(SYS_fstat, fd, 8), EFAULT);
    ROW(syscall(SYS_fstat, 99, &st), EBADF);
    ROW(syscall(SYS_fstat, -1, &st), EBADF);
    ROW(syscall(SYS_fstat, AT_FDCWD, &st), EBADF);
    ROW(syscall(SYS_fstat, path, &st), 0);
    ROW(syscall(SYS_newfstatat, AT_FDCWD, "f", 8, 0), EFAULT);
    ROW(syscall(SYS_newfstatat, AT_FDCWD, "f", &st, AT_SYMLINK_FOLLOW), EINVAL);
    ROW(syscall(SYS_newfstatat, AT_FDCWD, "f", &st, AT_REMOVEDIR), EINVAL);
    ROW(syscall(SYS_newfstatat, AT_FDCWD, "f", &st, 0x40000000), EINVAL);
    ROW(syscall(SYS_newfstatat, AT_FDCWD, "f", &st, AT_NO_AUTOMOUNT), 0);
    ROW(syscall(SYS_newfstatat, AT_FDCWD, "", &st, 0), ENOENT);
    ROW(syscall(SYS_newfstatat, AT_FDCWD, "", &st, AT_EMPTY_PATH), 0);
    CHECK(S_ISDIR(st.st_mode));
    ROW(syscall(SYS_newfstatat, link, "", &st, AT_EMPTY_PATH), 0);
    CHECK(S_ISLNK(st.st_mode));
    ROW(syscall(SYS_newfstatat, 99, "", &st, AT_EMPTY_PATH), EBADF);
    ROW(syscall(SYS_newfstatat, fd, "x", &st, AT_EMPTY_PATH), ENOTDIR);
    ROW(statx(AT_FDCWD, "f", 0, STATX_ALL, (void *)8), EFAULT);
    ROW(statx(AT_FDCWD, "f", 0, 0x80000000, &sx), EINVAL);
    ROW(statx(AT_FDCWD, "f", 0, 0x40000000, &sx), 0); // unknown bits are ignored, but for the reserved one
    ROW(statx(AT_FDCWD, "f", AT_STATX_FORCE_SYNC | AT_STATX_DONT_SYNC, 0, &sx), EINVAL);
    ROW(statx(AT_FDCWD, "f", AT_STATX_FORCE_SYNC, 0, &sx), 0);
    ROW(statx(AT_FDCWD, "f", AT_STATX_DONT_SYNC, 0, &sx), 0);
    ROW(statx(AT_FDCWD, "f", AT_SYMLINK_FOLLOW, 0, &sx), EINVAL);
    ROW(statx(AT_FDCWD, "", 0, 0, &sx), ENOENT);
    ROW(statx(99, "", AT_EMPTY_PATH, 0, &sx), EBADF);
    ROW(statx(path, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &sx), 0);
    CHECK_EQ(sx.stx_mode & S_IFMT, S_IFREG);
    CHECK_EQ(sx.stx_mask & STATX_BASIC_STATS, STATX_BASIC_STATS);
    ROW(statx(AT_FDCWD, "l", AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT, STATX_ALL, &sx), 0);
    CHECK_EQ(sx.stx_mode & S_IFMT, S_IFLNK);
    ROW(statx(AT_FDCWD, "/proc", 0, STATX_ALL, &sx), 0);
    CHECK(sx.stx_attributes & STATX_ATTR_MOUNT_ROOT);
    CHECK(sx.stx_attributes_mask & STATX_ATTR_MOUNT_ROOT);
    ROW(statx(AT_FDCWD, "f", 0, STATX_ALL, &sx), 0);
    CHECK(!(sx.stx_attributes & STATX_ATTR_MOUNT_ROOT));
    ROW(statx(AT_FDCWD, "f", 0, 0x1000 /* STATX_MNT_ID */, &sx), 0);
    CHECK(sx.stx_mask & 0x1000);
    ROW(syscall(SYS_statfs, "f", 8), EFAULT);
    ROW(syscall(SYS_fstatfs, fd, 8), EFAULT);
    ROW(syscall(SYS_fstatfs, 99, &fs), EBADF);
    ROW(syscall(SYS_fstatfs, path, &fs), 0);
    ROW(syscall(SYS_ustat, 0xffffffff, b), EINVAL);
}
TEST_DIR(readlink_errors) {
    write_file("f", "x"), OK(symlink("target", "l"));
    int link = OK(open("l", O_PATH | O_NOFOLLOW)), fd = OK(open("f", O_RDONLY));
    ROW(readlink("l", b, 0), EINVAL);
    ROW(readlink("l", b, -1), EINVAL);
    ROW(readlink("none", b, 0), EINVAL);
    ROW(readlink("f", b, 10), EINVAL);
    ROW(readlink(".", b, 10), EINVAL);
    ROW(readlink("/dev/null", b, 10), EINVAL);
    ROW(readlink("l", (char *)8, 10), EFAULT);
    ROW(readlink("l/", b, 10), ENOENT);
    VALUE(readlinkat(link, "", b, 10), 6);
    ROW(readlinkat(fd, "", b, 10), ENOENT);
    ROW(readlinkat(AT_FDCWD, "", b, 10), ENOENT);
    ROW(readlinkat(99, "", b, 10), EBADF);
    VALUE(readlinkat(99, "/proc/self/fd/none", b, 10), -1);
}
TEST_DIR(chmod_errors) {
    write_file("f", "x"), OK(symlink("f", "l")), OK(symlink("none", "dangling"));
    int fd = OK(open("f", O_RDONLY)), path = OK(open("f", O_PATH)), p[2], s = OK(socket(AF_UNIX, SOCK_STREAM, 0));
    OK(pipe(p));
    ROW(fchmod(99, 0600), EBADF);
    ROW(fchmod(path, 0600), EBADF);
    ROW(fchmod(fd, 0600), 0);
    ROW(fchmod(p[0], 0600), 0);
    ROW(fchmod(s, 0600), 0);
    ROW(chmod("dangling", 0600), ENOENT);
    ROW(chmod("f/", 0600), ENOTDIR);
#define FCHMODAT2(fd, p, mode, fl) syscall(452 /* fchmodat2 */, fd, p, mode, fl)
    ROW(FCHMODAT2(AT_FDCWD, "f", 0640, 0), 0);
    ROW(FCHMODAT2(AT_FDCWD, "f", 0640, AT_REMOVEDIR), EINVAL);
    ROW(FCHMODAT2(AT_FDCWD, "f", 0640, 0x8000000), EINVAL);
    ROW(FCHMODAT2(path, "", 0604, AT_EMPTY_PATH), 0);
    ROW(FCHMODAT2(path, "", 0604, 0), ENOENT);
    OK(stat("f", &st));
    CHECK_EQ(st.st_mode & 07777, 0604);
    ROW(FCHMODAT2(AT_FDCWD, "l", 0600, AT_SYMLINK_NOFOLLOW), EOPNOTSUPP);
    ROW(FCHMODAT2(AT_FDCWD, "dangling", 0600, AT_SYMLINK_NOFOLLOW), EOPNOTSUPP);
    ROW(FCHMODAT2(AT_FDCWD, "f", 0600, AT_SYMLINK_NOFOLLOW), 0);
    ROW(FCHMODAT2(AT_FDCWD, (char *)8, 0600, 0), EFAULT);
    ROW(FCHMODAT2(99, "f", 0600, 0), EBADF);
    ROW(FCHMODAT2(fd, "f", 0600, 0), ENOTDIR);
    if (!privileged()) {
        ROW(chmod("/", 0755), EPERM);
        ROW(fchmod(OK(open("/", O_RDONLY)), 0755), EPERM);
        ROW(fchmodat(AT_FDCWD, "/etc/passwd", 0644, 0), EPERM);
    }
    ROW(chmod("/proc/self/status", 0600), EPERM);
}
TEST_DIR(chown_errors) {
    write_file("f", "x"), OK(symlink("f", "l")), OK(symlink("none", "dangling"));
    int fd = OK(open("f", O_RDONLY)), path = OK(open("f", O_PATH)), link = OK(open("l", O_PATH | O_NOFOLLOW));
    ROW(fchown(99, -1, -1), EBADF);
    ROW(fchown(path, -1, -1), EBADF);
    ROW(fchown(fd, -1, -1), 0);
    ROW(fchownat(AT_FDCWD, "f", -1, -1, AT_REMOVEDIR), EINVAL);
    ROW(fchownat(AT_FDCWD, "f", -1, -1, AT_SYMLINK_FOLLOW), EINVAL);
    ROW(fchownat(AT_FDCWD, "", -1, -1, 0), ENOENT);
    ROW(fchownat(path, "", -1, -1, AT_EMPTY_PATH), 0);
    ROW(fchownat(link, "", -1, -1, AT_EMPTY_PATH), 0);
    ROW(fchownat(99, "", -1, -1, AT_EMPTY_PATH), EBADF);
    ROW(fchownat(AT_FDCWD, "dangling", -1, -1, 0), ENOENT);
    ROW(fchownat(AT_FDCWD, "dangling", -1, -1, AT_SYMLINK_NOFOLLOW), 0);
    ROW(lchown("dangling", -1, -1), 0);
    ROW(chown("f", geteuid(), getegid()), 0);
    if (!privileged()) {
        ROW(chown("f", 0, -1), EPERM);
        ROW(chown("f", -1, 0), EPERM);
        ROW(lchown("l", 0, -1), EPERM);
        ROW(fchown(fd, 0, 0), EPERM);
        ROW(fchownat(AT_FDCWD, "f", 1, 1, 0), EPERM);
        ROW(chown("/", geteuid(), -1), EPERM);
        ROW(chown("/", -1, -1), 0); // nothing to change
    }
}
TEST_DIR(time_errors) {
    write_file("f", "x"), OK(symlink("f", "l"));
    int fd = OK(open("f", O_RDONLY)), path = OK(open("f", O_PATH)), p[2];
    OK(pipe(p));
    struct timespec ts[2] = {{1, 0}, {2, 0}}, neg[2] = {{1, -1}, {1, 0}}, big[2] = {{1, 0}, {1, 1000000000}}, omit[2] = {{-5, UTIME_OMIT}, {-5, UTIME_OMIT}}, now[2] = {{77, UTIME_NOW}, {77, UTIME_NOW}};
    struct timeval tv[2] = {{1, 0}, {2, 0}}, tneg[2] = {{1, -1}, {1, 0}}, tbig[2] = {{1, 0}, {1, 1000000}};
    ROW(utimensat(AT_FDCWD, "f", ts, 0), 0);
    ROW(utimensat(AT_FDCWD, "f", neg, 0), EINVAL);
    ROW(utimensat(AT_FDCWD, "f", big, 0), EINVAL);
    ROW(utimensat(AT_FDCWD, "none", omit, 0), 0); // not even looked up
    ROW(utimensat(AT_FDCWD, "f", omit, 0), 0);
    ROW(utimensat(AT_FDCWD, "f", now, 0), 0);
    ROW(utimensat(AT_FDCWD, "f", ts, AT_REMOVEDIR), EINVAL);
    ROW(utimensat(AT_FDCWD, "f", ts, AT_SYMLINK_FOLLOW), EINVAL);
    ROW(utimensat(AT_FDCWD, "f", (void *)8, 0), EFAULT);
    ROW(utimensat(AT_FDCWD, "", ts, 0), ENOENT);
    ROW(utimensat(AT_FDCWD, "", ts, AT_EMPTY_PATH), 0);
    ROW(syscall(SYS_utimensat, path, "", ts, AT_EMPTY_PATH), 0);
    ROW(syscall(SYS_utimensat, fd, NULL, ts, 0), 0);
    ROW(syscall(SYS_utimensat, p[0], NULL, ts, 0), 0);
    ROW(syscall(SYS_utimensat, path, NULL, ts, 0), EBADF);
    ROW(syscall(SYS_utimensat, 99, NULL, ts, 0), EBADF);
    ROW(syscall(SYS_utimensat, AT_FDCWD, NULL, ts, 0), EFAULT);
    ROW(syscall(SYS_utimensat, fd, NULL, ts, AT_SYMLINK_NOFOLLOW), EINVAL);
    ROW(syscall(SYS_utimensat, fd, NULL, neg, 0), EINVAL);
    ROW(syscall(SYS_utimes, "f", tv), 0);
    ROW(syscall(SYS_utimes, "f", tneg), EINVAL);
    ROW(syscall(SYS_utimes, "f", tbig), EINVAL);
    ROW(syscall(SYS_utimes, "f", 8), EFAULT);
    ROW(syscall(SYS_futimesat, AT_FDCWD, "f", tbig), EINVAL);
    ROW(syscall(SYS_futimesat, AT_FDCWD, "f", 8), EFAULT);
    ROW(syscall(SYS_futimesat, fd, NULL, tv), 0);
    ROW(syscall(SYS_futimesat, 99, NULL, tv), EBADF);
    ROW(syscall(SYS_utime, "f", 8), EFAULT);
    struct utimbuf u = {-1, -2};
    ROW(syscall(SYS_utime, "f", &u), 0);
    OK(stat("f", &st));
    CHECK_EQ(st.st_atime, -1), CHECK_EQ(st.st_mtime, -2);
    if (!privileged()) {
        ROW(utimensat(AT_FDCWD, "/", NULL, 0), EACCES);
        ROW(utimensat(AT_FDCWD, "/", now, 0), EACCES);
        ROW(utimensat(AT_FDCWD, "/", ts, 0), EPERM);
        ROW(utimensat(AT_FDCWD, "/", (struct timespec[]){{0, UTIME_NOW}, {0, UTIME_OMIT}}, 0), EPERM);
        ROW(syscall(SYS_utime, "/", NULL), EACCES);
        ROW(syscall(SYS_utime, "/", &u), EPERM);
        ROW(syscall(SYS_utimes, "/", NULL), EACCES);
        ROW(syscall(SYS_utimes, "/", tv), EPERM);
        ROW(syscall(SYS_futimesat, AT_FDCWD, "/", tv), EPERM);
    }
}
TEST_DIR(access_errors) {
    write_file("f", "x"), OK(symlink("f", "l")), OK(chmod("f", 0600));
    int fd = OK(open("f", O_RDONLY));
    ROW(access("f", 8), EINVAL);
    ROW(access("f", -1), EINVAL);
    ROW(syscall(SYS_faccessat, AT_FDCWD, "f", 8), EINVAL);
    ROW(syscall(SYS_faccessat2, AT_FDCWD, "f", R_OK, 0x10), EINVAL);
    ROW(syscall(SYS_faccessat2, AT_FDCWD, "f", 8, 0), EINVAL);
    ROW(syscall(SYS_faccessat2, AT_FDCWD, "f", R_OK, AT_EACCESS | AT_SYMLINK_NOFOLLOW), 0);
    ROW(syscall(SYS_faccessat2, fd, "", R_OK, AT_EMPTY_PATH), 0);
    ROW(syscall(SYS_faccessat2, fd, "", R_OK, 0), ENOENT);
    ROW(syscall(SYS_faccessat2, 99, "", R_OK, AT_EMPTY_PATH), EBADF);
    ROW(access("f", X_OK), EACCES);
    ROW(syscall(SYS_faccessat2, fd, "", X_OK, AT_EMPTY_PATH), EACCES);
    ROW(access("/proc/self/status", W_OK), geteuid() == 0 ? 0 : EACCES);
}
TEST_DIR(getdents_errors) {
    write_file("f", "x");
    int d = OK(open(".", O_RDONLY)), f = OK(open("f", O_RDONLY)), path = OK(open(".", O_PATH));
    static const int calls[] = {SYS_getdents, SYS_getdents64};
    for (int i = 0; i < 2; i++) {
        ROW(syscall(calls[i], 99, b, 1000), EBADF);
        ROW(syscall(calls[i], path, b, 1000), EBADF);
        ROW(syscall(calls[i], f, b, 1000), ENOTDIR);
        ROW(syscall(calls[i], d, 8, 1000), EFAULT);
        ROW(syscall(calls[i], d, b, 1), EINVAL);
        ROW(syscall(calls[i], d, b, 0), EINVAL);
        OK(lseek(d, 0, SEEK_SET));
        CHECK_GT(syscall(calls[i], d, b, 1000), 0);
        VALUE(syscall(calls[i], d, b, 1000), 0);
        VALUE(syscall(calls[i], d, b, 1), 0);
        OK(lseek(d, 0, SEEK_SET));
    }
    OK(mkdir("gone", 0700));
    int gone = OK(open("gone", O_RDONLY));
    OK(rmdir("gone"));
    for (int i = 0; i < 2; i++)
        ROW(syscall(calls[i], gone, b, 1000), ENOENT);
    ROW(syscall(SYS_getcwd, b, 0), ERANGE);
    ROW(syscall(SYS_getcwd, b, 1), ERANGE);
    ROW(syscall(SYS_getcwd, 8, 4096), EFAULT);
    ROW(fchdir(99), EBADF);
    ROW(fchdir(f), ENOTDIR);
    ROW(fchdir(path), 0);
    ROW(fchdir(gone), 0);
    ROW(syscall(SYS_getcwd, b, 4096), ENOENT);
    ROW(chdir(".."), 0);
}
TEST_DIR(xattr_errors) {
    write_file("f", "x"), OK(symlink("f", "l")), OK(mkfifo("p", 0600)), OK(mkdir("d", 0700));
    int fd = OK(open("f", O_RDONLY)), path = OK(open("f", O_PATH)), p[2];
    OK(pipe(p));
    if (setxattr("f", "user.a", "12345", 5, 0) != 0 && errno == EOPNOTSUPP)
        skip("this file system has no user attributes");
    char name[300] = "user.";
    memset(name + 5, 'n', 251), name[256] = 0;
#define EACH_SET(f)                                                                                                      \
    ROW(f("user.b", b, 65537, 0), E2BIG);                                                                                \
    ROW(f("user.b", (void *)8, 5, 0), EFAULT);                                                                           \
    ROW(f((char *)8, "", 0, 0), EFAULT);                                                                                 \
    ROW(f("", "", 0, 0), ERANGE);                                                                                        \
    ROW(f(name, "", 0, 0), ERANGE);                                                                                      \
    ROW(f("user.b", "", 0, 4), EINVAL);                                                                                  \
    ROW(f("user.b", "", 0, XATTR_REPLACE), ENODATA);                                                                     \
    ROW(f("user.a", "", 0, XATTR_CREATE), EEXIST);                                                                       \
    ROW(f("user.a", "12345", 5, XATTR_REPLACE), 0);                                                                      \
    ROW(f("user", "", 0, 0), EOPNOTSUPP);                                                                                \
    ROW(f("user.", "", 0, 0), EINVAL);                                                                                   \
    ROW(f("no.such", "", 0, 0), EOPNOTSUPP)
#define SET(n, v, s, f) setxattr("f", n, v, s, f)
#define FSET(n, v, s, f) fsetxattr(fd, n, v, s, f)
#define LSET(n, v, s, f) lsetxattr("f", n, v, s, f)
    EACH_SET(SET);
    EACH_SET(FSET);
    EACH_SET(LSET);
#define EACH_GET(f)                                                                                                      \
    ROW(f("user.b", b, 10), ENODATA);                                                                                    \
    ROW(f("user.a", b, 4), ERANGE);                                                                                      \
    VALUE(f("user.a", b, 5), 5);                                                                                         \
    VALUE(f("user.a", NULL, 0), 5);                                                                                      \
    VALUE(f("user.a", b, 1 << 30), 5);                                                                                   \
    ROW(f("user.a", (void *)8, 10), EFAULT);                                                                             \
    ROW(f((char *)8, b, 10), EFAULT);                                                                                    \
    ROW(f("", b, 10), ERANGE);                                                                                           \
    ROW(f(name, b, 10), ERANGE);                                                                                         \
    ROW(f("no.such", b, 10), EOPNOTSUPP)
#define GET(n, b, s) getxattr("f", n, b, s)
#define FGET(n, b, s) fgetxattr(fd, n, b, s)
#define LGET(n, b, s) lgetxattr("f", n, b, s)
    EACH_GET(GET);
    EACH_GET(FGET);
    EACH_GET(LGET);
#define EACH_LIST(f)                                                                                                     \
    CHECK_GE(f(b, sizeof b), 7);                                                                                         \
    CHECK_GE(f(NULL, 0), 7);                                                                                             \
    ROW(f(b, 3), ERANGE);                                                                                                \
    ROW(f((void *)8, 100), EFAULT)
#define LIST(b, s) listxattr("f", b, s)
#define FLIST(b, s) flistxattr(fd, b, s)
#define LLIST(b, s) llistxattr("f", b, s)
    EACH_LIST(LIST);
    EACH_LIST(FLIST);
    EACH_LIST(LLIST);
    ROW(removexattr("f", "user.b"), ENODATA);
    ROW(lremovexattr("f", "user.b"), ENODATA);
    ROW(fremovexattr(fd, "user.b"), ENODATA);
    ROW(removexattr("f", "no.such"), EOPNOTSUPP);
    ROW(lremovexattr("f", "no.such"), EOPNOTSUPP);
    ROW(fremovexattr(fd, "no.such"), EOPNOTSUPP);
    ROW(removexattr("f", ""), ERANGE);
    ROW(removexattr("f", (char *)8), EFAULT);
    ROW(fsetxattr(99, "user.a", "", 0, 0), EBADF);
    ROW(fgetxattr(99, "user.a", b, 1), EBADF);
    ROW(flistxattr(99, b, 1), EBADF);
    ROW(fremovexattr(99, "user.a"), EBADF);
    ROW(fsetxattr(path, "user.a", "", 0, 0), EBADF);
    ROW(fgetxattr(path, "user.a", b, 1), EBADF);
    ROW(flistxattr(path, b, 1), EBADF);
    ROW(fremovexattr(path, "user.a"), EBADF);
    ROW(lsetxattr("l", "user.a", "", 0, 0), EPERM);
    ROW(lgetxattr("l", "user.a", b, 10), ENODATA);
    ROW(lremovexattr("l", "user.a"), EPERM);
    ROW(setxattr("p", "user.a", "", 0, 0), EPERM);
    ROW(getxattr("p", "user.a", b, 10), ENODATA);
    ROW(fsetxattr(p[0], "user.a", "", 0, 0), EPERM);
    ROW(fgetxattr(p[0], "user.a", b, 10), ENODATA);
    VALUE(flistxattr(p[0], b, 10), 0);
    ROW(setxattr("d", "user.a", "1", 1, 0), 0);
    ROW(removexattr("d", "user.a"), 0);
    ROW(getxattr("/proc/self/status", "user.a", b, 10), EOPNOTSUPP);
    ROW(setxattr("f", "security.capability", "junk", 4, 0), EINVAL);
    ROW(getxattr("f", "security.capability", b, 100), ENODATA);
    ROW(setxattr("f", "trusted.a", "1", 1, 0), privileged() ? 0 : EPERM);
    ROW(getxattr("f", "trusted.a", b, 10), privileged() ? 0 : ENODATA);
    ROW(removexattr("f", "trusted.a"), privileged() ? 0 : EPERM);
    if (!privileged()) {
        OK(chmod("f", 0));
        ROW(setxattr("f", "user.a", "1", 1, 0), EACCES);
        ROW(getxattr("f", "user.a", b, 10), EACCES);
        ROW(removexattr("f", "user.a"), EACCES);
        CHECK_GE(listxattr("f", b, sizeof b), 7);
        ROW(setxattr("/etc/passwd", "security.x", "1", 1, 0), EPERM);
    }
}
