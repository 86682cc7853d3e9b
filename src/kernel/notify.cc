// Telling parents and tracers about children.
#include "src/kernel/notify.h"

#include "src/kernel/cpu_clock.h"
#include "src/kernel/ptrace.h"

namespace sbx {
namespace {

SigInfo child_siginfo(Task& child, Task& parent, int sig) {
    SigInfo info{};
    info.si_signo = sig;
    info.si_pid = child.tid_in(parent.pid_ns());
    info.si_uid = parent.creds_of()->user_ns->from_kuid_munged(child.creds_of()->uid);
    CpuTimes times = child.group().cpu_times();
    info.si_utime = static_cast<clock_t>(times.user);
    info.si_stime = static_cast<clock_t>(times.system);
    return info;
}

}  // namespace

bool notify_parent_of_exit(Task& child, int sig) {
    Task* parent = child.tracer ? child.tracer : child.parent;
    ThreadGroup& g = child.group();
    g.pid->exited.notify(kEventIn);
    if (!parent) return true;
    // A parent that has exec'ed since is not prepared for another signal than SIGCHLD.
    if (sig != SIGCHLD && sig != 0 && child.parent_exec_id != parent->group().exec_id && !child.tracer) sig = SIGCHLD;
    SigInfo info = child_siginfo(child, *parent, sig);
    int status = g.exiting ? g.exit_status : child.exit_code;
    info.si_status = status & 0x7f;
    if (status & 0x80) {
        info.si_code = CLD_DUMPED;
    } else if (status & 0x7f) {
        info.si_code = CLD_KILLED;
    } else {
        info.si_code = CLD_EXITED;
        info.si_status = status >> 8;
    }
    bool autoreap = false;
    ThreadGroup& pg = parent->group();
    if (!child.tracer && sig == SIGCHLD) {
        Lock l(pg.handlers()->mu);
        const KernelSigaction& a = pg.handlers()->actions[SIGCHLD - 1];
        // POSIX: an explicitly ignored SIGCHLD, or SA_NOCLDWAIT, leaves no zombies; the latter still sends the signal.
        if (a.handler == kSigIgn || (a.flags & SA_NOCLDWAIT)) autoreap = true;
        if (a.handler == kSigIgn) sig = 0;
    }
    if (is_valid_signal(sig)) (void)send_group_signal(pg, info);
    pg.child_events.notify(kEventIn);
    return autoreap;
}

void notify_parent_of_stop(Task& t, bool to_tracer, int why, int status) {
    Task& child = to_tracer ? t : *t.group().leader;
    Task* parent = to_tracer ? child.tracer : child.parent;
    if (!parent) return;
    SigInfo info = child_siginfo(child, *parent, SIGCHLD);
    info.si_code = why;
    info.si_status = status & 0x7f;
    ThreadGroup& pg = parent->group();
    bool wanted;
    {
        Lock l(pg.handlers()->mu);
        const KernelSigaction& a = pg.handlers()->actions[SIGCHLD - 1];
        wanted = a.handler != kSigIgn && !(a.flags & SA_NOCLDSTOP);
    }
    if (wanted) (void)send_group_signal(pg, info);
    // Waited for even where no signal is sent.
    pg.child_events.notify(kEventIn);
}

}  // namespace sbx
