// User and group ids, supplementary groups, capabilities, securebits, no_new_privs, setuid programs.
#include "../guest.h"
#include <grp.h>
#include <sys/fsuid.h>

static void want_uids(uid_t r, uid_t e, uid_t s) {
    uid_t a, b, c;
    OK(getresuid(&a, &b, &c));
    CHECK_EQ(a, r), CHECK_EQ(b, e), CHECK_EQ(c, s);
}
TEST(agree) {
    uid_t r, e, s;
    gid_t gr, ge, gs;
    OK(getresuid(&r, &e, &s)), OK(getresgid(&gr, &ge, &gs));
    CHECK_EQ(r, getuid()), CHECK_EQ(e, geteuid()), CHECK_EQ(gr, getgid()), CHECK_EQ(ge, getegid());
    CHECK_EQ(setfsuid(-1), geteuid()); // reports
    CHECK_EQ(setresuid(-1, -1, -1), 0), CHECK_EQ(setresgid(-1, -1, -1), 0);
    CHECK_EQ(setuid(getuid()), 0), CHECK_EQ(setgid(getgid()), 0);
    CHECK_ERR(getgroups(-1, NULL), EINVAL);
    CHECK_GE(getgroups(0, NULL), 0);
    CHECK_ERR(getresuid((uid_t *)8, &e, &s), EFAULT);
}
TEST(an_ordinary_user_may_not) {
    if (geteuid() == 0) {
        NEED_ROOT();
        become(1234);
    }
    uid_t u = getuid();
    CHECK_ERR(setuid(0), EPERM), CHECK_ERR(setgid(0), EPERM), CHECK_ERR(setresuid(0, -1, -1), EPERM), CHECK_ERR(seteuid(0), EPERM);
    CHECK_ERR(setreuid(0, -1), EPERM);
    CHECK_ERR(setgroups(0, NULL), EPERM);
    CHECK_ERR(chroot("/"), EPERM);
    CHECK_ERR(sethostname("x", 1), EPERM);
    CHECK_ERR(nice(-1), EPERM);
    CHECK_EQ(cap_effective(), 0);
    CHECK_EQ(prctl(PR_CAPBSET_READ, 0), prctl(PR_CAPBSET_READ, 0));
    CHECK_ERR(prctl(PR_CAPBSET_DROP, 0), EPERM);
    want_uids(u, u, u);
}
TEST(drop_for_good) {
    NEED_ROOT();
    IN_CHILD(
        CHECK_NE(cap_effective(), 0);
        CHECK_EQ(setuid(1234), 0);
        want_uids(1234, 1234, 1234);
        CHECK_EQ(cap_effective(), 0);
        CHECK_ERR(setuid(0), EPERM);
    );
}
TEST(drop_and_return) {
    NEED_ROOT();
    IN_CHILD(
        CHECK_EQ(seteuid(1234), 0);
        want_uids(0, 1234, 0);
        CHECK_EQ(cap_effective(), 0);
        CHECK_EQ(seteuid(0), 0);
        CHECK_NE(cap_effective(), 0);
        CHECK_EQ(setresuid(10, 20, 30), 0);
        CHECK_EQ(setresuid(-1, 10, -1), 0);
        CHECK_EQ(setresuid(-1, 30, -1), 0);
        CHECK_EQ(setresuid(-1, 20, -1) == -1 ? errno : 0, EPERM); // gone: neither real nor saved
        CHECK_EQ(setreuid(30, 10), 0);
        want_uids(30, 10, 10); // changing the real one, or the effective to another than the real: saved follows
    );
}
TEST(group_ids_and_sets) {
    NEED_ROOT();
    IN_CHILD(
        gid_t g[3] = {5, 500, 70000}; gid_t back[8];
        CHECK_EQ(setgroups(3, g), 0);
        CHECK_EQ(getgroups(8, back), 3);
        CHECK_MEM(back, g, sizeof g);
        CHECK_ERR(getgroups(2, back), EINVAL);
        CHECK_ERR(setgroups(65537, g), EINVAL);
        CHECK_EQ(setresgid(1, 2, 3), 0);
        CHECK_EQ(getgid(), 1);
        CHECK_EQ(getegid(), 2);
        CHECK_EQ(setgroups(0, NULL), 0);
        CHECK_EQ(getgroups(0, NULL), 0);
    );
}
TEST_DIR(groups_give_access) {
    NEED_ROOT();
    write_file("f", "x");
    OK(chown("f", 0, 777)), OK(chmod("f", 0640)), OK(chmod(".", 0755));
    IN_CHILD(
        gid_t g = 777;
        OK(setgroups(1, &g));
        OK(setresgid(1234, 1234, 1234));
        OK(setresuid(1234, 1234, 1234));
        CHECK_GE(open("f", O_RDONLY), 0);
        CHECK_ERR(open("f", O_WRONLY), EACCES);
    );
    IN_CHILD(become(1234); CHECK_ERR(open("f", O_RDONLY), EACCES));
    OK(chown("f", 1234, 777)), OK(chmod("f", 0040));
    IN_CHILD(
        gid_t g = 777;
        OK(setgroups(1, &g));
        OK(setresgid(1234, 1234, 1234));
        OK(setresuid(1234, 1234, 1234));
        CHECK_ERR(open("f", O_RDONLY), EACCES); // the owner's bits alone count for the owner
    );
}
TEST_DIR(fsuid_decides_about_files) {
    NEED_ROOT();
    write_file("f", "x");
    OK(chmod("f", 0600)), OK(chmod(".", 0777));
    IN_CHILD(
        CHECK_EQ(setfsuid(1234), 0);
        CHECK_ERR(open("f", O_RDONLY), EACCES);
        close(OK(open("made", O_CREAT | O_WRONLY, 0644)));
        struct stat st;
        OK(stat("made", &st));
        CHECK_EQ(st.st_uid, 1234);
        CHECK_EQ(geteuid(), 0);
        CHECK_EQ(setfsuid(0), 1234);
        CHECK_GE(open("f", O_RDONLY), 0);
    );
}
struct hdr { uint32_t version; int pid; };
struct dat { uint32_t effective, permitted, inheritable; };
TEST(capget_capset) {
    struct hdr h = {0, 0};
    struct dat d[2] = {{0}};
    CHECK_ERR(syscall(SYS_capget, &h, d), EINVAL); // but tells the version it prefers
    CHECK_EQ(h.version, 0x20080522);
    CHECK_EQ(syscall(SYS_capget, &h, d), 0);
    h.pid = -1;
    CHECK_ERR(syscall(SYS_capget, &h, d), EINVAL);
    h.pid = 4194304 - 3;
    CHECK_ERR(syscall(SYS_capget, &h, d), ESRCH);
    h.pid = 0;
    IN_CHILD(
        struct dat x[2];
        memcpy(x, d, sizeof d);
        x[0].effective &= ~1u;
        x[0].permitted &= ~1u;
        CHECK_EQ(syscall(SYS_capset, &h, x), 0);
        CHECK_EQ(cap_effective() & 1, 0);
        x[0].permitted |= 1;
        CHECK_ERR(syscall(SYS_capset, &h, x), EPERM); // never back
        x[0].permitted &= ~1u;
        x[0].effective |= 1;
        CHECK_ERR(syscall(SYS_capset, &h, x), EPERM); // effective within permitted
        h.pid = getppid();
        CHECK_ERR(syscall(SYS_capset, &h, x), EPERM); // only for oneself
    );
}
TEST(bounding_ambient_keepcaps) {
    CHECK_ERR(prctl(PR_CAPBSET_READ, 999), EINVAL);
    CHECK_EQ(prctl(PR_GET_KEEPCAPS), 0);
    CHECK_EQ(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, 5, 0, 0), 0);
    NEED_ROOT();
    IN_CHILD(
        CHECK_EQ(prctl(PR_SET_KEEPCAPS, 1), 0);
        CHECK_EQ(setresuid(1234, 1234, 1234), 0);
        CHECK_EQ(cap_effective(), 0); // effective goes, permitted stays
        struct hdr h = {0x20080522, 0};
        struct dat d[2];
        CHECK_EQ(syscall(SYS_capget, &h, d), 0);
        CHECK_NE(d[0].permitted, 0);
        d[0].effective = 1;
        CHECK_EQ(syscall(SYS_capset, &h, d), 0);
        CHECK_EQ(cap_effective(), 1);
    );
    IN_CHILD(
        CHECK_EQ(prctl(PR_CAPBSET_READ, 10), 1);
        CHECK_EQ(prctl(PR_CAPBSET_DROP, 10), 0);
        CHECK_EQ(prctl(PR_CAPBSET_READ, 10), 0);
    );
}
TEST(no_new_privs) {
    CHECK_EQ(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
    CHECK_ERR(prctl(PR_SET_NO_NEW_PRIVS, 0, 0, 0, 0), EINVAL);
    CHECK_EQ(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
    IN_CHILD(CHECK_EQ(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), 1));
}
HELPER(ids) {
    uid_t r, e, s;
    getresuid(&r, &e, &s);
    if (prctl(PR_GET_DUMPABLE) == 1 && e != r)
        return 2;
    return r == (uid_t)atoi(argv[0]) && e == (uid_t)atoi(argv[1]) && s == (uid_t)atoi(argv[2]) ? 0 : 1;
}
static int run_copy(const char *r, const char *e, const char *s) {
    int st;
    pid_t c = FORK();
    if (c == 0) {
        become(1234);
        execl("./copy", "copy", "--helper", "ids", r, e, s, NULL);
        _exit(9);
    }
    CHECK_EQ(guest_waitpid(c, &st, 0), c);
    return WEXITSTATUS(st);
}
TEST_DIR(setuid_program) {
    NEED_ROOT();
    char cmd[PATH_MAX + 32];
    snprintf(cmd, sizeof cmd, "cp %s ./copy", guest_self);
    CHECK_EQ(system(cmd), 0);
    OK(chmod(".", 0755)), OK(chmod("copy", 0755));
    CHECK_EQ(run_copy("1234", "1234", "1234"), 0);
    OK(chmod("copy", 04755));
    CHECK_EQ(run_copy("1234", "0", "0"), 0);
    OK(chown("copy", 77, 77)), OK(chmod("copy", 04755));
    CHECK_EQ(run_copy("1234", "77", "77"), 0);
    CHECK_EQ(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
    CHECK_EQ(run_copy("1234", "1234", "1234"), 0); // the bit is ignored now
}
TEST_DIR(chroot_call) {
    NEED_ROOT();
    OK(mkdir("root", 0755)), OK(mkdir("root/in", 0755));
    write_file("root/in/f", "inside");
    IN_CHILD(
        OK(chroot("root"));
        OK(chdir("/"));
        CHECK_STR(read_file("/in/f"), "inside");
        CHECK_STR(read_file("/../../in/f"), "inside");
        CHECK_ERR(open("/etc/passwd", O_RDONLY), ENOENT);
        char b[64];
        CHECK_STR(OK(getcwd(b, 64)), "/");
        OK(symlink("/in/f", "/l"));
        CHECK_STR(read_file("/l"), "inside");
    );
    CHECK_ERR(chroot("root/in/f"), ENOTDIR);
    CHECK_ERR(chroot("none"), ENOENT);
}
