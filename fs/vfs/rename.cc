// rename, renameat2 (fs/namei.c: do_renameat2, vfs_rename).
#include <linux/capability.h>

#include "fs/vfs/file_system.h"
#include "fs/vfs/inotify_marks.h"
#include "fs/vfs/landlock.h"
#include "fs/vfs/mount.h"
#include "fs/vfs/name_change.h"
#include "fs/vfs/operations.h"
#include "fs/vfs/permission.h"

#ifndef RENAME_NOREPLACE
#define RENAME_NOREPLACE 1
#define RENAME_EXCHANGE 2
#define RENAME_WHITEOUT 4
#endif

namespace sbx::vfs {
namespace {

// Both directories, locked; an ancestor before its descendant, else by address (lock_rename()). A directory that is to be replaced is
// locked after them.
class RenameLock {
public:
    RenameLock(const Ref<Dentry>& a, const Ref<Dentry>& b) SBX_NO_TSA {
        Inode* first = a->inode();
        Inode* second = b->inode();
        if (first == second) {
            first->dir_mu().lock();
            dirs_[0] = first;
            return;
        }
        fs_ = &first->fs();
        fs_->rename_mu.lock();
        if (b->contains(*a) || (!a->contains(*b) && second < first)) std::swap(first, second);
        first->dir_mu().lock();
        second->dir_mu().lock_nested();
        dirs_[0] = first;
        dirs_[1] = second;
    }
    void add_victim(Inode& victim) SBX_NO_TSA {
        victim.dir_mu().lock_nested();
        dirs_[2] = &victim;
    }
    ~RenameLock() SBX_NO_TSA {
        for (int i = 2; i >= 0; i--)
            if (dirs_[i]) dirs_[i]->dir_mu().unlock();
        if (fs_) fs_->rename_mu.unlock();
    }
    RenameLock(const RenameLock&) = delete;
    RenameLock& operator=(const RenameLock&) = delete;

private:
    FileSystem* fs_ = nullptr;
    Inode* dirs_[3] = {};
};

struct Sides {
    LastComponent from, to;
    Ref<Dentry> old_dentry, new_dentry;
};

// The checks between the look-ups and vfs_rename().
Result<> check_names(const Sides& s, u32 flags) {
    const Dentry& from = *s.old_dentry;
    const Dentry& to = *s.new_dentry;
    if (from.negative()) return err(ENOENT);
    if ((flags & RENAME_NOREPLACE) && !to.negative()) return err(EEXIST);
    if (flags & RENAME_EXCHANGE) {
        if (to.negative()) return err(ENOENT);
        if (!to.inode()->is_dir() && s.to.trailing_slash) return err(ENOTDIR);
    }
    if (!from.inode()->is_dir() && (s.from.trailing_slash || (!(flags & RENAME_EXCHANGE) && s.to.trailing_slash)))
        return err(ENOTDIR);
    // Not into itself, and not over an ancestor.
    if (from.contains(*s.to.parent.dentry)) return err(EINVAL);
    if (!to.negative() && to.contains(*s.from.parent.dentry)) return err(flags & RENAME_EXCHANGE ? EINVAL : ENOTEMPTY);
    return {};
}

Result<> check_rights(const Caller& c, const Sides& s, u32 flags) {
    Inode& what = *s.old_dentry->inode();
    Inode* victim = s.new_dentry->inode();
    bool is_dir = what.is_dir();
    SBX_TRY(may_delete(c, s.from.parent, *s.old_dentry, is_dir));
    bool new_is_dir = victim && victim->is_dir();
    if (!victim)
        SBX_TRY(may_create(c, s.to.parent));
    else
        SBX_TRY(may_delete(c, s.to.parent, *s.new_dentry, flags & RENAME_EXCHANGE ? new_is_dir : is_dir));
    // A directory that changes its parent has its `..` rewritten.
    if (s.from.parent.dentry != s.to.parent.dentry) {
        if (is_dir) SBX_TRY(check_permission(c, Path{s.from.parent.mount, s.old_dentry}, kMayWrite));
        if ((flags & RENAME_EXCHANGE) && new_is_dir)
            SBX_TRY(check_permission(c, Path{s.to.parent.mount, s.new_dentry}, kMayWrite));
    }
    if (s.old_dentry->maybe_mountpoint() || s.new_dentry->maybe_mountpoint()) return err(EBUSY);
    return {};
}

}  // namespace

Result<> check_rename_flags(u32 flags) {
    if (flags & ~static_cast<u32>(RENAME_NOREPLACE | RENAME_EXCHANGE | RENAME_WHITEOUT)) return err(EINVAL);
    if ((flags & (RENAME_NOREPLACE | RENAME_WHITEOUT)) && (flags & RENAME_EXCHANGE)) return err(EINVAL);
    return {};
}

Result<> rename(const Caller& c, const Path& old_start, std::string_view old_path, const Path& new_start,
                std::string_view new_path, u32 flags) {
    SBX_TRY(check_rename_flags(flags));
    Sides s;
    s.from = SBX_TRY(walk_parent(c, old_start, old_path));
    s.to = SBX_TRY(walk_parent(c, new_start, new_path));
    if (s.from.parent.mount != s.to.parent.mount) return err(EXDEV);
    if (s.from.kind != LastComponent::Kind::Normal) return err(EBUSY);
    if (s.to.kind != LastComponent::Kind::Normal) return err(flags & RENAME_NOREPLACE ? EEXIST : EBUSY);
    if (s.from.parent.mount->read_only()) return err(EROFS);
    Inode& old_dir = *s.from.parent.dentry->inode();
    Inode& new_dir = *s.to.parent.dentry->inode();
    if (&old_dir.fs() != &new_dir.fs()) return err(EXDEV);
    {
        RenameLock lock(s.from.parent.dentry, s.to.parent.dentry);
        s.old_dentry = SBX_TRY(Dentry::lookup_child_locked(s.from.parent.dentry, s.from.name));
        s.new_dentry = SBX_TRY(Dentry::lookup_child_locked(s.to.parent.dentry, s.to.name));
        SBX_TRY(check_names(s, flags));
        SBX_TRY(landlock::check_refer(c, s.from.parent, *s.old_dentry, s.to.parent, *s.new_dentry, true,
                                      flags & RENAME_EXCHANGE));
        if (s.old_dentry->inode() == s.new_dentry->inode()) return {};
        SBX_TRY(check_rights(c, s, flags));
        Inode& what = *s.old_dentry->inode();
        Inode* victim = s.new_dentry->inode();
        if (victim && victim->is_dir() && !(flags & RENAME_EXCHANGE)) lock.add_victim(*victim);
        SBX_TRY(old_dir.rename(s.from.name, what, new_dir, s.to.name, victim, flags, c));
        if (flags & RENAME_EXCHANGE)
            Dentry::exchanged(*s.old_dentry, *s.new_dentry);
        else
            Dentry::moved(*s.old_dentry, s.to.parent.dentry, s.to.name, s.new_dentry.get());
    }
    if (inotify_active()) {
        notify_rename(old_dir, s.from.name, new_dir, s.to.name, *s.old_dentry->inode());
        if (Inode* other = s.new_dentry->inode()) {
            if (flags & RENAME_EXCHANGE)
                notify_rename(new_dir, s.to.name, old_dir, s.from.name, *other);
            else
                notify_inode(*other, IN_ATTRIB);
        }
    }
    return {};
}

}  // namespace sbx::vfs
