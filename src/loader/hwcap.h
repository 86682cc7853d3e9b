// What the auxiliary vector says of the CPU. Used by loader.cc.
#pragma once

#include "src/base/types.h"

namespace sbx::loader {

u64 hwcap();             // AT_HWCAP: CPUID leaf 1, EDX
u64 hwcap2();            // AT_HWCAP2: HWCAP2_FSGSBASE
u64 min_signal_stack();  // AT_MINSIGSTKSZ: a signal frame with this CPU's vector state

}  // namespace sbx::loader
