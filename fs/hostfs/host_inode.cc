// HostInode: descriptors, attributes, lookup and opening. Changes of names are in host_names.cc, extended attributes in host_xattr.cc.
#include "fs/hostfs/host_inode.h"

#include <sys/sysmacros.h>
#include <unistd.h>

#include "fs/hostfs/host_mapping.h"
#include "fs/hostfs/host_open.h"
#include "fs/vfs/posix_acl.h"
#include "fs/vfs/walk.h"
#include "src/base/panic.h"
#include "src/base/archive.h"

namespace sbx::hostfs {
namespace {
constexpr size_t kDeepest = 1 << 20;  // more directories than that are a circle

// Changes every few milliseconds; never 0.
u64 tick() {
    timespec t{};
    clock_gettime(CLOCK_MONOTONIC_COARSE, &t);
    return static_cast<u64>(to_nanos(t)) + 1;
}

// What this thread's path walk has just seen of a file: stat(2) and the like need not ask the host again. For one use, within a tick, and
// only of files that nobody inside can write.
struct Seen {
    const HostInode* inode = nullptr;
    u64 tick = 0;
    Statx stat{};
};
thread_local Seen seen;

void note_seen(const HostInode& i, const Statx& s) {
    if (i.host_fs().refuses_writes()) seen = Seen{&i, tick(), s};
}

bool take_seen(const HostInode& i, Statx& s) {
    if (seen.inode != &i) return false;
    seen.inode = nullptr;
    if (seen.tick != tick() || !(HostId::of(seen.stat) == i.id())) return false;
    s = seen.stat;
    return true;
}
}  // namespace

HostFile::HostFile(HostInode& inode, UniqueFd fd, bool readable, bool writable)
    : inode_(inode), fd_(std::move(fd)), readable_(readable), writable_(writable) {
    FdBudget::get().hold(1);
}

SBX_SAVABLE(HostFile);
SBX_SAVABLE(HostInode);

void HostFile::state_loaded(state::Loader& ar) {
    fd_ = inode_->open_again(!writable_ ? O_RDONLY : readable_ ? O_RDWR : O_WRONLY, ar);
}

bool HostInode::is_root() const { return host_fs().root() == this; }

template <class H>
HostInode* HostInode::state_make(state::Loader& ar, H& head) {
    auto& [fs, ino, id, root] = head;
    HostFs& host = fs;
    if (!root) return host.loaded_inode(ino, id);
    auto* r = static_cast<HostInode*>(host.root().release());
    if (!(r->id() == id)) ar.fail("a directory of the host is another one than when the sandbox was saved");
    return r;
}

UniqueFd HostInode::open_again(int flags, state::Loader& ar) {
    auto fd = open_real(flags);
    if (fd) return std::move(*fd);
    Lock l(mu_);
    ar.fail("the host file " + name_ + " cannot be opened again: " + errno_text(fd.error().value));
    return {};
}

HostFile::~HostFile() { FdBudget::get().hold(-1); }

void HostFile::on_last_unref() {
    {
        Lock l(inode_->mu_);
        if (inode_->reader_ == this) inode_->reader_ = nullptr;
        if (inode_->writer_ == this) inode_->writer_ = nullptr;
    }
    delete this;
}

void HostInode::on_last_unref() {
    // Guests make paths of any depth: the chain of parents is let go in a loop, not by recursion.
    thread_local HostInode* dying = nullptr;
    thread_local bool in_loop = false;
    if (in_loop) {
        // Called from the loop below, for the parent of an inode just deleted.
        dying = this;
        return;
    }
    HostInode* i = this;
    while (i) {
        i->host_fs().gone(*i);
        Ref<HostInode> parent;
        {
            Lock l(i->mu_);
            std::swap(parent, i->parent_);
        }
        delete i;
        in_loop = true;
        parent.reset();
        in_loop = false;
        i = std::exchange(dying, nullptr);
    }
}

void HostInode::set_name(Ref<HostInode> parent, std::string_view name) {
    {
        Lock l(mu_);
        if (parent_ == parent) {
            if (name_ != name) {
                name_ = name;
                name_seen_ = 0;
            }
            return;
        }
    }
    if (is_dir()) {
        // The host may show a directory inside itself (bind mounts); our tree has no circles.
        Ref<HostInode> up = parent;
        while (up) {
            if (up == this) return;
            Ref<HostInode> next;
            {
                Lock l(up->mu_);
                next = up->parent_;
            }
            up = std::move(next);
        }
    }
    Lock l(mu_);
    std::swap(parent_, parent);
    name_ = name;
    name_seen_ = 0;
    l.unlock();
}

void HostInode::offer(UniqueFd fd) {
    if (node_.pin() < 0) node_.install_pinned(std::move(fd));
    node_.unpin();
}

void HostInode::keep_open(UniqueFd fd) { node_.install_pinned(std::move(fd)); }

Result<HostInode::Pin> HostInode::pin() {
    if (int fd = node_.pin(); fd >= 0) return Pin(*this, fd);
    // Up to an ancestor whose descriptor is open, then down again.
    struct Step {
        Ref<HostInode> inode;
        std::string name;
    };
    std::vector<Step> path;
    Ref<HostInode> at(*this);
    int fd = -1;
    while (fd < 0) {
        Step s{at, {}};
        {
            Lock l(at->mu_);
            s.name = at->name_;
            at = at->parent_;
        }
        if (!at || path.size() > kDeepest) return err(ESTALE);
        path.push_back(std::move(s));
        fd = at->node_.pin();
    }
    Pin here(*at, fd);
    for (size_t i = path.size(); i-- > 0;) {
        HostInode& node = *path[i].inode;
        auto found = open_node(here.fd(), path[i].name.c_str());
        if (!found) return err(found.error() == ENFILE ? ENFILE : ESTALE);
        Statx s = SBX_TRY(stat_fd(found->get()));
        if (!(HostId::of(s) == node.id_)) return err(ESTALE);
        Pin next(node, node.node_.install_pinned(std::move(*found)));
        if (i == 0) return next;
        // `here` moves on to the next component.
        here.~Pin();
        new (&here) Pin(std::move(next));
    }
    return err(ESTALE);
}

vfs::Attr to_attr(const Statx& s, u64 ino) {
    auto time = [](const StatxTime& t) {
        timespec r{};
        r.tv_sec = t.sec;
        r.tv_nsec = t.nsec;
        return r;
    };
    vfs::Attr a;
    a.mode = s.mode;
    a.nlink = s.nlink;
    a.uid = s.uid;
    a.gid = s.gid;
    a.rdev = makedev(s.rdev_major, s.rdev_minor);
    a.ino = ino;
    a.size = s.size;
    a.blocks = s.blocks;
    a.blksize = s.blksize;
    a.atime = time(s.atime);
    a.mtime = time(s.mtime);
    a.ctime = time(s.ctime);
    a.btime = time(s.btime);
    a.has_btime = s.mask & 0x800;        // STATX_BTIME
    a.attributes = s.attributes & 0x74;  // STATX_ATTR_COMPRESSED, IMMUTABLE, APPEND, NODUMP
    return a;
}

Result<vfs::Attr> HostInode::attr() {
    Pin p = SBX_TRY(pin());
    Statx s;
    if (!take_seen(*this, s)) s = SBX_TRY(stat_fd(p.fd()));
    vfs::Attr a = to_attr(s, ino());
    if (OwnerHook hook = host_fs().owner_hook(); hook && (a.uid == kOverflowId || a.gid == kOverflowId))
        hook(p.fd(), &a.uid, &a.gid);
    return a;
}

// A walk passes the same directories again and again: their rights are asked for once a tick.
Result<> HostInode::permission(u32 may, const vfs::Caller& c) {
    if (!is_dir()) return check_rights(SBX_TRY(attr()), may, c);
    u64 now = tick();
    vfs::Attr a;
    {
        Lock l(mu_);
        if (rights_.tick == now) {
            a.mode = rights_.mode;
            a.uid = rights_.uid;
            a.gid = rights_.gid;
        }
    }
    if (a.mode == 0) {
        a = SBX_TRY(attr());
        Lock l(mu_);
        rights_ = Rights{now, a.mode, a.uid, a.gid};
    }
    return check_rights(a, may, c);
}

// The host file's ACL may grant what the mode does not say; what it denies the host denies itself, when the file is opened.
Result<> HostInode::check_rights(const vfs::Attr& a, u32 may, const vfs::Caller& c) {
    Result<> r = vfs::generic_permission(c, a, may);
    if (r || !(a.mode & 070) || c.creds->fsuid == a.uid) return r;
    auto acl = get_xattr(vfs::kAccessAcl, c);
    return acl ? vfs::acl_permission(c, a, *acl, may) : r;
}

Result<> HostInode::writable_fs() const {
    if (host_fs().refuses_writes()) return err(EROFS);
    return {};
}

Result<> HostInode::set_attr(const vfs::SetAttr& s, const vfs::Caller& c) {
    SBX_TRY(writable_fs());
    if (s.valid & vfs::SetAttr::kSize) SBX_TRY(truncate(s.size, c));
    {
        Lock l(mu_);
        rights_.tick = 0;
    }
    Pin p = SBX_TRY(pin());
    if (s.valid & (vfs::SetAttr::kUid | vfs::SetAttr::kGid)) {
        // The host drops set-id bits here by itself; the VFS asks for it again with kMode, which comes after.
        SBX_TRY(change_owner(p.fd(), (s.valid & vfs::SetAttr::kUid) ? s.uid : kInvalidId,
                             (s.valid & vfs::SetAttr::kGid) ? s.gid : kInvalidId));
    }
    if (s.valid & vfs::SetAttr::kMode) {
        if (is_symlink()) return err(EOPNOTSUPP);
        auto r = change_mode(p.fd(), s.mode & 07777);
        if (!r && r.error() == EOPNOTSUPP && (is_regular() || is_dir())) {
            UniqueFd fd = SBX_TRY(open_real(O_RDONLY));
            r = change_mode(fd.get(), s.mode & 07777);
        }
        SBX_TRY(r);
    }
    if (s.valid & (vfs::SetAttr::kAtime | vfs::SetAttr::kMtime | vfs::SetAttr::kAtimeNow | vfs::SetAttr::kMtimeNow)) {
        timespec t[2] = {s.atime, s.mtime};
        if (s.valid & vfs::SetAttr::kAtimeNow)
            t[0].tv_nsec = UTIME_NOW;
        else if (!(s.valid & vfs::SetAttr::kAtime))
            t[0].tv_nsec = UTIME_OMIT;
        if (s.valid & vfs::SetAttr::kMtimeNow)
            t[1].tv_nsec = UTIME_NOW;
        else if (!(s.valid & vfs::SetAttr::kMtime))
            t[1].tv_nsec = UTIME_OMIT;
        SBX_TRY(change_times(p.fd(), t));
    }
    return {};
}

Result<> HostInode::truncate(u64 size, const vfs::Caller& c) {
    SBX_TRY(writable_fs());
    if (is_dir()) return err(EISDIR);
    if (!is_regular()) return err(EINVAL);
    if (size > INT64_MAX) return err(EINVAL);
    if (size > c.file_size_limit) return err(EFBIG);
    Ref<HostFile> f = SBX_TRY(open_data(false, true));
    u64 before = SBX_TRY(stat_fd(f->fd()))
    .size;
    if (ftruncate(f->fd(), static_cast<off_t>(size)) != 0) return err(errno);
    if (size < before) invalidate_mappings(size);
    return {};
}

void HostInode::invalidate_mappings(u64 from) {
    Ref<HostMapping> m;
    {
        Lock l(mu_);
        if (mapping_ && mapping_->try_ref()) m = Ref<HostMapping>::adopt(mapping_);
    }
    if (m) m->invalidate(from);
}

bool HostInode::hides(std::string_view name) const {
    const Hidden* hidden = host_fs().hidden();
    if (!hidden || !hidden->may_hide(name)) return false;
    std::string path = "/" + std::string(name);
    Ref<HostInode> dir;
    for (const HostInode* at = this; at;) {
        Ref<HostInode> above;
        {
            Lock l(at->mu_);
            above = at->parent_;
            if (above) path = "/" + at->name_ + path;
        }
        dir = std::move(above);
        at = dir.get();
    }
    return hidden->hides(path);
}

Result<Ref<vfs::Inode>> HostInode::lookup(std::string_view name) {
    if (!is_dir()) return err(ENOTDIR);
    if (hides(name)) return err(ENOENT);
    Pin dir = SBX_TRY(pin());
    std::string n(name);
    UniqueFd fd = SBX_TRY(open_node(dir.fd(), n.c_str()));
    Statx s = SBX_TRY(stat_fd(fd.get()));
    Ref<HostInode> found = host_fs().inode_for(s, Ref<HostInode>(*this), name, std::move(fd));
    note_seen(*found, s);
    return Ref<Inode>(found);
}

bool HostInode::revalidate(std::string_view name, Inode* cached) {
    if (hides(name)) return !cached;
    if (host_fs().exclusive()) return true;
    HostInode* known = static_cast<HostInode*>(cached);
    u64 now = known && known->is_dir() ? tick() : 0;
    if (now != 0) {
        Lock l(known->mu_);
        if (known->name_seen_ == now && known->parent_.get() == this && known->name_ == name) return true;
    }
    auto dir = pin();
    if (!dir) return false;
    auto s = stat_name(dir->fd(), std::string(name).c_str());
    if (!known) return !s && s.error() == ENOENT;
    if (!s || !(HostId::of(*s) == known->id_)) return false;
    note_seen(*known, *s);
    // The name it was known by may be gone, and this one there.
    bool nameless;
    {
        Lock l(known->mu_);
        nameless = !known->parent_;
        if (known->parent_.get() == this && known->name_ == name) known->name_seen_ = now;
    }
    if (nameless && known != host_fs().root()) known->set_name(Ref<HostInode>(*this), name);
    return true;
}

Result<std::string> HostInode::read_link() {
    if (!is_symlink()) return err(EINVAL);
    Pin p = SBX_TRY(pin());
    return hostfs::read_link(p.fd());
}

Result<UniqueFd> HostInode::open_real(int flags) {
    if (is_dir()) {
        Pin p = SBX_TRY(pin());
        return open_dir(p.fd());
    }
    SBX_ASSERT(is_regular());
    {
        Pin p = SBX_TRY(pin());
        auto fd = reopen(p.fd(), flags);
        if (fd || !(fd.error() == EOPNOTSUPP)) return fd;
        // An unnamed file is kept open for I/O itself.
        int mode = fcntl(p.fd(), F_GETFL);
        if (mode >= 0 && !(mode & O_PATH)) {
            int copy = fcntl(p.fd(), F_DUPFD_CLOEXEC, 0);
            if (copy < 0) return err(errno == EMFILE ? ENFILE : errno);
            return UniqueFd(copy);
        }
    }
    // No /proc: by name, and it must be the same file.
    Ref<HostInode> parent;
    std::string name;
    {
        Lock l(mu_);
        parent = parent_;
        name = name_;
    }
    if (!parent) return err(ESTALE);
    Pin dir = SBX_TRY(parent->pin());
    Statx before = SBX_TRY(stat_name(dir.fd(), name.c_str()));
    if (!(HostId::of(before) == id_)) return err(ESTALE);
    UniqueFd fd = SBX_TRY(open_below(dir.fd(), name.c_str(), flags, 0));
    Statx s = SBX_TRY(stat_fd(fd.get()));
    if (!(HostId::of(s) == id_)) return err(ESTALE);
    return fd;
}

Ref<HostFile> HostInode::shared_file(bool read, bool write) {
    Lock l(mu_);
    // A reader does not share the writer's: the host file must not stay open for writing (ETXTBSY) longer than a guest writes.
    HostFile* f = write ? writer_ : reader_;
    if (!f || (read && !f->readable()) || !f->try_ref()) return {};
    return Ref<HostFile>::adopt(f);
}

Result<Ref<HostFile>> HostInode::open_data(bool read, bool write) {
    if (write) SBX_TRY(writable_fs());
    if (Ref<HostFile> f = shared_file(read, write)) return f;
    // What a creation left open serves whatever the new file's mode says.
    UniqueFd fd = host_fs().take_fresh(*this);
    bool readable = true;
    if (!fd && write) {
        auto r = open_real(O_RDWR);
        if (r) {
            fd = std::move(*r);
        } else if (!read && r.error() == EACCES) {
            readable = false;
            fd = SBX_TRY(open_real(O_WRONLY));
        } else {
            return err(r.error());
        }
    } else if (!write) {
        auto r = open_real(O_RDONLY);
        if (r)
            fd = std::move(*r);
        else if (!fd)
            return err(r.error());
    }
    Ref<HostFile> f = make_ref<HostFile>(*this, std::move(fd), readable, write);
    Lock l(mu_);
    HostFile*& slot = write ? writer_ : reader_;
    if (!slot || slot->readable() <= readable) slot = f.get();
    return f;
}

Result<Ref<HostMapping>> HostInode::mapping(HostFile& file) {
    {
        Lock l(mu_);
        if (mapping_ && mapping_->try_ref()) {
            Ref<HostMapping> m = Ref<HostMapping>::adopt(mapping_);
            l.unlock();
            SBX_TRY(m->add_file(file));
            return m;
        }
    }
    Ref<HostMapping> m = SBX_TRY(HostMapping::create(*this, file));
    Lock l(mu_);
    if (mapping_ && mapping_->try_ref()) {
        Ref<HostMapping> other = Ref<HostMapping>::adopt(mapping_);
        l.unlock();
        SBX_TRY(other->add_file(file));
        return other;
    }
    mapping_ = m.get();
    return m;
}

Result<Ref<vfs::OpenFile>> HostInode::open(const vfs::OpenArgs& a) {
    if (is_dir()) return open_host_directory(a, *this);
    if (is_regular()) return open_host_regular(a, *this);
    if (is_symlink()) return err(ELOOP);
    return Inode::open(a);
}

}  // namespace sbx::hostfs
