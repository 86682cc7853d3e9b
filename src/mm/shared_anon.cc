// Implementation of shared_anon.h: pages of the memory file, allocated when they are first asked for.
#include "src/mm/shared_anon.h"

#include "src/base/archive.h"
#include "src/base/interval_map.h"

namespace sbx::mm {
namespace {

constexpr u64 kWhole = 64 << 20;  // allocated at once up to this size

struct At {
    u64 offset = 0;
    void advance(u64 delta) { offset += delta; }
    template <class A>
    void state(A& ar) {
        ar(offset);
    }
    bool joins(const At& next, u64 length) const { return offset + length == next.offset; }
};

class SharedAnonymous final : public Mappable {
public:
    SharedAnonymous(MemoryFile& memory, u64 size) : memory_(memory), size_(page_up(size)) {}
    ~SharedAnonymous() override {
        for (auto it = pages_.begin(); it != pages_.end(); ++it)
            memory_->dec_ref(Range{it->offset, it->offset + it.length()});
    }
    Result<Translation> translate(u64 offset, u64 length, bool) override {
        if (offset >= size_) return err(EFAULT);
        Lock lock(mu_);
        auto it = pages_.find(offset);
        if (it == pages_.end()) {
            Range gap = pages_.gap_around(offset, Range{0, size_});
            if (gap.length() > kWhole)
                gap = gap.intersect(Range{offset & ~(kWhole - 1), (offset & ~(kWhole - 1)) + kWhole});
            Range got = SBX_TRY(memory_->allocate(gap.length(), MemoryKind::Shm));
            it = pages_.insert(gap, At{got.start});
        }
        Translation t;
        t.file = memory_;
        t.offset = it->offset + (offset - it.start());
        t.length = std::min(it.end() - offset, length);
        t.writable = true;
        memory_->inc_ref(Range{t.offset, t.offset + t.length});
        return t;
    }
    Result<> remove(Range r) override {
        Lock lock(mu_);
        for (auto it = pages_.from(r.start); it != pages_.end() && it.start() < r.end; ++it) {
            Range part = it.range().intersect(r);
            memory_->decommit(Range{it->offset + (part.start - it.start()), it->offset + (part.end - it.start())});
        }
        return {};
    }
    // Its size never changes, so that nobody needs to be found.
    void add_mapping(MemoryManager&, Range, u64, bool) override {}
    void remove_mapping(MemoryManager&, Range, u64, bool) override {}
    MappableName name() override {
        // shmem_zero_setup(): a file on an internal tmpfs.
        return MappableName{1, reinterpret_cast<u64>(this) >> 6 & 0xffffff, "/dev/zero (deleted)"};
    }

private:
    friend struct state::Access;
    template <class A>
    auto state_head(A a) const {
        return a.args(a.by_ref(*memory_), size_);
    }
    template <class A>
    void state(A& ar) SBX_NO_TSA {
        ar(pages_);
    }
    Ref<MemoryFile> memory_;
    const u64 size_;
    Mutex<Rank::MmMappings> mu_;
    IntervalMap<At> pages_;
};

SBX_SAVABLE(SharedAnonymous);

}  // namespace

Ref<Mappable> make_shared_anonymous(MemoryFile& memory, u64 size) { return make_ref<SharedAnonymous>(memory, size); }

}  // namespace sbx::mm
