// Sending signals (kernel/signal.c: prepare_signal, __send_signal_locked, complete_signal) and forcing faults.
#include <linux/capability.h>

#include "src/kernel/itimers.h"
#include "src/kernel/jobctl.h"
#include "src/kernel/ptrace.h"
#include "src/kernel/thread_group.h"
#include "src/kernel/user_counts.h"

namespace sbx {
namespace {

// Who sends, where it matters for an init process.
enum class Origin { Inside, Ancestor, Outside };

bool ignored_by_action(const KernelSigaction& a, int sig) {
    return a.handler == kSigIgn || (a.handler == kSigDfl && is_ignored_by_default(sig));
}

bool task_ignores(Task& t, int sig, Origin o) SBX_NO_TSA {
    const KernelSigaction& a = t.group().handlers()->actions[sig - 1];
    if (t.group().unkillable && a.handler == kSigDfl && o != Origin::Outside &&
        !(o == Origin::Ancestor && is_kernel_only(sig)))
        return true;
    return ignored_by_action(a, sig);
}

bool is_ignored(Task& t, int sig, Origin o) {
    // Blocked: the handler may be another one by the time it is unblocked.
    if (t.blocked.has(sig) || t.real_blocked.has(sig)) return false;
    // A tracer sees every signal but SIGKILL.
    if (t.tracer && sig != SIGKILL) return false;
    return task_ignores(t, sig, o);
}

// A tracee that listens for news is made to trap again (ptrace_trap_notify).
void trap_notify(Task& t) {
    t.jobctl |= kJobTrapNotify;
    t.set_work(kWorkSignal);
    if (t.jobctl & kJobListening) {
        t.stop.store(Task::Stop::None);
        t.wake();
    }
}

// Stop signals and SIGCONT cancel each other; SIGCONT resumes at once. False: nothing is to be queued.
bool prepare_signal(Task& t, int sig, Origin o) {
    ThreadGroup& g = t.group();
    if (g.exiting) return sig == SIGKILL;
    if (is_stop_signal(sig)) {
        SigSet cont = SigSet::of(SIGCONT);
        g.pending.discard(cont);
        for (Task& other : g.threads) other.pending.discard(cont);
    } else if (sig == SIGCONT) {
        g.pending.discard(kStopSignals);
        for (Task& other : g.threads) {
            other.pending.discard(kStopSignals);
            other.jobctl &= ~(kJobStopPending | kJobStopConsume | kJobStopDequeued);
            if (is_seized(other)) {
                trap_notify(other);
            } else if (other.stop.load() == Task::Stop::Group) {
                other.stop.store(Task::Stop::None);
                other.wake();
            }
        }
        // The first thread to come out of the stop tells the parent.
        int why = g.stopped ? CLD_CONTINUED : g.stop_left ? CLD_STOPPED : 0;
        if (why) {
            g.cld_pending = why;
            g.stopped = false;
            g.continued = true;
            g.stop_left = 0;
            g.cont_report = g.stop_code;
            g.stop_code = 0;
        }
    }
    return !is_ignored(t, sig, o);
}

bool wants(Task& t, int sig) {
    if (t.blocked.has(sig) || t.exiting) return false;
    if (sig == SIGKILL) return true;
    if (t.stop.load() != Task::Stop::None) return false;
    return !t.has_work(kWorkSignal);
}

// Finds a thread to take it; a signal that certainly kills does so at once, so that SIGKILL and the like need no thread to run.
void complete_signal(Task& t, int sig, bool to_group, Origin o) SBX_NO_TSA {
    ThreadGroup& g = t.group();
    Task* target = nullptr;
    if (wants(t, sig)) {
        target = &t;
    } else if (to_group) {
        for (Task& other : g.threads)
            if (wants(other, sig)) {
                target = &other;
                break;
            }
    }
    if (!target) return;
    const KernelSigaction& a = g.handlers()->actions[sig - 1];
    bool fatal = a.handler == kSigDfl && !is_stop_signal(sig) && !is_ignored_by_default(sig) &&
                 (!g.unkillable || o == Origin::Outside || is_kernel_only(sig));
    // sig_fatal() with SIGKILL: its handler is always the default.
    if (fatal && !g.exiting && !t.real_blocked.has(sig) && (sig == SIGKILL || !t.tracer)) {
        g.exiting = true;
        g.exit_status = sig;
        g.stop_left = 0;
        for (Task& other : g.threads) {
            other.jobctl &= ~kJobPendingMask;
            other.pending.enqueue_without_info(SIGKILL);
            other.set_work(kWorkSignal | kWorkKill);
            other.wake();
        }
        return;
    }
    target->set_work(kWorkSignal | (sig == SIGKILL ? kWorkKill : 0u));
    if (sig == SIGKILL) target->wake();
}

bool names_a_sender(const SigInfo& info) {
    return info.si_code <= 0 && info.si_code != SI_TIMER && info.si_code != SI_SIGIO;
}

// The program that sbx was asked to run is PID 1, but it is no init to its user, who expects abort(), a closed pipe, an alarm or Ctrl-C to
// end it as they would outside: so only what other processes inside send it is held back, as Linux does with all.
bool ends_first_program(const Task& target, const SigInfo& info, const Task* sender) {
    const ThreadGroup& g = target.group();
    if (!g.unkillable || tasks_of(target).root_ns->init != &g) return false;
    return !names_a_sender(info) || (sender && &sender->group() == &g);
}

Origin origin_of(const Task& target, const SigInfo& info) {
    Task* sender = current_task();
    if (ends_first_program(target, info, sender)) return Origin::Outside;
    if (info.si_code == SI_KERNEL) return Origin::Ancestor;
    if (info.si_code > 0) return Origin::Inside;
    // A sender that the target's namespace does not show is in an ancestor of it.
    if (!sender || sender->group().pid->nr_in(target.pid_ns()) == 0) return Origin::Ancestor;
    return Origin::Inside;
}

QueuedSignal* make_queued(const Task& t, const SigInfo& info) {
    // Linux charges the receiver's real user, and lets the kernel's own and plain kill()s of standard signals exceed the limit.
    Kuid user = t.creds_of()->uid;
    bool override_limit = info.si_signo < kSigRtMin && info.si_code >= 0;
    u64 limit = override_limit ? ~0ull : t.rlimit(RLIMIT_SIGPENDING);
    if (!user_counts().add(UserCounts::kPendingSignals, user, limit)) return nullptr;
    QueuedSignal* q = new QueuedSignal;
    q->info = info;
    q->charged = true;
    q->charged_to = user;
    return q;
}

// SignalHandlers::mu held.
Result<> send_locked(Task& t, const SigInfo& given, bool to_group, Origin o) {
    int sig = given.si_signo;
    if (!prepare_signal(t, sig, o)) return {};
    ThreadGroup& g = t.group();
    PendingSignals& pending = to_group ? g.pending : t.pending;
    if (sig < kSigRtMin && pending.set().has(sig)) return {};
    QueuedSignal* q = nullptr;
    if (sig != SIGKILL) {
        SigInfo info = given;
        Task* sender = current_task();
        if (names_a_sender(info) && sender && o != Origin::Outside) {
            if (o == Origin::Ancestor) info.si_pid = 0;
            if (!(sender->creds()->user_ns == t.creds_of()->user_ns))
                info.si_uid = t.creds_of()->user_ns->from_kuid_munged(sender->creds()->user_ns->to_kuid(info.si_uid));
        }
        q = make_queued(t, info);
        if (!q && sig >= kSigRtMin && info.si_code != SI_USER && info.si_code != SI_KERNEL) return err(EAGAIN);
    }
    if (q) {
        q->outside = o == Origin::Outside;
        pending.enqueue(q);
    } else {
        pending.enqueue_without_info(sig);
    }
    g.handlers()->queued.notify(kEventIn);
    complete_signal(t, sig, to_group, o);
    return {};
}

}  // namespace

Result<> send_signal(Task& t, const SigInfo& info) {
    Origin o = origin_of(t, info);
    Lock l(t.group().handlers()->mu);
    return send_locked(t, info, false, o);
}

Result<> send_group_signal(ThreadGroup& g, const SigInfo& info) {
    if (!g.leader) return {};
    Origin o = origin_of(*g.leader, info);
    Lock l(g.handlers()->mu);
    return send_locked(*g.leader, info, true, o);
}

Sent send_queued_signal(Task& t, bool to_group, QueuedSignal& q) {
    ThreadGroup& g = t.group();
    Origin o = origin_of(t, q.info);
    Lock l(g.handlers()->mu);
    if (q.linked()) return Sent::Pending;
    int sig = q.info.si_signo;
    if (!prepare_signal(t, sig, o)) return Sent::Ignored;
    q.outside = o == Origin::Outside;
    PendingSignals& pending = to_group ? g.pending : t.pending;
    if (!pending.enqueue(&q)) return Sent::Ignored;
    g.handlers()->queued.notify(kEventIn);
    complete_signal(t, sig, to_group, o);
    return Sent::Queued;
}

void send_outside_signal(ThreadGroup& g, int sig) {
    if (!g.leader) return;
    SigInfo info{};
    info.si_signo = sig;
    info.si_code = SI_USER;
    Lock l(g.handlers()->mu);
    (void)send_locked(*g.leader, info, true, Origin::Outside);
}

void send_own_signal(Task& t, int sig) {
    SigInfo info{};
    info.si_signo = sig;
    info.si_code = SI_USER;
    info.si_pid = t.group().pid_in(t.pid_ns());
    info.si_uid = t.creds()->user_ns->from_kuid_munged(t.creds()->uid);
    SharedLock ts(tasks_of(t).mu);
    (void)send_signal(t, info);
}

namespace {
void force(Task& t, const SigInfo& info, bool no_handler) SBX_NO_TSA {
    ThreadGroup& g = t.group();
    int sig = info.si_signo;
    SharedLock ts(tasks_of(t).mu);
    Lock l(g.handlers()->mu);
    KernelSigaction& a = g.handlers()->actions[sig - 1];
    bool blocked = t.blocked.has(sig);
    if (blocked || a.handler == kSigIgn || no_handler) {
        a.handler = kSigDfl;
        if (blocked) t.blocked.remove(sig);
    }
    // A fault ends an init as well, unless a tracer is to see it first.
    if (a.handler == kSigDfl && (!t.tracer || no_handler)) g.unkillable = false;
    (void)send_locked(t, info, false, Origin::Inside);
    recalc_signal_work(t);
}
}  // namespace

void force_signal(Task& t, const SigInfo& info) { force(t, info, false); }

void force_sigsegv(Task& t, int sig) { force(t, kernel_siginfo(SIGSEGV), sig == SIGSEGV); }

Result<> check_signal_permission(Task& sender, Task& target, int sig) {
    if (&sender.group() == &target.group()) return {};
    const Creds& c = *sender.creds();
    CredsRef tc = target.creds_of();
    // kill_ok_by_cred()
    if (c.euid == tc->suid || c.euid == tc->uid || c.uid == tc->suid || c.uid == tc->uid) return {};
    if (c.capable(CAP_KILL, *tc->user_ns)) return {};
    if (sig == SIGCONT && target.group().session == sender.group().session) return {};
    return err(EPERM);
}

int send_pgrp_signal(Pid& pgrp, const SigInfo& info) {
    int n = 0;
    for (ThreadGroup& g : pgrp.pgrp_members) {
        (void)send_group_signal(g, info);
        n++;
    }
    return n;
}

void recalc_signal_work(Task& t) {
    SigSet deliverable = ~t.blocked;
    bool work = (t.jobctl & kJobPendingMask) || t.pending.peek(deliverable) || t.group().pending.peek(deliverable) ||
                t.group().cld_pending;
    if (work)
        t.set_work(kWorkSignal);
    else if (&t == current_task())
        t.clear_work(kWorkSignal);
}

void set_signal_mask(Task& t, SigSet mask) {
    mask = mask & ~kUnblockable;
    ThreadGroup& g = t.group();
    Lock l(g.handlers()->mu);
    SigSet newly{mask.bits & ~t.blocked.bits};
    t.blocked = mask;
    // What we were to take for the group and do not want any more is another thread's (__set_task_blocked, retarget_shared_pending).
    if (newly.bits && g.pending.peek(newly)) retarget_shared_pending(t, newly);
    recalc_signal_work(t);
}

void retarget_shared_pending(Task& t, SigSet which) {
    SigSet wanted = t.group().pending.set() & which;
    if (!wanted.bits) return;
    for (Task& other : t.group().threads) {
        if (&other == &t || other.exiting) continue;
        if (!(wanted.bits & ~other.blocked.bits)) continue;
        wanted = wanted & other.blocked;
        if (!other.has_work(kWorkSignal)) other.set_work(kWorkSignal);
        if (!wanted.bits) break;
    }
}

bool dequeue_signal(Task& t, SigSet allowed, PendingSignals::Taken* taken) {
    if (!t.pending.dequeue(allowed, taken)) {
        if (!t.group().pending.dequeue(allowed, taken)) return false;
        if (taken->info.si_signo == SIGALRM)
            if (auto timers = t.group().itimers.get()) timers->alarm_delivered();
    }
    // Until it is acted on, a SIGCONT makes it void (do_signal_stop).
    if (is_stop_signal(taken->info.si_signo)) t.jobctl |= kJobStopDequeued;
    // Under the lock, which the end of a timer takes: from here on nothing keeps it.
    if (taken->timer && timer_signal_hook) timer_signal_hook(taken->timer, &taken->info);
    recalc_signal_work(t);
    return true;
}

}  // namespace sbx
