// Overlay inodes: attributes, lookup, opening. Changes of names are in overlay_names.cc, copying up in copy_up.cc.
#include "fs/overlay/overlay_inode.h"

#include <fcntl.h>

#include <algorithm>

namespace sbx::overlay {
namespace {

// The overlay's own marks on the upper layer are not the guest's.
bool is_own_xattr(std::string_view name) {
    return name.starts_with("trusted.overlay.") || name.starts_with("user.overlay.");
}

Result<Ref<vfs::Inode>> layer_lookup(vfs::Inode& dir, std::string_view name) {
    SharedLock l(dir.dir_mu(), SharedLock<RwMutex<Rank::Dir>>::Nested{});
    return dir.lookup(name);
}

}  // namespace

bool is_whiteout(vfs::Inode& i) {
    if (i.type() != S_IFCHR) return false;
    auto a = i.attr();
    return a && a->rdev == 0;
}

OverlayInode::OverlayInode(OverlayFs& fs, u64 ino, u32 type, Ref<vfs::Inode> lower, Ref<vfs::Inode> upper)
    : Inode(fs, ino, type), lower_(std::move(lower)), upper_(nullptr), merges_(type == S_IFDIR && lower_) {
    upper_.store(upper.release(), std::memory_order_release);
}

OverlayInode::~OverlayInode() {
    if (vfs::Inode* up = upper()) up->unref();
}

void OverlayInode::on_last_unref() {
    // The chain of parents is let go in a loop: guests make paths of any depth.
    thread_local OverlayInode* dying = nullptr;
    thread_local bool in_loop = false;
    if (in_loop) {
        dying = this;
        return;
    }
    OverlayInode* i = this;
    while (i) {
        i->overlay().gone(*i);
        Ref<OverlayInode> parent;
        {
            Lock l(i->mu_);
            std::swap(parent, i->parent_);
        }
        delete i;
        in_loop = true;
        parent.reset();
        in_loop = false;
        i = std::exchange(dying, nullptr);
    }
}

Ref<OverlayInode> OverlayInode::parent() const {
    Lock l(mu_);
    return parent_;
}

void OverlayInode::set_place(Ref<OverlayInode> parent, std::string_view name) {
    Lock l(mu_);
    std::swap(parent_, parent);
    name_ = name;
    l.unlock();
}

void OverlayInode::set_place_if_none(OverlayInode& parent, std::string_view name) {
    // A directory that the host shows inside itself (bind mounts) keeps its first place; the root has none.
    if (&parent == this || overlay().root() == this) return;
    Lock l(mu_);
    if (parent_) return;
    parent_ = Ref<OverlayInode>(parent);
    name_ = name;
}

Result<vfs::Attr> OverlayInode::attr() {
    Inode* up = upper();
    bool elsewhere = up && data_below();  // asked before the size, which is 0 until the data is there
    vfs::Attr a = SBX_TRY(up ? up->attr() : lower_->attr());
    a.ino = ino();
    if (elsewhere) {
        vfs::Attr below = SBX_TRY(lower_->attr());
        a.size = below.size;
        a.blocks = below.blocks;
    }
    if (is_dir()) {
        // Two directories' counts have no sum that means anything; 1 says so to find(1).
        if (up && merges()) a.nlink = 1;
    } else if (lower_) {
        i64 n = static_cast<i64>(up ? lower_nlink_ : a.nlink) + nlink_change_.load(std::memory_order_relaxed);
        a.nlink = n > 0 ? static_cast<u32>(n) : 0;
    }
    return a;
}

// While the data is below, fetching it sets attributes back to what they were before.
template <class Change>
Result<> OverlayInode::change_upper(Change change) {
    if (!data_below()) return change(*upper());
    Claim claim(*this);
    return change(*upper());
}

Result<> OverlayInode::set_attr(const vfs::SetAttr& s, const vfs::Caller& c) {
    SBX_TRY(copy_up(c, (s.valid & vfs::SetAttr::kSize) ? s.size : kNoData));
    return change_upper([&](Inode& up) { return up.set_attr(s, c); });
}

Result<> OverlayInode::truncate(u64 size, const vfs::Caller& c) {
    SBX_TRY(copy_up(c, size));
    return upper()->truncate(size, c);
}

Result<Ref<vfs::Inode>> OverlayInode::lookup(std::string_view name) {
    if (!is_dir()) return err(ENOTDIR);
    if (Inode* up = upper()) {
        auto r = layer_lookup(*up, name);
        if (r) {
            if (is_whiteout(**r)) return err(ENOENT);
            Ref<Inode> below;
            std::string redirect;
            if ((*r)->is_dir() && overlay().upper_is_kept()) below = merged_with(**r, name, &redirect);
            Ref<OverlayInode> i = overlay().node_for_upper(std::move(*r), *this, name, std::move(below));
            if (!redirect.empty()) {
                Lock l(i->mu_);
                i->redirect_ = std::move(redirect);
            }
            return Ref<Inode>(i);
        }
        if (!(r.error() == ENOENT)) return r;
    }
    if (!merges()) return err(ENOENT);
    auto low = layer_lookup(*lower_, name);
    // The caller may search this directory, the host's user may not: there is nothing in it that could be shown.
    if (!low && low.error() == EACCES) return err(ENOENT);
    if (!low) return low;
    // A whiteout in the lower layer is nothing to us, but nothing to a program either.
    if (is_whiteout(**low)) return err(ENOENT);
    return Ref<Inode>(overlay().node_for_lower(std::move(*low), *this, name));
}

// ovl_lookup(): opaque directories hide what lies below, redirected ones were renamed from there.
Ref<vfs::Inode> OverlayInode::merged_with(Inode& up, std::string_view name, std::string* redirect) {
    vfs::Caller c;
    if (auto opaque = up.get_xattr("user.overlay.opaque", c); opaque && *opaque == "y") return {};
    auto from = up.get_xattr("user.overlay.redirect", c);
    Ref<Inode> at;
    if (from && from->starts_with('/')) {
        at = overlay().lower_root();
        std::string_view rest = *from;
        while (!rest.empty()) {
            rest.remove_prefix(1);
            size_t end = std::min(rest.find('/'), rest.size());
            auto next = at->is_dir() ? layer_lookup(*at, rest.substr(0, end)) : Result<Ref<Inode>>(err(ENOTDIR));
            if (!next) return {};
            at = std::move(*next);
            rest.remove_prefix(end);
        }
        *redirect = std::move(*from);
    } else if (merges()) {
        auto low = layer_lookup(*lower_, name);
        if (low) at = std::move(*low);
    }
    return at && at->is_dir() ? at : Ref<Inode>();
}

std::string OverlayInode::lower_path() const {
    std::string path;
    Ref<const OverlayInode> at(this);
    while (at) {
        Ref<const OverlayInode> up;
        Lock l(at->mu_);
        if (!at->redirect_.empty()) {
            path.insert(0, at->redirect_);
            return path;
        }
        if (!at->parent_) return path;
        path.insert(0, "/" + at->name_);
        up = Ref<const OverlayInode>(at->parent_);
        l.unlock();
        if (path.size() > 65000) return "";
        at = std::move(up);
    }
    return path;
}

bool OverlayInode::revalidate(std::string_view name, Inode* cached) {
    OverlayInode* o = static_cast<OverlayInode*>(cached);
    if (Inode* up = upper()) {
        auto r = layer_lookup(*up, name);
        if (r) return is_whiteout(**r) ? !o : o && o->upper() == r->get();
        if (!(r.error() == ENOENT)) return false;
    }
    if (!merges()) return !o;
    if (o && !o->lower()) return false;
    return lower_->revalidate(name, o ? o->lower() : nullptr);
}

Result<Ref<vfs::OpenFile>> OverlayInode::open(const vfs::OpenArgs& a) {
    if (is_dir()) return open_overlay_directory(a, *this);
    if (!is_regular()) return Inode::open(a);
    bool writes = (a.flags & O_ACCMODE) != O_RDONLY || (a.flags & O_TRUNC);
    if (writes) SBX_TRY(copy_up(a.caller, (a.flags & O_TRUNC) ? 0 : kAll));
    Inode* up = upper_with_data();
    int flags = a.flags & ~(O_CREAT | O_EXCL | O_TRUNC);
    Ref<vfs::OpenFile> real =
        SBX_TRY(up ? overlay().open_upper(*up, flags, a.caller) : overlay().open_lower(*lower_, flags, a.caller));
    return open_overlay_file(a, *this, std::move(real), up != nullptr);
}

Result<std::string> OverlayInode::get_xattr(std::string_view name, const vfs::Caller& c) {
    if (is_own_xattr(name)) return err(ENODATA);
    return active().get_xattr(name, c);
}

Result<> OverlayInode::set_xattr(std::string_view name, std::string_view value, int flags, const vfs::Caller& c) {
    if (is_own_xattr(name)) return err(EPERM);
    SBX_TRY(copy_up(c, kNoData));
    return change_upper([&](Inode& up) { return up.set_xattr(name, value, flags, c); });
}

Result<> OverlayInode::remove_xattr(std::string_view name, const vfs::Caller& c) {
    if (is_own_xattr(name)) return err(ENODATA);
    // What is not there need not be copied up to be removed.
    if (!upper()) (void)SBX_TRY(lower_->get_xattr(name, c));
    SBX_TRY(copy_up(c, kNoData));
    return change_upper([&](Inode& up) { return up.remove_xattr(name, c); });
}

Result<std::vector<std::string>> OverlayInode::list_xattr(const vfs::Caller& c) {
    std::vector<std::string> names = SBX_TRY(active().list_xattr(c));
    std::erase_if(names, [](const std::string& n) { return is_own_xattr(n); });
    return names;
}

}  // namespace sbx::overlay
