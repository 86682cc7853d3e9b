// ptrace: the requests of a tracer (kernel/ptrace.c, arch/x86/kernel/ptrace.c). The stops of tracees are in kernel/ptrace.cc.
#include <elf.h>
#include <linux/capability.h>
#include <linux/audit.h>
#include <string.h>
#include <sys/user.h>

#include "src/kernel/debug_registers.h"
#include "src/kernel/jobctl.h"
#include "src/kernel/kernel.h"
#include "src/kernel/ptrace.h"
#include "syscalls/families.h"

namespace sbx {
namespace {

enum : long {
    kTraceMe = 0,
    kPeekText = 1,
    kPeekData = 2,
    kPeekUser = 3,
    kPokeText = 4,
    kPokeData = 5,
    kPokeUser = 6,
    kCont = 7,
    kKill = 8,
    kSingleStep = 9,
    kGetRegs = 12,
    kSetRegs = 13,
    kGetFpRegs = 14,
    kSetFpRegs = 15,
    kAttach = 16,
    kDetach = 17,
    kSyscall = 24,
    kSetOptions = 0x4200,
    kGetEventMsg = 0x4201,
    kGetSigInfo = 0x4202,
    kSetSigInfo = 0x4203,
    kGetRegSet = 0x4204,
    kSetRegSet = 0x4205,
    kSeize = 0x4206,
    kInterrupt = 0x4207,
    kListen = 0x4208,
    kPeekSigInfo = 0x4209,
    kGetSigMask = 0x420a,
    kSetSigMask = 0x420b,
    kGetSyscallInfo = 0x420e,
};
constexpr u64 kOptions = 0xff | 0x100000;  // PTRACE_O_TRACE*, PTRACE_O_EXITKILL
constexpr u64 kFlagTf = 0x100;
constexpr u64 kFlagsMask =
    0x1 | 0x4 | 0x10 | 0x40 | 0x80 | 0x100 | 0x400 | 0x800 | 0x10000 | 0x4000 | 0x40000;  // FLAG_MASK
constexpr u64 kUserMax = 0x7ffffffff000;
constexpr size_t kRegsSize = sizeof(platform::Registers);
static_assert(kRegsSize == sizeof(user_regs_struct));

// --- registers; the tracee is stopped, TaskSet::mu held ---

platform::Registers shown_regs(const Task& c) {
    platform::Registers r = c.regs;
    // The flag that single-stepping set is not the program's.
    if (c.ptrace->forced_trap_flag) r.eflags &= ~kFlagTf;
    return r;
}

bool valid_selector(u64 v) { return v == 0 || ((v & 3) == 3 && v <= 0xffff); }

// putreg(): EIO for what no program may have.
Result<> take_regs(Task& c, const platform::Registers& n) {
    for (u64 s : {n.ds, n.es, n.fs, n.gs})
        if (!valid_selector(s)) return err(EIO);
    if ((n.cs & 3) != 3 || (n.ss & 3) != 3 || n.cs > 0xffff || n.ss > 0xffff) return err(EIO);
    if (n.fs_base >= kUserMax || n.gs_base >= kUserMax) return err(EIO);
    platform::Registers r = n;
    r.eflags = (c.regs.eflags & ~kFlagsMask) | (n.eflags & kFlagsMask);
    // Setting TF takes it over from single-stepping; clearing it leaves that as it is.
    if (n.eflags & kFlagTf)
        c.ptrace->forced_trap_flag = false;
    else if (c.ptrace->forced_trap_flag)
        r.eflags |= kFlagTf;
    c.regs = r;
    return {};
}

// Software bytes of the XSAVE image: the features, as Linux shows them in NT_X86_XSTATE.
std::vector<u8> shown_xstate(Task& c) {
    std::vector<u8> v = c.fp().data;
    v.resize(platform::xsave_size());
    u64 features = platform::xsave_features();
    memcpy(&v[464], &features, sizeof features);
    return v;
}

Result<> take_xstate(Task& c, const std::vector<u8>& v) {
    if (v.size() != platform::xsave_size()) return err(EFAULT);
    u64 features, compact;
    u32 mxcsr, mask;
    memcpy(&features, &v[512], 8);
    memcpy(&compact, &v[520], 8);
    memcpy(&mxcsr, &v[24], 4);
    memcpy(&mask, &c.fp().data[28], 4);
    if ((features & ~platform::xsave_features()) || compact || (mxcsr & ~(mask ? mask : 0xffbfu))) return err(EINVAL);
    c.fp().data = v;
    memcpy(&c.fp().data[28], &mask, 4);
    memset(&c.fp().data[464], 0, 48);
    c.context()->fp_changed();
    return {};
}

Result<> take_fxsave(Task& c, const std::vector<u8>& v) {
    if (v.size() != 512) return err(EINVAL);
    std::vector<u8> all = c.fp().data;
    all.resize(platform::xsave_size());
    memcpy(all.data(), v.data(), 464);
    all[512] |= 3;
    return take_xstate(c, all);
}

// --- finding and stopping ---

// The caller's tracee with that number, stopped unless `running` will do. TaskSet::mu held. ESRCH.
Result<Task*> find_tracee(Task& t, int pid, bool running) {
    Task* c = t.kernel().tasks().find_task(pid, t.pid_ns());
    if (!c || c->tracer != &t) return err(ESRCH);
    if (running) return c;
    Lock l(c->group().handlers()->mu);
    if (c->stop.load() != Task::Stop::Traced || (c->jobctl & kJobListening)) return err(ESRCH);
    return c;
}

void link(Task& tracer, Task& c, bool seized, u32 options) {
    if (!c.ptrace) c.ptrace = std::make_unique<PtraceState>();
    Lock l(c.group().handlers()->mu);
    *c.ptrace = PtraceState{};
    c.ptrace->seized = seized;
    c.ptrace->options = options;
    ptrace_set_tracer(c, &tracer);
    tracer.tracees.push_back(c);
}

Result<long> trace_me(Task& t) {
    Lock l(t.kernel().tasks().mu);
    if (t.tracer) return err(EPERM);
    if (!t.parent) return err(EPERM);
    link(*t.parent, t, false, 0);
    return 0;
}

Result<long> attach(Task& t, int pid, bool seize, u64 addr, u64 options) {
    if (seize && (addr != 0 || (options & ~kOptions))) return err(EIO);
    Lock l(t.kernel().tasks().mu);
    Task* c = t.kernel().tasks().find_task(pid, t.pid_ns());
    if (!c) return err(ESRCH);
    if (&c->group() == &t.group()) return err(EPERM);
    SBX_TRY(ptrace_may_access(t, *c, kPtraceAttach));
    if (c->tracer || c->exit_state != Task::ExitState::Running || c->exiting) return err(EPERM);
    link(t, *c, seize, seize ? static_cast<u32>(options) : 0);
    if (!seize) (void)send_signal(*c, kernel_siginfo(SIGSTOP));
    // A task in a group stop traps instead.
    Lock h(c->group().handlers()->mu);
    if (c->stop.load() == Task::Stop::Group) {
        c->jobctl |= kJobTrapStop;
        c->stop.store(Task::Stop::None);
        c->set_work(kWorkSignal);
        c->wake();
    }
    return 0;
}

// --- resuming ---

Result<long> resume(Task& t, int pid, long request, u64 sig) {
    if (sig > kSignalCount) return err(EIO);
    Lock l(t.kernel().tasks().mu);
    Task* c = SBX_TRY(find_tracee(t, pid, request == kKill));
    if (request == kKill) {
        if (c->exit_state == Task::ExitState::Running) (void)send_signal(*c, kernel_siginfo(SIGKILL));
        return 0;
    }
    PtraceState& p = *c->ptrace;
    p.syscall_stops = request == kSyscall;
    p.single_step = request == kSingleStep;
    if (p.single_step && !(c->regs.eflags & kFlagTf)) {
        c->regs.eflags |= kFlagTf;
        p.forced_trap_flag = true;
    } else if (!p.single_step && p.forced_trap_flag) {
        c->regs.eflags &= ~kFlagTf;
        p.forced_trap_flag = false;
    }
    c->ptrace_signal = static_cast<int>(sig);
    if (request == kDetach) {
        ptrace_unlink(*c);
        return 0;
    }
    Lock h(c->group().handlers()->mu);
    p.code = 0;
    c->stop.store(Task::Stop::None);
    c->wake();
    return 0;
}

Result<long> interrupt(Task& t, int pid) {
    Lock l(t.kernel().tasks().mu);
    Task* c = SBX_TRY(find_tracee(t, pid, true));
    if (!c->ptrace->seized) return err(EIO);
    Lock h(c->group().handlers()->mu);
    if (c->exiting) return 0;
    c->jobctl |= kJobTrapStop;
    c->set_work(kWorkSignal);
    if (c->jobctl & kJobListening) {
        c->stop.store(Task::Stop::None);
        c->wake();
    }
    return 0;
}

Result<long> listen(Task& t, int pid) {
    Lock l(t.kernel().tasks().mu);
    Task* c = SBX_TRY(find_tracee(t, pid, false));
    if (!c->ptrace->seized || !c->ptrace->has_info || c->ptrace->info.si_code >> 8 != 128) return err(EIO);
    Lock h(c->group().handlers()->mu);
    c->jobctl |= kJobListening;
    // News that came in between.
    if (c->jobctl & kJobTrapNotify) {
        c->stop.store(Task::Stop::None);
        c->wake();
    }
    return 0;
}

// --- memory ---

Result<Ref<mm::MemoryManager>> memory_of(Task& t, int pid) {
    SharedLock l(t.kernel().tasks().mu);
    Task* c = SBX_TRY(find_tracee(t, pid, false));
    Ref<mm::MemoryManager> mm = c->mm_of();
    if (!mm) return err(EIO);
    return mm;
}

Result<long> peek(Task& t, int pid, u64 addr, u64 data) {
    Ref<mm::MemoryManager> mm = SBX_TRY(memory_of(t, pid));
    u64 word = 0;
    Result<size_t> n = mm->access_remote(addr, &word, sizeof word, false);
    if (!n || *n != sizeof word) return err(EIO);
    SBX_TRY(t.copy_out(UserPtr<u64>{data}, word));
    return 0;
}

Result<long> poke(Task& t, int pid, u64 addr, u64 data) {
    Ref<mm::MemoryManager> mm = SBX_TRY(memory_of(t, pid));
    Result<size_t> n = mm->access_remote(addr, &data, sizeof data, true);
    if (!n || *n != sizeof data) return err(EIO);
    return 0;
}

// struct user: the registers first, the debug registers at its end. What lies between reads as zero.
std::optional<unsigned> debug_register_at(u64 addr) {
    constexpr u64 kFirst = offsetof(struct user, u_debugreg);
    if (addr < kFirst || addr >= kFirst + sizeof(user::u_debugreg)) return std::nullopt;
    return static_cast<unsigned>((addr - kFirst) / sizeof(u64));
}

Result<long> peek_user(Task& t, int pid, u64 addr, u64 data) {
    if ((addr & 7) || addr >= sizeof(struct user)) return err(EIO);
    u64 word = 0;
    {
        Lock l(t.kernel().tasks().mu);
        Task* c = SBX_TRY(find_tracee(t, pid, false));
        platform::Registers r = shown_regs(*c);
        if (addr < kRegsSize)
            memcpy(&word, reinterpret_cast<const u8*>(&r) + addr, sizeof word);
        else if (auto n = debug_register_at(addr))
            word = debug_register(*c, *n);
    }
    SBX_TRY(t.copy_out(UserPtr<u64>{data}, word));
    return 0;
}

Result<long> poke_user(Task& t, int pid, u64 addr, u64 data) {
    if ((addr & 7) || addr >= sizeof(struct user)) return err(EIO);
    Lock l(t.kernel().tasks().mu);
    Task* c = SBX_TRY(find_tracee(t, pid, false));
    if (addr >= kRegsSize) {
        auto n = debug_register_at(addr);
        if (!n) return err(EIO);
        SBX_TRY(set_debug_register(*c, *n, data));
        return 0;
    }
    platform::Registers r = shown_regs(*c);
    memcpy(reinterpret_cast<u8*>(&r) + addr, &data, sizeof data);
    SBX_TRY(take_regs(*c, r));
    return 0;
}

// --- register sets ---

Result<std::vector<u8>> read_regset(Task& c, u64 type) {
    if (type == NT_PRSTATUS) {
        platform::Registers r = shown_regs(c);
        std::vector<u8> v(kRegsSize);
        memcpy(v.data(), &r, kRegsSize);
        return v;
    }
    std::vector<u8> v = shown_xstate(c);
    if (type == NT_X86_XSTATE) return v;
    if (type != NT_FPREGSET) return err(EINVAL);
    v.resize(512);
    memset(&v[464], 0, 48);
    return v;
}

Result<> write_regset(Task& c, u64 type, const std::vector<u8>& v) {
    if (type == NT_PRSTATUS) {
        platform::Registers r = shown_regs(c);
        memcpy(&r, v.data(), std::min(v.size(), kRegsSize));
        return take_regs(c, r);
    }
    if (type == NT_FPREGSET) return take_fxsave(c, v);
    if (type == NT_X86_XSTATE) return take_xstate(c, v);
    return err(EINVAL);
}

size_t regset_unit(u64 type) { return type == NT_PRSTATUS || type == NT_X86_XSTATE ? 8 : 4; }

Result<std::vector<u8>> fetch_regset(Task& t, int pid, u64 type) {
    Lock l(t.kernel().tasks().mu);
    Task* c = SBX_TRY(find_tracee(t, pid, false));
    return read_regset(*c, type);
}

Result<> store_regset(Task& t, int pid, u64 type, const std::vector<u8>& v) {
    Lock l(t.kernel().tasks().mu);
    Task* c = SBX_TRY(find_tracee(t, pid, false));
    return write_regset(*c, type, v);
}

Result<long> get_regset(Task& t, int pid, u64 type, UserPtr<iovec> at) {
    iovec iov = SBX_TRY(t.copy_in(at));
    std::vector<u8> v = SBX_TRY(fetch_regset(t, pid, type));
    if (iov.iov_len % regset_unit(type)) return err(EINVAL);
    size_t n = std::min(v.size(), iov.iov_len);
    SBX_TRY(t.mm().copy_out(reinterpret_cast<u64>(iov.iov_base), v.data(), n));
    iov.iov_len = n;
    SBX_TRY(t.copy_out(at, iov));
    return 0;
}

Result<long> set_regset(Task& t, int pid, u64 type, UserPtr<iovec> at) {
    iovec iov = SBX_TRY(t.copy_in(at));
    size_t full = type == NT_PRSTATUS ? kRegsSize : type == NT_FPREGSET ? 512 : platform::xsave_size();
    if (type != NT_PRSTATUS && type != NT_FPREGSET && type != NT_X86_XSTATE) return err(EINVAL);
    if (iov.iov_len % regset_unit(type)) return err(EINVAL);
    std::vector<u8> v(std::min(full, iov.iov_len));
    SBX_TRY(t.mm().copy_in(reinterpret_cast<u64>(iov.iov_base), v.data(), v.size()));
    SBX_TRY(store_regset(t, pid, type, v));
    iov.iov_len = v.size();
    SBX_TRY(t.copy_out(at, iov));
    return 0;
}

Result<long> get_set(Task& t, int pid, u64 type, u64 at) {
    std::vector<u8> v = SBX_TRY(fetch_regset(t, pid, type));
    SBX_TRY(t.mm().copy_out(at, v.data(), v.size()));
    return 0;
}

Result<long> put_set(Task& t, int pid, u64 type, u64 at) {
    std::vector<u8> v(type == NT_PRSTATUS ? kRegsSize : 512);
    SBX_TRY(t.mm().copy_in(at, v.data(), v.size()));
    SBX_TRY(store_regset(t, pid, type, v));
    return 0;
}

// --- signals and events ---

Result<long> get_siginfo(Task& t, int pid, u64 at) {
    SigInfo info;
    {
        Lock l(t.kernel().tasks().mu);
        Task* c = SBX_TRY(find_tracee(t, pid, false));
        if (!c->ptrace->has_info) return err(EINVAL);
        info = c->ptrace->info;
    }
    SBX_TRY(t.copy_out(UserPtr<SigInfo>{at}, info));
    return 0;
}

Result<long> set_siginfo(Task& t, int pid, u64 at) {
    SigInfo info = SBX_TRY(t.copy_in(UserPtr<SigInfo>{at}));
    Lock l(t.kernel().tasks().mu);
    Task* c = SBX_TRY(find_tracee(t, pid, false));
    if (!c->ptrace->has_info) return err(EINVAL);
    c->ptrace->info = c->ptrace_info = info;
    return 0;
}

struct PeekArgs {
    u64 off;
    u32 flags;
    i32 nr;
};

Result<long> peek_siginfo(Task& t, int pid, u64 args_at, u64 at) {
    PeekArgs a = SBX_TRY(t.copy_in(UserPtr<PeekArgs>{args_at}));
    if (a.flags & ~1u || a.nr < 0) return err(EINVAL);
    std::vector<SigInfo> out;
    {
        Lock l(t.kernel().tasks().mu);
        Task* c = SBX_TRY(find_tracee(t, pid, false));
        Lock h(c->group().handlers()->mu);
        u64 i = 0;
        for (const QueuedSignal& q : ((a.flags & 1) ? c->group().pending : c->pending).queue())
            if (i++ >= a.off && out.size() < static_cast<size_t>(a.nr)) out.push_back(q.info);
    }
    for (size_t i = 0; i < out.size(); i++) SBX_TRY(t.copy_out(UserPtr<SigInfo>{at} + i, out[i]));
    return static_cast<long>(out.size());
}

Result<long> get_mask(Task& t, int pid, u64 size, u64 at) {
    if (size != sizeof(SigSet)) return err(EINVAL);
    SigSet mask;
    {
        Lock l(t.kernel().tasks().mu);
        Task* c = SBX_TRY(find_tracee(t, pid, false));
        mask = c->restore_mask ? c->saved_mask : c->blocked;
    }
    SBX_TRY(t.copy_out(UserPtr<SigSet>{at}, mask));
    return 0;
}

Result<long> set_mask(Task& t, int pid, u64 size, u64 at) {
    if (size != sizeof(SigSet)) return err(EINVAL);
    SigSet mask = SBX_TRY(t.copy_in(UserPtr<SigSet>{at}))
    &~kUnblockable;
    Lock l(t.kernel().tasks().mu);
    Task* c = SBX_TRY(find_tracee(t, pid, false));
    Lock h(c->group().handlers()->mu);
    c->blocked = mask;
    c->restore_mask = false;
    c->set_work(kWorkSignal);
    return 0;
}

Result<long> set_options(Task& t, int pid, u64 options) {
    if (options & ~kOptions) return err(EINVAL);
    Lock l(t.kernel().tasks().mu);
    Task* c = SBX_TRY(find_tracee(t, pid, false));
    Lock h(c->group().handlers()->mu);
    c->ptrace->options = static_cast<u32>(options);
    return 0;
}

Result<long> get_event_message(Task& t, int pid, u64 at) {
    u64 message;
    {
        Lock l(t.kernel().tasks().mu);
        message = SBX_TRY(find_tracee(t, pid, false))
        ->ptrace->message;
    }
    SBX_TRY(t.copy_out(UserPtr<u64>{at}, message));
    return 0;
}

// struct ptrace_syscall_info
struct SyscallInfo {
    u8 op, pad[3];
    u32 arch;
    u64 ip, sp;
    u64 body[7];  // entry: nr, args; exit: rval, is_error
};

Result<long> get_syscall_info(Task& t, int pid, u64 size, u64 at) {
    SyscallInfo s{};
    size_t used = offsetof(SyscallInfo, body);
    {
        Lock l(t.kernel().tasks().mu);
        Task* c = SBX_TRY(find_tracee(t, pid, false));
        const platform::Registers& r = c->regs;
        s.op = c->ptrace->syscall_op;
        s.arch = AUDIT_ARCH_X86_64;
        s.ip = r.rip;
        s.sp = r.rsp;
        if (s.op == 1) {
            const u64 args[7] = {r.orig_rax, r.rdi, r.rsi, r.rdx, r.r10, r.r8, r.r9};
            memcpy(s.body, args, sizeof args);
            used = sizeof s;
        } else if (s.op == 2) {
            s.body[0] = r.rax;
            s.body[1] = static_cast<i64>(r.rax) < 0 && static_cast<i64>(r.rax) >= -4095;
            used += 9;
        }
    }
    SBX_TRY(t.mm().copy_out(at, &s, std::min<u64>(size, used)));
    return static_cast<long>(used);
}

Result<long> sys_ptrace(Task& t, long request, int pid, u64 addr, u64 data) {
    switch (request) {
    case kTraceMe: return trace_me(t);
    case kAttach: return attach(t, pid, false, addr, data);
    case kSeize: return attach(t, pid, true, addr, data);
    case kCont:
    case kSyscall:
    case kSingleStep:
    case kKill:
    case kDetach: return resume(t, pid, request, data);
    case kInterrupt: return interrupt(t, pid);
    case kListen: return listen(t, pid);
    case kPeekText:
    case kPeekData: return peek(t, pid, addr, data);
    case kPokeText:
    case kPokeData: return poke(t, pid, addr, data);
    case kPeekUser: return peek_user(t, pid, addr, data);
    case kPokeUser: return poke_user(t, pid, addr, data);
    case kGetRegs: return get_set(t, pid, NT_PRSTATUS, data);
    case kSetRegs: return put_set(t, pid, NT_PRSTATUS, data);
    case kGetFpRegs: return get_set(t, pid, NT_FPREGSET, data);
    case kSetFpRegs: return put_set(t, pid, NT_FPREGSET, data);
    case kGetRegSet: return get_regset(t, pid, addr, UserPtr<iovec>{data});
    case kSetRegSet: return set_regset(t, pid, addr, UserPtr<iovec>{data});
    case kSetOptions: return set_options(t, pid, data);
    case kGetEventMsg: return get_event_message(t, pid, data);
    case kGetSigInfo: return get_siginfo(t, pid, data);
    case kSetSigInfo: return set_siginfo(t, pid, data);
    case kPeekSigInfo: return peek_siginfo(t, pid, addr, data);
    case kGetSigMask: return get_mask(t, pid, addr, data);
    case kSetSigMask: return set_mask(t, pid, addr, data);
    case kGetSyscallInfo: return get_syscall_info(t, pid, addr, data);
    default: return err(EIO);
    }
}

constexpr SyscallRow kRows[] = {
    {101, "ptrace", syscall<sys_ptrace>, "d d x x", Support::Partial, "no PTRACE_SYSEMU, no seccomp requests"},
};

}  // namespace

const SyscallFamily kPtraceSyscalls(kRows);

}  // namespace sbx
