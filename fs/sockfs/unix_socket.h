// Unix sockets (unix(7), net/unix/af_unix.c): UnixEndpoint is what peers and names refer to, UnixSocket the open file before it. Used by
// syscalls/socket.cc.
//
// Locks: Rank::Socket, one endpoint's at a time. Bytes are charged to the sender (SO_SNDBUF) until they are received, which bounds what
// streams hold; datagram receivers bound the number of messages as well.
#pragma once

#include <deque>

#include "fs/sockfs/socket.h"

namespace sbx::sockfs {

class UnixEndpoint;

struct UnixPacket {
    std::vector<u8> data;
    size_t start = 0;
    FilesInFlight files;
    PeerCreds creds;
    std::string from;
    timespec time{};           // of a message to who asked for it
    Ref<UnixEndpoint> sender;  // charged for it
    size_t charge = 0;

    template <class A>
    void state(A& ar) {
        ar(data, start, files, creds, from, sender, charge);
        ar.raw(time);
        if constexpr (A::kLoading)
            if (start > data.size()) ar.fail("more of a message was read than there is");
    }

    UnixPacket() = default;
    UnixPacket(UnixPacket&&) = default;
    ~UnixPacket();
};

class UnixEndpoint final : public RefCounted {
public:
    UnixEndpoint(int type, u64 net_ns) : type_(type), net_ns_(net_ns) {}
    ~UnixEndpoint() override;

    Result<> bind(const std::string& address, const vfs::Caller& c);
    Result<> connect(const std::string& address, const vfs::Caller& c);
    Result<> listen(int backlog, const PeerCreds& creds);
    Result<Ref<UnixEndpoint>> accept();
    Result<std::string> name(bool peer);
    Result<> shutdown(int how);
    Result<size_t> send(mm::IoBuf& src, SendArgs& a, const vfs::Caller& c);
    Result<size_t> receive(mm::IoBuf& dst, RecvArgs& a);
    EventMask poll();
    Result<u32> readable();
    static void join(UnixEndpoint& a, UnixEndpoint& b, const PeerCreds& creds);
    // Each file in a message that waits here or at a connection that was not accepted yet.
    void for_queued_files(FunctionRef<void(vfs::OpenFile&)> f);
    // Takes all messages that wait here or there.
    void take_messages(std::vector<UnixPacket>& to);
    // The file is gone. `embryo`: it was never accepted.
    void close(bool embryo);
    void release(size_t charge);

    PeerCreds peer_creds();
    bool listening();
    int take_error();
    void set_error(int e);
    size_t sent() const { return charged_.load(std::memory_order_relaxed); }
    WaitQueue queue;
    std::atomic<u32> send_buffer{212992}, receive_buffer{212992};
    std::atomic<bool> pass_creds{false};
    std::atomic<int> timestamp{0};  // SO_TIMESTAMP, SO_TIMESTAMPNS

private:
    friend struct state::Access;
    template <class A>
    auto state_head(A a) const {
        return a.args(type_, net_ns_);
    }
    template <class A>
    void state(A& ar);
    void state_loaded(state::Loader& ar);
    enum class State : u8 { Unconnected, Connecting, Listening, Connected };
    bool stream() const { return type_ == SOCK_STREAM; }
    bool connection_based() const { return type_ != SOCK_DGRAM; }
    Result<Ref<UnixEndpoint>> find(const std::string& address, const vfs::Caller& c);
    Result<> connect_stream(const Ref<UnixEndpoint>& to, const vfs::Caller& c);
    Result<size_t> send_stream(mm::IoBuf& src, SendArgs& a);
    Result<size_t> send_message(mm::IoBuf& src, SendArgs& a, const vfs::Caller& c);
    Result<size_t> receive_stream(mm::IoBuf& dst, RecvArgs& a);
    Result<size_t> receive_message(mm::IoBuf& dst, RecvArgs& a);
    bool reserve(size_t n);
    // `who` is told when there is room here again.
    void wait_for_room_locked(UnixEndpoint& who) SBX_REQUIRES(mu_);
    void tell_room();
    // A datagram socket's peer is no longer `from`: what it sent is dropped (unix_dgram_disconnected()).
    void disconnect(const Ref<UnixEndpoint>& from);
    // Who wants credentials can be answered: it gets a name if it has none.
    void name_for_creds(const vfs::Caller& c);
    void unname();
    void remember_wait(const Ref<UnixEndpoint>& at);

    const int type_;
    const u64 net_ns_;
    std::atomic<size_t> charged_{0};

    mutable Mutex<Rank::Socket> mu_;
    State state_ SBX_GUARDED_BY(mu_) = State::Unconnected;
    bool closed_ SBX_GUARDED_BY(mu_) = false, read_shut_ SBX_GUARDED_BY(mu_) = false,
                 write_shut_ SBX_GUARDED_BY(mu_) = false;
    bool binding_ SBX_GUARDED_BY(mu_) = false;  // no state: no call is under way
    int error_ SBX_GUARDED_BY(mu_) = 0;
    Ref<UnixEndpoint> peer_ SBX_GUARDED_BY(mu_);
    PeerCreds peer_creds_ SBX_GUARDED_BY(mu_), listen_creds_ SBX_GUARDED_BY(mu_);
    std::string name_ SBX_GUARDED_BY(mu_);       // a sockaddr; empty: unnamed
    bool abstract_ SBX_GUARDED_BY(mu_) = false;  // listed under name_
    Ref<vfs::Inode> inode_ SBX_GUARDED_BY(mu_);  // attached to it
    std::deque<UnixPacket> packets_ SBX_GUARDED_BY(mu_);
    size_t reserved_ SBX_GUARDED_BY(mu_) = 0;  // no state: no call is under way; messages being copied in
    size_t backlog_ SBX_GUARDED_BY(mu_) = 0;
    std::deque<Ref<UnixEndpoint>> pending_ SBX_GUARDED_BY(mu_);
    std::vector<Ref<UnixEndpoint>> want_room_ SBX_GUARDED_BY(mu_);
    Ref<UnixEndpoint> waits_at_ SBX_GUARDED_BY(mu_);
};

class UnixSocket final : public SocketFile {
public:
    UnixSocket(int type, int flags, Ref<UnixEndpoint> e, const vfs::Caller& c)
        : SocketFile(AF_UNIX, type, 0, flags, c), end_(std::move(e)) {}
    ~UnixSocket() override;
    UnixEndpoint& end() const { return *end_; }

    Result<> bind(const std::string& address, const vfs::Caller& c) override { return end_->bind(address, c); }
    Result<> connect(const std::string& address, const vfs::Caller& c) override { return end_->connect(address, c); }
    Result<> listen(int backlog, const vfs::Caller& c) override { return end_->listen(backlog, own_creds(c, true)); }
    Result<Ref<SocketFile>> accept(int flags, const vfs::Caller& c) override;
    Result<std::string> name(bool peer) override { return end_->name(peer); }
    Result<> shutdown(int how) override { return end_->shutdown(how); }
    Result<PeerCreds> peer_creds() override { return end_->peer_creds(); }
    void set_error(int e) override { end_->set_error(e); }
    Result<size_t> send(mm::IoBuf& src, SendArgs& a, const vfs::Caller& c) override { return end_->send(src, a, c); }
    Result<size_t> receive(mm::IoBuf& dst, RecvArgs& a, const vfs::Caller&) override { return end_->receive(dst, a); }
    Result<std::string> get_option(int level, int name, const vfs::Caller& c) override;
    Result<> set_option(int level, int name, std::string_view value, const vfs::Caller& c) override;
    Result<long> ioctl(u32 cmd, u64 arg, const vfs::Caller& c) override;
    EventMask poll(EventMask mask, const vfs::Caller&) override {
        return end_->poll() & (mask | kEventErr | kEventHup);
    }
    void poll_add(Waiter& w, const vfs::Caller&) override { end_->queue.add(w); }
    void poll_remove(Waiter& w) override { end_->queue.remove(w); }
    bool may_hold_files() const override { return true; }

private:
    friend struct state::Access;
    UnixSocket(int type, UnixEndpoint& e) : SocketFile(AF_UNIX, type, 0), end_(e) {}
    template <class A>
    auto state_head(A a) const {
        return a.args(type(), a.by_ref(*end_));
    }
    Ref<UnixEndpoint> end_;
};

// ESOCKTNOSUPPORT, EPROTONOSUPPORT.
Result<Ref<SocketFile>> create_unix(int type, int protocol, int flags, const vfs::Caller& c);
Result<> create_unix_pair(int type, int protocol, int flags, const vfs::Caller& c, Ref<SocketFile> out[2]);

}  // namespace sbx::sockfs
