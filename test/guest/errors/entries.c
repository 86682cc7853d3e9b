// Calls that make, move and remove names: the errors that their pages document beyond those of the walk.
#include "../guest.h"
#include <linux/openat2.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/vfs.h>
#include <sys/xattr.h>
#include <utime.h>

static int rename2(const char *a, const char *b, unsigned f) { return syscall(SYS_renameat2, AT_FDCWD, a, AT_FDCWD, b, f); }
static long openat2_(const char *p, uint64_t flags, uint64_t mode, uint64_t resolve) {
    struct open_how h = {.flags = flags, .mode = mode, .resolve = resolve};
    return syscall(SYS_openat2, AT_FDCWD, p, &h, sizeof h);
}
static void ordinary(void) {
    if (geteuid() == 0) {
        NEED_ROOT();
        OK(chmod(".", 0777));
        become(1234);
    }
}

TEST_DIR(open_flags) {
    write_file("f", "x"), OK(mkdir("d", 0777)), OK(symlink("f", "l")), OK(symlink("d", "ld")), OK(mkfifo("p", 0666));
    ROW(open("f", O_RDONLY | O_CREAT | O_DIRECTORY, 0600), EINVAL);
    ROW(open("d", O_RDONLY | O_CREAT | O_DIRECTORY, 0600), EINVAL);
    ROW(open("new", O_RDONLY | O_CREAT | O_DIRECTORY, 0600), EINVAL);
    ROW(open("f", O_RDONLY | O_DIRECTORY), ENOTDIR);
    ROW(open("p", O_RDONLY | O_DIRECTORY | O_NONBLOCK), ENOTDIR);
    ROW(open("/dev/null", O_RDONLY | O_DIRECTORY), ENOTDIR);
    ROW(open("d", O_WRONLY), EISDIR);
    ROW(open("d", O_RDONLY | O_TRUNC), EISDIR);
    ROW(open("d", 3), EISDIR);
    ROW(open("f", 3), 0); // neither reading nor writing, but with the permissions of both
    ROW(open("d", O_RDONLY | O_CREAT, 0600), EISDIR);
    ROW(open("d", O_RDONLY | O_CREAT | O_EXCL, 0600), EEXIST);
    ROW(open("f", O_RDONLY | O_CREAT | O_EXCL, 0600), EEXIST);
    ROW(open("l", O_RDONLY | O_CREAT | O_EXCL, 0600), EEXIST);
    ROW(open("ld", O_RDONLY | O_CREAT | O_EXCL, 0600), EEXIST);
    ROW(open("new/", O_RDONLY | O_CREAT, 0600), EISDIR);
    ROW(open("f/", O_RDONLY | O_CREAT, 0600), EISDIR);
    ROW(open(".", O_RDONLY | O_CREAT, 0600), EISDIR);
    ROW(open("..", O_RDONLY | O_CREAT | O_EXCL, 0600), EEXIST);
    ROW(open("/", O_RDONLY | O_CREAT, 0600), EISDIR);
    ROW(open("l", O_RDONLY | O_NOFOLLOW), ELOOP);
    ROW(open("ld", O_RDONLY | O_NOFOLLOW), ELOOP);
    ROW(open("ld", O_RDONLY | O_NOFOLLOW | O_DIRECTORY), ENOTDIR);
    ROW(open("l", O_RDONLY | O_NOFOLLOW | O_CREAT, 0600), ELOOP);
    ROW(open("l", O_PATH | O_NOFOLLOW), 0);
    ROW(open("ld", O_PATH | O_NOFOLLOW | O_DIRECTORY), ENOTDIR);
    ROW(open("f", O_PATH | O_WRONLY | O_CREAT | O_EXCL | O_TRUNC, 0600), 0); // O_PATH ignores them
    CHECK_STR(read_file("f"), "x");
    ROW(open("none", O_PATH | O_CREAT, 0600), ENOENT);
    ROW(open("f", O_PATH | O_DIRECTORY), ENOTDIR);
    ROW(open(".", O_TMPFILE | O_RDONLY, 0600), EINVAL);
    ROW(open(".", O_TMPFILE | O_RDWR | O_CREAT, 0600), EINVAL);
    ROW(open("none", O_TMPFILE | O_RDWR, 0600), ENOENT);
    ROW(open("f", O_TMPFILE | O_RDWR, 0600), ENOTDIR);
    ROW(open(".", 020000000 | O_RDWR, 0600), EINVAL);
    ROW(open("/proc", O_TMPFILE | O_RDWR, 0600), geteuid() == 0 ? EOPNOTSUPP : EACCES);
    ROW(open("/proc/none", O_CREAT | O_RDWR, 0600), ENOENT);
    ROW(open("p", O_WRONLY | O_NONBLOCK), ENXIO);
    ROW(open("p", O_RDONLY | O_NONBLOCK), 0);
    ROW(open("f", O_RDONLY | O_NOATIME), 0);
    ROW(open("f", O_RDONLY | O_LARGEFILE | O_SYNC | O_DSYNC | O_NOCTTY | O_ASYNC | O_NONBLOCK), 0);
    ROW(open("f", O_RDONLY | 0x40000000), 0); // unknown flags are ignored by all but openat2
    int s = OK(socket(AF_UNIX, SOCK_STREAM, 0));
    struct sockaddr_un a = {AF_UNIX, "s"};
    OK(bind(s, (void *)&a, sizeof a));
    ROW(open("s", O_RDONLY), ENXIO);
    ROW(open("s", O_PATH), 0);
    ROW(open("s", O_RDWR | O_TRUNC), ENXIO);
}
TEST_DIR(open_of_devices) {
    NEED_ROOT();
    OK(mknod("c", S_IFCHR | 0666, makedev(240, 77))), OK(mknod("b", S_IFBLK | 0666, makedev(240, 77)));
    struct statfs fs;
    OK(statfs(".", &fs));
    if (fs.f_flags & 4 /* ST_NODEV */) {
        ROW(open("c", O_RDONLY), EACCES);
        ROW(open("b", O_RDONLY), EACCES);
        return;
    }
    ROW(open("c", O_RDONLY), ENXIO);
    ROW(open("b", O_RDONLY), ENXIO);
    ROW(open("c", O_PATH), 0);
}
TEST_DIR(open_permissions) {
    if (geteuid() == 0) {
        NEED_ROOT();
        write_file("roots", "x"), OK(chmod("roots", 0666));
    }
    bool root = geteuid() == 0;
    ordinary();
    if (root) {
        ROW(open("roots", O_RDONLY | O_NOATIME), EPERM);
        ROW(open("roots", O_RDONLY), 0);
        int fd = OK(open("roots", O_RDONLY));
        ROW(fcntl(fd, F_SETFL, O_NOATIME), EPERM);
        ROW(fcntl(fd, F_SETLEASE, F_RDLCK), EACCES);
    }
    write_file("f", "x"), OK(mkdir("d", 0700)), write_file("d/f", "x");
    OK(chmod("d", 0500));
    ROW(open("d/new", O_CREAT | O_WRONLY, 0600), EACCES);
    ROW(open("d/new", O_CREAT | O_EXCL | O_WRONLY, 0600), EACCES);
    ROW(open("d/f", O_CREAT | O_WRONLY, 0600), 0);
    ROW(open("d/f", O_CREAT | O_EXCL | O_WRONLY, 0600), EEXIST);
    ROW(open("d", O_TMPFILE | O_RDWR, 0600), EACCES);
    ROW(creat("d/new", 0600), EACCES);
    ROW(mkdir("d/new", 0600), EACCES);
    ROW(mkdir("d/f", 0600), EEXIST);
    ROW(mknod("d/new", S_IFIFO | 0600, 0), EACCES);
    ROW(symlink("x", "d/new"), EACCES);
    ROW(symlink("x", "d/f"), EEXIST);
    ROW(link("f", "d/new"), EACCES);
    ROW(link("f", "d/f"), EEXIST);
    ROW(rename("f", "d/new"), EACCES);
    ROW(rename("f", "d/f"), EACCES);
    ROW(rename("d/f", "new"), EACCES);
    ROW(rename2("f", "d/f", 2 /* RENAME_EXCHANGE */), EACCES);
    ROW(rename2("f", "d/f", 1 /* RENAME_NOREPLACE */), EEXIST);
    ROW(unlink("d/f"), EACCES);
    ROW(unlink("d/none"), ENOENT);
    ROW(unlinkat(AT_FDCWD, "d/f", 0), EACCES);
    ROW(rmdir("d/f"), EACCES);
    OK(chmod("d", 0300));
    ROW(open("d", O_RDONLY), EACCES);
    ROW(open("d", O_PATH), 0);
    ROW(chdir("d"), 0);
    ROW(open("f", O_RDONLY), 0); // search suffices
    OK(chdir("..")), OK(chmod("d", 0600));
    ROW(chdir("d"), EACCES);
    ROW(fchdir(OK(open("d", O_RDONLY))), EACCES);
    ROW(open("d", O_RDONLY), 0);
    OK(chmod("d", 0700)), OK(chmod("f", 0444));
    ROW(open("f", O_RDONLY | O_TRUNC), EACCES);
    ROW(open("f", O_WRONLY), EACCES);
    ROW(open("f", O_RDWR), EACCES);
    ROW(open("f", 3), EACCES);
    ROW(open("f", O_WRONLY | O_CREAT, 0600), EACCES);
    ROW(truncate("f", 0), EACCES);
    ROW(access("f", W_OK), EACCES);
    ROW(access("f", X_OK), EACCES);
    ROW(access("f", R_OK), 0);
    OK(chmod("f", 0));
    ROW(open("f", O_RDONLY), EACCES);
    ROW(open("f", O_PATH), 0);
    ROW(stat("f", &(struct stat){0}), 0);
    ROW(mknod("c", S_IFCHR | 0600, makedev(1, 3)), EPERM);
    ROW(mknod("b", S_IFBLK | 0600, makedev(1, 3)), EPERM);
    ROW(chroot("."), EPERM);
    ROW(chroot("none"), ENOENT);
    ROW(chroot("f"), ENOTDIR);
}
TEST(open_while_executed) {
    struct stat st;
    OK(stat("/proc/self/exe", &st));
    bool ours = geteuid() == 0 || geteuid() == st.st_uid;
    ROW(open("/proc/self/exe", O_WRONLY), ours ? ETXTBSY : EACCES);
    ROW(truncate("/proc/self/exe", 0), ours ? ETXTBSY : EACCES);
    ROW(access("/proc/self/exe", W_OK), ours ? 0 : EACCES);
}
static void copy_true(const char *to) {
    static char text[1 << 20];
    int in = OK(open("/bin/true", O_RDONLY)), out = OK(open(to, O_CREAT | O_WRONLY | O_CLOEXEC, 0755));
    ssize_t n = OK(read(in, text, sizeof text));
    CHECK_EQ(write(out, text, n), n);
    close(in), close(out);
}
TEST_DIR(execute_what_is_written) {
    copy_true("t");
    char *argv[] = {"t", NULL};
    int w = OK(open("t", O_WRONLY | O_CLOEXEC));
    ROW(execve("./t", argv, NULL), ETXTBSY);
    close(w);
    int fd = OK(open("t", O_RDONLY));
    IN_CHILD(execve("./t", argv, NULL));
    OK(chmod("t", 0644));
    ROW(execve("./t", argv, NULL), EACCES);
    ROW(syscall(SYS_execveat, fd, "", argv, NULL, AT_EMPTY_PATH), EACCES);
    OK(mkdir("d", 0755));
    ROW(execve("d", argv, NULL), EACCES);
    ROW(execve("/dev/null", argv, NULL), EACCES);
    write_file("empty", ""), OK(chmod("empty", 0755));
    ROW(execve("empty", argv, NULL), ENOEXEC);
    write_file("garbage", "garbage"), OK(chmod("garbage", 0755));
    ROW(execve("garbage", argv, NULL), ENOEXEC);
    write_file("script", "#!/no/such/interpreter\n"), OK(chmod("script", 0755));
    ROW(execve("script", argv, NULL), ENOENT);
    write_file("script2", "#!\n"), OK(chmod("script2", 0755));
    ROW(execve("script2", argv, NULL), ENOEXEC);
    write_file("script3", "#!d\n"), OK(chmod("script3", 0755));
    ROW(execve("script3", argv, NULL), EACCES);
    write_file("script4", "#!./script4\n"), OK(chmod("script4", 0755));
    ROW(execve("script4", argv, NULL), ELOOP);
    OK(symlink("t", "l")), OK(chmod("t", 0755));
    ROW(syscall(SYS_execveat, AT_FDCWD, "l", argv, NULL, AT_SYMLINK_NOFOLLOW), ELOOP);
    ROW(syscall(SYS_execveat, AT_FDCWD, "t", argv, NULL, 0x8000), EINVAL);
    ROW(syscall(SYS_execveat, AT_FDCWD, "", argv, NULL, 0), ENOENT);
    ROW(syscall(SYS_execveat, AT_FDCWD, "", argv, NULL, AT_EMPTY_PATH), EACCES);
    ROW(execve("./t", (char **)8, NULL), EFAULT);
    ROW(execve("./t", argv, (char **)8), EFAULT);
    char *bad[] = {"t", (char *)8, NULL};
    ROW(execve("./t", bad, NULL), EFAULT);
    static char longer[(32 << 12) + 1];
    memset(longer, 'a', sizeof longer - 1);
    char *big[] = {"t", longer, NULL};
    ROW(execve("./t", big, NULL), E2BIG); // one string of MAX_ARG_STRLEN
    longer[sizeof longer - 2] = 0;
    IN_CHILD(execve("./t", big, NULL));
    static char *many[200];
    for (int i = 0; i < 199; i++)
        many[i] = longer;
    ROW(execve("./t", many, NULL), E2BIG);
    struct rlimit small = {0, 0};
    OK(getrlimit(RLIMIT_NPROC, &small));
}
TEST_DIR(names_that_cannot_be_made) {
    write_file("f", "x"), OK(mkdir("d", 0777)), OK(symlink("none", "l")), OK(mkdir("d/e", 0777));
    ROW(mkdir(".", 0777), EEXIST);
    ROW(mkdir("..", 0777), EEXIST);
    ROW(mkdir("/", 0777), EEXIST);
    ROW(mkdir("f", 0777), EEXIST);
    ROW(mkdir("f/", 0777), EEXIST);
    ROW(mkdir("l", 0777), EEXIST);
    ROW(mkdir("l/", 0777), EEXIST);
    ROW(mkdir("d/.", 0777), EEXIST);
    ROW(mkdir("none/.", 0777), ENOENT);
    ROW(mkdir("/proc/none", 0777), ENOENT);
    ROW(symlink("x", "f"), EEXIST);
    ROW(symlink("x", "d/."), EEXIST);
    ROW(symlink("x", "new/"), ENOENT);
    ROW(symlink("x", "l"), EEXIST);
    ROW(symlink((char *)8, "new"), EFAULT);
    ROW(symlink("", "new"), ENOENT);
    ROW(mknod("new", S_IFDIR | 0600, 0), EPERM);
    ROW(mknod("new", S_IFLNK | 0600, 0), EINVAL);
    ROW(mknod("new", 0070000 | 0600, 0), EINVAL);
    ROW(mknod("f", S_IFREG | 0600, 0), EEXIST);
    ROW(mknod("d", S_IFIFO | 0600, 0), EEXIST);
    ROW(mknod("l", S_IFIFO | 0600, 0), EEXIST);
    ROW(mknod("new/", S_IFREG | 0600, 0), ENOENT);
    ROW(mknod("new", 0600, 0), 0); // no kind: a regular file
    ROW(link("f", "."), EEXIST);
    ROW(link("f", "new2/"), ENOENT);
    ROW(link("f", "d"), EEXIST);
    ROW(link("f", "l"), EEXIST);
    ROW(link("d", "new2"), EPERM);
    ROW(link(".", "new2"), EPERM);
    ROW(link("f/", "new2"), ENOTDIR);
    ROW(link("/proc/self/status", "new2"), EXDEV);
    ROW(linkat(AT_FDCWD, "l", AT_FDCWD, "new2", AT_SYMLINK_FOLLOW), ENOENT);
    ROW(linkat(AT_FDCWD, "f", AT_FDCWD, "new2", AT_SYMLINK_NOFOLLOW), EINVAL);
    ROW(linkat(AT_FDCWD, "f", AT_FDCWD, "new2", 0x80000), EINVAL);
    int f = OK(open("f", O_RDONLY)), gone = OK(open("gone", O_CREAT | O_RDWR, 0600)), d = OK(open("d", O_RDONLY));
    OK(unlink("gone"));
    ROW(linkat(f, "", AT_FDCWD, "new2", 0), ENOENT);
    ROW(linkat(f, "", AT_FDCWD, "new2", AT_EMPTY_PATH), 0); // of a file this process has opened itself
    ROW(linkat(gone, "", AT_FDCWD, "new3", AT_EMPTY_PATH), ENOENT);
    ROW(linkat(d, "", AT_FDCWD, "new3", AT_EMPTY_PATH), EPERM);
    ROW(linkat(AT_FDCWD, "f", f, "x", 0), ENOTDIR);
    ROW(linkat(AT_FDCWD, "f", 99, "x", 0), EBADF);
    ROW(linkat(AT_FDCWD, "f", 99, "/none/x", 0), ENOENT);
    ROW(rmdir("."), EINVAL);
    ROW(rmdir("d/."), EINVAL);
    ROW(rmdir(".."), ENOTEMPTY);
    ROW(rmdir("d/e/.."), ENOTEMPTY);
    ROW(rmdir("/"), EBUSY);
    ROW(rmdir("/proc"), geteuid() == 0 ? EBUSY : EACCES);
    ROW(rmdir("f"), ENOTDIR);
    ROW(rmdir("l"), ENOTDIR);
    ROW(rmdir("f/"), ENOTDIR);
    ROW(rmdir("d"), ENOTEMPTY);
    ROW(unlink("d"), EISDIR);
    ROW(unlink("d/"), EISDIR);
    ROW(unlink("d/."), EISDIR);
    ROW(unlink(".."), EISDIR);
    ROW(unlink("/"), EISDIR);
    ROW(unlink("f/"), ENOTDIR);
    ROW(unlink("none/"), ENOENT);
    ROW(unlink("l/"), ENOTDIR);
    ROW(unlink("/proc/self/status"), EPERM);
    ROW(unlinkat(AT_FDCWD, "f", AT_REMOVEDIR), ENOTDIR);
    ROW(unlinkat(AT_FDCWD, "f", AT_EMPTY_PATH), EINVAL);
    ROW(unlinkat(AT_FDCWD, "d", AT_REMOVEDIR | AT_SYMLINK_FOLLOW), EINVAL);
}
TEST_DIR(rename_errors) {
    write_file("f", "x"), write_file("g", "x"), OK(mkdir("d", 0777)), OK(mkdir("d/e", 0777)), OK(mkdir("empty", 0777)), OK(symlink("d", "l")), OK(symlink("none", "gone"));
    ROW(rename("d", "d/e/new"), EINVAL);
    ROW(rename("d", "d/new"), EINVAL);
    ROW(rename("d/e", "d"), ENOTEMPTY);
    ROW(rename("d", "d"), 0);
    ROW(rename("d", "f"), ENOTDIR);
    ROW(rename("d", "l"), ENOTDIR);
    ROW(rename("f", "d"), EISDIR);
    ROW(rename("f", "empty"), EISDIR);
    ROW(rename("empty", "d"), ENOTEMPTY);
    ROW(rename("f", "new/"), ENOTDIR);
    ROW(rename("f", "g/"), ENOTDIR);
    ROW(rename("f/", "g"), ENOTDIR);
    ROW(rename("l/", "new"), ENOTDIR);
    ROW(rename("gone/", "new"), ENOTDIR);
    ROW(rename("none", "new"), ENOENT);
    ROW(rename("f", ""), ENOENT);
    ROW(rename("", "f"), ENOENT);
    ROW(rename("f", "none/x"), ENOENT);
    ROW(rename("f", "g/x"), ENOTDIR);
    ROW(rename(".", "new"), EBUSY);
    ROW(rename("..", "new"), EBUSY);
    ROW(rename("d/.", "new"), EBUSY);
    ROW(rename("d", "."), EBUSY);
    ROW(rename("d", "d/e/.."), EBUSY);
    ROW(rename("f", "/proc/new"), EXDEV);
    ROW(rename("/proc/self/status", "new"), EXDEV);
    ROW(rename2("f", "g", 1), EEXIST);
    ROW(rename2("f", "gone", 1), EEXIST);
    ROW(rename2("f", ".", 1), EEXIST);
    ROW(rename2("f", "f", 1), EEXIST);
    ROW(rename2(".", "new", 1), EBUSY);
    ROW(rename2("f", "none", 2), ENOENT);
    ROW(rename2("none", "f", 2), ENOENT);
    ROW(rename2("d", "d/e", 2), EINVAL);
    ROW(rename2("d/e", "d", 2), EINVAL);
    ROW(rename2("f", "g/", 2), ENOTDIR);
    ROW(rename2("f", "g", 1 | 2), EINVAL);
    ROW(rename2("f", "g", 2 | 4), EINVAL);
    ROW(rename2("f", "new", 8), EINVAL);
    ROW(rename2("f", "f", 2), 0);
    ROW(rename("f", "g"), 0);
    ROW(syscall(SYS_renameat, AT_FDCWD, "g", 99, "x"), EBADF);
    ROW(syscall(SYS_renameat, AT_FDCWD, "g", 99, "/none/x"), ENOENT);
    ROW(syscall(SYS_renameat, 99, "g", AT_FDCWD, "x"), EBADF);
}
TEST_DIR(openat2_errors) {
    write_file("f", "x"), OK(mkdir("d", 0777)), OK(symlink("f", "l")), OK(symlink("/dev/null", "abs")), write_file("d/f", "x"), OK(symlink("../f", "d/up")), OK(symlink("f", "d/l"));
    struct { struct open_how h; uint64_t more; } big = {{.flags = O_RDONLY}, 0};
    ROW(syscall(SYS_openat2, AT_FDCWD, "f", &big, sizeof big), 0);
    big.more = 1;
    ROW(syscall(SYS_openat2, AT_FDCWD, "f", &big, sizeof big), E2BIG);
    ROW(syscall(SYS_openat2, AT_FDCWD, "f", &big, sizeof big.h - 1), EINVAL);
    ROW(syscall(SYS_openat2, AT_FDCWD, "f", &big, 0), EINVAL);
    ROW(syscall(SYS_openat2, AT_FDCWD, "f", &big, 5000), E2BIG);
    ROW(syscall(SYS_openat2, AT_FDCWD, "f", (void *)8, sizeof big.h), EFAULT);
    ROW(openat2_("f", 1ull << 40, 0, 0), EINVAL);
    ROW(openat2_("f", 0x40000000, 0, 0), EINVAL);
    ROW(openat2_("f", O_RDONLY, 0600, 0), EINVAL); // a mode that nothing needs
    ROW(openat2_("f", O_CREAT | O_RDWR, 010600, 0), EINVAL);
    ROW(openat2_("f", O_CREAT | O_RDWR, 0600, 0), 0);
    ROW(openat2_("f", O_PATH | O_RDWR, 0, 0), EINVAL);
    ROW(openat2_("f", O_PATH | O_CREAT, 0, 0), EINVAL);
    ROW(openat2_("f", O_PATH | O_CLOEXEC | O_NOFOLLOW, 0, 0), 0);
    ROW(openat2_("f", O_RDONLY, 0, 0x40), EINVAL);
    ROW(openat2_("f", O_RDONLY, 0, RESOLVE_BENEATH | RESOLVE_IN_ROOT), EINVAL);
    ROW(openat2_("f", O_RDONLY, 0, RESOLVE_BENEATH), 0);
    ROW(openat2_("../x", O_RDONLY, 0, RESOLVE_BENEATH), EXDEV);
    ROW(openat2_("d/../f", O_RDONLY, 0, RESOLVE_BENEATH), 0);
    ROW(openat2_("d/../../x", O_RDONLY, 0, RESOLVE_BENEATH), EXDEV);
    ROW(openat2_("/dev/null", O_RDONLY, 0, RESOLVE_BENEATH), EXDEV);
    ROW(openat2_("abs", O_RDONLY, 0, RESOLVE_BENEATH), EXDEV);
    ROW(openat2_("d/up", O_RDONLY, 0, RESOLVE_BENEATH), 0);
    ROW(openat2_("/f", O_RDONLY, 0, RESOLVE_IN_ROOT), 0);
    ROW(openat2_("../../f", O_RDONLY, 0, RESOLVE_IN_ROOT), 0);
    ROW(openat2_("abs", O_RDONLY, 0, RESOLVE_IN_ROOT), ENOENT);
    ROW(openat2_("l", O_RDONLY, 0, RESOLVE_NO_SYMLINKS), ELOOP);
    ROW(openat2_("l", O_PATH | O_NOFOLLOW, 0, RESOLVE_NO_SYMLINKS), 0);
    ROW(openat2_("d/l", O_RDONLY, 0, RESOLVE_NO_SYMLINKS), ELOOP);
    ROW(openat2_("/proc/self/fd/0", O_RDONLY, 0, RESOLVE_NO_MAGICLINKS), ELOOP);
    ROW(openat2_("/proc/self/fd/0", O_PATH | O_NOFOLLOW, 0, RESOLVE_NO_MAGICLINKS), 0);
    ROW(openat2_("l", O_RDONLY, 0, RESOLVE_NO_MAGICLINKS), 0);
    ROW(openat2_("/proc/self/cwd/f", O_RDONLY, 0, RESOLVE_NO_MAGICLINKS), ELOOP);
    ROW(openat2_("/proc/self/status", O_RDONLY, 0, RESOLVE_NO_XDEV), EXDEV);
    ROW(openat2_("d/f", O_RDONLY, 0, RESOLVE_NO_XDEV), 0);
    ROW(openat2_("/dev/../proc/self/status", O_RDONLY, 0, RESOLVE_NO_XDEV), EXDEV);
    long r = openat2_("d/f", O_RDONLY, 0, RESOLVE_CACHED);
    CHECK(r >= 0 || errno == EAGAIN);
    ROW(openat2_("new", O_CREAT | O_RDWR, 0600, RESOLVE_CACHED), EAGAIN);
    ROW(openat2_("f", O_RDWR | O_TRUNC, 0, RESOLVE_CACHED), EAGAIN);
    ROW(openat2_(".", O_TMPFILE | O_RDWR, 0600, RESOLVE_CACHED), EAGAIN);
}

#define CHANGES(X)                                                                                                       \
    X(open("f", O_WRONLY)) X(open("f", O_RDWR)) X(open("f", O_RDONLY | O_TRUNC)) X(open("new", O_CREAT | O_RDWR, 0600))   \
    X(open("f", O_CREAT | O_RDWR, 0600)) X(creat("new", 0600)) X(open(".", O_TMPFILE | O_RDWR, 0600))     \
    X(mkdir("new", 0600)) X(mknod("new", S_IFREG | 0600, 0)) X(mkfifo("new", 0600)) X(symlink("x", "new"))                \
    X(link("f", "new")) X(rename("f", "new")) X(rename("f", "g")) X(rename2("f", "g", 2)) X(rename2("f", "new", 1))       \
    X(unlink("f")) X(rmdir("d")) X(unlinkat(AT_FDCWD, "d", AT_REMOVEDIR)) X(truncate("f", 0)) X(chmod("f", 0600))         \
    X(fchmodat(AT_FDCWD, "f", 0600, 0)) X(fchmod(fd, 0600)) X(chown("f", -1, -1)) X(lchown("f", -1, -1)) X(fchown(fd, -1, -1)) \
    X(utimensat(AT_FDCWD, "f", NULL, 0)) X(futimens(fd, NULL)) X(syscall(SYS_utimes, "f", NULL)) X(syscall(SYS_utime, "f", NULL)) X(syscall(SYS_futimesat, AT_FDCWD, "f", NULL))                   \
    X(setxattr("f", "user.x", "", 0, 0)) X(lsetxattr("f", "user.x", "", 0, 0)) X(fsetxattr(fd, "user.x", "", 0, 0))       \
    X(removexattr("f", "user.x")) X(lremovexattr("f", "user.x")) X(fremovexattr(fd, "user.x")) X(access("f", W_OK)) X(bind(unbound, (void *)&(struct sockaddr_un){AF_UNIX, "new"}, sizeof(struct sockaddr_un)))       \
    X(faccessat(AT_FDCWD, "d", W_OK, 0)) X(syscall(SYS_faccessat2, AT_FDCWD, "f", W_OK, AT_EACCESS))
TEST_DIR(read_only_file_system) {
    enter_mount_namespace();
    OK(mkdir("m", 0777));
    OK(mount("none", "m", "tmpfs", 0, NULL)), OK(chdir("m"));
    write_file("f", ""), write_file("g", ""), OK(mkdir("d", 0777)), OK(mknod("p", S_IFIFO | 0666, 0)), OK(symlink("f", "l"));
    int w = OK(open("f", O_WRONLY));
    ROW(mount("none", ".", NULL, MS_REMOUNT | MS_RDONLY, NULL), EBUSY); // somebody writes
    close(w);
    ROW(mount("none", ".", NULL, MS_REMOUNT | MS_RDONLY, NULL), 0);
    int fd = OK(open("f", O_RDONLY)), unbound = OK(socket(AF_UNIX, SOCK_DGRAM, 0));
#define X(call) ROW(call, EROFS);
    CHANGES(X)
    OK(mount("none", ".", NULL, MS_REMOUNT, NULL));
    OK(chdir("..")), OK(mkdir("b", 0777)), OK(mount("m", "b", NULL, MS_BIND, NULL));
    OK(mount("none", "b", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL));
    OK(chdir("b"));
    fd = OK(open("f", O_RDONLY));
    CHANGES(X)
#undef X
    ROW(mkdir("d", 0600), EEXIST); // what is there is said first
    ROW(symlink("x", "d"), EEXIST);
    ROW(unlink("none"), EROFS); // but what is not there is not
    ROW(rmdir("none"), EROFS);
    ROW(open("f", O_CREAT | O_RDONLY, 0600), 0);
    ROW(open("f", O_CREAT | O_EXCL | O_RDONLY, 0600), EEXIST);
    ROW(open("p", O_RDWR), 0); // not a write to the file system
    ROW(access("p", W_OK), 0);
    ROW(rename("../m/f", "new"), EXDEV);
    ROW(link("../m/f", "new"), EROFS);
    ROW(rename("f", "../m/new"), EXDEV); // two mounts, though of one file system
    ROW(umount2("../m", 0), EBUSY);
}
TEST_DIR(full_file_system) {
    static char page[PAGE];
    enter_mount_namespace();
    OK(mkdir("m", 0777));
    OK(mount("none", "m", "tmpfs", 0, "size=8k,nr_inodes=6")), OK(chdir("m"));
    int f = OK(open("f", O_CREAT | O_RDWR, 0600)), g = OK(open("g", O_CREAT | O_RDWR, 0600));
    VALUE(write(f, page, PAGE), PAGE);
    VALUE(write(f, page, PAGE), PAGE);
    ROW(write(f, page, 1), ENOSPC);
    ROW(pwrite(g, page, 1, 0), ENOSPC);
    VALUE(pwrite(f, page, 10, 5), 10); // over what is there
    ROW(fallocate(g, 0, 0, PAGE), ENOSPC);
    loff_t from = 0, to = 0;
    ROW(syscall(SYS_copy_file_range, f, &from, g, &to, 10L, 0), ENOSPC);
    ROW(sendfile(g, f, NULL, 0), 0);
    from = 0;
    ROW(sendfile(g, f, &from, 10), ENOSPC);
    ROW(ftruncate(g, 1 << 20), 0); // a hole takes nothing
    ROW(fallocate(f, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, PAGE), 0);
    VALUE(write(g, page, 1), 1);
    OK(mkdir("d", 0700)), OK(symlink("x", "l")), OK(mknod("p", S_IFIFO | 0600, 0)); // with the root six
    ROW(open("new", O_CREAT | O_RDWR, 0600), ENOSPC);
    ROW(creat("new", 0600), ENOSPC);
    ROW(open(".", O_TMPFILE | O_RDWR, 0600), ENOSPC);
    ROW(mkdir("new", 0600), ENOSPC);
    ROW(symlink("x", "new"), ENOSPC);
    ROW(mknod("new", S_IFREG | 0600, 0), ENOSPC);
    ROW(link("f", "new"), ENOSPC);
    ROW(bind(OK(socket(AF_UNIX, SOCK_DGRAM, 0)), (void *)&(struct sockaddr_un){AF_UNIX, "new"}, sizeof(struct sockaddr_un)), ENOSPC);
    ROW(rename("f", "new"), 0);
    struct statfs fs;
    OK(statfs(".", &fs));
    CHECK_EQ(fs.f_blocks, 2), CHECK_EQ(fs.f_bfree, 0), CHECK_EQ(fs.f_files, 6), CHECK_EQ(fs.f_ffree, 0);
    ROW(unlink("p"), 0);
    ROW(mkdir("new2", 0600), 0);
}
// A copy of /bin/true whose interpreter is named `interpreter`.
static void copy_with_interpreter(const char *to, const char *interpreter) {
    static char text[1 << 20];
    int in = OK(open("/bin/true", O_RDONLY)), out = OK(open(to, O_CREAT | O_WRONLY | O_TRUNC | O_CLOEXEC, 0755));
    ssize_t n = OK(read(in, text, sizeof text));
    char *at = memmem(text, n, "/lib64/ld-linux-x86-64.so.2", 27);
    if (!at)
        skip("/bin/true is not as expected");
    strcpy(at, interpreter);
    CHECK_EQ(write(out, text, n), n);
    close(in), close(out);
}
TEST_DIR(interpreters_of_executables) {
    char *argv[] = {"t", NULL};
    OK(mkdir("d", 0755)), write_file("junk", "this is a text that is as long as a header of ELF is, and then some more, to be sure"), OK(chmod("junk", 0755)), write_file("short", "x"), OK(chmod("short", 0755));
    write_file("plain", "x");
    static const struct { const char *interpreter; int want; } table[] = {{"none", ENOENT}, {"d", EACCES}, {"junk", ELIBBAD}, {"short", EIO}, {"plain", EACCES}, {"plain/x", ENOTDIR}, {"/dev/null", EACCES}};
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        copy_with_interpreter("t", table[i].interpreter);
        char what[60];
        snprintf(what, sizeof what, "execve with the interpreter %s", table[i].interpreter);
        errno = 0;
        long r = execve("./t", argv, NULL);
        guest_row(__FILE__, __LINE__, what, r, errno, table[i].want, false);
    }
}
