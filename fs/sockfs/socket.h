// SocketFile: an open socket of any family, as the socket calls see it. Families derive from it (unix_socket.h). Used by
// syscalls/socket*.cc.
//
// Methods follow OpenFile's contract: what would block gives EAGAIN and poll_add() tells when to try again.
#pragma once

#include <sys/socket.h>

#include <string>
#include <vector>

#include "fs/vfs/open_file.h"
#include "src/kernel/pid.h"

namespace sbx::sockfs {

// Who sent a message or is at the other end.
struct PeerCreds {
    Ref<Pid> pid;
    Kuid uid = kOverflowId;
    Kgid gid = kOverflowId;
    CredsRef all;  // of the other end of a connection, for its groups
    template <class A>
    void state(A& ar) {
        ar(pid, uid, gid, all);
    }
};

// Files on their way. Dropping them may close sockets that hold files again: that is done without recursion.
class FilesInFlight {
public:
    FilesInFlight() = default;
    FilesInFlight(FilesInFlight&& o) noexcept : files_(std::move(o.files_)), user_(o.user_) { o.files_.clear(); }
    FilesInFlight& operator=(FilesInFlight&& o) noexcept {
        files_.swap(o.files_);
        std::swap(user_, o.user_);
        return *this;
    }
    ~FilesInFlight();
    // ETOOMANYREFS if too many are on their way already: of the sender's user by its RLIMIT_NOFILE (too_many_unix_fds()), or of all.
    static Result<FilesInFlight> create(std::vector<Ref<vfs::OpenFile>> files, Task& sender);
    // Another reference to each, for MSG_PEEK.
    FilesInFlight copy() const;
    bool empty() const { return files_.empty(); }
    const std::vector<Ref<vfs::OpenFile>>& files() const { return files_; }

private:
    friend struct state::Access;
    template <class A>
    void state(A& ar);
    std::vector<Ref<vfs::OpenFile>> files_;
    Kuid user_ = kOverflowId;  // counted for it
};

struct SendArgs {
    const std::string* to = nullptr;  // a sockaddr
    FilesInFlight files;              // taken once sent
    PeerCreds creds;
    int flags = 0;
};

struct RecvArgs {
    int flags = 0;
    // Results.
    std::string from;  // a sockaddr; empty: none
    int msg_flags = 0;
    size_t full_length = 0;  // of a datagram that was cut
    FilesInFlight files;
    PeerCreds creds;
    bool creds_wanted = false;  // SO_PASSCRED
    int time_wanted = 0;        // SO_TIMESTAMP or SO_TIMESTAMPNS, which are also the types of the message
    timespec time{};            // when it was sent
};

class SocketFile : public vfs::OpenFile {
public:
    static inline const char kKind = 0;
    const void* kind() const override { return &kKind; }
    SocketFile(int domain, int type, int protocol, int flags, const vfs::Caller& c);

    int domain() const { return domain_; }
    int type() const { return type_; }
    int protocol() const { return protocol_; }
    bool is_stream() const { return type_ == SOCK_STREAM; }

    virtual Result<> bind(const std::string& address, const vfs::Caller& c) = 0;
    virtual Result<> connect(const std::string& address, const vfs::Caller& c) = 0;
    virtual Result<> listen(int backlog, const vfs::Caller& c) = 0;
    // The new socket and its peer's address.
    virtual Result<Ref<SocketFile>> accept(int flags, const vfs::Caller& c) = 0;
    virtual Result<std::string> name(bool peer) = 0;
    virtual Result<> shutdown(int how) = 0;
    virtual Result<size_t> send(mm::IoBuf& src, SendArgs& a, const vfs::Caller& c) = 0;
    virtual Result<size_t> receive(mm::IoBuf& dst, RecvArgs& a, const vfs::Caller& c) = 0;
    // Who connected, or listened; no pid if nobody did.
    virtual Result<PeerCreds> peer_creds() { return err(ENOPROTOOPT); }
    // What the next call fails with (sk_err).
    virtual void set_error(int) {}
    // Options whose meaning is the family's; the value as bytes. ENOPROTOOPT.
    virtual Result<std::string> get_option(int level, int name, const vfs::Caller& c) = 0;
    virtual Result<> set_option(int level, int name, std::string_view value, const vfs::Caller& c) = 0;

    Result<size_t> read(mm::IoBuf& dst, i64* pos, u32 rwf, const vfs::Caller& c) override;
    Result<size_t> write(mm::IoBuf& src, i64* pos, u32 rwf, const vfs::Caller& c) override;

    // SO_RCVTIMEO, SO_SNDTIMEO; kNever: none.
    std::atomic<Nanos> receive_timeout{kNever}, send_timeout{kNever};
    // Options of SOL_SOCKET that are kept as a bit, by number (SO_REUSEADDR...).
    std::atomic<u32> simple_options{0};
    std::atomic<int> priority{0}, mark{0}, receive_low{1}, linger_on{0}, linger_seconds{0};
    // The part of every socket; what the constructor takes is in its head.
    template <class A>
    void state(A& ar) {
        OpenFile::state(ar);
        ar(receive_timeout, send_timeout, simple_options, priority, mark, receive_low, linger_on, linger_seconds);
    }

protected:
    // Made by an archive, which brings the path.
    SocketFile(int domain, int type, int protocol)
        : OpenFile({}, 0), domain_(domain), type_(type), protocol_(protocol) {}

private:
    int domain_, type_, protocol_;  // no state: what the class of the socket says
};

// Of the calling task: SO_PEERCRED tells effective ids, SCM_CREDENTIALS real ones.
PeerCreds own_creds(const vfs::Caller& c, bool effective);

}  // namespace sbx::sockfs
