// clone, fork, vfork: making a task, and the state in which a vfork parent waits.
#include "src/kernel/task_clone.h"

#include <linux/capability.h>
#include <sched.h>

#include "src/kernel/jobctl.h"
#include "src/kernel/kernel.h"
#include "src/kernel/ns/namespaces.h"
#include "src/kernel/process_tree.h"
#include "src/kernel/ptrace.h"
#include "src/kernel/seccomp.h"
#include "src/kernel/sessions.h"
#include "src/kernel/task_internals.h"
#include "src/kernel/user_counts.h"

#ifndef CLONE_CLEAR_SIGHAND
#define CLONE_CLEAR_SIGHAND 0x100000000ULL
#endif

namespace sbx {
namespace {

constexpr int kEventFork = 1, kEventVfork = 2, kEventClone = 3, kEventVforkDone = 5;  // PTRACE_EVENT_*

Result<> check_flags(Task& t, u64 f) {
    bool thread = f & CLONE_THREAD;
    if ((f & (CLONE_NEWNS | CLONE_FS)) == (CLONE_NEWNS | CLONE_FS)) return err(EINVAL);
    if ((f & (CLONE_NEWUSER | CLONE_FS)) == (CLONE_NEWUSER | CLONE_FS)) return err(EINVAL);
    if (thread && !(f & CLONE_SIGHAND)) return err(EINVAL);
    if ((f & CLONE_SIGHAND) && !(f & CLONE_VM)) return err(EINVAL);
    if ((f & CLONE_SIGHAND) && (f & CLONE_CLEAR_SIGHAND)) return err(EINVAL);
    // Siblings of an init would be nobody's to reap.
    if ((f & CLONE_PARENT) && t.group().unkillable) return err(EINVAL);
    if (thread && ((f & (CLONE_NEWUSER | CLONE_NEWPID)) || !(t.ns().pid_for_children == &t.pid_ns())))
        return err(EINVAL);
    return {};
}

Result<> check_limits(Task& t, const Creds& c) {
    u64 limit = t.rlimit(RLIMIT_NPROC);
    if (user_counts().count(UserCounts::kProcesses, c.uid) >= limit && c.uid != 0 && !c.capable(CAP_SYS_RESOURCE) &&
        !c.capable(CAP_SYS_ADMIN))
        return err(EAGAIN);
    return {};
}

// sched_fork(): with SCHED_RESET_ON_FORK a child is an ordinary task again.
void inherit_scheduling(Task& child, Task& t) {
    int policy = t.sched_policy.load(), priority = t.sched_priority.load(), nice = t.nice.load();
    if (t.sched_reset_on_fork.load()) {
        bool real_time = policy == SCHED_FIFO || policy == SCHED_RR;
        if (real_time) policy = SCHED_OTHER, priority = 0;
        if (real_time || nice < 0) nice = 0;
    }
    child.sched_policy.store(policy);
    child.sched_priority.store(priority);
    child.nice.store(nice);
}

// What the child takes over of the task's own fields.
void inherit(Task& child, Task& t, const CloneArgs& a) {
    bool vm = a.flags & CLONE_VM;
    child.blocked = t.blocked;
    if (!vm || (a.flags & CLONE_VFORK)) child.altstack = t.altstack;
    if (!vm) child.rseq = t.rseq;
    child.timer_slack = t.timer_slack;
    child.mce_kill = t.mce_kill;
    child.mempolicy = t.mempolicy;
    child.io_flusher = t.io_flusher;
    child.personality = t.personality;
    inherit_scheduling(child, t);
    child.ioprio.store(t.ioprio.load());
    child.oom_score_adj.store(t.oom_score_adj.load());
    child.set_affinity(t.affinity());
    if (a.flags & CLONE_CHILD_CLEARTID) child.clear_child_tid = a.child_tid;
    if (a.flags & CLONE_CHILD_SETTID) child.set_child_tid = a.child_tid;
}

Ref<ThreadGroup> new_group(Task& t, u64 flags) {
    ThreadGroup& old = t.group();
    Ref<SignalHandlers> h = (flags & CLONE_SIGHAND) ? old.handlers() : old.handlers()->clone();
    if (flags & CLONE_CLEAR_SIGHAND) h->reset_for_exec();
    Ref<ThreadGroup> g = make_ref<ThreadGroup>(t.kernel(), std::move(h));
    std::array<rlimit, 16> limits = old.limits();
    for (size_t i = 0; i < limits.size(); i++) g->set_limit(static_cast<int>(i), limits[i]);
    g->oom_score_adj.store(old.oom_score_adj.load());
    g->has_child_subreaper = old.has_child_subreaper || old.child_subreaper;
    return g;
}

// A new thread of a process that stops is to stop too (task_join_group_stop).
void join_group_stop(Task& child) {
    ThreadGroup& g = child.group();
    Lock l(g.handlers()->mu);
    if (g.stop_left != 0) {
        g.stop_left++;
        child.jobctl |= static_cast<u32>(g.stop_code) | kJobStopPending | kJobStopConsume;
    } else if (g.stopped) {
        child.jobctl |= static_cast<u32>(g.stop_code) | kJobStopPending;
    }
    if (child.jobctl) child.set_work(kWorkSignal);
}

// Puts the child in the tree. TaskSet::mu held exclusively.
Result<> link_child(Task& t, Task& child, const CloneArgs& a) {
    TaskSet& ts = tasks_of(t);
    if (ts.task_count.load() >= ts.task_limit) return err(EAGAIN);
    bool thread = a.flags & CLONE_THREAD;
    ThreadGroup& g = t.group();
    // A group that is ending gets no more threads, nor children.
    {
        Lock l(g.handlers()->mu);
        if (g.exiting || (g.execing && g.execing != &t) || t.killed()) return err(ERESTARTNOINTR);
    }
    if (child.pid_ns().dying) return err(ENOMEM);
    seccomp_inherit(child, t);  // here, where no other thread can be synchronising filters
    if (thread) {
        link_task(child, g.leader->parent, -1);
        join_group_stop(child);
    } else if (a.flags & CLONE_PARENT) {
        link_task(child, t.parent, g.leader->exit_signal);
    } else {
        link_task(child, &t, a.exit_signal);
    }
    if (!thread) {
        bool new_session = child.tid() == 1 && child.pid_ns().init == &child.group() && !g.session;
        Ref<Pid> session = new_session ? child.group().pid : g.session, pgrp = new_session ? child.group().pid : g.pgrp;
        join_session(child.group(), session);
        join_pgrp(child.group(), pgrp);
    }
    return {};
}

int clone_event(const CloneArgs& a) {
    if (a.flags & CLONE_VFORK) return kEventVfork;
    return a.exit_signal == SIGCHLD && !(a.flags & CLONE_THREAD) ? kEventFork : kEventClone;
}

}  // namespace

Result<int> clone_task(Task& t, const CloneArgs& a, FunctionRef<Result<>(const Ref<Pid>&)> on_pid,
                       FunctionRef<void()> undo) {
    SBX_TRY(check_flags(t, a.flags));
    SBX_TRY(check_limits(t, *t.creds()));
    // A signal that came before goes to one process, not to both.
    if (t.interrupted()) return err(ERESTARTNOINTR);
    bool thread = a.flags & CLONE_THREAD;

    Task::Args n;
    n.kernel = &t.kernel();
    n.creds = t.creds();
    if (a.flags & CLONE_NEWUSER) n.creds = SBX_TRY(creds_in_new_user_ns(*t.creds()));
    n.files = (a.flags & CLONE_FILES) ? t.files_of() : t.files().clone();
    n.fs = (a.flags & CLONE_FS) ? t.fs_of() : t.fs().clone();
    n.ns = t.ns();
    SBX_TRY(make_namespaces(a.flags & kCloneNewMask, *n.creds, n.ns, n.fs.get()));
    if ((a.flags & (CLONE_NEWIPC | CLONE_SYSVSEM)) == (CLONE_NEWIPC | CLONE_SYSVSEM)) return err(EINVAL);
    if (!a.set_tid.empty())
        for (PidNamespace* ns = n.ns.pid_for_children.get(); ns; ns = ns->parent()) {
            size_t depth = n.ns.pid_for_children->level() - ns->level();
            if (depth >= a.set_tid.size()) break;
            if (!t.creds()->capable(CAP_SYS_ADMIN, ns->owner()) &&
                !t.creds()->capable(CAP_CHECKPOINT_RESTORE, ns->owner()))
                return err(EPERM);
        }
    n.mm = (a.flags & CLONE_VM) ? t.mm_ref() : SBX_TRY(t.mm().fork());
    n.group = thread ? Ref(t.group()) : new_group(t, a.flags);
    n.regs = t.regs;
    n.regs.rax = 0;
    if (a.stack) n.regs.rsp = a.stack;
    if (a.flags & CLONE_SETTLS) n.regs.fs_base = a.tls;
    n.fp = &t.fp();
    n.name = t.name();
    {
        Lock l(tasks_of(t).mu);
        n.pid = SBX_TRY(n.ns.pid_for_children->allocate(a.set_tid));
    }
    Ref<Task> child = Task::create(n);
    inherit(*child, t, a);
    if (a.flags & CLONE_NEWUSER) child->no_new_privs = t.no_new_privs;
    int tid = child->tid_in(t.pid_ns());
    auto fail = [&](Errno e, bool linked) {
        Lock l(tasks_of(t).mu);
        if (linked)
            unlink_new_task(*child);
        else
            PidNamespace::unuse(child->pid());
        return err(e);
    };
    if (Result<> r = on_pid(n.pid); !r) return fail(r.error(), false);
    // The child's own number for itself, in its own memory (schedule_tail).
    if (child->set_child_tid) {
        int own = child->tid();
        (void)n.mm->copy_out(child->set_child_tid, &own, sizeof own);
    }
    if (a.flags & CLONE_PARENT_SETTID) (void)t.mm().copy_out(a.parent_tid, &tid, sizeof tid);
    int event = clone_event(a);
    bool traced = false;
    u64 message = 0;
    {
        Lock l(tasks_of(t).mu);
        Result<> linked = link_child(t, *child, a);
        if (!linked) {
            PidNamespace::unuse(child->pid());
            l.unlock();
            undo();
            return err(linked.error());
        }
        if (t.tracer && !(a.flags & CLONE_UNTRACED)) {
            traced = ptrace_event_enabled(t, event);
            message = static_cast<u64>(child->tid_in(t.tracer->pid_ns()));
            if (traced || (a.flags & CLONE_PTRACE)) ptrace_inherit(*child, t, true);
        }
        if (a.flags & CLONE_VFORK) {
            t.vfork_wait.store(true);
            child->vfork_parent = Ref(t);
        }
    }
    if (Result<> r = child->start(); !r) {
        t.vfork_wait.store(false);
        auto failure = fail(r.error(), true);
        undo();
        return failure;
    }
    if (traced) ptrace_event(t, event, message);
    if (a.flags & CLONE_VFORK) t.set_next_state(RunAfterVfork{tid});
    return tid;
}

void release_vfork_parent(Task& t) {
    Ref<Task> parent;
    {
        Lock l(tasks_of(t).mu);
        parent = std::move(t.vfork_parent);
    }
    if (!parent) return;
    parent->vfork_wait.store(false);
    parent->wake();
}

RunState execute(Task& t, RunAfterVfork s) {
    if (ptrace_pending_event(t)) return s;
    while (t.vfork_wait.load()) {
        if (t.has_work(kWorkPause)) return s;
        if (t.block_killable() == BlockResult::Interrupted) return RunSyscallExit{};
    }
    ptrace_event(t, kEventVforkDone, static_cast<u64>(s.child_tid));
    return RunSyscallExit{};
}

}  // namespace sbx
