// Sizes at the edges: huge offsets and lengths, long chains, large tables, odd names. Each is an errno or works; none may hurt.
#include "../guest.h"
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <sys/timerfd.h>

TEST_DIR(huge_offsets) {
    int fd = OK(open("f", O_RDWR | O_CREAT, 0644));
    char b[8] = "";
    CHECK_EQ(pwrite(fd, "x", 1, LONG_MAX), -1);
    CHECK_EQ(pread(fd, b, 1, 1L << 50) <= 0, 1);
    CHECK_EQ(ftruncate(fd, LONG_MAX) == 0 || errno == EFBIG || errno == EINVAL, 1);
    CHECK_EQ(ftruncate(fd, 1L << 40) == 0 || errno == EFBIG, 1); // sparse
    CHECK_EQ(pread(fd, b, 8, 1L << 39) >= 0, 1);
    OK(ftruncate(fd, 0));
    CHECK_ERR(fallocate(fd, 0, LONG_MAX - 5, 10), EFBIG);
    CHECK_EQ(fallocate(fd, FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE, 1, LONG_MAX - 1) == 0 || errno == EFBIG || errno == EINVAL || errno == EOPNOTSUPP, 1);
    CHECK_ERR(mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, -PAGE), EOVERFLOW);
    CHECK_ERR(mmap(NULL, LONG_MAX & -PAGE, PROT_READ, MAP_SHARED, fd, 0), ENOMEM);
    int m = OK(memfd_create("x", 0));
    CHECK_EQ(ftruncate(m, 1L << 45), 0); // sparse memory
    char *p = OK(mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, m, 1L << 44));
    p[0] = 1;
    CHECK_EQ(pread(m, b, 1, 1L << 44), 1);
    CHECK_EQ(b[0], 1);
}
TEST_DIR(odd_names) {
    const char *names[] = {" ", "\n", "\t\001\177", "\xff\xfe", "...", "-rf", "a\\b", "\xe2\x98\x83", "*", "~"};
    for (unsigned i = 0; i < sizeof names / sizeof *names; i++) {
        write_file(names[i], "x");
        CHECK_EQ(access(names[i], F_OK), 0);
    }
    DIR *d = opendir(".");
    int n = 0;
    for (struct dirent *e; (e = readdir(d));)
        n++;
    CHECK_EQ(n, 12);
    closedir(d);
    for (unsigned i = 0; i < sizeof names / sizeof *names; i++)
        OK(unlink(names[i]));
}
TEST_DIR(large_directory) {
    char n[32];
    for (int i = 0; i < 400; i++) {
        snprintf(n, 32, "%d", i);
        OK(mknod(n, S_IFREG | 0644, 0));
    }
    DIR *d = opendir(".");
    int count = 0;
    while (readdir(d))
        count++;
    CHECK_EQ(count, 402);
    closedir(d);
    for (int i = 0; i < 400; i++) {
        snprintf(n, 32, "%d", i);
        OK(unlink(n));
    }
}
TEST(socket_in_socket_in_socket) {
    // A chain of sockets, each in flight in the next: bounded (ETOOMANYREFS) and freed.
    int prev[2];
    OK(socketpair(AF_UNIX, SOCK_STREAM, 0, prev));
    for (int i = 0; i < 200; i++) {
        int s[2];
        if (socketpair(AF_UNIX, SOCK_STREAM, 0, s) != 0)
            break;
        char c[CMSG_SPACE(2 * sizeof(int))] = {0};
        struct iovec v = {"x", 1};
        struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1, .msg_control = c, .msg_controllen = sizeof c};
        struct cmsghdr *h = CMSG_FIRSTHDR(&m);
        h->cmsg_level = SOL_SOCKET, h->cmsg_type = SCM_RIGHTS, h->cmsg_len = CMSG_LEN(2 * sizeof(int));
        memcpy(CMSG_DATA(h), prev, 2 * sizeof(int));
        int r = sendmsg(s[0], &m, 0);
        CHECK(r == 1 || errno == ETOOMANYREFS);
        close(prev[0]), close(prev[1]);
        prev[0] = s[0], prev[1] = s[1];
    }
    close(prev[0]), close(prev[1]);
}
TEST(large_poll_sets) {
    static struct pollfd p[1000];
    int fd = OK(eventfd(0, 0));
    struct rlimit r;
    OK(getrlimit(RLIMIT_NOFILE, &r));
    int n = r.rlim_cur < 1000 ? r.rlim_cur : 1000;
    for (int i = 0; i < n; i++)
        p[i] = (struct pollfd){fd, POLLIN, 0};
    CHECK_EQ(poll(p, n, 0), 0);
    CHECK_EQ(write(fd, &(uint64_t){1}, 8), 8);
    CHECK_EQ(poll(p, n, 0), n);
    int ep = OK(epoll_create1(0));
    struct epoll_event e = {.events = EPOLLIN};
    int added = 0;
    for (int i = 0; i < 300; i++) {
        int d = dup(fd);
        if (d < 0)
            break;
        OK(epoll_ctl(ep, EPOLL_CTL_ADD, d, &e));
        added++;
    }
    static struct epoll_event out[400];
    CHECK_EQ(epoll_wait(ep, out, 400, 0), added);
}
TEST(many_timers) {
    timer_t t;
    struct sigevent ev = {.sigev_notify = SIGEV_NONE};
    int n = 0;
    while (n < 300 && timer_create(CLOCK_MONOTONIC, &ev, &t) == 0)
        n++;
    CHECK(n == 300 || errno == EAGAIN);
    struct itimerspec far = {{0, 0}, {LONG_MAX, 0}};
    CHECK_EQ(timer_settime(t, 0, &far, NULL), 0); // clamped, not overflowed
    int fd = OK(timerfd_create(CLOCK_MONOTONIC, 0));
    CHECK_EQ(timerfd_settime(fd, 0, &far, NULL), 0);
    CHECK_EQ(timerfd_settime(fd, TFD_TIMER_ABSTIME, &far, NULL), 0);
    struct pollfd p = {fd, POLLIN, 0};
    CHECK_EQ(poll(&p, 1, 5), 0);
    struct itimerspec fast = {{0, 1}, {0, 1}}; // a nanosecond: counts expirations, does not spin
    CHECK_EQ(timerfd_settime(fd, 0, &fast, NULL), 0);
    sleep_ms(5);
    uint64_t v;
    CHECK_EQ(read(fd, &v, 8), 8);
    CHECK_GT(v, 1000);
}
TEST(endless_sleeps_are_interruptible) {
    pid_t c[4];
    for (int i = 0; i < 4; i++)
        if ((c[i] = FORK()) == 0) {
            struct timespec ts = {LONG_MAX, 999999999};
            if (i == 0)
                nanosleep(&ts, NULL);
            if (i == 1)
                clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL);
            if (i == 2)
                ppoll(NULL, 0, &ts, NULL);
            if (i == 3)
                poll(NULL, 0, INT_MAX);
            _exit(1);
        }
    sleep_ms(15);
    for (int i = 0; i < 4; i++) {
        CHECK_EQ(waitpid(c[i], NULL, WNOHANG), 0);
        OK(kill(c[i], SIGKILL));
        CHECK_KILLED(c[i], SIGKILL);
    }
}
TEST_DIR(many_locks) {
    int fd = OK(open("f", O_RDWR | O_CREAT, 0644));
    for (int i = 0; i < 300; i++) {
        struct flock l = {.l_type = F_WRLCK, .l_start = i * 2, .l_len = 1};
        if (fcntl(fd, F_SETLK, &l) != 0) {
            CHECK_EQ(errno, ENOLCK);
            break;
        }
    }
    struct flock all = {.l_type = F_UNLCK};
    OK(fcntl(fd, F_SETLK, &all));
    IN_CHILD(struct flock l = {.l_type = F_WRLCK}; OK(fcntl(fd, F_SETLK, &l)));
}
TEST_DIR(many_watches) {
    int in = OK(inotify_init1(IN_NONBLOCK)), n = 0;
    for (int i = 0; i < 200; i++) {
        char name[16];
        snprintf(name, 16, "%d", i);
        write_file(name, "");
        n += inotify_add_watch(in, name, IN_ATTRIB) > 0;
    }
    CHECK_GT(n, 100);
    for (int i = 0; i < 200; i++) {
        char name[16];
        snprintf(name, 16, "%d", i);
        OK(unlink(name));
    }
    static char buf[65536];
    CHECK_GT(read(in, buf, sizeof buf), 0);
}
TEST(resource_storm_in_children) {
    // Children that take what they can and die: everything comes back.
    for (int i = 0; i < 8; i++) {
        pid_t c = FORK();
        if (c == 0) {
            int p[2];
            while (pipe2(p, O_NONBLOCK) == 0 && p[1] < 200 && write(p[1], "some", 4) == 4) {
            }
            for (int j = 0; j < 50; j++) {
                char *m = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
                if (m != MAP_FAILED)
                    m[0] = 1;
            }
            kill(getpid(), SIGKILL);
        }
        CHECK_KILLED(c, SIGKILL);
    }
}
TEST(self_reference) {
    // Descriptors that contain themselves.
    int ep = OK(epoll_create1(0)), s[2];
    struct epoll_event e = {.events = EPOLLIN};
    OK(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
    OK(epoll_ctl(ep, EPOLL_CTL_ADD, s[0], &e));
    char c[CMSG_SPACE(sizeof(int))] = {0};
    struct iovec v = {"x", 1};
    struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1, .msg_control = c, .msg_controllen = sizeof c};
    struct cmsghdr *h = CMSG_FIRSTHDR(&m);
    h->cmsg_level = SOL_SOCKET, h->cmsg_type = SCM_RIGHTS, h->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(h), &ep, sizeof ep);
    CHECK_EQ(sendmsg(s[1], &m, 0), 1); // the epoll that watches the socket, inside the socket
    CHECK_EQ(epoll_wait(ep, &e, 1, 0), 1);
    close(ep), close(s[1]), close(s[0]);
}
