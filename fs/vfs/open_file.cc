// OpenFile: defaults of the interface, the end of an open file, and O_PATH descriptors.
#include "fs/vfs/open_file.h"

#include <fcntl.h>
#include <unistd.h>

#include "fs/vfs/dentry.h"
#include "fs/vfs/inotify_marks.h"
#include "fs/vfs/locks.h"
#include "fs/vfs/mount.h"
#include "src/base/archive.h"

namespace sbx::vfs {
namespace {
constexpr int kCreationFlags = O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC | O_CLOEXEC;
constexpr int kSettable = O_APPEND | O_NONBLOCK | O_ASYNC | O_DIRECT | O_NOATIME;  // SETFL_MASK
}  // namespace

OpenFile::OpenFile(Path path, int flags)
    : flags_(flags & ~kCreationFlags),
      path_(std::move(path)),
      mode_readable_((flags & O_ACCMODE) == O_RDONLY || (flags & O_ACCMODE) == O_RDWR),
      mode_writable_((flags & O_ACCMODE) == O_WRONLY || (flags & O_ACCMODE) == O_RDWR) {}

void OpenFile::on_last_unref() {
    if (FileSignals* s = signals.exchange(nullptr)) {
        s->file_gone(*this);
        s->unref();
    }
    if (FileWatchers* w = watchers.exchange(nullptr)) {
        w->file_gone(*this);
        w->unref();
    }
    delete this;
}

OpenFile::~OpenFile() {
    Inode* i = path_.dentry ? path_.dentry->inode() : nullptr;
    if (!i) return;
    if (watched_ && inotify_active()) notify_file(*path_.dentry, mode_writable_ ? IN_CLOSE_WRITE : IN_CLOSE_NOWRITE);
    Inode& real = i->real();
    if (FileLocks* locks = real.existing_locks()) {
        locks->clear_flock(this);
        locks->clear_record(this);
        (void)locks->leases.clear(*this);
    }
    if (counted_reader_) real.read_count.fetch_sub(1);
    if (!holds_write_access_) return;
    real.put_write_access();
    path_.mount->remove_writer();
}

void OpenFile::hold_write_access() {
    holds_write_access_ = true;
    path_.mount->add_writer();
}

void OpenFile::count_reader() {
    counted_reader_ = true;
    inode().real().read_count.fetch_add(1);
}

Inode& OpenFile::inode() const { return *path_.dentry->inode(); }

Result<> OpenFile::set_flags(int flags, const Caller&) {
    int old = flags_.load();
    while (!flags_.compare_exchange_weak(old, (old & ~kSettable) | (flags & kSettable))) {}
    return {};
}

Result<size_t> OpenFile::read(mm::IoBuf&, i64*, u32, const Caller&) { return err(inode().is_dir() ? EISDIR : EINVAL); }
Result<size_t> OpenFile::write(mm::IoBuf&, i64*, u32, const Caller&) { return err(EINVAL); }

Result<i64> OpenFile::seek(i64 current, i64 offset, int whence, const Caller&) {
    if (!seekable()) return err(ESPIPE);
    i64 base = 0, target = 0;
    switch (whence) {
    case SEEK_SET: break;
    case SEEK_CUR: base = current; break;
    case SEEK_END: base = static_cast<i64>(SBX_TRY(inode().attr()).size); break;
    case SEEK_DATA:
    case SEEK_HOLE: {
        // A file without knowledge of its holes is all data, with a hole at its end.
        i64 size = static_cast<i64>(SBX_TRY(inode().attr()).size);
        if (offset < 0 || offset >= size) return err(ENXIO);
        return whence == SEEK_DATA ? offset : size;
    }
    default: return err(EINVAL);
    }
    if (__builtin_add_overflow(base, offset, &target) || target < 0) return err(EINVAL);
    return target;
}

Result<> OpenFile::read_dir(DirSink&, i64*, const Caller&) { return err(ENOTDIR); }
Result<long> OpenFile::ioctl(u32, u64, const Caller&) { return err(ENOTTY); }
Result<Ref<mm::Mappable>> OpenFile::mappable(int, int, const Caller&) { return err(ENODEV); }
Result<> OpenFile::sync(bool, Range) { return err(EINVAL); }
Result<> OpenFile::allocate(int, u64, u64, const Caller&) { return err(inode().is_regular() ? EOPNOTSUPP : ENODEV); }
Result<> OpenFile::flush(const Caller&) { return {}; }
std::string OpenFile::fdinfo(const Caller&) const { return ""; }

EventMask OpenFile::poll(EventMask mask, const Caller&) {
    return mask & (kEventIn | kEventOut | kEventRdNorm | kEventWrNorm);  // DEFAULT_POLLMASK
}
void OpenFile::poll_add(Waiter&, const Caller&) {}
void OpenFile::poll_remove(Waiter&) {}

namespace {
class PathOnlyFile final : public OpenFile {
public:
    using OpenFile::OpenFile;
    Result<> set_flags(int, const Caller&) override { return err(EBADF); }
    Result<size_t> read(mm::IoBuf&, i64*, u32, const Caller&) override { return err(EBADF); }
    Result<size_t> write(mm::IoBuf&, i64*, u32, const Caller&) override { return err(EBADF); }
    Result<i64> seek(i64, i64, int, const Caller&) override { return err(EBADF); }
    Result<> read_dir(DirSink&, i64*, const Caller&) override { return err(EBADF); }
    Result<long> ioctl(u32, u64, const Caller&) override { return err(EBADF); }
    Result<Ref<mm::Mappable>> mappable(int, int, const Caller&) override { return err(EBADF); }
    Result<> sync(bool, Range) override { return err(EBADF); }
    Result<> allocate(int, u64, u64, const Caller&) override { return err(EBADF); }
    bool epoll_allowed() const override { return false; }
};
SBX_SAVABLE(PathOnlyFile);
}  // namespace

Result<Ref<OpenFile>> open_path_only(const Path& p, int flags) {
    auto f = make_ref<PathOnlyFile>(p, O_PATH | (flags & (O_DIRECTORY | O_NOFOLLOW)));
    f->mode_readable_ = f->mode_writable_ = false;
    f->path_only_ = true;
    return Ref<OpenFile>(std::move(f));
}

}  // namespace sbx::vfs
