// SSE and AVX registers, MXCSR and the x87 control word: kept across system calls, signals, faults, fork, threads and preemption;
// a handler starts with the defaults and its changes do not leak.
#include "../guest.h"
#include <pthread.h>
#include <sched.h>
#include <cpuid.h>

static bool have_avx(void) {
    unsigned a, b, c, d;
    return __get_cpuid(1, &a, &b, &c, &d) && (c >> 27 & 1) && (c >> 28 & 1);
}
static unsigned get_mxcsr(void) {
    unsigned v;
    __asm__ volatile("stmxcsr %0" : "=m"(v));
    return v;
}
static void set_mxcsr(unsigned v) { __asm__ volatile("ldmxcsr %0" : : "m"(v)); }
static unsigned short get_fcw(void) {
    unsigned short v;
    __asm__ volatile("fnstcw %0" : "=m"(v));
    return v;
}
static void set_fcw(unsigned short v) { __asm__ volatile("fldcw %0" : : "m"(v)); }

struct regs { uint64_t x[16][2]; };
static void fill(struct regs *r, uint64_t seed) {
    for (int i = 0; i < 16; i++)
        r->x[i][0] = seed * 1000 + i, r->x[i][1] = ~(seed * 1000 + i);
}
// Load all xmm registers, make one system call (or none), store them all: nothing of the compiler's comes in between.
static long through_syscall(const struct regs *in, struct regs *out, long nr, long a, long b, long c) {
    long ret;
    register long rdx __asm__("rdx") = c;
    __asm__ volatile(
        "movdqu 0(%[i]),%%xmm0; movdqu 16(%[i]),%%xmm1; movdqu 32(%[i]),%%xmm2; movdqu 48(%[i]),%%xmm3\n\t"
        "movdqu 64(%[i]),%%xmm4; movdqu 80(%[i]),%%xmm5; movdqu 96(%[i]),%%xmm6; movdqu 112(%[i]),%%xmm7\n\t"
        "movdqu 128(%[i]),%%xmm8; movdqu 144(%[i]),%%xmm9; movdqu 160(%[i]),%%xmm10; movdqu 176(%[i]),%%xmm11\n\t"
        "movdqu 192(%[i]),%%xmm12; movdqu 208(%[i]),%%xmm13; movdqu 224(%[i]),%%xmm14; movdqu 240(%[i]),%%xmm15\n\t"
        "syscall\n\t"
        "movdqu %%xmm0,0(%[o]); movdqu %%xmm1,16(%[o]); movdqu %%xmm2,32(%[o]); movdqu %%xmm3,48(%[o])\n\t"
        "movdqu %%xmm4,64(%[o]); movdqu %%xmm5,80(%[o]); movdqu %%xmm6,96(%[o]); movdqu %%xmm7,112(%[o])\n\t"
        "movdqu %%xmm8,128(%[o]); movdqu %%xmm9,144(%[o]); movdqu %%xmm10,160(%[o]); movdqu %%xmm11,176(%[o])\n\t"
        "movdqu %%xmm12,192(%[o]); movdqu %%xmm13,208(%[o]); movdqu %%xmm14,224(%[o]); movdqu %%xmm15,240(%[o])"
        : "=a"(ret), "+r"(rdx)
        : "a"(nr), "D"(a), "S"(b), [i] "r"(in), [o] "r"(out)
        : "rcx", "r11", "memory", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11",
          "xmm12", "xmm13", "xmm14", "xmm15");
    return ret;
}
TEST(xmm_across_syscalls) {
    struct regs a, b;
    struct timespec ms = {0, 1000000};
    for (int i = 0; i < 20; i++) {
        fill(&a, i);
        CHECK_EQ(through_syscall(&a, &b, SYS_getpid, 0, 0, 0), getpid());
        CHECK_MEM(&b, &a, sizeof a);
        CHECK_EQ(through_syscall(&a, &b, SYS_nanosleep, (long)&ms, 0, 0), 0);
        CHECK_MEM(&b, &a, sizeof a);
        CHECK_EQ(through_syscall(&a, &b, SYS_sched_yield, 0, 0, 0), 0);
        CHECK_MEM(&b, &a, sizeof a);
    }
}
TEST(avx_across_syscalls) {
    if (!have_avx())
        skip("no AVX");
    uint64_t in[4] = {1, 2, 3, 0xdeadbeefcafe}, out[4] = {0};
    long r;
    __asm__ volatile("vmovdqu (%2),%%ymm7; syscall; vmovdqu %%ymm7,(%3); vzeroupper"
                     : "=a"(r) : "a"((long)SYS_getpid), "r"(in), "r"(out) : "rcx", "r11", "memory", "xmm7");
    CHECK_MEM(out, in, sizeof in);
}
static volatile unsigned handler_mxcsr;
static volatile unsigned short handler_fcw;
static volatile int handled;
static void clobber(int s) {
    (void)s;
    handled++;
    handler_mxcsr = get_mxcsr();
    handler_fcw = get_fcw();
    set_mxcsr(0x1f80 | 0x2000);
    set_fcw(0x27f);
    __asm__ volatile("pcmpeqd %%xmm0,%%xmm0; pcmpeqd %%xmm7,%%xmm7; pcmpeqd %%xmm15,%%xmm15" : : : "xmm0", "xmm7", "xmm15");
    if (have_avx())
        __asm__ volatile("vpcmpeqd %%xmm1,%%xmm1,%%xmm1; vinsertf128 $1,%%xmm1,%%ymm7,%%ymm7; vzeroupper" : : : "xmm1", "xmm7");
}
TEST(signal_handler_does_not_leak) {
    struct regs a, b;
    on_signal(SIGUSR1, clobber, 0);
    for (int i = 0; i < 20; i++) {
        fill(&a, i);
        set_mxcsr(0x1f80 | 0x6000);
        set_fcw(0xf7f);
        CHECK_EQ(through_syscall(&a, &b, SYS_kill, getpid(), SIGUSR1, 0), 0);
        CHECK_EQ(get_mxcsr() & ~0x3f, 0x1f80 | 0x6000);
        CHECK_EQ(get_fcw(), 0xf7f);
        set_mxcsr(0x1f80), set_fcw(0x37f);
        CHECK_MEM(&b, &a, sizeof a);
    }
    CHECK_EQ(handled, 20);
    CHECK_EQ(handler_fcw, 0x37f); // handlers start with the default x87 state
}
TEST(ymm_across_signal) {
    if (!have_avx())
        skip("no AVX");
    on_signal(SIGUSR1, clobber, 0);
    uint64_t in[4] = {11, 22, 33, 44}, out[4] = {0};
    long r;
    __asm__ volatile("vmovdqu (%2),%%ymm7; syscall; vmovdqu %%ymm7,(%3); vzeroupper"
                     : "=a"(r) : "a"((long)SYS_kill), "r"(in), "r"(out), "D"((long)getpid()), "S"((long)SIGUSR1)
                     : "rcx", "r11", "memory", "xmm7");
    CHECK_EQ(handled, 1);
    CHECK_MEM(out, in, sizeof in);
}
static void edit_xmm(int s, siginfo_t *si, void *u) {
    (void)s, (void)si;
    ucontext_t *uc = u;
    uc->uc_mcontext.fpregs->_xmm[3].element[0] = 0x12345678;
}
TEST(handler_may_edit_saved_xmm) {
    struct regs a, b;
    fill(&a, 5);
    on_siginfo(SIGUSR1, edit_xmm, 0);
    CHECK_EQ(through_syscall(&a, &b, SYS_kill, getpid(), SIGUSR1, 0), 0);
    CHECK_EQ((uint32_t)b.x[3][0], 0x12345678);
    CHECK_EQ(b.x[3][1], a.x[3][1]);
    CHECK_EQ(b.x[2][0], a.x[2][0]);
}
TEST(fork_inherits) {
    struct regs a, b;
    fill(&a, 9);
    set_mxcsr(0x1f80 | 0x4000);
    set_fcw(0xb7f);
    long r = through_syscall(&a, &b, SYS_fork, 0, 0, 0);
    CHECK_EQ(get_mxcsr(), 0x1f80 | 0x4000);
    CHECK_EQ(get_fcw(), 0xb7f);
    set_mxcsr(0x1f80), set_fcw(0x37f);
    CHECK_MEM(&b, &a, sizeof a);
    if (r == 0)
        _exit(0);
    CHECK_EXIT(r, 0);
}
// Registers survive being preempted by a competitor that uses its own.
static void *spin(void *arg) {
    struct regs a, b;
    for (int i = 0; i < 300; i++) {
        fill(&a, (long)arg + i);
        through_syscall(&a, &b, i % 3 ? SYS_getppid : SYS_sched_yield, 0, 0, 0);
        if (memcmp(&a, &b, sizeof a))
            return (void *)1;
    }
    return NULL;
}
TEST(threads_have_their_own) {
    pthread_t t[4];
    void *bad;
    for (long i = 0; i < 4; i++)
        CHECK_RET(pthread_create(&t[i], NULL, spin, (void *)(i * 10000)), 0);
    for (int i = 0; i < 4; i++) {
        CHECK_RET(pthread_join(t[i], &bad), 0);
        CHECK_EQ((long)bad, 0);
    }
}
TEST(preempted_while_computing) {
    on_signal(SIGALRM, clobber, 0);
    tick(1);
    long long least = now_ms() + 60, most = least + 4000;
    uint64_t bad = 0;
    while (now_ms() < least || (handled <= 3 && now_ms() < most))
        __asm__ volatile("mov $77,%%rax; movq %%rax,%%xmm7; movq %%rax,%%xmm15; mov $20000,%%ecx\n"
                         "1: movq %%xmm7,%%rax; xor $77,%%rax; or %%rax,%0; movq %%xmm15,%%rax; xor $77,%%rax; or %%rax,%0; dec %%ecx; jnz 1b"
                         : "+r"(bad) : : "rax", "rcx", "xmm7", "xmm15");
    CHECK_EQ(bad, 0);
    CHECK_GT(handled, 3);
}
TEST(division_by_zero_and_masks) {
    volatile int zero = 0;
    siginfo_t si = FAULT(zero = 100 / zero);
    CHECK_EQ(si.si_signo, SIGFPE);
    CHECK_EQ(si.si_code, FPE_INTDIV);
    set_mxcsr(0x1f80 & ~0x200); // unmask division by zero
    volatile double d = 0;
    si = FAULT(d = 1 / d);
    set_mxcsr(0x1f80);
    CHECK_EQ(si.si_signo, SIGFPE);
    CHECK_EQ(si.si_code, FPE_FLTDIV);
    si = FAULT(__builtin_trap());
    CHECK_EQ(si.si_signo, SIGILL);
    CHECK_EQ(si.si_code, ILL_ILLOPN);
    si = FAULT(__asm__ volatile("int3"));
    CHECK_EQ(si.si_signo, SIGTRAP);
    CHECK_EQ(si.si_code, SI_KERNEL);
    si = FAULT(__asm__ volatile("hlt"));
    CHECK_EQ(si.si_signo, SIGSEGV);
    CHECK_EQ(si.si_code, SI_KERNEL);
}
