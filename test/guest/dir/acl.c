// POSIX ACLs (acl(5)) as extended attributes: validity, ties to permission bits, inheritance, permission checks.
#include "../guest.h"
#include <grp.h>
#include <linux/posix_acl.h>
#include <linux/posix_acl_xattr.h>
#include <sys/xattr.h>

#define ACCESS "system.posix_acl_access"
#define DEFAULT "system.posix_acl_default"
#define NONE ((unsigned)ACL_UNDEFINED_ID)

struct acl {
    struct posix_acl_xattr_header head;
    struct posix_acl_xattr_entry e[8];
};
#define ACL(...)                                                                                                         \
    ((struct acl){{POSIX_ACL_XATTR_VERSION}, {__VA_ARGS__}})
static size_t bytes(int entries) { return sizeof(struct posix_acl_xattr_header) + (size_t)entries * 8; }
static int set(const char *p, const char *name, struct acl a, int entries) { return setxattr(p, name, &a, bytes(entries), 0); }
static unsigned mode_of(const char *p) {
    struct stat st;
    OK(stat(p, &st));
    return st.st_mode & 07777;
}
// The permissions of entry i.
static int perm(const char *p, const char *name, int i) {
    struct acl a;
    ssize_t n = OK(getxattr(p, name, &a, sizeof a));
    CHECK((size_t)n > bytes(i));
    return a.e[i].e_perm;
}
static struct acl named(int user, int mask) {
    return ACL({ACL_USER_OBJ, 6, NONE}, {ACL_USER, user, 1001}, {ACL_GROUP_OBJ, 4, NONE}, {ACL_MASK, mask, NONE}, {ACL_OTHER, 0, NONE});
}
static void need(void) {
    write_file("probe", "");
    if (getxattr("probe", ACCESS, NULL, 0) != 0 && errno == EOPNOTSUPP)
        skip("this file system has no ACLs");
}

TEST_DIR(access_acl_and_mode) {
    need();
    write_file("f", "");
    OK(chmod("f", 0644));
    CHECK_ERR(getxattr("f", ACCESS, NULL, 0), ENODATA);
    OK(set("f", ACCESS, named(7, 5), 5));
    CHECK_EQ(mode_of("f"), 0650);
    CHECK_EQ(getxattr("f", ACCESS, NULL, 0), bytes(5));
    CHECK_EQ(perm("f", ACCESS, 1), 7);
    char names[256];
    ssize_t n = OK(listxattr("f", names, sizeof names));
    CHECK(memmem(names, n, ACCESS, sizeof ACCESS));
    OK(chmod("f", 0421));
    CHECK_EQ(perm("f", ACCESS, 0), 4);
    CHECK_EQ(perm("f", ACCESS, 1), 7);
    CHECK_EQ(perm("f", ACCESS, 2), 4);
    CHECK_EQ(perm("f", ACCESS, 3), 2);
    CHECK_EQ(perm("f", ACCESS, 4), 1);
    OK(removexattr("f", ACCESS));
    CHECK_EQ(mode_of("f"), 0421);
    CHECK_ERR(getxattr("f", ACCESS, NULL, 0), ENODATA);
}
TEST_DIR(what_a_mode_can_say_is_no_acl) {
    need();
    write_file("f", "");
    OK(set("f", ACCESS, named(7, 5), 5));
    OK(set("f", ACCESS, ACL({ACL_USER_OBJ, 7, NONE}, {ACL_GROUP_OBJ, 1, NONE}, {ACL_OTHER, 2, NONE}), 3));
    CHECK_EQ(mode_of("f"), 0712);
    CHECK_ERR(getxattr("f", ACCESS, NULL, 0), ENODATA);
}
TEST_DIR(errnos) {
    need();
    write_file("f", "");
    OK(symlink("f", "l"));
    struct acl good = named(7, 5);
    CHECK_ERR(set("f", ACCESS, ACL({ACL_USER_OBJ, 7, NONE}, {ACL_GROUP_OBJ, 1, NONE}), 2), EINVAL);
    CHECK_ERR(set("f", ACCESS, ACL({ACL_GROUP_OBJ, 7, NONE}, {ACL_USER_OBJ, 1, NONE}, {ACL_OTHER, 2, NONE}), 3), EINVAL);
    CHECK_ERR(set("f", ACCESS, ACL({ACL_USER_OBJ, 7, NONE}, {ACL_USER, 1, 5}, {ACL_GROUP_OBJ, 2, NONE}, {ACL_OTHER, 2, NONE}), 4), EINVAL);
    CHECK_ERR(set("f", ACCESS, ACL({ACL_USER_OBJ, 8, NONE}, {ACL_GROUP_OBJ, 1, NONE}, {ACL_OTHER, 2, NONE}), 3), EINVAL);
    CHECK_ERR(set("f", ACCESS, ACL({ACL_USER_OBJ, 7, NONE}, {ACL_GROUP_OBJ, 1, NONE}, {0x40, 2, NONE}), 3), EINVAL);
    CHECK_ERR(setxattr("f", ACCESS, &good, bytes(5) - 1, 0), EINVAL);
    CHECK_ERR(setxattr("f", ACCESS, &good, 3, 0), EINVAL);
    good.head.a_version = 1;
    CHECK_ERR(setxattr("f", ACCESS, &good, bytes(5), 0), EOPNOTSUPP);
    CHECK_ERR(set("f", DEFAULT, named(7, 5), 5), EACCES);
    CHECK_ERR(getxattr("f", DEFAULT, NULL, 0), ENODATA);
    good = named(7, 5);
    CHECK_ERR(lsetxattr("l", ACCESS, &good, bytes(5), 0), EOPNOTSUPP);
    CHECK_ERR(lgetxattr("l", ACCESS, NULL, 0), EOPNOTSUPP);
    OK(setxattr("f", ACCESS, "", 0, 0));
    char b[4];
    OK(set("f", ACCESS, good, 5));
    CHECK_ERR(getxattr("f", ACCESS, b, 4), ERANGE);
}
TEST_DIR(default_acl_is_inherited) {
    need();
    umask(077);
    OK(mkdir("d", 0755));
    OK(set("d", DEFAULT, named(7, 7), 5));
    CHECK_EQ(mode_of("d"), 0700);
    close(OK(open("d/f", O_CREAT | O_WRONLY, 0666)));
    CHECK_EQ(mode_of("d/f"), 0660);
    CHECK_EQ(perm("d/f", ACCESS, 1), 7);
    CHECK_EQ(perm("d/f", ACCESS, 2), 4);
    CHECK_EQ(perm("d/f", ACCESS, 3), 6);
    CHECK_ERR(getxattr("d/f", DEFAULT, NULL, 0), ENODATA);
    OK(mkdir("d/sub", 0755));
    CHECK_EQ(mode_of("d/sub"), 0650);
    CHECK_EQ(perm("d/sub", DEFAULT, 3), 7);
    CHECK_EQ(perm("d/sub", ACCESS, 3), 5);
    OK(mkfifo("d/p", 0604));
    CHECK_EQ(mode_of("d/p"), 0600);
    OK(set("d", DEFAULT, ACL({ACL_USER_OBJ, 6, NONE}, {ACL_GROUP_OBJ, 4, NONE}, {ACL_OTHER, 4, NONE}), 3));
    close(OK(open("d/g", O_CREAT | O_WRONLY, 0666)));
    CHECK_EQ(mode_of("d/g"), 0644); // no umask
    CHECK_ERR(getxattr("d/g", ACCESS, NULL, 0), ENODATA);
    OK(removexattr("d", DEFAULT));
    close(OK(open("d/h", O_CREAT | O_WRONLY, 0666)));
    CHECK_EQ(mode_of("d/h"), 0600);
}
// errno of an open by another user, or 0.
static int open_as(int uid, int gid, const char *p, int flags) {
    int pid = OK(fork());
    if (pid == 0) {
        gid_t g = (gid_t)gid;
        if (setgroups(1, &g) || setgid(g) || setuid((uid_t)uid))
            _exit(255);
        _exit(open(p, flags) < 0 ? errno : 0);
    }
    int st;
    OK(waitpid(pid, &st, 0));
    CHECK(WIFEXITED(st) && WEXITSTATUS(st) != 255);
    return WEXITSTATUS(st);
}
TEST_DIR(access_is_checked) {
    if (geteuid() != 0)
        skip("needs root");
    need();
    OK(chmod(".", 0755));
    write_file("f", "");
    OK(chown("f", 1000, 1000));
    OK(chmod("f", 0644));
    OK(set("f", ACCESS,
           ACL({ACL_USER_OBJ, 6, NONE}, {ACL_USER, 6, 1001}, {ACL_USER, 0, 1002}, {ACL_GROUP_OBJ, 4, NONE}, {ACL_GROUP, 0, 1003},
               {ACL_MASK, 6, NONE}, {ACL_OTHER, 4, NONE}), 7));
    CHECK_EQ(open_as(1000, 5, "f", O_RDWR), 0);
    CHECK_EQ(open_as(1001, 5, "f", O_RDWR), 0);
    CHECK_EQ(open_as(1002, 5, "f", O_RDONLY), EACCES);
    CHECK_EQ(open_as(1005, 1000, "f", O_RDONLY), 0);
    CHECK_EQ(open_as(1005, 1000, "f", O_RDWR), EACCES);
    CHECK_EQ(open_as(1005, 1003, "f", O_RDONLY), EACCES);
    CHECK_EQ(open_as(1005, 5, "f", O_RDONLY), 0);
    OK(chmod("f", 0644)); // the mask
    CHECK_EQ(open_as(1001, 5, "f", O_RDWR), EACCES);
    CHECK_EQ(open_as(1001, 5, "f", O_RDONLY), 0);
}
TEST_DIR(only_the_owner_sets_it) {
    if (geteuid() != 0)
        skip("needs root");
    need();
    OK(chmod(".", 0755));
    write_file("f", "");
    OK(chmod("f", 0666));
    int pid = OK(fork());
    if (pid == 0) {
        OK(setuid(1000));
        CHECK_ERR(set("f", ACCESS, named(7, 5), 5), EPERM);
        CHECK_ERR(removexattr("f", ACCESS), EPERM);
        _exit(0);
    }
    int st;
    OK(waitpid(pid, &st, 0));
    CHECK_EQ(st, 0);
}
