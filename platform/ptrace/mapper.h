// The mapper: the sentry thread that owns the template and the leaders of all stubs. Used by the platform's spaces and contexts.
#pragma once

#include <sys/types.h>

#include <memory>
#include <vector>

#include "platform/ptrace/template.h"
#include "platform/stub/code.h"
#include "platform/stub/slots.h"
#include "src/base/mutex.h"
#include "src/base/result.h"
#include "src/host/unique_fd.h"
#include "src/host/parker.h"

namespace sbx::platform::ptrace {

// A stub process. Owned by a space, or by the mapper's list of spares.
struct Stub {
    pid_t leader = 0;
    int cpu = -1;             // where the leader was last put. The mapper's
    u32 slot = 0;             // its page in the file of operation pages
    stub::Op* ops = nullptr;  // that page, as the sentry maps it
    static constexpr int kKilled = -1;
    std::atomic<int> lost{0};  // why it is of no use any more: kKilled by others, or an errno; 0: it is
    bool reaped = false;       // the leader's number is no longer ours. The mapper's, and its last owner's
    struct Idle {
        pid_t tid;
        bool used;  // has run application code: its FP state is not that of a new thread
    };
    std::vector<Idle> idle;  // parked, untraced threads. Under the mapper's lock
    // Marks it lost (the first reason counts) and sees to it that it is dead.
    void set_lost(int why);
};

class Mapper {
public:
    // Starts the thread and the template.
    static Result<std::unique_ptr<Mapper>> start();
    // Kills all stubs. No space may be left.
    ~Mapper();
    // What all stubs are copies of.
    const Template& made_of() const { return template_; }

    // A clean stub with one idle thread.
    Result<std::unique_ptr<Stub>> take_stub();
    // A parked thread: an idle one if there is, else a new one.
    Result<Stub::Idle> take_thread(Stub& stub);
    // Whether a thread that is no longer needed should be parked for the next one. Else it exits.
    bool wants_thread(Stub& stub);
    // Gives back a parked thread, after its tracer let go of it.
    void keep_thread(Stub& stub, pid_t tid);
    // Runs the `count` operations in stub.ops through the leader.
    Result<> apply(Stub& stub, size_t count, size_t& done);
    // Kills the stub; it is reaped later.
    void retire(std::unique_ptr<Stub> stub);
    // Of the sentry and all stubs, dead ones included.
    Nanos cpu_time();

private:
    struct Request;
    Mapper() = default;
    Result<> start_template();
    void loop();
    bool idle_work();
    void serve(Request& r);
    void call(Request& r);
    Request* pop();
    Result<std::unique_ptr<Stub>> make_stub();
    Result<pid_t> make_thread(Stub& stub);
    // Finds out why the leader cannot be reached (Stub::lost).
    int lost(Stub& stub);
    // Moves the mapper, the template and `stub`'s leader to the CPU of whoever asks: hand-overs are cheap there.
    void follow(int cpu, Stub* stub);
    // Reaps what has died; true if some are still dying.
    bool reap();

    host::UniqueFd ops_file_;
    stub::Op* ops_base_ = nullptr;
    Template template_;  // set before started_
    int cpu_ = -1;
    std::atomic<int> wanted_cpu_{-1};
    bool spare_failed_ = false;
    std::atomic<u32> started_{0};  // 1: running, 2: failed, 3: stopped
    int start_error_ = 0;
    std::atomic<bool> stop_{false};
    host::Parker parker_;

    Mutex<Rank::PlatformMapper> mu_;
    Request* first_ SBX_GUARDED_BY(mu_) = nullptr;
    Request* last_ SBX_GUARDED_BY(mu_) = nullptr;
    std::vector<std::unique_ptr<Stub>> spares_ SBX_GUARDED_BY(mu_);
    std::vector<std::unique_ptr<Stub>> dying_ SBX_GUARDED_BY(mu_);
    std::vector<pid_t> leaders_ SBX_GUARDED_BY(mu_);  // of all stubs that are not reaped
    stub::Slots slots_ SBX_GUARDED_BY(mu_){0};
};

}  // namespace sbx::platform::ptrace
