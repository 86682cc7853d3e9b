// Mappings of files: shared and private, past the end, truncation and SIGBUS, permissions of the descriptor, msync.
#include "../guest.h"
#define RW (PROT_READ | PROT_WRITE)

static int file_of(size_t pages) {
    int fd = OK(open("f", O_RDWR | O_CREAT | O_TRUNC, 0644));
    char b[PAGE];
    for (size_t i = 0; i < pages; i++) {
        memset(b, 'a' + i, PAGE);
        CHECK_EQ(write(fd, b, PAGE), PAGE);
    }
    return fd;
}
TEST_DIR(shared_write_is_seen) {
    int fd = file_of(2);
    char *p = OK(mmap(NULL, 2 * PAGE, RW, MAP_SHARED, fd, 0));
    CHECK_EQ(p[0], 'a'), CHECK_EQ(p[PAGE], 'b');
    p[PAGE + 5] = 'X';
    char c;
    CHECK_EQ(pread(fd, &c, 1, PAGE + 5), 1);
    CHECK_EQ(c, 'X');
    CHECK_EQ(pwrite(fd, "Y", 1, 9), 1);
    CHECK_EQ(p[9], 'Y');
    CHECK_EQ(msync(p, 2 * PAGE, MS_SYNC), 0);
    CHECK_EQ(close(fd), 0);
    p[1] = 'Z'; // the mapping outlives the descriptor
    CHECK_EQ(munmap(p, 2 * PAGE), 0);
    CHECK_EQ(read_file("f")[1], 'Z');
}
TEST_DIR(private_write_is_not) {
    int fd = file_of(2);
    char *p = OK(mmap(NULL, 2 * PAGE, RW, MAP_PRIVATE, fd, 0));
    CHECK_EQ(p[3], 'a');
    CHECK_EQ(pwrite(fd, "Q", 1, PAGE), 1); // not copied yet: Linux shows the file's change
    CHECK_EQ(p[PAGE], 'Q');
    p[3] = 'X';
    char c;
    CHECK_EQ(pread(fd, &c, 1, 3), 1);
    CHECK_EQ(c, 'a');
    CHECK_EQ(pwrite(fd, "R", 1, 4), 1);
    CHECK_EQ(p[4], 'a'); // copied: own page now
}
TEST_DIR(two_shared_views) {
    int fd = file_of(3);
    char *p = OK(mmap(NULL, 3 * PAGE, RW, MAP_SHARED, fd, 0));
    char *q = OK(mmap(NULL, PAGE, RW, MAP_SHARED, fd, 2 * PAGE));
    q[1] = '!';
    CHECK_EQ(p[2 * PAGE + 1], '!');
    p[2 * PAGE + 2] = '?';
    CHECK_EQ(q[2], '?');
    CHECK_ERR(mmap(NULL, PAGE, RW, MAP_SHARED, fd, 100), EINVAL);
    CHECK_ERR(mmap(NULL, PAGE, RW, MAP_SHARED, fd, -PAGE), EOVERFLOW);
}
TEST_DIR(tail_of_last_page_is_zero) {
    int fd = OK(open("f", O_RDWR | O_CREAT, 0644));
    CHECK_EQ(write(fd, "hello", 5), 5);
    char *p = OK(mmap(NULL, 2 * PAGE, RW, MAP_SHARED, fd, 0));
    CHECK_MEM(p, "hello", 6);
    CHECK_EQ(p[PAGE - 1], 0);
    p[100] = 'x'; // past the end: not written to the file
    struct stat st;
    CHECK_EQ(fstat(fd, &st), 0);
    CHECK_EQ(st.st_size, 5);
    CHECK_FAULT((void)*(volatile char *)(p + PAGE), SIGBUS, BUS_ADRERR, p + PAGE);
    CHECK_FAULT(p[PAGE + 8] = 1, SIGBUS, BUS_ADRERR, p + PAGE + 8);
    CHECK_EQ(ftruncate(fd, 2 * PAGE), 0);
    CHECK_EQ(p[PAGE + 8], 0); // grown: there now
}
TEST_DIR(truncate_under_mapping) {
    int fd = file_of(3);
    char *p = OK(mmap(NULL, 3 * PAGE, RW, MAP_SHARED, fd, 0));
    char *q = OK(mmap(NULL, 3 * PAGE, RW, MAP_PRIVATE, fd, 0));
    CHECK_EQ(p[2 * PAGE], 'c');
    q[2 * PAGE] = 'm';
    CHECK_EQ(ftruncate(fd, PAGE + 10), 0);
    CHECK_EQ(p[PAGE + 9], 'b');
    CHECK_EQ(p[PAGE + 10], 0);
    CHECK_FAULT((void)*(volatile char *)(p + 2 * PAGE), SIGBUS, BUS_ADRERR, p + 2 * PAGE);
    CHECK_FAULT((void)*(volatile char *)(q + 2 * PAGE), SIGBUS, BUS_ADRERR, q + 2 * PAGE); // even the private copy
    int pp[2];
    OK(pipe(pp));
    CHECK_ERR(write(pp[1], p + 2 * PAGE, 1), EFAULT);
    CHECK_EQ(ftruncate(fd, 3 * PAGE), 0);
    CHECK_EQ(p[2 * PAGE], 0);
}
TEST_DIR(descriptor_rights) {
    close(file_of(1));
    int r = OK(open("f", O_RDONLY)), w = OK(open("f", O_WRONLY)), o = OK(open("f", O_PATH)), d = OK(open(".", O_RDONLY));
    CHECK_ERR(mmap(NULL, PAGE, RW, MAP_SHARED, r, 0), EACCES);
    CHECK_NE((long)mmap(NULL, PAGE, RW, MAP_PRIVATE, r, 0), -1);
    CHECK_ERR(mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, w, 0), EACCES);
    CHECK_ERR(mmap(NULL, PAGE, PROT_WRITE, MAP_SHARED, w, 0), EACCES);
    CHECK_ERR(mmap(NULL, PAGE, PROT_READ, MAP_SHARED, o, 0), EBADF);
    CHECK_ERR(mmap(NULL, PAGE, PROT_READ, MAP_SHARED, d, 0), ENODEV);
    char *p = OK(mmap(NULL, PAGE, PROT_READ, MAP_SHARED, r, 0));
    CHECK_ERR(mprotect(p, PAGE, RW), EACCES);
    int fd[2];
    OK(pipe(fd));
    CHECK_ERR(mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, fd[0], 0), ENODEV);
}
TEST_DIR(map_empty_and_beyond) {
    int fd = OK(open("f", O_RDWR | O_CREAT, 0644));
    char *p = OK(mmap(NULL, PAGE, RW, MAP_SHARED, fd, 0));
    CHECK_FAULT(p[0] = 1, SIGBUS, BUS_ADRERR, p);
    char *q = OK(mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, fd, 64 * PAGE));
    CHECK_FAULT((void)*(volatile char *)q, SIGBUS, BUS_ADRERR, q);
}
TEST_DIR(shared_over_fork) {
    int fd = file_of(1);
    char *p = OK(mmap(NULL, PAGE, RW, MAP_SHARED, fd, 0));
    IN_CHILD(p[0] = 'C'; CHECK_EQ(pwrite(fd, "D", 1, 1), 1));
    CHECK_EQ(p[0], 'C');
    CHECK_EQ(p[1], 'D');
}
TEST_DIR(unlinked_file) {
    int fd = file_of(2);
    char *p = OK(mmap(NULL, 2 * PAGE, RW, MAP_SHARED, fd, 0));
    CHECK_EQ(unlink("f"), 0);
    CHECK_EQ(close(fd), 0);
    p[PAGE] = 'z';
    CHECK_EQ(p[PAGE], 'z'), CHECK_EQ(p[PAGE + 1], 'b');
}
TEST_DIR(read_into_own_mapping) {
    int fd = file_of(2);
    char *p = OK(mmap(NULL, 2 * PAGE, RW, MAP_SHARED, fd, 0));
    CHECK_EQ(pread(fd, p, PAGE, PAGE), PAGE);
    CHECK_EQ(p[0], 'b');
    CHECK_EQ(pwrite(fd, p, 10, PAGE + 100), 10);
}
TEST_DIR(msync_errnos) {
    int fd = file_of(1);
    char *p = OK(mmap(NULL, PAGE, RW, MAP_SHARED, fd, 0));
    CHECK_ERR(msync(p, PAGE, MS_SYNC | MS_ASYNC), EINVAL);
    CHECK_ERR(msync(p, PAGE, 0x100), EINVAL);
    CHECK_ERR(msync(p + 1, PAGE, MS_SYNC), EINVAL);
    CHECK_EQ(msync(p, PAGE, MS_ASYNC), 0);
    CHECK_EQ(msync(p, PAGE, MS_INVALIDATE), 0);
    CHECK_EQ(munmap(p, PAGE), 0);
    CHECK_ERR(msync(p, PAGE, MS_SYNC), ENOMEM);
}
TEST(executable_maps_itself) {
    int fd = OK(open(guest_self, O_RDONLY));
    char *p = OK(mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, fd, 0));
    CHECK_MEM(p, "\177ELF", 4);
    CHECK_ERR(open(guest_self, O_WRONLY), geteuid() == 0 ? ETXTBSY : errno);
}
TEST(dev_zero) {
    int fd = OK(open("/dev/zero", O_RDWR));
    char *p = OK(mmap(NULL, 2 * PAGE, RW, MAP_PRIVATE, fd, 0));
    CHECK_EQ(p[PAGE], 0);
    p[PAGE] = 4;
    char *q = OK(mmap(NULL, PAGE, RW, MAP_SHARED, fd, 0));
    IN_CHILD(q[0] = 9; p[PAGE] = 5);
    CHECK_EQ(q[0], 9), CHECK_EQ(p[PAGE], 4);
}
// A file in memory written from its own mapping, and read into it: the same bytes are source and destination.
TEST(own_mapping) {
    int fd = OK(memfd_create("own", 0));
    OK(ftruncate(fd, 4 * PAGE));
    char *p = OK(mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0));
    for (int i = 0; i < PAGE; i++)
        p[i] = (char)(i % 251);
    CHECK_EQ(pwrite(fd, p + 100, 3000, 0), 3000); // downwards within a page: as memmove
    for (int i = 0; i < 3000; i++)
        CHECK_RET(p[i], (char)((i + 100) % 251));
    CHECK_EQ(pread(fd, p, 2000, 1000), 2000);
    for (int i = 0; i < 2000; i++)
        CHECK_RET(p[i], (char)((i + 1100) % 251));
    for (int i = 0; i < 16; i++) { // with any other overlap the content is anybody's guess
        CHECK_EQ(pwrite(fd, p + i * 512, 2 * PAGE, 4096 - 256 * i), 2 * PAGE);
        CHECK_EQ(pread(fd, p + i * 512, 2 * PAGE, 256 * i), 2 * PAGE);
    }
    p[0] = 'x';
    CHECK_EQ(pwrite(fd, p, 4 * PAGE, 0), 4 * PAGE);
    CHECK_EQ(p[0], 'x');
}
