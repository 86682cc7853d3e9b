// Open regular files of an overlay: the layer's open file behind a name of the overlay's.
#include <fcntl.h>

#include "fs/overlay/overlay_inode.h"
#include "fs/vfs/file_mapping.h"
#include "fs/vfs/fs_context.h"
#include "fs/vfs/walk.h"
#include "src/base/archive.h"

namespace sbx::overlay {
namespace {

class OverlayFile final : public vfs::OpenFile {
public:
    OverlayFile(vfs::Path path, int flags, OverlayInode& inode, Ref<vfs::OpenFile> real, bool in_upper)
        : OpenFile(std::move(path), flags), node_(inode), first_(std::move(real)), in_upper_(in_upper) {}
    ~OverlayFile() override {
        if (vfs::OpenFile* f = later_.load(std::memory_order_acquire)) f->unref();
    }

    Result<> set_flags(int flags, const vfs::Caller& c) override {
        SBX_TRY(real(c)->set_flags(flags, c));
        return OpenFile::set_flags(flags, c);
    }
    Result<size_t> read(mm::IoBuf& dst, i64* pos, u32 rwf, const vfs::Caller& c) override {
        return real(c)->read(dst, pos, rwf, c);
    }
    Result<size_t> write(mm::IoBuf& src, i64* pos, u32 rwf, const vfs::Caller& c) override {
        return real(c)->write(src, pos, rwf, c);
    }
    bool seekable() const override { return true; }
    Result<i64> seek(i64 current, i64 offset, int whence, const vfs::Caller& c) override {
        return real(c)->seek(current, offset, whence, c);
    }
    Result<long> ioctl(u32 cmd, u64 arg, const vfs::Caller& c) override { return real(c)->ioctl(cmd, arg, c); }

    // What was mapped before a copy-up stays the lower file's, as with Linux's overlayfs.
    Result<Ref<mm::Mappable>> mappable(int prot, int map_flags, const vfs::Caller& c) override {
        Ref<mm::Mappable> m = SBX_TRY(real(c)->mappable(prot, map_flags, c));
        mm::MappableName name;
        name.dev = node_->fs().dev();
        name.ino = node_->ino();
        if (c.fs) name.path = vfs::path_name(path(), c.fs->root());
        return Ref<mm::Mappable>(make_ref<vfs::FileMapping>(std::move(m), std::move(name)));
    }
    // Of a file opened before its copy-up there is nothing to write back.
    Result<> sync(bool data_only, Range range) override { return first_->sync(data_only, range); }
    Result<> allocate(int mode, u64 offset, u64 length, const vfs::Caller& c) override {
        return real(c)->allocate(mode, offset, length, c);
    }
    bool epoll_allowed() const override { return false; }

private:
    friend struct state::Access;
    template <class A>
    auto state_head(A a) const {
        return a.args(vfs::Path(), 0, a.by_ref(*node_), first_, in_upper_);
    }
    template <class A>
    void state(A& ar) {
        OpenFile::state(ar);
        ar.holding(later_);
    }
    // A file opened for reading before somebody else had it copied up reads the copy from then on (ovl_real_fdget).
    vfs::OpenFile* real(const vfs::Caller& c) {
        if (in_upper_) return first_.get();
        vfs::Inode* up = node_->upper_with_data();
        if (!up) return first_.get();
        vfs::OpenFile* f = later_.load(std::memory_order_acquire);
        if (f) return f;
        auto r = node_->overlay().open_upper(*up, flags(), c);
        if (!r) return first_.get();
        vfs::OpenFile* mine = r->release();
        if (later_.compare_exchange_strong(f, mine, std::memory_order_acq_rel)) return mine;
        mine->unref();
        return f;
    }

    Ref<OverlayInode> node_;
    const Ref<vfs::OpenFile> first_;
    const bool in_upper_;
    std::atomic<vfs::OpenFile*> later_{nullptr};  // holds a reference; set once
};

SBX_SAVABLE(OverlayFile);

}  // namespace

Ref<vfs::OpenFile> open_overlay_file(const vfs::OpenArgs& a, OverlayInode& inode, Ref<vfs::OpenFile> real,
                                     bool in_upper) {
    return make_ref<OverlayFile>(a.path, a.flags, inode, std::move(real), in_upper);
}

}  // namespace sbx::overlay
