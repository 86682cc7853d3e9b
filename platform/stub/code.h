// The code that runs in a stub on the sentry's behalf: position-independent, without stack, data or calls. An application may jump
// into it and gains nothing: whatever it does there are system calls and traps of its own. Used by platform/ptrace.
#pragma once

#include "platform/stub/layout.h"

namespace sbx::platform::stub {

// One host system call of a batch.
struct Op {
    u64 nr;
    u64 args[6];
    u64 unused;
};
static_assert(sizeof(Op) == 64);
constexpr size_t kOpsPerPage = kPageSize / sizeof(Op);

// Entry points: addresses in a stub.
struct Code {
    const u8* start;
    size_t size;
    u64 ops;   // rbx: operations, r12: how many. Ends with int3; at the first failure with ud2 (rax: -errno, r12: left)
    u64 call;  // one call, registers as they stand. Ends with int3
    u64 clone;  // one clone(2). Ends with int3; the new thread goes on to park
    u64 park;   // pause(2) for ever
    u64 exit;   // exit(2) of this thread
};
const Code& code();

}  // namespace sbx::platform::stub
