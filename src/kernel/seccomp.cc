// Modes and filters of tasks.
#include "src/kernel/seccomp.h"

#include <linux/audit.h>
#include <linux/ptrace.h>
#include <sys/syscall.h>

#include <algorithm>
#include <bit>

#include "src/base/archive.h"
#include "src/kernel/kernel.h"
#include "src/kernel/ptrace.h"
#include "src/kernel/seccomp_bpf.h"

namespace sbx {
namespace {

struct SeccompProgram final : RefCounted {
    std::vector<sock_filter> code;
    template <class A>
    void state(A& ar) {
        std::vector<u64> words;
        static_assert(sizeof(sock_filter) == sizeof(u64));
        for (const sock_filter& f : code) words.push_back(std::bit_cast<u64>(f));
        ar(words);
        code.clear();
        for (u64 w : words) code.push_back(std::bit_cast<sock_filter>(w));
        if (!check_seccomp_program(code)) ar.fail("a seccomp filter is none");
    }
};
SBX_SAVABLE(SeccompProgram);

// All filters of a task, oldest first; never changed. A list and not a chain: the end of a long chain would need a deep stack.
struct SeccompFilters final : RefCounted {
    std::vector<Ref<const SeccompProgram>> programs;
    size_t cost = 0;
    template <class A>
    void state(A& ar) {
        ar(programs, cost);
        ar.all_there(programs);
    }
};
SBX_SAVABLE(SeccompFilters);

constexpr size_t kMaxCost = (1 << 18) / sizeof(sock_filter);  // MAX_INSNS_PER_PATH
constexpr size_t kFilterCost = 4;                             // of each filter, beside its instructions
constexpr int kSysSeccomp = 1;                                // SYS_SECCOMP
constexpr u32 kMaxErrno = 4095;

// Guards Task::seccomp_filter of all tasks; the mode is atomic and tells whether there is something to look at.
Mutex<Rank::Leaf> filters_mu;

Ref<const RefCounted> held(const Task& t) {
    Lock l(filters_mu);
    return t.seccomp_filter;
}

const SeccompFilters* filters_in(const Ref<const RefCounted>& r) { return static_cast<const SeccompFilters*>(r.get()); }

void set(Task& t, const Ref<const RefCounted>& filters, int mode) {
    Ref<const RefCounted> old = filters;
    {
        Lock l(filters_mu);
        std::swap(t.seccomp_filter, old);
    }
    __atomic_store_n(&t.seccomp_mode, mode, __ATOMIC_RELEASE);
}

seccomp_data call_of(const Task& t) {
    const platform::Registers& r = t.regs;
    return {static_cast<int>(r.orig_rax), AUDIT_ARCH_X86_64, r.rip, {r.rdi, r.rsi, r.rdx, r.r10, r.r8, r.r9}};
}

// The strictest action; of equal ones the newest filter's.
u32 run_filters(const SeccompFilters& f, const seccomp_data& data) {
    u32 result = SECCOMP_RET_ALLOW;
    auto strictness = [](u32 r) { return static_cast<i32>(r & SECCOMP_RET_ACTION_FULL); };
    for (size_t i = f.programs.size(); i-- > 0;) {
        u32 r = run_seccomp_program(f.programs[i]->code, data);
        if (strictness(r) < strictness(result)) result = r;
    }
    return result;
}

RunState skip(Task& t, int error) {
    t.regs.rax = static_cast<u64>(-static_cast<i64>(error));
    return RunSyscallExit{};
}

RunState trap(Task& t, const seccomp_data& data, u32 value) {
    t.regs.rax = t.regs.orig_rax;  // syscall_rollback()
    SigInfo info{};
    info.si_signo = SIGSYS;
    info.si_code = kSysSeccomp;
    info.si_errno = static_cast<int>(value);
    info.si_call_addr = reinterpret_cast<void*>(data.instruction_pointer);
    info.si_syscall = data.nr;
    info.si_arch = data.arch;
    force_signal(t, info);
    return RunSyscallExit{};
}

// Entered again after the stop: the tracer may have changed the call.
RunState show_tracer(Task& t, u32 value) {
    if (!ptrace_event_enabled(t, PTRACE_EVENT_SECCOMP)) return skip(t, ENOSYS);
    t.ptrace->seccomp_stop = ptrace_event_stop(t, PTRACE_EVENT_SECCOMP, value);
    // The tracer went away meanwhile, or a kill came.
    if (!t.ptrace->seccomp_stop) return skip(t, ENOSYS);
    return RunSyscallEntry{.after_ptrace_stop = true};
}

RunState end(Task& t, bool process, int sig) {
    if (process)
        t.prepare_group_exit(sig);
    else
        t.prepare_exit(sig);
    return *t.take_next_state();
}

bool strict_mode_allows(u64 nr) {
    return nr == SYS_read || nr == SYS_write || nr == SYS_exit || nr == SYS_rt_sigreturn;
}

// Are a's filters the oldest of b's?
bool is_ancestor(const SeccompFilters* a, const SeccompFilters& b) {
    return !a || (a->programs.size() <= b.programs.size() &&
                  std::equal(a->programs.begin(), a->programs.end(), b.programs.begin()));
}

// The threads that are to be synchronised with the task, or the id of one that cannot be. TaskSet::mu and SignalHandlers::mu held.
int threads_to_synchronise(Task& t, std::vector<Task*>& threads) {
    Ref<const RefCounted> own = held(t);
    for (Task& other : t.group().threads) {
        if (&other == &t || other.exiting) continue;
        Ref<const RefCounted> its = held(other);
        int mode = seccomp_mode(other);
        bool older = !its || (own && is_ancestor(filters_in(its), *filters_in(own)));
        if (mode == SECCOMP_MODE_STRICT || !older) return other.tid_in(t.pid_ns());
        threads.push_back(&other);
    }
    return 0;
}

}  // namespace

int seccomp_mode(const Task& t) { return __atomic_load_n(&t.seccomp_mode, __ATOMIC_ACQUIRE); }

size_t seccomp_filter_count(const Task& t) {
    Ref<const RefCounted> f = held(t);
    return f ? filters_in(f)->programs.size() : 0;
}

std::optional<RunState> seccomp_entry(Task& t, bool after_trace) {
    int mode = seccomp_mode(t);
    if (mode == SECCOMP_MODE_DISABLED) return std::nullopt;
    seccomp_data data = call_of(t);
    if (mode == SECCOMP_MODE_STRICT) {
        if (strict_mode_allows(static_cast<u32>(data.nr))) return std::nullopt;
        return end(t, false, SIGKILL);
    }
    Ref<const RefCounted> filters = held(t);
    u32 result = run_filters(*filters_in(filters), data), value = result & SECCOMP_RET_DATA;
    switch (result & SECCOMP_RET_ACTION_FULL) {
    case SECCOMP_RET_ALLOW:
    case SECCOMP_RET_LOG: return std::nullopt;
    case SECCOMP_RET_ERRNO: return skip(t, static_cast<int>(std::min(value, kMaxErrno)));
    case SECCOMP_RET_TRAP: return trap(t, data, value);
    case SECCOMP_RET_TRACE:
        if (after_trace) return std::nullopt;
        return show_tracer(t, value);
    case SECCOMP_RET_USER_NOTIF: return skip(t, ENOSYS);  // as without a listener
    case SECCOMP_RET_KILL_THREAD: return end(t, false, SIGSYS);
    default: return end(t, true, SIGSYS);
    }
}

Result<> seccomp_set_strict(Task& t) {
    Lock l(t.kernel().tasks().mu);
    if (seccomp_mode(t) == SECCOMP_MODE_FILTER) return err(EINVAL);
    set(t, {}, SECCOMP_MODE_STRICT);
    return {};
}

Result<int> seccomp_add_filter(Task& t, std::vector<sock_filter> program, bool synchronise) {
    SBX_TRY(check_seccomp_program(program));
    Ref<SeccompProgram> p = make_ref<SeccompProgram>();
    p->code = std::move(program);
    Lock l(t.kernel().tasks().mu);
    if (seccomp_mode(t) == SECCOMP_MODE_STRICT) return err(EINVAL);
    Ref<SeccompFilters> all = make_ref<SeccompFilters>();
    if (Ref<const RefCounted> own = held(t)) {
        all->programs = filters_in(own)->programs;
        all->cost = filters_in(own)->cost;
    }
    all->cost += p->code.size() + kFilterCost;
    if (all->cost > kMaxCost + kFilterCost) return err(ENOMEM);  // the new one's own extra cost does not count
    all->programs.push_back(std::move(p));
    std::vector<Task*> others;
    if (synchronise) {
        Lock handlers(t.group().handlers()->mu);
        if (int tid = threads_to_synchronise(t, others)) return tid;
    }
    Ref<const RefCounted> filters(all);
    set(t, filters, SECCOMP_MODE_FILTER);
    for (Task* other : others) {
        if (t.no_new_privs) __atomic_store_n(&other->no_new_privs, true, __ATOMIC_RELAXED);
        set(*other, filters, SECCOMP_MODE_FILTER);
    }
    return 0;
}

void seccomp_inherit(Task& child, const Task& t) {
    child.no_new_privs = t.no_new_privs;
    set(child, held(t), seccomp_mode(t));
}

}  // namespace sbx
