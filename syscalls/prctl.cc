// prctl.
#include <linux/capability.h>
#include <linux/prctl.h>

#include "src/kernel/change_creds.h"
#include "src/kernel/kernel.h"
#include "src/kernel/seccomp.h"
#include "src/kernel/user_dispatch.h"
#include "syscalls/families.h"
#include "syscalls/seccomp.h"

#ifndef PR_SET_VMA
#define PR_SET_VMA 0x53564d41
#define PR_SET_VMA_ANON_NAME 0
#endif
#ifndef PR_SET_MDWE
#define PR_SET_MDWE 65
#define PR_GET_MDWE 66
#endif

namespace sbx {
namespace {

Result<long> set_death_signal(Task& t, u64 sig) {
    if (sig > kSignalCount) return err(EINVAL);
    t.parent_death_signal = static_cast<int>(sig);
    return 0;
}

Result<long> set_dumpable(Task& t, u64 v) {
    // 2 is only for the kernel's own use.
    if (v > 1) return err(EINVAL);
    t.mm().dumpable.store(static_cast<int>(v));
    return 0;
}

Result<long> set_keep_caps(Task& t, u64 on) {
    const Creds& old = *t.creds();
    if (on > 1) return err(EINVAL);
    if (old.securebits & (kSecKeepCaps << 1)) return err(EPERM);
    Ref<Creds> n = old.clone();
    n->securebits = on ? n->securebits | kSecKeepCaps : n->securebits & ~kSecKeepCaps;
    commit_creds(t, std::move(n));
    return 0;
}

Result<long> set_name(Task& t, u64 addr) {
    // strncpy_from_user of 15 bytes: longer names are cut.
    std::string name;
    for (u64 i = 0; i < 15; i++) {
        char c = SBX_TRY(t.copy_in(UserPtr<char>{addr + i}));
        if (c == 0) break;
        name += c;
    }
    t.set_name(name);
    return 0;
}

Result<long> get_name(Task& t, u64 addr) {
    char buf[16] = {};
    t.name().copy(buf, 15);
    SBX_TRY(t.mm().copy_out(addr, buf, sizeof buf));
    return 0;
}

Result<long> drop_bounding(Task& t, u64 cap) {
    const Creds& old = *t.creds();
    if (!old.capable(CAP_SETPCAP)) return err(EPERM);
    if (cap > kCapLast) return err(EINVAL);
    Ref<Creds> n = old.clone();
    n->bounding.bits &= ~(1ull << cap);
    commit_creds(t, std::move(n));
    return 0;
}

// cap_task_prctl(): locked bits cannot change, locks cannot be undone, and the caller must be privileged.
Result<long> set_securebits(Task& t, u64 v) {
    const Creds& old = *t.creds();
    u32 locked = (old.securebits & kSecAllLocks) >> 1;
    if ((locked & (old.securebits ^ static_cast<u32>(v))) || ((old.securebits & kSecAllLocks) & ~v) ||
        (v & ~u64{kSecAllBits | kSecAllLocks}) || !old.capable(CAP_SETPCAP))
        return err(EPERM);
    Ref<Creds> n = old.clone();
    n->securebits = static_cast<u32>(v);
    commit_creds(t, std::move(n));
    return 0;
}

Result<long> ambient(Task& t, u64 op, u64 cap, u64 a4, u64 a5) {
    const Creds& old = *t.creds();
    if (op == PR_CAP_AMBIENT_CLEAR_ALL) {
        if (cap || a4 || a5) return err(EINVAL);
        Ref<Creds> n = old.clone();
        n->ambient = CapSet{};
        commit_creds(t, std::move(n));
        return 0;
    }
    if (cap > kCapLast || a4 || a5) return err(EINVAL);
    unsigned c = static_cast<unsigned>(cap);
    if (op == PR_CAP_AMBIENT_IS_SET) return old.ambient.has(c);
    if (op != PR_CAP_AMBIENT_RAISE && op != PR_CAP_AMBIENT_LOWER) return err(EINVAL);
    if (op == PR_CAP_AMBIENT_RAISE &&
        (!old.permitted.has(c) || !old.inheritable.has(c) || (old.securebits & kSecNoAmbientRaise)))
        return err(EPERM);
    Ref<Creds> n = old.clone();
    if (op == PR_CAP_AMBIENT_RAISE)
        n->ambient.bits |= 1ull << c;
    else
        n->ambient.bits &= ~(1ull << c);
    commit_creds(t, std::move(n));
    return 0;
}

Result<long> set_subreaper(Task& t, u64 on) {
    Lock l(t.kernel().tasks().mu);
    ThreadGroup& g = t.group();
    g.child_subreaper = on != 0;
    if (!on) return 0;
    // propagate_has_child_subreaper(): all descendants may now find us above them.
    std::vector<Task*> todo;
    auto add_children = [&todo](ThreadGroup& of) {
        for (Task& thread : of.threads)
            for (Task& c : thread.children) todo.push_back(&c);
    };
    add_children(g);
    while (!todo.empty()) {
        Task* c = todo.back();
        todo.pop_back();
        c->group().has_child_subreaper = true;
        add_children(c->group());
    }
    return 0;
}

// validate_prctl_map_addr(): the break and its beginning are given apart, since brk(2) alone moves them here.
Result<> check_layout(Task& t, const mm::MmLayout& l, u64 start_brk, u64 brk) {
    Range user = t.mm().user_range();
    for (u64 a : {l.start_code, l.end_code, l.start_data, l.end_data, start_brk, brk, l.start_stack, l.arg_start,
                  l.arg_end, l.env_start, l.env_end})
        if (a < user.start || a >= user.end) return err(EINVAL);
    if (l.start_code >= l.end_code || l.start_data > l.end_data || start_brk > brk || l.arg_start > l.arg_end ||
        l.env_start > l.env_end)
        return err(EINVAL);
    // Sums of addresses below 2^47.
    if (brk - start_brk + (l.end_data - l.start_data) > t.rlimit(RLIMIT_DATA)) return err(EINVAL);
    return {};
}

// The words of an auxiliary vector of `bytes` bytes, which always ends with AT_NULL; EINVAL if it is longer than Linux keeps.
Result<std::vector<u64>> copy_in_auxv(Task& t, u64 at, u64 bytes) {
    constexpr u64 kWords = 52;  // AT_VECTOR_SIZE
    if (bytes > kWords * sizeof(u64)) return err(EINVAL);
    std::vector<u64> v(kWords, 0);
    SBX_TRY(t.mm().copy_in(at, v.data(), bytes));
    size_t n = 0;
    while (n < kWords - 2 && v[n] != 0) n += 2;
    v[n] = v[n + 1] = 0;
    v.resize(n + 2);
    return v;
}

// PR_SET_MM_MAP: all fields at once, for everybody, as they are checked together. The break must be the one that there is.
Result<long> set_mm_map(Task& t, u64 at, u64 size) {
    prctl_mm_map m;
    if (size != sizeof m) return err(EINVAL);
    SBX_TRY(t.mm().copy_in(at, &m, sizeof m));
    mm::MmLayout l = t.mm().layout();
    u64 start_brk = l.start_brk, brk = t.mm().brk(0, {});
    l.start_code = m.start_code, l.end_code = m.end_code, l.start_data = m.start_data, l.end_data = m.end_data;
    l.start_stack = m.start_stack;
    l.arg_start = m.arg_start, l.arg_end = m.arg_end, l.env_start = m.env_start, l.env_end = m.env_end;
    SBX_TRY(check_layout(t, l, m.start_brk, m.brk));
    if (m.auxv_size) {
        if (!m.auxv) return err(EINVAL);
        l.auxv = SBX_TRY(copy_in_auxv(t, reinterpret_cast<u64>(m.auxv), m.auxv_size));
    }
    if (m.exe_fd != ~0u) {
        const UserNamespace& ns = *t.creds()->user_ns;
        if (!t.creds()->capable(CAP_SYS_ADMIN, ns) && !t.creds()->capable(CAP_CHECKPOINT_RESTORE, ns))
            return err(EPERM);
        return err(EINVAL);
    }
    if (m.start_brk != start_brk || m.brk != brk) return err(EINVAL);
    t.mm().set_layout(l);
    return 0;
}

// PR_SET_MM: single fields, for privileged programs that restore or rename themselves.
Result<long> set_mm(Task& t, u64 what, u64 addr, u64 a4, u64 a5) {
    if (a5 || (a4 && what != PR_SET_MM_AUXV && what != PR_SET_MM_MAP && what != PR_SET_MM_MAP_SIZE)) return err(EINVAL);
    if (what == PR_SET_MM_MAP_SIZE) {
        SBX_TRY(t.copy_out(UserPtr<u32>{addr}, u32{sizeof(prctl_mm_map)}));
        return 0;
    }
    if (what == PR_SET_MM_MAP) return set_mm_map(t, addr, a4);
    if (!t.creds()->capable(CAP_SYS_RESOURCE)) return err(EPERM);
    mm::MmLayout l = t.mm().layout();
    if (what == PR_SET_MM_AUXV) {
        l.auxv = SBX_TRY(copy_in_auxv(t, addr, a4));
        t.mm().set_layout(l);
        return 0;
    }
    switch (what) {
    case PR_SET_MM_START_CODE: l.start_code = addr; break;
    case PR_SET_MM_END_CODE: l.end_code = addr; break;
    case PR_SET_MM_START_DATA: l.start_data = addr; break;
    case PR_SET_MM_END_DATA: l.end_data = addr; break;
    case PR_SET_MM_START_STACK: l.start_stack = addr; break;
    case PR_SET_MM_ARG_START: l.arg_start = addr; break;
    case PR_SET_MM_ARG_END: l.arg_end = addr; break;
    case PR_SET_MM_ENV_START: l.env_start = addr; break;
    case PR_SET_MM_ENV_END: l.env_end = addr; break;
    default: return err(EINVAL);
    }
    SBX_TRY(check_layout(t, l, l.start_brk, t.mm().brk(0, {})));
    t.mm().set_layout(l);
    return 0;
}

Result<long> set_vma_name(Task& t, u64 op, u64 addr, u64 size, u64 name_at) {
    if (op != PR_SET_VMA_ANON_NAME) return err(EINVAL);
    if (name_at == 0) {
        SBX_TRY(t.mm().set_anon_name(addr, size, nullptr));
        return 0;
    }
    Result<std::string> name = t.mm().copy_in_string(name_at, 80);  // ANON_VMA_NAME_MAX_LEN
    if (!name) return err(name.error() == ENAMETOOLONG ? EINVAL : name.error().value);
    for (char c : *name)
        if (c < ' ' || c > '~' || c == '\\' || c == '`' || c == '$' || c == '[' || c == ']') return err(EINVAL);
    SBX_TRY(t.mm().set_anon_name(addr, size, &*name));
    return 0;
}

// There are no machine checks to be killed by: the policy is kept and shown.
Result<long> mce_kill(Task& t, u64 op, u64 policy, u64 a4, u64 a5) {
    if (a4 || a5) return err(EINVAL);
    switch (op) {
    case PR_MCE_KILL_CLEAR:
        if (policy) return err(EINVAL);
        t.mce_kill = PR_MCE_KILL_DEFAULT;
        return 0;
    case PR_MCE_KILL_SET:
        if (policy > PR_MCE_KILL_DEFAULT) return err(EINVAL);
        t.mce_kill = static_cast<int>(policy);
        return 0;
    default: return err(EINVAL);
    }
}

Result<long> io_flusher(Task& t, u64 on, bool set, u64 a3, u64 a4, u64 a5) {
    if (!t.creds()->capable(CAP_SYS_RESOURCE, t.kernel().user_ns())) return err(EPERM);
    if (a3 || a4 || a5 || on > (set ? 1u : 0u)) return err(EINVAL);
    if (!set) return t.io_flusher;
    t.io_flusher = on;
    return 0;
}

// Speculation is as the host lets it: known features are on and cannot be changed from inside.
Result<long> speculation(u64 which, u64 control, bool set, u64 a4, u64 a5) {
    if (a4 || a5 || (!set && control)) return err(EINVAL);
    if (which > PR_SPEC_L1D_FLUSH) return err(ENODEV);
    if (!set) return PR_SPEC_ENABLE;
    return err(control == PR_SPEC_ENABLE || control == PR_SPEC_DISABLE || control == PR_SPEC_FORCE_DISABLE ||
                       control == PR_SPEC_DISABLE_NOEXEC
                   ? ENXIO
                   : ERANGE);
}

Result<long> sys_prctl(Task& t, int option, u64 a2, u64 a3, u64 a4, u64 a5) {
    switch (option) {
    case PR_SET_PDEATHSIG: return set_death_signal(t, a2);
    case PR_GET_PDEATHSIG: SBX_TRY(t.copy_out(UserPtr<int>{a2}, t.parent_death_signal)); return 0;
    case PR_GET_DUMPABLE: return t.mm().dumpable.load();
    case PR_SET_DUMPABLE: return set_dumpable(t, a2);
    case PR_GET_KEEPCAPS: return (t.creds()->securebits & kSecKeepCaps) != 0;
    case PR_SET_KEEPCAPS: return set_keep_caps(t, a2);
    case PR_GET_TIMING: return PR_TIMING_STATISTICAL;
    case PR_SET_TIMING: return a2 == PR_TIMING_STATISTICAL ? Result<long>(0) : err(EINVAL);
    case PR_SET_NAME: return set_name(t, a2);
    case PR_GET_NAME: return get_name(t, a2);
    case PR_CAPBSET_READ:
        if (a2 > kCapLast) return err(EINVAL);
        return t.creds()->bounding.has(static_cast<unsigned>(a2));
    case PR_CAPBSET_DROP: return drop_bounding(t, a2);
    case PR_GET_TSC: SBX_TRY(t.copy_out(UserPtr<int>{a2}, int{PR_TSC_ENABLE})); return 0;
    case PR_SET_TSC: return a2 == PR_TSC_ENABLE ? Result<long>(0) : err(EINVAL);
    case PR_GET_SECUREBITS: return t.creds()->securebits;
    case PR_SET_SECUREBITS: return set_securebits(t, a2);
    case PR_SET_TIMERSLACK: t.timer_slack = static_cast<i64>(a2) <= 0 ? 50000 : a2; return 0;
    case PR_GET_TIMERSLACK: return static_cast<long>(t.timer_slack);
    case PR_TASK_PERF_EVENTS_DISABLE:
    case PR_TASK_PERF_EVENTS_ENABLE: return 0;
    case PR_SET_MM: return set_mm(t, a2, a3, a4, a5);
    case PR_SET_CHILD_SUBREAPER: return set_subreaper(t, a2);
    case PR_GET_CHILD_SUBREAPER: {
        bool on;
        {
            SharedLock l(t.kernel().tasks().mu);
            on = t.group().child_subreaper;
        }
        SBX_TRY(t.copy_out(UserPtr<int>{a2}, int{on}));
        return 0;
    }
    case PR_SET_NO_NEW_PRIVS:
        if (a2 != 1 || a3 || a4 || a5) return err(EINVAL);
        t.no_new_privs = true;
        return 0;
    case PR_GET_NO_NEW_PRIVS:
        if (a2 || a3 || a4 || a5) return err(EINVAL);
        return t.no_new_privs;
    case PR_GET_TID_ADDRESS: SBX_TRY(t.copy_out(UserPtr<u64>{a2}, t.clear_child_tid)); return 0;
    case PR_GET_THP_DISABLE:
        if (a2 || a3 || a4 || a5) return err(EINVAL);
        return t.mm().thp_disable.load();
    case PR_SET_THP_DISABLE:
        if (a3 || a4 || a5) return err(EINVAL);
        t.mm().thp_disable.store(a2 != 0);
        return 0;
    case PR_MCE_KILL: return mce_kill(t, a2, a3, a4, a5);
    case PR_MCE_KILL_GET:
        if (a2 || a3 || a4 || a5) return err(EINVAL);
        return t.mce_kill;
    case PR_SET_IO_FLUSHER: return io_flusher(t, a2, true, a3, a4, a5);
    case PR_GET_IO_FLUSHER: return io_flusher(t, a2, false, a3, a4, a5);
    case PR_GET_SPECULATION_CTRL: return speculation(a2, a3, false, a4, a5);
    case PR_SET_SPECULATION_CTRL: return speculation(a2, a3, true, a4, a5);
    case PR_GET_SECCOMP: return seccomp_mode(t);
    case PR_SET_SECCOMP: return prctl_set_seccomp(t, a2, a3);
    case PR_CAP_AMBIENT: return ambient(t, a2, a3, a4, a5);
    case PR_GET_MDWE:
        if (a2 || a3 || a4 || a5) return err(EINVAL);
        return 0;
    case PR_SET_SYSCALL_USER_DISPATCH: SBX_TRY(set_user_dispatch(t, a2, a3, a4, a5)); return 0;
    case PR_SET_VMA: return set_vma_name(t, a2, a3, a4, a5);
    default: return err(EINVAL);
    }
}

constexpr SyscallRow kRows[] = {
    {157, "prctl", syscall<sys_prctl>, "d x x x x", Support::Partial,
     "PR_SET_MM moves neither the break nor the executable; no PR_SET_TSC or scheduling cookies: EINVAL"},
};

}  // namespace

const SyscallFamily kPrctlSyscalls(kRows);

}  // namespace sbx
