// Facts of the host that programs may see: memory and CPUs. Used by sysinfo, /proc/meminfo.
#pragma once

#include "src/base/types.h"

namespace sbx::host {

struct MemoryFacts {
    u64 total = 0, free = 0, available = 0;  // bytes
};
// By sysinfo(2); available counts free memory and buffers.
MemoryFacts memory_facts();
// One more than the highest number of a CPU that sbx may use.
u32 cpu_numbers();
// The CPU this thread runs on.
u32 current_cpu();

}  // namespace sbx::host
