// The stack: grows on touch down to RLIMIT_STACK, MAP_GROWSDOWN with its guard gap, overflow on an alternate stack.
#include "../guest.h"
#include <alloca.h>

TEST(main_stack_grows) {
    volatile char *p = alloca(3 << 20);
    p[0] = 1; // straight to the bottom: no touching in between
    CHECK_EQ(p[0], 1);
    for (int i = 0; i < 3 << 20; i += PAGE)
        p[i] = 2;
}
TEST(system_call_grows_it_too) {
    volatile char *p = alloca(1 << 20);
    int fd[2];
    OK(pipe(fd));
    CHECK_EQ(write(fd[1], "x", 1), 1);
    CHECK_EQ(read(fd[0], (char *)p, 1), 1);
    CHECK_EQ(p[0], 'x');
}
#pragma GCC diagnostic ignored "-Winfinite-recursion"
static int deep(int n) {
    volatile char b[1024];
    b[0] = n;
    return deep(n + 1) + b[0];
}
static sigjmp_buf out;
static siginfo_t seen;
static void on_segv(int s, siginfo_t *si, void *u) {
    (void)s, (void)u;
    seen = *si;
    siglongjmp(out, 1);
}
TEST(overflow_on_altstack) {
    struct rlimit r;
    CHECK_EQ(getrlimit(RLIMIT_STACK, &r), 0);
    r.rlim_cur = 1 << 20;
    CHECK_EQ(setrlimit(RLIMIT_STACK, &r), 0);
    stack_t ss = {.ss_sp = malloc(65536), .ss_size = 65536};
    CHECK_EQ(sigaltstack(&ss, NULL), 0);
    on_siginfo(SIGSEGV, on_segv, SA_ONSTACK);
    if (sigsetjmp(out, 1) == 0)
        deep(0);
    CHECK_EQ(seen.si_signo, SIGSEGV);
    CHECK_EQ(seen.si_code, SEGV_MAPERR);
    char here;
    CHECK_LT((long)&here - (long)seen.si_addr, 2 << 20);
    CHECK_GT((long)&here - (long)seen.si_addr, 900 << 10);
}
TEST(overflow_kills) {
    pid_t c = FORK();
    if (c == 0) {
        struct rlimit r = {256 << 10, 256 << 10}, core = {0, 0};
        setrlimit(RLIMIT_CORE, &core);
        setrlimit(RLIMIT_STACK, &r);
        signal(SIGSEGV, SIG_DFL);
        _exit(deep(0));
    }
    CHECK_KILLED(c, SIGSEGV);
}
TEST(map_growsdown) {
    long len = 64 * PAGE;
    char *base = OK(mmap(NULL, 1024 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    char *top = base + 1024 * PAGE;
    OK(munmap(base, 1024 * PAGE));
    char *p = OK(mmap(top - PAGE, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_GROWSDOWN | MAP_FIXED, -1, 0));
    CHECK_EQ((long)p, (long)top - PAGE);
    p[0] = 1;
    top[-2 * PAGE] = 2;
    top[-len] = 3;
    CHECK_EQ(top[-2 * PAGE], 2), CHECK_EQ(top[-len + 1], 0);
    for (long i = PAGE; i <= len; i += PAGE)
        top[-i] = 4;
}
TEST(growsdown_guard_gap) {
    char *base = OK(mmap(NULL, 1024 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    OK(munmap(base, 1024 * PAGE));
    char *low = OK(mmap(base, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
    char *p = OK(mmap(base + 300 * PAGE, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_GROWSDOWN | MAP_FIXED, -1, 0));
    p[-PAGE] = 1;
    // Within 256 pages of the mapping below, it no longer grows.
    CHECK_FAULT(p[-100 * PAGE] = 1, SIGSEGV, SEGV_MAPERR, p - 100 * PAGE);
    low[0] = 1;
}
TEST(rlimit_as) {
    struct rlimit r = {256 << 20, RLIM_INFINITY};
    CHECK_EQ(setrlimit(RLIMIT_AS, &r), 0);
    CHECK_ERR(mmap(NULL, 512 << 20, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), ENOMEM);
    char *p = OK(mmap(NULL, 8 << 20, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    CHECK_ERR(mremap(p, 8 << 20, 512 << 20, MREMAP_MAYMOVE), ENOMEM);
    long b = syscall(SYS_brk, 0);
    CHECK_EQ(syscall(SYS_brk, b + (400 << 20)), b);
}
