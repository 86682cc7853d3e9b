// mremap: growing, shrinking and moving a mapping.
#include <sys/mman.h>

#include "src/mm/mm_impl.h"

#ifndef MREMAP_DONTUNMAP
#define MREMAP_DONTUNMAP 4
#endif

namespace sbx::mm {
namespace {

// Moves the pages of `from` to the same places in `to`, which has none. The platform loses the old ones; the new ones wait for install.
void move_pages(MemoryManager::Impl& i, Range from, u64 to) {
    Range installed{~0ull, 0};
    std::vector<std::pair<Range, Pma>> moved;
    i.pmas.erase_range(from, [&](Range part, Pma& p) {
        if (p.installed != Pma::kNone) installed = Range{std::min(installed.start, part.start), part.end};
        p.installed = Pma::kNone;
        moved.emplace_back(Range{part.start - from.start + to, part.end - from.start + to}, std::move(p));
    });
    if (!installed.empty()) i.ops.unmap(installed);
    for (auto& [range, pma] : moved) i.pmas.insert(range, std::move(pma));
}

}  // namespace

Result<u64> MemoryManager::mremap(u64 addr, u64 old_length, u64 new_length, int flags, u64 new_addr,
                                  const MmLimits& l) {
    Impl& i = *impl_;
    if (flags & ~(MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP)) return err(EINVAL);
    bool may_move = flags & MREMAP_MAYMOVE, fixed = flags & MREMAP_FIXED, keep = flags & MREMAP_DONTUNMAP;
    if ((fixed || keep) && !may_move) return err(EINVAL);
    if (addr & kPageMask) return err(EINVAL);
    if (keep && old_length != new_length) return err(EINVAL);
    u64 old_end = 0;
    if (new_length == 0 || !checked_add(addr, old_length, &old_end)) return err(EINVAL);
    old_length = page_up(old_length);
    new_length = page_up(new_length);
    if (new_length == 0 || new_length > i.user.length()) return err(EINVAL);
    if (addr >= i.user.end) return err(EFAULT);
    if (old_length > i.user.end - addr) return err(addr + old_length < addr ? EINVAL : EFAULT);
    Range target{new_addr, new_addr + new_length};
    if (fixed) {
        if (new_addr & kPageMask) return err(EINVAL);
        if (new_addr > i.user.end - new_length) return err(EINVAL);
        if (target.overlaps(Range{addr, addr + old_length})) return err(EINVAL);
        if (new_addr < std::max(i.user.start, kMmapMinAddr)) return err(EPERM);
    }

    Exclusive lock(i);
    VmaIt v = i.vmas.find(addr);
    if (v == i.vmas.end()) return err(EFAULT);
    // A copy of a private mapping by old_length 0 never worked; of a shared one it maps the same pages again.
    if (old_length == 0 && !v->shared()) return err(EINVAL);
    if (old_length == 0 && !may_move) return err(EINVAL);
    if (!fixed && !keep && old_length != 0 && new_length <= old_length) {
        // Shrinks in place; the tail may span anything.
        if (new_length < old_length) {
            i.remove_vmas(Range{addr + new_length, addr + old_length});
            i.flush();
        }
        return addr;
    }
    if (fixed && old_length > new_length && old_length != 0) {
        // mremap_to(): the tail, which may span anything, goes first.
        i.remove_vmas(Range{addr + new_length, addr + old_length});
        i.flush();
        old_length = new_length;
        v = i.vmas.find(addr);
    }
    if (old_length > v.end() - addr) return err(EFAULT);
    Vma vma = v.value();
    vma.advance(addr - v.start());
    if (vma.file) {
        u64 end_offset = 0;
        if (!checked_add(vma.offset, new_length, &end_offset)) return err(EINVAL);
    }
    u64 more = keep || old_length == 0 ? new_length : new_length > old_length ? new_length - old_length : 0;
    if ((vma.flags & kLocked) && !l.ipc_lock && i.locked_vm + more > l.memlock) return err(EAGAIN);
    if (!i.may_expand(more, vma.is_data(), l) || i.overcommits(more, vma.prot, vma.flags)) return err(ENOMEM);
    bool fill = (vma.flags & kLocked) && !(vma.flags & kLockOnFault);

    if (!fixed && !keep && old_length != 0 && addr + old_length == v.end()) {
        // Grows in place if the room behind it is free.
        Range add{addr + old_length, addr + new_length};
        if (add.end <= i.user.end && add.end > add.start && !i.vmas.overlaps(add)) {
            VmaIt next = i.vmas.from(add.start);
            if (next == i.vmas.end() || i.lower_edge(next) >= add.end) {
                vma.advance(old_length);
                VmaIt grown = i.add_vma(add, std::move(vma));
                (void)i.back(grown, add, fill);
                return addr;
            }
        }
    }
    if (!may_move) return err(ENOMEM);
    if (i.vmas.size() + 3 > kMaxMapCount) return err(ENOMEM);
    if (fixed) {
        if (i.vmas.overlaps(target)) i.remove_vmas(target);
    } else {
        u64 at = SBX_TRY(i.find_room(keep ? new_addr : 0, new_length, 0));
        target = Range{at, at + new_length};
    }
    Range from{addr, addr + std::min(old_length, new_length)};
    u32 lock_flags = vma.flags;
    Range old_range{addr, addr + old_length};
    if (old_length != 0) move_pages(i, from, target.start);
    i.add_vma(target, std::move(vma));
    if (keep) {
        // The old range stays, empty and unlocked (Linux: VM_LOCKED moves with the pages).
        if (lock_flags & kLocked) {
            VmaIt old = i.vmas.isolate(i.vmas.find(addr), old_range);
            i.account(old.value(), old.length(), false);
            old->flags &= ~static_cast<u32>(kLocked | kLockOnFault);
            i.account(old.value(), old.length(), true);
        }
    } else if (old_length != 0) {
        i.remove_vmas(old_range);
    }
    VmaIt moved = i.vmas.find(target.start);
    i.install(moved, target, false);
    (void)i.back(moved, target, fill);
    i.flush();
    return target.start;
}

}  // namespace sbx::mm
