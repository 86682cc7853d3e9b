// What the task_*.cc files share of Task's private parts.
#pragma once

#include "src/kernel/task.h"
#include "src/kernel/thread_group.h"

namespace sbx {

struct TaskInternals {
    // The body of a sentry thread.
    static void run(Task& t);
    // The host took the process away (`error`: that of Platform's calls): ends it, or the sandbox if the host is not to be relied on.
    static void lose_process(Task& t, int error);
    // Gives the task a thread of the host for the application; its error is one for lose_process().
    static Result<> make_context(Task& t);
    // Starts the sentry thread of a task whose run state is set.
    static Result<> start(Task& t);
    // Parks the own thread until its group or ptrace stop ends or it is killed (task_stop.cc), joining pauses.
    static void wait_while_stopped(Task& t);
    // Parks until no pause holds the task, unless it cannot stop where it stands.
    static void join_pause(Task& t);
    // Past the point from which on killing changes nothing. The thread is parked.
    static bool ends(const Task& t) { return std::holds_alternative<RunExitNotify>(t.state_); }
    // In code of this host, where nobody may stay: neither signal frames nor what is saved name it. Not so for who steps by himself.
    static bool in_host_vdso(const Task& t);
    // One instruction in there.
    static RunState step(Task& t);
    // Copies what only the context holds to where a new one is made from.
    static void keep_context(Task& t);
    // Ends the application's thread on the host; the task runs no application code any more. Own thread.
    static void drop_context(Task& t);
    // Parks until wake(), killed or not: for exit, which nothing interrupts.
    static void park(Task& t) { t.parker_.park(); }
    // execve: replaces the address space; the context has moved to it. Own thread.
    static void set_mm(Task& t, Ref<mm::MemoryManager> mm);
    // unshare, setns, execve, exit (null). Own thread.
    static void set_files(Task& t, Ref<vfs::FdTable> f);
    static void set_fs(Task& t, Ref<vfs::FsContext> f);
    static void set_ns(Task& t, NsProxy ns);
    // execve with shared handlers, clone without CLONE_SIGHAND. TaskSet::mu held exclusively.
    static void set_handlers(ThreadGroup& g, Ref<SignalHandlers> h) { g.handlers_ = std::move(h); }
    static void set_pid(Task& t, Ref<Pid> p) { t.pid_ = std::move(p); }
};

}  // namespace sbx
