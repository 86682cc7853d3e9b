// Changes of directories in an overlay: creation over whiteouts, removal that leaves whiteouts, renaming (fs/overlayfs/dir.c).
#include <algorithm>

#include "fs/overlay/overlay_inode.h"

namespace sbx::overlay {
namespace {

constexpr u32 kNoReplace = 1, kExchange = 2;
// Whiteouts are made under this name first, so that removing a name cannot fail half way. Nobody sees it: it is a whiteout itself.
const std::string kNewWhiteout = ".sbx-whiteout";

using DirLock = Lock<RwMutex<Rank::Dir>>;

vfs::NewNode whiteout_node() {
    vfs::NewNode n;
    n.mode = S_IFCHR;
    return n;
}

// Two directories of the upper layer, by address.
class TwoDirs {
public:
    TwoDirs(vfs::Inode& a, vfs::Inode& b) : first_(&a < &b ? a : b), second_(&a == &b ? nullptr : &a < &b ? &b : &a) {
        first_.dir_mu().lock_nested();
        if (second_) second_->dir_mu().lock_nested();
    }
    ~TwoDirs() {
        if (second_) second_->dir_mu().unlock();
        first_.dir_mu().unlock();
    }
    TwoDirs(const TwoDirs&) = delete;
    TwoDirs& operator=(const TwoDirs&) = delete;

private:
    vfs::Inode& first_;
    vfs::Inode* second_;
};

}  // namespace

bool OverlayInode::lower_has(std::string_view name) {
    if (!merges()) return false;
    SharedLock l(lower_->dir_mu(), SharedLock<RwMutex<Rank::Dir>>::Nested{});
    auto r = lower_->lookup(name);
    // In doubt (EACCES, EIO) there is something.
    return r ? !is_whiteout(**r) : !(r.error() == ENOENT);
}

Result<OverlayInode::UpperEntry> OverlayInode::upper_entry(Inode& dir, const std::string& name) {
    auto r = dir.lookup(name);
    if (!r) {
        if (r.error() == ENOENT) return UpperEntry{};
        return err(r.error());
    }
    bool white = is_whiteout(**r);
    return UpperEntry{std::move(*r), white};
}

template <class Make>
auto OverlayInode::over_whiteout(Inode& dir, const std::string& name, const vfs::Caller& c, Make make)
    -> decltype(make()) {
    UpperEntry there = SBX_TRY(upper_entry(dir, name));
    if (there.whiteout) SBX_TRY(dir.unlink(name, *there.node, c));
    auto r = make();
    if (!r && there.whiteout) (void)dir.make_node(name, whiteout_node(), c);
    return r;
}

// A directory of a kept upper layer that hides what lies below it.
void OverlayInode::mark_opaque(Inode& dir, const vfs::Caller& c) {
    if (overlay().upper_is_kept()) (void)dir.set_xattr("user.overlay.opaque", "y", 0, c);
}

// A renamed directory goes on showing what lies below it. Without the mark a kept upper layer would lose that in its next run.
void OverlayInode::mark_redirect(const std::string& lower_path, const vfs::Caller& c) {
    if (!overlay().upper_is_kept()) return;
    if (!lower_path.empty()) (void)upper()->set_xattr("user.overlay.redirect", lower_path, 0, c);
    Lock l(mu_);
    redirect_ = lower_path;
}

Result<Ref<vfs::Inode>> OverlayInode::make_node(std::string_view name, const vfs::NewNode& n, const vfs::Caller& c) {
    // ovl_mknod(): guests make no whiteouts.
    if ((n.mode & S_IFMT) == S_IFCHR && n.rdev == 0) return err(EPERM);
    SBX_TRY(copy_up(c));
    Inode& up = *upper();
    std::string text(name);
    DirLock l(up.dir_mu(), DirLock::Nested{});
    Ref<Inode> made = SBX_TRY(over_whiteout(up, text, c, [&] { return up.make_node(text, n, c); }));
    if (made->is_dir() && lower_has(name)) mark_opaque(*made, c);
    return Ref<Inode>(overlay().node_for_upper(std::move(made), *this, name, nullptr));
}

Result<Ref<vfs::Inode>> OverlayInode::symlink(std::string_view name, std::string_view target, const vfs::NewNode& n,
                                              const vfs::Caller& c) {
    SBX_TRY(copy_up(c));
    Inode& up = *upper();
    std::string text(name);
    DirLock l(up.dir_mu(), DirLock::Nested{});
    Ref<Inode> made = SBX_TRY(over_whiteout(up, text, c, [&] { return up.symlink(text, target, n, c); }));
    return Ref<Inode>(overlay().node_for_upper(std::move(made), *this, name, nullptr));
}

Result<Ref<vfs::Inode>> OverlayInode::tmpfile(const vfs::NewNode& n, const vfs::Caller& c) {
    SBX_TRY(copy_up(c));
    Ref<Inode> made = SBX_TRY(upper()->tmpfile(n, c));
    made->linkable_tmpfile.store(true);  // what the overlay's own inode allows is for the VFS to say
    // No name yet: it would be put in the place that link() gives it.
    Ref<OverlayInode> i = overlay().node_for_upper(std::move(made), *this, "", nullptr);
    i->set_place(nullptr, "");
    return Ref<Inode>(i);
}

Result<> OverlayInode::link(std::string_view name, Inode& target, const vfs::Caller& c) {
    OverlayInode& t = static_cast<OverlayInode&>(target);
    SBX_TRY(copy_up(c));
    SBX_TRY(t.copy_up(c, kNoData));
    Inode& up = *upper();
    std::string text(name);
    Claim claim(t);
    DirLock l(up.dir_mu(), DirLock::Nested{});
    SBX_TRY(over_whiteout(up, text, c, [&] { return up.link(text, *t.upper(), c); }));
    t.count_names(1);
    t.set_place_if_none(*this, name);
    return {};
}

void OverlayInode::count_names(int change) {
    if (!lower_ || is_dir()) return;
    nlink_change_.fetch_add(change, std::memory_order_relaxed);
    auto a = attr();
    if (a && a->nlink == 0)
        overlay().drop(*this);
    else
        overlay().keep(*this);
}

void OverlayInode::name_gone(const OverlayInode& dir, std::string_view name) {
    Ref<OverlayInode> old;
    Lock l(mu_);
    if (parent_.get() != &dir || name_ != name) return;
    std::swap(old, parent_);
    name_.clear();
    l.unlock();
}

Result<> OverlayInode::remove(std::string_view name, OverlayInode& v, const vfs::Caller& c) {
    SBX_TRY(copy_up(c));
    Inode& up = *upper();
    std::string text(name);
    bool covered = lower_has(name);
    Claim claim(v);
    DirLock l(up.dir_mu(), DirLock::Nested{});
    UpperEntry there = SBX_TRY(upper_entry(up, text));
    if (there.whiteout) return err(ENOENT);
    if (!there.node) {
        if (!covered) return err(ENOENT);
        SBX_TRY(up.make_node(text, whiteout_node(), c));
    } else {
        Ref<Inode> white;
        if (covered) white = SBX_TRY(up.make_node(kNewWhiteout, whiteout_node(), c));
        Result<> r;
        if (v.is_dir()) r = v.clear_whiteouts(c);
        if (r) r = v.is_dir() ? up.rmdir(text, *there.node, c) : up.unlink(text, *there.node, c);
        if (!r) {
            if (white) (void)up.unlink(kNewWhiteout, *white, c);
            return r;
        }
        if (white) SBX_TRY(up.rename(kNewWhiteout, *white, up, text, nullptr, 0, c));
    }
    v.name_gone(*this, name);
    return {};
}

Result<> OverlayInode::unlink(std::string_view name, Inode& victim, const vfs::Caller& c) {
    OverlayInode& v = static_cast<OverlayInode&>(victim);
    SBX_TRY(remove(name, v, c));
    v.count_names(-1);
    return {};
}

Result<> OverlayInode::rmdir(std::string_view name, Inode& victim, const vfs::Caller& c) {
    OverlayInode& v = static_cast<OverlayInode&>(victim);
    SBX_TRY(v.check_empty(c));
    SBX_TRY(remove(name, v, c));
    overlay().drop(v);
    return {};
}

Result<> OverlayInode::check_empty(const vfs::Caller& c) {
    if (!SBX_TRY(list_directory(*this, c)).empty()) return err(ENOTEMPTY);
    return {};
}

// Of a directory that looks empty and is about to go. It hides all below it first: what was removed must not come back if it stays.
Result<> OverlayInode::clear_whiteouts(const vfs::Caller& c) {
    Inode* up = upper();
    if (!up) return {};
    if (merges()) {
        mark_opaque(*up, c);
        merges_.store(false, std::memory_order_release);
    }
    std::vector<Listed> entries = SBX_TRY(list_upper(overlay(), *up, c));
    DirLock l(up->dir_mu(), DirLock::Nested{});
    for (const Listed& e : entries) {
        UpperEntry there = SBX_TRY(upper_entry(*up, e.name));
        if (there.whiteout) SBX_TRY(up->unlink(e.name, *there.node, c));
    }
    return {};
}

Result<> OverlayInode::rename(std::string_view name, Inode& what, Inode& new_dir, std::string_view new_name,
                              Inode* victim, u32 flags, const vfs::Caller& c) {
    if (flags & ~(kNoReplace | kExchange)) return err(EINVAL);
    OverlayInode& w = static_cast<OverlayInode&>(what);
    OverlayInode& to = static_cast<OverlayInode&>(new_dir);
    OverlayInode* v = static_cast<OverlayInode*>(victim);
    bool exchange = flags & kExchange;
    if ((flags & kNoReplace) && v) return err(EEXIST);
    if (exchange && !v) return err(ENOENT);
    if (&w == v) return {};  // two names of one file: nothing happens (rename(2))
    SBX_TRY(copy_up(c));
    SBX_TRY(to.copy_up(c));
    SBX_TRY(w.copy_up(c, kNoData));
    if (exchange)
        SBX_TRY(v->copy_up(c, kNoData));
    else if (v && v->is_dir())
        SBX_TRY(v->check_empty(c));

    Inode& up = *upper();
    Inode& nup = *to.upper();
    std::string from(name), into(new_name);
    bool covered = !exchange && lower_has(name);
    std::string was_at = w.is_dir() ? w.lower_path() : "",
                other_was_at = exchange && v->is_dir() ? v->lower_path() : "";
    Claim claim(w, v);
    TwoDirs l(up, nup);
    if (exchange) {
        UpperEntry a = SBX_TRY(upper_entry(up, from))
        , b = SBX_TRY(upper_entry(nup, into));
        // A name that is still only below, of a file copied up under another one.
        if (!a.node || !b.node) return err(EXDEV);
        SBX_TRY(up.rename(from, *a.node, nup, into, b.node.get(), kExchange, c));
        w.set_place(Ref<OverlayInode>(to), new_name);
        v->set_place(Ref<OverlayInode>(*this), name);
        if (w.is_dir()) w.merges() ? w.mark_redirect(was_at, c) : mark_opaque(*w.upper(), c);
        if (v->is_dir()) v->merges() ? v->mark_redirect(other_was_at, c) : mark_opaque(*v->upper(), c);
        return {};
    }
    Ref<Inode> white;
    if (covered) white = SBX_TRY(up.make_node(kNewWhiteout, whiteout_node(), c));
    auto r = move_upper(up, from, w, nup, into, v, c);
    if (!r) {
        if (white) (void)up.unlink(kNewWhiteout, *white, c);
        return r;
    }
    if (white) SBX_TRY(up.rename(kNewWhiteout, *white, up, from, nullptr, 0, c));
    if (v) {
        v->name_gone(to, new_name);
        if (v->is_dir())
            overlay().drop(*v);
        else
            v->count_names(-1);
    }
    w.set_place(Ref<OverlayInode>(to), new_name);
    if (w.is_dir() && w.merges())
        w.mark_redirect(was_at, c);
    else if (w.is_dir())
        mark_opaque(*w.upper(), c);
    return {};
}

// The rename itself, in the upper layer, both directories locked.
Result<> OverlayInode::move_upper(Inode& up, const std::string& name, OverlayInode& w, Inode& nup,
                                  const std::string& new_name, OverlayInode* v, const vfs::Caller& c) {
    if (v && v->is_dir()) SBX_TRY(v->clear_whiteouts(c));
    UpperEntry old = SBX_TRY(upper_entry(up, name));
    UpperEntry there = SBX_TRY(upper_entry(nup, new_name));
    // A directory cannot be renamed over a whiteout, which is none.
    if (there.whiteout) SBX_TRY(nup.unlink(new_name, *there.node, c));
    Inode* replaced = there.whiteout ? nullptr : there.node.get();
    Result<> r;
    if (old.node && !old.whiteout) {
        r = up.rename(name, *old.node, nup, new_name, replaced, 0, c);
    } else if (!replaced) {
        // The name is only below; the file was copied up under another one.
        r = nup.link(new_name, *w.upper(), c);
    } else {
        static const std::string temporary = ".sbx-link";
        r = nup.link(temporary, *w.upper(), c);
        if (r) {
            r = nup.rename(temporary, *w.upper(), nup, new_name, replaced, 0, c);
            if (!r) (void)nup.unlink(temporary, *w.upper(), c);
        }
    }
    if (!r && there.whiteout) (void)nup.make_node(new_name, whiteout_node(), c);
    return r;
}

}  // namespace sbx::overlay
