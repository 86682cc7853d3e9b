// Credentials of a task (credentials(7), capabilities(7), user_namespaces(7)): immutable once published; a change makes a new object.
// Used by the VFS for permission checks and by the kernel. Identities are *kernel ids* (kuid, kgid): those of the initial user
// namespace of the sandbox; UserNamespace maps them to what a task in it sees.
#pragma once

#include <vector>

#include "src/base/mutex.h"
#include "src/base/ref.h"
#include "src/base/result.h"
#include "src/base/types.h"

namespace sbx {

using Kuid = u32;
using Kgid = u32;
constexpr u32 kInvalidId = 0xffffffff;
constexpr u32 kOverflowId = 65534;  // /proc/sys/kernel/overflowuid

// Capability numbers are CAP_* of <linux/capability.h>.
constexpr unsigned kCapLast = 40;
struct CapSet {
    u64 bits = 0;
    constexpr bool has(unsigned cap) const { return (bits >> cap) & 1; }
    template <class A>
    void state(A& ar) {
        ar(bits);
    }
    static constexpr CapSet all() { return CapSet{(1ull << (kCapLast + 1)) - 1}; }
    friend constexpr bool operator==(CapSet a, CapSet b) { return a.bits == b.bits; }
};

// One line of uid_map or gid_map: ids [inside, inside+count) are [outside, outside+count) of the parent namespace.
struct IdMapRange {
    u32 inside = 0, outside = 0, count = 0;
    template <class A>
    void state(A& ar) {
        ar(inside, outside, count);
    }
};

// A user namespace. Maps are written once (user_namespaces(7)), under mu_.
class UserNamespace : public RefCounted {
public:
    // The initial namespace maps every id to itself.
    static Ref<UserNamespace> create_initial();
    // ENOSPC past 32 levels.
    static Result<Ref<UserNamespace>> create(Ref<UserNamespace> parent, Kuid owner, Kgid owner_group,
                                             CapSet parent_caps);

    UserNamespace* parent() const { return parent_.get(); }
    Kuid owner() const { return owner_; }
    Kgid owner_group() const { return owner_group_; }
    unsigned level() const { return level_; }
    u64 id() const { return id_; }  // inode number under /proc/PID/ns
    bool is_initial() const { return !parent_; }
    // True if this is `other` or an ancestor of it.
    bool contains(const UserNamespace& other) const;

    // Kernel id of an id as seen in this namespace; kInvalidId if not mapped.
    Kuid to_kuid(u32 uid) const;
    Kgid to_kgid(u32 gid) const;
    // What this namespace shows for a kernel id; kInvalidId, or kOverflowId for the _munged forms, if not mapped.
    u32 from_kuid(Kuid k) const;
    u32 from_kgid(Kgid k) const;
    u32 from_kuid_munged(Kuid k) const;
    u32 from_kgid_munged(Kgid k) const;

    std::vector<IdMapRange> uid_map() const;
    std::vector<IdMapRange> gid_map() const;
    // Sets a map given in terms of the parent namespace; EPERM if already set, EINVAL if ranges overlap, are empty or are unmapped in the
    // parent. Permission rules (who may write what) are the caller's.
    Result<> set_uid_map(std::vector<IdMapRange> map);
    Result<> set_gid_map(std::vector<IdMapRange> map);
    bool setgroups_allowed() const;
    // "deny" in /proc/PID/setgroups; EPERM once gid_map is set.
    Result<> deny_setgroups();

private:
    friend struct state::Access;
    template <class A>
    void state(A& ar) SBX_NO_TSA {
        ar(parent_, owner_, owner_group_, level_, id_, uid_map_, gid_map_, deny_setgroups_);
    }
    UserNamespace() = default;
    Ref<UserNamespace> parent_;
    Kuid owner_ = 0;
    Kgid owner_group_ = 0;
    unsigned level_ = 0;
    u64 id_ = 0;
    mutable Mutex<Rank::Leaf> mu_;
    std::vector<IdMapRange> uid_map_ SBX_GUARDED_BY(mu_), gid_map_ SBX_GUARDED_BY(mu_);  // outside = kernel ids
    bool deny_setgroups_ SBX_GUARDED_BY(mu_) = false;
};

// struct cred of Linux (include/linux/cred.h).
struct Creds : RefCounted {
    Kuid uid = 0, euid = 0, suid = 0, fsuid = 0;
    Kgid gid = 0, egid = 0, sgid = 0, fsgid = 0;
    std::vector<Kgid> groups;  // sorted
    CapSet permitted, effective, inheritable, bounding, ambient;
    u32 securebits = 0;
    Ref<UserNamespace> user_ns;
    Ref<RefCounted> landlock;  // its domain (fs/vfs/landlock.h), or null

    // cap_capable() of security/commoncap.c: is `cap` held with respect to `ns`?
    bool capable(unsigned cap, const UserNamespace& ns) const;
    // In the task's own user namespace.
    bool capable(unsigned cap) const { return capable(cap, *user_ns); }
    // fsgid or a supplementary group.
    bool in_group(Kgid g) const;
    // egid or a supplementary group (in_egroup_p).
    bool in_egroup(Kgid g) const;
    // A mutable copy to be changed and then published.
    Ref<Creds> clone() const;
    template <class A>
    void state(A& ar) {
        ar(uid, euid, suid, fsuid, gid, egid, sgid, fsgid, groups, permitted, effective, inheritable, bounding, ambient,
           securebits, user_ns, landlock);
    }
};
using CredsRef = Ref<const Creds>;

}  // namespace sbx
