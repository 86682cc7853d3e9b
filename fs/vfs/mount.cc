// Mount: creation, lookup of what is mounted where, copies.
#include "fs/vfs/mount.h"

#include <sys/mount.h>

#include "fs/vfs/dentry.h"
#include "fs/vfs/file_system.h"
#include "fs/vfs/handles.h"
#include "fs/vfs/mount_internal.h"
#include "src/base/archive.h"

namespace sbx::vfs {
namespace {
std::atomic<int> next_id{1};
SBX_SAVED_COUNTER(next_id);
}  // namespace

Ref<Mount> Mount::create(Ref<FileSystem> fs, Ref<Dentry> root, u64 flags, std::string source) {
    Ref<Mount> m = adopt_ref(new Mount);
    fs->mounts_.fetch_add(1);
    m->root_ = root ? std::move(root) : fs->root_dentry();
    m->fs_ = std::move(fs);
    m->id_ = next_id.fetch_add(1);
    m->flags_.store(flags);
    m->source_ = std::move(source);
    return m;
}

Mount::~Mount() {
    if (fs_->mounts_.fetch_sub(1) != 1) return;
    Ref<Dentry> top = root_;
    while (Ref<Dentry> up = top->parent()) top = up;
    forget_handles(*fs_);
    top->forget_tree();
    fs_->on_unmounted();
}

Path Mount::root_path() const { return Path{Ref<Mount>(const_cast<Mount*>(this)), root_}; }

bool Mount::read_only() const { return (flags() & MS_RDONLY) || fs_->read_only.load(std::memory_order_relaxed); }

void Mount::add_writer() {
    writers_.fetch_add(1);
    fs_->writers.fetch_add(1);
}

void Mount::remove_writer() {
    writers_.fetch_sub(1);
    fs_->writers.fetch_sub(1);
}

Result<> Mount::change_flags(u64 f) {
    SharedLock l(dentry_tree_mu());
    if (locked_flags_ & ~f) return err(EPERM);
    if ((f & ~flags() & MS_RDONLY) && writers_.load() != 0) return err(EBUSY);
    set_flags(f);
    return {};
}

Path Mount::mountpoint() const {
    SharedLock l(dentry_tree_mu());
    return Path{parent_, mountpoint_};
}

Ref<MountNamespace> Mount::ns() const {
    SharedLock l(dentry_tree_mu());
    if (!ns_ || !ns_->try_ref()) return nullptr;
    return Ref<MountNamespace>::adopt(ns_);
}

bool Mount::in_namespace(const MountNamespace& ns) const {
    SharedLock l(dentry_tree_mu());
    return ns_ == &ns;
}

Ref<Mount> Mount::lookup_child(const Dentry& d) {
    SharedLock l(dentry_tree_mu());
    Mount* found = nullptr;
    const Mount* on = this;
    const Dentry* at = &d;
    for (;;) {
        auto it = on->children_.find(at);
        if (it == on->children_.end()) break;
        found = it->second;
        on = found;
        at = found->root_.get();
    }
    // Attached children are held by their namespace, under this lock.
    return Ref<Mount>(found);
}

bool Mount::contains_locked(const Mount& m) const {
    for (const Mount* p = &m; p; p = p->parent_.get())
        if (p == this) return true;
    return false;
}

void Mount::attach_to_locked(const Path& at) {
    parent_ = at.mount;
    mountpoint_ = at.dentry;
    parent_->children_[mountpoint_.get()] = this;
    mountpoint_->mounts_here_.fetch_add(1, std::memory_order_release);
}

void Mount::detach_from_parent_locked(Dropped& out) {
    if (!parent_) return;
    parent_->children_.erase(mountpoint_.get());
    mountpoint_->mounts_here_.fetch_sub(1, std::memory_order_release);
    out.mounts.push_back(std::move(parent_));
    out.mountpoints.push_back(std::move(mountpoint_));
}

Ref<Mount> Mount::copy(Ref<Dentry> root) const {
    Ref<Mount> m = create(fs_, std::move(root), flags(), source_);
    m->locked_ = locked_;
    m->locked_flags_ = locked_flags_;
    m->unbindable_.store(unbindable());
    return m;
}

}  // namespace sbx::vfs
