// Operations on attributes: stat, chmod, chown, utimensat, truncate, access (fs/attr.c: setattr_prepare; fs/open.c; fs/utimes.c).
#include <linux/capability.h>
#include <sys/mount.h>

#include "fs/vfs/dentry.h"
#include "fs/vfs/file_system.h"
#include "fs/vfs/landlock.h"
#include "fs/vfs/locks.h"
#include "fs/vfs/inode.h"
#include "fs/vfs/inotify_marks.h"
#include "fs/vfs/mount.h"
#include "fs/vfs/open_file.h"
#include "fs/vfs/operations.h"
#include "fs/vfs/permission.h"

namespace sbx::vfs {
namespace {

// setattr_should_drop_sgid()
bool drops_setgid(const Caller& c, const Attr& a) {
    if (!(a.mode & S_ISGID)) return false;
    if (a.mode & S_IXGRP) return true;
    return !c.creds->in_group(a.gid) && !capable_over(c, a, CAP_FSETID);
}

// A change of content or size ends the file's privileges, unless the caller may keep them (CAP_FSETID). Returns the new mode.
u32 mode_without_privileges(const Caller& c, const Attr& a) {
    if ((a.mode & S_IFMT) != S_IFREG) return a.mode;
    u32 kill = 0;
    if (a.mode & S_ISUID) kill |= S_ISUID;
    if (drops_setgid(c, a)) kill |= S_ISGID;
    if (kill == 0 || c.creds->capable(CAP_FSETID)) return a.mode;
    return a.mode & ~kill;
}

Result<> apply(const Caller& c, const Path& p, const SetAttr& s) {
    SBX_TRY(p.dentry->inode()->set_attr(s, c));
    if (inotify_active()) notify_file(*p.dentry, IN_ATTRIB);
    return {};
}

Result<> resize(const Caller& c, const Path& p, u64 size) {
    if (size > static_cast<u64>(INT64_MAX)) return err(EINVAL);
    Inode& inode = *p.dentry->inode();
    if (size > c.file_size_limit) {
        Attr a = SBX_TRY(inode.attr());
        if (size > a.size) return err(EFBIG);  // the system call raises SIGXFSZ
    }
    remove_privileges(c, p);
    SBX_TRY(inode.truncate(size, c));
    if (inotify_active()) notify_file(*p.dentry, IN_MODIFY);
    return {};
}

}  // namespace

Result<Attr> get_attr(const Path& p) { return p.dentry->inode()->attr(); }

Result<std::string> read_link(const Caller&, const Path& p) {
    Inode& inode = *p.dentry->inode();
    if (!inode.is_symlink()) return err(EINVAL);
    return inode.read_link();
}

Result<> chmod(const Caller& c, const Path& p, u32 mode) {
    if (p.mount->read_only()) return err(EROFS);
    Inode& inode = *p.dentry->inode();
    if (inode.is_symlink()) return err(EOPNOTSUPP);
    Attr a = SBX_TRY(inode.attr());
    if (!owner_or_capable(c, a)) return err(EPERM);
    SetAttr s;
    s.valid = SetAttr::kMode | SetAttr::kCtime;
    s.mode = mode & 07777;
    if (!c.creds->in_group(a.gid) && !capable_over(c, a, CAP_FSETID)) s.mode &= ~static_cast<u32>(S_ISGID);
    return apply(c, p, s);
}

Result<> chown(const Caller& c, const Path& p, u32 uid, u32 gid) {
    if (p.mount->read_only()) return err(EROFS);
    Inode& inode = *p.dentry->inode();
    Attr a = SBX_TRY(inode.attr());
    bool owner = c.creds->fsuid == a.uid;
    SetAttr s;
    s.valid = SetAttr::kCtime;
    if (uid != kInvalidId) {
        if (!(owner && uid == a.uid) && !capable_over(c, a, CAP_CHOWN)) return err(EPERM);
        s.valid |= SetAttr::kUid;
        s.uid = uid;
    }
    if (gid != kInvalidId) {
        bool own_group = owner && (gid == a.gid || c.creds->in_group(gid));
        if (!own_group && !capable_over(c, a, CAP_CHOWN)) return err(EPERM);
        s.valid |= SetAttr::kGid;
        s.gid = gid;
    }
    if (!inode.is_dir()) {
        u32 mode = a.mode & ~static_cast<u32>(S_ISUID);
        if (drops_setgid(c, a)) mode &= ~static_cast<u32>(S_ISGID);
        if (mode != a.mode) {
            s.valid |= SetAttr::kMode;
            s.mode = mode & 07777;
        }
        if (inode.is_regular()) (void)inode.remove_xattr("security.capability", c);
    }
    return apply(c, p, s);
}

Result<> utimens(const Caller& c, const Path& p, const TimeSpecOrNow times[2], bool both_null) {
    bool touch = both_null || (times[0].now && times[1].now);
    if (!touch && times[0].omit && times[1].omit) return {};
    if (p.mount->read_only()) return err(EROFS);
    Inode& inode = *p.dentry->inode();
    Attr a = SBX_TRY(inode.attr());
    if (!owner_or_capable(c, a)) {
        if (!touch) return err(EPERM);
        SBX_TRY(check_permission(c, p, kMayWrite));
    }
    SetAttr s;
    s.valid = SetAttr::kCtime;
    if (touch) {
        s.valid |= SetAttr::kAtime | SetAttr::kAtimeNow | SetAttr::kMtime | SetAttr::kMtimeNow;
        return apply(c, p, s);
    }
    if (!times[0].omit) {
        s.valid |= SetAttr::kAtime;
        if (times[0].now) s.valid |= SetAttr::kAtimeNow;
        s.atime = times[0].t;
    }
    if (!times[1].omit) {
        s.valid |= SetAttr::kMtime;
        if (times[1].now) s.valid |= SetAttr::kMtimeNow;
        s.mtime = times[1].t;
    }
    return apply(c, p, s);
}

Result<> truncate(const Caller& c, const Path& p, u64 size) {
    Inode& inode = *p.dentry->inode();
    if (inode.is_dir()) return err(EISDIR);
    if (!inode.is_regular()) return err(EINVAL);
    if (p.mount->read_only()) return err(EROFS);
    SBX_TRY(check_permission(c, p, kMayWrite));
    SBX_TRY(landlock::check(c, p, landlock::kTruncate));
    Inode& real = inode.real();
    SBX_TRY(real.get_write_access());
    Result<> r;
    if (FileLocks* locks = real.existing_locks()) r = locks->leases.make_room(true, false);
    if (r) r = resize(c, p, size);
    real.put_write_access();
    return r;
}

Result<> truncate_file(const Caller& c, OpenFile& f, u64 size) {
    if (f.is_path_only()) return err(EBADF);
    if (!f.inode().is_regular() || !f.writable()) return err(EINVAL);
    if (f.truncation_denied()) return err(EACCES);
    return resize(c, f.path(), size);
}

Result<> access(const Caller& c, const Path& p, u32 may) {
    if (may == 0) return {};
    Inode& inode = *p.dentry->inode();
    if ((may & kMayExec) && inode.is_regular() && (p.mount->flags() & MS_NOEXEC)) return err(EACCES);
    return check_permission(c, p, may);
}

void remove_privileges(const Caller& c, const Path& p) {
    Inode& inode = *p.dentry->inode();
    if (!inode.is_regular()) return;
    Result<Attr> a = inode.attr();
    if (!a) return;
    u32 mode = mode_without_privileges(c, *a);
    if (mode != a->mode) {
        SetAttr s;
        s.valid = SetAttr::kMode | SetAttr::kCtime;
        s.mode = mode & 07777;
        (void)inode.set_attr(s, c);
    }
    (void)inode.remove_xattr("security.capability", c);
}

}  // namespace sbx::vfs
