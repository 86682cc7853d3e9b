// The vDSO: an ELF image of ours (src/loader/vdso/) mapped into every program. Used by loader.cc.
#pragma once

#include "src/mm/memory_manager.h"

namespace sbx::loader {

// Maps the image read-exec; returns the address of its ELF header (AT_SYSINFO_EHDR).
Result<u64> map_vdso(mm::MemoryManager& mm);

}  // namespace sbx::loader
