// struct sysinfo of the system call (include/uapi/linux/sysinfo.h); C libraries pad theirs differently. Used by syscalls/system.cc.
#pragma once

#include "src/base/types.h"

namespace sbx::abi {

struct Sysinfo {
    i64 uptime;
    u64 loads[3];
    u64 totalram, freeram, sharedram, bufferram, totalswap, freeswap;
    u16 procs, pad;
    u64 totalhigh, freehigh;
    u32 mem_unit;
};
static_assert(sizeof(Sysinfo) == 112);

}  // namespace sbx::abi
