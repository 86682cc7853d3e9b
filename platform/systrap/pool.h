// The stubs: their template, their numbers, their frames, their end. Used by the platform's spaces and contexts.
#pragma once

#include <sys/types.h>

#include <memory>
#include <vector>

#include "platform/stub/slots.h"
#include "platform/systrap/pages.h"
#include "src/base/mutex.h"
#include "src/base/result.h"
#include "src/base/time.h"
#include "src/host/unique_fd.h"

namespace sbx::platform::systrap {

// One thread that runs application code; in its signal handler whenever it is not running.
struct StubThread {
    u32 frame;         // number of its frame among all
    u64 address;       // of the frame, in the stub
    u8* base;          // of the frame, in the sentry
    Control* control;  // the end of it
    pid_t tid = 0;
};

// A stub process: the mapper is its first thread. Owned by the pool.
struct Stub {
    pid_t pid = 0;
    u32 slot = 0;
    Orders* orders = nullptr;
    std::atomic<bool> lost{false};   // the process is gone, and reaped
    bool retired = false;            // under the pool's lock
    int cpu = -1;                    // where the mapper was put
    Mutex<Rank::PlatformMapper> mu;  // one batch of orders at a time
    Mutex<Rank::Leaf> threads_mu;
    std::vector<std::unique_ptr<StubThread>> threads SBX_GUARDED_BY(threads_mu);
    std::vector<StubThread*> idle SBX_GUARDED_BY(threads_mu);  // in their handlers, waiting
};

class Pool {
public:
    // Starts the thread that is the parent of all stubs, and the template.
    static Result<std::unique_ptr<Pool>> start();
    // Kills all stubs. No space may be left.
    ~Pool();
    bool host_vdso() const { return host_vdso_; }
    bool barriers() const { return barriers_; }

    Result<Stub*> take_stub();
    // Takes all memory away from the stub and kills it; it is reaped later.
    void retire(Stub& stub);
    // An idle thread, or a new (`fresh`) one. ESRCH: the stub is lost.
    Result<StubThread*> take_thread(Stub& stub, bool& fresh);
    void keep_thread(Stub& stub, StubThread* thread);
    // Has the mapper make calls. `done`: how many succeeded; the errno of the one that did not, ESRCH if the stub is lost.
    Result<> apply(Stub& stub, const stub::Op* ops, size_t count, size_t& done, pid_t* tid = nullptr);
    void kill(Stub& stub);
    // Kills it and returns when it is gone.
    void kill_and_wait(Stub& stub);
    Nanos cpu_time();

private:
    Pool() = default;
    void loop();
    int start_template();
    void bury(pid_t pid);
    void destroy(Stub& stub) SBX_REQUIRES(mu_);
    Result<u32> take_frame();
    Orders* orders_at(u32 slot) const { return orders_base_ + slot; }

    host::UniqueFd orders_file_, frames_file_;
    Orders* orders_base_ = nullptr;
    u8* frames_base_ = nullptr;
    Stub template_;
    bool host_vdso_ = false, barriers_ = false;
    pid_t parent_ = 0;             // what stubs see as their parent
    std::atomic<u32> started_{0};  // 1: running, 2: failed, 3: stopped
    int start_error_ = 0;
    std::atomic<bool> stop_{false};

    Mutex<Rank::PlatformMapper> mu_;
    std::vector<std::unique_ptr<Stub>> stubs_ SBX_GUARDED_BY(mu_);
    stub::Slots slots_ SBX_GUARDED_BY(mu_){1};  // 0: the template's
    Mutex<Rank::Leaf> frames_mu_;
    std::vector<u32> free_frames_ SBX_GUARDED_BY(frames_mu_);
    u32 next_frame_ SBX_GUARDED_BY(frames_mu_) = 0;
};

}  // namespace sbx::platform::systrap
