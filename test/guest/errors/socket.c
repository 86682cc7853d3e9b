// Sockets of AF_UNIX: the errors, flags and options that the pages of socket, bind, connect, listen, accept, send, recv, getsockopt,
// shutdown, unix(7) and socket(7) document.
#include "../guest.h"
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>

static char b[70000];

static struct sockaddr_un name(const char *path) {
    struct sockaddr_un a = {AF_UNIX, ""};
    strcpy(a.sun_path, path);
    return a;
}
#define SA(a) (struct sockaddr *)&(a), sizeof(a)

TEST_DIR(without_a_socket) {
    write_file("f", "");
    int f = OK(open("f", O_RDWR)), path = OK(open("f", O_PATH)), s[2];
    struct sockaddr_un a = name("x");
    socklen_t len = sizeof a;
    int value = 1;
    struct iovec v = {b, 8};
    struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1};
    struct mmsghdr mm = {m, 0};
    struct { int fd, want; } table[] = {{99, EBADF}, {-1, EBADF}, {path, EBADF}, {f, ENOTSOCK}};
    for (int i = 0; i < 4; i++) {
        int fd = table[i].fd, want = table[i].want;
        ROW(bind(fd, SA(a)), want);
        ROW(connect(fd, SA(a)), want);
        ROW(listen(fd, 1), want);
        ROW(accept(fd, NULL, NULL), want);
        ROW(accept4(fd, NULL, NULL, 0), want);
        ROW(getsockname(fd, (void *)&a, &len), want);
        ROW(getpeername(fd, (void *)&a, &len), want);
        ROW(getsockopt(fd, SOL_SOCKET, SO_TYPE, &value, &len), want);
        ROW(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &value, sizeof value), want);
        ROW(shutdown(fd, SHUT_RD), want);
        ROW(send(fd, b, 1, 0), want);
        ROW(sendto(fd, b, 1, 0, SA(a)), want);
        ROW(sendmsg(fd, &m, 0), want);
        ROW(sendmmsg(fd, &mm, 1, 0), want);
        ROW(recv(fd, b, 1, 0), want);
        ROW(recvfrom(fd, b, 1, 0, NULL, NULL), want);
        ROW(recvmsg(fd, &m, 0), want);
        ROW(recvmmsg(fd, &mm, 1, 0, NULL), want);
    }
    ROW(socket(77, SOCK_STREAM, 0), EAFNOSUPPORT);
    ROW(socket(-1, SOCK_STREAM, 0), EAFNOSUPPORT);
    ROW(socket(AF_UNIX, 77, 0), EINVAL);
    ROW(socket(AF_UNIX, SOCK_STREAM | 0x10000, 0), EINVAL);
    ROW(socket(AF_UNIX, SOCK_RDM, 0), ESOCKTNOSUPPORT);
    ROW(socket(AF_UNIX, SOCK_STREAM, 77), EPROTONOSUPPORT);
    ROW(socket(AF_UNIX, SOCK_STREAM, 1), 0); // PF_UNIX as a protocol
    ROW(socket(AF_UNIX, SOCK_RAW, 0), 0); // a datagram socket
    ROW(socketpair(77, SOCK_STREAM, 0, s), EAFNOSUPPORT);
    ROW(socketpair(AF_UNIX, SOCK_STREAM, 77, s), EPROTONOSUPPORT);
    ROW(socketpair(AF_UNIX, 77, 0, s), EINVAL);
    ROW(socketpair(AF_UNIX, SOCK_STREAM | 0x10000, 0, s), EINVAL);
    ROW(socketpair(AF_UNIX, SOCK_STREAM, 0, (int *)8), EFAULT);
}
TEST_DIR(bind_connect_listen_accept) {
    int l = OK(socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0)), d = OK(socket(AF_UNIX, SOCK_DGRAM, 0)), s = OK(socket(AF_UNIX, SOCK_STREAM, 0)), q = OK(socket(AF_UNIX, SOCK_SEQPACKET, 0));
    struct sockaddr_un a = name("l"), none = name("none"), in_none = name("none/x"), dgram = name("d"), file = name("f"), in_file = name("f/x"), other = {AF_INET, "x"}, loop = name("loop/x"), longest;
    write_file("f", ""), OK(symlink("loop", "loop"));
    ROW(bind(l, (void *)8, 20), EFAULT);
    ROW(bind(l, (void *)&a, -1), EINVAL);
    ROW(bind(l, (void *)&a, 1000), EINVAL);
    ROW(bind(l, (void *)&a, 1), EINVAL);
    ROW(bind(l, SA(other)), EINVAL);
    ROW(bind(l, SA(in_none)), ENOENT);
    ROW(bind(l, SA(in_file)), ENOTDIR);
    ROW(bind(l, SA(loop)), ELOOP);
    ROW(bind(l, SA(file)), EADDRINUSE);
    memset(&longest, 'n', sizeof longest);
    longest.sun_family = AF_UNIX;
    ROW(bind(d, SA(longest)), 0); // 108 bytes and no NUL
    struct stat st;
    OK(stat("l", &st) == -1 ? 0 : -1);
    ROW(listen(l, 1), EINVAL); // has no address
    ROW(listen(d, 1), EOPNOTSUPP);
    ROW(bind(l, SA(a)), 0);
    ROW(bind(l, SA(dgram)), EINVAL); // has a name
    ROW(bind(s, SA(a)), EADDRINUSE);
    ROW(connect(s, SA(a)), ECONNREFUSED); // nobody listens yet
    ROW(accept(l, NULL, NULL), EINVAL);
    ROW(listen(l, 0), 0);
    ROW(accept(l, NULL, NULL), EAGAIN);
    ROW(accept4(l, NULL, NULL, 0x10), EINVAL);
    ROW(accept(d, NULL, NULL), EOPNOTSUPP);
    ROW(accept(s, NULL, NULL), EINVAL);
    ROW(connect(s, (void *)8, 20), EFAULT);
    ROW(connect(s, (void *)&a, 1), EINVAL);
    ROW(connect(s, (void *)&a, 1000), EINVAL);
    ROW(connect(s, SA(other)), EINVAL);
    ROW(connect(s, SA(none)), ENOENT);
    ROW(connect(s, SA(in_file)), ENOTDIR);
    ROW(connect(s, SA(loop)), ELOOP);
    ROW(connect(s, SA(file)), ECONNREFUSED);
    ROW(connect(q, SA(a)), EPROTOTYPE);
    ROW(connect(d, SA(a)), EPROTOTYPE);
    struct sockaddr_un peer;
    socklen_t len = sizeof peer, bad = -1;
    ROW(getpeername(s, (void *)&peer, &len), ENOTCONN);
    ROW(connect(s, SA(a)), 0);
    ROW(listen(s, 1), EINVAL);
    int s2 = OK(socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0));
    ROW(connect(s2, SA(a)), EAGAIN); // the backlog is full
    ROW(getpeername(s, (void *)8, &len), EFAULT);
    ROW(getpeername(s, (void *)&peer, (void *)8), EFAULT);
    ROW(getpeername(s, (void *)&peer, &bad), EINVAL);
    ROW(getsockname(l, (void *)8, &len), EFAULT);
    ROW(getsockname(l, (void *)&peer, (void *)8), EFAULT);
    ROW(getsockname(l, (void *)&peer, &bad), EINVAL);
    len = 4; // cut; the whole length is told
    ROW(getsockname(l, (void *)&peer, &len), 0);
    CHECK_EQ(len, 4);
    len = sizeof peer;
    ROW(accept(l, (void *)8, &len), EFAULT);
    ROW(connect(s2, SA(a)), 0); // the other one was taken from the queue all the same
    struct rlimit r, few;
    OK(getrlimit(RLIMIT_NOFILE, &r));
    few = (struct rlimit){s2 + 1, r.rlim_max};
    OK(setrlimit(RLIMIT_NOFILE, &few));
    ROW(accept(l, NULL, NULL), EMFILE);
    OK(setrlimit(RLIMIT_NOFILE, &r));
    int c = accept(l, NULL, NULL); // it is still there
    CHECK_GE(c, 0);
    ROW(connect(s, SA(a)), EISCONN);
    if (geteuid() != 0) {
        OK(chmod("l", 0400));
        int s3 = OK(socket(AF_UNIX, SOCK_STREAM, 0));
        ROW(connect(s3, SA(a)), EACCES);
        OK(chmod("l", 0700)), OK(mkdir("ro", 0500));
        struct sockaddr_un ro = name("ro/x");
        ROW(bind(s3, SA(ro)), EACCES);
    }
    on_signal(SIGALRM, on_nothing, 0);
    int l2 = OK(socket(AF_UNIX, SOCK_STREAM, 0));
    struct sockaddr_un a2 = name("l2");
    OK(bind(l2, SA(a2))), OK(listen(l2, 0));
    tick(5);
    ROW(accept(l2, NULL, NULL), EINTR);
    int c1 = OK(socket(AF_UNIX, SOCK_STREAM, 0)), c2 = OK(socket(AF_UNIX, SOCK_STREAM, 0));
    while (connect(c1, SA(a2)) == -1)
        CHECK_EQ(errno, EINTR);
    ROW(connect(c2, SA(a2)), EINTR);
    struct itimerval off = {0};
    setitimer(ITIMER_REAL, &off, NULL);
    struct timeval tv = {0, 10000};
    OK(setsockopt(c2, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof tv));
    ROW(connect(c2, SA(a2)), EAGAIN);
}
TEST_DIR(sending_and_receiving) {
    int s[2], d[2], q[2], u = OK(socket(AF_UNIX, SOCK_STREAM, 0)), ud = OK(socket(AF_UNIX, SOCK_DGRAM, 0)), l = OK(socket(AF_UNIX, SOCK_STREAM, 0));
    OK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, s)), OK(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, d)), OK(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, q));
    struct sockaddr_un a = name("x"), none = name("none"), la = name("l");
    OK(bind(l, SA(la))), OK(listen(l, 5));
    on_signal(SIGPIPE, SIG_IGN, 0);
    ROW(send(u, b, 1, 0), ENOTCONN);
    ROW(sendto(u, b, 1, 0, SA(a)), EOPNOTSUPP);
    ROW(recv(u, b, 1, MSG_DONTWAIT), EINVAL);
    ROW(recv(l, b, 1, MSG_DONTWAIT), EINVAL);
    ROW(send(l, b, 1, 0), ENOTCONN);
    ROW(send(ud, b, 1, 0), ENOTCONN);
    ROW(sendto(ud, b, 1, 0, SA(none)), ENOENT);
    ROW(sendto(ud, b, 1, 0, SA(la)), EPROTOTYPE);
    ROW(sendto(ud, b, 1, 0, (void *)8, 20), EFAULT);
    ROW(sendto(ud, b, 1, 0, (void *)&a, 1000), EINVAL);
    ROW(sendto(ud, b, 1, 0, (void *)&a, 1), EINVAL);
    ROW(recv(ud, b, 1, MSG_DONTWAIT), EAGAIN);
    ROW(sendto(s[0], b, 1, 0, SA(a)), EISCONN);
    ROW(sendto(q[0], b, 1, 0, SA(a)), 0); // a connected SOCK_SEQPACKET ignores the address
    CHECK_EQ(recv(q[1], b, 10, 0), 1);
    ROW(recv(s[0], b, 1, 0), EAGAIN);
    ROW(recv(d[0], b, 1, 0), EAGAIN);
    ROW(recv(q[0], b, 1, 0), EAGAIN);
    ROW(send(s[0], (void *)8, 1, 0), EFAULT);
    ROW(send(d[0], (void *)8, 1, 0), EFAULT);
    ROW(recv(s[1], b, 1, MSG_OOB), EINVAL);
    ROW(send(d[0], b, 1, MSG_OOB), EOPNOTSUPP);
    ROW(recv(d[0], b, 1, MSG_OOB), EOPNOTSUPP);
    ROW(send(q[0], b, 1, MSG_OOB), EOPNOTSUPP);
    ROW(send(d[0], b, 1 << 24, 0), EMSGSIZE);
    ROW(send(d[0], b, 10, 0), 0);
    ROW(recv(d[1], (void *)8, 10, 0), EFAULT);
    ROW(send(d[0], b, 10, 0), 0);
    VALUE(recv(d[1], b, 4, MSG_TRUNC | MSG_PEEK), 10);
    VALUE(recv(d[1], b, 4, MSG_TRUNC), 10);
    ROW(send(s[0], b, 10, 0), 0);
    VALUE(recv(s[1], b, 4, MSG_PEEK), 4);
    VALUE(recv(s[1], b, 4, MSG_WAITALL), 4);
    VALUE(recv(s[1], b, 100, 0), 6);
    struct iovec v = {b, 8}, huge = {b, -1L};
    struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1};
    ROW(sendmsg(s[0], (void *)8, 0), EFAULT);
    ROW(recvmsg(s[0], (void *)8, 0), EFAULT);
    m.msg_iovlen = 1025;
    ROW(sendmsg(s[0], &m, 0), EMSGSIZE);
    ROW(recvmsg(s[0], &m, 0), EMSGSIZE);
    m.msg_iovlen = 1, m.msg_iov = (void *)8;
    ROW(sendmsg(s[0], &m, 0), EFAULT);
    ROW(recvmsg(s[0], &m, 0), EFAULT);
    m.msg_iov = &huge;
    ROW(sendmsg(s[0], &m, 0), EINVAL);
    ROW(recvmsg(s[0], &m, 0), EINVAL);
    m.msg_iov = &v, m.msg_name = &a, m.msg_namelen = -1;
    ROW(sendmsg(ud, &m, 0), EINVAL);
    m.msg_namelen = 0, m.msg_name = NULL;
    union { struct cmsghdr h; char room[CMSG_SPACE(300 * sizeof(int))]; } c = {.h = {CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS}};
    m.msg_control = &c, m.msg_controllen = CMSG_SPACE(sizeof(int));
    *(int *)CMSG_DATA(&c.h) = 99;
    ROW(sendmsg(s[0], &m, 0), EBADF);
    *(int *)CMSG_DATA(&c.h) = s[0];
    ROW(sendmsg(s[0], &m, 0), 0);
    CHECK_EQ(recv(s[1], b, 8, 0), 8);
    c.h.cmsg_type = 77;
    ROW(sendmsg(s[0], &m, 0), EINVAL);
    c.h.cmsg_type = SCM_RIGHTS, c.h.cmsg_len = 3;
    ROW(sendmsg(s[0], &m, 0), EINVAL);
    c.h.cmsg_len = CMSG_LEN(254 * sizeof(int)), m.msg_controllen = sizeof c.room;
    for (int i = 0; i < 254; i++)
        ((int *)CMSG_DATA(&c.h))[i] = 0;
    ROW(sendmsg(s[0], &m, 0), EINVAL); // SCM_MAX_FD is 253
    m.msg_control = (void *)8, m.msg_controllen = 24;
    ROW(sendmsg(s[0], &m, 0), EFAULT);
    m.msg_controllen = -1;
    ROW(sendmsg(s[0], &m, 0), ENOBUFS);
    struct ucred cred = {getpid(), getuid(), getgid()};
    c.h.cmsg_len = CMSG_LEN(sizeof cred), c.h.cmsg_type = SCM_CREDENTIALS, m.msg_control = &c, m.msg_controllen = CMSG_SPACE(sizeof cred);
    memcpy(CMSG_DATA(&c.h), &cred, sizeof cred);
    ROW(sendmsg(s[0], &m, 0), 0);
    if (!privileged()) {
        cred.pid = 1;
        memcpy(CMSG_DATA(&c.h), &cred, sizeof cred);
        ROW(sendmsg(s[0], &m, 0), EPERM);
        cred.pid = getpid(), cred.uid = getuid() + 1;
        memcpy(CMSG_DATA(&c.h), &cred, sizeof cred);
        ROW(sendmsg(s[0], &m, 0), EPERM);
    }
    c.h.cmsg_len = CMSG_LEN(4);
    ROW(sendmsg(s[0], &m, 0), EINVAL);
    CHECK_EQ(recv(s[1], b, 8, 0), 8);
    struct mmsghdr mm[2] = {{.msg_hdr = {.msg_iov = &v, .msg_iovlen = 1}}, {.msg_hdr = {.msg_iov = (void *)8, .msg_iovlen = 1}}};
    VALUE(sendmmsg(d[0], mm, 2, 0), 1); // up to the bad one
    ROW(sendmmsg(d[0], mm + 1, 1, 0), EFAULT);
    VALUE(recvmmsg(d[1], mm, 2, 0, NULL), 1);
    ROW(recvmmsg(d[1], mm, 1, 0, NULL), EFAULT); // what ended the call before
    ROW(recvmmsg(d[1], mm, 1, 0, NULL), EAGAIN);
    ROW(recvmmsg(d[1], mm, 1, 0, &(struct timespec){0, 1000000000}), EINVAL);
    ROW(recvmmsg(d[1], mm, 1, 0, &(struct timespec){-1, 0}), EINVAL);
    ROW(recvmmsg(d[1], mm, 1, 0, (void *)8), EFAULT);
    VALUE(sendmmsg(d[0], mm, 0, 0), 0);
    while (send(s[0], b, sizeof b, 0) > 0) {
    }
    CHECK_EQ(errno, EAGAIN);
    while (send(d[0], b, 1000, 0) > 0) {
    }
    CHECK_EQ(errno, EAGAIN);
    fcntl(s[0], F_SETFL, 0);
    on_signal(SIGALRM, on_nothing, 0), tick(5);
    ROW(send(s[0], b, 1, 0), EINTR);
    ROW(send(s[0], b, 1, MSG_DONTWAIT), EAGAIN);
    fcntl(q[0], F_SETFL, 0);
    ROW(recv(q[0], b, 1, 0), EINTR);
    struct msghdr r = {.msg_iov = &v, .msg_iovlen = 1};
    ROW(recvmsg(q[0], &r, 0), EINTR);
    ROW(recvmsg(q[0], &r, MSG_DONTWAIT), EAGAIN);
    ROW(recvfrom(q[0], b, 1, 0, NULL, NULL), EINTR);
    struct itimerval off = {0};
    setitimer(ITIMER_REAL, &off, NULL);
    close(d[1]);
    ROW(send(d[0], b, 1, 0), ECONNREFUSED);
    close(q[1]);
    ROW(send(q[0], b, 1, 0), EPIPE);
    VALUE(recv(q[0], b, 1, 0), 0);
    close(s[1]);
    ROW(send(s[0], b, 1, 0), EPIPE);
    ROW(recv(s[0], b, 1, 0), ECONNRESET); // it left what it was sent unread
    VALUE(recv(s[0], b, 1, 0), 0);
    on_signal(SIGPIPE, SIG_DFL, 0);
    ROW(send(s[0], b, 1, MSG_NOSIGNAL), EPIPE);
    IN_CHILD(pid_t p = FORK(); if (p == 0) send(s[0], b, 1, 0), _exit(0); CHECK_KILLED(p, SIGPIPE));
}
TEST(shutdown_directions) {
    int s[2], u = OK(socket(AF_UNIX, SOCK_STREAM, 0));
    on_signal(SIGPIPE, SIG_IGN, 0);
    ROW(shutdown(u, SHUT_RDWR), 0); // unlike on sockets of the internet
    OK(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
    ROW(shutdown(s[0], 3), EINVAL);
    ROW(shutdown(s[0], -1), EINVAL);
    ROW(shutdown(s[0], SHUT_WR), 0);
    ROW(send(s[0], b, 1, 0), EPIPE);
    VALUE(recv(s[1], b, 1, 0), 0);
    VALUE(send(s[1], b, 1, 0), 1);
    ROW(shutdown(s[0], SHUT_RD), 0);
    ROW(send(s[1], b, 1, 0), EPIPE);
    VALUE(recv(s[0], b, 10, 0), 1); // what came before
    VALUE(recv(s[0], b, 10, 0), 0);
}
TEST(options) {
    int s[2], d = OK(socket(AF_UNIX, SOCK_DGRAM, 0)), value = 1, l = OK(socket(AF_UNIX, SOCK_STREAM, 0));
    socklen_t len = sizeof value, bad = -1;
    OK(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
    ROW(getsockopt(s[0], 77, 1, &value, &len), EOPNOTSUPP);
    ROW(setsockopt(s[0], 77, 1, &value, sizeof value), EOPNOTSUPP);
    ROW(getsockopt(s[0], SOL_SOCKET, 777, &value, &len), ENOPROTOOPT);
    ROW(setsockopt(s[0], SOL_SOCKET, 777, &value, sizeof value), ENOPROTOOPT);
    ROW(getsockopt(s[0], SOL_SOCKET, SO_TYPE, (void *)8, &len), EFAULT);
    ROW(getsockopt(s[0], SOL_SOCKET, SO_TYPE, &value, (void *)8), EFAULT);
    ROW(getsockopt(s[0], SOL_SOCKET, SO_TYPE, &value, &bad), EINVAL);
    ROW(setsockopt(s[0], SOL_SOCKET, SO_REUSEADDR, (void *)8, 4), EFAULT);
    ROW(setsockopt(s[0], SOL_SOCKET, SO_REUSEADDR, &value, 3), EINVAL);
    ROW(setsockopt(s[0], SOL_SOCKET, SO_REUSEADDR, &value, -1), EINVAL);
    static const struct { int option, value; } shown[] = {{SO_TYPE, SOCK_STREAM}, {SO_DOMAIN, AF_UNIX}, {SO_PROTOCOL, 0}, {SO_ACCEPTCONN, 0}, {SO_ERROR, 0}};
    for (int i = 0; i < 5; i++) {
        ROW(getsockopt(s[0], SOL_SOCKET, shown[i].option, &value, &len), 0);
        CHECK_EQ(value, shown[i].value), CHECK_EQ(len, 4);
        value = 1;
        ROW(setsockopt(s[0], SOL_SOCKET, shown[i].option, &value, sizeof value), ENOPROTOOPT);
    }
    static const int flags[] = {SO_REUSEADDR, SO_KEEPALIVE, SO_BROADCAST, SO_OOBINLINE, SO_PASSCRED, SO_TIMESTAMP, SO_DONTROUTE, 34 /* SO_PASSSEC */, SO_TIMESTAMPNS, SO_REUSEPORT};
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++)
        for (int on = 1; on >= 0; on--) {
            int o = flags[i], got = -1, set = on * 5;
            if (o == 34 || o == SO_REUSEPORT)
                continue; // security labels, and internet sockets only
            snprintf(b, 100, "option %d set to %d", o, on);
            errno = 0;
            long r = setsockopt(s[0], SOL_SOCKET, o, &set, sizeof set);
            guest_row(__FILE__, __LINE__, b, r, errno, 0, false);
            OK(getsockopt(s[0], SOL_SOCKET, o, &got, &len));
            guest_row(__FILE__, __LINE__, b, got, 0, on, true);
        }
    struct linger lg = {1, 7};
    len = sizeof lg;
    ROW(setsockopt(s[0], SOL_SOCKET, SO_LINGER, &lg, 4), EINVAL);
    ROW(setsockopt(s[0], SOL_SOCKET, SO_LINGER, &lg, sizeof lg), 0);
    lg = (struct linger){0};
    ROW(getsockopt(s[0], SOL_SOCKET, SO_LINGER, &lg, &len), 0);
    CHECK_EQ(lg.l_onoff, 1), CHECK_EQ(lg.l_linger, 7);
    struct timeval tv = {1, 1000000};
    static const int timeouts[] = {SO_RCVTIMEO, SO_SNDTIMEO};
    for (int i = 0; i < 2; i++) {
        tv = (struct timeval){1, 1000000};
        ROW(setsockopt(s[0], SOL_SOCKET, timeouts[i], &tv, sizeof tv), EDOM);
        ROW(setsockopt(s[0], SOL_SOCKET, timeouts[i], &tv, 8), EINVAL);
        tv = (struct timeval){3, 0};
        ROW(setsockopt(s[0], SOL_SOCKET, timeouts[i], &tv, sizeof tv), 0);
        tv = (struct timeval){0}, len = sizeof tv;
        ROW(getsockopt(s[0], SOL_SOCKET, timeouts[i], &tv, &len), 0);
        CHECK_EQ(tv.tv_sec, 3), CHECK_EQ(len, 16);
    }
    tv = (struct timeval){0, 10000};
    OK(setsockopt(s[0], SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof tv));
    ROW(recv(s[0], b, 1, 0), EAGAIN);
    value = 10000, len = 4;
    ROW(setsockopt(s[0], SOL_SOCKET, SO_SNDBUF, &value, sizeof value), 0);
    ROW(getsockopt(s[0], SOL_SOCKET, SO_SNDBUF, &value, &len), 0);
    CHECK_EQ(value, 20000); // doubled
    ROW(setsockopt(s[0], SOL_SOCKET, SO_RCVBUF, &value, sizeof value), 0);
    ROW(getsockopt(s[0], SOL_SOCKET, SO_RCVBUF, &value, &len), 0);
    CHECK_EQ(value, 40000);
    if (!privileged()) {
        ROW(setsockopt(s[0], SOL_SOCKET, SO_SNDBUFFORCE, &value, sizeof value), EPERM);
        ROW(setsockopt(s[0], SOL_SOCKET, SO_RCVBUFFORCE, &value, sizeof value), EPERM);
        ROW(setsockopt(s[0], SOL_SOCKET, SO_MARK, &value, sizeof value), EPERM);
        value = 7;
        ROW(setsockopt(s[0], SOL_SOCKET, SO_PRIORITY, &value, sizeof value), EPERM);
    }
    value = 6;
    ROW(setsockopt(s[0], SOL_SOCKET, SO_PRIORITY, &value, sizeof value), 0);
    value = 0;
    ROW(getsockopt(s[0], SOL_SOCKET, SO_PRIORITY, &value, &len), 0);
    CHECK_EQ(value, 6);
    value = 3;
    ROW(setsockopt(s[0], SOL_SOCKET, SO_RCVLOWAT, &value, sizeof value), 0);
    ROW(getsockopt(s[0], SOL_SOCKET, SO_RCVLOWAT, &value, &len), 0);
    CHECK_EQ(value, 3);
    ROW(getsockopt(s[0], SOL_SOCKET, SO_SNDLOWAT, &value, &len), 0);
    CHECK_EQ(value, 1);
    ROW(setsockopt(s[0], SOL_SOCKET, SO_SNDLOWAT, &value, sizeof value), ENOPROTOOPT);
    struct ucred cred;
    len = sizeof cred;
    ROW(getsockopt(s[0], SOL_SOCKET, SO_PEERCRED, &cred, &len), 0);
    CHECK_EQ(cred.pid, getpid()), CHECK_EQ(cred.uid, geteuid()), CHECK_EQ(len, sizeof cred);
    ROW(getsockopt(d, SOL_SOCKET, SO_PEERCRED, &cred, &len), 0);
    CHECK_EQ(cred.pid, 0), CHECK_EQ(cred.uid, (uid_t)-1);
    ROW(setsockopt(s[0], SOL_SOCKET, SO_PEERCRED, &cred, sizeof cred), ENOPROTOOPT);
    len = 0;
    if (getgroups(0, NULL) > 0)
        ROW(getsockopt(s[0], SOL_SOCKET, 59 /* SO_PEERGROUPS */, b, &len), ERANGE);
    len = sizeof b;
    ROW(getsockopt(s[0], SOL_SOCKET, 59, b, &len), 0);
    CHECK_EQ(len, getgroups(0, NULL) * sizeof(gid_t));
    ROW(getsockopt(d, SOL_SOCKET, 59, b, &len), ENODATA);
    len = 4;
    ROW(getsockopt(s[0], SOL_SOCKET, 77 /* SO_PEERPIDFD */, &value, &len), 0);
    CHECK_EQ(fcntl(value, F_GETFD), FD_CLOEXEC);
    uint64_t cookie = 0;
    len = sizeof cookie;
    ROW(getsockopt(s[0], SOL_SOCKET, 57 /* SO_COOKIE */, &cookie, &len), 0);
    CHECK_NE(cookie, 0);
    len = 4;
    OK(bind(l, &(struct sockaddr){AF_UNIX}, 2)), OK(listen(l, 1));
    ROW(getsockopt(l, SOL_SOCKET, SO_ACCEPTCONN, &value, &len), 0);
    CHECK_EQ(value, 1);
    len = 2;
    value = 0;
    ROW(getsockopt(s[0], SOL_SOCKET, SO_TYPE, &value, &len), 0); // cut
    CHECK_EQ(len, 2);
    ROW(ioctl(s[0], FIONREAD, 8), EFAULT);
    ROW(ioctl(s[0], TIOCOUTQ, &value), 0);
    ROW(ioctl(s[0], 0x7777, &value), ENOTTY);
    ROW(ioctl(l, FIONREAD, &value), EINVAL);
}
static struct cmsghdr *receive_control(int fd, char *room, size_t size) {
    struct iovec v = {b, 100};
    struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1, .msg_control = room, .msg_controllen = size};
    OK(recvmsg(fd, &m, 0));
    return CMSG_FIRSTHDR(&m);
}
TEST(time_of_messages) {
    int d[2], on = 1;
    char room[100];
    struct timespec before, after, t;
    struct timeval tv;
    OK(socketpair(AF_UNIX, SOCK_DGRAM, 0, d));
    OK(send(d[0], b, 1, 0));
    CHECK(!receive_control(d[1], room, sizeof room));
    OK(setsockopt(d[1], SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on));
    clock_gettime(CLOCK_REALTIME, &before);
    OK(send(d[0], b, 1, 0));
    clock_gettime(CLOCK_REALTIME, &after);
    sleep_ms(20);
    struct cmsghdr *c = receive_control(d[1], room, sizeof room);
    CHECK(c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SO_TIMESTAMPNS && c->cmsg_len == CMSG_LEN(sizeof t));
    memcpy(&t, CMSG_DATA(c), sizeof t);
    long long ns = t.tv_sec * 1000000000LL + t.tv_nsec;
    CHECK_GE(ns, before.tv_sec * 1000000000LL + before.tv_nsec - 10000000), CHECK_LE(ns, after.tv_sec * 1000000000LL + after.tv_nsec);
    OK(setsockopt(d[1], SOL_SOCKET, SO_TIMESTAMP, &on, sizeof on));
    OK(send(d[0], b, 1, 0));
    c = receive_control(d[1], room, sizeof room);
    CHECK(c && c->cmsg_type == SO_TIMESTAMP && c->cmsg_len == CMSG_LEN(sizeof tv));
    memcpy(&tv, CMSG_DATA(c), sizeof tv);
    CHECK_GE(tv.tv_sec, before.tv_sec - 1), CHECK_LT(tv.tv_usec, 1000000);
}
