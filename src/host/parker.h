// Parker: one thread sleeps, any other wakes it; nothing allocated, no lock. Used by tasks and service threads.
#pragma once

#include <atomic>

#include "src/base/time.h"

namespace sbx::host {

class Parker {
public:
    // Makes the next (or current) park() return. Any thread; async-signal-safe.
    void unpark();
    // Sleeps until unparked or the deadline (CLOCK_MONOTONIC). True if unparked since the last park() returned. Owner only.
    bool park(Nanos deadline = kNever);

private:
    std::atomic<u32> token_{0};  // 1: unparked; release in unpark pairs with acquire in park
};

}  // namespace sbx::host
