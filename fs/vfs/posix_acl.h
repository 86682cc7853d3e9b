// POSIX access control lists (acl(5), fs/posix_acl.c): what the attributes system.posix_acl_* hold and mean. File systems that keep ACLs
// keep them as extended attributes in the layout of <linux/posix_acl_xattr.h>, with kernel ids, well-formed; used by the VFS and by them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "fs/vfs/types.h"

namespace sbx::vfs {

constexpr std::string_view kAccessAcl = "system.posix_acl_access", kDefaultAcl = "system.posix_acl_default";
inline bool is_acl_name(std::string_view name) { return name == kAccessAcl || name == kDefaultAcl; }

struct AclEntry {
    u16 tag, perm;
    u32 id;  // of ACL_USER and ACL_GROUP; else ACL_UNDEFINED_ID
};
using Acl = std::vector<AclEntry>;

// EINVAL, EOPNOTSUPP for another version. No bytes, and no entries, are no ACL: empty.
Result<Acl> parse_acl(std::string_view value);
std::string format_acl(const Acl& acl);
// Ids as a namespace shows them to kernel ids (EINVAL for what it does not map) and back.
Result<> acl_from_user(Acl& acl, const UserNamespace& ns);
void acl_to_user(Acl& acl, const UserNamespace& ns);
// posix_acl_valid(): entries of every needed kind, in order. EINVAL.
Result<> check_acl(const Acl& acl);

// posix_acl_equiv_mode(): sets the permission bits of *mode; true if they say all that the ACL says.
bool acl_is_mode(const Acl& acl, u32* mode);
// The ACL after a chmod to `mode`.
void acl_chmod(Acl& acl, u32 mode);
// posix_acl_create_masq(): makes of a directory's default ACL that of a file created with *mode, and the file's mode.
void acl_create(Acl& acl, u32* mode);

// generic_permission() of a file that has an access ACL, given as stored.
Result<> acl_permission(const Caller& c, const Attr& a, std::string_view acl, u32 may);

// What a new file in a directory gets from the directory's default ACL; both empty if it has none.
struct InheritedAcls {
    std::string access, def;
};

}  // namespace sbx::vfs
