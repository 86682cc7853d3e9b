// Sockets: their creation, names, connections, options. Messages are in socket_msg.cc.
#include <fcntl.h>
#include <linux/capability.h>
#include <stddef.h>
#include <sys/un.h>

#include <algorithm>

#include "fs/sockfs/unix_socket.h"
#include "fs/vfs/inode.h"
#include "src/kernel/ns/net.h"
#include "src/kernel/thread_group.h"
#include "syscalls/families.h"
#include "syscalls/pidfd.h"
#include "syscalls/socket.h"
#include "syscalls/wait_file.h"

namespace sbx {
namespace {

using sockfs::SocketFile;

constexpr int kMaxFamily = 46, kMaxType = 11;  // AF_MAX, SOCK_MAX
constexpr int kTypeMask = 0xf;                 // SOCK_TYPE_MASK

Result<int> check_type(int type) {
    if (type & ~(kTypeMask | SOCK_CLOEXEC | SOCK_NONBLOCK)) return err(EINVAL);
    if ((type & kTypeMask) >= kMaxType) return err(EINVAL);
    return type & kTypeMask;
}

Result<long> sys_socket(Task& t, int family, int type, int protocol) {
    int kind = SBX_TRY(check_type(type));
    if (family < 0 || family >= kMaxFamily || family != AF_UNIX) return err(EAFNOSUPPORT);
    Ref<SocketFile> f = SBX_TRY(sockfs::create_unix(kind, protocol, type & SOCK_NONBLOCK, t.caller()));
    return SBX_TRY(t.files().add(std::move(f), type & SOCK_CLOEXEC, t.rlimit(RLIMIT_NOFILE)));
}

Result<long> sys_socketpair(Task& t, int family, int type, int protocol, UserPtr<int[2]> out) {
    int kind = SBX_TRY(check_type(type));
    if (family == AF_INET || family == AF_INET6) return err(EOPNOTSUPP);
    if (family != AF_UNIX) return err(EAFNOSUPPORT);
    Ref<SocketFile> pair[2];
    SBX_TRY(sockfs::create_unix_pair(kind, protocol, type & SOCK_NONBLOCK, t.caller(), pair));
    int fds[2];
    SBX_TRY(t.files().add2(pair[0], pair[1], type & SOCK_CLOEXEC, t.rlimit(RLIMIT_NOFILE), fds));
    if (Result<> r = t.mm().copy_out(out.addr, fds, sizeof fds); !r) {
        for (int fd : fds) static_cast<void>(t.files().close(fd, t.caller()));
        return err(r.error());
    }
    return 0;
}

Result<long> sys_bind(Task& t, int fd, u64 addr, int len) {
    Ref<SocketFile> s = SBX_TRY(get_socket(t, fd));
    std::string a = SBX_TRY(copy_in_address(t, addr, len));
    SBX_TRY(s->bind(a, t.caller()));
    return 0;
}

Result<long> sys_connect(Task& t, int fd, u64 addr, int len) {
    Ref<SocketFile> s = SBX_TRY(get_socket(t, fd));
    std::string a = SBX_TRY(copy_in_address(t, addr, len));
    Nanos timeout = s->send_timeout;
    Nanos deadline = t.deadline_in(timeout);
    Result<> r = wait_file(
        t, *s, kEventOut, s->nonblocking(), [&] { return s->connect(a, t.caller()); }, deadline);
    if (!r) return err(interrupted(r.error(), deadline));
    return 0;
}

Result<long> sys_listen(Task& t, int fd, int backlog) {
    Ref<SocketFile> s = SBX_TRY(get_socket(t, fd));
    SBX_TRY(s->listen(backlog, t.caller()));
    return 0;
}

Result<long> sys_accept4(Task& t, int fd, u64 addr, UserPtr<int> len, int flags) {
    if (flags & ~(SOCK_CLOEXEC | SOCK_NONBLOCK)) return err(EINVAL);
    Ref<SocketFile> s = SBX_TRY(get_socket(t, fd));
    SBX_TRY(t.files().has_room(t.rlimit(RLIMIT_NOFILE)));
    auto once = [&] { return s->accept(flags & SOCK_NONBLOCK, t.caller()); };
    Nanos deadline = t.deadline_in(s->receive_timeout);
    Result<Ref<SocketFile>> accepted = wait_file(t, *s, kEventIn, s->nonblocking(), once, deadline);
    if (!accepted) return err(interrupted(accepted.error(), deadline));
    Ref<SocketFile> got = std::move(*accepted);
    if (addr) {
        std::string peer = SBX_TRY(got->name(true));
        SBX_TRY(copy_out_address(t, peer, addr, len.addr));
    }
    return SBX_TRY(t.files().add(std::move(got), flags & SOCK_CLOEXEC, t.rlimit(RLIMIT_NOFILE)));
}
Result<long> sys_accept(Task& t, int fd, u64 addr, UserPtr<int> len) { return sys_accept4(t, fd, addr, len, 0); }

Result<long> name_of(Task& t, int fd, u64 addr, u64 len, bool peer) {
    Ref<SocketFile> s = SBX_TRY(get_socket(t, fd));
    std::string a = SBX_TRY(s->name(peer));
    SBX_TRY(copy_out_address(t, a, addr, len));
    return 0;
}
Result<long> sys_getsockname(Task& t, int fd, u64 addr, u64 len) { return name_of(t, fd, addr, len, false); }
Result<long> sys_getpeername(Task& t, int fd, u64 addr, u64 len) { return name_of(t, fd, addr, len, true); }

Result<long> sys_shutdown(Task& t, int fd, int how) {
    Ref<SocketFile> s = SBX_TRY(get_socket(t, fd));
    SBX_TRY(s->shutdown(how));
    return 0;
}

std::string bytes_of(const auto& v) { return std::string(reinterpret_cast<const char*>(&v), sizeof v); }

std::string timeout_bytes(Nanos n) {
    timeval v{};
    if (n != kNever) v = {n / kNanosPerSec, n % kNanosPerSec / kNanosPerMicro};
    return bytes_of(v);
}

Result<Nanos> parse_timeout(std::string_view value) {
    timeval v{};
    if (value.size() < sizeof v) return err(EINVAL);
    value.copy(reinterpret_cast<char*>(&v), sizeof v);
    if (v.tv_usec < 0 || v.tv_usec >= 1000000) return err(EDOM);
    if (v.tv_sec < 0) return 0;
    if (v.tv_sec == 0 && v.tv_usec == 0) return kNever;
    if (v.tv_sec >= kNever / kNanosPerSec) return kNever;
    return add_sat(v.tv_sec * kNanosPerSec, v.tv_usec * kNanosPerMicro);
}

constexpr int kRcvTimeoNew = 66, kSndTimeoNew = 67;  // the same structure on 64 bits

constexpr int kCookie = 57, kPeerGroups = 59, kPeerPidfd = 77;

// SO_PEERGROUPS: ERANGE tells how much room it needs.
Result<long> peer_groups(Task& t, SocketFile& s, u64 value, int room, UserPtr<int> length) {
    sockfs::PeerCreds p = SBX_TRY(s.peer_creds());
    if (!p.all) return err(ENODATA);
    std::vector<u32> groups;
    for (Kgid g : p.all->groups) groups.push_back(t.creds()->user_ns->from_kgid_munged(g));
    size_t size = groups.size() * sizeof(u32);
    SBX_TRY(t.copy_out(length, static_cast<int>(size)));
    if (static_cast<size_t>(room) < size) return err(ERANGE);
    if (size) SBX_TRY(t.mm().copy_out(value, groups.data(), size));
    return 0;
}

Result<std::string> get_option(Task& t, SocketFile& s, int level, int name) {
    if (level == SOL_SOCKET) switch (name) {
        case SO_TYPE: return bytes_of(s.type());
        case SO_DOMAIN: return bytes_of(s.domain());
        case SO_PROTOCOL: return bytes_of(s.protocol());
        case SO_RCVTIMEO:
        case kRcvTimeoNew: return timeout_bytes(s.receive_timeout);
        case SO_SNDTIMEO:
        case kSndTimeoNew: return timeout_bytes(s.send_timeout);
        case SO_REUSEADDR:
        case SO_REUSEPORT:
        case SO_KEEPALIVE:
        case SO_BROADCAST:
        case SO_OOBINLINE:
        case SO_DONTROUTE: return bytes_of(static_cast<int>((s.simple_options.load() >> name) & 1));
        case SO_PRIORITY: return bytes_of(s.priority.load());
        case SO_MARK: return bytes_of(s.mark.load());
        case SO_LINGER: return bytes_of(linger{s.linger_on, s.linger_seconds});
        case SO_RCVLOWAT: return bytes_of(s.receive_low.load());
        case SO_SNDLOWAT: return bytes_of(1);
        case kCookie: return bytes_of(u64{s.inode().ino()});
        case kPeerPidfd: {
            sockfs::PeerCreds p = SBX_TRY(s.peer_creds());
            if (!p.pid) return err(ENODATA);
            return bytes_of(SBX_TRY(add_pidfd(t, p.pid, 0)));
        }
        default: break;
        }
    return s.get_option(level, name, t.caller());
}

Result<long> sys_getsockopt(Task& t, int fd, int level, int name, u64 value, UserPtr<int> length) {
    Ref<SocketFile> s = SBX_TRY(get_socket(t, fd));
    int room = SBX_TRY(t.copy_in(length));
    if (room < 0) return err(EINVAL);
    if (level == SOL_SOCKET && name == kPeerGroups) return peer_groups(t, *s, value, room, length);
    std::string v = SBX_TRY(get_option(t, *s, level, name));
    int n = std::min(room, static_cast<int>(v.size()));
    if (n) SBX_TRY(t.mm().copy_out(value, v.data(), static_cast<size_t>(n)));
    SBX_TRY(t.copy_out(length, n));
    return 0;
}

bool may_administer(Task& t) {
    const UserNamespace& owner = static_cast<NetNamespace&>(*t.ns().net).owner();
    return t.creds()->capable(CAP_NET_RAW, owner) || t.creds()->capable(CAP_NET_ADMIN, owner);
}

Result<long> sys_setsockopt(Task& t, int fd, int level, int name, u64 value, int length) {
    if (length < 0) return err(EINVAL);
    Ref<SocketFile> s = SBX_TRY(get_socket(t, fd));
    std::string v(static_cast<size_t>(std::min(length, 1024)), 0);
    if (level == SOL_SOCKET && v.size() < sizeof(int)) return err(EINVAL);
    SBX_TRY(t.mm().copy_in(value, v.data(), v.size()));
    int n = 0;
    v.copy(reinterpret_cast<char*>(&n), sizeof n);
    if (level == SOL_SOCKET) switch (name) {
        case SO_TYPE:
        case SO_DOMAIN:
        case SO_PROTOCOL:
        case SO_ERROR:
        case SO_ACCEPTCONN:
        case SO_SNDLOWAT:
        case SO_PEERCRED: return err(ENOPROTOOPT);
        case SO_RCVTIMEO:
        case kRcvTimeoNew: s->receive_timeout = SBX_TRY(parse_timeout(v)); return 0;
        case SO_SNDTIMEO:
        case kSndTimeoNew: s->send_timeout = SBX_TRY(parse_timeout(v)); return 0;
        case SO_REUSEADDR:
        case SO_REUSEPORT:
        case SO_KEEPALIVE:
        case SO_BROADCAST:
        case SO_OOBINLINE:
        case SO_DONTROUTE:
            if (n)
                s->simple_options.fetch_or(1u << name);
            else
                s->simple_options.fetch_and(~(1u << name));
            return 0;
        case SO_PRIORITY:
            if ((n < 0 || n > 6) && !may_administer(t)) return err(EPERM);
            s->priority = n;
            return 0;
        case SO_MARK:
            if (!may_administer(t)) return err(EPERM);
            s->mark = n;
            return 0;
        case SO_SNDBUFFORCE:
        case SO_RCVBUFFORCE:
            if (!t.creds()->capable(CAP_NET_ADMIN, static_cast<NetNamespace&>(*t.ns().net).owner())) return err(EPERM);
            break;
        case SO_RCVLOWAT: s->receive_low = n < 0 ? INT32_MAX : std::max(n, 1); return 0;
        case SO_LINGER: {
            linger l{};
            if (v.size() < sizeof l) return err(EINVAL);
            v.copy(reinterpret_cast<char*>(&l), sizeof l);
            s->linger_on = l.l_onoff != 0;
            s->linger_seconds = l.l_linger;
            return 0;
        }
        default: break;
        }
    SBX_TRY(s->set_option(level, name, v, t.caller()));
    return 0;
}

constexpr SyscallRow kRows[] = {
    {41, "socket", syscall<sys_socket>, "d x d", Support::Partial, "AF_UNIX alone"},
    {42, "connect", syscall<sys_connect>, "fd ptr u", Support::Full, ""},
    {43, "accept", syscall<sys_accept>, "fd ptr ptr", Support::Full, ""},
    {48, "shutdown", syscall<sys_shutdown>, "fd d", Support::Full, ""},
    {49, "bind", syscall<sys_bind>, "fd ptr u", Support::Full, ""},
    {50, "listen", syscall<sys_listen>, "fd d", Support::Full, ""},
    {51, "getsockname", syscall<sys_getsockname>, "fd ptr ptr", Support::Full, ""},
    {52, "getpeername", syscall<sys_getpeername>, "fd ptr ptr", Support::Full, ""},
    {53, "socketpair", syscall<sys_socketpair>, "d x d fds", Support::Full, ""},
    {54, "setsockopt", syscall<sys_setsockopt>, "fd d d ptr u", Support::Partial, "the common options"},
    {55, "getsockopt", syscall<sys_getsockopt>, "fd d d ptr ptr", Support::Partial, "the common options"},
    {288, "accept4", syscall<sys_accept4>, "fd ptr ptr flags", Support::Full, ""},
};

}  // namespace

Result<Ref<SocketFile>> get_socket(Task& t, int fd) {
    Ref<vfs::OpenFile> f = SBX_TRY(t.files().get(fd));
    if (f->is_path_only()) return err(EBADF);
    if (f->kind() != &SocketFile::kKind) return err(ENOTSOCK);
    return static_ref_cast<SocketFile>(f);
}

Result<std::string> copy_in_address(Task& t, u64 addr, int len) {
    if (len < 0 || len > static_cast<int>(sizeof(sockaddr_storage))) return err(EINVAL);
    std::string a(static_cast<size_t>(len), 0);
    if (len) SBX_TRY(t.mm().copy_in(addr, a.data(), a.size()));
    return a;
}

Result<> copy_out_address(Task& t, const std::string& a, u64 addr, u64 len_addr) {
    int room = SBX_TRY(t.copy_in(UserPtr<int>{len_addr}));
    if (room < 0) return err(EINVAL);
    size_t n = std::min(a.size(), static_cast<size_t>(room));
    if (n) SBX_TRY(t.mm().copy_out(addr, a.data(), n));
    return t.copy_out(UserPtr<int>{len_addr}, static_cast<int>(a.size()));
}

const SyscallFamily kSocketSyscalls(kRows);

}  // namespace sbx
