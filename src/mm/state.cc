// What is saved of address spaces. The platform's side is made anew, by faults.
#include "src/base/archive.h"
#include "src/mm/mm_impl.h"

namespace sbx::mm {

SBX_SAVABLE(MemoryManager);

MemoryManager* MemoryManager::state_make(state::Loader& ar) {
    auto* platform = ar.given<platform::Platform>();
    auto* memory = ar.given<MemoryFile>();
    if (!ar.ok()) return nullptr;
    auto mm = create(*platform, *memory);
    if (mm) return mm->release();
    ar.fail(std::string("the host gives no address space: ") + errno_text(mm.error().value));
    return nullptr;
}

template <class A>
void MemoryManager::state(A& ar) SBX_NO_TSA {
    Impl& i = *impl_;
    // What is queued for release is released by the next flush, of which there is none in the new process.
    if constexpr (!A::kLoading) {
        Exclusive lock(i);
        i.flush();
    }
    ar(dumpable, thp_disable, membarrier_state, i.vmas, i.pmas, i.random, i.mmap_base, i.gap_hint, i.gap_max,
       i.brk_start, i.brk, i.future_flags, i.total_vm, i.data_vm, i.stack_vm, i.exec_vm, i.locked_vm, i.max_rss,
       i.layout, i.exe);
}

void MemoryManager::state_loaded(state::Loader&) SBX_NO_TSA {
    Exclusive lock(*impl_);
    for (VmaIt v = impl_->vmas.begin(); v != impl_->vmas.end(); ++v)
        if (v->file) v->file->add_mapping(*this, v.range(), v->offset, v->writable_shared());
}

}  // namespace sbx::mm
