// ThreadGroup: a process (signal_struct): what the threads of one share besides memory and files. TaskSet: all of them, with the lock
// that guards the process tree.
#pragma once

#include <sys/resource.h>

#include <array>

#include "src/kernel/task.h"

namespace sbx {

class PosixTimers;
class IntervalTimers;

struct CpuTimes {
    u64 user = 0, system = 0;  // CPU clock ticks
    template <class A>
    void state(A& ar) {
        ar(user, system);
    }
};

// struct rusage counters besides CPU time.
struct ResourceUse {
    CpuTimes cpu;
    u64 minor_faults = 0, major_faults = 0, voluntary = 0, involuntary = 0, max_rss = 0, in_blocks = 0, out_blocks = 0;
    void add(const ResourceUse& o);
    template <class A>
    void state(A& ar) {
        ar(cpu, minor_faults, major_faults, voluntary, involuntary, max_rss, in_blocks, out_blocks);
    }
};
// Of one thread.
ResourceUse resource_use(const Task& t);

// A part of a thread group that is made at first use and that other threads (the CPU clock) look at.
template <class T>
class SharedSlot {
public:
    std::shared_ptr<T> get() const {
        Lock l(mu_);
        return p_;
    }
    template <class Make>
    std::shared_ptr<T> get_or(Make&& make) {
        Lock l(mu_);
        if (!p_) p_ = make();
        return p_;
    }
    // Destroys outside of the lock.
    void set(std::shared_ptr<T> p) {
        Lock l(mu_);
        p_ = std::move(p);
    }
    void reset() {
        std::shared_ptr<T> old;
        Lock l(mu_);
        old.swap(p_);
        l.unlock();
    }

private:
    mutable Mutex<Rank::Leaf> mu_;
    std::shared_ptr<T> p_ SBX_GUARDED_BY(mu_);
};

class ThreadGroup final : public RefCounted, public ListNode<PgrpTag>, public ListNode<SessionTag> {
public:
    ThreadGroup(Kernel& k, Ref<SignalHandlers> h);
    ~ThreadGroup() override;
    Kernel& kernel() const { return kernel_; }

    // --- TaskSet::mu ---
    Task* leader = nullptr;
    List<Task, ThreadTag> threads;  // changed under handlers()->mu as well: either lock to read
    unsigned thread_count = 0;      // on the list
    unsigned live_threads = 0;      // that have not begun to exit
    Ref<Pid> pid;                   // tgid
    Ref<Pid> pgrp, session;
    bool is_session_leader() const { return session == pid; }
    int pid_in(const PidNamespace& ns) const { return pid->nr_in(ns); }
    bool child_subreaper = false, has_child_subreaper = false;
    bool did_exec = false;  // setpgid by the parent: EACCES after
    ResourceUse dead_threads, children_use;
    // Of all threads, dead ones included, without children.
    ResourceUse resource_use() const;
    CpuTimes cpu_times() const;

    // --- handlers()->mu ---
    const Ref<SignalHandlers>& handlers() const { return handlers_; }
    PendingSignals pending;
    // Group stop (signal(7), "Stop and continue"; kernel/signal.c). Each thread's part is in Task::jobctl.
    bool stopped = false;     // all threads have stopped (SIGNAL_STOP_STOPPED)
    bool continued = false;   // SIGCONT since, not consumed by a wait yet (SIGNAL_STOP_CONTINUED)
    int stop_code = 0;        // the stop signal; 0 once a wait has consumed the stop
    unsigned stop_left = 0;   // threads that are to stop and have not yet
    int cont_report = 0;      // the stop that SIGCONT ended before all threads had stopped: for cld_pending
    int cld_pending = 0;      // CLD_STOPPED or CLD_CONTINUED that the parent is still to be told
    bool unkillable = false;  // init of a PID namespace: SIGNAL_UNKILLABLE
    bool exiting = false;     // group exit under way
    int exit_status = 0;      // of the group exit (wait status form)
    Task* execing = nullptr;  // de_thread: everybody else dies; TaskSet::mu as well
    u64 exec_id = 1;          // counts execs; TaskSet::mu
    // Parents wait here for children's state changes (wait4): kEventIn.
    WaitQueue child_events;
    // exec's de_thread and exit waits for other threads to be gone.
    WaitQueue thread_gone;

    // --- limits_mu ---
    rlimit limit(int resource) const;
    // EPERM: raising a hard limit without CAP_SYS_RESOURCE is the caller's check.
    void set_limit(int resource, rlimit l);
    std::array<rlimit, 16> limits() const;

    // --- own locks (kernel/timers) ---
    // shared_ptr: their classes need not be complete here. Reset when the last thread exits.
    SharedSlot<IntervalTimers> itimers;
    SharedSlot<PosixTimers> posix_timers;
    std::atomic<Nanos> cpu_time{0};  // as the CPU clock charged it, for RLIMIT_CPU and CPU-clock timers

    std::atomic<int> oom_score_adj{0};
    // Sentry memory that its threads allocated, less what they freed (base/heap.h): who is killed when there is too much of it.
    std::atomic<i64> held{0};  // no state: what the loading process allocates is not charged to anybody
    Nanos start_time = 0;

private:
    friend struct TaskInternals;
    friend struct state::Access;
    template <class A>
    auto state_head(A a) const {
        return a.args(a.given(kernel_), handlers_);
    }
    template <class A>
    void state(A& ar);
    Kernel& kernel_;
    Ref<SignalHandlers> handlers_;  // replaced only by execve (unshared handlers), under both locks
    mutable Mutex<Rank::Leaf> limits_mu_;
    std::array<rlimit, 16> limits_ SBX_GUARDED_BY(limits_mu_);
};

class TaskSet {
public:
    RwMutex<Rank::TaskSet> mu;
    Ref<PidNamespace> root_ns;
    // All live or zombie tasks by number in `ns`; null if none. mu held.
    Task* find_task(int tid, const PidNamespace& ns) const;
    ThreadGroup* find_group(int pid, const PidNamespace& ns) const;
    // Number of tasks, for limits.pids and sysinfo.
    std::atomic<unsigned> task_count{0};
    unsigned task_limit = 4096;
    // Sentry threads of tasks; the sandbox is over when the last one ended: all_gone is notified then.
    std::atomic<unsigned> sentry_threads{0};
    WaitQueue all_gone;
};

// The task set of a task's kernel, for files that need no more of the Kernel than that.
TaskSet& tasks_of(const Task& t);

// Sending (signal_send.cc). Permission is checked by the caller (check_signal_permission). TaskSet::mu held shared or exclusive.
// Results: EAGAIN when a real-time signal with a value finds the queue full (RLIMIT_SIGPENDING); most callers need not care.
// To one thread (tgkill, faults) or to the group (kill).
Result<> send_signal(Task& t, const SigInfo& info);
Result<> send_group_signal(ThreadGroup& g, const SigInfo& info);
// The same with a preallocated instance (posix timers), which may be queued still from before.
enum class Sent { Queued, Pending, Ignored };
Sent send_queued_signal(Task& t, bool to_group, QueuedSignal& q);
// A signal that sbx itself was sent or decided on: as from an ancestor PID namespace, and unlike there default actions that end a
// process do so for an init as well: `kill -TERM` of sbx ends `sleep` run as PID 1.
void send_outside_signal(ThreadGroup& g, int sig);
// To itself, with no lock held (SIGPIPE, SIGXFSZ).
void send_own_signal(Task& t, int sig);
// A fault of the task itself: unblocks and resets the handler if the signal is blocked or ignored (force_sig_info). Own thread, no lock.
void force_signal(Task& t, const SigInfo& info);
// A fault in making or reading a signal frame (force_sigsegv): if it was for SIGSEGV, that has no handler any more.
void force_sigsegv(Task& t, int sig);
// kill(2)'s permission check: EPERM. sig 0 allowed. TaskSet::mu held. `info` null or si_code <= 0: from an application.
Result<> check_signal_permission(Task& sender, Task& target, int sig);
// To all members of a process group. TaskSet::mu held. Number of members.
int send_pgrp_signal(Pid& pgrp, const SigInfo& info);
// Recomputes kWorkSignal after a change of masks or queues: sets it for any task, clears it for the calling thread's only.
// SignalHandlers::mu held.
void recalc_signal_work(Task& t);
// Sets the mask (own thread) and recomputes.
void set_signal_mask(Task& t, SigSet mask);
// The registers hold an interrupted call that is to be restarted or to end with EINTR.
bool needs_restart(const Task& t);
// Gives other threads the group's signals in `which` that t does not take. SignalHandlers::mu held.
void retarget_shared_pending(Task& t, SigSet which);
// The next signal in `allowed` for the task itself, its own before the group's (sigtimedwait, signalfd). SignalHandlers::mu held.
bool dequeue_signal(Task& t, SigSet allowed, PendingSignals::Taken* taken);

}  // namespace sbx
