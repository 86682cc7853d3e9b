// CgroupNamespace (cgroup_namespaces(7)): an identity; there is one cgroup, the root. Used by unshare, setns, /proc/PID/ns.
#pragma once

#include "src/base/ns_id.h"
#include "src/base/mutex.h"
#include "src/cred/creds.h"

namespace sbx {

class CgroupNamespace final : public RefCounted {
public:
    CgroupNamespace(u64 id, Ref<UserNamespace> owner) : id_(id), owner_(std::move(owner)) {}
    u64 id() const { return id_; }
    UserNamespace& owner() const { return *owner_; }

private:
    friend struct state::Access;
    template <class A>
    auto state_head(A a) const SBX_NO_TSA {
        return a.args(id_, owner_);
    }
    template <class A>
    void state(A&) {}
    const u64 id_;
    Ref<UserNamespace> owner_;
};

}  // namespace sbx
