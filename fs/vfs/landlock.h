// Landlock (landlock(7); security/landlock/fs.c): rules by which an ordinary program gives up rights to files, for itself and what it starts.
// Rulesets are made and enforced by syscalls/landlock.cc; the operations of the VFS ask check*() here. File rights of version 3 of its ABI.
//
// A domain is what a task's credentials carry: rulesets stacked up, none of which changes any more. Each of them must allow what is asked.
#pragma once

#include <unordered_map>
#include <vector>

#include "fs/vfs/dentry.h"
#include "fs/vfs/types.h"
#include "src/base/mutex.h"

namespace sbx::vfs::landlock {

constexpr int kAbiVersion = 3;
constexpr size_t kMaxLayers = 16;  // LANDLOCK_MAX_NUM_LAYERS
// LANDLOCK_ACCESS_FS_*: newer than the headers of some build hosts.
constexpr u32 kExecute = 1 << 0, kWriteFile = 1 << 1, kReadFile = 1 << 2, kReadDir = 1 << 3, kRemoveDir = 1 << 4,
              kRemoveFile = 1 << 5, kMakeChar = 1 << 6, kMakeDir = 1 << 7, kMakeReg = 1 << 8, kMakeSock = 1 << 9,
              kMakeFifo = 1 << 10, kMakeBlock = 1 << 11, kMakeSym = 1 << 12, kRefer = 1 << 13, kTruncate = 1 << 14;
constexpr u32 kAll = (kTruncate << 1) - 1;
constexpr u32 kOfFiles = kExecute | kWriteFile | kReadFile | kTruncate;  // rights to what is no directory

class Ruleset final : public RefCounted {
public:
    explicit Ruleset(u32 handled) : handled_(handled) {}
    u32 handled() const { return handled_; }
    // `allowed` below p, in addition to what was. EINVAL for rights that a file does not have.
    Result<> allow(const Path& p, u32 allowed);
    u32 allowed(const Inode& inode) const;
    // What it is now, for a domain.
    Ref<Ruleset> snapshot() const;
    template <class A>
    auto state_head(A a) const {
        return a.args(handled_);
    }
    template <class A>
    void state(A& ar);

private:
    struct Rule {
        Ref<Dentry> where;  // holds the inode, and its place in the tree
        u32 allowed = 0;
    };
    const u32 handled_;
    mutable Mutex<Rank::Leaf> mu_;
    std::unordered_map<const Inode*, Rule> rules_ SBX_GUARDED_BY(mu_);
};

class Domain final : public RefCounted {
public:
    // `below` (or nothing) with one layer more. E2BIG.
    static Result<Ref<Domain>> extend(const Domain* below, const Ruleset& rules);
    static const Domain* of(const Creds& c);
    // Whether `inner` is this domain or was made from it.
    bool contains(const Domain* inner) const;
    // What each layer denies of `wanted` to p.
    std::vector<u32> denied(Path p, u32 wanted) const;
    std::vector<u32> denied_by_rules_of(const Inode& inode) const;
    template <class A>
    void state(A& ar) {
        ar(layers_);
    }

private:
    std::vector<Ref<Ruleset>> layers_;
};

// Whether the caller is restricted at all; then it changes no mounts.
bool restricted(const Caller& c);
// EACCES unless all of `wanted` is allowed to p.
Result<> check(const Caller& c, const Path& p, u32 wanted);
// open(2) with these flags of a file that is there. False: allowed, but ftruncate(2) will not be.
Result<bool> check_open(const Caller& c, const Path& p, int flags);
// The right to make a node of that type.
u32 right_to_make(u32 mode);
// link(2) (`moves` false) and rename(2): `what` below old_dir gets a name below new_dir, where `victim` is, or nothing. EACCES; EXDEV where
// it must not change its directory.
Result<> check_refer(const Caller& c, const Path& old_dir, const Dentry& what, const Path& new_dir,
                     const Dentry& victim, bool moves, bool exchanges);

}  // namespace sbx::vfs::landlock
