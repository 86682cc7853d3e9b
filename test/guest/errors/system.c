// Mounts, namespaces, names of the system and what concerns the host: the errors and flags that mount, umount, pivot_root, chroot,
// open_by_handle_at, uname, sethostname, sysinfo, getrandom, membarrier, syslog, reboot and their like document.
#include "../guest.h"
#include <linux/membarrier.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>

static char b[8192];

TEST_DIR(without_privileges) {
    OK(mkdir("d", 0777));
    if (geteuid() == 0) {
        NEED_ROOT();
        OK(chmod(".", 0777));
        become(1234);
    }
    ROW(mount("none", "d", "tmpfs", 0, NULL), EPERM);
    ROW(mount("none", "d", "no-such-type", 0, NULL), EPERM);
    ROW(mount("d", "d", NULL, MS_BIND, NULL), EPERM);
    ROW(mount("none", "/", NULL, MS_REMOUNT, NULL), EPERM);
    ROW(mount("none", "/", NULL, MS_PRIVATE, NULL), EPERM);
    ROW(mount("d", "d", NULL, MS_MOVE, NULL), EPERM);
    ROW(mount("none", "gone", "tmpfs", 0, NULL), ENOENT);
    ROW(mount("none", (char *)8, "tmpfs", 0, NULL), EFAULT);
    ROW(mount((char *)8, "d", "tmpfs", 0, NULL), EFAULT);
    ROW(mount("none", "d", (char *)8, 0, NULL), EFAULT);
    ROW(mount("none", "d", "tmpfs", 0, (void *)8), EFAULT);
    ROW(umount2("d", 0), EPERM);
    ROW(umount2("/", 0), EPERM);
    ROW(umount2("gone", 0), ENOENT);
    ROW(umount2("d", 0x100), EINVAL);
    ROW(umount2((char *)8, 0), EFAULT);
    ROW(syscall(SYS_pivot_root, ".", "d"), EPERM);
    ROW(syscall(SYS_pivot_root, "gone", "d"), EPERM);
    ROW(chroot("d"), EPERM);
    ROW(sethostname("x", 1), EPERM);
    ROW(setdomainname("x", 1), EPERM);
    ROW(syscall(SYS_reboot, 0xfee1dead, 672274793, 0, NULL), EPERM);
    ROW(syscall(SYS_swapon, "d", 0), EPERM);
    ROW(syscall(SYS_swapoff, "d"), EPERM);
    ROW(syscall(SYS_acct, "d"), EPERM);
    ROW(syscall(SYS_acct, NULL), EPERM);
    ROW(syscall(SYS_vhangup), EPERM);
}
TEST_DIR(mount_errors) {
    enter_mount_namespace();
    OK(mkdir("d", 0777)), OK(mkdir("e", 0777)), write_file("f", ""), write_file("g", "");
    ROW(mount("none", "d", "no-such-type", 0, NULL), ENODEV);
    ROW(mount("none", "d", NULL, 0, NULL), EINVAL);
    ROW(mount("none", "d", "", 0, NULL), ENODEV);
    ROW(mount("none", "d", "tmpfs", 0, "no-such-option"), EINVAL);
    ROW(mount("none", "d", "tmpfs", 0, "size=junk"), EINVAL);
    ROW(mount("none", "f", "tmpfs", 0, NULL), ENOTDIR);
    ROW(mount("none", "d", NULL, MS_BIND, NULL), ENOENT);
    ROW(mount("gone", "d", NULL, MS_BIND, NULL), ENOENT);
    ROW(mount("f", "d", NULL, MS_BIND, NULL), ENOTDIR);
    ROW(mount("d", "f", NULL, MS_BIND, NULL), ENOTDIR);
    ROW(mount("f", "g", NULL, MS_BIND, NULL), 0);
    ROW(mount("d", "e", NULL, MS_MOVE, NULL), EINVAL); // not a mount
    ROW(mount("none", "d", NULL, MS_REMOUNT, NULL), EINVAL);
    ROW(mount("none", "d", NULL, MS_REMOUNT | MS_BIND, NULL), EINVAL);
    ROW(mount("none", "d", NULL, MS_PRIVATE, NULL), EINVAL);
    ROW(mount("none", "d", "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_NOATIME | MS_SYNCHRONOUS | MS_DIRSYNC | MS_SILENT, "size=1m,mode=755"), 0);
    ROW(mount("none", "d", NULL, MS_PRIVATE | MS_SLAVE, NULL), EINVAL);
    ROW(mount("none", "d", NULL, MS_PRIVATE | MS_RDONLY, NULL), EINVAL);
    ROW(mount("none", "d", NULL, MS_PRIVATE | MS_REC | MS_SILENT, NULL), 0);
    OK(mkdir("d/in", 0777));
    ROW(mount("d", "d/in", NULL, MS_MOVE, NULL), ELOOP); // into itself
    ROW(mount("d", "f", NULL, MS_MOVE, NULL), EINVAL);
    ROW(mount("d", "e", NULL, MS_MOVE, NULL), 0);
    ROW(mount("e", "d", NULL, MS_MOVE, NULL), 0);
    ROW(mount("none", "d", NULL, MS_UNBINDABLE, NULL), 0);
    ROW(mount("d", "e", NULL, MS_BIND, NULL), EINVAL);
    char *line = strstr(read_file("/proc/self/mountinfo"), "/d rw,");
    CHECK(line && strchr(line, '\n'));
    *strchr(line, '\n') = 0;
    CHECK(strstr(line, " unbindable - tmpfs "));
    ROW(mount(".", "e", NULL, MS_BIND | MS_REC, NULL), 0);
    CHECK_ERR(access("e/d/in", F_OK), ENOENT); // it was left out
    ROW(umount2("e", MNT_DETACH), 0);
    ROW(mount("none", "d", NULL, MS_PRIVATE, NULL), 0);
    ROW(umount2("e", 0), EINVAL);
    ROW(umount2("f", 0), EINVAL);
    ROW(umount2("d", MNT_EXPIRE | MNT_FORCE), EINVAL);
    ROW(umount2("d", MNT_EXPIRE | MNT_DETACH), EINVAL);
    ROW(umount2("d", MNT_EXPIRE), EAGAIN);
    ROW(umount2("d", MNT_EXPIRE), 0);
    ROW(umount2("d", 0), EINVAL);
    ROW(mount("none", "d", "tmpfs", 0, NULL), 0);
    int busy = OK(open("d", O_RDONLY));
    ROW(umount2("d", 0), EBUSY);
    ROW(umount2("d", MNT_EXPIRE), EBUSY);
    ROW(umount2("d", MNT_DETACH), 0);
    close(busy);
    OK(symlink("d", "l"));
    ROW(mount("none", "d", "tmpfs", 0, NULL), 0);
    ROW(umount2("l", UMOUNT_NOFOLLOW), EINVAL);
    OK(mkdir("d/sub", 0777)), OK(mount("none", "d/sub", "tmpfs", 0, NULL));
    ROW(umount2("d", 0), EBUSY); // something is mounted below
    ROW(umount2("d/sub", 0), 0);
    ROW(rmdir("d"), EBUSY);
    ROW(rename("d", "x"), EBUSY);
    ROW(rename("e", "d"), EBUSY);
    ROW(unlink("g"), EBUSY);
    ROW(syscall(SYS_pivot_root, "d", "e"), EBUSY); // on the old root's mount
    ROW(syscall(SYS_pivot_root, "f", "d"), ENOTDIR);
    ROW(syscall(SYS_pivot_root, "gone", "d"), ENOENT);
    ROW(syscall(SYS_pivot_root, "d", "d/gone"), ENOENT);
    ROW(umount2("l", 0), 0);
    ROW(mount("none", "d", "tmpfs", MS_NOSUID, NULL), 0);
    ROW(mount("none", "d", "tmpfs", 0, NULL), 0); // on top of it
    ROW(umount2("d", 0), 0);
    ROW(mount("none", "d", NULL, MS_REMOUNT, "size=1k"), 0);
    ROW(mount("none", "d", NULL, MS_REMOUNT, "no-such-option"), EINVAL);
    int gone = OK(open("e", O_PATH));
    OK(rmdir("e"));
    snprintf(b, sizeof b, "/proc/self/fd/%d", gone);
    ROW(mount("none", b, "tmpfs", 0, NULL), ENOENT);
}
TEST(names) {
    struct utsname u;
    ROW(syscall(SYS_uname, 8), EFAULT);
    ROW(uname(&u), 0);
    if (privileged()) {
        OK(unshare(CLONE_NEWUTS));
        ROW(syscall(SYS_sethostname, "x", -1), EINVAL);
        ROW(syscall(SYS_sethostname, "x", 65), EINVAL);
        ROW(syscall(SYS_sethostname, 8, 5), EFAULT);
        ROW(syscall(SYS_sethostname, "some-name", 9), 0);
        ROW(syscall(SYS_setdomainname, "x", -1), EINVAL);
        ROW(syscall(SYS_setdomainname, "x", 65), EINVAL);
        ROW(syscall(SYS_setdomainname, 8, 5), EFAULT);
        ROW(syscall(SYS_setdomainname, "some-domain", 11), 0);
        ROW(uname(&u), 0);
        CHECK_STR(u.nodename, "some-name");
        ROW(gethostname(b, 4), ENAMETOOLONG);
    }
}
TEST(various) {
    struct sysinfo si;
    ROW(syscall(SYS_sysinfo, 8), EFAULT);
    ROW(sysinfo(&si), 0);
    CHECK_GT(si.totalram, 0), CHECK_GT(si.mem_unit, 0), CHECK_GT(si.procs, 0);
#define RANDOM(p, n, f) syscall(SYS_getrandom, p, n, f)
    VALUE(RANDOM(b, 100, 0), 100);
    VALUE(RANDOM(b, 100, 1 | 2 /* NONBLOCK | RANDOM */), 100);
    VALUE(RANDOM(b, 100, 4 /* INSECURE */), 100);
    VALUE(RANDOM(b, 0, 0), 0);
    ROW(RANDOM(b, 100, 8), EINVAL);
    ROW(RANDOM(b, 100, 2 | 4), EINVAL);
    ROW(RANDOM(8, 100, 0), EFAULT);
#define MEMBARRIER(c, f) syscall(SYS_membarrier, c, f, 0)
    long can = MEMBARRIER(MEMBARRIER_CMD_QUERY, 0);
    CHECK_GT(can, 0);
    ROW(MEMBARRIER(MEMBARRIER_CMD_QUERY, 2), EINVAL);
    ROW(MEMBARRIER(1 << 20, 0), EINVAL);
    ROW(MEMBARRIER(MEMBARRIER_CMD_GLOBAL, 1), EINVAL);
    ROW(MEMBARRIER(MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0), EPERM); // not registered
    ROW(MEMBARRIER(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0), 0);
    ROW(MEMBARRIER(MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0), 0);
    ROW(MEMBARRIER(MEMBARRIER_CMD_GLOBAL_EXPEDITED, 0), 0);
    ROW(syscall(SYS_uselib, "/lib/x"), ENOSYS);
    ROW(syscall(SYS__sysctl, NULL), ENOSYS);
    ROW(syscall(5000), ENOSYS);
    ROW(syscall(-1), ENOSYS);
    ROW(syscall(SYS_nfsservctl), ENOSYS);
    ROW(syscall(SYS_vserver), ENOSYS);
    ROW(syscall(SYS_get_thread_area, b), ENOSYS);
    ROW(syscall(SYS_restart_syscall), EINTR);
    ROW(syscall(SYS_alarm, 0), 0);
    uint32_t old = umask(0777);
    VALUE(umask(old | 0x8000), 0777);
    VALUE(umask(old), old);
}
