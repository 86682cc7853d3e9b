// futex(2) on words of the sentry: the bottom of hand-offs between its threads and processes. Used by src/host and platform/.
#pragma once

#include <atomic>

#include "src/base/time.h"
#include "src/base/types.h"

namespace sbx::host {

// Whether the word is used by threads of this process alone.
enum class FutexScope { Private, Shared };

// Sleeps while word == expected, until woken or the deadline (CLOCK_MONOTONIC). May return early; false only at the deadline.
bool futex_wait(const std::atomic<u32>& word, u32 expected, Nanos deadline = kNever,
                FutexScope scope = FutexScope::Private);
// Wakes up to `count` sleepers. Async-signal-safe.
void futex_wake(const std::atomic<u32>& word, int count = 1, FutexScope scope = FutexScope::Private);

}  // namespace sbx::host
