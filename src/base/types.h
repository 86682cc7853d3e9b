// Fixed-width shorthand and span aliases. Used everywhere.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include <span>
#include <string_view>

namespace sbx {

using u8 = uint8_t;
using u16 = uint16_t;
using u32 = uint32_t;
using u64 = uint64_t;
using i8 = int8_t;
using i16 = int16_t;
using i32 = int32_t;
using i64 = int64_t;

using Bytes = std::span<u8>;
using ConstBytes = std::span<const u8>;

constexpr u64 kPageSize = 4096;
constexpr u64 kPageMask = kPageSize - 1;
constexpr u64 page_down(u64 x) { return x & ~kPageMask; }
// Rounds up; wraps to 0 for the last page of the 64-bit space, which callers check.
constexpr u64 page_up(u64 x) { return (x + kPageMask) & ~kPageMask; }

// True, and *out = a + b, if the sum does not overflow.
constexpr bool checked_add(u64 a, u64 b, u64* out) { return !__builtin_add_overflow(a, b, out); }

// A half-open range [start, end) of addresses or file offsets.
struct Range {
    u64 start = 0;
    u64 end = 0;
    constexpr u64 length() const { return end - start; }
    constexpr bool empty() const { return end <= start; }
    constexpr bool contains(u64 x) const { return x >= start && x < end; }
    constexpr bool contains(Range r) const { return r.start >= start && r.end <= end; }
    constexpr bool overlaps(Range r) const { return r.start < end && start < r.end; }
    constexpr Range intersect(Range r) const {
        return Range{r.start > start ? r.start : start, r.end < end ? r.end : end};
    }
    friend constexpr bool operator==(Range a, Range b) { return a.start == b.start && a.end == b.end; }
};

}  // namespace sbx
