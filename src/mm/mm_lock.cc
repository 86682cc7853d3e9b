// mlock and its relatives, mincore, msync.
#include <sys/mman.h>

#include "src/mm/mm_impl.h"

#ifndef MLOCK_ONFAULT
#define MLOCK_ONFAULT 1
#endif
#ifndef MCL_ONFAULT
#define MCL_ONFAULT 4
#endif

namespace sbx::mm {
namespace {

// Sets the lock flags of all of r. ENOMEM at a hole; what comes before it is changed.
Result<> set_locked(MemoryManager::Impl& i, Range r, u32 flags) {
    u64 at = r.start;
    Result<> result;
    while (at < r.end) {
        VmaIt v = i.vmas.find(at);
        if (v == i.vmas.end()) {
            result = err(ENOMEM);
            break;
        }
        Range part = v.range().intersect(r);
        at = part.end;
        u32 wanted = (v->flags & ~static_cast<u32>(kLocked | kLockOnFault)) | flags;
        if (wanted == v->flags) continue;
        if (i.vmas.size() + i.cuts(part) > kMaxMapCount) {
            result = err(ENOMEM);
            break;
        }
        v = i.vmas.isolate(v, part);
        i.account(v.value(), part.length(), false);
        v->flags = wanted;
        i.account(v.value(), part.length(), true);
    }
    i.vmas.merge(r);
    return result;
}

u64 locked_in(MemoryManager::Impl& i, Range r) {
    u64 sum = 0;
    for (VmaIt v = i.vmas.from(r.start); v != i.vmas.end() && v.start() < r.end; ++v)
        if (v->flags & kLocked) sum += v.range().intersect(r).length();
    return sum;
}

// The pages that (addr, length) touches, as mlock and munlock round. False: it overflows.
bool touched(u64 addr, u64 length, Range* r) {
    u64 end = 0;
    if (!checked_add(addr, length, &end) || (length != 0 && page_up(end) == 0)) return false;
    *r = Range{page_down(addr), page_up(end)};
    return true;
}

}  // namespace

Result<> MemoryManager::mlock(u64 addr, u64 length, int flags, const MmLimits& l) {
    Impl& i = *impl_;
    if (flags & ~MLOCK_ONFAULT) return err(EINVAL);
    if (!l.ipc_lock && l.memlock == 0) return err(EPERM);
    Range r;
    if (!touched(addr, length, &r)) return err(!l.ipc_lock && length > l.memlock ? ENOMEM : EINVAL);
    if (r.empty()) return {};
    Exclusive lock(i);
    if (!l.ipc_lock) {
        u64 after = i.locked_vm + r.length();
        if (after > l.memlock) after -= locked_in(i, r);
        if (r.length() > l.memlock || after > l.memlock) return err(ENOMEM);
    }
    SBX_TRY(set_locked(i, r, kLocked | (flags & MLOCK_ONFAULT ? kLockOnFault : 0u)));
    Result<> result;
    if (!(flags & MLOCK_ONFAULT)) {
        for (VmaIt v = i.vmas.from(r.start); v != i.vmas.end() && v.start() < r.end; ++v) {
            // populate_vma_page_range() on PROT_NONE fails; __mm_populate reports it as ENOMEM.
            if (v->prot == 0)
                result = err(ENOMEM);
            else if (!i.back(v, r, true))
                result = err(ENOMEM);
            if (!result) break;
        }
    }
    i.flush();
    return result;
}

Result<> MemoryManager::munlock(u64 addr, u64 length) {
    Range r;
    if (!touched(addr, length, &r)) return err(EINVAL);
    if (r.empty()) return {};
    Exclusive lock(*impl_);
    return set_locked(*impl_, r, 0);
}

Result<> MemoryManager::mlockall(int flags, const MmLimits& l) {
    Impl& i = *impl_;
    if (flags == 0 || (flags & ~(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT)) || flags == MCL_ONFAULT) return err(EINVAL);
    if (!l.ipc_lock && l.memlock == 0) return err(EPERM);
    u32 vma_flags = kLocked | (flags & MCL_ONFAULT ? kLockOnFault : 0u);
    Exclusive lock(i);
    if ((flags & MCL_CURRENT) && !l.ipc_lock && i.total_vm > l.memlock) return err(ENOMEM);
    i.future_flags = flags & MCL_FUTURE ? vma_flags : 0;
    if (flags & MCL_CURRENT) {
        for (VmaIt v = i.vmas.begin(); v != i.vmas.end();) {
            Range r = v.range();
            (void)set_locked(i, r, vma_flags);
            v = i.vmas.from(r.end);
        }
        if (!(flags & MCL_ONFAULT)) i.back_range(i.user, true);
        i.flush();
    }
    return {};
}

Result<> MemoryManager::munlockall() {
    Impl& i = *impl_;
    Exclusive lock(i);
    i.future_flags = 0;
    for (VmaIt v = i.vmas.begin(); v != i.vmas.end();) {
        Range r = v.range();
        (void)set_locked(i, r, 0);
        v = i.vmas.from(r.end);
    }
    return {};
}

Result<> MemoryManager::mincore(u64 addr, u64 length, std::vector<u8>& out) {
    Impl& i = *impl_;
    out.clear();
    if (addr & kPageMask) return err(EINVAL);
    if (addr >= i.user.end || length > i.user.end - addr) return err(ENOMEM);
    Range r{addr, page_up(addr + length)};
    SharedLock lock(i.mu);
    if (i.mapped_in(r) != r.length()) return err(ENOMEM);
    out.assign(r.length() / kPageSize, 0);
    for (PmaIt p = i.pmas.from(r.start); p != i.pmas.end() && p.start() < r.end; ++p) {
        Range part = p.range().intersect(r);
        u64 base = p->offset + (part.start - p.start());
        Range pages{base, base + part.length()};
        for (Range at = pages; !at.empty();) {
            Range data = p->file->is_memory_file() ? i.memory->next_committed(at) : at;
            for (u64 o = data.start; o < data.end; o += kPageSize)
                out[(part.start - r.start + (o - base)) / kPageSize] = 1;
            at.start = data.end;
        }
    }
    return {};
}

Result<> MemoryManager::msync(u64 addr, u64 length, int flags) {
    Impl& i = *impl_;
    if (flags & ~(MS_ASYNC | MS_INVALIDATE | MS_SYNC)) return err(EINVAL);
    if (addr & kPageMask) return err(EINVAL);
    if ((flags & MS_ASYNC) && (flags & MS_SYNC)) return err(EINVAL);
    u64 rounded = page_up(length), end = 0;
    if ((length != 0 && rounded == 0) || !checked_add(addr, rounded, &end)) return err(ENOMEM);
    if (end == addr) return {};
    struct Part {
        Ref<Mappable> file;
        Range range;
    };
    std::vector<Part> parts;
    bool hole = false;
    {
        SharedLock lock(i.mu);
        u64 at = addr;
        while (at < end) {
            VmaIt v = i.vmas.from(at);
            if (v == i.vmas.end() || v.start() >= end) {
                hole = true;
                break;
            }
            if (v.start() > at) hole = true;
            Range part = v.range().intersect(Range{addr, end});
            at = part.end;
            if ((flags & MS_INVALIDATE) && (v->flags & kLocked)) return err(EBUSY);
            if (!(flags & MS_SYNC) || !v->file || !v->shared()) continue;
            u64 offset = v->offset + (part.start - v.start());
            parts.push_back(Part{v->file, Range{offset, offset + part.length()}});
        }
    }
    for (Part& p : parts) {
        auto done = p.file->sync(p.range);
        if (!done) return done;
    }
    if (hole) return err(ENOMEM);
    return {};
}

}  // namespace sbx::mm
