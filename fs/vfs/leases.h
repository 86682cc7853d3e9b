// Leases of an inode (fcntl(2) F_SETLEASE; fs/locks.c: generic_setlease, __break_lease): who holds one is told before others open the file
// or truncate it, and has time to make room. Used by fcntl, open and truncate.
//
// Nothing blocks: where a lease is in the way open and truncate give kLeaseInTheWay, and the system call waits on lease_changes() and tries again
// (syscalls/wait_lease.h).
#pragma once

#include <optional>
#include <vector>

#include "src/base/mutex.h"
#include "src/base/ref.h"
#include "src/base/result.h"
#include "src/base/time.h"
#include "src/base/wait_queue.h"

namespace sbx::vfs {

class FileSignals;
class OpenFile;
enum class LockType : u8 { Read, Write };

constexpr int kLeaseInTheWay = 600;  // no errno of Linux's: it never reaches a program

class Leases {
public:
    Leases();
    ~Leases();
    // The caller has checked that it may (fcntl_setlease); the file is regular. `signals` is told of others' coming, with fd. EAGAIN: the file
    // is open elsewhere, or has leases that this one cannot stand beside.
    Result<> set(OpenFile& f, LockType type, int fd, Ref<FileSignals> signals);
    // EAGAIN: f has none.
    Result<> clear(const OpenFile& f);
    // What f's holder is left with: a lease that is being broken shows what it is to become.
    std::optional<LockType> get(const OpenFile& f);
    // Asks the holders to make room for somebody who writes or only reads, once each. EAGAIN with nonblock, kLeaseInTheWay without.
    Result<> make_room(bool writes, bool nonblock);

    template <class A>
    void state(A& ar);

private:
    struct Lease {
        const OpenFile* owner = nullptr;
        LockType type = LockType::Read;
        Ref<FileSignals> signals;
        int fd = -1;
        // When what was asked for is taken: all of it, or the right to keep others from reading.
        Nanos ends = kNever, downgraded = kNever;
    };
    void expire_locked() SBX_REQUIRES(mu_);
    Lease* find_locked(const OpenFile& f) SBX_REQUIRES(mu_);
    // check_conflicting_open()
    static bool open_elsewhere(const OpenFile& f, LockType type);
    Mutex<Rank::FileLocks> mu_;
    std::vector<Lease> leases_ SBX_GUARDED_BY(mu_);
};

// Told whenever some lease ends or is downgraded.
WaitQueue& lease_changes();

}  // namespace sbx::vfs
