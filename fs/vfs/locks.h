// File locks of an inode: POSIX record locks, open-file-description locks and flock(2) (fs/locks.c). Used by fcntl, flock, close, procfs.
// Nothing blocks: a conflict returns EAGAIN, and the system call waits on queue() and tries again.
#pragma once

#include <vector>

#include "fs/vfs/leases.h"
#include "src/base/mutex.h"
#include "src/base/ref.h"
#include "src/base/result.h"
#include "src/base/types.h"
#include "src/base/wait_queue.h"

namespace sbx::vfs {

class Inode;

struct FileLock {
    LockType type = LockType::Read;
    u64 start = 0, end = ~0ull;   // [start, end]; end inclusive
    const void* owner = nullptr;  // FdTable for POSIX locks; OpenFile for OFD and flock ones
    int pid = 0;                  // kernel-wide tgid of the setter; -1 for OFD locks
    u64 dev = 0, ino = 0;         // of the file as its user sees it, for /proc/locks
};

class FileLocks {
public:
    static constexpr size_t kMaxPerInode = 65536;
    FileLocks() = default;
    // Those of an inode are listed in locked_inodes().
    explicit FileLocks(Inode& inode);
    ~FileLocks();
    // fcntl F_SETLK: replaces what `owner` holds over the range, merging and splitting. EAGAIN on conflict; *blocker (if given) then says with
    // whom. ENOLCK when too many.
    Result<> set_record(const FileLock& l, FileLock* blocker = nullptr);
    void clear_record(const void* owner, u64 start = 0, u64 end = ~0ull);
    // F_GETLK: the first conflicting lock. False if there is none.
    bool test_record(const FileLock& l, FileLock* conflict) const;
    // The first lock of l.owner in l's range. False if there is none.
    bool own_record(const FileLock& l, FileLock* found) const;
    // flock(2). A change of type is not atomic, as on Linux. EAGAIN.
    Result<> set_flock(const FileLock& l);
    void clear_flock(const void* owner);
    bool empty() const;
    std::vector<FileLock> records() const;
    std::vector<FileLock> flocks() const;
    WaitQueue& queue() { return queue_; }
    Leases leases;

    // `owner` of a POSIX lock is an FdTable, of the others an OpenFile.
    template <class A>
    void state(A& ar);

private:
    const FileLock* conflict_locked(const FileLock& l) const SBX_REQUIRES_SHARED(mu_);
    // Cuts [start, end] out of what owner holds. True if anything changed.
    bool cut_locked(const void* owner, u64 start, u64 end) SBX_REQUIRES(mu_);
    Inode* inode_ = nullptr;  // no state: the owner
    mutable Mutex<Rank::FileLocks> mu_;
    std::vector<FileLock> records_ SBX_GUARDED_BY(mu_);  // sorted by start
    std::vector<FileLock> flocks_ SBX_GUARDED_BY(mu_);
    WaitQueue queue_;
};

// The inodes that have, or had, locks.
std::vector<Ref<Inode>> locked_inodes();

// Deadlock detection of POSIX locks (posix_locks_deadlock() of fs/locks.c): who waits for whom, over all inodes. A blocked F_SETLKW
// registers itself; before that it asks whether waiting would close a circle.
class LockWaits {
public:
    // EDEADLK if `blocker` (an owner) waits, over others perhaps, for `waiter`; else notes that waiter waits for blocker.
    static Result<> begin(const void* waiter, const void* blocker);
    static void end(const void* waiter);
};

}  // namespace sbx::vfs
