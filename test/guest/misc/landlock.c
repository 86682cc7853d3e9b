// Landlock (landlock(7)): rights to files given up, by what a process and its children then may do.
#include "../guest.h"
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/socket.h>
#include <sys/un.h>

enum {
    EXECUTE = 1, WRITE = 2, READ = 4, READ_DIR = 8, REMOVE_DIR = 16, REMOVE_FILE = 32, MAKE_CHAR = 64, MAKE_DIR = 128, MAKE_REG = 256,
    MAKE_SOCK = 512, MAKE_FIFO = 1024, MAKE_BLOCK = 2048, MAKE_SYM = 4096, REFER = 8192, TRUNCATE = 16384,
};
#define ALL (TRUNCATE * 2 - 1)
#define IN_FILES (EXECUTE | WRITE | READ | TRUNCATE)

static int create(unsigned long handled) { return syscall(444, &handled, 8UL, 0); }
static int allow(int set, const char *path, unsigned long rights) {
    struct { unsigned long allowed; int fd; } __attribute__((packed)) rule = {rights, OK(open(path, O_PATH | O_CLOEXEC))};
    int r = syscall(445, set, 1, &rule, 0);
    int e = errno;
    close(rule.fd);
    errno = e;
    return r;
}
static int restrict_self(int set) { return syscall(446, set, 0); }
static void need_landlock(void) {
    long v = syscall(444, NULL, 0UL, 1);
    if (v < 3) skip("no Landlock of version 3");
}
static void enter(int set) {
    OK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
    OK(restrict_self(set));
    close(set);
}
static void tree(void) {
    OK(mkdir("in", 0755)), OK(mkdir("in/d", 0755)), OK(mkdir("out", 0755)), OK(mkdir("out/d", 0755));
    write_file("in/f", "inside"), write_file("out/f", "outside"), write_file("in/d/f", "deep");
}

TEST_DIR(rulesets_and_their_errors) {
    need_landlock();
    unsigned long a[3] = {READ, 0, 0};
    CHECK_ERR(syscall(444, NULL, 0UL, 0), EFAULT);
    CHECK_ERR(syscall(444, a, 7UL, 0), EINVAL);
    CHECK_ERR(syscall(444, a, 8UL, 1), EINVAL);
    CHECK_ERR(syscall(444, a, 8UL, 0x80), EINVAL);
    CHECK_ERR(syscall(444, NULL, 8UL, 0), EFAULT);
    CHECK_ERR(syscall(444, a, 5000UL, 0), E2BIG);
    CHECK_ERR(create(0), ENOMSG);
    CHECK_ERR(create(1UL << 60), EINVAL);
    int set = OK(create(READ | WRITE | READ_DIR));
    CHECK_EQ(fcntl(set, F_GETFD), FD_CLOEXEC);
    write_file("f", "x");
    CHECK_EQ(allow(set, ".", READ), 0);
    CHECK_EQ(allow(set, "f", READ | WRITE), 0);
    CHECK_ERR(allow(set, "f", READ_DIR), EINVAL); // no right to a file
    CHECK_ERR(allow(set, ".", 0), ENOMSG);
    CHECK_ERR(allow(set, ".", EXECUTE), EINVAL); // not handled
    CHECK_ERR(allow(999, ".", READ), EBADF);
    int other = OK(open("f", O_RDONLY)), p[2];
    CHECK_ERR(allow(other, ".", READ), EBADFD);
    struct { unsigned long allowed; int fd; } __attribute__((packed)) rule = {READ, 999};
    CHECK_ERR(syscall(445, set, 1, &rule, 0), EBADF);
    OK(pipe(p));
    rule.fd = p[0];
    CHECK_ERR(syscall(445, set, 1, &rule, 0), EBADFD);
    rule.fd = set;
    CHECK_ERR(syscall(445, set, 1, &rule, 0), EBADFD);
    CHECK_ERR(syscall(445, set, 77, &rule, 0), EINVAL);
    CHECK_ERR(syscall(445, set, 1, &rule, 1), EINVAL);
    CHECK_ERR(syscall(445, set, 1, (void *)8, 0), EFAULT);
    char c;
    CHECK_ERR(read(set, &c, 1), EINVAL);
    IN_CHILD(
        OK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
        CHECK_ERR(syscall(446, set, 1 << 20), EINVAL);
        CHECK_ERR(restrict_self(999), EBADF);
        CHECK_ERR(restrict_self(other), EBADFD);
        for (int i = 0; i < 16; i++) OK(restrict_self(set));
        CHECK_ERR(restrict_self(set), E2BIG);
    );
    IN_CHILD(if (geteuid() == 0) OK(setresuid(1234, 1234, 1234)); CHECK_ERR(restrict_self(set), EPERM));
}
TEST_DIR(opening) {
    need_landlock();
    tree();
    int before = OK(open("out/f", O_RDWR));
    int set = OK(create(READ | WRITE | READ_DIR | TRUNCATE));
    OK(allow(set, "in", READ | READ_DIR));
    OK(allow(set, "in/d", WRITE));
    enter(set);
    OK(open("in/f", O_RDONLY)), OK(open("in", O_RDONLY | O_DIRECTORY)), OK(open("in/d/f", O_RDONLY));
    CHECK_ERR(open("in/f", O_WRONLY), EACCES);
    CHECK_ERR(open("in/f", O_RDWR), EACCES);
    CHECK_ERR(open("out/f", O_RDONLY), EACCES);
    CHECK_ERR(open("out", O_RDONLY), EACCES);
    CHECK_ERR(open("in/../out/f", O_RDONLY), EACCES);
    int fd = OK(open("in/d/f", O_RDWR)); // rules add up on the way to the root
    CHECK_ERR(ftruncate(fd, 0), EACCES);
    CHECK_ERR(truncate("in/d/f", 0), EACCES);
    CHECK_ERR(open("in/d/f", O_WRONLY | O_TRUNC), EACCES);
    OK(ftruncate(before, 3)); // what was open stays as it was
    char buf[4];
    CHECK_EQ(pread(before, buf, 4, 0), 3);
    // Only what is handled.
    OK(open("out/f", O_PATH)), OK(stat("out/f", &(struct stat){0})), OK(chdir("out")), OK(chmod("f", 0600)), OK(unlink("f"));
    OK(mkdir("new", 0755));
    IN_CHILD(CHECK_ERR(open("../in/f", O_WRONLY), EACCES)); // inherited
    int p[2];
    OK(pipe(p));
    char name[64];
    snprintf(name, sizeof name, "/proc/self/fd/%d", p[1]);
    OK(open(name, O_WRONLY)); // stands in no tree
}
TEST_DIR(making_and_removing) {
    need_landlock();
    tree();
    OK(mkdir("in/empty", 0755)), OK(mkdir("out/empty", 0755));
    int set = OK(create(ALL & ~IN_FILES & ~READ_DIR));
    OK(allow(set, "in", MAKE_REG | MAKE_DIR | REMOVE_FILE));
    enter(set);
    close(OK(open("in/new", O_WRONLY | O_CREAT, 0644)));
    OK(mkdir("in/newdir", 0755));
    OK(link("in/new", "in/hard"));
    OK(rename("in/new", "in/renamed"));
    OK(unlink("in/renamed"));
    CHECK_ERR(rmdir("in/empty"), EACCES);
    CHECK_ERR(symlink("x", "in/sym"), EACCES);
    CHECK_ERR(mkfifo("in/fifo", 0644), EACCES);
    CHECK_ERR(rename("in/d", "in/d2"), EACCES); // a directory would have to be removed
    CHECK_ERR(open("out/new", O_WRONLY | O_CREAT, 0644), EACCES);
    CHECK_ERR(mkdir("out/new", 0755), EACCES);
    CHECK_ERR(mkdir("out/empty", 0755), EEXIST);
    CHECK_ERR(unlink("out/f"), EACCES);
    CHECK_ERR(unlink("out/none"), ENOENT);
    CHECK_ERR(rmdir("out/empty"), EACCES);
    CHECK_ERR(link("out/f", "out/g"), EACCES);
    CHECK_ERR(rename("out/f", "out/g"), EACCES);
    CHECK_ERR(rename("in/f", "out/g"), EACCES);
    CHECK_ERR(rename("in/f", "in/d/g"), EXDEV); // another directory
    CHECK_ERR(link("in/f", "in/d/g"), EXDEV);
    int s = OK(socket(AF_UNIX, SOCK_STREAM, 0));
    struct sockaddr_un a = {AF_UNIX, "in/socket"};
    CHECK_ERR(bind(s, (void *)&a, sizeof a), EACCES);
}
TEST_DIR(moving_gains_nothing) {
    need_landlock();
    tree();
    OK(mkdir("in/same", 0755)), OK(mkdir("in/more", 0755));
    int set = OK(create(ALL));
    OK(allow(set, "in", READ | WRITE | READ_DIR | MAKE_REG | MAKE_DIR | REMOVE_FILE | REMOVE_DIR | REFER));
    OK(allow(set, "in/more", EXECUTE | TRUNCATE));
    OK(allow(set, "out", READ | MAKE_REG | REMOVE_FILE));
    enter(set);
    OK(rename("in/f", "in/same/f"));
    OK(link("in/same/f", "in/f"));
    CHECK_ERR(rename("in/f", "in/more/f"), EXDEV); // it could be executed there
    CHECK_ERR(link("in/f", "in/more/f"), EXDEV);
    CHECK_ERR(rename("in/same", "in/more/same"), EXDEV);
    CHECK_ERR(rename("in/f", "out/g"), EXDEV); // nothing may be moved out to there
    CHECK_ERR(rename("out/f", "in/g"), EXDEV);
    OK(close(OK(open("in/more/h", O_WRONLY | O_CREAT, 0644))));
    OK(rename("in/more/h", "in/h")); // to less is no gain
    OK(syscall(SYS_renameat2, AT_FDCWD, "in/h", AT_FDCWD, "in/same/f", 2));
}
TEST_DIR(layers_add_up) {
    need_landlock();
    tree();
    int set = OK(create(READ | READ_DIR));
    OK(allow(set, "in", READ | READ_DIR)), OK(allow(set, "out", READ));
    enter(set);
    OK(open("out/f", O_RDONLY));
    set = OK(create(READ));
    OK(allow(set, "in", READ));
    enter(set);
    OK(open("in/f", O_RDONLY)), OK(open("in", O_RDONLY));
    CHECK_ERR(open("out/f", O_RDONLY), EACCES); // the second layer
    CHECK_ERR(open("out", O_RDONLY), EACCES);   // the first
    set = OK(create(READ));
    OK(allow(set, "/", READ)); // gives nothing back
    enter(set);
    CHECK_ERR(open("out/f", O_RDONLY), EACCES);
    // A ruleset that grows after it was entered does not change what it is for us.
}
TEST_DIR(executing) {
    need_landlock();
    int set = OK(create(EXECUTE));
    enter(set);
    char *args[] = {"/bin/sh", "-c", "exit 7", NULL};
    IN_CHILD(CHECK_ERR(execv("/bin/sh", args), EACCES));
}
TEST_DIR(tracing_and_mounts) {
    need_landlock();
    pid_t outside = FORK();
    if (outside == 0) {
        pause();
        _exit(0);
    }
    int set = OK(create(READ));
    enter(set);
    CHECK_ERR(ptrace(PTRACE_ATTACH, outside, 0, 0), EPERM);
    pid_t inside = FORK();
    if (inside == 0) {
        pause();
        _exit(0);
    }
    OK(ptrace(PTRACE_ATTACH, inside, 0, 0));
    OK(kill(inside, SIGKILL)), OK(kill(outside, SIGKILL));
    CHECK_KILLED(outside, SIGKILL);
    OK(waitpid(inside, NULL, __WALL));
    CHECK_ERR(mount("none", ".", "tmpfs", 0, NULL), EPERM);
    CHECK_ERR(umount2("/", 0), EPERM);
}
