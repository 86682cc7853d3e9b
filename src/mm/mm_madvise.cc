// madvise.
#include <sys/mman.h>

#include "src/mm/mm_impl.h"

namespace sbx::mm {
namespace {

// include/uapi/asm-generic/mman-common.h; libcs of different ages know different parts of it.
enum Advice : int {
    kNormal = 0,
    kRandomAdvice = 1,
    kSequentialAdvice = 2,
    kWillNeed = 3,
    kDontNeed = 4,
    kFree = 8,
    kRemove = 9,
    kDontForkAdvice = 10,
    kDoFork = 11,
    kMergeableAdvice = 12,
    kUnmergeable = 13,
    kHugePage = 14,
    kNoHugePage = 15,
    kDontDumpAdvice = 16,
    kDoDump = 17,
    kWipeOnForkAdvice = 18,
    kKeepOnFork = 19,
    kCold = 20,
    kPageOut = 21,
    kPopulateRead = 22,
    kPopulateWrite = 23,
    kDontNeedLocked = 24,
    kCollapse = 25,
};

struct FlagChange {
    u32 set = 0, clear = 0;
};

bool flag_change(int advice, FlagChange* c) {
    switch (advice) {
    case kNormal: *c = {0, kRandom | kSequential}; return true;
    case kRandomAdvice: *c = {kRandom, kSequential}; return true;
    case kSequentialAdvice: *c = {kSequential, kRandom}; return true;
    case kDontForkAdvice: *c = {kDontFork, 0}; return true;
    case kDoFork: *c = {0, kDontFork}; return true;
    case kMergeableAdvice: *c = {kMergeable, 0}; return true;
    case kUnmergeable: *c = {0, kMergeable}; return true;
    case kHugePage: *c = {kHuge, kNoHuge}; return true;
    case kNoHugePage: *c = {kNoHuge, kHuge}; return true;
    case kDontDumpAdvice: *c = {kDontDump, 0}; return true;
    case kDoDump: *c = {0, kDontDump}; return true;
    case kWipeOnForkAdvice: *c = {kWipeOnFork, 0}; return true;
    case kKeepOnFork: *c = {0, kWipeOnFork}; return true;
    default: return false;
    }
}

bool known(int advice) {
    return (advice >= kNormal && advice <= kDontNeed) || (advice >= kFree && advice <= kCollapse);
}

// Private pages are forgotten: anonymous ones read as zeros, those of files as the file has them.
void forget(MemoryManager::Impl& i, Range r) {
    for (u64 at = r.start; at < r.end;) {
        PmaIt p = i.pmas.from(at);
        if (p == i.pmas.end() || p.start() >= r.end) return;
        Range part = p.range().intersect(Range{at, r.end});
        VmaIt v = i.vmas.find(part.start);
        part = part.intersect(v.range());
        bool punched = false;
        if (v->shared()) {
            // The pages are the file's; the mapping may stay.
            punched = true;
        } else if (p->own && v->anonymous()) {
            Range pages{p->offset + (part.start - p.start()), p->offset + (part.end - p.start())};
            Range sole = i.memory->sole_range(pages.start);
            if (sole.contains(pages)) {
                // The host takes them out of every page table: no platform change is needed.
                i.memory->decommit(pages);
                punched = true;
            }
        }
        if (!punched) i.drop_pages(part);
        at = part.end;
    }
}

}  // namespace

Result<> MemoryManager::madvise(u64 addr, u64 length, int advice) {
    Impl& i = *impl_;
    if (!known(advice)) return err(EINVAL);
    if (addr & kPageMask) return err(EINVAL);
    u64 rounded = page_up(length), end = 0;
    if ((length != 0 && rounded == 0) || !checked_add(addr, rounded, &end)) return err(EINVAL);
    if (end == addr) return {};
    Range whole{addr, end};

    struct Removal {
        Ref<Mappable> file;
        Range range;
    };
    std::vector<Removal> removals;
    Result<> result;
    {
        Exclusive lock(i);
        FlagChange change;
        bool flags = flag_change(advice, &change);
        u64 at = addr;
        bool hole = false;
        while (at < end) {
            VmaIt v = i.vmas.from(at);
            if (v == i.vmas.end() || v.start() >= end) {
                hole = true;
                break;
            }
            if (v.start() > at) {
                hole = true;
                if (advice == kPopulateRead || advice == kPopulateWrite) break;
            }
            Range part = v.range().intersect(whole);
            at = part.end;
            if (flags) {
                if (advice == kWipeOnForkAdvice && (!v->anonymous() || v->shared())) {
                    result = err(EINVAL);
                    break;
                }
                u32 wanted = (v->flags & ~change.clear) | change.set;
                if (wanted == v->flags) continue;
                if (i.vmas.size() + i.cuts(part) > kMaxMapCount) {
                    result = err(ENOMEM);
                    break;
                }
                i.vmas.isolate(v, part)->flags = wanted;
                continue;
            }
            switch (advice) {
            case kDontNeed:
            case kDontNeedLocked:
                if (advice == kDontNeed && (v->flags & kLocked)) {
                    result = err(EINVAL);
                    break;
                }
                forget(i, part);
                break;
            case kFree:
                if (!v->anonymous() || (v->flags & kLocked)) {
                    result = err(EINVAL);
                    break;
                }
                // Free to keep the data until memory is short: it never is, for us, and programs count on lower usage.
                forget(i, part);
                break;
            case kRemove:
                if (v->flags & kLocked) {
                    result = err(EINVAL);
                } else if (!v->file || !v->shared()) {
                    result = err(v->file ? EACCES : EINVAL);
                } else if (!v->writable_shared()) {
                    result = err(EACCES);
                } else {
                    u64 offset = v->offset + (part.start - v.start());
                    removals.push_back(Removal{v->file, Range{offset, offset + part.length()}});
                }
                break;
            case kPopulateRead:
            case kPopulateWrite: {
                bool write = advice == kPopulateWrite;
                if (!(v->prot & (write ? kWrite : kRead))) {
                    result = err(EINVAL);
                    break;
                }
                if (!i.fits(part.length())) {
                    result = err(ENOMEM);
                    break;
                }
                u64 page = part.start;
                while (page < part.end) {
                    auto p = i.get_page(v, page, write);
                    if (!p) {
                        result = err(p.error() == ENOMEM ? ENOMEM : EFAULT);
                        break;
                    }
                    page = p->end();
                }
                i.install(v, Range{part.start, std::min(page, part.end)}, true);
                break;
            }
            case kCold:
            case kPageOut:
                if (v->flags & kLocked) result = err(EINVAL);
                break;
            default: break;  // hints about timing, which change nothing here
            }
            if (!result) break;
        }
        i.vmas.merge(whole);
        if (!i.unreachable.empty() || advice == kPopulateRead || advice == kPopulateWrite) i.flush();
        if (result && hole) result = err(ENOMEM);
    }
    for (Removal& r : removals) {
        auto done = r.file->remove(r.range);
        if (!done) return done;
    }
    return result;
}

}  // namespace sbx::mm
