// Signal delivery: handlers and their siginfo, masks, flags of sigaction, default actions, errnos.
#include "../guest.h"
#include <ucontext.h>

static volatile int count, last_sig;
static volatile siginfo_t last;
static sigset_t mask_in_handler;
static void handler(int s) {
    count++;
    last_sig = s;
    sigprocmask(SIG_BLOCK, NULL, &mask_in_handler);
}
static void info(int s, siginfo_t *si, void *uc) {
    (void)uc;
    count++;
    last_sig = s;
    memcpy((void *)&last, si, sizeof last);
}

TEST(raise_runs_handler) {
    on_signal(SIGUSR1, handler, 0);
    CHECK_EQ(raise(SIGUSR1), 0);
    CHECK_EQ(count, 1);
    CHECK_EQ(last_sig, SIGUSR1);
    CHECK_EQ(sigismember(&mask_in_handler, SIGUSR1), 1);
    CHECK_EQ(sigismember(&mask_in_handler, SIGUSR2), 0);
    CHECK_EQ(kill(getpid(), SIGUSR1), 0); // to oneself: delivered before kill returns
    CHECK_EQ(count, 2);
    sigset_t now;
    sigprocmask(SIG_BLOCK, NULL, &now);
    CHECK_EQ(sigismember(&now, SIGUSR1), 0);
}
TEST(sa_mask) {
    struct sigaction sa = {.sa_handler = handler}, old;
    sigaddset(&sa.sa_mask, SIGUSR2);
    CHECK_EQ(sigaction(SIGUSR1, &sa, NULL), 0);
    raise(SIGUSR1);
    CHECK_EQ(sigismember(&mask_in_handler, SIGUSR2), 1);
    CHECK_EQ(sigaction(SIGUSR1, NULL, &old), 0);
    CHECK(old.sa_handler == handler);
    CHECK_EQ(sigismember(&old.sa_mask, SIGUSR2), 1);
}
TEST(sa_nodefer) {
    on_signal(SIGUSR1, handler, SA_NODEFER);
    raise(SIGUSR1);
    CHECK_EQ(sigismember(&mask_in_handler, SIGUSR1), 0);
}
TEST(sa_resethand) {
    on_signal(SIGUSR1, handler, SA_RESETHAND);
    raise(SIGUSR1);
    CHECK_EQ(count, 1);
    struct sigaction sa;
    sigaction(SIGUSR1, NULL, &sa);
    CHECK(sa.sa_handler == SIG_DFL);
}
TEST(siginfo_kill) {
    on_siginfo(SIGUSR1, info, 0);
    kill(getpid(), SIGUSR1);
    CHECK_EQ(last.si_signo, SIGUSR1);
    CHECK_EQ(last.si_code, SI_USER);
    CHECK_EQ(last.si_pid, getpid());
    CHECK_EQ(last.si_uid, getuid());
    CHECK_EQ(last.si_errno, 0);
    syscall(SYS_tgkill, getpid(), gettid(), SIGUSR1);
    CHECK_EQ(last.si_code, SI_TKILL);
    CHECK_EQ(last.si_pid, getpid());
    CHECK_EQ(sigqueue(getpid(), SIGUSR1, (union sigval){.sival_int = 4242}), 0);
    CHECK_EQ(last.si_code, SI_QUEUE);
    CHECK_EQ(last.si_value.sival_int, 4242);
    CHECK_EQ(count, 3);
}
TEST(siginfo_from_child) {
    on_siginfo(SIGUSR1, info, 0);
    block_signal(SIGUSR1);
    pid_t c = FORK();
    if (c == 0) {
        kill(getppid(), SIGUSR1);
        _exit(0);
    }
    CHECK_EXIT(c, 0);
    CHECK_EQ(count, 0);
    unblock_signal(SIGUSR1);
    CHECK_EQ(count, 1);
    CHECK_EQ(last.si_pid, c);
}
TEST(sigchld_siginfo) {
    on_siginfo(SIGCHLD, info, 0);
    block_signal(SIGCHLD);
    pid_t c = FORK();
    if (c == 0)
        _exit(17);
    siginfo_t w;
    CHECK_EQ(waitid(P_PID, c, &w, WEXITED | WNOWAIT), 0);
    unblock_signal(SIGCHLD);
    CHECK_EQ(count, 1);
    CHECK_EQ(last.si_code, CLD_EXITED);
    CHECK_EQ(last.si_status, 17);
    CHECK_EQ(last.si_pid, c);
    CHECK_EQ(last.si_uid, getuid());
    waitpid(c, NULL, 0);
    block_signal(SIGCHLD);
    c = FORK();
    if (c == 0) {
        struct rlimit r = {0, 0};
        setrlimit(RLIMIT_CORE, &r);
        raise(SIGKILL);
    }
    waitpid(c, NULL, 0);
    unblock_signal(SIGCHLD);
    CHECK_EQ(last.si_code, CLD_KILLED);
    CHECK_EQ(last.si_status, SIGKILL);
}
TEST(standard_signals_coalesce) {
    on_signal(SIGUSR1, handler, 0);
    block_signal(SIGUSR1);
    for (int i = 0; i < 5; i++)
        kill(getpid(), SIGUSR1);
    sigset_t p;
    CHECK_EQ(sigpending(&p), 0);
    CHECK_EQ(sigismember(&p, SIGUSR1), 1);
    CHECK_EQ(sigismember(&p, SIGUSR2), 0);
    unblock_signal(SIGUSR1);
    CHECK_EQ(count, 1);
    CHECK_EQ(sigpending(&p), 0);
    CHECK_EQ(sigismember(&p, SIGUSR1), 0);
}
TEST(ignored_is_dropped) {
    block_signal(SIGUSR1);
    signal(SIGUSR1, SIG_IGN);
    raise(SIGUSR1);
    sigset_t p;
    sigpending(&p);
    CHECK_EQ(sigismember(&p, SIGUSR1), 1); // blocked: it stays pending, the disposition may change
    signal(SIGUSR1, SIG_IGN);
    sigpending(&p);
    CHECK_EQ(sigismember(&p, SIGUSR1), 0); // setting it to ignore discards it
    unblock_signal(SIGUSR1);
    raise(SIGUSR1);
    sigpending(&p);
    CHECK_EQ(sigismember(&p, SIGUSR1), 0);
    block_signal(SIGCHLD); // the default of SIGCHLD is to ignore: set explicitly, discards too
    raise(SIGCHLD);
    signal(SIGCHLD, SIG_DFL);
    sigpending(&p);
    CHECK_EQ(sigismember(&p, SIGCHLD), 0);
}
TEST(default_actions) {
    struct rlimit r = {0, 0};
    setrlimit(RLIMIT_CORE, &r);
    int term[] = {SIGHUP, SIGINT, SIGQUIT, SIGILL, SIGTRAP, SIGABRT, SIGBUS, SIGFPE, SIGKILL, SIGUSR1, SIGSEGV, SIGUSR2, SIGPIPE,
                  SIGALRM, SIGTERM, SIGSTKFLT, SIGXCPU, SIGXFSZ, SIGVTALRM, SIGPROF, SIGIO, SIGPWR, SIGSYS, 34, 64};
    for (unsigned i = 0; i < sizeof term / sizeof *term; i++) {
        pid_t c = FORK();
        if (c == 0) {
            kill(getpid(), term[i]);
            _exit(0);
        }
        CHECK_KILLED(c, term[i]);
    }
    int ign[] = {SIGCHLD, SIGCONT, SIGURG, SIGWINCH};
    for (unsigned i = 0; i < sizeof ign / sizeof *ign; i++)
        IN_CHILD(kill(getpid(), ign[i]));
}
TEST(sigaction_errnos) {
    struct sigaction sa = {.sa_handler = SIG_IGN};
    CHECK_ERR(sigaction(0, &sa, NULL), EINVAL);
    CHECK_ERR(sigaction(65, &sa, NULL), EINVAL);
    CHECK_ERR(sigaction(SIGKILL, &sa, NULL), EINVAL);
    CHECK_ERR(sigaction(SIGSTOP, &sa, NULL), EINVAL);
    CHECK_EQ(sigaction(SIGKILL, NULL, &sa), 0);
    CHECK_ERR(syscall(SYS_rt_sigaction, SIGUSR1, &sa, NULL, 4), EINVAL);
    CHECK_ERR(syscall(SYS_rt_sigaction, SIGUSR1, 8, NULL, 8), EFAULT);
    CHECK_ERR(syscall(SYS_rt_sigprocmask, SIG_BLOCK, &sa, NULL, 4), EINVAL);
    sigset_t s = sigset_of(SIGUSR1, 0, 0);
    CHECK_ERR(syscall(SYS_rt_sigprocmask, 77, &s, NULL, 8), EINVAL);
    CHECK_EQ(syscall(SYS_rt_sigprocmask, 77, NULL, NULL, 8), 0);
    CHECK_ERR(syscall(SYS_rt_sigprocmask, SIG_BLOCK, 8, NULL, 8), EFAULT);
}
TEST(kill_and_stop_cannot_be_blocked) {
    sigset_t s, now;
    sigfillset(&s);
    CHECK_EQ(syscall(SYS_rt_sigprocmask, SIG_SETMASK, &s, NULL, 8), 0);
    sigprocmask(SIG_BLOCK, NULL, &now);
    CHECK_EQ(sigismember(&now, SIGKILL), 0);
    CHECK_EQ(sigismember(&now, SIGSTOP), 0);
    CHECK_EQ(sigismember(&now, SIGTERM), 1);
}
static void regs(int s, siginfo_t *si, void *u) {
    (void)s, (void)si;
    ucontext_t *uc = u;
    uc->uc_mcontext.gregs[REG_RBX] = 0x1234567;
    uc->uc_mcontext.gregs[REG_RIP] += 2; // over ud2
    count++;
}
TEST(handler_edits_registers) {
    on_siginfo(SIGILL, regs, 0);
    long rbx;
    __asm__ volatile("mov $1,%%rbx; ud2; mov %%rbx,%0" : "=r"(rbx) : : "rbx");
    CHECK_EQ(rbx, 0x1234567);
    CHECK_EQ(count, 1);
}
static void maskout(int s, siginfo_t *si, void *u) {
    (void)s, (void)si;
    sigaddset(&((ucontext_t *)u)->uc_sigmask, SIGUSR2);
}
TEST(handler_edits_mask_on_return) {
    on_siginfo(SIGUSR1, maskout, 0);
    raise(SIGUSR1);
    sigset_t now;
    sigprocmask(SIG_BLOCK, NULL, &now);
    CHECK_EQ(sigismember(&now, SIGUSR2), 1);
}
TEST(all_registers_survive_a_handler) {
    on_signal(SIGUSR1, handler, 0);
    long r[8];
    __asm__ volatile("mov $3,%%rbx; mov $12,%%r12; mov $13,%%r13; mov $14,%%r14; mov $15,%%r15; mov $8,%%r8; mov $9,%%r9; mov $10,%%r10\n\t"
                     "std; syscall; pushfq; cld; pop %%rcx\n\t"
                     "mov %%rbx,(%[o]); mov %%r12,8(%[o]); mov %%r13,16(%[o]); mov %%r14,24(%[o]); mov %%r15,32(%[o]); mov %%r8,40(%[o])\n\t"
                     "mov %%r9,48(%[o]); mov %%rcx,56(%[o])"
                     : : "a"(SYS_kill), "D"((long)getpid()), "S"((long)SIGUSR1), [o] "d"(r)
                     : "rbx", "rcx", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "memory");
    CHECK_EQ(count, 1);
    CHECK_EQ(r[0], 3), CHECK_EQ(r[1], 12), CHECK_EQ(r[2], 13), CHECK_EQ(r[3], 14), CHECK_EQ(r[4], 15), CHECK_EQ(r[5], 8), CHECK_EQ(r[6], 9);
    CHECK_EQ(r[7] >> 10 & 1, 1); // the direction flag too; the handler ran with it clear
}
static char *red;
static void red_handler(int s) {
    (void)s;
    volatile char big[512];
    memset((void *)big, 0xff, sizeof big);
}
TEST(red_zone_is_kept) {
    on_signal(SIGUSR1, red_handler, 0);
    long v = 0;
    __asm__ volatile("movq $0x5151,-8(%%rsp); movq $0x5252,-128(%%rsp); syscall; mov -8(%%rsp),%0; mov -128(%%rsp),%%rdx; shl $16,%0; or %%rdx,%0"
                     : "=&r"(v) : "a"(SYS_kill), "D"((long)getpid()), "S"((long)SIGUSR1) : "rcx", "rdx", "r11", "memory");
    CHECK_EQ(v, 0x51515252);
    (void)red;
}
static sigjmp_buf jb;
static void jump(int s) { siglongjmp(jb, s); }
TEST(longjmp_out_of_handler) {
    on_signal(SIGUSR1, jump, 0);
    for (volatile int i = 0; i < 10; i++) {
        if (sigsetjmp(jb, 1) == 0)
            raise(SIGUSR1), FAIL("raise returned");
        count++;
    }
    CHECK_EQ(count, 10);
}
static void nest(int s) {
    count++;
    if (s == SIGUSR1)
        raise(SIGUSR2);
    else if (s == SIGUSR2)
        raise(SIGHUP);
    last_sig = s;
}
TEST(nested_handlers) {
    on_signal(SIGUSR1, nest, 0), on_signal(SIGUSR2, nest, 0), on_signal(SIGHUP, nest, 0);
    raise(SIGUSR1);
    CHECK_EQ(count, 3);
    CHECK_EQ(last_sig, SIGUSR1);
}
TEST(segv_while_blocked_kills) {
    struct rlimit r = {0, 0};
    setrlimit(RLIMIT_CORE, &r);
    pid_t c = FORK();
    if (c == 0) {
        on_signal(SIGSEGV, handler, 0);
        block_signal(SIGSEGV);
        *(volatile int *)8 = 1;
        _exit(0);
    }
    CHECK_KILLED(c, SIGSEGV);
    c = FORK();
    if (c == 0) {
        signal(SIGSEGV, SIG_IGN); // a fault cannot be ignored
        *(volatile int *)8 = 1;
        _exit(0);
    }
    CHECK_KILLED(c, SIGSEGV);
}
TEST(bad_stack_kills) {
    struct rlimit r = {0, 0};
    setrlimit(RLIMIT_CORE, &r);
    pid_t c = FORK();
    if (c == 0) {
        on_signal(SIGUSR1, handler, 0);
        on_signal(SIGSEGV, handler, 0);
        __asm__ volatile("mov $16,%%rsp; syscall; ud2" : : "a"(SYS_kill), "D"((long)getpid()), "S"((long)SIGUSR1) : "rcx", "r11", "memory");
        _exit(0);
    }
    CHECK_KILLED(c, SIGSEGV);
}
TEST(abort_and_core_flag) {
    struct rlimit r = {0, 0};
    setrlimit(RLIMIT_CORE, &r);
    pid_t c = FORK();
    if (c == 0)
        abort();
    int st;
    CHECK_EQ(waitpid(c, &st, 0), c);
    CHECK(WIFSIGNALED(st));
    CHECK_EQ(WTERMSIG(st), SIGABRT);
}
