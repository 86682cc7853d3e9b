// Nodes of procfs: attributes, generated files, links, directories.
#include "fs/procfs/node.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>

#include <algorithm>

#include "fs/procfs/procfs.h"
#include "fs/vfs/walk.h"
#include "src/kernel/ptrace.h"

namespace sbx::procfs {

u64 node_ino(const Subject& s, std::string_view name) {
    u64 h = 0xcbf29ce484222325ull;
    auto mix = [&h](u64 x) { h = (h ^ x) * 0x100000001b3ull; };
    for (char ch : name) mix(static_cast<u8>(ch));
    if (s.task) {
        mix(static_cast<u64>(s.task->pid().nr_in_root()));
        mix(s.whole_process);
    }
    return (h >> 16) | 0x100000000ull;
}

Node::Node(ProcFs& fs, Subject s, std::string_view name, u32 mode)
    : Inode(fs, node_ino(s, name), mode & S_IFMT), subject_(std::move(s)), mode_(mode), time_(vfs::now()) {}

Result<vfs::Attr> Node::attr() {
    vfs::Attr a;
    a.mode = mode_;
    a.ino = ino();
    a.nlink = is_dir() ? 2 : 1;
    a.blksize = 1024;
    a.atime = a.mtime = a.ctime = time_;
    if (subject_.task) {
        // Files of a process that is not dumpable belong to root (proc(5)).
        Ref<mm::MemoryManager> mm = subject_.task->mm_of();
        bool dumpable = !mm || mm->dumpable.load() == 1 || (mode_ & 07777) == 0555;
        CredsRef c = subject_.task->creds_of();
        if (dumpable) {
            a.uid = c->euid;
            a.gid = c->egid;
        }
    }
    return a;
}

Node::Node(const Remade& r)
    : Inode(r.fs, r.ino, r.mode & S_IFMT), subject_(r.subject), mode_(r.mode), time_(vfs::now()) {}

// open(2) with O_TRUNC is no error; anything else is.
Result<> Node::set_attr(const vfs::SetAttr& s, const vfs::Caller&) {
    if ((s.valid & ~static_cast<u32>(vfs::SetAttr::kSize | vfs::SetAttr::kMtime | vfs::SetAttr::kMtimeNow |
                                     vfs::SetAttr::kCtime)) == 0)
        return {};
    return err(EPERM);
}

Result<> check_access(const Context& c) {
    if (!c.subject.task || !c.caller.task) return {};
    if (ptrace_may_access(*c.caller.task, *c.subject.task, kPtraceRead | kPtraceFsCreds)) return {};
    return err(EACCES);
}

int parse_number(std::string_view s) {
    if (s.empty() || s.size() > 9 || (s.size() > 1 && s[0] == '0')) return -1;
    int n = 0;
    for (char ch : s) {
        if (ch < '0' || ch > '9') return -1;
        n = n * 10 + (ch - '0');
    }
    return n;
}

namespace {

constexpr FollowRow kNumbered[] = {{"fd", follow_fd}, {"ns", follow_ns}};

// A row by the name of its table and its own, which is how archives know it.
template <class Row>
struct RowRef {
    const Row* row = nullptr;
    template <class A>
    void state(A& ar) {
        std::string name = row ? name_of(*row) : "";
        ar(name);
        if constexpr (A::kLoading)
            if (!(row = find(name))) ar.fail("there is no file " + name + " of proc");
    }
    operator const Row&() const { return *row; }

private:
    template <class F>
    static void each(F&& f) {
        if constexpr (std::is_same_v<Row, FileRow>) {
            for (const Row& r : system_files()) f("system/", r);
            for (const Row& r : pid_files()) f("pid/", r);
            for (const Row& r : net_files()) f("net/", r);
        } else if constexpr (std::is_same_v<Row, LinkRow>) {
            for (const Row& r : system_links()) f("system/", r);
        } else {
            for (const Row& r : pid_links()) f("pid/", r);
            for (const Row& r : kNumbered) f("pid/", r);
        }
    }
    static std::string name_of(const Row& row) {
        std::string name;
        each([&](const char* table, const Row& r) {
            if (&r == &row) name = std::string(table) + r.name;
        });
        return name;
    }
    static const Row* find(std::string_view name) {
        const Row* found = nullptr;
        each([&](const char* table, const Row& r) {
            if (name == std::string(table) + r.name) found = &r;
        });
        return found;
    }

public:
    // The row of a function, which no other has.
    template <class F>
    static RowRef of(F function) {
        RowRef out;
        each([&](const char*, const Row& r) {
            if constexpr (std::is_same_v<Row, LinkRow>) {
                if (r.target == function) out.row = &r;
            } else {
                if (r.follow == function) out.row = &r;
            }
        });
        return out;
    }
};

class TextFile final : public vfs::OpenFile {
public:
    TextFile(const vfs::OpenArgs& a, ProcFs& fs, Subject s, const FileRow& row)
        : OpenFile(a.path, a.flags), fs_(fs), subject_(std::move(s)), row_(row) {}
    TextFile(ProcFs& fs, Subject s, const FileRow& row) : OpenFile({}, 0), fs_(fs), subject_(std::move(s)), row_(row) {}
    template <class A>
    auto state_head(A a) const {
        return a.args(a.by_ref(fs_), subject_, RowRef<FileRow>{&row_});
    }
    template <class A>
    void state(A& ar) SBX_NO_TSA {
        OpenFile::state(ar);
        ar(text_);
    }

    Result<size_t> read(mm::IoBuf& dst, i64* pos, u32, const vfs::Caller& c) override {
        std::shared_ptr<const std::string> text;
        {
            Lock l(mu_);
            text = text_;
        }
        if (*pos == 0 || !text || text->empty()) {
            text = std::make_shared<const std::string>(SBX_TRY(row_.generate(Context{fs_, subject_, c})));
            Lock l(mu_);
            text_ = text;
        }
        if (static_cast<u64>(*pos) >= text->size()) return 0;
        size_t n = SBX_TRY(dst.put(text->data() + *pos, text->size() - static_cast<size_t>(*pos)));
        *pos += static_cast<i64>(n);
        return n;
    }

    Result<size_t> write(mm::IoBuf& src, i64* pos, u32, const vfs::Caller& c) override {
        if (!row_.accept) return err(EINVAL);
        if (src.remaining() > kPageSize) return err(EINVAL);
        std::string text(src.remaining(), '\0');
        text.resize(SBX_TRY(src.get(text.data(), text.size())));
        SBX_TRY(row_.accept(Context{fs_, subject_, c}, text));
        *pos += static_cast<i64>(text.size());
        return text.size();
    }

    bool seekable() const override { return true; }
    bool epoll_allowed() const override { return false; }
    Result<i64> seek(i64 current, i64 offset, int whence, const vfs::Caller&) override {
        if (whence != SEEK_SET && whence != SEEK_CUR) return err(EINVAL);
        i64 base = whence == SEEK_CUR ? current : 0, at = 0;
        if (__builtin_add_overflow(base, offset, &at) || at < 0) return err(EINVAL);
        return at;
    }

private:
    ProcFs& fs_;
    Subject subject_;
    const FileRow& row_;
    Mutex<Rank::Leaf> mu_;
    // Shared with readers under way: it may be long, and is read in small pieces.
    std::shared_ptr<const std::string> text_ SBX_GUARDED_BY(mu_);
};

class FileNode final : public Node {
public:
    FileNode(ProcFs& fs, const Subject& s, const FileRow& row) : Node(fs, s, row.name, S_IFREG | row.mode), row_(row) {}
    Result<Ref<vfs::OpenFile>> open(const vfs::OpenArgs& a) override {
        Context c{proc(), subject(), a.caller};
        if (row_.ptrace_check) SBX_TRY(check_access(c));
        return Ref<vfs::OpenFile>(make_ref<TextFile>(a, proc(), subject(), row_));
    }
    FileNode(const Remade& r, const FileRow& row) : Node(r), row_(row) {}
    template <class A>
    auto state_head(A a) const {
        return a.args(remade(), RowRef<FileRow>{&row_});
    }

private:
    const FileRow& row_;
};

class SymlinkNode final : public Node {
public:
    using Target = Result<std::string> (*)(const Context& c);
    SymlinkNode(ProcFs& fs, const Subject& s, std::string_view name, Target t)
        : Node(fs, s, name, S_IFLNK | 0777), target_(t) {}
    SymlinkNode(const Remade& r, const LinkRow& row) : Node(r), target_(row.target) {}
    template <class A>
    auto state_head(A a) const {
        return a.args(remade(), RowRef<LinkRow>::of(target_));
    }
    // "self" depends on who asks: the current task.
    Result<std::string> read_link() override {
        vfs::Caller c;
        c.task = current_task();
        return target_(Context{proc(), subject(), c});
    }

private:
    Target target_;
};

class MagicLink final : public Node {
public:
    MagicLink(ProcFs& fs, const Subject& s, std::string_view name, u32 mode, Follow f, int number)
        : Node(fs, s, name, S_IFLNK | mode), follow_(f), number_(number) {}
    MagicLink(const Remade& r, const FollowRow& row, int number) : Node(r), follow_(row.follow), number_(number) {}
    template <class A>
    auto state_head(A a) const {
        return a.args(remade(), RowRef<FollowRow>::of(follow_), number_);
    }
    bool is_magic_link() const override { return true; }
    Result<vfs::Path> follow_magic(const vfs::Caller& c) override {
        Context ctx{proc(), subject(), c};
        SBX_TRY(check_access(ctx));
        return follow_(ctx, number_);
    }
    Result<std::string> read_link() override {
        Task* reader = current_task();
        vfs::Caller c = reader ? reader->caller() : vfs::Caller{};
        vfs::Path p = SBX_TRY(follow_magic(c));
        return vfs::path_name(p, reader ? reader->fs().root() : vfs::Path{});
    }

private:
    Follow follow_;
    int number_;
};

class OpenDirectory final : public vfs::OpenFile {
public:
    static constexpr char kKind = 0;
    const void* kind() const override { return &kKind; }
    OpenDirectory(vfs::Path path, int flags, Directory& d) : OpenFile(std::move(path), flags), dir_(d) {}
    template <class A>
    auto state_head(A a) const {
        return a.args(vfs::Path(), 0, a.by_ref(*dir_));
    }
    template <class A>
    void state(A& ar) SBX_NO_TSA {
        OpenFile::state(ar);
        ar(entries_);
    }
    Ref<Pid> process() const { return dir_->process(); }
    bool seekable() const override { return true; }
    bool epoll_allowed() const override { return false; }
    Result<i64> seek(i64 current, i64 offset, int whence, const vfs::Caller&) override {
        i64 base = whence == SEEK_CUR ? current : 0, at = 0;
        if ((whence != SEEK_SET && whence != SEEK_CUR) || __builtin_add_overflow(base, offset, &at) || at < 0)
            return err(EINVAL);
        return at;
    }
    // The list is taken anew when reading starts, and positions are places in it: what goes away meanwhile does not shift the rest.
    Result<> read_dir(vfs::DirSink& sink, i64* pos, const vfs::Caller& c) override {
        Lock l(mu_);
        if (*pos == 0 || entries_.empty()) {
            entries_ = {{".", DT_DIR}, {"..", DT_DIR}};
            for (Directory::Entry& e : dir_->list(c)) entries_.push_back(std::move(e));
        }
        for (; static_cast<u64>(*pos) < entries_.size(); ++*pos) {
            const Directory::Entry& e = entries_[static_cast<size_t>(*pos)];
            u64 ino = e.name == "." || e.name == ".." ? dir_->ino() : node_ino(dir_->subject(), e.name);
            if (!sink.entry(e.name, ino, e.type, *pos + 1)) break;
        }
        return {};
    }

private:
    Ref<Directory> dir_;
    Mutex<Rank::InodeData> mu_;
    std::vector<Directory::Entry> entries_ SBX_GUARDED_BY(mu_);
};

SBX_SAVABLE(ProcFs);
SBX_SAVABLE(TextFile);
SBX_SAVABLE(FileNode);
SBX_SAVABLE(SymlinkNode);
SBX_SAVABLE(MagicLink);
SBX_SAVABLE(OpenDirectory);

}  // namespace

Ref<Pid> process_of(const vfs::OpenFile& f) {
    return f.kind() == &OpenDirectory::kKind ? static_cast<const OpenDirectory&>(f).process() : nullptr;
}

Result<Ref<vfs::OpenFile>> Directory::open(const vfs::OpenArgs& a) {
    return Ref<vfs::OpenFile>(make_ref<OpenDirectory>(a.path, a.flags, *this));
}

bool Directory::revalidate(std::string_view name, vfs::Inode* cached) {
    Result<Ref<vfs::Inode>> now = find(name);
    if (!now || !cached) return !now && !cached;
    // The number of a process that died may be another's by now: the subject must be the same task.
    auto* old = static_cast<Node*>(cached);
    auto* fresh = static_cast<Node*>(now->get());
    return old->type() == fresh->type() && old->subject().task == fresh->subject().task;
}

Ref<vfs::Inode> make_file(ProcFs& fs, const Subject& s, const FileRow& row) { return make_ref<FileNode>(fs, s, row); }
Ref<vfs::Inode> make_symlink(ProcFs& fs, const Subject& s, std::string_view name,
                             Result<std::string> (*target)(const Context& c)) {
    return make_ref<SymlinkNode>(fs, s, name, target);
}
Ref<vfs::Inode> make_magic_link(ProcFs& fs, const Subject& s, std::string_view name, u32 mode, Follow follow,
                                int number) {
    return make_ref<MagicLink>(fs, s, name, mode, follow, number);
}

}  // namespace sbx::procfs
