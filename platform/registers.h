// What an application may have in its registers, and what its exceptions are. Used by platforms whose stubs the host kernel runs.
#pragma once

#include "platform/platform.h"

namespace sbx::platform {

constexpr u64 kUserCs = 0x33, kUserSs = 0x2b;
constexpr u64 kPageFault = 14;  // x86 vector

// Forces registers to what Linux's ptrace and sigreturn let an application have (arch/x86/kernel/ptrace.c, FLAG_MASK and
// invalid_selector): flat 64-bit segments, user flags, no system call to restart.
void sanitize(Registers& r);
// The x86 exception behind a signal that the host kernel made (arch/x86/kernel/traps.c).
u64 vector_of(const siginfo_t& i);
// What a call or a stop in a mode that is not ours (32-bit code, int 0x80) is to the application.
Trap refused_mode();

}  // namespace sbx::platform
