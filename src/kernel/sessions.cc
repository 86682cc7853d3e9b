// Process groups and sessions.
#include "src/kernel/sessions.h"

#include "src/kernel/tty.h"

namespace sbx {

void join_pgrp(ThreadGroup& g, const Ref<Pid>& pgrp) {
    if (g.pgrp == pgrp) return;
    PidNamespace::use(*pgrp);
    if (g.pgrp) {
        List<ThreadGroup, PgrpTag>::remove(g);
        PidNamespace::unuse(*g.pgrp);
    }
    g.pgrp = pgrp;
    pgrp->pgrp_members.push_back(g);
}

void join_session(ThreadGroup& g, const Ref<Pid>& session) {
    if (g.session == session) return;
    PidNamespace::use(*session);
    if (g.session) {
        List<ThreadGroup, SessionTag>::remove(g);
        PidNamespace::unuse(*g.session);
    }
    g.session = session;
    session->session_members.push_back(g);
}

// g.pgrp and g.session stay set, for who looks at a dead process; they are not in use by it any more.
void leave_pgrp_and_session(ThreadGroup& g) {
    if (List<ThreadGroup, PgrpTag>::linked(g)) {
        List<ThreadGroup, PgrpTag>::remove(g);
        PidNamespace::unuse(*g.pgrp);
    }
    if (List<ThreadGroup, SessionTag>::linked(g)) {
        List<ThreadGroup, SessionTag>::remove(g);
        PidNamespace::unuse(*g.session);
    }
}

// will_become_orphaned_pgrp() of kernel/exit.c
bool is_orphaned_pgrp(const Pid& pgrp, const ThreadGroup* ignored) {
    for (ThreadGroup& g : pgrp.pgrp_members) {
        if (&g == ignored || !g.leader) continue;
        if (g.leader->exit_state != Task::ExitState::Running && g.thread_count <= 1) continue;
        Task* parent = g.leader->parent;
        // Linux leaves out the global init, which is no program of the sandbox: PID 1 here may be a shell that controls jobs.
        if (!parent) continue;
        if (!(parent->group().pgrp == &pgrp) && parent->group().session == g.session) return false;
    }
    return true;
}

void signal_new_orphans(ThreadGroup& g, const ThreadGroup* parent) {
    const ThreadGroup* ignored = nullptr;
    if (!parent) {
        ignored = &g;
        if (!g.leader || !g.leader->parent) return;
        parent = &g.leader->parent->group();
    }
    Pid& pgrp = *g.pgrp;
    if (parent->pgrp == &pgrp || !(parent->session == g.session) || !is_orphaned_pgrp(pgrp, ignored)) return;
    bool stopped = false;
    for (ThreadGroup& m : pgrp.pgrp_members) {
        Lock l(m.handlers()->mu);
        stopped |= m.stopped;
    }
    if (!stopped) return;
    send_pgrp_signal(pgrp, kernel_siginfo(SIGHUP));
    send_pgrp_signal(pgrp, kernel_siginfo(SIGCONT));
}

// ksys_setsid(): fails for a session leader, and where a process group has the number already.
Result<> set_session(ThreadGroup& g) {
    if (g.is_session_leader() || !g.pid->pgrp_members.empty()) return err(EPERM);
    Ref<Pid> id = g.pid;
    join_session(g, id);
    join_pgrp(g, id);
    return {};
}

Result<> set_pgrp(Task& caller, int pid, int pgid) {
    ThreadGroup& self = caller.group();
    PidNamespace& ns = caller.pid_ns();
    if (pid == 0) pid = self.pid_in(ns);
    if (pgid == 0) pgid = pid;
    if (pgid < 0) return err(EINVAL);
    Pid* p = ns.find(pid);
    if (!p || !p->task) return err(ESRCH);
    // The number of a thread that leads no process.
    if (!p->group || !p->group->leader) return err(EINVAL);
    ThreadGroup& g = *p->group;
    if (g.leader->parent && &g.leader->parent->group() == &self) {
        if (!(g.session == self.session)) return err(EPERM);
        if (g.did_exec) return err(EACCES);
    } else if (&g != &self) {
        return err(ESRCH);
    }
    if (g.is_session_leader()) return err(EPERM);
    Ref<Pid> target = g.pid;
    if (pgid != pid) {
        Pid* found = ns.find(pgid);
        if (!found || found->pgrp_members.empty() || !(found->pgrp_members.front()->session == self.session))
            return err(EPERM);
        target = Ref(*found);
    }
    join_pgrp(g, target);
    return {};
}

}  // namespace sbx
