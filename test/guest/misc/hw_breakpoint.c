// Hardware breakpoints and watchpoints: the debug registers behind PTRACE_POKEUSER (arch/x86/kernel/ptrace.c).
#include "../guest.h"
#include "tracee.h"
#include <sys/ptrace.h>
#include <sys/user.h>

#define DR(n) offsetof(struct user, u_debugreg[n])
#define DR6_RESERVED 0xffff0ff0ul
#define DR6_STEP 0x4000ul
#define WRITE 1ul
#define ACCESS 3ul
#define LEN4 3ul
#define LEN8 2ul
#define CONTROL(slot, type, len) (1ul << (slot) * 2 | (type) << (16 + (slot) * 4) | (len) << (18 + (slot) * 4))

static volatile long cell, other[2];
static volatile int turns;

static unsigned long dr(pid_t c, int n) {
    errno = 0;
    unsigned long v = ptrace(PTRACE_PEEKUSER, c, DR(n), 0);
    CHECK_EQ(errno, 0);
    return v;
}
static void set(pid_t c, int n, unsigned long v) { OK(ptrace(PTRACE_POKEUSER, c, DR(n), v)); }
static void ends(pid_t c) {
    CHECK_EXIT(c, 0);
}
// Goes on to the next trap of a debug register.
static void hits(pid_t c, unsigned long status) {
    siginfo_t si;
    OK(ptrace(PTRACE_CONT, c, 0, 0));
    CHECK_EQ(wait_stop(c), SIGTRAP);
    OK(ptrace(PTRACE_GETSIGINFO, c, 0, &si));
    CHECK_EQ(si.si_code, TRAP_HWBKPT);
    CHECK_EQ(dr(c, 6), DR6_RESERVED | status);
}

static void writes(void) {
    long seen = cell;
    other[1] = seen;
    cell = 1;
    cell = 2;
}
TEST(watch_writes) {
    pid_t c = traced(writes);
    CHECK_EQ(dr(c, 0), 0);
    CHECK_EQ(dr(c, 7), 0);
    set(c, 0, (unsigned long)&cell);
    set(c, 7, CONTROL(0, WRITE, LEN8));
    CHECK_EQ(dr(c, 0), (unsigned long)&cell);
    CHECK_EQ(dr(c, 7), CONTROL(0, WRITE, LEN8));
    for (long i = 1; i <= 2; i++) {
        hits(c, 1);
        CHECK_EQ(ptrace(PTRACE_PEEKDATA, c, &cell, 0), i);
    }
    OK(ptrace(PTRACE_CONT, c, 0, 0));
    ends(c);
}

static void reads(void) {
    long seen = other[1];
    (void)seen;
    cell = 1;
}
TEST(watch_accesses_in_other_slot) {
    pid_t c = traced(reads);
    set(c, 3, (unsigned long)&other[1]);
    set(c, 1, (unsigned long)&cell);
    set(c, 7, CONTROL(3, ACCESS, LEN4) | CONTROL(1, WRITE, LEN8));
    hits(c, 8);
    hits(c, 2);
    OK(ptrace(PTRACE_CONT, c, 0, 0));
    ends(c);
}

__attribute__((noinline)) static void turn(void) { turns++; }
static void turn_thrice(void) {
    for (int i = 0; i < 3; i++)
        turn();
}
TEST(break_at_code) {
    pid_t c = traced(turn_thrice);
    set(c, 2, (unsigned long)turn);
    set(c, 7, CONTROL(2, 0ul, 0ul));
    for (int i = 0; i < 3; i++) {
        struct user_regs_struct r;
        hits(c, 4);
        OK(ptrace(PTRACE_GETREGS, c, 0, &r));
        CHECK_EQ(r.rip, (unsigned long)turn);
        CHECK((r.eflags & 0x10000) != 0); // RF: the instruction is to be carried out now
        CHECK_EQ((int)ptrace(PTRACE_PEEKDATA, c, &turns, 0), i);
    }
    OK(ptrace(PTRACE_CONT, c, 0, 0));
    ends(c);
}
// A watchpoint that is taken away traps no more.
TEST(cleared) {
    pid_t c = traced(writes);
    set(c, 0, (unsigned long)&cell);
    set(c, 7, CONTROL(0, WRITE, LEN8));
    hits(c, 1);
    set(c, 7, 0);
    CHECK_EQ(dr(c, 0), (unsigned long)&cell);
    OK(ptrace(PTRACE_CONT, c, 0, 0));
    ends(c);
}
TEST(step_status) {
    pid_t c = traced(writes);
    CHECK_EQ(dr(c, 6), DR6_RESERVED);
    OK(ptrace(PTRACE_SINGLESTEP, c, 0, 0));
    CHECK_EQ(wait_stop(c), SIGTRAP);
    CHECK_EQ(dr(c, 6), DR6_RESERVED | DR6_STEP);
    set(c, 6, 0);
    CHECK_EQ(dr(c, 6), 0);
    OK(ptrace(PTRACE_KILL, c, 0, 0));
    waitpid(c, NULL, 0);
}

static void forks(void) {
    pid_t c = FORK();
    if (c == 0) {
        cell = 1;
        _exit(cell == 1 ? 0 : 1);
    }
    ends(c);
    cell = 2;
}
// A child has no breakpoints of its parent's: an untraced one would die of the signal.
TEST(not_inherited) {
    pid_t c = traced(forks);
    set(c, 0, (unsigned long)&cell);
    set(c, 7, CONTROL(0, WRITE, LEN8));
    int st;
    siginfo_t si;
    // SIGCHLD of the grandchild may stop it as well.
    do {
        OK(ptrace(PTRACE_CONT, c, 0, 0));
    } while ((st = wait_stop(c)) == SIGCHLD);
    CHECK_EQ(st, SIGTRAP);
    OK(ptrace(PTRACE_GETSIGINFO, c, 0, &si));
    CHECK_EQ(si.si_code, TRAP_HWBKPT);
    CHECK_EQ(ptrace(PTRACE_PEEKDATA, c, &cell, 0), 2);
    OK(ptrace(PTRACE_CONT, c, 0, 0));
    ends(c);
}

static void execs(void) { execl("/bin/true", "true", NULL); }
TEST(gone_after_exec) {
    pid_t c = traced(execs);
    set(c, 0, (unsigned long)&cell);
    set(c, 7, CONTROL(0, WRITE, LEN8));
    OK(ptrace(PTRACE_CONT, c, 0, 0));
    CHECK_EQ(wait_stop(c), SIGTRAP);
    CHECK_EQ(dr(c, 0), 0);
    CHECK_EQ(dr(c, 7), 0);
    OK(ptrace(PTRACE_CONT, c, 0, 0));
    ends(c);
}

TEST(refused) {
    pid_t c = traced(writes);
    // addresses of the kernel
    CHECK_ERR(ptrace(PTRACE_POKEUSER, c, DR(0), 0xffffffff81000000ul), EINVAL);
    CHECK_ERR(ptrace(PTRACE_POKEUSER, c, DR(0), 0x7ffffffff000ul), EINVAL);
    CHECK_EQ(dr(c, 0), 0);
    // not aligned, no such type, code of more than a byte
    set(c, 0, (unsigned long)&cell + 2);
    CHECK_ERR(ptrace(PTRACE_POKEUSER, c, DR(7), CONTROL(0, WRITE, LEN4)), EINVAL);
    CHECK_ERR(ptrace(PTRACE_POKEUSER, c, DR(7), CONTROL(0, 2ul, 0ul)), EINVAL);
    CHECK_ERR(ptrace(PTRACE_POKEUSER, c, DR(7), CONTROL(0, 0ul, LEN4)), EINVAL);
    CHECK_EQ(dr(c, 7), 0);
    // an enabled one keeps its alignment
    set(c, 0, (unsigned long)&cell);
    set(c, 7, CONTROL(0, WRITE, LEN8));
    CHECK_ERR(ptrace(PTRACE_POKEUSER, c, DR(0), (unsigned long)&cell + 4), EINVAL);
    CHECK_EQ(dr(c, 0), (unsigned long)&cell);
    // registers that are not there
    CHECK_ERR(ptrace(PTRACE_POKEUSER, c, DR(4), 0), EIO);
    CHECK_ERR(ptrace(PTRACE_POKEUSER, c, DR(5), 0), EIO);
    CHECK_EQ(dr(c, 4), 0);
    OK(ptrace(PTRACE_KILL, c, 0, 0));
    waitpid(c, NULL, 0);
}
