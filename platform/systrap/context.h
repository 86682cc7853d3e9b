// One application thread in its stub. Used through platform.h by the task's sentry thread.
#pragma once

#include <atomic>

#include "platform/placement.h"
#include "platform/platform.h"
#include "platform/systrap/frame.h"
#include "platform/systrap/space.h"

namespace sbx::platform::systrap {

class SystrapContext final : public Context {
public:
    explicit SystrapContext(Space& space);
    ~SystrapContext() override { detach(); }

    Trap run(Registers& regs) override;
    FpState& fp() override;
    void fp_changed() override { fp_dirty_ = true; }
    DebugRegisters& debug() override { return debug_; }
    void debug_changed() override;
    void interrupt() override;
    Result<> switch_to(AddressSpace& space) override;

    // Takes a thread of the space.
    Result<> attach();

private:
    void detach();
    void resume();
    // Waits until the thread is in its handler. False: the process is gone.
    bool wait();
    bool send_interrupt();
    // Kills the process for what it did to its frame, or for others.
    Trap lost();
    bool report(Registers& regs, Trap& trap);
    bool take_interrupt() { return pending_.exchange(false, std::memory_order_seq_cst); }

    Ref<Space> space_;
    StubThread* thread_ = nullptr;
    std::atomic<u64> target_{0};        // process << 32 | thread, for interrupt()
    std::atomic<bool> pending_{false};  // an interrupt was asked for and not yet reported
    Seat seat_;                         // seat_.running is set before run() looks at pending_: seq_cst with interrupt()
    Event event_;                       // the last one
    u64 fs_base_ = 0, gs_base_ = 0;     // what the thread has, as it says
    FpState fp_;
    bool fp_valid_ = false;
    bool fp_dirty_ = false;
    DebugRegisters debug_;
};

}  // namespace sbx::platform::systrap
