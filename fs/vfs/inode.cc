// Inode: defaults of the interface, and what every inode can have attached.
#include "fs/vfs/inode.h"

#include "fs/vfs/dentry.h"
#include "fs/vfs/file_system.h"
#include "fs/vfs/inotify_marks.h"
#include "fs/vfs/locks.h"
#include "fs/vfs/mount.h"
#include "fs/vfs/open_file.h"
#include "fs/vfs/walk.h"

namespace sbx::vfs {

Inode::Inode(FileSystem& fs, u64 ino, u32 type) : fs_(fs), ino_(ino), type_(type) { fs.ref(); }

Inode::~Inode() {
    delete locks_.load();
    delete marks_.load();
    fs_.unref();
}

Result<> Inode::set_attr(const SetAttr&, const Caller&) { return err(EPERM); }
Result<Ref<Inode>> Inode::lookup(std::string_view) { return err(is_dir() ? ENOENT : ENOTDIR); }
Result<Ref<Inode>> Inode::make_node(std::string_view, const NewNode& n, const Caller&) {
    // vfs_create() without i_op->create: EACCES; vfs_mkdir() and vfs_mknod() without theirs: EPERM.
    return err((n.mode & S_IFMT) == S_IFREG ? EACCES : EPERM);
}
Result<Ref<Inode>> Inode::symlink(std::string_view, std::string_view, const NewNode&, const Caller&) {
    return err(EPERM);
}
Result<> Inode::link(std::string_view, Inode&, const Caller&) { return err(EPERM); }
Result<> Inode::unlink(std::string_view, Inode&, const Caller&) { return err(EPERM); }
Result<> Inode::rmdir(std::string_view, Inode&, const Caller&) { return err(EPERM); }
Result<> Inode::rename(std::string_view, Inode&, Inode&, std::string_view, Inode*, u32, const Caller&) {
    return err(EPERM);
}
Result<Ref<Inode>> Inode::tmpfile(const NewNode&, const Caller&) { return err(EOPNOTSUPP); }
Result<std::string> Inode::read_link() { return err(EINVAL); }
Result<Path> Inode::follow_magic(const Caller&) { return err(EINVAL); }

Result<Ref<OpenFile>> Inode::open(const OpenArgs& a) {
    switch (type_) {
    case S_IFCHR:
    case S_IFBLK: return open_device(a, type_, SBX_TRY(attr()).rdev);
    case S_IFIFO: return open_fifo(a, *this);
    case S_IFLNK: return err(ELOOP);
    case S_IFDIR: return err(ENOTDIR);
    default: return err(ENXIO);
    }
}

Result<std::string> Inode::get_xattr(std::string_view, const Caller&) { return err(EOPNOTSUPP); }
Result<> Inode::set_xattr(std::string_view, std::string_view, int, const Caller&) { return err(EOPNOTSUPP); }
Result<> Inode::remove_xattr(std::string_view, const Caller&) { return err(EOPNOTSUPP); }
Result<std::vector<std::string>> Inode::list_xattr(const Caller&) { return std::vector<std::string>(); }

Result<> Inode::permission(u32 may, const Caller& c) { return generic_permission(c, SBX_TRY(attr()), may); }

Result<> Inode::truncate(u64 size, const Caller& c) {
    SetAttr s;
    s.valid = SetAttr::kSize;
    s.size = size;
    return set_attr(s, c);
}

namespace {
// Creates what `slot` points to once; the loser of a race discards its own.
template <class T, class... Args>
T& create_once(std::atomic<T*>& slot, Args&... args) {
    T* p = slot.load(std::memory_order_acquire);
    if (p) return *p;
    T* mine = new T(args...);
    if (slot.compare_exchange_strong(p, mine)) return *mine;
    delete mine;
    return *p;
}
}  // namespace

FileLocks& Inode::locks() { return create_once(locks_, *this); }
InotifyMarks& Inode::make_marks() { return create_once(marks_); }

Ref<RefCounted> Inode::attached() const {
    Lock l(leaf_mu_);
    return attached_;
}

void Inode::attach(Ref<RefCounted> object) {
    Lock l(leaf_mu_);
    std::swap(attached_, object);
    l.unlock();
}

Result<> Inode::get_write_access() {
    i32 n = write_count.load();
    do {
        if (n < 0) return err(ETXTBSY);
    } while (!write_count.compare_exchange_weak(n, n + 1));
    return {};
}

Result<> Inode::deny_write_access() {
    i32 n = write_count.load();
    do {
        if (n > 0) return err(ETXTBSY);
    } while (!write_count.compare_exchange_weak(n, n - 1));
    return {};
}

timespec now() {
    timespec t{};
    clock_gettime(CLOCK_REALTIME_COARSE, &t);
    return t;
}

}  // namespace sbx::vfs
