// mremap: shrink, grow in place, move, fixed targets, DONTUNMAP, duplicate of shared memory, errnos.
#include "../guest.h"
#define RW (PROT_READ | PROT_WRITE)
static char *anon(size_t len, int flags) { return OK(mmap(NULL, len, RW, flags | MAP_ANONYMOUS, -1, 0)); }

TEST(shrink) {
    char *p = anon(4 * PAGE, MAP_PRIVATE);
    p[0] = 1;
    CHECK_EQ((long)mremap(p, 4 * PAGE, 2 * PAGE, 0), (long)p);
    CHECK_EQ(p[0], 1);
    CHECK_FAULT(p[2 * PAGE] = 1, SIGSEGV, SEGV_MAPERR, p + 2 * PAGE);
}
TEST(grow_in_place) {
    char *p = anon(8 * PAGE, MAP_PRIVATE);
    p[0] = 5, p[PAGE - 1] = 6;
    CHECK_EQ(munmap(p + PAGE, 7 * PAGE), 0);
    CHECK_EQ((long)mremap(p, PAGE, 4 * PAGE, 0), (long)p);
    CHECK_EQ(p[0], 5), CHECK_EQ(p[PAGE - 1], 6), CHECK_EQ(p[3 * PAGE], 0);
    p[4 * PAGE - 1] = 1;
}
TEST(grow_needs_move) {
    char *p = anon(4 * PAGE, MAP_PRIVATE);
    for (int i = 0; i < 4; i++)
        p[i * PAGE] = i + 1;
    CHECK_ERR(mremap(p, 2 * PAGE, 3 * PAGE, 0), ENOMEM); // its neighbour is in the way
    char *q = OK(mremap(p, 2 * PAGE, 300 * PAGE, MREMAP_MAYMOVE));
    CHECK_NE((long)q, (long)p);
    CHECK_EQ(q[0], 1), CHECK_EQ(q[PAGE], 2), CHECK_EQ(q[299 * PAGE], 0);
    CHECK_FAULT(p[0] = 1, SIGSEGV, SEGV_MAPERR, p);
    CHECK_EQ(p[2 * PAGE], 3);
}
TEST(fixed) {
    char *p = anon(2 * PAGE, MAP_PRIVATE), *t = anon(4 * PAGE, MAP_PRIVATE);
    p[0] = 1, p[PAGE] = 2;
    memset(t, 9, 4 * PAGE);
    CHECK_EQ((long)mremap(p, 2 * PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, t + PAGE), (long)t + PAGE);
    CHECK_EQ(t[0], 9), CHECK_EQ(t[PAGE], 1), CHECK_EQ(t[2 * PAGE], 2), CHECK_EQ(t[3 * PAGE], 9);
    CHECK_ERR(mremap(t, PAGE, PAGE, MREMAP_FIXED, p), EINVAL);
    CHECK_ERR(mremap(t, 2 * PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, t + PAGE), EINVAL); // overlap
    CHECK_ERR(mremap(t, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, p + 1), EINVAL);
}
TEST(errnos) {
    char *p = anon(2 * PAGE, MAP_PRIVATE);
    CHECK_ERR(mremap(p + 1, PAGE, PAGE, 0), EINVAL);
    CHECK_ERR(mremap(p, PAGE, 0, 0), EINVAL);
    CHECK_ERR(mremap(p, PAGE, PAGE, 0x80), EINVAL);
    CHECK_ERR(mremap(p, 0, PAGE, MREMAP_MAYMOVE), EINVAL); // private memory cannot be duplicated
    CHECK_EQ(munmap(p, 2 * PAGE), 0);
    CHECK_ERR(mremap(p, PAGE, 2 * PAGE, MREMAP_MAYMOVE), EFAULT);
    CHECK_ERR(mremap(anon(PAGE, MAP_PRIVATE), PAGE, 0x7f0000000000, MREMAP_MAYMOVE), ENOMEM); // no hole is that large
}
TEST(shared_duplicate) {
    char *p = anon(2 * PAGE, MAP_SHARED);
    p[0] = 4;
    char *q = OK(mremap(p, 0, 2 * PAGE, MREMAP_MAYMOVE));
    CHECK_NE((long)q, (long)p);
    CHECK_EQ(q[0], 4);
    q[PAGE] = 8;
    CHECK_EQ(p[PAGE], 8);
}
TEST(dontunmap) {
#ifndef MREMAP_DONTUNMAP
#define MREMAP_DONTUNMAP 4
#endif
    char *p = anon(2 * PAGE, MAP_PRIVATE);
    p[0] = 3;
    char *q = OK(mremap(p, 2 * PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, NULL));
    CHECK_EQ(q[0], 3);
    CHECK_EQ(p[0], 0); // still mapped, empty
    CHECK_ERR(mremap(p, 2 * PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, NULL), EINVAL);
}
TEST(moved_cow_stays_cow) {
    char *p = anon(2 * PAGE, MAP_PRIVATE);
    p[0] = 1;
    pid_t c = FORK();
    if (c == 0) {
        char *q = OK(mremap(p, 2 * PAGE, 64 * PAGE, MREMAP_MAYMOVE));
        CHECK_EQ(q[0], 1);
        q[0] = 2;
        _exit(0);
    }
    CHECK_EXIT(c, 0);
    CHECK_EQ(p[0], 1);
}
TEST_DIR(file_mapping_grows) {
    int fd = OK(open("f", O_RDWR | O_CREAT, 0644));
    OK(ftruncate(fd, 3 * PAGE));
    CHECK_EQ(pwrite(fd, "x", 1, 2 * PAGE), 1);
    char *p = OK(mmap(NULL, PAGE, RW, MAP_SHARED, fd, 0));
    p = OK(mremap(p, PAGE, 3 * PAGE, MREMAP_MAYMOVE));
    CHECK_EQ(p[2 * PAGE], 'x');
}
TEST(realloc_large) {
    char *p = malloc(1 << 20);
    memset(p, 3, 1 << 20);
    for (size_t n = 2 << 20; n <= 16 << 20; n *= 2) {
        p = realloc(p, n);
        CHECK(p);
        CHECK_EQ(p[(1 << 20) - 1], 3);
        p[n - 1] = 1;
    }
    free(p);
}
