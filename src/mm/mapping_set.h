// MappingSet: who maps a file, for truncation. Embedded by implementations of Mappable (tmpfs, hostfs), which forward add_mapping and
// remove_mapping to it.
#pragma once

#include <map>

#include "src/base/mutex.h"
#include "src/mm/mappable.h"

namespace sbx::mm {

class MappingSet {
public:
    // Under Rank::Mm. A removed range may be part of one that was added.
    void add(MemoryManager& mm, Range addr, u64 offset, bool writable_shared);
    void remove(MemoryManager& mm, Range addr, u64 offset, bool writable_shared);
    bool empty() const;
    // Whether a shared mapping may be written through (F_SEAL_WRITE, execve's ETXTBSY).
    bool has_writable() const;
    // Takes the file's pages in file_range out of every address space that maps them. Call after the file has changed its size or
    // lost the pages, without Rank::Mm or any lock that Mappable::translate takes.
    // `copies`: private copies too, as truncation does and punching does not.
    void invalidate(const Mappable& file, Range file_range, bool copies = true) const;

private:
    struct Mapping {
        u64 end;
        u64 offset;
        bool writable_shared;
    };
    mutable Mutex<Rank::MmMappings> mu_;
    std::map<std::pair<MemoryManager*, u64>, Mapping> mappings_;  // by address space and start
    u64 writable_ = 0;                                            // how many of them are writable and shared
};

}  // namespace sbx::mm
