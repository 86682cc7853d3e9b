// The path walk (path_resolution(7), fs/namei.c: link_path_walk, step_into, follow_dotdot, pick_link).
#include "fs/vfs/walk.h"

#include <linux/openat2.h>

#include "fs/vfs/file_system.h"
#include "fs/vfs/fs_context.h"
#include "fs/vfs/inode.h"
#include "fs/vfs/walker.h"

namespace sbx::vfs {
namespace {
constexpr unsigned kMaxLinks = 40;   // MAXSYMLINKS
constexpr u64 kMsNoSymfollow = 256;  // MS_NOSYMFOLLOW
constexpr u64 kScoped = RESOLVE_BENEATH | RESOLVE_IN_ROOT;

std::string_view skip_slashes(std::string_view s) {
    size_t n = s.find_first_not_of('/');
    return n == std::string_view::npos ? std::string_view() : s.substr(n);
}
}  // namespace

Result<> Walker::start(const Path& start, std::string_view path) {
    if (path.empty()) return err(ENOENT);
    if (path.size() >= kPathMax) return err(ENAMETOOLONG);
    rest_ = path;
    if (resolve_ & kScoped) {
        root_ = start ? start : c_.fs->cwd();
        cur_ = root_;
        if (path[0] == '/' && (resolve_ & RESOLVE_BENEATH)) return err(EXDEV);
        return {};
    }
    if (path[0] == '/') {
        root_ = c_.fs->root();
        cur_ = root_;
        return {};
    }
    cur_ = start ? start : c_.fs->cwd();
    return {};
}

void Walker::need_root() {
    if (!root_) root_ = c_.fs->root();
}

// nd_jump_root()
Result<> Walker::jump_to_root() {
    if (resolve_ & RESOLVE_BENEATH) return err(EXDEV);
    need_root();
    if ((resolve_ & RESOLVE_NO_XDEV) && cur_.mount != root_.mount) return err(EXDEV);
    cur_ = root_;
    return {};
}

Path Walker::mounted_on(Path p) const {
    while (p.dentry->maybe_mountpoint()) {
        Ref<Mount> m = p.mount->lookup_child(*p.dentry);
        if (!m) break;
        p.dentry = m->root();
        p.mount = std::move(m);
    }
    return p;
}

Result<Path> Walker::step(std::string_view name) {
    if (name.size() > kNameMax) return err(ENAMETOOLONG);
    Path next;
    if (resolve_ & RESOLVE_CACHED) {
        next.dentry = Dentry::cached_child(cur_.dentry, name);
        if (!next.dentry) return err(EAGAIN);
    } else {
        next.dentry = SBX_TRY(Dentry::lookup_child(cur_.dentry, name));
    }
    next.mount = cur_.mount;
    if (!next.dentry->maybe_mountpoint()) return next;
    next = mounted_on(std::move(next));
    if ((resolve_ & RESOLVE_NO_XDEV) && next.mount != cur_.mount) return err(EXDEV);
    return next;
}

Result<> Walker::up() {
    need_root();
    Path p = cur_;
    for (;;) {
        if (p == root_) {
            if (resolve_ & RESOLVE_BENEATH) return err(EXDEV);
            break;
        }
        if (p.dentry != p.mount->root()) {
            Ref<Dentry> parent = p.dentry->parent();
            if (parent) p.dentry = std::move(parent);
            break;
        }
        Path below = p.mount->mountpoint();
        if (!below) {
            // The top of a detached mount, or of all: `..` is itself; a scoped walk must not trust that.
            if (resolve_ & RESOLVE_BENEATH) return err(EXDEV);
            break;
        }
        if (resolve_ & RESOLVE_NO_XDEV) return err(EXDEV);
        p = std::move(below);
    }
    cur_ = mounted_on(std::move(p));
    return {};
}

Result<> Walker::follow(const Path& link, std::string_view rest) {
    if (++links_ > kMaxLinks) return err(ELOOP);
    if ((resolve_ & RESOLVE_NO_SYMLINKS) || (link.mount->flags() & kMsNoSymfollow)) return err(ELOOP);
    Inode& inode = *link.dentry->inode();
    if (inode.is_magic_link()) {
        // nd_jump_link()
        if (resolve_ & RESOLVE_NO_MAGICLINKS) return err(ELOOP);
        Path target = SBX_TRY(inode.follow_magic(c_));
        if ((resolve_ & RESOLVE_NO_XDEV) && target.mount != cur_.mount) return err(EXDEV);
        if (resolve_ & kScoped) return err(EXDEV);
        cur_ = std::move(target);
        buffer_ = std::string(rest);
        rest_ = buffer_;
        return {};
    }
    std::string body = SBX_TRY(inode.read_link());
    if (body.empty()) return err(ENOENT);
    if (body[0] == '/') SBX_TRY(jump_to_root());
    if (!rest.empty()) {
        if (rest[0] != '/') body += '/';
        body += rest;
    }
    buffer_ = std::move(body);
    rest_ = buffer_;
    return {};
}

Result<> Walker::follow_last(const Path& link) { return follow(link, trailing_slash_ ? "/" : ""); }

Result<> Walker::to_last() {
    for (;;) {
        std::string_view s = skip_slashes(rest_);
        if (s.empty()) {
            // "/", or what a magic link led to.
            if (!rest_.empty()) trailing_slash_ = true;
            rest_ = {};
            kind_ = LastComponent::Kind::Root;
            last_ = {};
            return {};
        }
        Inode* dir = cur_.dentry->inode();
        if (!dir || !dir->is_dir()) return err(ENOTDIR);
        SBX_TRY(check_inode_permission(c_, *dir, kMayExec));
        size_t n = s.find('/');
        std::string_view name = s.substr(0, n);
        std::string_view after = n == std::string_view::npos ? std::string_view() : s.substr(n);
        if (name.size() > kNameMax) return err(ENAMETOOLONG);
        auto kind = name == "."    ? LastComponent::Kind::Dot
                    : name == ".." ? LastComponent::Kind::DotDot
                                   : LastComponent::Kind::Normal;
        if (skip_slashes(after).empty()) {
            kind_ = kind;
            // Following this very component replaces the buffer that it stands in.
            last_buffer_ = name;
            last_ = last_buffer_;
            if (!after.empty()) trailing_slash_ = true;
            rest_ = {};
            return {};
        }
        rest_ = after;
        if (kind == LastComponent::Kind::Dot) continue;
        if (kind == LastComponent::Kind::DotDot) {
            SBX_TRY(up());
            continue;
        }
        Path child = SBX_TRY(step(name));
        Inode* inode = child.dentry->inode();
        if (!inode) return err(ENOENT);
        if (inode->is_symlink()) {
            // `after` may point into the buffer that follow() replaces; it is copied there first.
            SBX_TRY(follow(child, std::string(after)));
            continue;
        }
        cur_ = std::move(child);
    }
}

Result<Path> walk(const Caller& c, const Path& start, std::string_view path, WalkFlags flags) {
    if (path.empty()) {
        if (!flags.empty_path) return err(ENOENT);
        Path p = start ? start : c.fs->cwd();
        if (flags.directory && !p.dentry->inode()->is_dir()) return err(ENOTDIR);
        return p;
    }
    Walker w(c, flags.resolve);
    SBX_TRY(w.start(start, path));
    for (;;) {
        SBX_TRY(w.to_last());
        Path p;
        if (w.kind() == LastComponent::Kind::DotDot) SBX_TRY(w.up());
        if (w.kind() == LastComponent::Kind::Normal) {
            p = SBX_TRY(w.step(w.last()));
            if (p.dentry->negative()) return err(ENOENT);
            if (p.dentry->inode()->is_symlink() && (flags.follow || w.trailing_slash())) {
                SBX_TRY(w.follow_last(p));
                continue;
            }
        } else {
            p = w.at();
        }
        if ((flags.directory || w.trailing_slash()) && !p.dentry->inode()->is_dir()) return err(ENOTDIR);
        return p;
    }
}

Result<LastComponent> walk_parent(const Caller& c, const Path& start, std::string_view path, u64 resolve) {
    Walker w(c, resolve);
    SBX_TRY(w.start(start, path));
    SBX_TRY(w.to_last());
    LastComponent out;
    out.kind = w.kind();
    out.parent = w.at();
    out.name = w.last();
    out.trailing_slash = w.trailing_slash();
    return out;
}

std::string path_name(const Path& p, const Path& root) {
    if (!p) return "";
    std::string out;
    const char* suffix = p.dentry->unlinked() ? " (deleted)" : "";
    std::vector<std::string_view> parts;
    bool reached = false;
    SharedLock l(dentry_tree_mu());
    const Mount* m = p.mount.get();
    const Dentry* d = p.dentry.get();
    if (d->is_root() && d->name_locked() != "/") return d->name_locked() + suffix;
    for (;;) {
        if (m == root.mount.get() && d == root.dentry.get()) {
            reached = true;
            break;
        }
        if (d == m->root().get() || d->is_root()) {
            const Mount* up = m->parent_locked();
            if (!up || d != m->root().get()) break;
            d = m->mountpoint_locked();
            m = up;
            continue;
        }
        parts.push_back(d->name_locked());
        d = d->parent_locked();
    }
    if (!reached) out = "(unreachable)";
    for (size_t i = parts.size(); i-- > 0;) {
        out += '/';
        out += parts[i];
    }
    if (parts.empty()) out += '/';
    return out + suffix;
}

}  // namespace sbx::vfs
