// Extended attributes of the user. namespace: set, get, list, remove, flags, sizes, errnos.
#include "../guest.h"
#include <sys/xattr.h>

static void need(const char *p) {
    if (setxattr(p, "user.probe", "", 0, 0) != 0 && errno == EOPNOTSUPP)
        skip("this file system has no user attributes");
    removexattr(p, "user.probe");
}
TEST_DIR(set_get_list_remove) {
    write_file("f", "");
    need("f");
    char b[64], names[64];
    CHECK_EQ(setxattr("f", "user.a", "value", 5, 0), 0);
    CHECK_EQ(getxattr("f", "user.a", b, 64), 5);
    CHECK_MEM(b, "value", 5);
    CHECK_EQ(getxattr("f", "user.a", NULL, 0), 5);
    CHECK_ERR(getxattr("f", "user.a", b, 4), ERANGE);
    CHECK_ERR(getxattr("f", "user.none", b, 64), ENODATA);
    CHECK_EQ(setxattr("f", "user.empty", "", 0, 0), 0);
    CHECK_EQ(getxattr("f", "user.empty", b, 64), 0);
    ssize_t n = OK(listxattr("f", names, 64));
    CHECK(memmem(names, n, "user.a", 7));
    CHECK(memmem(names, n, "user.empty", 11));
    CHECK_EQ(listxattr("f", NULL, 0), n);
    CHECK_ERR(listxattr("f", names, 3), ERANGE);
    CHECK_EQ(removexattr("f", "user.a"), 0);
    CHECK_ERR(removexattr("f", "user.a"), ENODATA);
    CHECK_ERR(getxattr("f", "user.a", b, 64), ENODATA);
}
TEST_DIR(create_and_replace) {
    write_file("f", "");
    need("f");
    CHECK_ERR(setxattr("f", "user.a", "1", 1, XATTR_REPLACE), ENODATA);
    CHECK_EQ(setxattr("f", "user.a", "1", 1, XATTR_CREATE), 0);
    CHECK_ERR(setxattr("f", "user.a", "1", 1, XATTR_CREATE), EEXIST);
    CHECK_EQ(setxattr("f", "user.a", "22", 2, XATTR_REPLACE), 0);
    int fd = OK(open("f", O_RDONLY));
    char b[4];
    CHECK_EQ(fgetxattr(fd, "user.a", b, 4), 2);
    CHECK_EQ(fsetxattr(fd, "user.b", "3", 1, 0), 0);
    CHECK_EQ(fremovexattr(fd, "user.b"), 0);
    CHECK_ERR(setxattr("f", "user.a", "1", 1, 8), EINVAL);
    OK(unlink("f"));
    CHECK_EQ(fgetxattr(fd, "user.a", b, 4), 2);
}
TEST_DIR(errnos) {
    write_file("f", "");
    need("f");
    char name[300], big[65537];
    CHECK_ERR(setxattr("f", "nodot", "", 0, 0), EOPNOTSUPP);
    CHECK_ERR(setxattr("f", "bogus.x", "", 0, 0), EOPNOTSUPP);
    CHECK_ERR(setxattr("f", "", "", 0, 0), ERANGE);
    memset(name, 'n', 299), name[299] = 0;
    memcpy(name, "user.", 5);
    CHECK_ERR(setxattr("f", name, "", 0, 0), ERANGE);
    memset(big, 1, sizeof big);
    CHECK_ERR(setxattr("f", "user.big", big, 65537, 0), E2BIG);
    CHECK_ERR(setxattr("none", "user.x", "", 0, 0), ENOENT);
    CHECK_ERR(setxattr("f", "user.x", (void *)8, 5, 0), EFAULT);
    OK(symlink("f", "l"));
    CHECK_ERR(lsetxattr("l", "user.x", "", 0, 0), EPERM); // only on files and directories
    CHECK_EQ(setxattr("l", "user.x", "", 0, 0), 0);
    OK(mkfifo("p", 0600));
    CHECK_ERR(setxattr("p", "user.x", "", 0, 0), EPERM);
    OK(mkdir("d", 0755));
    CHECK_EQ(setxattr("d", "user.x", "1", 1, 0), 0);
    if (geteuid() != 0) {
        CHECK_ERR(setxattr("f", "trusted.x", "1", 1, 0), EPERM);
        OK(chmod("f", 0400));
        CHECK_ERR(setxattr("f", "user.y", "1", 1, 0), EACCES);
    }
}
