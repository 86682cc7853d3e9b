// Parking of stopped tasks, before the run loop enters the next state.
#include "src/kernel/jobctl.h"
#include "src/kernel/kernel.h"
#include "src/kernel/pause.h"
#include "src/kernel/task_internals.h"

namespace sbx {

void TaskInternals::wait_while_stopped(Task& t) {
    // Who ends the stop sets `stop`, then wakes; a kill leaves it to us.
    while (t.stop.load() != Task::Stop::None && !t.killed()) {
        if (t.has_work(kWorkPause)) {
            join_pause(t);
            continue;
        }
        t.cpu_state.store(Task::CpuState::Stopped);
        t.parker_.park();
    }
    {
        Lock l(t.group().handlers()->mu);
        t.stop.store(Task::Stop::None);
        t.jobctl &= ~kJobListening;
        recalc_signal_work(t);
    }
    t.cpu_state.store(Task::CpuState::Sentry);
}

void TaskInternals::join_pause(Task& t) {
    if (t.killed() && !ends(t)) return;
    // States that last: it cannot leave the host's vDSO from there.
    bool lasts = t.call.again || t.stop.load() != Task::Stop::None || std::holds_alternative<RunAfterVfork>(t.state_) ||
                 std::holds_alternative<RunExitMain>(t.state_) || ends(t);
    if (!lasts && in_host_vdso(t)) return;
    t.kernel().pause().park(t, !ends(t));
}

void TaskInternals::keep_context(Task& t) {
    if (!t.context_) return;
    t.initial_fp_.data = t.context_->fp().data;
    t.initial_debug_ = t.context_->debug();
}

void TaskInternals::drop_context(Task& t) {
    std::unique_ptr<platform::Context> c;
    {
        Lock l(t.context_mu_);
        c = std::move(t.context_);
    }
}

}  // namespace sbx
