// The vDSO: an ELF image of ours mapped into every program, and the parameter page it reads the clocks from. Used by loader.cc.
#pragma once

#include "src/kernel/kernel.h"
#include "src/mm/memory_manager.h"

namespace sbx::loader {

// Maps both; returns the address of the ELF header (AT_SYSINFO_EHDR), or 0 if this build or host has none.
Result<u64> map_vdso(mm::MemoryManager& mm, Kernel& k);

}  // namespace sbx::loader
