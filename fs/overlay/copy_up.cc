// Copying up: the upper layer gets its own version of a lower file (fs/overlayfs/copy_up.c).
#include <fcntl.h>

#include <algorithm>

#include "fs/overlay/overlay_inode.h"
#include "src/mm/io_buf.h"

namespace sbx::overlay {
namespace {

constexpr size_t kChunk = 256 << 10;

// Directory locks of a layer are taken inside those of the overlay.
using DirLock = Lock<RwMutex<Rank::Dir>>;

vfs::NewNode node_of(const vfs::Attr& a) {
    vfs::NewNode n;
    n.mode = a.mode;
    n.uid = a.uid;
    n.gid = a.gid;
    n.rdev = a.rdev;
    return n;
}

vfs::SetAttr times_of(const vfs::Attr& a) {
    vfs::SetAttr s;
    s.valid = vfs::SetAttr::kAtime | vfs::SetAttr::kMtime;
    s.atime = a.atime;
    s.mtime = a.mtime;
    return s;
}

// A name that no guest can have: they are all shorter, and it is gone before the upper directory's lock is.
const std::string kTemporary = ".sbx-copy-up";

}  // namespace

Result<> OverlayInode::copy_up(const vfs::Caller& caller, u64 bytes) {
    if (upper() && (bytes == kNoData || !data_below())) return {};
    vfs::Caller c = caller;
    c.file_size_limit = ~0ull;  // RLIMIT_FSIZE is about what the program writes
    for (int tries = 0; tries < 100; tries++) {
        // Ancestors first, from the top.
        std::vector<Ref<OverlayInode>> above;
        if (!upper())
            for (Ref<OverlayInode> p = parent(); p && !p->upper(); p = p->parent()) above.push_back(p);
        for (size_t i = above.size(); i-- > 0;) SBX_TRY(above[i]->copy_up_one(c, kAll));
        auto r = copy_up_one(c, bytes);
        // EAGAIN: it was moved to a directory that is not up yet.
        if (r || !(r.error() == EAGAIN)) return r;
    }
    return err(EBUSY);
}

Result<> OverlayInode::copy_up_one(const vfs::Caller& c, u64 bytes) {
    Claim claim(*this);
    if (upper()) return bytes == kNoData || !data_below() ? Result<>{} : fetch_data(c, bytes);
    Ref<OverlayInode> dir;
    std::string name;
    {
        Lock l(mu_);
        dir = parent_;
        name = name_;
    }
    // Without a name only open files know it: the copy has none either.
    if (!dir && !is_regular()) return err(ENOENT);
    if (dir && !dir->upper()) return err(EAGAIN);
    vfs::Attr a = SBX_TRY(lower_->attr());
    Inode* up_dir = dir                ? dir->upper()
                    : overlay().root() ? static_cast<OverlayInode&>(*overlay().root()).upper()
                                       : nullptr;
    if (!up_dir) return err(ENOENT);
    // What outlives the sandbox must not lean on files that the host may change.
    if (!is_regular() || overlay().upper_is_kept() || a.size == 0) bytes = std::min(bytes, a.size);
    vfs::Attr dir_before = SBX_TRY(up_dir->attr());
    Ref<Inode> up = SBX_TRY(make_upper(up_dir, dir ? name : std::string(), a, c, bytes));
    // The directory did not change as far as a program can see.
    (void)up_dir->set_attr(times_of(dir_before), c);
    if (is_dir() && lower_is_closed()) {
        mark_opaque(*up, c);
        merges_.store(false, std::memory_order_release);
    }
    publish_upper(std::move(up), a.nlink, bytes == kNoData);
    return {};
}

bool OverlayInode::lower_is_closed() {
    SharedLock l(lower_->dir_mu(), SharedLock<RwMutex<Rank::Dir>>::Nested{});
    auto r = lower_->lookup(kTemporary);
    return !r && r.error() == EACCES;
}

void OverlayInode::publish_upper(Ref<Inode> up, u32 lower_nlink, bool data_below) {
    lower_nlink_ = lower_nlink;
    data_below_.store(data_below, std::memory_order_release);
    upper_.store(up.release(), std::memory_order_release);
    overlay().keep(*this);
}

// The finished copy below dir, or without a name if `name` is empty.
Result<Ref<vfs::Inode>> OverlayInode::make_upper(Inode* dir, const std::string& name, const vfs::Attr& a,
                                                 const vfs::Caller& c, u64 bytes) {
    vfs::NewNode n = node_of(a);
    vfs::SetAttr finish = times_of(a);
    if (is_symlink()) {
        std::string target = SBX_TRY(lower_->read_link());
        DirLock l(dir->dir_mu(), DirLock::Nested{});
        Ref<Inode> up = SBX_TRY(dir->symlink(name, target, n, c));
        (void)up->set_attr(finish, c);
        return up;
    }
    if (!is_regular()) {
        DirLock l(dir->dir_mu(), DirLock::Nested{});
        Ref<Inode> up = SBX_TRY(dir->make_node(name, n, c));
        auto r = copy_xattrs(*up, c);
        if (r) r = up->set_attr(finish, c);
        if (!r) {
            if (is_dir())
                (void)dir->rmdir(name, *up, c);
            else
                (void)dir->unlink(name, *up, c);
            return err(r.error());
        }
        return up;
    }
    // Set-id bits and times come last: writing changes them.
    finish.valid |= vfs::SetAttr::kMode;
    finish.mode = a.mode & 07777;
    auto fill = [&](Inode& up) -> Result<> {
        if (bytes != kNoData) SBX_TRY(copy_data(up, std::min(a.size, bytes), c));
        SBX_TRY(copy_xattrs(up, c));
        return up.set_attr(finish, c);
    };
    auto unnamed = dir->tmpfile(n, c);
    if (unnamed) {
        Ref<Inode> up = std::move(*unnamed);
        SBX_TRY(fill(*up));
        if (name.empty()) return up;
        up->linkable_tmpfile.store(true);
        DirLock l(dir->dir_mu(), DirLock::Nested{});
        SBX_TRY(dir->link(name, *up, c));
        return up;
    }
    if (!(unnamed.error() == EOPNOTSUPP) && !(unnamed.error() == EISDIR)) return unnamed;
    // A host file system without O_TMPFILE: under another name, out of sight as long as the directory is locked.
    DirLock l(dir->dir_mu(), DirLock::Nested{});
    Ref<Inode> up = SBX_TRY(dir->make_node(kTemporary, n, c));
    auto r = fill(*up);
    if (r && name.empty())
        r = dir->unlink(kTemporary, *up, c);
    else if (r)
        r = dir->rename(kTemporary, *up, *dir, name, nullptr, 0, c);
    if (!r) {
        (void)dir->unlink(kTemporary, *up, c);
        return err(r.error());
    }
    return up;
}

Result<> OverlayInode::fetch_data(const vfs::Caller& c, u64 bytes) {
    Inode& up = *upper();
    vfs::Attr below = SBX_TRY(lower_->attr());
    vfs::Attr a = SBX_TRY(up.attr());
    // Writing takes away what this is about to put back.
    auto capability = up.get_xattr("security.capability", c);
    vfs::SetAttr finish = times_of(a);
    finish.valid |= vfs::SetAttr::kMode;
    finish.mode = a.mode & 07777;
    auto r = copy_data(up, std::min(below.size, bytes), c);
    if (!r) (void)up.truncate(0, c);
    if (capability) (void)up.set_xattr("security.capability", *capability, 0, c);
    (void)up.set_attr(finish, c);
    if (r) data_below_.store(false, std::memory_order_release);
    return r;
}

Result<> OverlayInode::copy_data(Inode& to, u64 size, const vfs::Caller& c) {
    if (size == 0) return {};
    Ref<vfs::OpenFile> in = SBX_TRY(overlay().open_lower(*lower_, O_RDONLY | O_LARGEFILE, c));
    Ref<vfs::OpenFile> out = SBX_TRY(overlay().open_upper(to, O_WRONLY | O_LARGEFILE, c));
    std::vector<u8> buffer(std::min<u64>(kChunk, size));
    i64 at = 0, end = static_cast<i64>(size);
    bool holes = true;
    while (at < end) {
        i64 stop = end;
        if (holes) {
            auto data = in->seek(at, at, SEEK_DATA, c);
            if (!data && data.error() == ENXIO) break;  // a hole to the end
            if (data) {
                at = *data;
                auto hole = in->seek(at, at, SEEK_HOLE, c);
                if (hole && *hole > at) stop = std::min(*hole, end);
            } else {
                holes = false;
            }
        }
        while (at < stop) {
            mm::KernelIoBuf dst(Bytes(buffer.data(), std::min<size_t>(buffer.size(), static_cast<size_t>(stop - at))));
            i64 from = at;
            size_t n = SBX_TRY(in->read(dst, &from, 0, c));
            if (n == 0) {
                at = end;  // the host cut it off meanwhile
                break;
            }
            mm::KernelIoBuf src(ConstBytes(buffer.data(), n));
            i64 into = at;
            while (src.remaining() > 0)
                if (SBX_TRY(out->write(src, &into, 0, c)) == 0) return err(ENOSPC);
            at += static_cast<i64>(n);
        }
    }
    // Holes at the end.
    return to.truncate(size, c);
}

Result<> OverlayInode::copy_xattrs(Inode& to, const vfs::Caller& c) {
    auto names = lower_->list_xattr(c);
    if (!names) return {};
    for (const std::string& n : *names) {
        if (n.starts_with("trusted.overlay.") || n.starts_with("user.overlay.")) continue;
        auto value = lower_->get_xattr(n, c);
        if (!value) continue;
        auto r = to.set_xattr(n, *value, 0, c);
        // What the upper layer cannot keep is lost, as on Linux (ovl_copy_xattr skips EOPNOTSUPP and what it may not set).
        if (!r && !(r.error() == EOPNOTSUPP) && !(r.error() == EPERM) && !(r.error() == EACCES)) return err(r.error());
    }
    return {};
}

}  // namespace sbx::overlay
