// memfd_create and its seals.
#include "../guest.h"
#ifndef F_SEAL_FUTURE_WRITE
#define F_SEAL_FUTURE_WRITE 0x10
#endif
#ifndef F_SEAL_EXEC
#define F_SEAL_EXEC 0x20
#endif

TEST(sealing_an_executable_seals_its_content) {
    int fd = OK(memfd_create("x", MFD_ALLOW_SEALING));
    OK(ftruncate(fd, PAGE));
    void *p = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0); // may become writable
    CHECK(p != MAP_FAILED);
    CHECK_ERR(fcntl(fd, F_ADD_SEALS, F_SEAL_EXEC), EBUSY);
    CHECK_EQ(fcntl(fd, F_GET_SEALS), 0);
    munmap(p, PAGE);
    OK(fcntl(fd, F_ADD_SEALS, F_SEAL_EXEC));
    CHECK_EQ(fcntl(fd, F_GET_SEALS), F_SEAL_EXEC | F_SEAL_WRITE | F_SEAL_FUTURE_WRITE | F_SEAL_GROW | F_SEAL_SHRINK);
    fd = OK(memfd_create("x", MFD_ALLOW_SEALING));
    OK(fchmod(fd, 0600));
    OK(fcntl(fd, F_ADD_SEALS, F_SEAL_EXEC));
    CHECK_EQ(fcntl(fd, F_GET_SEALS), F_SEAL_EXEC);
}
TEST(basics) {
    int fd = OK(memfd_create("name", MFD_CLOEXEC));
    CHECK_EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
    CHECK_EQ(write(fd, "hello", 5), 5);
    char b[8], link[64] = "";
    CHECK_EQ(pread(fd, b, 8, 0), 5);
    struct stat st;
    CHECK_EQ(fstat(fd, &st), 0);
    CHECK(S_ISREG(st.st_mode));
    CHECK_EQ(st.st_size, 5);
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    CHECK_GT(readlink(path, link, 63), 0);
    CHECK_STR(link, "/memfd:name (deleted)");
    CHECK_EQ(fcntl(fd, F_GET_SEALS), F_SEAL_SEAL); // not allowed to seal
    CHECK_ERR(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), EPERM);
    CHECK_ERR(memfd_create("x", 0x8000), EINVAL);
    CHECK_ERR(memfd_create((char *)8, 0), EFAULT);
    char longname[300];
    memset(longname, 'x', 299), longname[299] = 0;
    CHECK_ERR(memfd_create(longname, 0), EINVAL);
}
TEST(seals) {
    int fd = OK(memfd_create("x", MFD_ALLOW_SEALING));
    CHECK_EQ(fcntl(fd, F_GET_SEALS), 0);
    CHECK_EQ(write(fd, "0123456789", 10), 10);
    CHECK_EQ(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK), 0);
    CHECK_ERR(ftruncate(fd, 5), EPERM);
    CHECK_EQ(ftruncate(fd, 20), 0);
    CHECK_EQ(fcntl(fd, F_ADD_SEALS, F_SEAL_GROW), 0);
    CHECK_ERR(ftruncate(fd, 30), EPERM);
    CHECK_ERR(pwrite(fd, "x", 1, 20), EPERM);
    CHECK_EQ(pwrite(fd, "x", 1, 19), 1);
    CHECK_EQ(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), 0);
    CHECK_ERR(pwrite(fd, "x", 1, 0), EPERM), CHECK_EQ(pwrite(fd, "x", 0, 0), 0);
    CHECK_ERR(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 1), EPERM);
    CHECK_EQ(fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL), 0);
    CHECK_ERR(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), EPERM);
    CHECK_EQ(fcntl(fd, F_GET_SEALS), F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE);
    CHECK_ERR(fcntl(fd, F_ADD_SEALS, 0x8000), EINVAL);
    int n = OK(open("/dev/null", O_RDWR));
    CHECK_ERR(fcntl(n, F_GET_SEALS), EINVAL);
}
TEST(future_write) {
    int fd = OK(memfd_create("x", MFD_ALLOW_SEALING));
    OK(ftruncate(fd, PAGE));
    char *p = OK(mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0));
    CHECK_EQ(fcntl(fd, F_ADD_SEALS, F_SEAL_FUTURE_WRITE), 0);
    p[0] = 1; // mappings from before go on
    CHECK_ERR(pwrite(fd, "x", 1, 0), EPERM), CHECK_EQ(pwrite(fd, "x", 0, 0), 0);
    CHECK_ERR(mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0), EPERM);
    char *q = OK(mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0));
    CHECK_EQ(q[0], 1);
    CHECK_ERR(mprotect(q, PAGE, PROT_READ | PROT_WRITE), EACCES);
}
TEST(execute_a_memfd) {
    int src = OK(open("/bin/true", O_RDONLY)), fd = OK(memfd_create("prog", MFD_CLOEXEC));
    char b[65536];
    ssize_t n;
    while ((n = read(src, b, sizeof b)) > 0)
        CHECK_EQ(write(fd, b, n), n);
    pid_t c = FORK();
    if (c == 0) {
        char *argv[] = {"true", NULL}, *env[] = {NULL};
        fexecve(fd, argv, env);
        FAIL("fexecve: %s", errno_name(errno));
    }
    CHECK_EXIT(c, 0);
}
TEST(shared_through_fork) {
    int fd = OK(memfd_create("x", 0));
    IN_CHILD(CHECK_EQ(write(fd, "child", 5), 5));
    char b[8];
    CHECK_EQ(pread(fd, b, 8, 0), 5);
}
