// uname, sysinfo, getrandom, rlimits, getpriority, prctl odds and ends, personality, arch_prctl, cpuid, getcpu, unknown calls.
#include "../guest.h"
#include <asm/prctl.h>
#include <linux/kcmp.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/sem.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <sys/personality.h>

TEST(uname_call) {
    struct utsname u;
    OK(uname(&u));
    CHECK_STR(u.sysname, "Linux"), CHECK_STR(u.machine, "x86_64");
    int a, b;
    CHECK_EQ(sscanf(u.release, "%d.%d", &a, &b), 2);
    CHECK_GE(a, 4);
    char h[65];
    OK(gethostname(h, sizeof h));
    CHECK_STR(h, u.nodename);
    CHECK_ERR(uname((void *)8), EFAULT);
}
TEST(sysinfo_call) {
    struct sysinfo s;
    OK(sysinfo(&s));
    CHECK_GT(s.uptime, 0), CHECK_GT(s.totalram, 0), CHECK_GT(s.mem_unit, 0), CHECK_GT(s.procs, 0);
    CHECK_LE(s.freeram, s.totalram);
    CHECK_ERR(sysinfo((void *)8), EFAULT);
}
TEST(random_numbers) {
    unsigned char a[64] = {0}, b[64] = {0};
    CHECK_EQ(getrandom(a, 64, 0), 64), CHECK_EQ(getrandom(b, 64, GRND_NONBLOCK), 64);
    CHECK_NE(memcmp(a, b, 64), 0);
    CHECK_EQ(getrandom(a, 0, 0), 0);
    CHECK_EQ(getrandom(a, 10, GRND_RANDOM | GRND_NONBLOCK), 10);
    CHECK_ERR(getrandom(a, 1, 0x100), EINVAL);
    CHECK_ERR(getrandom((void *)8, 1, 0), EFAULT);
    static char big[100000];
    CHECK_EQ(getrandom(big, sizeof big, 0), sizeof big);
}
TEST(rlimits) {
    struct rlimit r, s;
    for (int i = 0; i < 16; i++) {
        CHECK_EQ(getrlimit(i, &r), 0);
        CHECK(r.rlim_cur <= r.rlim_max);
    }
    CHECK_ERR(getrlimit(16, &r), EINVAL);
    CHECK_ERR(getrlimit(0, (void *)8), EFAULT);
    r = (struct rlimit){20, 10};
    CHECK_ERR(setrlimit(RLIMIT_NOFILE, &r), EINVAL);
    r = (struct rlimit){50, 60};
    CHECK_EQ(setrlimit(RLIMIT_NOFILE, &r), 0);
    IN_CHILD(CHECK_EQ(getrlimit(RLIMIT_NOFILE, &s), 0); CHECK_EQ(s.rlim_cur, 50); CHECK_EQ(s.rlim_max, 60));
    r = (struct rlimit){70, 70};
    if (!(cap_effective() >> 24 & 1)) // CAP_SYS_RESOURCE
        CHECK_ERR(setrlimit(RLIMIT_NOFILE, &r), EPERM);
    CHECK_EQ(syscall(SYS_prlimit64, 0, RLIMIT_NOFILE, NULL, &s), 0);
    CHECK_EQ(s.rlim_cur, 50);
    gate_t g = gate_new();
    pid_t c = FORK();
    if (c == 0) {
        gate_wait(g);
        CHECK_EQ(getrlimit(RLIMIT_CORE, &s), 0);
        CHECK_EQ(s.rlim_cur, 0);
        _exit(0);
    }
    r = (struct rlimit){0, 0};
    CHECK_EQ(prlimit(c, RLIMIT_CORE, &r, &s), 0);
    gate_open(g);
    CHECK_EXIT(c, 0);
    CHECK_ERR(prlimit(4194304 - 3, RLIMIT_CORE, NULL, &s), ESRCH);
}
TEST(priorities) {
    // Whoever runs the tests may have made them nice already.
    int base = getpriority(PRIO_PROCESS, 0);
    if (base < 0 || base > 10) skip("runs at another priority than usual");
    CHECK_EQ(setpriority(PRIO_PROCESS, 0, base + 5), 0);
    CHECK_EQ(getpriority(PRIO_PROCESS, 0), base + 5);
    IN_CHILD(CHECK_EQ(getpriority(PRIO_PROCESS, 0), base + 5));
    CHECK_EQ(nice(3), base + 8);
    CHECK_EQ(setpriority(PRIO_PROCESS, 0, 100), 0); // clamped
    CHECK_EQ(getpriority(PRIO_PROCESS, 0), 19);
    CHECK_ERR(getpriority(9, 0), EINVAL);
    CHECK_ERR(getpriority(PRIO_PROCESS, 4194304 - 3), ESRCH);
}
TEST(prctl_odds) {
    CHECK_ERR(prctl(99999), EINVAL);
    CHECK_EQ(prctl(PR_GET_DUMPABLE), 1);
    CHECK_EQ(prctl(PR_SET_DUMPABLE, 0), 0);
    CHECK_EQ(prctl(PR_GET_DUMPABLE), 0);
    CHECK_ERR(prctl(PR_SET_DUMPABLE, 2), EINVAL);
    CHECK_EQ(prctl(PR_SET_DUMPABLE, 1), 0);
    CHECK_GT(prctl(PR_GET_TIMERSLACK), 0);
    CHECK_EQ(prctl(PR_SET_TIMERSLACK, 12345), 0);
    CHECK_EQ(prctl(PR_GET_TIMERSLACK), 12345);
    CHECK_ERR(prctl(PR_SET_NAME, 8), EFAULT);
    CHECK_EQ(prctl(PR_GET_SECCOMP), 0);
    CHECK_EQ(prctl(PR_GET_SECUREBITS), 0);
}
TEST(arch_prctl_bases) {
    unsigned long fs = 0, gs = 1, x = 0;
    CHECK_EQ(syscall(SYS_arch_prctl, ARCH_GET_FS, &fs), 0);
    CHECK_NE(fs, 0);
    CHECK_EQ(syscall(SYS_arch_prctl, ARCH_GET_GS, &gs), 0);
    CHECK_EQ(gs, 0);
    static unsigned long block[2] = {0x1111, 0x2222};
    CHECK_EQ(syscall(SYS_arch_prctl, ARCH_SET_GS, block), 0);
    __asm__("mov %%gs:8,%0" : "=r"(x));
    CHECK_EQ(x, 0x2222);
    sched_yield();
    __asm__("mov %%gs:0,%0" : "=r"(x));
    CHECK_EQ(x, 0x1111);
    CHECK_ERR(syscall(SYS_arch_prctl, ARCH_SET_GS, 1UL << 63), EPERM);
    CHECK_ERR(syscall(SYS_arch_prctl, 0x9999, 0), EINVAL);
    CHECK_ERR(syscall(SYS_arch_prctl, ARCH_GET_FS, 8), EFAULT);
    IN_CHILD(__asm__("mov %%gs:8,%0" : "=r"(x)); CHECK_EQ(x, 0x2222)); // inherited
}
TEST(getcpu_call) {
    unsigned cpu = 999, node = 999;
    CHECK_EQ(syscall(SYS_getcpu, &cpu, &node, NULL), 0);
    CHECK_LT(cpu, 999), CHECK_EQ(node, 0);
    CHECK_GE(sched_getcpu(), 0);
}
TEST(personality_call) {
    CHECK_EQ(personality(0xffffffff), 0);
    CHECK_EQ(personality(ADDR_NO_RANDOMIZE), 0);
    CHECK_EQ(personality(0xffffffff), ADDR_NO_RANDOMIZE);
}
TEST(unknown_calls) {
    long nrs[] = {-1, 350, 400, 999, 1000, 0x3fffffff};
    for (unsigned i = 0; i < sizeof nrs / sizeof *nrs; i++)
        CHECK_ERR(syscall(nrs[i]), ENOSYS);
    CHECK_ERR(syscall(SYS_tuxcall), ENOSYS);
    CHECK_ERR(syscall(SYS_afs_syscall), ENOSYS);
}
TEST(int80_is_contained) {
    // A 32-bit entry must neither crash the kernel nor act on half a pointer; Linux may or may not offer it.
    pid_t c = FORK();
    if (c == 0) {
        struct rlimit r = {0, 0};
        setrlimit(RLIMIT_CORE, &r);
        long a = 20;
        __asm__ volatile("int $0x80" : "+a"(a) : : "memory", "r8", "r9", "r10", "r11");
        _exit(a == getpid() || a == -ENOSYS ? 0 : 1);
    }
    int st;
    CHECK_EQ(waitpid(c, &st, 0), c);
    CHECK((WIFEXITED(st) && WEXITSTATUS(st) == 0) || (WIFSIGNALED(st) && WTERMSIG(st) == SIGSEGV));
}
TEST(hostname_needs_privilege) {
    if (geteuid() == 0) {
        NEED_ROOT();
        become(1234);
    }
    CHECK_ERR(sethostname("x", 1), EPERM), CHECK_ERR(setdomainname("x", 1), EPERM);
    CHECK_ERR(syscall(SYS_mount, "none", "/tmp", "tmpfs", 0, NULL), EPERM);
    CHECK_ERR(syscall(SYS_umount2, "/tmp", 0), EPERM);
    CHECK_ERR(syscall(SYS_reboot, 0xfee1dead, 672274793, 0, NULL), EPERM);
    CHECK_ERR(syscall(SYS_swapon, "/x", 0), EPERM);
    CHECK_ERR(syscall(SYS_acct, "/x"), EPERM);
    CHECK_ERR(syscall(SYS_vhangup), EPERM);
    CHECK_ERR(syscall(SYS_settimeofday, &(struct timeval){0, 0}, NULL), EPERM);
}
TEST(libc_survey) {
    CHECK_GT(sysconf(_SC_OPEN_MAX), 0), CHECK_EQ(sysconf(_SC_PAGESIZE), PAGE), CHECK_EQ(sysconf(_SC_CLK_TCK), 100);
    CHECK_GE(sysconf(_SC_NPROCESSORS_CONF), sysconf(_SC_NPROCESSORS_ONLN));
    CHECK_GT(getpagesize(), 0);
    CHECK(getenv("PATH"));
}

static int kcmp_(int type, unsigned long a, unsigned long b) { return syscall(SYS_kcmp, getpid(), getpid(), type, a, b); }
TEST(kcmp_of_one_process) {
    CHECK_EQ(kcmp_(KCMP_IO, 0, 0), 0);
    CHECK_EQ(kcmp_(KCMP_SYSVSEM, 0, 0), 0);
    CHECK_EQ(kcmp_(KCMP_VM, 0, 0), 0);
    CHECK_ERR(kcmp_(KCMP_TYPES, 0, 0), EINVAL);
}
// A list of what to undo is of one process: there is none before the first SEM_UNDO.
TEST(kcmp_of_semaphores) {
    int child[2], go[2], id = OK(semget(IPC_PRIVATE, 1, 0600));
    OK(pipe(child)), OK(pipe(go));
    pid_t c = FORK();
    char b = 0;
    if (c == 0) {
        struct sembuf up = {0, 1, SEM_UNDO};
        OK(read(go[0], &b, 1));
        OK(semop(id, &up, 1));
        OK(write(child[1], &b, 1));
        OK(read(go[0], &b, 1));
        _exit(0);
    }
    CHECK_EQ(syscall(SYS_kcmp, getpid(), c, KCMP_SYSVSEM, 0, 0), 0);
    OK(write(go[1], &b, 1));
    OK(read(child[0], &b, 1));
    CHECK_GT(syscall(SYS_kcmp, getpid(), c, KCMP_SYSVSEM, 0, 0), 0);
    OK(write(go[1], &b, 1));
    CHECK_EXIT(c, 0);
    OK(semctl(id, 0, IPC_RMID));
}
TEST(kcmp_of_epoll) {
    int p[2], e = OK(epoll_create1(0));
    OK(pipe(p));
    struct epoll_event ev = {.events = EPOLLIN};
    OK(epoll_ctl(e, EPOLL_CTL_ADD, p[0], &ev));
    struct kcmp_epoll_slot s = {.efd = e, .tfd = p[0], .toff = 0};
    CHECK_EQ(kcmp_(KCMP_EPOLL_TFD, p[0], (unsigned long)&s), 0);
    CHECK_GT(kcmp_(KCMP_EPOLL_TFD, p[1], (unsigned long)&s), 0);
    s.toff = 1;
    CHECK_ERR(kcmp_(KCMP_EPOLL_TFD, p[0], (unsigned long)&s), ENOENT);
    s.efd = p[0];
    CHECK_ERR(kcmp_(KCMP_EPOLL_TFD, p[0], (unsigned long)&s), EINVAL);
    CHECK_ERR(kcmp_(KCMP_EPOLL_TFD, p[0], 8), EFAULT);
}
