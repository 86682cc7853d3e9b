// One traced stub thread, at the level of ptrace(2) and wait4(2). Used by the mapper and by contexts; always by the tracing thread.
#pragma once

#include <sys/types.h>

#include "platform/platform.h"

namespace sbx::platform::ptrace {

// ptrace(2) without libc's differences; -1 and errno on failure.
long trace(long request, pid_t tid, u64 addr = 0, u64 data = 0);

struct Stop {
    enum Kind { Gone, Event, Syscall, Signal } kind;
    int signal;
};
// Waits for the next stop, or for the end (then the thread is reaped).
Stop wait_stop(pid_t tid);
// After ESRCH: whether the thread is on its way to its end, which others brought about (then it is reaped), or only cannot be reached.
bool dies(pid_t tid);

bool get_regs(pid_t tid, Registers& regs);
bool set_regs(pid_t tid, const Registers& regs);
// Registers for entering stub code at `rip`; all others zero, but for the segment bases.
Registers stub_regs(u64 rip, const Registers* bases = nullptr);

// Lost: the thread cannot be used any more. Reaped: its number is free for others already.
enum class Injected { Done, Failed, Lost, Reaped };
// Runs stub code from `regs` until its int3 (Done) or ud2 (Failed). Signals that arrive meanwhile are dropped: interrupts are also
// noted in the context.
Injected inject(pid_t tid, const Registers& regs);
// One host system call through stub::code().call or .clone. The result as the kernel returns it (-errno); -ESRCH if lost,
// and then `reaped` says so.
long inject_call(pid_t tid, bool& reaped, u64 entry, u64 nr, u64 a = 0, u64 b = 0, u64 c = 0, u64 d = 0, u64 e = 0,
                 u64 f = 0);
// Runs `count` operations that stand in the stub's operations page. `done`: how many succeeded. The errno of the first failure.
Result<> inject_ops(pid_t tid, bool& reaped, size_t count, size_t& done, const Registers* bases = nullptr);

// The whole host XSAVE image (host_xsave_size() bytes).
bool get_xsave(pid_t tid, Bytes image);
bool set_xsave(pid_t tid, ConstBytes image);

}  // namespace sbx::platform::ptrace
