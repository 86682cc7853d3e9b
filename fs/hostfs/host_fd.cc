// Open files over inherited host descriptors: reading, writing, readiness.
#include "fs/hostfs/host_fd.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fs/hostfs/fd_budget.h"
#include "fs/hostfs/host_open.h"
#include "fs/vfs/file_mapping.h"
#include "fs/vfs/fs_context.h"
#include "fs/vfs/walk.h"
#include "src/mm/memory_manager.h"
#include "src/base/archive.h"

namespace sbx::hostfs {
namespace {

constexpr u32 kRwfNoWait = 8, kRwfAppend = 16;
constexpr u64 kCurrent = ~0ull;  // preadv2's offset -1: the description's own position
constexpr size_t kPiece = 1 << 16;

bool now_ready(int fd, short what) {
    pollfd p{fd, what, 0};
    return ::poll(&p, 1, 0) > 0;
}

// EAGAIN is what the host says of a private description; a file that cannot do RWF_NOWAIT says EOPNOTSUPP.
Result<size_t> read_stream(Inherited& h, std::span<const iovec> spans) {
    switch (h.mode) {
    case StreamMode::Socket: {
        msghdr m{};
        m.msg_iov = const_cast<iovec*>(spans.data());
        m.msg_iovlen = spans.size();
        ssize_t n = recvmsg(h.fd.get(), &m, MSG_DONTWAIT);
        if (n < 0) return err(errno);
        return static_cast<size_t>(n);
    }
    case StreamMode::NoWait: return read_at(h.fd.get(), spans, kCurrent, kRwfNoWait);
    case StreamMode::Private: return read_at(h.stream_fd.get(), spans, kCurrent, 0);
    case StreamMode::PollFirst:
        if (!now_ready(h.fd.get(), POLLIN)) return err(EAGAIN);
        return read_at(h.fd.get(), spans, kCurrent, 0);
    }
    return err(EIO);
}

Result<size_t> write_stream(Inherited& h, std::span<const iovec> spans) {
    switch (h.mode) {
    case StreamMode::Socket: {
        msghdr m{};
        m.msg_iov = const_cast<iovec*>(spans.data());
        m.msg_iovlen = spans.size();
        ssize_t n = sendmsg(h.fd.get(), &m, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n < 0) return err(errno);
        return static_cast<size_t>(n);
    }
    case StreamMode::NoWait: return write_at(h.fd.get(), spans, kCurrent, kRwfNoWait);
    case StreamMode::Private: return write_at(h.stream_fd.get(), spans, kCurrent, 0);
    case StreamMode::PollFirst:
        if (!now_ready(h.fd.get(), POLLOUT)) return err(EAGAIN);
        return write_at(h.fd.get(), spans, kCurrent, 0);
    }
    return err(EIO);
}

class InheritedFile final : public vfs::OpenFile {
public:
    InheritedFile(const vfs::Path& path, int flags, Ref<Inherited> host)
        : OpenFile(path, flags), host_(std::move(host)) {}

    Result<size_t> read(mm::IoBuf& dst, i64* pos, u32, const vfs::Caller&) override {
        Inherited& h = *host_;
        if (h.is_regular() && pos) return read_data(h.fd.get(), dst, pos, 0);
        if (h.type == S_IFDIR) return err(EISDIR);
        if (dst.remaining() == 0) return 0;
        if (h.mode == StreamMode::PollFirst && !h.is_regular()) {
            // The address space must not be locked over a read that may, after all, wait.
            char small[4096];
            iovec v{small, dst.remaining() < sizeof small ? static_cast<size_t>(dst.remaining()) : sizeof small};
            size_t n = SBX_TRY(read_stream(h, {&v, 1}));
            return n ? dst.put(small, n) : Result<size_t>(0);
        }
        return dst.with_spans(
            h.is_regular() ? kPiece * 16 : kPiece, true, [&](std::span<const iovec> spans) -> Result<size_t> {
                if (spans.size() > 1024) spans = spans.first(1024);
                return h.is_regular() ? read_at(h.fd.get(), spans, kCurrent, 0) : read_stream(h, spans);
            });
    }

    Result<size_t> write(mm::IoBuf& src, i64* pos, u32, const vfs::Caller& c) override {
        Inherited& h = *host_;
        if (h.is_regular()) return write_regular(src, pos, c);
        if (src.remaining() == 0) return 0;
        if (h.mode == StreamMode::PollFirst) {
            // A pipe that is ready takes PIPE_BUF bytes without waiting (pipe(7)).
            char small[4096];
            size_t n = SBX_TRY(
                src.get(small, src.remaining() < sizeof small ? static_cast<size_t>(src.remaining()) : sizeof small));
            size_t done = 0;
            while (done < n) {
                iovec v{small + done, n - done};
                auto r = done == 0 ? write_stream(h, {&v, 1}) : write_at(h.fd.get(), {&v, 1}, kCurrent, 0);
                if (!r && done == 0) return r;
                if (!r) break;
                done += *r;
            }
            return done;
        }
        return src.with_spans(kPiece, false, [&](std::span<const iovec> spans) -> Result<size_t> {
            if (spans.size() > 1024) spans = spans.first(1024);
            return write_stream(h, spans);
        });
    }

    // The position is the description's own, on the host.
    bool seekable() const override { return false; }
    bool positional() const override { return host_->is_regular(); }
    Result<i64> seek(i64, i64 offset, int whence, const vfs::Caller&) override {
        if (!host_->is_regular() && host_->type != S_IFBLK && host_->type != S_IFDIR) return err(ESPIPE);
        return static_cast<i64>(SBX_TRY(hostfs::seek(host_->fd.get(), offset, whence)));
    }

    Result<long> ioctl(u32 cmd, u64 arg, const vfs::Caller& c) override {
        if (host_->terminal) return terminal_ioctl(host_->fd.get(), cmd, arg, c);
        if (cmd != FIONREAD || !c.mm || host_->type == S_IFDIR || host_->type == S_IFCHR) return err(ENOTTY);
        int n = 0;
        if (::ioctl(host_->fd.get(), FIONREAD, &n) != 0) return err(errno);
        SBX_TRY(c.mm->copy_out(arg, &n, sizeof n));
        return 0;
    }

    Result<Ref<mm::Mappable>> mappable(int, int, const vfs::Caller& c) override;

    Result<> sync(bool data_only, Range) override {
        if ((data_only ? fdatasync(host_->fd.get()) : fsync(host_->fd.get())) != 0) return err(errno);
        return {};
    }

    Result<> allocate(int mode, u64 offset, u64 length, const vfs::Caller& c) override {
        u64 end;
        if (!host_->is_regular()) return OpenFile::allocate(mode, offset, length, c);
        if (!checked_add(offset, length, &end) || end > INT64_MAX || end > c.file_size_limit) return err(EFBIG);
        if (fallocate(host_->fd.get(), mode, static_cast<off_t>(offset), static_cast<off_t>(length)) != 0)
            return err(errno);
        return {};
    }

    EventMask poll(EventMask mask, const vfs::Caller& c) override {
        if (host_->is_regular() || host_->type == S_IFDIR) return OpenFile::poll(mask, c);
        return host_->ready(mask);
    }
    void poll_add(Waiter& w, const vfs::Caller&) override {
        if (host_->is_regular() || host_->type == S_IFDIR) return;
        host_->queue.add(w);
        host_->watch();
    }
    void poll_remove(Waiter& w) override { host_->queue.remove(w); }
    bool epoll_allowed() const override { return !host_->is_regular() && host_->type != S_IFDIR; }

    const Ref<Inherited>& host() const { return host_; }
    template <class A>
    auto state_head(A a) const {
        return a.args(vfs::Path(), 0, host_);
    }

private:
    Result<size_t> write_regular(mm::IoBuf& src, i64* pos, const vfs::Caller& c) {
        Inherited& h = *host_;
        bool append = (flags() & O_APPEND) || h.append;
        if (pos) return write_data(h.fd.get(), src, pos, 0, append, c.file_size_limit);
        if (src.remaining() == 0) return 0;
        if (c.file_size_limit < INT64_MAX) {
            u64 at = append ? SBX_TRY(stat_fd(h.fd.get()))
            .size : SBX_TRY(hostfs::seek(h.fd.get(), 0, SEEK_CUR));
            if (at >= c.file_size_limit) return err(EFBIG);
            src.truncate(c.file_size_limit - at);
        }
        size_t total = 0;
        while (src.remaining() > 0) {
            auto r = src.with_spans(kPiece * 16, false, [&](std::span<const iovec> spans) -> Result<size_t> {
                if (spans.size() > 1024) spans = spans.first(1024);
                return write_at(h.fd.get(), spans, kCurrent, append ? kRwfAppend : 0);
            });
            if (!r && total == 0) return r;
            if (!r || *r == 0) break;
            total += *r;
        }
        return total;
    }

    Ref<Inherited> host_;
};
SBX_SAVABLE(InheritedFile);

// The node that fstat(2) and /proc/self/fd see.
class InheritedInode final : public vfs::Inode {
public:
    InheritedInode(vfs::FileSystem& fs, u64 ino, Ref<Inherited> host)
        : Inode(fs, ino, host->type), host_(std::move(host)) {}

    Result<vfs::Attr> attr() override { return to_attr(SBX_TRY(stat_fd(host_->fd.get())), ino()); }

    Result<> set_attr(const vfs::SetAttr& s, const vfs::Caller& c) override {
        if (s.valid & vfs::SetAttr::kSize) {
            if (!host_->is_regular() || host_->access == O_RDONLY) return err(EINVAL);
            if (s.size > INT64_MAX || s.size > c.file_size_limit) return err(EFBIG);
            if (ftruncate(host_->fd.get(), static_cast<off_t>(s.size)) != 0) return err(errno);
            if (Ref<HostMapping> m = existing_mapping()) m->invalidate(s.size);
        }
        // The host file is lent for reading and writing, no more.
        return (s.valid & (vfs::SetAttr::kMode | vfs::SetAttr::kUid | vfs::SetAttr::kGid)) ? Result<>(err(EPERM))
                                                                                           : Result<>();
    }

    // /dev/stdin, /proc/self/fd/0: a second open file. A regular file gets a position of its own where the host gives one.
    Result<Ref<vfs::OpenFile>> open(const vfs::OpenArgs& a) override {
        int want = a.flags & O_ACCMODE;
        // Never more than was handed in.
        if (host_->access != O_RDWR && want != host_->access) return err(EACCES);
        if (!host_->is_regular()) return open_inherited_file(a.path, a.flags, host_);
        auto again = reopen(host_->fd.get(), want | (a.flags & O_APPEND));
        if (!again) return open_inherited_file(a.path, a.flags, host_);
        Ref<Inherited> h = make_ref<Inherited>();
        h->fd = std::move(*again);
        h->number_outside = host_->number_outside;
        h->again = true;
        h->type = host_->type;
        h->access = want;
        h->append = a.flags & O_APPEND;
        return open_inherited_file(a.path, a.flags, std::move(h));
    }

    Result<Ref<HostMapping>> mapping() {
        Lock l(mu_);
        if (mapping_) return mapping_;
        l.unlock();
        Ref<HostMapping> m = SBX_TRY(HostMapping::create(host_->fd.get(), host_->access == O_RDWR));
        Lock again(mu_);
        if (!mapping_) mapping_ = m;
        return mapping_;
    }

private:
    friend struct state::Access;
    template <class A>
    auto state_head(A a) const {
        return a.args(a.by_ref(fs()), ino(), host_);
    }
    template <class A>
    void state(A& ar) SBX_NO_TSA {
        Inode::state(ar);
        ar(mapping_);
    }
    void state_loaded(state::Loader& ar) SBX_NO_TSA {
        if (mapping_) mapping_->open_from(host_->fd.get(), ar);
    }
    Ref<HostMapping> existing_mapping() {
        Lock l(mu_);
        return mapping_;
    }
    Ref<Inherited> host_;
    Mutex<Rank::Leaf> mu_;
    Ref<HostMapping> mapping_ SBX_GUARDED_BY(mu_);
};
SBX_SAVABLE(InheritedInode);

Result<Ref<mm::Mappable>> InheritedFile::mappable(int, int, const vfs::Caller& c) {
    if (!host_->is_regular()) return err(ENODEV);
    if (!readable()) return err(EACCES);
    Ref<HostMapping> m = SBX_TRY(static_cast<InheritedInode&>(inode()).mapping());
    mm::MappableName name;
    name.dev = inode().fs().dev();
    name.ino = inode().ino();
    if (c.fs) name.path = vfs::path_name(path(), c.fs->root());
    return Ref<mm::Mappable>(make_ref<vfs::FileMapping>(m, std::move(name)));
}

// Holds the nodes of inherited descriptors, as pipefs holds pipes.
class InheritedFs final : public vfs::FileSystem {
public:
    std::string_view type_name() const override { return "hostfd"; }
    Ref<vfs::Inode> root() override { return {}; }
    Result<vfs::StatFs> statfs() override { return vfs::StatFs{}; }
    static Ref<InheritedFs> get() {
        // no state: there is one in every process.
        static InheritedFs* fs = new InheritedFs;  // for the life of the process
        return Ref<InheritedFs>(*fs);
    }
    // There is one, in every process.
    static InheritedFs* state_make(state::Loader&) { return get().release(); }
};
SBX_SAVABLE(InheritedFs);

}  // namespace

SBX_SAVABLE(Inherited);

template <class H>
Inherited* Inherited::state_make(state::Loader& ar, H& head) {
    auto& [number, again, access, append] = head;
    auto* sources = ar.given<Sources>();
    if (!sources) return nullptr;
    for (auto& [fd, file] : sources->streams) {
        if (fd != number) continue;
        Ref<Inherited> h = static_cast<InheritedFile&>(*file).host();
        if (!again) return h.release();
        auto opened = reopen(h->fd.get(), access | (append ? O_APPEND : 0));
        if (!opened) break;
        auto* i = new Inherited;
        i->fd = std::move(*opened);
        i->number_outside = number;
        i->again = true;
        i->type = h->type;
        i->access = access;
        i->append = append;
        return i;
    }
    ar.fail("descriptor " + std::to_string(number) + " of sbx itself is not what it was when the sandbox was saved");
    return nullptr;
}

Inherited::Inherited() { FdBudget::get().hold(2); }

Inherited::~Inherited() {
    if (number) HostPoller::get().remove(io_fd(), number);
    FdBudget::get().hold(-2);
}

void Inherited::watch() {
    {
        Lock l(mu);
        if (tried) return;
        tried = true;
    }
    auto r = HostPoller::get().add(io_fd(), *this);
    Lock l(mu);
    // EPERM: a file without readiness (/dev/null), which is always ready.
    if (r) number = *r;
}

EventMask Inherited::ready(EventMask mask) const {
    pollfd p{io_fd(), static_cast<short>(mask & 0x7fff), 0};
    if (::poll(&p, 1, 0) <= 0) return 0;
    return static_cast<EventMask>(p.revents) & (mask | kEventErr | kEventHup);
}

Result<Ref<vfs::OpenFile>> open_inherited_file(const vfs::Path& path, int flags, Ref<Inherited> host) {
    return Ref<vfs::OpenFile>(make_ref<InheritedFile>(path, flags, std::move(host)));
}

namespace {

// What /proc/self/fd shows of a descriptor.
std::string name_of(int fd, const Statx& s) {
    std::string name(256, '\0');
    char link[32];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, name.data(), name.size());
    return n > 0 ? name.substr(0, static_cast<size_t>(n)) : "host:[" + std::to_string(s.ino) + "]";
}

// Standard descriptors move away: when the program closes one, its number must not become another file's that libc or the log writes to.
// stdin and stdout are /dev/null to the sentry from then on; stderr stays where it was, for sbx's own messages.
Result<UniqueFd> take(int fd) {
    if (fd > 2) {
        (void)fcntl(fd, F_SETFD, FD_CLOEXEC);
        return UniqueFd(fd);
    }
    int moved = fcntl(fd, F_DUPFD_CLOEXEC, 3);
    if (moved < 0) return err(errno);
    UniqueFd out(moved);
    if (fd == 2) return out;
    UniqueFd null(open("/dev/null", O_RDWR | O_CLOEXEC));
    if (null && dup2(null.get(), fd) < 0) return err(errno);
    return out;
}

}  // namespace

Result<Ref<vfs::OpenFile>> open_inherited(int fd) {
    prepare();
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0) return err(EBADF);
    if (flags & O_PATH) return err(EBADF);
    Statx s = SBX_TRY(stat_fd(fd));
    std::string name = name_of(fd, s);
    Ref<Inherited> h = make_ref<Inherited>();
    h->number_outside = fd;
    h->fd = SBX_TRY(take(fd));
    h->type = static_cast<u32>(s.mode) & S_IFMT;
    h->access = flags & O_ACCMODE;
    h->append = flags & O_APPEND;
    h->terminal = h->type == S_IFCHR && isatty(h->fd.get());
    if (h->type == S_IFSOCK) {
        h->mode = StreamMode::Socket;
    } else if (!h->is_regular() && h->type != S_IFDIR) {
        int nonblock = O_NONBLOCK | O_NOCTTY;
        auto again = reopen(h->fd.get(), h->access | nonblock);
        if (again) {
            h->stream_fd = std::move(*again);
            h->mode = StreamMode::Private;
        } else {
            // Whether the host knows RWF_NOWAIT for the file shows at the first byte only.
            h->mode = h->type == S_IFIFO ? StreamMode::NoWait : StreamMode::PollFirst;
        }
    }
    // A pipe without readers is EPIPE, not a signal to the sentry.
    signal(SIGPIPE, SIG_IGN);
    Ref<InheritedFs> fs = InheritedFs::get();
    Ref<vfs::Inode> inode = make_ref<InheritedInode>(*fs, s.ino, h);
    Ref<vfs::Dentry> dentry = vfs::Dentry::create_root(std::move(inode), std::move(name));
    vfs::Path path{vfs::Mount::create(fs, dentry, 0, "host"), dentry};
    return open_inherited_file(path, flags & (O_ACCMODE | O_APPEND | O_NONBLOCK), std::move(h));
}

}  // namespace sbx::hostfs
