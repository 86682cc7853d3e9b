// The tables of an overlay: which inode stands for which of the layers.
#include <algorithm>
#include <vector>

#include "fs/overlay/overlay_inode.h"
#include "src/base/archive.h"

namespace sbx::overlay {
namespace {
// Upper inode numbers are told from lower ones by a bit that host file systems leave free, below those that hostfs uses.
constexpr u64 kUpperBit = 1ull << 47;
constexpr u64 kMagic = 0x794c7630;  // OVERLAYFS_SUPER_MAGIC
}  // namespace

SBX_SAVABLE(OverlayFs);
SBX_SAVABLE(OverlayInode);

template <class A>
void OverlayInode::state(A& ar) SBX_NO_TSA {
    Inode::state(ar);
    ar(merges_, data_below_, nlink_change_, lower_nlink_, parent_, name_, redirect_);
    bool for_lower = overlay().stands_for(lower(), *this), for_upper = overlay().stands_for(upper(), *this);
    ar(for_lower, for_upper);
    if constexpr (A::kLoading) {
        if (for_lower && lower()) overlay().let_stand_for(lower(), *this);
        if (for_upper && upper()) overlay().let_stand_for(upper(), *this);
    }
}

bool OverlayFs::stands_for(vfs::Inode* layer, const OverlayInode& i) {
    Lock l(mu_);
    auto it = by_layer_.find(layer);
    return it != by_layer_.end() && it->second == &i;
}

void OverlayFs::let_stand_for(vfs::Inode* layer, OverlayInode& i) {
    Lock l(mu_);
    by_layer_[layer] = &i;
}

Ref<vfs::Inode> OverlayFs::root() { return root_; }

Result<> OverlayFs::make_root() {
    Ref<vfs::Inode> lower = lower_->fs().root(), upper = upper_->fs().root();
    if (!lower->is_dir() || !upper->is_dir()) return err(ENOTDIR);
    if (!upper_is_kept()) {
        // A fresh upper layer looks like what it covers.
        vfs::Attr a = SBX_TRY(lower->attr());
        vfs::SetAttr s;
        s.valid =
            vfs::SetAttr::kMode | vfs::SetAttr::kUid | vfs::SetAttr::kGid | vfs::SetAttr::kAtime | vfs::SetAttr::kMtime;
        s.mode = a.mode & 07777;
        s.uid = a.uid;
        s.gid = a.gid;
        s.atime = a.atime;
        s.mtime = a.mtime;
        SBX_TRY(upper->set_attr(s, vfs::Caller{}));
    }
    root_ = make_ref<OverlayInode>(*this, lower->ino(), S_IFDIR, lower, upper);
    Lock l(mu_);
    by_layer_.emplace(lower.get(), root_.get());
    by_layer_.emplace(upper.get(), root_.get());
    upper_inos_.emplace(upper->ino(), lower->ino());
    return {};
}

Result<vfs::StatFs> OverlayFs::statfs() {
    vfs::StatFs s = SBX_TRY(upper_->fs().statfs());
    s.type = kMagic;
    // Linux tells of the upper alone, and so it is with a directory of the host. But one in memory starts empty, and would make all that
    // the lower holds take no room: it is counted as used. (No blocks: no limit, nothing is counted.)
    if (upper_is_kept() || s.blocks == 0) return s;
    vfs::StatFs low = SBX_TRY(lower_->fs().statfs());
    u64 used = low.blocks - std::min(low.bfree, low.blocks);
    s.blocks += static_cast<u64>(static_cast<unsigned __int128>(used) * low.frsize / s.frsize);
    if (s.files != 0) s.files += low.files - std::min(low.ffree, low.files);
    return s;
}

void OverlayFs::on_unmounted() {
    std::unordered_map<OverlayInode*, Ref<OverlayInode>> kept;
    Ref<OverlayInode> root;
    Lock l(mu_);
    std::swap(kept, kept_);
    std::swap(root, root_);
    l.unlock();
}

Ref<OverlayInode> OverlayFs::node_for_upper(Ref<vfs::Inode> upper, OverlayInode& parent, std::string_view name,
                                            Ref<vfs::Inode> merges) {
    Ref<OverlayInode> found;
    {
        Lock l(mu_);
        auto it = by_layer_.find(upper.get());
        if (it != by_layer_.end() && it->second->try_ref()) found = Ref<OverlayInode>::adopt(it->second);
        if (!found) {
            u64 ino = merges ? merges->ino() : upper->ino() | kUpperBit;
            found = make_ref<OverlayInode>(*this, ino, upper->type(), merges, upper);
            by_layer_[upper.get()] = found.get();
            if (merges) {
                by_layer_[merges.get()] = found.get();
                upper_inos_[upper->ino()] = ino;
                kept_[found.get()] = found;
            }
        }
    }
    found->set_place_if_none(parent, name);
    return found;
}

Ref<OverlayInode> OverlayFs::node_for_lower(Ref<vfs::Inode> lower, OverlayInode& parent, std::string_view name) {
    Ref<OverlayInode> found;
    {
        Lock l(mu_);
        auto it = by_layer_.find(lower.get());
        if (it != by_layer_.end() && it->second->try_ref()) found = Ref<OverlayInode>::adopt(it->second);
        if (!found) {
            found = make_ref<OverlayInode>(*this, lower->ino(), lower->type(), lower, nullptr);
            by_layer_[lower.get()] = found.get();
        }
    }
    found->set_place_if_none(parent, name);
    return found;
}

void OverlayFs::keep(OverlayInode& i) {
    Lock l(mu_);
    kept_.try_emplace(&i, i);
    if (vfs::Inode* up = i.upper()) {
        by_layer_[up] = &i;
        if (i.lower()) upper_inos_[up->ino()] = i.ino();
    }
}

void OverlayFs::drop(OverlayInode& i) {
    Ref<OverlayInode> last;
    Lock l(mu_);
    auto it = kept_.find(&i);
    if (it == kept_.end()) return;
    last = std::move(it->second);
    kept_.erase(it);
    l.unlock();
}

void OverlayFs::gone(OverlayInode& i) {
    Lock l(mu_);
    for (vfs::Inode* layer : {i.lower(), i.upper()}) {
        if (!layer) continue;
        auto it = by_layer_.find(layer);
        if (it != by_layer_.end() && it->second == &i) by_layer_.erase(it);
    }
    if (i.lower() && i.upper()) upper_inos_.erase(i.upper()->ino());
}

u64 OverlayFs::upper_ino(u64 ino) {
    Lock l(mu_);
    auto it = upper_inos_.find(ino);
    return it != upper_inos_.end() ? it->second : ino | kUpperBit;
}

Result<Ref<vfs::OpenFile>> OverlayFs::open_layer(const Ref<vfs::Mount>& m, vfs::Inode& i, int flags,
                                                 const vfs::Caller& c) {
    // A name of its own: nothing but the layer ever sees this path.
    vfs::Path p{m, vfs::Dentry::create_root(Ref<vfs::Inode>(i), "layer")};
    return i.open(vfs::OpenArgs{p, flags, c});
}

Claim::Claim(OverlayInode& a, OverlayInode* b) : a_(&a), b_(b == &a ? nullptr : b) {
    if (b_ && b_ < a_) std::swap(a_, b_);
    take(*a_);
    if (b_) take(*b_);
}

Claim::~Claim() {
    give(*a_);
    if (b_) give(*b_);
}

void Claim::take(OverlayInode& i) {
    OverlayFs& fs = i.overlay();
    // Not through Lock: claims are taken under directory locks and above them, which Rank::Overlay alone cannot say.
    fs.claim_mu_.lock();
    while (i.claimed_) fs.claim_cv_.wait(fs.claim_mu_);
    i.claimed_ = true;
    fs.claim_mu_.unlock();
}

void Claim::give(OverlayInode& i) {
    OverlayFs& fs = i.overlay();
    fs.claim_mu_.lock();
    i.claimed_ = false;
    fs.claim_mu_.unlock();
    fs.claim_cv_.notify_all();
}

Result<Ref<vfs::FileSystem>> create(Ref<vfs::FileSystem> lower, Ref<vfs::FileSystem> upper) {
    Ref<vfs::Mount> low = vfs::Mount::create(lower, nullptr, 0, "lower");
    Ref<vfs::Mount> up = vfs::Mount::create(upper, nullptr, 0, "upper");
    Ref<OverlayFs> fs = make_ref<OverlayFs>(std::move(low), std::move(up));
    SBX_TRY(fs->make_root());
    return Ref<vfs::FileSystem>(fs);
}

}  // namespace sbx::overlay
