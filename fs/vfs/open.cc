// open(2), openat2(2): finding, creating and opening files (fs/namei.c: path_openat; fs/open.c: do_dentry_open).
#include <fcntl.h>
#include <sys/mount.h>

#include "fs/vfs/file_system.h"
#include "fs/vfs/inotify_marks.h"
#include "fs/vfs/landlock.h"
#include "fs/vfs/locks.h"
#include "fs/vfs/mount.h"
#include "fs/vfs/name_change.h"
#include "fs/vfs/open_file.h"
#include "fs/vfs/operations.h"
#include "fs/vfs/walker.h"

namespace sbx::vfs {
namespace {

constexpr int kTmpfileBit = O_TMPFILE & ~O_DIRECTORY;

u32 wanted_access(int flags) {
    static constexpr u32 kByMode[4] = {kMayRead, kMayWrite, kMayRead | kMayWrite, kMayRead | kMayWrite};
    u32 may = kByMode[flags & O_ACCMODE];
    if (flags & O_TRUNC) may |= kMayWrite;
    return may;
}

// may_open()
Result<> check_open(const Caller& c, const Path& p, int flags, u32 may) {
    Inode& inode = *p.dentry->inode();
    switch (inode.type()) {
    case S_IFLNK: return err(ELOOP);
    case S_IFDIR:
        if (may & kMayWrite) return err(EISDIR);
        break;
    case S_IFCHR:
    case S_IFBLK:
        if (p.mount->flags() & MS_NODEV) return err(EACCES);
        break;
    default: break;
    }
    if (may != 0) SBX_TRY(check_permission(c, p, may));
    if (flags & O_NOATIME) {
        Attr a = SBX_TRY(inode.attr());
        if (!owner_or_capable(c, a)) return err(EPERM);
    }
    return {};
}

// Opens an inode whose permissions were checked. `created`: O_TRUNC has nothing to do.
Result<Ref<OpenFile>> open_checked(const Caller& c, const Path& p, int flags, bool created) {
    Inode& inode = *p.dentry->inode();
    bool regular = inode.is_regular();
    bool truncate = (flags & O_TRUNC) && regular && !created;
    bool writes = (flags & O_ACCMODE) != O_RDONLY;
    Inode& real = inode.real();
    bool truncates = SBX_TRY(landlock::check_open(c, p, truncate ? flags : flags & ~O_TRUNC));
    if (regular && (writes || truncate)) SBX_TRY(real.get_write_access());
    // The file was counted, or is not opened: a lease that is given now sees it (Leases::set).
    Result<Ref<OpenFile>> f = inode.open(OpenArgs{p, flags, c});
    if (f && regular && !writes) (*f)->count_reader();
    if (FileLocks* locks = regular ? real.existing_locks() : nullptr; f && locks)
        if (Result<> room = locks->leases.make_room(writes || truncate, flags & O_NONBLOCK); !room)
            f = err(room.error());
    if (f && truncate) {
        Result<> t = inode.truncate(0, c);
        if (!t) f = err(t.error());
        if (t && inotify_active()) notify_file(*p.dentry, IN_MODIFY);
    }
    if (!f || (regular && !writes && truncate)) {
        if (regular && (writes || truncate)) real.put_write_access();
        if (!f) return f;
    } else if (regular && writes) {
        (*f)->hold_write_access();
    }
    if (!truncates) (*f)->deny_truncation();
    if (!(*f)->creds()) (*f)->set_creds(CredsRef(c.creds));
    (*f)->watch_events();
    if (inotify_active()) notify_file(*p.dentry, IN_OPEN);
    return f;
}

// The last steps for a file that was there (do_open()).
Result<Ref<OpenFile>> open_existing(const Caller& c, const Path& p, int flags) {
    Inode& inode = *p.dentry->inode();
    if ((flags & O_DIRECTORY) && !inode.is_dir()) return err(ENOTDIR);
    // O_TRUNC means nothing to what is not a regular file, but asks for the right to write all the same.
    SBX_TRY(check_open(c, p, flags, wanted_access(flags)));
    return open_checked(c, p, flags, false);
}

Result<Ref<OpenFile>> open_tmpfile(const Caller& c, const Path& dir, const OpenHow& how) {
    Inode& inode = *dir.dentry->inode();
    if (!inode.is_dir()) return err(ENOTDIR);
    if (dir.mount->read_only()) return err(EROFS);
    SBX_TRY(check_permission(c, dir, kMayWrite | kMayExec));
    if (dir.dentry->unlinked()) return err(ENOENT);
    InheritedAcls acls;
    NewNode n = SBX_TRY(new_node(c, dir, S_IFREG | (how.mode & 07777), 0, &acls));
    Ref<Inode> file = SBX_TRY(inode.tmpfile(n, c));
    SBX_TRY(set_acls(*file, acls, c));
    if (!(how.flags & O_EXCL)) file->linkable_tmpfile.store(true);
    std::string name = "#" + std::to_string(file->ino());
    Path p{dir.mount, Dentry::create_detached(dir.dentry, std::move(name), std::move(file))};
    Ref<OpenFile> f = SBX_TRY(open_checked(c, p, how.flags & ~(O_TMPFILE | O_EXCL | O_TRUNC | O_CREAT), true));
    f->made_as_tmpfile(O_TMPFILE);
    return f;
}

// O_CREAT. Returns the open file, or a symlink in *link that is to be followed.
Result<Ref<OpenFile>> open_or_create(const Caller& c, Walker& w, const OpenHow& how, Path* link) {
    bool exclusive = how.flags & O_EXCL;
    if (w.kind() == LastComponent::Kind::DotDot) SBX_TRY(w.up());
    if (w.kind() != LastComponent::Kind::Normal) {
        // A magic link may lead to a file; "/" and dots lead to directories.
        if (exclusive) return err(EEXIST);
        if (w.at().dentry->inode()->is_dir() || w.trailing_slash()) return err(EISDIR);
        return open_existing(c, w.at(), how.flags);
    }
    if (w.trailing_slash()) return err(EISDIR);
    Path p = SBX_TRY(w.step(w.last()));
    if (p.dentry->negative()) {
        const Path dir = w.at();
        Inode& parent = *dir.dentry->inode();
        Ref<Dentry> d;
        bool created = false;
        {
            Lock l(parent.dir_mu());
            d = SBX_TRY(Dentry::lookup_child_locked(dir.dentry, w.last()));
            if (d->negative()) {
                if (dir.mount->read_only()) return err(EROFS);
                SBX_TRY(landlock::check(c, dir, landlock::kMakeReg));
                SBX_TRY(may_create(c, dir));
                SBX_TRY(make_at(c, dir, *d, S_IFREG | (how.mode & 07777), 0));
                created = true;
            }
        }
        p = Path{dir.mount, std::move(d)};
        // The new file's mode does not bind the one who made it (FMODE_CREATED).
        if (created) return open_checked(c, p, how.flags & ~O_TRUNC, true);
    }
    if (exclusive) return err(EEXIST);
    Inode& inode = *p.dentry->inode();
    if (inode.is_symlink()) {
        if (how.flags & O_NOFOLLOW) return err(ELOOP);
        *link = std::move(p);
        return Ref<OpenFile>();
    }
    if (inode.is_dir()) return err(EISDIR);
    return open_existing(c, p, how.flags);
}

}  // namespace

Result<Ref<OpenFile>> open(const Caller& c, const Path& start, std::string_view path, const OpenHow& asked) {
    OpenHow how = asked;
    if (how.flags & O_PATH) how.flags &= O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    bool tmpfile = how.flags & kTmpfileBit;
    if (tmpfile) {
        // build_open_flags(): with O_DIRECTORY, so that old kernels fail, and open for writing.
        if ((how.flags & O_TMPFILE) != O_TMPFILE || (how.flags & O_CREAT) || (how.flags & O_ACCMODE) == O_RDONLY)
            return err(EINVAL);
    } else if ((how.flags & (O_CREAT | O_DIRECTORY)) == (O_CREAT | O_DIRECTORY)) {
        return err(EINVAL);
    }
    WalkFlags wf;
    wf.follow = !(how.flags & O_NOFOLLOW);
    wf.directory = how.flags & O_DIRECTORY;
    wf.resolve = how.resolve;
    if (!(how.flags & O_CREAT)) {
        if ((how.flags & O_PATH) || tmpfile) {
            Path p = SBX_TRY(walk(c, start, path, wf));
            return tmpfile ? open_tmpfile(c, p, how) : open_path_only(p, how.flags);
        }
        Path p = SBX_TRY(walk(c, start, path, wf));
        return open_existing(c, p, how.flags);
    }
    Walker w(c, how.resolve);
    SBX_TRY(w.start(start, path));
    for (;;) {
        SBX_TRY(w.to_last());
        Path link;
        Ref<OpenFile> f = SBX_TRY(open_or_create(c, w, how, &link));
        if (f) return f;
        SBX_TRY(w.follow_last(link));
    }
}

Result<Ref<OpenFile>> open_path(const Caller& c, const Path& p, int flags) {
    if (flags & O_PATH) return open_path_only(p, flags);
    return open_existing(c, p, flags & ~(O_CREAT | O_EXCL));
}

}  // namespace sbx::vfs
