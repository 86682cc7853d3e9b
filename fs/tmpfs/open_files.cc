// Reading, writing and mapping of tmpfs files; reading of its directories.
#include "fs/tmpfs/open_files.h"

#include <fcntl.h>
#include <linux/falloc.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/uio.h>
#include <unistd.h>

#include "fs/vfs/dentry.h"
#include "fs/vfs/file_mapping.h"
#include "fs/vfs/file_system.h"
#include "fs/vfs/fs_context.h"
#include "fs/vfs/mount.h"
#include "fs/vfs/operations.h"

#ifndef RWF_APPEND
#define RWF_APPEND 0x00000010
#endif

namespace sbx::tmpfs {
namespace {

void accessed(const vfs::OpenFile& f, TmpfsInode& i) {
    u64 m = f.path().mount->flags();
    if ((f.flags() & O_NOATIME) || (m & (MS_NOATIME | MS_RDONLY)) || (i.is_dir() && (m & MS_NODIRATIME))) return;
    i.touch_accessed();
}

}  // namespace

Result<size_t> RegularFile::read(mm::IoBuf& dst, i64* pos, u32, const vfs::Caller&) {
    TmpfsInode& i = node();
    size_t n = SBX_TRY(i.data().read(dst, static_cast<u64>(*pos)));
    *pos += static_cast<i64>(n);
    accessed(*this, i);
    return n;
}

Result<size_t> RegularFile::write(mm::IoBuf& src, i64* pos, u32 rwf, const vfs::Caller& c) {
    TmpfsInode& i = node();
    if (i.has_privileges()) vfs::remove_privileges(c, path());
    bool append = (flags() & O_APPEND) || (rwf & RWF_APPEND);
    size_t n = SBX_TRY(i.data().write(src, pos, append, c.file_size_limit));
    if (n) i.touch_modified();
    return n;
}

Result<i64> RegularFile::seek(i64 current, i64 offset, int whence, const vfs::Caller& c) {
    if (whence != SEEK_DATA && whence != SEEK_HOLE) return OpenFile::seek(current, offset, whence, c);
    if (offset < 0) return err(ENXIO);
    FileData& d = node().data();
    return whence == SEEK_DATA ? d.seek_data(static_cast<u64>(offset)) : d.seek_hole(static_cast<u64>(offset));
}

// seal_check_write()
bool RegularFile::may_write_shared() const {
    constexpr u32 kFutureWrite = 0x0010;  // F_SEAL_FUTURE_WRITE
    return writable() && !(node().data().seals() & (F_SEAL_WRITE | kFutureWrite));
}

Result<Ref<mm::Mappable>> RegularFile::mappable(int prot, int map_flags, const vfs::Caller& c) {
    TmpfsInode& i = node();
    if ((map_flags & MAP_SHARED) && (prot & PROT_WRITE) && !may_write_shared()) return err(EPERM);
    mm::MappableName name;
    name.dev = i.fs().dev();
    name.ino = i.ino();
    name.path = vfs::path_name(path(), c.fs ? c.fs->root() : vfs::Path{});
    accessed(*this, i);
    return Ref<mm::Mappable>(make_ref<vfs::FileMapping>(i.data_ref(), std::move(name)));
}

Result<> RegularFile::allocate(int mode, u64 offset, u64 length, const vfs::Caller& c) {
    TmpfsInode& i = node();
    Range r{offset, offset + length};
    // shmem_fallocate()
    if (mode & ~(FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE)) return err(EOPNOTSUPP);
    if (i.has_privileges()) vfs::remove_privileges(c, path());
    if (mode & FALLOC_FL_PUNCH_HOLE) {
        SBX_TRY(i.data().punch_hole(r));
    } else {
        bool keep = mode & FALLOC_FL_KEEP_SIZE;
        if (!keep && r.end > c.file_size_limit && r.end > i.data().size()) return err(EFBIG);
        SBX_TRY(i.data().allocate(r, keep));
    }
    i.touch_modified();
    return {};
}

Result<i64> DirectoryFile::seek(i64 current, i64 offset, int whence, const vfs::Caller& c) {
    if (whence != SEEK_SET && whence != SEEK_CUR) return err(EINVAL);
    i64 to = SBX_TRY(OpenFile::seek(current, offset, whence, c));
    if (to == 0) end_.store(0);
    return to;
}

Result<> DirectoryFile::read_dir(vfs::DirSink& sink, i64* pos, const vfs::Caller&) {
    TmpfsInode& i = static_cast<TmpfsInode&>(inode());
    accessed(*this, i);
    Ref<vfs::Dentry> parent = path().dentry->parent();
    // An overlay reads its upper directory inside its own.
    SharedLock l(i.dir_mu(), SharedLock<RwMutex<Rank::Dir>>::Nested{});
    if (*pos == 0 || end_.load() == 0) end_.store(i.directory().next_position());
    if (*pos == 0) {
        if (!sink.entry(".", i.ino(), S_IFDIR >> 12, 1)) return {};
        *pos = 1;
    }
    if (*pos == 1) {
        u64 up = parent ? parent->inode()->ino() : i.ino();
        if (!sink.entry("..", up, S_IFDIR >> 12, 2)) return {};
        *pos = 2;
    }
    i64 end = end_.load();
    const auto& entries = i.directory().entries();
    for (auto it = entries.lower_bound(*pos); it != entries.end() && it->first < end; ++it) {
        const TmpfsInode& e = *it->second.inode;
        if (!sink.entry(it->second.name, e.ino(), static_cast<u8>(e.type() >> 12), it->first + 1)) return {};
        *pos = it->first + 1;
    }
    return {};
}

}  // namespace sbx::tmpfs
