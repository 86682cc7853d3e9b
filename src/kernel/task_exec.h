// execve's part in the kernel core. Used by syscalls/exec.cc.
#pragma once

#include "src/kernel/task.h"

namespace sbx {

// What the loader made, as the kernel core needs it.
struct ExecImage {
    Ref<mm::MemoryManager> mm;
    CredsRef creds;
    u64 entry = 0, sp = 0;
    bool privileged = false;
    std::string name;
};

struct Exec {
    // Kills the other threads, takes over the image and the leader's identity. Own thread. An error means that the task was killed meanwhile.
    static Result<> commit(Task& t, ExecImage image);
};

// Kills all other threads of the group and waits for their end; then the task is the leader and has its tid (de_thread in fs/exec.c).
// EAGAIN if another thread is doing the same or the group is exiting. task_exit.cc.
Result<> de_thread(Task& t);
// The old address space is left: robust list, clear_child_tid, and a vfork parent waiting for this task goes on (exec_mm_release).  task_exit.cc.
void exec_release_mm(Task& t);
// Tells a tracer (PTRACE_EVENT_EXEC, or SIGTRAP for an old-style one); exit_signal becomes SIGCHLD.  ptrace.cc.
void exec_notify(Task& t);

}  // namespace sbx
