// Every call that takes a path gives the errors of the walk that path_resolution(7) and its own page document, in each place for a path.
#include "../guest.h"
#include <linux/openat2.h>
#include <sched.h>
#include <sys/inotify.h>
#include <sys/mount.h>
#include <sys/vfs.h>
#include <sys/xattr.h>
#include <utime.h>

enum { AT = 1, MAKES = 2, NOFOLLOW = 4, ROOT = 8, STRING = 16 /* copied before it is a path */, ENTRY = 32 | NOFOLLOW /* of a directory */ };
static struct stat st;
static struct statfs fs;
static struct statx sx;
static struct open_how how = {.flags = O_RDONLY};
static char buf[4200];
static char *args[] = {"x", NULL};
static union { struct { unsigned bytes; int type; } h; char room[160]; } handle = {.h = {128, 0}};
static int mount_id;

// X(name, kind, call of a path p, relative to the directory d)
#define CALLS(X)                                                                                                         \
    X(open, 0, syscall(SYS_open, p, O_RDONLY))                                                                           \
    X(open_directory, 0, open(p, O_RDONLY | O_DIRECTORY))                                                                \
    X(open_path, 0, open(p, O_PATH))                                                                                     \
    X(open_tmpfile, 0, open(p, O_TMPFILE | O_RDWR, 0600))                                                                \
    X(creat, MAKES, syscall(SYS_creat, p, 0600))                                                                         \
    X(openat, AT, syscall(SYS_openat, d, p, O_RDONLY))                                                                   \
    X(openat_create, AT | MAKES, openat(d, p, O_CREAT | O_RDWR, 0600))                                                   \
    X(openat_exclusive, AT | MAKES | NOFOLLOW, openat(d, p, O_CREAT | O_EXCL | O_RDWR, 0600))                            \
    X(openat2, AT, syscall(SYS_openat2, d, p, &how, sizeof how))                                                         \
    X(stat, 0, syscall(SYS_stat, p, &st))                                                                                \
    X(lstat, NOFOLLOW, syscall(SYS_lstat, p, &st))                                                                       \
    X(newfstatat, AT, syscall(SYS_newfstatat, d, p, &st, 0))                                                             \
    X(newfstatat_nofollow, AT | NOFOLLOW, syscall(SYS_newfstatat, d, p, &st, AT_SYMLINK_NOFOLLOW))                       \
    X(statx, AT, statx(d, p, 0, STATX_BASIC_STATS, &sx))                                                                 \
    X(access, 0, syscall(SYS_access, p, F_OK))                                                                           \
    X(faccessat, AT, syscall(SYS_faccessat, d, p, F_OK))                                                                 \
    X(faccessat2, AT, syscall(SYS_faccessat2, d, p, F_OK, AT_EACCESS))                                                   \
    X(statfs, 0, syscall(SYS_statfs, p, &fs))                                                                            \
    X(readlink, NOFOLLOW, syscall(SYS_readlink, p, buf, sizeof buf))                                                     \
    X(readlinkat, AT | NOFOLLOW, syscall(SYS_readlinkat, d, p, buf, sizeof buf))                                         \
    X(chdir, 0, syscall(SYS_chdir, p))                                                                                   \
    X(chroot, ROOT, syscall(SYS_chroot, p))                                                                              \
    X(truncate, 0, syscall(SYS_truncate, p, 0))                                                                          \
    X(chmod, 0, syscall(SYS_chmod, p, 0600))                                                                             \
    X(fchmodat, AT, syscall(SYS_fchmodat, d, p, 0600))                                                                   \
    X(chown, 0, syscall(SYS_chown, p, -1, -1))                                                                           \
    X(lchown, NOFOLLOW, syscall(SYS_lchown, p, -1, -1))                                                                  \
    X(fchownat, AT, syscall(SYS_fchownat, d, p, -1, -1, 0))                                                              \
    X(fchownat_nofollow, AT | NOFOLLOW, syscall(SYS_fchownat, d, p, -1, -1, AT_SYMLINK_NOFOLLOW))                        \
    X(utime, 0, syscall(SYS_utime, p, NULL))                                                                             \
    X(utimes, 0, syscall(SYS_utimes, p, NULL))                                                                           \
    X(futimesat, AT, syscall(SYS_futimesat, d, p, NULL))                                                                 \
    X(utimensat, AT, syscall(SYS_utimensat, d, p, NULL, 0))                                                              \
    X(mkdir, MAKES | NOFOLLOW, syscall(SYS_mkdir, p, 0700))                                                              \
    X(mkdirat, AT | MAKES | NOFOLLOW, syscall(SYS_mkdirat, d, p, 0700))                                                  \
    X(mknod, MAKES | NOFOLLOW, syscall(SYS_mknod, p, S_IFREG | 0600, 0))                                                 \
    X(mknodat, AT | MAKES | NOFOLLOW, syscall(SYS_mknodat, d, p, S_IFIFO | 0600, 0))                                     \
    X(rmdir, ENTRY, syscall(SYS_rmdir, p))                                                                            \
    X(unlink, ENTRY, syscall(SYS_unlink, p))                                                                          \
    X(unlinkat, AT | ENTRY, syscall(SYS_unlinkat, d, p, 0))                                                           \
    X(unlinkat_removedir, AT | ENTRY, syscall(SYS_unlinkat, d, p, AT_REMOVEDIR))                                      \
    X(symlink, MAKES | NOFOLLOW, syscall(SYS_symlink, "x", p))                                                           \
    X(symlinkat, AT | MAKES | NOFOLLOW, syscall(SYS_symlinkat, "x", d, p))                                               \
    X(link_from, NOFOLLOW, syscall(SYS_link, p, "new"))                                                                  \
    X(link_to, MAKES | NOFOLLOW, syscall(SYS_link, "f", p))                                                              \
    X(linkat_from, AT | NOFOLLOW, syscall(SYS_linkat, d, p, AT_FDCWD, "new", 0))                                         \
    X(linkat_from_followed, AT, syscall(SYS_linkat, d, p, AT_FDCWD, "new", AT_SYMLINK_FOLLOW))                           \
    X(linkat_to, AT | MAKES | NOFOLLOW, syscall(SYS_linkat, AT_FDCWD, "f", d, p, 0))                                     \
    X(rename_from, ENTRY, syscall(SYS_rename, p, "new"))                                                              \
    X(rename_to, MAKES | NOFOLLOW, syscall(SYS_rename, "g", p))                                                          \
    X(renameat_from, AT | ENTRY, syscall(SYS_renameat, d, p, AT_FDCWD, "new"))                                        \
    X(renameat_to, AT | MAKES | NOFOLLOW, syscall(SYS_renameat, AT_FDCWD, "g", d, p))                                    \
    X(renameat2_from, AT | ENTRY, syscall(SYS_renameat2, d, p, AT_FDCWD, "new", 0))                                   \
    X(renameat2_exchange, AT | ENTRY, syscall(SYS_renameat2, AT_FDCWD, "g", d, p, 2 /* RENAME_EXCHANGE */))           \
    X(setxattr, 0, syscall(SYS_setxattr, p, "user.a", "", 0, 0))                                                         \
    X(lsetxattr, NOFOLLOW, syscall(SYS_lsetxattr, p, "user.a", "", 0, 0))                                                \
    X(getxattr, 0, syscall(SYS_getxattr, p, "user.a", buf, 10))                                                          \
    X(lgetxattr, NOFOLLOW, syscall(SYS_lgetxattr, p, "user.a", buf, 10))                                                 \
    X(listxattr, 0, syscall(SYS_listxattr, p, buf, 0))                                                                   \
    X(llistxattr, NOFOLLOW, syscall(SYS_llistxattr, p, buf, 0))                                                          \
    X(removexattr, 0, syscall(SYS_removexattr, p, "user.a"))                                                             \
    X(lremovexattr, NOFOLLOW, syscall(SYS_lremovexattr, p, "user.a"))                                                    \
    X(execve, 0, syscall(SYS_execve, p, args, args + 1))                                                                 \
    X(execveat, AT, syscall(SYS_execveat, d, p, args, args + 1, 0))                                                      \
    X(inotify_add_watch, 0, syscall(SYS_inotify_add_watch, inotify_fd, p, IN_CREATE))                                    \
    X(name_to_handle_at, AT | NOFOLLOW, syscall(SYS_name_to_handle_at, d, p, &handle, &mount_id, 0))                     \
    X(mount_on, ROOT, syscall(SYS_mount, "none", p, "tmpfs", 0, 0))                                                      \
    X(mount_bind, ROOT | STRING, syscall(SYS_mount, p, "d", NULL, MS_BIND, 0))                                                    \
    X(umount2, 0, syscall(SYS_umount2, p, 0))                                                                            \
    X(pivot_root_new, ROOT, syscall(SYS_pivot_root, p, "d"))                                                             \
    X(pivot_root_old, ROOT, syscall(SYS_pivot_root, "/", p))

static int inotify_fd;
#define X(name, kind, call) static long call_##name(int d UNUSED, const char *p) { return call; }
CALLS(X)
#undef X
static const struct path_call { const char *name; int kind; long (*call)(int, const char *); } calls[] = {
#define X(name, kind, call) {#name, kind, call_##name},
    CALLS(X)
#undef X
};

static void setup(void) {
    OK(mkdir("d", 0755)), OK(mkdir("locked", 0755)), OK(mkdir("locked/d", 0755));
    write_file("f", ""), write_file("g", ""), write_file("locked/f", "");
    OK(symlink("loop", "loop")), OK(symlink("f", "to_file"));
    OK(chmod("locked", 0600));
    inotify_fd = OK(inotify_init1(0));
}
static char longest[PATH_MAX + 1], name256[257];
static void rows(const struct path_call *c, int d, const char *where) {
    const struct { const char *what, *path; int want; } table[] = {
        {"bad address", (char *)8, EFAULT},
        {"the kernel's address", (char *)-4096, EFAULT},
        {"empty path", "", c->kind & STRING ? EINVAL : ENOENT},
        {"missing directory", "none/x", ENOENT},
        {"missing directory and dot-dot", "none/..", ENOENT},
        {"a file as directory", "f/x", ENOTDIR},
        {"dot-dot of a file", "f/../x", ENOTDIR},
        {"a link to a file as directory", "to_file/x", ENOTDIR},
        {"links in a circle", "loop/x", ELOOP},
        {"name too long", name256, ENAMETOOLONG},
        {"path too long", longest, c->kind & STRING ? EINVAL : ENAMETOOLONG},
        {"missing file", c->kind & MAKES ? NULL : "none", ENOENT},
        {"missing file with a slash", c->kind & MAKES ? NULL : "none/", ENOENT},
        {"last link in a circle", c->kind & NOFOLLOW ? NULL : "loop", ELOOP},
        {"last link in a circle with a slash", c->kind & MAKES ? NULL : "loop/", c->kind & 32 ? ENOTDIR : ELOOP},
        {"no search permission", geteuid() == 0 ? NULL : "locked/f", EACCES},
        {"no search permission, missing", geteuid() == 0 ? NULL : "locked/none", EACCES},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        if (!table[i].path)
            continue;
        char what[120];
        snprintf(what, sizeof what, "%s%s: %s", c->name, where, table[i].what);
        errno = 0;
        long r = c->call(d, table[i].path);
        guest_row(__FILE__, __LINE__, what, r, errno, table[i].want, false);
    }
}
static bool wanted(const struct path_call *c) { return !(c->kind & ROOT) || (geteuid() == 0 && cap_effective() >> 21 & 1); }

static void all(void) {
    memset(name256, 'n', 256);
    for (int i = 0; i < PATH_MAX; i++)
        longest[i] = i & 1 ? '/' : '.';
    setup();
    if (geteuid() == 0 && cap_effective() >> 21 & 1) // mounts that succeed against expectation stay in here
        OK(unshare(CLONE_NEWNS)), OK(mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL));
    int d = OK(open(".", O_RDONLY | O_DIRECTORY)), p = OK(open(".", O_PATH | O_DIRECTORY));
    for (const struct path_call *c = calls; c < calls + sizeof calls / sizeof *calls; c++) {
        if (!wanted(c))
            continue;
        rows(c, AT_FDCWD, "");
        if (!(c->kind & AT))
            continue;
        OK(chdir("/"));
        if (!strstr(c->name, "link") && !strstr(c->name, "rename")) // their other path is relative as well
            rows(c, d, " at a directory"), rows(c, p, " at an O_PATH directory");
        OK(fchdir(d));
    }
}
TEST_DIR(of_every_call) { all(); }
TEST_DIR(of_every_call_of_an_ordinary_user) {
    NEED_ROOT();
    OK(chmod(".", 0777));
    become(1234);
    all();
}
TEST_DIR(of_the_descriptor) {
    setup();
    int file = OK(open("f", O_RDONLY)), path = OK(open("f", O_PATH)), pp[2];
    OK(pipe(pp));
    const struct { const char *what; int fd, want; } table[] = {
        {"-1", -1, EBADF}, {"closed", 99, EBADF}, {"AT_FDCWD - 1", AT_FDCWD - 1, EBADF}, {"a file", file, ENOTDIR}, {"O_PATH of a file", path, ENOTDIR}, {"a pipe", pp[0], ENOTDIR},
    };
    for (const struct path_call *c = calls; c < calls + sizeof calls / sizeof *calls; c++)
        for (size_t i = 0; c->kind & AT && i < sizeof table / sizeof *table; i++) {
            char what[120];
            snprintf(what, sizeof what, "%s: directory is %s", c->name, table[i].what);
            errno = 0;
            long r = c->call(table[i].fd, "x");
            guest_row(__FILE__, __LINE__, what, r, errno, table[i].want, false);
            snprintf(what, sizeof what, "%s: directory is %s, but the path is absolute", c->name, table[i].what);
            errno = 0;
            r = c->call(table[i].fd, "/none/none");
            guest_row(__FILE__, __LINE__, what, r, errno, ENOENT, false);
        }
}
