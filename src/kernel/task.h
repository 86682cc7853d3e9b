// Task: one application thread as the sentry sees it (task_struct). One sentry thread runs its loop and is the only one to touch its
// registers. Used by all of kernel/, syscalls/ and the file systems above the kernel.
//
// Fields are grouped by who may touch them: "own" = the task's own sentry thread only (others while the task is stopped for ptrace and
// TaskSet::mu is held); otherwise the lock named.
#pragma once

#include <sys/resource.h>

#include <atomic>
#include <memory>
#include <optional>
#include <string>

#include "fs/vfs/fd_table.h"
#include "fs/vfs/fs_context.h"
#include "fs/vfs/types.h"
#include "platform/platform.h"
#include "src/base/list.h"
#include "src/base/mutex.h"
#include "src/base/time.h"
#include "src/base/wait_queue.h"
#include "src/cred/creds.h"
#include "src/host/parker.h"
#include "src/kernel/pid.h"
#include "src/kernel/run_state.h"
#include "src/kernel/signal.h"
#include "src/mm/memory_manager.h"
#include "src/mm/user_ptr.h"

namespace sbx {

class IpcNamespace;
class Kernel;
class NetNamespace;
class UtsNamespace;
class ThreadGroup;
struct PtraceState;
struct SeccompFilter;

struct ThreadTag {};
struct ChildTag {};
struct TraceeTag {};

// Namespaces of a task (nsproxy). The PID namespace is the one of its Pid; this one is for its children.
struct NsProxy {
    Ref<RefCounted> uts, ipc, net, cgroup;  // kernel/ns/*.h define them
    Ref<vfs::MountNamespace> mnt;
    Ref<PidNamespace> pid_for_children;
    template <class A>
    void state(A& ar) {
        ar(uts, ipc, net, cgroup, mnt, pid_for_children);
    }
};

// How an interrupted call goes on through restart_syscall(2).
struct RestartBlock {
    enum class Kind : u8 { None, Nanosleep, Poll, Futex } kind = Kind::None;
    u64 args[6] = {};
    Nanos deadline = kNever;  // on `clock`
    int clock = 0;
    template <class A>
    void state(A& ar) {
        ar(kind, args, deadline, clock);
    }
};

enum class BlockResult { Woken, Interrupted, TimedOut };

// What the task must look at before it goes on; bits of Task::work_.
enum Work : u32 {
    kWorkSignal = 1,     // a deliverable signal is pending, or a group stop to join
    kWorkKill = 2,       // SIGKILL, group exit, exec by another thread: interrupts everything
    kWorkNotify = 4,     // run task work (rseq, membarrier, ptrace interrupt, creds change)
    kWorkPause = 8,      // an external stop (pause, checkpoint)
    kWorkThrottle = 16,  // limits.cpus: waits before it goes on in the application; does not interrupt
};

class Task final : public RefCounted,
                   public ListNode<ThreadTag>,
                   public ListNode<ChildTag>,
                   public ListNode<TraceeTag> {
public:
    // --- identity; immutable but for execve by a non-leader (TaskSet::mu exclusive) ---
    Kernel& kernel() const { return kernel_; }
    ThreadGroup& group() const { return *group_; }
    Pid& pid() const { return *pid_; }
    int tid() const;  // in its own PID namespace
    int tid_in(const PidNamespace& ns) const { return pid_->nr_in(ns); }
    PidNamespace& pid_ns() const { return pid_->ns(); }
    bool is_leader() const;

    // --- own ---
    platform::Registers regs{};
    platform::Context* context() const { return context_.get(); }
    platform::FpState& fp() { return context_->fp(); }
    const vfs::Caller& caller();  // for VFS calls; refreshed from the fields below
    mm::MemoryManager& mm() const { return *mm_; }
    const Ref<mm::MemoryManager>& mm_ref() const { return mm_; }
    vfs::FdTable& files() const { return *files_; }
    vfs::FsContext& fs() const { return *fs_; }
    const CredsRef& creds() const { return creds_; }  // own; others: creds_of()
    const NsProxy& ns() const { return ns_; }
    u64 clear_child_tid = 0, set_child_tid = 0;
    u64 robust_list = 0;
    struct Rseq {
        u64 addr = 0;
        u32 length = 0, signature = 0;
    } rseq;
    struct UserDispatch {
        bool on = false;
        u64 start = 0, length = 0, selector = 0;
    } user_dispatch;
    RestartBlock restart_block;
    u64 fault_trap_no = 0, fault_error_code = 0, fault_address = 0;  // of the last fault; in signal frames
    stack_t altstack{};                                              // SS_DISABLE at start
    SigSet saved_mask;  // restored after sigsuspend, ppoll... if restore_mask
    bool restore_mask = false;
    int parent_death_signal = 0;
    bool no_new_privs = false;
    bool in_execve = false;
    u64 timer_slack = 50000;
    // PR_MCE_KILL and PR_SET_IO_FLUSHER: kept and shown; what they govern never happens in here.
    int mce_kill = 2;
    int mempolicy =
        0;  // set_mempolicy(2), with its flags; the only node there is belongs to all but MPOL_DEFAULT and MPOL_LOCAL
    bool io_flusher = false;
    u32 personality = 0;
    Ref<const RefCounted> seccomp_filter;  // kernel/seccomp.h
    int seccomp_mode = 0;
    i32 exit_code = 0;                    // wait status form, set by prepare_exit
    std::unique_ptr<PtraceState> ptrace;  // TaskSet::mu

    // --- signals: SignalHandlers::mu of the group ---
    SigSet blocked;       // written by the own thread only, under the lock; read own without
    SigSet real_blocked;  // sigtimedwait: what was blocked outside
    PendingSignals pending;
    u32 jobctl = 0;  // kJob* of kernel/jobctl.h
    // Set by the own thread; back to Running by whoever ends the stop. Atomic: the run loop looks at it before each state.
    enum class Stop : u8 { None, Group, Traced };
    std::atomic<Stop> stop{Stop::None};
    bool exiting = false;  // past exit_signals(): takes no more signals of the group
    // A signal that a tracer was shown and lets pass or replaces; own thread and tracer while stopped.
    SigInfo ptrace_info{};
    int ptrace_signal = 0;
    int ptrace_event = 0;  // own: PTRACE_EVENT_* to report at the end of the system call
    u64 ptrace_event_message = 0;

    // --- TaskSet::mu ---
    Task* parent = nullptr;         // real_parent: the task that wait4 reports to (a thread of the parent process)
    Task* tracer = nullptr;         // changed under SignalHandlers::mu as well: either lock to read
    List<Task, ChildTag> children;  // group leaders only
    List<Task, TraceeTag> tracees;
    int exit_signal = 0;     // to the parent; -1 for threads
    u64 parent_exec_id = 0;  // of the parent when it made us: an exec since turns exit_signal into SIGCHLD
    // Trace: a dead tracee that its tracer has waited for and its parent has not.
    enum class ExitState : u8 { Running, Exiting, Zombie, Trace, Dead } exit_state = ExitState::Running;
    bool counted = false;  // in RLIMIT_NPROC's count of `counted_as`
    Kuid counted_as = 0;
    Ref<Task> vfork_parent;               // waits for us
    std::atomic<bool> vfork_wait{false};  // waits for a child; cleared by the child

    // --- any thread ---
    std::string name() const;  // comm, at most 15 bytes
    void set_name(std::string_view n);
    CredsRef creds_of() const;             // under Rank::Task
    void set_creds(CredsRef c);            // own thread publishes
    Ref<mm::MemoryManager> mm_of() const;  // null once exited
    Ref<vfs::FdTable> files_of() const;
    Ref<vfs::FsContext> fs_of() const;
    NsProxy ns_of() const;
    // Makes block() return and a running application trap. Any thread, under any lock up to WaitQueue.
    void wake();
    void set_work(u32 bits);
    bool has_work(u32 bits) const { return work_.load(std::memory_order_acquire) & bits; }
    void clear_work(u32 bits) { work_.fetch_and(~bits); }
    bool killed() const { return has_work(kWorkKill); }
    // What it is doing, for /proc/PID/stat: R S D T t Z X, and the CPU clock.
    enum class CpuState : u8 { App, Sentry, Blocked, Stopped };
    std::atomic<CpuState> cpu_state{CpuState::Sentry};  // no state: set by the sentry thread
    std::atomic<u64> user_ticks{0}, system_ticks{0};    // CPU clock ticks
    std::atomic<u64> voluntary_switches{0}, involuntary_switches{0}, minor_faults{0}, major_faults{0};
    Nanos start_time = 0;  // monotonic
    std::atomic<u64> read_bytes{0}, write_bytes{0}, read_calls{0}, write_calls{0};
    std::atomic<int> nice{0}, sched_policy{0}, sched_priority{0}, ioprio{0};
    std::atomic<bool> sched_reset_on_fork{false};
    std::atomic<int> oom_score_adj{0};
    std::vector<u64> affinity() const;  // bit mask words
    void set_affinity(std::vector<u64> mask);

    // --- blocking; own thread (task_block.cc) ---
    // Sleeps until wake(), an interrupting signal or stop, or the deadline (host CLOCK_MONOTONIC). A wake() since the last block()
    // returned counts; spurious wake-ups happen: callers re-check. Register on wait queues first, then check, then block.
    BlockResult block(Nanos deadline = kNever);
    // Only SIGKILL and group exit interrupt.
    BlockResult block_killable(Nanos deadline = kNever);
    // True if a signal or stop is to be handled: calls that could go on for long leave.
    bool interrupted() const { return has_work(kWorkSignal | kWorkKill | kWorkPause); }

    // --- the call in hand, which a pause may make begin again (task_syscall.cc); own ---
    struct Call {
        Nanos began = 0;     // when it first asked for the time
        u64 done = 0;        // bytes that it had moved
        u64 items = 0;       // and, of one that moves several things, what it was done with before that
        bool again = false;  // it was told to begin again
        // And does before the pause ends for all others; then stops until it has.
        enum class Early : u8 { No, Goes, Waits };
        Early early = Early::No;  // no state: from `again`
        template <class A>
        void state(A& ar) {
            ar(began, done, items, again);
        }
    } call;
    // The end of a wait for `span` that counts from the call's first beginning. kNever stays never.
    Nanos deadline_in(Nanos span);
    // For a call that was interrupted and would otherwise have an effect on the application: true if nothing but a pause did it. The call gives
    // ERESTARTNOINTR then, and begins again with `done` and `items` in `call`.
    bool again_after_pause(u64 done = 0, u64 items = 0);
    // It waits, or is over.
    void settle();

    // --- application memory; own thread (convenience over mm()) ---
    template <class T>
    Result<T> copy_in(UserPtr<T> p) {
        static_assert(std::is_trivially_copyable_v<T>);
        T t;
        SBX_TRY(mm_->copy_in(p.addr, &t, sizeof t));
        return t;
    }
    template <class T>
    Result<> copy_out(UserPtr<T> p, const T& t) {
        static_assert(std::is_trivially_copyable_v<T>);
        return mm_->copy_out(p.addr, &t, sizeof t);
    }
    Result<std::string> copy_in_path(UserString s);  // ENAMETOOLONG past PATH_MAX; "" is allowed here
    template <class T>
    Result<std::vector<T>> copy_in_array(UserPtr<T> p, size_t count) {
        std::vector<T> v(count);
        SBX_TRY(mm_->copy_in(p.addr, v.data(), count * sizeof(T)));
        return v;
    }

    // --- limits of the thread group ---
    u64 rlimit(int resource) const;  // soft
    mm::MmLimits mm_limits() const;

    // --- life (task_start.cc, task_exec.cc, task_exit.cc) ---
    struct Args {
        Kernel* kernel = nullptr;
        Ref<ThreadGroup> group;
        Ref<Pid> pid;
        Ref<mm::MemoryManager> mm;
        Ref<vfs::FdTable> files;
        Ref<vfs::FsContext> fs;
        CredsRef creds;
        NsProxy ns;
        platform::Registers regs{};
        const platform::FpState* fp = nullptr;  // copied
        std::string name;
    };
    static Ref<Task> create(const Args& a);
    // Starts the sentry thread; the task runs from `first`. EAGAIN if the host gives no thread.
    Result<> start(RunState first = RunApp{});
    // Marks the task as exiting with a wait status; the run loop leaves at RunExitMain.
    void prepare_exit(int wait_status);
    // Where the run loop goes after the current system call, instead of RunSyscallExit (exit, vfork, execve). Own thread.
    void set_next_state(RunState s) { next_state_ = std::move(s); }
    std::optional<RunState> take_next_state() { return std::exchange(next_state_, std::nullopt); }
    // exit_group: all threads of the group get the status and are killed.
    void prepare_group_exit(int wait_status);

private:
    friend class ThreadGroup;
    friend class TaskSet;
    friend struct state::Access;
    template <class A>
    auto state_head(A a) const {
        return a.args(a.given(kernel_));
    }
    template <class A>
    void state(A& ar);
    void state_loaded(state::Loader& ar);
    friend struct TaskInternals;  // task_*.cc
    explicit Task(Kernel& k);
    ~Task() override;

    Kernel& kernel_;
    Ref<ThreadGroup> group_;
    Ref<Pid> pid_;
    mutable Mutex<Rank::Task>
        mu_;  // guards what other threads read: name_, creds_, mm_, files_, fs_, ns_ (own thread reads without)
    std::string name_;
    CredsRef creds_;
    Ref<mm::MemoryManager> mm_;
    Ref<vfs::FdTable> files_;
    Ref<vfs::FsContext> fs_;
    NsProxy ns_;
    vfs::Caller caller_;  // no state: filled in before each use
    std::vector<u64> affinity_;
    Mutex<Rank::Leaf> context_mu_;  // other threads' use of context_ against its end
    // no state: made by the sentry thread, with what the registers and initial_* say.
    std::unique_ptr<platform::Context> context_;
    platform::FpState initial_fp_;  // of a context that is to be made
    platform::DebugRegisters initial_debug_;
    RunState state_;
    std::optional<RunState> next_state_;
    host::Parker parker_;
    std::atomic<u32> work_{0};
};

// The task whose sentry thread this is, or null.
Task* current_task();

// A waiter that wakes a task.
class TaskWaiter final : public Waiter {
public:
    TaskWaiter(Task& t, EventMask mask) : Waiter(mask), task_(t) {}
    void on_event(EventMask) override { task_.wake(); }

private:
    Task& task_;
};

}  // namespace sbx
