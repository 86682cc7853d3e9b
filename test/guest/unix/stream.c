// Unix stream and seqpacket sockets: names (paths and abstract), listen, accept, connect, backlog, shutdown, credentials, errnos.
#include "../guest.h"
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>

static struct sockaddr_un addr(const char *path) {
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    strncpy(a.sun_path, path, sizeof a.sun_path - 1);
    return a;
}
static int listener(const char *path, int type, int backlog) {
    int s = OK(socket(AF_UNIX, type, 0));
    struct sockaddr_un a = addr(path);
    OK(bind(s, (void *)&a, sizeof a));
    OK(listen(s, backlog));
    return s;
}
static int try_connect(int s, const char *path) {
    struct sockaddr_un a = addr(path);
    return connect(s, (void *)&a, sizeof a);
}
static int client(const char *path, int type) {
    int s = OK(socket(AF_UNIX, type, 0));
    OK(try_connect(s, path));
    return s;
}
TEST_DIR(connect_accept) {
    int l = listener("sock", SOCK_STREAM, 5);
    struct stat st;
    CHECK_EQ(stat("sock", &st), 0);
    CHECK(S_ISSOCK(st.st_mode));
    int c = client("sock", SOCK_STREAM); // completes before accept
    CHECK_EQ(write(c, "early", 5), 5);
    struct sockaddr_un who;
    socklen_t len = sizeof who;
    int s = OK(accept4(l, (void *)&who, &len, SOCK_CLOEXEC | SOCK_NONBLOCK));
    CHECK_EQ(len, 2); // an unnamed peer
    CHECK_EQ(fcntl(s, F_GETFD), FD_CLOEXEC), CHECK_EQ(fcntl(s, F_GETFL) & O_NONBLOCK, O_NONBLOCK);
    char b[8];
    CHECK_EQ(read(s, b, 8), 5);
    CHECK_ERR(read(s, b, 8), EAGAIN);
    CHECK_EQ(write(s, "back", 4), 4);
    CHECK_EQ(read(c, b, 8), 4);
    len = sizeof who;
    CHECK_EQ(getpeername(c, (void *)&who, &len), 0);
    CHECK_STR(who.sun_path, "sock");
    CHECK_EQ(len, 2 + 5);
    len = sizeof who;
    CHECK_EQ(getsockname(s, (void *)&who, &len), 0);
    CHECK_STR(who.sun_path, "sock");
    close(c);
    CHECK_EQ(read(s, b, 8), 0);
    signal(SIGPIPE, SIG_IGN);
    CHECK_ERR(write(s, "x", 1), EPIPE);
    CHECK_ERR(send(s, "x", 1, MSG_NOSIGNAL), EPIPE);
}
TEST_DIR(errnos) {
    int s = OK(socket(AF_UNIX, SOCK_STREAM, 0)), l = listener("sock", SOCK_STREAM, 1);
    struct sockaddr_un a = addr("sock");
    CHECK_ERR(bind(s, (void *)&a, sizeof a), EADDRINUSE);
    CHECK_ERR(try_connect(s, "none"), ENOENT);
    write_file("f", "");
    CHECK_ERR(try_connect(s, "f"), ECONNREFUSED);
    CHECK_ERR(accept(s, NULL, NULL), EINVAL);
    char b[4];
    CHECK_ERR(read(s, b, 4), EINVAL);
    signal(SIGPIPE, SIG_IGN);
    CHECK_ERR(write(s, b, 4), ENOTCONN);
    CHECK_ERR(read(l, b, 4), EINVAL);
    CHECK_ERR(getpeername(s, (void *)&a, &(socklen_t){sizeof a}), ENOTCONN);
    CHECK_EQ(close(l), 0);
    CHECK_ERR(try_connect(s, "sock"), ECONNREFUSED); // nobody listens any more
    int d = OK(socket(AF_UNIX, SOCK_DGRAM, 0));
    l = listener("sock2", SOCK_STREAM, 1);
    CHECK_ERR(try_connect(d, "sock2"), EPROTOTYPE);
    OK(try_connect(s, "sock2"));
    CHECK_ERR(try_connect(s, "sock2"), EISCONN);
    CHECK_ERR(socket(AF_UNIX, 77, 0), EINVAL);
    CHECK_ERR(socket(AF_UNIX, 9, 0), ESOCKTNOSUPPORT);
    CHECK_ERR(socket(AF_UNIX, SOCK_STREAM, 5), EPROTONOSUPPORT);
    CHECK_ERR(socket(99, SOCK_STREAM, 0), EAFNOSUPPORT);
    a.sun_family = AF_INET;
    CHECK_ERR(connect(s, (void *)&a, sizeof a), EINVAL);
    CHECK_ERR(connect(s, (void *)&a, 1), EINVAL);
    CHECK_ERR(accept(0, NULL, NULL), ENOTSOCK);
    CHECK_ERR(accept(99, NULL, NULL), EBADF);
    CHECK_ERR(listen(d, 1), EOPNOTSUPP);
}
TEST_DIR(backlog) {
    int l = listener("sock", SOCK_STREAM, 1);
    int a = client("sock", SOCK_STREAM), b = client("sock", SOCK_STREAM); // Linux takes backlog + 1
    int c = OK(socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0));
    CHECK_ERR(try_connect(c, "sock"), EAGAIN);
    struct pollfd p = {l, POLLIN, 0};
    CHECK_EQ(poll(&p, 1, 0), 1);
    pid_t child = FORK();
    if (child == 0) {
        int d = client("sock", SOCK_STREAM); // waits for room
        char x;
        CHECK_EQ(read(d, &x, 1), 1);
        _exit(0);
    }
    int s1 = OK(accept(l, NULL, NULL)), s2 = OK(accept(l, NULL, NULL)), s3 = OK(accept(l, NULL, NULL));
    CHECK_EQ(write(s1, "1", 1), 1), CHECK_EQ(write(s3, "3", 1), 1);
    char x;
    CHECK_EQ(read(a, &x, 1), 1);
    CHECK_EQ(x, '1'); // in order
    CHECK_EXIT(child, 0);
    OK(fcntl(l, F_SETFL, O_NONBLOCK));
    CHECK_ERR(accept(l, NULL, NULL), EAGAIN);
    (void)b, (void)s2;
}
TEST(abstract_names) {
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    int n = snprintf(a.sun_path + 1, 60, "guest-test-%d", getpid());
    socklen_t len = offsetof(struct sockaddr_un, sun_path) + 1 + n;
    int l = OK(socket(AF_UNIX, SOCK_STREAM, 0)), c = OK(socket(AF_UNIX, SOCK_STREAM, 0)), d = OK(socket(AF_UNIX, SOCK_STREAM, 0));
    OK(bind(l, (void *)&a, len));
    OK(listen(l, 1));
    CHECK_ERR(bind(d, (void *)&a, len), EADDRINUSE);
    OK(connect(c, (void *)&a, len));
    CHECK_ERR(connect(d, (void *)&a, len + 1), ECONNREFUSED); // a trailing NUL makes another name
    struct sockaddr_un w;
    socklen_t wl = sizeof w;
    OK(getpeername(c, (void *)&w, &wl));
    CHECK_EQ(wl, len);
    CHECK_MEM(w.sun_path, a.sun_path, n + 1);
    close(l);
    OK(bind(d, (void *)&a, len)); // free at once
    int e = OK(socket(AF_UNIX, SOCK_STREAM, 0));
    OK(bind(e, (void *)&a, 2)); // autobind: five hexadecimal digits
    wl = sizeof w;
    OK(getsockname(e, (void *)&w, &wl));
    CHECK_EQ(wl, 2 + 6);
}
TEST(socketpair_and_shutdown) {
    int s[2];
    char b[8];
    OK(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
    OK(shutdown(s[0], SHUT_WR));
    signal(SIGPIPE, SIG_IGN);
    CHECK_ERR(write(s[0], "x", 1), EPIPE);
    CHECK_EQ(read(s[1], b, 8), 0);
    CHECK_EQ(write(s[1], "ok", 2), 2);
    CHECK_EQ(read(s[0], b, 8), 2);
    struct pollfd p[2] = {{s[0], POLLIN | POLLOUT | POLLRDHUP, 0}, {s[1], POLLIN | POLLRDHUP, 0}};
    CHECK_EQ(poll(p, 2, 0), 2);
    CHECK_EQ(p[0].revents, POLLOUT), CHECK_EQ(p[1].revents, POLLIN | POLLRDHUP);
    OK(shutdown(s[0], SHUT_RD));
    CHECK_EQ(read(s[0], b, 8), 0);
    CHECK_ERR(write(s[1], "x", 1), EPIPE);
    CHECK_ERR(shutdown(s[0], 9), EINVAL);
    CHECK_EQ(poll(p, 1, 0), 1);
    CHECK_EQ(p[0].revents, POLLIN | POLLOUT | POLLRDHUP | POLLHUP);
    CHECK_ERR(socketpair(AF_INET, SOCK_STREAM, 0, s), EOPNOTSUPP);
    CHECK_ERR(socketpair(AF_UNIX, SOCK_STREAM, 0, (int *)8), EFAULT);
    int u = OK(socket(AF_UNIX, SOCK_STREAM, 0));
    CHECK_EQ(shutdown(u, SHUT_RDWR), 0);
}
TEST(flow_control) {
    int s[2];
    OK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, s));
    static char big[1 << 20];
    size_t sent = 0, got = 0;
    for (ssize_t r; (r = send(s[0], big, sizeof big, 0)) > 0;)
        sent += r;
    CHECK_EQ(errno, EAGAIN);
    CHECK_GT(sent, 30000);
    struct pollfd p = {s[0], POLLOUT, 0};
    CHECK_EQ(poll(&p, 1, 0), 0);
    for (ssize_t r; (r = recv(s[1], big, sizeof big, 0)) > 0;)
        got += r;
    CHECK_EQ(got, sent);
    CHECK_EQ(poll(&p, 1, 0), 1);
}
TEST(large_blocking_transfer) {
    int s[2];
    OK(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
    static char a[700000], b[700000];
    for (size_t i = 0; i < sizeof a; i++)
        a[i] = i * 17 + (i >> 9);
    pid_t c = FORK();
    if (c == 0) {
        CHECK_EQ(send(s[0], a, sizeof a, 0), sizeof a);
        _exit(0);
    }
    close(s[0]);
    CHECK_EQ(recv(s[1], b, sizeof b, MSG_WAITALL), sizeof b);
    CHECK_EQ(memcmp(a, b, sizeof a), 0);
    CHECK_EQ(recv(s[1], b, 1, 0), 0);
    CHECK_EXIT(c, 0);
}
TEST(msg_flags) {
    int s[2], n;
    char b[16];
    OK(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
    CHECK_ERR(recv(s[0], b, 1, MSG_DONTWAIT), EAGAIN);
    CHECK_EQ(send(s[1], "abcdef", 6, 0), 6);
    CHECK_EQ(recv(s[0], b, 3, MSG_PEEK), 3);
    CHECK_MEM(b, "abc", 3);
    OK(ioctl(s[0], FIONREAD, &n));
    CHECK_EQ(n, 6);
    CHECK_EQ(recv(s[0], b, 16, 0), 6);
    struct iovec v[2] = {{"12", 2}, {"345", 3}};
    struct msghdr m = {.msg_iov = v, .msg_iovlen = 2};
    CHECK_EQ(sendmsg(s[1], &m, 0), 5);
    CHECK_EQ(recv(s[0], b, 2, 0), 2);
    CHECK_EQ(recv(s[0], b, 16, 0), 3);
    CHECK_ERR(recv(s[0], b, 1, MSG_OOB | MSG_DONTWAIT), EINVAL);
    CHECK_EQ(send(s[1], b, 0, 0), 0); // nothing, on a stream
    CHECK_ERR(recv(s[0], b, 1, MSG_DONTWAIT), EAGAIN);
    pid_t c = FORK();
    if (c == 0) {
        for (int i = 0; i < 3; i++) {
            sleep_ms(3);
            CHECK_EQ(write(s[1], "xyz", 3), 3);
        }
        _exit(0);
    }
    CHECK_EQ(recv(s[0], b, 9, MSG_WAITALL), 9);
    CHECK_EXIT(c, 0);
}
TEST(options) {
    int s[2], v;
    socklen_t l = sizeof v;
    OK(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
    CHECK_EQ(getsockopt(s[0], SOL_SOCKET, SO_TYPE, &v, &l), 0);
    CHECK_EQ(v, SOCK_STREAM);
    CHECK_EQ(getsockopt(s[0], SOL_SOCKET, SO_DOMAIN, &v, &l), 0);
    CHECK_EQ(v, AF_UNIX);
    CHECK_EQ(getsockopt(s[0], SOL_SOCKET, SO_ERROR, &v, &l), 0);
    CHECK_EQ(v, 0);
    CHECK_EQ(getsockopt(s[0], SOL_SOCKET, SO_ACCEPTCONN, &v, &l), 0);
    CHECK_EQ(v, 0);
    v = 50000;
    CHECK_EQ(setsockopt(s[0], SOL_SOCKET, SO_SNDBUF, &v, sizeof v), 0);
    CHECK_EQ(getsockopt(s[0], SOL_SOCKET, SO_SNDBUF, &v, &l), 0);
    CHECK_EQ(v, 100000); // Linux doubles it
    struct ucred u;
    l = sizeof u;
    CHECK_EQ(getsockopt(s[0], SOL_SOCKET, SO_PEERCRED, &u, &l), 0);
    CHECK_EQ(u.pid, getpid()), CHECK_EQ(u.uid, geteuid()), CHECK_EQ(u.gid, getegid());
    CHECK_ERR(getsockopt(s[0], SOL_SOCKET, 9999, &v, &l), ENOPROTOOPT);
    CHECK_ERR(setsockopt(s[0], SOL_SOCKET, SO_SNDBUF, &v, 1), EINVAL);
    CHECK_ERR(getsockopt(0, SOL_SOCKET, SO_TYPE, &v, &l), ENOTSOCK);
    struct timeval tv = {0, 20000};
    CHECK_EQ(setsockopt(s[0], SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof tv), 0);
    long long t = now_ns();
    CHECK_ERR(recv(s[0], &v, 1, 0), EAGAIN);
    CHECK_GE(now_ns() - t, 18000000);
}
TEST_DIR(peercred_of_a_listener) {
    int l = listener("sock", SOCK_STREAM, 1);
    pid_t c = FORK();
    if (c == 0) {
        int s = client("sock", SOCK_STREAM);
        struct ucred u;
        socklen_t n = sizeof u;
        OK(getsockopt(s, SOL_SOCKET, SO_PEERCRED, &u, &n));
        CHECK_EQ(u.pid, getppid()); // who called listen
        char b;
        CHECK_EQ(read(s, &b, 1), 0);
        _exit(0);
    }
    int s = OK(accept(l, NULL, NULL));
    struct ucred u;
    socklen_t n = sizeof u;
    OK(getsockopt(s, SOL_SOCKET, SO_PEERCRED, &u, &n));
    CHECK_EQ(u.pid, c);
    close(s);
    CHECK_EXIT(c, 0);
}
TEST_DIR(seqpacket) {
    int l = listener("sock", SOCK_SEQPACKET, 1), c = client("sock", SOCK_SEQPACKET), s = OK(accept(l, NULL, NULL));
    char b[16];
    CHECK_EQ(send(c, "one", 3, 0), 3), CHECK_EQ(send(c, "twotwo", 6, 0), 6);
    CHECK_EQ(recv(s, b, 16, 0), 3);
    struct iovec v = {b, 2};
    struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1};
    CHECK_EQ(recvmsg(s, &m, MSG_TRUNC), 6); // the real length
    CHECK_EQ(m.msg_flags & MSG_TRUNC, MSG_TRUNC);
    CHECK_EQ(send(c, "x", 1, 0), 1);
    CHECK_EQ(recvmsg(s, &m, 0), 1);
    CHECK_EQ(m.msg_flags & MSG_EOR, 0);
    close(c);
    CHECK_EQ(recv(s, b, 16, 0), 0);
}
TEST_DIR(unlinked_name) {
    int l = listener("sock", SOCK_STREAM, 2), c = OK(socket(AF_UNIX, SOCK_STREAM, 0));
    OK(rename("sock", "moved"));
    OK(try_connect(c, "moved")); // the inode counts
    OK(unlink("moved"));
    int d = OK(socket(AF_UNIX, SOCK_STREAM, 0));
    CHECK_ERR(try_connect(d, "moved"), ENOENT);
    OK(accept(l, NULL, NULL));
}
TEST_DIR(connect_needs_write_permission) {
    NEED_ROOT();
    int l = listener("sock", SOCK_STREAM, 1);
    OK(chmod(".", 0755)), OK(chmod("sock", 0600));
    IN_CHILD(become(1234); int c = OK(socket(AF_UNIX, SOCK_STREAM, 0)); CHECK_ERR(try_connect(c, "sock"), EACCES));
    (void)l;
}
TEST(reset_on_unread_data) {
    int s[2];
    char b[4];
    OK(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
    CHECK_EQ(write(s[0], "lost", 4), 4);
    close(s[1]);
    CHECK_ERR(read(s[0], b, 4), ECONNRESET); // the peer closed with data unread
    CHECK_EQ(read(s[0], b, 4), 0);
}
static char *two_pages_and_a_hole(void) {
    char *p = mmap(NULL, 3 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    munmap(p + 2 * PAGE, PAGE);
    return p;
}
TEST(what_does_not_fit_in_memory_is_not_received) {
    int s[2];
    char *p = two_pages_and_a_hole(), *end = p + 2 * PAGE, b[64];
    OK(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
    CHECK_EQ(write(s[0], "12345678", 8), 8);
    CHECK_ERR(read(s[1], end - 3, 8), EFAULT);
    CHECK_EQ(read(s[1], b, 8), 8); // it is all there still
    CHECK_EQ(write(s[0], "12", 2), 2), CHECK_EQ(write(s[0], "345678", 6), 6);
    CHECK_EQ(read(s[1], end - 3, 8), 2); // whole writes
    CHECK_EQ(read(s[1], b, 8), 6);
    close(s[0]), close(s[1]);
    for (int type = SOCK_DGRAM; type <= SOCK_SEQPACKET; type += SOCK_SEQPACKET - SOCK_DGRAM) {
        OK(socketpair(AF_UNIX, type | SOCK_NONBLOCK, 0, s));
        CHECK_EQ(write(s[0], "12345678", 8), 8);
        CHECK_ERR(read(s[1], end - 3, 8), EFAULT);
        CHECK_ERR(read(s[1], b, 8), EAGAIN); // a message is lost
        close(s[0]), close(s[1]);
    }
}
TEST_DIR(a_stream_tells_its_writer) {
    int s[2];
    char b[4];
    struct sockaddr_un a = {.sun_family = AF_UNIX, .sun_path = "name"}, from;
    socklen_t len = sizeof from;
    OK(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
    OK(bind(s[0], (void *)&a, sizeof a));
    CHECK_EQ(write(s[0], "x", 1), 1);
    CHECK_EQ(recvfrom(s[1], b, 4, 0, (void *)&from, &len), 1);
    CHECK_GT(len, 2), CHECK_STR(from.sun_path, "name");
}
TEST(who_wants_credentials_gets_a_name) {
    int one = 1, s[2];
    char b[4];
    struct sockaddr_un from;
    for (int type = SOCK_DGRAM; type <= SOCK_SEQPACKET; type += SOCK_SEQPACKET - SOCK_DGRAM) {
        OK(socketpair(AF_UNIX, type, 0, s));
        CHECK_EQ(write(s[0], "x", 1), 1);
        socklen_t len = sizeof from;
        OK(getsockname(s[0], (void *)&from, &len));
        CHECK_EQ(len, 2);
        OK(setsockopt(s[0], SOL_SOCKET, SO_PASSCRED, &one, sizeof one));
        CHECK_EQ(write(s[0], "x", 1), 1);
        len = sizeof from;
        CHECK_EQ(recvfrom(s[1], b, 4, 0, (void *)&from, &len), 1);
        len = sizeof from;
        CHECK_EQ(recvfrom(s[1], b, 4, 0, (void *)&from, &len), 1);
        CHECK_EQ(len, 8), CHECK_EQ(from.sun_path[0], 0);
        close(s[0]), close(s[1]);
    }
}
TEST(nothing_is_received_and_sent_in_order) {
    int s[2], q[2], u = OK(socket(AF_UNIX, SOCK_STREAM, 0));
    char b[4];
    OK(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
    // A receive of no bytes waits for some, a read does not.
    CHECK_ERR(recv(s[0], b, 0, MSG_DONTWAIT), EAGAIN);
    CHECK_EQ(read(s[0], b, 0), 0);
    CHECK_EQ(write(s[1], "x", 1), 1);
    CHECK_EQ(recv(s[0], b, 0, MSG_DONTWAIT), 0);
    CHECK_EQ(recv(s[0], b, 4, MSG_DONTWAIT), 1);
    // What cannot be read is not sent in part.
    char *p = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    munmap(p + PAGE, PAGE);
    CHECK_ERR(write(s[1], p + PAGE - 100, 200), EFAULT);
    CHECK_ERR(recv(s[0], b, 4, MSG_DONTWAIT), EAGAIN);
    // Without a peer that counts first; messages have no SIGPIPE.
    signal(SIGPIPE, SIG_IGN);
    shutdown(u, SHUT_WR);
    CHECK_ERR(write(u, "x", 1), ENOTCONN);
    signal(SIGPIPE, SIG_DFL);
    OK(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, q));
    close(q[1]);
    CHECK_ERR(write(q[0], "x", 1), EPIPE);
}
