// The run loop: RunApp and the thread that drives the states.
#include "src/base/log.h"
#include "src/base/panic.h"
#include "src/kernel/cpu_clock.h"
#include "src/kernel/kernel.h"
#include "src/kernel/task_internals.h"

namespace sbx {
namespace {

thread_local Task* current = nullptr;

mm::Access fault_access(const platform::FaultTrap& f) {
    if (f.error_code & 2) return mm::Access::Write;
    if (f.error_code & 16) return mm::Access::Exec;
    return mm::Access::Read;
}

RunState handle_fault(Task& t, const platform::FaultTrap& f) {
    SigInfo info = f.info;
    bool page_fault = info.si_signo == SIGSEGV && (info.si_code == SEGV_MAPERR || info.si_code == SEGV_ACCERR);
    if (page_fault) {
        u64 addr = reinterpret_cast<u64>(info.si_addr);
        t.minor_faults.fetch_add(1, std::memory_order_relaxed);
        mm::FaultError e = t.mm().handle_fault(addr, fault_access(f), t.mm_limits());
        if (e.signo == 0) return RunApp{};
        if (e.signo == SIGKILL && e.code == mm::kFaultNoMemory && t.kernel().kill_for_memory()) {
            // Whoever was chosen needs a moment to let go of its memory; it may be this task.
            static_cast<void>(t.block_killable(host_monotonic() + kNanosPerMilli));
            return RunApp{};
        }
        info.si_signo = e.signo;
        info.si_code = e.code;
    }
    t.fault_trap_no = f.trap_no;
    t.fault_error_code = f.error_code;
    t.fault_address = page_fault ? reinterpret_cast<u64>(f.info.si_addr) : 0;
    force_signal(t, info);
    return RunInterrupt{};
}

struct TrapHandler {
    Task& t;
    RunState operator()(const platform::SyscallTrap&) const { return RunSyscallEntry{}; }
    RunState operator()(const platform::FaultTrap& f) const { return handle_fault(t, f); }
    RunState operator()(const platform::InterruptedTrap&) const { return RunInterrupt{}; }
    RunState operator()(const platform::SpaceLostTrap& lost) const {
        TaskInternals::lose_process(t, lost.error == 0 ? ESRCH : lost.error);
        return RunExitMain{};
    }
};

}  // namespace

Task* current_task() { return current; }

namespace {
constexpr u64 kTrapFlag = 0x100;
}

bool TaskInternals::in_host_vdso(const Task& t) {
    return t.regs.rip >= t.kernel().platform().user_range().end && !(t.regs.eflags & kTrapFlag);
}

RunState TaskInternals::step(Task& t) {
    t.mm().flush_pending();
    t.regs.eflags |= kTrapFlag;
    platform::Trap trap = t.context()->run(t.regs);
    t.regs.eflags &= ~kTrapFlag;
    if (std::holds_alternative<platform::SyscallTrap>(trap)) t.regs.r11 &= ~kTrapFlag;
    if (auto* f = std::get_if<platform::FaultTrap>(&trap); f && f->info.si_signo == SIGTRAP) return RunInterrupt{};
    return std::visit(TrapHandler{t}, trap);
}

RunState execute(Task& t, RunApp) {
    t.cpu_state.store(Task::CpuState::App);  // seq_cst: pairs with Task::set_work
    if (t.has_work(~0u)) {
        t.cpu_state.store(Task::CpuState::Sentry);
        return RunInterrupt{};
    }
    t.mm().flush_pending();
    platform::Trap trap = t.context()->run(t.regs);
    t.cpu_state.store(Task::CpuState::Sentry);
    return std::visit(TrapHandler{t}, trap);
}

void TaskInternals::lose_process(Task& t, int error) {
    // Killed by others on the host (when it is short of memory, say), its process is gone as after SIGKILL; the rest goes on.
    if (error == ESRCH)
        SBX_LOG(Warn, "the host killed process %d (%s)", t.group().pid->nr_in_root(), t.name().c_str());
    else if (error == EAGAIN || error == ENOMEM)
        SBX_LOG(Warn, "process %d (%s) is killed: the host gives it no thread (%s)", t.group().pid->nr_in_root(),
                t.name().c_str(), errno_text(error));
    else
        give_up("the host does not let sbx control a process of the sandbox (%s)", errno_text(error));
    t.prepare_group_exit(SIGKILL);
}

Result<> TaskInternals::make_context(Task& t) {
    auto context = SBX_TRY(t.mm().address_space().create_context());
    {
        Lock l(t.context_mu_);
        t.context_ = std::move(context);
    }
    if (!t.initial_fp_.data.empty()) {
        t.context_->fp() = std::move(t.initial_fp_);
        t.context_->fp_changed();
    }
    if (t.initial_debug_.any_enabled()) {
        t.context_->debug() = t.initial_debug_;
        t.context_->debug_changed();
    }
    return {};
}

void TaskInternals::run(Task& t) {
    current = &t;
    t.kernel().cpu_clock().task_runs();
    // One that was saved on its way out has no memory any more.
    Result<> context = t.mm_ref() ? make_context(t) : Result<>{};
    if (!context) {
        lose_process(t, context.error().value);
        t.state_ = RunExitMain{};
    }
    while (!std::holds_alternative<RunExitDone>(t.state_)) {
        if (t.stop.load() != Task::Stop::None) wait_while_stopped(t);
        if (t.has_work(kWorkPause)) join_pause(t);
        t.state_ = std::visit(
            [&t](auto s) -> RunState {
                if constexpr (std::is_same_v<decltype(s), RunExitDone>)
                    return s;
                else
                    return execute(t, s);
            },
            t.state_);
    }
    {
        // set_work() of another thread may be about to interrupt: context_ goes under its lock.
        Lock l(t.context_mu_);
        t.context_.reset();
    }
    t.kernel().cpu_clock().task_rests();
    current = nullptr;
}

}  // namespace sbx
