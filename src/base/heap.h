// How much the sentry holds on its heap, for whom: what bounds the memory that a guest can make it use. Used by the kernel's memory limits.
#pragma once

#include <atomic>

#include "src/base/types.h"

namespace sbx::heap {

// Bytes in use, of all threads; exact to a few KiB a thread. 0 in builds whose sanitizer has its own operator new.
u64 in_use();

// What the calling thread allocates, less what it frees, is added to the account as well from here on, until another one is given.
// Nullptr: to none; also what a thread says before it ends.
void charge_to(std::atomic<i64>* account);

}  // namespace sbx::heap
