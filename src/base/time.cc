// The clock that the sentry counts by.
#include "src/base/time.h"

#include <algorithm>
#include <atomic>

namespace sbx {
namespace {

std::atomic<Nanos> offset{0};  // of a loaded sandbox

Nanos host_now() {
    timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return to_nanos(t);
}

}  // namespace

Nanos host_monotonic() { return host_now() + monotonic_offset(); }

Nanos monotonic_offset() { return offset.load(std::memory_order_relaxed); }

void set_monotonic(Nanos now) { offset.store(now - host_now(), std::memory_order_relaxed); }

timespec host_deadline(Nanos deadline) {
    return to_timespec(deadline == kNever ? kNever : std::max<Nanos>(deadline - monotonic_offset(), 0));
}

}  // namespace sbx
