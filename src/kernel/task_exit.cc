// Exit: a task gives up its resources, tells its parent and tracer, and its children get a new parent.
#include "src/kernel/task_exit.h"

#include "src/kernel/futex.h"
#include "src/kernel/jobctl.h"
#include "src/kernel/kernel.h"
#include "src/kernel/notify.h"
#include "src/kernel/process_tree.h"
#include "src/kernel/ptrace.h"
#include "src/kernel/sem_undo.h"
#include "src/kernel/sessions.h"
#include "src/kernel/task_clone.h"
#include "src/kernel/task_internals.h"
#include "src/kernel/tty.h"

namespace sbx {
namespace {

constexpr int kEventExit = 6;  // PTRACE_EVENT_EXIT

// exit_signals(): takes no more of the group's signals, and does not hold up a group stop.
void leave_signals(Task& t) {
    ThreadGroup& g = t.group();
    bool completed = false;
    int sig = 0;
    {
        Lock l(g.handlers()->mu);
        t.exiting = true;
        if (!g.exiting && g.thread_count > 1) {
            retarget_shared_pending(t, ~t.blocked);
            if (t.jobctl & kJobStopPending) {
                bool consume = t.jobctl & kJobStopConsume;
                if (consume && g.stop_left > 0 && --g.stop_left == 0 && !g.stopped) {
                    g.stopped = true;
                    g.continued = false;
                    completed = true;
                    sig = g.stop_code;
                }
            }
        }
        t.jobctl &= ~kJobPendingMask;
    }
    if (!completed) return;
    SharedLock ts(tasks_of(t).mu);
    notify_parent_of_stop(t, false, CLD_STOPPED, sig);
}

// The session's terminal goes with its leader (disassociate_ctty).
void leave_terminal(ThreadGroup& g) {
    Ref<ControllingTty> tty;
    Ref<Pid> foreground, session;
    {
        Lock l(g.kernel().tasks().mu);
        if (!g.is_session_leader()) return;
        session = g.session;
        tty = std::move(session->tty);
        foreground = std::move(session->tty_foreground);
    }
    if (tty) tty->session_ended(*session, foreground.get(), true);
}

void drop_files(Task& t) {
    Ref<vfs::FdTable> files = t.files_of();
    vfs::Caller c = t.caller();
    TaskInternals::set_files(t, nullptr);
    // The last user's exit is close(2) of everything.
    if (files && files->ref_count() == 1) files->close_all(c);
    files.reset();
    TaskInternals::set_fs(t, nullptr);
}

// find_alive_thread(): another thread of the process takes over the children, or ...
Task* alive_thread(ThreadGroup& g, const Task* but) {
    Lock l(g.handlers()->mu);  // of `exiting`
    for (Task& o : g.threads)
        if (&o != but && o.exit_state == Task::ExitState::Running && !o.exiting) return &o;
    return nullptr;
}

// ... the nearest subreaper, or the init of the PID namespace (find_new_reaper). Null: nobody is left.
Task* find_reaper(Task& father) {
    if (Task* o = alive_thread(father.group(), &father)) return o;
    PidNamespace& ns = father.pid_ns();
    if (father.group().has_child_subreaper) {
        for (Task* p = father.parent; p && &p->pid_ns() == &ns && &p->group() != ns.init; p = p->parent) {
            if (!p->group().child_subreaper) continue;
            if (Task* o = alive_thread(p->group(), nullptr)) return o;
        }
    }
    if (!ns.init || ns.init == &father.group()) return nullptr;
    return alive_thread(*ns.init, nullptr);
}

// A dead child of the new parent's is told of again, or reaped (reparent_leader).
void reparent_leader(Task& child, ThreadGroup& old_parent, std::vector<Ref<Task>>& dead) {
    if (child.exit_state == Task::ExitState::Dead) return;
    // Threads are not prepared for another signal.
    child.exit_signal = SIGCHLD;
    if (!child.tracer && child.exit_state == Task::ExitState::Zombie && child.group().thread_count == 1) {
        if (notify_parent_of_exit(child, child.exit_signal)) {
            child.exit_state = Task::ExitState::Dead;
            release_task(child, dead);
            return;
        }
    }
    signal_new_orphans(child.group(), &old_parent);
}

void send_death_signal(Task& child) {
    if (!child.parent_death_signal) return;
    SigInfo info{};
    info.si_signo = child.parent_death_signal;
    info.si_code = SI_USER;
    (void)send_group_signal(child.group(), info);
}

// forget_original_parent(). TaskSet::mu held exclusively.
void give_children_away(Task& father, std::vector<Ref<Task>>& dead) {
    ptrace_release_all(father, dead);
    if (father.children.empty()) return;
    Task* reaper = find_reaper(father);
    std::vector<Task*> children;
    for (Task& c : father.children) children.push_back(&c);
    for (Task* c : children) {
        for (Task& thread : c->group().threads) {
            thread.parent = reaper;
            send_death_signal(thread);
        }
        List<Task, ChildTag>::remove(*c);
        if (reaper) reaper->children.push_back(*c);
        if (!reaper || &reaper->group() != &father.group()) reparent_leader(*c, father.group(), dead);
    }
}

// zap_pid_ns_processes(): the init of a PID namespace takes everything in it along. False: there is a pause to join before all are gone.
bool end_namespace(Task& t) {
    PidNamespace& ns = t.pid_ns();
    TaskSet& ts = tasks_of(t);
    ThreadGroup& g = t.group();
    {
        Lock l(g.handlers()->mu);
        g.handlers()->actions[SIGCHLD - 1].handler = kSigIgn;
    }
    for (;;) {
        std::vector<Ref<Task>> dead;
        {
            Lock l(ts.mu);
            ns.dying = true;
            // What it traces is held for nobody any more.
            ptrace_release_all(t, dead);
            bool others = false;
            std::vector<Task*> zombies;
            for (auto& [nr, pid] : ns.pids()) {
                if (!pid->task || &pid->task->group() == &g) continue;
                others = true;
                if (pid->group) (void)send_group_signal(*pid->group, kernel_siginfo(SIGKILL));
                Task& o = *pid->task;
                if (o.exit_state == Task::ExitState::Zombie && o.is_leader() && o.group().thread_count == 1 &&
                    (!o.parent || &o.parent->group() == &g) && !o.tracer)
                    zombies.push_back(&o);
            }
            for (Task* z : zombies) {
                z->exit_state = Task::ExitState::Dead;
                release_task(*z, dead);
            }
            if (!others) return true;
        }
        dead.clear();
        {
            SharedLock l(ts.mu);
            bool others = false;
            for (auto& [nr, pid] : ns.pids()) others |= pid->task && &pid->task->group() != &g;
            if (!others) return true;
        }
        if (t.has_work(kWorkPause)) return false;
        TaskInternals::park(t);
    }
}

bool last_thread(Task& t) {
    Lock l(tasks_of(t).mu);
    ThreadGroup& g = t.group();
    t.exit_state = Task::ExitState::Exiting;
    return --g.live_threads == 0;
}

int group_status(ThreadGroup& g, const Task& leader) { return g.exiting ? g.exit_status : leader.exit_code; }

}  // namespace

void Task::prepare_exit(int wait_status) {
    exit_code = wait_status;
    set_next_state(RunExitMain{});
}

void Task::prepare_group_exit(int wait_status) {
    ThreadGroup& g = *group_;
    {
        Lock l(g.handlers()->mu);
        if (g.exiting) {
            wait_status = g.exit_status;
        } else if (g.execing) {
            wait_status = 0;
        } else {
            g.exiting = true;
            g.exit_status = wait_status;
            g.stop_left = 0;
            for (Task& o : g.threads) {
                if (&o == this) continue;
                o.jobctl &= ~kJobPendingMask;
                o.pending.enqueue_without_info(SIGKILL);
                o.set_work(kWorkSignal | kWorkKill);
                o.wake();
            }
        }
    }
    prepare_exit(wait_status);
}

void release_memory_words(Task& t) {
    exit_robust_list(t);
    if (t.clear_child_tid) {
        u64 addr = std::exchange(t.clear_child_tid, 0);
        // Nobody can look if the memory is ours alone.
        if (t.mm_ref()->ref_count() > 1) {
            u32 zero = 0;
            if (t.mm().copy_out(addr, &zero, sizeof zero))
                (void)t.kernel().futexes().wake(t, {.addr = addr, .shared = true}, 1, FUTEX_BITSET_MATCH_ANY);
        }
    }
}

RunState execute(Task& t, RunExitMain s) {
    (void)t.take_next_state();
    if (!s.after_ptrace_stop && ptrace_event_stop(t, kEventExit, static_cast<u64>(t.exit_code)))
        return RunExitMain{.after_ptrace_stop = true};
    leave_signals(t);
    ThreadGroup& g = t.group();
    bool last = last_thread(t);
    if (t.mm_ref()) {
        if (last) {
            u64 rss = t.mm().max_rss();
            Lock l(tasks_of(t).mu);
            if (rss > g.dead_threads.max_rss) g.dead_threads.max_rss = rss;
        }
        release_memory_words(t);
    }
    if (last) {
        g.itimers.reset();
        g.posix_timers.reset();
    }
    TaskInternals::drop_context(t);
    TaskInternals::set_mm(t, nullptr);
    release_vfork_parent(t);
    if (last) undo_semaphores(t);
    drop_files(t);
    if (last) leave_terminal(g);
    NsProxy ns = t.ns();
    ns.mnt = nullptr;
    ns.uts = ns.ipc = ns.net = ns.cgroup = nullptr;
    TaskInternals::set_ns(t, std::move(ns));
    return RunExitNotify{};
}

RunState execute(Task& t, RunExitNotify) {
    ThreadGroup& g = t.group();
    TaskSet& ts = tasks_of(t);
    bool is_init = false, group_dead = false;
    {
        SharedLock l(ts.mu);
        group_dead = g.live_threads == 0;
        is_init = t.pid_ns().init == &g;
    }
    if (is_init && group_dead && !end_namespace(t)) return RunExitNotify{};
    std::vector<Ref<Task>> dead;
    {
        Lock l(ts.mu);
        give_children_away(t, dead);
        if (g.live_threads == 0 && g.leader) signal_new_orphans(g, nullptr);
        t.exit_state = Task::ExitState::Zombie;
        bool leader = t.is_leader();
        bool reap;
        if (g.thread_count == 1 && leader && ts.root_ns->init == &g) t.kernel().init_status.store(group_status(g, t));
        if (t.tracer) {
            bool group_end = leader && g.thread_count == 1 && !is_traced_by_other(t);
            reap = notify_parent_of_exit(t, group_end ? t.exit_signal : SIGCHLD);
        } else if (leader) {
            reap = g.thread_count == 1 && notify_parent_of_exit(t, t.exit_signal);
        } else {
            reap = true;
        }
        if (reap) {
            t.exit_state = Task::ExitState::Dead;
            // The status of an init whose leader ended before its last thread is its leader's or the group's all the same.
            if (!leader && g.leader && g.thread_count == 2 && ts.root_ns->init == &g &&
                g.leader->exit_state == Task::ExitState::Zombie)
                t.kernel().init_status.store(group_status(g, *g.leader));
            release_task(t, dead);
        }
        g.thread_gone.notify(kEventIn);
    }
    dead.clear();
    return RunExitDone{};
}

}  // namespace sbx
