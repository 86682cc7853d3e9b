// UtsNamespace (uts_namespaces(7)): host and domain name. Used by uname, sethostname, setdomainname, /proc/sys/kernel.
#pragma once

#include <string>

#include "src/base/mutex.h"
#include "src/base/ns_id.h"
#include "src/cred/creds.h"

namespace sbx {

class UtsNamespace final : public RefCounted {
public:
    UtsNamespace(u64 id, Ref<UserNamespace> owner, std::string host, std::string domain)
        : id_(id), owner_(std::move(owner)), host_(std::move(host)), domain_(std::move(domain)) {}
    u64 id() const { return id_; }
    UserNamespace& owner() const { return *owner_; }
    std::string host_name() const {
        Lock l(mu_);
        return host_;
    }
    std::string domain_name() const {
        Lock l(mu_);
        return domain_;
    }
    // At most 64 bytes each (__NEW_UTS_LEN), checked by the caller.
    void set_host_name(std::string s) {
        Lock l(mu_);
        host_ = std::move(s);
    }
    void set_domain_name(std::string s) {
        Lock l(mu_);
        domain_ = std::move(s);
    }
    Ref<UtsNamespace> copy(Ref<UserNamespace> owner) const {
        Lock l(mu_);
        return make_ref<UtsNamespace>(next_namespace_id(), std::move(owner), host_, domain_);
    }

private:
    friend struct state::Access;
    template <class A>
    auto state_head(A a) const SBX_NO_TSA {
        return a.args(id_, owner_, host_, domain_);
    }
    template <class A>
    void state(A&) {}
    const u64 id_;
    Ref<UserNamespace> owner_;
    mutable Mutex<Rank::Leaf> mu_;
    std::string host_ SBX_GUARDED_BY(mu_), domain_ SBX_GUARDED_BY(mu_);
};

}  // namespace sbx
