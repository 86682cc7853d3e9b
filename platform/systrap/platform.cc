// The platform object: creation, probe, address spaces.
#include <errno.h>
#include <sys/auxv.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "platform/placement.h"
#include "platform/stub/sentry_side.h"
#include "platform/systrap/pool.h"
#include "platform/systrap/space.h"
#include "platform/systrap/systrap.h"
#include "platform/xstate.h"
#include "src/host/memory.h"

namespace sbx::platform::systrap {
namespace {
constexpr unsigned long kHasFsgsbase = 2;  // HWCAP2_FSGSBASE
// What a signal frame has beside the XSAVE image, with room for alignment.
constexpr u64 kFrameRest = 1024;

class SystrapPlatform final : public Platform {
public:
    explicit SystrapPlatform(std::unique_ptr<Pool> pool)
        : pool_(std::move(pool)), user_{stub::user_start(), stub::kUserEnd} {}
    std::string_view name() const override { return "systrap"; }
    Range user_range() const override { return user_; }
    Result<Ref<AddressSpace>> create_address_space() override {
        return Ref<AddressSpace>(make_ref<Space>(*pool_, placement_, *SBX_TRY(pool_->take_stub())));
    }
    Nanos cpu_time() override { return pool_->cpu_time(); }
    HostVdso host_vdso() const override { return pool_->host_vdso() ? stub::moved_vdso() : HostVdso{}; }
    Result<> barrier() override { return pool_->barriers() ? host::expedited_barrier() : err(ENOSYS); }

private:
    std::unique_ptr<Pool> pool_;
    Placement placement_;
    Range user_;
};

Result<std::unique_ptr<Platform>> create() {
    stub::keep_children();
    auto pool = SBX_TRY(Pool::start());
    return std::unique_ptr<Platform>(new SystrapPlatform(std::move(pool)));
}

Probe probe() {
    if (!host_has_xsave() || !(getauxval(AT_HWCAP2) & kHasFsgsbase))
        return {false, "the processor or the host's kernel has no XSAVE or FSGSBASE",
                "Linux 5.9 on a processor of 2013 or later has them"};
    if (host_xsave_size() + kFrameRest > kControlOffset)
        return {false, "the processor's state is larger than a frame", ""};
    // Nothing to close: only whether it is there.
    if (syscall(436 /* close_range */, ~0u, ~0u, 0) != 0)
        return {false, "the host has no close_range(2)", "Linux 5.9 has it"};
    return {true, "", ""};
}
}  // namespace

const PlatformType& type() {
    static const PlatformType t{"systrap", probe, create};
    return t;
}

}  // namespace sbx::platform::systrap
