// Blocking and waking of tasks.
#include "src/kernel/cpu_clock.h"
#include "src/kernel/kernel.h"
#include "src/kernel/pause.h"
#include "src/kernel/task.h"

namespace sbx {

void Task::wake() { parker_.unpark(); }

void Task::set_work(u32 bits) {
    // seq_cst: pairs with run_app's store of cpu_state and its check of work_: either the task sees the bit before it enters the
    // application, or we see it there and interrupt it.
    u32 old = work_.fetch_or(bits);
    if ((old & bits) == bits && cpu_state.load() != CpuState::App) return;
    parker_.unpark();
    if (cpu_state.load() != CpuState::App) return;
    Lock l(context_mu_);
    if (context_) context_->interrupt();
}

namespace {
class BlockedState {
public:
    explicit BlockedState(Task& t) : t_(t) {
        t_.settle();
        t_.cpu_state.store(Task::CpuState::Blocked);
        t_.kernel().cpu_clock().task_rests();
    }
    ~BlockedState() {
        t_.kernel().cpu_clock().task_runs();
        t_.cpu_state.store(Task::CpuState::Sentry);
    }

private:
    Task& t_;
};
}  // namespace

BlockResult Task::block(Nanos deadline) {
    if (interrupted()) return BlockResult::Interrupted;
    BlockedState s(*this);
    voluntary_switches.fetch_add(1, std::memory_order_relaxed);
    bool woken = parker_.park(deadline);
    if (interrupted()) return BlockResult::Interrupted;
    return woken ? BlockResult::Woken : BlockResult::TimedOut;
}

BlockResult Task::block_killable(Nanos deadline) {
    if (killed()) return BlockResult::Interrupted;
    BlockedState s(*this);
    voluntary_switches.fetch_add(1, std::memory_order_relaxed);
    bool woken = parker_.park(deadline);
    if (killed()) return BlockResult::Interrupted;
    return woken ? BlockResult::Woken : BlockResult::TimedOut;
}

Nanos Task::deadline_in(Nanos span) {
    if (span == kNever) return kNever;
    if (call.began == 0) call.began = host_monotonic();
    return add_sat(call.began, span);
}

void Task::settle() {
    if (call.early != Call::Early::Goes) [[likely]]
        return;
    call.early = Call::Early::Waits;
    kernel().pause().settled();
}

bool Task::again_after_pause(u64 done, u64 items) {
    if (!call.again && (!has_work(kWorkPause) || has_work(kWorkSignal | kWorkKill))) return false;
    call.again = true;
    call.done = done;
    call.items = items;
    return true;
}

}  // namespace sbx
