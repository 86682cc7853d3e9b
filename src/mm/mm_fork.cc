// fork: a copy of an address space in which private pages are shared until one side writes.
#include "src/mm/mm_impl.h"

namespace sbx::mm {

Result<Ref<MemoryManager>> MemoryManager::fork() {
    Impl& from = *impl_;
    auto mm = adopt_ref(new MemoryManager);
    mm->impl_ = std::make_unique<Impl>(*mm, from.platform, *from.memory, SBX_TRY(from.platform.create_address_space()));
    Impl& to = *mm->impl_;
    mm->dumpable = dumpable.load();
    mm->thp_disable = thp_disable.load();
    mm->membarrier_state = membarrier_state.load();
    Exclusive lock(from);
    // Truncation may find the new one before it is complete.
    Lock nested(to.mu, Lock<RwMutex<Rank::Mm>>::Nested{});
    to.mmap_base = from.mmap_base;
    to.gap_hint = from.gap_hint;
    to.gap_max = from.gap_max;
    to.brk_start = from.brk_start;
    to.brk = from.brk;
    to.layout = from.layout;
    to.exe = from.exe;
    for (VmaIt v = from.vmas.begin(); v != from.vmas.end(); ++v) {
        if (v->flags & kDontFork) {
            to.gap_hint = to.mmap_base;
            continue;
        }
        Vma copy = v.value();
        copy.flags &= ~static_cast<u32>(kLocked | kLockOnFault);
        to.account(copy, v.length(), true);
        if (copy.file) copy.file->add_mapping(*mm, v.range(), copy.offset, copy.writable_shared());
        VmaIt c = to.vmas.insert(v.range(), std::move(copy));
        if (v->flags & kWipeOnFork) continue;
        bool had_own = false;
        for (PmaIt p = from.pmas.from(v.start()); p != from.pmas.end() && p.start() < v.end(); ++p) {
            p = from.pmas.isolate(p, v.range());
            if (p->own) p->cow = had_own = true;
            p->file->inc_ref(Range{p->offset, p->offset + p.length()});
            Pma pages = p.value();
            pages.installed = Pma::kNone;
            to.pmas.insert(p.range(), std::move(pages));
        }
        if (had_own) from.install(v, v.range(), false);
        to.install(c, c.range(), false);
    }
    from.pmas.merge(from.user);
    to.pmas.merge(to.user);
    // Neither side may write what the other one sees. What is queued for the child waits for its first run.
    from.flush();
    return mm;
}

}  // namespace sbx::mm
