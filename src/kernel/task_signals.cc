// Delivery of signals to a task (get_signal, do_signal_stop of kernel/signal.c): the RunInterrupt state.
#include "src/kernel/cpu_quota.h"
#include "src/kernel/jobctl.h"
#include "src/kernel/kernel.h"
#include "src/kernel/notify.h"
#include "src/kernel/ptrace.h"
#include "src/kernel/sessions.h"
#include "src/kernel/signal_frame.h"
#include "src/kernel/task_internals.h"

namespace sbx {
namespace {

using Mu = Mutex<Rank::SignalHandlers>;

// What is to happen to the task next.
struct Next {
    enum class Kind { Nothing, Handler, Stop, Exit } kind = Kind::Nothing;
    SigInfo info{};
    KernelSigaction action;
    bool after_ptrace_stop = false;
};

// Joins the group stop: true if this completes it. SignalHandlers::mu held.
bool participate_in_stop(Task& t) {
    ThreadGroup& g = t.group();
    bool consume = t.jobctl & kJobStopConsume;
    t.jobctl &= ~(kJobStopPending | kJobStopConsume | kJobStopDequeued);
    if (!consume) return false;
    if (g.stop_left > 0) g.stop_left--;
    if (g.stop_left != 0 || g.stopped) return false;
    g.stopped = true;
    g.continued = false;
    return true;
}

void set_stop_pending(Task& t, int sig) {
    if (t.exiting) return;
    t.jobctl = (t.jobctl & ~(kJobSignalMask)) | static_cast<u32>(sig) | kJobStopPending | kJobStopConsume;
}

// Starts or joins a group stop. SignalHandlers::mu held. True: the task is marked stopped; *completed: the parent is to be told.
bool signal_stop(Task& t, int sig, bool* completed) {
    ThreadGroup& g = t.group();
    *completed = false;
    if (!(t.jobctl & kJobStopPending)) {
        // A SIGCONT since it was dequeued makes the signal void.
        if (!(t.jobctl & kJobStopDequeued) || g.exiting || g.execing) return false;
        // A second stop of a group that is stopped (a tracee was resumed) keeps the first one's report.
        if (!g.stopped) g.stop_code = sig;
        g.stop_left = 0;
        set_stop_pending(t, sig);
        g.stop_left++;
        for (Task& other : g.threads) {
            if (&other == &t || other.exiting || other.stop.load() == Task::Stop::Group) continue;
            set_stop_pending(other, sig);
            g.stop_left++;
            if (is_seized(other)) {
                other.jobctl |= kJobTrapNotify;
                if (other.jobctl & kJobListening) {
                    other.stop.store(Task::Stop::None);
                    other.wake();
                }
            }
            other.set_work(kWorkSignal);
        }
    }
    if (t.tracer) {
        // A tracee traps instead, and joins the group stop there.
        t.jobctl |= kJobTrapStop;
        return false;
    }
    *completed = participate_in_stop(t);
    t.stop.store(Task::Stop::Group);
    return true;
}

void tell_of_group_stop(Task& t, int sig) {
    SharedLock ts(tasks_of(t).mu);
    notify_parent_of_stop(t, false, CLD_STOPPED, sig);
}

// A trap for the group stop, PTRACE_INTERRUPT or PTRACE_LISTEN's news (do_jobctl_trap). No lock held.
void jobctl_trap(Task& t) {
    ThreadGroup& g = t.group();
    int sig, code;
    const SigInfo* info = nullptr;
    SigInfo trap{};
    bool completed = false;
    {
        Lock l(g.handlers()->mu);
        sig = static_cast<int>(t.jobctl & kJobSignalMask);
        t.jobctl &= ~kJobTrapMask;
        bool group_stop = g.stop_left != 0 || g.stopped;
        if (t.jobctl & kJobStopPending) completed = participate_in_stop(t);
        if (is_seized(t)) {
            if (!group_stop || sig == 0) sig = SIGTRAP;
            code = sig | (128 /* PTRACE_EVENT_STOP */ << 8);
            trap.si_signo = sig;
            trap.si_code = code;
            trap.si_pid = t.tid();
            trap.si_uid = t.creds()->user_ns->from_kuid_munged(t.creds()->uid);
            info = &trap;
        } else {
            code = sig ? sig : SIGSTOP;
        }
    }
    if (completed && is_traced_by_other(t)) tell_of_group_stop(t, sig);
    ptrace_stop(t, code, CLD_STOPPED, info);
}

// True if SIGCONT or a completed stop is to be told to the parent; done then. The lock is dropped meanwhile.
bool tell_pending(Task& t) {
    ThreadGroup& g = t.group();
    int why, status;
    {
        Lock l(g.handlers()->mu);
        why = std::exchange(g.cld_pending, 0);
        status = why == CLD_CONTINUED ? SIGCONT : g.cont_report;
    }
    if (!why) return false;
    SharedLock ts(tasks_of(t).mu);
    notify_parent_of_stop(t, false, why, status);
    // A tracer of the leader in another process than the parent wants to know as well.
    if (g.leader->tracer && is_traced_by_other(*g.leader)) notify_parent_of_stop(*g.leader, true, why, status);
    return true;
}

// What a tracer decided about a signal it was shown. False: nothing is left to deliver. SignalHandlers::mu held.
bool after_signal_stop(Task& t, PendingSignals::Taken* taken) {
    int sig = std::exchange(t.ptrace_signal, 0);
    if (!is_valid_signal(sig)) return false;
    taken->info = t.ptrace_info;
    taken->timer = nullptr;
    taken->outside = false;
    if (taken->info.si_signo != sig) {
        // The tracer replaced it (ptrace_signal).
        SigInfo info{};
        info.si_signo = sig;
        info.si_code = SI_USER;
        info.si_pid = t.tracer ? t.tracer->group().pid_in(t.pid_ns()) : 0;
        info.si_uid = t.tracer ? t.creds()->user_ns->from_kuid_munged(t.tracer->creds_of()->uid) : 0;
        taken->info = info;
    }
    return true;
}

Next next_signal(Task& t, bool after_ptrace_stop) SBX_NO_TSA {
    ThreadGroup& g = t.group();
    Next next;
    while (tell_pending(t)) {}
    for (;;) {
        Mu& mu = g.handlers()->mu;
        mu.lock();
        if (g.exiting || (g.execing && g.execing != &t) || t.killed()) {
            int status = g.exiting ? g.exit_status : SIGKILL;
            mu.unlock();
            t.prepare_exit(status);
            next.kind = Next::Kind::Exit;
            return next;
        }
        bool completed = false;
        if ((t.jobctl & kJobStopPending) && signal_stop(t, 0, &completed)) {
            int sig = g.stop_code;
            mu.unlock();
            if (completed) tell_of_group_stop(t, sig);
            next.kind = Next::Kind::Stop;
            return next;
        }
        if (t.jobctl & kJobTrapMask) {
            mu.unlock();
            jobctl_trap(t);
            next.kind = Next::Kind::Stop;
            return next;
        }
        PendingSignals::Taken taken;
        bool got = false, shown = false;
        if (after_ptrace_stop) {
            after_ptrace_stop = false;
            got = shown = after_signal_stop(t, &taken);
            if (got && t.blocked.has(taken.info.si_signo)) {
                mu.unlock();
                SharedLock ts(tasks_of(t).mu);
                (void)send_signal(t, taken.info);
                continue;
            }
        }
        if (!got) {
            got = t.pending.dequeue_synchronous(~t.blocked, &taken);
            if (!got) got = dequeue_signal(t, ~t.blocked, &taken);
        }
        if (!got) {
            recalc_signal_work(t);
            mu.unlock();
            return next;
        }
        int sig = taken.info.si_signo;
        if (t.tracer && !shown && sig != SIGKILL) {
            t.ptrace_info = taken.info;
            t.ptrace_signal = 0;
            mu.unlock();
            if (ptrace_stop(t, sig, CLD_TRAPPED, &taken.info)) {
                next.kind = Next::Kind::Stop;
                next.after_ptrace_stop = true;
                return next;
            }
            // The tracer went away: deliver as usual.
            mu.lock();
        }
        KernelSigaction& a = g.handlers()->actions[sig - 1];
        if (a.handler == kSigIgn) {
            mu.unlock();
            continue;
        }
        if (a.handler != kSigDfl) {
            next.kind = Next::Kind::Handler;
            next.info = taken.info;
            next.action = a;
            if (a.flags & SA_RESETHAND) a.handler = kSigDfl;
            recalc_signal_work(t);
            mu.unlock();
            return next;
        }
        if (is_ignored_by_default(sig) || (g.unkillable && !is_kernel_only(sig) && !taken.outside)) {
            mu.unlock();
            continue;
        }
        if (is_stop_signal(sig)) {
            if (sig != SIGSTOP) {
                // POSIX: terminal stop signals are dropped in an orphaned process group.
                mu.unlock();
                bool orphaned;
                {
                    SharedLock ts(tasks_of(t).mu);
                    orphaned = is_orphaned_pgrp(*g.pgrp, nullptr);
                }
                if (orphaned) continue;
                mu.lock();
            }
            bool stopped = signal_stop(t, sig, &completed);
            int reported = g.stop_code;
            mu.unlock();
            if (!stopped) continue;
            if (completed) tell_of_group_stop(t, reported);
            next.kind = Next::Kind::Stop;
            return next;
        }
        mu.unlock();
        // No core is ever written, so 0x80 is never set in the status.
        t.prepare_group_exit(sig);
        next.kind = Next::Kind::Exit;
        return next;
    }
}

// arch_do_signal_or_restart: what becomes of an interrupted call. The registers alone say whether there is one, so that a tracer can put
// one aside and back.
void restart_without_handler(Task& t) {
    platform::Registers& r = t.regs;
    if (!needs_restart(t)) return;
    r.rax = static_cast<i64>(r.rax) == -ERESTART_RESTARTBLOCK ? 219 /* restart_syscall */ : r.orig_rax;
    r.rip -= 2;
}

void restart_with_handler(Task& t, u64 flags) {
    platform::Registers& r = t.regs;
    if (!needs_restart(t)) return;
    i64 code = -static_cast<i64>(r.rax);
    if (code == ERESTARTNOINTR || (code == ERESTARTSYS && (flags & SA_RESTART))) {
        r.rax = r.orig_rax;
        r.rip -= 2;
    } else {
        r.rax = static_cast<u64>(-static_cast<i64>(EINTR));
    }
}

// handle_signal() of arch/x86/kernel/signal.c.
void deliver(Task& t, const Next& n) {
    int sig = n.info.si_signo;
    SigSet frame_mask = t.restore_mask ? t.saved_mask : t.blocked;
    t.restore_mask = false;
    Result<> made = push_signal_frame(t, n.action, n.info, frame_mask);
    if (!made) {
        force_sigsegv(t, sig);
        return;
    }
    SigSet mask = t.blocked | n.action.mask;
    if (!(n.action.flags & SA_NODEFER)) mask.add(sig);
    set_signal_mask(t, mask);
    // A tracer that steps sees the handler's first instruction (tracehook_signal_handler).
    if (t.tracer && t.ptrace->single_step) {
        SigInfo step = kernel_siginfo(SIGTRAP);
        ptrace_stop(t, SIGTRAP, CLD_TRAPPED, &step);
    }
}

// Of its own doing: it would only meet it again.
bool has_fault(Task& t) {
    Lock l(t.group().handlers()->mu);
    return t.pending.peek(kSynchronousSignals);
}

}  // namespace

bool needs_restart(const Task& t) {
    // orig_rax is -1 outside of system calls, and after rt_sigreturn and execve: what is in rax then is not a result.
    i64 e = -static_cast<i64>(t.regs.rax);
    return static_cast<i64>(t.regs.orig_rax) >= 0 &&
           (e == ERESTARTSYS || e == ERESTARTNOINTR || e == ERESTARTNOHAND || e == ERESTART_RESTARTBLOCK);
}

RunState execute(Task& t, RunInterrupt s) {
    t.clear_work(kWorkNotify);
    if (!s.after_ptrace_stop && !t.killed() && TaskInternals::in_host_vdso(t) && !has_fault(t)) [[unlikely]]
        return TaskInternals::step(t);
    if (t.has_work(kWorkThrottle)) {
        t.clear_work(kWorkThrottle);
        t.kernel().cpu_quota().wait(t);
        // Whoever is being killed for its memory goes first.
        if (t.kernel().short_of_memory()) static_cast<void>(t.block_killable(host_monotonic() + 100 * kNanosPerMilli));
    }
    Next n = next_signal(t, s.after_ptrace_stop);
    switch (n.kind) {
    case Next::Kind::Exit: return RunExitMain{};
    case Next::Kind::Stop:
        // The run loop parks before this state is entered again.
        s.after_ptrace_stop = n.after_ptrace_stop;
        return s;
    case Next::Kind::Handler:
        restart_with_handler(t, n.action.flags);
        deliver(t, n);
        return RunApp{};
    case Next::Kind::Nothing: break;
    }
    restart_without_handler(t);
    if (t.restore_mask) {
        t.restore_mask = false;
        set_signal_mask(t, t.saved_mask);
    }
    return RunApp{};
}

}  // namespace sbx
