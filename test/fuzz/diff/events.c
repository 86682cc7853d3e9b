// Readiness and events: poll, epoll, eventfd, inotify.
#include "seq.h"

#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/select.h>

static void read_inotify(int f) {
    char b[4096] __attribute__((aligned(8)));
    size_t n = ONE_OF(sizeof b, sizeof b, (size_t)10, (size_t)40);
    note("read(%d, inotify %zu)", f, n);
    long r = read(f, b, n);
    // Other files give other things.
    for (long at = 0; r >= 16 && at + (long)sizeof(struct inotify_event) <= r;) {
        struct inotify_event e;
        memcpy(&e, b + at, sizeof e);
        if (e.len > 256 || at + (long)sizeof e + e.len > r) break;
        note(" [%d %x %d %.*s]", e.wd, e.mask, e.cookie != 0, (int)e.len, b + at + sizeof e);
        at += (long)sizeof e + e.len;
    }
    result(r);
}

void family_events(void) {
    int f = some_fd(), g = some_fd(), h = some_fd();
    long r;
    switch (pick(16)) {
    case 0: case 1: { struct pollfd v[2] = {{f, POLLIN | POLLOUT | POLLPRI | POLLRDHUP, 0}, {g, POLLIN | POLLOUT, 0}}; note("poll(%d, %d)", f, g); r = poll(v, 2, 0); note(" {%x %x}", v[0].revents, v[1].revents); result(r); break; }
    case 2: { fd_set i, o, e; FD_ZERO(&i); FD_ZERO(&o); FD_ZERO(&e); FD_SET(f, &i); FD_SET(g, &o); FD_SET(h, &e); FD_SET(g, &i); struct timeval now = {0}; note("select(%d, %d, %d)", f, g, h); r = select(BASE + FDS, &i, &o, &e, &now);
        if (r >= 0) note(" {%d%d %d %d}", !!FD_ISSET(f, &i), !!FD_ISSET(g, &i), !!FD_ISSET(g, &o), !!FD_ISSET(h, &e)); result(r); break; }
    case 3: note("epoll_create"); result_fd(epoll_create1(EPOLL_CLOEXEC), f); break;
    case 4 ... 6: { struct epoll_event e = {.events = ONE_OF(0u, (unsigned)EPOLLIN, EPOLLIN | EPOLLOUT, EPOLLIN | EPOLLET, EPOLLIN | EPOLLOUT | EPOLLET, EPOLLIN | EPOLLONESHOT, EPOLLIN | EPOLLRDHUP, EPOLLIN | EPOLLEXCLUSIVE, (unsigned)EPOLLOUT), .data.u32 = (unsigned)g};
        int op = ONE_OF(EPOLL_CTL_ADD, EPOLL_CTL_ADD, EPOLL_CTL_MOD, EPOLL_CTL_DEL, 9); note("epoll_ctl(%d, %d, %d, %x)", f, op, g, e.events); result(epoll_ctl(f, op, g, &e)); break; }
    case 7: case 8: { struct epoll_event e[FDS * 2]; unsigned seen[FDS] = {0}; note("epoll_wait(%d)", f); r = epoll_wait(f, e, FDS * 2, 0); for (long i = 0; i < r; i++) seen[(e[i].data.u32 - BASE) % FDS] += e[i].events + 0x100000; for (int i = 0; i < FDS; i++) if (seen[i]) note(" [%d %x]", BASE + i, seen[i]); result(r); break; }
    case 9: { unsigned v = pick(3); int fl = ONE_OF(0, 0, EFD_SEMAPHORE, 0x1000); note("eventfd(%u, %x)", v, (unsigned)fl); result_fd(eventfd(v, fl | EFD_NONBLOCK), f); break; }
    case 10: { uint64_t v = ONE_OF(1ull, 0ull, ~0ull, ~0ull - 1, 5ull); note("write(%d, number %llx)", f, (unsigned long long)v); result(write(f, &v, 8)); break; }
    case 11: note("inotify_init"); result_fd(inotify_init1(IN_NONBLOCK), f); break;
    case 12: case 13: { const char *p = some_path(); unsigned mask = ONE_OF(IN_ALL_EVENTS, IN_ALL_EVENTS, IN_CREATE | IN_DELETE | IN_MOVE, IN_MODIFY | IN_CLOSE, IN_ALL_EVENTS | IN_ONLYDIR, IN_ALL_EVENTS | IN_DONT_FOLLOW, IN_ATTRIB | IN_MASK_ADD, IN_OPEN | IN_ONESHOT, 0u, IN_ALL_EVENTS | IN_EXCL_UNLINK, IN_OPEN | IN_MASK_CREATE); note("inotify_add_watch(%d, %s, %x)", f, p, mask); result(inotify_add_watch(f, p, mask)); break; }
    case 14: { int wd = 1 + (int)pick(3); note("inotify_rm_watch(%d, %d)", f, wd); result(inotify_rm_watch(f, wd)); break; }
    case 15: read_inotify(f); break;
    }
}
