// The code in stubs: the mapper's loop, the start of threads and of processes, the signal handler. One page at stub::kCode, without a stack
// or data of its own. An application may jump anywhere into it: what it can do there is what the filter lets those do who do not know the
// password (filter.h). Used by platform/systrap.
#pragma once

#include "src/base/types.h"

namespace sbx::platform::systrap {

struct Code {
    ConstBytes bytes;
    u64 loop;     // rbx: orders, ebp: the last batch seen, r14: password, r15: the orders' file and offset (r15_of)
    u64 handler;  // signal handler (SA_SIGINFO) of threads that run application code
};
const Code& code();
// A descriptor and an offset in one register.
constexpr u64 file_and_offset(int fd, u64 offset) { return static_cast<u64>(static_cast<u32>(fd)) << 32 | offset; }

}  // namespace sbx::platform::systrap
