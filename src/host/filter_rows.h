// The rows of the sentry's filter. Used by sentry_filter.cc and by the test that compares them with the calls made.
#pragma once

#include <span>

#include "src/base/types.h"

namespace sbx::host {

enum class RowWhen : u8 { Always, Writable };

// One bound on one argument: (arg & mask) op value. Only 32-bit values: the kernel reads ints where these stand.
struct ArgBound {
    enum Op : u8 { None, Equal, MaskedEqual, Less } op = None;
    u8 index = 0;
    u64 mask = 0;
    u64 value = 0;
};

struct FilterRow {
    int nr;
    const char* caller;  // the part of sbx that makes it
    RowWhen when = RowWhen::Always;
    ArgBound bounds[2] = {};
    const char* rare =
        nullptr;  // why no test need make the call; the test of the rows fails for any other that is never made
};

std::span<const FilterRow> filter_rows();

}  // namespace sbx::host
