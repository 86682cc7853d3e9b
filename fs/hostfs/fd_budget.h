// FdBudget: how many host descriptors hostfs may hold, and which of its inodes' O_PATH descriptors are closed when there are too many.
// Used by HostInode and by everything in hostfs that opens descriptors for guests.
//
// Lock: one mutex (Rank::Leaf) for installing and evicting; pinning a descriptor that is there takes none.
#pragma once

#include <atomic>

#include "src/base/list.h"
#include "src/base/mutex.h"
#include "src/base/types.h"
#include "src/host/unique_fd.h"

namespace sbx::hostfs {

// A descriptor that may be closed while nobody pins it.
class NodeFd : public ListNode<> {
public:
    NodeFd() = default;
    ~NodeFd();
    // The descriptor, which stays open until unpin(); -1 if there is none.
    int pin();
    void unpin() { state_.fetch_sub(1, std::memory_order_release); }
    // Puts fd in place (or closes it if there is one already) and pins what is there then.
    int install_pinned(host::UniqueFd fd);

private:
    friend class FdBudget;
    // fd + 1 in the upper half, pins in the lower.
    std::atomic<u64> state_{0};
    std::atomic<bool> used_{false};
};

class FdBudget {
public:
    static FdBudget& get();
    // Takes the limit from RLIMIT_NOFILE again.
    void refresh();
    void set_limit(u64 limit);  // of the whole process
    // Closes up to n idle descriptors, oldest first; returns how many.
    size_t evict(size_t n);
    // Descriptors held elsewhere in hostfs that cannot be closed (open files).
    void hold(int n) { held_.fetch_add(n, std::memory_order_relaxed); }
    size_t open_nodes() const { return count_.load(std::memory_order_relaxed); }

private:
    friend class NodeFd;
    FdBudget() { refresh(); }
    size_t cap() const;
    size_t evict_locked(size_t n) SBX_REQUIRES(mu_);
    Mutex<Rank::Leaf> mu_;
    List<NodeFd> nodes_ SBX_GUARDED_BY(mu_);
    std::atomic<size_t> count_{0};
    std::atomic<i64> held_{0};
    std::atomic<u64> limit_{1024};
};

}  // namespace sbx::hostfs
