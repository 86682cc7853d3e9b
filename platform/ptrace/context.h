// One application thread under PTRACE_SYSEMU. Used through platform.h by the task's sentry thread, its tracer.
#pragma once

#include <atomic>
#include <vector>

#include "platform/platform.h"
#include "platform/placement.h"
#include "platform/ptrace/space.h"

namespace sbx::platform::ptrace {

class PtraceContext final : public Context {
public:
    explicit PtraceContext(Space& space);
    ~PtraceContext() override;

    Trap run(Registers& regs) override;
    FpState& fp() override;
    void fp_changed() override { fp_dirty_ = true; }
    DebugRegisters& debug() override { return debug_; }
    void debug_changed() override { debug_dirty_ = true; }
    void interrupt() override;
    Result<> switch_to(AddressSpace& space) override;

    // The calling thread's context in that space, or nullptr.
    static PtraceContext* of_this_thread(const Space& space);
    // Runs the operations in the space's page through this stopped thread.
    Result<> apply(size_t count, size_t& done);
    // Takes a parked thread of the space under control.
    Result<> attach();

private:
    // Lets the thread go, parked for the next one or to its exit.
    void detach();
    // The thread cannot be used: it is gone (error 0), or a call on it failed.
    Trap lost(int error);
    bool load_regs(const Registers& wanted);
    void load_debug(const DebugRegisters& wanted);
    // What a stop by signal `sig` is to the application; false: nothing, go on.
    bool signal_trap(int sig, Registers& regs, Trap& trap);
    bool syscall_trap(Registers& regs, Trap& trap);
    bool take_interrupt() { return pending_.exchange(false, std::memory_order_seq_cst); }

    Ref<Space> space_;
    pid_t tid_ = 0;                     // 0: none (lost)
    std::atomic<u64> target_{0};        // leader << 32 | tid, for interrupt()
    std::atomic<bool> pending_{false};  // an interrupt was asked for and not yet reported
    Seat seat_;                         // seat_.running is set before run() looks at pending_: seq_cst with interrupt()
    Registers host_{};                  // what the stub thread holds
    bool host_valid_ = false;
    u64 last_fetch_fault_ = ~0ull;
    FpState fp_;
    std::vector<u8> xsave_;  // the host's image, where it is larger than the application's
    bool fp_valid_ = false;
    bool fp_dirty_ = false;
    DebugRegisters debug_;
    bool debug_dirty_ = false;
    bool host_debug_ = false;        // the stub thread has breakpoints
    PtraceContext* next_ = nullptr;  // the thread's list of contexts
};

}  // namespace sbx::platform::ptrace
