// HostPoller: one thread that waits for inherited host descriptors (pipes, terminals, sockets) and tells wait queues. Used by host_fd.
//
// Registration is edge-triggered: whoever waits has asked poll(2) before, and asks again when told. The thread starts at the first
// registration and lives as long as the process.
#pragma once

#include <unordered_map>

#include "src/base/mutex.h"
#include "src/base/ref.h"
#include "src/base/result.h"
#include "src/base/wait_queue.h"

namespace sbx::hostfs {

// A descriptor with a queue. Removes itself from the poller in its destructor.
struct PolledFd : RefCounted {
    WaitQueue queue;
};

class HostPoller {
public:
    static HostPoller& get();
    // Watches fd for `target` until remove(); returns a number for it. EPERM: the host says that such a file is always ready.
    Result<u64> add(int fd, PolledFd& target);
    void remove(int fd, u64 number);
    // Tells nobody anything between the two; one thread's.
    void hold() SBX_NO_TSA { telling_.lock(); }
    void let_go() SBX_NO_TSA { telling_.unlock(); }

private:
    HostPoller() = default;
    Result<> start_locked() SBX_REQUIRES(mu_);
    static void run(void* self);
    Mutex<Rank::KernelExt> telling_;  // around each notification
    Mutex<Rank::Leaf> mu_;
    int epoll_ = -1;
    u64 next_ SBX_GUARDED_BY(mu_) = 1;
    std::unordered_map<u64, PolledFd*> targets_ SBX_GUARDED_BY(mu_);
};

}  // namespace sbx::hostfs
