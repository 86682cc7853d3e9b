// HostFs: one hostfs instance; the table of its live inodes. Used inside fs/hostfs.
#pragma once

#include <unordered_map>

#include "fs/hostfs/host_calls.h"
#include "fs/hostfs/hostfs.h"
#include "fs/vfs/file_system.h"

namespace sbx::hostfs {

class HostInode;

// What makes a host file the same one: numbers are used again, birth times hardly with them.
struct HostId {
    u64 dev = 0, ino = 0;
    i64 btime = 0;
    u32 type = 0;
    template <class A>
    void state(A& ar) {
        ar(dev, ino, btime, type);
    }
    static HostId of(const Statx& s);
    friend bool operator==(const HostId&, const HostId&) = default;
};

class HostFs final : public vfs::FileSystem {
public:
    explicit HostFs(const Options& o);
    ~HostFs() override;
    std::string_view type_name() const override { return "hostfs"; }
    Ref<vfs::Inode> root() override;
    Result<vfs::StatFs> statfs() override;
    bool dentries_stable() const override { return options_.cache == Cache::Exclusive; }
    Result<> sync() override;
    void on_unmounted() override;

    Result<> set_root(UniqueFd fd);
    bool refuses_writes() const { return options_.read_only; }
    // New files can be given to whoever made them: the sentry is the host's root.
    bool gives_owners() const { return gives_owners_; }
    bool exclusive() const { return options_.cache == Cache::Exclusive; }
    OwnerHook owner_hook() const { return options_.owner; }
    const Hidden* hidden() const { return options_.hidden.get(); }
    // The inode of a host file, found as `name` in `parent` (both may be missing: an unnamed file). fd: its O_PATH descriptor, if open.
    Ref<HostInode> inode_for(const Statx& s, Ref<HostInode> parent, std::string_view name, UniqueFd fd);
    // A new inode for one that was saved; with one reference.
    HostInode* loaded_inode(u64 ino, const HostId& id);
    // st_ino that is unique over all host file systems below the root.
    u64 ino_of(u64 dev, u64 ino);

    // A descriptor that a file was created with, open for writing whatever its mode says: kept for the open that follows. A few at most.
    void keep_fresh(HostInode& inode, UniqueFd fd);
    UniqueFd take_fresh(HostInode& inode);

private:
    friend class HostInode;
    friend struct state::Access;
    template <class A>
    auto state_head(A a) const {
        return a.args(options_.source);
    }
    // The one that the new process has for the same directory.
    template <class H>
    static HostFs* state_make(state::Loader& ar, H& head);
    template <class A>
    void state(A& ar) SBX_NO_TSA {
        FileSystem::state(ar);
        ar(devs_, root_);
    }
    struct Hash {
        size_t operator()(const HostId& k) const {
            return static_cast<size_t>((k.ino * 0x9e3779b97f4a7c15u) ^ (k.dev << 7));
        }
    };
    struct SameNumbers {
        bool operator()(const HostId& a, const HostId& b) const { return a.dev == b.dev && a.ino == b.ino; }
    };
    void gone(HostInode& inode);

    const Options options_;
    const bool gives_owners_;  // no state: the loading process knows
    Ref<HostInode> root_;
    Mutex<Rank::Leaf> mu_;
    // no state: inodes enter themselves.
    std::unordered_map<HostId, HostInode*, Hash, SameNumbers> inodes_ SBX_GUARDED_BY(mu_);
    std::vector<u64> devs_ SBX_GUARDED_BY(mu_);  // host devices by order of appearance; the root's first
    struct Fresh {
        HostInode* inode = nullptr;
        UniqueFd fd;
    };
    static constexpr size_t kFresh = 16;
    Fresh fresh_[kFresh] SBX_GUARDED_BY(mu_);    // no state: a cache
    size_t next_fresh_ SBX_GUARDED_BY(mu_) = 0;  // no state: of a cache
};

}  // namespace sbx::hostfs
