// The list of an inode's leases.
#include "fs/vfs/leases.h"

#include <poll.h>
#include <signal.h>

#include <algorithm>

#include "fs/vfs/inode.h"
#include "fs/vfs/open_file.h"

namespace sbx::vfs {
namespace {
constexpr Nanos kBreakTime = 45 * kNanosPerSec;  // /proc/sys/fs/lease-break-time
}

WaitQueue& lease_changes() {
    static WaitQueue* queue = new WaitQueue;  // never freed: it may be used as the process ends
    return *queue;
}

Leases::Leases() = default;
Leases::~Leases() = default;

// time_out_leases()
void Leases::expire_locked() {
    Nanos now = host_monotonic();
    std::erase_if(leases_, [now](const Lease& l) { return l.ends <= now; });
    for (Lease& l : leases_)
        if (l.downgraded <= now) {
            l.type = LockType::Read;
            l.downgraded = kNever;
        }
}

Leases::Lease* Leases::find_locked(const OpenFile& f) {
    for (Lease& l : leases_)
        if (l.owner == &f) return &l;
    return nullptr;
}

bool Leases::open_elsewhere(const OpenFile& f, LockType type) {
    const Inode& real = f.inode().real();
    i32 writers = real.write_count.load(), readers = real.read_count.load();
    if (type == LockType::Read) return writers > 0;
    (f.writable() ? writers : readers)--;
    return writers != 0 || readers != 0;
}

Result<> Leases::set(OpenFile& f, LockType type, int fd, Ref<FileSignals> signals) {
    {
        Lock l(mu_);
        expire_locked();
        for (const Lease& other : leases_)
            if (other.owner != &f && (type == LockType::Write || other.type == LockType::Write || other.ends != kNever))
                return err(EAGAIN);
        if (open_elsewhere(f, type)) return err(EAGAIN);
        Lease* mine = find_locked(f);
        if (!mine) {
            leases_.push_back(Lease{&f, type, std::move(signals), fd});
            // Again, now that the lease can be seen: who opens the file counts before it looks for leases.
            if (!open_elsewhere(f, type)) return {};
            leases_.pop_back();
            return err(EAGAIN);
        }
        // A lease that is to end altogether is not kept by making it smaller.
        mine->type = type;
        if (type == LockType::Read) mine->downgraded = kNever;
    }
    lease_changes().notify(kEventInternal);
    return {};
}

Result<> Leases::clear(const OpenFile& f) {
    Lease ended;  // its references are dropped outside of the lock
    {
        Lock l(mu_);
        Lease* mine = find_locked(f);
        if (!mine) return err(EAGAIN);
        std::swap(*mine, leases_.back());
        ended = std::move(leases_.back());
        leases_.pop_back();
    }
    lease_changes().notify(kEventInternal);
    return {};
}

std::optional<LockType> Leases::get(const OpenFile& f) {
    Lock l(mu_);
    expire_locked();
    Lease* mine = find_locked(f);
    if (!mine || mine->ends != kNever) return {};
    return mine->downgraded != kNever ? LockType::Read : mine->type;
}

Result<> Leases::make_room(bool writes, bool nonblock) {
    std::vector<std::pair<Ref<FileSignals>, int>> told;
    {
        Lock l(mu_);
        expire_locked();
        bool blocked = false;
        for (Lease& x : leases_) {
            if (!writes && x.type == LockType::Read) continue;
            blocked = true;
            bool asked = x.ends != kNever || (!writes && x.downgraded != kNever);
            if (asked) continue;
            (writes ? x.ends : x.downgraded) = add_sat(host_monotonic(), kBreakTime);
            told.emplace_back(x.signals, x.fd);
        }
        if (!blocked) return {};
    }
    for (auto& [signals, fd] : told) signals->tell(fd, POLL_MSG);
    return err(nonblock ? EAGAIN : kLeaseInTheWay);
}

}  // namespace sbx::vfs
