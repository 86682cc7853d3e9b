// What a tracer may do with a tracee's debug registers (arch/x86/kernel/ptrace.c: ptrace_{get,set}_debugreg). Used by syscalls/ptrace.cc.
#pragma once

#include "src/kernel/task.h"

namespace sbx {

// DR`n`, n < 8. The tracee is stopped, TaskSet::mu held.
u64 debug_register(Task& tracee, unsigned n);
// EIO: no such register. EINVAL: a breakpoint in the kernel's half, not aligned, or of no known kind.
Result<> set_debug_register(Task& tracee, unsigned n, u64 value);

}  // namespace sbx
