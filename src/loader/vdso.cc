// Mapping of the vDSO.
#include "src/loader/vdso.h"

#include <sys/mman.h>

#include <string>

// vdso_image.S
extern "C" const sbx::u8 sbx_vdso_image[], sbx_vdso_image_end[];

namespace sbx::loader {

Result<u64> map_vdso(mm::MemoryManager& mm) {
    const size_t size = static_cast<size_t>(sbx_vdso_image_end - sbx_vdso_image);
    mm::MmapRequest r;
    r.length = page_up(size);
    r.prot = PROT_READ | PROT_EXEC;
    r.flags = MAP_PRIVATE | MAP_ANONYMOUS;
    // No limit of the application counts it.
    u64 addr = SBX_TRY(mm.mmap(r, mm::MmLimits{}));
    if (SBX_TRY(mm.access_remote(addr, const_cast<u8*>(sbx_vdso_image), size, true)) != size) return err(ENOMEM);
    // With a name of its own it never becomes one with the mapping next to it; what maps shows is [vdso] (MmLayout::vdso).
    const std::string name = "vdso";
    SBX_TRY(mm.set_anon_name(addr, r.length, &name));
    return addr;
}

}  // namespace sbx::loader
