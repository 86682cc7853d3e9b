// Unix datagram sockets and ancillary data: SCM_RIGHTS, SCM_CREDENTIALS, truncation, sendmmsg and recvmmsg.
#include "../guest.h"
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>

static struct sockaddr_un addr(const char *path) {
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    strncpy(a.sun_path, path, sizeof a.sun_path - 1);
    return a;
}
static int bound(const char *path) {
    int s = OK(socket(AF_UNIX, SOCK_DGRAM, 0));
    struct sockaddr_un a = addr(path);
    OK(bind(s, (void *)&a, sizeof a));
    return s;
}
TEST_DIR(sendto_recvfrom) {
    int a = bound("a"), b = bound("b");
    struct sockaddr_un to = addr("b"), from;
    socklen_t len = sizeof from;
    CHECK_EQ(sendto(a, "hello", 5, 0, (void *)&to, sizeof to), 5);
    CHECK_EQ(sendto(a, "", 0, 0, (void *)&to, sizeof to), 0); // an empty datagram is one
    char buf[16];
    CHECK_EQ(recvfrom(b, buf, 16, 0, (void *)&from, &len), 5);
    CHECK_STR(from.sun_path, "a");
    CHECK_EQ(recv(b, buf, 16, 0), 0);
    CHECK_ERR(recv(b, buf, 16, MSG_DONTWAIT), EAGAIN);
    CHECK_EQ(sendto(a, "longer", 6, 0, (void *)&to, sizeof to), 6);
    CHECK_EQ(recv(b, buf, 2, 0), 2); // the rest is lost
    CHECK_ERR(recv(b, buf, 16, MSG_DONTWAIT), EAGAIN);
    CHECK_ERR(send(a, "x", 1, 0), ENOTCONN);
    OK(connect(a, (void *)&to, sizeof to));
    CHECK_EQ(send(a, "x", 1, 0), 1);
    to = addr("none");
    CHECK_ERR(sendto(a, "x", 1, 0, (void *)&to, sizeof to), ENOENT);
    struct sockaddr none = {AF_UNSPEC, {0}};
    OK(connect(a, &none, sizeof none));
    CHECK_ERR(send(a, "x", 1, 0), ENOTCONN);
    close(b);
    to = addr("b");
    CHECK_ERR(sendto(a, "x", 1, 0, (void *)&to, sizeof to), ECONNREFUSED);
}
TEST_DIR(connected_to_another_refuses) {
    int a = bound("a"), b = bound("b"), c = bound("c");
    struct sockaddr_un aa = addr("a"), ba = addr("b");
    OK(connect(b, (void *)&aa, sizeof aa)); // b talks with a only
    CHECK_ERR(sendto(c, "x", 1, 0, (void *)&ba, sizeof ba), EPERM);
    CHECK_EQ(sendto(a, "x", 1, 0, (void *)&ba, sizeof ba), 1);
}
TEST_DIR(what_the_last_peer_sent_is_dropped) {
    int a = bound("a"), b = bound("b");
    struct sockaddr_un aa = addr("a"), ba = addr("b");
    struct sockaddr none = {AF_UNSPEC, {0}};
    char c[8];
    for (int closed = 0; closed < 2; closed++) {
        OK(connect(a, (void *)&ba, sizeof ba)), OK(connect(b, (void *)&aa, sizeof aa));
        CHECK_EQ(write(a, "lost", 4), 4);
        if (closed) { // it is noticed with the next message
            close(a);
            CHECK_ERR(write(b, "x", 1), ECONNREFUSED);
        } else
            OK(connect(b, &none, sizeof none));
        CHECK_ERR(recv(b, c, 8, MSG_DONTWAIT), EAGAIN);
        if (!closed) // and its sender is told
            CHECK_ERR(recv(a, c, 8, MSG_DONTWAIT), ECONNRESET), CHECK_ERR(recv(a, c, 8, MSG_DONTWAIT), EAGAIN);
    }
}
TEST_DIR(a_second_name) {
    int s = bound("a");
    struct sockaddr_un b = addr("b"), far = addr("none/b"), a = addr("a");
    CHECK_ERR(bind(s, (void *)&b, sizeof b), EINVAL);
    CHECK_ERR(access("b", F_OK), ENOENT);
    CHECK_ERR(bind(s, (void *)&far, sizeof far), ENOENT); // what is wrong with the path goes first
    CHECK_ERR(bind(s, (void *)&a, sizeof a), EADDRINUSE);
}
TEST(an_error_goes_before_messages) {
    int s[2];
    char b[8];
    OK(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, s));
    CHECK_EQ(write(s[0], "unread", 6), 6), CHECK_EQ(write(s[1], "left", 4), 4);
    close(s[1]);
    CHECK_ERR(read(s[0], b, 8), ECONNRESET);
    CHECK_EQ(read(s[0], b, 8), 4);
    CHECK_EQ(read(s[0], b, 8), 0);
}
TEST(queue_is_bounded) {
    int s[2], n = 0;
    OK(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, s));
    while (n < 5000 && send(s[0], "x", 1, 0) == 1)
        n++;
    CHECK_EQ(errno, EAGAIN);
    CHECK_GE(n, 10), CHECK_LT(n, 5000);
    static char big[1 << 20];
    int v = 1000;
    OK(setsockopt(s[1], SOL_SOCKET, SO_SNDBUF, &v, sizeof v));
    CHECK_ERR(send(s[1], big, sizeof big, 0), EMSGSIZE);
}
static void send_fds(int s, int *fds, int n, const char *text) {
    char c[CMSG_SPACE(sizeof(int) * 16)] = {0};
    struct iovec v = {(char *)text, strlen(text)};
    struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1, .msg_control = c, .msg_controllen = CMSG_SPACE(sizeof(int) * n)};
    struct cmsghdr *h = CMSG_FIRSTHDR(&m);
    h->cmsg_level = SOL_SOCKET, h->cmsg_type = SCM_RIGHTS, h->cmsg_len = CMSG_LEN(sizeof(int) * n);
    memcpy(CMSG_DATA(h), fds, sizeof(int) * n);
    CHECK_EQ(sendmsg(s, &m, 0), strlen(text));
}
// The number of descriptors received.
static int recv_fds(int s, int *fds, int room, int flags, int *msg_flags, ssize_t *len) {
    char c[CMSG_SPACE(sizeof(int) * 16)] = {0}, text[64];
    struct iovec v = {text, 64};
    struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1, .msg_control = room ? c : NULL, .msg_controllen = room ? CMSG_LEN(sizeof(int) * room) : 0};
    *len = recvmsg(s, &m, flags);
    *msg_flags = m.msg_flags;
    struct cmsghdr *h = CMSG_FIRSTHDR(&m);
    if (!h)
        return 0;
    CHECK_EQ(h->cmsg_type, SCM_RIGHTS);
    int n = (h->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    memcpy(fds, CMSG_DATA(h), n * sizeof(int));
    return n;
}
TEST_DIR(rights) {
    for (int type = SOCK_STREAM; type <= SOCK_DGRAM; type++) {
        int s[2], got[4], fl;
        ssize_t len;
        OK(socketpair(AF_UNIX, type, 0, s));
        write_file("f", "content");
        int f = OK(open("f", O_RDONLY)), z = OK(open("/dev/zero", O_RDONLY));
        send_fds(s[0], (int[]){f, z}, 2, "two");
        char b[8];
        CHECK_EQ(read(f, b, 3), 3);
        CHECK_EQ(recv_fds(s[1], got, 4, MSG_CMSG_CLOEXEC, &fl, &len), 2);
        CHECK_EQ(len, 3), CHECK_EQ(fl & MSG_CTRUNC, 0);
        CHECK_EQ(fcntl(got[0], F_GETFD), FD_CLOEXEC);
        CHECK_EQ(read(got[0], b, 4), 4); // the same open file: the offset is shared
        CHECK_MEM(b, "tent", 4);
        CHECK_EQ(read(got[1], b, 8), 8);
        send_fds(s[0], (int[]){f, z}, 2, "cut");
        CHECK_EQ(recv_fds(s[1], got, 1, 0, &fl, &len), 1);
        CHECK_EQ(fl & MSG_CTRUNC, MSG_CTRUNC);
        CHECK_EQ(fcntl(got[0], F_GETFD), 0);
        send_fds(s[0], (int[]){f}, 1, "dropped");
        CHECK_EQ(recv_fds(s[1], got, 0, 0, &fl, &len), 0);
        CHECK_EQ(fl & MSG_CTRUNC, MSG_CTRUNC);
        send_fds(s[0], (int[]){f}, 1, "plain read");
        CHECK_EQ(read(s[1], b, 8), 8); // no room for descriptors at all
    }
}
TEST(rights_of_a_closed_descriptor_live) {
    int s[2], p[2], got[1], fl;
    ssize_t len;
    OK(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
    OK(pipe(p));
    send_fds(s[0], (int[]){p[1]}, 1, "w");
    close(p[1]);
    IN_CHILD(CHECK_EQ(recv_fds(s[1], got, 1, 0, &fl, &len), 1); CHECK_EQ(write(got[0], "alive", 5), 5));
    char b[8];
    CHECK_EQ(read(p[0], b, 8), 5);
    CHECK_EQ(read(p[0], b, 8), 0); // no writer is left
    OK(pipe(p));
    send_fds(s[0], (int[]){p[1]}, 1, "w");
    close(p[1]), close(s[0]), close(s[1]); // dropped in flight
    CHECK_EQ(read(p[0], b, 8), 0);
}
TEST(rights_errnos) {
    int s[2];
    OK(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
    char c[CMSG_SPACE(sizeof(int))] = {0};
    struct iovec v = {"x", 1};
    struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1, .msg_control = c, .msg_controllen = sizeof c};
    struct cmsghdr *h = CMSG_FIRSTHDR(&m);
    h->cmsg_level = SOL_SOCKET, h->cmsg_type = SCM_RIGHTS, h->cmsg_len = CMSG_LEN(sizeof(int));
    *(int *)CMSG_DATA(h) = 99;
    CHECK_ERR(sendmsg(s[0], &m, 0), EBADF);
    *(int *)CMSG_DATA(h) = -1;
    CHECK_ERR(sendmsg(s[0], &m, 0), EBADF);
    h->cmsg_type = 77;
    CHECK_ERR(sendmsg(s[0], &m, 0), EINVAL);
    h->cmsg_type = SCM_RIGHTS, h->cmsg_len = 4;
    CHECK_ERR(sendmsg(s[0], &m, 0), EINVAL);
    h->cmsg_len = 1000;
    CHECK_ERR(sendmsg(s[0], &m, 0), EINVAL);
    m.msg_iovlen = 2000;
    CHECK_ERR(sendmsg(s[0], &m, 0), EMSGSIZE);
}
TEST(a_socket_through_itself) {
    int s[2], fl, got[1];
    ssize_t len;
    OK(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
    send_fds(s[0], (int[]){s[1]}, 1, "x"); // a cycle: collected when both are closed
    CHECK_EQ(recv_fds(s[1], got, 1, 0, &fl, &len), 1);
    send_fds(s[0], (int[]){s[1]}, 1, "x");
    close(s[0]), close(s[1]), close(got[0]);
}
// Whether the pipe, whose only writing end is in a socket that nobody can reach, ends. Closing sockets is what makes the kernel look.
static bool collected(int pipe) {
    struct pollfd v = {pipe, POLLIN, 0};
    for (int i = 0; i < 2000; i++) {
        int s[2];
        OK(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
        close(s[0]), close(s[1]);
        if (poll(&v, 1, 5) == 1)
            return v.revents == POLLHUP;
    }
    return false;
}
TEST(sockets_in_themselves_are_collected) {
    for (int type = SOCK_STREAM; type <= SOCK_SEQPACKET; type++) {
        if (type == SOCK_RAW || type == SOCK_RDM)
            continue;
        int s[2], p[2];
        OK(socketpair(AF_UNIX, type, 0, s)), OK(pipe(p));
        send_fds(s[0], (int[]){s[1], p[1]}, 2, "itself");
        close(s[0]), close(s[1]), close(p[1]);
        CHECK(collected(p[0]));
        close(p[0]);
    }
}
TEST(sockets_in_each_other_are_collected) {
    enum { N = 5 };
    int s[N][2], p[2];
    OK(pipe(p));
    for (int i = 0; i < N; i++)
        OK(socketpair(AF_UNIX, SOCK_STREAM, 0, s[i]));
    for (int i = 0; i < N; i++) // both ends, in the next one's queue
        send_fds(s[i][0], (int[]){s[(i + 1) % N][0], s[(i + 1) % N][1]}, 2, "next");
    send_fds(s[2][0], (int[]){p[1]}, 1, "pipe");
    close(p[1]);
    for (int i = 0; i < N; i++)
        close(s[i][0]), close(s[i][1]);
    CHECK(collected(p[0]));
}
TEST_DIR(sockets_in_a_connection_that_nobody_accepted_are_collected) {
    struct sockaddr_un a = addr("l");
    int l = OK(socket(AF_UNIX, SOCK_STREAM, 0)), c = OK(socket(AF_UNIX, SOCK_STREAM, 0)), p[2];
    OK(pipe(p)), OK(bind(l, (void *)&a, sizeof a)), OK(listen(l, 1)), OK(connect(c, (void *)&a, sizeof a));
    send_fds(c, (int[]){l, p[1]}, 2, "listener");
    close(l), close(p[1]);
    struct pollfd v = {p[0], POLLIN, 0};
    CHECK_EQ(poll(&v, 1, 0), 0); // c is open, but nothing can be had through it
    close(c);
    CHECK(collected(p[0]));
}
TEST(sockets_that_can_be_reached_are_not_collected) {
    int s[2], t[2], p[2], got[4], fl;
    ssize_t len;
    OK(socketpair(AF_UNIX, SOCK_STREAM, 0, s)), OK(socketpair(AF_UNIX, SOCK_STREAM, 0, t)), OK(pipe(p));
    send_fds(t[0], (int[]){t[0], t[1], p[1]}, 3, "inner"); // t leads to itself
    send_fds(s[0], (int[]){t[1], s[0]}, 2, "outer");       // and s to it, and to its own other end
    close(t[0]), close(t[1]), close(p[1]), close(s[0]);
    for (int i = 0; i < 100; i++) {
        int x[2];
        OK(socketpair(AF_UNIX, SOCK_STREAM, 0, x));
        close(x[0]), close(x[1]);
        if (i == 50) { // looking does not take it out
            CHECK_EQ(recv_fds(s[1], got, 2, MSG_PEEK, &fl, &len), 2);
            close(got[0]), close(got[1]);
        }
    }
    struct pollfd v = {p[0], POLLIN, 0};
    CHECK_EQ(poll(&v, 1, 0), 0);
    CHECK_EQ(recv_fds(s[1], got, 2, 0, &fl, &len), 2);
    CHECK_EQ(len, 5);
    int inner = got[0];
    close(got[1]);
    CHECK_EQ(recv_fds(inner, got, 3, 0, &fl, &len), 3);
    CHECK_EQ(len, 5);
    CHECK_EQ(write(got[2], "x", 1), 1);
    close(got[0]), close(got[1]), close(got[2]), close(inner);
    CHECK_EQ(poll(&v, 1, 0), 1);
}
TEST(sockets_in_themselves_do_not_accumulate) {
    for (int i = 0; i < 20000; i++) {
        int s[2];
        OK(socketpair(AF_UNIX, SOCK_DGRAM, 0, s));
        char c[CMSG_SPACE(sizeof(int))] = {0};
        struct iovec v = {"x", 1};
        struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1, .msg_control = c, .msg_controllen = sizeof c};
        struct cmsghdr *h = CMSG_FIRSTHDR(&m);
        h->cmsg_level = SOL_SOCKET, h->cmsg_type = SCM_RIGHTS, h->cmsg_len = CMSG_LEN(sizeof(int));
        *(int *)CMSG_DATA(h) = s[1];
        int tries = 0;
        while (sendmsg(s[0], &m, 0) < 0) { // the collector is behind
            CHECK_EQ(errno, ETOOMANYREFS);
            CHECK_LT(tries++, 5000);
            usleep(1000);
        }
        close(s[0]), close(s[1]);
    }
}
// A user's descriptors in flight are bounded by RLIMIT_NOFILE, unless it is privileged.
TEST(rights_are_limited) {
    enum { LIMIT = 40 };
    IN_CHILD({
        bool own = getuid() == 0 && setresgid(54321, 54321, 54321) == 0 && setresuid(54321, 54321, 54321) == 0;
        int s[2], got[1], fl, sent = 0;
        ssize_t len;
        OK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, s));
        struct rlimit r = {LIMIT, LIMIT};
        OK(setrlimit(RLIMIT_NOFILE, &r));
        char c[CMSG_SPACE(sizeof(int))] = {0};
        struct iovec v = {"x", 1};
        struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1, .msg_control = c, .msg_controllen = sizeof c};
        struct cmsghdr *h = CMSG_FIRSTHDR(&m);
        h->cmsg_level = SOL_SOCKET, h->cmsg_type = SCM_RIGHTS, h->cmsg_len = CMSG_LEN(sizeof(int));
        *(int *)CMSG_DATA(h) = s[0];
        while (sent < 1000 && sendmsg(s[0], &m, 0) == 1)
            sent++;
        CHECK_EQ(errno, ETOOMANYREFS);
        CHECK_LE(sent, LIMIT + 1);
        if (own) { // nobody else is that user
            CHECK_EQ(sent, LIMIT + 1);
            CHECK_EQ(recv_fds(s[1], got, 1, MSG_PEEK, &fl, &len), 1);
            close(got[0]);
            CHECK_EQ(recv_fds(s[1], got, 1, 0, &fl, &len), 1);
            CHECK_EQ(sendmsg(s[0], &m, 0), 1);
            CHECK_ERR(sendmsg(s[0], &m, 0), ETOOMANYREFS);
        }
    });
}
TEST(rights_without_bytes) {
    int s[2], got[1];
    OK(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
    send_fds(s[0], (int[]){s[0]}, 1, "x");
    char c[CMSG_SPACE(sizeof(int))], b[4];
    struct msghdr m = {.msg_control = c, .msg_controllen = sizeof c};
    CHECK_EQ(recvmsg(s[1], &m, MSG_DONTWAIT), 0);
    CHECK_EQ(m.msg_controllen, sizeof c);
    memcpy(got, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof got);
    close(got[0]);
    m.msg_controllen = sizeof c;
    CHECK_EQ(recvmsg(s[1], &m, MSG_DONTWAIT), 0); // they came once
    CHECK_EQ(m.msg_controllen, 0);
    CHECK_EQ(read(s[1], b, 4), 1);
}
TEST(stream_rights_are_a_boundary) {
    int s[2], got[2], fl;
    ssize_t len;
    OK(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
    CHECK_EQ(write(s[0], "plain", 5), 5);
    send_fds(s[0], (int[]){0}, 1, "first");
    send_fds(s[0], (int[]){0}, 1, "second");
    CHECK_EQ(write(s[0], "tail", 4), 4);
    CHECK_EQ(recv_fds(s[1], got, 2, 0, &fl, &len), 1); // data before goes along, the next descriptors do not
    CHECK_EQ(len, 10);
    CHECK_EQ(recv_fds(s[1], got, 2, 0, &fl, &len), 1);
    CHECK_GE(len, 6);
}
TEST(credentials) {
    int s[2], on = 1;
    OK(socketpair(AF_UNIX, SOCK_DGRAM, 0, s));
    OK(setsockopt(s[1], SOL_SOCKET, SO_PASSCRED, &on, sizeof on));
    pid_t c = FORK();
    if (c == 0) {
        CHECK_EQ(send(s[0], "hi", 2, 0), 2);
        _exit(0);
    }
    CHECK_EXIT(c, 0);
    char ctl[256], b[8];
    struct iovec v = {b, 8};
    struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1, .msg_control = ctl, .msg_controllen = sizeof ctl};
    CHECK_EQ(recvmsg(s[1], &m, 0), 2);
    struct cmsghdr *h = CMSG_FIRSTHDR(&m);
    CHECK(h);
    CHECK_EQ(h->cmsg_type, SCM_CREDENTIALS);
    struct ucred u;
    memcpy(&u, CMSG_DATA(h), sizeof u);
    CHECK_EQ(u.pid, c), CHECK_EQ(u.uid, getuid()), CHECK_EQ(u.gid, getgid());
    if (geteuid() != 0) { // lies need privileges
        char cc[CMSG_SPACE(sizeof u)] = {0};
        struct iovec w = {"x", 1};
        struct msghdr mm = {.msg_iov = &w, .msg_iovlen = 1, .msg_control = cc, .msg_controllen = sizeof cc};
        h = CMSG_FIRSTHDR(&mm);
        h->cmsg_level = SOL_SOCKET, h->cmsg_type = SCM_CREDENTIALS, h->cmsg_len = CMSG_LEN(sizeof u);
        u = (struct ucred){1, 0, 0};
        memcpy(CMSG_DATA(h), &u, sizeof u);
        CHECK_ERR(sendmsg(s[0], &mm, 0), EPERM);
    }
}
TEST(mmsg) {
    int s[2];
    OK(socketpair(AF_UNIX, SOCK_DGRAM, 0, s));
    struct iovec v[3] = {{"a", 1}, {"bb", 2}, {"ccc", 3}};
    struct mmsghdr m[3] = {0};
    for (int i = 0; i < 3; i++)
        m[i].msg_hdr.msg_iov = &v[i], m[i].msg_hdr.msg_iovlen = 1;
    CHECK_EQ(sendmmsg(s[0], m, 3, 0), 3);
    CHECK_EQ(m[2].msg_len, 3);
    char b[5][8];
    struct iovec r[5];
    struct mmsghdr q[5] = {0};
    for (int i = 0; i < 5; i++)
        r[i] = (struct iovec){b[i], 8}, q[i].msg_hdr.msg_iov = &r[i], q[i].msg_hdr.msg_iovlen = 1;
    CHECK_EQ(recvmmsg(s[1], q, 5, MSG_WAITFORONE, NULL), 3);
    CHECK_EQ(q[0].msg_len, 1), CHECK_EQ(q[1].msg_len, 2), CHECK_EQ(q[2].msg_len, 3);
}
TEST(shut_down_end_of_datagrams) {
    int s[2];
    char b[4];
    OK(socketpair(AF_UNIX, SOCK_DGRAM, 0, s));
    OK(shutdown(s[0], SHUT_RD));
    // Who would wait hears of the end; who would not has only found nothing.
    CHECK_ERR(recv(s[0], b, 4, MSG_DONTWAIT), EAGAIN);
    CHECK_EQ(recv(s[0], b, 4, 0), 0);
    OK(fcntl(s[0], F_SETFL, O_NONBLOCK));
    CHECK_ERR(read(s[0], b, 4), EAGAIN);
    int q[2];
    OK(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, q));
    OK(shutdown(q[0], SHUT_RD));
    CHECK_EQ(recv(q[0], b, 4, MSG_DONTWAIT), 0);
}
