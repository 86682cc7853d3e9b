// guest: root. Mounts in a mount namespace of their own: tmpfs and its limits, binds, moves, pivot_root, umount2, read-only.
#include "../guest.h"
#include <sched.h>
#include <sys/mount.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>

// A namespace of our own, whose changes stay there.
static void own_namespace(void) {
    if (unshare(CLONE_NEWNS) != 0) skip("no new mount namespace");
    if (mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0) skip("cannot make mounts private");
}
static bool there(const char *p) { return access(p, F_OK) == 0; }

TEST_DIR(tmpfs_and_umount) {
    own_namespace();
    CHECK_EQ(mkdir("m", 0755), 0);
    write_file("m/below", "x");
    CHECK_ERR(mount("none", "nothing", "tmpfs", 0, NULL), ENOENT);
    CHECK_ERR(mount("none", "m", "nosuchfs", 0, NULL), ENODEV);
    CHECK_ERR(mount("none", "m", "tmpfs", 0, "bad=option"), EINVAL);
    CHECK_EQ(mount("none", "m", "tmpfs", MS_NOSUID | MS_NODEV, "size=64k,nr_inodes=10,mode=700"), 0);
    CHECK(!there("m/below"));
    struct stat st;
    CHECK_EQ(stat("m", &st), 0);
    CHECK_EQ(st.st_mode & 07777, 0700);
    struct statfs s;
    CHECK_EQ(statfs("m", &s), 0);
    CHECK_EQ(s.f_type, 0x01021994);
    CHECK_EQ(s.f_blocks, 16);
    CHECK_EQ(s.f_files, 10);
    CHECK_EQ(s.f_bfree, 16);
    char block[4096] = {1};
    int fd = OK(open("m/f", O_CREAT | O_RDWR, 0644));
    for (int i = 0; i < 16; i++) CHECK_EQ(write(fd, block, sizeof block), 4096);
    CHECK_ERR(write(fd, block, 1), ENOSPC);
    CHECK_EQ(ftruncate(fd, 0), 0);
    CHECK_EQ(statfs("m", &s), 0);
    CHECK_EQ(s.f_bfree, 16);
    CHECK_ERR(umount("m"), EBUSY);
    CHECK_ERR(rmdir("m"), EBUSY);
    CHECK_ERR(rename("m", "n"), EBUSY);
    CHECK_EQ(close(fd), 0);
    CHECK_ERR(umount2("m/f", 0), EINVAL);
    CHECK_ERR(umount2("m", 0x100), EINVAL);
    CHECK_ERR(umount2("m", MNT_EXPIRE), EAGAIN);
    CHECK_EQ(umount2("m", MNT_EXPIRE), 0);
    CHECK(there("m/below"));
    CHECK_ERR(umount("m"), EINVAL);
}

TEST_DIR(device_nodes_and_nodev) {
    own_namespace();
    CHECK_EQ(mkdir("m", 0755), 0);
    CHECK_EQ(mount("none", "m", "tmpfs", MS_NODEV, NULL), 0);
    CHECK_EQ(mknod("m/null", S_IFCHR | 0666, makedev(1, 3)), 0);
    CHECK_ERR(open("m/null", O_RDWR), EACCES);
    CHECK_EQ(mknod("m/fifo", S_IFIFO | 0666, 0), 0);
    close(OK(open("m/fifo", O_RDWR)));
}

TEST_DIR(bind_mounts) {
    own_namespace();
    CHECK_EQ(mkdir("a", 0755), 0);
    CHECK_EQ(mkdir("a/sub", 0755), 0);
    CHECK_EQ(mkdir("b", 0755), 0);
    CHECK_EQ(mkdir("c", 0755), 0);
    CHECK_EQ(mount("none", "a/sub", "tmpfs", 0, NULL), 0);
    write_file("a/f", "1");
    write_file("a/sub/g", "2");
    CHECK_EQ(mount("a", "b", NULL, MS_BIND, NULL), 0);
    CHECK(there("b/f"));
    CHECK(!there("b/sub/g"));
    CHECK_EQ(mount("a", "c", NULL, MS_BIND | MS_REC, NULL), 0);
    CHECK(there("c/sub/g"));
    CHECK_ERR(rename("b/f", "a/h"), EXDEV);
    CHECK_ERR(link("b/f", "a/h"), EXDEV);
    // Read-only, of this mount alone.
    CHECK_EQ(mount("none", "b", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL), 0);
    CHECK_ERR(open("b/f", O_WRONLY), EROFS);
    CHECK_ERR(open("b/new", O_CREAT | O_WRONLY, 0644), EROFS);
    CHECK_ERR(mkdir("b/d", 0755), EROFS);
    CHECK_ERR(unlink("b/f"), EROFS);
    CHECK_ERR(chmod("b/f", 0600), EROFS);
    CHECK_ERR(access("b/f", W_OK), EROFS);
    CHECK_ERR(truncate("b/f", 0), EROFS);
    close(OK(open("a/f", O_WRONLY)));
    // A file over a file; a directory does not go over it.
    write_file("file", "x");
    CHECK_EQ(mount("a/f", "file", NULL, MS_BIND, NULL), 0);
    char buf[4] = "";
    int fd = OK(open("file", O_RDONLY));
    CHECK_EQ(read(fd, buf, 4), 1);
    CHECK_EQ(buf[0], '1');
    close(fd);
    CHECK_ERR(unlink("file"), EBUSY);
    CHECK_ERR(mount("a", "file", NULL, MS_BIND, NULL), ENOTDIR);
    CHECK_ERR(mount("a/f", "c", NULL, MS_BIND, NULL), ENOTDIR);
    CHECK_ERR(mount("nothing", "c", NULL, MS_BIND, NULL), ENOENT);
    CHECK_EQ(umount("file"), 0);
    CHECK_ERR(umount("c"), EBUSY);
    CHECK_EQ(umount2("c", MNT_DETACH), 0);
    CHECK(!there("c/sub"));
}

TEST_DIR(stacked_and_dotdot) {
    own_namespace();
    CHECK_EQ(mkdir("m", 0755), 0);
    CHECK_EQ(mount("none", "m", "tmpfs", 0, NULL), 0);
    write_file("m/one", "");
    CHECK_EQ(mount("none", "m", "tmpfs", 0, NULL), 0);
    CHECK(!there("m/one"));
    write_file("m/two", "");
    write_file("here", "");
    CHECK(there("m/../here"));
    CHECK_EQ(umount("m"), 0);
    CHECK(there("m/one"));
    // The working directory stays in the covered one.
    CHECK_EQ(chdir("m"), 0);
    CHECK_EQ(mount("none", ".", "tmpfs", 0, NULL), 0);
    CHECK(there("one"));
    CHECK(!there("../m/one"));
    CHECK_EQ(umount("../m"), 0);
    CHECK_EQ(chdir(".."), 0);
    CHECK(there("here"));
}

TEST_DIR(moved) {
    own_namespace();
    CHECK_EQ(mkdir("a", 0755), 0);
    CHECK_EQ(mkdir("b", 0755), 0);
    CHECK_EQ(mount("none", "a", "tmpfs", 0, NULL), 0);
    CHECK_EQ(mkdir("a/in", 0755), 0);
    CHECK_ERR(mount("a", "a/in", NULL, MS_MOVE, NULL), ELOOP);
    CHECK_ERR(mount("b", "a/in", NULL, MS_MOVE, NULL), EINVAL);
    CHECK_EQ(mount("a", "b", NULL, MS_MOVE, NULL), 0);
    CHECK(there("b/in"));
    CHECK(!there("a/in"));
}

TEST_DIR(pivot) {
    own_namespace();
    CHECK_EQ(mkdir("new", 0755), 0);
    CHECK_EQ(mount("none", "new", "tmpfs", 0, NULL), 0);
    CHECK_EQ(mkdir("new/old", 0755), 0);
    CHECK_EQ(mkdir("plain", 0755), 0);
    CHECK_ERR(syscall(SYS_pivot_root, "plain", "plain"), EBUSY);
    CHECK_ERR(syscall(SYS_pivot_root, "new", "/"), EBUSY);
    CHECK_EQ(syscall(SYS_pivot_root, "new", "new/old"), 0);
    CHECK_EQ(chdir("/"), 0);
    CHECK(there("/old/usr"));
    char cwd[64];
    CHECK(getcwd(cwd, sizeof cwd));
    CHECK_STR(cwd, "/");
    CHECK(there("/old/../old"));
    CHECK_EQ(umount2("/old", MNT_DETACH), 0);
    CHECK(!there("/old/usr"));
    // The way container tools do it: the old root under the new one, in one place.
    CHECK_EQ(mkdir("/r", 0755), 0);
    CHECK_EQ(mount("none", "/r", "tmpfs", 0, NULL), 0);
    CHECK_EQ(mkdir("/r/mark", 0755), 0);
    CHECK_EQ(chdir("/r"), 0);
    CHECK_EQ(syscall(SYS_pivot_root, ".", "."), 0);
    CHECK_EQ(umount2(".", MNT_DETACH), 0);
    CHECK_EQ(chdir("/"), 0);
    CHECK(there("/mark"));
    CHECK(!there("/r"));
}

TEST_DIR(namespaces_are_apart) {
    own_namespace();
    CHECK_EQ(mkdir("m", 0755), 0);
    pid_t pid = FORK();
    if (pid == 0) {
        if (unshare(CLONE_NEWNS) || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL)) _exit(1);
        if (mount("none", "m", "tmpfs", 0, NULL) || creat("m/child", 0644) < 0) _exit(2);
        _exit(0);
    }
    CHECK_EXIT(pid, 0);
    CHECK(!there("m/child"));
}

TEST_DIR(chroot_and_escape) {
    CHECK_EQ(mkdir("r", 0755), 0);
    CHECK_EQ(mkdir("r/in", 0755), 0);
    write_file("out", "");
    CHECK_ERR(chroot("out"), ENOTDIR);
    CHECK_ERR(chroot("none"), ENOENT);
    pid_t pid = FORK();
    if (pid == 0) {
        if (chroot("r") || chdir("/")) _exit(1);
        if (!there("/in") || !there("/../../in") || there("/../out")) _exit(2);
        char cwd[64];
        if (!getcwd(cwd, sizeof cwd) || strcmp(cwd, "/")) _exit(3);
        _exit(0);
    }
    CHECK_EXIT(pid, 0);
}
