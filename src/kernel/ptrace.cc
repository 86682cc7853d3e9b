// Tracing: stops of tracees, attaching and letting go.
#include "src/kernel/ptrace.h"

#include <linux/capability.h>

#include <atomic>

#include "fs/vfs/landlock.h"
#include "src/kernel/jobctl.h"
#include "src/kernel/kernel.h"
#include "src/kernel/notify.h"
#include "src/kernel/process_tree.h"

namespace sbx {
namespace {

constexpr u32 kOptSysGood = 1, kOptExitKill = 0x100000;
constexpr int kEventStop = 128;
constexpr u8 kOpEntry = 1, kOpExit = 2;  // PTRACE_SYSCALL_INFO_ENTRY, _EXIT

// The tracee itself looks without a lock, at each system call; few are traced.
bool looks_traced(const Task& t) {
    return std::atomic_ref<Task*>(const_cast<Task&>(t).tracer).load(std::memory_order_relaxed) != nullptr;
}
}  // namespace

bool is_traced_by_other(const Task& t) { return t.tracer && (!t.parent || &t.tracer->group() != &t.parent->group()); }

bool is_listening(const Task& t) { return t.jobctl & kJobListening; }

bool ptrace_event_enabled(const Task& t, int event) {
    if (!looks_traced(t)) return false;
    Lock l(t.group().handlers()->mu);
    return t.tracer && (t.ptrace->options & (1u << event));
}

bool ptrace_stop(Task& t, int code, int why, const SigInfo* info, u64 message) {
    // Read here and kept: the tracer's thread must not ask the platform.
    if (looks_traced(t) && t.context()) (void)t.fp();
    ThreadGroup& g = t.group();
    SharedLock ts(tasks_of(t).mu);
    {
        Lock l(g.handlers()->mu);
        if (!t.tracer || t.killed()) return false;
        PtraceState& p = *t.ptrace;
        p.code = code;
        p.message = message;
        p.has_info = info != nullptr;
        if (info) p.info = *info;
        t.ptrace_signal = 0;
        // Any trap does for a pending stop trap; only a stop trap does for news. Who was woken from PTRACE_LISTEN before it had parked listens still.
        t.jobctl &= ~(kJobTrapStop | kJobListening);
        if (code >> 8 == kEventStop) t.jobctl &= ~kJobTrapNotify;
        t.stop.store(Task::Stop::Traced);
    }
    notify_parent_of_stop(t, true, why, code);
    return true;
}

bool ptrace_event_stop(Task& t, int event, u64 message) {
    if (!ptrace_event_enabled(t, event)) return false;
    int code = (event << 8) | SIGTRAP;
    SigInfo info{};
    info.si_signo = SIGTRAP;
    info.si_code = code;
    info.si_pid = t.tid();
    info.si_uid = t.creds()->user_ns->from_kuid_munged(t.creds()->uid);
    return ptrace_stop(t, code, CLD_TRAPPED, &info, message);
}

void ptrace_set_tracer(Task& t, Task* tracer) {
    std::atomic_ref<Task*>(t.tracer).store(tracer, std::memory_order_relaxed);
}

void ptrace_event(Task& t, int event, u64 message) {
    if (!ptrace_event_enabled(t, event)) return;
    t.ptrace_event = event;
    t.ptrace_event_message = message;
}

bool ptrace_pending_event(Task& t) {
    if (t.ptrace_event == 0) return false;
    return ptrace_event_stop(t, std::exchange(t.ptrace_event, 0), t.ptrace_event_message);
}

bool ptrace_syscall_stop(Task& t, bool entry) {
    if (!looks_traced(t)) return false;
    int code = SIGTRAP;
    {
        Lock l(t.group().handlers()->mu);
        if (!t.tracer || !t.ptrace->syscall_stops) return false;
        if (t.ptrace->options & kOptSysGood) code |= 0x80;
    }
    SigInfo info{};
    info.si_signo = SIGTRAP;
    info.si_code = code;
    info.si_pid = t.tid();
    info.si_uid = t.creds()->user_ns->from_kuid_munged(t.creds()->uid);
    t.ptrace->syscall_op = entry ? kOpEntry : kOpExit;
    bool stopped = ptrace_stop(t, code, CLD_TRAPPED, &info, entry ? 1 : 2);  // PTRACE_EVENTMSG_SYSCALL_ENTRY, _EXIT
    if (!stopped) t.ptrace->syscall_op = 0;
    return stopped;
}

void ptrace_after_syscall_stop(Task& t) {
    if (t.ptrace) t.ptrace->syscall_op = 0;
    // The number given to PTRACE_SYSCALL and the like is sent as a new signal.
    int sig = std::exchange(t.ptrace_signal, 0);
    if (is_valid_signal(sig)) send_own_signal(t, sig);
}

void ptrace_syscall_step(Task& t) {
    if (!looks_traced(t)) return;
    {
        Lock l(t.group().handlers()->mu);
        if (!t.tracer || !t.ptrace->single_step) return;
    }
    SigInfo info{};
    info.si_signo = SIGTRAP;
    info.si_code = TRAP_BRKPT;
    info.si_addr = reinterpret_cast<void*>(t.regs.rip);
    force_signal(t, info);
}

void ptrace_unlink(Task& t) {
    ThreadGroup& g = t.group();
    List<Task, TraceeTag>::remove(t);
    Lock l(g.handlers()->mu);
    ptrace_set_tracer(t, nullptr);
    t.ptrace->options = 0;
    t.ptrace->seized = t.ptrace->syscall_stops = t.ptrace->single_step = false;
    t.ptrace->syscall_op = 0;
    if (std::exchange(t.ptrace->forced_trap_flag, false)) t.regs.eflags &= ~u64{0x100};
    t.jobctl &= ~(kJobTrapMask | kJobListening);
    // The group stop that it was kept out of is still on.
    if (!t.exiting && (g.stopped || g.stop_left != 0)) {
        t.jobctl |= kJobStopPending;
        if (!(t.jobctl & kJobSignalMask)) t.jobctl |= SIGSTOP;
        t.set_work(kWorkSignal);
    }
    if (t.stop.load() == Task::Stop::Traced) {
        t.stop.store(Task::Stop::None);
        t.wake();
    }
}

void ptrace_release_all(Task& tracer, std::vector<Ref<Task>>& dead) {
    while (Task* t = tracer.tracees.front()) {
        if (t->ptrace->options & kOptExitKill) (void)send_signal(*t, kernel_siginfo(SIGKILL));
        ptrace_unlink(*t);
        if (t->exit_state != Task::ExitState::Zombie && t->exit_state != Task::ExitState::Trace) continue;
        // __ptrace_detach(): nobody else may be waiting for it.
        bool reap = !t->is_leader();
        if (!reap && t->group().thread_count == 1) {
            // A child of ours was held back by us alone.
            t->exit_state = Task::ExitState::Zombie;
            reap = notify_parent_of_exit(*t, t->exit_signal);
        }
        if (!reap) continue;
        t->exit_state = Task::ExitState::Dead;
        release_task(*t, dead);
    }
}

void ptrace_inherit(Task& child, Task& parent, bool stop_first) {
    if (!child.ptrace) child.ptrace = std::make_unique<PtraceState>();
    child.ptrace->options = parent.ptrace->options;
    child.ptrace->seized = parent.ptrace->seized;
    ThreadGroup& g = child.group();
    Lock l(g.handlers()->mu);
    child.tracer = parent.tracer;
    parent.tracer->tracees.push_back(child);
    if (!stop_first) return;
    if (child.ptrace->seized)
        child.jobctl |= kJobTrapStop;
    else
        child.pending.enqueue_without_info(SIGSTOP);
    child.set_work(kWorkSignal);
}

Result<> ptrace_may_access(Task& who, Task& target, unsigned mode) {
    // Threads may look at each other.
    if (&who.group() == &target.group()) return {};
    const Creds& c = *who.creds();
    CredsRef tc = target.creds_of();
    Kuid uid = (mode & kPtraceFsCreds) ? c.fsuid : c.uid;
    Kgid gid = (mode & kPtraceFsCreds) ? c.fsgid : c.gid;
    bool same =
        uid == tc->euid && uid == tc->suid && uid == tc->uid && gid == tc->egid && gid == tc->sgid && gid == tc->gid;
    if (!same && !c.capable(CAP_SYS_PTRACE, *tc->user_ns)) return err(EPERM);
    // Programs that changed their identity at exec show themselves to nobody less than the namespace's root.
    Ref<mm::MemoryManager> mm = target.mm_of();
    if (mm && mm->dumpable.load() != 1 && !c.capable(CAP_SYS_PTRACE, *tc->user_ns)) return err(EPERM);
    // cap_ptrace_access_check(): the target holds no capability that the caller lacks.
    bool subset = c.user_ns == tc->user_ns &&
                  !(tc->permitted.bits & ~((mode & kPtraceFsCreds) ? c.effective.bits : c.permitted.bits));
    if (!subset && !c.capable(CAP_SYS_PTRACE, *tc->user_ns)) return err(EPERM);
    // hook_ptrace_access_check(): who is less restricted is out of reach.
    const auto* own = vfs::landlock::Domain::of(c);
    if (own && !own->contains(vfs::landlock::Domain::of(*tc))) return err(EPERM);
    return {};
}

}  // namespace sbx
