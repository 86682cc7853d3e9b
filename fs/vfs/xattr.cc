// Operations on extended attributes: who may see and set which names (fs/xattr.c: xattr_permission; security/commoncap.c).
#include <linux/capability.h>

#include <algorithm>
#include <cstring>

#include "fs/vfs/dentry.h"
#include "fs/vfs/inode.h"
#include "fs/vfs/inotify_marks.h"
#include "fs/vfs/mount.h"
#include "fs/vfs/operations.h"
#include "fs/vfs/permission.h"
#include "fs/vfs/posix_acl.h"

namespace sbx::vfs {
namespace {

bool sandbox_capable(const Caller& c, unsigned cap) {
    const UserNamespace* ns = c.creds->user_ns.get();
    while (ns->parent()) ns = ns->parent();
    return c.creds->capable(cap, *ns);
}

// xattr_permission()
Result<> may_use(const Caller& c, const Path& p, std::string_view name, u32 may) {
    bool write = may & kMayWrite;
    if (write && p.mount->read_only()) return err(EROFS);
    if (name.starts_with("security.") || name.starts_with("system.")) return {};
    Inode& inode = *p.dentry->inode();
    if (name.starts_with("trusted.")) {
        if (!sandbox_capable(c, CAP_SYS_ADMIN)) return err(write ? EPERM : ENODATA);
        return {};
    }
    if (name.starts_with("user.")) {
        if (!inode.is_regular() && !inode.is_dir()) return err(write ? EPERM : ENODATA);
        if (inode.is_dir() && write) {
            Attr a = SBX_TRY(inode.attr());
            if ((a.mode & S_ISVTX) && !owner_or_capable(c, a)) return err(EPERM);
        }
    }
    return check_permission(c, p, may);
}

Result<> check_name(const Caller& c, const Path& p, std::string_view name, u32 may) {
    SBX_TRY(may_use(c, p, name, may));
    for (std::string_view prefix : {"user.", "trusted.", "security."})
        if (name == prefix) return err(EINVAL);  // xattr_resolve_name()
    return {};
}

// validheader() of security/commoncap.c: struct vfs_cap_data and vfs_ns_cap_data.
bool is_file_caps(std::string_view value) {
    u32 magic = 0;
    if (value.size() != XATTR_CAPS_SZ_2 && value.size() != XATTR_CAPS_SZ_3) return false;
    std::memcpy(&magic, value.data(), sizeof magic);
    return (magic & VFS_CAP_REVISION_MASK) ==
           (value.size() == XATTR_CAPS_SZ_2 ? VFS_CAP_REVISION_2 : VFS_CAP_REVISION_3);
}

// cap_inode_setxattr()
Result<> check_security_name(const Caller& c, const Path& p, std::string_view name) {
    if (!name.starts_with("security.")) return {};
    if (name == "security.capability") {
        Attr a = SBX_TRY(p.dentry->inode()->attr());
        if (!capable_over(c, a, CAP_SETFCAP)) return err(EPERM);
        return {};
    }
    if (!c.creds->capable(CAP_SYS_ADMIN)) return err(EPERM);
    return {};
}

// do_set_acl() and vfs_remove_acl(); no value is no ACL.
Result<> set_acl(const Caller& c, const Path& p, std::string_view name, std::string_view value) {
    Inode& inode = *p.dentry->inode();
    if (inode.is_symlink()) return err(EOPNOTSUPP);
    Acl acl = SBX_TRY(parse_acl(value));
    SBX_TRY(acl_from_user(acl, *c.creds->user_ns));
    bool access = name == kAccessAcl, sets_mode = access && !acl.empty();
    if (!access && !inode.is_dir()) return acl.empty() ? Result<>{} : err(EACCES);
    Attr a = SBX_TRY(inode.attr());
    if (!owner_or_capable(c, a)) return err(EPERM);
    SetAttr s;
    s.valid = SetAttr::kMode | SetAttr::kCtime;
    s.mode = a.mode & 07777;
    if (!acl.empty()) {
        SBX_TRY(check_acl(acl));
        // posix_acl_update_mode()
        if (access && acl_is_mode(acl, &s.mode)) acl.clear();
    }
    if (!c.creds->in_group(a.gid) && !capable_over(c, a, CAP_FSETID)) s.mode &= ~static_cast<u32>(S_ISGID);
    Result<> r = acl.empty() ? inode.remove_xattr(name, c) : inode.set_xattr(name, format_acl(acl), 0, c);
    if (!r && !(acl.empty() && r.error() == ENODATA)) return r;
    if (sets_mode) SBX_TRY(inode.set_attr(s, c));
    return {};
}

Result<> set_checked(const Caller& c, const Path& p, std::string_view name, std::string_view value, int flags) {
    if (is_acl_name(name)) return set_acl(c, p, name, value);
    if (name == "security.capability" && !is_file_caps(value)) return err(EINVAL);
    SBX_TRY(check_security_name(c, p, name));
    return p.dentry->inode()->set_xattr(name, value, flags, c);
}

}  // namespace

Result<std::string> get_xattr(const Caller& c, const Path& p, std::string_view name) {
    SBX_TRY(check_name(c, p, name, kMayRead));
    Inode& inode = *p.dentry->inode();
    if (!is_acl_name(name)) return inode.get_xattr(name, c);
    if (inode.is_symlink()) return err(EOPNOTSUPP);
    std::string value = SBX_TRY(inode.get_xattr(name, c));
    if (c.creds->user_ns->is_initial()) return value;
    Acl acl = SBX_TRY(parse_acl(value));
    acl_to_user(acl, *c.creds->user_ns);
    return format_acl(acl);
}

Result<> set_xattr(const Caller& c, const Path& p, std::string_view name, std::string_view value, int flags) {
    SBX_TRY(check_name(c, p, name, kMayWrite));
    SBX_TRY(set_checked(c, p, name, value, flags));
    if (inotify_active()) notify_file(*p.dentry, IN_ATTRIB);
    return {};
}

Result<> remove_xattr(const Caller& c, const Path& p, std::string_view name) {
    SBX_TRY(check_name(c, p, name, kMayWrite));
    if (is_acl_name(name)) {
        SBX_TRY(set_acl(c, p, name, {}));
    } else {
        SBX_TRY(check_security_name(c, p, name));
        SBX_TRY(p.dentry->inode()->remove_xattr(name, c));
    }
    if (inotify_active()) notify_file(*p.dentry, IN_ATTRIB);
    return {};
}

Result<std::vector<std::string>> list_xattr(const Caller& c, const Path& p) {
    std::vector<std::string> names = SBX_TRY(p.dentry->inode()->list_xattr(c));
    if (!sandbox_capable(c, CAP_SYS_ADMIN))
        std::erase_if(names, [](const std::string& n) { return n.starts_with("trusted."); });
    return names;
}

}  // namespace sbx::vfs
