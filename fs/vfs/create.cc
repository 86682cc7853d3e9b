// Operations that make names: mkdir, mknod, symlink, link (fs/namei.c: filename_create and the vfs_* behind it).
#include <linux/capability.h>

#include "fs/vfs/file_system.h"
#include "fs/vfs/fs_context.h"
#include "fs/vfs/inotify_marks.h"
#include "fs/vfs/landlock.h"
#include "fs/vfs/mount.h"
#include "fs/vfs/name_change.h"
#include "fs/vfs/operations.h"
#include "fs/vfs/permission.h"

namespace sbx::vfs {

Result<> may_create(const Caller& c, const Path& dir) {
    if (dir.dentry->unlinked() || !dir.dentry->inode()->fs().has_negative_names()) return err(ENOENT);
    return check_permission(c, dir, kMayWrite | kMayExec);
}

NewNode new_node_masked(const Caller& c, const Attr& dir, u32 mode, dev_t rdev) {
    NewNode n;
    n.mode = mode;
    n.uid = c.creds->fsuid;
    n.gid = c.creds->fsgid;
    n.rdev = rdev;
    if (dir.mode & S_ISGID) {
        n.gid = dir.gid;
        if ((mode & S_IFMT) == S_IFDIR)
            n.mode |= S_ISGID;
        else if ((mode & (S_ISGID | S_IXGRP)) == (S_ISGID | S_IXGRP) && !c.creds->in_group(dir.gid) &&
                 !capable_over(c, dir, CAP_FSETID))
            n.mode &= ~static_cast<u32>(S_ISGID);
    }
    return n;
}

Result<NewNode> new_node(const Caller& c, const Path& dir, u32 mode, dev_t rdev, InheritedAcls* acls) {
    Inode& parent = *dir.dentry->inode();
    Attr a = SBX_TRY(parent.attr());
    // The host sees to the ACLs of its own files.
    Result<std::string> def = err(ENODATA);
    if (parent.fs().type_name() != "hostfs") def = parent.get_xattr(kDefaultAcl, c);
    Acl acl = SBX_TRY(parse_acl(def ? *def : std::string()));
    if (acl.empty()) {
        u32 mask = c.fs ? c.fs->umask() : 0;
        return new_node_masked(c, a, mode & ~mask, rdev);
    }
    // posix_acl_create()
    SBX_TRY(check_acl(acl));
    acl_create(acl, &mode);
    u32 bits = mode;
    if (!acl_is_mode(acl, &bits)) acls->access = format_acl(acl);
    if ((mode & S_IFMT) == S_IFDIR) acls->def = *def;
    return new_node_masked(c, a, mode, rdev);
}

Result<> set_acls(Inode& made, const InheritedAcls& acls, const Caller& c) {
    if (!acls.access.empty()) SBX_TRY(made.set_xattr(kAccessAcl, acls.access, 0, c));
    if (!acls.def.empty()) SBX_TRY(made.set_xattr(kDefaultAcl, acls.def, 0, c));
    return {};
}

Result<> make_at(const Caller& c, const Path& dir, Dentry& d, u32 mode, dev_t rdev) {
    InheritedAcls acls;
    NewNode n = SBX_TRY(new_node(c, dir, mode, rdev, &acls));
    Inode& parent = *dir.dentry->inode();
    std::string name = d.name();
    Ref<Inode> made = SBX_TRY(parent.make_node(name, n, c));
    SBX_TRY(set_acls(*made, acls, c));
    d.set_inode(std::move(made));
    if (inotify_active()) notify_entry(parent, IN_CREATE | ((mode & S_IFMT) == S_IFDIR ? IN_ISDIR : 0), name);
    return {};
}

namespace {

// The place of a new name: its directory, locked, and a negative dentry for it.
struct NewName {
    Path dir;
    Ref<Dentry> dentry;
};

// filename_create(): runs make(NewName) with the directory locked. `is_dir`: a trailing slash is allowed.
// `right`: Landlock's for it, or 0.
template <class F>
Result<> with_new_name(const Caller& c, const Path& start, std::string_view path, bool is_dir, u32 right, F&& make) {
    LastComponent last = SBX_TRY(walk_parent(c, start, path));
    if (last.kind != LastComponent::Kind::Normal) return err(EEXIST);
    Inode* dir = last.parent.dentry->inode();
    Lock l(dir->dir_mu());
    Ref<Dentry> d = SBX_TRY(Dentry::lookup_child_locked(last.parent.dentry, last.name));
    if (!d->negative()) return err(EEXIST);
    if (last.trailing_slash && !is_dir) return err(ENOENT);
    if (last.parent.mount->read_only()) return err(EROFS);
    if (right != 0) SBX_TRY(landlock::check(c, last.parent, right));
    SBX_TRY(may_create(c, last.parent));
    return make(NewName{last.parent, d});
}

Result<> check_device_rights(const Caller& c, u32 mode, dev_t dev) {
    u32 type = mode & S_IFMT;
    // vfs_mknod(): overlay whiteouts (character device 0:0) need no capability.
    bool whiteout = type == S_IFCHR && dev == 0;
    if ((type == S_IFCHR || type == S_IFBLK) && !whiteout) {
        const UserNamespace* ns = c.creds->user_ns.get();
        while (ns->parent()) ns = ns->parent();
        if (!c.creds->capable(CAP_MKNOD, *ns)) return err(EPERM);
    }
    return {};
}

}  // namespace

Result<> mkdir(const Caller& c, const Path& start, std::string_view path, u32 mode) {
    // mkdir(2) keeps the permission bits and the sticky bit.
    return with_new_name(c, start, path, true, landlock::kMakeDir,
                         [&](const NewName& n) { return make_at(c, n.dir, *n.dentry, S_IFDIR | (mode & 01777), 0); });
}

Result<> mknod(const Caller& c, const Path& start, std::string_view path, u32 mode, dev_t dev) {
    switch (mode & S_IFMT) {
    case 0: mode |= S_IFREG; break;
    case S_IFREG:
    case S_IFCHR:
    case S_IFBLK:
    case S_IFIFO:
    case S_IFSOCK: break;
    case S_IFDIR: return err(EPERM);
    default: return err(EINVAL);
    }
    return with_new_name(c, start, path, false, landlock::right_to_make(mode), [&](const NewName& n) -> Result<> {
        SBX_TRY(check_device_rights(c, mode, dev));
        return make_at(c, n.dir, *n.dentry, mode & (S_IFMT | 07777), dev);
    });
}

Result<Path> make_node(const Caller& c, const Path& start, std::string_view path, u32 mode, dev_t dev) {
    Path made;
    SBX_TRY(with_new_name(c, start, path, false, landlock::right_to_make(mode), [&](const NewName& n) -> Result<> {
        SBX_TRY(make_at(c, n.dir, *n.dentry, mode, dev));
        made = Path{n.dir.mount, n.dentry};
        return {};
    }));
    return made;
}

Result<> symlink(const Caller& c, std::string_view target, const Path& start, std::string_view path) {
    if (target.empty()) return err(ENOENT);
    if (target.size() >= kPathMax) return err(ENAMETOOLONG);
    return with_new_name(c, start, path, false, landlock::kMakeSym, [&](const NewName& n) -> Result<> {
        Inode& dir = *n.dir.dentry->inode();
        Attr a = SBX_TRY(dir.attr());
        NewNode node = new_node_masked(c, a, S_IFLNK | 0777, 0);
        std::string name = n.dentry->name();
        n.dentry->set_inode(SBX_TRY(dir.symlink(name, target, node, c)));
        if (inotify_active()) notify_entry(dir, IN_CREATE, name);
        return {};
    });
}

Result<> link(const Caller& c, const Path& target, const Path& start, std::string_view path) {
    Ref<Inode> inode = target.dentry->inode_ref();
    return with_new_name(c, start, path, false, 0, [&](const NewName& n) -> Result<> {
        if (n.dir.mount != target.mount) return err(EXDEV);
        Inode& dir = *n.dir.dentry->inode();
        if (&dir.fs() != &inode->fs()) return err(EXDEV);
        Path from{target.mount, target.dentry->parent()};
        if (from.dentry) SBX_TRY(landlock::check_refer(c, from, *target.dentry, n.dir, *n.dentry, false, false));
        if (inode->is_dir()) return err(EPERM);
        Attr a = SBX_TRY(inode->attr());
        if (a.nlink == 0 && !inode->linkable_tmpfile.load()) return err(ENOENT);
        std::string name = n.dentry->name();
        SBX_TRY(dir.link(name, *inode, c));
        inode->linkable_tmpfile.store(false);
        n.dentry->set_inode(inode);
        if (inotify_active()) {
            notify_inode(*inode, IN_ATTRIB);
            notify_entry(dir, IN_CREATE, name);
        }
        return {};
    });
}

}  // namespace sbx::vfs
