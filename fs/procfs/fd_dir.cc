// /proc/PID/fd and /proc/PID/fdinfo.
#include <dirent.h>
#include <stdio.h>

#include "fs/procfs/node.h"
#include "fs/vfs/fd_table.h"

namespace sbx::procfs {
namespace {

Result<Ref<vfs::OpenFile>> open_file_of(const Subject& s, int number, bool* cloexec = nullptr) {
    Ref<vfs::FdTable> files = s.task->files_of();
    if (!files) return err(ENOENT);
    bool unused = false;
    Result<Ref<vfs::OpenFile>> f = files->get(number, cloexec ? cloexec : &unused);
    if (!f) return err(ENOENT);
    return f;
}

class InfoNode final : public Node {
public:
    InfoNode(ProcFs& fs, const Subject& s, std::string_view name, int number)
        : Node(fs, s, name, S_IFREG | 0400), number_(number) {}
    InfoNode(const Remade& r, int number) : Node(r), number_(number) {}
    template <class A>
    auto state_head(A a) const {
        return a.args(remade(), number_);
    }
    Result<Ref<vfs::OpenFile>> open(const vfs::OpenArgs& a) override;

private:
    int number_;
};

Result<std::string> info_text(const Context& c, int number) {
    bool cloexec = false;
    Ref<vfs::OpenFile> f = SBX_TRY(open_file_of(c.subject, number, &cloexec));
    char buf[160];
    i64 pos = 0;
    // A file that is being read, perhaps this one, keeps its position locked: what it shows then is a moment old, as on Linux.
    if (f->pos_mu().try_lock()) {
        pos = f->pos();
        f->pos_mu().unlock();
    }
    int flags = f->flags() | (cloexec ? 02000000 : 0) | (f->is_path_only() ? 010000000 : 0);
    snprintf(buf, sizeof buf, "pos:\t%lld\nflags:\t0%o\nmnt_id:\t%d\nino:\t%llu\n", static_cast<long long>(pos),
             static_cast<unsigned>(flags), f->path().mount->id(), static_cast<unsigned long long>(f->inode().ino()));
    return buf + f->fdinfo(c.caller);
}

class InfoFile final : public vfs::OpenFile {
public:
    InfoFile(const vfs::OpenArgs& a, ProcFs& fs, Subject s, int number)
        : OpenFile(a.path, a.flags), fs_(fs), subject_(std::move(s)), number_(number) {}
    InfoFile(ProcFs& fs, Subject s, int number) : OpenFile({}, 0), fs_(fs), subject_(std::move(s)), number_(number) {}
    template <class A>
    auto state_head(A a) const {
        return a.args(a.by_ref(fs_), subject_, number_);
    }
    bool seekable() const override { return true; }
    Result<size_t> read(mm::IoBuf& dst, i64* pos, u32, const vfs::Caller& c) override {
        std::string text = SBX_TRY(info_text(Context{fs_, subject_, c}, number_));
        if (*pos < 0 || static_cast<u64>(*pos) >= text.size()) return 0;
        size_t n = SBX_TRY(dst.put(text.data() + *pos, text.size() - static_cast<size_t>(*pos)));
        *pos += static_cast<i64>(n);
        return n;
    }

private:
    ProcFs& fs_;
    Subject subject_;
    int number_;
};

Result<Ref<vfs::OpenFile>> InfoNode::open(const vfs::OpenArgs& a) {
    SBX_TRY(check_access(Context{proc(), subject(), a.caller}));
    return Ref<vfs::OpenFile>(make_ref<InfoFile>(a, proc(), subject(), number_));
}

class FdDir final : public Directory {
public:
    FdDir(ProcFs& fs, const Subject& s, bool info)
        : Directory(fs, s, info ? "fdinfo" : "fd", S_IFDIR | (info ? 0555 : 0500)), info_(info) {}
    FdDir(const Remade& r, bool info) : Directory(r), info_(info) {}
    template <class A>
    auto state_head(A a) const {
        return a.args(remade(), info_);
    }
    // A process may always look at its own, whatever its ids say (proc_fd_permission).
    Result<> permission(u32 may, const vfs::Caller& c) override {
        if (c.task && &c.task->group() == &task().group()) return {};
        return Directory::permission(may, c);
    }
    Result<Ref<vfs::Inode>> find(std::string_view name) override {
        int nr = parse_number(name);
        if (nr < 0) return err(ENOENT);
        Ref<vfs::OpenFile> f = SBX_TRY(open_file_of(subject(), nr));
        if (info_) return Ref<vfs::Inode>(make_ref<InfoNode>(proc(), subject(), name, nr));
        u32 mode = 0100 | (f->readable() ? 0400 : 0) | (f->writable() ? 0200 : 0);
        return make_magic_link(proc(), subject(), name, mode, follow_fd, nr);
    }
    std::vector<Entry> list(const vfs::Caller& c) override {
        std::vector<Entry> out;
        Ref<vfs::FdTable> files = task().files_of();
        if (!files || !check_access(Context{proc(), subject(), c})) return out;
        for (int n : files->numbers()) out.push_back({std::to_string(n), static_cast<u8>(info_ ? DT_REG : DT_LNK)});
        return out;
    }

private:
    bool info_;
};

SBX_SAVABLE(InfoNode);
SBX_SAVABLE(InfoFile);
SBX_SAVABLE(FdDir);

}  // namespace

Result<vfs::Path> follow_fd(const Context& c, int number) {
    return SBX_TRY(open_file_of(c.subject, number))
    ->path();
}

Ref<vfs::Inode> make_fd_dir(ProcFs& fs, const Subject& s, bool info) { return make_ref<FdDir>(fs, s, info); }

}  // namespace sbx::procfs
