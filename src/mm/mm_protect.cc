// mprotect and PR_SET_VMA_ANON_NAME: changes of what a range of VMAs may do or is called.
#include <sys/mman.h>

#include "src/mm/mm_impl.h"

namespace sbx::mm {
namespace {
constexpr int kProtSem = 8;
}

Result<> MemoryManager::mprotect(u64 addr, u64 length, int prot, const MmLimits& l) {
    Impl& i = *impl_;
    int grows = prot & (PROT_GROWSDOWN | PROT_GROWSUP);
    prot &= ~(PROT_GROWSDOWN | PROT_GROWSUP);
    if (grows == (PROT_GROWSDOWN | PROT_GROWSUP)) return err(EINVAL);
    if (addr & kPageMask) return err(EINVAL);
    if (length == 0) return {};
    length = page_up(length);
    u64 end = 0;
    if (length == 0 || !checked_add(addr, length, &end)) return err(ENOMEM);
    if (prot & ~(7 | kProtSem)) return err(EINVAL);
    u8 wanted = static_cast<u8>(prot & 7);

    Exclusive lock(i);
    VmaIt v = i.vmas.from(addr);
    if (v == i.vmas.end() || v.start() >= end) return err(ENOMEM);
    if (grows & PROT_GROWSDOWN) {
        if (!(v->flags & kGrowsDown)) return err(EINVAL);
        addr = v.start();
    } else {
        if (v.start() > addr) return err(ENOMEM);
        if (grows & PROT_GROWSUP) return err(EINVAL);  // x86 has no stacks that grow upwards
    }
    Range whole{addr, end};
    Result<> result;
    bool fewer = false;
    u64 at = addr;
    while (at < end) {
        v = i.vmas.find(at);
        if (v == i.vmas.end()) {
            result = err(ENOMEM);
            break;
        }
        Range part = v.range().intersect(whole);
        at = part.end;
        if (v->prot == wanted) continue;
        if (wanted & ~v->max_prot) {
            result = err(EACCES);
            break;
        }
        Vma changed = v.value();
        changed.prot = wanted;
        if (!(v->prot & kWrite) && i.overcommits(part.length(), wanted, v->flags)) {
            result = err(ENOMEM);
            break;
        }
        if (changed.is_data() && !v->is_data() && l.data != ~0ull && i.data_vm + part.length() > l.data) {
            result = err(ENOMEM);
            break;
        }
        if (i.vmas.size() + (part.start > v.start()) + (part.end < v.end()) > kMaxMapCount) {
            result = err(ENOMEM);
            break;
        }
        v = i.vmas.isolate(v, part);
        i.account(v.value(), part.length(), false);
        fewer = fewer || (v->prot & ~wanted);
        v->prot = wanted;
        i.account(v.value(), part.length(), true);
        if (wanted & kWrite) (void)i.back(v, part, v->flags & kLocked && !(v->flags & kLockOnFault));
        i.install(v, part, false);
    }
    i.vmas.merge(whole);
    if (fewer || !i.unreachable.empty()) i.flush();
    return result;
}

Result<> MemoryManager::set_anon_name(u64 addr, u64 length, const std::string* name) {
    Impl& i = *impl_;
    if (addr & kPageMask) return err(EINVAL);
    u64 rounded = page_up(length), end = 0;
    if ((length != 0 && rounded == 0) || !checked_add(addr, rounded, &end)) return err(EINVAL);
    if (end == addr) return {};
    auto shared_name = name ? std::make_shared<const std::string>(*name) : nullptr;
    Exclusive lock(i);
    Range whole{addr, end};
    Result<> result;
    u64 at = addr;
    while (at < end) {
        VmaIt v = i.vmas.from(at);
        if (v == i.vmas.end() || v.start() >= end) {
            result = err(ENOMEM);
            break;
        }
        if (v.start() > at) result = err(ENOMEM);  // a hole: the rest is named nevertheless
        Range part = v.range().intersect(whole);
        at = part.end;
        if (!v->anonymous()) {
            result = err(EBADF);
            break;
        }
        if (i.vmas.size() + i.cuts(part) > kMaxMapCount) {
            result = err(ENOMEM);
            break;
        }
        i.vmas.isolate(v, part)->name = shared_name;
    }
    i.vmas.merge(whole);
    return result;
}

}  // namespace sbx::mm
