// Permission checks (fs/namei.c: generic_permission, inode_permission; kernel/capability.c: capable_wrt_inode_uidgid).
#include "fs/vfs/permission.h"

#include <linux/capability.h>

#include "fs/vfs/dentry.h"
#include "fs/vfs/inode.h"
#include "fs/vfs/file_system.h"
#include "fs/vfs/mount.h"
#include "fs/vfs/walk.h"

namespace sbx::vfs {

bool capable_over(const Caller& c, const Attr& a, unsigned cap) {
    const Creds& k = *c.creds;
    if (!k.effective.has(cap)) return false;
    // The caller's namespace must know both owners, else its capabilities mean nothing to the file.
    if (!k.user_ns->is_initial() &&
        (k.user_ns->from_kuid(a.uid) == kInvalidId || k.user_ns->from_kgid(a.gid) == kInvalidId))
        return false;
    return k.capable(cap);
}

bool owner_or_capable(const Caller& c, const Attr& a) {
    if (c.creds->fsuid == a.uid) return true;
    return capable_over(c, a, CAP_FOWNER);
}

Result<> generic_permission(const Caller& c, const Attr& a, u32 may) {
    u32 mode = a.mode;
    if (c.creds->fsuid == a.uid)
        mode >>= 6;
    else if (((mode >> 3) ^ mode) & may && c.creds->in_group(a.gid))
        mode >>= 3;
    if ((may & ~mode & 7) == 0) return {};
    return capability_permission(c, a, may);
}

Result<> capability_permission(const Caller& c, const Attr& a, u32 may) {
    if ((a.mode & S_IFMT) == S_IFDIR) {
        if (!(may & kMayWrite) && capable_over(c, a, CAP_DAC_READ_SEARCH)) return {};
        if (capable_over(c, a, CAP_DAC_OVERRIDE)) return {};
        return err(EACCES);
    }
    if (may == kMayRead && capable_over(c, a, CAP_DAC_READ_SEARCH)) return {};
    // Executing needs at least one execute bit even for root.
    if ((!(may & kMayExec) || (a.mode & 0111)) && capable_over(c, a, CAP_DAC_OVERRIDE)) return {};
    return err(EACCES);
}

Result<> check_inode_permission(const Caller& c, Inode& inode, u32 may) {
    if ((may & kMayWrite) && (inode.is_regular() || inode.is_dir() || inode.is_symlink()) &&
        inode.fs().read_only.load(std::memory_order_relaxed))
        return err(EROFS);
    return inode.permission(may, c);
}

Result<> check_permission(const Caller& c, const Path& p, u32 may) {
    Inode& inode = *p.dentry->inode();
    if ((may & kMayWrite) && (inode.is_regular() || inode.is_dir() || inode.is_symlink()) && p.mount->read_only())
        return err(EROFS);
    return inode.permission(may, c);
}

bool sticky_forbids(const Caller& c, const Attr& dir, const Attr& victim) {
    if (!(dir.mode & S_ISVTX)) return false;
    if (c.creds->fsuid == victim.uid || c.creds->fsuid == dir.uid) return false;
    return !capable_over(c, victim, CAP_FOWNER);
}

}  // namespace sbx::vfs
