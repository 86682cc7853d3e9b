// Run states of a system call: entry (seccomp, ptrace), the call itself, and the way out.
#include "src/kernel/task_syscall.h"

#include "src/base/panic.h"
#include "src/kernel/ptrace.h"

namespace sbx {
namespace {
SyscallDispatcher dispatcher = nullptr;
const SyscallTracer* tracer = nullptr;

bool is_restart_code(int e) {
    return e == ERESTARTSYS || e == ERESTARTNOINTR || e == ERESTARTNOHAND || e == ERESTART_RESTARTBLOCK;
}
}  // namespace

void set_syscall_dispatcher(SyscallDispatcher d) { dispatcher = d; }
void set_syscall_tracer(const SyscallTracer* t) { tracer = t; }

RunState execute(Task& t, RunSyscallEntry s) {
    if (!s.after_ptrace_stop) {
        if (ptrace_syscall_stop(t, true)) return RunSyscallEntry{.after_ptrace_stop = true};
    } else {
        ptrace_after_syscall_stop(t);
        // Killed meanwhile: the call is not made.
        if (t.killed()) return RunInterrupt{.in_syscall = true};
    }
    return RunSyscallInvoke{};
}

RunState execute(Task& t, RunSyscallInvoke) {
    u64 nr = t.regs.orig_rax;
    if (tracer) tracer->enter(t, nr);
    Result<long> r = dispatcher(t, nr);
    if (tracer) tracer->leave(t, nr, r);
    t.regs.rax = r ? static_cast<u64>(*r) : static_cast<u64>(-static_cast<i64>(r.error().value));
    if (std::optional<RunState> next = t.take_next_state()) return *next;
    return RunSyscallExit{};
}

RunState execute(Task& t, RunSyscallExit s) {
    if (ptrace_pending_event(t)) return s;
    if (s.after_ptrace_stop)
        ptrace_after_syscall_stop(t);
    else if (ptrace_syscall_stop(t, false))
        return RunSyscallExit{.after_ptrace_stop = true};
    i64 rax = static_cast<i64>(t.regs.rax);
    // orig_rax is -1 after rt_sigreturn and execve: what is in rax then is not a result.
    bool restart = static_cast<i64>(t.regs.orig_rax) >= 0 && rax < 0 && rax >= -4095 && is_restart_code(static_cast<int>(-rax));
    if (restart) return RunInterrupt{.restart_code = static_cast<int>(-rax), .in_syscall = true};
    if (t.has_work(~0u)) return RunInterrupt{.in_syscall = true};
    return RunApp{};
}

}  // namespace sbx
