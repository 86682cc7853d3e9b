// The hook by which the kernel core calls the system calls, and what handlers may ask of the run loop.
#pragma once

#include "src/kernel/task.h"

namespace sbx {

// Runs system call `nr` with the arguments in the task's registers; the result or an errno or a restart code.
using SyscallDispatcher = Result<long> (*)(Task& t, u64 nr);
void set_syscall_dispatcher(SyscallDispatcher d);

// A printer of system calls (--trace): called before and after each. Null: none.
struct SyscallTracer {
    void (*enter)(Task& t, u64 nr);
    void (*leave)(Task& t, u64 nr, const Result<long>& r);
};
void set_syscall_tracer(const SyscallTracer* tracer);

}  // namespace sbx
