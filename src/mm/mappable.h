// Mappable: a file's side of mmap(2). Implemented by file systems (tmpfs, hostfs, overlay, memfd, shm, /dev/zero); used by the memory manager.
#pragma once

#include <string>

#include "src/mm/memory_file.h"

namespace sbx::mm {

class MemoryManager;

// How a VMA of a file is shown in /proc/PID/maps.
struct MappableName {
    u64 dev = 0;  // Linux dev_t as in st_dev
    u64 ino = 0;
    std::string path;  // empty: none
    template <class A>
    void state(A& ar) {
        ar(dev, ino, path);
    }
};

// One or more pages of a file, as the memory manager may map them.
struct Translation {
    Ref<BackingFile> file;
    u64 offset = 0;         // in the backing file
    u64 length = 0;         // bytes from the offset asked for, page multiple, at least one page
    bool writable = false;  // false: a shared writable mapping must come back with write=true at the first write
};

class Mappable : public RefCounted {
public:
    // The backing pages of [offset, offset+length) of the file; may return fewer (at least one page) or, where it is cheap, more than asked.
    // SIGBUS conditions (beyond end of file, I/O error) are EFAULT; ENOMEM, ENOSPC as usual. `write`: a shared mapping is about to be
    // written. The returned range carries one reference that the caller drops through BackingFile::dec_ref.
    // May be called with Rank::Mm held; must not touch application memory.
    virtual Result<Translation> translate(u64 offset, u64 length, bool write) = 0;
    // Told of every range of addresses that maps this file (also on fork and move), so that truncation can find them: what is removed
    // may be a part of what was added. Implementations embed a MappingSet (mapping_set.h). Called with Rank::Mm held.
    virtual void add_mapping(MemoryManager& mm, Range addr, u64 offset, bool writable_shared) = 0;
    virtual void remove_mapping(MemoryManager& mm, Range addr, u64 offset, bool writable_shared) = 0;
    virtual MappableName name() = 0;
    // The object that truncation names in MemoryManager::invalidate: another one where this only lends a name to it (overlay).
    virtual const Mappable& target() const { return *this; }
    // madvise(MADV_REMOVE): frees the pages, which read as zeros then. Called without locks.
    virtual Result<> remove(Range file_range) {
        (void)file_range;
        return err(EOPNOTSUPP);
    }
    // msync(2) of a shared mapping. Called without locks.
    virtual Result<> sync(Range file_range) {
        (void)file_range;
        return {};
    }
};

}  // namespace sbx::mm
