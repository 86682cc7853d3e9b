// The systrap platform: needs no privileges, and no ptrace. Registered in cli/.
//
// Each address space is a stub process. Its first thread, the *mapper*, shares the sentry's descriptors and changes the mappings as it is
// told in a page that is read-only there; the others have no descriptors and run application code. A call of theirs, or an exception,
// ends in a signal handler on a stack in the thread's frame, which the sentry maps too, where the thread waits for the sentry.
// Invariants: what application code can write is copied once and checked; only who knows the password that mappers keep in a register gets
// past the filter with calls that change anything; pages go to others when munmap() of a mapper has returned, or the process is reaped;
// every stub has PR_SET_PDEATHSIG from before its first order.
// Lock order: Pool::mu_, Stub::mu (Rank::PlatformMapper), then leaves.
#pragma once

#include "platform/platform.h"

namespace sbx::platform::systrap {

const PlatformType& type();

}  // namespace sbx::platform::systrap
