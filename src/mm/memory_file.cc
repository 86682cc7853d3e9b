// The memory file: allocation, reference counts and release of the pages that back application memory.
#include "src/mm/memory_file.h"

#include <set>

#include "src/base/archive.h"
#include "src/base/interval_map.h"
#include "src/base/log.h"
#include "src/base/panic.h"
#include "src/host/memory.h"

namespace sbx::mm {
namespace {

constexpr u64 kHugePage = 2 << 20;
// Freed pages are given back to the host in batches: neighbours are punched in one call, and copies may reuse them meanwhile.
constexpr u64 kMaxPending = 4 << 20;
// Distance between memory that is expected to grow.
constexpr u64 kGrowRoom = 64 << 20;

struct Nothing {
    void advance(u64) {}
    bool joins(const Nothing&, u64) const { return true; }
};

struct Refs {
    u32 count = 0;
    MemoryKind kind = MemoryKind::Anonymous;
    void advance(u64) {}
    bool joins(const Refs& next, u64) const { return count == next.count && kind == next.kind; }
    template <class A>
    void state(A& ar) {
        ar(count, kind);
    }
};

u64 align_up(u64 x, u64 a) { return (x + a - 1) & ~(a - 1); }

}  // namespace

struct MemoryFile::Impl {
    int fd = -1;
    u8* base = nullptr;
    u64 size = 0;
    std::atomic<u64> cap{~0ull};

    mutable Mutex<Rank::MemoryFile> mu;
    IntervalMap<Refs> used;
    IntervalMap<Nothing> clean;             // free and zero
    std::set<std::pair<u64, u64>> by_size;  // (length, start) of each entry of `clean`
    IntervalMap<Nothing> pending;           // free, not yet given back
    u64 pending_bytes = 0;

    void add_clean(Range r);
    bool take_clean(Range r);
    bool find_clean(u64 length, const Placement& p, Range* out);
    bool find_pending(u64 length, Range* out);
    void give_back();
};

void MemoryFile::Impl::add_clean(Range r) {
    Range around = r;
    auto after = clean.find(r.end);
    if (after != clean.end()) around.end = after.end(), by_size.erase({after.length(), after.start()});
    auto before = r.start ? clean.find(r.start - 1) : clean.end();
    if (before != clean.end()) around.start = before.start(), by_size.erase({before.length(), before.start()});
    clean.insert(r, {});
    clean.merge(r);
    by_size.insert({around.length(), around.start});
}

// Takes r out of the clean ranges if all of it is there.
bool MemoryFile::Impl::take_clean(Range r) {
    auto it = clean.find(r.start);
    if (it == clean.end() || it.end() < r.end) return false;
    Range whole = it.range();
    by_size.erase({whole.length(), whole.start});
    clean.erase(clean.isolate(it, r));
    if (whole.start < r.start) by_size.insert({r.start - whole.start, whole.start});
    if (r.end < whole.end) by_size.insert({whole.end - r.end, r.end});
    return true;
}

bool MemoryFile::Impl::find_clean(u64 length, const Placement& p, Range* out) {
    if (p.want != Placement::kNone && p.want % kPageSize == 0 && p.want < size && length <= size - p.want) {
        *out = Range{p.want, p.want + length};
        if (take_clean(*out)) return true;
    }
    if (p.grows && !by_size.empty()) {
        auto [len, start] = *by_size.rbegin();
        u64 at = align_up(start, kGrowRoom) + p.align_hint % kHugePage;
        if (len >= 4 * kGrowRoom && at + length <= start + len && take_clean(Range{at, at + length})) {
            *out = Range{at, at + length};
            return true;
        }
    }
    u64 slack = length >= kHugePage ? kHugePage - kPageSize : 0;
    auto fit = by_size.lower_bound({length + slack, 0});
    if (fit == by_size.end()) {
        slack = 0;
        fit = by_size.lower_bound({length, 0});
    }
    if (fit == by_size.end()) return false;
    // From the upper end: mmap goes downwards too, so that what is mapped in a row is a row in the file.
    u64 at = fit->second + fit->first - length;
    if (slack) at -= (at - p.align_hint) % kHugePage;
    *out = Range{at, at + length};
    return take_clean(*out);
}

bool MemoryFile::Impl::find_pending(u64 length, Range* out) {
    int tries = 8;
    for (auto it = pending.begin(); it != pending.end() && tries-- > 0; ++it) {
        if (it.length() < length) continue;
        *out = Range{it.start(), it.start() + length};
        pending.erase(pending.isolate(it, *out));
        pending_bytes -= length;
        return true;
    }
    return false;
}

// Punches everything pending; the lock is dropped meanwhile.
void MemoryFile::Impl::give_back() {
    std::vector<Range> ranges;
    {
        Lock lock(mu);
        for (auto it = pending.begin(); it != pending.end(); ++it) ranges.push_back(it.range());
        pending.clear();
        pending_bytes = 0;
    }
    for (Range r : ranges) {
        auto done = host::punch_hole(fd, r);
        if (!done) {
            SBX_LOG(Error, "cannot free memory: %s", errno_name(done.error().value));
            continue;  // never used again: it would not be zero
        }
        Lock lock(mu);
        add_clean(r);
    }
}

MemoryFile::MemoryFile() : impl_(std::make_unique<Impl>()) {}

MemoryFile::~MemoryFile() {
    if (impl_->base) host::unmap_window(impl_->base, impl_->size);
    if (impl_->fd >= 0) host::close_fd(impl_->fd);
}

Result<Ref<MemoryFile>> MemoryFile::create(u64 size) {
    size = align_up(size, kHugePage);
    auto file = adopt_ref(new MemoryFile);
    Impl& i = *file->impl_;
    i.fd = SBX_TRY(host::create_memfd("sbx-memory", size));
    i.base = SBX_TRY(host::map_window(i.fd, size));
    i.size = size;
    Lock lock(i.mu);
    i.add_clean(Range{0, size});
    return file;
}

Result<Range> MemoryFile::allocate(u64 length, MemoryKind kind, u64 align_hint) {
    Placement p;
    p.align_hint = align_hint;
    return allocate(length, kind, p);
}

Result<Range> MemoryFile::allocate(u64 length, MemoryKind kind, const Placement& p) {
    SBX_ASSERT(length != 0 && length % kPageSize == 0);
    if (length > impl_->size) return err(ENOMEM);
    for (int attempt = 0; attempt < 2; attempt++) {
        {
            Lock lock(impl_->mu);
            Range r;
            if ((p.dirty && impl_->find_pending(length, &r)) || impl_->find_clean(length, p, &r)) {
                impl_->used.insert(r, Refs{1, kind});
                impl_->used.merge(r);
                return r;
            }
        }
        impl_->give_back();
    }
    return err(ENOMEM);
}

void MemoryFile::inc_ref(Range r) {
    Lock lock(impl_->mu);
    u64 at = r.start;
    while (at < r.end) {
        auto it = impl_->used.find(at);
        SBX_ASSERT(it != impl_->used.end());
        it = impl_->used.isolate(it, r);
        it->count++;
        at = it.end();
    }
    impl_->used.merge(r);
}

void MemoryFile::dec_ref(Range r) {
    bool full = false;
    {
        Lock lock(impl_->mu);
        u64 at = r.start;
        while (at < r.end) {
            auto it = impl_->used.find(at);
            SBX_ASSERT(it != impl_->used.end());
            it = impl_->used.isolate(it, r);
            at = it.end();
            if (--it->count != 0) continue;
            Range freed = it.range();
            impl_->used.erase(it);
            impl_->pending.insert(freed, {});
            impl_->pending.merge(freed);
            impl_->pending_bytes += freed.length();
        }
        impl_->used.merge(r);
        full = impl_->pending_bytes >= kMaxPending;
    }
    if (full) impl_->give_back();
}

u32 MemoryFile::ref_count_of(u64 offset) const {
    Lock lock(impl_->mu);
    auto it = impl_->used.find(offset);
    return it == impl_->used.end() ? 0 : it->count;
}

Range MemoryFile::sole_range(u64 offset) const {
    Lock lock(impl_->mu);
    auto it = impl_->used.find(offset);
    if (it == impl_->used.end() || it->count != 1) return Range{offset, offset};
    return it.range();
}

int MemoryFile::fd() const { return impl_->fd; }

u8* MemoryFile::window(Range r) { return impl_->base + r.start; }

void MemoryFile::decommit(Range r) {
    if (!r.empty() && !host::punch_hole(impl_->fd, r)) SBX_LOG(Error, "cannot free memory");
}

u64 MemoryFile::usage() const { return host::file_usage(impl_->fd); }

u64 MemoryFile::committed(Range r) const {
    if (r.length() <= host::kNear) return host::resident(impl_->base, r);
    u64 sum = 0;
    for (Range d = next_committed(r); !d.empty(); d = next_committed(Range{d.end, r.end})) sum += d.length();
    return sum;
}

Range MemoryFile::next_committed(Range r) const {
    if (r.empty()) return Range{r.end, r.end};
    return r.length() <= host::kNear ? host::next_data_near(impl_->fd, impl_->base, r) : host::next_data(impl_->fd, r);
}

Result<> MemoryFile::write(u64 offset, const void* from, size_t n) {
    if (SBX_TRY(host::write_at(impl_->fd, from, n, offset)) != n) return err(ENOMEM);
    return {};
}

void MemoryFile::set_cap(u64 bytes) { impl_->cap.store(bytes, std::memory_order_relaxed); }

u64 MemoryFile::cap() const { return impl_->cap.load(std::memory_order_relaxed); }

bool MemoryFile::over_limit() {
    if (usage() <= cap()) return false;
    impl_->give_back();
    return usage() > cap();
}

SBX_SAVABLE(MemoryFile);

MemoryFile* MemoryFile::state_make(state::Loader& ar) { return Ref<MemoryFile>(ar.given<MemoryFile>()).release(); }

template <class A>
void MemoryFile::state(A& ar) SBX_NO_TSA {
    ar(impl_->used);
    if constexpr (A::kLoading) {
        for (auto it = impl_->used.begin(); it != impl_->used.end() && ar.ok(); ++it)
            if (!impl_->take_clean(it.range())) ar.fail("memory in use is not in the memory file");
    }
}

std::vector<Range> MemoryFile::contents() const {
    std::vector<Range> out;
    Lock lock(impl_->mu);
    for (auto it = impl_->used.begin(); it != impl_->used.end(); ++it) {
        Range rest = it.range();
        while (!rest.empty()) {
            Range r = next_committed(rest);
            if (r.empty()) break;
            out.push_back(r);
            rest.start = r.end;
        }
    }
    return out;
}

}  // namespace sbx::mm
