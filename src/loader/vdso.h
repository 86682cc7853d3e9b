// The vDSO: an ELF image of ours (src/loader/vdso/) mapped into every program. Used by loader.cc and the boot code.
#pragma once

#include "src/kernel/kernel.h"

namespace sbx::loader {

// Once a sandbox, before the first program is loaded. ENOMEM.
Result<> prepare_vdso(Kernel& kernel);
// The same for a kernel that was loaded with its programs.
void reconnect_vdso(Kernel& kernel);

// Maps data and image; returns the address of the image's ELF header (AT_SYSINFO_EHDR).
Result<u64> map_vdso(mm::MemoryManager& mm, const Vdso& vdso);

}  // namespace sbx::loader
