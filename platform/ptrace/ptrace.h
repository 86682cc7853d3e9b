// The ptrace platform: works wherever ptrace does, slowly. Registered in cli/.
//
// Each address space is a *stub* process with our pages at its top (platform/stub/layout.h). One sentry thread, the *mapper*, traces
// a *template* and all stub leaders; leaders never run application code. A task's own sentry thread traces the stub thread that
// runs its application code under PTRACE_SYSEMU, which lets no host system call through.
// Invariants: every stub process is traced with PTRACE_O_EXITKILL from its first instruction to its end, by its leader; an untraced
// stub thread is parked in stub code; stub threads run without a seccomp-permitted call outside of kCode.
// Lock order: Rank::PlatformMapper alone; no ptrace call is made under it.
#pragma once

#include "platform/platform.h"

namespace sbx::platform::ptrace {

const PlatformType& type();

}  // namespace sbx::platform::ptrace
