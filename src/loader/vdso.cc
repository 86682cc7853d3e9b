// Mapping of the vDSO.
#include "src/loader/vdso.h"

#include <sys/mman.h>

#include "src/host/facts.h"
#include "src/kernel/vdso.h"

#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE 0x100000
#endif

// vdso_image.S
extern "C" const sbx::u8 sbx_vdso_image[], sbx_vdso_image_end[];

namespace sbx::loader {

namespace {
platform::HostVdso functions_of(const Kernel& kernel) {
    platform::HostVdso functions = kernel.platform().host_vdso();
    // Programs see CPUs 0 to cpus()-1; the host's function knows the host's.
    if (kernel.cpus() != kernel.host_cpus() || kernel.cpus() != host::cpu_numbers()) functions.getcpu = 0;
    return functions;
}
}  // namespace

Result<> prepare_vdso(Kernel& kernel) {
    kernel.vdso = SBX_TRY(Vdso::create(kernel.memory(), {sbx_vdso_image, sbx_vdso_image_end}, functions_of(kernel)));
    return {};
}

void reconnect_vdso(Kernel& kernel) { kernel.vdso->set_host(functions_of(kernel)); }

Result<u64> map_vdso(mm::MemoryManager& mm, const Vdso& vdso) {
    const mm::MmLimits none;  // no limit of the application counts these pages
    mm::MmapRequest image;
    image.length = vdso.image_size();
    image.prot = PROT_READ | PROT_EXEC;
    image.flags = MAP_PRIVATE;
    image.file = vdso.image();
    mm::MmapRequest data;
    data.length = kPageSize;
    data.prot = PROT_READ;
    data.max_prot = platform::kProtRead;  // never writable (map_vdso() of arch/x86/entry/vdso/vma.c)
    data.flags = MAP_PRIVATE | MAP_FIXED_NOREPLACE;
    data.file = vdso.data();

    image.addr = SBX_TRY(mm.mmap(image, none));
    data.addr = image.addr - kPageSize;
    if (mm.mmap(data, none)) return image.addr;
    // The page before is taken: room for both is elsewhere.
    SBX_TRY(mm.munmap(image.addr, image.length));
    mm::MmapRequest room;
    room.length = data.length + image.length;
    room.flags = MAP_PRIVATE | MAP_ANONYMOUS;
    data.addr = SBX_TRY(mm.mmap(room, none));
    data.flags = image.flags = MAP_PRIVATE | MAP_FIXED;
    SBX_TRY(mm.mmap(data, none));
    image.addr = data.addr + kPageSize;
    return mm.mmap(image, none);
}

}  // namespace sbx::loader
