// Backing files: what application pages are made of. The memory file (one sparse memfd for all application memory, tmpfs data included)
// and host files mapped directly. Used by the memory manager, tmpfs, hostfs, shared memory.
#pragma once

#include <memory>
#include <vector>

#include "src/base/mutex.h"
#include "src/base/ref.h"
#include "src/base/result.h"
#include "src/base/types.h"

namespace sbx::mm {

// Pages at (fd, offset) that a platform can map. Reference counts are per range of pages.
class BackingFile : public RefCounted {
public:
    virtual int fd() const = 0;
    // Sentry address of the page range, or nullptr if the sentry does not map this file (then pread/pwrite on fd() serve).
    virtual u8* window(Range r) = 0;
    virtual void inc_ref(Range r) = 0;
    // May free the pages. Called only once no application can reach them any more.
    virtual void dec_ref(Range r) = 0;
    virtual bool is_memory_file() const { return false; }
};

// What freed memory is charged to, for limits and /proc/meminfo.
enum class MemoryKind : u8 { Anonymous, Tmpfs, Shm };

// Where in the file new pages should stand. Neighbours in an address space that are neighbours in the file too are one mapping of the
// host instead of two.
struct Placement {
    static constexpr u64 kNone = ~0ull;
    u64 want = kNone;    // exactly here, if it is free
    bool grows = false;  // leave room above, since more will be asked for there
    bool dirty = false;  // the caller overwrites every byte: recycled pages need not be cleared
    u64 align_hint = 0;
};

class MemoryFile final : public BackingFile {
public:
    // Creates the memfd and maps it into the sentry, whole. `size`: bytes of (sparse) room. ENOMEM if the host refuses.
    static Result<Ref<MemoryFile>> create(u64 size);
    ~MemoryFile() override;

    // A free range of `length` bytes (page multiple, zero-filled) with one reference; start is congruent to `align_hint` modulo
    // 2 MiB where length is large, so that huge pages remain possible. ENOMEM when the file is full.
    Result<Range> allocate(u64 length, MemoryKind kind, u64 align_hint = 0);
    Result<Range> allocate(u64 length, MemoryKind kind, const Placement& p);
    void inc_ref(Range r) override;
    void dec_ref(Range r) override;
    // References to the page at `offset`.
    u32 ref_count_of(u64 offset) const;
    // The largest known range around `offset` whose pages have one reference each; empty if the page there has more.
    Range sole_range(u64 offset) const;
    int fd() const override;
    u8* window(Range r) override;
    bool is_memory_file() const override { return true; }
    // Frees the host memory of pages that stay allocated: they read as zeros then (MADV_DONTNEED, hole punching).
    void decommit(Range r);
    // Bytes of host memory in use (st_blocks), all kinds. Cheap: one fstat.
    u64 usage() const;
    // Bytes of host memory in use in the range (lseek SEEK_DATA/SEEK_HOLE); for mincore and Rss.
    u64 committed(Range r) const;
    // The first stretch within r that has host memory; empty, at r.end, if none.
    Range next_committed(Range r) const;
    // Copies pages into the file without faulting them into the sentry's page tables: page-aligned, n bytes from `from`.
    Result<> write(u64 offset, const void* from, size_t n);

    // limits.memory: a cap on usage() that the kernel polls; who is over it is killed inside the sandbox, not by the host.
    void set_cap(u64 bytes);
    u64 cap() const;
    // True if more than the cap is in use, after giving back what is free.
    bool over_limit();

    // Ranges that are in use and have host memory: what a checkpoint copies. No application runs meanwhile.
    std::vector<Range> contents() const;

private:
    friend struct state::Access;
    // The one that the new process has.
    static MemoryFile* state_make(state::Loader& ar);
    template <class A>
    void state(A& ar);
    MemoryFile();
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace sbx::mm
