// TCP and IPv4/IPv6 sockets over loopback: connect, accept, refuse, shutdown, options, nonblocking connect, poll, errnos.
#include "../guest.h"
#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

static struct sockaddr_in at(uint16_t port) {
    return (struct sockaddr_in){.sin_family = AF_INET, .sin_port = port, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}
static int listener(struct sockaddr_in *a, int backlog) {
    int s = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (s < 0 && errno == EAFNOSUPPORT)
        skip("no IPv4");
    CHECK_GE(s, 0);
    *a = at(0);
    OK(bind(s, (void *)a, sizeof *a));
    OK(listen(s, backlog));
    socklen_t n = sizeof *a;
    OK(getsockname(s, (void *)a, &n));
    CHECK_NE(a->sin_port, 0);
    return s;
}
static void pair(int out[2]) {
    struct sockaddr_in a;
    int l = listener(&a, 1);
    out[0] = OK(socket(AF_INET, SOCK_STREAM, 0));
    OK(connect(out[0], (void *)&a, sizeof a));
    out[1] = OK(accept(l, NULL, NULL));
    close(l);
}
TEST(connect_accept_names) {
    struct sockaddr_in a, me, peer;
    socklen_t n = sizeof me;
    int l = listener(&a, 4), c = OK(socket(AF_INET, SOCK_STREAM, 0));
    OK(connect(c, (void *)&a, sizeof a));
    OK(getsockname(c, (void *)&me, &n));
    CHECK_EQ(ntohl(me.sin_addr.s_addr), INADDR_LOOPBACK);
    OK(getpeername(c, (void *)&peer, &n));
    CHECK_EQ(peer.sin_port, a.sin_port);
    int s = OK(accept4(l, (void *)&peer, &n, SOCK_CLOEXEC | SOCK_NONBLOCK));
    CHECK_EQ(n, sizeof peer), CHECK_EQ(peer.sin_port, me.sin_port);
    CHECK_EQ(fcntl(s, F_GETFD), FD_CLOEXEC);
    char b[16];
    CHECK_ERR(read(s, b, 16), EAGAIN);
    CHECK_EQ(write(c, "hello", 5), 5);
    struct pollfd p = {s, POLLIN, 0};
    CHECK_EQ(poll(&p, 1, 2000), 1);
    CHECK_EQ(read(s, b, 16), 5);
    CHECK_ERR(connect(c, (void *)&a, sizeof a), EISCONN);
}
TEST(refused_and_errnos) {
    struct sockaddr_in a;
    int l = listener(&a, 1);
    close(l);
    int c = OK(socket(AF_INET, SOCK_STREAM, 0));
    CHECK_ERR(connect(c, (void *)&a, sizeof a), ECONNREFUSED);
    char b;
    c = OK(socket(AF_INET, SOCK_STREAM, 0));
    CHECK_ERR(recv(c, &b, 1, 0), ENOTCONN);
    CHECK_ERR(send(c, &b, 1, MSG_NOSIGNAL), EPIPE);
    CHECK_ERR(getpeername(c, (void *)&a, &(socklen_t){sizeof a}), ENOTCONN);
    CHECK_ERR(shutdown(c, SHUT_WR), ENOTCONN);
    CHECK_ERR(accept(c, NULL, NULL), EINVAL);
    l = listener(&a, 1);
    CHECK_ERR(bind(c, (void *)&a, sizeof a), EADDRINUSE);
    CHECK_ERR(bind(l, (void *)&a, sizeof a), EINVAL); // bound already
    CHECK_ERR(bind(c, (void *)&a, 5), EINVAL);
    a.sin_addr.s_addr = htonl(0xc0000201); // 192.0.2.1: not ours
    CHECK_ERR(bind(c, (void *)&a, sizeof a), EADDRNOTAVAIL);
    CHECK_ERR(socket(AF_INET, SOCK_STREAM, IPPROTO_UDP), EPROTONOSUPPORT);
    CHECK_ERR(socket(AF_INET, SOCK_SEQPACKET, 0), ESOCKTNOSUPPORT);
    CHECK_ERR(connect(c, (void *)&a, 3), EINVAL);
    if (geteuid() != 0) {
        CHECK_ERR(socket(AF_INET, SOCK_RAW, IPPROTO_ICMP), EPERM);
    }
}
TEST(stream_and_half_close) {
    int s[2];
    char b[64];
    pair(s);
    CHECK_EQ(write(s[0], "abc", 3), 3), CHECK_EQ(write(s[0], "def", 3), 3);
    CHECK_EQ(recv(s[1], b, 6, MSG_WAITALL), 6);
    CHECK_MEM(b, "abcdef", 6);
    OK(shutdown(s[0], SHUT_WR));
    CHECK_EQ(read(s[1], b, 64), 0);
    CHECK_EQ(write(s[1], "reply", 5), 5);
    CHECK_EQ(recv(s[0], b, 5, MSG_WAITALL), 5);
    CHECK_ERR(send(s[0], "x", 1, MSG_NOSIGNAL), EPIPE);
    close(s[1]);
    CHECK_EQ(read(s[0], b, 1), 0);
}
TEST(reset) {
    int s[2];
    char b[8];
    pair(s);
    CHECK_EQ(write(s[0], "unread", 6), 6);
    struct pollfd p = {s[1], POLLIN, 0};
    CHECK_EQ(poll(&p, 1, 2000), 1);
    close(s[1]); // with data unread: RST
    p = (struct pollfd){s[0], POLLIN, 0};
    CHECK_EQ(poll(&p, 1, 2000), 1);
    CHECK_EQ(p.revents & (POLLERR | POLLHUP), POLLERR | POLLHUP);
    CHECK_ERR(read(s[0], b, 8), ECONNRESET);
    pair(s);
    struct linger l = {1, 0};
    OK(setsockopt(s[1], SOL_SOCKET, SO_LINGER, &l, sizeof l));
    close(s[1]);
    CHECK_ERR(read(s[0], b, 8), ECONNRESET);
}
TEST(large_transfer) {
    int s[2];
    pair(s);
    static char a[1 << 20], b[1 << 20];
    for (size_t i = 0; i < sizeof a; i++)
        a[i] = i * 13 + (i >> 10);
    pid_t c = FORK();
    if (c == 0) {
        close(s[1]);
        size_t n = 0;
        while (n < sizeof a)
            n += OK(write(s[0], a + n, sizeof a - n));
        _exit(0);
    }
    close(s[0]);
    CHECK_EQ(recv(s[1], b, sizeof b, MSG_WAITALL), sizeof b);
    CHECK_EQ(memcmp(a, b, sizeof a), 0);
    CHECK_EQ(read(s[1], b, 1), 0);
    CHECK_EXIT(c, 0);
}
TEST(nonblocking_connect) {
    struct sockaddr_in a;
    int l = listener(&a, 1), c = OK(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0)), e = -1;
    int r = connect(c, (void *)&a, sizeof a);
    CHECK(r == 0 || errno == EINPROGRESS);
    struct pollfd p = {c, POLLOUT, 0};
    CHECK_EQ(poll(&p, 1, 2000), 1);
    socklen_t n = sizeof e;
    OK(getsockopt(c, SOL_SOCKET, SO_ERROR, &e, &n));
    CHECK_EQ(e, 0);
    close(l);
    c = OK(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0));
    r = connect(c, (void *)&a, sizeof a);
    CHECK_EQ(r, -1);
    if (errno == EINPROGRESS) {
        p.fd = c;
        CHECK_EQ(poll(&p, 1, 2000), 1);
        OK(getsockopt(c, SOL_SOCKET, SO_ERROR, &e, &n));
        CHECK_EQ(e, ECONNREFUSED);
    } else
        CHECK_EQ(errno, ECONNREFUSED);
}
TEST(options) {
    int s[2], v;
    socklen_t n = sizeof v;
    pair(s);
    struct { int level, name, set, want; } o[] = {
        {SOL_SOCKET, SO_REUSEADDR, 1, 1}, {SOL_SOCKET, SO_KEEPALIVE, 1, 1}, {IPPROTO_TCP, TCP_NODELAY, 1, 1}, {IPPROTO_TCP, TCP_KEEPIDLE, 77, 77},
        {IPPROTO_TCP, TCP_KEEPINTVL, 7, 7}, {IPPROTO_TCP, TCP_KEEPCNT, 3, 3}, {IPPROTO_TCP, TCP_CORK, 1, 1}, {IPPROTO_IP, IP_TTL, 33, 33},
        {IPPROTO_IP, IP_TOS, 16, 16}, {SOL_SOCKET, SO_OOBINLINE, 1, 1},
    };
    for (unsigned i = 0; i < sizeof o / sizeof *o; i++) {
        OK(setsockopt(s[0], o[i].level, o[i].name, &o[i].set, sizeof(int)));
        v = -1;
        OK(getsockopt(s[0], o[i].level, o[i].name, &v, &n));
        CHECK_EQ(v, o[i].want);
    }
    OK(getsockopt(s[0], SOL_SOCKET, SO_TYPE, &v, &n));
    CHECK_EQ(v, SOCK_STREAM);
    OK(getsockopt(s[0], SOL_SOCKET, SO_PROTOCOL, &v, &n));
    CHECK_EQ(v, IPPROTO_TCP);
    struct tcp_info ti;
    n = sizeof ti;
    OK(getsockopt(s[0], IPPROTO_TCP, TCP_INFO, &ti, &n));
    CHECK_EQ(ti.tcpi_state, 1); // established
    CHECK_ERR(getsockopt(s[0], IPPROTO_TCP, 9999, &v, &n), ENOPROTOOPT);
}
TEST(poll_and_fionread) {
    int s[2], n;
    char b[8];
    pair(s);
    struct pollfd p = {s[0], POLLIN | POLLOUT | POLLRDHUP, 0};
    CHECK_EQ(poll(&p, 1, 0), 1);
    CHECK_EQ(p.revents, POLLOUT);
    CHECK_EQ(write(s[1], "12345", 5), 5);
    p.events = POLLIN;
    CHECK_EQ(poll(&p, 1, 2000), 1);
    OK(ioctl(s[0], FIONREAD, &n));
    CHECK_EQ(n, 5);
    CHECK_EQ(recv(s[0], b, 3, MSG_PEEK), 3);
    CHECK_EQ(recv(s[0], b, 8, MSG_DONTWAIT), 5);
    OK(shutdown(s[1], SHUT_WR));
    p.events = POLLRDHUP;
    CHECK_EQ(poll(&p, 1, 2000), 1);
    CHECK_EQ(p.revents, POLLRDHUP);
}
TEST(listen_backlog_and_close) {
    struct sockaddr_in a;
    int l = listener(&a, 8), c[4];
    for (int i = 0; i < 4; i++) {
        c[i] = OK(socket(AF_INET, SOCK_STREAM, 0));
        OK(connect(c[i], (void *)&a, sizeof a));
    }
    int s = OK(accept(l, NULL, NULL));
    close(l); // those not accepted are reset
    char b;
    CHECK_ERR(recv(c[3], &b, 1, 0), ECONNRESET);
    CHECK_EQ(write(s, "x", 1), 1);
    CHECK_EQ(read(c[0], &b, 1), 1);
}
TEST(reuse_and_dual_stack) {
    int l = socket(AF_INET6, SOCK_STREAM, 0), zero = 0;
    if (l < 0)
        skip("no IPv6");
    struct sockaddr_in6 a = {.sin6_family = AF_INET6};
    OK(setsockopt(l, IPPROTO_IPV6, IPV6_V6ONLY, &zero, sizeof zero));
    OK(bind(l, (void *)&a, sizeof a));
    OK(listen(l, 1));
    socklen_t n = sizeof a;
    OK(getsockname(l, (void *)&a, &n));
    struct sockaddr_in v4 = at(a.sin6_port);
    int c = OK(socket(AF_INET, SOCK_STREAM, 0));
    OK(connect(c, (void *)&v4, sizeof v4));
    struct sockaddr_in6 who;
    n = sizeof who;
    OK(accept(l, (void *)&who, &n));
    CHECK(IN6_IS_ADDR_V4MAPPED(&who.sin6_addr));
    a.sin6_addr = in6addr_loopback;
    int d = OK(socket(AF_INET6, SOCK_STREAM, 0));
    if (connect(d, (void *)&a, sizeof a) != 0)
        skip("no ::1");
    OK(accept(l, (void *)&who, &n));
    CHECK(IN6_IS_ADDR_LOOPBACK(&who.sin6_addr));
}
TEST(interfaces) {
    int s = OK(socket(AF_INET, SOCK_DGRAM, 0));
    struct ifreq r = {0};
    strcpy(r.ifr_name, "lo");
    OK(ioctl(s, SIOCGIFINDEX, &r));
    CHECK_GT(r.ifr_ifindex, 0);
    OK(ioctl(s, SIOCGIFFLAGS, &r));
    CHECK_EQ(r.ifr_flags & (IFF_UP | IFF_LOOPBACK), IFF_UP | IFF_LOOPBACK);
    OK(ioctl(s, SIOCGIFADDR, &r));
    CHECK_EQ(((struct sockaddr_in *)&r.ifr_addr)->sin_addr.s_addr, htonl(INADDR_LOOPBACK));
    strcpy(r.ifr_name, "nosuch0");
    CHECK_ERR(ioctl(s, SIOCGIFINDEX, &r), ENODEV);
    CHECK_EQ(if_nametoindex("lo") > 0, 1);
}
