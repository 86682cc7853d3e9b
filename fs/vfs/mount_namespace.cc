// MountNamespace: attaching, detaching, copying and moving mounts (fs/namespace.c).
#include <sys/mount.h>

#include <algorithm>
#include <unordered_map>

#include "fs/vfs/file_system.h"
#include "fs/vfs/inode.h"
#include "fs/vfs/mount_internal.h"
#include "src/base/ns_id.h"

namespace sbx::vfs {
namespace {

// Flags that a less privileged copy keeps (MNT_LOCK_*).
constexpr u64 kLockable = MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC;

bool same_kind(const Dentry& a, const Dentry& b) { return a.inode()->is_dir() == b.inode()->is_dir(); }

// is_path_reachable(): `p` is at or below `top`. DentryTree held.
bool reachable_locked(const Path& p, const Path& top) {
    const Mount* m = p.mount.get();
    const Dentry* d = p.dentry.get();
    while (m != top.mount.get() && m->parent_locked()) {
        d = m->mountpoint_locked();
        m = m->parent_locked();
    }
    return m == top.mount.get() && top.dentry->contains_locked(*d);
}

std::vector<Mount*> by_age(const std::unordered_map<const Dentry*, Mount*>& children) {
    std::vector<Mount*> v;
    for (auto& [d, m] : children) v.push_back(m);
    std::sort(v.begin(), v.end(), [](Mount* a, Mount* b) { return a->id() < b->id(); });
    return v;
}

}  // namespace

Ref<MountNamespace> MountNamespace::create(Ref<Mount> root, Ref<UserNamespace> owner) {
    Ref<MountNamespace> ns = adopt_ref(new MountNamespace);
    ns->id_ = next_namespace_id();
    ns->owner_ = std::move(owner);
    Lock l(dentry_tree_mu());
    ns->root_ = root;
    ns->add_locked(std::move(root));
    return ns;
}

MountNamespace::~MountNamespace() {
    Mount::Dropped out;
    Lock l(dentry_tree_mu());
    for (Ref<Mount>& m : mounts_) {
        m->ns_ = nullptr;
        m->detach_from_parent_locked(out);
    }
    l.unlock();
}

Ref<Mount> MountNamespace::root() const {
    SharedLock l(dentry_tree_mu());
    return root_;
}

void MountNamespace::add_locked(Ref<Mount> m) {
    m->ns_ = this;
    std::vector<Ref<Mount>> below;
    below.swap(m->hanging_);
    mounts_.push_back(std::move(m));
    for (Ref<Mount>& b : below) {
        b->ns_ = this;
        mounts_.push_back(std::move(b));
    }
}

void MountNamespace::remove_locked(Mount& m, Mount::Dropped& out) {
    m.detach_from_parent_locked(out);
    m.ns_ = nullptr;
    auto it = std::find_if(mounts_.begin(), mounts_.end(), [&](const Ref<Mount>& x) { return x == &m; });
    if (it == mounts_.end()) return;
    out.mounts.push_back(std::move(*it));
    mounts_.erase(it);
}

void MountNamespace::note_change() {
    events_.fetch_add(1);
    changed_.notify(kEventErr | kEventPri);
}

Result<> MountNamespace::attach(Ref<Mount> m, const Path& at) {
    Mount::Dropped out;
    int e = 0;
    Lock l(dentry_tree_mu());
    if (at.mount->ns_ != this)
        e = EINVAL;
    else if (at.dentry->unlinked() || at.dentry->negative())
        e = ENOENT;
    else if (!same_kind(*m->root_, *at.dentry))
        e = ENOTDIR;
    else if (mounts_.size() + 1 + m->hanging_.size() > kMaxMounts)
        e = ENOSPC;
    if (e != 0) {
        // A copied tree holds itself together by a circle of references.
        for (Ref<Mount>& b : m->hanging_) b->detach_from_parent_locked(out);
        for (Ref<Mount>& b : m->hanging_) out.mounts.push_back(std::move(b));
        m->hanging_.clear();
        l.unlock();
        return err(e);
    }
    Path top = at;
    for (auto it = top.mount->children_.find(top.dentry.get()); it != top.mount->children_.end();
         it = top.mount->children_.find(top.dentry.get())) {
        out.mounts.push_back(top.mount);
        out.mountpoints.push_back(top.dentry);
        top = Path{Ref<Mount>(it->second), it->second->root_};
    }
    m->attach_to_locked(top);
    add_locked(std::move(m));
    out.mounts.push_back(std::move(top.mount));
    out.mountpoints.push_back(std::move(top.dentry));
    l.unlock();
    note_change();
    return {};
}

Result<> MountNamespace::detach(const Path& mount_root, int flags) {
    Mount& m = *mount_root.mount;
    if (mount_root.dentry != m.root_) return err(EINVAL);
    Mount::Dropped out;
    Lock l(dentry_tree_mu());
    if (m.ns_ != this || m.locked_ || !m.parent_) return err(EINVAL);
    // One reference is the namespace's, one the caller's path.
    bool busy = !m.children_.empty() || m.ref_count() > 2;
    if (flags & MNT_EXPIRE) {
        if (busy) return err(EBUSY);
        if (!m.expiring_) {
            m.expiring_ = true;
            return err(EAGAIN);
        }
    }
    if (busy && !(flags & MNT_DETACH)) return err(EBUSY);
    std::vector<Mount*> tree;
    for (Ref<Mount>& x : mounts_)
        if (m.contains_locked(*x)) tree.push_back(x.get());
    for (Mount* x : tree) remove_locked(*x, out);
    l.unlock();
    note_change();
    return {};
}

Result<Ref<Mount>> MountNamespace::bind(const Path& from, bool recursive) {
    Mount::Dropped out;
    Lock l(dentry_tree_mu());
    if (from.mount->ns_ != this || from.mount->unbindable()) return err(EINVAL);
    if (!recursive)
        for (auto& [d, child] : from.mount->children_)
            // has_locked_children(): what a more privileged namespace mounted over must not be uncovered.
            if (child->locked_ && from.dentry->contains_locked(*d)) return err(EINVAL);
    for (const Ref<Mount>& m : mounts_)
        // It would be left out, and uncover what it lies over.
        if (recursive && m->unbindable() && m->locked_ && from.mount->contains_locked(*m)) return err(EPERM);
    Ref<Mount> top = from.mount->copy(from.dentry);
    top->locked_ = false;
    if (recursive) {
        std::vector<std::pair<Mount*, Mount*>> todo{{from.mount.get(), top.get()}};
        for (size_t i = 0; i < todo.size(); i++) {
            auto [old_parent, new_parent] = todo[i];
            for (Mount* child : by_age(old_parent->children_)) {
                if (i == 0 && !from.dentry->contains_locked(*child->mountpoint_)) continue;
                if (child->unbindable()) continue;
                Ref<Mount> c = child->copy(child->root_);
                c->attach_to_locked(Path{Ref<Mount>(new_parent), child->mountpoint_});
                todo.push_back({child, c.get()});
                top->hanging_.push_back(std::move(c));
            }
        }
    }
    l.unlock();
    return top;
}

void MountNamespace::set_unbindable(Mount& m, bool on, bool recursive) {
    Lock l(dentry_tree_mu());
    std::vector<Mount*> todo{&m};
    for (size_t i = 0; i < todo.size(); i++) {
        todo[i]->unbindable_.store(on);
        if (recursive)
            for (auto& [d, child] : todo[i]->children_) todo.push_back(child);
    }
}

Result<> MountNamespace::check_move_locked(const Mount& m, const Path& to) const {
    if (m.ns_ != this || to.mount->ns_ != this || !m.parent_ || m.locked_) return err(EINVAL);
    if (to.dentry->unlinked()) return err(ENOENT);
    if (!same_kind(*m.root_, *to.dentry)) return err(EINVAL);
    if (m.contains_locked(*to.mount)) return err(ELOOP);
    return {};
}

Result<> MountNamespace::move(const Path& mount_root, const Path& to) {
    Mount& m = *mount_root.mount;
    if (mount_root.dentry != m.root_) return err(EINVAL);
    Mount::Dropped out;
    Lock l(dentry_tree_mu());
    SBX_TRY(check_move_locked(m, to));
    m.detach_from_parent_locked(out);
    m.attach_to_locked(to);
    l.unlock();
    note_change();
    return {};
}

Result<> MountNamespace::pivot_root(const Path& new_root, const Path& put_old, const Path& caller_root) {
    Mount& root = *caller_root.mount;
    Mount& fresh = *new_root.mount;
    if (!new_root.dentry->inode()->is_dir() || !put_old.dentry->inode()->is_dir()) return err(ENOTDIR);
    Mount::Dropped out;
    Lock l(dentry_tree_mu());
    if (fresh.ns_ != this || root.ns_ != this || put_old.mount->ns_ != this || fresh.locked_) return err(EINVAL);
    if (new_root.dentry->unlinked()) return err(ENOENT);
    if (&fresh == &root || put_old.mount.get() == &root) return err(EBUSY);
    if (caller_root.dentry != root.root_ || new_root.dentry != fresh.root_ || !fresh.parent_) return err(EINVAL);
    // Without a root file system below, as Linux has one, the namespace's first mount may be pivoted too.
    if (!root.parent_ && root_ != &root) return err(EINVAL);
    if (!reachable_locked(put_old, new_root) || !reachable_locked(new_root, caller_root)) return err(EINVAL);
    fresh.detach_from_parent_locked(out);
    Path old_place{root.parent_, root.mountpoint_};
    root.detach_from_parent_locked(out);
    if (root.locked_) {
        root.locked_ = false;
        fresh.locked_ = true;
    }
    root.attach_to_locked(put_old);
    if (old_place)
        fresh.attach_to_locked(old_place);
    else {
        out.mounts.push_back(std::move(root_));
        root_ = Ref<Mount>(fresh);
    }
    out.mounts.push_back(std::move(old_place.mount));
    out.mountpoints.push_back(std::move(old_place.dentry));
    l.unlock();
    note_change();
    return {};
}

Result<Ref<MountNamespace>> MountNamespace::clone(Ref<UserNamespace> owner, std::vector<Path*> remap) {
    bool less_privileged = owner != owner_;
    Mount::Dropped out;
    Ref<MountNamespace> ns = adopt_ref(new MountNamespace);
    ns->id_ = next_namespace_id();
    ns->owner_ = std::move(owner);
    std::unordered_map<const Mount*, Mount*> copies;
    Lock l(dentry_tree_mu());
    for (Ref<Mount>& m : mounts_) {
        Ref<Mount> c = m->copy(m->root_);
        if (less_privileged) {
            c->locked_ = m->parent_ != nullptr;
            c->locked_flags_ = c->flags() & kLockable;
        }
        copies[m.get()] = c.get();
        if (m == root_) ns->root_ = c;
        ns->add_locked(std::move(c));
    }
    for (Ref<Mount>& m : mounts_)
        if (m->parent_) copies[m.get()]->attach_to_locked(Path{Ref<Mount>(copies[m->parent_.get()]), m->mountpoint_});
    for (Path* p : remap) {
        auto it = copies.find(p->mount.get());
        if (it == copies.end()) continue;
        Ref<Mount> c(it->second);
        std::swap(p->mount, c);
        out.mounts.push_back(std::move(c));
    }
    l.unlock();
    return ns;
}

std::vector<Ref<Mount>> MountNamespace::mounts() const {
    SharedLock l(dentry_tree_mu());
    return mounts_;
}

}  // namespace sbx::vfs
