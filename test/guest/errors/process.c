// Processes: the errors and flags that the pages of clone, wait, kill, setpgid, setsid, prctl, prlimit, sched_*, setpriority, the
// credentials, capabilities, groups, ptrace, kcmp, personality and namespaces document.
#include "../guest.h"
#include <linux/capability.h>
#include <linux/kcmp.h>
#include <linux/sched.h>
#include <sched.h>
#include <sys/eventfd.h>
#include <sys/personality.h>
#include <sys/ptrace.h>
#include <sys/times.h>

static bool resources(void) { return cap_effective() >> CAP_SYS_RESOURCE & 1; }
#define NOBODY (1 << 29) // a process number that cannot be
static char b[8192];

static pid_t sleeper(void) {
    pid_t p = FORK();
    if (p == 0)
        for (;;)
            pause();
    return p;
}
static void end(pid_t p) {
    kill(p, SIGKILL);
    CHECK_KILLED(p, SIGKILL);
}

TEST(clone_errors) {
#define CLONE(f) syscall(SYS_clone, f, 0, 0, 0, 0)
    ROW(CLONE(CLONE_SIGHAND | SIGCHLD), EINVAL);
    ROW(CLONE(CLONE_THREAD | SIGCHLD), EINVAL);
    ROW(CLONE(CLONE_THREAD | CLONE_SIGHAND), EINVAL);
    ROW(CLONE(CLONE_FS | CLONE_NEWNS | SIGCHLD), EINVAL);
    ROW(CLONE(CLONE_FS | CLONE_NEWUSER | SIGCHLD), EINVAL);
    ROW(CLONE(CLONE_NEWUSER | CLONE_THREAD | CLONE_SIGHAND | CLONE_VM), EINVAL);
    ROW(CLONE(CLONE_NEWPID | CLONE_THREAD | CLONE_SIGHAND | CLONE_VM), EINVAL);
    ROW(CLONE(CLONE_NEWIPC | CLONE_SYSVSEM | SIGCHLD), privileged() ? EINVAL : EPERM);
    ROW(syscall(SYS_clone, CLONE_PIDFD | CLONE_PARENT_SETTID | SIGCHLD, 0, b, 0, 0), EINVAL);
    ROW(syscall(SYS_clone, CLONE_PIDFD | CLONE_DETACHED | SIGCHLD, 0, b, 0, 0), EINVAL);
    ROW(syscall(SYS_clone, CLONE_PIDFD | SIGCHLD, 0, 8, 0, 0), EFAULT);
    if (!privileged() && geteuid() != 0) {
        static const int spaces[] = {CLONE_NEWNS, CLONE_NEWPID, CLONE_NEWUTS, CLONE_NEWIPC, CLONE_NEWNET, CLONE_NEWCGROUP};
        for (int i = 0; i < 6; i++) {
            ROW(CLONE(spaces[i] | SIGCHLD), EPERM);
            ROW(unshare(spaces[i]), EPERM);
        }
    }
    struct clone_args a = {.exit_signal = SIGCHLD};
#define CLONE3(size) syscall(SYS_clone3, &a, size)
#define WITH(field, value, want)                                                                                         \
    a.field = value;                                                                                                     \
    ROW(CLONE3(sizeof a), want);                                                                                         \
    a = (struct clone_args){.exit_signal = SIGCHLD}
    ROW(CLONE3(63), EINVAL);
    ROW(CLONE3(5000), E2BIG);
    ROW(syscall(SYS_clone3, 8, 88), EFAULT);
    struct { struct clone_args a; uint64_t more; } big = {{.exit_signal = SIGCHLD}, 1};
    ROW(syscall(SYS_clone3, &big, sizeof big), E2BIG);
    WITH(exit_signal, 65, EINVAL);
    WITH(exit_signal, 1ULL << 40, EINVAL);
    WITH(flags, CLONE_DETACHED, EINVAL);
    WITH(flags, CSIGNAL, EINVAL);
    WITH(flags, 1ULL << 40, EINVAL);
    WITH(flags, CLONE_SIGHAND | CLONE_CLEAR_SIGHAND, EINVAL);
    WITH(flags, CLONE_SIGHAND, EINVAL);
    WITH(stack, (uint64_t)b, EINVAL);
    WITH(stack_size, sizeof b, EINVAL);
    a.stack = 1ULL << 60, a.stack_size = 4096;
    ROW(CLONE3(sizeof a), EINVAL);
    a = (struct clone_args){.flags = CLONE_THREAD | CLONE_SIGHAND | CLONE_VM, .exit_signal = SIGCHLD};
    ROW(CLONE3(sizeof a), EINVAL); // a thread has no exit signal
    a = (struct clone_args){.flags = CLONE_PARENT, .exit_signal = SIGCHLD};
    ROW(CLONE3(sizeof a), EINVAL);
    pid_t tids[40] = {1};
    a = (struct clone_args){.exit_signal = SIGCHLD, .set_tid = (uint64_t)tids};
    ROW(CLONE3(sizeof a), EINVAL); // without a size
    a.set_tid_size = 33;
    ROW(CLONE3(sizeof a), EINVAL);
    a.set_tid_size = 1, a.set_tid = 0;
    ROW(CLONE3(sizeof a), EINVAL);
    a.set_tid = 8;
    ROW(CLONE3(sizeof a), EFAULT);
    a.set_tid = (uint64_t)tids;
    ROW(CLONE3(sizeof a), privileged() ? EEXIST : EPERM);
    if (privileged()) {
        tids[0] = -1;
        ROW(CLONE3(sizeof a), EINVAL);
        tids[0] = NOBODY;
        ROW(CLONE3(sizeof a), EINVAL); // past pid_max
        a.set_tid_size = 2, tids[0] = 2, tids[1] = 3;
        if (getpid() < 1000000)
            ROW(CLONE3(sizeof a), EINVAL); // more than there are namespaces
    }
    a = (struct clone_args){.flags = CLONE_INTO_CGROUP, .exit_signal = SIGCHLD, .cgroup = 99};
    ROW(CLONE3(sizeof a), EBADF);
    a.cgroup = 1ULL << 40;
    ROW(CLONE3(sizeof a), EINVAL);
    a = (struct clone_args){.flags = CLONE_PIDFD, .exit_signal = SIGCHLD, .pidfd = 8};
    ROW(CLONE3(sizeof a), EFAULT);
    IN_CHILD(if (privileged()) become(4711); struct rlimit r = {0, 0}; OK(setrlimit(RLIMIT_NPROC, &r)); CHECK_ERR(fork(), EAGAIN); CHECK_ERR(CLONE(SIGCHLD), EAGAIN); CHECK_ERR(syscall(SYS_vfork), EAGAIN));
    ROW(unshare(SIGCHLD), EINVAL);
    ROW(unshare(CLONE_FS | CLONE_FILES | CLONE_SYSVSEM), 0);
    ROW(unshare(CLONE_THREAD | CLONE_SIGHAND | CLONE_VM), 0); // a process of one thread shares none
    ROW(setns(99, 0), EBADF);
    ROW(setns(OK(eventfd(0, 0)), 0), EINVAL);
    int ns = OK(open("/proc/self/ns/uts", O_RDONLY)), user = OK(open("/proc/self/ns/user", O_RDONLY));
    ROW(setns(ns, CLONE_NEWIPC), EINVAL);
    ROW(setns(ns, CLONE_NEWUTS), privileged() ? 0 : EPERM);
    ROW(setns(user, CLONE_NEWUSER), EINVAL); // the own one
    int me = OK(syscall(SYS_pidfd_open, getpid(), 0));
    ROW(setns(me, 0), EINVAL);
    ROW(setns(me, 0x100), EINVAL);
    ROW(setns(me, CLONE_NEWUTS), privileged() ? 0 : EPERM);
}
TEST(wait_errors) {
    siginfo_t si;
    struct rusage ru;
    int st;
    ROW(wait4(-1, &st, 0, &ru), ECHILD);
    ROW(wait4(-1, &st, WNOHANG, &ru), ECHILD);
    ROW(wait4(getpid(), &st, 0, &ru), ECHILD);
    ROW(wait4(1 << 29, &st, 0, &ru), ECHILD);
    ROW(wait4(-1, &st, 0x100, &ru), EINVAL);
    ROW(wait4(INT_MIN, &st, 0, &ru), ESRCH);
    ROW(waitid(P_ALL, 0, &si, 0), EINVAL);
    ROW(waitid(P_ALL, 0, &si, WNOHANG), EINVAL);
    ROW(waitid(P_ALL, 0, &si, WEXITED | 0x100), EINVAL);
    ROW(waitid(77, 0, &si, WEXITED), EINVAL);
    ROW(waitid(P_PID, 0, &si, WEXITED), EINVAL);
    ROW(waitid(P_PID, -1, &si, WEXITED), EINVAL);
    ROW(waitid(P_PGID, -1, &si, WEXITED), EINVAL);
    ROW(waitid(P_ALL, 0, &si, WEXITED), ECHILD);
    ROW(waitid(P_PID, 1, &si, WEXITED | WNOHANG), ECHILD);
    ROW(waitid(P_PGID, 0, &si, WEXITED), ECHILD);
    pid_t p = sleeper();
    VALUE(wait4(-1, &st, WNOHANG, NULL), 0);
    si.si_pid = 7;
    VALUE(waitid(P_PID, p, &si, WEXITED | WNOHANG), 0);
    CHECK_EQ(si.si_pid, 0);
    ROW(wait4(p, &st, WNOHANG | __WCLONE, NULL), ECHILD);
    VALUE(wait4(p, &st, WNOHANG | __WALL | __WNOTHREAD | WUNTRACED | WCONTINUED, NULL), 0);
    on_signal(SIGALRM, on_nothing, 0), tick(5);
    ROW(wait4(p, &st, 0, NULL), EINTR);
    ROW(waitid(P_PID, p, &si, WEXITED), EINTR);
    struct itimerval off = {0};
    setitimer(ITIMER_REAL, &off, NULL);
    kill(p, SIGKILL);
    OK(waitid(P_PID, p, &si, WEXITED | WNOWAIT));
    ROW(syscall(SYS_waitid, P_PID, p, 8, WEXITED, NULL), EFAULT);
    ROW(wait4(p, NULL, 0, NULL), ECHILD); // it was reaped all the same
    p = sleeper(), kill(p, SIGKILL);
    ROW(wait4(p, (int *)8, 0, NULL), EFAULT);
    p = sleeper(), kill(p, SIGKILL);
    ROW(wait4(p, NULL, 0, (void *)8), EFAULT);
    on_signal(SIGCHLD, SIG_IGN, 0);
    p = FORK();
    if (p == 0)
        _exit(0);
    ROW(waitpid(p, &st, 0), ECHILD);
    ROW(getrusage(7, &ru), EINVAL);
    ROW(syscall(SYS_getrusage, RUSAGE_SELF, 8), EFAULT);
    ROW(getrusage(RUSAGE_THREAD, &ru), 0);
    ROW(getrusage(RUSAGE_CHILDREN, &ru), 0);
    ROW(syscall(SYS_times, 8), EFAULT);
    ROW(syscall(SYS_times, NULL), 0);
}
TEST(kill_errors) {
    pid_t me = getpid();
    ROW(kill(me, -1), EINVAL);
    ROW(kill(me, 65), EINVAL);
    ROW(kill(NOBODY, 0), ESRCH);
    ROW(kill(-NOBODY, 0), ESRCH);
    ROW(kill(INT_MIN, 0), ESRCH);
    ROW(kill(me, 0), 0);
    ROW(syscall(SYS_tkill, 0, 0), EINVAL);
    ROW(syscall(SYS_tkill, -1, 0), EINVAL);
    ROW(syscall(SYS_tkill, NOBODY, 0), ESRCH);
    ROW(syscall(SYS_tkill, me, 65), EINVAL);
    ROW(syscall(SYS_tkill, me, 0), 0);
    ROW(syscall(SYS_tgkill, 0, me, 0), EINVAL);
    ROW(syscall(SYS_tgkill, me, 0, 0), EINVAL);
    ROW(syscall(SYS_tgkill, -1, me, 0), EINVAL);
    ROW(syscall(SYS_tgkill, NOBODY, me, 0), ESRCH);
    ROW(syscall(SYS_tgkill, me, NOBODY, 0), ESRCH);
    ROW(syscall(SYS_tgkill, getppid(), me, 0), ESRCH);
    ROW(syscall(SYS_tgkill, me, me, 65), EINVAL);
    ROW(syscall(SYS_tgkill, me, me, 0), 0);
    siginfo_t si = {.si_signo = SIGUSR1, .si_code = SI_QUEUE};
    pid_t p = sleeper();
    ROW(syscall(SYS_rt_sigqueueinfo, p, 0, &si), 0);
    ROW(syscall(SYS_rt_sigqueueinfo, p, 65, &si), EINVAL);
    ROW(syscall(SYS_rt_sigqueueinfo, NOBODY, SIGUSR1, &si), ESRCH);
    ROW(syscall(SYS_rt_sigqueueinfo, p, SIGUSR1, 8), EFAULT);
    si.si_code = SI_USER;
    ROW(syscall(SYS_rt_sigqueueinfo, p, SIGUSR1, &si), EPERM);
    si.si_code = SI_TKILL;
    ROW(syscall(SYS_rt_sigqueueinfo, p, SIGUSR1, &si), EPERM);
    si.si_code = 5;
    ROW(syscall(SYS_rt_sigqueueinfo, p, 0, &si), EPERM);
    si.si_code = SI_QUEUE;
    ROW(syscall(SYS_rt_tgsigqueueinfo, p, p, 0, &si), 0);
    ROW(syscall(SYS_rt_tgsigqueueinfo, 0, p, 0, &si), EINVAL);
    ROW(syscall(SYS_rt_tgsigqueueinfo, p, 0, 0, &si), EINVAL);
    ROW(syscall(SYS_rt_tgsigqueueinfo, p, p, 65, &si), EINVAL);
    ROW(syscall(SYS_rt_tgsigqueueinfo, p, NOBODY, 0, &si), ESRCH);
    ROW(syscall(SYS_rt_tgsigqueueinfo, me, p, 0, &si), ESRCH);
    ROW(syscall(SYS_rt_tgsigqueueinfo, p, p, SIGUSR1, 8), EFAULT);
    si.si_code = SI_USER;
    ROW(syscall(SYS_rt_tgsigqueueinfo, p, p, SIGUSR1, &si), EPERM);
    end(p);
    if (privileged())
        IN_CHILD(pid_t parent = getppid(); become(1234); si.si_code = SI_QUEUE;
                 CHECK_ERR(kill(parent, 0), EPERM); CHECK_ERR(kill(parent, SIGUSR1), EPERM); CHECK_ERR(syscall(SYS_tkill, parent, 0), EPERM); CHECK_ERR(syscall(SYS_tgkill, parent, parent, 0), EPERM);
                 CHECK_ERR(syscall(SYS_rt_sigqueueinfo, parent, SIGUSR1, &si), EPERM); CHECK_ERR(syscall(SYS_rt_tgsigqueueinfo, parent, parent, SIGUSR1, &si), EPERM);
                 CHECK_ERR(kill(parent, 77), EINVAL));
    struct rlimit r = {0, 0};
    IN_CHILD(block_signal(SIGRTMIN); block_signal(SIGUSR1); OK(setrlimit(RLIMIT_SIGPENDING, &r)); if (privileged()) become(1234); si.si_code = SI_QUEUE;
             CHECK_ERR(syscall(SYS_rt_sigqueueinfo, getpid(), SIGRTMIN, &si), EAGAIN); CHECK_ERR(syscall(SYS_rt_tgsigqueueinfo, getpid(), getpid(), SIGRTMIN, &si), EAGAIN);
             CHECK_ERR(syscall(SYS_tkill, getpid(), SIGRTMIN), EAGAIN); CHECK_ERR(syscall(SYS_tgkill, getpid(), getpid(), SIGRTMIN), EAGAIN); CHECK_EQ(kill(getpid(), SIGRTMIN), 0));
}
TEST(sessions_and_groups) {
    pid_t p = sleeper();
    ROW(setpgid(p, -1), EINVAL);
    ROW(setpgid(NOBODY, 0), ESRCH);
    ROW(setpgid(1, 0), ESRCH); // not a child
    ROW(setpgid(-1, 0), EINVAL);
    ROW(setpgid(p, NOBODY), EPERM);
    ROW(setpgid(p, 0), 0);
    VALUE(getpgid(p), p);
    ROW(getpgid(NOBODY), ESRCH);
    ROW(getpgid(-1), ESRCH);
    ROW(getsid(NOBODY), ESRCH);
    ROW(getsid(-1), ESRCH);
    VALUE(getpgid(0), getpgrp());
    VALUE(getsid(0), getsid(getpid()));
    end(p);
    gate_t ready = gate_new(), done = gate_new();
    p = FORK();
    if (p == 0) {
        OK(setsid());
        ROW(setsid(), EPERM);
        ROW(setpgid(0, 0), EPERM); // a session's leader
        gate_open(ready), gate_wait(done);
        _exit(0);
    }
    gate_wait(ready);
    ROW(setpgid(p, 0), EPERM); // in another session
    gate_open(done);
    CHECK_EXIT(p, 0);
    IN_CHILD(OK(setpgid(0, 0)); CHECK_ERR(setsid(), EPERM));
    char *argv[] = {"sh", "-c", "echo; read x", NULL};
    int out[2], in[2];
    OK(pipe(out)), OK(pipe(in));
    p = FORK();
    if (p == 0) {
        dup2(out[1], 1), dup2(in[0], 0);
        execv("/bin/sh", argv);
        _exit(1);
    }
    CHECK_EQ(read(out[0], b, 1), 1);
    ROW(setpgid(p, 0), EACCES); // it has called execve
    end(p);
}
TEST(limits_and_priorities) {
    struct rlimit r;
    pid_t p = sleeper();
    ROW(getrlimit(77, &r), EINVAL);
    ROW(getrlimit(-1, &r), EINVAL);
    ROW(syscall(SYS_getrlimit, RLIMIT_CORE, 8), EFAULT);
    ROW(setrlimit(77, &(struct rlimit){0, 0}), EINVAL);
    ROW(syscall(SYS_setrlimit, RLIMIT_CORE, 8), EFAULT);
    ROW(setrlimit(RLIMIT_CORE, &(struct rlimit){5, 4}), EINVAL);
    ROW(prlimit(0, 77, NULL, &r), EINVAL);
    ROW(prlimit(NOBODY, RLIMIT_CORE, NULL, &r), ESRCH);
    ROW(syscall(SYS_prlimit64, 0, RLIMIT_CORE, 8, &r), EFAULT);
    ROW(syscall(SYS_prlimit64, 0, RLIMIT_CORE, NULL, 8), EFAULT);
    ROW(prlimit(0, RLIMIT_CORE, &(struct rlimit){5, 4}, NULL), EINVAL);
    ROW(prlimit(p, RLIMIT_CORE, &(struct rlimit){0, 5}, &r), 0);
    for (int i = 0; i < RLIM_NLIMITS; i++) {
        ROW(prlimit(p, i, NULL, &r), 0);
        ROW(prlimit(p, i, &r, NULL), 0);
    }
    ROW(prlimit(p, RLIMIT_CORE, NULL, &r), 0);
    CHECK_EQ(r.rlim_max, 5);
    ROW(prlimit(p, RLIMIT_CORE, &(struct rlimit){0, 6}, NULL), resources() ? 0 : EPERM);
    if (privileged()) {
        OK(setrlimit(RLIMIT_CORE, &(struct rlimit){0, 6}));
        pid_t me = getpid();
        IN_CHILD(become(1234); CHECK_ERR(prlimit(me, RLIMIT_CORE, NULL, &r), EPERM); CHECK_ERR(setrlimit(RLIMIT_CORE, &(struct rlimit){0, 7}), EPERM); CHECK_EQ(setrlimit(RLIMIT_CORE, &(struct rlimit){0, 5}), 0);
                 CHECK_ERR(setpriority(PRIO_PROCESS, me, 5), EPERM); CHECK_EQ(setpriority(PRIO_PROCESS, 0, 5), 0); OK(setrlimit(RLIMIT_NICE, &(struct rlimit){0, 0}));
                 CHECK_ERR(setpriority(PRIO_PROCESS, 0, 4), EACCES); CHECK_ERR(nice(-1), EPERM));
        // Past fs.nr_open nobody goes.
        ROW(setrlimit(RLIMIT_NOFILE, &(struct rlimit){100, 1UL << 40}), EPERM);
    } else {
        ROW(setrlimit(RLIMIT_NOFILE, &(struct rlimit){100, 1UL << 40}), EPERM);
        OK(setrlimit(RLIMIT_NICE, &(struct rlimit){0, 0}));
        ROW(setpriority(PRIO_PROCESS, 0, getpriority(PRIO_PROCESS, 0) - 1), EACCES);
        ROW(nice(-1), EPERM);
    }
    ROW(getpriority(77, 0), EINVAL);
    ROW(getpriority(-1, 0), EINVAL);
    ROW(getpriority(PRIO_PROCESS, NOBODY), ESRCH);
    ROW(getpriority(PRIO_PGRP, NOBODY), ESRCH);
    ROW(getpriority(PRIO_USER, 54321), ESRCH);
    ROW(setpriority(77, 0, 0), EINVAL);
    ROW(setpriority(PRIO_PROCESS, NOBODY, 0), ESRCH);
    ROW(setpriority(PRIO_PGRP, NOBODY, 0), ESRCH);
    ROW(setpriority(PRIO_USER, 54321, 0), ESRCH);
    ROW(setpriority(PRIO_PROCESS, p, 100), 0);
    VALUE(getpriority(PRIO_PROCESS, p), 19);
    ROW(syscall(SYS_ioprio_get, 77, 0), EINVAL);
    ROW(syscall(SYS_ioprio_get, 1, NOBODY), ESRCH);
    ROW(syscall(SYS_ioprio_set, 77, 0, 0), EINVAL);
    ROW(syscall(SYS_ioprio_set, 1, NOBODY, 2 << 13 | 4), ESRCH);
    ROW(syscall(SYS_ioprio_set, 1, 0, 7 << 13), EINVAL);
    ROW(syscall(SYS_ioprio_set, 1, 0, 5), EINVAL); // no class has no data
    ROW(syscall(SYS_ioprio_set, 1, 0, 2 << 13 | 4), 0);
    VALUE(syscall(SYS_ioprio_get, 1, 0), 2 << 13 | 4);
    ROW(syscall(SYS_ioprio_set, 1, 0, 1 << 13 | 4), privileged() ? 0 : EPERM);
    end(p);
}
TEST(scheduling) {
    struct sched_param sp = {0}, one = {1}, big = {100};
    struct timespec ts;
    cpu_set_t set;
    pid_t p = sleeper();
    ROW(sched_getscheduler(-1), EINVAL);
    ROW(sched_getscheduler(NOBODY), ESRCH);
    VALUE(sched_getscheduler(0), SCHED_OTHER);
    ROW(sched_getparam(-1, &sp), EINVAL);
    ROW(sched_getparam(NOBODY, &sp), ESRCH);
    ROW(syscall(SYS_sched_getparam, 0, NULL), EINVAL);
    ROW(syscall(SYS_sched_getparam, 0, 8), EFAULT);
    ROW(sched_setparam(-1, &sp), EINVAL);
    ROW(sched_setparam(NOBODY, &sp), ESRCH);
    ROW(sched_setparam(0, &one), EINVAL);
    ROW(syscall(SYS_sched_setparam, 0, NULL), EINVAL);
    ROW(syscall(SYS_sched_setparam, 0, 8), EFAULT);
    ROW(sched_setparam(p, &sp), 0);
    ROW(sched_setscheduler(-1, SCHED_OTHER, &sp), EINVAL);
    ROW(sched_setscheduler(0, -1, &sp), EINVAL);
    ROW(sched_setscheduler(0, 77, &sp), EINVAL);
    ROW(syscall(SYS_sched_setscheduler, 0, SCHED_OTHER, NULL), EINVAL);
    ROW(sched_setscheduler(NOBODY, SCHED_OTHER, &sp), ESRCH);
    ROW(sched_setscheduler(0, SCHED_OTHER, &one), EINVAL);
    ROW(sched_setscheduler(0, SCHED_FIFO, &sp), EINVAL);
    ROW(sched_setscheduler(0, SCHED_RR, &big), EINVAL);
    ROW(sched_setscheduler(0, SCHED_BATCH, &sp), 0);
    VALUE(sched_getscheduler(0), SCHED_BATCH);
    ROW(sched_setscheduler(0, SCHED_OTHER | SCHED_RESET_ON_FORK, &sp), 0);
    VALUE(sched_getscheduler(0), SCHED_OTHER | SCHED_RESET_ON_FORK);
    IN_CHILD(CHECK_EQ(sched_getscheduler(0), SCHED_OTHER));
    if (!privileged()) {
        OK(setrlimit(RLIMIT_RTPRIO, &(struct rlimit){0, 0}));
        ROW(sched_setscheduler(0, SCHED_FIFO, &one), EPERM);
        ROW(sched_setscheduler(0, SCHED_RR, &one), EPERM);
        ROW(sched_setscheduler(0, SCHED_OTHER, &sp), EPERM); // would take the reset flag away
    } else {
        pid_t me = getpid();
        IN_CHILD(become(1234); CHECK_ERR(sched_setscheduler(me, SCHED_OTHER, &sp), EPERM); CHECK_ERR(sched_setparam(me, &sp), EPERM); CPU_ZERO(&set); CPU_SET(0, &set); CHECK_ERR(sched_setaffinity(me, sizeof set, &set), EPERM));
    }
    ROW(sched_get_priority_max(77), EINVAL);
    ROW(sched_get_priority_min(77), EINVAL);
    ROW(sched_get_priority_min(-1), EINVAL);
    static const int policies[] = {SCHED_OTHER, SCHED_FIFO, SCHED_RR, SCHED_BATCH, SCHED_IDLE, 6 /* SCHED_DEADLINE */};
    for (int i = 0; i < 6; i++) {
        bool rt = i == 1 || i == 2;
        VALUE(sched_get_priority_max(policies[i]), rt ? 99 : 0);
        VALUE(sched_get_priority_min(policies[i]), rt ? 1 : 0);
    }
    ROW(sched_rr_get_interval(-1, &ts), EINVAL);
    ROW(sched_rr_get_interval(NOBODY, &ts), ESRCH);
    ROW(syscall(SYS_sched_rr_get_interval, 0, 8), EFAULT);
    ROW(sched_rr_get_interval(0, &ts), 0);
    CPU_ZERO(&set);
    ROW(sched_setaffinity(0, sizeof set, &set), EINVAL); // no CPU at all
    ROW(syscall(SYS_sched_setaffinity, 0, 8, 8), EFAULT);
    ROW(sched_setaffinity(NOBODY, sizeof set, &set), ESRCH);
    ROW(syscall(SYS_sched_getaffinity, 0, 3, &set), EINVAL);
    ROW(syscall(SYS_sched_getaffinity, 0, 12, &set), EINVAL);
    ROW(syscall(SYS_sched_getaffinity, 0, 128, 8), EFAULT);
    ROW(syscall(SYS_sched_getaffinity, NOBODY, 128, &set), ESRCH);
    struct { uint32_t size, policy; uint64_t flags; int32_t nice; uint32_t priority; uint64_t runtime, deadline, period; uint32_t util_min, util_max; uint64_t more; } at = {.size = 48};
#define GETATTR(pid, at, size, flags) syscall(SYS_sched_getattr, pid, at, size, flags)
#define SETATTR(pid, at, flags) syscall(SYS_sched_setattr, pid, at, flags)
    ROW(GETATTR(0, &at, 47, 0), EINVAL);
    ROW(GETATTR(0, &at, 5000, 0), EINVAL);
    ROW(GETATTR(0, &at, 48, 1), EINVAL);
    ROW(GETATTR(-1, &at, 48, 0), EINVAL);
    ROW(GETATTR(0, NULL, 48, 0), EINVAL);
    ROW(GETATTR(0, 8, 48, 0), EFAULT);
    ROW(GETATTR(NOBODY, &at, 48, 0), ESRCH);
    ROW(GETATTR(0, &at, 48, 0), 0);
    CHECK_EQ(at.size, 48);
    at.flags = 1;
    ROW(SETATTR(0, &at, 0), 0);
    ROW(SETATTR(0, &at, 1), EINVAL);
    ROW(SETATTR(-1, &at, 0), EINVAL);
    ROW(SETATTR(NOBODY, &at, 0), ESRCH);
    ROW(SETATTR(0, NULL, 0), EINVAL);
    ROW(SETATTR(0, 8, 0), EFAULT);
    at.size = 47;
    ROW(SETATTR(0, &at, 0), E2BIG);
    at.size = 5000;
    ROW(SETATTR(0, &at, 0), E2BIG);
    at.size = sizeof at, at.more = 1;
    ROW(SETATTR(0, &at, 0), E2BIG);
    at.size = 48, at.policy = 77;
    ROW(SETATTR(0, &at, 0), EINVAL);
    at.policy = 0, at.flags = 0x100;
    ROW(SETATTR(0, &at, 0), EINVAL);
    at.flags = 1, at.policy = SCHED_FIFO, at.priority = 0;
    ROW(SETATTR(0, &at, 0), EINVAL);
    end(p);
}
TEST(credential_errors) {
    gid_t list[4];
    struct { uint32_t version; int pid; } h = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct { uint32_t effective, permitted, inheritable; } d[2], more[2];
    ROW(getgroups(-1, list), EINVAL);
    if (getgroups(0, NULL) > 0)
        ROW(syscall(SYS_getgroups, 1000, 8), EFAULT);
    ROW(syscall(SYS_getresuid, 8, 8, 8), EFAULT);
    ROW(syscall(SYS_getresgid, 8, 8, 8), EFAULT);
    ROW(syscall(SYS_capget, &h, d), 0);
    ROW(syscall(SYS_capget, 8, d), EFAULT);
    ROW(syscall(SYS_capget, &h, 8), EFAULT);
    h.pid = NOBODY;
    ROW(syscall(SYS_capget, &h, d), ESRCH);
    h.pid = -1;
    ROW(syscall(SYS_capget, &h, d), EINVAL);
    h.pid = 0, h.version = 77;
    ROW(syscall(SYS_capget, &h, d), EINVAL);
    CHECK_EQ(h.version, _LINUX_CAPABILITY_VERSION_3); // the right one is told
    h.version = 77;
    ROW(syscall(SYS_capget, &h, NULL), 0);
    h.version = 77;
    ROW(syscall(SYS_capset, &h, d), EINVAL);
    h = (typeof(h)){_LINUX_CAPABILITY_VERSION_3, 0};
    ROW(syscall(SYS_capset, &h, d), 0);
    ROW(syscall(SYS_capset, 8, d), EFAULT);
    ROW(syscall(SYS_capset, &h, 8), EFAULT);
    h.pid = getppid();
    ROW(syscall(SYS_capset, &h, d), EPERM); // of others never
    h.pid = NOBODY;
    ROW(syscall(SYS_capset, &h, d), EPERM);
    h.pid = 0;
    if (privileged() || geteuid() != 0) {
        IN_CHILD(if (privileged()) become(1234);
                 memcpy(more, d, sizeof d); more[0].permitted |= 1 << CAP_KILL; more[0].effective = 0;
                 CHECK_ERR(syscall(SYS_capset, &h, more), EPERM);
                 memset(more, 0, sizeof more); more[0].effective = 1 << CAP_KILL;
                 CHECK_ERR(syscall(SYS_capset, &h, more), EPERM);
                 memset(more, 0, sizeof more); more[0].inheritable = 1 << CAP_KILL;
                 CHECK_ERR(syscall(SYS_capset, &h, more), EPERM);
                 CHECK_ERR(syscall(SYS_setuid, 0), EPERM); CHECK_ERR(syscall(SYS_setgid, 0), EPERM); CHECK_ERR(syscall(SYS_setreuid, 0, -1), EPERM); CHECK_ERR(syscall(SYS_setreuid, -1, 0), EPERM);
                 CHECK_ERR(syscall(SYS_setregid, 0, -1), EPERM); CHECK_ERR(syscall(SYS_setregid, -1, 0), EPERM); CHECK_ERR(syscall(SYS_setresuid, -1, -1, 0), EPERM); CHECK_ERR(syscall(SYS_setresgid, -1, 0, -1), EPERM);
                 CHECK_ERR(syscall(SYS_setgroups, 0, NULL), EPERM); CHECK_ERR(syscall(SYS_setgroups, 1, list), EPERM); CHECK_EQ(syscall(SYS_setfsuid, 0), geteuid()); CHECK_EQ(syscall(SYS_setfsuid, -1), geteuid()));
    }
    ROW(syscall(SYS_setuid, -1), EINVAL);
    ROW(syscall(SYS_setgid, -1), EINVAL);
    ROW(syscall(SYS_setreuid, -1, -1), 0);
    ROW(syscall(SYS_setregid, -1, -1), 0);
    ROW(syscall(SYS_setresuid, -1, -1, -1), 0);
    ROW(syscall(SYS_setresgid, -1, -1, -1), 0);
    if (privileged()) {
        ROW(syscall(SYS_setgroups, 65537, list), EINVAL);
        ROW(syscall(SYS_setgroups, 1, 8), EFAULT);
        ROW(syscall(SYS_setgroups, 2, (gid_t[]){7, 8}), 0);
        ROW(getgroups(1, list), EINVAL);
        VALUE(getgroups(2, list), 2);
    }
}
TEST(prctl_options) {
#define PRCTL(...) syscall(SYS_prctl, __VA_ARGS__)
    ROW(PRCTL(7777, 0, 0, 0, 0), EINVAL);
    ROW(PRCTL(PR_SET_PDEATHSIG, 65, 0, 0, 0), EINVAL);
    ROW(PRCTL(PR_SET_PDEATHSIG, SIGUSR1, 0, 0, 0), 0);
    ROW(PRCTL(PR_GET_PDEATHSIG, 8, 0, 0, 0), EFAULT);
    ROW(PRCTL(PR_SET_PDEATHSIG, 0, 0, 0, 0), 0);
    ROW(PRCTL(PR_SET_DUMPABLE, 2, 0, 0, 0), EINVAL);
    ROW(PRCTL(PR_SET_DUMPABLE, -1, 0, 0, 0), EINVAL);
    ROW(PRCTL(PR_SET_DUMPABLE, 0, 0, 0, 0), 0);
    VALUE(PRCTL(PR_GET_DUMPABLE, 0, 0, 0, 0), 0);
    ROW(PRCTL(PR_SET_DUMPABLE, 1, 0, 0, 0), 0);
    VALUE(PRCTL(PR_GET_DUMPABLE, 0, 0, 0, 0), 1);
    ROW(PRCTL(PR_SET_KEEPCAPS, 2, 0, 0, 0), EINVAL);
    ROW(PRCTL(PR_SET_KEEPCAPS, 1, 0, 0, 0), 0);
    VALUE(PRCTL(PR_GET_KEEPCAPS, 0, 0, 0, 0), 1);
    ROW(PRCTL(PR_SET_TIMING, 1, 0, 0, 0), EINVAL);
    ROW(PRCTL(PR_SET_TIMING, 0, 0, 0, 0), 0);
    VALUE(PRCTL(PR_GET_TIMING, 0, 0, 0, 0), 0);
    ROW(PRCTL(PR_SET_NAME, 8, 0, 0, 0), EFAULT);
    ROW(PRCTL(PR_GET_NAME, 8, 0, 0, 0), EFAULT);
    ROW(PRCTL(PR_SET_NAME, "a-name-that-is-too-long", 0, 0, 0), 0);
    ROW(PRCTL(PR_GET_NAME, b, 0, 0, 0), 0);
    CHECK_STR(b, "a-name-that-is-");
    ROW(PRCTL(PR_SET_SECCOMP, 7, 0, 0, 0), EINVAL);
    ROW(PRCTL(PR_SET_SECCOMP, 2, 8, 0, 0), EFAULT);
    VALUE(PRCTL(PR_GET_SECCOMP, 0, 0, 0, 0), 0);
    ROW(PRCTL(PR_CAPBSET_READ, 777, 0, 0, 0), EINVAL);
    ROW(PRCTL(PR_CAPBSET_READ, -1, 0, 0, 0), EINVAL);
    VALUE(PRCTL(PR_CAPBSET_READ, 0, 0, 0, 0), 1);
    ROW(PRCTL(PR_CAPBSET_DROP, 777, 0, 0, 0), privileged() ? EINVAL : EPERM);
    ROW(PRCTL(PR_CAPBSET_DROP, 30, 0, 0, 0), privileged() ? 0 : EPERM);
    ROW(PRCTL(PR_GET_TSC, 8, 0, 0, 0), EFAULT);
    ROW(PRCTL(PR_SET_TSC, 7, 0, 0, 0), EINVAL);
    ROW(PRCTL(PR_GET_TSC, b, 0, 0, 0), 0);
    CHECK_EQ(*(int *)b, 1);
    ROW(PRCTL(PR_SET_SECUREBITS, 1 << 20, 0, 0, 0), EPERM);
    VALUE(PRCTL(PR_GET_SECUREBITS, 0, 0, 0, 0), 16); // PR_SET_KEEPCAPS of before
    ROW(PRCTL(PR_SET_TIMERSLACK, 1000, 0, 0, 0), 0);
    VALUE(PRCTL(PR_GET_TIMERSLACK, 0, 0, 0, 0), 1000);
    ROW(PRCTL(PR_MCE_KILL, 0, 1, 0, 0), EINVAL);
    ROW(PRCTL(PR_MCE_KILL, 0, 0, 0, 0), 0);
    VALUE(PRCTL(PR_MCE_KILL_GET, 0, 0, 0, 0), 2);
    ROW(PRCTL(PR_MCE_KILL, 1, 7, 0, 0), EINVAL);
    ROW(PRCTL(PR_MCE_KILL, 7, 0, 0, 0), EINVAL);
    ROW(PRCTL(PR_MCE_KILL_GET, 1, 0, 0, 0), EINVAL);
    ROW(PRCTL(PR_SET_MM, 1, 0, 0, 1), EINVAL);
    ROW(PRCTL(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0), 0);
    ROW(PRCTL(PR_GET_CHILD_SUBREAPER, 8, 0, 0, 0), EFAULT);
    ROW(PRCTL(PR_GET_CHILD_SUBREAPER, b, 0, 0, 0), 0);
    CHECK_EQ(*(int *)b, 1);
    VALUE(PRCTL(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), 0);
    ROW(PRCTL(PR_GET_NO_NEW_PRIVS, 1, 0, 0, 0), EINVAL);
    ROW(PRCTL(PR_SET_NO_NEW_PRIVS, 0, 0, 0, 0), EINVAL);
    ROW(PRCTL(PR_SET_NO_NEW_PRIVS, 2, 0, 0, 0), EINVAL);
    ROW(PRCTL(PR_SET_NO_NEW_PRIVS, 1, 1, 0, 0), EINVAL);
    ROW(PRCTL(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
    VALUE(PRCTL(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), 1);
    ROW(PRCTL(PR_GET_TID_ADDRESS, 8, 0, 0, 0), EFAULT);
    ROW(PRCTL(PR_SET_THP_DISABLE, 1, 1, 0, 0), EINVAL);
    ROW(PRCTL(PR_SET_THP_DISABLE, 1, 0, 0, 0), 0);
    VALUE(PRCTL(PR_GET_THP_DISABLE, 0, 0, 0, 0), 1);
    ROW(PRCTL(PR_GET_THP_DISABLE, 1, 0, 0, 0), EINVAL);
    ROW(PRCTL(PR_MPX_ENABLE_MANAGEMENT, 0, 0, 0, 0), EINVAL);
    ROW(PRCTL(PR_SET_FP_MODE, 0, 0, 0, 0), EINVAL);
    ROW(PRCTL(PR_CAP_AMBIENT, 7, 0, 0, 0), EINVAL);
    ROW(PRCTL(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, 777, 0, 0), EINVAL);
    ROW(PRCTL(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 1, 0, 0), EINVAL);
    ROW(PRCTL(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_KILL, 1, 0), EINVAL);
    ROW(PRCTL(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_KILL, 0, 0), EPERM); // not inheritable
    VALUE(PRCTL(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, CAP_KILL, 0, 0), 0);
    ROW(PRCTL(PR_CAP_AMBIENT, PR_CAP_AMBIENT_LOWER, CAP_KILL, 0, 0), 0);
    ROW(PRCTL(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0), 0);
    ROW(PRCTL(PR_GET_SPECULATION_CTRL, 77, 0, 0, 0), ENODEV);
    ROW(PRCTL(PR_GET_SPECULATION_CTRL, 0, 1, 0, 0), EINVAL);
    ROW(PRCTL(PR_SET_SPECULATION_CTRL, 77, 0, 0, 0), ENODEV);
    ROW(PRCTL(PR_SET_SPECULATION_CTRL, 0, 0, 1, 0), EINVAL);
    CHECK_GE(PRCTL(PR_GET_SPECULATION_CTRL, 0, 0, 0, 0), 0);
    CHECK_GE(PRCTL(PR_GET_SPECULATION_CTRL, 1, 0, 0, 0), 0);
    ROW(PRCTL(PR_SET_IO_FLUSHER, 1, 0, 0, 0), resources() ? 0 : EPERM);
    ROW(PRCTL(PR_SET_IO_FLUSHER, 2, 0, 0, 0), resources() ? EINVAL : EPERM);
    ROW(PRCTL(59 /* PR_SET_SYSCALL_USER_DISPATCH */, 7, 0, 0, 0), EINVAL);
    ROW(PRCTL(59, 0, 1, 0, 0), EINVAL);
    ROW(PRCTL(59, 1, 0, 0, 1L << 60), EFAULT);
    ROW(PRCTL(0x53564d41 /* PR_SET_VMA */, 7, 0, 0, 0), EINVAL);
    char *at = OK(mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    ROW(PRCTL(0x53564d41, 0, at + 1, PAGE, "x"), EINVAL);
    ROW(PRCTL(0x53564d41, 0, at, PAGE, "a[b"), EINVAL);
    ROW(PRCTL(PR_TASK_PERF_EVENTS_DISABLE, 0, 0, 0, 0), 0);
    ROW(PRCTL(PR_TASK_PERF_EVENTS_ENABLE, 0, 0, 0, 0), 0);
    ROW(PRCTL(PR_GET_UNALIGN, b, 0, 0, 0), EINVAL);
    ROW(PRCTL(PR_SET_UNALIGN, 0, 0, 0, 0), EINVAL);
    ROW(PRCTL(PR_GET_FPEMU, b, 0, 0, 0), EINVAL);
    ROW(PRCTL(PR_GET_FPEXC, b, 0, 0, 0), EINVAL);
    ROW(PRCTL(PR_GET_ENDIAN, b, 0, 0, 0), EINVAL);
    ROW(PRCTL(PR_SVE_GET_VL, 0, 0, 0, 0), EINVAL);
    ROW(PRCTL(PR_GET_TAGGED_ADDR_CTRL, 0, 0, 0, 0), EINVAL);
    ROW(syscall(SYS_arch_prctl, 0x7777, 0), EINVAL);
    ROW(syscall(SYS_arch_prctl, 0x1003 /* ARCH_GET_FS */, 8), EFAULT);
    ROW(syscall(SYS_arch_prctl, 0x1004 /* ARCH_GET_GS */, 8), EFAULT);
    ROW(syscall(SYS_arch_prctl, 0x1001 /* ARCH_SET_GS */, 1L << 60), EPERM);
    ROW(syscall(SYS_arch_prctl, 0x1002 /* ARCH_SET_FS */, 1L << 60), EPERM);
    ROW(syscall(SYS_arch_prctl, 0x1011 /* ARCH_GET_CPUID */, 0), 0);
    ROW(personality(0xffffffff), 0);
    ROW(personality(PER_LINUX | ADDR_NO_RANDOMIZE), 0);
    VALUE(personality(0xffffffff), ADDR_NO_RANDOMIZE);
}
TEST(compare_processes) {
    pid_t me = getpid(), p = sleeper();
#define KCMP(a, c, type, x, y) syscall(SYS_kcmp, a, c, type, x, y)
    VALUE(KCMP(me, me, KCMP_VM, 0, 0), 0);
    VALUE(KCMP(me, me, KCMP_FILE, 0, 0), 0);
    CHECK_GT(KCMP(me, p, KCMP_VM, 0, 0), 0);
    VALUE(KCMP(me, p, KCMP_FILE, 0, 0), 0);
    ROW(KCMP(me, me, KCMP_FILE, 99, 0), EBADF);
    ROW(KCMP(me, me, KCMP_FILE, 0, 99), EBADF);
    ROW(KCMP(me, me, 77, 0, 0), EINVAL);
    ROW(KCMP(NOBODY, me, KCMP_VM, 0, 0), ESRCH);
    ROW(KCMP(me, NOBODY, KCMP_VM, 0, 0), ESRCH);
    ROW(KCMP(me, me, KCMP_EPOLL_TFD, 0, 8), EFAULT);
    ROW(KCMP(me, me, KCMP_EPOLL_TFD, 99, b), EBADF);
    if (privileged())
        IN_CHILD(become(1234); CHECK_ERR(KCMP(me, getpid(), KCMP_VM, 0, 0), EPERM));
    end(p);
    size_t size;
    void *head;
    ROW(syscall(SYS_get_robust_list, NOBODY, &head, &size), ESRCH);
    ROW(syscall(SYS_get_robust_list, 0, 8, &size), EFAULT);
    ROW(syscall(SYS_get_robust_list, 0, &head, 8), EFAULT);
    ROW(syscall(SYS_set_robust_list, b, 7), EINVAL);
    if (privileged())
        IN_CHILD(become(1234); CHECK_ERR(syscall(SYS_get_robust_list, me, &head, &size), EPERM));
}
TEST(ptrace_requests) {
    pid_t p = sleeper();
    ROW(ptrace(PTRACE_ATTACH, NOBODY, 0, 0), ESRCH);
    ROW(ptrace(PTRACE_ATTACH, getpid(), 0, 0), EPERM);
    ROW(ptrace(PTRACE_CONT, p, 0, 0), ESRCH); // not traced
    ROW(ptrace(PTRACE_SEIZE, p, 1, 0), EIO);
    ROW(ptrace(PTRACE_SEIZE, p, 0, 1 << 25), EIO);
    ROW(ptrace(PTRACE_SEIZE, p, 0, 0), 0);
    ROW(ptrace(PTRACE_SEIZE, p, 0, 0), EPERM);
    ROW(ptrace(PTRACE_ATTACH, p, 0, 0), EPERM);
    ROW(ptrace(PTRACE_CONT, p, 0, 0), ESRCH); // not stopped
    ROW(ptrace(PTRACE_GETREGS, p, 0, b), ESRCH);
    ROW(ptrace(PTRACE_INTERRUPT, p, 0, 0), 0);
    int st;
    CHECK_EQ(waitpid(p, &st, 0), p);
    ROW(syscall(SYS_ptrace, 7777, p, 0, 0), EIO);
    ROW(ptrace(PTRACE_PEEKDATA, p, 8, 0), EIO);
    ROW(ptrace(PTRACE_POKEDATA, p, 8, 0), EIO);
    ROW(ptrace(PTRACE_PEEKUSER, p, 3, 0), EIO);
    ROW(ptrace(PTRACE_PEEKUSER, p, 100000, 0), EIO);
    ROW(ptrace(PTRACE_POKEUSER, p, 3, 0), EIO);
    ROW(ptrace(PTRACE_GETREGS, p, 0, 8), EFAULT);
    ROW(ptrace(PTRACE_GETFPREGS, p, 0, 8), EFAULT);
    ROW(ptrace(PTRACE_SETREGS, p, 0, 8), EFAULT);
    ROW(ptrace(PTRACE_GETREGSET, p, 1, 8), EFAULT);
    struct iovec v = {b, sizeof b};
    ROW(ptrace(PTRACE_GETREGSET, p, 77, &v), EINVAL);
    ROW(ptrace(PTRACE_GETREGSET, p, 1, &v), 0);
    v.iov_len = 5;
    ROW(ptrace(PTRACE_SETREGSET, p, 1, &v), EINVAL);
    ROW(ptrace(PTRACE_GETSIGINFO, p, 0, 8), EFAULT);
    ROW(ptrace(PTRACE_SETSIGINFO, p, 0, 8), EFAULT);
    ROW(ptrace(PTRACE_SETOPTIONS, p, 0, 1 << 25), EINVAL);
    ROW(ptrace(PTRACE_SETOPTIONS, p, 0, PTRACE_O_EXITKILL | PTRACE_O_TRACECLONE), 0);
    ROW(ptrace(PTRACE_GETEVENTMSG, p, 0, 8), EFAULT);
    ROW(ptrace(PTRACE_GETSIGMASK, p, 4, b), EINVAL);
    ROW(ptrace(PTRACE_GETSIGMASK, p, 8, b), 0);
    ROW(ptrace(PTRACE_SETSIGMASK, p, 8, 8), EFAULT);
    ROW(ptrace(PTRACE_CONT, p, 0, 777), EIO);
    ROW(ptrace(PTRACE_SINGLESTEP, p, 0, 777), EIO);
    ROW(ptrace(PTRACE_DETACH, p, 0, 777), EIO);
    struct { uint64_t off; uint32_t flags, nr; } peek = {0, 8, 1};
    ROW(ptrace(PTRACE_PEEKSIGINFO, p, &peek, b), EINVAL);
    ROW(ptrace(PTRACE_PEEKSIGINFO, p, 8, b), EFAULT);
    peek.flags = 0;
    VALUE(ptrace(PTRACE_PEEKSIGINFO, p, &peek, b), 0);
    ROW(ptrace(PTRACE_DETACH, p, 0, 0), 0);
    ROW(ptrace(PTRACE_DETACH, p, 0, 0), ESRCH);
    end(p);
    if (privileged()) {
        pid_t me = getpid();
        IN_CHILD(become(1234); CHECK_ERR(ptrace(PTRACE_ATTACH, me, 0, 0), EPERM); CHECK_ERR(ptrace(PTRACE_SEIZE, me, 0, 0), EPERM));
    }
    IN_CHILD(OK(ptrace(PTRACE_TRACEME, 0, 0, 0)); CHECK_ERR(ptrace(PTRACE_TRACEME, 0, 0, 0), EPERM));
}
