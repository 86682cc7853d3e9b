// The pages of the vDSO.
#include "src/kernel/vdso.h"

#include <time.h>

#include <algorithm>
#include <atomic>

#include "src/kernel/timekeeper.h"

namespace sbx {
namespace {

// no state: nobody saves a kernel yet, whose Vdso they belong to.
// Pages that are never written and never change their size.
class FixedPages final : public mm::Mappable {
public:
    FixedPages(mm::MemoryFile& memory, Range pages, const char* name) : memory_(memory), pages_(pages), name_(name) {}
    ~FixedPages() override { memory_->dec_ref(pages_); }
    Result<mm::Translation> translate(u64 offset, u64 length, bool write) override {
        if (write || offset >= pages_.length()) return err(EFAULT);
        mm::Translation t;
        t.file = memory_;
        t.offset = pages_.start + offset;
        t.length = std::min(length, pages_.length() - offset);
        memory_->inc_ref(Range{t.offset, t.offset + t.length});
        return t;
    }
    void add_mapping(mm::MemoryManager&, Range, u64, bool) override {}
    void remove_mapping(mm::MemoryManager&, Range, u64, bool) override {}
    mm::MappableName name() override { return {0, 0, name_}; }
    u8* window() { return memory_->window(pages_); }

private:
    Ref<mm::MemoryFile> memory_;
    const Range pages_;
    const char* const name_;
};

Result<Ref<FixedPages>> pages_with(mm::MemoryFile& memory, ConstBytes content, const char* name) {
    Range pages = SBX_TRY(memory.allocate(page_up(content.size()), mm::MemoryKind::Shm));
    Ref<FixedPages> made = make_ref<FixedPages>(memory, pages, name);
    SBX_TRY(memory.write(pages.start, content.data(), content.size()));
    return made;
}

}  // namespace

sbx_vdso_data vdso_data(const platform::HostVdso& host) {
    // Clocks that are the host's (Timekeeper). CPU clocks are not, and those of alarms the host's vDSO does not know either.
    constexpr clockid_t kClocks[] = {
        CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_MONOTONIC_RAW, CLOCK_REALTIME_COARSE, CLOCK_MONOTONIC_COARSE,
        CLOCK_BOOTTIME, CLOCK_TAI};
    sbx_vdso_data d{};
    d.clock_gettime = host.clock_gettime;
    d.getcpu = host.getcpu;
    for (clockid_t c : kClocks) {
        static_assert(CLOCK_TAI < SBX_VDSO_CLOCKS);
        if (host.clock_gettime != 0) d.clocks |= 1u << c;
        d.resolution[c] = static_cast<u32>(std::min(Timekeeper::resolution(c), kNanosPerSec - 1));
    }
    return d;
}

Result<std::unique_ptr<Vdso>> Vdso::create(mm::MemoryFile& memory, ConstBytes image, const platform::HostVdso& host) {
    auto v = std::make_unique<Vdso>();
    sbx_vdso_data d = vdso_data(host);
    static_assert(sizeof d <= kPageSize);
    Ref<FixedPages> data = SBX_TRY(pages_with(memory, ConstBytes(reinterpret_cast<const u8*>(&d), sizeof d), "[vvar]"));
    v->live_ = reinterpret_cast<sbx_vdso_data*>(data->window());
    v->data_ = std::move(data);
    v->image_ = SBX_TRY(pages_with(memory, image, "[vdso]"));
    v->image_size_ = page_up(image.size());
    return v;
}

void Vdso::cpus_differ() { std::atomic_ref(live_->getcpu).store(0, std::memory_order_relaxed); }

}  // namespace sbx
