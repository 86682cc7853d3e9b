// Messages on sockets: send and recv in all forms, ancillary data.
#include <fcntl.h>
#include <linux/capability.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>

#include <algorithm>

#include "src/abi/socket.h"
#include "src/kernel/kernel.h"
#include "src/kernel/thread_group.h"
#include "syscalls/families.h"
#include "syscalls/socket.h"
#include "syscalls/wait_file.h"

namespace sbx {
namespace {

using sockfs::SocketFile;

constexpr u64 kMaxRw = INT32_MAX & ~kPageMask;  // MAX_RW_COUNT
constexpr u64 kMaxControl = 20480;              // net.core.optmem_max
constexpr u64 kMaxIov = 1024;                   // UIO_MAXIOV

Result<long> send_message(Task& t, SocketFile& s, mm::IoBuf& buf, sockfs::SendArgs& a) {
    buf.truncate(kMaxRw);
    bool nonblock = s.nonblocking() || (a.flags & MSG_DONTWAIT);
    Nanos deadline = t.deadline_in(s.send_timeout);
    u64 done = std::exchange(t.call.done, 0);
    buf.skip(done);
    if (done) a.files = {};  // went along with the first bytes
    for (;;) {
        auto once = [&] { return s.send(buf, a, t.caller()); };
        Result<size_t> r = wait_file(t, s, kEventOut | kEventWrNorm, nonblock, once, deadline);
        if (!r) {
            if (r.error() == ERESTARTSYS && t.again_after_pause(done)) return err(ERESTARTNOINTR);
            if (done) break;
            if (r.error() == EPIPE && s.is_stream() && !(a.flags & MSG_NOSIGNAL)) send_own_signal(t, SIGPIPE);
            return err(interrupted(r.error(), deadline));
        }
        done += *r;
        if (*r == 0 || !s.is_stream() || buf.remaining() == 0 || nonblock) break;
    }
    return static_cast<long>(done);
}

Result<long> receive_message(Task& t, SocketFile& s, mm::IoBuf& buf, sockfs::RecvArgs& a) {
    buf.truncate(kMaxRw);
    bool nonblock = s.nonblocking() || (a.flags & MSG_DONTWAIT);
    if (nonblock) a.flags |= MSG_DONTWAIT;
    Nanos deadline = t.deadline_in(s.receive_timeout);
    u64 done = std::exchange(t.call.done, 0);
    bool piecewise = s.is_stream() && !(a.flags & MSG_PEEK);
    u64 least = a.flags & MSG_WAITALL ? buf.remaining() : static_cast<u64>(s.receive_low.load());
    buf.skip(done);
    for (;;) {
        auto once = [&] { return s.receive(buf, a, t.caller()); };
        Result<size_t> r = wait_file(t, s, kEventIn | kEventRdNorm, nonblock, once, deadline);
        if (!r) {
            if (r.error() == ERESTARTSYS && t.again_after_pause(done)) return err(ERESTARTNOINTR);
            if (done) break;
            return err(interrupted(r.error(), deadline));
        }
        done += *r;
        if (!piecewise || done >= least || *r == 0 || buf.remaining() == 0 || nonblock || !a.files.empty()) break;
    }
    if ((a.flags & MSG_TRUNC) && !s.is_stream()) return static_cast<long>(std::max<u64>(done, a.full_length));
    return static_cast<long>(done);
}

Result<long> sys_sendto(Task& t, int fd, u64 addr, u64 length, int flags, u64 to, int to_length) {
    Ref<SocketFile> s = SBX_TRY(get_socket(t, fd));
    if (static_cast<i64>(length) < 0) return err(EFAULT);
    sockfs::SendArgs a;
    std::string name;
    if (to) {
        name = SBX_TRY(copy_in_address(t, to, to_length));
        a.to = &name;
    }
    a.flags = flags;
    a.creds = sockfs::own_creds(t.caller(), false);
    mm::UserIoBuf buf(t.mm(), addr, std::min(length, kMaxRw));
    return send_message(t, *s, buf, a);
}

Result<long> sys_recvfrom(Task& t, int fd, u64 addr, u64 length, int flags, u64 from, u64 from_length) {
    Ref<SocketFile> s = SBX_TRY(get_socket(t, fd));
    if (static_cast<i64>(length) < 0) return err(EFAULT);
    sockfs::RecvArgs a;
    a.flags = flags;
    mm::UserIoBuf buf(t.mm(), addr, std::min(length, kMaxRw));
    long n = SBX_TRY(receive_message(t, *s, buf, a));
    if (from) SBX_TRY(copy_out_address(t, a.from, from, from_length));
    return n;
}

// scm_check_creds(): lies need privileges.
Result<sockfs::PeerCreds> claimed_creds(Task& t, const abi::ucred& u) {
    const Creds& c = *t.creds();
    Kuid uid = c.user_ns->to_kuid(u.uid);
    Kgid gid = c.user_ns->to_kgid(u.gid);
    if (uid == kInvalidId || gid == kInvalidId) return err(EINVAL);
    bool own = u.pid == t.group().pid_in(t.pid_ns());
    if (!own && !c.capable(CAP_SYS_ADMIN, t.pid_ns().owner())) return err(EPERM);
    if (uid != c.uid && uid != c.euid && uid != c.suid && !c.capable(CAP_SETUID)) return err(EPERM);
    if (gid != c.gid && gid != c.egid && gid != c.sgid && !c.capable(CAP_SETGID)) return err(EPERM);
    if (own) return sockfs::PeerCreds{t.group().pid, uid, gid, {}};
    SharedLock l(t.kernel().tasks().mu);
    Ref<Pid> p(t.pid_ns().find(u.pid));
    if (!p) return err(ESRCH);
    return sockfs::PeerCreds{std::move(p), uid, gid, {}};
}

// scm_send(): the ancillary data of a message to send.
Result<> read_control(Task& t, SocketFile& s, u64 addr, u64 length, sockfs::SendArgs& a) {
    if (length > kMaxControl) return err(ENOBUFS);
    std::vector<u8> control(length);
    SBX_TRY(t.mm().copy_in(addr, control.data(), length));
    std::vector<Ref<vfs::OpenFile>> files;
    for (u64 at = 0; length - at >= sizeof(abi::cmsghdr);) {
        abi::cmsghdr h;
        memcpy(&h, &control[at], sizeof h);
        if (h.len < sizeof h || h.len > length - at) return err(EINVAL);
        const u8* data = control.data() + at + sizeof h;
        u64 n = h.len - sizeof h;
        if (h.level == SOL_SOCKET) {
            if (h.type == abi::kScmRights) {
                if (s.domain() != AF_UNIX) return err(EINVAL);
                if (files.size() + n / sizeof(int) > abi::kScmMaxFd) return err(EINVAL);
                for (u64 i = 0; i < n / sizeof(int); i++) {
                    int fd = 0;
                    memcpy(&fd, data + i * sizeof fd, sizeof fd);
                    Ref<vfs::OpenFile> f = SBX_TRY(t.files().get(fd));
                    files.push_back(std::move(f));
                }
            } else if (h.type == abi::kScmCredentials) {
                abi::ucred u;
                if (n != sizeof u) return err(EINVAL);
                memcpy(&u, data, sizeof u);
                a.creds = SBX_TRY(claimed_creds(t, u));
            } else
                return err(EINVAL);
        }
        u64 next = abi::cmsg_align(h.len);
        if (next > length - at) break;
        at += next;
    }
    if (!files.empty()) a.files = SBX_TRY(sockfs::FilesInFlight::create(std::move(files), t));
    return {};
}

Result<long> send_one(Task& t, SocketFile& s, u64 addr, int flags) {
    abi::msghdr m = SBX_TRY(t.copy_in(UserPtr<abi::msghdr>{addr}));
    if (m.iovlen > kMaxIov) return err(EMSGSIZE);
    sockfs::SendArgs a;
    a.flags = flags;
    a.creds = sockfs::own_creds(t.caller(), false);
    std::string name;
    if (m.name && m.namelen) {
        if (m.namelen < 0) return err(EINVAL);
        name = SBX_TRY(copy_in_address(t, m.name, std::min(m.namelen, static_cast<int>(sizeof(sockaddr_storage)))));
        a.to = &name;
    }
    mm::UserIoBuf buf(t.mm(), SBX_TRY(t.mm().copy_in_iovecs(m.iov, m.iovlen)));
    if (m.control && m.controllen) SBX_TRY(read_control(t, s, m.control, m.controllen, a));
    return send_message(t, s, buf, a);
}

// put_cmsg(): one item of ancillary data; sets MSG_CTRUNC if it does not fit.
struct ControlWriter {
    Task& t;
    u64 addr, room, used = 0;
    bool cut = false;
    void put(int type, const void* data, size_t n) {
        if (room - used < sizeof(abi::cmsghdr)) {
            cut = true;
            return;
        }
        u64 len = sizeof(abi::cmsghdr) + n;
        if (len > room - used) {
            cut = true;
            len = room - used;
        }
        abi::cmsghdr h{len, SOL_SOCKET, type};
        if (!t.mm().copy_out(addr + used, &h, sizeof h) ||
            !t.mm().copy_out(addr + used + sizeof h, data, len - sizeof h))
            return;
        used += std::min(abi::cmsg_align(len), room - used);
    }
};

// scm_detach_fds(): as many as there is room for.
void install_files(Task& t, ControlWriter& w, const sockfs::FilesInFlight& files, bool cloexec) {
    u64 space = w.room - w.used;
    size_t fit = space < sizeof(abi::cmsghdr) ? 0 : (space - sizeof(abi::cmsghdr)) / sizeof(int);
    std::vector<int> fds;
    for (const Ref<vfs::OpenFile>& f : files.files()) {
        if (fds.size() >= fit) break;
        Result<int> fd = t.files().add(f, cloexec, t.rlimit(RLIMIT_NOFILE));
        if (!fd) break;
        fds.push_back(*fd);
    }
    if (fds.size() < files.files().size()) w.cut = true;
    if (!fds.empty()) w.put(abi::kScmRights, fds.data(), fds.size() * sizeof(int));
}

Result<long> receive_one(Task& t, SocketFile& s, u64 addr, int flags) {
    abi::msghdr m = SBX_TRY(t.copy_in(UserPtr<abi::msghdr>{addr}));
    if (m.iovlen > kMaxIov) return err(EMSGSIZE);
    if (m.namelen < 0) return err(EINVAL);
    mm::UserIoBuf buf(t.mm(), SBX_TRY(t.mm().copy_in_iovecs(m.iov, m.iovlen)));
    sockfs::RecvArgs a;
    a.flags = flags;
    long n = SBX_TRY(receive_message(t, s, buf, a));
    ControlWriter w{t, m.control, m.control ? m.controllen : 0};
    if (a.time_wanted == SO_TIMESTAMPNS) {
        w.put(a.time_wanted, &a.time, sizeof a.time);
    } else if (a.time_wanted) {
        timeval tv{a.time.tv_sec, a.time.tv_nsec / 1000};
        w.put(a.time_wanted, &tv, sizeof tv);
    }
    if (a.creds_wanted) {
        abi::ucred u{a.creds.pid ? a.creds.pid->nr_in(t.pid_ns()) : 0,
                     t.creds()->user_ns->from_kuid_munged(a.creds.uid),
                     t.creds()->user_ns->from_kgid_munged(a.creds.gid)};
        w.put(abi::kScmCredentials, &u, sizeof u);
    }
    bool cloexec = flags & static_cast<int>(abi::kMsgCmsgCloexec);
    if (!a.files.empty()) install_files(t, w, a.files, cloexec);
    m.flags = static_cast<u32>(a.msg_flags) | (w.cut ? MSG_CTRUNC : 0) | (cloexec ? abi::kMsgCmsgCloexec : 0);
    if (m.name) {
        size_t len = std::min(a.from.size(), static_cast<size_t>(m.namelen));
        if (len) SBX_TRY(t.mm().copy_out(m.name, a.from.data(), len));
        m.namelen = static_cast<i32>(a.from.size());
        SBX_TRY(t.mm().copy_out(addr + offsetof(abi::msghdr, namelen), &m.namelen, sizeof m.namelen));
    }
    SBX_TRY(t.mm().copy_out(addr + offsetof(abi::msghdr, controllen), &w.used, sizeof w.used));
    SBX_TRY(t.mm().copy_out(addr + offsetof(abi::msghdr, flags), &m.flags, sizeof m.flags));
    return n;
}

Result<long> sys_sendmsg(Task& t, int fd, u64 msg, int flags) {
    Ref<SocketFile> s = SBX_TRY(get_socket(t, fd));
    return send_one(t, *s, msg, flags);
}

Result<long> sys_recvmsg(Task& t, int fd, u64 msg, int flags) {
    Ref<SocketFile> s = SBX_TRY(get_socket(t, fd));
    return receive_one(t, *s, msg, flags);
}

Result<long> sys_sendmmsg(Task& t, int fd, u64 vec, u32 count, int flags) {
    Ref<SocketFile> s = SBX_TRY(get_socket(t, fd));
    count = std::min<u32>(count, kMaxIov);
    u64 done = std::exchange(t.call.items, 0);
    for (; done < count; done++) {
        u64 at = vec + done * sizeof(abi::mmsghdr);
        Result<long> r = send_one(t, *s, at, flags);
        if (r) {
            u32 n = static_cast<u32>(*r);
            if (Result<> w = t.mm().copy_out(at + offsetof(abi::mmsghdr, len), &n, sizeof n); !w) r = err(w.error());
        }
        if (!r) {
            if (t.call.again && t.again_after_pause(t.call.done, done)) return r;
            if (done == 0) return r;
            break;
        }
    }
    return static_cast<long>(done);
}

Result<long> sys_recvmmsg(Task& t, int fd, u64 vec, u32 count, int flags, UserPtr<timespec> timeout) {
    Nanos deadline = kNever;
    if (timeout) {
        timespec ts = SBX_TRY(t.copy_in(timeout));
        if (!timespec_valid(ts)) return err(EINVAL);
        deadline = t.deadline_in(to_nanos(ts));
    }
    Ref<SocketFile> s = SBX_TRY(get_socket(t, fd));
    count = std::min<u32>(count, kMaxIov);
    u64 done = std::exchange(t.call.items, 0);
    while (done < count) {
        u64 at = vec + done * sizeof(abi::mmsghdr);
        Result<long> r = receive_one(t, *s, at, flags & ~MSG_WAITFORONE);
        if (r) {
            u32 n = static_cast<u32>(*r);
            if (Result<> w = t.mm().copy_out(at + offsetof(abi::mmsghdr, len), &n, sizeof n); !w) r = err(w.error());
        }
        if (!r) {
            if (t.call.again && t.again_after_pause(t.call.done, done)) return r;
            if (done == 0) return r;
            // The next call tells what ended this one.
            if (!(r.error() == EAGAIN) && !(r.error() == ERESTARTSYS)) s->set_error(r.error().value);
            break;
        }
        done++;
        if (flags & MSG_WAITFORONE) flags |= MSG_DONTWAIT;
        // The timeout is looked at between messages (recvmmsg(2), BUGS).
        if (deadline != kNever && host_monotonic() >= deadline) break;
    }
    if (timeout) SBX_TRY(t.copy_out(timeout, to_timespec(std::max<Nanos>(deadline - host_monotonic(), 0))));
    return static_cast<long>(done);
}

constexpr SyscallRow kRows[] = {
    {44, "sendto", syscall<sys_sendto>, "fd buf u flags ptr u", Support::Full, ""},
    {45, "recvfrom", syscall<sys_recvfrom>, "fd obuf u flags ptr ptr", Support::Full, ""},
    {46, "sendmsg", syscall<sys_sendmsg>, "fd ptr flags", Support::Full, ""},
    {47, "recvmsg", syscall<sys_recvmsg>, "fd ptr flags", Support::Full, ""},
    {299, "recvmmsg", syscall<sys_recvmmsg>, "fd ptr u flags ptr", Support::Full, ""},
    {307, "sendmmsg", syscall<sys_sendmmsg>, "fd ptr u flags", Support::Full, ""},
};

}  // namespace

const SyscallFamily kSocketMsgSyscalls(kRows);

}  // namespace sbx
