// Record locks and flocks: conflicts, splitting and merging, and the graph of waiters.
#include "fs/vfs/locks.h"

#include <algorithm>
#include <unordered_map>

#include "fs/vfs/inode.h"

namespace sbx::vfs {
namespace {
Mutex<Rank::Leaf> inodes_mu;
// no state: lists of locks enter themselves.
std::unordered_map<const FileLocks*, Inode*> inodes SBX_GUARDED_BY(inodes_mu);
}  // namespace

FileLocks::FileLocks(Inode& inode) : inode_(&inode) {
    Lock l(inodes_mu);
    inodes[this] = inode_;
}

FileLocks::~FileLocks() {
    if (!inode_) return;
    Lock l(inodes_mu);
    inodes.erase(this);
}

std::vector<Ref<Inode>> locked_inodes() {
    std::vector<Ref<Inode>> out;
    Lock l(inodes_mu);
    for (auto [locks, i] : inodes)
        if (i->try_ref()) out.push_back(Ref<Inode>::adopt(i));
    return out;
}

const FileLock* FileLocks::conflict_locked(const FileLock& l) const {
    for (const FileLock& r : records_) {
        if (r.start > l.end) break;
        if (r.end < l.start || r.owner == l.owner) continue;
        if (r.type == LockType::Write || l.type == LockType::Write) return &r;
    }
    return nullptr;
}

bool FileLocks::cut_locked(const void* owner, u64 start, u64 end) {
    std::vector<FileLock> out;
    bool changed = false;
    for (const FileLock& r : records_) {
        if (r.owner != owner || r.end < start || r.start > end) {
            out.push_back(r);
            continue;
        }
        changed = true;
        if (r.start < start) {
            out.push_back(r);
            out.back().end = start - 1;
        }
        if (r.end > end) {
            out.push_back(r);
            out.back().start = end + 1;
        }
    }
    if (!changed) return false;
    std::stable_sort(out.begin(), out.end(), [](const FileLock& a, const FileLock& b) { return a.start < b.start; });
    records_ = std::move(out);
    return true;
}

Result<> FileLocks::set_record(const FileLock& lock, FileLock* blocker) {
    Lock l(mu_);
    if (const FileLock* c = conflict_locked(lock)) {
        if (blocker) *blocker = *c;
        return err(EAGAIN);
    }
    if (records_.size() >= kMaxPerInode) return err(ENOLCK);
    bool changed = cut_locked(lock.owner, lock.start, lock.end);
    FileLock merged = lock;
    // Neighbours of the same owner and type become one.
    std::erase_if(records_, [&](const FileLock& r) {
        if (r.owner != lock.owner || r.type != lock.type) return false;
        bool before = r.end != ~0ull && r.end + 1 == merged.start;
        bool after = merged.end != ~0ull && merged.end + 1 == r.start;
        if (!before && !after) return false;
        merged.start = std::min(merged.start, r.start);
        merged.end = std::max(merged.end, r.end);
        return true;
    });
    auto at = std::upper_bound(records_.begin(), records_.end(), merged.start,
                               [](u64 s, const FileLock& r) { return s < r.start; });
    records_.insert(at, merged);
    l.unlock();
    // A write lock that became a read lock may let others in.
    if (changed) queue_.notify(kEventInternal);
    return {};
}

void FileLocks::clear_record(const void* owner, u64 start, u64 end) {
    Lock l(mu_);
    bool changed = cut_locked(owner, start, end);
    l.unlock();
    if (changed) queue_.notify(kEventInternal);
}

bool FileLocks::test_record(const FileLock& lock, FileLock* conflict) const {
    Lock l(mu_);
    const FileLock* c = conflict_locked(lock);
    if (c) *conflict = *c;
    return c != nullptr;
}

bool FileLocks::own_record(const FileLock& lock, FileLock* found) const {
    Lock l(mu_);
    auto mine = std::find_if(records_.begin(), records_.end(), [&](const FileLock& r) {
        return r.owner == lock.owner && r.start <= lock.end && lock.start <= r.end;
    });
    if (mine == records_.end()) return false;
    *found = *mine;
    return true;
}

Result<> FileLocks::set_flock(const FileLock& lock) {
    Lock l(mu_);
    auto mine = std::find_if(flocks_.begin(), flocks_.end(), [&](const FileLock& f) { return f.owner == lock.owner; });
    if (mine != flocks_.end() && mine->type == lock.type) return {};
    // flock_lock_inode() drops the old lock first: a conversion that has to wait loses it.
    bool dropped = mine != flocks_.end();
    if (dropped) flocks_.erase(mine);
    bool conflict = std::any_of(flocks_.begin(), flocks_.end(), [&](const FileLock& f) {
        return lock.type == LockType::Write || f.type == LockType::Write;
    });
    if (!conflict && flocks_.size() < kMaxPerInode) flocks_.push_back(lock);
    l.unlock();
    if (dropped) queue_.notify(kEventInternal);
    if (conflict) return err(EAGAIN);
    return {};
}

void FileLocks::clear_flock(const void* owner) {
    Lock l(mu_);
    size_t n = std::erase_if(flocks_, [&](const FileLock& f) { return f.owner == owner; });
    l.unlock();
    if (n != 0) queue_.notify(kEventInternal);
}

bool FileLocks::empty() const {
    Lock l(mu_);
    return records_.empty() && flocks_.empty();
}

std::vector<FileLock> FileLocks::records() const {
    Lock l(mu_);
    return records_;
}

std::vector<FileLock> FileLocks::flocks() const {
    Lock l(mu_);
    return flocks_;
}

namespace {
Mutex<Rank::Leaf> waits_mu;
// waiter -> whom it waits for. A process with several threads may wait several times: a multimap would follow all; Linux follows one.
std::unordered_map<const void*, const void*> waits;  // no state: calls begin again
constexpr int kMaxDepth = 10;                        // MAX_DEADLK_ITERATIONS
}  // namespace

Result<> LockWaits::begin(const void* waiter, const void* blocker) {
    Lock l(waits_mu);
    const void* p = blocker;
    for (int i = 0; i < kMaxDepth && p; i++) {
        if (p == waiter) return err(EDEADLK);
        auto it = waits.find(p);
        p = it == waits.end() ? nullptr : it->second;
    }
    waits[waiter] = blocker;
    return {};
}

void LockWaits::end(const void* waiter) {
    Lock l(waits_mu);
    waits.erase(waiter);
}

}  // namespace sbx::vfs
