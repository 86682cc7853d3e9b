// Moving bytes between descriptors: splice, tee, vmsplice, sendfile, copy_file_range (fs/splice.c, fs/read_write.c). Bytes are copied.
#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <memory>

#include "fs/pipefs/pipe.h"
#include "src/kernel/thread_group.h"
#include "syscalls/families.h"
#include "syscalls/wait_file.h"

namespace sbx {
namespace {

constexpr u64 kMaxRw = INT32_MAX & ~kPageMask;  // MAX_RW_COUNT
constexpr u32 kKnownFlags = 0xf;                // SPLICE_F_ALL
constexpr size_t kFileChunk = 65536;

using vfs::OpenFile;

pipefs::PipeFile* as_pipe(OpenFile& f) {
    return f.kind() == &pipefs::PipeFile::kKind ? static_cast<pipefs::PipeFile*>(&f) : nullptr;
}

Result<Ref<OpenFile>> get(Task& t, int fd, bool write) {
    Ref<OpenFile> f = SBX_TRY(t.files().get(fd));
    if (f->is_path_only() || !(write ? f->writable() : f->readable())) return err(EBADF);
    return f;
}

// Until one of `events` (or an error, which the call itself finds) is there.
Result<> wait_ready(Task& t, OpenFile& f, EventMask events, bool nonblock) {
    auto once = [&]() -> Result<> {
        if (f.poll(events | kEventErr | kEventHup, t.caller()) != 0) return {};
        return err(EAGAIN);
    };
    return wait_file(t, f, events, nonblock, once);
}

// EPIPE (with its signal) if nobody reads, EAGAIN if it is full and that is not to be waited for.
Result<> wait_for_room(Task& t, OpenFile& pipe, bool nonblock) {
    if (pipe.poll(kEventErr, t.caller()) & kEventErr) {
        send_own_signal(t, SIGPIPE);
        return err(EPIPE);
    }
    return wait_ready(t, pipe, kEventOut | kEventWrNorm, nonblock);
}

// Whether its file operations have a splice_read.
bool can_read(OpenFile& f) { return f.can_splice() && !f.inode().is_dir(); }

// Where one side stands: an offset of the call's own or the file's.
struct Side {
    OpenFile& f;
    UserPtr<i64> user;
    i64 pos = 0;
    bool has_pos = false;

    Result<> start(Task& t) {
        if (user) {
            pos = SBX_TRY(t.copy_in(user));
            has_pos = true;
        } else if (f.seekable()) {
            Lock l(f.pos_mu());
            pos = f.pos();
            has_pos = true;
        }
        return {};
    }
    i64* at() { return has_pos ? &pos : nullptr; }
    Result<> finish(Task& t) {
        if (user) return t.copy_out(user, pos);
        if (has_pos) {
            Lock l(f.pos_mu());
            f.set_pos(pos);
        }
        return {};
    }
};

// Moves up to n bytes. Only as much is taken from a stream as the other side has just said to have room for; what finds none because others
// write there too waits here, and is lost if a signal comes meanwhile.
Result<u64> pump(Task& t, Side& in, Side& out, u64 n, bool in_nonblock, bool out_nonblock) {
    // What was read at an offset and not written is read again.
    size_t chunk = out.has_pos || in.has_pos ? kFileChunk : pipefs::kPipeBuf;
    auto buffer = std::make_unique_for_overwrite<u8[]>(std::min<u64>(n, chunk));
    u64 done = 0;
    int failed = 0;
    bool end = false;
    while (done < n && !failed && !t.interrupted()) {
        if (!out.has_pos)
            if (Result<> r = wait_ready(t, out.f, kEventOut | kEventWrNorm, out_nonblock || done != 0); !r)
                failed = r.error().value;
        // EPIPE before anything is taken.
        if (!failed && as_pipe(out.f) && (out.f.poll(kEventErr, t.caller()) & kEventErr)) failed = EPIPE;
        if (failed) break;
        i64 from = in.pos;
        auto read = [&]() -> Result<size_t> {
            mm::KernelIoBuf b{Bytes(buffer.get(), std::min<u64>(n - done, chunk))};
            return in.f.read(b, in.has_pos ? &from : nullptr, 0, t.caller());
        };
        Result<size_t> got = wait_file(t, in.f, kEventIn | kEventRdNorm, in_nonblock || done != 0, read);
        if (!got) {
            failed = got.error().value;
            break;
        }
        end = *got == 0;
        if (end) break;
        mm::KernelIoBuf b{ConstBytes(buffer.get(), *got)};
        size_t written = 0;
        while (written < *got) {
            auto write = [&] { return out.f.write(b, out.at(), 0, t.caller()); };
            Result<size_t> w = wait_file(t, out.f, kEventOut | kEventWrNorm, in.has_pos && done + written != 0, write);
            if (!w) {
                failed = w.error().value;
                break;
            }
            if (*w == 0) break;
            written += *w;
        }
        in.pos += static_cast<i64>(written);
        done += written;
        if (written < *got) break;
    }
    if (done) return done;
    if (failed) {
        if (failed == EPIPE) send_own_signal(t, SIGPIPE);
        return err(failed);
    }
    if (!end && n != 0) return err(ERESTARTSYS);
    return 0;
}

Result<long> run(Task& t, Side& in, Side& out, u64 n, bool in_nonblock, bool out_nonblock) {
    if (in.pos < 0 || out.pos < 0) return err(EINVAL);
    u64 done = SBX_TRY(pump(t, in, out, std::min(n, kMaxRw), in_nonblock, out_nonblock));
    SBX_TRY(in.finish(t));
    SBX_TRY(out.finish(t));
    return static_cast<long>(done);
}

Result<long> sys_splice(Task& t, int fd_in, UserPtr<i64> off_in, int fd_out, UserPtr<i64> off_out, u64 n, u32 flags) {
    if (n == 0) return 0;
    if (flags & ~kKnownFlags) return err(EINVAL);
    Ref<OpenFile> in = SBX_TRY(t.files().get(fd_in))
    , out = SBX_TRY(t.files().get(fd_out));
    if (in->is_path_only() || out->is_path_only()) return err(EBADF);
    pipefs::PipeFile *from = as_pipe(*in), *to = as_pipe(*out);
    // Before the directions are looked at: fs/splice.c, __do_splice().
    if ((from && off_in) || (to && off_out)) return err(ESPIPE);
    if (!in->readable() || !out->writable()) return err(EBADF);
    if (!from && !to) return err(EINVAL);
    if ((off_in && !in->positional()) || (off_out && !out->positional())) return err(EINVAL);
    if (from && to && &from->pipe() == &to->pipe()) return err(EINVAL);
    if (!to && (out->flags() & O_APPEND)) return err(EINVAL);
    Side a{*in, off_in}, b{*out, off_out};
    SBX_TRY(a.start(t));
    SBX_TRY(b.start(t));
    bool nonblock = flags & SPLICE_F_NONBLOCK;
    // Between pipes it begins with what there is to read (ipipe_prep()); else the room in the pipe is looked for first (splice_file_to_pipe()).
    if (from && to && from->has_writers())
        SBX_TRY(wait_ready(t, *in, kEventIn | kEventRdNorm, nonblock || in->nonblocking() || out->nonblocking()));
    if (to && !from && !can_read(*in)) SBX_TRY(wait_for_room(t, *out, nonblock || out->nonblocking()));
    if ((!from && !can_read(*in)) || !out->can_splice()) return err(EINVAL);
    return run(t, a, b, n, nonblock || in->nonblocking(), nonblock || out->nonblocking());
}

Result<long> sys_tee(Task& t, int fd_in, int fd_out, u64 n, u32 flags) {
    if (flags & ~kKnownFlags) return err(EINVAL);
    if (n == 0) return 0;
    Ref<OpenFile> in = SBX_TRY(get(t, fd_in, false))
    , out = SBX_TRY(get(t, fd_out, true));
    pipefs::PipeFile *from = as_pipe(*in), *to = as_pipe(*out);
    if (!from || !to || &from->pipe() == &to->pipe()) return err(EINVAL);
    bool nonblock = flags & SPLICE_F_NONBLOCK;
    for (;;) {
        Result<size_t> r = from->tee(*to, std::min(n, kMaxRw));
        if (r) return static_cast<long>(*r);
        if (r.error() == EPIPE) send_own_signal(t, SIGPIPE);
        if (!(r.error() == EAGAIN) || nonblock || in->nonblocking() || out->nonblocking()) return err(r.error());
        if (t.interrupted()) return err(ERESTARTSYS);
        SBX_TRY(wait_ready(t, *in, kEventIn | kEventRdNorm, false));
        SBX_TRY(wait_ready(t, *out, kEventOut | kEventWrNorm, false));
    }
}

Result<long> sys_vmsplice(Task& t, int fd, u64 iov, u64 count, u32 flags) {
    if (flags & ~kKnownFlags) return err(EINVAL);
    Ref<OpenFile> f = SBX_TRY(t.files().get(fd));
    if (f->is_path_only() || !as_pipe(*f)) return err(EBADF);
    mm::UserIoBuf buf(t.mm(), SBX_TRY(t.mm().copy_in_iovecs(iov, count)));
    buf.truncate(kMaxRw);
    if (buf.remaining() == 0) return 0;
    bool nonblock = (flags & SPLICE_F_NONBLOCK) || f->nonblocking();
    if (!f->writable()) {
        auto read = [&] { return f->read(buf, nullptr, 0, t.caller()); };
        return static_cast<long>(SBX_TRY(wait_file(t, *f, kEventIn | kEventRdNorm, nonblock, read)));
    }
    u64 done = 0;
    while (buf.remaining() != 0) {
        auto write = [&] { return f->write(buf, nullptr, 0, t.caller()); };
        Result<size_t> r = wait_file(t, *f, kEventOut | kEventWrNorm, nonblock, write);
        if (!r) {
            if (r.error() == EPIPE) send_own_signal(t, SIGPIPE);
            if (done) break;
            return err(r.error());
        }
        done += *r;
        if (nonblock || *r == 0) break;
    }
    return static_cast<long>(done);
}

Result<long> sys_sendfile(Task& t, int fd_out, int fd_in, UserPtr<i64> offset, u64 n) {
    Ref<OpenFile> in = SBX_TRY(get(t, fd_in, false));
    if (offset && !in->positional()) return err(ESPIPE);
    Side a{*in, offset};
    SBX_TRY(a.start(t));
    if (a.pos < 0) return err(EINVAL);
    if (static_cast<i64>(n) < 0) return err(EINVAL);
    if (a.has_pos && n > static_cast<u64>(INT64_MAX - a.pos)) return err(EINVAL);  // rw_verify_area()
    Ref<OpenFile> out = SBX_TRY(get(t, fd_out, true));
    Side b{*out, {}};
    SBX_TRY(b.start(t));
    bool to_pipe = as_pipe(*out);
    // A stream is only read into a pipe: splice_direct_to_actor() has no place for what it cannot write. Of anonymous files it hears later.
    if (!to_pipe && ((in->can_splice() && !in->positional()) || (out->flags() & O_APPEND))) return err(EINVAL);
    if (to_pipe) SBX_TRY(wait_for_room(t, *out, out->nonblocking()));
    if (n == 0) return 0;
    if (!can_read(*in) || as_pipe(*in)) return err(EINVAL);
    // Only what was read asks to be written.
    if (!out->can_splice()) {
        bool end = a.has_pos && static_cast<u64>(a.pos) >= SBX_TRY(in->inode().attr())
        .size;
        if (end) return 0;
        return err(EINVAL);
    }
    return run(t, a, b, n, in->nonblocking(), out->nonblocking());
}

Result<long> sys_copy_file_range(Task& t, int fd_in, UserPtr<i64> off_in, int fd_out, UserPtr<i64> off_out, u64 n,
                                 u32 flags) {
    Ref<OpenFile> in = SBX_TRY(t.files().get(fd_in))
    , out = SBX_TRY(t.files().get(fd_out));
    if (in->is_path_only() || out->is_path_only()) return err(EBADF);
    Side a{*in, off_in}, b{*out, off_out};
    SBX_TRY(a.start(t));
    SBX_TRY(b.start(t));
    if (flags) return err(EINVAL);
    // generic_file_rw_checks(), generic_copy_file_checks()
    if (in->inode().is_dir() || out->inode().is_dir()) return err(EISDIR);
    if (!in->inode().is_regular() || !out->inode().is_regular()) return err(EINVAL);
    if (!in->readable() || !out->writable() || (out->flags() & O_APPEND)) return err(EBADF);
    if (&in->inode().fs() != &out->inode().fs()) return err(EXDEV);
    u64 end = 0;
    if (!checked_add(static_cast<u64>(a.pos), n, &end) || !checked_add(static_cast<u64>(b.pos), n, &end))
        return err(EOVERFLOW);
    u64 size = SBX_TRY(in->inode().attr())
    .size, from = static_cast<u64>(a.pos), to = static_cast<u64>(b.pos);
    n = from >= size ? 0 : std::min({n, size - from, kMaxRw});
    if (b.pos >= INT64_MAX) return err(EFBIG);
    if (&in->inode() == &out->inode() && from < to + n && to < from + n) return err(EINVAL);
    if (a.pos < 0 || b.pos < 0) return err(EINVAL);  // rw_verify_area()
    u64 done = SBX_TRY(pump(t, a, b, n, true, true));
    SBX_TRY(a.finish(t));
    SBX_TRY(b.finish(t));
    return static_cast<long>(done);
}

constexpr SyscallRow kRows[] = {
    {40, "sendfile", syscall<sys_sendfile>, "fd fd ptr u", Support::Full, ""},
    {275, "splice", syscall<sys_splice>, "fd ptr fd ptr u flags", Support::Full, ""},
    {276, "tee", syscall<sys_tee>, "fd fd u flags", Support::Full, ""},
    {278, "vmsplice", syscall<sys_vmsplice>, "fd ptr u flags", Support::Full, ""},
    {326, "copy_file_range", syscall<sys_copy_file_range>, "fd ptr fd ptr u flags", Support::Full, ""},
};

}  // namespace

const SyscallFamily kSpliceSyscalls(kRows);

}  // namespace sbx
