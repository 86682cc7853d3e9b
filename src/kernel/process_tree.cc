// Linking tasks into the process tree.
#include "src/kernel/process_tree.h"

#include "src/base/panic.h"
#include "src/kernel/notify.h"
#include "src/kernel/ptrace.h"
#include "src/kernel/sessions.h"
#include "src/kernel/user_counts.h"

namespace sbx {

void count_process(Task& t, Kuid user) {
    if (t.counted) user_counts().remove(UserCounts::kProcesses, t.counted_as);
    user_counts().add(UserCounts::kProcesses, user, ~0ull);
    t.counted = true;
    t.counted_as = user;
}

void link_task(Task& t, Task* parent, int exit_signal) {
    TaskSet& ts = tasks_of(t);
    ThreadGroup& g = t.group();
    t.ref();  // the tree's
    t.pid().task = &t;
    t.parent = parent;
    t.exit_signal = exit_signal;
    if (parent) t.parent_exec_id = parent->group().exec_id;
    {
        Lock l(g.handlers()->mu);
        if (!g.leader) {
            g.leader = &t;
            g.pid = Ref(t.pid());
            g.start_time = t.start_time;
            t.pid().group = &g;
            PidNamespace::use(t.pid());
        }
        g.threads.push_back(t);
        g.thread_count++;
        g.live_threads++;
    }
    if (parent && g.leader == &t) parent->children.push_back(t);
    count_process(t, t.creds()->uid);
    ts.task_count.fetch_add(1);
    // The first process of a PID namespace reaps its orphans and takes no signal from inside that would end it.
    PidNamespace& ns = t.pid_ns();
    if (!ns.init && g.leader == &t && t.tid() == 1) {
        ns.init = &g;
        g.unkillable = true;
    }
}

void unlink_new_task(Task& t) {
    std::vector<Ref<Task>> dead;
    t.exit_state = Task::ExitState::Dead;
    t.group().live_threads--;
    release_task(t, dead);
}

void release_task(Task& t, std::vector<Ref<Task>>& dead) {
    TaskSet& ts = tasks_of(t);
    Ref<ThreadGroup> g(t.group());
    bool leader = g->leader == &t;
    if (t.tracer) ptrace_unlink(t);
    {
        Lock l(g->handlers()->mu);
        List<Task, ThreadTag>::remove(t);
        g->thread_count--;
        if (!leader) g->dead_threads.add(resource_use(t));
        t.pending.discard(SigSet{~0ull});
        if (leader) {
            SBX_ASSERT(g->thread_count == 0);
            g->leader = nullptr;
            g->pending.discard(SigSet{~0ull});
        }
    }
    List<Task, ChildTag>::remove(t);
    t.pid().task = nullptr;
    if (leader) {
        leave_pgrp_and_session(*g);
        g->pid->group = nullptr;
        if (g->pid->ns().init == g.get()) g->pid->ns().init = nullptr;
        PidNamespace::unuse(*g->pid);
    }
    PidNamespace::unuse(t.pid());
    if (t.counted) user_counts().remove(UserCounts::kProcesses, t.counted_as);
    t.counted = false;
    ts.task_count.fetch_sub(1);
    // An exiting init waits until it is the last of its namespace.
    for (PidNamespace* ns = &t.pid_ns(); ns; ns = ns->parent())
        if (ns->dying && ns->init)
            for (Task& o : ns->init->threads) o.wake();
    g->thread_gone.notify(kEventIn);
    dead.push_back(Ref<Task>::adopt(&t));

    // A leader that died before its threads is reported when it is the last (release_task: zap_leader).
    if (!leader && g->leader && g->thread_count == 1 && g->leader->exit_state == Task::ExitState::Zombie) {
        Task& l = *g->leader;
        if (notify_parent_of_exit(l, l.exit_signal)) {
            l.exit_state = Task::ExitState::Dead;
            release_task(l, dead);
        }
    }
}

Result<> adopt_outside_task(Task& t) {
    TaskSet& ts = tasks_of(t);
    Lock l(ts.mu);
    if (ts.task_count.load() >= ts.task_limit) return err(EAGAIN);
    link_task(t, nullptr, 0);
    Ref<Pid> id = t.group().pid;
    join_session(t.group(), id);
    join_pgrp(t.group(), id);
    return {};
}

}  // namespace sbx
