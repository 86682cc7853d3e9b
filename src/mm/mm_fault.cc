// Page faults that the host could not serve, and the growth of stacks.
#include <signal.h>

#include <algorithm>

#include "src/mm/mm_impl.h"

namespace sbx::mm {
namespace {

constexpr u64 kGrowAhead = 64 << 10;  // stacks grow by this much at once where limits allow

// The last fault of this thread that nothing explained, to tell a race (somebody else served it meanwhile) from an access that
// the application has no right to, on platforms that do not say what the access was.
struct Unexplained {
    const void* mm = nullptr;
    u64 page = 0;
    u64 changes = 0;
    int count = 0;
};
thread_local Unexplained unexplained;

}  // namespace

// expand_downwards() of mm/mmap.c. Returns the VMA that now holds addr, or end().
VmaIt MemoryManager::Impl::grow_stack(u64 addr, const MmLimits& l) {
    VmaIt v = vmas.from(addr);
    if (v == vmas.end() || !(v->flags & kGrowsDown)) return vmas.end();
    u64 page = page_down(addr);
    if (page < std::max(user.start, kMmapMinAddr)) return vmas.end();
    u64 floor = std::max(user.start, kMmapMinAddr);
    if (v != vmas.begin()) {
        VmaIt before = v.prev();
        bool guarded = !(before->flags & kGrowsDown) && before->prot != 0;
        floor = std::max(floor, before.end() + (guarded ? kStackGuardGap : 0));
    }
    auto allowed = [&](u64 start) {
        u64 more = v.start() - start;
        return start >= floor && v.end() - start <= l.stack && total_vm + more <= l.as &&
               (!(v->flags & kLocked) || l.ipc_lock || locked_vm + more <= l.memlock);
    };
    if (!allowed(page)) return vmas.end();
    u64 ahead = page & ~(kGrowAhead - 1);
    u64 start = allowed(ahead) ? ahead : page;
    account(v.value(), v.start() - start, true);
    return vmas.set_start(v, start);
}

FaultError MemoryManager::handle_fault(u64 addr, Access access, const MmLimits& l) {
    Impl& i = *impl_;
    Exclusive lock(i);
    if (i.lost) return {SIGKILL, 0};
    if (!i.user.contains(addr)) return {SIGSEGV, SEGV_MAPERR};
    VmaIt v = i.vmas.find(addr);
    if (v == i.vmas.end()) v = i.grow_stack(addr, l);
    if (v == i.vmas.end()) return {SIGSEGV, SEGV_MAPERR};
    bool write = access == Access::Write;
    if (v->prot == 0 || (write && !(v->prot & kWrite)) || (access == Access::Exec && !(v->prot & kExec)))
        return {SIGSEGV, SEGV_ACCERR};

    PmaIt p = i.pmas.find(addr);
    if (p != i.pmas.end() && p->installed != Pma::kNone) {
        u8 need = write ? kWrite : access == Access::Exec ? kExec : kRead | kExec;
        if (p->installed & need) {
            if (i.ops.dirty()) {
                // It was only queued.
            } else if (access == Access::Read && (v->prot & kWrite) && !(p->installed & kWrite)) {
                write = true;
            } else {
                Unexplained& u = unexplained;
                u64 page = page_down(addr);
                if (u.mm == this && u.page == page && u.changes == i.changes)
                    u.count++;
                else
                    u = Unexplained{this, page, i.changes, 1};
                if (u.count == 1) return {0, 0};
                if (u.count > 2) {
                    u = Unexplained{};
                    return {SIGSEGV, SEGV_ACCERR};
                }
                // Perhaps the host lost it.
                p = i.pmas.isolate(p, Range{page, page + kPageSize});
                p->installed = Pma::kNone;
                i.install(v, Range{page, page + kPageSize}, false);
                i.flush();
                u.changes = i.changes;
                return {0, 0};
            }
        }
    }
    bool shared_before = p != i.pmas.end() && p->own && p->cow;
    u64 offset_before = shared_before ? p->offset + (page_down(addr) - p.start()) : 0;
    if (i.memory->cap() != ~0ull && i.memory->over_limit()) return {SIGKILL, kFaultNoMemory};
    auto got = i.get_page(v, addr, write);
    if (!got) {
        if (got.error() == ENOMEM) return {SIGKILL, kFaultNoMemory};
        return {SIGBUS, BUS_ADRERR};
    }
    Range r = got->range();
    // What was just copied exists: one call fills its page table entries, too.
    bool fill =
        (v->flags & kLocked) || (write && r.length() <= kStretch && (*got)->installed == Pma::kNone && (*got)->own);
    bool alone = shared_before && write && (*got)->offset + (page_down(addr) - got->start()) == offset_before;
    i.install(v, r, fill);
    if (alone) i.regain();
    i.flush();
    if (i.lost) return {SIGKILL, 0};
    return {0, 0};
}

}  // namespace sbx::mm
