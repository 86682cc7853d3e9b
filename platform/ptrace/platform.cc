// The platform object: creation, probe, address spaces.
#include <linux/ptrace.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "platform/ptrace/mapper.h"
#include "platform/placement.h"
#include "platform/ptrace/ptrace.h"
#include "platform/ptrace/space.h"
#include "platform/ptrace/tracee.h"
#include "platform/stub/layout.h"
#include "platform/stub/sentry_side.h"
#include "src/host/memory.h"

namespace sbx::platform::ptrace {
namespace {

class PtracePlatform final : public Platform {
public:
    PtracePlatform(std::unique_ptr<Mapper> mapper)
        : mapper_(std::move(mapper)), user_{stub::user_start(), stub::kUserEnd} {}
    std::string_view name() const override { return "ptrace"; }
    Range user_range() const override { return user_; }
    Result<Ref<AddressSpace>> create_address_space() override {
        return Ref<AddressSpace>(make_ref<Space>(*mapper_, placement_, SBX_TRY(mapper_->take_stub())));
    }
    Nanos cpu_time() override { return mapper_->cpu_time(); }
    HostVdso host_vdso() const override { return mapper_->made_of().host_vdso ? stub::moved_vdso() : HostVdso{}; }
    Result<> barrier() override { return mapper_->made_of().barriers ? host::expedited_barrier() : err(ENOSYS); }

private:
    std::unique_ptr<Mapper> mapper_;
    Placement placement_;
    Range user_;
};

Result<std::unique_ptr<Platform>> create() {
    stub::keep_children();
    auto mapper = SBX_TRY(Mapper::start());
    return std::unique_ptr<Platform>(new PtracePlatform(std::move(mapper)));
}

// Attaches to a child and lets it make one emulated call.
Probe probe() {
    long pid = syscall(SYS_clone, SIGCHLD, nullptr, nullptr, nullptr, nullptr);
    if (pid == 0) {
        for (;;) syscall(SYS_getppid);
    }
    if (pid < 0) return {false, "cannot start a process", "raise the process limit (ulimit -u)"};
    auto tid = static_cast<pid_t>(pid);
    Probe result{false, "the host refuses ptrace on a child",
                 "set kernel.yama.ptrace_scope to 0 or 1, or allow ptrace in the container"};
    if (trace(PTRACE_SEIZE, tid, 0, PTRACE_O_EXITKILL | PTRACE_O_TRACESYSGOOD) == 0) {
        result.why = "the host has no PTRACE_SYSEMU";
        result.hint = "";
        for (int stops = 0; stops < 3; stops++) {
            if (trace(stops == 0 ? PTRACE_INTERRUPT : PTRACE_SYSEMU, tid) != 0) break;
            Stop s = wait_stop(tid);
            if (s.kind == Stop::Gone) break;
            if (s.kind == Stop::Syscall) {
                result = {true, "", ""};
                break;
            }
        }
    }
    kill(tid, SIGKILL);
    while (wait_stop(tid).kind != Stop::Gone) {}
    return result;
}
}  // namespace

const PlatformType& type() {
    static const PlatformType t{"ptrace", probe, create};
    return t;
}

}  // namespace sbx::platform::ptrace
