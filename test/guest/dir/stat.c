// stat, statx, chmod, chown, utimensat, access, umask, setgid and sticky directories, mknod, statfs.
#include "../guest.h"
#include <sys/sysmacros.h>
#include <sys/vfs.h>

static struct stat st_of(const char *p) {
    struct stat st;
    CHECK_EQ(lstat(p, &st), 0);
    return st;
}
static mode_t mode_of(const char *p) { return st_of(p).st_mode & 07777; }

TEST_DIR(fields) {
    time_t before = time(NULL);
    write_file("f", "12345");
    struct stat st = st_of("f"), fst;
    CHECK(S_ISREG(st.st_mode));
    CHECK_EQ(st.st_size, 5), CHECK_EQ(st.st_nlink, 1), CHECK_EQ(st.st_uid, geteuid()), CHECK_EQ(st.st_gid, getegid());
    CHECK_GT(st.st_ino, 0), CHECK_GT(st.st_blksize, 0);
    CHECK_GE(st.st_mtime, before - 1), CHECK_LE(st.st_mtime, time(NULL) + 1);
    int fd = OK(open("f", O_RDONLY));
    CHECK_EQ(fstat(fd, &fst), 0);
    CHECK_EQ(fst.st_ino, st.st_ino), CHECK_EQ(fst.st_dev, st.st_dev);
    CHECK_EQ(fstatat(fd, "", &fst, AT_EMPTY_PATH), 0);
    CHECK_EQ(fst.st_ino, st.st_ino);
    CHECK_ERR(fstatat(fd, "", &fst, 0), ENOENT);
    CHECK_ERR(fstatat(AT_FDCWD, "f", &fst, 0x8000000), EINVAL);
    CHECK_ERR(stat("f", (struct stat *)8), EFAULT);
    CHECK_ERR(fstat(99, &fst), EBADF);
    OK(mkdir("d", 0700));
    CHECK(S_ISDIR(st_of("d").st_mode));
    OK(symlink("f", "l"));
    CHECK(S_ISLNK(st_of("l").st_mode));
    CHECK_EQ(stat("l", &fst), 0);
    CHECK_EQ(fst.st_ino, st.st_ino);
    int pp[2];
    OK(pipe(pp));
    CHECK_EQ(fstat(pp[0], &fst), 0);
    CHECK(S_ISFIFO(fst.st_mode));
}
TEST_DIR(statx) {
    write_file("f", "12345");
    struct statx x;
    CHECK_EQ(statx(AT_FDCWD, "f", 0, STATX_BASIC_STATS | STATX_BTIME, &x), 0);
    CHECK_EQ(x.stx_mask & STATX_BASIC_STATS, STATX_BASIC_STATS);
    CHECK_EQ(x.stx_size, 5), CHECK_EQ(x.stx_ino, st_of("f").st_ino), CHECK_EQ(x.stx_mode, st_of("f").st_mode);
    CHECK_EQ(makedev(x.stx_dev_major, x.stx_dev_minor), st_of("f").st_dev);
    CHECK_ERR(statx(AT_FDCWD, "f", 0, 0x80000000, &x), EINVAL);
    CHECK_ERR(statx(AT_FDCWD, "f", 0x8000000, 0, &x), EINVAL);
    CHECK_ERR(statx(AT_FDCWD, "f", AT_STATX_FORCE_SYNC | AT_STATX_DONT_SYNC, 0, &x), EINVAL);
    CHECK_ERR(statx(AT_FDCWD, "none", 0, 0, &x), ENOENT);
    CHECK_EQ(statx(OK(open("f", O_RDONLY)), "", AT_EMPTY_PATH, STATX_SIZE, &x), 0);
}
TEST_DIR(chmod_rules) {
    write_file("f", "");
    OK(chmod("f", 01644));
    CHECK_EQ(mode_of("f"), 01644);
    int fd = OK(open("f", O_RDONLY));
    OK(fchmod(fd, 0600));
    CHECK_EQ(mode_of("f"), 0600);
    OK(fchmodat(AT_FDCWD, "f", 0640, 0));
    CHECK_EQ(mode_of("f"), 0640);
    CHECK_ERR(chmod("none", 0600), ENOENT);
    OK(symlink("f", "l"));
    OK(chmod("l", 0604));
    CHECK_EQ(mode_of("f"), 0604);
    OK(chmod("f", 0107600)); // other bits are ignored
    CHECK_EQ(mode_of("f"), 07600);
    int w = OK(open("f", O_WRONLY));
    CHECK_EQ(write(w, "x", 1), 1); // writing takes setuid away, without the capability to keep it
    CHECK_EQ(mode_of("f") & 04000, cap_effective() >> 4 & 1 ? 04000 : 0);
}
TEST_DIR(chmod_of_others) {
    NEED_ROOT();
    OK(chmod(".", 0777));
    write_file("f", "");
    OK(chmod("f", 0666));
    IN_CHILD(
        become(1234);
        CHECK_ERR(chmod("f", 0777), EPERM);
        CHECK_ERR(chown("f", 1234, -1), EPERM);
        CHECK_ERR(utimensat(AT_FDCWD, "f", (struct timespec[]){{1, 0}, {1, 0}}, 0), EPERM);
        CHECK_EQ(utimensat(AT_FDCWD, "f", NULL, 0), 0); // to now: write permission is enough
        write_file("mine", "");
        CHECK_ERR(chown("mine", 0, -1), EPERM);
        CHECK_ERR(chown("mine", -1, 0), EPERM);
        CHECK_EQ(chown("mine", 1234, 1234), 0);
        CHECK_EQ(chown("mine", -1, -1), 0);
    );
}
TEST_DIR(chown_to_own_group) {
    struct stat st;
    close(OK(open("f", O_CREAT | O_WRONLY, 0644)));
    OK(chown("f", -1, getegid()));
    OK(stat("f", &st));
    CHECK_EQ(st.st_gid, getegid()), CHECK_EQ(st.st_uid, geteuid());
}
TEST_DIR(chown_as_root) {
    NEED_ROOT();
    write_file("f", "");
    OK(symlink("f", "l"));
    OK(chmod("f", 06755));
    OK(chown("f", 12, 34));
    CHECK_EQ(st_of("f").st_uid, 12), CHECK_EQ(st_of("f").st_gid, 34);
    CHECK_EQ(mode_of("f"), 0755); // setuid and setgid go
    OK(lchown("l", 56, 78));
    CHECK_EQ(st_of("l").st_uid, 56), CHECK_EQ(st_of("f").st_uid, 12);
    OK(chown("l", 1, -1));
    CHECK_EQ(st_of("f").st_uid, 1), CHECK_EQ(st_of("f").st_gid, 34);
    OK(fchownat(AT_FDCWD, "l", 2, 2, AT_SYMLINK_NOFOLLOW));
    CHECK_EQ(st_of("l").st_uid, 2);
    int fd = OK(open("f", O_RDONLY));
    OK(fchown(fd, 3, 3));
    CHECK_EQ(st_of("f").st_gid, 3);
    CHECK_ERR(chown("none", 0, 0), ENOENT);
    OK(chmod("f", 02745)); // no group x: setgid means locking, chown keeps it
    OK(chown("f", 4, 4));
    CHECK_EQ(mode_of("f"), 02745);
}
TEST_DIR(times) {
    write_file("f", "");
    struct timespec ts[2] = {{1000, 123456789}, {2000, 987654321}};
    CHECK_EQ(utimensat(AT_FDCWD, "f", ts, 0), 0);
    struct stat st = st_of("f");
    CHECK_EQ(st.st_atim.tv_sec, 1000), CHECK_EQ(st.st_atim.tv_nsec, 123456789);
    CHECK_EQ(st.st_mtim.tv_sec, 2000), CHECK_EQ(st.st_mtim.tv_nsec, 987654321);
    CHECK_GT(st.st_ctim.tv_sec, 1000000000);
    ts[0].tv_nsec = UTIME_OMIT, ts[1].tv_nsec = UTIME_NOW;
    CHECK_EQ(utimensat(AT_FDCWD, "f", ts, 0), 0);
    st = st_of("f");
    CHECK_EQ(st.st_atim.tv_sec, 1000), CHECK_GT(st.st_mtim.tv_sec, 1000000000);
    ts[0].tv_nsec = 1000000000;
    CHECK_ERR(utimensat(AT_FDCWD, "f", ts, 0), EINVAL);
    int fd = OK(open("f", O_RDONLY));
    ts[0].tv_nsec = 5;
    CHECK_EQ(futimens(fd, ts), 0);
    CHECK_EQ(st_of("f").st_atim.tv_nsec, 5);
    OK(symlink("f", "l"));
    ts[0].tv_sec = 77, ts[1] = ts[0];
    CHECK_EQ(utimensat(AT_FDCWD, "l", ts, AT_SYMLINK_NOFOLLOW), 0);
    CHECK_EQ(st_of("l").st_mtim.tv_sec, 77), CHECK_NE(st_of("f").st_mtim.tv_sec, 77);
    struct timeval tv[2] = {{5, 6}, {7, 8}};
    CHECK_EQ(utimes("f", tv), 0);
    CHECK_EQ(st_of("f").st_mtim.tv_nsec, 8000);
    CHECK_ERR(utimensat(AT_FDCWD, "none", NULL, 0), ENOENT);
}
TEST_DIR(times_change_by_themselves) {
    write_file("f", "x");
    OK(mkdir("d", 0755));
    struct timespec old[2] = {{1, 0}, {1, 0}};
    utimensat(AT_FDCWD, "f", old, 0), utimensat(AT_FDCWD, "d", old, 0);
    int fd = OK(open("f", O_WRONLY));
    CHECK_EQ(st_of("f").st_mtim.tv_sec, 1);
    CHECK_EQ(write(fd, "y", 1), 1);
    CHECK_NE(st_of("f").st_mtim.tv_sec, 1);
    utimensat(AT_FDCWD, "f", old, 0);
    OK(chmod("f", 0600));
    CHECK_EQ(st_of("f").st_mtim.tv_sec, 1), CHECK_NE(st_of("f").st_ctim.tv_sec, 1);
    write_file("d/new", "");
    CHECK_NE(st_of("d").st_mtim.tv_sec, 1);
    utimensat(AT_FDCWD, "d", old, 0);
    OK(unlink("d/new"));
    CHECK_NE(st_of("d").st_mtim.tv_sec, 1);
    utimensat(AT_FDCWD, "f", old, 0);
    OK(truncate("f", 0));
    CHECK_NE(st_of("f").st_mtim.tv_sec, 1);
    struct timespec a = st_of("f").st_mtim;
    sleep_ms(20);
    write_file("f", "again");
    struct timespec b = st_of("f").st_mtim;
    CHECK(b.tv_sec > a.tv_sec || (b.tv_sec == a.tv_sec && b.tv_nsec > a.tv_nsec));
}
TEST_DIR(access_calls) {
    write_file("f", "");
    OK(chmod("f", 0500));
    CHECK_EQ(access("f", F_OK), 0), CHECK_EQ(access("f", R_OK | X_OK), 0);
    CHECK_ERR(access("none", F_OK), ENOENT);
    CHECK_ERR(access("f", 16), EINVAL);
    CHECK_ERR(access("f/x", F_OK), ENOTDIR);
    CHECK_EQ(syscall(439 /* faccessat2 */, AT_FDCWD, "f", R_OK, AT_EACCESS), 0);
    CHECK_ERR(syscall(439, AT_FDCWD, "f", R_OK, 0x8000), EINVAL);
    OK(symlink("none", "l"));
    CHECK_ERR(access("l", F_OK), ENOENT);
    CHECK_EQ(syscall(439, AT_FDCWD, "l", F_OK, AT_SYMLINK_NOFOLLOW), 0);
    if (geteuid() != 0)
        CHECK_ERR(access("f", W_OK), EACCES);
    else {
        OK(chmod("f", 0600));
        if (cap_effective() >> 1 & 1) {
            CHECK_ERR(access("f", X_OK), EACCES); // nobody's x bit: not even root
            CHECK_EQ(access("f", W_OK), 0);
        }
    }
}
TEST_DIR(access_uses_the_real_user) {
    NEED_ROOT();
    write_file("f", "");
    OK(chmod(".", 0755)), OK(chmod("f", 0600));
    IN_CHILD(
        OK(setresuid(1234, 0, 0));
        CHECK_ERR(access("f", R_OK), EACCES);
        CHECK_EQ(syscall(439, AT_FDCWD, "f", R_OK, AT_EACCESS), 0);
        CHECK_GE(open("f", O_RDONLY), 0);
    );
}
TEST_DIR(setgid_directory) {
    NEED_ROOT();
    OK(mkdir("d", 0777));
    OK(chown("d", -1, 55));
    OK(chmod("d", 02777));
    write_file("d/f", "");
    OK(mkdir("d/e", 0755));
    CHECK_EQ(st_of("d/f").st_gid, 55), CHECK_EQ(st_of("d/e").st_gid, 55);
    CHECK_EQ(mode_of("d/e"), 02755), CHECK_EQ(mode_of("d/f") & 02000, 0);
    IN_CHILD(
        OK(chmod(".", 0755));
        become(1234);
        int fd = OK(open("d/g", O_CREAT | O_WRONLY, 02777)); // not in that group: no setgid program there
        close(fd);
        CHECK_EQ(mode_of("d/g") & 02000, 0);
    );
}
TEST_DIR(sticky_directory) {
    NEED_ROOT();
    OK(chmod(".", 0755));
    OK(mkdir("d", 0777));
    OK(chmod("d", 01777));
    write_file("d/roots", "");
    OK(chmod("d/roots", 0666));
    IN_CHILD(
        become(1234);
        CHECK_ERR(unlink("d/roots"), EPERM);
        CHECK_ERR(rename("d/roots", "d/x"), EPERM);
        write_file("d/mine", "");
        CHECK_ERR(rename("d/mine", "d/roots"), EPERM);
        OK(unlink("d/mine"));
    );
}
TEST_DIR(umask_applies) {
    CHECK_GE(umask(027), 0);
    CHECK_EQ(umask(027), 027);
    close(OK(open("f", O_CREAT | O_WRONLY, 0777)));
    OK(mkdir("d", 0777)), OK(mkfifo("p", 0777));
    CHECK_EQ(mode_of("f"), 0750), CHECK_EQ(mode_of("d"), 0750), CHECK_EQ(mode_of("p"), 0750);
    umask(07777);
    CHECK_EQ(umask(0), 0777); // only permission bits
}
TEST_DIR(mknod_kinds) {
    OK(mknod("r", S_IFREG | 0644, 0)), OK(mknod("p", S_IFIFO | 0644, 0)), OK(mknod("s", S_IFSOCK | 0644, 0));
    CHECK(S_ISREG(st_of("r").st_mode)), CHECK(S_ISFIFO(st_of("p").st_mode)), CHECK(S_ISSOCK(st_of("s").st_mode));
    CHECK_ERR(mknod("r", S_IFREG | 0644, 0), EEXIST);
    CHECK_ERR(mknod("x", S_IFDIR | 0644, 0), EPERM);
    CHECK_ERR(mknod("x", S_IFLNK | 0644, 0), EINVAL);
    CHECK_ERR(open("s", O_RDWR), ENXIO);
    if (geteuid() != 0)
        CHECK_ERR(mknod("x", S_IFCHR | 0644, makedev(1, 3)), EPERM);
}
TEST_DIR(statfs_calls) {
    struct statfs a, b;
    CHECK_EQ(statfs(".", &a), 0);
    CHECK_EQ(fstatfs(OK(open(".", O_RDONLY)), &b), 0);
    CHECK_EQ(a.f_type, b.f_type);
    CHECK_GT(a.f_bsize, 0), CHECK_EQ(a.f_namelen, 255);
    CHECK_EQ(statfs("/proc", &a), 0);
    CHECK_EQ(a.f_type, 0x9fa0);
    CHECK_EQ(statfs("/usr", &a), 0);
    CHECK_GT(a.f_blocks, a.f_bfree); // what is there takes room, whoever put it there
    CHECK_ERR(statfs("none", &a), ENOENT);
    CHECK_ERR(fstatfs(99, &a), EBADF);
}
