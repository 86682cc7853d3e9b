// Limits and use of resources: getrlimit, setrlimit, prlimit64, getrusage.
#include <linux/capability.h>
#include <sys/resource.h>

#include "src/kernel/cpu_clock.h"
#include "src/kernel/kernel.h"
#include "syscalls/families.h"
#include "syscalls/rusage.h"

namespace sbx {

KernelRusage to_rusage(const ResourceUse& u) {
    auto time = [](u64 ticks) {
        Nanos n = static_cast<Nanos>(ticks) * CpuClock::kTick;
        return timeval{n / kNanosPerSec, n % kNanosPerSec / kNanosPerMicro};
    };
    KernelRusage r{};
    r.utime = time(u.cpu.user);
    r.stime = time(u.cpu.system);
    r.maxrss = static_cast<long>(u.max_rss / 1024);
    r.minflt = static_cast<long>(u.minor_faults);
    r.majflt = static_cast<long>(u.major_faults);
    r.nvcsw = static_cast<long>(u.voluntary);
    r.nivcsw = static_cast<long>(u.involuntary);
    r.inblock = static_cast<long>(u.in_blocks);
    r.oublock = static_cast<long>(u.out_blocks);
    return r;
}

namespace {

constexpr u64 kMaxFiles = 1 << 20;  // sysctl fs.nr_open

// do_prlimit()
Result<rlimit> change_limit(Task& t, ThreadGroup& g, unsigned resource, const rlimit* n) {
    if (resource >= RLIM_NLIMITS) return err(EINVAL);
    int r = static_cast<int>(resource);
    rlimit old = g.limit(r);
    if (!n) return old;
    if (n->rlim_cur > n->rlim_max) return err(EINVAL);
    if (resource == RLIMIT_NOFILE && n->rlim_max > kMaxFiles) return err(EPERM);
    if (n->rlim_max > old.rlim_max && !t.creds()->capable(CAP_SYS_RESOURCE)) return err(EPERM);
    g.set_limit(r, *n);
    return old;
}

Result<long> sys_getrlimit(Task& t, unsigned resource, UserPtr<rlimit> out) {
    rlimit l = SBX_TRY(change_limit(t, t.group(), resource, nullptr));
    SBX_TRY(t.copy_out(out, l));
    return 0;
}

Result<long> sys_setrlimit(Task& t, unsigned resource, UserPtr<rlimit> in) {
    rlimit n = SBX_TRY(t.copy_in(in));
    SBX_TRY(change_limit(t, t.group(), resource, &n));
    return 0;
}

// check_prlimit_permission()
Result<> may_change_limits(Task& t, Task& target) {
    if (&t.group() == &target.group()) return {};
    const Creds& c = *t.creds();
    CredsRef o = target.creds_of();
    if (c.uid == o->euid && c.uid == o->suid && c.uid == o->uid && c.gid == o->egid && c.gid == o->sgid &&
        c.gid == o->gid)
        return {};
    if (c.capable(CAP_SYS_RESOURCE, *o->user_ns)) return {};
    return err(EPERM);
}

Result<long> sys_prlimit64(Task& t, int pid, unsigned resource, UserPtr<rlimit> in, UserPtr<rlimit> out) {
    rlimit n{};
    if (in) n = SBX_TRY(t.copy_in(in));
    rlimit old;
    {
        SharedLock l(t.kernel().tasks().mu);
        Task* target = pid == 0 ? &t : t.kernel().tasks().find_task(pid, t.pid_ns());
        if (!target) return err(ESRCH);
        SBX_TRY(may_change_limits(t, *target));
        old = SBX_TRY(change_limit(t, target->group(), resource, in ? &n : nullptr));
    }
    if (out) SBX_TRY(t.copy_out(out, old));
    return 0;
}

Result<long> sys_getrusage(Task& t, int who, UserPtr<KernelRusage> out) {
    ResourceUse u;
    {
        SharedLock l(t.kernel().tasks().mu);
        switch (who) {
        case RUSAGE_SELF: u = t.group().resource_use(); break;
        case RUSAGE_CHILDREN: u = t.group().children_use; break;
        case RUSAGE_THREAD: u = resource_use(t); break;
        default: return err(EINVAL);
        }
    }
    if (who != RUSAGE_CHILDREN) u.max_rss = std::max(u.max_rss, t.mm().max_rss());
    SBX_TRY(t.copy_out(out, to_rusage(u)));
    return 0;
}

constexpr SyscallRow kRows[] = {
    {97, "getrlimit", syscall<sys_getrlimit>, "u ptr", Support::Full, ""},
    {98, "getrusage", syscall<sys_getrusage>, "d ptr", Support::Full, ""},
    {160, "setrlimit", syscall<sys_setrlimit>, "u ptr", Support::Full, ""},
    {302, "prlimit64", syscall<sys_prlimit64>, "d u ptr ptr", Support::Full, ""},
};

}  // namespace

const SyscallFamily kLimitSyscalls(kRows);

}  // namespace sbx
