// RunState: where a task stands in its run loop (ARCHITECTURE.md, "A task"). A boundary stands wherever a task may be stopped for
// an unbounded time; what a task needs to go on is in its state and in kernel objects. Used by task_run.cc and the files that hold the
// states' execute().
#pragma once

#include <variant>

#include "src/base/types.h"

namespace sbx {

class Task;

struct RunApp;
struct RunSyscallEntry;
struct RunSyscallInvoke;
struct RunSyscallExit;
struct RunInterrupt;
struct RunAfterVfork;
struct RunExitMain;
struct RunExitNotify;
struct RunExitDone;

// Run application code until it traps, then handle the trap.            task_run.cc
struct RunApp {
    template <class A>
    void state(A&) {}
};
// A system call trapped: seccomp and ptrace syscall-enter stops.        task_syscall.cc
struct RunSyscallEntry {
    bool after_ptrace_stop = false;
    template <class A>
    void state(A& ar) {
        ar(after_ptrace_stop);
    }
};
// Carry out the system call in the registers.                           task_syscall.cc
struct RunSyscallInvoke {
    bool restart = false;  // a pause interrupted it: goes on by its restart block
    template <class A>
    void state(A& ar) {
        ar(restart);
    }
};
// It is done (result in rax or a restart code): ptrace exit stop.       task_syscall.cc
struct RunSyscallExit {
    bool after_ptrace_stop = false;
    template <class A>
    void state(A& ar) {
        ar(after_ptrace_stop);
    }
};
// Look at signals, stops and other work before going back.              task_signals.cc
struct RunInterrupt {
    // A signal that a ptrace signal-delivery-stop reported and that is to be delivered now (0: none).
    bool after_ptrace_stop = false;
    template <class A>
    void state(A& ar) {
        ar(after_ptrace_stop);
    }
};
// A vfork parent waits for its child's exec or exit.                    task_clone.cc
struct RunAfterVfork {
    int child_tid = 0;
    template <class A>
    void state(A& ar) {
        ar(child_tid);
    }
};
// Exit: release resources; then tell parent and tracer; then wait to be reaped.    task_exit.cc
struct RunExitMain {
    bool after_ptrace_stop = false;  // PTRACE_EVENT_EXIT
    template <class A>
    void state(A& ar) {
        ar(after_ptrace_stop);
    }
};
struct RunExitNotify {
    template <class A>
    void state(A&) {}
};
struct RunExitDone {
    template <class A>
    void state(A&) {}
};

using RunState = std::variant<RunApp, RunSyscallEntry, RunSyscallInvoke, RunSyscallExit, RunInterrupt, RunAfterVfork,
                              RunExitMain, RunExitNotify, RunExitDone>;

// One per state, in the file named above.
RunState execute(Task& t, RunApp s);
RunState execute(Task& t, RunSyscallEntry s);
RunState execute(Task& t, RunSyscallInvoke s);
RunState execute(Task& t, RunSyscallExit s);
RunState execute(Task& t, RunInterrupt s);
RunState execute(Task& t, RunAfterVfork s);
RunState execute(Task& t, RunExitMain s);
RunState execute(Task& t, RunExitNotify s);

}  // namespace sbx
