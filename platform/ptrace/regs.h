// What an application may have in its registers. Used by platform/ptrace.
#pragma once

#include "platform/platform.h"

namespace sbx::platform::ptrace {

constexpr u64 kUserCs = 0x33, kUserSs = 0x2b;

// Forces registers to what Linux's ptrace and sigreturn let an application have (arch/x86/kernel/ptrace.c, FLAG_MASK and
// invalid_selector): flat 64-bit segments, user flags, no system call to restart.
void sanitize(Registers& r);
// Writes registers one by one, leaving out those that the host refuses. For values an application can give itself by
// instruction (wrfsbase) but nobody through ptrace.
bool set_regs_piecemeal(int tid, const Registers& r);

}  // namespace sbx::platform::ptrace
