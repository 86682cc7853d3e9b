// OverlayFs and OverlayInode: the tables and the nodes of an overlay. Used inside fs/overlay.
#pragma once

#include <condition_variable>
#include <string>
#include <unordered_map>

#include "fs/overlay/overlay.h"
#include "fs/vfs/dentry.h"
#include "fs/vfs/inode.h"
#include "fs/vfs/mount.h"
#include "fs/vfs/open_file.h"

namespace sbx::overlay {

class OverlayInode;

class OverlayFs final : public vfs::FileSystem {
public:
    OverlayFs(Ref<vfs::Mount> lower, Ref<vfs::Mount> upper) : lower_(std::move(lower)), upper_(std::move(upper)) {}
    std::string_view type_name() const override { return "overlay"; }
    Ref<vfs::Inode> root() override;
    Result<vfs::StatFs> statfs() override;
    bool dentries_stable() const override { return lower_->fs().dentries_stable(); }
    Result<> sync() override { return upper_->fs().sync(); }
    void on_unmounted() override;
    std::string options() const override { return "lowerdir=lower,upperdir=upper"; }

    Result<> make_root();
    // The overlay's inode for one of a layer, found as `name` in `parent`. `merges`: of an upper directory, what lies below it.
    Ref<OverlayInode> node_for_upper(Ref<vfs::Inode> upper, OverlayInode& parent, std::string_view name,
                                     Ref<vfs::Inode> merges);
    Ref<OverlayInode> node_for_lower(Ref<vfs::Inode> lower, OverlayInode& parent, std::string_view name);
    // The node was copied up, or counts its names: it must not be forgotten.
    void keep(OverlayInode& i);
    void drop(OverlayInode& i);
    void gone(OverlayInode& i);
    // st_ino of an upper directory's entry.
    u64 upper_ino(u64 ino);
    // Opens a node of a layer.
    Result<Ref<vfs::OpenFile>> open_lower(vfs::Inode& i, int flags, const vfs::Caller& c) {
        return open_layer(lower_, i, flags, c);
    }
    Result<Ref<vfs::OpenFile>> open_upper(vfs::Inode& i, int flags, const vfs::Caller& c) {
        return open_layer(upper_, i, flags, c);
    }
    Ref<vfs::Inode> lower_root() { return lower_->fs().root(); }
    // True if the upper layer outlives this overlay: directories are marked as Linux's overlayfs marks them.
    bool upper_is_kept() const { return upper_->fs().type_name() == "hostfs"; }
    // Whether i is what stands for that inode of a layer; makes it so.
    bool stands_for(vfs::Inode* layer, const OverlayInode& i);
    void let_stand_for(vfs::Inode* layer, OverlayInode& i);

private:
    friend class Claim;
    friend struct state::Access;
    template <class A>
    auto state_head(A a) const {
        return a.args(lower_, upper_);
    }
    template <class A>
    void state(A& ar) SBX_NO_TSA {
        FileSystem::state(ar);
        ar(root_, kept_, upper_inos_);
    }
    static Result<Ref<vfs::OpenFile>> open_layer(const Ref<vfs::Mount>& m, vfs::Inode& i, int flags,
                                                 const vfs::Caller& c);
    const Ref<vfs::Mount> lower_, upper_;  // in no namespace
    Ref<OverlayInode> root_;
    Mutex<Rank::Leaf> mu_;
    // no state: inodes enter themselves.
    std::unordered_map<const vfs::Inode*, OverlayInode*> by_layer_ SBX_GUARDED_BY(mu_);  // lower and upper inodes alike
    std::unordered_map<OverlayInode*, Ref<OverlayInode>> kept_ SBX_GUARDED_BY(mu_);
    std::unordered_map<u64, u64> upper_inos_ SBX_GUARDED_BY(mu_);  // of copied-up inodes: upper st_ino to ours
    // Claims: who waits for one waits here.
    Mutex<Rank::Overlay> claim_mu_;
    std::condition_variable_any claim_cv_;
};

class OverlayInode final : public vfs::Inode {
public:
    // Of data at copy-up: all; none, it is read from below until somebody changes it (metacopy of Linux's overlayfs).
    static constexpr u64 kAll = ~0ull, kNoData = ~0ull - 1;
    OverlayInode(OverlayFs& fs, u64 ino, u32 type, Ref<vfs::Inode> lower, Ref<vfs::Inode> upper);
    ~OverlayInode() override;
    OverlayFs& overlay() const { return static_cast<OverlayFs&>(fs()); }
    vfs::Inode* lower() const { return lower_.get(); }
    vfs::Inode* upper() const { return upper_.load(std::memory_order_acquire); }
    // The upper inode if the file's data is there, too.
    vfs::Inode* upper_with_data() const {
        vfs::Inode* up = upper();
        return data_below() ? nullptr : up;
    }
    // The layer's inode that counts now.
    vfs::Inode& active() const { return upper() ? *upper() : *lower_; }
    // Of a directory: names of the lower one are seen.
    bool merges() const { return merges_.load(std::memory_order_acquire); }
    Ref<OverlayInode> parent() const;
    void set_place(Ref<OverlayInode> parent, std::string_view name);
    void set_place_if_none(OverlayInode& parent, std::string_view name);

    // Makes the upper inode, its ancestors' first. Of data only the first `bytes` are copied (the rest is about to be cut off), or none
    // (kNoData). Whatever fails, the lower file stays visible as it was.
    Result<> copy_up(const vfs::Caller& c, u64 bytes = kAll);

    Result<vfs::Attr> attr() override;
    Result<> set_attr(const vfs::SetAttr& s, const vfs::Caller& c) override;
    Result<> truncate(u64 size, const vfs::Caller& c) override;
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
    Result<std::string> read_link() override { return active().read_link(); }
    Result<Ref<vfs::OpenFile>> open(const vfs::OpenArgs& a) override;
    Result<std::string> get_xattr(std::string_view name, const vfs::Caller& c) override;
    Result<> set_xattr(std::string_view name, std::string_view value, int flags, const vfs::Caller& c) override;
    Result<> remove_xattr(std::string_view name, const vfs::Caller& c) override;
    Result<std::vector<std::string>> list_xattr(const vfs::Caller& c) override;
    bool revalidate(std::string_view name, Inode* cached) override;
    Result<> permission(u32 may, const vfs::Caller& c) override { return active().permission(may, c); }

private:
    friend class OverlayFs;
    friend class Claim;
    friend struct state::Access;
    template <class A>
    auto state_head(A a) const {
        return a.args(a.by_ref(overlay()), ino(), type(), lower_, Ref<vfs::Inode>(upper()));
    }
    template <class A>
    void state(A& ar);
    void on_last_unref() override;
    Result<> copy_up_one(const vfs::Caller& c, u64 bytes);
    Result<Ref<Inode>> make_upper(vfs::Inode* dir, const std::string& name, const vfs::Attr& a, const vfs::Caller& c,
                                  u64 bytes);
    Result<> copy_data(Inode& to, u64 size, const vfs::Caller& c);
    Result<> copy_xattrs(Inode& to, const vfs::Caller& c);
    void publish_upper(Ref<Inode> upper, u32 lower_nlink, bool data_below);
    bool data_below() const { return data_below_.load(std::memory_order_acquire); }
    template <class Change>
    Result<> change_upper(Change change);
    // The data of a file whose attributes alone were copied up.
    Result<> fetch_data(const vfs::Caller& c, u64 bytes);
    // The host does not let the sentry look for names in the lower directory, whatever the program's rights are.
    bool lower_is_closed();

    // Whether the lower directory has the name, so that a whiteout is needed where it goes.
    bool lower_has(std::string_view name);
    // What the upper directory has under the name: a node, a whiteout, or nothing.
    struct UpperEntry {
        Ref<Inode> node;
        bool whiteout = false;
    };
    Result<UpperEntry> upper_entry(Inode& dir, const std::string& name);
    // Calls make(name) in the upper directory, after taking a whiteout out of its way; puts it back if make fails.
    template <class Make>
    auto over_whiteout(Inode& dir, const std::string& name, const vfs::Caller& c, Make make) -> decltype(make());
    Result<> remove(std::string_view name, OverlayInode& victim, const vfs::Caller& c);
    Result<> check_empty(const vfs::Caller& c);
    Result<> clear_whiteouts(const vfs::Caller& c);
    Result<> move_upper(Inode& up, const std::string& name, OverlayInode& w, Inode& nup, const std::string& new_name,
                        OverlayInode* v, const vfs::Caller& c);
    void name_gone(const OverlayInode& dir, std::string_view name);
    void count_names(int change);
    void mark_opaque(Inode& dir, const vfs::Caller& c);
    // Of a directory: its path in the lower layer; empty if it is longer than a mark can be.
    std::string lower_path() const;
    void mark_redirect(const std::string& lower_path, const vfs::Caller& c);
    // What a directory of an upper layer that was kept is merged with, by its marks; *redirect: it was renamed from there.
    Ref<Inode> merged_with(Inode& up, std::string_view name, std::string* redirect);

    const Ref<vfs::Inode> lower_;
    std::atomic<vfs::Inode*> upper_;  // holds a reference; set once
    std::atomic<bool> merges_;
    std::atomic<bool> data_below_{false};  // with an upper inode: it has all but the data
    std::atomic<i32> nlink_change_{0};     // names made or removed here, of a lower file
    u32 lower_nlink_ = 0;                  // at copy-up; written before upper_
    bool claimed_ = false;                 // no state: no call is under way; OverlayFs::claim_mu_
    mutable Mutex<Rank::Leaf> mu_;
    Ref<OverlayInode> parent_ SBX_GUARDED_BY(mu_);  // where to copy up to; null: no name known
    std::string name_ SBX_GUARDED_BY(mu_);
    std::string redirect_ SBX_GUARDED_BY(mu_);  // of a renamed directory: its path in the lower layer
};

// One thread at a time copies an inode up or changes its names. It is not a mutex, because the upper layer's directory locks, which rank
// before Rank::Overlay, are taken under it: see overlay.h for why that cannot deadlock.
class Claim {
public:
    explicit Claim(OverlayInode& i) : a_(&i) { take(*a_); }
    // Two, by address; b may be null.
    Claim(OverlayInode& a, OverlayInode* b);
    ~Claim();
    Claim(const Claim&) = delete;
    Claim& operator=(const Claim&) = delete;

private:
    static void take(OverlayInode& i);
    static void give(OverlayInode& i);
    OverlayInode* a_;
    OverlayInode* b_ = nullptr;
};

struct Listed {
    std::string name;
    u64 ino = 0;
    u8 type = 0;
    template <class A>
    void state(A& ar) {
        ar(name, ino, type);
    }
};
// Entries of an overlay directory without `.` and `..`, each name once.
Result<std::vector<Listed>> list_directory(OverlayInode& dir, const vfs::Caller& c);
// Entries of the upper directory as they are, whiteouts too.
Result<std::vector<Listed>> list_upper(OverlayFs& fs, vfs::Inode& dir, const vfs::Caller& c);
bool is_whiteout(vfs::Inode& i);

Result<Ref<vfs::OpenFile>> open_overlay_directory(const vfs::OpenArgs& a, OverlayInode& inode);
// `in_upper`: `real` is the upper layer's file.
Ref<vfs::OpenFile> open_overlay_file(const vfs::OpenArgs& a, OverlayInode& inode, Ref<vfs::OpenFile> real,
                                     bool in_upper);

}  // namespace sbx::overlay
