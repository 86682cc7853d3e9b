// Names that root changes through /proc/sys (uts_namespaces(7), proc(5)).
#include "../guest.h"
#include <sched.h>
#include <sys/utsname.h>

#define HOSTNAME "/proc/sys/kernel/hostname"

static void own_names(void) {
    if (geteuid() != 0)
        skip("needs root");
    if (unshare(CLONE_NEWUTS) != 0)
        skip("needs a namespace of its own");
    int fd = open(HOSTNAME, O_WRONLY);
    if (fd < 0)
        skip("/proc/sys is read-only here");
    close(fd);
}
static const char *node(void) {
    static struct utsname u;
    OK(uname(&u));
    return u.nodename;
}
TEST(hostname_is_written) {
    own_names();
    int fd = OK(open(HOSTNAME, O_RDWR | O_TRUNC));
    CHECK_EQ(write(fd, "first\nrest", 10), 10);
    CHECK_STR(node(), "first");
    CHECK_STR(read_file(HOSTNAME), "first\n");
    CHECK_EQ(pwrite(fd, "xy", 2, 5), 2);
    CHECK_STR(node(), "firstxy");
    CHECK_EQ(pwrite(fd, "z", 1, 50), 1);
    CHECK_STR(node(), "firstxy");
    CHECK_EQ(pwrite(fd, "nul\0more", 8, 0), 8);
    CHECK_STR(node(), "nul");
    char name[100];
    memset(name, 'n', sizeof name);
    CHECK_EQ(pwrite(fd, name, sizeof name, 0), (long)sizeof name);
    CHECK_EQ(strlen(node()), 64);
    fd = OK(open("/proc/sys/kernel/domainname", O_WRONLY));
    CHECK_EQ(write(fd, "dom", 3), 3);
    struct utsname u;
    OK(uname(&u));
    CHECK_STR(u.domainname, "dom");
}
TEST(others_may_not) {
    own_names();
    OK(setuid(1000));
    CHECK_ERR(open(HOSTNAME, O_WRONLY), EACCES);
    struct stat st;
    OK(stat(HOSTNAME, &st));
    CHECK_EQ(st.st_mode, S_IFREG | 0644);
    CHECK_EQ(st.st_uid, 0);
}
TEST(what_only_tells_is_read_only) {
    CHECK_ERR(open("/proc/sys/kernel/osrelease", O_WRONLY), EACCES);
}
