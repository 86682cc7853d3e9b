// HostInode: one host file. HostFile: a descriptor of it that is open for I/O, shared by the guest's open files. Used inside fs/hostfs.
//
// Ownership: an inode holds its parent (to be found again below it); open files and mappings hold the inode and the HostFile; the inode
// knows both of these by plain pointer while they live. Lock: mu_ (Rank::Leaf) guards those pointers, parent and name; no host call is made
// under it.
#pragma once

#include <string>

#include "fs/hostfs/fd_budget.h"
#include "fs/hostfs/host_fs.h"
#include "fs/vfs/inode.h"

namespace sbx::hostfs {

class HostMapping;

class HostFile final : public RefCounted {
public:
    HostFile(HostInode& inode, UniqueFd fd, bool readable, bool writable);
    ~HostFile() override;
    int fd() const { return fd_.get(); }
    bool readable() const { return readable_; }
    bool writable() const { return writable_; }
    HostInode& inode() const { return *inode_; }

private:
    friend struct state::Access;
    template <class A>
    auto state_head(A a) const {
        return a.args(a.by_ref(*inode_), readable_, writable_);
    }
    // Opened by state_loaded(), once the inode's place is known.
    HostFile(HostInode& inode, bool readable, bool writable) : HostFile(inode, UniqueFd(), readable, writable) {}
    template <class A>
    void state(A&) {}
    void state_loaded(state::Loader& ar);
    void on_last_unref() override;
    Ref<HostInode> inode_;
    UniqueFd fd_;
    bool readable_, writable_;
};

class HostInode final : public vfs::Inode {
public:
    // A descriptor in use: it is not closed while this lives.
    class Pin {
    public:
        explicit Pin(HostInode& i, int fd) : inode_(&i), fd_(fd) {}
        Pin(Pin&& o) noexcept : inode_(std::exchange(o.inode_, nullptr)), fd_(o.fd_) {}
        Pin& operator=(Pin&&) = delete;
        ~Pin() {
            if (inode_) inode_->node_.unpin();
        }
        int fd() const { return fd_; }
        // Never unpins.
        void leave() { inode_ = nullptr; }

    private:
        HostInode* inode_;
        int fd_;
    };

    HostInode(HostFs& fs, u64 ino, const HostId& id) : Inode(fs, ino, id.type), id_(id) {}
    HostFs& host_fs() const { return static_cast<HostFs&>(fs()); }
    const HostId& id() const { return id_; }

    // The descriptor (O_PATH), found again by name if it was closed. ESTALE: the file is not there any more; ENFILE.
    Result<Pin> pin();
    // Puts a descriptor in place that is at hand, if none is.
    void offer(UniqueFd fd);
    // The same, never to be closed while the inode lives.
    void keep_open(UniqueFd fd);
    void set_name(Ref<HostInode> parent, std::string_view name);
    // Opens for I/O, or shares what is open. Regular files only.
    Result<Ref<HostFile>> open_data(bool read, bool write);
    // The one mapping object of the file; `file` is open for reading.
    Result<Ref<HostMapping>> mapping(HostFile& file);
    // Whether this directory must not show `name` (hidden.h).
    bool hides(std::string_view name) const;
    // Opens it again in a process that loaded it. What is wrong is told to the loader.
    UniqueFd open_again(int flags, state::Loader& ar);
    // Tells mappings of a truncation: what is mapped from `from` on is dropped.
    void invalidate_mappings(u64 from);

    Result<vfs::Attr> attr() override;
    Result<> set_attr(const vfs::SetAttr& s, const vfs::Caller& c) override;
    Result<Ref<Inode>> lookup(std::string_view name) override;
    Result<Ref<Inode>> make_node(std::string_view name, const vfs::NewNode& n, const vfs::Caller& c) override;
    Result<Ref<Inode>> symlink(std::string_view name, std::string_view target, const vfs::NewNode& n,
                               const vfs::Caller& c) override;
    Result<> link(std::string_view name, Inode& target, const vfs::Caller& c) override;
    Result<> unlink(std::string_view name, Inode& victim, const vfs::Caller& c) override;
    Result<> rmdir(std::string_view name, Inode& victim, const vfs::Caller& c) override;
    Result<> rename(std::string_view name, Inode& what, Inode& new_dir, std::string_view new_name, Inode* victim,
                    u32 flags, const vfs::Caller& c) override;
    Result<Ref<Inode>> tmpfile(const vfs::NewNode& n, const vfs::Caller& c) override;
    Result<std::string> read_link() override;
    Result<Ref<vfs::OpenFile>> open(const vfs::OpenArgs& a) override;
    Result<std::string> get_xattr(std::string_view name, const vfs::Caller& c) override;
    Result<> set_xattr(std::string_view name, std::string_view value, int flags, const vfs::Caller& c) override;
    Result<> remove_xattr(std::string_view name, const vfs::Caller& c) override;
    Result<std::vector<std::string>> list_xattr(const vfs::Caller& c) override;
    bool revalidate(std::string_view name, Inode* cached) override;
    Result<> truncate(u64 size, const vfs::Caller& c) override;
    Result<> permission(u32 may, const vfs::Caller& c) override;

private:
    friend class HostFile;
    friend class HostMapping;
    friend struct state::Access;
    template <class A>
    auto state_head(A a) const {
        return a.args(a.by_ref(host_fs()), ino(), id_, is_root());
    }
    template <class H>
    static HostInode* state_make(state::Loader& ar, H& head);
    template <class A>
    void state(A& ar) SBX_NO_TSA {
        Inode::state(ar);
        ar(parent_, name_, reader_, writer_, mapping_);
    }
    bool is_root() const;
    ~HostInode() override = default;
    Result<> check_rights(const vfs::Attr& a, u32 may, const vfs::Caller& c);
    void on_last_unref() override;
    Result<> writable_fs() const;  // EROFS
    Result<UniqueFd> open_real(int flags);
    Ref<HostFile> shared_file(bool read, bool write);
    // Calls op(fd, path_only) with a descriptor that extended attributes can be had from.
    template <class Op>
    auto with_xattr_fd(Op op) -> decltype(op(0, false));
    Result<Ref<Inode>> created(Pin& dir, const std::string& name, const vfs::NewNode& n);
    Result<> remove(std::string_view name, HostInode& victim, bool directory);
    Result<> give_owner(int fd, const Statx& s, const vfs::NewNode& n);
    void forget_name(const HostInode& dir, std::string_view name);

    const HostId id_;
    NodeFd node_;  // no state: opened by its name again
    mutable Mutex<Rank::Leaf> mu_;
    Ref<HostInode> parent_ SBX_GUARDED_BY(mu_);
    std::string name_ SBX_GUARDED_BY(mu_);
    HostFile* reader_ SBX_GUARDED_BY(mu_) = nullptr;  // open for reading only
    HostFile* writer_ SBX_GUARDED_BY(mu_) = nullptr;  // open for writing, mostly for reading too
    HostMapping* mapping_ SBX_GUARDED_BY(mu_) = nullptr;
    // Of a directory, for path walks alone: who may pass, and that its name is still its own, both as seen at a tick of the coarse clock.
    struct Rights {
        u64 tick = 0;
        u32 mode = 0, uid = 0, gid = 0;
    };
    Rights rights_ SBX_GUARDED_BY(mu_);      // no state: a cache
    u64 name_seen_ SBX_GUARDED_BY(mu_) = 0;  // no state: a cache
};

// Attributes of a statx result.
vfs::Attr to_attr(const Statx& s, u64 ino);

}  // namespace sbx::hostfs
