// System-call instructions in all places and states: hot ones, jumped into, at the end of a page, in code that changes, under
// signals. What a platform does to them (trapping, rewriting) must not show.
#include "../guest.h"
#include <pthread.h>
#include <sys/mman.h>
#include <ucontext.h>

#define RWX (PROT_READ | PROT_WRITE | PROT_EXEC)
// mov $nr,%eax; syscall; ret
static const unsigned char site[8] = {0xb8, 0, 0, 0, 0, 0x0f, 0x05, 0xc3};
static unsigned char *code(size_t pages) { return OK(mmap(NULL, pages * PAGE, RWX, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)); }
static long (*put_site(unsigned char *p, int nr))(void) {
    memcpy(p, site, 8);
    memcpy(p + 1, &nr, 4);
    return (long (*)(void))p;
}
TEST(rcx_and_r11) {
    // The instruction leaves the return address in rcx and the flags in r11, and Linux returns with them.
    for (int i = 0; i < 200; i++) {
        long rcx, r11, here, flags;
        __asm__ volatile("mov $39,%%eax; syscall; 1: mov %%rcx,%0; mov %%r11,%1; pushfq; pop %3; lea 1b(%%rip),%2"
                         : "=&r"(rcx), "=&r"(r11), "=&r"(here), "=&r"(flags) : : "rax", "rcx", "r11", "memory", "cc");
        if (rcx != here || r11 != flags)
            FAIL("round %d: rcx %#lx, expected %#lx; r11 %#lx, expected %#lx", i, rcx, here, r11, flags);
    }
    GUEST_COUNT();
}
TEST(flags_survive) {
    for (int i = 0; i < 200; i++) {
        unsigned char carry, zero;
        __asm__ volatile("mov $39,%%eax; stc; syscall; setc %0" : "=r"(carry) : : "rax", "rcx", "r11", "memory", "cc");
        __asm__ volatile("xor %%ecx,%%ecx; mov $39,%%eax; syscall; setz %0" : "=r"(zero) : : "rax", "rcx", "r11", "memory", "cc");
        if (!carry || !zero)
            FAIL("round %d: carry %d, zero %d", i, carry, zero);
    }
    GUEST_COUNT();
}
TEST(registers_survive_when_hot) {
    for (long i = 0; i < 300; i++) {
        long out[9];
        __asm__ volatile(
            "mov %1,%%rbx; lea 1(%1),%%rdx; lea 2(%1),%%rsi; lea 3(%1),%%rdi; lea 4(%1),%%r8; lea 5(%1),%%r9; lea 6(%1),%%r10; lea 7(%1),%%r12\n\t"
            "lea 8(%1),%%r13; mov $39,%%eax; syscall\n\t"
            "mov %%rbx,0(%0); mov %%rdx,8(%0); mov %%rsi,16(%0); mov %%rdi,24(%0); mov %%r8,32(%0); mov %%r9,40(%0); mov %%r10,48(%0)\n\t"
            "mov %%r12,56(%0); mov %%r13,64(%0)"
            : : "r"(out), "r"(i * 1000) : "rax", "rbx", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13", "memory");
        for (int j = 0; j < 9; j++)
            if (out[j] != i * 1000 + j)
                FAIL("round %ld: register %d is %ld, expected %ld", i, j, out[j], i * 1000 + j);
    }
    GUEST_COUNT();
}
TEST(red_zone_when_hot) {
    for (int i = 0; i < 200; i++) {
        long v;
        __asm__ volatile("movq %1,-8(%%rsp); movq %1,-64(%%rsp); movq %1,-120(%%rsp); mov $39,%%eax; syscall\n\t"
                         "mov -8(%%rsp),%0; and -64(%%rsp),%0; and -120(%%rsp),%0"
                         : "=&r"(v) : "r"(0x5a5a0000L + i) : "rax", "rcx", "r11", "memory", "cc");
        if (v != 0x5a5a0000L + i)
            FAIL("round %d: %#lx", i, v);
    }
    GUEST_COUNT();
}
TEST(jump_into_the_middle) {
    unsigned char *p = code(1);
    long (*f)(void) = put_site(p, SYS_getpid);
    for (int i = 0; i < 300; i++)
        CHECK_EQ(f(), getpid());
    for (int i = 0; i < 300; i++) { // straight to the syscall instruction, with another number
        long r = SYS_getppid;
        __asm__ volatile("call *%1" : "+a"(r) : "r"(p + 5) : "rcx", "r11", "memory");
        CHECK_EQ(r, getppid());
    }
    CHECK_EQ(f(), getpid());
}
TEST(text_reads_as_written) {
    unsigned char *p = code(1), copy[8];
    long (*f)(void) = put_site(p, SYS_getpid);
    memcpy(copy, p, 8);
    for (int i = 0; i < 500; i++)
        f();
    CHECK_MEM(p, copy, 8);
}
TEST(code_that_changes) {
    unsigned char *p = code(1);
    for (int round = 0; round < 5; round++) {
        long (*f)(void) = put_site(p, SYS_getpid);
        for (int i = 0; i < 100; i++)
            CHECK_EQ(f(), getpid());
        put_site(p, SYS_getppid);
        for (int i = 0; i < 100; i++)
            CHECK_EQ(f(), getppid());
        p[0] = 0xc3; // ret: rax is what it was
        long r = 77;
        __asm__ volatile("call *%1" : "+a"(r) : "r"(p) : "rcx", "r11", "memory");
        CHECK_EQ(r, 77);
    }
}
TEST(code_that_moves_away) {
    for (int round = 0; round < 10; round++) {
        unsigned char *p = code(1);
        long (*f)(void) = put_site(p, SYS_getpid);
        for (int i = 0; i < 60; i++)
            f();
        OK(mprotect(p, PAGE, PROT_READ));
        CHECK_FAULT(f(), SIGSEGV, SEGV_ACCERR, p);
        OK(mprotect(p, PAGE, PROT_READ | PROT_EXEC));
        CHECK_EQ(f(), getpid());
        OK(mmap(p, PAGE, RWX, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
        put_site(p, SYS_getppid);
        CHECK_EQ(f(), getppid());
        OK(munmap(p, PAGE));
        CHECK_FAULT(f(), SIGSEGV, SEGV_MAPERR, p);
    }
}
TEST(at_the_end_of_a_page) {
    unsigned char *p = code(3);
    for (int shift = 0; shift < 8; shift++) { // each byte of the sequence on either side of the border
        long (*f)(void) = put_site(p + PAGE - shift, SYS_getpid);
        for (int i = 0; i < 100; i++)
            CHECK_EQ(f(), getpid());
        memset(p + PAGE - 8, 0x90, 16);
    }
    // The syscall instruction is the last thing before a hole: the fault is at the hole.
    OK(munmap(p + PAGE, 2 * PAGE));
    memcpy(p + PAGE - 7, site, 7);
    *(int *)(p + PAGE - 6) = SYS_getpid;
    CHECK_FAULT(((long (*)(void))(p + PAGE - 7))(), SIGSEGV, SEGV_MAPERR, p + PAGE);
}
TEST(shared_and_file_code) {
    int fd = OK(memfd_create("code", 0));
    OK(ftruncate(fd, PAGE));
    unsigned char *w = OK(mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0));
    put_site(w, SYS_getpid);
    unsigned char *x = OK(mmap(NULL, PAGE, PROT_READ | PROT_EXEC, MAP_SHARED, fd, 0));
    unsigned char *y = OK(mmap(NULL, PAGE, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0));
    for (int i = 0; i < 300; i++) {
        CHECK_EQ(((long (*)(void))x)(), getpid());
        CHECK_EQ(((long (*)(void))y)(), getpid());
    }
    CHECK_MEM(w, x, 8);
    CHECK_EQ(w[5], 0x0f), CHECK_EQ(w[6], 0x05); // the file is as written
    char b[8];
    CHECK_EQ(pread(fd, b, 8, 0), 8);
    CHECK_MEM(b, w, 8);
    put_site(w, SYS_getppid);
    CHECK_EQ(((long (*)(void))x)(), getppid());
}
TEST(hot_over_fork) {
    unsigned char *p = code(1);
    long (*f)(void) = put_site(p, SYS_getpid);
    for (int i = 0; i < 300; i++)
        f();
    IN_CHILD(
        for (int i = 0; i < 100; i++)
            CHECK_EQ(f(), getpid());
        put_site(p, SYS_getppid);
        CHECK_EQ(f(), getppid());
    );
    CHECK_EQ(f(), getpid());
}
static unsigned char *jit;
static volatile int ticks, strays;
static void on_tick(int s, siginfo_t *si, void *u) {
    (void)s, (void)si;
    greg_t *g = ((ucontext_t *)u)->uc_mcontext.gregs;
    if (g[REG_R14] != 0x600df00d)
        return; // outside the loop
    ticks++;
    if (g[REG_RIP] < (greg_t)jit || g[REG_RIP] >= (greg_t)(jit + PAGE) || g[REG_RBX] != 0x1234 || g[REG_R15] != 0x4321)
        strays++;
}
TEST(signals_see_the_applications_own_state) {
    // A loop of system calls in one page; each handler must find the instruction pointer in that page and the registers in order.
    // mov $0x1234,%ebx; mov $0x4321,%r15d; mov $0x600df00d,%r14d; 1: mov $39,%eax; syscall; dec %rbp; jnz 1b; xor %r14d,%r14d; ret
    static const unsigned char loop[] = {0xbb, 0x34, 0x12, 0,    0,    0x41, 0xbf, 0x21, 0x43, 0,    0,    0x41, 0xbe, 0x0d, 0xf0, 0x0d,
                                         0x60, 0xb8, 39,   0,    0,    0,    0x0f, 0x05, 0x48, 0xff, 0xcd, 0x75, 0xf4, 0x45, 0x31, 0xf6, 0xc3};
    jit = code(1);
    memcpy(jit, loop, sizeof loop);
    on_siginfo(SIGALRM, on_tick, 0);
    tick(1);
    long long end = now_ms() + 150;
    while (now_ms() < end)
        __asm__ volatile("push %%rbp; mov $2000,%%ebp; call *%0; pop %%rbp" : : "r"(jit) : "rax", "rbx", "rcx", "r11", "r14", "r15", "memory", "cc");
    CHECK_GT(ticks, 3);
    CHECK_EQ(strays, 0);
}
static volatile long sum;
static void *hot(void *a) {
    long (*f)(void) = a;
    for (int i = 0; i < 400; i++)
        if (f() != getpid())
            sum++;
    return NULL;
}
TEST(hot_in_many_threads) {
    unsigned char *p = code(1);
    pthread_t t[4];
    put_site(p, SYS_getpid);
    for (int i = 0; i < 4; i++)
        CHECK_RET(pthread_create(&t[i], NULL, hot, p), 0);
    for (int i = 0; i < 4; i++)
        CHECK_RET(pthread_join(t[i], NULL), 0);
    CHECK_EQ(sum, 0);
}
TEST(other_sequences) {
    // mov %reg,%eax; xor %eax,%eax; numbers loaded long before; prefixes.
    long r;
    for (int i = 0; i < 100; i++) {
        __asm__ volatile("xor %%eax,%%eax; mov $39,%%al; syscall" : "=a"(r) : : "rcx", "r11", "memory");
        CHECK_EQ(r, getpid());
        __asm__ volatile("mov $39,%%rax; nop; nop; syscall" : "=a"(r) : : "rcx", "r11", "memory");
        CHECK_EQ(r, getpid());
        __asm__ volatile("mov %1,%%eax; jmp 1f; 1: syscall" : "=a"(r) : "r"(39) : "rcx", "r11", "memory");
        CHECK_EQ(r, getpid());
        __asm__ volatile("mov $-1,%%rax; mov $39,%%eax; .byte 0x48; syscall" : "=a"(r) : : "rcx", "r11", "memory");
        CHECK_EQ(r, getpid());
        __asm__ volatile("movabs $0x500000027,%%rax; syscall" : "=a"(r) : : "rcx", "r11", "memory");
        CHECK_EQ(r, getpid()); // Linux looks at the low half
    }
}
TEST(low_addresses) {
    unsigned char *p = mmap((void *)0x10000, PAGE, RWX, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    if (p == MAP_FAILED)
        skip("mmap_min_addr is above 64 KiB");
    long (*f)(void) = put_site(p, SYS_getpid);
    for (int i = 0; i < 100; i++)
        CHECK_EQ(f(), getpid());
}
TEST(nothing_of_the_platform_shows) {
    // maps lists no page that the program did not ask for: each name is a file, a well-known area, or nothing.
    FILE *f = fopen("/proc/self/maps", "r");
    char line[PATH_MAX + 100], path[PATH_MAX];
    while (f && fgets(line, sizeof line, f)) {
        path[0] = 0;
        sscanf(line, "%*s %*s %*s %*s %*s %4095[^\n]", path);
        CHECK(!path[0] || path[0] == '/' || path[0] == '[');
        CHECK(!strstr(path, "memfd:sbx") && !strstr(path, "stub"));
    }
    fclose(f);
}
