// Implementation of mapping_set.h.
#include "src/mm/mapping_set.h"

#include <vector>

#include "src/mm/memory_manager.h"

namespace sbx::mm {

void MappingSet::add(MemoryManager& mm, Range addr, u64 offset, bool writable_shared) {
    Lock lock(mu_);
    mappings_[{&mm, addr.start}] = Mapping{addr.end, offset, writable_shared};
    writable_ += writable_shared;
}

void MappingSet::remove(MemoryManager& mm, Range addr, u64, bool) {
    Lock lock(mu_);
    auto it = mappings_.upper_bound({&mm, addr.start});
    if (it != mappings_.begin()) --it;
    while (it != mappings_.end()) {
        auto [key, m] = *it;
        if (key.first != &mm) {
            // Only the first step may stand before this address space's entries.
            if (key.first > &mm) return;
            ++it;
            continue;
        }
        if (key.second >= addr.end) return;
        if (m.end <= addr.start) {
            ++it;
            continue;
        }
        it = mappings_.erase(it);
        writable_ -= m.writable_shared;
        if (key.second < addr.start) {
            mappings_[key] = Mapping{addr.start, m.offset, m.writable_shared};
            writable_ += m.writable_shared;
        }
        if (m.end > addr.end) {
            mappings_[{&mm, addr.end}] = Mapping{m.end, m.offset + (addr.end - key.second), m.writable_shared};
            writable_ += m.writable_shared;
            return;
        }
    }
}

bool MappingSet::empty() const {
    Lock lock(mu_);
    return mappings_.empty();
}

bool MappingSet::has_writable() const {
    Lock lock(mu_);
    return writable_ != 0;
}

void MappingSet::invalidate(const Mappable& file, Range file_range, bool copies) const {
    struct Target {
        Ref<MemoryManager> mm;
        Range addr;
    };
    std::vector<Target> targets;
    {
        Lock lock(mu_);
        for (auto& [key, m] : mappings_) {
            u64 length = m.end - key.second;
            Range part = Range{m.offset, m.offset + length}.intersect(file_range);
            // An address space without references is taking its mappings away itself.
            if (part.empty() || !key.first->try_ref()) continue;
            targets.push_back(Target{adopt_ref(key.first),
                                     Range{key.second + (part.start - m.offset), key.second + (part.end - m.offset)}});
        }
    }
    for (Target& t : targets) t.mm->invalidate(file, t.addr, copies);
}

}  // namespace sbx::mm
