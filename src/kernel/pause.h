// Pause: stops every task at a boundary of its run loop, where all that it needs to go on is in its registers, its run state and kernel
// objects. A call that waits is left, and made again afterwards from where it stood (RunSyscallInvoke): neither application nor tracer nor
// seccomp filter learns of it. Used by the supervisor, to save a sandbox.
#pragma once

#include <atomic>

#include "src/base/mutex.h"
#include "src/base/time.h"
#include "src/host/parker.h"

namespace sbx {

class Kernel;
class Task;

class Pause {
public:
    explicit Pause(Kernel& k) : kernel_(k) {}
    // No timer fires and no new task runs from here on; for a kernel without tasks that is about to be loaded.
    void begin();
    // Stops all tasks, from one thread that is no task's. False if one of them is not there by the deadline; go_on() then.
    bool stop(Nanos deadline);
    // Calls that waited begin again first, so that nobody finds a queue without those who stood there.
    void go_on();
    bool on() const { return on_.load(); }

    // The own thread, at a boundary: returns when the pause is over, or the task is killed and `mortal`.
    void park(Task& t, bool mortal);
    // It waits again, or has no need to any more.
    void settled();

private:
    bool all_parked();

    Kernel& kernel_;
    // seq_cst: with Task::start(), which looks at it once the task counts as a thread.
    std::atomic<bool> on_{false};
    std::atomic<unsigned> parked_{0};
    std::atomic<bool> waiters_go_{false};
    std::atomic<unsigned> unsettled_{0};
    host::Parker stopper_;  // of the thread in stop()
};

}  // namespace sbx
