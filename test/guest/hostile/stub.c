// Attacks on what a platform has in a program's address space, above the end of what the program may use: its code, the pages that it
// shares with the sentry, host calls by hand. Whatever becomes of the attacker, its neighbour's memory stays and the sandbox lives. On
// other kernels the same addresses are nobody's.
#include "guest.h"
#include <pthread.h>

#define HOLE 0x7fffc0000000ul
#define CODE (HOLE + 0x10000)
#define ORDERS (HOLE + 0x20000)
#define FRAMES (HOLE + 0x10000000)
#define FRAME_SIZE 16384ul

static unsigned long seed = 88172645463325252ul;
static unsigned long rnd(void) {
    seed ^= seed << 13, seed ^= seed >> 7, seed ^= seed << 17;
    return seed;
}

// Runs an attack in a child of its own for so long at most, and looks whether this process still is what it was.
static void attack(void (*fn)(unsigned long), unsigned long arg) {
    static volatile unsigned long memory[4 * PAGE / 8];
    for (size_t i = 0; i < sizeof memory / 8; i++)
        memory[i] = i * 0x9e3779b97f4a7c15;
    pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        struct rlimit none = {0, 0};
        setrlimit(RLIMIT_CORE, &none);
        fn(arg);
        _exit(0);
    }
    int status;
    pid_t r = 0;
    for (int i = 0; i < 50 && r == 0; i++) {
        r = waitpid(pid, &status, WNOHANG);
        if (r == 0)
            usleep(1000);
    }
    if (r == 0) {
        CHECK(kill(pid, SIGKILL) == 0);
        r = waitpid(pid, &status, 0);
    }
    CHECK(r == pid);
    for (size_t i = 0; i < sizeof memory / 8; i++)
        if (memory[i] != i * 0x9e3779b97f4a7c15)
            CHECK(!"memory of another process was written");
}

static void go_to(unsigned long at, unsigned long nr, unsigned long a, unsigned long b, unsigned long c, unsigned long d, unsigned long e,
                  unsigned long f) {
    register unsigned long r10 __asm__("r10") = d;
    register unsigned long r8 __asm__("r8") = e;
    register unsigned long r9 __asm__("r9") = f;
    register unsigned long r12 __asm__("r12") = 1;
    register unsigned long r13 __asm__("r13") = (unsigned long)go_to;
    __asm__ volatile("mov %0, %%rcx; xor %%r14d, %%r14d; mov %1, %%rbx; jmp *%%rcx"
                     :
                     : "m"(at), "i"(0x20000000), "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9), "r"(r12), "r"(r13)
                     : "memory", "rcx", "rbx", "r14");
    __builtin_unreachable();
}
static void jump(unsigned long offset) {
    static const unsigned long calls[] = {SYS_mmap, SYS_munmap, SYS_mprotect, SYS_clone, SYS_pwrite64, SYS_exit, SYS_rt_sigreturn, SYS_futex};
    unsigned long nr = calls[rnd() % 8];
    go_to(CODE + offset, nr, nr == SYS_mmap || nr == SYS_munmap ? 0x10000000 : rnd() % 8, 1 << 20, 3, MAP_SHARED | MAP_FIXED, rnd() % 16, 0);
}
TEST_LONG(jumps_into_code) {
    for (int i = 0; i < 300; i++)
        attack(jump, rnd() % 2048);
}

// From every system-call instruction of the page that can be read.
static void by_hand(unsigned long kind) {
    const unsigned char *code = (const unsigned char *)CODE;
    for (unsigned i = 0; i < PAGE - 1; i++) {
        if (code[i] != 0x0f || code[i + 1] != 0x05)
            continue;
        pid_t pid = fork();
        if (pid == 0) {
            for (unsigned long fd = 0; fd < 3; fd++)
                switch (kind) {
                case 0: go_to(CODE + i, SYS_mmap, 0x10000000, 1 << 20, 3, MAP_SHARED | MAP_FIXED, fd + 3, 0);
                case 1: go_to(CODE + i, SYS_mprotect, CODE, PAGE, 7, 0, 0, 0);
                case 2: go_to(CODE + i, SYS_clone, 0x50f00, 0, 0, 0, 0, 0);
                case 3: go_to(CODE + i, SYS_openat, -100, (unsigned long)"/", 0, 0, 0, 0);
                case 4: go_to(CODE + i, SYS_process_vm_readv, 1, 0, 0, 0, 0, 0);
                case 5: go_to(CODE + i, SYS_pwrite64, fd, ORDERS, PAGE, 0, 0, 0);
                }
        }
        int status;
        usleep(500);
        kill(pid, SIGKILL);
        waitpid(pid, &status, 0);
    }
}
TEST_LONG(calls_by_hand) {
    for (unsigned long kind = 0; kind < 6; kind++)
        attack(by_hand, kind);
}

static void *scribble(void *arg) {
    for (unsigned long k = 0;; k++) {
        unsigned long frame = FRAMES + rnd() % 3 * FRAME_SIZE, kind = (unsigned long)arg;
        volatile unsigned long *w = (volatile unsigned long *)frame;
        if (kind == 0) // the control words
            w[(FRAME_SIZE - 256) / 8 + rnd() % 9] = rnd() & 1 ? rnd() : rnd() % 3;
        else if (kind == 1) // signal frames
            w[rnd() % (FRAME_SIZE / 8)] = rnd() & 1 ? rnd() : frame + rnd() % FRAME_SIZE;
        else // events
            *(volatile unsigned *)(frame + FRAME_SIZE - 256) = (unsigned)(rnd() % 3);
    }
    return NULL;
}
static void shared_pages(unsigned long kind) {
    pthread_t t;
    pthread_create(&t, NULL, scribble, (void *)kind);
    seed += (unsigned long)getpid() * 77;
    for (;;) {
        getppid();
        void *p = mmap(NULL, PAGE, 3, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (p != MAP_FAILED)
            *(volatile char *)p = 1, munmap(p, PAGE);
    }
}
TEST_LONG(shared_pages) {
    for (int i = 0; i < 30; i++)
        attack(shared_pages, (unsigned long)i % 3);
}

static void write_orders(unsigned long at) {
    *(volatile unsigned *)(ORDERS + at) = 1;
}
TEST(orders) {
    for (unsigned long at = 0; at < PAGE; at += 64)
        attack(write_orders, at);
}

// By calls of the program's own the hole cannot be had.
static void *const places[] = {(void *)HOLE, (void *)CODE, (void *)ORDERS, (void *)FRAMES};
static void remap(unsigned long i) {
    void *p = places[i];
    munmap(p, PAGE);
    mprotect(p, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC);
    mremap(p, PAGE, 2 * PAGE, MREMAP_MAYMOVE);
    madvise(p, PAGE, MADV_DONTNEED);
    mmap(p, PAGE, 7, MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    for (int k = 0; k < 100; k++)
        getppid();
}
TEST(remap) {
    for (unsigned long i = 0; i < 4; i++)
        attack(remap, i);
}
