// madvise, mincore, mlock and friends.
#include "../guest.h"
#define RW (PROT_READ | PROT_WRITE)
static char *anon(size_t len, int flags) { return OK(mmap(NULL, len, RW, flags | MAP_ANONYMOUS, -1, 0)); }

TEST(dontneed_zeroes) {
    char *p = anon(4 * PAGE, MAP_PRIVATE);
    memset(p, 1, 4 * PAGE);
    CHECK_EQ(madvise(p + PAGE, 2 * PAGE, MADV_DONTNEED), 0);
    CHECK_EQ(p[0], 1), CHECK_EQ(p[PAGE], 0), CHECK_EQ(p[3 * PAGE - 1], 0), CHECK_EQ(p[3 * PAGE], 1);
    p[PAGE] = 2;
    CHECK_EQ(p[PAGE], 2);
}
TEST_DIR(dontneed_private_file_rereads) {
    write_file("f", "original");
    int fd = OK(open("f", O_RDWR));
    char *p = OK(mmap(NULL, PAGE, RW, MAP_PRIVATE, fd, 0));
    p[0] = 'X';
    CHECK_EQ(madvise(p, PAGE, MADV_DONTNEED), 0);
    CHECK_EQ(p[0], 'o');
}
TEST(dontneed_keeps_shared) {
    char *p = anon(PAGE, MAP_SHARED);
    p[0] = 1;
    CHECK_EQ(madvise(p, PAGE, MADV_DONTNEED), 0);
    CHECK_EQ(p[0], 1);
    CHECK_EQ(madvise(p, PAGE, MADV_REMOVE), 0);
    CHECK_EQ(p[0], 0);
}
TEST(dontneed_after_fork_is_own) {
    char *p = anon(PAGE, MAP_PRIVATE);
    p[0] = 1;
    IN_CHILD(CHECK_EQ(madvise(p, PAGE, MADV_DONTNEED), 0); CHECK_EQ(p[0], 0));
    CHECK_EQ(p[0], 1);
}
TEST(hints_are_accepted) {
    char *p = anon(4 * PAGE, MAP_PRIVATE);
    p[0] = 1;
    int ok[] = {MADV_NORMAL, MADV_RANDOM, MADV_SEQUENTIAL, MADV_WILLNEED, MADV_DONTDUMP, MADV_DODUMP, MADV_FREE};
    for (unsigned i = 0; i < sizeof ok / sizeof *ok; i++)
        CHECK_EQ(madvise(p, 4 * PAGE, ok[i]), 0);
    CHECK_EQ(madvise(p, PAGE, 22 /* MADV_POPULATE_READ */), 0);
    CHECK_EQ(madvise(p, PAGE, 23 /* MADV_POPULATE_WRITE */), 0);
}
TEST(errnos) {
    char *p = anon(3 * PAGE, MAP_PRIVATE);
    CHECK_ERR(madvise(p, PAGE, 9999), EINVAL);
    CHECK_ERR(madvise(p + 1, PAGE, MADV_NORMAL), EINVAL);
    CHECK_EQ(madvise(p, 0, MADV_DONTNEED), 0);
    p[0] = p[2 * PAGE] = 1;
    CHECK_EQ(munmap(p + PAGE, PAGE), 0);
    CHECK_ERR(madvise(p, 3 * PAGE, MADV_DONTNEED), ENOMEM); // but the rest is done
    CHECK_EQ(p[0], 0), CHECK_EQ(p[2 * PAGE], 0);
    CHECK_ERR(madvise(p, -PAGE, MADV_DONTNEED), EINVAL);
}
TEST(mincore) {
    unsigned char v[4] = {9, 9, 9, 9};
    char *p = anon(4 * PAGE, MAP_PRIVATE);
    p[PAGE] = 1;
    CHECK_EQ(mincore(p, 4 * PAGE, v), 0);
    CHECK_EQ(v[1] & 1, 1);
    CHECK_ERR(mincore(p + 1, PAGE, v), EINVAL);
    CHECK_ERR(mincore(p, PAGE, (unsigned char *)8), EFAULT);
    CHECK_EQ(munmap(p + 2 * PAGE, PAGE), 0);
    CHECK_ERR(mincore(p, 4 * PAGE, v), ENOMEM);
}
TEST(mlock) {
    struct rlimit r;
    CHECK_EQ(getrlimit(RLIMIT_MEMLOCK, &r), 0);
    char *p = anon(2 * PAGE, MAP_PRIVATE);
    if (r.rlim_cur >= 4 * PAGE) {
        CHECK_EQ(mlock(p, 2 * PAGE), 0);
        CHECK_EQ(munlock(p, 2 * PAGE), 0);
        CHECK_EQ(syscall(SYS_mlock2, p, PAGE, 1 /* MLOCK_ONFAULT */), 0);
        CHECK_ERR(syscall(SYS_mlock2, p, PAGE, 8), EINVAL);
    }
    CHECK_EQ(munmap(p, 2 * PAGE), 0);
    CHECK_ERR(mlock(p, PAGE), ENOMEM);
    CHECK_ERR(mlockall(0), EINVAL);
    CHECK_EQ(munlockall(), 0);
}
TEST(populate_and_locked) {
    char *p = anon(4 * PAGE, MAP_PRIVATE | MAP_POPULATE);
    unsigned char v[4];
    CHECK_EQ(mincore(p, 4 * PAGE, v), 0);
    CHECK_EQ(v[0] & v[1] & v[2] & v[3] & 1, 1);
}
