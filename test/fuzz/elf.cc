// Fuzz target: ELF files and the first lines of scripts, as execve(2) reads and maps them (src/loader).
#include "src/loader/elf.h"
#include "src/loader/script.h"
#include "test/unit/mm/fake_space.h"
#include "test/unit/vfs/world.h"

using namespace sbx;
using namespace sbx::test;

extern "C" int LLVMFuzzerTestOneInput(const u8* data, size_t size) {
    static World w;
    static User root = w.user(0);
    static FakePlatform platform;
    auto& c = root.c;
    if (size >= 2 && data[0] == '#')
        (void)loader::parse_script({reinterpret_cast<const char*>(data), std::min(size, loader::kScriptHead)});
    (void)vfs::unlink(c, {}, "/f");
    auto f = *open(c, "/f", O_CREAT | O_RDWR, 0755);
    write_at(c, *f, 0, {reinterpret_cast<const char*>(data), size});
    Result<loader::Elf> elf = loader::read_elf(*f, c, ENOEXEC);
    if (!elf) return 0;
    auto mm = *mm::MemoryManager::create(platform, init_tmpfs());
    Result<loader::ElfMapping> m = loader::map_elf(*mm, *elf, *f, c, 0, mm::MmLimits{});
    if (!m) return 0;
    // What was mapped can be looked at, or faults in good order.
    u8 byte;
    (void)mm->copy_in(m->entry, &byte, 1);
    (void)mm->copy_in(m->bias + elf->phdr_address, &byte, 1);
    (void)mm->copy_out(m->end_bss - 1, &byte, 1);
    return 0;
}
