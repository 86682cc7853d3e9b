// Open regular files of hostfs.
#include <sys/stat.h>
#include <unistd.h>

#include "fs/hostfs/host_mapping.h"
#include "fs/hostfs/host_open.h"
#include "fs/vfs/file_mapping.h"
#include "fs/vfs/fs_context.h"
#include "fs/vfs/walk.h"
#include "src/base/archive.h"

namespace sbx::hostfs {
namespace {

// RWF_* of include/uapi/linux/fs.h.
constexpr u32 kRwfDsync = 2, kRwfSync = 4, kRwfAppend = 16;
// The address space is locked while a piece is moved.
constexpr size_t kPiece = 1 << 20;
constexpr size_t kCopied = 512;

u32 sync_flags(int open_flags) {
    if ((open_flags & O_SYNC) == O_SYNC) return kRwfSync;
    return (open_flags & O_DSYNC) ? kRwfDsync : 0;
}

class HostRegular final : public vfs::OpenFile {
public:
    HostRegular(vfs::Path path, int flags, HostInode& inode, Ref<HostFile> file)
        : OpenFile(std::move(path), flags), node_(inode), file_(std::move(file)) {}

    Result<size_t> read(mm::IoBuf& dst, i64* pos, u32, const vfs::Caller&) override {
        return read_data(file_->fd(), dst, pos, 0);
    }

    Result<size_t> write(mm::IoBuf& src, i64* pos, u32 rwf, const vfs::Caller& c) override {
        u32 host = (rwf & (kRwfDsync | kRwfSync)) | sync_flags(flags());
        return write_data(file_->fd(), src, pos, host, (flags() & O_APPEND) || (rwf & kRwfAppend), c.file_size_limit);
    }

    bool seekable() const override { return true; }

    Result<i64> seek(i64 current, i64 offset, int whence, const vfs::Caller& c) override {
        if (whence != SEEK_DATA && whence != SEEK_HOLE) return OpenFile::seek(current, offset, whence, c);
        if (offset < 0) return err(ENXIO);
        // The position of the host's description is used by nobody.
        return static_cast<i64>(SBX_TRY(hostfs::seek(file_->fd(), offset, whence)));
    }

    Result<Ref<mm::Mappable>> mappable(int, int, const vfs::Caller& c) override {
        if (!file_->readable()) return err(EACCES);
        Ref<HostMapping> m = SBX_TRY(node_->mapping(*file_));
        mm::MappableName name = m->name();
        if (c.fs) name.path = vfs::path_name(path(), c.fs->root());
        return Ref<mm::Mappable>(make_ref<vfs::FileMapping>(m, std::move(name)));
    }

    Result<> sync(bool data_only, Range) override {
        if (!writable() && node_->host_fs().refuses_writes()) return {};
        if ((data_only ? fdatasync(file_->fd()) : fsync(file_->fd())) != 0) return err(errno);
        return {};
    }

    Result<> allocate(int mode, u64 offset, u64 length, const vfs::Caller& c) override {
        constexpr int kKeepSize = 1, kCollapse = 8, kInsert = 32;
        u64 end;
        if (!checked_add(offset, length, &end) || end > INT64_MAX) return err(EFBIG);
        if (!(mode & kKeepSize) && end > c.file_size_limit) return err(EFBIG);
        if (fallocate(file_->fd(), mode, static_cast<off_t>(offset), static_cast<off_t>(length)) != 0)
            return err(errno == ENOSYS ? EOPNOTSUPP : errno);
        if (mode & (kCollapse | kInsert)) node_->invalidate_mappings(offset);
        return {};
    }

    bool epoll_allowed() const override { return false; }

private:
    friend struct state::Access;
    template <class A>
    auto state_head(A a) const {
        return a.args(vfs::Path(), 0, a.by_ref(*node_), file_);
    }
    Ref<HostInode> node_;
    Ref<HostFile> file_;
};
SBX_SAVABLE(HostRegular);

}  // namespace

Result<size_t> read_data(int fd, mm::IoBuf& dst, i64* pos, u32 rwf) {
    if (!pos || *pos < 0) return err(EINVAL);
    size_t total = 0;
    while (dst.remaining() > 0) {
        size_t want = dst.remaining() < kPiece ? static_cast<size_t>(dst.remaining()) : kPiece;
        u64 at = static_cast<u64>(*pos);
        size_t asked = 0;
        Result<size_t> r = 0;
        if (want <= kCopied) {
            char small[kCopied];
            iovec v{small, want};
            r = read_at(fd, {&v, 1}, at, rwf);
            asked = want;
            if (r && *r > 0) {
                size_t got = *r;
                r = dst.put(small, got);
                if (r && *r < got) asked = *r + 1;  // the buffer ended: no more
            }
        } else {
            r = dst.with_spans(want, true, [&](std::span<const iovec> spans) -> Result<size_t> {
                if (spans.size() > 1024) spans = spans.first(1024);
                for (const iovec& v : spans) asked += v.iov_len;
                return read_at(fd, spans, at, rwf);
            });
        }
        if (!r) {
            if (total > 0) break;
            return r;
        }
        total += *r;
        *pos += static_cast<i64>(*r);
        if (*r < asked || *r == 0) break;  // end of file
    }
    return total;
}

Result<size_t> write_data(int fd, mm::IoBuf& src, i64* pos, u32 rwf, bool append, u64 size_limit) {
    if (!pos || *pos < 0) return err(EINVAL);
    if (src.remaining() == 0) return 0;
    if (append) *pos = static_cast<i64>(SBX_TRY(stat_fd(fd)).size);
    u64 limit = size_limit < INT64_MAX ? size_limit : INT64_MAX;
    if (static_cast<u64>(*pos) >= limit) return err(EFBIG);
    src.truncate(limit - static_cast<u64>(*pos));
    size_t total = 0;
    while (src.remaining() > 0) {
        size_t want = src.remaining() < kPiece ? static_cast<size_t>(src.remaining()) : kPiece;
        u64 at = static_cast<u64>(*pos);
        u32 how = rwf | (append ? kRwfAppend : 0);
        Result<size_t> r = src.with_spans(want, false, [&](std::span<const iovec> spans) -> Result<size_t> {
            if (spans.size() > 1024) spans = spans.first(1024);
            return write_at(fd, spans, at, how);
        });
        if (!r) {
            if (total > 0) break;
            return r;
        }
        if (*r == 0) break;
        total += *r;
        if (append) {
            // The host chose the place; another writer may have moved the end since, which only our position would show.
            auto s = stat_fd(fd);
            *pos = s ? static_cast<i64>(s->size) : *pos + static_cast<i64>(*r);
        } else {
            *pos += static_cast<i64>(*r);
        }
    }
    return total;
}

Result<Ref<vfs::OpenFile>> open_host_regular(const vfs::OpenArgs& a, HostInode& inode) {
    int mode = a.flags & O_ACCMODE;
    Ref<HostFile> f = SBX_TRY(inode.open_data(mode != O_WRONLY, mode == O_WRONLY || mode == O_RDWR));
    return Ref<vfs::OpenFile>(make_ref<HostRegular>(a.path, a.flags, inode, std::move(f)));
}

}  // namespace sbx::hostfs
