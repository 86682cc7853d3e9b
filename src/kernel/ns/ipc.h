// IpcNamespace (ipc_namespaces(7)): System V objects and POSIX message queues hang on it as opaque tables that their owners
// (kernel/ipc, fs/mqfs) make at first use. Used by unshare, setns, /proc/PID/ns.
#pragma once

#include "src/base/mutex.h"
#include "src/base/ns_id.h"
#include "src/cred/creds.h"

namespace sbx {

class IpcNamespace final : public RefCounted {
public:
    enum Table { kShm, kSem, kMsg, kMqueue, kTables };
    IpcNamespace(u64 id, Ref<UserNamespace> owner) : id_(id), owner_(std::move(owner)) {}
    u64 id() const { return id_; }
    UserNamespace& owner() const { return *owner_; }
    // The table of one kind, made by `make` if there is none yet.
    template <class T>
    Ref<T> table(Table which, Ref<T> (*make)(IpcNamespace&)) {
        Lock l(mu_);
        if (!tables_[which]) tables_[which] = make(*this);
        return static_ref_cast<T>(tables_[which]);
    }

private:
    friend struct state::Access;
    template <class A>
    auto state_head(A a) const SBX_NO_TSA {
        return a.args(id_, owner_);
    }
    template <class A>
    void state(A& ar) SBX_NO_TSA {
        ar(tables_);
    }
    const u64 id_;
    Ref<UserNamespace> owner_;
    Mutex<Rank::Leaf> mu_;
    Ref<RefCounted> tables_[kTables] SBX_GUARDED_BY(mu_);
};

}  // namespace sbx
