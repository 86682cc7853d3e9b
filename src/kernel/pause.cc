// Stopping and going on.
#include "src/kernel/pause.h"

#include "src/kernel/cpu_clock.h"
#include "src/kernel/kernel.h"
#include "src/kernel/task_internals.h"
#include "src/kernel/timekeeper.h"

namespace sbx {

void Pause::begin() {
    on_.store(true);
    kernel_.timekeeper().pause();
}

bool Pause::stop(Nanos deadline) {
    begin();
    TaskSet& tasks = kernel_.tasks();
    {
        // Tasks that are linked later see that the pause is on when they start.
        SharedLock l(tasks.mu);
        for (auto& [nr, pid] : tasks.root_ns->pids())
            if (pid->task) pid->task->set_work(kWorkPause);
    }
    // Threads that end meanwhile wake nobody.
    for (Nanos now = host_monotonic(); !all_parked(); now = host_monotonic()) {
        if (now >= deadline) return false;
        stopper_.park(now + kNanosPerMilli);
    }
    return true;
}

bool Pause::all_parked() {
    TaskSet& tasks = kernel_.tasks();
    if (parked_.load() != tasks.sentry_threads.load()) return false;
    // One that was killed is on its way out of there.
    SharedLock l(tasks.mu);
    for (auto& [nr, pid] : tasks.root_ns->pids())
        if (pid->task && pid->task->killed() && pid->task->exit_state < Task::ExitState::Zombie &&
            !TaskInternals::ends(*pid->task))
            return false;
    return parked_.load() == tasks.sentry_threads.load();
}

void Pause::go_on() {
    // A guest cannot make this long: whoever computes instead of waiting is let be.
    constexpr Nanos kPatience = 200 * kNanosPerMilli;
    TaskSet& tasks = kernel_.tasks();
    auto wake = [&tasks] {
        SharedLock l(tasks.mu);
        for (auto& [nr, pid] : tasks.root_ns->pids())
            if (pid->task) pid->task->wake();
    };
    // What was due wakes nobody who is not back at his place.
    kernel_.timekeeper().resume();
    {
        SharedLock l(tasks.mu);
        for (auto& [nr, pid] : tasks.root_ns->pids()) {
            if (!pid->task || !pid->task->call.again) continue;
            if (std::exchange(pid->task->call.early, Task::Call::Early::Goes) != Task::Call::Early::Goes)
                unsettled_.fetch_add(1);
        }
    }
    waiters_go_.store(true);
    wake();
    Nanos deadline = host_monotonic() + kPatience;
    while (unsettled_.load() != 0 && host_monotonic() < deadline) stopper_.park(deadline);
    waiters_go_.store(false);
    on_.store(false);
    wake();
}

void Pause::park(Task& t, bool mortal) {
    t.cpu_state.store(Task::CpuState::Stopped);
    kernel_.cpu_clock().task_rests();
    TaskInternals::keep_context(t);
    parked_.fetch_add(1);
    stopper_.unpark();
    auto goes = [&] {
        return !on_.load() || (waiters_go_.load() && t.call.early == Task::Call::Early::Goes) || (mortal && t.killed());
    };
    while (!goes()) TaskInternals::park(t);
    parked_.fetch_sub(1);
    // Cleared before the look: a pause that comes after sets it again.
    t.clear_work(kWorkPause);
    if (on_.load() && !waiters_go_.load()) t.set_work(kWorkPause);
    kernel_.cpu_clock().task_runs();
    t.cpu_state.store(Task::CpuState::Sentry);
}

void Pause::settled() {
    if (unsettled_.fetch_sub(1) == 1) stopper_.unpark();
}

}  // namespace sbx
