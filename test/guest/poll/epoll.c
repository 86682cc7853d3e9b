// epoll: level, edge, one-shot, exclusive, nesting, limits, what closing does, errnos.
#include "../guest.h"
#include <poll.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

static int add(int ep, int fd, uint32_t events) {
    struct epoll_event e = {.events = events, .data.u64 = 0x100000000ULL + fd};
    return epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e);
}
static int now(int ep, struct epoll_event *e) { return epoll_wait(ep, e, 8, 0); }
TEST(level) {
    int ep = OK(epoll_create1(EPOLL_CLOEXEC)), fd[2];
    struct epoll_event e[8];
    OK(pipe(fd));
    OK(add(ep, fd[0], EPOLLIN));
    CHECK_EQ(now(ep, e), 0);
    CHECK_EQ(write(fd[1], "ab", 2), 2);
    for (int i = 0; i < 3; i++) {
        CHECK_EQ(now(ep, e), 1);
        CHECK_EQ(e[0].events, EPOLLIN), CHECK_EQ(e[0].data.u64, 0x100000000ULL + fd[0]);
    }
    char b[4];
    CHECK_EQ(read(fd[0], b, 4), 2);
    CHECK_EQ(now(ep, e), 0);
    close(fd[1]);
    CHECK_EQ(now(ep, e), 1);
    CHECK_EQ(e[0].events, EPOLLHUP);
}
TEST(edge) {
    int ep = OK(epoll_create1(0)), fd[2];
    struct epoll_event e[8];
    char b[4];
    OK(pipe(fd));
    OK(add(ep, fd[0], EPOLLIN | EPOLLET));
    CHECK_EQ(write(fd[1], "ab", 2), 2);
    CHECK_EQ(now(ep, e), 1);
    CHECK_EQ(now(ep, e), 0); // told once
    CHECK_EQ(write(fd[1], "c", 1), 1);
    CHECK_EQ(now(ep, e), 1); // new data, new edge
    CHECK_EQ(read(fd[0], b, 1), 1);
    CHECK_EQ(now(ep, e), 0); // reading a part is none
    struct epoll_event m = {.events = EPOLLIN | EPOLLET};
    OK(epoll_ctl(ep, EPOLL_CTL_MOD, fd[0], &m));
    CHECK_EQ(now(ep, e), 1); // changing looks again
}
TEST(edge_out) {
    int ep = OK(epoll_create1(0)), s[2];
    struct epoll_event e[8];
    OK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, s));
    OK(add(ep, s[0], EPOLLIN | EPOLLOUT | EPOLLET));
    CHECK_EQ(now(ep, e), 1);
    CHECK_EQ(e[0].events, EPOLLOUT);
    CHECK_EQ(now(ep, e), 0);
    static char big[1 << 20];
    while (write(s[0], big, sizeof big) > 0) {
    }
    CHECK_EQ(now(ep, e), 0);
    while (read(s[1], big, sizeof big) > 0) {
    }
    CHECK_EQ(now(ep, e), 1);
    CHECK_EQ(e[0].events, EPOLLOUT);
}
TEST(oneshot) {
    int ep = OK(epoll_create1(0)), fd = OK(eventfd(1, 0));
    struct epoll_event e[8];
    OK(add(ep, fd, EPOLLIN | EPOLLONESHOT));
    CHECK_EQ(now(ep, e), 1);
    CHECK_EQ(now(ep, e), 0);
    CHECK_EQ(write(fd, &(uint64_t){1}, 8), 8);
    CHECK_EQ(now(ep, e), 0);
    struct epoll_event m = {.events = EPOLLIN | EPOLLONESHOT};
    OK(epoll_ctl(ep, EPOLL_CTL_MOD, fd, &m));
    CHECK_EQ(now(ep, e), 1);
}
TEST(many_and_maxevents) {
    int ep = OK(epoll_create1(0)), seen[20] = {0}, fds[20];
    struct epoll_event e[8];
    for (int i = 0; i < 20; i++) {
        fds[i] = OK(eventfd(1, 0));
        struct epoll_event ev = {.events = EPOLLIN, .data.u32 = i};
        OK(epoll_ctl(ep, EPOLL_CTL_ADD, fds[i], &ev));
    }
    for (int round = 0; round < 5; round++) { // fair: rotates through them
        CHECK_EQ(epoll_wait(ep, e, 4, 0), 4);
        for (int i = 0; i < 4; i++)
            seen[e[i].data.u32]++;
    }
    for (int i = 0; i < 20; i++)
        CHECK_EQ(seen[i], 1);
}
TEST(errnos) {
    int ep = OK(epoll_create1(0)), fd = OK(eventfd(0, 0));
    struct epoll_event e = {.events = EPOLLIN};
    CHECK_ERR(epoll_create1(1), EINVAL);
    CHECK_ERR(epoll_create(0), EINVAL);
    OK(epoll_create(1));
    CHECK_ERR(epoll_ctl(ep, EPOLL_CTL_MOD, fd, &e), ENOENT);
    CHECK_ERR(epoll_ctl(ep, EPOLL_CTL_DEL, fd, &e), ENOENT);
    OK(epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e));
    CHECK_ERR(epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e), EEXIST);
    CHECK_ERR(epoll_ctl(ep, EPOLL_CTL_ADD, ep, &e), EINVAL);
    CHECK_ERR(epoll_ctl(ep, EPOLL_CTL_ADD, 99, &e), EBADF);
    CHECK_ERR(epoll_ctl(99, EPOLL_CTL_ADD, fd, &e), EBADF);
    CHECK_ERR(epoll_ctl(fd, EPOLL_CTL_ADD, ep, &e), EINVAL);
    CHECK_ERR(epoll_ctl(ep, 9, fd, &e), EINVAL);
    CHECK_ERR(epoll_ctl(ep, EPOLL_CTL_ADD, fd, (void *)8), EFAULT);
    int f = OK(open(guest_self, O_RDONLY));
    CHECK_ERR(epoll_ctl(ep, EPOLL_CTL_ADD, f, &e), EPERM); // regular files cannot
    CHECK_ERR(epoll_wait(ep, &e, 0, 0), EINVAL);
    CHECK_ERR(epoll_wait(ep, &e, -1, 0), EINVAL);
    CHECK_ERR(epoll_wait(fd, &e, 1, 0), EINVAL);
    CHECK_ERR(epoll_wait(99, &e, 1, 0), EBADF);
    OK(epoll_ctl(ep, EPOLL_CTL_DEL, fd, NULL));
    CHECK_EQ(epoll_wait(ep, (void *)8, 1, 0), 0);
    OK(epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e));
    CHECK_EQ(write(fd, &(uint64_t){1}, 8), 8);
    CHECK_ERR(epoll_wait(ep, (void *)8, 1, 0), EFAULT);
    CHECK_EQ(epoll_wait(ep, &e, 1, 0), 1); // not lost
}
TEST(nested) {
    int outer = OK(epoll_create1(0)), inner = OK(epoll_create1(0)), fd = OK(eventfd(0, 0));
    struct epoll_event e[8];
    OK(add(inner, fd, EPOLLIN));
    OK(add(outer, inner, EPOLLIN));
    CHECK_EQ(now(outer, e), 0);
    CHECK_EQ(write(fd, &(uint64_t){1}, 8), 8);
    CHECK_EQ(now(outer, e), 1);
    struct pollfd p = {inner, POLLIN, 0};
    CHECK_EQ(poll(&p, 1, 0), 1);
    CHECK_ERR(add(inner, outer, EPOLLIN), ELOOP);
    int chain = outer;
    for (int i = 0; i < 3; i++) {
        int next = OK(epoll_create1(0));
        OK(add(next, chain, EPOLLIN));
        chain = next;
    }
    int over = OK(epoll_create1(0));
    CHECK_EQ(epoll_wait(chain, e, 8, 0), 1);
    CHECK_ERR(add(over, chain, EPOLLIN), ELOOP); // more than five deep
}
TEST(close_removes_unless_duplicated) {
    int ep = OK(epoll_create1(0)), fd = OK(eventfd(1, 0)), d = OK(dup(fd));
    struct epoll_event e[8];
    OK(add(ep, fd, EPOLLIN));
    OK(add(ep, d, EPOLLIN)); // another number: another entry
    CHECK_EQ(now(ep, e), 2);
    close(fd);
    CHECK_EQ(now(ep, e), 2); // the open file lives on
    close(d);
    CHECK_EQ(now(ep, e), 0);
    fd = OK(eventfd(1, 0));
    OK(add(ep, fd, EPOLLIN));
    CHECK_EQ(now(ep, e), 1);
}
static void *wait_one(void *a) {
    struct epoll_event e[8];
    return (void *)(long)epoll_wait(*(int *)a, e, 8, 3000);
}
TEST(wakes_a_waiter) {
    int ep = OK(epoll_create1(0)), fd = OK(eventfd(0, 0));
    pthread_t t;
    void *r;
    OK(add(ep, fd, EPOLLIN | EPOLLET));
    CHECK_RET(pthread_create(&t, NULL, wait_one, &ep), 0);
    sleep_ms(10);
    CHECK_EQ(write(fd, &(uint64_t){1}, 8), 8);
    CHECK_RET(pthread_join(t, &r), 0);
    CHECK_EQ((long)r, 1);
    int late = OK(eventfd(1, 0));
    CHECK_RET(pthread_create(&t, NULL, wait_one, &ep), 0);
    sleep_ms(10);
    OK(add(ep, late, EPOLLIN)); // adding a ready one wakes too
    CHECK_RET(pthread_join(t, &r), 0);
    CHECK_EQ((long)r, 1);
}
TEST(edge_wakes_one_of_two) {
    int ep = OK(epoll_create1(0)), fd = OK(eventfd(0, 0));
    struct epoll_event e[8];
    OK(add(ep, fd, EPOLLIN | EPOLLET));
    pid_t c[2];
    for (int i = 0; i < 2; i++)
        if ((c[i] = FORK()) == 0)
            _exit(epoll_wait(ep, e, 8, 150));
    sleep_ms(40);
    CHECK_EQ(write(fd, &(uint64_t){1}, 8), 8);
    int a, b;
    CHECK_EQ(guest_waitpid(c[0], &a, 0), c[0]), CHECK_EQ(guest_waitpid(c[1], &b, 0), c[1]);
    CHECK_EQ(WEXITSTATUS(a) + WEXITSTATUS(b), 1);
}
TEST(timeout_and_pwait) {
    int ep = OK(epoll_create1(0));
    struct epoll_event e;
    long long t = now_ns();
    CHECK_EQ(epoll_wait(ep, &e, 1, 15), 0);
    CHECK_GE(now_ns() - t, 15000000);
    struct timespec ts = {0, 5000000};
    t = now_ns();
    long r = syscall(441 /* epoll_pwait2 */, ep, &e, 1, &ts, NULL, 0);
    if (r == -1 && errno == ENOSYS)
        return;
    CHECK_EQ(r, 0);
    CHECK_GE(now_ns() - t, 5000000);
    sigset_t s;
    sigemptyset(&s);
    on_signal(SIGUSR1, (void (*)(int))abs, 0);
    block_signal(SIGUSR1);
    raise(SIGUSR1);
    CHECK_ERR(epoll_pwait(ep, &e, 1, -1, &s), EINTR);
}
TEST(exclusive) {
    int ep = OK(epoll_create1(0)), fd = OK(eventfd(0, 0));
    struct epoll_event e = {.events = EPOLLIN | EPOLLEXCLUSIVE};
    OK(epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e));
    CHECK_ERR(epoll_ctl(ep, EPOLL_CTL_MOD, fd, &e), EINVAL);
    OK(epoll_ctl(ep, EPOLL_CTL_DEL, fd, NULL));
    e.events = EPOLLIN | EPOLLEXCLUSIVE | EPOLLONESHOT;
    CHECK_ERR(epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e), EINVAL);
    int p = OK(epoll_create1(0));
    e.events = EPOLLIN | EPOLLEXCLUSIVE;
    CHECK_ERR(epoll_ctl(ep, EPOLL_CTL_ADD, p, &e), EINVAL);
}
TEST(rdhup) {
    int ep = OK(epoll_create1(0)), s[2];
    struct epoll_event e[8];
    OK(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
    OK(add(ep, s[0], EPOLLRDHUP));
    CHECK_EQ(now(ep, e), 0);
    OK(shutdown(s[1], SHUT_WR));
    CHECK_EQ(now(ep, e), 1);
    CHECK_EQ(e[0].events, EPOLLRDHUP);
    close(s[1]);
    CHECK_EQ(now(ep, e), 1);
    CHECK_EQ(e[0].events, EPOLLRDHUP | EPOLLHUP);
}
TEST(shared_over_fork) {
    int ep = OK(epoll_create1(0)), fd = OK(eventfd(0, 0));
    struct epoll_event e[8];
    IN_CHILD(OK(add(ep, fd, EPOLLIN)));
    CHECK_EQ(write(fd, &(uint64_t){1}, 8), 8);
    CHECK_EQ(now(ep, e), 1);
}
