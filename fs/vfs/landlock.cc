// Rules, domains, and the questions of the VFS.
#include "fs/vfs/landlock.h"

#include <fcntl.h>

#include <algorithm>

#include "fs/vfs/dentry.h"
#include "fs/vfs/inode.h"
#include "fs/vfs/mount.h"
#include "src/base/archive.h"
#include "src/cred/creds.h"

namespace sbx::vfs::landlock {

SBX_SAVABLE(Ruleset);
SBX_SAVABLE(Domain);

template <class A>
void Ruleset::state(A& ar) SBX_NO_TSA {
    u64 n = rules_.size();
    ar(n);
    if constexpr (A::kLoading) {
        for (u64 i = 0; i < n && ar.ok(); i++) {
            Rule r;
            Ref<Inode> inode;
            ar(r.where, r.allowed, inode);
            if (r.where && inode) rules_[inode.get()] = std::move(r);
        }
    } else {
        for (auto& [inode, r] : rules_) {
            Ref<Inode> held(const_cast<Inode&>(*inode));
            ar(r.where, r.allowed, held);
        }
    }
}

Result<> Ruleset::allow(const Path& p, u32 allowed) {
    Inode* inode = p.dentry->inode();
    if (!inode->is_dir() && (allowed & ~kOfFiles)) return err(EINVAL);
    Lock l(mu_);
    Rule& r = rules_[inode];
    if (!r.where) r.where = p.dentry;
    r.allowed |= allowed;
    return {};
}

u32 Ruleset::allowed(const Inode& inode) const {
    Lock l(mu_);
    auto r = rules_.find(&inode);
    return r == rules_.end() ? 0 : r->second.allowed;
}

// Nobody else knows the copy yet.
Ref<Ruleset> Ruleset::snapshot() const SBX_NO_TSA {
    auto s = make_ref<Ruleset>(handled_);
    Lock l(mu_);
    s->rules_ = rules_;
    return s;
}

Result<Ref<Domain>> Domain::extend(const Domain* below, const Ruleset& rules) {
    auto d = make_ref<Domain>();
    if (below) d->layers_ = below->layers_;
    if (d->layers_.size() >= kMaxLayers) return err(E2BIG);
    d->layers_.push_back(rules.snapshot());
    return d;
}

const Domain* Domain::of(const Creds& c) { return static_cast<const Domain*>(c.landlock.get()); }

bool Domain::contains(const Domain* inner) const {
    return inner && inner->layers_.size() >= layers_.size() &&
           std::equal(layers_.begin(), layers_.end(), inner->layers_.begin());
}

// is_access_to_paths_allowed()
std::vector<u32> Domain::denied(Path p, u32 wanted) const {
    std::vector<u32> left;
    // To be moved to another directory is denied by every ruleset unless a rule allows it (LANDLOCK_ACCESS_FS_INITIALLY_DENIED).
    for (const Ref<Ruleset>& l : layers_) left.push_back(wanted & (l->handled() | kRefer));
    while (std::any_of(left.begin(), left.end(), [](u32 x) { return x != 0; })) {
        for (size_t i = 0; i < left.size(); i++)
            if (left[i] != 0) left[i] &= ~layers_[i]->allowed(*p.dentry->inode());
        // What a mount hides has no say.
        while (p.dentry == p.mount->root()) {
            Path below = p.mount->mountpoint();
            if (!below) return left;
            p = std::move(below);
        }
        Ref<Dentry> parent = p.dentry->parent();
        if (!parent) return std::vector<u32>(layers_.size());  // a pipe or a socket: in no tree
        p.dentry = std::move(parent);
    }
    return left;
}

std::vector<u32> Domain::denied_by_rules_of(const Inode& inode) const {
    std::vector<u32> left;
    for (const Ref<Ruleset>& l : layers_) left.push_back((l->handled() | kRefer) & ~l->allowed(inode));
    return left;
}

namespace {

const Domain* domain_of(const Caller& c) { return c.creds ? Domain::of(*c.creds) : nullptr; }

bool any(const std::vector<u32>& denied, u32 of) {
    return std::any_of(denied.begin(), denied.end(), [of](u32 x) { return (x & of) != 0; });
}

// no_more_access(): whether something gets no right by its move that it does not have where it is.
bool gains_nothing(const std::vector<u32>& from, const Domain& d, const Inode& what, const std::vector<u32>& to) {
    std::vector<u32> own = d.denied_by_rules_of(what);
    u32 counts = what.is_dir() ? kAll : kOfFiles;
    for (size_t i = 0; i < from.size(); i++)
        if (from[i] & own[i] & ~to[i] & counts) return false;
    return true;
}

u32 right_to_remove(const Dentry& d) {
    const Inode* inode = d.inode();
    if (!inode) return 0;
    return inode->is_dir() ? kRemoveDir : kRemoveFile;
}

}  // namespace

bool restricted(const Caller& c) { return domain_of(c) != nullptr; }

Result<> check(const Caller& c, const Path& p, u32 wanted) {
    const Domain* d = domain_of(c);
    if (!d || !any(d->denied(p, wanted), kAll)) return {};
    return err(EACCES);
}

Result<bool> check_open(const Caller& c, const Path& p, int flags) {
    const Domain* d = domain_of(c);
    if (!d) return true;
    u32 wanted = 0;
    int mode = flags & O_ACCMODE;
    if (mode != O_WRONLY) wanted |= p.dentry->inode()->is_dir() ? kReadDir : kReadFile;
    if (mode != O_RDONLY) wanted |= kWriteFile;
    std::vector<u32> denied = d->denied(p, wanted | kTruncate);
    bool truncates = !any(denied, kTruncate);
    if (any(denied, wanted) || ((flags & O_TRUNC) && p.dentry->inode()->is_regular() && !truncates)) return err(EACCES);
    return truncates;
}

u32 right_to_make(u32 mode) {
    switch (mode & S_IFMT) {
    case S_IFLNK: return kMakeSym;
    case S_IFDIR: return kMakeDir;
    case S_IFCHR: return kMakeChar;
    case S_IFBLK: return kMakeBlock;
    case S_IFIFO: return kMakeFifo;
    case S_IFSOCK: return kMakeSock;
    default: return kMakeReg;
    }
}

// current_check_refer_path()
Result<> check_refer(const Caller& c, const Path& old_dir, const Dentry& what, const Path& new_dir,
                     const Dentry& victim, bool moves, bool exchanges) {
    const Domain* d = domain_of(c);
    if (!d) return {};
    u32 in_old = exchanges ? right_to_make(victim.inode()->type()) : 0;
    u32 in_new = right_to_make(what.inode()->type());
    if (moves) {
        in_old |= right_to_remove(what);
        in_new |= right_to_remove(victim);
    }
    if (old_dir.dentry == new_dir.dentry) return check(c, new_dir, in_old | in_new);
    std::vector<u32> old_denied = d->denied(old_dir, kAll), new_denied = d->denied(new_dir, kAll);
    // EACCES comes first: with EXDEV programs copy instead, which would fail.
    if (any(old_denied, in_old) || any(new_denied, in_new)) return err(EACCES);
    if (any(old_denied, kRefer) || any(new_denied, kRefer)) return err(EXDEV);
    if (!gains_nothing(old_denied, *d, *what.inode(), new_denied)) return err(EXDEV);
    if (exchanges && !gains_nothing(new_denied, *d, *victim.inode(), old_denied)) return err(EXDEV);
    return {};
}

}  // namespace sbx::vfs::landlock
