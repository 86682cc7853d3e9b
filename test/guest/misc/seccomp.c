// seccomp in the guest: strict mode, filters with their actions, inheritance, SIGSYS and its siginfo, errnos.
#include "../guest.h"
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <ucontext.h>

static void filter(int nr, unsigned action) {
    struct sock_filter f[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 1, 0),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, nr, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, action),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog p = {sizeof f / sizeof *f, f};
    OK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
    if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &p) != 0) {
        if (errno == ENOSYS || errno == EINVAL)
            skip("no seccomp filters");
        FAIL("PR_SET_SECCOMP: %s", errno_name(errno));
    }
}
static void no_core(void) {
    struct rlimit r = {0, 0};
    setrlimit(RLIMIT_CORE, &r);
}
TEST(errno_action) {
    filter(SYS_getppid, SECCOMP_RET_ERRNO | 77);
    CHECK_ERR(syscall(SYS_getppid), 77);
    CHECK_GT(syscall(SYS_getpid), 0);
    CHECK_EQ(prctl(PR_GET_SECCOMP), SECCOMP_MODE_FILTER);
    IN_CHILD(CHECK_ERR(syscall(SYS_getppid), 77)); // inherited
    filter(SYS_getppid, SECCOMP_RET_ERRNO | 5);
    CHECK_ERR(syscall(SYS_getppid), 5); // of equal actions the newest filter's data
    filter(SYS_getppid, SECCOMP_RET_ALLOW);
    CHECK_ERR(syscall(SYS_getppid), 5); // the strictest wins
}
TEST(kill_action) {
    no_core();
    pid_t c = FORK();
    if (c == 0) {
        filter(SYS_getppid, SECCOMP_RET_KILL_PROCESS);
        syscall(SYS_getppid);
        _exit(0);
    }
    int st;
    CHECK_EQ(waitpid(c, &st, 0), c);
    if (WIFEXITED(st) && WEXITSTATUS(st) == GUEST_SKIPPED)
        skip("no seccomp filters");
    CHECK(WIFSIGNALED(st));
    CHECK_EQ(WTERMSIG(st), SIGSYS);
}
static volatile siginfo_t info;
static void on_sys(int s, siginfo_t *si, void *u) {
    (void)s;
    memcpy((void *)&info, si, sizeof info);
    ((ucontext_t *)u)->uc_mcontext.gregs[REG_RAX] = 1234;
}
TEST(trap_action) {
    on_siginfo(SIGSYS, on_sys, 0);
    filter(SYS_getppid, SECCOMP_RET_TRAP | 9);
    CHECK_EQ(syscall(SYS_getppid), 1234);
    CHECK_EQ(info.si_code, 1 /* SYS_SECCOMP */);
    CHECK_EQ(info.si_errno, 9), CHECK_EQ(info.si_syscall, SYS_getppid), CHECK_EQ(info.si_arch, AUDIT_ARCH_X86_64);
    CHECK_NE((long)info.si_call_addr, 0);
}
TEST(strict_mode) {
    no_core();
    pid_t c = FORK();
    if (c == 0) {
        if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT) != 0)
            _exit(GUEST_SKIPPED);
        syscall(SYS_exit, 3);
    }
    int st;
    CHECK_EQ(waitpid(c, &st, 0), c);
    if (WIFEXITED(st) && WEXITSTATUS(st) == GUEST_SKIPPED)
        skip("no strict mode");
    CHECK_EQ(WEXITSTATUS(st), 3);
    c = FORK();
    if (c == 0) {
        prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT);
        syscall(SYS_getpid);
        syscall(SYS_exit, 3);
    }
    CHECK_KILLED(c, SIGKILL);
}
TEST(refusals) {
    struct sock_filter bad[] = {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 1000), BPF_STMT(BPF_RET | BPF_K, 0)};
    struct sock_fprog p = {2, bad};
    if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &p) == -1 && errno == ENOSYS)
        skip("no seccomp");
    OK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
    CHECK_ERR(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &p), EINVAL);
    p.len = 0;
    CHECK_ERR(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &p), EINVAL);
    CHECK_ERR(syscall(SYS_seccomp, 99, 0, NULL), EINVAL);
    CHECK_ERR(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, 8), EFAULT);
}
TEST(filters_need_no_new_privs) {
    if (geteuid() == 0) {
        NEED_ROOT();
        become(1234);
    }
    if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1)
        skip("no_new_privs is set already");
    struct sock_filter f[] = {BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
    struct sock_fprog p = {1, f};
    CHECK_ERR(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &p), EACCES);
}
