// Memory of every kind without end: the application's, and what a kernel holds for it.
#include "bomb.h"
#include <dirent.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/ipc.h>
#include <sys/mount.h>
#include <sys/msg.h>
#include <sys/random.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/xattr.h>
#include <linux/filter.h>
#include <linux/seccomp.h>

static char block[1 << 20];

BOMB(anonymous, ENDLESS) {
    for (;;) {
        char *p = mmap(NULL, 16 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (p != MAP_FAILED)
            memset(p, 1, 16 << 20);
    }
}
static void fill(int fd) {
    while (write(fd, block, sizeof block) > 0)
        ;
}
BOMB(tmpfs_data, ENDLESS) {
    enter_tmpfs();
    fill(open("f", O_CREAT | O_WRONLY, 0600));
}
BOMB(overlay_data, ENDLESS) { fill(open("/var/tmp/bomb", O_CREAT | O_WRONLY, 0600)); }
BOMB(memfds, ENDLESS) {
    for (;;)
        fill(memfd_create("x", 0));
}
BOMB(shm, ENDLESS) {
    for (;;) {
        int id = shmget(IPC_PRIVATE, 32 << 20, IPC_CREAT | 0600);
        char *p = shmat(id, NULL, 0);
        if (p != (char *)-1)
            memset(p, 1, 32 << 20), shmdt(p);
    }
}
// Grows while it may, in its own process and in others when that one is full.
static void in_many(void (*fn)(void)) {
    for (int i = 0; i < 400; i++)
        if (spawn(fn) < 0)
            break;
    fn();
}
static void pipes(void) {
    all_descriptors();
    for (int p[2]; pipe2(p, O_NONBLOCK) == 0;) {
        fcntl(p[1], F_SETPIPE_SZ, 1 << 20);
        fill(p[1]);
    }
    pause();
}
BOMB(full_pipes, ENDLESS) { in_many(pipes); }
static void sockets(void) {
    all_descriptors();
    int n = INT_MAX;
    for (int s[2]; socketpair(AF_UNIX, (rnd() & 1 ? SOCK_STREAM : SOCK_DGRAM) | SOCK_NONBLOCK, 0, s) == 0;) {
        setsockopt(s[0], SOL_SOCKET, SO_SNDBUF, &n, sizeof n);
        setsockopt(s[1], SOL_SOCKET, SO_RCVBUF, &n, sizeof n);
        while (send(s[0], block, 60000, 0) > 0 || send(s[0], block, 1, 0) > 0)
            ;
    }
    pause();
}
BOMB(full_sockets, ENDLESS) { in_many(sockets); }
static int send_fds(int s, int *fds, int n) {
    char control[CMSG_SPACE(sizeof(int) * 253)];
    struct iovec v = {block, 1};
    struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1, .msg_control = control, .msg_controllen = CMSG_SPACE(sizeof(int) * n)};
    struct cmsghdr *c = CMSG_FIRSTHDR(&m);
    c->cmsg_level = SOL_SOCKET, c->cmsg_type = SCM_RIGHTS, c->cmsg_len = CMSG_LEN(sizeof(int) * n);
    memcpy(CMSG_DATA(c), fds, sizeof(int) * n);
    return (int)sendmsg(s, &m, MSG_DONTWAIT);
}
BOMB(scm_rights_cycles, ENDLESS) { // sockets that hold themselves and each other, dropped in queues
    for (;;) {
        int s[2], t[2], both[253];
        if (socketpair(AF_UNIX, SOCK_STREAM, 0, s) || socketpair(AF_UNIX, SOCK_DGRAM, 0, t))
            continue;
        for (int i = 0; i < 253; i++)
            both[i] = i & 2 ? s[i & 1] : t[i & 1];
        send_fds(s[0], both, 253), send_fds(t[0], both, 253), send_fds(s[1], both, 253);
        close(s[0]), close(s[1]), close(t[0]), close(t[1]);
    }
}
BOMB(scm_rights_cycles_are_freed, ENDS) { // so that there is always room for the next ones
    for (int i = 0; i < 20000; i++) {
        int s[2], t[2];
        EXPECT(socketpair(AF_UNIX, SOCK_STREAM, 0, s) == 0 && socketpair(AF_UNIX, SOCK_DGRAM, 0, t) == 0);
        EXPECT(send_fds(s[0], t, 2) == 1 && send_fds(t[0], s, 2) == 1 && send_fds(t[1], t, 2) == 1);
        close(s[0]), close(s[1]), close(t[0]), close(t[1]);
    }
}
BOMB(scm_rights_chain, ENDS) { // a long chain of sockets in each other's queues, let go at one end
    int last = -1;
    for (int i = 0; i < 30000; i++) {
        int s[2];
        if (socketpair(AF_UNIX, SOCK_STREAM, 0, s))
            break;
        if (last >= 0 && send_fds(s[0], &last, 1) < 0)
            break;
        if (last >= 0)
            close(last);
        close(s[0]);
        last = s[1];
    }
    close(last);
}
static void descriptors(void) {
    all_descriptors();
    for (int e = 0, i = 0; e >= 0; i++)
        switch (i % 3) {
        case 0: e = eventfd(0, 0); break;
        case 1: e = open("/dev/null", O_RDONLY); break;
        case 2: e = open("/proc/self/status", O_RDONLY); break;
        }
    pause();
}
BOMB(descriptors, ENDLESS) { in_many(descriptors); }
BOMB(inodes, ENDLESS) {
    enter_tmpfs();
    char n[32];
    for (unsigned i = 0;; i++) {
        snprintf(n, sizeof n, "%u", i);
        if (mknod(n, i & 1 ? S_IFIFO | 0600 : S_IFREG | 0600, 0) && errno != EEXIST)
            symlink("somewhere", n);
    }
}
BOMB(overlay_inodes, ENDLESS) {
    chdir("/var/tmp");
    char n[32];
    for (unsigned i = 0;; i++) {
        snprintf(n, sizeof n, "bomb%u", i);
        mknod(n, S_IFREG | 0600, 0);
        if (i & 1)
            unlink(n);
    }
}
static void negative(const char *dir) {
    char n[300];
    int len = snprintf(n, sizeof n, "%s/", dir);
    memset(n + len, 'n', 254);
    n[len + 254] = 0;
    for (;;) {
        int k = snprintf(n + len, 20, "%016lx", rnd());
        n[len + k] = 'n';
        access(n, F_OK);
    }
}
BOMB(negative_tmpfs, ENDLESS) { negative("/dev/shm"); }
BOMB(negative_overlay, ENDLESS) { negative("/usr/bin"); }
BOMB(negative_proc, ENDLESS) { negative("/proc"); }
BOMB(long_names, ENDLESS) {
    enter_tmpfs();
    char n[256], x[256];
    memset(n, 'l', 255), n[255] = 0;
    memset(x, 'v', 255), x[255] = 0, memcpy(x, "user.", 5);
    for (;;) {
        snprintf(n, 17, "%016lx", rnd());
        n[16] = 'l';
        int fd = open(n, O_CREAT | O_WRONLY, 0600);
        for (int i = 0; i < 20; i++) {
            x[10] = (char)('a' + i);
            fsetxattr(fd, x, block, 65536, 0);
        }
        close(fd);
    }
}
BOMB(symlink_bodies, ENDLESS) {
    enter_tmpfs();
    char n[32], *body = malloc(4096);
    memset(body, 's', 4095), body[4095] = 0;
    for (unsigned i = 0;; i++)
        snprintf(n, sizeof n, "%u", i), symlink(body, n);
}
static void locks(void) {
    int fd = memfd_create("l", 0);
    for (off_t i = 0;; i += 2) {
        struct flock l = {F_WRLCK, SEEK_SET, i, 1, 0};
        fcntl(fd, F_SETLK, &l);
        l.l_type = F_RDLCK, l.l_start = i % 1000000 + (1l << 40);
        fcntl(fd, F_OFD_SETLK, &l);
    }
}
BOMB(record_locks, ENDLESS) { locks(); }
BOMB(mounts, ENDLESS) {
    enter_tmpfs();
    mkdir("d", 0700), mkdir("e", 0700);
    mount(NULL, "/", NULL, MS_REC | MS_SHARED, NULL);
    for (;;) {
        mount("x", "d", "tmpfs", 0, NULL);
        mount(".", "e", NULL, MS_BIND | MS_REC, NULL);
        mount("/", "d", NULL, MS_BIND | MS_REC, NULL);
    }
}
BOMB(epoll_items, ENDLESS) {
    all_descriptors();
    for (;;) {
        int e = epoll_create1(0);
        for (int i = 0; i < 2000; i++) {
            struct epoll_event ev = {EPOLLIN, {0}};
            int f = eventfd(0, 0);
            epoll_ctl(e, EPOLL_CTL_ADD, f, &ev);
            epoll_ctl(e, EPOLL_CTL_ADD, e - (int)(rnd() % 2000), &ev);
        }
    }
}
BOMB(epoll_nesting, ENDLESS) {
    for (int i = 0; i < 6; i++)
        fork();
    for (;;) {
        int e[64];
        for (int i = 0; i < 64; i++)
            e[i] = epoll_create1(0);
        for (int i = 0; i < 1000; i++) {
            struct epoll_event ev = {(uint32_t)rnd(), {0}};
            epoll_ctl(e[rnd() % 64], EPOLL_CTL_ADD, e[rnd() % 64], &ev);
            epoll_wait(e[rnd() % 64], &ev, 1, 0);
        }
        for (int i = 0; i < 64; i++)
            close(e[i]);
    }
}
BOMB(inotify_flood, ENDLESS) {
    enter_tmpfs();
    all_descriptors();
    char n[256];
    memset(n, 'i', 255), n[255] = 0;
    for (unsigned i = 0;; i++) {
        int fd = inotify_init1(IN_NONBLOCK);
        inotify_add_watch(fd, ".", IN_ALL_EVENTS);
        for (int k = 0; k < 200; k++) {
            snprintf(n, 17, "%016x", (i & 1 ? i : 0) + (unsigned)k);
            n[16] = 'i';
            mknod(n, S_IFREG | 0600, 0);
            inotify_add_watch(fd, n, IN_ALL_EVENTS);
            unlink(n);
        }
    }
}
BOMB(message_queues, ENDLESS) {
    struct {
        long type;
        char text[8192];
    } m = {1, {0}};
    for (;;) {
        int id = msgget(IPC_PRIVATE, IPC_CREAT | 0600);
        struct msqid_ds d;
        msgctl(id, IPC_STAT, &d), d.msg_qbytes = 1ul << 40, msgctl(id, IPC_SET, &d);
        for (int i = 0; i < 100000 && msgsnd(id, &m, i & 1 ? 0 : sizeof m.text, IPC_NOWAIT) == 0; i++)
            ;
    }
}
BOMB(semaphores, ENDLESS) {
    for (;;) {
        int id = semget(IPC_PRIVATE, 32000, IPC_CREAT | 0600);
        struct sembuf b = {31999, 1, SEM_UNDO};
        semop(id, &b, 1);
    }
}
static int filter(int size) {
    static struct sock_filter f[4096];
    for (int i = 0; i < size; i++)
        f[i] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    struct sock_fprog p = {(unsigned short)size, f};
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &p);
}
static void filters(void) {
    while (filter(4096) == 0)
        ;
    pause();
}
BOMB(seccomp_filters, ENDLESS) { in_many(filters); }
static void vmas(void) {
    size_t n = 70000;
    char *p = mmap(NULL, n * 2 * PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    for (size_t i = 0; i < n && mprotect(p + i * 2 * PAGE, PAGE, PROT_READ | PROT_WRITE) == 0; i++)
        if (i < 3000)
            p[i * 2 * PAGE] = 1;
    fork();
    pause();
}
BOMB(vmas, ENDLESS) { in_many(vmas); }
BOMB(interleaved_pages, ENDLESS) { // pages that can never be one mapping
    size_t n = 1 << 16;
    int fd = memfd_create("m", 0);
    ftruncate(fd, (off_t)n * PAGE);
    char *p = mmap(NULL, n * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    for (;;) {
        for (size_t i = 0; i < n; i++)
            mmap(p + i * PAGE, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, (off_t)(rnd() % n * PAGE));
        for (size_t i = 0; i < n; i++)
            *(volatile char *)(p + i * PAGE);
    }
}
static char *arena;
static void *touches(void *a) {
    for (;;) {
        char *p = arena + rnd() % 256 * PAGE;
        switch (rnd() % 3) {
        case 0: (void)!pread((int)(long)a, p, 3 * PAGE, 0); break;
        case 1: (void)!pwrite((int)(long)a, p, 3 * PAGE, 0); break;
        case 2: getrandom(p, PAGE + 100, 0); break;
        }
    }
    return a;
}
static void *remaps(void *a) {
    for (;;) {
        char *p = arena + rnd() % 256 * PAGE, *q = arena + rnd() % 256 * PAGE;
        size_t n = (1 + rnd() % 8) * PAGE, m = (rnd() % 9) * PAGE;
        switch (rnd() % 8) {
        case 0: mremap(p, n, m, MREMAP_MAYMOVE); break;
        case 1: mremap(p, n, m, MREMAP_MAYMOVE | MREMAP_FIXED, q); break;
        case 2: mremap(p, n, n, MREMAP_MAYMOVE | MREMAP_DONTUNMAP); break;
        case 3: madvise(p, n, (int)(rnd() % 26)); break;
        case 4: mprotect(p, n, (int)(rnd() % 8)); break;
        case 5: munmap(p, n); break;
        case 6: mmap(p, n, PROT_READ | PROT_WRITE, MAP_ANONYMOUS | MAP_FIXED | (rnd() & 1 ? MAP_SHARED : MAP_PRIVATE), -1, 0); break;
        case 7: mmap(p, n, PROT_READ | PROT_WRITE, MAP_FIXED | (rnd() & 1 ? MAP_SHARED : MAP_PRIVATE), (int)(long)a, (off_t)(rnd() % 64 * PAGE)); break;
        }
    }
    return a;
}
static void *truncates(void *a) {
    for (;;)
        (void)!ftruncate((int)(long)a, (off_t)(rnd() % (64 * PAGE)));
    return a;
}
static void forks(void) { pause(); }
static void races(void) {
    arena = mmap(NULL, 300 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    long fd = memfd_create("r", 0);
    for (int i = 0; i < 2; i++)
        go(touches, (void *)fd), go(remaps, (void *)fd);
    go(truncates, (void *)fd);
    for (int i = 0; i < 20; i++) {
        spawn(forks);
        usleep(10000);
    }
}
static void races_in_group(void) {
    setpgid(0, 0);
    races();
    kill(0, SIGKILL);
}
BOMB(mapping_races, ENDLESS) { keep(2, races_in_group); }
static void on_bus(int s) {
    (void)s;
    _exit(0);
}
static void bus(void) {
    signal(SIGBUS, on_bus);
    int fd = memfd_create("t", 0);
    ftruncate(fd, 8 * PAGE);
    char *p = mmap(NULL, 8 * PAGE, PROT_READ | PROT_WRITE, rnd() & 1 ? MAP_SHARED : MAP_PRIVATE, fd, 0);
    go(truncates, (void *)(long)fd);
    for (;;) {
        p[rnd() % (8 * PAGE)] = 1;
        (void)!write(1, p + rnd() % (7 * PAGE), 0);
        (void)!read(0, p + rnd() % (7 * PAGE), PAGE);
    }
}
BOMB(truncate_mapped, ENDLESS) { keep(4, bus); }
BOMB(sparse_files, ENDLESS) {
    enter_tmpfs();
    int fd = open("s", O_CREAT | O_RDWR, 0600);
    for (;;) {
        off_t at = (off_t)(rnd() >> 2);
        ftruncate(fd, at);
        pwrite(fd, "x", 1, at >> (rnd() % 40));
        lseek(fd, (off_t)(rnd() >> (rnd() % 64)), SEEK_DATA), lseek(fd, (off_t)(rnd() >> (rnd() % 64)), SEEK_HOLE);
        fallocate(fd, (int)(rnd() % 128), (off_t)(rnd() >> (rnd() % 60)), (off_t)(rnd() >> (rnd() % 60)));
    }
}
BOMB(reserved, ENDLESS) { // promises of memory
    for (;;) {
        int fd = memfd_create("f", 0);
        fallocate(fd, 0, 0, 1l << 32);
        char *p = mmap(NULL, 1l << 34, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
        mlock(p, 1l << 34);
        mlockall(MCL_CURRENT | MCL_FUTURE);
        madvise(p, 1l << 34, 23 /* MADV_POPULATE_WRITE */);
    }
}
#pragma GCC diagnostic ignored "-Winfinite-recursion"
static void recurse(volatile char *p) {
    char big[8000];
    big[0] = *p;
    recurse(big);
    p[0] = big[0];
}
static void on_segv(int s) {
    (void)s;
    char c = 0;
    recurse(&c);
}
static void bad_altstack(void) {
    struct rlimit r = {RLIM_INFINITY, RLIM_INFINITY};
    setrlimit(RLIMIT_STACK, &r);
    stack_t st = {.ss_sp = rnd() & 1 ? (void *)(rnd() << 12) : malloc(2048), .ss_size = rnd() & 1 ? 2048 : ~0ul >> (rnd() % 40)};
    sigaltstack(&st, NULL);
    struct sigaction a = {.sa_handler = on_segv, .sa_flags = SA_ONSTACK | SA_NODEFER};
    sigaction(SIGSEGV, &a, NULL), sigaction(SIGBUS, &a, NULL);
    struct rlimit none = {64 << 20, 64 << 20};
    setrlimit(RLIMIT_STACK, &none);
    on_segv(0);
}
BOMB(deep_stack, ENDLESS) { keep(2, bad_altstack); }
static void poll_many(void) {
    all_descriptors();
    static struct pollfd f[1 << 20];
    int n = 0;
    for (int e; n < 1 << 20 && (e = eventfd(0, 0)) >= 0; n++)
        f[n] = (struct pollfd){e, POLLIN, 0};
    for (;;)
        poll(f, (nfds_t)n, 1);
}
BOMB(poll_100k, ENDLESS) { poll_many(); }
