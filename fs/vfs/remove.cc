// Operations that remove names: unlink, rmdir (fs/namei.c).
#include "fs/vfs/file_system.h"
#include "fs/vfs/inotify_marks.h"
#include "fs/vfs/landlock.h"
#include "fs/vfs/mount.h"
#include "fs/vfs/name_change.h"
#include "fs/vfs/operations.h"
#include "fs/vfs/permission.h"

namespace sbx::vfs {

Result<> may_delete(const Caller& c, const Path& dir, const Dentry& victim, bool as_dir) {
    Inode* inode = victim.inode();
    if (!inode) return err(ENOENT);
    SBX_TRY(check_permission(c, dir, kMayWrite | kMayExec));
    Attr above = SBX_TRY(dir.dentry->inode()->attr());
    Attr a = SBX_TRY(inode->attr());
    if (sticky_forbids(c, above, a)) return err(EPERM);
    if (as_dir) {
        if (!inode->is_dir()) return err(ENOTDIR);
    } else if (inode->is_dir()) {
        return err(EISDIR);
    }
    if (dir.dentry->unlinked()) return err(ENOENT);
    return {};
}

Result<> unlink(const Caller& c, const Path& start, std::string_view path) {
    LastComponent last = SBX_TRY(walk_parent(c, start, path));
    if (last.kind != LastComponent::Kind::Normal) return err(EISDIR);
    if (last.parent.mount->read_only()) return err(EROFS);
    Inode& dir = *last.parent.dentry->inode();
    Ref<Dentry> d;  // outlives the lock: its end may tell watchers
    Lock l(dir.dir_mu());
    d = SBX_TRY(Dentry::lookup_child_locked(last.parent.dentry, last.name));
    if (d->negative()) return err(ENOENT);
    Inode& victim = *d->inode();
    if (last.trailing_slash) return err(victim.is_dir() ? EISDIR : ENOTDIR);
    SBX_TRY(landlock::check(c, last.parent, landlock::kRemoveFile));
    SBX_TRY(may_delete(c, last.parent, *d, false));
    if (d->maybe_mountpoint()) return err(EBUSY);
    SBX_TRY(dir.unlink(last.name, victim, c));
    d->set_unlinked();
    l.unlock();
    if (inotify_active()) {
        notify_inode(victim, IN_ATTRIB);  // its link count
        notify_entry(dir, IN_DELETE, last.name);
    }
    return {};
}

Result<> rmdir(const Caller& c, const Path& start, std::string_view path) {
    LastComponent last = SBX_TRY(walk_parent(c, start, path));
    switch (last.kind) {
    case LastComponent::Kind::Normal: break;
    case LastComponent::Kind::Dot: return err(EINVAL);
    case LastComponent::Kind::DotDot: return err(ENOTEMPTY);
    case LastComponent::Kind::Root: return err(EBUSY);
    }
    if (last.parent.mount->read_only()) return err(EROFS);
    Inode& dir = *last.parent.dentry->inode();
    Ref<Dentry> d;
    Lock l(dir.dir_mu());
    d = SBX_TRY(Dentry::lookup_child_locked(last.parent.dentry, last.name));
    if (d->negative()) return err(ENOENT);
    SBX_TRY(landlock::check(c, last.parent, landlock::kRemoveDir));
    SBX_TRY(may_delete(c, last.parent, *d, true));
    if (d->maybe_mountpoint()) return err(EBUSY);
    Inode& victim = *d->inode();
    {
        // Nothing is created in it between the check that it is empty and its end.
        Lock v(victim.dir_mu(), Lock<RwMutex<Rank::Dir>>::Nested{});
        SBX_TRY(dir.rmdir(last.name, victim, c));
        d->set_unlinked();
    }
    l.unlock();
    if (inotify_active()) notify_entry(dir, IN_DELETE | IN_ISDIR, last.name);
    return {};
}

}  // namespace sbx::vfs
