// PR_SET_SYSCALL_USER_DISPATCH: system calls of a program that come back to it as SIGSYS.
#include "../guest.h"
#include <linux/audit.h>

#define ON(start, len, selector) prctl(PR_SET_SYSCALL_USER_DISPATCH, PR_SYS_DISPATCH_ON, start, len, selector)
#define OFF() prctl(PR_SET_SYSCALL_USER_DISPATCH, PR_SYS_DISPATCH_OFF, 0, 0, 0)

static volatile unsigned char selector;
static volatile siginfo_t seen;
static volatile int calls;
static void caught(int sig, siginfo_t *si, void *uc) {
    (void)sig;
    selector = SYSCALL_DISPATCH_FILTER_ALLOW;
    memcpy((void *)&seen, si, sizeof *si);
    calls++;
    ((ucontext_t *)uc)->uc_mcontext.gregs[REG_RAX] = 4711;
}
TEST(selector) {
    on_siginfo(SIGSYS, caught, 0);
    OK(ON(0, 0, &selector));
    CHECK_EQ(syscall(SYS_getpid), getpid());
    CHECK_EQ(calls, 0);
    selector = SYSCALL_DISPATCH_FILTER_BLOCK;
    long r = syscall(5000, 1, 2, 3);
    CHECK_EQ(r, 4711);
    CHECK_EQ(calls, 1);
    CHECK_EQ(seen.si_signo, SIGSYS), CHECK_EQ(seen.si_code, 2); // SYS_USER_DISPATCH
    CHECK_EQ(seen.si_syscall, 5000), CHECK_EQ(seen.si_arch, AUDIT_ARCH_X86_64);
    CHECK_NE((long)seen.si_call_addr, 0);
    OK(OFF());
    selector = SYSCALL_DISPATCH_FILTER_BLOCK;
    CHECK_EQ(syscall(SYS_getpid), getpid());
}
TEST(not_for_children) {
    on_siginfo(SIGSYS, caught, 0);
    OK(ON(0, 0, &selector));
    pid_t c = FORK();
    if (c == 0) {
        selector = SYSCALL_DISPATCH_FILTER_BLOCK;
        if (syscall(SYS_getppid) == 4711)
            _exit(1);
        _exit(0);
    }
    CHECK_EXIT(c, 0);
}
// Calls from within the range are made.
TEST(range) {
    on_siginfo(SIGSYS, caught, 0);
    selector = SYSCALL_DISPATCH_FILTER_BLOCK;
    OK(ON(1, (1ul << 47) - 2, &selector));
    CHECK_EQ(syscall(SYS_getpid), getpid());
    CHECK_EQ(calls, 0);
}
TEST(bad_selectors) {
    pid_t c = FORK();
    if (c == 0) {
        OK(ON(0, 0, &selector));
        selector = 7;
        getppid();
        _exit(0);
    }
    CHECK_KILLED(c, SIGSYS);
    c = FORK();
    if (c == 0) {
        OK(ON(0, 0, 8ul));
        getppid();
        _exit(0);
    }
    CHECK_KILLED(c, SIGSEGV);
}
TEST(refused) {
    CHECK_ERR(prctl(PR_SET_SYSCALL_USER_DISPATCH, 2, 0, 0, 0), EINVAL);
    CHECK_ERR(prctl(PR_SET_SYSCALL_USER_DISPATCH, PR_SYS_DISPATCH_OFF, 0, 0, &selector), EINVAL);
    CHECK_ERR(ON(4096, 0, &selector), EINVAL);
    CHECK_ERR(ON(4096, -1ul, &selector), EINVAL);
    CHECK_ERR(ON(0, 0, 0xffff800000000000ul), EFAULT);
}
