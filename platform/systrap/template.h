// The making of the process that all stubs are copies of. Used by the pool.
#pragma once

#include <sys/types.h>

#include <atomic>

#include "src/base/types.h"

namespace sbx::platform::systrap {

// What the child says before it goes on as a mapper; in a page shared with it.
struct Made {
    std::atomic<bool> done{false};
    bool host_vdso = false;
    bool barriers = false;
};

// The child's part, with the orders' page at `slot_offset` of the file. Exits with an errno on failure.
[[noreturn]] void template_main(Made* made, pid_t parent, int orders_file, u64 slot_offset);

}  // namespace sbx::platform::systrap
