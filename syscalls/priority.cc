// Priorities and habits of processes: getpriority, setpriority, ioprio_get, ioprio_set, personality, times.
#include <linux/capability.h>
#include <sys/resource.h>

#include <algorithm>

#include "src/base/function_ref.h"
#include "src/kernel/cpu_clock.h"
#include "src/kernel/kernel.h"
#include "syscalls/families.h"

namespace sbx {
namespace {

// Calls fn for each task that (which, who) names: a thread, a process group's, a user's. ESRCH if none, EINVAL. TaskSet::mu held.
Result<> for_each(Task& t, int which, int who, FunctionRef<void(Task&)> fn) {
    TaskSet& ts = t.kernel().tasks();
    PidNamespace& ns = t.pid_ns();
    bool any = false;
    auto visit = [&](Task& o) {
        any = true;
        fn(o);
    };
    switch (which) {
    case PRIO_PROCESS:
        if (Task* o = who == 0 ? &t : ts.find_task(who, ns)) visit(*o);
        break;
    case PRIO_PGRP:
        if (Pid* p = who == 0 ? t.group().pgrp.get() : ns.find(who))
            for (ThreadGroup& g : p->pgrp_members)
                for (Task& o : g.threads) visit(o);
        break;
    case PRIO_USER: {
        Kuid user = who == 0 ? t.creds()->uid : t.creds()->user_ns->to_kuid(static_cast<u32>(who));
        for (auto& [nr, p] : ns.pids())
            if (p->task && p->task->creds_of()->uid == user) visit(*p->task);
        break;
    }
    default: return err(EINVAL);
    }
    if (!any) return err(ESRCH);
    return {};
}

Result<long> sys_getpriority(Task& t, int which, int who) {
    SharedLock l(t.kernel().tasks().mu);
    long best = 0;
    // Shown as 40..1, so that it is no error number.
    SBX_TRY(for_each(t, which, who, [&](Task& o) { best = std::max(best, 20l - o.nice.load()); }));
    return best;
}

Result<long> sys_setpriority(Task& t, int which, int who, int nice) {
    nice = std::clamp(nice, -20, 19);
    SharedLock l(t.kernel().tasks().mu);
    Result<long> r = 0;
    SBX_TRY(for_each(t, which, who, [&](Task& o) {
        const Creds& c = *t.creds();
        CredsRef oc = o.creds_of();
        // set_one_prio_perm()
        if (oc->uid != c.euid && oc->euid != c.euid && !c.capable(CAP_SYS_NICE, *oc->user_ns)) {
            r = err(EPERM);
        } else if (nice < o.nice.load() && static_cast<u64>(20 - nice) > o.group().limit(RLIMIT_NICE).rlim_cur &&
                   !c.capable(CAP_SYS_NICE)) {
            r = err(EACCES);
        } else {
            o.nice.store(nice);
        }
    }));
    return r;
}

constexpr int kIoClassShift = 13, kIoWhoProcess = 1, kIoWhoUser = 3;

Result<long> sys_ioprio_get(Task& t, int which, int who) {
    if (which < kIoWhoProcess || which > kIoWhoUser) return err(EINVAL);
    SharedLock l(t.kernel().tasks().mu);
    int best = -1;
    SBX_TRY(for_each(t, which - kIoWhoProcess, who, [&](Task& o) {
        int p = o.ioprio.load();
        best = best < 0 ? p : std::min(best, p);
    }));
    return best;
}

Result<long> sys_ioprio_set(Task& t, int which, int who, int prio) {
    int cls = prio >> kIoClassShift, data = prio & ((1 << kIoClassShift) - 1);
    // ioprio_check_cap()
    if (cls < 0 || cls > 3 || (cls == 0 && data != 0) || (data & 7) != data) return err(EINVAL);
    if (cls == 1 && !t.creds()->capable(CAP_SYS_ADMIN) && !t.creds()->capable(CAP_SYS_NICE)) return err(EPERM);
    if (which < kIoWhoProcess || which > kIoWhoUser) return err(EINVAL);
    SharedLock l(t.kernel().tasks().mu);
    Result<long> r = 0;
    SBX_TRY(for_each(t, which - kIoWhoProcess, who, [&](Task& o) {
        const Creds& c = *t.creds();
        CredsRef oc = o.creds_of();
        if (oc->uid != c.euid && oc->uid != c.uid && !c.capable(CAP_SYS_NICE))
            r = err(EPERM);
        else
            o.ioprio.store(prio);
    }));
    return r;
}

Result<long> sys_personality(Task& t, u64 persona) {
    u32 old = t.personality;
    if (static_cast<u32>(persona) != 0xffffffff) t.personality = static_cast<u32>(persona);
    return old;
}

struct Tms {
    long user, system, children_user, children_system;
};

Result<long> sys_times(Task& t, UserPtr<Tms> out) {
    if (out) {
        CpuTimes own, children;
        {
            SharedLock l(t.kernel().tasks().mu);
            own = t.group().cpu_times();
            children = t.group().children_use.cpu;
        }
        // Ticks of the CPU clock are those of USER_HZ.
        SBX_TRY(t.copy_out(out, Tms{static_cast<long>(own.user), static_cast<long>(own.system),
                                    static_cast<long>(children.user), static_cast<long>(children.system)}));
    }
    return host_monotonic() / CpuClock::kTick;
}

constexpr SyscallRow kRows[] = {
    {100, "times", syscall<sys_times>, "ptr", Support::Full, ""},
    {135, "personality", syscall<sys_personality>, "x", Support::Partial, "kept; only UNAME26 has an effect"},
    {140, "getpriority", syscall<sys_getpriority>, "d d", Support::Full, ""},
    {141, "setpriority", syscall<sys_setpriority>, "d d d", Support::Partial, "kept and shown, not enforced"},
    {251, "ioprio_set", syscall<sys_ioprio_set>, "d d d", Support::Partial, "kept and shown, not enforced"},
    {252, "ioprio_get", syscall<sys_ioprio_get>, "d d", Support::Full, ""},
};

}  // namespace

const SyscallFamily kPrioritySyscalls(kRows);

}  // namespace sbx
