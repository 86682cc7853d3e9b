// NetNamespace (network_namespaces(7)): an identity, and the network stack that belongs to it (opaque here; the socket layer makes it).
// Used by unshare, setns, sockets, /proc/PID/ns.
#pragma once

#include "src/base/mutex.h"
#include "src/base/ns_id.h"
#include "src/cred/creds.h"

namespace sbx {

class NetNamespace final : public RefCounted {
public:
    NetNamespace(u64 id, Ref<UserNamespace> owner) : id_(id), owner_(std::move(owner)) {}
    u64 id() const { return id_; }
    UserNamespace& owner() const { return *owner_; }
    // The stack, or null before the first socket.
    Ref<RefCounted> stack() const {
        Lock l(mu_);
        return stack_;
    }
    // Sets it unless there is one already; the one that counts.
    Ref<RefCounted> set_stack(Ref<RefCounted> s) {
        Lock l(mu_);
        if (!stack_) stack_ = std::move(s);
        return stack_;
    }

private:
    friend struct state::Access;
    template <class A>
    auto state_head(A a) const SBX_NO_TSA {
        return a.args(id_, owner_);
    }
    template <class A>
    void state(A& ar) SBX_NO_TSA {
        ar(stack_);
    }
    const u64 id_;
    Ref<UserNamespace> owner_;
    mutable Mutex<Rank::Leaf> mu_;
    Ref<RefCounted> stack_ SBX_GUARDED_BY(mu_);
};

}  // namespace sbx
