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
};

// struct rusage counters besides CPU time.
struct ResourceUse {
    CpuTimes cpu;
    u64 minor_faults = 0, major_faults = 0, voluntary = 0, involuntary = 0, max_rss = 0, in_blocks = 0, out_blocks = 0;
    void add(const ResourceUse& o);
};

class ThreadGroup final : public RefCounted, public ListNode<PgrpTag>, public ListNode<SessionTag> {
public:
    ThreadGroup(Kernel& k, Ref<SignalHandlers> h);
    ~ThreadGroup() override;
    Kernel& kernel() const { return kernel_; }

    // --- TaskSet::mu ---
    Task* leader = nullptr;
    List<Task, ThreadTag> threads;
    unsigned thread_count = 0, live_threads = 0;
    Ref<Pid> pid;                      // tgid
    Ref<Pid> pgrp, session;
    bool is_session_leader() const { return session == pid; }
    int pid_in(const PidNamespace& ns) const { return pid->nr_in(ns); }
    bool child_subreaper = false, has_child_subreaper = false;
    bool did_exec = false;             // setpgid by the parent: EACCES after
    ResourceUse dead_threads, children_use;

    // --- handlers()->mu ---
    const Ref<SignalHandlers>& handlers() const { return handlers_; }
    PendingSignals pending;
    // Group stop (signal(7), "Stop and continue"; kernel/signal.c: JOBCTL_*).
    bool stop_pending = false;         // threads are to stop with stop_signal
    bool stopped = false;              // all threads have stopped
    int stop_signal = 0;
    unsigned stop_left = 0;            // threads that have not stopped yet
    bool stop_reported = false;        // a wait has not yet consumed the stop (WSTOPPED)
    bool continued = false;            // SIGCONT since, not consumed yet (WCONTINUED)
    bool exiting = false;              // group exit under way
    int exit_status = 0;               // of the group exit (wait status form)
    Task* execing = nullptr;           // de_thread: everybody else dies
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
    std::unique_ptr<IntervalTimers> itimers;
    std::unique_ptr<PosixTimers> posix_timers;

    std::atomic<int> oom_score_adj{0};
    Nanos start_time = 0;

private:
    friend struct TaskInternals;
    Kernel& kernel_;
    Ref<SignalHandlers> handlers_;     // replaced only by execve (unshared handlers), under both locks
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

// Sending (signal_send.cc). Permission is checked by the caller (signal_permission). TaskSet::mu held shared or exclusive.
// To one thread (tgkill, faults) or to the group (kill).
void send_signal(Task& t, const SigInfo& info);
void send_group_signal(ThreadGroup& g, const SigInfo& info);
// A fault of the task itself: unblocks and resets the handler if the signal is blocked or ignored (force_sig_info). Own thread.
void force_signal(Task& t, const SigInfo& info);
// kill(2)'s permission check: EPERM. sig 0 allowed.
Result<> check_signal_permission(Task& sender, Task& target, int sig);
// To all members of a process group / to the sandbox's init. TaskSet::mu held.
int send_pgrp_signal(Pid& pgrp, const SigInfo& info);
// Recomputes kWorkSignal after a change of masks or queues. SignalHandlers::mu held.
void recalc_signal_work(Task& t);
// Sets the mask (own thread) and recomputes.
void set_signal_mask(Task& t, SigSet mask);

}  // namespace sbx
