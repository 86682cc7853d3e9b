// Mount: a file system's tree at a place in a mount namespace; MountNamespace: the tree of them. Used by the path walk, mount(2), procfs.
//
// Ownership: a namespace holds its mounts; an attached mount holds its parent and mountpoint; a mount knows its namespace by plain
// pointer. A copied tree that is not attached yet hangs on its top mount. All mounts are private: there is no propagation between
// namespaces or peers (mount(2) refuses MS_SHARED). Lock: Rank::DentryTree guards the trees of mounts.
#pragma once

#include <atomic>
#include <string>
#include <unordered_map>
#include <vector>

#include "fs/vfs/types.h"
#include "src/base/wait_queue.h"

namespace sbx::vfs {

class FileSystem;
class MountNamespace;

class Mount final : public RefCounted {
public:
    // A mount that is in no namespace: pipefs, sockfs, anonymous inodes, and new mounts before they are attached.
    // `root` null: the root of fs.
    static Ref<Mount> create(Ref<FileSystem> fs, Ref<Dentry> root, u64 flags, std::string source);

    FileSystem& fs() const { return *fs_; }
    const Ref<Dentry>& root() const { return root_; }
    Path root_path() const;
    int id() const { return id_; }
    // MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_NOATIME, MS_NODIRATIME, MS_RELATIME.
    u64 flags() const { return flags_.load(std::memory_order_relaxed); }
    // mount(2) with MS_REMOUNT|MS_BIND. EPERM for locked flags, EBUSY.
    Result<> change_flags(u64 f);
    void set_flags(u64 f) { flags_.store(f, std::memory_order_relaxed); }
    // This mount or its file system.
    bool read_only() const;
    // Regular files open for writing through this mount: while there are any, neither it nor its file system becomes read-only.
    void add_writer();
    void remove_writer();
    const std::string& source() const { return source_; }
    // MS_UNBINDABLE: bind mounts of it fail, and recursive ones leave it out.
    bool unbindable() const { return unbindable_.load(std::memory_order_relaxed); }
    // Where this is mounted: parent mount and dentry; empty for a root or a detached mount.
    Path mountpoint() const;
    Ref<MountNamespace> ns() const;
    bool in_namespace(const MountNamespace& ns) const;
    // What is mounted on (this, dentry), topmost; null if nothing.
    Ref<Mount> lookup_child(const Dentry& d);

    // --- DentryTree held ---
    Mount* parent_locked() const { return parent_.get(); }
    Dentry* mountpoint_locked() const { return mountpoint_.get(); }
    bool contains_locked(const Mount& m) const;  // this is m or above it

private:
    friend class MountNamespace;
    friend struct state::Access;
    template <class A>
    void state(A& ar);
    void state_loaded(state::Loader& ar);
    Mount() = default;
    ~Mount() override;
    struct Dropped;
    void attach_to_locked(const Path& at);
    void detach_from_parent_locked(Dropped& out);
    Ref<Mount> copy(Ref<Dentry> root) const;

    Ref<FileSystem> fs_;
    Ref<Dentry> root_;
    int id_ = 0;
    std::atomic<u64> flags_{0};
    std::atomic<u32> writers_{0};
    std::string source_;
    bool expiring_ = false;  // MNT_EXPIRE was asked once; cleared by use (a second umount call asks)
    // A copy made for another user namespace: it may not be unmounted alone, nor lose restrictions (mount_namespaces(7)).
    bool locked_ = false;
    u64 locked_flags_ = 0;
    std::atomic<bool> unbindable_{false};
    MountNamespace* ns_ = nullptr;                        // DentryTree
    Ref<Mount> parent_;                                   // DentryTree
    Ref<Dentry> mountpoint_;                              // DentryTree
    std::unordered_map<const Dentry*, Mount*> children_;  // DentryTree
    std::vector<Ref<Mount>> hanging_;                     // of a copied tree: its other mounts, until it is attached
};

class MountNamespace final : public RefCounted {
public:
    static constexpr size_t kMaxMounts = 100000;  // fs.mount-max
    static Ref<MountNamespace> create(Ref<Mount> root, Ref<UserNamespace> owner);
    u64 id() const { return id_; }  // inode number under /proc/PID/ns
    UserNamespace& owner() const { return *owner_; }
    Ref<Mount> root() const;
    // Attaches m at `at`. EBUSY, ENOTDIR (kinds differ), ENOENT (unlinked), ENOSPC past sysctl fs.mount-max, EINVAL if `at` is elsewhere.
    Result<> attach(Ref<Mount> m, const Path& at);
    // umount2(2): MNT_DETACH, MNT_FORCE, MNT_EXPIRE. EBUSY while in use (children, or open files unless detached), EINVAL if not a mount root.
    // The caller's own path must be the only reference that it holds to the mount.
    Result<> detach(const Path& mount_root, int flags);
    // A bind mount of `from` (recursive: with what is below). Unattached.
    Result<Ref<Mount>> bind(const Path& from, bool recursive);
    // MS_UNBINDABLE or not, of all mounts below too if `recursive`.
    void set_unbindable(Mount& m, bool on, bool recursive);
    Result<> move(const Path& mount_root, const Path& to);
    Result<> pivot_root(const Path& new_root, const Path& put_old, const Path& caller_root);
    // A copy for unshare(CLONE_NEWNS); *remap translates the caller's root and cwd.
    Result<Ref<MountNamespace>> clone(Ref<UserNamespace> owner, std::vector<Path*> remap);
    // All mounts in order of mounting, for /proc/PID/mounts and mountinfo.
    std::vector<Ref<Mount>> mounts() const;
    // Notified (POLLERR|POLLPRI) at changes: poll of /proc/PID/mounts.
    WaitQueue& changed() { return changed_; }
    // Counts changes, so that a poller can tell whether it has seen them.
    u64 events() const { return events_.load(); }

private:
    friend struct state::Access;
    template <class A>
    void state(A& ar);
    MountNamespace() = default;
    ~MountNamespace() override;
    void add_locked(Ref<Mount> m);
    void remove_locked(Mount& m, Mount::Dropped& out);
    void note_change();
    Result<> check_move_locked(const Mount& m, const Path& to) const;

    u64 id_ = 0;
    Ref<UserNamespace> owner_;
    Ref<Mount> root_;                 // DentryTree
    std::vector<Ref<Mount>> mounts_;  // DentryTree
    std::atomic<u64> events_{0};
    WaitQueue changed_;
};

}  // namespace sbx::vfs
