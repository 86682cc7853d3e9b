// Directories of an overlay: both layers' names in one list. An open directory reads a list made when it is at its start
// (fs/overlayfs/readdir.c does the same): positions are indices into it and stay what they are.
#include <dirent.h>
#include <fcntl.h>

#include <memory>
#include <unordered_set>

#include "fs/overlay/overlay_inode.h"
#include "src/base/archive.h"

namespace sbx::overlay {
namespace {

class Collector final : public vfs::DirSink {
public:
    explicit Collector(std::vector<Listed>& out) : out_(out) {}
    bool entry(std::string_view name, u64 ino, u8 type, i64) override {
        if (name != "." && name != "..") out_.push_back(Listed{std::string(name), ino, type});
        return true;
    }

private:
    std::vector<Listed>& out_;
};

Result<std::vector<Listed>> read_all(Ref<vfs::OpenFile> f, const vfs::Caller& c) {
    std::vector<Listed> out;
    Collector sink(out);
    i64 pos = 0;
    for (;;) {
        i64 before = pos;
        SBX_TRY(f->read_dir(sink, &pos, c));
        if (pos == before) return out;
    }
}

}  // namespace

Result<std::vector<Listed>> list_upper(OverlayFs& fs, vfs::Inode& dir, const vfs::Caller& c) {
    Ref<vfs::OpenFile> f = SBX_TRY(fs.open_upper(dir, O_RDONLY | O_DIRECTORY, c));
    return read_all(std::move(f), c);
}

Result<std::vector<Listed>> list_directory(OverlayInode& dir, const vfs::Caller& c) {
    OverlayFs& fs = dir.overlay();
    std::vector<Listed> out;
    std::unordered_set<std::string> seen;
    if (vfs::Inode* up = dir.upper()) {
        bool merges = dir.merges();
        for (Listed& e : SBX_TRY(list_upper(fs, *up, c))) {
            if (merges) seen.insert(e.name);
            if (e.type == DT_CHR || e.type == DT_UNKNOWN) {
                SharedLock l(up->dir_mu(), SharedLock<RwMutex<Rank::Dir>>::Nested{});
                auto i = up->lookup(e.name);
                if (!i || is_whiteout(**i)) continue;
            }
            e.ino = fs.upper_ino(e.ino);
            out.push_back(std::move(e));
        }
    }
    if (!dir.merges()) return out;
    Ref<vfs::OpenFile> below = SBX_TRY(fs.open_lower(*dir.lower(), O_RDONLY | O_DIRECTORY, c));
    std::vector<Listed> lower = SBX_TRY(read_all(std::move(below), c));
    if (seen.empty() && out.empty()) return lower;
    for (Listed& e : lower)
        if (!seen.contains(e.name)) out.push_back(std::move(e));
    return out;
}

namespace {

class OverlayDirectory final : public vfs::OpenFile {
public:
    OverlayDirectory(vfs::Path path, int flags, OverlayInode& inode) : OpenFile(std::move(path), flags), node_(inode) {}

    bool seekable() const override { return true; }
    bool epoll_allowed() const override { return false; }
    Result<> sync(bool, Range) override { return {}; }

    Result<> read_dir(vfs::DirSink& sink, i64* pos, const vfs::Caller& c) override {
        if (path().dentry->unlinked()) return err(ENOENT);  // iterate_dir(): IS_DEADDIR
        std::shared_ptr<const std::vector<Listed>> list = current();
        if (*pos <= 0 || !list) {
            auto fresh = std::make_shared<std::vector<Listed>>(SBX_TRY(list_directory(*node_, c)));
            list = fresh;
            Lock l(mu_);
            list_.swap(list);
            list = list_;
        }
        if (*pos < 0) return err(EINVAL);
        if (*pos == 0) {
            if (!sink.entry(".", node_->ino(), DT_DIR, 1)) return {};
            *pos = 1;
        }
        if (*pos == 1) {
            Ref<OverlayInode> up = node_->parent();
            if (!sink.entry("..", up ? up->ino() : node_->ino(), DT_DIR, 2)) return {};
            *pos = 2;
        }
        while (static_cast<u64>(*pos) - 2 < list->size()) {
            const Listed& e = (*list)[static_cast<size_t>(*pos) - 2];
            if (!sink.entry(e.name, e.ino, e.type, *pos + 1)) return {};
            ++*pos;
        }
        return {};
    }

private:
    friend struct state::Access;
    template <class A>
    auto state_head(A a) const {
        return a.args(vfs::Path(), 0, a.by_ref(*node_));
    }
    template <class A>
    void state(A& ar) SBX_NO_TSA {
        OpenFile::state(ar);
        ar(list_);
    }
    std::shared_ptr<const std::vector<Listed>> current() {
        Lock l(mu_);
        return list_;
    }
    Ref<OverlayInode> node_;
    Mutex<Rank::Leaf> mu_;
    std::shared_ptr<const std::vector<Listed>> list_ SBX_GUARDED_BY(mu_);
};

SBX_SAVABLE(OverlayDirectory);

}  // namespace

Result<Ref<vfs::OpenFile>> open_overlay_directory(const vfs::OpenArgs& a, OverlayInode& inode) {
    if ((a.flags & O_ACCMODE) != O_RDONLY) return err(EISDIR);
    return Ref<vfs::OpenFile>(make_ref<OverlayDirectory>(a.path, a.flags, inode));
}

}  // namespace sbx::overlay
