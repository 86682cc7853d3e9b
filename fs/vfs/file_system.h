// FileSystem: one instance of a file system (Linux's super_block), and the registry of types for mount(2) and boot.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "fs/vfs/dentry.h"
#include "fs/vfs/inode.h"
#include "fs/vfs/types.h"

namespace sbx::vfs {

class FileSystem : public RefCounted {
public:
    FileSystem();
    ~FileSystem() override;
    u64 dev() const { return dev_; }  // st_dev: an anonymous device number of its own
    // The root of the one dentry tree; made at first use.
    Ref<Dentry> root_dentry();
    virtual std::string_view type_name() const = 0;  // as in /proc/filesystems
    virtual Ref<Inode> root() = 0;
    virtual Result<StatFs> statfs() = 0;
    // Options as /proc/mounts shows them after "rw," (without a comma in front), e.g. "size=1024k".
    virtual std::string options() const { return ""; }
    // False: dentries may go stale behind us (host files, procfs); the walk asks Inode::revalidate.
    virtual bool dentries_stable() const { return true; }
    // False: a missing name is an error of its lookup (procfs), so that asking to make it gives ENOENT to everybody.
    virtual bool has_negative_names() const { return true; }
    virtual Result<> sync() { return {}; }
    // The last mount of it is gone. Every inode and every dentry tree holds its file system: one that keeps its own root inode
    // drops it here, or lives for ever. Open files may go on for a while.
    virtual void on_unmounted() {}
    // MS_RDONLY of the file system itself (all its mounts).
    std::atomic<bool> read_only{false};
    // Regular files open for writing, through whichever mount.
    std::atomic<u32> writers{0};
    // mount(2) with MS_REMOUNT: new options. EINVAL for what cannot change.
    virtual Result<> remount(std::string_view data, const Caller& c);
    // Serialises renames over two directories of this file system.
    Mutex<Rank::FsRename> rename_mu;
    // The part of every file system; called by the state() of each kind.
    template <class A>
    void state(A& ar);

private:
    friend class Dentry;
    friend class Mount;
    void root_dentry_gone(Dentry& d);
    u64 dev_;
    Mutex<Rank::Leaf> root_mu_;
    Dentry* root_dentry_ SBX_GUARDED_BY(root_mu_) = nullptr;  // not owned
    std::atomic<u32> mounts_{0};
};

// A type that mount(2) can make. Registered at start-up by the concrete file systems (from cli/).
struct FileSystemType {
    std::string_view name;
    bool nodev = true;            // "nodev" in /proc/filesystems
    bool user_mountable = false;  // FS_USERNS_MOUNT
    // `source` and `data` as in mount(2); data is a comma-separated option string.
    Result<Ref<FileSystem>> (*create)(std::string_view source, std::string_view data, const Caller& c);
};
void register_file_system(const FileSystemType& type);
const FileSystemType* find_file_system(std::string_view name);
std::vector<const FileSystemType*> file_system_types();

// Character and block devices by number, opened by Inode::open. Registered by devfs, devpts.
using DeviceOpener = Result<Ref<OpenFile>> (*)(const OpenArgs& a, dev_t dev);
void register_device(u32 type, unsigned major, unsigned minor_first, unsigned minor_last, DeviceOpener opener);
// FIFOs; registered by pipefs.
using FifoOpener = Result<Ref<OpenFile>> (*)(const OpenArgs& a, Inode& inode);
void register_fifo_opener(FifoOpener opener);
Result<Ref<OpenFile>> open_device(const OpenArgs& a, u32 type, dev_t dev);  // ENXIO if none
Result<Ref<OpenFile>> open_fifo(const OpenArgs& a, Inode& inode);

}  // namespace sbx::vfs
