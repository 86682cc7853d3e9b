// Scheduling: affinity, policies, attributes, yield. Policies and affinity are kept and shown, not enforced: the host schedules.
#include <linux/capability.h>
#include <sched.h>
#include <string.h>

#include "src/kernel/kernel.h"
#include "src/kernel/vdso.h"
#include "syscalls/copy_struct.h"
#include "syscalls/families.h"

#ifndef SCHED_DEADLINE
#define SCHED_DEADLINE 6
#endif
#ifndef SCHED_RESET_ON_FORK
#define SCHED_RESET_ON_FORK 0x40000000
#endif

namespace sbx {
namespace {

// struct sched_param of the kernel; libcs append fields of their own.
struct KernelSchedParam {
    i32 priority;
};

Result<Task*> find(Task& t, int pid) {
    if (pid < 0) return err(EINVAL);
    Task* o = pid == 0 ? &t : t.kernel().tasks().find_task(pid, t.pid_ns());
    if (!o) return err(ESRCH);
    return o;
}

// check_same_owner(), or CAP_SYS_NICE over the target.
Result<> may_change(Task& t, Task& o) {
    const Creds& c = *t.creds();
    CredsRef oc = o.creds_of();
    if (c.euid == oc->euid || c.euid == oc->uid || c.capable(CAP_SYS_NICE, *oc->user_ns)) return {};
    return err(EPERM);
}

bool valid_policy(int p) {
    return p == SCHED_OTHER || p == SCHED_FIFO || p == SCHED_RR || p == SCHED_BATCH || p == SCHED_IDLE;
}
bool real_time(int p) { return p == SCHED_FIFO || p == SCHED_RR; }

// What is shown as a policy: with SCHED_RESET_ON_FORK.
int shown_policy(const Task& o) {
    return o.sched_policy.load() | (o.sched_reset_on_fork.load() ? SCHED_RESET_ON_FORK : 0);
}

Result<> set_policy(Task& t, int pid, int policy, const KernelSchedParam* param) {
    SharedLock l(t.kernel().tasks().mu);
    Task* o = SBX_TRY(find(t, pid));
    int asked = policy < 0 ? shown_policy(*o) : policy, p = asked & ~SCHED_RESET_ON_FORK;
    bool reset = asked & SCHED_RESET_ON_FORK;
    if (!valid_policy(p)) return err(EINVAL);
    int priority = param ? param->priority : o->sched_priority.load();
    if (real_time(p) ? priority < 1 || priority > 99 : priority != 0) return err(EINVAL);
    SBX_TRY(may_change(t, *o));
    bool privileged = t.creds()->capable(CAP_SYS_NICE, t.kernel().user_ns());
    u64 limit = o->group().limit(RLIMIT_RTPRIO).rlim_cur;
    if (real_time(p) && !privileged && static_cast<u64>(priority) > limit) return err(EPERM);
    if (o->sched_reset_on_fork.load() && !reset && !privileged) return err(EPERM);
    o->sched_policy.store(p);
    o->sched_priority.store(priority);
    o->sched_reset_on_fork.store(reset);
    return {};
}

Result<long> sys_sched_setscheduler(Task& t, int pid, int policy, UserPtr<KernelSchedParam> param) {
    if (policy < 0 || !param) return err(EINVAL);
    KernelSchedParam p = SBX_TRY(t.copy_in(param));
    SBX_TRY(set_policy(t, pid, policy, &p));
    return 0;
}

Result<long> sys_sched_setparam(Task& t, int pid, UserPtr<KernelSchedParam> param) {
    if (!param) return err(EINVAL);
    KernelSchedParam p = SBX_TRY(t.copy_in(param));
    SBX_TRY(set_policy(t, pid, -1, &p));
    return 0;
}

Result<long> sys_sched_getscheduler(Task& t, int pid) {
    SharedLock l(t.kernel().tasks().mu);
    return shown_policy(*SBX_TRY(find(t, pid)));
}

Result<long> sys_sched_getparam(Task& t, int pid, UserPtr<KernelSchedParam> out) {
    if (!out) return err(EINVAL);
    KernelSchedParam p;
    {
        SharedLock l(t.kernel().tasks().mu);
        p.priority = SBX_TRY(find(t, pid))
        ->sched_priority.load();
    }
    SBX_TRY(t.copy_out(out, p));
    return 0;
}

Result<long> sys_sched_get_priority_max(Task&, int policy) {
    if (real_time(policy)) return 99;
    if (valid_policy(policy) || policy == SCHED_DEADLINE) return 0;
    return err(EINVAL);
}

Result<long> sys_sched_get_priority_min(Task&, int policy) {
    if (real_time(policy)) return 1;
    if (valid_policy(policy) || policy == SCHED_DEADLINE) return 0;
    return err(EINVAL);
}

Result<long> sys_sched_rr_get_interval(Task& t, int pid, UserPtr<timespec> out) {
    int policy;
    {
        SharedLock l(t.kernel().tasks().mu);
        policy = SBX_TRY(find(t, pid))
        ->sched_policy.load();
    }
    // RR_TIMESLICE, and a plausible slice of the fair class.
    timespec ts = to_timespec(policy == SCHED_RR     ? 100 * kNanosPerMilli
                              : policy == SCHED_FIFO ? 0
                                                     : 4 * kNanosPerMilli);
    SBX_TRY(t.copy_out(out, ts));
    return 0;
}

Result<long> sys_sched_yield(Task&) {
    sched_yield();
    return 0;
}

std::vector<u64> all_cpus(Task& t) {
    unsigned n = t.kernel().cpus();
    std::vector<u64> mask((n + 63) / 64);
    for (unsigned i = 0; i < n; i++) mask[i / 64] |= 1ull << (i % 64);
    return mask;
}

Result<long> sys_sched_setaffinity(Task& t, int pid, u32 length, UserPtr<u8> at) {
    std::vector<u64> all = all_cpus(t);
    // Longer masks are cut, shorter ones filled with zeros.
    std::vector<u64> mask(all.size());
    SBX_TRY(t.mm().copy_in(at.addr, mask.data(), std::min<u64>(length, mask.size() * sizeof(u64))));
    bool any = false;
    for (size_t i = 0; i < mask.size(); i++) any |= (mask[i] &= all[i]) != 0;
    SharedLock l(t.kernel().tasks().mu);
    Task* o = SBX_TRY(find(t, pid < 0 ? INT32_MAX : pid));
    SBX_TRY(may_change(t, *o));
    if (!any) return err(EINVAL);
    // Not enforced: from here on only the sentry knows which CPU to name.
    if (mask != all) t.kernel().vdso->cpus_differ();
    o->set_affinity(std::move(mask));
    return 0;
}

Result<long> sys_sched_getaffinity(Task& t, int pid, u32 length, UserPtr<u8> at) {
    if (static_cast<u64>(length) * 8 < t.kernel().cpus() || (length & 7)) return err(EINVAL);
    std::vector<u64> mask;
    {
        SharedLock l(t.kernel().tasks().mu);
        mask = SBX_TRY(find(t, pid < 0 ? INT32_MAX : pid))
        ->affinity();
    }
    if (mask.empty()) mask = all_cpus(t);
    u64 n = std::min<u64>(length, mask.size() * sizeof(u64));
    SBX_TRY(t.mm().copy_out(at.addr, mask.data(), n));
    return static_cast<long>(n);
}

// struct sched_attr, first version
struct SchedAttr {
    u32 size, policy;
    u64 flags;
    i32 nice;
    u32 priority;
    u64 runtime, deadline, period;
};
static_assert(sizeof(SchedAttr) == 48);

Result<long> sys_sched_setattr(Task& t, int pid, UserPtr<SchedAttr> at, u32 flags) {
    if (!at || pid < 0 || flags) return err(EINVAL);
    u32 size = SBX_TRY(t.copy_in(at.cast<u32>()));
    if (size == 0) size = sizeof(SchedAttr);
    if (size < sizeof(SchedAttr) || size > kPageSize) {
        SBX_TRY(t.copy_out(at.cast<u32>(), u32{sizeof(SchedAttr)}));
        return err(E2BIG);
    }
    SchedAttr a = SBX_TRY(t.copy_in(at));
    // Later versions have more fields, which must be zero: there is no clamping of utilisation.
    if (Result<> r = check_rest_zero(t, at.addr, sizeof a, size); !r) {
        if (r.error() == E2BIG) SBX_TRY(t.copy_out(at.cast<u32>(), u32{sizeof(SchedAttr)}));
        return err(r.error());
    }
    constexpr u64 kResetOnFork = 1, kKeepPolicy = 8, kKeepParams = 16, kKnownFlags = 0x7f;
    if ((a.flags & ~kKnownFlags) || static_cast<i32>(a.policy) < 0) return err(EINVAL);
    // No deadline scheduling: as where its admission control refuses (EBUSY would promise more later).
    if (a.policy == SCHED_DEADLINE) return err(EPERM);
    KernelSchedParam p{static_cast<i32>(a.priority)};
    int policy =
        (a.flags & kKeepPolicy) ? -1 : static_cast<int>(a.policy) | (a.flags & kResetOnFork ? SCHED_RESET_ON_FORK : 0);
    SBX_TRY(set_policy(t, pid, policy, (a.flags & kKeepParams) ? nullptr : &p));
    if (real_time(static_cast<int>(a.policy)) || (a.flags & kKeepParams)) return 0;
    SharedLock l(t.kernel().tasks().mu);
    Task* o = SBX_TRY(find(t, pid));
    int nice = std::clamp(a.nice, -20, 19);
    u64 lowest = o->group().limit(RLIMIT_NICE).rlim_cur;
    if (nice < o->nice.load() && static_cast<u64>(20 - nice) > lowest && !t.creds()->capable(CAP_SYS_NICE))
        return err(EPERM);
    o->nice.store(nice);
    return 0;
}

Result<long> sys_sched_getattr(Task& t, int pid, UserPtr<SchedAttr> at, u32 size, u32 flags) {
    if (!at || pid < 0 || size > kPageSize || size < sizeof(SchedAttr) || flags) return err(EINVAL);
    SchedAttr a{};
    a.size = sizeof a;
    {
        SharedLock l(t.kernel().tasks().mu);
        Task* o = SBX_TRY(find(t, pid));
        a.policy = static_cast<u32>(o->sched_policy.load());
        a.flags = o->sched_reset_on_fork.load();  // SCHED_FLAG_RESET_ON_FORK
        a.priority = static_cast<u32>(o->sched_priority.load());
        if (!real_time(static_cast<int>(a.policy))) a.nice = o->nice.load();
    }
    SBX_TRY(t.copy_out(at, a));
    return 0;
}

constexpr SyscallRow kRows[] = {
    {24, "sched_yield", syscall<sys_sched_yield>, "", Support::Full, ""},
    {142, "sched_setparam", syscall<sys_sched_setparam>, "d ptr", Support::Partial, "kept and shown, not enforced"},
    {143, "sched_getparam", syscall<sys_sched_getparam>, "d ptr", Support::Full, ""},
    {144, "sched_setscheduler", syscall<sys_sched_setscheduler>, "d d ptr", Support::Partial,
     "kept and shown, not enforced"},
    {145, "sched_getscheduler", syscall<sys_sched_getscheduler>, "d", Support::Full, ""},
    {146, "sched_get_priority_max", syscall<sys_sched_get_priority_max>, "d", Support::Full, ""},
    {147, "sched_get_priority_min", syscall<sys_sched_get_priority_min>, "d", Support::Full, ""},
    {148, "sched_rr_get_interval", syscall<sys_sched_rr_get_interval>, "d ptr", Support::Full, ""},
    {203, "sched_setaffinity", syscall<sys_sched_setaffinity>, "d u ptr", Support::Partial,
     "kept and shown, not enforced"},
    {204, "sched_getaffinity", syscall<sys_sched_getaffinity>, "d u ptr", Support::Full, ""},
    {314, "sched_setattr", syscall<sys_sched_setattr>, "d ptr flags", Support::Partial,
     "kept and shown, not enforced; no SCHED_DEADLINE"},
    {315, "sched_getattr", syscall<sys_sched_getattr>, "d ptr u flags", Support::Full, ""},
};

}  // namespace

const SyscallFamily kSchedSyscalls(kRows);

}  // namespace sbx
