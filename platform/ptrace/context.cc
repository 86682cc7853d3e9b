// Running application code: resume, wait, and say what stopped it.
#include "platform/ptrace/context.h"

#include <linux/ptrace.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "platform/ptrace/regs.h"
#include "platform/ptrace/tracee.h"
#include "platform/registers.h"
#include "platform/stub/layout.h"
#include "platform/xstate.h"
#include "src/base/log.h"

namespace sbx::platform::ptrace {
namespace {
// What interrupt() sends to the stub thread; never seen by anybody else.
constexpr int kInterruptSignal = SIGUSR1;
#ifndef SYS_SECCOMP
constexpr int SYS_SECCOMP = 1;
#endif
constexpr u64 kAuditArch64 = 0xc000003e;
constexpr u64 kErrorUser = 4, kErrorFetch = 16;
constexpr u64 kMaxInstruction = 15;
constexpr u64 kDebugControl = 0xffff00ff;  // what breakpoints there are and where; the rest of DR7 is the host's

u64 debug_offset(int n) { return offsetof(user, u_debugreg) + sizeof(u64) * static_cast<u64>(n); }

thread_local PtraceContext* contexts_of_thread = nullptr;
}  // namespace

PtraceContext::PtraceContext(Space& space) : space_(space) {
    next_ = std::exchange(contexts_of_thread, this);
    fp_.data.resize(xsave_size());
    if (host_xsave_size() != fp_.data.size()) xsave_.resize(host_xsave_size());
}

PtraceContext::~PtraceContext() {
    detach();
    for (PtraceContext** p = &contexts_of_thread; *p; p = &(*p)->next_) {
        if (*p != this) continue;
        *p = next_;
        break;
    }
}

PtraceContext* PtraceContext::of_this_thread(const Space& space) {
    for (PtraceContext* c = contexts_of_thread; c; c = c->next_)
        if (c->space_ == &space && c->tid_ != 0) return c;
    return nullptr;
}

Result<> PtraceContext::attach() {
    Stub::Idle idle = SBX_TRY(space_->mapper().take_thread(space_->stub()));
    pid_t tid = idle.tid;
    if (trace(PTRACE_SEIZE, tid, 0, PTRACE_O_EXITKILL | PTRACE_O_TRACESYSGOOD) != 0)
        return err(errno == EPERM || errno == ESRCH ? ESRCH : EIO);  // what one that is dying gives
    tid_ = tid;
    space_->placement().sit(seat_, tid);
    for (bool first = true;; first = false) {
        if (trace(first ? PTRACE_INTERRUPT : PTRACE_CONT, tid) != 0) {
            lost(errno);
            break;
        }
        Stop s = wait_stop(tid);
        if (s.kind == Stop::Gone) lost(0);
        if (tid_ == 0) break;
        if (s.kind == Stop::Event) break;
    }
    if (tid_ == 0) return err(space_->lost() > 0 ? EIO : ESRCH);
    target_.store(static_cast<u64>(space_->stub().leader) << 32 | static_cast<u32>(tid), std::memory_order_release);
    host_valid_ = false;
    fp_valid_ = fp_dirty_ = false;
    if (idle.used) {
        fp();
        init_xsave(fp_.data);
        fp_dirty_ = true;
    }
    return {};
}

void PtraceContext::detach() {
    target_.store(0, std::memory_order_release);
    space_->placement().leave(seat_);
    if (tid_ == 0) return;
    if (host_debug_) load_debug({});
    pid_t tid = std::exchange(tid_, 0);
    const stub::Code& code = stub::code();
    bool keep = space_->mapper().wants_thread(space_->stub());
    if (set_regs(tid, stub_regs(keep ? code.park : code.exit)) && trace(PTRACE_DETACH, tid) == 0) {
        if (keep) space_->mapper().keep_thread(space_->stub(), tid);
        return;
    }
    tid_ = tid;
    lost(errno);
}

Trap PtraceContext::lost(int error) {
    target_.store(0, std::memory_order_release);
    if (error == 0 || (error == ESRCH && tid_ != 0 && dies(tid_))) {
        tid_ = 0;
        error = Stub::kKilled;
    }
    // A live thread that is said not to be there: ESRCH stands for the killed.
    space_->stub().set_lost(error == ESRCH ? EIO : error);
    // Whatever state the thread is in, it dies with its process.
    if (tid_ != 0)
        while (wait_stop(tid_).kind != Stop::Gone) {}
    tid_ = 0;
    return SpaceLostTrap{std::max(space_->lost(), 0)};
}

bool PtraceContext::load_regs(const Registers& wanted) {
    if (host_valid_ && memcmp(&host_, &wanted, sizeof wanted) == 0) return true;
    if (!set_regs(tid_, wanted) && (errno != EIO || !set_regs_piecemeal(tid_, wanted))) return false;
    return true;
}

// The stub's own pages get no breakpoints: a trap there would be taken for the end of what the stub was told to do.
void PtraceContext::load_debug(const DebugRegisters& wanted) {
    u64 control = wanted.control & kDebugControl;
    for (unsigned i = 0; i < 4; i++)
        if (wanted.enabled(i) && wanted.address[i] >= stub::kUserEnd) control &= ~(3ull << i * 2);
    auto set = [this](int n, u64 value) { return trace(PTRACE_POKEUSR, tid_, debug_offset(n), value) == 0; };
    bool ok = set(7, 0);
    for (int i = 0; i < 4; i++)
        if (control >> i * 2 & 3) ok = ok && set(i, wanted.address[i]);
    host_debug_ = (control & 0xff) != 0;
    if (host_debug_) ok = ok && set(7, control);
    if (!ok) SBX_LOG(Warn, "the host refused a hardware breakpoint: %s", errno_text(errno));
}

Trap PtraceContext::run(Registers& regs) {
    if (tid_ == 0) return SpaceLostTrap{std::max(space_->lost(), 0)};
    if (space_->lost() != 0) return lost(ESRCH);
    Placement::Run in_run(space_->placement(), seat_);
    if (take_interrupt()) return InterruptedTrap{};

    if (fp_dirty_) {
        sanitize_xsave(fp_.data);
        if (!xsave_.empty()) memcpy(xsave_.data(), fp_.data.data(), fp_.data.size());
        // EINVAL: nothing that this processor can hold.
        if (!set_xsave(tid_, xsave_.empty() ? fp_.data : xsave_) && errno != EINVAL) return lost(errno);
    }
    fp_valid_ = fp_dirty_ = false;
    if (std::exchange(debug_dirty_, false)) [[unlikely]]
        load_debug(debug_);
    Registers wanted = regs;
    sanitize(wanted);
    if (!load_regs(wanted)) return lost(errno);
    host_valid_ = false;

    for (;;) {
        if (trace(PTRACE_SYSEMU, tid_) != 0) return lost(errno);
        Stop s = wait_stop(tid_);
        if (s.kind == Stop::Event) continue;
        if (s.kind == Stop::Gone) return lost(0);
        Trap trap;
        bool report = s.kind == Stop::Syscall ? syscall_trap(regs, trap) : signal_trap(s.signal, regs, trap);
        if (!report) continue;
        return trap;
    }
}

bool PtraceContext::syscall_trap(Registers& regs, Trap& trap) {
    if (!get_regs(tid_, host_)) {
        trap = lost(errno);
        return true;
    }
    regs = host_;
    // host_ keeps orig_rax: it differs from what run() wants, so that registers are always written after a system call.
    host_valid_ = true;
    bool plain = regs.rcx == regs.rip && regs.r11 == regs.eflags;  // what the syscall instruction leaves
    if (!plain) {
        // int 0x80, or hardware that does not clobber rcx (FRED).
        ptrace_syscall_info info{};
        long r = trace(PTRACE_GET_SYSCALL_INFO, tid_, sizeof info, reinterpret_cast<u64>(&info));
        if (r <= 0) {
            trap = lost(errno);
            return true;
        }
        plain = info.arch == kAuditArch64;
    }
    if (!plain || regs.cs != kUserCs) {
        regs.rax = regs.orig_rax;
        regs.orig_rax = ~0ull;
        trap = refused_mode();
        return true;
    }
    trap = SyscallTrap{};
    return true;
}

bool PtraceContext::signal_trap(int sig, Registers& regs, Trap& trap) {
    if (sig == kInterruptSignal) {
        if (!take_interrupt()) return false;
        if (!get_regs(tid_, host_)) {
            trap = lost(errno);
            return true;
        }
        regs = host_;
        host_valid_ = true;
        trap = InterruptedTrap{};
        if (regs.cs != kUserCs) trap = refused_mode();
        return true;
    }
    if (sig != SIGSEGV && sig != SIGBUS && sig != SIGILL && sig != SIGFPE && sig != SIGTRAP && sig != SIGSYS)
        return false;
    FaultTrap fault{};
    if (trace(PTRACE_GETSIGINFO, tid_, 0, reinterpret_cast<u64>(&fault.info)) != 0 || !get_regs(tid_, host_)) {
        trap = lost(errno);
        return true;
    }
    if (fault.info.si_code <= 0) return false;
    regs = host_;
    host_valid_ = true;
    if (regs.cs != kUserCs) {
        trap = refused_mode();
        return true;
    }
    if (sig == SIGSYS) {
        if (fault.info.si_code != SYS_SECCOMP) return false;
        // A call into the vsyscall page, which returns to its caller by itself (arch/x86/entry/vsyscall/vsyscall_64.c).
        regs.orig_rax = static_cast<u64>(static_cast<u32>(fault.info.si_syscall));
        regs.rax = static_cast<u64>(-ENOSYS);
        trap = SyscallTrap{};
        return true;
    }
    fault.trap_no = vector_of(fault.info);
    if (sig == SIGTRAP) {
        debug_.status = fault.info.si_code == TRAP_TRACE ? DebugRegisters::kStepTrap : DebugRegisters::kNoTrap;
        if (host_debug_) trace(PTRACE_PEEKUSR, tid_, debug_offset(6), reinterpret_cast<u64>(&debug_.status));
    }
    if (fault.trap_no == kPageFault) {
        auto at = reinterpret_cast<u64>(fault.info.si_addr);
        bool fetch = at == regs.rip || (at > regs.rip && at - regs.rip < kMaxInstruction && (at & kPageMask) == 0);
        // The same again: it was not the fetch after all, but an access of the instruction to its own bytes.
        if (fetch && last_fetch_fault_ != at) {
            fault.error_code = kErrorUser | kErrorFetch;
            last_fetch_fault_ = at;
        } else {
            last_fetch_fault_ = ~0ull;
        }
    }
    trap = fault;
    return true;
}

FpState& PtraceContext::fp() {
    if (fp_valid_ || fp_dirty_ || tid_ == 0) return fp_;
    Bytes image = xsave_.empty() ? Bytes(fp_.data) : Bytes(xsave_);
    if (get_xsave(tid_, image)) {
        if (!xsave_.empty()) memcpy(fp_.data.data(), xsave_.data(), fp_.data.size());
        sanitize_xsave(fp_.data);
    } else {
        lost(errno);
    }
    fp_valid_ = true;
    return fp_;
}

void PtraceContext::interrupt() {
    int saved = errno;
    pending_.store(true, std::memory_order_seq_cst);
    if (seat_.running.load(std::memory_order_seq_cst)) {
        u64 t = target_.load(std::memory_order_acquire);
        if (t != 0)
            syscall(SYS_tgkill, static_cast<pid_t>(t >> 32), static_cast<pid_t>(t & 0xffffffff), kInterruptSignal);
    }
    errno = saved;
}

Result<> PtraceContext::apply(size_t count, size_t& done) {
    host_valid_ = false;
    bool reaped = false;
    Result<> r = inject_ops(tid_, reaped, count, done, &host_);
    if (!r && r.error() == ESRCH) lost(reaped ? 0 : ESRCH);
    return r;
}

Result<> PtraceContext::switch_to(AddressSpace& space) {
    detach();
    space_ = Ref<Space>(static_cast<Space&>(space));
    host_ = Registers{};
    last_fetch_fault_ = ~0ull;
    debug_ = {};
    debug_dirty_ = false;
    return attach();
}

}  // namespace sbx::platform::ptrace
