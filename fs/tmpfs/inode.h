// TmpfsFs and its inodes.
//
// Locks: meta_mu_ (Leaf) guards attributes and extended attributes of one inode; a directory's entries are guarded by the VFS's
// dir_mu. Every inode counts against the file system's limit while it lives.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <unordered_map>

#include "fs/tmpfs/tmpfs.h"
#include "fs/vfs/inode.h"

namespace sbx::tmpfs {

class TmpfsInode;

class TmpfsFs final : public vfs::FileSystem {
public:
    TmpfsFs(Ref<mm::MemoryFile> memory, const Options& o, mm::MemoryKind kind = mm::MemoryKind::Tmpfs);
    std::string_view type_name() const override { return "tmpfs"; }
    Ref<vfs::Inode> root() override;
    Result<vfs::StatFs> statfs() override;
    std::string options() const override;
    Result<> remount(std::string_view data, const vfs::Caller& c) override;
    void on_unmounted() override;
    Result<> sync() override { return {}; }

    // ENOSPC.
    Result<Ref<TmpfsInode>> new_inode(const vfs::NewNode& n);
    // A name beyond a file's first counts as an inode: it takes as much memory (shmem_link()). ENOSPC.
    Result<> reserve_inode();
    void inode_gone() { inodes_.fetch_sub(1); }
    Ref<FileData> new_data();

private:
    friend struct state::Access;
    template <class A>
    auto state_head(A a) const {
        return a.args(memory_, Options{0, 0, root_mode_, root_uid_, root_gid_}, kind_);
    }
    // Of files without names (memfd) there is one, in every process.
    template <class H>
    static TmpfsFs* state_make(state::Loader& ar, H& head);
    template <class A>
    void state(A& ar) SBX_NO_TSA {
        FileSystem::state(ar);
        ar(quota_, inodes_, max_inodes_, next_ino_, root_);
    }
    Ref<mm::MemoryFile> memory_;
    const mm::MemoryKind kind_;
    Ref<Quota> quota_;
    std::atomic<u64> inodes_{0}, max_inodes_, next_ino_{1};
    const u32 root_mode_;
    const Kuid root_uid_;
    const Kgid root_gid_;
    Mutex<Rank::Leaf> mu_;
    Ref<TmpfsInode> root_ SBX_GUARDED_BY(mu_);
};

// A directory's names in order of their making: what readdir's positions count (simple_offset_* of fs/libfs.c), so that no entry
// is lost or doubled whatever changes in between.
class Directory {
public:
    struct Entry {
        std::string name;
        Ref<TmpfsInode> inode;
        template <class A>
        void state(A& ar) {
            ar(name, inode);
        }
    };
    TmpfsInode* find(std::string_view name) const;
    void add(std::string_view name, Ref<TmpfsInode> inode);
    Ref<TmpfsInode> remove(std::string_view name);
    bool empty() const { return by_position_.empty(); }
    // Any thread, without dir_mu.
    size_t size() const { return count_.load(std::memory_order_relaxed); }
    i64 next_position() const { return next_; }
    const std::map<i64, Entry>& entries() const { return by_position_; }
    template <class A>
    void state(A& ar) {
        ar(by_position_, count_, next_);
        if constexpr (A::kLoading)
            for (auto& [position, e] : by_position_) by_name_[e.name] = position;
    }

private:
    std::map<i64, Entry> by_position_;
    std::unordered_map<std::string_view, i64> by_name_;  // keys point into the entries
    std::atomic<size_t> count_{0};
    i64 next_ = 2;  // after "." and ".."
};

class TmpfsInode final : public vfs::Inode, public ListNode<> {
public:
    TmpfsInode(TmpfsFs& fs, u64 ino, const vfs::NewNode& n);
    ~TmpfsInode() override;

    Result<vfs::Attr> attr() override;
    Result<> set_attr(const vfs::SetAttr& s, const vfs::Caller& c) override;
    Result<> permission(u32 may, const vfs::Caller& c) override;
    Result<> truncate(u64 size, const vfs::Caller& c) override;
    Result<Ref<vfs::Inode>> lookup(std::string_view name) override;
    Result<Ref<vfs::Inode>> make_node(std::string_view name, const vfs::NewNode& n, const vfs::Caller& c) override;
    Result<Ref<vfs::Inode>> symlink(std::string_view name, std::string_view target, const vfs::NewNode& n,
                                    const vfs::Caller& c) override;
    Result<> link(std::string_view name, vfs::Inode& target, const vfs::Caller& c) override;
    Result<> unlink(std::string_view name, vfs::Inode& victim, const vfs::Caller& c) override;
    Result<> rmdir(std::string_view name, vfs::Inode& victim, const vfs::Caller& c) override;
    Result<> rename(std::string_view name, vfs::Inode& what, vfs::Inode& new_dir, std::string_view new_name,
                    vfs::Inode* victim, u32 flags, const vfs::Caller& c) override;
    Result<Ref<vfs::Inode>> tmpfile(const vfs::NewNode& n, const vfs::Caller& c) override;
    Result<std::string> read_link() override;
    Result<Ref<vfs::OpenFile>> open(const vfs::OpenArgs& a) override;
    Result<std::string> get_xattr(std::string_view name, const vfs::Caller& c) override;
    Result<> set_xattr(std::string_view name, std::string_view value, int flags, const vfs::Caller& c) override;
    Result<> remove_xattr(std::string_view name, const vfs::Caller& c) override;
    Result<std::vector<std::string>> list_xattr(const vfs::Caller& c) override;

    FileData& data() { return *data_; }
    const Ref<FileData>& data_ref() const { return data_; }
    Directory& directory() { return *dir_; }
    u32 mode() const { return mode_.load(std::memory_order_relaxed); }
    // Writing must drop set-id bits or file capabilities first.
    bool has_privileges() const;
    void touch_modified();     // mtime and ctime
    void touch_changed();      // ctime
    void touch_accessed();     // atime, where it is older than relatime wants
    u32 change_links(int by);  // returns how many there were
    u32 links() const;

private:
    friend struct state::Access;
    template <class A>
    auto state_head(A a) const SBX_NO_TSA {
        return a.args(a.by_ref(tmpfs()), ino(), vfs::NewNode{type() | mode(), uid_.load(), gid_.load(), rdev_});
    }
    template <class A>
    void state(A& ar) SBX_NO_TSA {
        Inode::state(ar);
        for (timespec* t : {&atime_, &mtime_, &ctime_, &btime_}) ar.raw(*t);
        ar(mode_, uid_, gid_, nlink_, xattrs_, xattr_bytes_, has_capability_, has_acl_, data_, dir_, target_);
    }
    void on_last_unref() override;
    TmpfsFs& tmpfs() const { return static_cast<TmpfsFs&>(fs()); }
    void fill_meta(vfs::Attr& a) const;
    void add_entry(std::string_view name, Ref<TmpfsInode> inode);
    Ref<TmpfsInode> remove_entry(std::string_view name);

    std::atomic<u32> mode_;  // permission bits; written under meta_mu_
    std::atomic<Kuid> uid_;
    std::atomic<Kgid> gid_;
    const dev_t rdev_;
    mutable Mutex<Rank::Leaf> meta_mu_;
    u32 nlink_ SBX_GUARDED_BY(meta_mu_);
    timespec atime_ SBX_GUARDED_BY(meta_mu_), mtime_ SBX_GUARDED_BY(meta_mu_), ctime_ SBX_GUARDED_BY(meta_mu_);
    timespec btime_;  // never changes
    std::map<std::string, std::string, std::less<>> xattrs_ SBX_GUARDED_BY(meta_mu_);
    size_t xattr_bytes_ SBX_GUARDED_BY(meta_mu_) = 0;
    std::atomic<bool> has_capability_{false};  // security.capability is set
    std::atomic<bool> has_acl_{false};         // system.posix_acl_access is set
    Ref<FileData> data_;                       // regular files
    std::unique_ptr<Directory> dir_;           // directories
    std::string target_;                       // symlinks; set once
};

}  // namespace sbx::tmpfs
