// The file system devpts and the devices of terminals.
#include "fs/devpts/devpts.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/sysmacros.h>

#include <charconv>

#include "fs/devpts/devpts_fs.h"
#include "src/base/archive.h"

namespace sbx::devpts {
namespace {

constexpr unsigned kTtyMajor = 5, kTtyMinor = 0, kPtmxMinor = 2, kSlaveMajor = 136;
constexpr u64 kRootIno = 1, kPtmxIno = 2, kFirstSlaveIno = 3;

TaskSet* the_tasks = nullptr;  // no state: set at start-up

void apply(vfs::Attr& a, const vfs::SetAttr& s) {
    using S = vfs::SetAttr;
    timespec now = vfs::now();
    if (s.valid & S::kMode) a.mode = (a.mode & S_IFMT) | (s.mode & 07777);
    if (s.valid & S::kUid) a.uid = s.uid;
    if (s.valid & S::kGid) a.gid = s.gid;
    if (s.valid & S::kAtime) a.atime = s.atime;
    if (s.valid & S::kMtime) a.mtime = s.mtime;
    if (s.valid & S::kAtimeNow) a.atime = now;
    if (s.valid & S::kMtimeNow) a.mtime = now;
    a.ctime = now;
}

Result<Ref<vfs::OpenFile>> open_slave(const vfs::OpenArgs& a, Ref<Pty> pty, bool may_control) {
    SBX_TRY(pty->add_slave(*a.caller.creds));
    Ref<SlaveFile> f = make_ref<SlaveFile>(a.path, a.flags, std::move(pty));
    if (may_control && !(a.flags & O_NOCTTY) && a.caller.task) f->pty().opened_by(*a.caller.task, f->readable());
    return Ref<vfs::OpenFile>(f);
}

class SlaveInode final : public vfs::Inode {
public:
    SlaveInode(DevptsFs& fs, Pty& pty) : Inode(fs, kFirstSlaveIno + pty.index, S_IFCHR), pty_(pty) {}
    Pty& pty() const { return *pty_; }
    Result<vfs::Attr> attr() override { return devpts().attr_of(*pty_); }
    Result<> set_attr(const vfs::SetAttr& s, const vfs::Caller&) override { return devpts().set_attr_of(*pty_, s); }
    Result<> truncate(u64, const vfs::Caller&) override { return err(EINVAL); }
    Result<Ref<vfs::OpenFile>> open(const vfs::OpenArgs& a) override { return open_slave(a, pty_, true); }

    template <class A>
    auto state_head(A a) const {
        return a.args(a.by_ref(devpts()), a.by_ref(*pty_));
    }

private:
    DevptsFs& devpts() const { return static_cast<DevptsFs&>(fs()); }
    Ref<Pty> pty_;
};
SBX_SAVABLE(SlaveInode);

class PtmxInode final : public vfs::Inode {
public:
    explicit PtmxInode(DevptsFs& fs) : Inode(fs, kPtmxIno, S_IFCHR) {}
    Result<vfs::Attr> attr() override { return devpts().ptmx_attr(); }
    Result<> set_attr(const vfs::SetAttr& s, const vfs::Caller&) override { return devpts().set_ptmx_attr(s); }
    Result<> truncate(u64, const vfs::Caller&) override { return err(EINVAL); }
    Result<Ref<vfs::OpenFile>> open(const vfs::OpenArgs& a) override { return devpts().open_ptmx(a); }
    template <class A>
    auto state_head(A a) const {
        return a.args(a.by_ref(devpts()));
    }

private:
    DevptsFs& devpts() const { return static_cast<DevptsFs&>(fs()); }
};
SBX_SAVABLE(PtmxInode);

class DevptsDir final : public vfs::OpenFile {
public:
    DevptsDir(vfs::Path path, int flags, DevptsFs& fs) : OpenFile(std::move(path), flags), fs_(fs) {}
    template <class A>
    auto state_head(A a) const {
        return a.args(vfs::Path(), 0, a.by_ref(*fs_));
    }
    bool seekable() const override { return true; }
    bool epoll_allowed() const override { return false; }
    // Positions: the dots, ptmx, and 3 + the number.
    Result<> read_dir(vfs::DirSink& sink, i64* pos, const vfs::Caller&) override {
        static constexpr const char* kFixed[] = {".", "..", "ptmx"};
        for (; *pos < 3; ++*pos) {
            bool ptmx = *pos == 2;
            if (!sink.entry(kFixed[*pos], ptmx ? kPtmxIno : kRootIno, ptmx ? DT_CHR : DT_DIR, *pos + 1)) return {};
        }
        for (unsigned n : fs_->list()) {
            if (n + 3 < *pos) continue;
            if (!sink.entry(std::to_string(n), kFirstSlaveIno + n, DT_CHR, n + 4)) return {};
            *pos = n + 4;
        }
        return {};
    }

private:
    Ref<DevptsFs> fs_;
};
SBX_SAVABLE(DevptsDir);

class DevptsRoot final : public vfs::Inode {
public:
    explicit DevptsRoot(DevptsFs& fs) : Inode(fs, kRootIno, S_IFDIR), created_(vfs::now()) {}
    Result<vfs::Attr> attr() override {
        vfs::Attr a;
        a.mode = S_IFDIR | 0755;
        a.nlink = 2;
        a.ino = ino();
        a.atime = a.mtime = a.ctime = created_;
        return a;
    }
    Result<Ref<vfs::Inode>> lookup(std::string_view name) override {
        if (name == "ptmx") return Ref<vfs::Inode>(make_ref<PtmxInode>(devpts()));
        if (Ref<Pty> p = find(name)) return Ref<vfs::Inode>(make_ref<SlaveInode>(devpts(), *p));
        return err(ENOENT);
    }
    bool revalidate(std::string_view name, vfs::Inode* cached) override {
        if (name == "ptmx") return cached != nullptr;
        Ref<Pty> now = find(name);
        if (!now || !cached) return !now && !cached;
        return &static_cast<SlaveInode*>(cached)->pty() == now.get();
    }
    Result<Ref<vfs::OpenFile>> open(const vfs::OpenArgs& a) override {
        return Ref<vfs::OpenFile>(make_ref<DevptsDir>(a.path, a.flags, devpts()));
    }

    template <class A>
    auto state_head(A a) const {
        return a.args(a.by_ref(devpts()));
    }
    template <class A>
    void state(A& ar) {
        Inode::state(ar);
        ar.raw(created_);
    }

private:
    DevptsFs& devpts() const { return static_cast<DevptsFs&>(fs()); }
    Ref<Pty> find(std::string_view name) const {
        unsigned n = 0;
        auto [end, e] = std::from_chars(name.data(), name.data() + name.size(), n);
        if (e != std::errc() || end != name.data() + name.size() || (name.size() > 1 && name[0] == '0')) return nullptr;
        return devpts().find(n);
    }
    timespec created_;
};

SBX_SAVABLE(DevptsRoot);

// The instance that /dev/ptmx means: the first one.
Mutex<Rank::Leaf> first_mu;
Ref<DevptsFs>& first() {
    static Ref<DevptsFs>& f = *new Ref<DevptsFs>();  // no state: saved with the file system
    return f;
}

Result<u32> number(std::string_view text, int base) {
    u32 n = 0;
    auto [end, e] = std::from_chars(text.data(), text.data() + text.size(), n, base);
    if (text.empty() || e != std::errc() || end != text.data() + text.size()) return err(EINVAL);
    return n;
}

Result<> parse(std::string_view data, const UserNamespace& ns, Options& o) {
    while (!data.empty()) {
        size_t n = data.find(',');
        std::string_view one = data.substr(0, n);
        data = n == data.npos ? std::string_view() : data.substr(n + 1);
        size_t eq = one.find('=');
        std::string_view key = one.substr(0, eq), value = eq == one.npos ? std::string_view() : one.substr(eq + 1);
        if (key.empty() || key == "newinstance") continue;
        if (key == "mode") {
            o.mode = SBX_TRY(number(value, 8))
            &0777;
        } else if (key == "ptmxmode") {
            o.ptmx_mode = SBX_TRY(number(value, 8))
            &0777;
        } else if (key == "max") {
            o.max = std::min(o.max, SBX_TRY(number(value, 10)));
        } else if (key == "uid") {
            o.uid = ns.to_kuid(SBX_TRY(number(value, 10)));
            o.has_uid = true;
        } else if (key == "gid") {
            o.gid = ns.to_kgid(SBX_TRY(number(value, 10)));
            o.has_gid = true;
        } else {
            return err(EINVAL);
        }
    }
    return {};
}

Result<Ref<vfs::FileSystem>> create(std::string_view, std::string_view data, const vfs::Caller& c) {
    Options o;
    SBX_TRY(parse(data, *c.creds->user_ns, o));
    Ref<DevptsFs> fs = make_ref<DevptsFs>(*the_tasks, o);
    Lock l(first_mu);
    if (!first()) first() = fs;
    return Ref<vfs::FileSystem>(fs);
}

Result<Ref<vfs::OpenFile>> open_tty_device(const vfs::OpenArgs& a, dev_t dev) {
    if (minor(dev) == kPtmxMinor) {
        Ref<DevptsFs> fs;
        {
            Lock l(first_mu);
            fs = first();
        }
        if (!fs) return err(ENODEV);
        return fs->open_ptmx(a);
    }
    if (minor(dev) != kTtyMinor || !a.caller.task) return err(ENXIO);
    // All controlling terminals are ptys: host terminals do no job control for the programs inside.
    Ref<Pty> pty;
    {
        SharedLock l(the_tasks->mu);
        if (const Ref<Pid>& session = a.caller.task->group().session; session && session->tty)
            pty = Ref<Pty>(static_cast<Pty&>(*session->tty));
    }
    if (!pty) return err(ENXIO);
    return open_slave(a, std::move(pty), false);
}

// A slave's number means a terminal in devpts only.
Result<Ref<vfs::OpenFile>> open_slave_device(const vfs::OpenArgs&, dev_t) { return err(EIO); }

Pty& pty_of(vfs::OpenFile& master) { return static_cast<MasterFile&>(master).pty(); }

}  // namespace

SBX_SAVABLE(DevptsFs);

template <class A>
void DevptsFs::state(A& ar) SBX_NO_TSA {
    FileSystem::state(ar);
    bool is_first = first().get() == this;
    ar(slaves_, is_first);
    attr_state(ar, ptmx_);
    if constexpr (A::kLoading)
        if (is_first) first() = Ref<DevptsFs>(*this);
}

DevptsFs::DevptsFs(TaskSet& tasks, const Options& o) : tasks_(tasks), options_(o) {
    ptmx_.mode = S_IFCHR | o.ptmx_mode;
    ptmx_.rdev = makedev(kTtyMajor, kPtmxMinor);
    ptmx_.ino = kPtmxIno;
    ptmx_.uid = o.uid;
    ptmx_.gid = o.gid;
    ptmx_.atime = ptmx_.mtime = ptmx_.ctime = vfs::now();
}

Ref<vfs::Inode> DevptsFs::root() { return make_ref<DevptsRoot>(*this); }

Result<vfs::StatFs> DevptsFs::statfs() {
    vfs::StatFs s;
    s.type = 0x1cd1;  // DEVPTS_SUPER_MAGIC
    return s;
}

std::string DevptsFs::options() const {
    char text[96];
    int n = 0;
    if (options_.has_gid) n = snprintf(text, sizeof text, "gid=%u,", options_.gid);
    snprintf(text + n, sizeof text - static_cast<size_t>(n), "mode=%03o,ptmxmode=%03o", options_.mode,
             options_.ptmx_mode);
    return text;
}

Result<Ref<vfs::OpenFile>> DevptsFs::open_ptmx(const vfs::OpenArgs& a) {
    Ref<Pty> pty;
    {
        Lock l(mu_);
        if (slaves_.size() >= options_.max) return err(ENOSPC);
        unsigned n = 0;
        for (auto& [used, slave] : slaves_) {
            if (used != n) break;
            n++;
        }
        Slave s;
        s.pty = pty = make_ref<Pty>(tasks_, n);
        s.attr.mode = S_IFCHR | options_.mode;
        s.attr.uid = options_.has_uid ? options_.uid : a.caller.creds->fsuid;
        s.attr.gid = options_.has_gid ? options_.gid : a.caller.creds->fsgid;
        s.attr.ino = kFirstSlaveIno + n;
        s.attr.rdev = makedev(kSlaveMajor, n);
        s.attr.blksize = 1024;
        s.attr.atime = s.attr.mtime = s.attr.ctime = vfs::now();
        slaves_.emplace(n, std::move(s));
    }
    return Ref<vfs::OpenFile>(make_ref<MasterFile>(a.path, a.flags, std::move(pty), Ref<DevptsFs>(*this)));
}

void DevptsFs::remove(unsigned index) {
    Slave gone;
    Lock l(mu_);
    auto it = slaves_.find(index);
    if (it == slaves_.end()) return;
    gone = std::move(it->second);
    slaves_.erase(it);
    l.unlock();
}

Ref<Pty> DevptsFs::find(unsigned index) const {
    Lock l(mu_);
    auto it = slaves_.find(index);
    return it == slaves_.end() ? Ref<Pty>() : it->second.pty;
}

// The node of a terminal whose master is gone shows what is left of it.
Result<vfs::Attr> DevptsFs::attr_of(const Pty& pty) const {
    Lock l(mu_);
    auto it = slaves_.find(pty.index);
    if (it != slaves_.end() && it->second.pty.get() == &pty) return it->second.attr;
    vfs::Attr a;
    a.mode = S_IFCHR;
    a.nlink = 0;
    a.ino = kFirstSlaveIno + pty.index;
    a.rdev = makedev(kSlaveMajor, pty.index);
    return a;
}

Result<> DevptsFs::set_attr_of(const Pty& pty, const vfs::SetAttr& s) {
    Lock l(mu_);
    auto it = slaves_.find(pty.index);
    if (it != slaves_.end() && it->second.pty.get() == &pty) apply(it->second.attr, s);
    return {};
}

std::vector<unsigned> DevptsFs::list() const {
    Lock l(mu_);
    std::vector<unsigned> out;
    for (auto& [n, slave] : slaves_) out.push_back(n);
    return out;
}

vfs::Attr DevptsFs::ptmx_attr() const {
    Lock l(mu_);
    return ptmx_;
}

Result<> DevptsFs::set_ptmx_attr(const vfs::SetAttr& s) {
    Lock l(mu_);
    apply(ptmx_, s);
    return {};
}

MasterFile::MasterFile(Pty& pty, DevptsFs& fs) : PtyFile({}, 0, Ref<Pty>(pty)), fs_(fs) {}

MasterFile::MasterFile(vfs::Path p, int flags, Ref<Pty> pty, Ref<DevptsFs> fs)
    : PtyFile(std::move(p), flags, std::move(pty)), fs_(std::move(fs)) {}

MasterFile::~MasterFile() {
    fs_->remove(pty_->index);
    pty_->master_closed();
}

void init(TaskSet& tasks) {
    the_tasks = &tasks;
    static const vfs::FileSystemType type{"devpts", true, true, &create};
    vfs::register_file_system(type);
    vfs::register_device(S_IFCHR, kTtyMajor, kTtyMinor, kPtmxMinor, &open_tty_device);
    vfs::register_device(S_IFCHR, kSlaveMajor, 0, 0xfffff, &open_slave_device);
}

bool is_master(const vfs::OpenFile& f) { return f.kind() == &MasterFile::kKind; }
unsigned number_of(vfs::OpenFile& master) { return pty_of(master).index; }
void unlock(vfs::OpenFile& master) { pty_of(master).set_locked(false); }
void set_size(vfs::OpenFile& master, const winsize& s) {
    pty_of(master).set_size({s.ws_row, s.ws_col, s.ws_xpixel, s.ws_ypixel});
}
void make_controlling(vfs::OpenFile& master, ThreadGroup& g) { pty_of(master).make_controlling(g); }
bool take_suspend_request(vfs::OpenFile& master) { return pty_of(master).take_suspend_request(); }

}  // namespace sbx::devpts
