// What others may see of an address space (procfs, the loader, the kernel), and what truncation takes away from it.
#include <string.h>

#include "src/mm/mm_impl.h"

namespace sbx::mm {

void MemoryManager::invalidate(const Mappable& file, Range addr, bool copies) {
    Impl& i = *impl_;
    Exclusive lock(i);
    for (VmaIt v = i.vmas.from(addr.start); v != i.vmas.end() && v.start() < addr.end; ++v) {
        if (!v->file || &v->file->target() != &file) continue;
        Range part = v.range().intersect(addr);
        if (copies || v->shared()) {
            i.drop_pages(part);
            continue;
        }
        for (u64 at = part.start; at < part.end;) {
            PmaIt p = i.pmas.from(at);
            if (p == i.pmas.end() || p.start() >= part.end) break;
            Range r = p.range().intersect(part);
            if (!p->own) i.drop_pages(r);
            at = r.end;
        }
    }
    i.flush();
}

std::vector<VmaInfo> MemoryManager::vmas(bool with_usage) {
    Impl& i = *impl_;
    std::vector<VmaInfo> all;
    SharedLock lock(i.mu);
    all.reserve(i.vmas.size());
    for (VmaIt v = i.vmas.begin(); v != i.vmas.end(); ++v) {
        VmaInfo info;
        info.range = v.range();
        info.prot = v->prot;
        info.max_prot = v->max_prot;
        info.shared = v->shared();
        info.grows_down = v->flags & kGrowsDown;
        info.locked = v->flags & kLocked;
        if (v->file) {
            info.offset = v->offset;
            info.file = v->file->name();
        } else if (i.brk_start != 0 && v.start() <= i.brk && v.end() >= i.brk_start &&
                   v.end() > page_down(i.brk_start)) {
            info.label = "[heap]";  // vma_is_initial_heap()
        } else if (i.layout.start_stack != 0 && v.range().contains(i.layout.start_stack)) {
            info.label = "[stack]";
        } else if (v->name) {
            info.label = "[anon:" + *v->name + "]";
        }
        if (with_usage) {
            for (PmaIt p = i.pmas.from(v.start()); p != i.pmas.end() && p.start() < v.end(); ++p) {
                Range part = p.range().intersect(v.range());
                u64 base = p->offset + (part.start - p.start());
                u64 size = p->file->is_memory_file()    ? i.memory->committed(Range{base, base + part.length()})
                           : p->installed != Pma::kNone ? part.length()
                                                        : 0;
                info.rss += size;
                if (p->own) info.anonymous += size;
                if (p->own && !p->cow)
                    info.private_dirty += size;
                else if (p->own || p->writable)
                    info.shared_dirty += size;
            }
        }
        all.push_back(std::move(info));
    }
    return all;
}

namespace {
u64 resident(MemoryManager::Impl& i) {
    u64 sum = 0;
    for (PmaIt p = i.pmas.begin(); p != i.pmas.end(); ++p) {
        if (p->file->is_memory_file())
            sum += i.memory->committed(Range{p->offset, p->offset + p.length()});
        else if (p->installed != Pma::kNone)
            sum += p.length();
    }
    return sum;
}
}  // namespace

u64 MemoryManager::rss() {
    Exclusive lock(*impl_);
    u64 now = resident(*impl_);
    impl_->max_rss = std::max(impl_->max_rss, now);
    return now;
}

// Nothing tells the sentry when pages are first touched: the most that anybody has seen.
u64 MemoryManager::max_rss() const {
    SharedLock lock(impl_->mu);
    return std::max(impl_->max_rss, resident(*impl_));
}

Result<> MemoryManager::check_mapped(u64 addr, u64 length) {
    Impl& i = *impl_;
    if (length > i.user.end || addr > i.user.end - length) return err(EFAULT);
    SharedLock lock(i.mu);
    if (i.mapped_in(Range{addr, addr + length}) != length) return err(EFAULT);
    return {};
}

int MemoryManager::page_status(u64 addr) {
    Impl& i = *impl_;
    SharedLock lock(i.mu);
    if (!i.user.contains(addr) || i.vmas.find(addr) == i.vmas.end()) return -EFAULT;
    PmaIt p = i.pmas.find(addr);
    if (p == i.pmas.end()) return -ENOENT;
    if (!p->file->is_memory_file()) return 0;
    u64 page = p->offset + (page_down(addr) - p.start());
    return i.memory->committed(Range{page, page + kPageSize}) ? 0 : -ENOENT;
}
u64 MemoryManager::total_vm() const {
    SharedLock lock(impl_->mu);
    return impl_->total_vm;
}
u64 MemoryManager::locked_vm() const {
    SharedLock lock(impl_->mu);
    return impl_->locked_vm;
}
u64 MemoryManager::data_vm() const {
    SharedLock lock(impl_->mu);
    return impl_->data_vm;
}
u64 MemoryManager::stack_vm() const {
    SharedLock lock(impl_->mu);
    return impl_->stack_vm;
}
u64 MemoryManager::exec_vm() const {
    SharedLock lock(impl_->mu);
    return impl_->exec_vm;
}

MmLayout MemoryManager::layout() const {
    SharedLock lock(impl_->mu);
    return impl_->layout;
}

void MemoryManager::set_layout(const MmLayout& l) {
    Exclusive lock(*impl_);
    impl_->layout = l;
}

void MemoryManager::set_exe(Ref<RefCounted> path_holder) {
    // The old one is dropped without the lock.
    Exclusive lock(*impl_);
    std::swap(impl_->exe, path_holder);
}

Ref<RefCounted> MemoryManager::exe() const {
    SharedLock lock(impl_->mu);
    return impl_->exe;
}

}  // namespace sbx::mm
