// UserCounts: what each user of the sandbox has of things that resource limits count per user (struct user_struct, ucounts): processes
// (RLIMIT_NPROC), queued signals (RLIMIT_SIGPENDING) and files in unix sockets' messages (RLIMIT_NOFILE). One in the TaskSet.
#pragma once

#include <unordered_map>

#include "src/base/mutex.h"
#include "src/cred/creds.h"

namespace sbx {

class UserCounts {
public:
    enum Kind { kProcesses, kPendingSignals, kFilesInFlight, kKinds };
    // Counts more, unless the limit is reached already.
    bool add(Kind k, Kuid user, u64 limit, u64 more = 1) {
        Lock l(mu_);
        u64& n = counts_[user].n[k];
        if (n >= limit) return false;
        n += more;
        return true;
    }
    void remove(Kind k, Kuid user, u64 less = 1) {
        Lock l(mu_);
        auto it = counts_.find(user);
        if (it == counts_.end() || it->second.n[k] < less) return;
        it->second.n[k] -= less;
        for (u64 n : it->second.n)
            if (n) return;
        counts_.erase(it);
    }
    u64 count(Kind k, Kuid user) const {
        Lock l(mu_);
        auto it = counts_.find(user);
        return it == counts_.end() ? 0 : it->second.n[k];
    }

private:
    friend struct state::Access;
    template <class A>
    void state(A& ar) SBX_NO_TSA {
        ar(counts_);
    }
    struct Counts {
        u64 n[kKinds] = {};
        template <class A>
        void state(A& ar) {
            ar(n);
        }
    };
    mutable Mutex<Rank::Leaf> mu_;
    std::unordered_map<Kuid, Counts> counts_ SBX_GUARDED_BY(mu_);
};

// The sandbox's only one; queued signals give back their charge wherever they are dropped.
UserCounts& user_counts();

}  // namespace sbx
