// mmap, munmap, brk and where mappings are put.
#include <sys/mman.h>

#include <algorithm>

#include "src/mm/mm_impl.h"
#include "src/mm/shared_anon.h"

#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE 0x100000
#endif
#ifndef MAP_SHARED_VALIDATE
#define MAP_SHARED_VALIDATE 3
#endif

namespace sbx::mm {
namespace {
constexpr int kMap32Bit = 0x40;
constexpr Range kLow2G{0x40000000, 0x80000000};  // find_start_end(), arch/x86/kernel/sys_x86_64.c
// What MAP_SHARED_VALIDATE lets pass (LEGACY_MAP_MASK); MAP_SYNC needs a DAX file.
constexpr int kLegacyFlags = MAP_SHARED | MAP_PRIVATE | MAP_FIXED | MAP_ANONYMOUS | MAP_DENYWRITE | MAP_EXECUTABLE |
                             MAP_GROWSDOWN | MAP_LOCKED | MAP_NORESERVE | MAP_POPULATE | MAP_NONBLOCK | MAP_STACK |
                             MAP_HUGETLB | kMap32Bit | 3 | MAP_FIXED_NOREPLACE;
}  // namespace

u64 MemoryManager::Impl::lower_edge(VmaIt v) const {
    if (!(v->flags & kGrowsDown)) return v.start();
    return v.start() > kStackGuardGap ? v.start() - kStackGuardGap : 0;
}

// The highest free range of `length` in [low, high).
Result<u64> MemoryManager::Impl::search_down(u64 length, u64 low, u64 high) {
    bool standard = high == mmap_base && low == std::max(user.start, kMmapMinAddr);
    if (standard) {
        if (length <= gap_max) {
            gap_max = 0;
            gap_hint = mmap_base;
        }
        high = gap_hint;
    }
    u64 end = high;
    VmaIt v = vmas.from(high);
    if (v != vmas.end()) end = std::min(end, lower_edge(v));
    for (;;) {
        bool last = v == vmas.begin();
        if (!last) --v;
        u64 floor = last ? low : std::max(low, v.end());
        if (end >= floor && end - floor >= length) {
            if (standard) gap_hint = end - length;
            return end - length;
        }
        if (last || end <= low) return err(ENOMEM);
        if (standard && end > floor) gap_max = std::max(gap_max, end - floor);
        end = std::min(end, lower_edge(v));
    }
}

// Room appeared around r.
void MemoryManager::Impl::note_gap(Range r) {
    if (r.start >= mmap_base || r.end <= gap_hint) return;
    VmaIt next = vmas.from(r.end - 1);
    gap_hint = std::min(mmap_base, next == vmas.end() ? mmap_base : std::max(next.start(), r.end));
}

Result<u64> MemoryManager::Impl::find_room(u64 hint, u64 length, int flags) {
    u64 low = std::max(user.start, kMmapMinAddr);
    if (length > user.end - low) return err(ENOMEM);
    hint = page_down(hint);
    if (hint != 0) {
        hint = std::max(hint, low);
        if (hint <= user.end - length && !((flags & kMap32Bit) && hint + length > kLow2G.end)) {
            VmaIt next = vmas.from(hint);
            if (next == vmas.end() || hint + length <= lower_edge(next)) return hint;
        }
    }
    if (flags & kMap32Bit) return search_down(length, std::max(low, kLow2G.start), std::min(user.end, kLow2G.end));
    auto found = search_down(length, low, mmap_base);
    if (found) return found;
    gap_hint = mmap_base;
    gap_max = 0;
    return search_down(length, low, user.end);
}

Result<u64> MemoryManager::mmap(const MmapRequest& r, const MmLimits& l) {
    Impl& i = *impl_;
    if (r.length == 0) return err(EINVAL);
    if (r.offset & kPageMask) return err(EINVAL);
    u64 length = page_up(r.length);
    if (length == 0 || length > i.user.length()) return err(ENOMEM);
    int type = r.flags & MAP_TYPE;
    u64 end_offset = 0;
    if (r.file && !checked_add(r.offset, length, &end_offset)) return err(EOVERFLOW);
    bool shared = type == MAP_SHARED || (type == MAP_SHARED_VALIDATE && r.file);
    if (r.flags & MAP_FIXED_NOREPLACE) {
        // get_unmapped_area() comes before the type is looked at.
        Exclusive lock(i);
        if ((r.addr & kPageMask) == 0 && r.addr < i.user.end && length <= i.user.end - r.addr &&
            i.vmas.overlaps(Range{r.addr, r.addr + length}))
            return err(EEXIST);
    }
    if (!shared && type != MAP_PRIVATE) return err(EINVAL);
    if (type == MAP_SHARED_VALIDATE && (r.flags & ~kLegacyFlags)) return err(EOPNOTSUPP);
    if ((r.flags & MAP_GROWSDOWN) && (shared || r.file)) return err(EINVAL);
    // No huge pages are reserved, and no file is of hugetlbfs.
    if (r.flags & MAP_HUGETLB) {
        int size = (r.flags >> 26) & 0x3f;  // MAP_HUGE_SHIFT: the default one, 2 MiB or 1 GiB
        return err(r.file || (size != 0 && size != 21 && size != 30) ? EINVAL : ENOMEM);
    }

    bool fixed = r.flags & (MAP_FIXED | MAP_FIXED_NOREPLACE);
    if (fixed) {
        if (r.addr & kPageMask) return err(EINVAL);
        if (r.addr > i.user.end - length) return err(ENOMEM);
        if (r.addr < kMmapMinAddr) return err(EPERM);
        if (r.addr < i.user.start) return err(ENOMEM);
    }
    Vma v;
    v.prot = static_cast<u8>(r.prot & 7);
    v.max_prot = r.max_prot;
    v.offset = r.offset;
    v.file = r.file;
    v.flags = (shared ? kShared : 0u) | (r.flags & MAP_GROWSDOWN ? kGrowsDown : 0u) |
              (r.flags & MAP_NORESERVE ? kNoReserve : 0u) | (r.flags & MAP_LOCKED ? kLocked : 0u) |
              (r.file && !shared && !r.copy_ahead ? kByPage : 0u);
    if (shared && !r.file) {
        v.file = make_shared_anonymous(*i.memory, length);
        v.offset = 0;
    }
    if (i.overcommits(length, v.prot, v.flags)) return err(ENOMEM);
    if ((r.flags & MAP_LOCKED) && !l.ipc_lock && l.memlock == 0) return err(EPERM);

    Ref<Mappable> keep = v.file;  // dropped after the lock
    Exclusive lock(i);
    v.flags |= i.future_flags;
    u64 addr = r.addr;
    if (!fixed) addr = SBX_TRY(i.find_room(r.addr, length, r.flags));
    Range range{addr, addr + length};
    if ((r.flags & MAP_FIXED_NOREPLACE) && i.vmas.overlaps(range)) return err(EEXIST);
    if ((v.flags & kLocked) && !l.ipc_lock && i.locked_vm + length > l.memlock) return err(EAGAIN);
    u64 replaced = fixed ? i.mapped_in(range) : 0;
    if (!i.may_expand(length - replaced, v.is_data(), l)) return err(ENOMEM);
    if (i.vmas.size() + 1 + (replaced ? i.cuts(range) : 0) > kMaxMapCount) return err(ENOMEM);
    if (replaced) i.remove_vmas(range);
    bool fill = (r.flags & MAP_POPULATE) && !(r.flags & MAP_NONBLOCK);
    if ((v.flags & kLocked) && !(v.flags & kLockOnFault)) fill = true;
    VmaIt it = i.add_vma(range, std::move(v));
    (void)i.back(it, range, fill);
    if (replaced || fill) i.flush();
    return addr;
}

Result<> MemoryManager::munmap(u64 addr, u64 length) {
    Impl& i = *impl_;
    if ((addr & kPageMask) || length == 0 || length > i.user.end || addr > i.user.end - length) return err(EINVAL);
    Range r{addr, addr + page_up(length)};
    Exclusive lock(i);
    // Only a hole in the middle of one VMA makes more of them.
    VmaIt v = i.vmas.find(r.start);
    if (v != i.vmas.end() && v.start() < r.start && v.end() > r.end && i.vmas.size() + 1 > kMaxMapCount)
        return err(ENOMEM);
    i.remove_vmas(r);
    i.flush();
    return {};
}

// Since Linux 4.0 an ordinary mapping of another part of the file (mm/mmap.c).
Result<> MemoryManager::remap_file_pages(u64 addr, u64 length, u64 file_offset) {
    Impl& i = *impl_;
    u64 end = 0, end_offset = 0;
    if (length == 0 || !checked_add(addr, length, &end) || !checked_add(file_offset, length, &end_offset))
        return err(EINVAL);
    Range r{addr, end};
    Exclusive lock(i);
    VmaIt v = i.vmas.find(addr);
    if (v == i.vmas.end() || !v->shared() || v.end() < end) return err(EINVAL);
    if (i.vmas.size() + 2 > kMaxMapCount) return err(ENOMEM);
    Vma moved = v.value();
    moved.offset = file_offset;
    i.remove_vmas(r);
    VmaIt it = i.add_vma(r, std::move(moved));
    (void)i.back(it, r, true);
    i.flush();
    return {};
}

u64 MemoryManager::brk(u64 addr, const MmLimits& l) {
    Impl& i = *impl_;
    Exclusive lock(i);
    if (addr < i.brk_start || addr >= i.user.end || i.brk_start == 0) return i.brk;
    // RLIMIT_DATA counts the executable's data as well (check_data_rlimit).
    u64 data_segment = i.layout.end_data - i.layout.start_data;
    if (l.data != ~0ull && (addr - i.brk_start) + data_segment > l.data) return i.brk;
    u64 old_end = page_up(i.brk), new_end = page_up(addr);
    if (new_end < old_end) {
        i.remove_vmas(Range{new_end, old_end});
        i.flush();
    } else if (new_end > old_end) {
        Range r{old_end, new_end};
        VmaIt next = i.vmas.from(r.start);
        if (next != i.vmas.end() && i.lower_edge(next) < r.end) return i.brk;
        Vma v;
        v.prot = kRead | kWrite;
        v.flags = i.future_flags | kHeap;
        if (!i.may_expand(r.length(), true, l) || i.vmas.size() + 1 > kMaxMapCount) return i.brk;
        if ((v.flags & kLocked) && !l.ipc_lock && i.locked_vm + r.length() > l.memlock) return i.brk;
        if (i.overcommits(r.length(), v.prot, v.flags)) return i.brk;
        bool fill = (v.flags & kLocked) && !(v.flags & kLockOnFault);
        VmaIt it = i.add_vma(r, std::move(v));
        (void)i.back(it, r, fill);
        if (fill) i.flush();
    }
    i.brk = addr;
    return addr;
}

void MemoryManager::set_brk_start(u64 addr) {
    Exclusive lock(*impl_);
    impl_->brk_start = impl_->brk = addr;
    impl_->layout.start_brk = addr;
}

}  // namespace sbx::mm
