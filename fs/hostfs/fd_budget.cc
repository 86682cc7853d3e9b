// Eviction of idle O_PATH descriptors (second chance, in order of opening).
#include "fs/hostfs/fd_budget.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>

namespace sbx::hostfs {
namespace {
constexpr u64 kFdShift = 32;
constexpr u64 kPins = 0xffffffff;
constexpr size_t kLeast = 32;      // descriptors to work with at all
constexpr size_t kMost = 1 << 15;  // each pins an inode of the host's
int fd_of(u64 state) { return static_cast<int>(state >> kFdShift) - 1; }
}  // namespace

int NodeFd::pin() {
    u64 s = state_.load(std::memory_order_acquire);
    while (fd_of(s) >= 0) {
        if (!state_.compare_exchange_weak(s, s + 1, std::memory_order_acquire)) continue;
        if (!used_.load(std::memory_order_relaxed)) used_.store(true, std::memory_order_relaxed);
        return fd_of(s);
    }
    return -1;
}

int NodeFd::install_pinned(host::UniqueFd fd) {
    FdBudget& b = FdBudget::get();
    Lock l(b.mu_);
    if (int there = pin(); there >= 0) return there;
    size_t cap = b.cap();
    if (b.count_ >= cap) b.evict_locked(b.count_ - cap + 1 + cap / 64);
    int n = fd.release();
    state_.store((static_cast<u64>(n) + 1) << kFdShift | 1, std::memory_order_release);
    used_.store(true, std::memory_order_relaxed);
    b.nodes_.push_back(*this);
    b.count_++;
    return n;
}

NodeFd::~NodeFd() {
    if (fd_of(state_.load(std::memory_order_acquire)) < 0) return;
    FdBudget& b = FdBudget::get();
    Lock l(b.mu_);
    int fd = fd_of(state_.load(std::memory_order_acquire));
    if (fd < 0) return;
    b.nodes_.remove(*this);
    b.count_--;
    close(fd);
}

FdBudget& FdBudget::get() {
    // no state: of the descriptors of this process.
    static FdBudget* budget = new FdBudget;  // never destroyed: inodes may outlive main()
    return *budget;
}

void FdBudget::refresh() {
    rlimit r{};
    u64 limit = getrlimit(RLIMIT_NOFILE, &r) == 0 ? r.rlim_cur : 1024;
    limit_.store(limit, std::memory_order_relaxed);
}

void FdBudget::set_limit(u64 limit) {
    limit_.store(limit, std::memory_order_relaxed);
    Lock l(mu_);
    if (count_ > cap()) evict_locked(count_ - cap());
}

size_t FdBudget::cap() const {
    u64 limit = limit_.load(std::memory_order_relaxed);
    u64 reserve = std::min<u64>(limit / 4, 512);  // for the rest of the sentry: stubs, sockets, inherited descriptors
    i64 left = static_cast<i64>(std::min<u64>(limit, INT32_MAX)) - static_cast<i64>(reserve) -
               held_.load(std::memory_order_relaxed);
    return std::clamp<i64>(left, kLeast, kMost);
}

size_t FdBudget::evict(size_t n) {
    Lock l(mu_);
    return evict_locked(n);
}

size_t FdBudget::evict_locked(size_t n) {
    size_t done = 0;
    // Two rounds at most: the first may only take marks away.
    for (size_t look = 2 * count_; look > 0 && done < n; look--) {
        NodeFd* node = nodes_.pop_front();
        if (!node) break;
        u64 s = node->state_.load(std::memory_order_acquire);
        bool keep = (s & kPins) != 0 || node->used_.exchange(false, std::memory_order_relaxed);
        if (keep || !node->state_.compare_exchange_strong(s, 0, std::memory_order_acq_rel)) {
            nodes_.push_back(*node);
            continue;
        }
        close(fd_of(s));
        count_--;
        done++;
    }
    return done;
}

}  // namespace sbx::hostfs
