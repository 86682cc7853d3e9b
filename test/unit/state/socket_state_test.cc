// Saving and loading of unix sockets: what is under way in them, files and credentials included, backlogs, names and options.
#include <doctest/doctest.h>
#include <stddef.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <thread>

#include "fs/hostfs/hostfs.h"
#include "test/unit/state/sandbox.h"

using namespace sbx;
using namespace sbx::test;

namespace {

struct Pair {
    long a, b;
};
Pair pair(Sandbox& s, int type) {
    u64 at = s.put(u64{0});
    REQUIRE(s.call(SYS_socketpair, AF_UNIX, type | SOCK_NONBLOCK, 0, at) == 0);
    return {s.get<int>(at), s.get<int>(at + 4)};
}

struct Header {
    u64 length;
    int level, type;
};

// With a descriptor, if it is not negative.
long send(Sandbox& s, long fd, std::string_view text, long passed = -1) {
    iovec v{reinterpret_cast<void*>(s.put(text.data(), text.size())), text.size()};
    msghdr m{};
    m.msg_iov = reinterpret_cast<iovec*>(s.put(v));
    m.msg_iovlen = 1;
    struct {
        Header h;
        int fd, pad;
    } control{{sizeof(Header) + sizeof(int), SOL_SOCKET, SCM_RIGHTS}, static_cast<int>(passed), 0};
    if (passed >= 0) {
        m.msg_control = reinterpret_cast<void*>(s.put(control));
        m.msg_controllen = sizeof control;
    }
    return s.call(SYS_sendmsg, fd, s.put(m), 0);
}

struct Received {
    std::string text, from;
    long fd = -1;
    ucred creds{-1, 0, 0};
};
Received receive(Sandbox& s, long fd) {
    Received out;
    char space[256] = {};
    u64 data = s.put(space), control = s.put(space), name = s.put(space);
    iovec v{reinterpret_cast<void*>(data), sizeof space};
    msghdr m{};
    m.msg_iov = reinterpret_cast<iovec*>(s.put(v));
    m.msg_iovlen = 1;
    m.msg_control = reinterpret_cast<void*>(control);
    m.msg_controllen = sizeof space;
    m.msg_name = reinterpret_cast<void*>(name);
    m.msg_namelen = sizeof(sockaddr_un);
    u64 at = s.put(m);
    long n = s.call(SYS_recvmsg, fd, at, 0);
    if (n < 0) {
        out.text = std::string("!") + errno_name(static_cast<int>(-n));
        return out;
    }
    out.text = s.text(data, static_cast<size_t>(n));
    m = s.get<msghdr>(at);
    if (m.msg_namelen > 2) out.from = s.text(name + 2, m.msg_namelen - 2);
    for (u64 i = 0; i + sizeof(Header) <= m.msg_controllen;) {
        Header h = s.get<Header>(control + i);
        if (h.type == SCM_RIGHTS) out.fd = s.get<int>(control + i + sizeof h);
        if (h.type == SCM_CREDENTIALS) out.creds = s.get<ucred>(control + i + sizeof h);
        i += (h.length + 7) / 8 * 8;
    }
    return out;
}

u64 address(Sandbox& s, std::string_view name, size_t* length) {
    sockaddr_un a{};
    a.sun_family = AF_UNIX;
    name.copy(a.sun_path, sizeof a.sun_path);
    *length = offsetof(sockaddr_un, sun_path) + name.size();
    return s.put(a);
}
long named(Sandbox& s, long nr, long fd, std::string_view name) {
    size_t n = 0;
    u64 at = address(s, name, &n);
    return s.call(nr, fd, at, n);
}

}  // namespace

TEST_CASE("state: messages under way, with files and credentials") {
    for (int type : {SOCK_STREAM, SOCK_SEQPACKET, SOCK_DGRAM}) {
        Sandbox a;
        Pair p = pair(a, type), inside = pair(a, SOCK_STREAM);
        REQUIRE(a.call(SYS_setsockopt, p.b, SOL_SOCKET, SO_PASSCRED, a.put(1), 4) == 0);
        REQUIRE(a.write(inside.a, "in flight") == 9);
        REQUIRE(send(a, p.a, "one", inside.b) == 3);
        REQUIRE(a.call(SYS_close, inside.b) == 0);
        REQUIRE(send(a, p.a, "two") == 3);
        Sandbox b = Sandbox::load(a.save());
        CHECK((b.poll(p.b) & kEventIn) != 0);
        Received m = receive(b, p.b);
        CHECK(m.text == "one");
        CHECK(m.creds.pid == b.task().tid());
        REQUIRE(m.fd >= 0);
        CHECK(b.read(m.fd) == "in flight");
        CHECK(b.write(m.fd, "back") == 4);
        CHECK(b.read(inside.a) == "back");
        m = receive(b, p.b);
        CHECK(m.text == "two");
        CHECK(m.fd == -1);
        CHECK(receive(b, p.b).text == "!EAGAIN");
        CHECK(send(b, p.b, "reply") == 5);
        CHECK(receive(b, p.a).text == "reply");
        // An end that goes is told to the other.
        CHECK(b.call(SYS_close, p.a) == 0);
        CHECK(receive(b, p.b).text == (type == SOCK_DGRAM ? "!EAGAIN" : ""));
        // The first sandbox has its own still.
        CHECK(receive(a, p.b).text == "one");
    }
}

TEST_CASE("state: a stream that was read in part, shut down, and is full") {
    Sandbox a;
    Pair p = pair(a, SOCK_STREAM), full = pair(a, SOCK_STREAM);
    REQUIRE(a.write(p.a, "hello world") == 11);
    u64 at = a.put(u64{0});
    REQUIRE(a.call(SYS_read, p.b, at, 6) == 6);
    REQUIRE(a.call(SYS_shutdown, p.a, SHUT_WR) == 0);
    REQUIRE(a.call(SYS_setsockopt, full.a, SOL_SOCKET, SO_SNDBUF, a.put(4096), 4) == 0);
    timeval limit{3, 0};
    REQUIRE(a.call(SYS_setsockopt, full.a, SOL_SOCKET, SO_SNDTIMEO, a.put(limit), sizeof limit) == 0);
    long sent = 0;
    for (long n; (n = a.write(full.a, std::string(1000, 'x'))) > 0;) sent += n;
    long epoll = a.call(SYS_epoll_create1, 0);
    epoll_event e{};
    e.events = EPOLLOUT;
    REQUIRE(a.call(SYS_epoll_ctl, epoll, EPOLL_CTL_ADD, full.a, a.put(e)) == 0);
    Sandbox b = Sandbox::load(a.save());
    CHECK(b.read(p.b) == "world");
    CHECK(b.read(p.b) == "");
    CHECK(b.write(p.a, "x") == -EPIPE);
    CHECK(b.write(p.b, "y") == 1);
    CHECK(b.read(p.a) == "y");
    CHECK(b.write(full.a, "x") == -EAGAIN);
    CHECK((b.poll(epoll) & kEventIn) == 0);
    long got = 0;
    for (std::string s; (s = b.read(full.b)).size() > 7;) got += static_cast<long>(s.size());
    CHECK(got == sent);
    CHECK((b.poll(epoll) & kEventIn) != 0);
    CHECK(b.write(full.a, "x") == 1);
    u64 value = b.put(timeval{}), length = b.put(u32{sizeof(timeval)});
    CHECK(b.call(SYS_getsockopt, full.a, SOL_SOCKET, SO_SNDTIMEO, value, length) == 0);
    CHECK(b.get<timeval>(value).tv_sec == 3);
}

TEST_CASE("state: listening sockets with connections that nobody accepted") {
    for (std::string_view name : {std::string_view("\0abstract", 9), std::string_view("/named")}) {
        Sandbox a;
        int type = SOCK_STREAM | SOCK_NONBLOCK;
        long server = a.call(SYS_socket, AF_UNIX, type, 0), client = a.call(SYS_socket, AF_UNIX, type, 0);
        REQUIRE(named(a, SYS_bind, server, name) == 0);
        REQUIRE(a.call(SYS_listen, server, 0) == 0);
        REQUIRE(named(a, SYS_connect, client, name) == 0);
        REQUIRE(a.write(client, "early") == 5);
        std::string bytes = a.save();
        // Names are the process's: there is one kernel in each otherwise.
        a.call(SYS_close, server);
        Sandbox b = Sandbox::load(bytes);
        long more = b.call(SYS_socket, AF_UNIX, type, 0);
        CHECK(named(b, SYS_connect, more, name) == -EAGAIN);
        long c = b.call(SYS_accept4, server, 0, 0, SOCK_NONBLOCK);
        REQUIRE(c >= 0);
        CHECK(b.read(c) == "early");
        CHECK(b.write(c, "late") == 4);
        CHECK(b.read(client) == "late");
        CHECK(named(b, SYS_connect, more, name) == 0);
        long other = b.call(SYS_socket, AF_UNIX, type, 0);
        CHECK(named(b, SYS_bind, other, name) == -EADDRINUSE);
        u64 peer = b.put(ucred{}), length = b.put(u32{sizeof(ucred)});
        CHECK(b.call(SYS_getsockopt, client, SOL_SOCKET, SO_PEERCRED, peer, length) == 0);
        CHECK(b.get<ucred>(peer).pid == b.task().tid());
        CHECK(b.call(SYS_close, server) == 0);
        CHECK(named(b, SYS_connect, other, name) == -ECONNREFUSED);
    }
}

TEST_CASE("state: datagrams of a named sender") {
    Sandbox a;
    int type = SOCK_DGRAM | SOCK_NONBLOCK;
    long to = a.call(SYS_socket, AF_UNIX, type, 0), from = a.call(SYS_socket, AF_UNIX, type, 0);
    REQUIRE(named(a, SYS_bind, to, "/to") == 0);
    REQUIRE(named(a, SYS_bind, from, "/from") == 0);
    REQUIRE(named(a, SYS_connect, from, "/to") == 0);
    REQUIRE(send(a, from, "letter") == 6);
    std::string bytes = a.save();
    Sandbox b = Sandbox::load(bytes);
    Received m = receive(b, to);
    CHECK(m.text == "letter");
    CHECK(m.from == std::string("/from\0", 6));
    CHECK(send(b, from, "again") == 5);
    CHECK(receive(b, to).text == "again");
    CHECK(named(b, SYS_connect, to, "/from") == 0);
    CHECK(send(b, to, "answer") == 6);
    CHECK(receive(b, from).text == "answer");
}

TEST_CASE("state: damaged sockets are an error") {
    Sandbox a;
    Pair p = pair(a, SOCK_STREAM);
    REQUIRE(send(a, p.a, "something to look for", p.a) == 21);
    std::string bytes = a.save();
    CHECK(Sandbox::why_not(bytes) == "");
    size_t at = bytes.find("something to look for");
    REQUIRE(at != std::string::npos);
    for (size_t i = at - 64; i < at + 96; i += 3) {
        std::string damaged = bytes;
        damaged[i] = static_cast<char>(damaged[i] ^ 1 << i % 7);
        (void)Sandbox::why_not(damaged);
    }
    // More was read of it than it has.
    bytes[at + 21] = 30;
    CHECK(Sandbox::why_not(bytes).find("more of a message") != std::string::npos);
}

TEST_CASE("state: a socket of the host that was handed in, watched by epoll") {
    Sandbox a;
    int ends[2];
    REQUIRE(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
    int number = ends[0], copy = dup(ends[0]);
    REQUIRE(code(a.task().files().set(9, *hostfs::open_inherited(ends[0]), false, 100, a.caller())) == 0);
    long epoll = a.call(SYS_epoll_create1, 0);
    epoll_event e{};
    e.events = EPOLLIN;
    REQUIRE(a.call(SYS_epoll_ctl, epoll, EPOLL_CTL_ADD, 9, a.put(e)) == 0);
    CHECK(a.write(9, "to the host") == 11);
    std::string bytes = a.save();
    CHECK(a.call(SYS_close, 9) == 0);
    hostfs::Sources sources;
    sources.streams.emplace_back(number, *hostfs::open_inherited(copy));
    Sandbox b = Sandbox::load(bytes, [&](state::Loader& ar) { ar.provide(sources); });
    CHECK((b.poll(epoll) & kEventIn) == 0);
    char text[32] = {};
    CHECK(::read(ends[1], text, sizeof text) == 11);
    CHECK(::write(ends[1], "and back", 8) == 8);
    while (!(b.poll(epoll) & kEventIn)) std::this_thread::yield();
    CHECK(b.read(9) == "and back");
    close(ends[1]);
    // Without it there is nothing to load it on.
    hostfs::Sources none;
    CHECK(Sandbox::why_not(bytes, none).find("descriptor " + std::to_string(number)) != std::string::npos);
}
