// Unix sockets (but not SO_PEEK_OFF, which sbx does not have, and MSG_OOB, which sbx does as a kernel without CONFIG_AF_UNIX_OOB): pairs, names, messages with descriptors and credentials.
#include "seq.h"

#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>

static socklen_t address(struct sockaddr_un *a, const char *path) {
    memset(a, 0, sizeof *a);
    a->sun_family = ONE_OF(AF_UNIX, AF_UNIX, AF_UNIX, AF_UNIX, AF_INET);
    strcpy(a->sun_path, path);
    return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path) + 1);
}
static void note_address(const struct sockaddr_un *a, socklen_t n) {
    if (n <= 2) note(" (%u)", n);
    else note(" (%u %s)", n, a->sun_path[0] ? a->sun_path : "abstract");
}

static void send_message(int f) {
    size_t n = some_size();
    char control[200] = {0};
    struct iovec v = {data, n};
    struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1, .msg_control = control};
    unsigned kinds = pick(4), fds = 1 + pick(3);
    struct cmsghdr *h = (struct cmsghdr *)control;
    note("sendmsg(%d, %zu", f, n);
    if (kinds & 1) {
        h->cmsg_level = SOL_SOCKET, h->cmsg_type = SCM_RIGHTS, h->cmsg_len = CMSG_LEN(fds * 4);
        for (unsigned i = 0; i < fds; i++) {
            int fd = some_fd();
            memcpy(CMSG_DATA(h) + i * 4, &fd, 4);
            note(" fd %d", fd);
        }
        m.msg_controllen += CMSG_SPACE(fds * 4);
        h = (struct cmsghdr *)(control + m.msg_controllen);
    }
    if (kinds & 2) {
        struct ucred u = {getpid(), getuid(), ONE_OF(getgid(), getgid(), 12345)};
        h->cmsg_level = SOL_SOCKET, h->cmsg_type = ONE_OF(SCM_CREDENTIALS, SCM_CREDENTIALS, 77), h->cmsg_len = CMSG_LEN(sizeof u) - ONE_OF(0ul, 0ul, 0ul, 4ul);
        memcpy(CMSG_DATA(h), &u, sizeof u);
        note(" creds %u %zu", u.gid, (size_t)h->cmsg_len);
        m.msg_controllen += CMSG_SPACE(sizeof u);
    }
    int flags = ONE_OF(0, 0, MSG_NOSIGNAL, MSG_EOR, MSG_MORE) | MSG_DONTWAIT;
    note(", %x)", (unsigned)flags);
    result(sendmsg(f, &m, flags));
}
static void receive_message(int f) {
    size_t n = some_size();
    unsigned char b[3 * PAGE];
    char control[300];
    struct sockaddr_un from;
    struct iovec v[2] = {{b, n / 2}, {b + n / 2, n - n / 2}};
    size_t room = ONE_OF(0ul, 10ul, 16ul, 20ul, 24ul, 32ul, 300ul);
    struct msghdr m = {.msg_name = &from, .msg_namelen = sizeof from, .msg_iov = v, .msg_iovlen = 2, .msg_control = control, .msg_controllen = room};
    int flags = ONE_OF(0, 0, MSG_PEEK, MSG_TRUNC, MSG_CMSG_CLOEXEC, MSG_WAITALL) | MSG_DONTWAIT;
    note("recvmsg(%d, %zu, control %zu, %x)", f, n, room, (unsigned)flags);
    long r = recvmsg(f, &m, flags);
    if (r >= 0) {
        note_bytes(b, r > (long)n ? (long)n : r);
        note(" flags %x control %zu", (unsigned)m.msg_flags, (size_t)m.msg_controllen);
        note_address(&from, m.msg_namelen);
        for (struct cmsghdr *h = CMSG_FIRSTHDR(&m); h; h = CMSG_NXTHDR(&m, h)) {
            note(" [%d %d %zu", h->cmsg_level, h->cmsg_type, (size_t)h->cmsg_len);
            if (h->cmsg_type == SCM_RIGHTS) {
                for (size_t i = 0; CMSG_LEN(i * 4 + 4) <= h->cmsg_len; i++) {
                    int fd;
                    struct stat s;
                    memcpy(&fd, CMSG_DATA(h) + i * 4, 4);
                    if (fstat(fd, &s) == 0) note(" %o %d", s.st_mode & S_IFMT, fcntl(fd, F_GETFD));
                    close(fd);
                }
            } else if (h->cmsg_type == SCM_CREDENTIALS && h->cmsg_len >= CMSG_LEN(sizeof(struct ucred))) {
                struct ucred u;
                memcpy(&u, CMSG_DATA(h), sizeof u);
                note(" %s %u %u", u.pid == getpid() ? "own" : u.pid ? "other" : "none", u.uid, u.gid);
            }
            note("]");
        }
    }
    result(r);
}

void family_sockets(void) {
    int f = some_fd(), g = some_fd(), type = ONE_OF(SOCK_STREAM, SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET);
    const char *p = some_path();
    size_t n = some_size();
    struct sockaddr_un a;
    long r;
    switch (pick(18)) {
    case 0: case 1: { int ends[2]; note("socketpair(%d)", type); if (result(socketpair(AF_UNIX, type | SOCK_NONBLOCK, 0, ends)) == 0) keep_two(ends, f, g); break; }
    case 2: note("socket(%d)", type); result_fd(socket(AF_UNIX, type | SOCK_NONBLOCK, 0), f); break;
    case 3: { socklen_t len = address(&a, p); note("bind(%d, %d %s)", f, a.sun_family, p); result(bind(f, (struct sockaddr *)&a, len)); break; }
    case 4: { int k = ONE_OF(0, 1, 5, -1); note("listen(%d, %d)", f, k); result(listen(f, k)); break; }
    case 5: { socklen_t len = address(&a, p); note("connect(%d, %d %s)", f, a.sun_family, p); result(connect(f, (struct sockaddr *)&a, len)); break; }
    case 6: { socklen_t len = sizeof a; note("accept(%d)", f); int fd = accept4(f, (struct sockaddr *)&a, &len, SOCK_NONBLOCK); if (fd >= 0) note_address(&a, len); result_fd(fd, g); break; }
    case 7: case 8: { int k = ONE_OF(0, MSG_NOSIGNAL, MSG_EOR) | MSG_DONTWAIT; note("send(%d, %zu, %x)", f, n, (unsigned)k); result(send(f, some_buffer(n), n, k)); break; }
    case 9: { int k = ONE_OF(0, MSG_PEEK, MSG_TRUNC, MSG_WAITALL) | MSG_DONTWAIT; char *b = some_buffer(n); note("recv(%d, %zu, %x)", f, n, (unsigned)k); r = recv(f, b, n, k); note_bytes(b, r > (long)n ? (long)n : r); result(r); break; }
    case 10: case 11: send_message(f); break;
    case 12: case 13: receive_message(f); break;
    case 14: { int how = (int)pick(4); note("shutdown(%d, %d)", f, how); result(shutdown(f, how)); break; }
    case 15: { int o = ONE_OF(SO_PASSCRED, SO_KEEPALIVE, SO_REUSEADDR, SO_TYPE, 9999), v = (int)pick(2); note("setsockopt(%d, %d, %d)", f, o, v); result(setsockopt(f, SOL_SOCKET, o, &v, sizeof v)); break; }
    case 16: { int o = ONE_OF(SO_PASSCRED, SO_TYPE, SO_ERROR, SO_ACCEPTCONN, SO_DOMAIN, SO_PROTOCOL, SO_KEEPALIVE, 9999), v = 0; socklen_t len = ONE_OF(4u, 4u, 2u, 8u); note("getsockopt(%d, %d, %u)", f, o, len); r = getsockopt(f, SOL_SOCKET, o, &v, &len); note(" {%d %u}", v, len); result(r); break; }
    case 17: { socklen_t len = sizeof a; int peer = (int)pick(2); note("get%sname(%d)", peer ? "peer" : "sock", f); r = (peer ? getpeername : getsockname)(f, (struct sockaddr *)&a, &len); if (r == 0) note_address(&a, len); result(r); break; }
    }
}
