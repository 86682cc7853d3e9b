// Directory operations: mkdir, rmdir, link, unlink, symlink, readlink, rename and renameat2, getdents64, and path walk errnos.
#include "../guest.h"

static nlink_t links(const char *p) {
    struct stat st;
    CHECK_EQ(lstat(p, &st), 0);
    return st.st_nlink;
}
static ino_t ino(const char *p) {
    struct stat st;
    CHECK_EQ(lstat(p, &st), 0);
    return st.st_ino;
}
static int rename2(const char *a, const char *b, unsigned f) { return syscall(SYS_renameat2, AT_FDCWD, a, AT_FDCWD, b, f); }

TEST_DIR(mkdir_rmdir) {
    umask(022);
    OK(mkdir("d", 0777));
    struct stat st;
    CHECK_EQ(stat("d", &st), 0);
    CHECK(S_ISDIR(st.st_mode));
    CHECK_EQ(st.st_mode & 07777, 0755);
    CHECK_ERR(mkdir("d", 0777), EEXIST);
    CHECK_ERR(mkdir("none/d", 0777), ENOENT);
    CHECK_ERR(mkdir("d/", 0777), EEXIST);
    OK(mkdir("trailing/", 0777));
    write_file("f", "");
    CHECK_ERR(mkdir("f", 0777), EEXIST);
    CHECK_ERR(mkdir("f/d", 0777), ENOTDIR);
    CHECK_ERR(rmdir("f"), ENOTDIR);
    CHECK_ERR(rmdir("none"), ENOENT);
    CHECK_ERR(rmdir("."), EINVAL);
    CHECK_ERR(rmdir("d/.."), ENOTEMPTY);
    CHECK_ERR(rmdir("/"), EBUSY);
    OK(mkdir("d/e", 0777));
    CHECK_ERR(rmdir("d"), ENOTEMPTY);
    CHECK_ERR(unlink("d/e"), EISDIR);
    CHECK_EQ(unlinkat(AT_FDCWD, "d/e", AT_REMOVEDIR), 0);
    OK(rmdir("d/"));
    CHECK_ERR(mkdir("", 0777), ENOENT);
    OK(symlink("nowhere", "l"));
    CHECK_ERR(mkdir("l", 0777), EEXIST);
    CHECK_ERR(unlinkat(AT_FDCWD, "f", 0x8000), EINVAL);
}
TEST_DIR(hard_links) {
    write_file("f", "x");
    CHECK_EQ(links("f"), 1);
    OK(link("f", "g"));
    CHECK_EQ(links("f"), 2), CHECK_EQ(ino("f"), ino("g"));
    CHECK_ERR(link("f", "g"), EEXIST);
    CHECK_ERR(link("none", "h"), ENOENT);
    OK(mkdir("d", 0777));
    CHECK_ERR(link("d", "d2"), EPERM);
    CHECK_ERR(link("f", "none/g"), ENOENT);
    CHECK_ERR(link("f", "f/g"), ENOTDIR);
    OK(symlink("f", "s"));
    OK(link("s", "s2")); // the link itself
    char b[8];
    CHECK_EQ(readlink("s2", b, 8), 1);
    CHECK_EQ(linkat(AT_FDCWD, "s", AT_FDCWD, "h", AT_SYMLINK_FOLLOW), 0);
    CHECK_EQ(ino("h"), ino("f"));
    OK(unlink("f")), OK(unlink("h"));
    CHECK_EQ(links("g"), 1);
    CHECK_STR(read_file("g"), "x");
    CHECK_ERR(linkat(AT_FDCWD, "g", AT_FDCWD, "i", 0x8000), EINVAL);
}
TEST_DIR(unlink_errnos) {
    write_file("f", "");
    CHECK_ERR(unlink("f/"), ENOTDIR);
    CHECK_ERR(unlink("f/x"), ENOTDIR);
    CHECK_ERR(unlink(""), ENOENT);
    CHECK_ERR(unlink("."), EISDIR);
    CHECK_ERR(unlink((char *)8), EFAULT);
    CHECK_ERR(unlinkat(99, "f", 0), EBADF);
    OK(symlink("f", "l"));
    OK(unlink("l"));
    CHECK_EQ(access("f", F_OK), 0);
}
TEST_DIR(symlink_readlink) {
    char b[16] = "----------";
    OK(symlink("target", "l"));
    CHECK_EQ(readlink("l", b, 3), 3); // cut, no NUL
    CHECK_MEM(b, "tar-", 4);
    CHECK_EQ(readlink("l", b, 16), 6);
    CHECK_ERR(readlink("l", b, 0), EINVAL);
    CHECK_ERR(symlink("x", "l"), EEXIST);
    CHECK_ERR(symlink("", "m"), ENOENT);
    CHECK_ERR(readlink("none", b, 16), ENOENT);
    write_file("f", "");
    CHECK_ERR(readlink("f", b, 16), EINVAL);
    struct stat st;
    CHECK_EQ(lstat("l", &st), 0);
    CHECK_EQ(st.st_size, 6);
    CHECK_EQ(st.st_mode & 0777, 0777);
    char longtarget[PATH_MAX + 2];
    memset(longtarget, 'x', sizeof longtarget);
    longtarget[PATH_MAX] = 0;
    CHECK_ERR(symlink(longtarget, "m"), ENAMETOOLONG);
    longtarget[4000] = 0;
    OK(symlink(longtarget, "m"));
    CHECK_EQ(lstat("m", &st), 0);
    CHECK_EQ(st.st_size, 4000);
}
TEST_DIR(rename_files) {
    write_file("a", "A"), write_file("b", "B");
    ino_t i = ino("a");
    OK(rename("a", "b"));
    CHECK_EQ(ino("b"), i);
    CHECK_ERR(access("a", F_OK), ENOENT);
    CHECK_STR(read_file("b"), "A");
    OK(rename("b", "b"));
    OK(link("b", "c"));
    OK(rename("b", "c")); // the same file: nothing happens, both stay
    CHECK_EQ(access("b", F_OK), 0), CHECK_EQ(access("c", F_OK), 0);
    CHECK_ERR(rename("none", "x"), ENOENT);
    CHECK_ERR(rename("b", "none/x"), ENOENT);
    CHECK_ERR(rename("b", "c/x"), ENOTDIR);
    OK(symlink("b", "l"));
    OK(rename("l", "m")); // the link, not its target
    char buf[4];
    CHECK_EQ(readlink("m", buf, 4), 1);
    write_file("x", "open");
    int fd = OK(open("x", O_RDONLY));
    write_file("y", "new");
    OK(rename("y", "x"));
    CHECK_EQ(read(fd, buf, 4), 4);
    CHECK_MEM(buf, "open", 4);
}
TEST_DIR(rename_directories) {
    OK(mkdir("d", 0777)), OK(mkdir("d/e", 0777)), OK(mkdir("empty", 0777)), OK(mkdir("full", 0777));
    write_file("full/f", ""), write_file("f", "");
    CHECK_ERR(rename("d", "d/e/x"), EINVAL);
    CHECK_ERR(rename("d", "full"), ENOTEMPTY);
    CHECK_ERR(rename("d", "f"), ENOTDIR);
    CHECK_ERR(rename("f", "d"), EISDIR);
    CHECK_ERR(rename("f", "g/"), ENOTDIR);
    CHECK_ERR(rename(".", "x"), EBUSY);
    CHECK_ERR(rename("d", ".."), EBUSY);
    OK(rename("d", "empty"));
    CHECK_EQ(access("empty/e", F_OK), 0);
    OK(rename("empty", "g/"));
    CHECK_EQ(access("g/e", F_OK), 0);
    nlink_t before = links("full");
    OK(rename("g", "full/g"));
    CHECK_EQ(links("full"), before == 1 ? 1 : before + 1);
    int d = OK(open("full/g", O_RDONLY));
    OK(rename("full/g", "h"));
    CHECK_EQ(fchdir(d), 0);
    char b[PATH_MAX];
    CHECK_STR(strrchr(OK(getcwd(b, sizeof b)), '/'), "/h"); // getcwd follows the rename
}
TEST_DIR(renameat2_flags) {
    write_file("a", "A"), write_file("b", "B");
    OK(mkdir("d", 0777));
    if (rename2("a", "b", 1) == -1 && errno == EINVAL)
        skip("this file system has no RENAME_NOREPLACE");
    CHECK_ERR(rename2("a", "b", 1 /* NOREPLACE */), EEXIST);
    CHECK_EQ(rename2("a", "c", 1), 0);
    CHECK_EQ(rename2("c", "b", 2 /* EXCHANGE */), 0);
    CHECK_STR(read_file("b"), "A");
    CHECK_STR(read_file("c"), "B");
    CHECK_EQ(rename2("b", "d", 2), 0); // kinds may differ
    struct stat st;
    CHECK_EQ(stat("b", &st), 0);
    CHECK(S_ISDIR(st.st_mode));
    CHECK_ERR(rename2("b", "none", 2), ENOENT);
    CHECK_ERR(rename2("b", "x", 1 | 2), EINVAL);
    CHECK_ERR(rename2("b", "x", 0x100), EINVAL);
}
TEST_DIR(path_walk_errnos) {
    OK(mkdir("d", 0777));
    write_file("d/f", "");
    struct stat st;
    CHECK_EQ(stat("d/./../d/f", &st), 0);
    CHECK_EQ(stat("d//f", &st), 0);
    CHECK_EQ(stat("./d/f", &st), 0);
    CHECK_EQ(stat("d/", &st), 0);
    CHECK_EQ(stat("d/.", &st), 0);
    CHECK_ERR(stat("d/f/", &st), ENOTDIR);
    CHECK_ERR(stat("d/f/.", &st), ENOTDIR);
    CHECK_ERR(stat("d/f/..", &st), ENOTDIR);
    CHECK_ERR(stat("none/..", &st), ENOENT);
    CHECK_ERR(stat("", &st), ENOENT);
    CHECK_ERR(stat((char *)8, &st), EFAULT);
    CHECK_EQ(stat("/..", &st), 0);
    CHECK_EQ(stat("/../../..", &st), 0);
    char name[300];
    memset(name, 'n', 256), name[256] = 0;
    CHECK_ERR(stat(name, &st), ENAMETOOLONG);
    CHECK_ERR(mkdir(name, 0777), ENAMETOOLONG);
    name[255] = 0;
    CHECK_ERR(stat(name, &st), ENOENT);
    OK(mkdir(name, 0777));
    static char path[PATH_MAX + 10];
    for (int i = 0; i < PATH_MAX + 8; i++)
        path[i] = i & 1 ? '/' : '.';
    path[PATH_MAX] = 0;
    CHECK_ERR(stat(path, &st), ENAMETOOLONG);
    path[PATH_MAX - 1] = 0;
    CHECK_EQ(stat(path, &st), 0);
    OK(symlink("b", "a")), OK(symlink("a", "b"));
    CHECK_ERR(stat("a", &st), ELOOP);
    CHECK_ERR(stat("a/x", &st), ELOOP);
    CHECK_EQ(lstat("a", &st), 0);
    char from[8], to[8];
    strcpy(to, "d");
    for (int i = 0; i < 41; i++) { // l0 -> d, l1 -> l0 ...: 40 are allowed
        snprintf(from, 8, "l%d", i);
        OK(symlink(to, from));
        strcpy(to, from);
    }
    CHECK_EQ(stat("l39", &st), 0);
    CHECK_ERR(stat("l40", &st), ELOOP);
    OK(symlink("/", "root"));
    CHECK_EQ(stat("root/proc/..", &st), 0);
}
TEST_DIR(symlink_in_the_middle) {
    OK(mkdir("d", 0777)), OK(mkdir("d/e", 0777));
    write_file("d/f", "in d");
    OK(symlink("d/e", "l"));
    CHECK_STR(read_file("l/../f"), "in d"); // .. of the target
    OK(symlink("../f", "d/e/up"));
    CHECK_STR(read_file("l/up"), "in d"); // relative to where the link lies
    char b[PATH_MAX];
    OK(chdir("l"));
    CHECK_STR(strrchr(OK(getcwd(b, sizeof b)), '/'), "/e");
}
struct dirent64_ { uint64_t ino; int64_t off; uint16_t len; uint8_t type; char name[]; };
TEST_DIR(getdents) {
    for (int i = 0; i < 300; i++) {
        char n[32];
        snprintf(n, 32, "file-number-%d", i);
        close(OK(open(n, O_CREAT | O_WRONLY, 0644)));
    }
    OK(mkdir("dir", 0777)), OK(symlink("x", "link")), OK(mkfifo("fifo", 0666));
    int fd = OK(open(".", O_RDONLY | O_DIRECTORY));
    static bool seen[300];
    int others = 0, total = 0;
    char buf[1024];
    long n;
    while ((n = OK(syscall(SYS_getdents64, fd, buf, sizeof buf))) > 0)
        for (long o = 0; o < n;) {
            struct dirent64_ *e = (void *)(buf + o);
            int i;
            total++;
            if (sscanf(e->name, "file-number-%d", &i) == 1) {
                CHECK(!seen[i]);
                seen[i] = true;
                CHECK(e->type == DT_REG || e->type == DT_UNKNOWN);
            } else {
                others++;
                int want = !strcmp(e->name, "link") ? DT_LNK : !strcmp(e->name, "fifo") ? DT_FIFO : DT_DIR;
                CHECK(e->type == want || e->type == DT_UNKNOWN);
            }
            if (strcmp(e->name, "..") && strcmp(e->name, "."))
                CHECK_EQ(e->ino, ino(e->name));
            CHECK_EQ(e->len % 8, 0);
            o += e->len;
        }
    CHECK_EQ(others, 5), CHECK_EQ(total, 305);
    OK(lseek(fd, 0, SEEK_SET));
    CHECK_ERR(syscall(SYS_getdents64, fd, buf, 5), EINVAL);
    CHECK_EQ(lseek(fd, 0, SEEK_SET), 0);
    CHECK_GT(syscall(SYS_getdents64, fd, buf, sizeof buf), 0);
    int f = OK(open("file-number-0", O_RDONLY));
    CHECK_ERR(syscall(SYS_getdents64, f, buf, sizeof buf), ENOTDIR);
    CHECK_ERR(syscall(SYS_getdents64, 99, buf, sizeof buf), EBADF);
    OK(lseek(fd, 0, SEEK_SET));
    CHECK_ERR(syscall(SYS_getdents64, fd, 8, 1024), EFAULT);
}
TEST_DIR(readdir_while_changing) {
    for (int i = 0; i < 50; i++) {
        char n[32];
        snprintf(n, 32, "f%d", i);
        write_file(n, "");
    }
    DIR *d = opendir(".");
    CHECK(d);
    int files = 0;
    for (struct dirent *e; (e = readdir(d));)
        if (e->d_name[0] == 'f') {
            files++;
            OK(unlink(e->d_name)); // rm -r
        }
    CHECK_EQ(files, 50);
    rewinddir(d);
    files = 0;
    while (readdir(d))
        files++;
    CHECK_EQ(files, 2);
    closedir(d);
}
TEST_DIR(telldir_seekdir) {
    for (int i = 0; i < 20; i++) {
        char n[32];
        snprintf(n, 32, "f%d", i);
        write_file(n, "");
    }
    DIR *d = opendir(".");
    for (int i = 0; i < 8; i++)
        CHECK(readdir(d));
    long pos = telldir(d);
    char a[256];
    strcpy(a, readdir(d)->d_name);
    CHECK(readdir(d));
    seekdir(d, pos);
    CHECK_STR(readdir(d)->d_name, a);
    closedir(d);
}
TEST_DIR(removed_directory) {
    OK(mkdir("d", 0777));
    int fd = OK(open("d", O_RDONLY));
    OK(chdir("d"));
    OK(rmdir("../d"));
    char b[PATH_MAX];
    CHECK_ERR(syscall(SYS_getcwd, b, sizeof b), ENOENT);
    CHECK_ERR(open("x", O_CREAT | O_WRONLY, 0644), ENOENT);
    CHECK_ERR(mkdirat(fd, "x", 0777), ENOENT);
    CHECK_EQ(syscall(SYS_getdents64, fd, b, sizeof b) <= 0, 1);
    struct stat st;
    CHECK_EQ(fstat(fd, &st), 0);
    CHECK_EQ(st.st_nlink, 0);
    CHECK_EQ(stat(".", &st), 0);
    OK(chdir(".."));
}
TEST_DIR(getcwd_chdir) {
    char b[PATH_MAX], c[PATH_MAX];
    OK(getcwd(b, sizeof b));
    CHECK_EQ(b[0], '/');
    CHECK_EQ(syscall(SYS_getcwd, c, sizeof c), strlen(b) + 1);
    CHECK_ERR(syscall(SYS_getcwd, c, 3), ERANGE);
    CHECK_ERR(syscall(SYS_getcwd, 8, 100), EFAULT);
    write_file("f", "");
    CHECK_ERR(chdir("f"), ENOTDIR);
    CHECK_ERR(chdir("none"), ENOENT);
    CHECK_ERR(fchdir(OK(open("f", O_RDONLY))), ENOTDIR);
    CHECK_ERR(fchdir(99), EBADF);
    OK(chdir("/"));
    CHECK_STR(OK(getcwd(c, sizeof c)), "/");
    OK(chdir(".."));
    CHECK_STR(OK(getcwd(c, sizeof c)), "/");
}
TEST_DIR(deep_tree) {
    char up[700] = "", b[PATH_MAX];
    size_t base = strlen(OK(getcwd(b, sizeof b)));
    for (int i = 0; i < 200; i++) {
        OK(mkdir("dddddddd", 0777));
        OK(chdir("dddddddd"));
        strcat(up, "../");
    }
    CHECK_EQ(strlen(OK(getcwd(b, sizeof b))), base + 200 * 9);
    OK(chdir(up));
    CHECK_EQ(strlen(OK(getcwd(b, sizeof b))), base);
}
TEST_DIR(nlink_of_directories) {
    OK(mkdir("d", 0777));
    nlink_t n = links("d");
    if (n == 1)
        skip("this file system does not count");
    CHECK_EQ(n, 2);
    OK(mkdir("d/a", 0777)), OK(mkdir("d/b", 0777));
    write_file("d/f", "");
    CHECK_EQ(links("d"), 4);
    OK(rmdir("d/a"));
    CHECK_EQ(links("d"), 3);
}
