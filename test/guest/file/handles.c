// File handles: name_to_handle_at(2), open_by_handle_at(2).
#include "../guest.h"
#include <linux/capability.h>
#include <sys/syscall.h>

struct room { struct file_handle h; unsigned char bytes[128]; };

static struct file_handle *named(struct room *r, const char *path, int flags) {
    int mount = -1;
    memset(r, 0, sizeof *r);
    r->h.handle_bytes = 128;
    OK(name_to_handle_at(AT_FDCWD, path, &r->h, &mount, flags));
    CHECK_GE(mount, 0);
    CHECK_GT(r->h.handle_bytes, 0);
    return &r->h;
}
static int same(struct room *a, struct room *b) {
    return a->h.handle_type == b->h.handle_type && a->h.handle_bytes == b->h.handle_bytes &&
           memcmp(a->h.f_handle, b->h.f_handle, a->h.handle_bytes) == 0;
}

TEST_DIR(one_for_each_file) {
    write_file("f", "x"), write_file("g", "x");
    OK(link("f", "hard")), OK(symlink("f", "soft")), OK(mkdir("d", 0755));
    struct room f, g, again, link, followed;
    named(&f, "f", 0), named(&g, "g", 0), named(&again, "f", 0), named(&link, "soft", 0);
    named(&followed, "soft", AT_SYMLINK_FOLLOW);
    CHECK(same(&f, &again));
    CHECK(same(&f, &followed));
    CHECK(!same(&f, &g));
    CHECK(!same(&f, &link));
    named(&again, "hard", 0);
    CHECK(same(&f, &again));
    int fd = OK(open("f", O_RDONLY)), mount;
    again.h.handle_bytes = 128;
    OK(name_to_handle_at(fd, "", &again.h, &mount, AT_EMPTY_PATH));
    CHECK(same(&f, &again));
}
TEST_DIR(sizes_and_errors) {
    write_file("f", "x");
    struct room r;
    int mount = -1;
    r.h.handle_bytes = 0;
    CHECK_ERR(name_to_handle_at(AT_FDCWD, "f", &r.h, &mount, 0), EOVERFLOW);
    CHECK_GT(r.h.handle_bytes, 0);
    CHECK_LE(r.h.handle_bytes, 128);
    CHECK_GE(mount, 0);
    OK(name_to_handle_at(AT_FDCWD, "f", &r.h, &mount, 0)); // just that much
    r.h.handle_bytes = 129;
    CHECK_ERR(name_to_handle_at(AT_FDCWD, "f", &r.h, &mount, 0), EINVAL);
    r.h.handle_bytes = 128;
    CHECK_ERR(name_to_handle_at(AT_FDCWD, "none", &r.h, &mount, 0), ENOENT);
    CHECK_ERR(name_to_handle_at(AT_FDCWD, "f", &r.h, &mount, 0x8000), EINVAL);
    CHECK_ERR(name_to_handle_at(AT_FDCWD, "f", (void *)8, &mount, 0), EFAULT);
    CHECK_ERR(name_to_handle_at(AT_FDCWD, "f", &r.h, (void *)8, 0), EFAULT);
    int p[2];
    OK(pipe(p));
    CHECK_ERR(name_to_handle_at(p[0], "", &r.h, &mount, AT_EMPTY_PATH), EOPNOTSUPP);
    CHECK_ERR(name_to_handle_at(AT_FDCWD, "/proc/self/status", &r.h, &mount, 0), EOPNOTSUPP);
}
TEST_DIR(opened_again) {
    NEED_CAP(CAP_DAC_READ_SEARCH);
    write_file("f", "hello");
    OK(mkdir("d", 0755));
    write_file("d/f", "deep");
    struct room r, d;
    int dir = OK(open(".", O_RDONLY | O_DIRECTORY));
    named(&r, "f", 0);
    OK(rename("f", "d/other"));
    int fd = OK(open_by_handle_at(dir, &r.h, O_RDWR));
    char buf[8] = "";
    CHECK_EQ(read(fd, buf, 8), 5);
    CHECK_STR(buf, "hello");
    CHECK_EQ(pwrite(fd, "J", 1, 0), 1);
    close(fd);
    CHECK_STR(read_file("d/other"), "Jello");
    named(&d, "d", 0);
    int again = OK(open_by_handle_at(dir, &d.h, O_RDONLY | O_DIRECTORY));
    CHECK_EQ(faccessat(again, "f", F_OK, 0), 0);
    CHECK_ERR(open_by_handle_at(dir, &r.h, O_RDONLY | O_DIRECTORY), ENOTDIR);
    CHECK_ERR(open_by_handle_at(dir, &d.h, O_RDWR), EISDIR);
    CHECK_ERR(open_by_handle_at(999, &r.h, O_RDONLY), EBADF);
    CHECK_ERR(open_by_handle_at(dir, (void *)8, O_RDONLY), EFAULT);
    OK(unlink("d/other"));
    CHECK_ERR(open_by_handle_at(dir, &r.h, O_RDONLY), ESTALE);
    r = d;
    memset(r.h.f_handle, 0x5a, r.h.handle_bytes);
    CHECK_ERR(open_by_handle_at(dir, &r.h, O_RDONLY), ESTALE);
    r.h.handle_bytes = 0;
    CHECK_ERR(open_by_handle_at(dir, &r.h, O_RDONLY), EINVAL);
    r.h.handle_bytes = 129;
    CHECK_ERR(open_by_handle_at(dir, &r.h, O_RDONLY), EINVAL);
}
TEST_DIR(opened_by_privilege_alone) {
    write_file("f", "x");
    OK(chmod(".", 0755));
    struct room r;
    named(&r, "f", 0);
    IN_CHILD(if (geteuid() == 0) OK(setresuid(1234, 1234, 1234)); CHECK_ERR(open_by_handle_at(AT_FDCWD, &r.h, O_RDONLY), EPERM));
}
