// Run states of a system call: entry (seccomp, ptrace), the call itself, and the way out.
#include "src/kernel/task_syscall.h"

#include "src/base/panic.h"
#include "src/kernel/kernel.h"
#include "src/kernel/pause.h"
#include "src/kernel/ptrace.h"
#include "src/kernel/seccomp.h"
#include "src/kernel/user_dispatch.h"

namespace sbx {
namespace {
SyscallDispatcher dispatcher = nullptr;  // no state: set at start-up
const SyscallTracer* tracer = nullptr;
}  // namespace

void set_syscall_dispatcher(SyscallDispatcher d) { dispatcher = d; }
void set_syscall_tracer(const SyscallTracer* t) { tracer = t; }

RunState execute(Task& t, RunSyscallEntry s) {
    if (t.kernel().short_of_memory()) [[unlikely]] {
        static_cast<void>(t.block_killable(host_monotonic() + 10 * kNanosPerMilli));
        if (t.killed()) return RunInterrupt{};
    }
    bool after_trace = false;
    if (!s.after_ptrace_stop) {
        if (std::optional<RunState> other = user_dispatch_entry(t)) return *other;
        if (ptrace_syscall_stop(t, true)) return RunSyscallEntry{.after_ptrace_stop = true};
    } else {
        after_trace = t.ptrace && std::exchange(t.ptrace->seccomp_stop, false);
        if (after_trace)
            t.ptrace_signal = 0;  // an event's stop injects none
        else
            ptrace_after_syscall_stop(t);
        // Killed meanwhile: the call is not made.
        if (t.killed()) return RunInterrupt{};
        // The tracer took the call away; what it left in rax is the result.
        if (static_cast<i64>(t.regs.orig_rax) == -1) return RunSyscallExit{};
    }
    if (std::optional<RunState> other = seccomp_entry(t, after_trace)) return *other;
    return RunSyscallInvoke{};
}

namespace {

constexpr u64 kRestartSyscall = 219;

bool interruption(Errno e) {
    return e == EINTR || e == ERESTARTSYS || e == ERESTARTNOINTR || e == ERESTARTNOHAND || e == ERESTART_RESTARTBLOCK;
}

}  // namespace

RunState execute(Task& t, RunSyscallInvoke s) {
    u64 nr = static_cast<u32>(t.regs.orig_rax);  // the number is an int, whatever the upper half holds
    if (s.restart) nr = kRestartSyscall;
    t.call.again = false;
    if (tracer) tracer->enter(t, nr);
    Result<long> r = dispatcher(t, nr);
    if (tracer) tracer->leave(t, nr, r);
    if (!r && interruption(r.error()) && t.again_after_pause(t.call.done, t.call.items)) [[unlikely]] {
        if (std::exchange(t.restore_mask, false)) set_signal_mask(t, t.saved_mask);
        return RunSyscallInvoke{.restart = r.error() == ERESTART_RESTARTBLOCK};
    }
    if (t.call.early != Task::Call::Early::No) [[unlikely]] {
        t.settle();
        if (t.kernel().pause().on()) t.set_work(kWorkPause);
    }
    t.call = {};
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
    ptrace_syscall_step(t);
    if (needs_restart(t) || t.has_work(~0u)) return RunInterrupt{};
    return RunApp{};
}

}  // namespace sbx
