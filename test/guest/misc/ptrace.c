// ptrace: attach and traceme, peek and poke, registers, single steps, system-call stops, signals, events, seize; refusals.
#include "../guest.h"
#include "tracee.h"
#include <elf.h>
#include <sys/ptrace.h>
#include <sys/user.h>

static volatile long cell = 0x1234;
static void change(void) { _exit(cell == 0x5678 ? 7 : 1); }
TEST(peek_and_poke) {
    pid_t c = traced(change);
    errno = 0;
    CHECK_EQ(ptrace(PTRACE_PEEKDATA, c, &cell, 0), 0x1234);
    OK(ptrace(PTRACE_POKEDATA, c, &cell, 0x5678));
    CHECK_ERR(ptrace(PTRACE_PEEKDATA, c, 8, 0), EIO);
    CHECK_ERR(ptrace(PTRACE_POKEDATA, c, 8, 0), EIO);
    OK(ptrace(PTRACE_CONT, c, 0, 0));
    CHECK_EXIT(c, 7);
}
static void three_calls(void) {
    syscall(SYS_getppid);
    long r = syscall(SYS_getuid);
    _exit(r == 4242 ? 5 : 6);
}
TEST(system_call_stops) {
    pid_t c = traced(three_calls);
    OK(ptrace(PTRACE_SETOPTIONS, c, 0, PTRACE_O_TRACESYSGOOD));
    struct user_regs_struct r;
    int seen = 0;
    for (;;) {
        OK(ptrace(PTRACE_SYSCALL, c, 0, 0));
        CHECK_EQ(wait_stop(c), SIGTRAP | 0x80);
        OK(ptrace(PTRACE_GETREGS, c, 0, &r));
        CHECK_EQ((long)r.rax, -ENOSYS); // how entry looks
        long nr = r.orig_rax;
        if (nr == SYS_getppid)
            seen |= 1;
        if (nr == SYS_exit_group)
            break;
        OK(ptrace(PTRACE_SYSCALL, c, 0, 0));
        CHECK_EQ(wait_stop(c), SIGTRAP | 0x80);
        OK(ptrace(PTRACE_GETREGS, c, 0, &r));
        if (nr == SYS_getppid)
            CHECK_EQ(r.rax, getpid());
        if (nr == SYS_getuid) {
            r.rax = 4242;
            OK(ptrace(PTRACE_SETREGS, c, 0, &r));
            seen |= 2;
        }
    }
    CHECK_EQ(seen, 3);
    OK(ptrace(PTRACE_CONT, c, 0, 0));
    CHECK_EXIT(c, 5);
}
static void suppressed(void) {
    raise(SIGUSR1);
    raise(SIGUSR2);
    _exit(3);
}
TEST(signal_stops) {
    pid_t c = traced(suppressed);
    OK(ptrace(PTRACE_CONT, c, 0, 0));
    CHECK_EQ(wait_stop(c), SIGUSR1);
    siginfo_t si;
    OK(ptrace(PTRACE_GETSIGINFO, c, 0, &si));
    CHECK_EQ(si.si_signo, SIGUSR1), CHECK_EQ(si.si_pid, c);
    OK(ptrace(PTRACE_CONT, c, 0, 0)); // swallowed
    CHECK_EQ(wait_stop(c), SIGUSR2);
    OK(ptrace(PTRACE_CONT, c, 0, SIGTERM)); // and replaced
    CHECK_KILLED(c, SIGTERM);
}
static void loop(void) {
    for (;;)
        __asm__ volatile("nop; nop; nop; nop");
}
TEST(single_step) {
    pid_t c = traced(loop);
    struct user_regs_struct a, b;
    for (int i = 0; i < 50; i++) { // out of raise and into the loop, sooner or later
        OK(ptrace(PTRACE_SINGLESTEP, c, 0, 0));
        CHECK_EQ(wait_stop(c), SIGTRAP);
    }
    OK(ptrace(PTRACE_GETREGS, c, 0, &a));
    OK(ptrace(PTRACE_SINGLESTEP, c, 0, 0));
    CHECK_EQ(wait_stop(c), SIGTRAP);
    OK(ptrace(PTRACE_GETREGS, c, 0, &b));
    CHECK_NE(a.rip, b.rip);
    OK(ptrace(PTRACE_KILL, c, 0, 0));
    CHECK_KILLED(c, SIGKILL);
}
static void breakpoint(void) {
    __asm__ volatile("int3");
    _exit(9);
}
TEST(breakpoints) {
    pid_t c = traced(breakpoint);
    OK(ptrace(PTRACE_CONT, c, 0, 0));
    CHECK_EQ(wait_stop(c), SIGTRAP);
    OK(ptrace(PTRACE_CONT, c, 0, 0));
    CHECK_EXIT(c, 9);
}
static void exec_true(void) { execl("/bin/true", "true", NULL); }
TEST(exec_stop) {
    pid_t c = traced(exec_true);
    OK(ptrace(PTRACE_CONT, c, 0, 0));
    CHECK_EQ(wait_stop(c), SIGTRAP); // plain SIGTRAP without the option
    OK(ptrace(PTRACE_CONT, c, 0, 0));
    CHECK_EXIT(c, 0);
    c = traced(exec_true);
    OK(ptrace(PTRACE_SETOPTIONS, c, 0, PTRACE_O_TRACEEXEC | PTRACE_O_TRACEEXIT));
    OK(ptrace(PTRACE_CONT, c, 0, 0));
    CHECK_EQ(wait_stop(c), SIGTRAP | PTRACE_EVENT_EXEC << 8);
    unsigned long msg;
    OK(ptrace(PTRACE_GETEVENTMSG, c, 0, &msg));
    CHECK_EQ(msg, c);
    OK(ptrace(PTRACE_CONT, c, 0, 0));
    CHECK_EQ(wait_stop(c), SIGTRAP | PTRACE_EVENT_EXIT << 8);
    OK(ptrace(PTRACE_GETEVENTMSG, c, 0, &msg));
    CHECK_EQ(msg, 0);
    OK(ptrace(PTRACE_CONT, c, 0, 0));
    CHECK_EXIT(c, 0);
}
static void fork_child(void) {
    pid_t c = fork();
    if (c == 0)
        _exit(4);
    int st;
    waitpid(c, &st, 0);
    _exit(WEXITSTATUS(st));
}
TEST(fork_event) {
    pid_t c = traced(fork_child);
    OK(ptrace(PTRACE_SETOPTIONS, c, 0, PTRACE_O_TRACEFORK));
    OK(ptrace(PTRACE_CONT, c, 0, 0));
    CHECK_EQ(wait_stop(c), SIGTRAP | PTRACE_EVENT_FORK << 8);
    unsigned long child;
    OK(ptrace(PTRACE_GETEVENTMSG, c, 0, &child));
    CHECK_EQ(wait_stop(child), SIGSTOP); // the new one is traced and stopped
    OK(ptrace(PTRACE_CONT, child, 0, 0));
    OK(ptrace(PTRACE_CONT, c, 0, 0));
    int st;
    CHECK_EQ(guest_waitpid(child, &st, __WALL), child);
    CHECK_EQ(WEXITSTATUS(st), 4);
    CHECK_EQ(wait_stop(c), SIGCHLD);
    OK(ptrace(PTRACE_CONT, c, 0, 0));
    CHECK_EXIT(c, 4);
}
TEST(attach_detach) {
    gate_t g = gate_new();
    pid_t c = FORK();
    if (c == 0) {
        gate_wait(g);
        _exit(cell == 0x99 ? 0 : 1);
    }
    OK(ptrace(PTRACE_ATTACH, c, 0, 0));
    CHECK_EQ(wait_stop(c), SIGSTOP);
    CHECK_ERR(ptrace(PTRACE_ATTACH, c, 0, 0), EPERM); // already
    OK(ptrace(PTRACE_POKEDATA, c, &cell, 0x99));
    OK(ptrace(PTRACE_DETACH, c, 0, 0));
    gate_open(g);
    CHECK_EXIT(c, 0);
}
TEST(seize_interrupt_listen) {
    gate_t g = gate_new();
    pid_t c = FORK();
    if (c == 0) {
        gate_wait(g);
        _exit(0);
    }
    OK(ptrace(PTRACE_SEIZE, c, 0, PTRACE_O_TRACESYSGOOD));
    CHECK_EQ(waitpid(c, NULL, WNOHANG | __WALL), 0); // no stop by itself
    OK(ptrace(PTRACE_INTERRUPT, c, 0, 0));
    CHECK_EQ(wait_stop(c), SIGTRAP | PTRACE_EVENT_STOP << 8);
    OK(ptrace(PTRACE_CONT, c, 0, 0));
    OK(kill(c, SIGSTOP));
    CHECK_EQ(wait_stop(c), SIGSTOP);
    OK(ptrace(PTRACE_CONT, c, 0, SIGSTOP));
    CHECK_EQ(wait_stop(c), SIGSTOP | PTRACE_EVENT_STOP << 8); // the group stop
    OK(ptrace(PTRACE_LISTEN, c, 0, 0));
    OK(kill(c, SIGCONT));
    CHECK_EQ(wait_stop(c), SIGTRAP | PTRACE_EVENT_STOP << 8);
    OK(ptrace(PTRACE_CONT, c, 0, 0));
    CHECK_EQ(wait_stop(c), SIGCONT);
    OK(ptrace(PTRACE_DETACH, c, 0, 0));
    gate_open(g);
    CHECK_EXIT(c, 0);
}
TEST(register_sets) {
    pid_t c = traced(loop);
    struct user_regs_struct r, s;
    struct iovec v = {&s, sizeof s};
    OK(ptrace(PTRACE_GETREGS, c, 0, &r));
    OK(ptrace(PTRACE_GETREGSET, c, NT_PRSTATUS, &v));
    CHECK_EQ(v.iov_len, sizeof s);
    CHECK_EQ(r.rip, s.rip), CHECK_EQ(r.rsp, s.rsp);
    CHECK_EQ(ptrace(PTRACE_PEEKUSER, c, offsetof(struct user, regs.rip), 0), r.rip);
    struct user_fpregs_struct f;
    OK(ptrace(PTRACE_GETFPREGS, c, 0, &f));
    CHECK_EQ(f.mxcsr & 0x1f80, 0x1f80);
    CHECK_ERR(ptrace(PTRACE_GETREGSET, c, 0x7777, &v), EINVAL);
    CHECK_ERR(ptrace(PTRACE_PEEKUSER, c, 1, 0), EIO);
    OK(kill(c, SIGKILL));
    CHECK_KILLED(c, SIGKILL);
}
TEST(refusals) {
    CHECK_ERR(ptrace(PTRACE_PEEKDATA, 4194304 - 3, 0, 0), ESRCH);
    CHECK_ERR(ptrace(PTRACE_ATTACH, getpid(), 0, 0), EPERM);
    gate_t g = gate_new();
    pid_t c = FORK();
    if (c == 0) {
        gate_wait(g);
        _exit(0);
    }
    CHECK_ERR(ptrace(PTRACE_CONT, c, 0, 0), ESRCH); // not traced by us
    if (geteuid() == 0 && (cap_effective() & 0xff) == 0xff)
        IN_CHILD(become(1234); CHECK_ERR(ptrace(PTRACE_ATTACH, c, 0, 0), EPERM));
    OK(ptrace(PTRACE_ATTACH, c, 0, 0));
    CHECK_EQ(wait_stop(c), SIGSTOP);
    CHECK_ERR(ptrace(0x9999, c, 0, 0), EIO);
    OK(ptrace(PTRACE_CONT, c, 0, 0));
    CHECK_ERR(ptrace(PTRACE_PEEKDATA, c, &cell, 0), ESRCH); // running
    gate_open(g);
    CHECK_EXIT(c, 0);
}
TEST(tracer_exit_frees) {
    gate_t g = gate_new(), h = gate_new();
    pid_t c = FORK();
    if (c == 0) {
        prctl(0x59616d61 /* PR_SET_PTRACER */, -1, 0, 0, 0);
        gate_open(h);
        gate_wait(g);
        _exit(0);
    }
    gate_wait(h);
    IN_CHILD(
        OK(ptrace(PTRACE_SEIZE, c, 0, 0));
        OK(ptrace(PTRACE_INTERRUPT, c, 0, 0));
        CHECK_EQ(wait_stop(c), SIGTRAP | PTRACE_EVENT_STOP << 8);
    );
    gate_open(g);
    CHECK_EXIT(c, 0);
}
TEST(exitkill) {
    gate_t h = gate_new();
    pid_t c = FORK();
    if (c == 0) {
        prctl(0x59616d61, -1, 0, 0, 0);
        gate_open(h);
        for (;;)
            pause();
    }
    gate_wait(h);
    IN_CHILD(OK(ptrace(PTRACE_SEIZE, c, 0, PTRACE_O_EXITKILL)));
    CHECK_KILLED(c, SIGKILL);
}
