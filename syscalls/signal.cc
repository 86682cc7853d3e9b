// Signals: rt_sigaction, rt_sigprocmask, rt_sigreturn, kill and friends, sigtimedwait, sigsuspend, sigaltstack, pause.
#include <string.h>

#include "src/kernel/jobctl.h"
#include "src/kernel/kernel.h"
#include "src/kernel/signal_frame.h"
#include "syscalls/families.h"

namespace sbx {
namespace {

Result<> check_set_size(u64 size) {
    if (size != sizeof(SigSet)) return err(EINVAL);
    return {};
}

Result<long> sys_rt_sigaction(Task& t, int sig, UserPtr<KernelSigaction> act, UserPtr<KernelSigaction> old, u64 size) {
    SBX_TRY(check_set_size(size));
    KernelSigaction a{}, was{};
    if (act) a = SBX_TRY(t.copy_in(act));
    if (!is_valid_signal(sig) || (act && is_kernel_only(sig))) return err(EINVAL);
    // UAPI_SA_FLAGS: unknown bits are cleared, so that programs can probe for them.
    constexpr u64 kKnown = SA_NOCLDSTOP | SA_NOCLDWAIT | SA_SIGINFO | SA_ONSTACK | SA_RESTART | SA_NODEFER |
                           0x80000000 /*RESETHAND*/ | 0x04000000 /*RESTORER*/ | 0x00000800 /*EXPOSE_TAGBITS*/;
    a.flags &= kKnown;
    a.mask = a.mask & ~kUnblockable;
    {
        ThreadGroup& g = t.group();
        SharedLock ts(t.kernel().tasks().mu);
        Lock l(g.handlers()->mu);
        KernelSigaction& slot = g.handlers()->actions[sig - 1];
        was = slot;
        if (act) {
            slot = a;
            // POSIX: setting SIG_IGN, or SIG_DFL of a signal ignored by default, discards what is pending.
            if (a.handler == kSigIgn || (a.handler == kSigDfl && is_ignored_by_default(sig))) {
                g.pending.discard(SigSet::of(sig));
                for (Task& o : g.threads) o.pending.discard(SigSet::of(sig));
            }
        }
    }
    if (old) SBX_TRY(t.copy_out(old, was));
    return 0;
}

Result<long> sys_rt_sigprocmask(Task& t, int how, UserPtr<SigSet> set, UserPtr<SigSet> old, u64 size) {
    SBX_TRY(check_set_size(size));
    SigSet was = t.blocked;
    if (set) {
        SigSet s = SBX_TRY(t.copy_in(set));
        switch (how) {
        case SIG_BLOCK: s = was | s; break;
        case SIG_UNBLOCK: s = was & ~s; break;
        case SIG_SETMASK: break;
        default: return err(EINVAL);
        }
        set_signal_mask(t, s);
    }
    if (old) SBX_TRY(t.copy_out(old, was));
    return 0;
}

Result<long> sys_rt_sigreturn(Task& t) {
    if (Result<> r = pop_signal_frame(t); !r) {
        force_sigsegv(t, 0);
        t.regs.orig_rax = ~0ull;
        return 0;
    }
    return static_cast<long>(t.regs.rax);
}

Result<long> sys_rt_sigpending(Task& t, UserPtr<void> out, u64 size) {
    if (size > sizeof(SigSet)) return err(EINVAL);
    SigSet s;
    {
        Lock l(t.group().handlers()->mu);
        s = (t.pending.set() | t.group().pending.set()) & t.blocked;
    }
    SBX_TRY(t.mm().copy_out(out.addr, &s, size));
    return 0;
}

SigInfo user_siginfo(Task& t, int sig, int code) {
    SigInfo info{};
    info.si_signo = sig;
    info.si_code = code;
    info.si_pid = t.group().pid_in(t.pid_ns());
    info.si_uid = t.creds()->user_ns->from_kuid_munged(t.creds()->uid);
    return info;
}

// Sends to a process; sig 0 only checks. TaskSet::mu held.
Result<> kill_group(Task& t, ThreadGroup& g, const SigInfo& info, bool from_kernel = false) {
    if (!g.leader) return err(ESRCH);
    if (!from_kernel) SBX_TRY(check_signal_permission(t, *g.leader, info.si_signo));
    if (info.si_signo == 0) return {};
    return send_group_signal(g, info);
}

// __kill_pgrp_info(): success if any was sent, else the last error.
Result<> kill_pgrp(Task& t, Pid& pgrp, const SigInfo& info) {
    Result<> r = err(ESRCH);
    bool sent = false;
    for (ThreadGroup& g : pgrp.pgrp_members) {
        r = kill_group(t, g, info);
        sent |= r.has_value();
    }
    if (sent) return {};
    return r;
}

Result<long> sys_kill(Task& t, int pid, int sig) {
    if (sig < 0 || sig > kSignalCount) return err(EINVAL);
    SigInfo info = user_siginfo(t, sig, SI_USER);
    PidNamespace& ns = t.pid_ns();
    SharedLock l(t.kernel().tasks().mu);
    if (pid > 0) {
        // A thread's number means its process.
        Task* target = t.kernel().tasks().find_task(pid, ns);
        if (!target) return err(ESRCH);
        SBX_TRY(kill_group(t, target->group(), info));
        return 0;
    }
    if (pid == -1) {
        bool any = false, sent = false;
        Result<> r;
        for (auto& [nr, p] : ns.pids()) {
            if (nr <= 1 || !p->group || p->group == &t.group()) continue;
            any = true;
            r = kill_group(t, *p->group, info);
            if (r || !(r.error() == EPERM)) sent = true;
        }
        if (!any) return err(ESRCH);
        if (!sent) return err(EPERM);
        return 0;
    }
    if (pid == INT32_MIN) return err(ESRCH);
    Pid* pgrp = pid == 0 ? t.group().pgrp.get() : ns.find(-pid);
    if (!pgrp || pgrp->pgrp_members.empty()) return err(ESRCH);
    SBX_TRY(kill_pgrp(t, *pgrp, info));
    return 0;
}

Result<long> send_to_thread(Task& t, int tgid, int tid, const SigInfo& info) {
    SharedLock l(t.kernel().tasks().mu);
    Task* target = t.kernel().tasks().find_task(tid, t.pid_ns());
    if (!target || (tgid > 0 && target->group().pid_in(t.pid_ns()) != tgid)) return err(ESRCH);
    SBX_TRY(check_signal_permission(t, *target, info.si_signo));
    if (info.si_signo != 0) SBX_TRY(send_signal(*target, info));
    return 0;
}

Result<long> sys_tkill(Task& t, int tid, int sig) {
    if (tid <= 0 || sig < 0 || sig > kSignalCount) return err(EINVAL);
    return send_to_thread(t, 0, tid, user_siginfo(t, sig, SI_TKILL));
}

Result<long> sys_tgkill(Task& t, int tgid, int tid, int sig) {
    if (tgid <= 0 || tid <= 0 || sig < 0 || sig > kSignalCount) return err(EINVAL);
    return send_to_thread(t, tgid, tid, user_siginfo(t, sig, SI_TKILL));
}

// Programs may not pretend to be the kernel, kill(2) or tkill(2) towards others.
Result<SigInfo> copy_in_siginfo(Task& t, UserPtr<SigInfo> p, int sig, bool to_self) {
    SigInfo info = SBX_TRY(t.copy_in(p));
    info.si_signo = sig;
    if ((info.si_code >= 0 || info.si_code == SI_TKILL) && !to_self) return err(EPERM);
    return info;
}

Result<long> sys_rt_sigqueueinfo(Task& t, int pid, int sig, UserPtr<SigInfo> p) {
    SigInfo info = SBX_TRY(copy_in_siginfo(t, p, sig, pid == t.group().pid_in(t.pid_ns())));
    if (sig < 0 || sig > kSignalCount) return err(EINVAL);
    SharedLock l(t.kernel().tasks().mu);
    Task* target = pid > 0 ? t.kernel().tasks().find_task(pid, t.pid_ns()) : nullptr;
    if (!target) return err(ESRCH);
    SBX_TRY(kill_group(t, target->group(), info));
    return 0;
}

Result<long> sys_rt_tgsigqueueinfo(Task& t, int tgid, int tid, int sig, UserPtr<SigInfo> p) {
    if (tgid <= 0 || tid <= 0) return err(EINVAL);
    SigInfo info = SBX_TRY(copy_in_siginfo(t, p, sig, tid == t.tid()));
    if (sig < 0 || sig > kSignalCount) return err(EINVAL);
    return send_to_thread(t, tgid, tid, info);
}

// Until a signal of the set is there, the deadline passes (EAGAIN) or another signal is to be handled (EINTR).
Result<PendingSignals::Taken> wait_for_signal(Task& t, SigSet set, Nanos deadline) {
    ThreadGroup& g = t.group();
    PendingSignals::Taken taken;
    {
        Lock l(g.handlers()->mu);
        if (dequeue_signal(t, set, &taken)) return taken;
        if (deadline == 0) return err(EAGAIN);
        // Unblocked while waiting, so that senders choose and wake this thread; `real_blocked` keeps defaults from acting.
        t.real_blocked = t.blocked;
        t.blocked = t.blocked & ~set;
        recalc_signal_work(t);
    }
    Result<PendingSignals::Taken> r = err(EAGAIN);
    BlockResult b = t.block(deadline);
    Lock l(g.handlers()->mu);
    t.blocked = t.real_blocked;
    t.real_blocked = SigSet{};
    if (dequeue_signal(t, set, &taken))
        r = taken;
    else if (b != BlockResult::TimedOut)
        r = err(EINTR);
    recalc_signal_work(t);
    return r;
}

Result<long> sys_rt_sigtimedwait(Task& t, UserPtr<SigSet> set, UserPtr<SigInfo> out, UserPtr<timespec> timeout,
                                 u64 size) {
    SBX_TRY(check_set_size(size));
    SigSet wanted = SBX_TRY(t.copy_in(set))
    &~kUnblockable;
    Nanos deadline = kNever;
    if (timeout) {
        timespec ts = SBX_TRY(t.copy_in(timeout));
        if (!timespec_valid(ts)) return err(EINVAL);
        Nanos span = to_nanos(ts);
        deadline = span == 0 ? 0 : t.deadline_in(span);
    }
    for (;;) {
        Result<PendingSignals::Taken> r = wait_for_signal(t, wanted, deadline);
        // A spurious wake-up is no reason to return.
        if (!r && r.error() == EINTR && !t.interrupted()) continue;
        if (!r) return err(r.error());
        if (out) SBX_TRY(t.copy_out(out, r->info));
        return r->info.si_signo;
    }
}

Result<long> sys_rt_sigsuspend(Task& t, UserPtr<SigSet> set, u64 size) {
    SBX_TRY(check_set_size(size));
    SigSet mask = SBX_TRY(t.copy_in(set));
    t.saved_mask = t.blocked;
    t.restore_mask = true;
    set_signal_mask(t, mask);
    while (t.block() != BlockResult::Interrupted) {}
    return err(ERESTARTNOHAND);
}

Result<long> sys_pause(Task& t) {
    while (t.block() != BlockResult::Interrupted) {}
    return err(ERESTARTNOHAND);
}

Result<long> sys_sigaltstack(Task& t, UserPtr<stack_t> set, UserPtr<stack_t> old) {
    stack_t was = t.altstack;
    // struct stack_t of the kernel: with the flags as they stand for the caller's stack pointer.
    was.ss_flags = alternate_stack_flags(t, t.regs.rsp) | (t.altstack.ss_flags & static_cast<int>(1u << 31));
    if (t.altstack.ss_size == 0) {
        was.ss_sp = nullptr;
        was.ss_size = 0;
    }
    if (set) {
        stack_t s = SBX_TRY(t.copy_in(set));
        SBX_TRY(set_alternate_stack(t, s, t.regs.rsp));
    }
    if (old) SBX_TRY(t.copy_out(old, was));
    return 0;
}

constexpr SyscallRow kRows[] = {
    {13, "rt_sigaction", syscall<sys_rt_sigaction>, "sig ptr ptr u", Support::Full, ""},
    {14, "rt_sigprocmask", syscall<sys_rt_sigprocmask>, "d ptr ptr u", Support::Full, ""},
    {15, "rt_sigreturn", syscall<sys_rt_sigreturn>, "", Support::Full, ""},
    {34, "pause", syscall<sys_pause>, "", Support::Full, ""},
    {62, "kill", syscall<sys_kill>, "d sig", Support::Full, ""},
    {127, "rt_sigpending", syscall<sys_rt_sigpending>, "ptr u", Support::Full, ""},
    {128, "rt_sigtimedwait", syscall<sys_rt_sigtimedwait>, "ptr ptr ptr u", Support::Full, ""},
    {129, "rt_sigqueueinfo", syscall<sys_rt_sigqueueinfo>, "d sig ptr", Support::Full, ""},
    {130, "rt_sigsuspend", syscall<sys_rt_sigsuspend>, "ptr u", Support::Full, ""},
    {131, "sigaltstack", syscall<sys_sigaltstack>, "ptr ptr", Support::Full, ""},
    {200, "tkill", syscall<sys_tkill>, "d sig", Support::Full, ""},
    {234, "tgkill", syscall<sys_tgkill>, "d d sig", Support::Full, ""},
    {297, "rt_tgsigqueueinfo", syscall<sys_rt_tgsigqueueinfo>, "d d sig ptr", Support::Full, ""},
};

}  // namespace

const SyscallFamily kSignalSyscalls(kRows);

}  // namespace sbx
