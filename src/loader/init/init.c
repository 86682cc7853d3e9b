// The init of `run.init`: process 1, the program its child. It passes signals on, reaps orphans and ends with the program's status.
// Freestanding: compiled for the guest, embedded by src/loader/init_image.S, started by cli/boot with the program's path before its argv.
#include <asm/signal.h>
#include <asm/unistd.h>
#include <asm/errno.h>

typedef unsigned long u64;

static long call(long nr, long a, long b, long c, long d) {
    long result;
    register long r10 __asm__("r10") = d;
    __asm__ volatile("syscall" : "=a"(result) : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10) : "rcx", "r11", "memory");
    return result;
}

// The kernel's own: libcs have another layout.
struct action {
    u64 handler, flags, restorer, mask;
};
struct info {
    int signo, rest[31];
};

static void set_child_action(const struct action* to, struct action* from) {
    call(__NR_rt_sigaction, SIGCHLD, (long)to, (long)from, sizeof(u64));
}

static void set_mask(const u64* to, u64* from) { call(__NR_rt_sigprocmask, SIG_SETMASK, (long)to, (long)from, sizeof(u64)); }

// Reaps whoever ended; ends itself when the program did. Its own namespace dies with it.
static void reap(long program) {
    for (;;) {
        int status = 0;
        long pid = call(__NR_wait4, -1, (long)&status, 1 /* WNOHANG */, 0);
        if (pid == -EINTR) continue;
        if (pid <= 0) return;
        if (pid != program) continue;
        int signal = status & 0x7f;
        call(__NR_exit_group, signal ? 128 + signal : status >> 8 & 0xff, 0, 0, 0);
    }
}

// The stack as execve left it: argc, argv[0], the path, the program's argv, null, its environment, null.
__attribute__((noreturn)) void run(long* stack) {
    long argc = stack[0];
    char** argv = (char**)(stack + 1);
    char** envp = argv + argc + 1;
    const u64 all = ~0ul;
    // An inherited SIG_IGN of SIGCHLD would keep the status from us; the program gets it back.
    const struct action usual = {0, 0, 0, 0};
    struct action inherited;
    u64 mask;
    set_mask(&all, &mask);
    set_child_action(&usual, &inherited);
    long program = call(__NR_fork, 0, 0, 0, 0);
    if (program == 0) {
        set_child_action(&inherited, 0);
        set_mask(&mask, 0);
        long error = call(__NR_execve, (long)argv[1], (long)(argv + 2), (long)envp, 0);
        call(__NR_exit_group, error == -ENOENT ? 127 : 126, 0, 0, 0);
    }
    if (program < 0) call(__NR_exit_group, 125, 0, 0, 0);
    for (;;) {
        struct info info;
        long signal = call(__NR_rt_sigtimedwait, (long)&all, (long)&info, 0, sizeof(u64));
        if (signal == SIGCHLD)
            reap(program);
        else if (signal > 0)
            call(__NR_kill, program, signal, 0, 0);
    }
}

__asm__(".globl _start\n_start:\n  xor %ebp, %ebp\n  mov %rsp, %rdi\n  and $-16, %rsp\n  call run\n  hlt\n");
