// The file system object of tmpfs, its options, memfds and shared memory segments.
#include "fs/tmpfs/tmpfs.h"

#include <fcntl.h>

#include <charconv>

#include "fs/tmpfs/inode.h"
#include "fs/tmpfs/open_files.h"
#include "fs/vfs/dentry.h"
#include "fs/vfs/mount.h"
#include "src/base/archive.h"

namespace sbx::tmpfs {
namespace {

constexpr std::string_view kTypeName = "tmpfs";
constexpr u64 kMagic = 0x01021994;  // TMPFS_MAGIC

// What init() was given, and the internal mount of files without names (shm_mnt). Never freed: files may outlive main().
struct Internal {
    Ref<mm::MemoryFile> memory;
    u64 total = 0;
    Ref<TmpfsFs> fs;
    Ref<vfs::Mount> mount;
};
Internal* internal = nullptr;  // no state: there is one in every process

// memparse(): a number with k, m, g, t, p, or a percentage of all memory.
bool parse_size(std::string_view s, bool percent, u64* out) {
    u64 n = 0;
    auto [end, e] = std::from_chars(s.data(), s.data() + s.size(), n);
    if (e != std::errc() || end == s.data()) return false;
    std::string_view unit(end, static_cast<size_t>(s.data() + s.size() - end));
    if (unit.empty()) {
        *out = n;
        return true;
    }
    if (unit.size() != 1) return false;
    if (unit[0] == '%') {
        if (!percent || n > 100000) return false;
        *out = internal->total / 100 * n;
        return true;
    }
    unsigned shift = 0;
    switch (unit[0] | 0x20) {
    case 'k': shift = 10; break;
    case 'm': shift = 20; break;
    case 'g': shift = 30; break;
    case 't': shift = 40; break;
    case 'p': shift = 50; break;
    default: return false;
    }
    if (n > (~0ull >> shift)) return false;
    *out = n << shift;
    return true;
}

bool parse_number(std::string_view s, int base, u32* out) {
    auto [end, e] = std::from_chars(s.data(), s.data() + s.size(), *out, base);
    return e == std::errc() && end == s.data() + s.size() && !s.empty();
}

bool parse_option(std::string_view key, std::string_view value, const UserNamespace& ns, Options& o) {
    u64 n = 0;
    u32 id = 0;
    if (key == "size") return parse_size(value, true, &o.size);
    if (key == "nr_blocks") {
        if (!parse_size(value, false, &n) || n > INT64_MAX / kPageSize) return false;
        o.size = n * kPageSize;
        return true;
    }
    if (key == "nr_inodes") return parse_size(value, false, &o.inodes);
    if (key == "mode") {
        if (!parse_number(value, 8, &id)) return false;
        o.mode = id & 07777;
        return true;
    }
    if (key == "uid") {
        if (!parse_number(value, 10, &id)) return false;
        o.uid = ns.to_kuid(id);
        return o.uid != kInvalidId;
    }
    if (key == "gid") {
        if (!parse_number(value, 10, &id)) return false;
        o.gid = ns.to_kgid(id);
        return o.gid != kInvalidId;
    }
    // Accepted without a meaning here: inode numbers have 64 bits; there is no swap; pages are small.
    return key == "inode64" || key == "noswap" || (key == "huge" && value == "never") ||
           (key == "mpol" && value == "default");
}

Result<Ref<vfs::FileSystem>> create_for_mount(std::string_view, std::string_view data, const vfs::Caller& c) {
    Options o = default_options();
    o.uid = c.creds->fsuid;
    o.gid = c.creds->fsgid;
    SBX_TRY(parse_options(data, *c.creds->user_ns, o));
    return create(o);
}

}  // namespace

void init(Ref<mm::MemoryFile> memory, u64 total_memory) {
    internal = new Internal;
    internal->memory = std::move(memory);
    internal->total = total_memory;
    internal->fs = make_ref<TmpfsFs>(internal->memory, Options{}, mm::MemoryKind::Shm);
    internal->mount = vfs::Mount::create(internal->fs, nullptr, 0, "tmpfs");
    vfs::FileSystemType t;
    t.name = kTypeName;
    t.user_mountable = true;
    t.create = &create_for_mount;
    vfs::register_file_system(t);
}

Options default_options() {
    Options o;
    o.size = page_down(internal->total / 2);
    o.inodes = o.size / kPageSize;
    return o;
}

Result<> parse_options(std::string_view data, const UserNamespace& ns, Options& o) {
    while (!data.empty()) {
        size_t n = data.find(',');
        std::string_view one = data.substr(0, n);
        data = n == std::string_view::npos ? std::string_view() : data.substr(n + 1);
        if (one.empty()) continue;
        size_t eq = one.find('=');
        std::string_view value = eq == std::string_view::npos ? std::string_view() : one.substr(eq + 1);
        if (!parse_option(one.substr(0, eq), value, ns, o)) return err(EINVAL);
    }
    return {};
}

Ref<vfs::FileSystem> create(const Options& o) { return make_ref<TmpfsFs>(internal->memory, o); }

SBX_SAVABLE(Quota);
SBX_SAVABLE(FileData);
SBX_SAVABLE(TmpfsFs);
SBX_SAVABLE(TmpfsInode);
SBX_SAVABLE(RegularFile);
SBX_SAVABLE(DirectoryFile);

template <class H>
TmpfsFs* TmpfsFs::state_make(state::Loader&, H& head) {
    auto& [memory, options, kind] = head;
    if (kind == mm::MemoryKind::Shm) return Ref<TmpfsFs>(internal->fs).release();
    return new TmpfsFs(memory, options, kind);
}

TmpfsFs::TmpfsFs(Ref<mm::MemoryFile> memory, const Options& o, mm::MemoryKind kind)
    : memory_(std::move(memory)),
      kind_(kind),
      quota_(make_ref<Quota>(page_up(o.size) / kPageSize)),
      max_inodes_(o.inodes),
      root_mode_(o.mode),
      root_uid_(o.uid),
      root_gid_(o.gid) {}

Ref<vfs::Inode> TmpfsFs::root() {
    {
        Lock l(mu_);
        if (root_) return root_;
    }
    vfs::NewNode n;
    n.mode = S_IFDIR | root_mode_;
    n.uid = root_uid_;
    n.gid = root_gid_;
    Ref<TmpfsInode> made = make_ref<TmpfsInode>(*this, next_ino_.fetch_add(1), n);
    made->change_links(2);
    // Counted even if another thread's is taken: its destructor counts it out again.
    inodes_.fetch_add(1);
    Lock l(mu_);
    if (!root_) root_ = made;
    return root_;
}

void TmpfsFs::on_unmounted() {
    Ref<TmpfsInode> gone;
    Lock l(mu_);
    std::swap(gone, root_);
    l.unlock();
}

Result<> TmpfsFs::reserve_inode() {
    u64 limit = max_inodes_.load();
    if (inodes_.fetch_add(1) + 1 > limit && limit != 0) {
        inodes_.fetch_sub(1);
        return err(ENOSPC);
    }
    return {};
}

Result<Ref<TmpfsInode>> TmpfsFs::new_inode(const vfs::NewNode& n) {
    SBX_TRY(reserve_inode());
    return make_ref<TmpfsInode>(*this, next_ino_.fetch_add(1), n);
}

Ref<FileData> TmpfsFs::new_data() {
    Ref<FileData> d = make_ref<FileData>(memory_, kind_, quota_);
    d->set_seals(F_SEAL_SEAL);  // memfds that may be sealed are told so
    return d;
}

Result<vfs::StatFs> TmpfsFs::statfs() {
    vfs::StatFs s;
    s.type = kMagic;
    // Without a limit all is 0, as on Linux.
    if (u64 limit = quota_->limit()) {
        u64 used = std::min(quota_->used(), limit);
        s.blocks = limit;
        s.bfree = s.bavail = limit - used;
    }
    if (u64 limit = max_inodes_.load()) {
        s.files = limit;
        s.ffree = limit - std::min(inodes_.load(), limit);
    }
    s.fsid = dev();
    return s;
}

std::string TmpfsFs::options() const {
    std::string s;
    auto add = [&s](const std::string& o) { s += (s.empty() ? "" : ",") + o; };
    if (u64 limit = quota_->limit(); limit != 0 && limit * kPageSize != default_options().size)
        add("size=" + std::to_string(limit * kPageSize / 1024) + "k");
    if (u64 limit = max_inodes_.load(); limit != 0 && limit != default_options().inodes)
        add("nr_inodes=" + std::to_string(limit));
    if (root_mode_ != 01777) {
        char octal[8];
        auto r = std::to_chars(octal, octal + sizeof octal, root_mode_, 8);
        add("mode=" + std::string(octal, r.ptr));
    }
    if (root_uid_ != 0) add("uid=" + std::to_string(root_uid_));
    if (root_gid_ != 0) add("gid=" + std::to_string(root_gid_));
    add("inode64");
    return s;
}

Result<> TmpfsFs::remount(std::string_view data, const vfs::Caller& c) {
    Options o;
    o.size = quota_->limit() * kPageSize;
    o.inodes = max_inodes_.load();
    u64 had_inodes = o.inodes;
    SBX_TRY(parse_options(data, *c.creds->user_ns, o));
    // shmem_reconfigure(): limits may move, not vanish or come, and not below what is in use.
    if ((o.size == 0) != (quota_->limit() == 0) || (o.inodes == 0) != (had_inodes == 0)) return err(EINVAL);
    if (o.inodes != 0 && o.inodes < inodes_.load()) return err(EINVAL);
    if (!quota_->set_limit(page_up(o.size) / kPageSize)) return err(EINVAL);
    max_inodes_.store(o.inodes);
    return {};
}

Result<Ref<vfs::OpenFile>> create_memfd(std::string_view name, u32 seals, u32 mode, int flags, const vfs::Caller& c) {
    vfs::NewNode n;
    n.mode = S_IFREG | mode;
    n.uid = c.creds->fsuid;
    n.gid = c.creds->fsgid;
    Ref<TmpfsInode> inode = SBX_TRY(internal->fs->new_inode(n));
    inode->data().set_seals(seals);
    Ref<vfs::Dentry> d = vfs::Dentry::create_root(inode, "/memfd:" + std::string(name));
    d->set_unlinked();
    // Not counted among the writers, as on Linux (alloc_file_pseudo()): programs write an executable to it and run it.
    Ref<vfs::OpenFile> f = make_ref<RegularFile>(vfs::Path{internal->mount, std::move(d)}, flags);
    f->set_creds(CredsRef(c.creds));
    return f;
}

Ref<FileData> create_shm(u64 size) {
    Ref<FileData> d = internal->fs->new_data();
    (void)d->resize(size);
    return d;
}

FileData* sealable(vfs::OpenFile& f) {
    if (f.is_path_only() || !f.inode().is_regular()) return nullptr;
    if (f.inode().fs().type_name() != kTypeName) return nullptr;
    return &static_cast<TmpfsInode&>(f.inode()).data();
}

}  // namespace sbx::tmpfs
