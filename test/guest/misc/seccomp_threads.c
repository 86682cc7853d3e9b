// seccomp in the guest: threads and TSYNC, tracers, what the checker refuses, arithmetic of programs, /proc/PID/status.
#include "../guest.h"
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sys/ptrace.h>
#include <sys/user.h>

#define NR offsetof(struct seccomp_data, nr)
static int add(struct sock_filter *f, size_t n, unsigned flags) {
    struct sock_fprog p = {n, f};
    OK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
    return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &p);
}
#define ADD(flags, ...)                                                                                                  \
    ({                                                                                                                   \
        struct sock_filter f_[] = {__VA_ARGS__};                                                                         \
        add(f_, sizeof f_ / sizeof *f_, flags);                                                                          \
    })
#define ON(nr, action)                                                                                                   \
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, NR), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, nr, 0, 1),                                \
        BPF_STMT(BPF_RET | BPF_K, action), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)
#define ALLOW BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)

static long status_field(const char *name) {
    char line[200];
    long v = -1;
    FILE *f = fopen("/proc/self/status", "r");
    CHECK(f);
    while (fgets(line, sizeof line, f))
        if (!strncmp(line, name, strlen(name)) && line[strlen(name)] == ':')
            v = atol(line + strlen(name) + 1);
    fclose(f);
    return v;
}
TEST(status) {
    long had = status_field("Seccomp_filters"); // a test runner may be under filters itself
    CHECK_EQ(ADD(0, ALLOW), 0);
    CHECK_EQ(ADD(0, ALLOW), 0);
    CHECK_EQ(status_field("Seccomp"), 2);
    CHECK_EQ(status_field("Seccomp_filters"), had + 2);
    CHECK_EQ(status_field("NoNewPrivs"), 1);
    CHECK_ERR(prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT), EINVAL);
}
TEST(actions_available) {
    unsigned a[] = {SECCOMP_RET_KILL_PROCESS, SECCOMP_RET_KILL_THREAD, SECCOMP_RET_TRAP, SECCOMP_RET_ERRNO, SECCOMP_RET_TRACE, SECCOMP_RET_LOG,
                    SECCOMP_RET_ALLOW};
    for (size_t i = 0; i < sizeof a / sizeof *a; i++)
        CHECK_EQ(syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &a[i]), 0);
    unsigned bad = 0x12340000;
    CHECK_ERR(syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &bad), EOPNOTSUPP);
    CHECK_ERR(syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 1, &a[0]), EINVAL);
    CHECK_ERR(syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, 8), EFAULT);
    CHECK_ERR(syscall(SYS_seccomp, SECCOMP_SET_MODE_STRICT, 1, NULL), EINVAL);
    CHECK_ERR(syscall(SYS_seccomp, SECCOMP_SET_MODE_STRICT, 0, &bad), EINVAL);
}
TEST(refused_programs) {
    CHECK_ERR(ADD(0, BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 2), ALLOW), EINVAL);
    CHECK_ERR(ADD(0, BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 64), ALLOW), EINVAL);
    CHECK_ERR(ADD(0, BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0xfffffffc), ALLOW), EINVAL);
    CHECK_ERR(ADD(0, BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 0), ALLOW), EINVAL);
    CHECK_ERR(ADD(0, BPF_STMT(BPF_LD | BPF_W | BPF_IND, 0), ALLOW), EINVAL);
    CHECK_ERR(ADD(0, BPF_STMT(BPF_LD | BPF_MEM, 3), ALLOW), EINVAL); // not written
    CHECK_ERR(ADD(0, BPF_STMT(BPF_ST, 16), ALLOW), EINVAL);
    CHECK_ERR(ADD(0, BPF_STMT(BPF_ALU | BPF_DIV | BPF_K, 0), ALLOW), EINVAL);
    CHECK_ERR(ADD(0, BPF_STMT(BPF_ALU | BPF_MOD | BPF_K, 3), ALLOW), EINVAL);
    CHECK_ERR(ADD(0, BPF_STMT(BPF_ALU | BPF_LSH | BPF_K, 32), ALLOW), EINVAL);
    CHECK_ERR(ADD(0, BPF_STMT(BPF_JMP | BPF_JA, 1), ALLOW), EINVAL);
    CHECK_ERR(ADD(0, BPF_STMT(BPF_JMP | BPF_JA, 0xffffffff), ALLOW), EINVAL);
    CHECK_ERR(ADD(0, BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 1), ALLOW), EINVAL);
    CHECK_ERR(ADD(0, ALLOW, BPF_STMT(BPF_LD | BPF_IMM, 0)), EINVAL); // runs off the end
    // One of two ways writes the word.
    CHECK_ERR(ADD(0, BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 1), BPF_STMT(BPF_ST, 0), BPF_STMT(BPF_LD | BPF_MEM, 0), ALLOW), EINVAL);
    CHECK_ERR(ADD(0x8000, ALLOW), EINVAL);
}
TEST(sizes) {
    static struct sock_filter f[4097];
    for (int i = 0; i < 4097; i++)
        f[i] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    CHECK_ERR(add(f, 4097, 0), EINVAL);
    int n = 0;
    while (n < 20 && add(f, 4096, 0) == 0)
        n++;
    CHECK_EQ(errno, ENOMEM);
    CHECK(n >= 3 && n <= 8); // Linux counts what it makes of the instructions
}
TEST(arithmetic) {
    // ((3 * 7 + 11) >> 2 | 64) ^ 1 = 73, kept in memory and compared through X.
    CHECK_EQ(ADD(0, BPF_STMT(BPF_LD | BPF_W | BPF_ABS, NR), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getppid, 1, 0), ALLOW,
                 BPF_STMT(BPF_LD | BPF_IMM, 3), BPF_STMT(BPF_LDX | BPF_IMM, 7), BPF_STMT(BPF_ALU | BPF_MUL | BPF_X, 0),
                 BPF_STMT(BPF_ALU | BPF_ADD | BPF_K, 11), BPF_STMT(BPF_ALU | BPF_RSH | BPF_K, 2), BPF_STMT(BPF_ALU | BPF_OR | BPF_K, 64),
                 BPF_STMT(BPF_ALU | BPF_XOR | BPF_K, 1), BPF_STMT(BPF_ST, 5), BPF_STMT(BPF_LDX | BPF_MEM, 5), BPF_STMT(BPF_LD | BPF_IMM, 73),
                 BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_X, 0, 0, 2), BPF_STMT(BPF_ALU | BPF_OR | BPF_K, SECCOMP_RET_ERRNO),
                 BPF_STMT(BPF_RET | BPF_A, 0), ALLOW),
             0);
    CHECK_ERR(syscall(SYS_getppid), 73);
    // Arguments and the length of the data.
    CHECK_EQ(ADD(0, BPF_STMT(BPF_LD | BPF_W | BPF_ABS, NR), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getuid, 0, 6),
                 BPF_STMT(BPF_LDX | BPF_W | BPF_LEN, 0), BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[1]) + 4),
                 BPF_STMT(BPF_ALU | BPF_ADD | BPF_X, 0), BPF_STMT(BPF_ALU | BPF_OR | BPF_K, SECCOMP_RET_ERRNO), BPF_STMT(BPF_RET | BPF_A, 0), ALLOW,
                 ALLOW),
             0);
    CHECK_ERR(syscall(SYS_getuid, 0, 5ul << 32), 69);
    CHECK_EQ(ADD(0, ON(SYS_getgid, SECCOMP_RET_ERRNO | 0xffff)), 0);
    CHECK_EQ(-syscall(SYS_getgid) == 1 && errno == 4095, 1); // MAX_ERRNO
}
static atomic_int ready, go, seen;
static void *wait_and_call(void *arg) {
    if (arg)
        OK(ADD(0, ALLOW));
    ready = 1;
    while (!go)
        usleep(200);
    seen = syscall(SYS_getppid) == -1 ? errno : 0;
    return NULL;
}
TEST(tsync) {
    pthread_t t;
    CHECK_EQ(pthread_create(&t, NULL, wait_and_call, NULL), 0);
    while (!ready)
        usleep(200);
    CHECK_EQ(ADD(SECCOMP_FILTER_FLAG_TSYNC, ON(SYS_getppid, SECCOMP_RET_ERRNO | 42)), 0);
    go = 1;
    CHECK_EQ(pthread_join(t, NULL), 0);
    CHECK_EQ(seen, 42);
}
TEST(tsync_of_a_thread_with_its_own) {
    pthread_t t;
    CHECK_EQ(pthread_create(&t, NULL, wait_and_call, "own"), 0);
    while (!ready)
        usleep(200);
    CHECK_GT(ADD(SECCOMP_FILTER_FLAG_TSYNC, ON(SYS_getppid, SECCOMP_RET_ERRNO | 42)), 0);
    CHECK_ERR(ADD(SECCOMP_FILTER_FLAG_TSYNC | 16 /* TSYNC_ESRCH */, ON(SYS_getppid, SECCOMP_RET_ERRNO | 42)), ESRCH);
    CHECK_GT(syscall(SYS_getppid), -1);
    go = 1;
    CHECK_EQ(pthread_join(t, NULL), 0);
    CHECK_EQ(seen, 0);
}
static void *die(void *arg) {
    (void)arg;
    OK(ADD(0, ON(SYS_getppid, SECCOMP_RET_KILL_THREAD)));
    syscall(SYS_getppid);
    seen = 1;
    return NULL;
}
TEST(kill_thread) {
    pthread_t t;
    CHECK_EQ(pthread_create(&t, NULL, die, NULL), 0);
    CHECK_EQ(pthread_join(t, NULL), 0);
    CHECK_EQ(seen, 0);
}
TEST(exec_keeps_filters) {
    OK(ADD(0, ON(SYS_getppid, SECCOMP_RET_ERRNO | 42)));
    pid_t c = FORK();
    if (c == 0) {
        execl(guest_self, guest_self, "--helper", "getppid", NULL);
        _exit(99);
    }
    int st;
    CHECK_EQ(waitpid(c, &st, 0), c);
    CHECK_EQ(WEXITSTATUS(st), 42);
}
HELPER(getppid) { return syscall(SYS_getppid) == -1 ? errno : 0; }
TEST(trace_without_a_tracer) {
    OK(ADD(0, ON(SYS_getppid, SECCOMP_RET_TRACE | 5)));
    CHECK_ERR(syscall(SYS_getppid), ENOSYS);
}
TEST(trace) {
    pid_t c = FORK();
    if (c == 0) {
        OK(ptrace(PTRACE_TRACEME, 0, 0, 0));
        raise(SIGSTOP);
        OK(ADD(0, ON(SYS_getppid, SECCOMP_RET_TRACE | 5)));
        if (syscall(SYS_getppid) != getpid())
            _exit(1);
        errno = 0;
        if (syscall(SYS_getppid) != 77)
            _exit(2);
        _exit(syscall(SYS_getppid) > 0 ? 3 : 4);
    }
    int st;
    unsigned long message = 0;
    struct user_regs_struct r;
    CHECK_EQ(waitpid(c, &st, 0), c);
    CHECK_EQ(ptrace(PTRACE_SETOPTIONS, c, 0, PTRACE_O_TRACESECCOMP | PTRACE_O_EXITKILL), 0);
    for (int i = 0; i < 3; i++) {
        CHECK_EQ(ptrace(PTRACE_CONT, c, 0, 0), 0);
        CHECK_EQ(waitpid(c, &st, 0), c);
        CHECK_EQ(st >> 8, SIGTRAP | PTRACE_EVENT_SECCOMP << 8);
        CHECK_EQ(ptrace(PTRACE_GETEVENTMSG, c, 0, &message), 0);
        CHECK_EQ(message, 5);
        CHECK_EQ(ptrace(PTRACE_GETREGS, c, 0, &r), 0);
        CHECK_EQ(r.orig_rax, SYS_getppid);
        if (i == 0)
            r.orig_rax = SYS_getpid; // another call
        if (i == 1)
            r.orig_rax = -1, r.rax = 77; // none
        CHECK_EQ(ptrace(PTRACE_SETREGS, c, 0, &r), 0);
    }
    CHECK_EQ(ptrace(PTRACE_CONT, c, 0, 0), 0);
    CHECK_EQ(waitpid(c, &st, 0), c);
    CHECK(WIFEXITED(st));
    CHECK_EQ(WEXITSTATUS(st), 3);
}
