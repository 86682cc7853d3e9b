// Dentry: a cached name in a directory, one tree a file system; negative ones too. Used by the path walk, mounts, procfs, inotify.
//
// Ownership: a child holds a reference to its parent; a parent lists its children by plain pointer while they live. A *hashed*
// dentry (one that lookups find) is held by the cache, which is a bounded LRU; a dentry leaves it when its name goes, when its
// file system forgets it, or when it is the oldest unused one. The root keeps the file system alive.
// Lock: Rank::DentryTree, one for all trees (hash, parent and name, mounted-on flags, mounts); it is held for such operations
// only, never over a call into a file system, and no reference is dropped under it.
// Invariant: a dentry is hashed only in a directory whose dir_mu was held when it was looked up or made; inode goes from null to
// an inode at most once.
#pragma once

#include <atomic>
#include <string>
#include <string_view>
#include <vector>

#include "fs/vfs/types.h"
#include "src/base/list.h"
#include "src/base/mutex.h"

namespace sbx::vfs {

class FileSystem;
struct DentrySiblingTag {};

class Dentry final : public RefCounted, public ListNode<>, public ListNode<DentrySiblingTag> {
public:
    // The root of a file system's tree, or of a disconnected object (pipe:[1]): `name` is what d_path shows for it. For roots of
    // mountable file systems use FileSystem::root_dentry(), which makes only one.
    static Ref<Dentry> create_root(Ref<Inode> inode, std::string name = "/");
    // An unlinked file without a name of its own below `dir` (O_TMPFILE): never found by lookups.
    static Ref<Dentry> create_detached(const Ref<Dentry>& dir, std::string name, Ref<Inode> inode);

    // The inode, or null for a negative dentry. The pointer stays valid while the caller holds the dentry.
    Inode* inode() const { return inode_.load(std::memory_order_acquire); }
    Ref<Inode> inode_ref() const;
    bool negative() const { return inode() == nullptr; }
    // Parent and name change by rename: snapshots.
    Ref<Dentry> parent() const;  // null for a root
    std::string name() const;
    bool is_root() const { return root_; }
    // True once its last name is gone (unlink, rmdir, replaced by rename): "(deleted)" in paths.
    bool unlinked() const { return unlinked_.load(std::memory_order_acquire); }
    // True if some mount namespace has something mounted here (then Mount::lookup_child decides).
    bool maybe_mountpoint() const { return mounts_here_.load(std::memory_order_acquire) != 0; }
    // True if `this` is d or above d in the tree.
    bool contains(const Dentry& d) const;

    // The child of that name: from the cache, else through Inode::lookup (with dir_mu held shared inside). A missing name gives a negative
    // dentry. ENOTDIR, EACCES... as the file system says. The caller has checked search permission.
    static Result<Ref<Dentry>> lookup_child(const Ref<Dentry>& dir, std::string_view name);
    // The same for callers that hold the directory's dir_mu.
    static Result<Ref<Dentry>> lookup_child_locked(const Ref<Dentry>& dir, std::string_view name);
    // The cached child or null; never asks the file system.
    static Ref<Dentry> cached_child(const Ref<Dentry>& dir, std::string_view name);

    // For directory changes, dir_mu of the parent held exclusively.
    void set_inode(Ref<Inode> inode);  // a negative dentry became positive (create, mkdir, link ...)
    void set_unlinked();               // its name is gone
    static void moved(Dentry& what, const Ref<Dentry>& new_dir, std::string_view new_name, Dentry* replaced);
    static void exchanged(Dentry& a, Dentry& b);
    // Forgets cached children (all, or one name); those in use stay alive but are looked up afresh.
    void forget_children();
    static void forget(const Ref<Dentry>& dir, std::string_view name);
    // Forgets everything below (the last mount of the file system is gone).
    void forget_tree();
    // Drops up to n unused dentries (memory pressure, descriptor pressure of hostfs). Returns how many.
    static size_t shrink(size_t n);

    // --- DentryTree held ---
    Dentry* parent_locked() const { return parent_.get(); }
    const std::string& name_locked() const { return name_; }
    bool contains_locked(const Dentry& d) const;

private:
    friend class FileSystem;
    friend class Mount;
    friend class MountNamespace;
    friend struct state::Access;
    template <class A>
    void state(A& ar);
    void state_loaded(state::Loader& ar);
    Dentry() = default;
    ~Dentry() override;
    void on_last_unref() override;
    using Dropped = std::vector<Ref<Dentry>>;
    static Result<Ref<Dentry>> lookup_in_cache(const Ref<Dentry>& dir, std::string_view name);
    void hash_locked();
    // Takes it out of the cache; the cache's reference moves to `out`.
    void unhash_locked(Dropped& out);
    static Dentry* find_locked(const Dentry& dir, std::string_view name, u32 hash);
    static void evict_locked(size_t want, size_t scan, Dropped& out);
    void forget_below_locked(Dropped& out);

    std::atomic<Inode*> inode_{nullptr};
    std::atomic<bool> unlinked_{false};
    std::atomic<bool> touched_{false};  // no state: of a cache; looked up since the LRU last passed
    std::atomic<u32> mounts_here_{0};   // no state: mounts count themselves
    bool root_ = false;
    bool stable_ = true;                       // FileSystem::dentries_stable
    bool hashed_ = false;                      // DentryTree
    bool was_hashed_ = false;                  // when it was saved
    u32 hash_ = 0;                             // DentryTree
    Dentry* hash_next_ = nullptr;              // DentryTree
    Ref<Dentry> parent_;                       // DentryTree
    std::string name_;                         // DentryTree
    List<Dentry, DentrySiblingTag> children_;  // DentryTree
    Ref<FileSystem> fs_;                       // of a root
};

// The lock of all dentry trees and of the trees of mounts.
RwMutex<Rank::DentryTree>& dentry_tree_mu();

}  // namespace sbx::vfs
