// Slots: small numbers for what stubs share pages with the sentry by. Used by platforms with stubs, under a lock of theirs.
#pragma once

#include <errno.h>

#include <vector>

#include "src/base/result.h"
#include "src/base/types.h"

namespace sbx::platform::stub {

class Slots {
public:
    static constexpr u32 kEnd = 65536;  // how many stubs may live at once
    // The numbers from `first` up to, but not including, kEnd.
    explicit Slots(u32 first) : next_(first) {}
    // ENOMEM when all are taken.
    Result<u32> take() {
        if (!free_.empty()) {
            u32 slot = free_.back();
            free_.pop_back();
            return slot;
        }
        if (next_ == kEnd) return err(ENOMEM);
        return next_++;
    }
    void give_back(u32 slot) { free_.push_back(slot); }

private:
    std::vector<u32> free_;
    u32 next_;
};

}  // namespace sbx::platform::stub
