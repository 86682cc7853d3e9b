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
    // Parks the own thread until its group or ptrace stop ends or it is killed (task_stop.cc).
    static void wait_while_stopped(Task& t);
    // Parks until no external stop (pause, checkpoint) holds the task.
    static void wait_for_external_stops(Task& t);
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
