// Inodes of tmpfs: attributes, extended attributes, names.
#include "fs/tmpfs/inode.h"

#include <sys/xattr.h>

#include "fs/tmpfs/open_files.h"
#include "fs/vfs/posix_acl.h"
#include "fs/vfs/walk.h"

namespace sbx::tmpfs {
namespace {
constexpr size_t kMaxXattrBytes = 1 << 20;  // of one inode: memory that no quota counts
constexpr size_t kMaxXattrValue = 65536;    // XATTR_SIZE_MAX
constexpr u64 kEntrySize = 20;              // BOGO_DIRENT_SIZE
constexpr u32 kMaxLinks = 0x7fffffff;
constexpr u32 kSealExec = 0x20;  // F_SEAL_EXEC
constexpr u32 kRenameExchange = 2, kRenameWhiteout = 4;

bool older(const timespec& a, const timespec& b) {
    return a.tv_sec < b.tv_sec || (a.tv_sec == b.tv_sec && a.tv_nsec < b.tv_nsec);
}

TmpfsInode& as_tmpfs(vfs::Inode& i) { return static_cast<TmpfsInode&>(i); }
}  // namespace

TmpfsInode::TmpfsInode(TmpfsFs& fs, u64 ino, const vfs::NewNode& n)
    : Inode(fs, ino, n.mode & S_IFMT),
      mode_(n.mode & 07777),
      uid_(n.uid),
      gid_(n.gid),
      rdev_(n.rdev),
      nlink_(0),
      btime_(vfs::now()) {
    atime_ = mtime_ = ctime_ = btime_;
    if (is_regular()) data_ = fs.new_data();
    if (is_dir()) dir_ = std::make_unique<Directory>();
}

TmpfsInode::~TmpfsInode() { tmpfs().inode_gone(); }

// A tree that goes with its mount may be deeper than a thread's stack: its inodes go one by one, not by recursion.
void TmpfsInode::on_last_unref() {
    static thread_local List<TmpfsInode> pending;
    static thread_local bool draining = false;
    pending.push_back(*this);
    if (draining) return;
    draining = true;
    while (TmpfsInode* i = pending.pop_front()) delete i;
    draining = false;
}

Result<vfs::Attr> TmpfsInode::attr() {
    vfs::Attr a;
    a.ino = ino();
    a.rdev = rdev_;
    a.btime = btime_;
    a.has_btime = true;
    if (data_) {
        a.size = data_->size();
        a.blocks = data_->page_count() * (kPageSize / 512);
    } else if (dir_) {
        a.size = (2 + dir_->size()) * kEntrySize;
    } else {
        a.size = target_.size();
    }
    fill_meta(a);
    return a;
}

void TmpfsInode::fill_meta(vfs::Attr& a) const {
    Lock l(meta_mu_);
    a.mode = type() | mode_.load(std::memory_order_relaxed);
    a.nlink = nlink_;
    a.uid = uid_.load(std::memory_order_relaxed);
    a.gid = gid_.load(std::memory_order_relaxed);
    a.atime = atime_;
    a.mtime = mtime_;
    a.ctime = ctime_;
}

Result<> TmpfsInode::permission(u32 may, const vfs::Caller& c) {
    vfs::Attr a;
    a.mode = type() | mode_.load(std::memory_order_relaxed);
    a.uid = uid_.load(std::memory_order_relaxed);
    a.gid = gid_.load(std::memory_order_relaxed);
    if (!has_acl_.load(std::memory_order_acquire)) return vfs::generic_permission(c, a, may);
    std::string acl;
    {
        Lock l(meta_mu_);
        auto it = xattrs_.find(vfs::kAccessAcl);
        if (it != xattrs_.end()) acl = it->second;
    }
    return vfs::acl_permission(c, a, acl, may);
}

Result<> TmpfsInode::set_attr(const vfs::SetAttr& s, const vfs::Caller& c) {
    using S = vfs::SetAttr;
    if ((s.valid & S::kMode) && data_ && (data_->seals() & kSealExec) && ((mode() ^ s.mode) & 0111)) return err(EPERM);
    if (s.valid & S::kSize) SBX_TRY(truncate(s.size, c));
    timespec t = vfs::now();
    Lock l(meta_mu_);
    if (s.valid & S::kMode) {
        mode_.store(s.mode & 07777);
        if (auto it = xattrs_.find(vfs::kAccessAcl); it != xattrs_.end()) {
            vfs::Acl acl = SBX_TRY(vfs::parse_acl(it->second));
            vfs::acl_chmod(acl, s.mode);
            it->second = vfs::format_acl(acl);
        }
    }
    if (s.valid & S::kUid) uid_.store(s.uid);
    if (s.valid & S::kGid) gid_.store(s.gid);
    if (s.valid & S::kAtime) atime_ = s.valid & S::kAtimeNow ? t : s.atime;
    if (s.valid & S::kMtime) mtime_ = s.valid & S::kMtimeNow ? t : s.mtime;
    ctime_ = t;
    return {};
}

Result<> TmpfsInode::truncate(u64 size, const vfs::Caller&) {
    if (!data_) return err(EINVAL);
    SBX_TRY(data_->resize(size));
    touch_modified();
    return {};
}

bool TmpfsInode::has_privileges() const {
    return (mode() & (S_ISUID | S_ISGID)) || has_capability_.load(std::memory_order_relaxed);
}

void TmpfsInode::touch_modified() {
    timespec t = vfs::now();
    Lock l(meta_mu_);
    mtime_ = ctime_ = t;
}

void TmpfsInode::touch_changed() {
    timespec t = vfs::now();
    Lock l(meta_mu_);
    ctime_ = t;
}

void TmpfsInode::touch_accessed() {
    timespec t = vfs::now();
    Lock l(meta_mu_);
    // relatime_need_update()
    if (older(mtime_, atime_) && older(ctime_, atime_) && t.tv_sec - atime_.tv_sec < 24 * 3600) return;
    atime_ = t;
}

u32 TmpfsInode::change_links(int by) {
    timespec t = vfs::now();
    Lock l(meta_mu_);
    u32 old = nlink_;
    nlink_ += static_cast<u32>(by);
    ctime_ = t;
    return old;
}

u32 TmpfsInode::links() const {
    Lock l(meta_mu_);
    return nlink_;
}

void TmpfsInode::add_entry(std::string_view name, Ref<TmpfsInode> inode) {
    if (inode->is_dir()) change_links(1);
    dir_->add(name, std::move(inode));
    touch_modified();
}

Ref<TmpfsInode> TmpfsInode::remove_entry(std::string_view name) {
    Ref<TmpfsInode> gone = dir_->remove(name);
    if (gone && gone->is_dir()) change_links(-1);
    touch_modified();
    return gone;
}

Result<Ref<vfs::Inode>> TmpfsInode::lookup(std::string_view name) {
    if (!dir_) return err(ENOTDIR);
    TmpfsInode* i = dir_->find(name);
    if (!i) return err(ENOENT);
    return Ref<vfs::Inode>(i);
}

Result<Ref<vfs::Inode>> TmpfsInode::make_node(std::string_view name, const vfs::NewNode& n, const vfs::Caller&) {
    if (!dir_) return err(ENOTDIR);
    Ref<TmpfsInode> i = SBX_TRY(tmpfs().new_inode(n));
    i->change_links(i->is_dir() ? 2 : 1);
    add_entry(name, i);
    return Ref<vfs::Inode>(std::move(i));
}

Result<Ref<vfs::Inode>> TmpfsInode::symlink(std::string_view name, std::string_view target, const vfs::NewNode& n,
                                            const vfs::Caller&) {
    if (!dir_) return err(ENOTDIR);
    Ref<TmpfsInode> i = SBX_TRY(tmpfs().new_inode(n));
    i->target_ = target;
    i->change_links(1);
    add_entry(name, i);
    return Ref<vfs::Inode>(std::move(i));
}

Result<> TmpfsInode::link(std::string_view name, vfs::Inode& target, const vfs::Caller&) {
    TmpfsInode& i = as_tmpfs(target);
    if (i.links() >= kMaxLinks) return err(EMLINK);
    if (i.change_links(1) > 0) {
        if (Result<> r = tmpfs().reserve_inode(); !r) {
            i.change_links(-1);
            return r;
        }
    }
    add_entry(name, Ref<TmpfsInode>(i));
    return {};
}

Result<> TmpfsInode::unlink(std::string_view name, vfs::Inode& victim, const vfs::Caller&) {
    Ref<TmpfsInode> gone = remove_entry(name);
    if (as_tmpfs(victim).change_links(-1) > 1) tmpfs().inode_gone();
    return {};
}

Result<> TmpfsInode::rmdir(std::string_view name, vfs::Inode& victim, const vfs::Caller&) {
    TmpfsInode& v = as_tmpfs(victim);
    if (!v.dir_->empty()) return err(ENOTEMPTY);
    Ref<TmpfsInode> gone = remove_entry(name);
    v.change_links(-2);
    return {};
}

Result<> TmpfsInode::rename(std::string_view name, vfs::Inode& what_inode, vfs::Inode& new_dir_inode,
                            std::string_view new_name, vfs::Inode* victim_inode, u32 flags, const vfs::Caller& c) {
    TmpfsInode& what = as_tmpfs(what_inode);
    TmpfsInode& new_dir = as_tmpfs(new_dir_inode);
    TmpfsInode* victim = victim_inode ? &as_tmpfs(*victim_inode) : nullptr;
    if (flags & kRenameExchange) {
        if (!victim) return err(ENOENT);
        Ref<TmpfsInode> a = remove_entry(name);
        Ref<TmpfsInode> b = new_dir.remove_entry(new_name);
        add_entry(name, std::move(b));
        new_dir.add_entry(new_name, std::move(a));
        what.touch_changed();
        victim->touch_changed();
        return {};
    }
    if (victim && victim->dir_ && !victim->dir_->empty()) return err(ENOTEMPTY);
    Ref<TmpfsInode> whiteout;
    if (flags & kRenameWhiteout) {
        vfs::NewNode n;
        n.mode = S_IFCHR;
        n.uid = c.creds->fsuid;
        n.gid = c.creds->fsgid;
        whiteout = SBX_TRY(tmpfs().new_inode(n));
        whiteout->change_links(1);
    }
    if (victim) {
        Ref<TmpfsInode> gone = new_dir.remove_entry(new_name);
        if (victim->change_links(victim->dir_ ? -2 : -1) > 1 && !victim->dir_) tmpfs().inode_gone();
    }
    Ref<TmpfsInode> moved = remove_entry(name);
    new_dir.add_entry(new_name, std::move(moved));
    if (whiteout) add_entry(name, std::move(whiteout));
    what.touch_changed();
    return {};
}

Result<Ref<vfs::Inode>> TmpfsInode::tmpfile(const vfs::NewNode& n, const vfs::Caller&) {
    return Ref<vfs::Inode>(SBX_TRY(tmpfs().new_inode(n)));
}

Result<std::string> TmpfsInode::read_link() {
    if (!is_symlink()) return err(EINVAL);
    return target_;
}

Result<Ref<vfs::OpenFile>> TmpfsInode::open(const vfs::OpenArgs& a) {
    if (data_) return Ref<vfs::OpenFile>(make_ref<RegularFile>(a.path, a.flags));
    if (dir_) return Ref<vfs::OpenFile>(make_ref<DirectoryFile>(a.path, a.flags));
    return Inode::open(a);
}

static bool known_name(std::string_view name) {
    return vfs::is_acl_name(name) || name.starts_with("user.") || name.starts_with("trusted.") ||
           name.starts_with("security.");
}

Result<std::string> TmpfsInode::get_xattr(std::string_view name, const vfs::Caller&) {
    if (!known_name(name)) return err(EOPNOTSUPP);
    Lock l(meta_mu_);
    auto it = xattrs_.find(name);
    if (it == xattrs_.end()) return err(ENODATA);
    return it->second;
}

Result<> TmpfsInode::set_xattr(std::string_view name, std::string_view value, int flags, const vfs::Caller&) {
    if (!known_name(name)) return err(EOPNOTSUPP);
    if (value.size() > kMaxXattrValue) return err(E2BIG);
    if (vfs::is_acl_name(name)) SBX_TRY(vfs::check_acl(SBX_TRY(vfs::parse_acl(value))));
    timespec t = vfs::now();
    Lock l(meta_mu_);
    auto it = xattrs_.find(name);
    if (it == xattrs_.end() && (flags & XATTR_REPLACE)) return err(ENODATA);
    if (it != xattrs_.end() && (flags & XATTR_CREATE)) return err(EEXIST);
    size_t old = it == xattrs_.end() ? 0 : name.size() + it->second.size();
    if (xattr_bytes_ - old + name.size() + value.size() > kMaxXattrBytes) return err(ENOSPC);
    xattr_bytes_ += name.size() + value.size() - old;
    if (it == xattrs_.end())
        xattrs_.emplace(name, value);
    else
        it->second = value;
    if (name == "security.capability") has_capability_.store(true);
    if (name == vfs::kAccessAcl) has_acl_.store(true, std::memory_order_release);
    ctime_ = t;
    return {};
}

Result<> TmpfsInode::remove_xattr(std::string_view name, const vfs::Caller&) {
    if (!known_name(name)) return err(EOPNOTSUPP);
    timespec t = vfs::now();
    Lock l(meta_mu_);
    auto it = xattrs_.find(name);
    if (it == xattrs_.end()) return err(ENODATA);
    xattr_bytes_ -= name.size() + it->second.size();
    xattrs_.erase(it);
    if (name == "security.capability") has_capability_.store(false);
    if (name == vfs::kAccessAcl) has_acl_.store(false, std::memory_order_release);
    ctime_ = t;
    return {};
}

Result<std::vector<std::string>> TmpfsInode::list_xattr(const vfs::Caller&) {
    std::vector<std::string> names;
    Lock l(meta_mu_);
    for (auto& [name, value] : xattrs_) names.push_back(name);
    return names;
}

TmpfsInode* Directory::find(std::string_view name) const {
    auto it = by_name_.find(name);
    return it == by_name_.end() ? nullptr : by_position_.at(it->second).inode.get();
}

void Directory::add(std::string_view name, Ref<TmpfsInode> inode) {
    auto it = by_position_.emplace_hint(by_position_.end(), next_, Entry{std::string(name), std::move(inode)});
    by_name_.emplace(it->second.name, next_);
    next_++;
    count_.fetch_add(1, std::memory_order_relaxed);
}

Ref<TmpfsInode> Directory::remove(std::string_view name) {
    auto it = by_name_.find(name);
    if (it == by_name_.end()) return nullptr;
    auto entry = by_position_.find(it->second);
    Ref<TmpfsInode> inode = std::move(entry->second.inode);
    by_name_.erase(it);
    by_position_.erase(entry);
    count_.fetch_sub(1, std::memory_order_relaxed);
    return inode;
}

}  // namespace sbx::tmpfs
