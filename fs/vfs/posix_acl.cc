// POSIX ACLs: layout, validity, and the rules that tie them to permission bits.
#include "fs/vfs/posix_acl.h"

#include <linux/posix_acl.h>
#include <linux/posix_acl_xattr.h>

#include <cstring>

#include "fs/vfs/permission.h"

namespace sbx::vfs {
namespace {

constexpr u32 kUndefinedId = static_cast<u32>(ACL_UNDEFINED_ID);

bool is_named(const AclEntry& e) { return e.tag == ACL_USER || e.tag == ACL_GROUP; }

AclEntry* find_tag(Acl& acl, u16 tag) {
    for (AclEntry& e : acl)
        if (e.tag == tag) return &e;
    return nullptr;
}

// The entry that the group bits of the mode stand for.
AclEntry& group_class(Acl& acl) {
    AclEntry* mask = find_tag(acl, ACL_MASK);
    return mask ? *mask : *find_tag(acl, ACL_GROUP_OBJ);
}

// posix_acl_permission(). `a` is another's file or the caller's own.
bool grants(const Caller& c, const Attr& a, const Acl& acl, u32 may) {
    u32 mask = 7;
    for (const AclEntry& e : acl)
        if (e.tag == ACL_MASK) mask = e.perm;
    bool in_a_group = false;
    for (const AclEntry& e : acl) {
        switch (e.tag) {
        case ACL_USER_OBJ:
            if (c.creds->fsuid == a.uid) return (e.perm & may) == may;
            break;
        case ACL_USER:
            if (c.creds->fsuid == e.id) return (e.perm & mask & may) == may;
            break;
        case ACL_GROUP_OBJ:
        case ACL_GROUP:
            if (!c.creds->in_group(e.tag == ACL_GROUP ? e.id : a.gid)) break;
            in_a_group = true;
            if ((e.perm & may) == may) return (mask & may) == may;
            break;
        case ACL_OTHER: return !in_a_group && (e.perm & may) == may;
        default: break;
        }
    }
    return false;
}

}  // namespace

Result<Acl> parse_acl(std::string_view value) {
    Acl acl;
    if (value.empty()) return acl;
    posix_acl_xattr_header header;
    if (value.size() < sizeof header) return err(EINVAL);
    std::memcpy(&header, value.data(), sizeof header);
    if (header.a_version != POSIX_ACL_XATTR_VERSION) return err(EOPNOTSUPP);
    value.remove_prefix(sizeof header);
    if (value.size() % sizeof(posix_acl_xattr_entry) != 0) return err(EINVAL);
    for (; !value.empty(); value.remove_prefix(sizeof(posix_acl_xattr_entry))) {
        posix_acl_xattr_entry e;
        std::memcpy(&e, value.data(), sizeof e);
        acl.push_back(AclEntry{e.e_tag, e.e_perm, e.e_id});
        AclEntry& last = acl.back();
        if (!is_named(last)) last.id = kUndefinedId;
    }
    return acl;
}

std::string format_acl(const Acl& acl) {
    posix_acl_xattr_header header{POSIX_ACL_XATTR_VERSION};
    std::string value(reinterpret_cast<const char*>(&header), sizeof header);
    for (const AclEntry& e : acl) {
        posix_acl_xattr_entry x{e.tag, e.perm, e.id};
        value.append(reinterpret_cast<const char*>(&x), sizeof x);
    }
    return value;
}

Result<> acl_from_user(Acl& acl, const UserNamespace& ns) {
    for (AclEntry& e : acl) {
        if (!is_named(e)) continue;
        e.id = e.tag == ACL_USER ? ns.to_kuid(e.id) : ns.to_kgid(e.id);
        if (e.id == kInvalidId) return err(EINVAL);
    }
    return {};
}

void acl_to_user(Acl& acl, const UserNamespace& ns) {
    for (AclEntry& e : acl)
        if (is_named(e)) e.id = e.tag == ACL_USER ? ns.from_kuid(e.id) : ns.from_kgid(e.id);
}

Result<> check_acl(const Acl& acl) {
    // What may stand next: a tag, or for the two that repeat, what follows them.
    u16 next = ACL_USER_OBJ;
    bool named = false, mask = false;
    for (const AclEntry& e : acl) {
        if (e.perm & ~7) return err(EINVAL);
        switch (e.tag) {
        case ACL_USER_OBJ:
            if (next != ACL_USER_OBJ) return err(EINVAL);
            next = ACL_USER;
            break;
        case ACL_USER:
            if (next != ACL_USER) return err(EINVAL);
            named = true;
            break;
        case ACL_GROUP_OBJ:
            if (next != ACL_USER) return err(EINVAL);
            next = ACL_GROUP;
            break;
        case ACL_GROUP:
            if (next != ACL_GROUP) return err(EINVAL);
            named = true;
            break;
        case ACL_MASK:
            if (next != ACL_GROUP) return err(EINVAL);
            mask = true;
            next = ACL_OTHER;
            break;
        case ACL_OTHER:
            if (next != ACL_OTHER && (next != ACL_GROUP || named)) return err(EINVAL);
            next = 0;
            break;
        default: return err(EINVAL);
        }
    }
    if (next != 0 || (named && !mask)) return err(EINVAL);
    return {};
}

bool acl_is_mode(const Acl& acl, u32* mode) {
    u32 bits = 0;
    bool all = true;
    for (const AclEntry& e : acl) {
        switch (e.tag) {
        case ACL_USER_OBJ: bits |= static_cast<u32>(e.perm) << 6; break;
        case ACL_GROUP_OBJ: bits |= static_cast<u32>(e.perm) << 3; break;
        case ACL_OTHER: bits |= e.perm; break;
        case ACL_MASK: bits = (bits & ~070u) | static_cast<u32>(e.perm) << 3; [[fallthrough]];
        default: all = false;
        }
    }
    *mode = (*mode & ~0777u) | bits;
    return all;
}

void acl_chmod(Acl& acl, u32 mode) {
    find_tag(acl, ACL_USER_OBJ)->perm = (mode >> 6) & 7;
    group_class(acl).perm = (mode >> 3) & 7;
    find_tag(acl, ACL_OTHER)->perm = mode & 7;
}

void acl_create(Acl& acl, u32* mode) {
    u32 bits = 0;
    auto meet = [&](AclEntry& e, int shift) {
        e.perm = static_cast<u16>(e.perm & (*mode >> shift) & 7);
        bits |= static_cast<u32>(e.perm) << shift;
    };
    meet(*find_tag(acl, ACL_USER_OBJ), 6);
    meet(group_class(acl), 3);
    meet(*find_tag(acl, ACL_OTHER), 0);
    *mode = (*mode & ~0777u) | bits;
}

Result<> acl_permission(const Caller& c, const Attr& a, std::string_view value, u32 may) {
    // acl_permission_check(): without any right for the group class no entry but the owner's and the others' grants anything.
    if (c.creds->fsuid == a.uid || !(a.mode & 070)) return generic_permission(c, a, may);
    Acl acl = SBX_TRY(parse_acl(value));
    if (acl.empty()) return generic_permission(c, a, may);
    if (grants(c, a, acl, may & 7)) return {};
    return capability_permission(c, a, may);
}

}  // namespace sbx::vfs
