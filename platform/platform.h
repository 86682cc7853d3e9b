// The platform interface: how application instructions get executed and how control comes back. Implemented by
// platform/ptrace, platform/systrap and platform/kvm; used by src/mm (AddressSpace) and src/kernel (Context).
//
// Threads: a Context belongs to one task and is used by that task's sentry thread alone, except interrupt(). An AddressSpace is
// used by any sentry thread; the caller (the memory manager) serialises changes of one address space.
// Trust: whatever the application can write (registers included) is validated here before it is handed on.
#pragma once

#include <signal.h>

#include <memory>
#include <string_view>
#include <variant>
#include <vector>

#include "src/base/ref.h"
#include "src/base/result.h"
#include "src/base/time.h"
#include "src/base/types.h"

namespace sbx::platform {

// Protection bits, as PROT_READ, PROT_WRITE and PROT_EXEC.
enum Prot : u8 { kProtNone = 0, kProtRead = 1, kProtWrite = 2, kProtExec = 4 };

// The application's general registers: Linux's user_regs_struct of x86-64 (arch/x86/include/asm/user_64.h).
struct Registers {
    u64 r15, r14, r13, r12, rbp, rbx, r11, r10, r9, r8, rax, rcx, rdx, rsi, rdi;
    u64 orig_rax;  // the system call number at a Syscall trap; -1 otherwise
    u64 rip, cs, eflags, rsp, ss;
    u64 fs_base, gs_base;
    u64 ds, es, fs, gs;
};

// Floating-point and vector state in the layout of XSAVE (standard form), as it stands in a signal frame. Size: xsave_size().
struct FpState {
    std::vector<u8> data;
};
// Bytes of XSAVE state on this host for the features that applications may use (CPUID leaf 0xd). At least 512 + 64.
size_t xsave_size();
// XCR0: the state components enabled.
u64 xsave_features();

// The debug registers in the processor's layout: hardware breakpoints and watchpoints.
struct DebugRegisters {
    static constexpr u64 kNoTrap = 0xffff0ff0, kStepTrap = 0xffff4ff0;
    u64 address[4] = {};
    u64 status = kNoTrap;  // DR6: what the last SIGTRAP was
    u64 control = 0;       // DR7
    bool enabled(unsigned slot) const { return (control >> slot * 2 & 3) != 0; }
    bool any_enabled() const { return (control & 0xff) != 0; }
};

// Why the application stopped running.
struct SyscallTrap {};  // number in orig_rax, arguments in rdi rsi rdx r10 r8 r9; rax is -ENOSYS
struct FaultTrap {      // an exception. info: si_signo, si_code, si_addr as Linux would deliver to the application
    siginfo_t info;
    u64 trap_no = 0;     // x86 vector (14 for a page fault), where the platform knows; for the signal frame
    u64 error_code = 0;  // of a page fault: bit 0 present, 1 write, 2 user, 4 instruction fetch; 0 if unknown
};
struct InterruptedTrap {};  // interrupt() was called, or something else the kernel should look at
struct SpaceLostTrap {      // the host process behind the address space is gone
    int error =
        0;  // 0: it was killed (OOM killer, foreign SIGKILL); else what a call failed with that must not: it was killed for that
};
using Trap = std::variant<SyscallTrap, FaultTrap, InterruptedTrap, SpaceLostTrap>;

class Context;

// One application address space. Changes are queued and applied in order by flush(); a page that was unmapped or protected is out
// of the application's reach only when flush() has returned (on every thread of the address space, running or not).
class AddressSpace : public RefCounted {
public:
    // Maps [range) shared from fd at offset (all page-aligned; MAP_SHARED | MAP_FIXED). The descriptor stays the caller's and
    // is not closed before flush(). `populate`: fill page tables now.
    virtual void map(Range range, int fd, u64 offset, u8 prot, bool populate) = 0;
    virtual void unmap(Range range) = 0;
    virtual void protect(Range range, u8 prot) = 0;
    // Applies what is queued. ENOMEM: the host refused (too many mappings); the queue is dropped then, the pages it named may
    // be in any state, and the caller unmaps them or ends the process. ESRCH: the space is lost.
    // May be called from any sentry thread, with or without a Context in this space.
    virtual Result<> flush() = 0;
    // Creates a context whose thread runs in this address space. Called by the task's own sentry thread. ESRCH: the space was killed; EIO: the
    // host does not let us have its threads; else the host is short of something.
    virtual Result<std::unique_ptr<Context>> create_context() = 0;
};

// One application thread.
class Context {
public:
    virtual ~Context() = default;
    // Runs the application from `regs` until a trap; regs is then what the application left. Invalid registers (selectors, flags,
    // non-canonical bases) are forced to what an application may have, as Linux's ptrace and sigreturn do.
    virtual Trap run(Registers& regs) = 0;
    // The floating-point state; reads it from the host at first use after run(). Valid until the next run().
    virtual FpState& fp() = 0;
    // Says that fp() was changed and must be written back before the next run().
    virtual void fp_changed() = 0;
    // The debug registers; those of a new context are clear. A change is said with debug_changed(), as for fp(). Breakpoints outside
    // of the user range never trap.
    virtual DebugRegisters& debug() = 0;
    virtual void debug_changed() = 0;
    // Makes run() return InterruptedTrap soon, or the next run() at once if none is going on. Any thread; async-signal-safe.
    virtual void interrupt() = 0;
    // Moves the context to another address space (execve). The old thread is gone when it returns. Errors are those of create_context(). Own
    // sentry thread only.
    virtual Result<> switch_to(AddressSpace& space) = 0;
};

// Functions of the host's vDSO at their addresses in every address space, beyond the user range; 0: not there. A system call that they
// make is the application's, as all are.
struct HostVdso {
    u64 clock_gettime = 0;  // int (clockid_t, timespec*)
    u64 getcpu = 0;         // int (unsigned* cpu, unsigned* node, void*)
};

class Platform {
public:
    virtual ~Platform() = default;
    virtual std::string_view name() const = 0;
    // Addresses applications may use: [min, max). Page-aligned.
    virtual Range user_range() const = 0;
    virtual Result<Ref<AddressSpace>> create_address_space() = 0;
    // CPU time that the host charged for the sandbox so far: the application's and the sentry's. Any thread.
    virtual Nanos cpu_time() = 0;
    virtual HostVdso host_vdso() const { return {}; }
    // A memory barrier on every thread that runs application code now (membarrier(2)), in microseconds. ENOSYS where there is no such.
    virtual Result<> barrier() { return err(ENOSYS); }
};

// What `sbx info` shows of a platform.
struct Probe {
    bool works = false;
    const char* why = "";   // why not, or a remark; static storage
    const char* hint = "";  // what would help
};

// A concrete platform, by name. Registered where the program is put together (cli/).
struct PlatformType {
    std::string_view name;
    Probe (*probe)();
    // Called once, single-threaded, before the sentry's own seccomp filter is installed. errno on failure.
    Result<std::unique_ptr<Platform>> (*create)();
};

}  // namespace sbx::platform
