// brk: grows, shrinks, zeroes what comes back, stops at mappings and RLIMIT_DATA, over fork.
#include "../guest.h"
static long sys_brk(long a) { return syscall(SYS_brk, a); }

TEST(grow_and_shrink) {
    char *b = (char *)sys_brk(0);
    CHECK_EQ(sys_brk((long)b + 3 * PAGE), (long)b + 3 * PAGE);
    for (int i = 0; i < 3 * PAGE; i += 64)
        CHECK_EQ(b[i], 0);
    memset(b, 1, 3 * PAGE);
    CHECK_EQ(sys_brk((long)b), (long)b);
    CHECK_EQ(sys_brk((long)b + 3 * PAGE), (long)b + 3 * PAGE);
    CHECK_EQ(b[3 * PAGE - 1], 0);
}
TEST(odd_sizes) {
    long b = sys_brk(0);
    CHECK_EQ(sys_brk(b + 5), b + 5);
    CHECK_EQ(sys_brk(0), b + 5);
    CHECK_EQ(sys_brk(b), b);
}
TEST(bad_values_keep_it) {
    long b = sys_brk(0);
    CHECK_EQ(sys_brk(1), b);
    CHECK_EQ(sys_brk(-1), b);
    CHECK_EQ(sys_brk(1L << 47), b);
}
TEST(shrunk_faults) {
    char *b = (char *)((sys_brk(0) + PAGE - 1) & -PAGE);
    sys_brk((long)b + 2 * PAGE);
    b[PAGE] = 1;
    sys_brk((long)b + PAGE);
    CHECK_FAULT(b[PAGE] = 1, SIGSEGV, SEGV_MAPERR, b + PAGE);
    b[0] = 1;
}
TEST(stops_at_a_mapping) {
    char *b = (char *)((sys_brk(0) + PAGE - 1) & -PAGE);
    sys_brk((long)b);
    OK(mmap(b + 4 * PAGE, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0));
    CHECK_EQ(sys_brk((long)b + 8 * PAGE), (long)b);
    CHECK_EQ(sys_brk((long)b + 2 * PAGE), (long)b + 2 * PAGE);
}
TEST(rlimit_data) {
    long b = sys_brk(0);
    struct rlimit r = {1 << 20, RLIM_INFINITY};
    CHECK_EQ(setrlimit(RLIMIT_DATA, &r), 0);
    CHECK_EQ(sys_brk(b + (4 << 20)), b);
    CHECK_ERR(mmap(NULL, 4 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), ENOMEM);
    CHECK_NE((long)mmap(NULL, 4 << 20, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), -1);
}
TEST(separate_after_fork) {
    char *b = (char *)sys_brk(0);
    IN_CHILD(CHECK_EQ(sys_brk((long)b + PAGE), (long)b + PAGE); b[0] = 1);
    CHECK_EQ(sys_brk(0), (long)b);
}
