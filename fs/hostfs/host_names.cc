// HostInode's changes of directories: creation, links, removal, renaming.
#include <unistd.h>

#include "fs/hostfs/host_inode.h"

namespace sbx::hostfs {
namespace {
constexpr u32 kNoReplace = 1, kExchange = 2;
}

// Ids of a new file: what the host gave it; the host user's wish counts only where the host lets us change it.
Result<> HostInode::give_owner(int fd, const Statx& s, const vfs::NewNode& n) {
    if ((s.uid == n.uid && s.gid == n.gid) || !host_fs().gives_owners()) return {};
    (void)change_owner(fd, n.uid, n.gid);
    return {};
}

Result<Ref<vfs::Inode>> HostInode::created(Pin& dir, const std::string& name, const vfs::NewNode& n) {
    UniqueFd fd = SBX_TRY(open_node(dir.fd(), name.c_str()));
    Statx s = SBX_TRY(stat_fd(fd.get()));
    if ((s.mode & S_IFMT) != (n.mode & S_IFMT)) return err(ESTALE);
    SBX_TRY(give_owner(fd.get(), s, n));
    if (!S_ISLNK(n.mode) && (s.mode & 07777u) != (n.mode & 07777u)) (void)change_mode(fd.get(), n.mode & 07777);
    return Ref<Inode>(host_fs().inode_for(s, Ref<HostInode>(*this), name, std::move(fd)));
}

Result<Ref<vfs::Inode>> HostInode::make_node(std::string_view name, const vfs::NewNode& n, const vfs::Caller&) {
    SBX_TRY(writable_fs());
    if (hides(name)) return err(EACCES);
    Pin dir = SBX_TRY(pin());
    std::string text(name);
    switch (n.mode & S_IFMT) {
    case S_IFREG: {
        UniqueFd fd = SBX_TRY(open_below(dir.fd(), text.c_str(), O_RDWR | O_CREAT | O_EXCL, n.mode & 07777));
        Statx s = SBX_TRY(stat_fd(fd.get()));
        SBX_TRY(give_owner(fd.get(), s, n));
        if ((s.mode & 07777u) != (n.mode & 07777u)) (void)change_mode(fd.get(), n.mode & 07777);
        Ref<HostInode> i = host_fs().inode_for(s, Ref<HostInode>(*this), name, {});
        host_fs().keep_fresh(*i, std::move(fd));
        return Ref<Inode>(i);
    }
    case S_IFDIR: SBX_TRY(make_dir(dir.fd(), text.c_str(), n.mode & 07777)); return created(dir, text, n);
    case S_IFIFO:
    case S_IFSOCK: SBX_TRY(hostfs::make_node(dir.fd(), text.c_str(), n.mode, 0)); return created(dir, text, n);
    case S_IFCHR:
        // 0/0 is an overlay's whiteout, which Linux lets anyone make. Other device nodes are not made on the host.
        if (n.rdev != 0) return err(EPERM);
        SBX_TRY(hostfs::make_node(dir.fd(), text.c_str(), n.mode, 0));
        return created(dir, text, n);
    default: return err(EPERM);
    }
}

Result<Ref<vfs::Inode>> HostInode::symlink(std::string_view name, std::string_view target, const vfs::NewNode& n,
                                           const vfs::Caller&) {
    SBX_TRY(writable_fs());
    if (hides(name)) return err(EACCES);
    Pin dir = SBX_TRY(pin());
    std::string text(name);
    SBX_TRY(make_symlink(std::string(target).c_str(), dir.fd(), text.c_str()));
    vfs::NewNode link = n;
    link.mode = S_IFLNK | 0777;
    return created(dir, text, link);
}

Result<> HostInode::link(std::string_view name, Inode& target, const vfs::Caller&) {
    SBX_TRY(writable_fs());
    if (&target.fs() != &fs()) return err(EXDEV);
    HostInode& t = static_cast<HostInode&>(target);
    if (t.is_dir()) return err(EPERM);
    if (hides(name)) return err(EACCES);
    Pin dir = SBX_TRY(pin());
    Pin node = SBX_TRY(t.pin());
    Ref<HostInode> old_dir;
    std::string old_name, text(name);
    {
        Lock l(t.mu_);
        old_dir = t.parent_;
        old_name = t.name_;
    }
    if (old_dir) {
        Pin old = SBX_TRY(old_dir->pin());
        SBX_TRY(make_link(node.fd(), old.fd(), old_name.c_str(), dir.fd(), text.c_str()));
    } else {
        SBX_TRY(make_link(node.fd(), -1, "", dir.fd(), text.c_str()));
    }
    auto s = stat_name(dir.fd(), text.c_str());
    if (!s || !(HostId::of(*s) == t.id_)) {
        // Linked by name, and the name had become another file's.
        if (s) (void)remove_name(dir.fd(), text.c_str(), false);
        return err(ENOENT);
    }
    if (!old_dir) t.set_name(Ref<HostInode>(*this), name);
    return {};
}

// The node was known by a name that is gone: what is open now stays its only way.
void HostInode::forget_name(const HostInode& dir, std::string_view name) {
    Ref<HostInode> old;
    Lock l(mu_);
    if (parent_.get() != &dir || name_ != name) return;
    std::swap(old, parent_);
    name_.clear();
    name_seen_ = 0;
    l.unlock();
}

Result<> HostInode::remove(std::string_view name, HostInode& victim, bool directory) {
    SBX_TRY(writable_fs());
    Pin dir = SBX_TRY(pin());
    Pin node = SBX_TRY(victim.pin());
    SBX_TRY(remove_name(dir.fd(), std::string(name).c_str(), directory));
    node.leave();
    victim.forget_name(*this, name);
    return {};
}

Result<> HostInode::unlink(std::string_view name, Inode& victim, const vfs::Caller&) {
    return remove(name, static_cast<HostInode&>(victim), false);
}

Result<> HostInode::rmdir(std::string_view name, Inode& victim, const vfs::Caller&) {
    return remove(name, static_cast<HostInode&>(victim), true);
}

Result<> HostInode::rename(std::string_view name, Inode& what, Inode& new_dir, std::string_view new_name, Inode* victim,
                           u32 flags, const vfs::Caller&) {
    SBX_TRY(writable_fs());
    HostInode& w = static_cast<HostInode&>(what);
    HostInode& to = static_cast<HostInode&>(new_dir);
    HostInode* v = static_cast<HostInode*>(victim);
    if (hides(name) || to.hides(new_name))
        return err(EACCES);  // the host has, or would then have, a file that is not there
    if (&w == v && !(flags & (kExchange | kNoReplace)))
        return {};  // two links to one file: nothing happens (rename(2))
    Pin old_pin = SBX_TRY(pin());
    Pin new_pin = SBX_TRY(to.pin());
    Pin node = SBX_TRY(w.pin());
    std::string from(name), into(new_name);
    if (v) {
        Pin vpin = SBX_TRY(v->pin());
        SBX_TRY(rename_name(old_pin.fd(), from.c_str(), new_pin.fd(), into.c_str(), flags));
        if (flags & kExchange) {
            v->set_name(Ref<HostInode>(*this), name);
        } else {
            vpin.leave();
            v->forget_name(to, new_name);
        }
    } else {
        SBX_TRY(rename_name(old_pin.fd(), from.c_str(), new_pin.fd(), into.c_str(), flags));
    }
    w.set_name(Ref<HostInode>(to), new_name);
    return {};
}

Result<Ref<vfs::Inode>> HostInode::tmpfile(const vfs::NewNode& n, const vfs::Caller&) {
    SBX_TRY(writable_fs());
    Pin dir = SBX_TRY(pin());
    UniqueFd fd = SBX_TRY(open_unnamed(dir.fd(), O_RDWR, n.mode & 07777));
    Statx s = SBX_TRY(stat_fd(fd.get()));
    SBX_TRY(give_owner(fd.get(), s, n));
    if ((s.mode & 07777u) != (n.mode & 07777u)) (void)change_mode(fd.get(), n.mode & 07777);
    Ref<HostInode> i = host_fs().inode_for(s, {}, "", {});
    i->keep_open(std::move(fd));
    return Ref<Inode>(i);
}

}  // namespace sbx::hostfs
