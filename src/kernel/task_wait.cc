// do_wait() of kernel/exit.c: looks through the children and tracees of a process for one to report.
#include "src/kernel/task_wait.h"

#include <sys/wait.h>

#include "src/kernel/notify.h"
#include "src/kernel/process_tree.h"
#include "src/kernel/ptrace.h"

namespace sbx {
namespace {

using ExitState = Task::ExitState;

class Scan {
public:
    Scan(Task& t, const WaitQuery& q, std::vector<Ref<Task>>& dead) : t_(t), q_(q), dead_(dead) {}

    // True: *out is filled, or result_ is final.
    bool run(WaitResult* out) {
        out_ = out;
        for (Task& thread : t_.group().threads) {
            if ((q_.options & __WNOTHREAD) && &thread != &t_) continue;
            for (Task& c : thread.children)
                if (consider(c, false)) return true;
            for (Task& c : thread.tracees)
                if (consider(c, true)) return true;
        }
        return false;
    }
    bool any_child() const { return any_; }

private:
    bool eligible(const Task& c, bool by_tracer) const {
        if (q_.who == WaitQuery::Who::Pid && !(&c.pid() == q_.pid.get())) return false;
        if (q_.who == WaitQuery::Who::Pgrp && !(c.group().pgrp == q_.pid)) return false;
        // Children made by clone with another signal than SIGCHLD are for __WCLONE; tracers see all.
        if (by_tracer || (q_.options & __WALL)) return true;
        return (c.exit_signal != SIGCHLD) == static_cast<bool>(q_.options & __WCLONE);
    }

    // wait_consider_task()
    bool consider(Task& c, bool ptrace) {
        if (c.exit_state == ExitState::Dead) return false;
        if (!eligible(c, ptrace)) return false;
        if (c.exit_state == ExitState::Trace) {
            if (!ptrace) any_ = true;
            return false;
        }
        // Our own child that another thread of ours traces counts as traced once.
        if (!ptrace && c.tracer && !is_traced_by_other(c)) ptrace = true;
        if (c.exit_state == ExitState::Zombie) {
            bool delayed = c.is_leader() && c.group().thread_count > 1;
            if (!delayed && (ptrace || !c.tracer)) {
                any_ = true;
                return zombie(c, ptrace);
            }
            // A leader whose threads live on: more is to come, for its parent.
            if (!ptrace || (q_.options & (WCONTINUED | WEXITED))) any_ = true;
        } else {
            any_ = true;
        }
        return stopped(c, ptrace) || continued(c);
    }

    void fill(Task& c, int code, int status, int wait_status) {
        out_->pid = c.tid_in(t_.pid_ns());
        out_->uid = c.creds_of()->uid;
        out_->code = code;
        out_->status = status;
        out_->wait_status = wait_status;
        out_->usage = c.is_leader() ? c.group().resource_use() : resource_use(c);
        out_->usage.add(c.group().children_use);
    }

    bool zombie(Task& c, bool ptrace) {
        if (!(q_.options & WEXITED)) return false;
        ThreadGroup& g = c.group();
        int status = g.exiting ? g.exit_status : c.exit_code;
        int code = (status & 0x7f) == 0 ? CLD_EXITED : (status & 0x80) ? CLD_DUMPED : CLD_KILLED;
        fill(c, code, code == CLD_EXITED ? (status >> 8) & 0xff : status & 0x7f, status);
        if (q_.options & WNOWAIT) return true;
        bool for_other = c.tracer && is_traced_by_other(c);
        if (!for_other && c.is_leader()) {
            ThreadGroup& parent = t_.group();
            parent.children_use.add(g.resource_use());
            parent.children_use.add(g.children_use);
        }
        if (for_other && ptrace && c.is_leader()) {
            // The tracer has seen it; now it is the real parent's turn.
            ptrace_unlink(c);
            c.exit_state = ExitState::Zombie;
            if (c.group().thread_count > 1 || !notify_parent_of_exit(c, c.exit_signal)) return true;
        }
        c.exit_state = ExitState::Dead;
        release_task(c, dead_);
        return true;
    }

    // wait_task_stopped(): a tracee's trap, or a completed group stop.
    bool stopped(Task& c, bool ptrace) {
        if (!ptrace && !(q_.options & WSTOPPED)) return false;
        ThreadGroup& g = c.group();
        int code = 0;
        {
            Lock l(g.handlers()->mu);
            int* where = nullptr;
            if (ptrace) {
                if (c.stop.load() == Task::Stop::Traced && c.ptrace && !is_listening(c)) where = &c.ptrace->code;
            } else if (g.stopped) {
                where = &g.stop_code;
            }
            if (!where || *where == 0) return false;
            code = *where;
            if (!(q_.options & WNOWAIT)) *where = 0;
        }
        fill(c, ptrace ? CLD_TRAPPED : CLD_STOPPED, code, (code << 8) | 0x7f);
        return true;
    }

    bool continued(Task& c) {
        if (!(q_.options & WCONTINUED)) return false;
        ThreadGroup& g = c.group();
        {
            Lock l(g.handlers()->mu);
            if (!g.continued) return false;
            if (!(q_.options & WNOWAIT)) g.continued = false;
        }
        fill(c, CLD_CONTINUED, SIGCONT, 0xffff);
        return true;
    }

    Task& t_;
    const WaitQuery& q_;
    std::vector<Ref<Task>>& dead_;
    WaitResult* out_ = nullptr;
    bool any_ = false;
};

}  // namespace

Result<WaitResult> wait_for_child(Task& t, const WaitQuery& q) {
    TaskWaiter w(t, kEventIn);
    ThreadGroup& g = t.group();
    g.child_events.add(w);
    Result<WaitResult> r = err(ECHILD);
    // A child that ends wakes us with a SIGCHLD as well: it is looked for once more before the signal counts (do_wait).
    for (bool interrupted = false;;) {
        std::vector<Ref<Task>> dead;
        bool found, any;
        WaitResult out;
        {
            Lock l(tasks_of(t).mu);
            Scan scan(t, q, dead);
            found = scan.run(&out);
            any = scan.any_child();
        }
        if (found) {
            r = out;
            break;
        }
        if (!any) break;
        if (q.options & WNOHANG) {
            r = WaitResult{};
            break;
        }
        if (interrupted) {
            r = err(ERESTARTSYS);
            break;
        }
        interrupted = t.block() == BlockResult::Interrupted;
    }
    g.child_events.remove(w);
    return r;
}

}  // namespace sbx
