// execve's effects on the thread group (de_thread of fs/exec.c, mm_release, ptrace). Called by task_exec.cc.
#include "src/kernel/kernel.h"
#include "src/kernel/notify.h"
#include "src/kernel/process_tree.h"
#include "src/kernel/ptrace.h"
#include "src/kernel/task_clone.h"
#include "src/kernel/task_exec.h"
#include "src/kernel/task_exit.h"
#include "src/kernel/task_internals.h"

namespace sbx {
namespace {

constexpr int kEventExec = 4;  // PTRACE_EVENT_EXEC

// The other threads are gone but for a leader, which must be a zombie by now.
bool alone(Task& t) {
    ThreadGroup& g = t.group();
    if (t.is_leader()) return g.thread_count == 1;
    return g.thread_count == 2 && g.leader->exit_state == Task::ExitState::Zombie;
}

// The caller becomes the leader: its number, its place among the parent's children, its exit signal.
void take_over_leader(Task& t, std::vector<Ref<Task>>& dead) {
    ThreadGroup& g = t.group();
    Task& old = *g.leader;
    Ref<Pid> own(t.pid()), process(old.pid());
    {
        Lock l(g.handlers()->mu);
        g.leader = &t;
        TaskInternals::set_pid(t, process);
        TaskInternals::set_pid(old, own);
        process->task = &t;
        own->task = &old;
    }
    t.parent = old.parent;
    t.parent_exec_id = old.parent_exec_id;
    t.exit_signal = SIGCHLD;
    old.exit_signal = -1;
    t.start_time = old.start_time;
    if (old.parent) {
        old.parent->children.insert_before(old, t);
        List<Task, ChildTag>::remove(old);
    }
    old.exit_state = Task::ExitState::Dead;
    release_task(old, dead);
}

}  // namespace

Result<> de_thread(Task& t) {
    TaskSet& ts = tasks_of(t);
    ThreadGroup& g = t.group();
    {
        Lock l(ts.mu);
        Lock h(g.handlers()->mu);
        if (g.exiting || (g.execing && g.execing != &t) || t.killed()) return err(EAGAIN);
        if (g.thread_count > 1) {
            g.execing = &t;
            g.stop_left = 0;
            for (Task& o : g.threads) {
                if (&o == &t) continue;
                o.pending.enqueue_without_info(SIGKILL);
                o.set_work(kWorkSignal | kWorkKill);
                o.wake();
            }
        }
    }
    std::vector<Ref<Task>> dead;
    TaskWaiter w(t, kEventIn);
    g.thread_gone.add(w);
    Result<> r;
    for (;;) {
        {
            Lock l(ts.mu);
            if (alone(t)) {
                if (!t.is_leader()) take_over_leader(t, dead);
                Lock h(g.handlers()->mu);
                g.execing = nullptr;
                break;
            }
        }
        // A tracer may let us wait for long. The call begins again, with the other threads kept from living on.
        if (t.again_after_pause()) {
            r = err(ERESTARTNOINTR);
            break;
        }
        if (t.block_killable() == BlockResult::Interrupted) {
            Lock l(ts.mu);
            Lock h(g.handlers()->mu);
            g.execing = nullptr;
            r = err(EAGAIN);
            break;
        }
    }
    g.thread_gone.remove(w);
    if (r) g.posix_timers.reset();
    return r;
}

void exec_release_mm(Task& t) {
    release_memory_words(t);
    release_vfork_parent(t);
}

void exec_notify(Task& t) {
    {
        Lock l(tasks_of(t).mu);
        t.group().exec_id++;
        t.exit_signal = SIGCHLD;
    }
    if (ptrace_event_enabled(t, kEventExec)) {
        ptrace_event(t, kEventExec, static_cast<u64>(t.tid()));
        return;
    }
    // An old-style tracer gets a SIGTRAP after each execve.
    bool legacy;
    {
        SharedLock l(tasks_of(t).mu);
        legacy = t.tracer && !t.ptrace->seized;
    }
    if (legacy) send_own_signal(t, SIGTRAP);
}

}  // namespace sbx
