// Mount: a file system's tree at a place in a mount namespace; MountNamespace: the tree of them. Used by the path walk, mount(2), procfs.
// Lock: Rank::DentryTree guards the tree of mounts.
#pragma once

#include <atomic>
#include <string>
#include <vector>

#include "fs/vfs/types.h"
#include "src/base/wait_queue.h"

namespace sbx::vfs {

class FileSystem;
class MountNamespace;

class Mount final : public RefCounted {
public:
    // A mount that is in no namespace: pipefs, sockfs, anonymous inodes, and new mounts before they are attached.
    static Ref<Mount> create(Ref<FileSystem> fs, Ref<Dentry> root, u64 flags, std::string source);

    FileSystem& fs() const { return *fs_; }
    const Ref<Dentry>& root() const { return root_; }
    int id() const { return id_; }
    // MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_NOATIME, MS_NODIRATIME, MS_RELATIME.
    u64 flags() const { return flags_.load(std::memory_order_relaxed); }
    void set_flags(u64 f) { flags_.store(f, std::memory_order_relaxed); }
    bool read_only() const;
    const std::string& source() const { return source_; }
    // Where this is mounted: parent mount and dentry; empty for a root or a detached mount.
    Path mountpoint() const;
    Ref<MountNamespace> ns() const;
    // What is mounted on (this, dentry), topmost; null if nothing.
    Ref<Mount> lookup_child(const Dentry& d);

private:
    friend class MountNamespace;
    Mount() = default;
    Ref<FileSystem> fs_;
    Ref<Dentry> root_;
    int id_ = 0;
    std::atomic<u64> flags_{0};
    std::string source_;
    struct Impl;
    Impl* impl_ = nullptr;
    ~Mount() override;
};

class MountNamespace final : public RefCounted {
public:
    static Ref<MountNamespace> create(Ref<Mount> root, Ref<UserNamespace> owner);
    u64 id() const { return id_; }  // inode number under /proc/PID/ns
    UserNamespace& owner() const { return *owner_; }
    Ref<Mount> root() const;
    // Attaches m at `at`. EBUSY, ENOTDIR (kinds differ), ENOENT (unlinked), ENOSPC past sysctl fs.mount-max.
    Result<> attach(Ref<Mount> m, const Path& at);
    // umount2(2): MNT_DETACH, MNT_FORCE, MNT_EXPIRE. EBUSY while in use (children, or open files unless detached), EINVAL if not a mount root.
    Result<> detach(const Path& mount_root, int flags);
    // A bind mount of `from` (recursive: with what is below). Unattached.
    Result<Ref<Mount>> bind(const Path& from, bool recursive);
    Result<> move(const Path& mount_root, const Path& to);
    Result<> pivot_root(const Path& new_root, const Path& put_old, const Path& caller_root);
    // A copy for unshare(CLONE_NEWNS); *remap translates the caller's root and cwd.
    Result<Ref<MountNamespace>> clone(Ref<UserNamespace> owner, std::vector<Path*> remap);
    // All mounts in order of mounting, for /proc/PID/mounts and mountinfo.
    std::vector<Ref<Mount>> mounts() const;
    // Notified (POLLERR|POLLPRI) at changes: poll of /proc/PID/mounts.
    WaitQueue& changed();

private:
    MountNamespace() = default;
    ~MountNamespace() override;
    u64 id_ = 0;
    Ref<UserNamespace> owner_;
    struct Impl;
    Impl* impl_ = nullptr;
};

}  // namespace sbx::vfs
