// User namespaces and capability checks (kernel/user_namespace.c, security/commoncap.c).
#include "src/cred/creds.h"

#include <algorithm>

#include "src/base/ns_id.h"

namespace sbx {
namespace {

constexpr unsigned kMaxLevel = 32;

u32 map_up(const std::vector<IdMapRange>& map, u32 id) {  // inside -> outside
    for (const IdMapRange& r : map)
        if (id >= r.inside && id - r.inside < r.count) return r.outside + (id - r.inside);
    return kInvalidId;
}

u32 map_down(const std::vector<IdMapRange>& map, u32 id) {  // outside -> inside
    for (const IdMapRange& r : map)
        if (id >= r.outside && id - r.outside < r.count) return r.inside + (id - r.outside);
    return kInvalidId;
}

bool overlap(u32 a, u32 b, u32 a_count, u32 b_count) {
    return static_cast<u64>(a) < static_cast<u64>(b) + b_count && static_cast<u64>(b) < static_cast<u64>(a) + a_count;
}

// map_write(): every range is sane, apart from the others, and known to the parent as a whole. Translates `outside` to kernel ids.
Result<> translate(std::vector<IdMapRange>& map, const std::vector<IdMapRange>* parent) {
    if (map.empty()) return err(EINVAL);
    for (size_t i = 0; i < map.size(); i++) {
        const IdMapRange& r = map[i];
        if (r.count == 0 || r.inside + r.count < r.inside || r.outside + r.count < r.outside) return err(EINVAL);
        if (r.inside == kInvalidId || r.outside == kInvalidId) return err(EINVAL);
        for (size_t j = 0; j < i; j++)
            if (overlap(r.inside, map[j].inside, r.count, map[j].count) ||
                overlap(r.outside, map[j].outside, r.count, map[j].count))
                return err(EINVAL);
    }
    if (!parent) return {};
    for (IdMapRange& r : map) {
        auto within = [&](const IdMapRange& p) {
            return r.outside >= p.inside && r.outside - p.inside < p.count &&
                   p.count - (r.outside - p.inside) >= r.count;
        };
        auto it = std::find_if(parent->begin(), parent->end(), within);
        if (it == parent->end()) return err(EPERM);
        r.outside = it->outside + (r.outside - it->inside);
    }
    return {};
}

}  // namespace

Ref<UserNamespace> UserNamespace::create_initial() {
    Ref<UserNamespace> ns = adopt_ref(new UserNamespace);
    ns->id_ = kInitialUserNs;
    Lock l(ns->mu_);
    ns->uid_map_ = ns->gid_map_ = {IdMapRange{0, 0, 0xffffffff}};
    return ns;
}

Result<Ref<UserNamespace>> UserNamespace::create(Ref<UserNamespace> parent, Kuid owner, Kgid owner_group, CapSet) {
    if (parent->level_ >= kMaxLevel) return err(ENOSPC);
    Ref<UserNamespace> ns = adopt_ref(new UserNamespace);
    ns->level_ = parent->level_ + 1;
    bool deny_setgroups = false;
    {
        Lock l(parent->mu_);
        deny_setgroups = parent->deny_setgroups_;
    }
    {
        Lock l(ns->mu_);
        ns->deny_setgroups_ = deny_setgroups;
    }
    ns->parent_ = std::move(parent);
    ns->owner_ = owner;
    ns->owner_group_ = owner_group;
    ns->id_ = next_namespace_id();
    return ns;
}

bool UserNamespace::contains(const UserNamespace& other) const {
    for (const UserNamespace* n = &other; n; n = n->parent())
        if (n == this) return true;
    return false;
}

Kuid UserNamespace::to_kuid(u32 uid) const {
    if (is_initial()) return uid;
    Lock l(mu_);
    return map_up(uid_map_, uid);
}

Kgid UserNamespace::to_kgid(u32 gid) const {
    if (is_initial()) return gid;
    Lock l(mu_);
    return map_up(gid_map_, gid);
}

u32 UserNamespace::from_kuid(Kuid k) const {
    if (is_initial()) return k;
    Lock l(mu_);
    return map_down(uid_map_, k);
}

u32 UserNamespace::from_kgid(Kgid k) const {
    if (is_initial()) return k;
    Lock l(mu_);
    return map_down(gid_map_, k);
}

u32 UserNamespace::from_kuid_munged(Kuid k) const {
    u32 id = from_kuid(k);
    return id == kInvalidId ? kOverflowId : id;
}

u32 UserNamespace::from_kgid_munged(Kgid k) const {
    u32 id = from_kgid(k);
    return id == kInvalidId ? kOverflowId : id;
}

std::vector<IdMapRange> UserNamespace::uid_map() const {
    Lock l(mu_);
    return uid_map_;
}

std::vector<IdMapRange> UserNamespace::gid_map() const {
    Lock l(mu_);
    return gid_map_;
}

Result<> UserNamespace::set_uid_map(std::vector<IdMapRange> map) {
    std::vector<IdMapRange> above = parent_ ? parent_->uid_map() : std::vector<IdMapRange>();
    SBX_TRY(translate(map, parent_ ? &above : nullptr));
    Lock l(mu_);
    if (!uid_map_.empty()) return err(EPERM);
    uid_map_ = std::move(map);
    return {};
}

Result<> UserNamespace::set_gid_map(std::vector<IdMapRange> map) {
    std::vector<IdMapRange> above = parent_ ? parent_->gid_map() : std::vector<IdMapRange>();
    SBX_TRY(translate(map, parent_ ? &above : nullptr));
    Lock l(mu_);
    if (!gid_map_.empty()) return err(EPERM);
    gid_map_ = std::move(map);
    return {};
}

bool UserNamespace::setgroups_allowed() const {
    Lock l(mu_);
    return !gid_map_.empty() && !deny_setgroups_;
}

Result<> UserNamespace::deny_setgroups() {
    Lock l(mu_);
    if (!gid_map_.empty() && !deny_setgroups_) return err(EPERM);
    deny_setgroups_ = true;
    return {};
}

bool Creds::capable(unsigned cap, const UserNamespace& target) const {
    for (const UserNamespace* ns = &target;; ns = ns->parent()) {
        if (ns == user_ns.get()) return effective.has(cap);
        // Deeper or beside: no ancestor can be ours.
        if (ns->level() <= user_ns->level()) return false;
        // The owner of a namespace has all capabilities in it, seen from its parent.
        if (ns->parent() == user_ns.get() && ns->owner() == euid) return true;
    }
}

bool Creds::in_group(Kgid g) const { return g == fsgid || std::binary_search(groups.begin(), groups.end(), g); }
bool Creds::in_egroup(Kgid g) const { return g == egid || std::binary_search(groups.begin(), groups.end(), g); }

Ref<Creds> Creds::clone() const {
    Ref<Creds> c = make_ref<Creds>();
    c->uid = uid, c->euid = euid, c->suid = suid, c->fsuid = fsuid;
    c->gid = gid, c->egid = egid, c->sgid = sgid, c->fsgid = fsgid;
    c->groups = groups;
    c->permitted = permitted, c->effective = effective, c->inheritable = inheritable;
    c->bounding = bounding, c->ambient = ambient;
    c->securebits = securebits;
    c->user_ns = user_ns;
    c->landlock = landlock;
    return c;
}

}  // namespace sbx
