// CPU time of tasks: sampling, and clocks that read it.
#include "src/kernel/cpu_clock.h"

#include <algorithm>

#include "src/base/log.h"
#include "src/host/futex.h"
#include "src/host/thread.h"
#include "src/kernel/cpu_limits.h"
#include "src/kernel/cpu_quota.h"
#include "src/kernel/kernel.h"

namespace sbx {

CpuClock::~CpuClock() {
    if (!started_.load()) return;
    stopping_.store(true);
    parker_.unpark();
    while (stopped_.load() == 0) host::futex_wait(stopped_, 0);
}

void CpuClock::task_runs() {
    if (running_.fetch_add(1) != 0) return;
    if (!started_.load(std::memory_order_acquire) && !started_.exchange(true)) {
        // Without the thread CPU times stand still; everything else works.
        if (!host::spawn_thread(thread, this, "cpu-clock")) {
            SBX_LOG(Warn, "no host thread for the CPU clock");
            stopped_.store(1);
        }
    }
    // seq_cst: pairs with run()'s store of parked_ and its check of running_.
    if (parked_.load()) parker_.unpark();
}

void CpuClock::task_rests() { running_.fetch_sub(1); }

void CpuClock::thread(void* self) { static_cast<CpuClock*>(self)->run(); }

void CpuClock::run() {
    Nanos last = host_monotonic();
    while (!stopping_.load()) {
        if (running_.load() == 0) {
            parked_.store(true);
            if (running_.load() == 0) parker_.park();
            parked_.store(false);
            last = host_monotonic();
            continue;
        }
        parker_.park(last + kPeriod);
        Nanos now = host_monotonic();
        if (now - last < kPeriod) continue;
        // After a stall of the whole machine nobody has run for all of it.
        sample(std::min(now - last, 10 * kPeriod));
        last = now;
    }
    stopped_.store(1);
    host::futex_wake(stopped_);  // uses the address only
}

void CpuClock::sample(Nanos elapsed) {
    charge(elapsed);
    if (kernel_.cpu_quota().is_set() && kernel_.cpu_quota().used(kernel_.platform().cpu_time(), host_monotonic()))
        throttle();
    kernel_.check_memory();
    // Pages that are mapped already are touched without a call or a fault that we see.
    if (kernel_.short_of_memory()) throttle();
}

void CpuClock::charge(Nanos elapsed) {
    TaskSet& tasks = kernel_.tasks();
    HeldTimers held;  // outlives the lock
    SharedLock l(tasks.mu);
    Nanos share = elapsed;
    unsigned running = running_.load(), cpus = kernel_.host_cpus();
    if (running > cpus) share = elapsed * cpus / running;
    u64 ticks = static_cast<u64>(share / kTick);
    for (auto& [nr, pid] : tasks.root_ns->pids()) {
        ThreadGroup* g = pid->group;
        if (!g) continue;
        Nanos user = 0, system = 0;
        for (Task& t : g->threads) {
            Task::CpuState s = t.cpu_state.load(std::memory_order_relaxed);
            if (s == Task::CpuState::App) {
                t.user_ticks.fetch_add(ticks, std::memory_order_relaxed);
                user += share;
            } else if (s == Task::CpuState::Sentry) {
                t.system_ticks.fetch_add(ticks, std::memory_order_relaxed);
                system += share;
            }
        }
        if (user + system != 0) cpu_time_passed(*g, user, system, held);
    }
}

// Whoever runs now waits as soon as it can: in the application at once, in the sentry when it leaves.
void CpuClock::throttle() {
    TaskSet& tasks = kernel_.tasks();
    SharedLock l(tasks.mu);
    for (auto& [nr, pid] : tasks.root_ns->pids()) {
        if (!pid->group) continue;
        for (Task& t : pid->group->threads) {
            Task::CpuState s = t.cpu_state.load(std::memory_order_relaxed);
            if (s == Task::CpuState::App || s == Task::CpuState::Sentry) t.set_work(kWorkThrottle);
        }
    }
}

Result<Nanos> cpu_clock_now(Task& t, clockid_t clock) {
    auto ticks_of = [](const Task& task) {
        return static_cast<Nanos>(task.user_ticks.load() + task.system_ticks.load()) * CpuClock::kTick;
    };
    auto group_time = [&](ThreadGroup& g) {
        Nanos sum = static_cast<Nanos>(g.dead_threads.cpu.user + g.dead_threads.cpu.system) * CpuClock::kTick;
        for (Task& other : g.threads) sum += ticks_of(other);
        return sum;
    };
    if (clock == CLOCK_THREAD_CPUTIME_ID) return ticks_of(t);
    SharedLock l(t.kernel().tasks().mu);
    if (clock == CLOCK_PROCESS_CPUTIME_ID) return group_time(t.group());
    // clock_getcpuclockid(3) and pthread_getcpuclockid(3): ~id << 3, bit 2 for a thread, and one of three kinds of time.
    if (clock >= 0 || (clock & 3) == 3) return err(EINVAL);
    int id = ~(clock >> 3);
    bool thread = clock & 4;
    if (thread) {
        Task* other = id == 0 ? &t : t.kernel().tasks().find_task(id, t.pid_ns());
        if (!other || &other->group() != &t.group()) return err(EINVAL);
        return ticks_of(*other);
    }
    ThreadGroup* g = id == 0 ? &t.group() : t.kernel().tasks().find_group(id, t.pid_ns());
    if (!g) return err(EINVAL);
    return group_time(*g);
}

}  // namespace sbx
