// The pages of the vDSO.
#include "src/kernel/vdso.h"

#include <time.h>

#include <algorithm>
#include <atomic>

#include "src/base/archive.h"
#include "src/kernel/timekeeper.h"

namespace sbx {
namespace {

// Pages that are never written and never change their size.
class FixedPages final : public mm::Mappable {
public:
    enum class Part : u8 { Data, Image };
    FixedPages(mm::MemoryFile& memory, Range pages, Part part) : memory_(memory), pages_(pages), part_(part) {}
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
    mm::MappableName name() override { return {0, 0, part_ == Part::Data ? "[vvar]" : "[vdso]"}; }
    u8* window() { return memory_->window(pages_); }

private:
    friend struct state::Access;
    template <class A>
    auto state_head(A a) const {
        return a.args(a.given(*memory_), pages_, part_);
    }
    template <class A>
    void state(A&) {}
    Ref<mm::MemoryFile> memory_;
    const Range pages_;
    const Part part_;
};
SBX_SAVABLE(FixedPages);

Result<Ref<FixedPages>> pages_with(mm::MemoryFile& memory, ConstBytes content, FixedPages::Part part) {
    Range pages = SBX_TRY(memory.allocate(page_up(content.size()), mm::MemoryKind::Shm));
    Ref<FixedPages> made = make_ref<FixedPages>(memory, pages, part);
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
        d.offset[c] = Timekeeper::offset(c);
        d.resolution[c] = static_cast<u32>(std::min(Timekeeper::resolution(c), kNanosPerSec - 1));
    }
    return d;
}

Result<std::unique_ptr<Vdso>> Vdso::create(mm::MemoryFile& memory, ConstBytes image, const platform::HostVdso& host) {
    auto v = std::make_unique<Vdso>();
    sbx_vdso_data d = vdso_data(host);
    static_assert(sizeof d <= kPageSize);
    Ref<FixedPages> data =
        SBX_TRY(pages_with(memory, ConstBytes(reinterpret_cast<const u8*>(&d), sizeof d), FixedPages::Part::Data));
    v->data_ = std::move(data);
    v->image_ = SBX_TRY(pages_with(memory, image, FixedPages::Part::Image));
    v->image_size_ = page_up(image.size());
    return v;
}

sbx_vdso_data* Vdso::live() const {
    return reinterpret_cast<sbx_vdso_data*>(static_cast<FixedPages&>(*data_).window());
}

void Vdso::cpus_differ() { std::atomic_ref(live()->getcpu).store(0, std::memory_order_relaxed); }

void Vdso::set_host(const platform::HostVdso& host) {
    bool differ = live()->getcpu == 0;
    *live() = vdso_data(host);
    if (differ) cpus_differ();
}

}  // namespace sbx
