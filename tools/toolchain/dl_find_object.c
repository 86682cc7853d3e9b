// _dl_find_object(3) for a static executable on musl: Debian's libgcc_eh.a asks for it to find unwind tables, and glibc alone has it.
// There is one object, the executable itself. Part of the toolchain's libmuslcompat.a.
#include <elf.h>
#include <stddef.h>
#include <stdint.h>

struct dl_find_object {
    unsigned long long dlfo_flags;
    void *dlfo_map_start;
    void *dlfo_map_end;
    void *dlfo_link_map;
    void *dlfo_eh_frame;
    unsigned long long reserved[7];
};

extern const Elf64_Ehdr __ehdr_start __attribute__((visibility("hidden")));

int _dl_find_object(void *pc, struct dl_find_object *result) {
    const Elf64_Phdr *ph = (const Elf64_Phdr *)((const char *)&__ehdr_start + __ehdr_start.e_phoff);
    const Elf64_Phdr *eh = NULL;
    uintptr_t low = UINTPTR_MAX, high = 0;
    for (unsigned i = 0; i < __ehdr_start.e_phnum; i++) {
        if (ph[i].p_type == PT_GNU_EH_FRAME) eh = &ph[i];
        if (ph[i].p_type != PT_LOAD) continue;
        if (ph[i].p_vaddr < low) low = ph[i].p_vaddr;
        if (ph[i].p_vaddr + ph[i].p_memsz > high) high = ph[i].p_vaddr + ph[i].p_memsz;
    }
    if (!eh) return -1;
    // The first PT_LOAD begins with the ELF header, so the load bias follows from its address.
    uintptr_t bias = (uintptr_t)&__ehdr_start - low;
    if ((uintptr_t)pc < bias + low || (uintptr_t)pc >= bias + high) return -1;
    result->dlfo_flags = 0;
    result->dlfo_map_start = (void *)(bias + low);
    result->dlfo_map_end = (void *)(bias + high);
    result->dlfo_link_map = NULL;
    result->dlfo_eh_frame = (void *)(bias + eh->p_vaddr);
    return 0;
}
