// Running application code: let the thread go, wait for its next trap, and say what it was.
#include "platform/systrap/context.h"

#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "platform/registers.h"
#include "platform/xstate.h"
#include "src/base/log.h"
#include "src/host/futex.h"

namespace sbx::platform::systrap {
namespace {
constexpr int kInterruptSignal = SIGUSR1;
constexpr u32 kAuditArch64 = 0xc000003e;
constexpr int kSysSeccomp = 1;
// How long a thread may not answer interrupts: one that forged its signal mask never does. Counted in looks, not in time alone: a sandbox
// that was stopped starts anew.
constexpr Nanos kLook = kNanosPerSec;
constexpr int kMostLooks = 20;

bool canonical(u64 a) { return static_cast<u64>(static_cast<i64>(a << 16) >> 16) == a; }
}  // namespace

SystrapContext::SystrapContext(Space& space) : space_(space) { fp_.data.resize(xsave_size()); }

Result<std::unique_ptr<Context>> Space::create_context() {
    auto c = std::make_unique<SystrapContext>(*this);
    SBX_TRY(c->attach());
    return std::unique_ptr<Context>(std::move(c));
}

Result<> SystrapContext::attach() {
    bool fresh = false;
    thread_ = SBX_TRY(space_->pool().take_thread(space_->stub(), fresh));
    target_.store(static_cast<u64>(space_->stub().pid) << 32 | static_cast<u32>(thread_->tid),
                  std::memory_order_release);
    space_->placement().sit(seat_, thread_->tid);
    Registers r{};
    // The first trap of a new thread is one of its own making (code.cc).
    if ((fresh && !wait()) || space_->stub().lost.load(std::memory_order_acquire)) return err(ESRCH);
    if (!read_event(thread_->base, thread_->address, event_, r)) {
        lost();
        return err(ESRCH);
    }
    fs_base_ = r.fs_base, gs_base_ = r.gs_base;
    fp_valid_ = fp_dirty_ = false;
    fp();
    init_xsave(fp_.data);
    fp_dirty_ = true;
    return {};
}

void SystrapContext::detach() {
    target_.store(0, std::memory_order_release);
    if (!thread_) return;
    space_->placement().leave(seat_);
    space_->pool().keep_thread(space_->stub(), thread_);
    thread_ = nullptr;
}

Trap SystrapContext::lost() {
    target_.store(0, std::memory_order_release);
    space_->pool().kill_and_wait(space_->stub());
    return SpaceLostTrap{};
}

void SystrapContext::resume() {
    Control& c = *thread_->control;
    c.state.store(Control::kRuns, std::memory_order_seq_cst);
    if (c.stub_sleeps.load(std::memory_order_seq_cst) != 0) host::futex_wake(c.state, 1, host::FutexScope::Shared);
}

bool SystrapContext::wait() {
    Control& c = *thread_->control;
    int looks = 0;
    c.sentry_sleeps.store(1, std::memory_order_seq_cst);
    for (;;) {
        u32 state = c.state.load(std::memory_order_seq_cst);
        if (space_->stub().lost.load(std::memory_order_acquire)) return false;
        if (state == Control::kTrapped) return true;
        if (host::futex_wait(c.state, state, host_monotonic() + kLook, host::FutexScope::Shared)) continue;
        if (!pending_.load(std::memory_order_relaxed)) {
            looks = 0;
            continue;
        }
        if (++looks < kMostLooks && send_interrupt()) continue;
        SBX_LOG(Warn, "a process does not answer and is killed");
        lost();
        return false;
    }
}

Trap SystrapContext::run(Registers& regs) {
    if (!thread_ || space_->stub().lost.load(std::memory_order_acquire)) return lost();
    Placement::Run in_run(space_->placement(), seat_);
    if (take_interrupt()) return InterruptedTrap{};

    if (fp_dirty_) {
        sanitize_xsave(fp_.data);
        write_fp(thread_->base, event_.fp, fp_.data);
    }
    fp_valid_ = fp_dirty_ = false;
    Registers wanted = regs;
    sanitize(wanted);
    write_registers(thread_->base, event_.context, wanted);
    Control& c = *thread_->control;
    // wrfsbase faults on what is not canonical.
    if (!canonical(wanted.fs_base)) wanted.fs_base = 0;
    if (!canonical(wanted.gs_base)) wanted.gs_base = 0;
    c.fs_base = wanted.fs_base, c.gs_base = wanted.gs_base;
    c.load_bases = wanted.fs_base != fs_base_ || wanted.gs_base != gs_base_;

    for (;;) {
        resume();
        Trap trap;
        if (!wait() || report(regs, trap)) {
            if (space_->stub().lost.load(std::memory_order_acquire)) return lost();
            return trap;
        }
    }
}

bool SystrapContext::report(Registers& regs, Trap& trap) {
    if (!read_event(thread_->base, thread_->address, event_, regs)) {
        trap = lost();
        return true;
    }
    fs_base_ = regs.fs_base, gs_base_ = regs.gs_base;
    int sig = event_.info.si_signo;
    if (sig == kInterruptSignal) {
        if (!take_interrupt()) return false;
        trap = InterruptedTrap{};
        if (!event_.native) trap = refused_mode();
        return true;
    }
    if (sig != SIGSEGV && sig != SIGBUS && sig != SIGILL && sig != SIGFPE && sig != SIGTRAP && sig != SIGSYS)
        return false;
    if (event_.info.si_code <= 0) return false;  // sent, not made by the kernel
    if (!event_.native || (sig == SIGSYS && event_.arch != kAuditArch64)) {
        trap = refused_mode();
        return true;
    }
    if (sig == SIGSYS) {
        if (event_.info.si_code != kSysSeccomp) return false;
        regs.orig_rax = regs.rax;
        regs.rax = static_cast<u64>(-ENOSYS);
        trap = SyscallTrap{};
        return true;
    }
    if (sig == SIGTRAP)
        debug_.status = event_.info.si_code == TRAP_TRACE ? DebugRegisters::kStepTrap : DebugRegisters::kNoTrap;
    trap = FaultTrap{event_.info, vector_of(event_.info), event_.error_code};
    return true;
}

FpState& SystrapContext::fp() {
    if (fp_valid_ || fp_dirty_ || !thread_) return fp_;
    read_fp(thread_->base, event_.fp, fp_.data);
    fp_valid_ = true;
    return fp_;
}

// There are no hardware breakpoints.
void SystrapContext::debug_changed() { debug_.control = 0; }

bool SystrapContext::send_interrupt() {
    u64 t = target_.load(std::memory_order_acquire);
    return t == 0 ||
           syscall(SYS_tgkill, static_cast<pid_t>(t >> 32), static_cast<pid_t>(t & 0xffffffff), kInterruptSignal) ==
               0 ||
           errno != ESRCH;
}

void SystrapContext::interrupt() {
    int saved = errno;
    pending_.store(true, std::memory_order_seq_cst);
    if (seat_.running.load(std::memory_order_seq_cst)) send_interrupt();
    errno = saved;
}

Result<> SystrapContext::switch_to(AddressSpace& space) {
    detach();
    space_ = Ref<Space>(static_cast<Space&>(space));
    debug_ = {};
    return attach();
}

}  // namespace sbx::platform::systrap
