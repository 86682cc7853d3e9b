// Reading and writing: read, write, their positional and vectored forms, lseek.
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>

#include "fs/anon/epoll.h"
#include "fs/anon/eventfd.h"
#include "fs/anon/pidfd.h"
#include "fs/sockfs/socket.h"
#include "fs/vfs/dentry.h"
#include "fs/vfs/inotify_marks.h"
#include "src/kernel/thread_group.h"
#include "syscalls/families.h"
#include "syscalls/rw.h"
#include "syscalls/wait_file.h"

namespace sbx {
namespace {

constexpr u64 kMaxRw = INT32_MAX & ~kPageMask;  // MAX_RW_COUNT

enum class Direction { Read, Write };

// One transfer at a given position (null: the stream).
Result<size_t> transfer(Task& t, vfs::OpenFile& f, Direction d, mm::IoBuf& buf, i64* pos, u32 rwf) {
    return d == Direction::Read ? f.read(buf, pos, rwf, t.caller()) : f.write(buf, pos, rwf, t.caller());
}

// Whether its file operations have a read or write.
bool has_call_for(const vfs::OpenFile& f, Direction d) {
    if (f.can_splice() || f.kind() == &anon::EventFile::kKind) return true;
    return d == Direction::Read && f.kind() != &anon::EpollFile::kKind && f.kind() != &anon::PidFile::kKind;
}

// Sockets for messages have no SIGPIPE.
bool tells_by_signal(const vfs::OpenFile& f) {
    return f.kind() != &sockfs::SocketFile::kKind || static_cast<const sockfs::SocketFile&>(f).is_stream();
}

// A write goes on until all is written, as a blocking one does on Linux; a read returns what there is.
Result<long> run(Task& t, vfs::OpenFile& f, Direction d, mm::IoBuf& buf, i64* pos, u32 rwf) {
    i64 end = 0;  // rw_verify_area()
    if (pos && __builtin_add_overflow(*pos, static_cast<i64>(buf.remaining()), &end)) return err(EINVAL);
    bool nonblock = f.nonblocking() || (rwf & RWF_NOWAIT);
    EventMask events = d == Direction::Read ? kEventIn | kEventRdNorm : kEventOut | kEventWrNorm;
    u64 done = std::exchange(t.call.done, 0);
    buf.skip(done);
    for (;;) {
        auto once = [&] { return transfer(t, f, d, buf, pos, rwf); };
        Result<size_t> r = wait_file(t, f, events, nonblock, once);
        if (!r) {
            if (r.error() == EPIPE && d == Direction::Write && tells_by_signal(f)) send_own_signal(t, SIGPIPE);
            if (r.error() == EFBIG && d == Direction::Write && t.rlimit(RLIMIT_FSIZE) != RLIM_INFINITY)
                send_own_signal(t, SIGXFSZ);
            if (r.error() == ERESTARTSYS && t.again_after_pause(done)) return err(ERESTARTNOINTR);
            if (done) break;
            return err(r.error());
        }
        done += *r;
        if (d == Direction::Read || *r == 0 || buf.remaining() == 0 || nonblock || f.seekable()) break;
    }
    if (d == Direction::Read) {
        t.read_bytes.fetch_add(done, std::memory_order_relaxed);
        t.read_calls.fetch_add(1, std::memory_order_relaxed);
    } else {
        t.write_bytes.fetch_add(done, std::memory_order_relaxed);
        t.write_calls.fetch_add(1, std::memory_order_relaxed);
    }
    if (done && f.watched() && vfs::inotify_active())
        vfs::notify_file(*f.path().dentry, d == Direction::Read ? IN_ACCESS : IN_MODIFY);
    return static_cast<long>(done);
}

Result<Ref<vfs::OpenFile>> get(Task& t, int fd, Direction d) {
    Ref<vfs::OpenFile> f = SBX_TRY(t.files().get(fd));
    if (f->is_path_only() || !(d == Direction::Read ? f->readable() : f->writable())) return err(EBADF);
    return f;
}

// At the file's own position, which is locked meanwhile; files without one are streams.
Result<long> at_position(Task& t, vfs::OpenFile& f, Direction d, mm::IoBuf& buf, u32 rwf = 0) {
    buf.truncate(kMaxRw);
    if (!f.seekable()) return run(t, f, d, buf, nullptr, rwf);
    Lock l(f.pos_mu());
    i64 pos = f.pos();
    Result<long> r = run(t, f, d, buf, &pos, rwf);
    if (r) f.set_pos(pos);
    return r;
}

Result<long> at_offset(Task& t, int fd, Direction d, mm::IoBuf& buf, i64 offset, u32 rwf = 0) {
    if (offset < 0) return err(EINVAL);
    Ref<vfs::OpenFile> f = SBX_TRY(t.files().get(fd));
    // Before the direction is looked at: fs/read_write.c, ksys_pread64().
    if (!f->is_path_only() && !f->positional()) return err(ESPIPE);
    f = SBX_TRY(get(t, fd, d));
    buf.truncate(kMaxRw);
    return run(t, *f, d, buf, &offset, rwf);
}

Result<long> simple(Task& t, int fd, u64 addr, u64 length, Direction d) {
    Ref<vfs::OpenFile> f = SBX_TRY(get(t, fd, d));
    if (static_cast<i64>(length) < 0) return err(EFAULT);  // access_ok() comes first
    mm::UserIoBuf buf(t.mm(), addr, std::min(length, kMaxRw));
    return at_position(t, *f, d, buf);
}

Result<long> sys_read(Task& t, int fd, u64 buf, u64 n) { return simple(t, fd, buf, n, Direction::Read); }
Result<long> sys_write(Task& t, int fd, u64 buf, u64 n) { return simple(t, fd, buf, n, Direction::Write); }

Result<long> sys_pread64(Task& t, int fd, u64 addr, u64 n, i64 offset) {
    if (static_cast<i64>(n) < 0) return err(EFAULT);
    mm::UserIoBuf buf(t.mm(), addr, std::min(n, kMaxRw));
    return at_offset(t, fd, Direction::Read, buf, offset);
}

Result<long> sys_pwrite64(Task& t, int fd, u64 addr, u64 n, i64 offset) {
    if (static_cast<i64>(n) < 0) return err(EFAULT);
    mm::UserIoBuf buf(t.mm(), addr, std::min(n, kMaxRw));
    return at_offset(t, fd, Direction::Write, buf, offset);
}

Result<long> vectored(Task& t, int fd, u64 iov, u64 count, Direction d, i64 offset, bool positional, u32 rwf) {
    if (rwf & ~kKnownRwf) return err(EOPNOTSUPP);
    if (positional) {
        if (offset < 0) return err(EINVAL);
        SBX_TRY(t.files().get(fd));
        mm::UserIoBuf buf(t.mm(), SBX_TRY(t.mm().copy_in_iovecs(iov, count)));
        return at_offset(t, fd, d, buf, offset, rwf);
    }
    Ref<vfs::OpenFile> f = SBX_TRY(get(t, fd, d));
    mm::UserIoBuf buf(t.mm(), SBX_TRY(t.mm().copy_in_iovecs(iov, count)));
    // do_iter_read(): before the file is asked, if it can be at all.
    if (buf.remaining() == 0 && has_call_for(*f, d)) return 0;
    return at_position(t, *f, d, buf, rwf);
}

Result<long> sys_readv(Task& t, int fd, u64 iov, u64 count) {
    return vectored(t, fd, iov, count, Direction::Read, 0, false, 0);
}
Result<long> sys_writev(Task& t, int fd, u64 iov, u64 count) {
    return vectored(t, fd, iov, count, Direction::Write, 0, false, 0);
}
Result<long> sys_preadv(Task& t, int fd, u64 iov, u64 count, i64 offset) {
    return vectored(t, fd, iov, count, Direction::Read, offset, true, 0);
}
Result<long> sys_pwritev(Task& t, int fd, u64 iov, u64 count, i64 offset) {
    return vectored(t, fd, iov, count, Direction::Write, offset, true, 0);
}

// The high half of the offset is unused on 64 bits. Offset -1: the file's own position.
Result<long> sys_preadv2(Task& t, int fd, u64 iov, u64 count, i64 offset, u64, u32 flags) {
    return vectored(t, fd, iov, count, Direction::Read, offset, offset != -1, flags);
}
Result<long> sys_pwritev2(Task& t, int fd, u64 iov, u64 count, i64 offset, u64, u32 flags) {
    return vectored(t, fd, iov, count, Direction::Write, offset, offset != -1, flags);
}

Result<long> sys_lseek(Task& t, int fd, i64 offset, int whence) {
    Ref<vfs::OpenFile> f = SBX_TRY(t.files().get(fd));
    if (f->is_path_only()) return err(EBADF);
    if (static_cast<unsigned>(whence) > SEEK_HOLE) return err(EINVAL);
    Lock l(f->pos_mu());
    i64 pos = SBX_TRY(f->seek(f->pos(), offset, whence, t.caller()));
    f->set_pos(pos);
    return pos;
}

constexpr SyscallRow kRows[] = {
    {0, "read", syscall<sys_read>, "fd obuf u", Support::Full, ""},
    {1, "write", syscall<sys_write>, "fd buf u", Support::Full, ""},
    {8, "lseek", syscall<sys_lseek>, "fd d d", Support::Full, ""},
    {17, "pread64", syscall<sys_pread64>, "fd obuf u d", Support::Full, ""},
    {18, "pwrite64", syscall<sys_pwrite64>, "fd buf u d", Support::Full, ""},
    {19, "readv", syscall<sys_readv>, "fd ptr u", Support::Full, ""},
    {20, "writev", syscall<sys_writev>, "fd ptr u", Support::Full, ""},
    {295, "preadv", syscall<sys_preadv>, "fd ptr u d", Support::Full, ""},
    {296, "pwritev", syscall<sys_pwritev>, "fd ptr u d", Support::Full, ""},
    {327, "preadv2", syscall<sys_preadv2>, "fd ptr u d d flags", Support::Full, ""},
    {328, "pwritev2", syscall<sys_pwritev2>, "fd ptr u d d flags", Support::Full, ""},
};

}  // namespace

Result<long> transfer_at(Task& t, vfs::OpenFile& f, bool write, mm::IoBuf& buf, i64 offset, u32 rwf) {
    buf.truncate(kMaxRw);
    return run(t, f, write ? Direction::Write : Direction::Read, buf, f.positional() ? &offset : nullptr, rwf);
}

const SyscallFamily kRwSyscalls(kRows);

}  // namespace sbx
