// Parking of stopped tasks, before the run loop enters the next state.
#include "src/kernel/jobctl.h"
#include "src/kernel/task_internals.h"

namespace sbx {

void TaskInternals::wait_while_stopped(Task& t) {
    t.cpu_state.store(Task::CpuState::Stopped);
    // Who ends the stop sets `stop`, then wakes; a kill leaves it to us.
    while (t.stop.load() != Task::Stop::None && !t.killed()) t.parker_.park();
    {
        Lock l(t.group().handlers()->mu);
        t.stop.store(Task::Stop::None);
        t.jobctl &= ~kJobListening;
        recalc_signal_work(t);
    }
    t.cpu_state.store(Task::CpuState::Sentry);
}

void TaskInternals::wait_for_external_stops(Task& t) {
    t.cpu_state.store(Task::CpuState::Stopped);
    for (;;) {
        // Cleared before the look: a stop that comes after sets it again.
        t.clear_work(kWorkPause);
        if (t.external_stops_.load() == 0 || t.killed()) break;
        t.parker_.park();
    }
    t.cpu_state.store(Task::CpuState::Sentry);
}

void TaskInternals::drop_context(Task& t) {
    std::unique_ptr<platform::Context> c;
    {
        Lock l(t.context_mu_);
        c = std::move(t.context_);
    }
}

}  // namespace sbx
