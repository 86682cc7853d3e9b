// Registers that ptrace refuses as a whole. Used by contexts.
#pragma once

#include "platform/platform.h"

namespace sbx::platform::ptrace {

// Writes registers one by one, leaving out those that the host refuses. For values an application can give itself by
// instruction (wrfsbase) but nobody through ptrace.
bool set_regs_piecemeal(int tid, const Registers& r);

}  // namespace sbx::platform::ptrace
