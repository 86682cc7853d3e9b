// Nanosecond times and their conversions from and to the ABI's structures. Used by timers, blocking and file systems.
#pragma once

#include <time.h>

#include "src/base/types.h"

namespace sbx {

using Nanos = i64;  // a time or a span in nanoseconds; 292 years of range
constexpr Nanos kNever = INT64_MAX;
constexpr Nanos kNanosPerSec = 1000000000;
constexpr Nanos kNanosPerMilli = 1000000;
constexpr Nanos kNanosPerMicro = 1000;

// Saturates at kNever. t must be valid (tv_nsec in [0, 1e9), tv_sec >= 0 for the usual uses).
constexpr Nanos to_nanos(const timespec& t) {
    if (t.tv_sec >= kNever / kNanosPerSec) return kNever;
    return t.tv_sec * kNanosPerSec + t.tv_nsec;
}
constexpr timespec to_timespec(Nanos n) {
    i64 s = n / kNanosPerSec, r = n % kNanosPerSec;
    if (r < 0) {
        r += kNanosPerSec;
        s--;
    }
    timespec t{};
    t.tv_sec = s;
    t.tv_nsec = r;
    return t;
}
// timespec as Linux's timespec64_valid(): non-negative seconds, nanoseconds below 1e9.
constexpr bool timespec_valid(const timespec& t) {
    return t.tv_sec >= 0 && static_cast<u64>(t.tv_nsec) < static_cast<u64>(kNanosPerSec);
}
// a + b for b >= 0, saturating at kNever.
constexpr Nanos add_sat(Nanos a, Nanos b) {
    Nanos r = 0;
    return __builtin_add_overflow(a, b, &r) ? kNever : r;
}

// What all of the sentry counts by, and the CLOCK_MONOTONIC of the sandbox: the host's, but for a sandbox that was loaded, whose clock stood
// still meanwhile.
Nanos host_monotonic();
// How far it is ahead of the host's; 0 unless a sandbox was loaded. Set before anything runs.
Nanos monotonic_offset();
void set_monotonic(Nanos now);
// A deadline as the host's calls take it.
timespec host_deadline(Nanos deadline);

}  // namespace sbx
