// UDP over loopback: datagrams, truncation, connected sockets, ICMP errors, control messages, multicast on loopback is not covered.
#include "../guest.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

static int bound(struct sockaddr_in *a) {
    int s = socket(AF_INET, SOCK_DGRAM, 0);
    if (s < 0 && errno == EAFNOSUPPORT)
        skip("no IPv4");
    CHECK_GE(s, 0);
    *a = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    OK(bind(s, (void *)a, sizeof *a));
    socklen_t n = sizeof *a;
    OK(getsockname(s, (void *)a, &n));
    return s;
}
TEST(datagrams) {
    struct sockaddr_in a, b, from;
    socklen_t n = sizeof from;
    int x = bound(&a), y = bound(&b), len;
    char t[16];
    CHECK_EQ(sendto(x, "hello", 5, 0, (void *)&b, sizeof b), 5);
    CHECK_EQ(sendto(x, "", 0, 0, (void *)&b, sizeof b), 0);
    CHECK_EQ(sendto(x, "longer one", 10, 0, (void *)&b, sizeof b), 10);
    CHECK_EQ(recvfrom(y, t, 16, 0, (void *)&from, &n), 5);
    CHECK_EQ(from.sin_port, a.sin_port), CHECK_EQ(from.sin_addr.s_addr, htonl(INADDR_LOOPBACK));
    CHECK_EQ(recv(y, t, 16, 0), 0);
    OK(ioctl(y, FIONREAD, &len));
    CHECK_EQ(len, 10); // of the next datagram
    CHECK_EQ(recv(y, t, 4, MSG_TRUNC | MSG_PEEK), 10);
    CHECK_EQ(recv(y, t, 4, 0), 4);
    CHECK_ERR(recv(y, t, 16, MSG_DONTWAIT), EAGAIN);
    static char big[70000];
    CHECK_ERR(sendto(x, big, sizeof big, 0, (void *)&b, sizeof b), EMSGSIZE);
    CHECK_EQ(sendto(x, big, 60000, 0, (void *)&b, sizeof b), 60000);
    CHECK_EQ(recv(y, big, sizeof big, 0), 60000);
    CHECK_ERR(send(x, "x", 1, 0), EDESTADDRREQ);
}
TEST(connected) {
    struct sockaddr_in a, b, c;
    int x = bound(&a), y = bound(&b), z = bound(&c);
    char t[16];
    OK(connect(x, (void *)&b, sizeof b));
    CHECK_EQ(send(x, "to b", 4, 0), 4);
    CHECK_EQ(recv(y, t, 16, 0), 4);
    CHECK_EQ(sendto(z, "stranger", 8, 0, (void *)&a, sizeof a), 8);
    CHECK_ERR(recv(x, t, 16, MSG_DONTWAIT), EAGAIN); // only from its peer
    CHECK_EQ(sendto(y, "peer", 4, 0, (void *)&a, sizeof a), 4);
    CHECK_EQ(recv(x, t, 16, 0), 4);
    struct sockaddr none = {AF_UNSPEC, {0}};
    OK(connect(x, &none, sizeof none));
    CHECK_ERR(send(x, "x", 1, 0), EDESTADDRREQ);
}
TEST(port_unreachable) {
    struct sockaddr_in a, b;
    int x = bound(&a), y = bound(&b), e = 0;
    socklen_t n = sizeof e;
    close(y);
    OK(connect(x, (void *)&b, sizeof b));
    CHECK_EQ(send(x, "x", 1, 0), 1);
    struct pollfd p = {x, POLLIN, 0};
    CHECK_EQ(poll(&p, 1, 2000), 1);
    CHECK_EQ(p.revents & POLLERR, POLLERR);
    OK(getsockopt(x, SOL_SOCKET, SO_ERROR, &e, &n));
    CHECK_EQ(e, ECONNREFUSED);
}
TEST(packet_info_and_reuse) {
    struct sockaddr_in a, b;
    int x = bound(&a), y = bound(&b), on = 1;
    OK(setsockopt(y, IPPROTO_IP, IP_PKTINFO, &on, sizeof on));
    CHECK_EQ(sendto(x, "hi", 2, 0, (void *)&b, sizeof b), 2);
    char t[8], ctl[256];
    struct iovec v = {t, 8};
    struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1, .msg_control = ctl, .msg_controllen = sizeof ctl};
    CHECK_EQ(recvmsg(y, &m, 0), 2);
    struct cmsghdr *h = CMSG_FIRSTHDR(&m);
    CHECK(h);
    CHECK_EQ(h->cmsg_type, IP_PKTINFO);
    CHECK_EQ(((struct in_pktinfo *)CMSG_DATA(h))->ipi_addr.s_addr, htonl(INADDR_LOOPBACK));
    int z = OK(socket(AF_INET, SOCK_DGRAM, 0));
    CHECK_ERR(bind(z, (void *)&b, sizeof b), EADDRINUSE);
    struct sockaddr_in c = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int p = OK(socket(AF_INET, SOCK_DGRAM, 0)), q = OK(socket(AF_INET, SOCK_DGRAM, 0));
    OK(setsockopt(p, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on)), OK(setsockopt(q, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on));
    OK(bind(p, (void *)&c, sizeof c));
    socklen_t n = sizeof c;
    OK(getsockname(p, (void *)&c, &n));
    OK(bind(q, (void *)&c, sizeof c));
}
TEST(broadcast_needs_an_option) {
    struct sockaddr_in a, all = {.sin_family = AF_INET, .sin_port = htons(9), .sin_addr.s_addr = htonl(INADDR_BROADCAST)};
    int x = bound(&a);
    int r = sendto(x, "x", 1, 0, (void *)&all, sizeof all);
    CHECK(r == -1 && (errno == EACCES || errno == ENETUNREACH || errno == EINVAL));
}
TEST(ipv6) {
    int x = socket(AF_INET6, SOCK_DGRAM, 0);
    if (x < 0)
        skip("no IPv6");
    struct sockaddr_in6 a = {.sin6_family = AF_INET6, .sin6_addr = in6addr_loopback}, from;
    if (bind(x, (void *)&a, sizeof a) != 0)
        skip("no ::1");
    socklen_t n = sizeof a;
    OK(getsockname(x, (void *)&a, &n));
    CHECK_EQ(sendto(x, "self", 4, 0, (void *)&a, sizeof a), 4);
    char t[8];
    n = sizeof from;
    CHECK_EQ(recvfrom(x, t, 8, 0, (void *)&from, &n), 4);
    CHECK_EQ(from.sin6_port, a.sin6_port);
}
