// Unix endpoints: sending and receiving.
#include <algorithm>

#include "fs/sockfs/unix_gc.h"
#include "fs/sockfs/unix_socket.h"

namespace sbx::sockfs {
namespace {

constexpr size_t kOverhead = 512;       // charged for each message besides its bytes
constexpr size_t kStreamChunk = 32768;  // a stream's largest piece
// Messages that one datagram socket holds (net.unix.max_dgram_qlen is 10 on Linux; our senders are not told by poll when it is full).
constexpr size_t kMaxQueued = 256;

bool same_writer(const PeerCreds& a, const PeerCreds& b) { return a.pid == b.pid && a.uid == b.uid && a.gid == b.gid; }

}  // namespace

// Charges n bytes; anything may be sent while something is left, as on Linux.
bool UnixEndpoint::reserve(size_t n) {
    size_t limit = send_buffer.load(std::memory_order_relaxed), old = charged_.load();
    do {
        if (old >= limit) return false;
    } while (!charged_.compare_exchange_weak(old, old + n));
    return true;
}

Result<size_t> UnixEndpoint::send(mm::IoBuf& src, SendArgs& a, const vfs::Caller& c) {
    if (a.flags & MSG_OOB) return err(EOPNOTSUPP);
    return stream() ? send_stream(src, a) : send_message(src, a, c);
}

Result<size_t> UnixEndpoint::send_stream(mm::IoBuf& src, SendArgs& a) {
    Ref<UnixEndpoint> to;
    {
        Lock l(mu_);
        if (a.to) return err(state_ == State::Connected ? EISCONN : EOPNOTSUPP);
        if (!peer_) return err(state_ == State::Connected ? EPIPE : ENOTCONN);
        if (write_shut_) return err(EPIPE);
        to = peer_;
    }
    size_t done = 0;
    while (src.remaining() != 0) {
        size_t n = std::min<size_t>(src.remaining(), std::min<size_t>(kStreamChunk, send_buffer.load() / 2));
        if (!reserve(n + kOverhead)) {
            if (done) break;
            return err(EAGAIN);
        }
        UnixPacket p;
        p.sender = Ref<UnixEndpoint>(this);
        p.charge = n + kOverhead;
        p.data.resize(n);
        Result<size_t> got = src.get(p.data.data(), n);
        // A piece goes whole or not at all (skb_copy_datagram_from_iter()).
        if (!got || *got < n) return done ? Result<size_t>(done) : err(EFAULT);
        p.creds = a.creds;
        // Files go with the first byte.
        p.files = std::move(a.files);
        {
            Lock l(to->mu_);
            if (to->closed_ || to->read_shut_) {
                l.unlock();
                return done ? Result<size_t>(done) : err(EPIPE);
            }
            to->packets_.push_back(std::move(p));
        }
        done += *got;
        to->queue.notify(kEventIn | kEventRdNorm);
    }
    return done;
}

Result<size_t> UnixEndpoint::send_message(mm::IoBuf& src, SendArgs& a, const vfs::Caller& c) {
    Ref<UnixEndpoint> to;
    std::string from;
    {
        Lock l(mu_);
        if (connection_based()) {
            if (error_) return err(std::exchange(error_, 0));  // unix_seqpacket_sendmsg()
            if (state_ != State::Connected) return err(ENOTCONN);
        } else if (a.to)
            to = nullptr;
        else if (!peer_)
            return err(ENOTCONN);
        if (!a.to || connection_based()) to = peer_;
        if (write_shut_) return err(EPIPE);
    }
    name_for_creds(c);
    {
        Lock l(mu_);
        from = name_;
    }
    if (!to) to = SBX_TRY(find(*a.to, c));
    size_t n = src.remaining();
    if (n > send_buffer.load() - 32) return err(EMSGSIZE);
    {
        Lock l(to->mu_);
        if (to->closed_) {
            l.unlock();
            if (connection_based()) return err(EPIPE);
            if (!a.to) disconnect(to);
            return err(ECONNREFUSED);
        }
        if (to->peer_ && !(to->peer_ == this)) return err(EPERM);
        if (to->read_shut_) return err(EPIPE);
        // Two that are connected with each other are bounded by their buffers alone.
        if (!(to->peer_ == this) && to->packets_.size() + to->reserved_ >= kMaxQueued) {
            to->wait_for_room_locked(*this);
            l.unlock();
            remember_wait(to);
            return err(EAGAIN);
        }
        to->reserved_++;
    }
    auto give_up = [&](int e) {
        Lock l(to->mu_);
        to->reserved_--;
        return err(e);
    };
    if (!reserve(n + kOverhead)) return give_up(EAGAIN);
    UnixPacket p;
    p.sender = Ref<UnixEndpoint>(this);
    p.charge = n + kOverhead;
    p.data.resize(n);
    for (size_t done = 0; done < n;) {
        Result<size_t> got = src.get(p.data.data() + done, n - done);
        if (!got || *got == 0) return give_up(EFAULT);
        done += *got;
    }
    p.creds = a.creds;
    p.from = std::move(from);
    if (to->timestamp.load(std::memory_order_relaxed)) p.time = vfs::now();
    p.files = std::move(a.files);
    {
        Lock l(to->mu_);
        to->reserved_--;
        if (to->closed_) {
            l.unlock();
            return err(connection_based() ? EPIPE : ECONNREFUSED);
        }
        to->packets_.push_back(std::move(p));
    }
    to->queue.notify(kEventIn | kEventRdNorm);
    return n;
}

Result<size_t> UnixEndpoint::receive(mm::IoBuf& dst, RecvArgs& a) {
    if (a.flags & MSG_OOB) return err(stream() ? EINVAL : EOPNOTSUPP);
    a.creds_wanted = pass_creds;
    return stream() ? receive_stream(dst, a) : receive_message(dst, a);
}

Result<size_t> UnixEndpoint::receive_stream(mm::IoBuf& dst, RecvArgs& a) {
    bool peek = a.flags & MSG_PEEK;
    std::vector<UnixPacket> used;  // dropped without the lock
    size_t done = 0;
    Result<size_t> failed = 0;
    Ref<UnixEndpoint> writer;
    Lock l(mu_);
    if (state_ != State::Connected) return err(EINVAL);
    if (packets_.empty()) {
        if (error_) return err(std::exchange(error_, 0));
        return read_shut_ ? Result<size_t>(0) : err(EAGAIN);
    }
    // No bytes are asked for: what comes with the first is taken all the same.
    bool none = dst.remaining() == 0;
    for (size_t i = 0; i < packets_.size() && (none || dst.remaining() != 0);) {
        UnixPacket& p = packets_[i];
        if (done && a.creds_wanted && !same_writer(p.creds, a.creds)) break;
        size_t n = std::min<size_t>(p.data.size() - p.start, dst.remaining());
        Result<size_t> put = none ? Result<size_t>(0) : dst.put(&p.data[p.start], n);
        // A piece is taken whole or not at all (unix_stream_read_actor()).
        if (!put || *put < n) {
            failed = err(EFAULT);
            break;
        }
        if (!done) {
            a.creds = p.creds;
            writer = p.sender;
        }
        done += *put;
        bool files = !p.files.empty();
        if (files) {
            a.files = peek ? p.files.copy() : std::move(p.files);
            unix_queues_changed();
        }
        if (none) break;
        if (peek) {
            i++;
            if (files || *put < n) break;
            continue;
        }
        p.start += *put;
        if (p.start == p.data.size()) {
            used.push_back(std::move(p));
            packets_.pop_front();
        }
        if (files || *put < n) break;
    }
    l.unlock();
    if (done == 0 && !failed) return failed;
    if (writer) {
        Lock w(writer->mu_);
        a.from = writer->name_;
    }
    return done;
}

Result<size_t> UnixEndpoint::receive_message(mm::IoBuf& dst, RecvArgs& a) {
    bool peek = a.flags & MSG_PEEK;
    std::vector<UnixPacket> used;
    size_t done = 0;
    bool was_full = false;
    {
        Lock l(mu_);
        if (connection_based() && state_ != State::Connected) return err(ENOTCONN);
        // An error goes before what can be read, unlike in a stream (__skb_try_recv_datagram()).
        if (error_) return err(std::exchange(error_, 0));
        if (packets_.empty()) {
            // Who would have waited hears of the end; who would not hears it for SOCK_SEQPACKET alone (unix_dgram_recvmsg()).
            bool end = read_shut_ && (connection_based() || !(a.flags & MSG_DONTWAIT));
            return end ? Result<size_t>(0) : err(EAGAIN);
        }
        UnixPacket& p = packets_.front();
        size_t n = std::min<size_t>(p.data.size(), dst.remaining());
        if (n) {
            Result<size_t> put = dst.put(p.data.data(), n);
            if (!put || *put < n) {
                // The message is gone, as on Linux.
                used.push_back(std::move(p));
                packets_.pop_front();
                l.unlock();
                return err(EFAULT);
            }
            done = *put;
        }
        a.full_length = p.data.size();
        if (done < p.data.size()) a.msg_flags |= MSG_TRUNC;
        a.creds = p.creds;
        a.from = p.from;
        a.time_wanted = timestamp;
        a.time = p.time.tv_sec ? p.time : vfs::now();  // __sock_recv_timestamp()
        a.files = peek ? p.files.copy() : std::move(p.files);
        if (!a.files.empty()) unix_queues_changed();
        if (!peek) {
            was_full = packets_.size() >= kMaxQueued;
            used.push_back(std::move(p));
            packets_.pop_front();
        }
    }
    if (was_full) tell_room();
    return done;
}

}  // namespace sbx::sockfs
