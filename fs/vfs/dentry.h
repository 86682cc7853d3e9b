// Dentry: a cached name in a directory, one tree a file system; negative ones too. Used by the path walk, mounts, procfs, inotify.
//
// Ownership: a child holds a reference to its parent; a parent holds its children by plain pointer while they live. Unused
// dentries stay on a bounded LRU. Lock: Rank::DentryTree, one for all trees (children maps, parent and name, mounted-on flags);
// it is held for map operations only, never over a call into a file system.
#pragma once

#include <atomic>
#include <string>
#include <string_view>

#include "fs/vfs/types.h"
#include "src/base/list.h"

namespace sbx::vfs {

class Dentry final : public RefCounted, public ListNode<> {
public:
    // The root of a file system's tree, or of a disconnected object (pipe:[1]): `name` is what d_path shows for it.
    static Ref<Dentry> create_root(Ref<Inode> inode, std::string name = "/");

    // The inode, or null for a negative dentry. The pointer stays valid while the caller holds the dentry.
    Inode* inode() const { return inode_.load(std::memory_order_acquire); }
    Ref<Inode> inode_ref() const;
    bool negative() const { return inode() == nullptr; }
    // Parent and name change by rename: snapshots.
    Ref<Dentry> parent() const;  // null for a root
    std::string name() const;
    bool is_root() const;
    // True once its last name is gone (unlink, rmdir, replaced by rename): "(deleted)" in paths.
    bool unlinked() const { return unlinked_.load(std::memory_order_acquire); }
    // True if some mount namespace has something mounted here (then Mount::lookup_child decides).
    bool maybe_mountpoint() const { return mounts_here_.load(std::memory_order_acquire) != 0; }

    // The child of that name: from the cache, else through Inode::lookup (with dir_mu held shared inside). A missing name gives a negative
    // dentry. ENOTDIR, EACCES... as the file system says. The caller has checked search permission.
    static Result<Ref<Dentry>> lookup_child(const Ref<Dentry>& dir, std::string_view name);
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
    // Drops up to n unused dentries (memory pressure, descriptor pressure of hostfs).
    static size_t shrink(size_t n);

private:
    friend class DentryCache;
    friend class Mount;
    Dentry() = default;
    ~Dentry() override;
    void on_last_unref() override;
    struct Impl;
    std::atomic<Inode*> inode_{nullptr};
    std::atomic<bool> unlinked_{false};
    std::atomic<u32> mounts_here_{0};
    Impl* impl_ = nullptr;
};

}  // namespace sbx::vfs
