// Operations on extended attributes: who may see and set which names (fs/xattr.c: xattr_permission; security/commoncap.c).
#include <linux/capability.h>

#include <algorithm>

#include "fs/vfs/dentry.h"
#include "fs/vfs/inode.h"
#include "fs/vfs/inotify_marks.h"
#include "fs/vfs/mount.h"
#include "fs/vfs/operations.h"
#include "fs/vfs/permission.h"

namespace sbx::vfs {
namespace {

bool sandbox_capable(const Caller& c, unsigned cap) {
    const UserNamespace* ns = c.creds->user_ns.get();
    while (ns->parent()) ns = ns->parent();
    return c.creds->capable(cap, *ns);
}

Result<> check_name(const Caller& c, const Path& p, std::string_view name, u32 may) {
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

}  // namespace

Result<std::string> get_xattr(const Caller& c, const Path& p, std::string_view name) {
    SBX_TRY(check_name(c, p, name, kMayRead));
    return p.dentry->inode()->get_xattr(name, c);
}

Result<> set_xattr(const Caller& c, const Path& p, std::string_view name, std::string_view value, int flags) {
    SBX_TRY(check_name(c, p, name, kMayWrite));
    SBX_TRY(check_security_name(c, p, name));
    SBX_TRY(p.dentry->inode()->set_xattr(name, value, flags, c));
    if (inotify_active()) notify_file(*p.dentry, IN_ATTRIB);
    return {};
}

Result<> remove_xattr(const Caller& c, const Path& p, std::string_view name) {
    SBX_TRY(check_name(c, p, name, kMayWrite));
    SBX_TRY(check_security_name(c, p, name));
    SBX_TRY(p.dentry->inode()->remove_xattr(name, c));
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
