// The table of live inodes of a hostfs, and its inode numbers.
#include "fs/hostfs/host_fs.h"

#include <sys/resource.h>
#include <sys/statfs.h>
#include <unistd.h>

#include <algorithm>

#include "fs/hostfs/fd_budget.h"
#include "fs/hostfs/host_inode.h"
#include "src/base/archive.h"

namespace sbx::hostfs {

HostId HostId::of(const Statx& s) {
    constexpr u32 kBtime = 0x800;  // STATX_BTIME
    i64 born = (s.mask & kBtime) ? s.btime.sec * kNanosPerSec + s.btime.nsec : 0;
    return HostId{s.dev(), s.ino, born, static_cast<u32>(s.mode) & S_IFMT};
}

SBX_SAVABLE(HostFs);

template <class H>
HostFs* HostFs::state_make(state::Loader& ar, H& head) {
    auto* sources = ar.given<Sources>();
    auto index = static_cast<size_t>(std::get<0>(head));
    if (sources && index < sources->file_systems.size() && sources->file_systems[index])
        return static_cast<HostFs*>(Ref<vfs::FileSystem>(sources->file_systems[index]).release());
    ar.fail("the configuration has fewer mounts of host directories than when the sandbox was saved");
    return nullptr;
}

HostInode* HostFs::loaded_inode(u64 ino, const HostId& id) {
    auto* i = new HostInode(*this, ino, id);
    Lock l(mu_);
    inodes_[id] = i;
    return i;
}

HostFs::HostFs(const Options& o) : options_(o), gives_owners_(geteuid() == 0) {}
HostFs::~HostFs() { root_.reset(); }
void HostFs::on_unmounted() { root_.reset(); }

Ref<vfs::Inode> HostFs::root() { return root_; }

Result<> HostFs::set_root(UniqueFd fd) {
    Statx s = SBX_TRY(stat_fd(fd.get()));
    root_ = inode_for(s, {}, "", {});
    root_->keep_open(std::move(fd));
    return {};
}

Result<vfs::StatFs> HostFs::statfs() {
    HostInode::Pin pin = SBX_TRY(root_->pin());
    struct statfs s;
    if (fstatfs(pin.fd(), &s) != 0) return err(errno);
    vfs::StatFs r;
    r.type = static_cast<u64>(s.f_type);
    r.bsize = static_cast<u64>(s.f_bsize);
    r.frsize = s.f_frsize ? static_cast<u64>(s.f_frsize) : r.bsize;
    r.blocks = s.f_blocks;
    r.bfree = s.f_bfree;
    r.bavail = s.f_bavail;
    r.files = s.f_files;
    r.ffree = s.f_ffree;
    r.namelen = static_cast<u64>(s.f_namelen);
    return r;
}

Result<> HostFs::sync() {
    if (refuses_writes()) return {};
    HostInode::Pin pin = SBX_TRY(root_->pin());
    if (!root_->is_dir()) return {};
    UniqueFd dir = SBX_TRY(open_dir(pin.fd()));
    if (syncfs(dir.get()) != 0) return err(errno);
    return {};
}

u64 HostFs::ino_of(u64 dev, u64 ino) {
    Lock l(mu_);
    auto it = std::find(devs_.begin(), devs_.end(), dev);
    u64 index = static_cast<u64>(it - devs_.begin());
    if (it == devs_.end()) devs_.push_back(dev);
    if (index == 0) return ino;
    // As overlayfs's xino: the upper bits of inode numbers are free nearly everywhere.
    return ino ^ (index << 48);
}

Ref<HostInode> HostFs::inode_for(const Statx& s, Ref<HostInode> parent, std::string_view name, UniqueFd fd) {
    HostId id = HostId::of(s);
    u64 ino = ino_of(id.dev, id.ino);
    Ref<HostInode> found;
    {
        Lock l(mu_);
        auto it = inodes_.find(id);
        if (it != inodes_.end() && it->second->id() == id && it->second->try_ref())
            found = Ref<HostInode>::adopt(it->second);
        if (!found) {
            found = make_ref<HostInode>(*this, ino, id);
            if (it != inodes_.end()) inodes_.erase(it);
            inodes_.emplace(id, found.get());
        }
    }
    if (parent) found->set_name(std::move(parent), name);
    if (fd) found->offer(std::move(fd));
    return found;
}

void HostFs::gone(HostInode& inode) {
    UniqueFd unused = take_fresh(inode);
    Lock l(mu_);
    auto it = inodes_.find(inode.id());
    if (it != inodes_.end() && it->second == &inode) inodes_.erase(it);
}

void HostFs::keep_fresh(HostInode& inode, UniqueFd fd) {
    Lock l(mu_);
    Fresh& f = fresh_[next_fresh_];
    next_fresh_ = (next_fresh_ + 1) % kFresh;
    f.inode = &inode;
    f.fd = std::move(fd);
}

UniqueFd HostFs::take_fresh(HostInode& inode) {
    Lock l(mu_);
    for (Fresh& f : fresh_) {
        if (f.inode != &inode) continue;
        f.inode = nullptr;
        return std::move(f.fd);
    }
    return {};
}

Result<Ref<vfs::FileSystem>> create(UniqueFd root, const Options& options) {
    prepare();
    FdBudget::get().refresh();
    Ref<HostFs> fs = make_ref<HostFs>(options);
    SBX_TRY(fs->set_root(std::move(root)));
    return Ref<vfs::FileSystem>(fs);
}

void raise_descriptor_limit() {
    rlimit r{};
    if (getrlimit(RLIMIT_NOFILE, &r) == 0 && r.rlim_cur < r.rlim_max) {
        r.rlim_cur = r.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &r);
    }
    FdBudget::get().refresh();
}

void prepare() { keep_proc_self_fd(); }

}  // namespace sbx::hostfs
