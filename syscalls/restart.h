// How interrupted calls go on: one function for each RestartBlock::Kind, called by restart_syscall(2) (syscalls/restart.cc).
#pragma once

#include "src/kernel/task.h"

namespace sbx {

Result<long> restart_nanosleep(Task& t, const RestartBlock& b);  // time.cc
Result<long> restart_poll(Task& t, const RestartBlock& b);       // poll.cc
Result<long> restart_futex(Task& t, const RestartBlock& b);      // futex.cc

}  // namespace sbx
