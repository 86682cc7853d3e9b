// ptrace(2) on one stub thread: stops, registers, injected code.
#include "platform/ptrace/tracee.h"

#include <elf.h>
#include <linux/ptrace.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "platform/registers.h"
#include "platform/stub/code.h"
#include "platform/xstate.h"
#include "src/base/time.h"
#include "src/host/futex.h"

namespace sbx::platform::ptrace {
namespace {
constexpr int kSysgood = 0x80;
constexpr Nanos kDyingTime = kNanosPerSec;
#ifndef NT_X86_XSTATE
constexpr u64 NT_X86_XSTATE = 0x202;
#endif
}  // namespace

long trace(long request, pid_t tid, u64 addr, u64 data) { return syscall(SYS_ptrace, request, tid, addr, data); }

Stop wait_stop(pid_t tid) {
    for (;;) {
        int status = 0;
        long r = syscall(SYS_wait4, tid, &status, __WALL | __WNOTHREAD, nullptr);
        if (r < 0 && errno == EINTR) continue;
        if (r != tid || !WIFSTOPPED(status)) return {Stop::Gone, 0};
        int sig = WSTOPSIG(status);
        if (status >> 16 != 0) return {Stop::Event, sig};
        if (sig == (SIGTRAP | kSysgood)) return {Stop::Syscall, SIGTRAP};
        return {Stop::Signal, sig};
    }
}

bool dies(pid_t tid) {
    const std::atomic<u32> nobody_wakes{0};
    for (Nanos until = host_monotonic() + kDyingTime;;) {
        int status = 0;
        long r = syscall(SYS_wait4, tid, &status, __WALL | __WNOTHREAD | WNOHANG, nullptr);
        if ((r < 0 && errno != EINTR) || (r == tid && !WIFSTOPPED(status))) return true;
        Nanos now = host_monotonic();
        if (now >= until) return false;
        host::futex_wait(nobody_wakes, 0, now + kNanosPerMilli);
    }
}

bool get_regs(pid_t tid, Registers& regs) { return trace(PTRACE_GETREGS, tid, 0, reinterpret_cast<u64>(&regs)) == 0; }
bool set_regs(pid_t tid, const Registers& regs) {
    return trace(PTRACE_SETREGS, tid, 0, reinterpret_cast<u64>(&regs)) == 0;
}

Registers stub_regs(u64 rip, const Registers* bases) {
    Registers r{};
    r.rip = rip;
    r.cs = kUserCs;
    r.ss = kUserSs;
    r.eflags = 0x202;
    r.orig_rax = ~0ull;
    // A base that only the application itself could have set (wrfsbase) is not accepted back.
    if (bases && bases->fs_base < stub::kHostEnd) r.fs_base = bases->fs_base;
    if (bases && bases->gs_base < stub::kHostEnd) r.gs_base = bases->gs_base;
    return r;
}

Injected inject(pid_t tid, const Registers& regs) {
    if (!set_regs(tid, regs)) return Injected::Lost;
    for (;;) {
        if (trace(PTRACE_CONT, tid) != 0) return Injected::Lost;
        Stop s = wait_stop(tid);
        if (s.kind == Stop::Gone) return Injected::Reaped;
        if (s.kind != Stop::Signal) continue;
        siginfo_t info;
        if (trace(PTRACE_GETSIGINFO, tid, 0, reinterpret_cast<u64>(&info)) != 0) return Injected::Lost;
        if (info.si_code <= 0) continue;  // sent, not made by the kernel
        if (s.signal == SIGTRAP) return Injected::Done;
        if (s.signal == SIGILL) return Injected::Failed;
        if (s.signal == SIGSEGV || s.signal == SIGBUS) return Injected::Lost;
    }
}

long inject_call(pid_t tid, bool& reaped, u64 entry, u64 nr, u64 a, u64 b, u64 c, u64 d, u64 e, u64 f) {
    Registers r = stub_regs(entry);
    r.rax = nr, r.rdi = a, r.rsi = b, r.rdx = c, r.r10 = d, r.r8 = e, r.r9 = f;
    Injected i = inject(tid, r);
    reaped = i == Injected::Reaped;
    if (i != Injected::Done || !get_regs(tid, r)) return -ESRCH;
    return static_cast<long>(r.rax);
}

Result<> inject_ops(pid_t tid, bool& reaped, size_t count, size_t& done, const Registers* bases) {
    Registers r = stub_regs(stub::code().ops, bases);
    r.rbx = stub::kOps;
    r.r12 = count;
    done = 0;
    Injected i = inject(tid, r);
    reaped = i == Injected::Reaped;
    if (i == Injected::Done) {
        done = count;
        return {};
    }
    if (i != Injected::Failed) return err(ESRCH);
    if (!get_regs(tid, r) || r.r12 > count) return err(ESRCH);
    done = count - r.r12;
    return err(static_cast<int>(-static_cast<long>(r.rax)));
}

bool get_xsave(pid_t tid, Bytes image) {
    iovec io{image.data(), host_has_xsave() ? image.size() : 512};
    u64 set = host_has_xsave() ? static_cast<u64>(NT_X86_XSTATE) : static_cast<u64>(NT_PRFPREG);
    if (trace(PTRACE_GETREGSET, tid, set, reinterpret_cast<u64>(&io)) != 0) return false;
    if (!host_has_xsave()) {
        memset(image.data() + 512, 0, image.size() - 512);
        image[512] = 3;
    }
    return true;
}

bool set_xsave(pid_t tid, ConstBytes image) {
    iovec io{const_cast<u8*>(image.data()), host_has_xsave() ? image.size() : 512};
    u64 set = host_has_xsave() ? static_cast<u64>(NT_X86_XSTATE) : static_cast<u64>(NT_PRFPREG);
    return trace(PTRACE_SETREGSET, tid, set, reinterpret_cast<u64>(&io)) == 0;
}

}  // namespace sbx::platform::ptrace
