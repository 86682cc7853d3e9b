// Namespaces: a user namespace and its maps, then UTS, PID, mount and IPC namespaces inside it, as an ordinary user.
#include "../guest.h"
#include <grp.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/utsname.h>

static uid_t uid;
static gid_t gid;
static void put(const char *path, const char *fmt, unsigned a) {
    char b[64];
    int fd = OK(open(path, O_WRONLY)), n = snprintf(b, 64, fmt, a);
    if (write(fd, b, n) != n)
        FAIL("%s: %s", path, errno_name(errno));
    close(fd);
}
static void enter(int more) {
    uid = geteuid(), gid = getegid();
    if (unshare(CLONE_NEWUSER | more) != 0) {
        if (errno == ENOSYS || errno == EPERM || errno == EINVAL || errno == ENOSPC)
            skip("no user namespaces: %s", errno_name(errno));
        FAIL("unshare: %s", errno_name(errno));
    }
    put("/proc/self/setgroups", "deny", 0);
    put("/proc/self/uid_map", "0 %u 1", uid);
    put("/proc/self/gid_map", "0 %u 1", gid);
}
TEST(maps_and_capabilities) {
    enter(0);
    CHECK_EQ(getuid(), 0), CHECK_EQ(getgid(), 0), CHECK_EQ(geteuid(), 0);
    CHECK_NE(cap_effective(), 0);
    unsigned a, b, c;
    CHECK_EQ(sscanf(read_file("/proc/self/uid_map"), "%u %u %u", &a, &b, &c), 3);
    CHECK_EQ(a, 0), CHECK_EQ(b, uid), CHECK_EQ(c, 1);
    int fd = OK(open("/proc/self/uid_map", O_WRONLY));
    CHECK_ERR(write(fd, "0 0 1", 5), EPERM); // once
    CHECK_ERR(setuid(5), EINVAL);            // not mapped
    CHECK_ERR(sethostname("x", 1), EPERM);   // the UTS namespace is not ours
    CHECK_ERR(setgroups(0, NULL), EPERM);    // denied above
}
TEST(unmapped_ids_overflow) {
    if (unshare(CLONE_NEWUSER) != 0)
        skip("no user namespaces");
    CHECK_EQ(getuid(), 65534), CHECK_EQ(getgid(), 65534);
}
TEST(uts) {
    enter(CLONE_NEWUTS);
    CHECK_EQ(sethostname("inner", 5), 0);
    char b[65];
    CHECK_EQ(gethostname(b, 65), 0);
    CHECK_STR(b, "inner");
    CHECK_STR(read_file("/proc/sys/kernel/hostname"), "inner\n");
}
TEST(pid) {
    enter(CLONE_NEWPID);
    pid_t c = FORK();
    if (c == 0) {
        CHECK_EQ(getpid(), 1), CHECK_EQ(getppid(), 0);
        pid_t d = FORK();
        if (d == 0) {
            CHECK_EQ(getpid(), 2), CHECK_EQ(getppid(), 1);
            if (FORK() == 0) { // an orphan goes to the namespace's init
                WAIT_UNTIL(getppid() == 1);
                _exit(7);
            }
            _exit(0);
        }
        CHECK_EQ(guest_waitpid(d, NULL, 0), 2);
        int st;
        CHECK_EQ(guest_waitpid(-1, &st, 0), 3);
        CHECK_EQ(WEXITSTATUS(st), 7);
        kill(1, SIGTERM); // init is spared what it does not handle
        if (FORK() == 0)
            for (;;)
                pause();
        _exit(4); // and takes all with it
    }
    CHECK_EXIT(c, 4);
    CHECK_ERR(fork(), ENOMEM); // the namespace is dead
}
TEST_DIR(mount) {
    enter(CLONE_NEWNS);
    OK(mkdir("a", 0755)), OK(mkdir("b", 0755));
    write_file("a/f", "lower");
    OK(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
    OK(mount("a", "b", NULL, MS_BIND, NULL));
    CHECK_STR(read_file("b/f"), "lower");
    CHECK_ERR(rmdir("b"), EBUSY);
    OK(mount("none", "b", "tmpfs", MS_NOSUID, "size=1m,mode=700"));
    CHECK_ERR(open("b/f", O_RDONLY), ENOENT);
    write_file("b/g", "on top");
    CHECK(strstr(read_file("/proc/self/mountinfo"), "/b "));
    CHECK_ERR(rename("b/g", "g"), EXDEV);
    CHECK_ERR(link("b/g", "g"), EXDEV);
    int fd = OK(open("b/g", O_RDONLY));
    CHECK_ERR(umount2("b", 0), EBUSY);
    OK(umount2("b", MNT_DETACH));
    CHECK_STR(read_file("b/f"), "lower");
    char t[8];
    CHECK_EQ(read(fd, t, 8), 6);
    OK(mount(NULL, "b", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL));
    CHECK_ERR(open("b/new", O_CREAT | O_WRONLY, 0644), EROFS);
    CHECK_ERR(unlink("b/f"), EROFS);
    OK(umount("b"));
    CHECK_ERR(umount("b"), EINVAL);
    CHECK_ERR(mount("none", "b", "nosuchfs", 0, NULL), ENODEV);
    CHECK_ERR(mount("none", "nowhere", "tmpfs", 0, NULL), ENOENT);
}
TEST(namespace_files) {
    char a[64] = "", b[64] = "";
    CHECK_GT(readlink("/proc/self/ns/uts", a, 63), 0);
    CHECK_EQ(strncmp(a, "uts:[", 5), 0);
    int fd = OK(open("/proc/self/ns/uts", O_RDONLY));
    CHECK_ERR(setns(0, 0), EINVAL);
    enter(CLONE_NEWUTS);
    CHECK_GT(readlink("/proc/self/ns/uts", b, 63), 0);
    CHECK_NE(strcmp(a, b), 0);
    CHECK_ERR(setns(fd, CLONE_NEWPID), EINVAL);
    // One namespace has one node, whichever way it is reached.
    struct stat one, two;
    OK(fstat(fd, &one));
    OK(stat("/proc/self/ns/uts", &two));
    CHECK_NE(one.st_ino, two.st_ino);
    CHECK_EQ(one.st_dev, two.st_dev);
    snprintf(b, sizeof b, "uts:[%lu]", (unsigned long)one.st_ino);
    CHECK_STR(a, b);
    int mine = OK(open("/proc/thread-self/ns/uts", O_RDONLY));
    OK(fstat(mine, &one));
    CHECK_EQ(one.st_ino, two.st_ino);
    OK(sethostname("inner", 5));
    OK(unshare(CLONE_NEWUTS));
    OK(sethostname("other", 5));
    OK(setns(mine, CLONE_NEWUTS));
    struct utsname u;
    OK(uname(&u));
    CHECK_STR(u.nodename, "inner");
    CHECK_ERR(setns(fd, 0), EPERM);  // its owner is the user namespace outside
}
