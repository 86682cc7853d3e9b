// Unix endpoints: connections, ends and readiness.
#include "fs/sockfs/unix_socket.h"

#include <fcntl.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/un.h>

#include <algorithm>

#include "fs/sockfs/unix_gc.h"
#include "src/base/archive.h"
#include "src/kernel/ns/net.h"
#include "src/kernel/task.h"
#include "src/mm/memory_manager.h"

namespace sbx::sockfs {
namespace {

constexpr size_t kMaxBacklog = 4096;  // /proc/sys/net/core/somaxconn
constexpr u32 kMinSendBuffer = 4608, kMinReceiveBuffer = 2304, kMaxBuffer = 425984;

u64 net_ns_of(const vfs::Caller& c) {
    const Ref<RefCounted>& net = c.task->ns().net;
    return net ? static_cast<NetNamespace&>(*net).id() : 0;
}

}  // namespace

SBX_SAVABLE(UnixEndpoint);
SBX_SAVABLE(UnixSocket);

// Nothing is being bound or copied in: no task is inside a call.
template <class A>
void UnixEndpoint::state(A& ar) SBX_NO_TSA {
    ar(send_buffer, receive_buffer, pass_creds, timestamp, charged_, state_, closed_, read_shut_, write_shut_, error_,
       peer_, peer_creds_, listen_creds_, name_, abstract_, inode_, packets_, backlog_, pending_, want_room_,
       waits_at_);
    ar.all_there(pending_);
    ar.all_there(want_room_);
}

UnixPacket::~UnixPacket() {
    if (sender) sender->release(charge);
}

UnixEndpoint::~UnixEndpoint() = default;

UnixSocket::~UnixSocket() {
    end_->close(false);
    collect_unix_sockets(false);
}

void UnixEndpoint::release(size_t charge) {
    charged_.fetch_sub(charge);
    queue.notify(kEventOut | kEventWrNorm);
}

void UnixEndpoint::join(UnixEndpoint& a, UnixEndpoint& b, const PeerCreds& creds) {
    for (auto [x, y] : {std::pair(&a, &b), std::pair(&b, &a)}) {
        Lock l(x->mu_);
        x->state_ = State::Connected;
        x->peer_ = Ref<UnixEndpoint>(y);
        x->peer_creds_ = creds;
    }
}

Result<> UnixEndpoint::listen(int backlog, const PeerCreds& creds) {
    if (!connection_based()) return err(EOPNOTSUPP);
    Lock l(mu_);
    if (name_.empty() || (state_ != State::Unconnected && state_ != State::Listening)) return err(EINVAL);
    state_ = State::Listening;
    // Negative is unlimited, up to somaxconn.
    backlog_ = std::min<size_t>(static_cast<u32>(backlog), kMaxBacklog);
    listen_creds_ = creds;
    l.unlock();
    tell_room();
    return {};
}

void UnixEndpoint::wait_for_room_locked(UnixEndpoint& who) {
    if (std::find(want_room_.begin(), want_room_.end(), &who) == want_room_.end())
        want_room_.push_back(Ref<UnixEndpoint>(who));
}

void UnixEndpoint::tell_room() {
    std::vector<Ref<UnixEndpoint>> who;
    {
        Lock l(mu_);
        who.swap(want_room_);
    }
    for (const Ref<UnixEndpoint>& e : who) e->queue.notify(kEventOut | kEventWrNorm);
}

// One place at a time, so that a closed endpoint can take itself off.
void UnixEndpoint::remember_wait(const Ref<UnixEndpoint>& at) {
    Ref<UnixEndpoint> old;
    {
        Lock l(mu_);
        if (waits_at_ == at) return;
        old = std::exchange(waits_at_, at);
    }
    if (!old) return;
    Ref<UnixEndpoint> self;
    Lock l(old->mu_);
    auto it = std::find(old->want_room_.begin(), old->want_room_.end(), this);
    if (it == old->want_room_.end()) return;
    self = std::move(*it);
    old->want_room_.erase(it);
    l.unlock();
}

Result<> UnixEndpoint::connect(const std::string& address, const vfs::Caller& c) {
    sa_family_t family = 0;
    if (address.size() < sizeof family) return err(EINVAL);
    address.copy(reinterpret_cast<char*>(&family), sizeof family);
    if (!connection_based() && family == AF_UNSPEC) {
        Ref<UnixEndpoint> old;
        {
            Lock l(mu_);
            old = peer_;
        }
        if (old) disconnect(old);
        return {};
    }
    name_for_creds(c);
    Ref<UnixEndpoint> to = SBX_TRY(find(address, c));
    if (connection_based()) return connect_stream(to, c);
    {
        Lock l(to->mu_);
        if (to->closed_) return err(ECONNREFUSED);
        if (to->peer_ && !(to->peer_ == this)) return err(EPERM);
    }
    Ref<UnixEndpoint> old;
    {
        Lock l(mu_);
        old = peer_;
    }
    if (old && !(old == to)) disconnect(old);
    Lock l(mu_);
    std::swap(peer_, to);
    state_ = State::Connected;
    l.unlock();
    return {};
}

void UnixEndpoint::disconnect(const Ref<UnixEndpoint>& from) {
    std::deque<UnixPacket> packets;
    Ref<UnixEndpoint> old;
    {
        Lock l(mu_);
        if (!(peer_ == from)) return;
        std::swap(old, peer_);
        state_ = State::Unconnected;
        packets.swap(packets_);
    }
    if (packets.empty()) return;
    unix_queues_changed();
    tell_room();
    Lock l(from->mu_);
    // Its peer is still this one: it hears that messages were lost.
    if (from->closed_ || !(from->peer_ == this)) return;
    from->error_ = ECONNRESET;
    l.unlock();
    from->queue.notify(kEventErr);
}

void UnixEndpoint::name_for_creds(const vfs::Caller& c) {
    // bind() with no more than a family. There is no name if none is free.
    const sa_family_t family = AF_UNIX;
    if (pass_creds) (void)bind(std::string(reinterpret_cast<const char*>(&family), sizeof family), c);
}

Result<> UnixEndpoint::connect_stream(const Ref<UnixEndpoint>& to, const vfs::Caller& c) {
    {
        Lock l(mu_);
        if (state_ == State::Connected) return err(EISCONN);
        if (state_ != State::Unconnected) return err(EINVAL);
        state_ = State::Connecting;
    }
    Ref<UnixEndpoint> server = make_ref<UnixEndpoint>(type_, to->net_ns_);
    Result<> result;
    PeerCreds peer;
    {
        Lock l(server->mu_);
        server->state_ = State::Connected;
        server->peer_ = Ref<UnixEndpoint>(this);
        server->peer_creds_ = own_creds(c, true);
    }
    {
        Lock l(to->mu_);
        std::string name = to->name_;
        peer = to->listen_creds_;
        if (to->state_ != State::Listening || to->closed_ || to->read_shut_)
            result = err(ECONNREFUSED);
        else if (to->pending_.size() > to->backlog_) {
            to->wait_for_room_locked(*this);
            result = err(EAGAIN);
        } else {
            l.unlock();
            // The server end is not known to anybody yet.
            Lock s(server->mu_);
            server->name_ = std::move(name);
        }
    }
    if (result) {
        // Ours is ready before the other side can be accepted.
        {
            Lock l(mu_);
            peer_ = server;
            peer_creds_ = std::move(peer);
        }
        Lock l(to->mu_);
        if (to->closed_)
            result = err(ECONNREFUSED);
        else
            to->pending_.push_back(server);
    }
    if (result) to->queue.notify(kEventIn | kEventRdNorm);
    if (!result && result.error() == EAGAIN) remember_wait(to);
    Ref<UnixEndpoint> dropped;
    {
        Lock l(mu_);
        state_ = result ? State::Connected : State::Unconnected;
        if (!result) std::swap(dropped, peer_);
    }
    if (!result) {
        // Its peer is this endpoint: a cycle otherwise.
        Lock l(server->mu_);
        std::swap(dropped, server->peer_);
        l.unlock();
    }
    return result;
}

Result<Ref<UnixEndpoint>> UnixEndpoint::accept() {
    if (!connection_based()) return err(EOPNOTSUPP);
    Ref<UnixEndpoint> e;
    {
        Lock l(mu_);
        if (state_ != State::Listening) return err(EINVAL);
        if (pending_.empty()) return err(read_shut_ ? EINVAL : EAGAIN);
        e = std::move(pending_.front());
        pending_.pop_front();
        unix_queues_changed();  // its messages are no longer ours
    }
    tell_room();
    return e;
}

Result<std::string> UnixEndpoint::name(bool peer) {
    Ref<UnixEndpoint> other;
    std::string result;
    {
        Lock l(mu_);
        if (peer && !peer_) return err(ENOTCONN);
        if (peer)
            other = peer_;
        else
            result = name_;
    }
    if (other) {
        Lock l(other->mu_);
        result = other->name_;
    }
    if (result.empty()) {
        sa_family_t family = AF_UNIX;
        result.assign(reinterpret_cast<const char*>(&family), sizeof family);
    }
    return result;
}

Result<> UnixEndpoint::shutdown(int how) {
    if (how < SHUT_RD || how > SHUT_RDWR) return err(EINVAL);
    bool read = how != SHUT_WR, write = how != SHUT_RD;
    Ref<UnixEndpoint> other;
    {
        Lock l(mu_);
        read_shut_ |= read;
        write_shut_ |= write;
        if (connection_based()) other = peer_;
    }
    if (other) {
        {
            Lock l(other->mu_);
            other->read_shut_ |= write;
            other->write_shut_ |= read;
        }
        other->queue.notify(kEventAll & ~kEventInternal);
    }
    queue.notify(kEventAll & ~kEventInternal);
    tell_room();
    return {};
}

void UnixEndpoint::close(bool embryo) {
    unname();
    remember_wait({});
    std::deque<UnixPacket> packets;
    std::deque<Ref<UnixEndpoint>> pending;
    Ref<UnixEndpoint> peer;
    {
        Lock l(mu_);
        closed_ = read_shut_ = write_shut_ = true;
        state_ = State::Unconnected;
        packets.swap(packets_);
        pending.swap(pending_);
        std::swap(peer, peer_);
    }
    if (peer) {
        bool told = false;
        {
            Lock l(peer->mu_);
            if (connection_based() && peer->peer_ == this) {
                peer->read_shut_ = peer->write_shut_ = true;
                // An empty message at the front is overlooked (unix_release_sock()).
                size_t overlooked = !packets.empty() && packets.front().data.empty();
                if (packets.size() > overlooked || embryo) peer->error_ = ECONNRESET;
                told = true;
            }
        }
        if (told) peer->queue.notify(kEventAll & ~kEventInternal);
    }
    for (const Ref<UnixEndpoint>& e : pending) e->close(true);
    tell_room();
}

void UnixEndpoint::for_queued_files(FunctionRef<void(vfs::OpenFile&)> f) {
    std::deque<Ref<UnixEndpoint>> pending;
    {
        Lock l(mu_);
        for (const UnixPacket& p : packets_)
            for (const Ref<vfs::OpenFile>& file : p.files.files()) f(*file);
        pending = pending_;
    }
    for (const Ref<UnixEndpoint>& e : pending) e->for_queued_files(f);
}

void UnixEndpoint::take_messages(std::vector<UnixPacket>& to) {
    std::deque<Ref<UnixEndpoint>> pending;
    {
        Lock l(mu_);
        for (UnixPacket& p : packets_) to.push_back(std::move(p));
        packets_.clear();
        pending = pending_;
    }
    for (const Ref<UnixEndpoint>& e : pending) e->take_messages(to);
}

EventMask UnixEndpoint::poll() {
    EventMask m = 0;
    bool writable = charged_.load() * 4 <= send_buffer.load(std::memory_order_relaxed);
    {
        Lock l(mu_);
        if (error_) m |= kEventErr;
        if (read_shut_ && write_shut_) m |= kEventHup;
        if (read_shut_) m |= kEventRdHup | kEventIn | kEventRdNorm;
        if (!packets_.empty() || !pending_.empty()) m |= kEventIn | kEventRdNorm;
        if (connection_based() && (state_ == State::Unconnected || state_ == State::Connecting)) m |= kEventHup;
        if (writable && state_ != State::Listening) m |= kEventOut | kEventWrNorm | kEventWrBand;
    }
    return m;
}

Result<u32> UnixEndpoint::readable() {
    Lock l(mu_);
    if (state_ == State::Listening) return err(EINVAL);
    size_t n = 0;
    for (const UnixPacket& p : packets_) {
        n += p.data.size() - p.start;
        if (!stream()) break;
    }
    return static_cast<u32>(n);
}

PeerCreds UnixEndpoint::peer_creds() {
    Lock l(mu_);
    return peer_creds_;
}
bool UnixEndpoint::listening() {
    Lock l(mu_);
    return state_ == State::Listening;
}
void UnixEndpoint::set_error(int e) {
    Lock l(mu_);
    error_ = e;
}
int UnixEndpoint::take_error() {
    Lock l(mu_);
    return std::exchange(error_, 0);
}

Result<Ref<SocketFile>> UnixSocket::accept(int flags, const vfs::Caller& c) {
    Ref<UnixEndpoint> e = SBX_TRY(end_->accept());
    if (end_->pass_creds) e->pass_creds = true;
    e->timestamp = end_->timestamp.load();
    return Ref<SocketFile>(make_ref<UnixSocket>(type(), flags, std::move(e), c));
}

namespace {

std::string bytes_of(int v) { return std::string(reinterpret_cast<const char*>(&v), sizeof v); }

struct Ucred {
    i32 pid;
    u32 uid, gid;
};

}  // namespace

Result<std::string> UnixSocket::get_option(int level, int name, const vfs::Caller& c) {
    if (level != SOL_SOCKET) return err(EOPNOTSUPP);
    switch (name) {
    case SO_ACCEPTCONN: return bytes_of(end_->listening());
    case SO_ERROR: return bytes_of(end_->take_error());
    case SO_SNDBUF: return bytes_of(static_cast<int>(end_->send_buffer.load()));
    case SO_RCVBUF: return bytes_of(static_cast<int>(end_->receive_buffer.load()));
    case SO_PASSCRED: return bytes_of(end_->pass_creds);
    case SO_TIMESTAMP:
    case SO_TIMESTAMPNS: return bytes_of(end_->timestamp.load() == name);
    case SO_PEERCRED: {
        PeerCreds p = end_->peer_creds();
        Ucred u{0, kInvalidId, kInvalidId};
        if (p.pid)
            u = {p.pid->nr_in(c.task->pid_ns()), c.creds->user_ns->from_kuid_munged(p.uid),
                 c.creds->user_ns->from_kgid_munged(p.gid)};
        return std::string(reinterpret_cast<const char*>(&u), sizeof u);
    }
    default: return err(ENOPROTOOPT);
    }
}

Result<> UnixSocket::set_option(int level, int name, std::string_view value, const vfs::Caller&) {
    if (level != SOL_SOCKET) return err(EOPNOTSUPP);
    int v = 0;
    value.copy(reinterpret_cast<char*>(&v), sizeof v);
    // The value is doubled, for the bookkeeping of the kernel's own (sock_setsockopt).
    u32 doubled = std::min(static_cast<u32>(std::max(v, 0)), kMaxBuffer / 2) * 2;
    switch (name) {
    case SO_SNDBUF:
    case SO_SNDBUFFORCE: end_->send_buffer = std::max(doubled, kMinSendBuffer); return {};
    case SO_RCVBUF:
    case SO_RCVBUFFORCE: end_->receive_buffer = std::max(doubled, kMinReceiveBuffer); return {};
    case SO_PASSCRED: end_->pass_creds = v != 0; return {};
    case SO_TIMESTAMP:
    case SO_TIMESTAMPNS: end_->timestamp = v ? name : 0; return {};
    default: return err(ENOPROTOOPT);
    }
}

Result<long> UnixSocket::ioctl(u32 cmd, u64 arg, const vfs::Caller& c) {
    int n = 0;
    if (cmd == FIONREAD)
        n = static_cast<int>(SBX_TRY(end_->readable()));
    else if (cmd == TIOCOUTQ)
        n = static_cast<int>(end_->sent());
    else
        return err(ENOTTY);
    SBX_TRY(c.mm->copy_out(arg, &n, sizeof n));
    return 0;
}

namespace {
Result<> check_kind(int& type, int protocol) {
    if (protocol && protocol != PF_UNIX) return err(EPROTONOSUPPORT);
    if (type == SOCK_RAW) type = SOCK_DGRAM;
    if (type != SOCK_STREAM && type != SOCK_DGRAM && type != SOCK_SEQPACKET) return err(ESOCKTNOSUPPORT);
    return {};
}
}  // namespace

Result<Ref<SocketFile>> create_unix(int type, int protocol, int flags, const vfs::Caller& c) {
    SBX_TRY(check_kind(type, protocol));
    return Ref<SocketFile>(make_ref<UnixSocket>(type, flags, make_ref<UnixEndpoint>(type, net_ns_of(c)), c));
}

Result<> create_unix_pair(int type, int protocol, int flags, const vfs::Caller& c, Ref<SocketFile> out[2]) {
    SBX_TRY(check_kind(type, protocol));
    Ref<UnixEndpoint> a = make_ref<UnixEndpoint>(type, net_ns_of(c)), b = make_ref<UnixEndpoint>(type, net_ns_of(c));
    UnixEndpoint::join(*a, *b, own_creds(c, true));
    out[0] = make_ref<UnixSocket>(type, flags, std::move(a), c);
    out[1] = make_ref<UnixSocket>(type, flags, std::move(b), c);
    return {};
}

}  // namespace sbx::sockfs
