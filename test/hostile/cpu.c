// The processor's odd corners: the stub's own pages, other system-call instructions, segments, flags, stacks that are none.
#include "bomb.h"
#include <asm/prctl.h>
#include <setjmp.h>
#include <ucontext.h>

static const unsigned long stub[] = {0x7fffc0000000, 0x7fffc0010000, 0x7fffc0020000, 0x7fffc002f000, 0x7ffffffff000, 0x7fffffffe000};
static void into_the_stub(void) {
    unsigned long a = stub[rnd() % 6] + (rnd() & 1 ? rnd() % 4096 : 0), r = rnd();
    switch (rnd() % 8) {
    case 0: munmap((void *)a, (rnd() % 64) * PAGE); break;
    case 1: mprotect((void *)(a & -4096ul), (rnd() % 64) * PAGE, 7); break;
    case 2: mmap((void *)(a & -4096ul), 64 * PAGE, 7, MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); break;
    case 3: mremap((void *)(a & -4096ul), PAGE, 2 * PAGE, MREMAP_MAYMOVE); break;
    case 4: madvise((void *)(a & -4096ul), PAGE, (int)(rnd() % 26)); break;
    case 5: *(volatile char *)a = 1; break;
    case 6: // to its code with registers that ask for a call of the host's
        __asm__ volatile("mov %0, %%rcx; mov %1, %%rdi; mov $9, %%eax; jmp *%%rcx" : : "r"(a), "r"(r) : "memory", "rcx", "rdi", "rax");
        break;
    case 7: // the same with the stack there
        __asm__ volatile("mov %0, %%rsp; mov $60, %%eax; jmp *%%rsp" : : "r"(a) : "memory");
        break;
    }
}
BOMB(stub_pages, ENDLESS) { keep(8, into_the_stub); }
// From executable memory of our own: any bytes, and any call instruction with any number.
static void code(void) {
    unsigned char *p = mmap(NULL, PAGE, 7, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    for (int i = 0; i < 4000; i++)
        p[i] = (unsigned char)rnd();
    static const unsigned char kinds[][2] = {{0x0f, 0x05}, {0xcd, 0x80}, {0x0f, 0x34}, {0xf1, 0x90}, {0xcc, 0x90}, {0xcd, 0x03}, {0x9d, 0xcb}, {0x48, 0xcf},
                                             {0xf4, 0x90}, {0x0f, 0x0b}, {0x0f, 0xa2}, {0xc7, 0xf8}, {0x8e, 0xd8}, {0x8e, 0xe0}, {0x8e, 0xd0}, {0x9c, 0x9d}};
    for (int i = 0; i < 100; i++)
        memcpy(p + rnd() % 3990, kinds[rnd() % 16], 2);
    alarm(1);
    unsigned long nr = rnd() % 470;
    if (nr == SYS_pause || nr == SYS_rt_sigsuspend)
        nr = 1;
    __asm__ volatile("mov %0, %%eax; jmp *%1" : : "r"((unsigned)nr), "r"(p + rnd() % 64) : "memory", "rax");
}
BOMB(random_code, ENDLESS) { keep(8, code); }
static void flags(void) {
    unsigned long f = rnd() & 0x254fd5; // TF, AC, RF, NT, ID and the like
    sigset_t none;
    sigemptyset(&none);
    for (int s = 1; s < 65; s++)
        signal(s, rnd() & 1 ? SIG_IGN : SIG_DFL);
    alarm(1);
    __asm__ volatile("push %0; popfq; mov $39, %%eax; syscall; nop; mov $39, %%eax; syscall; int $0x80" : : "r"(f) : "memory", "rax", "rcx", "r11", "cc");
}
BOMB(flag_games, ENDLESS) { keep(8, flags); }
static void segments(void) {
    unsigned short s = (unsigned short)(rnd() & 1 ? rnd() : rnd() % 128);
    switch (rnd() % 8) {
    case 0: __asm__ volatile("mov %0, %%ds" : : "r"(s)); break;
    case 1: __asm__ volatile("mov %0, %%es" : : "r"(s)); break;
    case 2: __asm__ volatile("mov %0, %%gs" : : "r"(s)); break;
    case 3: __asm__ volatile("mov %0, %%fs" : : "r"(s)); break;
    case 4: syscall(SYS_arch_prctl, ARCH_SET_GS, rnd()); break;
    case 5: syscall(SYS_arch_prctl, ARCH_SET_FS, rnd()); break;
    case 6: syscall(SYS_modify_ldt, rnd() % 20, (void *)rnd(), rnd() % 64); break;
    case 7: __asm__ volatile("push %0; lea 1f(%%rip), %%rax; push %%rax; lretq; 1:" : : "r"((unsigned long)s) : "memory", "rax"); break;
    }
    for (int i = 0; i < 5; i++)
        syscall(SYS_getppid), kill(getpid(), 0);
}
BOMB(segment_games, ENDLESS) { keep(8, segments); }
static void handler(int s, siginfo_t *i, void *u) {
    (void)s, (void)i;
    ucontext_t *c = u;
    unsigned long *w = (unsigned long *)c;
    for (int k = 0; k < 4; k++)
        w[rnd() % (sizeof *c / 8)] = rnd() >> (rnd() % 64);
    if (rnd() & 1 && c->uc_mcontext.fpregs)
        for (int k = 0; k < 8; k++)
            ((unsigned long *)c->uc_mcontext.fpregs)[rnd() % 110] = rnd();
    if (rnd() % 4 == 0)
        c->uc_mcontext.fpregs = (void *)rnd();
}
static void frames(void) {
    struct sigaction a = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO | SA_NODEFER};
    sigaction(SIGUSR1, &a, NULL);
    alarm(1);
    for (;;)
        raise(SIGUSR1);
}
BOMB(forged_frames, ENDLESS) { keep(8, frames); }
static void no_stack(void) {
    struct sigaction a = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO | SA_NODEFER | (rnd() & 1 ? SA_ONSTACK : 0)};
    stack_t st = {.ss_sp = (void *)(rnd() & 1 ? 0x8000000000000000ul : rnd()), .ss_size = 65536};
    sigaltstack(&st, NULL);
    for (int s = 1; s < 32; s++)
        sigaction(s, &a, NULL);
    unsigned long sp = (unsigned long[]){0x8000000000000000, 0, 8, -8ul, 0x7fffbffffff0, 0x7fffffffffff, rnd(), 0xffffffff81000000}[rnd() % 8];
    __asm__ volatile("mov $39, %%eax; mov %0, %%rsp; syscall; mov %%eax, %%edi; mov $10, %%esi; mov $62, %%eax; syscall; ud2" : : "r"(sp) : "memory");
}
BOMB(no_stack, ENDLESS) { keep(8, no_stack); }
