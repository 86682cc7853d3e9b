// The initial stack of a program: strings, vectors and the auxiliary vector (create_elf_tables in fs/binfmt_elf.c). Used by loader.cc.
#pragma once

#include <string>
#include <vector>

#include "src/mm/memory_manager.h"

namespace sbx::loader {

struct AuxEntry {
    u64 type, value;
};

struct StackContent {
    const std::vector<std::string>& argv;
    const std::vector<std::string>& envp;
    const std::string& filename;
    std::vector<AuxEntry> auxv;  // without AT_RANDOM, AT_EXECFN, AT_PLATFORM, AT_NULL, which are added
};

// Writes everything below `top` of an already mapped stack; returns the stack pointer. *layout gets the argument and environment ranges
// and the auxiliary vector.
Result<u64> write_stack(mm::MemoryManager& mm, u64 top, const StackContent& content, mm::MmLayout* layout);

// Bytes that write_stack needs.
u64 stack_bytes(const StackContent& content);

}  // namespace sbx::loader
