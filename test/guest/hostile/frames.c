// Forged signal frames and processor state: rt_sigreturn with rubbish, bad segments, flags and addresses, the trap flag, port I/O,
// privileged instructions. The process may die of a signal; the kernel must stand.
#include "../guest.h"
#include <ucontext.h>

static void no_core(void) {
    struct rlimit r = {0, 0};
    setrlimit(RLIMIT_CORE, &r);
}
// The status of a child that runs fn.
static int in_child(void (*fn)(void)) {
    int st;
    no_core();
    pid_t c = FORK();
    if (c == 0) {
        fn();
        _exit(0);
    }
    CHECK_EQ(guest_waitpid(c, &st, 0), c);
    return st;
}
#define DIES_OF(fn, sig)                                                                                                 \
    ({                                                                                                                   \
        int st_ = in_child(fn);                                                                                          \
        CHECK(WIFSIGNALED(st_));                                                                                         \
        CHECK_EQ(WTERMSIG(st_), sig);                                                                                    \
    })

static void bare_sigreturn(void) { syscall(SYS_rt_sigreturn); }
static void sigreturn_on_nothing(void) {
    __asm__ volatile("mov $64,%%rsp; mov $15,%%eax; syscall; ud2" : : : "memory");
}
TEST(sigreturn_without_a_frame) {
    int st = in_child(bare_sigreturn);
    CHECK(WIFSIGNALED(st)); // the rubbish decides of which
    DIES_OF(sigreturn_on_nothing, SIGSEGV);
}
static int what;
static void edit(int s, siginfo_t *si, void *u) {
    (void)s, (void)si;
    greg_t *g = ((ucontext_t *)u)->uc_mcontext.gregs;
    switch (what) {
    case 0: g[REG_RIP] = 0x8000000000000000; break;
    case 1: g[REG_RIP] = (greg_t)0xffffffff81000000; break;
    case 2: g[REG_RIP] = 8; break;
    case 3: g[REG_RSP] = (greg_t)0x8000000000000000; break;
    case 4: g[REG_CSGSFS] = 0x10; break;              // the kernel's code segment
    case 5: g[REG_CSGSFS] = (greg_t)0xffff; break;
    case 6: g[REG_EFL] |= 0x3000; break;              // IOPL 3: dropped
    case 7: g[REG_EFL] = 0xffffffff & ~0x100; break;  // every flag but TF
    case 8: ((ucontext_t *)u)->uc_mcontext.fpregs = (void *)8; break;
    case 9: ((ucontext_t *)u)->uc_mcontext.fpregs->mxcsr = 0xffffffff; break;
    case 10: memset(((ucontext_t *)u)->uc_mcontext.fpregs, 0xff, 512); break;
    case 11: ((ucontext_t *)u)->uc_flags = -1; break;
    case 12: ((ucontext_t *)u)->uc_stack.ss_sp = (void *)8; break;
    }
}
static void forge(void) {
    on_siginfo(SIGUSR1, edit, 0);
    raise(SIGUSR1);
}
TEST(forged_frames) {
    for (what = 0; what <= 12; what++) {
        if (what == 4 || what == 5)
            continue; // below
        int st = in_child(forge);
        bool dies = what <= 3 || what == 8; // the rest Linux may repair or refuse
        if (WIFEXITED(st) && !dies)
            CHECK_EQ(WEXITSTATUS(st), 0);
        else {
            if (!WIFSIGNALED(st))
                FAIL("case %d: status %#x", what, st);
            CHECK(WTERMSIG(st) == SIGSEGV || WTERMSIG(st) == SIGBUS || WTERMSIG(st) == SIGILL || WTERMSIG(st) == SIGTRAP || WTERMSIG(st) == SIGFPE);
        }
    }
}
TEST(forged_selectors) {
    what = 4;
    DIES_OF(forge, SIGSEGV);
    what = 5;
    DIES_OF(forge, SIGSEGV);
}
static void iopl_stays(void) {
    what = 6;
    forge();
    unsigned long f;
    __asm__ volatile("pushf; pop %0" : "=r"(f));
    _exit(f & 0x3000 ? 1 : 0);
}
TEST(io_privilege_is_not_given) { CHECK_EQ(in_child(iopl_stays), 0); }
static void cli(void) { __asm__ volatile("cli"); }
static void in_port(void) { __asm__ volatile("in $0x64,%%al" : : : "rax"); }
static void rdmsr(void) { __asm__ volatile("rdmsr" : : "c"(0x10) : "rax", "rdx"); }
static void mov_cr(void) { __asm__ volatile("mov %%cr3,%%rax" : : : "rax"); }
static void lgdt(void) { __asm__ volatile("lgdt (%0)" : : "r"(&what)); }
static void invlpg(void) { __asm__ volatile("invlpg (%0)" : : "r"(&what)); }
static void iret_kernel(void) { __asm__ volatile("pushq $0; pushq %%rsp; pushfq; pushq $0x10; pushq $0x1000; iretq" : : : "memory"); }
static void sysret(void) { __asm__ volatile("sysretq"); }
static void swapgs(void) { __asm__ volatile("swapgs"); }
static void wrpkru_gp(void) { __asm__ volatile("xor %%eax,%%eax; mov $1,%%ecx; xor %%edx,%%edx; .byte 0x0f,0x01,0xef" : : : "rax", "rcx", "rdx"); }
TEST(privileged_instructions) {
    DIES_OF(cli, SIGSEGV), DIES_OF(in_port, SIGSEGV), DIES_OF(rdmsr, SIGSEGV), DIES_OF(mov_cr, SIGSEGV);
    DIES_OF(lgdt, SIGSEGV), DIES_OF(invlpg, SIGSEGV), DIES_OF(iret_kernel, SIGSEGV), DIES_OF(sysret, SIGSEGV), DIES_OF(swapgs, SIGSEGV);
    int st = in_child(wrpkru_gp);
    CHECK(WIFSIGNALED(st));
}
static void int_n(void) { __asm__ volatile("int $0x70"); }
static void int_3_wide(void) { __asm__ volatile(".byte 0xcd,3"); }
static void int_4(void) { __asm__ volatile("int $4"); }
static void icebp(void) { __asm__ volatile(".byte 0xf1"); }
TEST(software_interrupts) {
    DIES_OF(int_n, SIGSEGV), DIES_OF(int_3_wide, SIGTRAP), DIES_OF(icebp, SIGTRAP);
    int st = in_child(int_4);
    CHECK(WIFSIGNALED(st));
}
static volatile int steps, code;
static void on_step(int s, siginfo_t *si, void *u) {
    (void)s;
    steps++;
    code = si->si_code;
    if (steps == 10)
        ((ucontext_t *)u)->uc_mcontext.gregs[REG_EFL] &= ~0x100;
}
TEST(trap_flag_steps) {
    on_siginfo(SIGTRAP, on_step, 0);
    __asm__ volatile("pushf; orl $0x100,(%%rsp); popf; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop" : : : "memory", "cc");
    CHECK_EQ(steps, 10);
    CHECK_EQ(code, TRAP_TRACE);
}
TEST(trap_flag_over_a_system_call) {
    on_siginfo(SIGTRAP, on_step, 0);
    long r;
    __asm__ volatile("pushf; orl $0x100,(%%rsp); popf; mov $39,%%eax; syscall; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop"
                     : "=a"(r) : : "rcx", "r11", "memory", "cc");
    CHECK_EQ(r, getpid());
    CHECK_EQ(steps, 10);
}
static void unaligned(void) {
    static char b[16];
    __asm__ volatile("pushf; orl $0x40000,(%%rsp); popf; movl $1,1(%0); pushf; andl $~0x40000,(%%rsp); popf" : : "r"(b) : "memory", "cc");
}
TEST(alignment_check_flag) { DIES_OF(unaligned, SIGBUS); } // anybody may set AC, and Linux enables it
TEST(direction_flag_in_system_calls) {
    int fd[2];
    char b[8];
    OK(pipe(fd));
    long r;
    __asm__ volatile("std; syscall; cld" : "=a"(r) : "a"(SYS_write), "D"((long)fd[1]), "S"("abcdef"), "d"(6L) : "rcx", "r11", "memory");
    CHECK_EQ(r, 6);
    CHECK_EQ(read(fd[0], b, 8), 6);
    CHECK_MEM(b, "abcdef", 6);
}
TEST(segment_registers) {
    // Null and user data selectors load; rubbish raises SIGSEGV; the bases survive.
    unsigned short fs;
    __asm__ volatile("mov %%fs,%0" : "=r"(fs));
    siginfo_t si = FAULT(__asm__ volatile("mov %0,%%es" : : "r"((unsigned short)0x1f3)));
    CHECK_EQ(si.si_signo, SIGSEGV);
    CHECK_NO_FAULT(__asm__ volatile("mov %0,%%es" : : "r"((unsigned short)0)));
    CHECK_NO_FAULT(__asm__ volatile("mov %0,%%es; mov %0,%%ds" : : "r"((unsigned short)0x2b)));
    CHECK_EQ(errno * 0, 0); // TLS still works
}
TEST(lock_prefix_and_split) {
    char *p = OK(mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    volatile int *w = (int *)(p + PAGE - 2);
    *w = 5; // across two pages that are not there yet
    CHECK_EQ(*w, 5);
    OK(mprotect(p + PAGE, PAGE, PROT_READ));
    CHECK_FAULT(*w = 6, SIGSEGV, SEGV_ACCERR, p + PAGE);
    CHECK_EQ(*w, 5);
}
