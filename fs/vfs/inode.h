// Inode: what a file system implements. Base class of every file system's nodes; used by the path walk and the system calls.
//
// General contract: no method blocks on a guest action (host disk I/O is fine); none touches application memory except open files'
// read/write through IoBuf. Permissions are checked by the VFS (vfs/permission.h) before; a file system checks only what it alone knows.
// Ownership: an inode keeps its file system alive. Locks: for directory-changing methods the VFS holds dir_mu() of the directories involved exclusively (for rename: both, and the file
// system's rename lock); lookup is called with it held shared or exclusive. Every default implementation returns the errno Linux gives for
// a file of that type.
#pragma once

#include <vector>

#include "fs/vfs/types.h"
#include "src/base/function_ref.h"
#include "src/base/mutex.h"
#include "src/base/wait_queue.h"

namespace sbx::vfs {

class FileLocks;
class FileSystem;
class InotifyMarks;

// What open(2) hands to Inode::open.
struct OpenArgs {
    Path path;
    int flags = 0;  // O_* as given (access mode, status and creation flags)
    const Caller& caller;
};

// Receives directory entries.
class DirSink {
public:
    // False when full: the entry was not taken. `next` is the position after it.
    virtual bool entry(std::string_view name, u64 ino, u8 dtype, i64 next) = 0;

protected:
    ~DirSink() = default;
};

class Inode : public RefCounted {
public:
    Inode(FileSystem& fs, u64 ino, u32 type);
    ~Inode() override;

    FileSystem& fs() const { return fs_; }
    u64 ino() const { return ino_; }
    u32 type() const { return type_; }  // S_IFREG ...; never changes
    bool is_dir() const { return type_ == S_IFDIR; }
    bool is_symlink() const { return type_ == S_IFLNK; }
    bool is_regular() const { return type_ == S_IFREG; }

    virtual Result<Attr> attr() = 0;
    // Applies the changes; the caller has checked permissions and cleared set-id bits as needed. EROFS, EPERM where fixed.
    virtual Result<> set_attr(const SetAttr& s, const Caller& c);

    // Directories.
    virtual Result<Ref<Inode>> lookup(std::string_view name);  // ENOENT
    virtual Result<Ref<Inode>> make_node(std::string_view name, const NewNode& n,
                                         const Caller& c);  // regular, dir, fifo, socket, device
    virtual Result<Ref<Inode>> symlink(std::string_view name, std::string_view target, const NewNode& n,
                                       const Caller& c);
    virtual Result<> link(std::string_view name, Inode& target, const Caller& c);
    virtual Result<> unlink(std::string_view name, Inode& victim, const Caller& c);
    virtual Result<> rmdir(std::string_view name, Inode& victim, const Caller& c);
    // flags: RENAME_NOREPLACE, RENAME_EXCHANGE, RENAME_WHITEOUT. `victim`: what stands at the new name, or null.
    virtual Result<> rename(std::string_view name, Inode& what, Inode& new_dir, std::string_view new_name,
                            Inode* victim, u32 flags, const Caller& c);
    virtual Result<Ref<Inode>> tmpfile(const NewNode& n, const Caller& c);  // O_TMPFILE; link() may name it later

    // Symlinks.
    virtual Result<std::string> read_link();
    // True: following it jumps to follow_magic() (procfs), whatever read_link() says.
    virtual bool is_magic_link() const { return false; }
    virtual Result<Path> follow_magic(const Caller& c);

    // Opens the node. Not called for O_PATH. Devices are opened through the device registry by the default implementation, FIFOs through
    // the hook that pipefs registers; sockets give ENXIO.
    virtual Result<Ref<OpenFile>> open(const OpenArgs& a);

    // Extended attributes (xattr(7)); the VFS has checked names and permissions. ENODATA, EOPNOTSUPP, E2BIG...
    virtual Result<std::string> get_xattr(std::string_view name, const Caller& c);
    virtual Result<> set_xattr(std::string_view name, std::string_view value, int flags, const Caller& c);
    virtual Result<> remove_xattr(std::string_view name, const Caller& c);
    virtual Result<std::vector<std::string>> list_xattr(const Caller& c);

    // Overrides the generic permission check where a file system has rules of its own (procfs). EACCES.
    virtual Result<> permission(u32 may, const Caller& c);
    // A hint that names in this directory may change behind the VFS (host files): cached dentries are asked through revalidate().
    virtual bool revalidate(std::string_view name, Inode* cached) {
        (void)name, (void)cached;
        return true;
    }
    // The node below this one where it stands for another's (overlay, bind): for locks, sockets and FIFOs, which must meet in one place.
    virtual Inode& real() { return *this; }
    // Truncates to `size`, also for ftruncate and O_TRUNC. Default: set_attr(kSize).
    virtual Result<> truncate(u64 size, const Caller& c);

    RwMutex<Rank::Dir>& dir_mu() { return dir_mu_; }
    // Lock lists, created at first use. Never null.
    FileLocks& locks();
    // The same, or null if there never was a lock (cheap test at close).
    FileLocks* existing_locks() const { return locks_.load(std::memory_order_acquire); }
    // inotify marks, or null if none was ever set (cheap test on hot paths).
    InotifyMarks* marks() const { return marks_.load(std::memory_order_acquire); }
    InotifyMarks& make_marks();
    // The pipe behind a FIFO, or the socket bound to a socket node; owned by the inode.
    Ref<RefCounted> attached() const;
    void attach(Ref<RefCounted> object);

    // Open for writing that many times; negative: that many users deny writing (a running executable). ETXTBSY.
    std::atomic<i32> write_count{0};
    Result<> get_write_access();  // ETXTBSY
    void put_write_access() { write_count.fetch_sub(1); }
    Result<> deny_write_access();  // ETXTBSY
    void allow_write_access() { write_count.fetch_add(1); }
    // Open for reading alone that many times: what leases ask for.
    std::atomic<i32> read_count{0};
    // Made by O_TMPFILE without O_EXCL: linkat(2) may give it a first name.
    std::atomic<bool> linkable_tmpfile{false};
    // The part of every inode; called by the state() of each kind. What the constructor takes is in its head.
    template <class A>
    void state(A& ar);

private:
    FileSystem& fs_;
    u64 ino_;
    u32 type_;
    RwMutex<Rank::Dir> dir_mu_;
    mutable Mutex<Rank::Leaf> leaf_mu_;
    std::atomic<FileLocks*> locks_{nullptr};
    std::atomic<InotifyMarks*> marks_{nullptr};
    Ref<RefCounted> attached_ SBX_GUARDED_BY(leaf_mu_);
};

}  // namespace sbx::vfs
