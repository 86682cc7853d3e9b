// FileData: the content of a file in memory: sparse pages of the memory file, and who maps them. Used by tmpfs inodes, memfd and SysV shm.
//
// Locks: data_mu_ (InodeData) keeps size and pages from shrinking under a read (shared) and makes writes, truncation and punching
// exclusive; it is held across copies from and to application memory, whose faults come back here through translate(), which
// takes pages_mu_ (FilePages) alone. Pages are only added under pages_mu_ alone; they are only taken away under both.
#pragma once

#include "src/base/interval_map.h"
#include "src/mm/io_buf.h"
#include "src/mm/mapping_set.h"

namespace sbx::tmpfs {

// Pages that files together may use (size= of a mount).
class Quota final : public RefCounted {
public:
    explicit Quota(u64 limit) : limit_(limit) {}
    bool charge(u64 pages);
    void uncharge(u64 pages) { used_.fetch_sub(pages); }
    u64 used() const { return used_.load(); }
    u64 limit() const { return limit_.load(); }  // 0: none
    // False if more is in use.
    bool set_limit(u64 pages);
    template <class A>
    auto state_head(A a) const {
        return a.args(u64());
    }
    template <class A>
    void state(A& ar) {
        ar(used_, limit_);
    }

private:
    std::atomic<u64> used_{0}, limit_;
};

class FileData final : public mm::Mappable {
public:
    FileData(Ref<mm::MemoryFile> memory, mm::MemoryKind kind, Ref<Quota> quota);
    ~FileData() override;

    u64 size() const { return size_.load(std::memory_order_acquire); }
    u64 page_count() const { return page_count_.load(std::memory_order_relaxed); }
    Result<size_t> read(mm::IoBuf& dst, u64 pos);
    // At *pos, or at the end (`append`), which *pos is then set to; advances it. `limit`: RLIMIT_FSIZE. EFBIG, ENOSPC, EPERM (seals).
    Result<size_t> write(mm::IoBuf& src, i64* pos, bool append, u64 limit);
    Result<> resize(u64 size);
    Result<> punch_hole(Range r);
    Result<> allocate(Range r, bool keep_size);
    // SEEK_DATA and SEEK_HOLE. ENXIO past the end.
    Result<i64> seek_data(u64 from);
    Result<i64> seek_hole(u64 from);

    // F_GET_SEALS, F_ADD_SEALS: EPERM once sealed, EBUSY while mapped writable.
    u32 seals() const { return seals_.load(); }
    Result<> add_seals(u32 seals, bool executable = false);
    void set_seals(u32 seals) { seals_.store(seals); }  // at creation

    Result<mm::Translation> translate(u64 offset, u64 length, bool write) override;
    void add_mapping(mm::MemoryManager& mm, Range addr, u64 offset, bool writable_shared) override;
    void remove_mapping(mm::MemoryManager& mm, Range addr, u64 offset, bool writable_shared) override;
    mm::MappableName name() override { return {}; }
    Result<> remove(Range file_range) override;

private:
    friend struct state::Access;
    template <class A>
    auto state_head(A a) const {
        return a.args(memory_, kind_, quota_);
    }
    template <class A>
    void state(A& ar) SBX_NO_TSA {
        ar(pages_, size_, page_count_, seals_);
    }
    struct At {
        u64 offset = 0;
        void advance(u64 delta) { offset += delta; }
        template <class A>
        void state(A& ar) {
            ar(offset);
        }
        bool joins(const At& next, u64 length) const { return offset + length == next.offset; }
    };
    // Allocates what is missing of a page range; ENOSPC. New pages that `overwritten` covers are not cleared, and listed in *dirty.
    Result<> fill_locked(Range pages, Range overwritten, std::vector<Range>* dirty) SBX_REQUIRES(pages_mu_);
    void drop(Range pages);               // takes pages away; data_mu_ held
    void zero_in_page(u64 from, u64 to);  // within one page
    // Sentry memory of the page run at pos, at most n bytes; null and the length of the hole if there is none.
    u8* window_at(u64 pos, u64 n, u64* length);
    Result<size_t> write_chunk(mm::IoBuf& src, u64 pos, u64 n) SBX_REQUIRES(data_mu_);

    Ref<mm::MemoryFile> memory_;
    const mm::MemoryKind kind_;
    Ref<Quota> quota_;
    RwMutex<Rank::InodeData> data_mu_;
    Mutex<Rank::FilePages> pages_mu_;
    IntervalMap<At> pages_ SBX_GUARDED_BY(pages_mu_);
    std::atomic<u64> size_{0};  // grows under data_mu_; shrinks under pages_mu_ too
    std::atomic<u64> page_count_{0};
    std::atomic<u32> seals_{0};
    mm::MappingSet mappings_;  // no state: address spaces map it again
};

}  // namespace sbx::tmpfs
