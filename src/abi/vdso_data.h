// What the sentry tells the vDSO image of applications: the page before it, [vvar]. Plain C: used by src/loader/vdso/vdso.c, which runs in
// applications, and by src/kernel/vdso.cc.
#pragma once

#include <stdint.h>

#define SBX_VDSO_CLOCKS 16

struct sbx_vdso_data {
    // Functions of the host's vDSO, at their addresses in every application; 0: make the system call.
    uint64_t clock_gettime, getcpu;
    // The clocks (1 << id) that clock_gettime may be asked for: those that are the host's. None if there is no function.
    uint32_t clocks;
    uint32_t resolution[SBX_VDSO_CLOCKS];  // nanoseconds; 0: make the system call
    // What the sandbox's clock is ahead of the host's, in nanoseconds. The host's function may end in a system call, which the sentry
    // answers by the sandbox's clocks: one that is made beyond the application's addresses must be answered by the host's.
    int64_t offset[SBX_VDSO_CLOCKS];
};
