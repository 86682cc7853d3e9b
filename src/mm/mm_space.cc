// Creation, destruction and bookkeeping of an address space: the two interval maps, accounting and the queue of platform changes.
#include <algorithm>

#include "src/base/log.h"
#include "src/base/panic.h"
#include "src/host/memory.h"
#include "src/mm/mm_impl.h"

namespace sbx::mm {

void OpQueue::emit() {
    switch (kind_) {
    case Kind::None: return;
    case Kind::Map: space_.map(range_, fd_, offset_, prot_, populate_); break;
    case Kind::Unmap: space_.unmap(range_); break;
    case Kind::Protect: space_.protect(range_, prot_); break;
    }
    kind_ = Kind::None;
}

void OpQueue::start(Kind k, Range r) {
    emit();
    kind_ = k;
    range_ = r;
    dirty_.store(true, std::memory_order_relaxed);
}

void OpQueue::map(Range r, int fd, u64 offset, u8 prot, bool populate) {
    if (kind_ == Kind::Map && fd == fd_ && prot == prot_ && populate == populate_) {
        if (range_.end == r.start && offset_ + range_.length() == offset) {
            range_.end = r.end;
            return;
        }
        if (r.end == range_.start && offset + r.length() == offset_) {
            range_.start = r.start;
            offset_ = offset;
            return;
        }
    }
    if (kind_ == Kind::Unmap && r.contains(range_)) kind_ = Kind::None;  // the new mapping replaces it
    start(Kind::Map, r);
    fd_ = fd;
    offset_ = offset;
    prot_ = prot;
    populate_ = populate;
}

void OpQueue::unmap(Range r) {
    if (kind_ == Kind::Unmap && (range_.end == r.start || r.end == range_.start)) {
        range_ = Range{std::min(range_.start, r.start), std::max(range_.end, r.end)};
        return;
    }
    start(Kind::Unmap, r);
}

void OpQueue::protect(Range r, u8 prot) {
    if (kind_ == Kind::Protect && prot == prot_ && range_.end == r.start) {
        range_.end = r.end;
        return;
    }
    start(Kind::Protect, r);
    prot_ = prot;
}

Result<> OpQueue::flush() {
    emit();
    dirty_.store(false, std::memory_order_relaxed);
    return space_.flush();
}

Exclusive::~Exclusive() {
    std::vector<Pages> pages = std::move(i_.released);
    std::vector<Ref<Mappable>> files = std::move(i_.old_files);
    i_.released.clear();
    i_.old_files.clear();
    i_.mu.unlock();
    for (Pages& p : pages) p.file->dec_ref(p.range);
}

MemoryManager::Impl::Impl(MemoryManager& m, platform::Platform& p, MemoryFile& f, Ref<platform::AddressSpace> s)
    : self(m), platform(p), memory(f), space(std::move(s)), user(p.user_range()), ops(*space) {}

MemoryManager::MemoryManager() = default;

MemoryManager::~MemoryManager() {
    if (!impl_) return;
    Exclusive lock(*impl_);
    impl_->remove_vmas(impl_->user);
    // The platform's space dies with this object; what is queued for it only has to end before the pages are used again.
    impl_->flush();
}

Result<Ref<MemoryManager>> MemoryManager::create(platform::Platform& platform, MemoryFile& memory, u64 random) {
    auto mm = adopt_ref(new MemoryManager);
    mm->impl_ = std::make_unique<Impl>(*mm, platform, memory, SBX_TRY(platform.create_address_space()));
    Impl& i = *mm->impl_;
    i.random = random;
    mm->set_stack_top(i.user.end - kPageSize, MmLimits{});
    return mm;
}

// mmap_base() of arch/x86/mm/mmap.c: mmap goes down from below the room kept for the stack.
void MemoryManager::set_stack_top(u64 top, const MmLimits& l) {
    Impl& i = *impl_;
    Exclusive lock(i);
    u64 room = std::clamp<u64>(l.stack, 128 << 20, i.user.length() / 6 * 5);
    u64 below = room + kStackGuardGap + kPageSize;
    if (top < i.user.start || top > i.user.end) top = i.user.end;
    u64 base = top - std::min(below, top - i.user.start);
    // 28 bits, as vm.mmap_rnd_bits has by default, where there is room for them.
    u64 shift = (i.random & 0xfffffff) * kPageSize;
    if (i.user.length() >= 1ull << 46 && base > shift) base -= shift;
    i.mmap_base = i.gap_hint = page_down(base);
    i.gap_max = 0;
}

platform::AddressSpace& MemoryManager::address_space() { return *impl_->space; }
Range MemoryManager::user_range() const { return impl_->user; }

void MemoryManager::flush_pending() {
    if (!impl_->ops.dirty()) return;
    Exclusive lock(*impl_);
    impl_->flush();
}

void MemoryManager::Impl::account(const Vma& v, u64 length, bool add) {
    auto change = [&](u64& counter) { counter = add ? counter + length : counter - length; };
    change(total_vm);
    if (v.flags & kGrowsDown)
        change(stack_vm);
    else if (v.is_data())
        change(data_vm);
    if (v.file && (v.prot & kExec) && !(v.prot & kWrite)) change(exec_vm);
    if (v.flags & kLocked) change(locked_vm);
}

VmaIt MemoryManager::Impl::add_vma(Range r, Vma v) {
    account(v, r.length(), true);
    if (v.file) v.file->add_mapping(self, r, v.offset, v.writable_shared());
    vmas.insert(r, std::move(v));
    vmas.merge(r);
    return vmas.find(r.start);
}

// Takes VMAs and pages of r away; the platform is told, not flushed.
void MemoryManager::Impl::remove_vmas(Range r) {
    vmas.erase_range(r, [&](Range part, Vma& v) {
        account(v, part.length(), false);
        if (!v.file) return;
        v.file->remove_mapping(self, part, v.offset, v.writable_shared());
        if (old_files.empty() || old_files.back().get() != v.file.get()) old_files.push_back(std::move(v.file));
    });
    drop_pages(r);
    note_gap(r);
}

void MemoryManager::Impl::drop_pages(Range r) {
    Range installed{~0ull, 0};
    pmas.erase_range(r, [&](Range part, Pma& p) {
        if (p.installed != Pma::kNone) installed = Range{std::min(installed.start, part.start), part.end};
        Range pages{p.offset, p.offset + part.length()};
        if (!unreachable.empty() && unreachable.back().file == p.file && unreachable.back().range.end == pages.start)
            unreachable.back().range.end = pages.end;
        else
            unreachable.push_back(Pages{std::move(p.file), pages});
    });
    // One operation for all: whatever lies between is gone as well.
    if (!installed.empty()) ops.unmap(installed);
}

void MemoryManager::Impl::install(VmaIt v, Range r, bool populate) {
    r = v.range().intersect(r);
    for (PmaIt p = pmas.from(r.start); p != pmas.end() && p.start() < r.end; ++p) {
        u8 want = effective_prot(v.value(), p.value());
        if (p->installed == want && !(populate && want)) continue;
        if (want == 0 && p->installed == Pma::kNone) continue;
        p = pmas.isolate(p, r.intersect(p.range()));
        if (p->installed == Pma::kNone || populate)
            ops.map(p.range(), p->file->fd(), p->offset, want, populate);
        else
            ops.protect(p.range(), want);
        p->installed = want;
    }
    pmas.merge(r);
}

void MemoryManager::Impl::flush() {
    if (ops.dirty()) {
        changes++;
        auto done = ops.flush();
        if (!done && done.error() == ENOMEM && !lost) {
            // The host has no room for more mappings: start from nothing and let faults bring back what is used.
            space->unmap(user);
            done = space->flush();
            if (done)
                for (PmaIt p = pmas.begin(); p != pmas.end(); ++p) p->installed = Pma::kNone;
        }
        // ESRCH: its host process is gone and reaches nothing any more, which the next run tells.
        if (!done && !(done.error() == ESRCH) && !lost) {
            SBX_LOG(Error, "a process is killed: the host refuses changes of its memory (%s)",
                    errno_name(done.error().value));
            lost = true;
            unreachable.clear();  // what it can still reach is never used again
        }
    }
    for (Pages& p : unreachable) released.push_back(std::move(p));
    unreachable.clear();
}

bool MemoryManager::Impl::may_expand(u64 length, bool data, const MmLimits& l) const {
    if (total_vm + length > l.as) return false;
    return !data || l.data == ~0ull || data_vm + length <= l.data;
}

bool MemoryManager::Impl::overcommits(u64 length, u8 prot, u32 flags) const {
    if (!(prot & kWrite) || (flags & (kShared | kNoReserve))) return false;
    static const u64 total = host::total_memory();
    return length > std::min(total, memory->cap());
}

u64 MemoryManager::Impl::mapped_in(Range r) {
    u64 sum = 0;
    for (VmaIt v = vmas.from(r.start); v != vmas.end() && v.start() < r.end; ++v)
        sum += v.range().intersect(r).length();
    return sum;
}

u64 MemoryManager::Impl::cuts(Range r) {
    VmaIt first = vmas.find(r.start), last = vmas.find(r.end);
    return (first != vmas.end() && first.start() < r.start) + (last != vmas.end() && last.start() < r.end);
}

}  // namespace sbx::mm
