// mmap, munmap and mprotect of private anonymous memory: placement, errnos, faults and their siginfo.
#include "../guest.h"

static char *anon(size_t len, int prot) { return OK(mmap(NULL, len, prot, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)); }
#define RW (PROT_READ | PROT_WRITE)

TEST(zeroed_and_writable) {
    char *p = anon(16 * PAGE, RW);
    CHECK_EQ((long)p % PAGE, 0);
    for (long i = 0; i < 16 * PAGE; i += 512)
        if (p[i])
            FAIL("byte %ld is %d", i, p[i]);
    memset(p, 0x5a, 16 * PAGE);
    CHECK_EQ(p[16 * PAGE - 1], 0x5a);
    CHECK_EQ(munmap(p, 16 * PAGE), 0);
    CHECK_FAULT(*(volatile char *)(p + 5), SIGSEGV, SEGV_MAPERR, p + 5);
}
TEST(protection_faults) {
    char *p = anon(4 * PAGE, PROT_READ);
    CHECK_EQ(p[100], 0);
    CHECK_FAULT(p[100] = 1, SIGSEGV, SEGV_ACCERR, p + 100);
    CHECK_EQ(mprotect(p, PAGE, RW), 0);
    p[100] = 1;
    CHECK_FAULT(p[PAGE + 7] = 1, SIGSEGV, SEGV_ACCERR, p + PAGE + 7);
    CHECK_EQ(mprotect(p, 4 * PAGE, PROT_NONE), 0);
    CHECK_FAULT((void)*(volatile char *)(p + 100), SIGSEGV, SEGV_ACCERR, p + 100);
    CHECK_EQ(mprotect(p, PAGE, PROT_READ), 0);
    CHECK_EQ(p[100], 1);
    CHECK_FAULT(((void (*)(void))p)(), SIGSEGV, SEGV_ACCERR, p);
}
TEST(execute) {
    static const unsigned char code[] = {0xb8, 42, 0, 0, 0, 0xc3};
    unsigned char *p = (void *)anon(PAGE, RW | PROT_EXEC);
    memcpy(p, code, sizeof code);
    CHECK_EQ(((int (*)(void))p)(), 42);
    p[1] = 43;
    CHECK_EQ(((int (*)(void))p)(), 43);
    CHECK_EQ(mprotect(p, PAGE, PROT_READ | PROT_EXEC), 0);
    CHECK_EQ(((int (*)(void))p)(), 43);
}
TEST(errnos) {
    CHECK_ERR(mmap(NULL, 0, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), EINVAL);
    CHECK_ERR(mmap(NULL, PAGE, RW, MAP_ANONYMOUS, -1, 0), EINVAL);
    CHECK_ERR(mmap(NULL, PAGE, RW, MAP_PRIVATE, -1, 0), EBADF);
    CHECK_ERR(mmap(NULL, PAGE, RW, MAP_PRIVATE, 999, 0), EBADF);
    CHECK_ERR(mmap(NULL, PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 1), EINVAL);
    CHECK_ERR(mmap((void *)1, PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0), EINVAL);
    CHECK_ERR(mmap(NULL, 1L << 47, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0), ENOMEM);
    CHECK_ERR(mmap(NULL, -1UL, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), ENOMEM);
    CHECK_ERR(mmap((void *)(1L << 47), PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0), ENOMEM);
    char *p = anon(PAGE, RW);
    CHECK_ERR(munmap(p + 1, PAGE), EINVAL);
    CHECK_ERR(munmap(p, 0), EINVAL);
    CHECK_ERR(munmap(p, -1UL), EINVAL);
    CHECK_ERR(munmap((void *)-PAGE, PAGE), EINVAL);
    CHECK_ERR(mprotect(p + 1, PAGE, RW), EINVAL);
    CHECK_ERR(mprotect(p, PAGE, 0x80), EINVAL);
    CHECK_EQ(mprotect(p, 0, RW), 0);
    CHECK_EQ(munmap(p, PAGE), 0);
    CHECK_EQ(munmap(p, PAGE), 0);
    CHECK_ERR(mprotect(p, PAGE, RW), ENOMEM);
    CHECK_ERR(mprotect((void *)-PAGE, PAGE, RW), ENOMEM);
}
TEST(munmap_middle_and_odd_length) {
    char *p = anon(5 * PAGE, RW);
    memset(p, 7, 5 * PAGE);
    CHECK_EQ(munmap(p + PAGE, 1), 0); // lengths round up
    CHECK_EQ(munmap(p + 3 * PAGE, PAGE), 0);
    CHECK_EQ(p[0], 7), CHECK_EQ(p[2 * PAGE], 7), CHECK_EQ(p[4 * PAGE], 7);
    CHECK_FAULT(p[PAGE] = 1, SIGSEGV, SEGV_MAPERR, p + PAGE);
    CHECK_FAULT(p[3 * PAGE + 9] = 1, SIGSEGV, SEGV_MAPERR, p + 3 * PAGE + 9);
    CHECK_ERR(mprotect(p, 5 * PAGE, PROT_READ), ENOMEM); // but the first part was changed
    CHECK_FAULT(p[0] = 1, SIGSEGV, SEGV_ACCERR, p);
    p[2 * PAGE] = 8;
    CHECK_EQ(munmap(p, 5 * PAGE), 0); // over holes
}
TEST(fixed_replaces) {
    char *p = anon(3 * PAGE, RW);
    memset(p, 7, 3 * PAGE);
    CHECK_EQ((long)mmap(p + PAGE, PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0), (long)p + PAGE);
    CHECK_EQ(p[0], 7), CHECK_EQ(p[PAGE], 0), CHECK_EQ(p[2 * PAGE], 7);
}
TEST(fixed_noreplace) {
    char *p = anon(3 * PAGE, RW);
    CHECK_EQ(munmap(p + PAGE, PAGE), 0);
    int f = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE;
    CHECK_ERR(mmap(p, PAGE, RW, f, -1, 0), EEXIST);
    CHECK_ERR(mmap(p, 3 * PAGE, RW, f, -1, 0), EEXIST);
    CHECK_ERR(mmap(p + PAGE, 2 * PAGE, RW, f, -1, 0), EEXIST);
    CHECK_EQ((long)mmap(p + PAGE, PAGE, RW, f, -1, 0), (long)p + PAGE);
}
TEST(hints) {
    char *p = anon(8 * PAGE, RW);
    CHECK_EQ(munmap(p + 2 * PAGE, 4 * PAGE), 0);
    CHECK_EQ((long)mmap(p + 3 * PAGE, PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), (long)p + 3 * PAGE);
    char *q = OK(mmap(p + 3 * PAGE, PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)); // taken: elsewhere
    CHECK_NE((long)q, (long)p + 3 * PAGE);
    CHECK_EQ((long)mmap(p + 4 * PAGE + 77, PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), (long)p + 4 * PAGE);
}
TEST(map_32bit) {
    char *p = OK(mmap(NULL, PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0));
    CHECK_LT((unsigned long)p, 1UL << 31);
    p[0] = 1;
}
TEST(top_down) {
    char *a = anon(64 * PAGE, RW), *b = anon(64 * PAGE, RW);
    CHECK_LT((long)b, (long)a);
    char local;
    CHECK_LT((long)a, (long)&local);
}
TEST(noreserve_huge) {
    size_t len = 64L << 30;
    char *p = OK(mmap(NULL, len, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
    CHECK_EQ(mprotect(p + (32L << 30), PAGE, RW), 0);
    p[32L << 30] = 1;
    CHECK_EQ(munmap(p, len), 0);
}
TEST(many_mappings) {
    char *p = anon(400 * PAGE, RW);
    for (int i = 0; i < 400; i += 2)
        CHECK_EQ(mprotect(p + i * PAGE, PAGE, PROT_READ), 0);
    for (int i = 1; i < 400; i += 2)
        p[i * PAGE] = i;
    for (int i = 0; i < 400; i += 2)
        CHECK_EQ(mprotect(p + i * PAGE, PAGE, RW), 0);
    for (int i = 0; i < 400; i++)
        CHECK_EQ(p[i * PAGE], i & 1 ? (char)i : 0);
}
TEST(syscalls_see_faults_as_efault) {
    char *p = anon(3 * PAGE, RW);
    CHECK_EQ(mprotect(p + PAGE, PAGE, PROT_NONE), 0);
    int fd[2];
    OK(pipe(fd));
    CHECK_ERR(write(fd[1], p + PAGE, 1), EFAULT);
    CHECK_EQ(write(fd[1], p + PAGE - 2, 2), 2);
    CHECK_ERR(read(fd[0], p + PAGE, 2), EFAULT);
    CHECK_EQ(write(fd[1], "xyz", 3), 3);
    CHECK_EQ(mprotect(p + PAGE, PAGE, PROT_READ), 0);
    CHECK_ERR(read(fd[0], p + PAGE, 2), EFAULT);
    CHECK_ERR(write(fd[1], (void *)-8, 4), EFAULT);
    CHECK_ERR(write(fd[1], (void *)(1L << 47), 4), EFAULT);
    CHECK_ERR(write(fd[1], (void *)0x8000000000000000, 4), EFAULT);
    CHECK_ERR(open((char *)8, O_RDONLY), EFAULT);
    CHECK_ERR(pipe((int *)8), EFAULT);
}
TEST(noncanonical_address) {
    // A non-canonical address raises #GP: SI_KERNEL and no address.
    siginfo_t si = FAULT(*(volatile char *)0x8000000000000000);
    CHECK_EQ(si.si_signo, SIGSEGV);
    CHECK_EQ(si.si_code, SI_KERNEL);
    CHECK_EQ((long)si.si_addr, 0);
    siginfo_t sk = FAULT(*(volatile char *)0xffffffff81000000);
    CHECK_EQ(sk.si_signo, SIGSEGV);
}
