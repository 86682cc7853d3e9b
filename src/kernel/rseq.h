// Restartable sequences (rseq(2), kernel/rseq.c): a thread's critical section is sent to its abort handler when a signal is delivered.
// Used by signal delivery and the rseq system call.
#pragma once

#include "src/kernel/task.h"

namespace sbx {

// A handler is about to run: leaves the critical section that rip is in, if any. A broken descriptor raises SIGSEGV.
void rseq_signal(Task& t);

}  // namespace sbx
