// Tracing of tasks (ptrace(2), kernel/ptrace.c): the state of a tracee, the stops it makes and the requests that act on it. Used by the
// kernel core (stops at calls, signals, events), syscalls/ptrace.cc and procfs.
//
// A tracee stops by marking itself (Task::stop) and reporting; its run loop parks before the next state, so that a stop has no stack. What
// a stop needs on the way out is in PtraceState.
#pragma once

#include "src/kernel/thread_group.h"

namespace sbx {

// Guarded by TaskSet::mu, and by the tracee's SignalHandlers::mu for what signal code reads (options, seized). Kept once made.
struct PtraceState {
    u32 options = 0;  // PTRACE_O_*
    bool seized = false;
    bool syscall_stops = false;     // resumed by PTRACE_SYSCALL
    bool single_step = false;       // resumed by PTRACE_SINGLESTEP
    bool seccomp_stop = false;      // the stop under way is a filter's; own thread
    bool forced_trap_flag = false;  // TF in eflags is single-stepping's, not the program's
    int code = 0;           // of the stop, as wait reports it in si_status (signal | event << 8); 0 once waited for
    u64 message = 0;        // PTRACE_GETEVENTMSG
    bool has_info = false;  // the stop has a siginfo
    SigInfo info{};         // of the stop (PTRACE_GETSIGINFO)
    u8 syscall_op = 0;      // PTRACE_SYSCALL_INFO_* of the stop
    template <class A>
    void state(A& ar) {
        ar(options, seized, syscall_stops, single_step, seccomp_stop, forced_trap_flag, code, message, has_info,
           syscall_op);
        ar.raw(info);
    }
};

inline bool is_traced(const Task& t) { return t.tracer != nullptr; }
inline bool is_seized(const Task& t) { return t.tracer && t.ptrace && t.ptrace->seized; }
// PTRACE_LISTEN: stopped, but not to be waited for. SignalHandlers::mu held.
bool is_listening(const Task& t);
// The tracer is not of the parent's process (ptrace_reparented).
bool is_traced_by_other(const Task& t);

// Stops of the calling tracee: marks and reports; the caller then touches no registers and returns its next run state, before which the
// run loop parks. False if there is no stop to make (not traced, killed). No lock held.
bool ptrace_stop(Task& t, int code, int why, const SigInfo* info, u64 message = 0);
// PTRACE_EVENT_* at once.
bool ptrace_event_stop(Task& t, int event, u64 message);
// PTRACE_EVENT_* of a system call that is under way, if the tracer asked for it: kept in the task until RunSyscallExit, where the result
// is in its register, makes the stop (ptrace_pending_event: true if it did).
void ptrace_event(Task& t, int event, u64 message);
bool ptrace_pending_event(Task& t);
// At entry to or exit from a system call (PTRACE_SYSCALL); true if it stopped. After the stop: the tracer's signal.
bool ptrace_syscall_stop(Task& t, bool entry);
void ptrace_after_syscall_stop(Task& t);
// A step over a system call traps behind it, as the call itself takes no trap (report_single_step).
void ptrace_syscall_step(Task& t);
bool ptrace_event_enabled(const Task& t, int event);

// The tracer is exiting, or execs: lets go of its tracees (kills those with PTRACE_O_EXITKILL). TaskSet::mu held exclusively. Tasks to be
// reaped are added to `dead`.
void ptrace_release_all(Task& tracer, std::vector<Ref<Task>>& dead);
// With TaskSet::mu exclusively and SignalHandlers::mu held.
void ptrace_set_tracer(Task& t, Task* tracer);
// Ends the tracing of one task, without resuming it. TaskSet::mu exclusively.
void ptrace_unlink(Task& t);
// A new child of a tracee becomes its tracer's too. TaskSet::mu exclusively.
void ptrace_inherit(Task& child, Task& parent, bool stop_first);

// ptrace_may_access() of kernel/ptrace.c: may `who` look into `target`? kRead: /proc; kAttach. kFsCreds: by fsuid (procfs).
enum : unsigned { kPtraceRead = 1, kPtraceAttach = 2, kPtraceFsCreds = 4 };
Result<> ptrace_may_access(Task& who, Task& target, unsigned mode);

}  // namespace sbx
