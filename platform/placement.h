// Which CPU a task's two threads share: its sentry thread and its stub thread. A hand-over between them costs five to eight times as much across CPUs
// (measured: 8 us against 45-65 us), and the host's scheduler spreads the pair. So pairs are pinned, a ticker evens out the CPUs, and
// application code that just computes is left to the host's scheduler. Used by contexts.
#pragma once

#include <sched.h>
#include <sys/types.h>

#include <atomic>
#include <vector>

#include "src/base/mutex.h"
#include "src/base/types.h"
#include "src/host/parker.h"

namespace sbx::platform {

// A context's place. `running` and `runs` are the context's to write, the rest is under the placement's lock.
struct Seat {
    std::atomic<bool> running{false};  // inside run(): application code wants a CPU
    std::atomic<u32> runs{0};          // calls of run()
    pid_t sentry = 0, stub = 0;
    int cpu = kFloating;
    u32 load = 0;  // moving average of `running` at the ticks, in 1/1024
    u32 seen = 0;  // `runs` at the last tick
    u32 same = 0;  // ticks since it changed
    static constexpr int kFloating = -1;
};

class Placement {
public:
    Placement();
    ~Placement();
    // Seats the calling sentry thread with the stub thread it traces.
    void sit(Seat& seat, pid_t stub);
    void leave(Seat& seat);
    // One run() of the seat's context, from its construction to its end.
    class Run {
    public:
        Run(Placement& p, Seat& seat) : seat_(seat) {
            seat.running.store(true, std::memory_order_seq_cst);
            seat.runs.store(seat.runs.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
            if (!p.awake_.load(std::memory_order_relaxed)) [[unlikely]]
                p.wake();
        }
        ~Run() { seat_.running.store(false, std::memory_order_release); }
        Run(const Run&) = delete;
        Run& operator=(const Run&) = delete;

    private:
        Seat& seat_;
    };

private:
    void wake();
    void loop();
    // Looks at all seats once; false if nothing has happened since the last time.
    bool tick();
    void move(Seat& seat, int cpu) SBX_REQUIRES(mu_);
    u32 load_of(int cpu) const SBX_REQUIRES(mu_);
    int least_loaded() const SBX_REQUIRES(mu_);

    cpu_set_t allowed_;
    std::vector<int> cpus_;
    std::atomic<bool> awake_{true};  // false: the ticker sleeps until a context runs
    std::atomic<bool> stop_{false};
    std::atomic<u32> stopped_{1};
    host::Parker parker_;
    Mutex<Rank::Leaf> mu_;
    std::vector<Seat*> seats_ SBX_GUARDED_BY(mu_);
};

}  // namespace sbx::platform
