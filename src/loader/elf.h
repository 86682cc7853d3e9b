// ELF: headers read and checked, segments mapped into an address space. Used by loader.cc.
#pragma once

#include <elf.h>

#include <string>
#include <vector>

#include "fs/vfs/open_file.h"
#include "src/mm/memory_manager.h"

namespace sbx::loader {

struct Elf {
    Elf64_Ehdr header{};
    std::vector<Elf64_Phdr> segments;
    std::string interpreter;  // empty: none
    bool executable_stack = false;
    Range span{};          // page-aligned addresses of all PT_LOADs, before the bias
    u64 phdr_address = 0;  // of the program headers, before the bias; 0 if not in a segment
};

// Where an ELF file was put.
struct ElfMapping {
    u64 bias = 0;
    u64 entry = 0;  // biased
    u64 start_code = 0, end_code = 0, start_data = 0, end_data = 0, end_bss = 0;
};

// Reads `n` bytes at `offset` into `to`; short reads are EIO.
Result<> read_exact(vfs::OpenFile& f, const vfs::Caller& c, u64 offset, void* to, size_t n);

// Reads and checks the headers. `bad`: the errno for a malformed file (ENOEXEC, or ELIBBAD for an interpreter).
Result<Elf> read_elf(vfs::OpenFile& f, const vfs::Caller& c, int bad);

// Maps the segments. A position-independent file goes to `hint` or, if hint is 0, where mmap puts it.
Result<ElfMapping> map_elf(mm::MemoryManager& mm, const Elf& e, vfs::OpenFile& f, const vfs::Caller& c, u64 hint,
                           const mm::MmLimits& l);

}  // namespace sbx::loader
