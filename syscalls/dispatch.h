// Dispatch: from the registers of a task to a handler and back. Called by kernel/task_syscall.cc through a hook, since the kernel core
// stands below the system calls.
#pragma once

#include <string>

#include "src/base/result.h"

namespace sbx {

class Task;

// Installs the dispatcher; once, at start-up.
void install_syscalls();
// Names each unsupported system call that programs met, once each (for -v).
std::string unsupported_calls_met();

}  // namespace sbx
