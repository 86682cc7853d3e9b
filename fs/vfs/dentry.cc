// The dentry cache: one hash table by (directory, name), an LRU over all hashed dentries.
#include "fs/vfs/dentry.h"

#include "fs/vfs/file_system.h"
#include "fs/vfs/handles.h"
#include "fs/vfs/inode.h"
#include "fs/vfs/inotify_marks.h"

namespace sbx::vfs {
namespace {

constexpr size_t kBuckets = 1 << 15;
constexpr size_t kMaxCached = 1 << 15;  // past this, unused ones go as new ones come
Dentry* buckets[kBuckets];              // no state: dentries enter themselves
size_t cached = 0;                      // no state: dentries count themselves
List<Dentry> lru;                       // no state: dentries enter themselves; oldest first

u32 name_hash(const Dentry* dir, std::string_view name) {
    u64 h = reinterpret_cast<u64>(dir) >> 4;
    for (char c : name) h = (h ^ static_cast<u8>(c)) * 0x100000001b3ull;
    return static_cast<u32>(h ^ (h >> 32));
}

}  // namespace

RwMutex<Rank::DentryTree>& dentry_tree_mu() {
    static RwMutex<Rank::DentryTree> mu;
    return mu;
}

Ref<Dentry> Dentry::create_root(Ref<Inode> inode, std::string name) {
    Ref<Dentry> d = adopt_ref(new Dentry);
    d->root_ = true;
    d->fs_ = Ref<FileSystem>(inode->fs());
    d->stable_ = inode->fs().dentries_stable();
    d->name_ = std::move(name);
    d->inode_.store(inode.release());
    return d;
}

Ref<Dentry> Dentry::create_detached(const Ref<Dentry>& dir, std::string name, Ref<Inode> inode) {
    Ref<Dentry> d = adopt_ref(new Dentry);
    d->parent_ = dir;
    d->stable_ = dir->stable_;
    d->name_ = std::move(name);
    d->inode_.store(inode.release());
    d->unlinked_.store(true);
    return d;
}

Dentry::~Dentry() {
    if (root_ && fs_) fs_->root_dentry_gone(*this);
    Inode* i = inode_.load();
    if (i) {
        // dentry_unlink_inode() of fs/dcache.c tells watchers when the last user of a deleted file is gone.
        if (unlinked() && i->marks()) inode_deleted(*i);
        i->unref();
    }
}

void Dentry::on_last_unref() {
    // Programs make paths of any depth: the chain of parents is let go in a loop, not by recursion.
    thread_local Dentry* dying = nullptr;
    thread_local bool in_loop = false;
    if (in_loop) {
        dying = this;
        return;
    }
    Dentry* d = this;
    while (d) {
        Ref<Dentry> parent = std::move(d->parent_);
        delete d;
        in_loop = true;
        parent.reset();
        in_loop = false;
        d = std::exchange(dying, nullptr);
    }
}

Ref<Inode> Dentry::inode_ref() const { return Ref<Inode>(inode()); }

Ref<Dentry> Dentry::parent() const {
    SharedLock l(dentry_tree_mu());
    return parent_;
}

std::string Dentry::name() const {
    SharedLock l(dentry_tree_mu());
    return name_;
}

bool Dentry::contains_locked(const Dentry& d) const {
    for (const Dentry* p = &d; p; p = p->parent_.get())
        if (p == this) return true;
    return false;
}

bool Dentry::contains(const Dentry& d) const {
    SharedLock l(dentry_tree_mu());
    return contains_locked(d);
}

void Dentry::hash_locked() {
    hash_ = name_hash(parent_.get(), name_);
    Dentry*& head = buckets[hash_ % kBuckets];
    hash_next_ = head;
    head = this;
    hashed_ = true;
    ref();
    lru.push_back(*this);
    parent_->children_.push_back(*this);
    cached++;
}

void Dentry::unhash_locked(Dropped& out) {
    if (!hashed_) return;
    Dentry** p = &buckets[hash_ % kBuckets];
    while (*p != this) p = &(*p)->hash_next_;
    *p = hash_next_;
    hash_next_ = nullptr;
    hashed_ = false;
    List<Dentry>::remove(*this);
    List<Dentry, DentrySiblingTag>::remove(*this);
    cached--;
    out.push_back(Ref<Dentry>::adopt(this));
}

Dentry* Dentry::find_locked(const Dentry& dir, std::string_view name, u32 hash) {
    for (Dentry* d = buckets[hash % kBuckets]; d; d = d->hash_next_)
        if (d->hash_ == hash && d->parent_.get() == &dir && d->name_ == name) return d;
    return nullptr;
}

void Dentry::evict_locked(size_t want, size_t scan, Dropped& out) {
    while (want > 0 && scan-- > 0) {
        Dentry* d = lru.front();
        if (!d) return;
        // Only the cache's own reference: nobody uses it, and nothing is below it.
        bool unused = d->ref_count() == 1 && !d->touched_.exchange(false, std::memory_order_relaxed);
        if (unused) {
            d->unhash_locked(out);
            want--;
        } else {
            List<Dentry>::remove(*d);
            lru.push_back(*d);
        }
    }
}

Ref<Dentry> Dentry::cached_child(const Ref<Dentry>& dir, std::string_view name) {
    u32 hash = name_hash(dir.get(), name);
    SharedLock l(dentry_tree_mu());
    Dentry* d = find_locked(*dir, name, hash);
    if (d && !d->touched_.load(std::memory_order_relaxed)) d->touched_.store(true, std::memory_order_relaxed);
    return Ref<Dentry>(d);
}

// The cached child if it may be believed, else null.
Result<Ref<Dentry>> Dentry::lookup_in_cache(const Ref<Dentry>& dir, std::string_view name) {
    Ref<Dentry> d = cached_child(dir, name);
    if (!d || dir->stable_ || d->maybe_mountpoint()) return d;
    if (dir->inode()->revalidate(name, d->inode())) return d;
    Dropped out;
    Lock l(dentry_tree_mu());
    d->unhash_locked(out);
    l.unlock();
    return Ref<Dentry>();
}

Result<Ref<Dentry>> Dentry::lookup_child(const Ref<Dentry>& dir, std::string_view name) {
    Inode* inode = dir->inode();
    if (!inode || !inode->is_dir()) return err(ENOTDIR);
    Ref<Dentry> d = SBX_TRY(lookup_in_cache(dir, name));
    if (d) return d;
    SharedLock l(inode->dir_mu());
    return lookup_child_locked(dir, name);
}

Result<Ref<Dentry>> Dentry::lookup_child_locked(const Ref<Dentry>& dir, std::string_view name) {
    Ref<Dentry> known = SBX_TRY(lookup_in_cache(dir, name));
    if (known) return known;
    if (name.size() > kNameMax) return err(ENAMETOOLONG);
    Inode* inode = dir->inode();
    if (!inode || !inode->is_dir()) return err(ENOTDIR);
    Result<Ref<Inode>> found = dir->unlinked() ? Result<Ref<Inode>>(err(ENOENT)) : inode->lookup(name);
    if (!found && !(found.error() == ENOENT)) return err(found.error());
    Ref<Dentry> d = adopt_ref(new Dentry);
    d->parent_ = dir;
    d->stable_ = dir->stable_;
    d->name_ = name;
    if (found) d->inode_.store(found->release());
    if (dir->unlinked()) return d;
    Dropped out;
    Lock l(dentry_tree_mu());
    // Another lookup, under the same shared dir_mu, may have been faster.
    if (Dentry* other = find_locked(*dir, name, name_hash(dir.get(), name))) {
        Ref<Dentry> r(other);
        l.unlock();
        return r;
    }
    d->hash_locked();
    if (cached > kMaxCached) evict_locked(2, 16, out);
    l.unlock();
    return d;
}

void Dentry::set_inode(Ref<Inode> inode) { inode_.store(inode.release(), std::memory_order_release); }

void Dentry::set_unlinked() {
    Dropped out;
    Lock l(dentry_tree_mu());
    unlinked_.store(true, std::memory_order_release);
    unhash_locked(out);
    l.unlock();
    forget_handles(*this);
}

void Dentry::moved(Dentry& what, const Ref<Dentry>& new_dir, std::string_view new_name, Dentry* replaced) {
    Dropped out;
    Ref<Dentry> old_parent;
    Lock l(dentry_tree_mu());
    what.unhash_locked(out);
    if (replaced) {
        if (replaced->inode()) replaced->unlinked_.store(true, std::memory_order_release);
        replaced->unhash_locked(out);
    }
    if (what.parent_.get() != new_dir.get()) {
        old_parent = new_dir;
        std::swap(old_parent, what.parent_);
    }
    what.name_ = new_name;
    what.hash_locked();
    l.unlock();
    if (replaced) forget_handles(*replaced);
}

void Dentry::exchanged(Dentry& a, Dentry& b) {
    Dropped out;
    Lock l(dentry_tree_mu());
    a.unhash_locked(out);
    b.unhash_locked(out);
    std::swap(a.parent_, b.parent_);
    std::swap(a.name_, b.name_);
    a.hash_locked();
    b.hash_locked();
    l.unlock();
}

void Dentry::forget_children() {
    Dropped out;
    Lock l(dentry_tree_mu());
    for (Dentry& c : children_)
        if (!c.maybe_mountpoint()) c.unhash_locked(out);
    l.unlock();
}

void Dentry::forget(const Ref<Dentry>& dir, std::string_view name) {
    Dropped out;
    Lock l(dentry_tree_mu());
    Dentry* d = find_locked(*dir, name, name_hash(dir.get(), name));
    if (d && !d->maybe_mountpoint()) d->unhash_locked(out);
    l.unlock();
}

void Dentry::forget_below_locked(Dropped& out) {
    // Depth first without recursion: a tree may be deeper than a thread's stack.
    Dentry* d = this;
    for (;;) {
        if (Dentry* child = d->children_.front()) {
            d = child;
            continue;
        }
        if (d == this) return;
        Dentry* up = d->parent_.get();
        d->unhash_locked(out);
        d = up;
    }
}

void Dentry::forget_tree() {
    Dropped out;
    Lock l(dentry_tree_mu());
    forget_below_locked(out);
    l.unlock();
}

size_t Dentry::shrink(size_t n) {
    Dropped out;
    Lock l(dentry_tree_mu());
    evict_locked(n, cached, out);
    l.unlock();
    return out.size();
}

}  // namespace sbx::vfs
