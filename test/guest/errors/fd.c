// Descriptors: the errors and flags that the pages of fcntl, dup, close_range, flock, pipe, eventfd, timerfd, signalfd, memfd_create,
// inotify, epoll, poll, select and the pidfd calls document.
#include "../guest.h"
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/select.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>

static char b[8192];
static void few_descriptors(void) { // only 0, 1 and 2
    struct rlimit r = {3, 3};
    syscall(SYS_close_range, 3, ~0U, 0);
    OK(setrlimit(RLIMIT_NOFILE, &r));
}

TEST_DIR(fcntl_commands) {
    write_file("f", "0123456789");
    int f = OK(open("f", O_RDWR)), r = OK(open("f", O_RDONLY)), w = OK(open("f", O_WRONLY)), path = OK(open("f", O_PATH)), d = OK(open(".", O_RDONLY)), p[2];
    OK(pipe(p));
    static const int all[] = {F_DUPFD, F_DUPFD_CLOEXEC, F_GETFD, F_SETFD, F_GETFL, F_SETFL, F_SETLK, F_SETLKW, F_GETLK, F_OFD_SETLK, F_OFD_SETLKW, F_OFD_GETLK, F_GETOWN, F_SETOWN,
        F_GETOWN_EX, F_SETOWN_EX, F_GETSIG, F_SETSIG, F_SETLEASE, F_GETLEASE, F_NOTIFY, F_SETPIPE_SZ, F_GETPIPE_SZ, F_ADD_SEALS, F_GET_SEALS, 1035, 1036, 1037, 1038};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        ROW(fcntl(99, all[i], 0), EBADF);
    static const int on_path[] = {F_GETFD, F_SETFD, F_GETFL, F_DUPFD, F_DUPFD_CLOEXEC};
    for (size_t i = 0; i < 5; i++)
        ROW(fcntl(path, on_path[i], 0), 0);
    for (size_t i = 5; i < sizeof all / sizeof *all; i++)
        ROW(fcntl(path, all[i], 0), EBADF);
    ROW(fcntl(f, 77777, 0), EINVAL);
    ROW(fcntl(f, -1, 0), EINVAL);
    ROW(fcntl(f, F_DUPFD, -1), EINVAL);
    ROW(fcntl(f, F_DUPFD, 1 << 30), EINVAL);
    ROW(fcntl(f, F_DUPFD_CLOEXEC, -1), EINVAL);
    ROW(fcntl(f, F_SETFD, 0xfffe), 0); // bits other than FD_CLOEXEC are ignored
    VALUE(fcntl(f, F_GETFD), 0);
    ROW(fcntl(f, F_SETFL, O_DIRECT), 0);
    ROW(fcntl(p[0], F_SETFL, O_DIRECT), 0);
    ROW(fcntl(p[0], F_SETFL, 0), 0);
    struct flock l = {.l_type = F_RDLCK}, bad = {.l_type = 7}, whence = {.l_type = F_RDLCK, .l_whence = 9}, before = {.l_type = F_RDLCK, .l_start = -1}, far = {.l_type = F_RDLCK, .l_start = LONG_MAX, .l_len = 2},
        len = {.l_type = F_RDLCK, .l_len = -1}, wr = {.l_type = F_WRLCK}, pid = {.l_type = F_RDLCK, .l_pid = 1};
    static const int locks[] = {F_SETLK, F_SETLKW, F_GETLK, F_OFD_SETLK, F_OFD_SETLKW, F_OFD_GETLK};
    for (int i = 0; i < 6; i++) {
        int c = locks[i];
        l.l_type = F_RDLCK;
        ROW(fcntl(f, c, &l), 0);
        ROW(fcntl(f, c, 8), EFAULT);
        ROW(fcntl(f, c, &bad), EINVAL);
        ROW(fcntl(f, c, &whence), EINVAL);
        ROW(fcntl(f, c, &before), EINVAL);
        ROW(fcntl(f, c, &far), EOVERFLOW);
        ROW(fcntl(f, c, &len), EINVAL);
        ROW(fcntl(f, c, &pid), i >= 3 ? EINVAL : 0);
        ROW(fcntl(p[0], c, &(struct flock){.l_type = F_RDLCK}), 0);
    }
    l.l_type = F_UNLCK;
    ROW(fcntl(f, F_GETLK, &l), EINVAL);
    ROW(fcntl(f, F_OFD_GETLK, &l), 0); // whether this file holds a lock there
    CHECK_EQ(l.l_type, F_RDLCK), CHECK_EQ(l.l_pid, -1);
    l.l_type = F_UNLCK, l.l_pid = 0;
    ROW(fcntl(f, F_OFD_SETLK, &l), 0);
    ROW(fcntl(f, F_OFD_GETLK, &l), 0);
    CHECK_EQ(l.l_type, F_UNLCK);
    ROW(fcntl(w, F_SETLK, &(struct flock){.l_type = F_RDLCK}), EBADF);
    ROW(fcntl(r, F_SETLK, &wr), EBADF);
    ROW(fcntl(w, F_OFD_SETLK, &(struct flock){.l_type = F_RDLCK}), EBADF);
    ROW(fcntl(r, F_OFD_SETLKW, &wr), EBADF);
    ROW(fcntl(r, F_GETLK, &(struct flock){.l_type = F_WRLCK}), 0);
    ROW(fcntl(f, F_SETOWN, 1 << 29), ESRCH);
    ROW(fcntl(f, F_SETOWN, -(1 << 29)), ESRCH);
    ROW(fcntl(f, F_SETOWN, INT_MIN), EINVAL);
    ROW(fcntl(f, F_SETOWN, getpid()), 0);
    VALUE(fcntl(f, F_GETOWN), getpid());
    ROW(fcntl(f, F_SETOWN, 0), 0);
    VALUE(fcntl(f, F_GETOWN), 0);
    struct f_owner_ex own = {7, getpid()};
    ROW(fcntl(f, F_SETOWN_EX, &own), EINVAL);
    own.type = F_OWNER_PID, own.pid = 1 << 29;
    ROW(fcntl(f, F_SETOWN_EX, &own), ESRCH);
    ROW(fcntl(f, F_SETOWN_EX, 8), EFAULT);
    ROW(fcntl(f, F_GETOWN_EX, 8), EFAULT);
    own.pid = getpid();
    for (own.type = 0; own.type < 3; own.type++) {
        struct f_owner_ex got;
        own.pid = own.type == F_OWNER_PGRP ? getpgrp() : getpid();
        ROW(fcntl(f, F_SETOWN_EX, &own), 0);
        ROW(fcntl(f, F_GETOWN_EX, &got), 0);
        CHECK_EQ(got.type, own.type), CHECK_EQ(got.pid, own.pid);
        if (own.type != F_OWNER_PGRP) // whose negative number libc may take for an error
            VALUE(fcntl(f, F_GETOWN), own.pid);
    }
    ROW(fcntl(f, F_SETSIG, 65), EINVAL);
    ROW(fcntl(f, F_SETSIG, -1), EINVAL);
    ROW(fcntl(f, F_SETSIG, 64), 0);
    ROW(fcntl(f, F_SETLEASE, 77), EINVAL);
    ROW(fcntl(d, F_SETLEASE, F_RDLCK), EINVAL);
    ROW(fcntl(p[0], F_SETLEASE, F_RDLCK), EINVAL);
    ROW(fcntl(f, F_SETLEASE, F_RDLCK), EAGAIN); // open for writing
    ROW(fcntl(f, F_SETLEASE, F_UNLCK), EAGAIN); // none there
    VALUE(fcntl(f, F_GETLEASE), F_UNLCK);
    ROW(fcntl(f, F_NOTIFY, DN_CREATE), ENOTDIR);
    ROW(fcntl(d, F_NOTIFY, 0), 0);
    ROW(fcntl(d, F_NOTIFY, DN_CREATE), 0);
    ROW(fcntl(f, F_GETPIPE_SZ), EBADF);
    ROW(fcntl(f, F_SETPIPE_SZ, 4096), EBADF);
    VALUE(fcntl(p[0], F_SETPIPE_SZ, 1), 4096);
    VALUE(fcntl(p[0], F_SETPIPE_SZ, 5000), 8192);
    VALUE(fcntl(p[1], F_GETPIPE_SZ), 8192);
    ROW(fcntl(p[0], F_SETPIPE_SZ, 0), 0);
    ROW(fcntl(p[0], F_SETPIPE_SZ, -1), EINVAL);
    if (!privileged())
        ROW(fcntl(p[0], F_SETPIPE_SZ, 1 << 25), EPERM);
    VALUE(fcntl(p[0], F_SETPIPE_SZ, 65536), 65536);
    VALUE(write(p[1], b, 8192), 8192);
    ROW(fcntl(p[0], F_SETPIPE_SZ, 4096), EBUSY);
    ROW(fcntl(f, F_GET_SEALS), EINVAL);
    ROW(fcntl(f, F_ADD_SEALS, F_SEAL_SEAL), EINVAL);
    ROW(fcntl(p[0], F_GET_SEALS), EINVAL);
    uint64_t hint = 99;
    static const int hints[] = {1035, 1036, 1037, 1038};
    ROW(fcntl(f, hints[1], &hint), EINVAL);
    ROW(fcntl(f, hints[1], 8), EFAULT);
    ROW(fcntl(f, hints[0], 8), EFAULT);
    hint = 2;
    ROW(fcntl(f, hints[1], &hint), 0);
    hint = 0;
    ROW(fcntl(f, hints[0], &hint), 0);
    CHECK_EQ(hint, 2);
    VALUE(fcntl(f, 1027 /* F_DUPFD_QUERY */, f), 1);
    VALUE(fcntl(f, 1027, r), 0);
    ROW(fcntl(f, 1027, 99), EBADF);
    uint32_t ids[2];
    ROW(fcntl(f, 17 /* F_GETOWNER_UIDS */, ids), 0);
    CHECK_EQ(ids[0], getuid()), CHECK_EQ(ids[1], geteuid());
    ROW(fcntl(f, 17, 8), EFAULT);
}
TEST_DIR(seals) {
    int m = OK(memfd_create("m", MFD_ALLOW_SEALING)), plain = OK(memfd_create("m", 0));
    VALUE(fcntl(plain, F_GET_SEALS), F_SEAL_SEAL);
    ROW(fcntl(plain, F_ADD_SEALS, F_SEAL_WRITE), EPERM);
    ROW(fcntl(m, F_ADD_SEALS, 0x1000), EINVAL);
    VALUE(write(m, b, 100), 100);
    char self[40];
    snprintf(self, sizeof self, "/proc/self/fd/%d", m);
    int r = OK(open(self, O_RDONLY));
    ROW(fcntl(r, F_ADD_SEALS, F_SEAL_WRITE), EPERM); // needs a writable descriptor
    char *p = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, m, 0);
    ROW(fcntl(m, F_ADD_SEALS, F_SEAL_WRITE), EBUSY);
    ROW(fcntl(m, F_ADD_SEALS, F_SEAL_FUTURE_WRITE), 0);
    *p = 1;
    ROW(write(m, b, 1), EPERM);
    ROW(mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, m, 0), EPERM);
    ROW(mmap(NULL, PAGE, PROT_READ, MAP_SHARED, m, 0), 0);
    ROW(mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, m, 0), 0);
    OK(munmap(p, PAGE));
    ROW(fcntl(m, F_ADD_SEALS, F_SEAL_WRITE), 0);
    ROW(pwrite(m, b, 1, 0), EPERM);
    ROW(fallocate(m, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 10), EPERM);
    ROW(ftruncate(m, 10), 0);
    ROW(fcntl(m, F_ADD_SEALS, F_SEAL_SHRINK), 0);
    ROW(ftruncate(m, 5), EPERM);
    ROW(ftruncate(m, 10), 0);
    ROW(ftruncate(m, 20), 0);
    ROW(fcntl(m, F_ADD_SEALS, F_SEAL_GROW), 0);
    ROW(ftruncate(m, 21), EPERM);
    ROW(fallocate(m, 0, 0, 100), EPERM);
    ROW(fcntl(m, F_ADD_SEALS, F_SEAL_SEAL), 0);
    ROW(fcntl(m, F_ADD_SEALS, F_SEAL_GROW), EPERM);
    VALUE(fcntl(m, F_GET_SEALS), F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_FUTURE_WRITE);
    ROW(open(self, O_RDWR), 0);
    ROW(open(self, O_RDWR | O_TRUNC), EPERM);
    static char name[300];
    memset(name, 'n', 250);
    ROW(memfd_create(name, 0), EINVAL);
    name[249] = 0;
    ROW(memfd_create(name, 0), 0);
    ROW(memfd_create("", 0), 0);
    ROW(memfd_create((char *)8, 0), EFAULT);
    ROW(memfd_create("m", 0x1000), EINVAL);
    ROW(memfd_create("m", 8 | 16 /* NOEXEC_SEAL | EXEC */), EINVAL);
    ROW(memfd_create("m", 1 << 26), EINVAL); // a huge page size without MFD_HUGETLB
    int noexec = OK(memfd_create("m", 8 /* MFD_NOEXEC_SEAL */));
    VALUE(fcntl(noexec, F_GET_SEALS), 0x20 /* F_SEAL_EXEC */);
    ROW(fchmod(noexec, 0777), EPERM);
    ROW(fchmod(noexec, 0600), 0);
    int exec = OK(memfd_create("m", 16 | MFD_ALLOW_SEALING));
    ROW(fcntl(exec, F_ADD_SEALS, 0x20), 0);
    ROW(fchmod(exec, 0666), EPERM);
    few_descriptors();
    ROW(memfd_create("m", 0), EMFILE);
}
TEST_DIR(record_locks) {
    write_file("f", "0123456789");
    int a = OK(open("f", O_RDWR)), c = OK(open("f", O_RDWR));
    gate_t held = gate_new(), tried = gate_new(), going = gate_new();
    struct flock first = {.l_type = F_WRLCK, .l_len = 1}, second = {.l_type = F_WRLCK, .l_start = 1, .l_len = 1};
    pid_t child = FORK();
    if (child == 0) {
        OK(fcntl(a, F_SETLK, &second));
        gate_open(held), gate_wait(tried), gate_open(going);
        OK(fcntl(a, F_SETLKW, &first)); // waits for the parent, until it gives up
        _exit(0);
    }
    OK(fcntl(a, F_SETLK, &first));
    gate_wait(held);
    ROW(fcntl(a, F_SETLK, &second), EAGAIN);
    ROW(fcntl(c, F_OFD_SETLK, &second), EAGAIN);
    struct flock get = {.l_type = F_RDLCK};
    ROW(fcntl(a, F_GETLK, &get), 0);
    CHECK_EQ(get.l_type, F_WRLCK), CHECK_EQ(get.l_pid, child), CHECK_EQ(get.l_start, 1), CHECK_EQ(get.l_len, 1), CHECK_EQ(get.l_whence, SEEK_SET);
    gate_open(tried), gate_wait(going); // the next sleep of it is the lock's
    char stat[64];
    snprintf(stat, sizeof stat, "/proc/%d/stat", child);
    WAIT_UNTIL(strstr(read_file(stat), ") S "));
    ROW(fcntl(a, F_SETLKW, &second), EDEADLK);
    on_signal(SIGALRM, SIG_IGN, 0);
    first.l_type = F_UNLCK;
    ROW(fcntl(a, F_SETLK, &first), 0);
    CHECK_EXIT(child, 0);
    first.l_type = F_WRLCK;
    ROW(fcntl(c, F_OFD_SETLK, &first), 0);
    ROW(fcntl(a, F_SETLK, &first), EAGAIN);
    get = (struct flock){.l_type = F_WRLCK};
    ROW(fcntl(a, F_GETLK, &get), 0);
    CHECK_EQ(get.l_pid, -1); // an open file description holds it
}
TEST_DIR(flock_errors) {
    write_file("f", "x");
    int a = OK(open("f", O_RDONLY)), c = OK(open("f", O_RDONLY)), path = OK(open("f", O_PATH)), p[2];
    OK(pipe(p));
    ROW(flock(99, LOCK_SH), EBADF);
    ROW(flock(path, LOCK_SH), EBADF);
    ROW(flock(a, 0), EINVAL);
    ROW(flock(a, LOCK_SH | LOCK_EX), EINVAL);
    ROW(flock(a, LOCK_NB), EINVAL);
    ROW(flock(a, 16), EINVAL);
    ROW(flock(a, LOCK_UN | LOCK_NB), 0);
    ROW(flock(p[0], LOCK_EX), 0);
    ROW(flock(a, LOCK_EX), 0);
    ROW(flock(c, LOCK_SH | LOCK_NB), EWOULDBLOCK);
    ROW(flock(c, LOCK_EX | LOCK_NB), EWOULDBLOCK);
    on_signal(SIGALRM, on_nothing, 0), tick(5);
    ROW(flock(c, LOCK_EX), EINTR);
    ROW(fcntl(c, F_SETLKW, &(struct flock){.l_type = F_RDLCK}), 0);
    IN_CHILD(on_signal(SIGALRM, on_nothing, 0), tick(5); int d = OK(open("f", O_RDWR)); CHECK_ERR(fcntl(d, F_SETLKW, &(struct flock){.l_type = F_WRLCK}), EINTR); CHECK_ERR(fcntl(d, F_OFD_SETLKW, &(struct flock){.l_type = F_WRLCK}), EINTR));
}
TEST(dup_and_close) {
    ROW(dup(99), EBADF);
    ROW(dup(-1), EBADF);
    ROW(dup2(99, 3), EBADF);
    ROW(dup2(0, -1), EBADF);
    ROW(dup2(0, 1 << 30), EBADF);
    ROW(dup2(99, 99), EBADF);
    ROW(dup3(0, 0, 0), EINVAL);
    ROW(dup3(99, 99, 0), EINVAL);
    ROW(dup3(0, 5, O_APPEND), EINVAL);
    ROW(dup3(99, 5, 0), EBADF);
    ROW(dup3(0, -1, 0), EBADF);
    ROW(dup3(0, 1 << 30, O_CLOEXEC), EBADF);
    ROW(close(99), EBADF);
    ROW(close(-1), EBADF);
    ROW(syscall(SYS_close_range, 10, 9, 0), EINVAL);
    ROW(syscall(SYS_close_range, 9, 10, 1), EINVAL);
    ROW(syscall(SYS_close_range, 9, 10, 8), EINVAL);
    ROW(syscall(SYS_close_range, 9, 10, 6 /* UNSHARE | CLOEXEC */), 0);
    int p[2];
    ROW(pipe2(p, O_APPEND), EINVAL);
    ROW(pipe2(p, O_NONBLOCK | O_CLOEXEC | O_DIRECT), 0);
    ROW(pipe2((int *)8, 0), EFAULT);
    ROW(syscall(SYS_pipe, 8), EFAULT);
    int before = OK(dup(0));
    ROW(syscall(SYS_pipe, 8), EFAULT);
    VALUE(dup(0), before + 1); // nothing was left open
    few_descriptors();
    ROW(dup(0), EMFILE);
    ROW(fcntl(0, F_DUPFD, 0), EMFILE);
    ROW(fcntl(0, F_DUPFD, 3), EINVAL);
    ROW(dup2(0, 3), EBADF);
    ROW(pipe(p), EMFILE);
    ROW(pipe2(p, 0), EMFILE);
    ROW(eventfd(0, 0), EMFILE);
    ROW(syscall(SYS_eventfd, 0), EMFILE);
    ROW(timerfd_create(CLOCK_MONOTONIC, 0), EMFILE);
    sigset_t s = sigset_of(SIGUSR1, 0, 0);
    ROW(signalfd(-1, &s, 0), EMFILE);
    ROW(syscall(SYS_signalfd, -1, &s, 8), EMFILE);
    ROW(inotify_init1(0), EMFILE);
    ROW(syscall(SYS_inotify_init), EMFILE);
    ROW(epoll_create1(0), EMFILE);
    ROW(syscall(SYS_epoll_create, 1), EMFILE);
    ROW(socket(AF_UNIX, SOCK_STREAM, 0), EMFILE);
    ROW(socketpair(AF_UNIX, SOCK_STREAM, 0, p), EMFILE);
    ROW(syscall(SYS_pidfd_open, getpid(), 0), EMFILE);
    ROW(open("/", O_RDONLY), EMFILE);
    ROW(open("/", O_PATH), EMFILE);
    ROW(creat("/tmp/never-made", 0600), EMFILE);
    ROW(access("/tmp/never-made", F_OK), ENOENT);
}
TEST(event_descriptors) {
    uint64_t n = ~0ULL;
    ROW(eventfd(0, 0x10), EINVAL);
    int e = OK(eventfd(5, EFD_NONBLOCK | EFD_CLOEXEC)), s = OK(eventfd(2, EFD_SEMAPHORE | EFD_NONBLOCK));
    ROW(read(e, &n, 7), EINVAL);
    ROW(write(e, &n, 7), EINVAL);
    ROW(write(e, &n, 8), EINVAL); // all ones
    n = ~0ULL - 1 - 5;
    ROW(write(e, &n, 8), 0);
    n = 1;
    ROW(write(e, &n, 8), EAGAIN);
    VALUE(read(e, b, 100), 8);
    ROW(read(e, &n, 8), EAGAIN);
    ROW(write(e, (void *)8, 8), EFAULT);
    VALUE(read(s, &n, 8), 8);
    CHECK_EQ(n, 1);
    VALUE(read(s, &n, 8), 8);
    ROW(read(s, &n, 8), EAGAIN);

    static const int clocks[] = {CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_BOOTTIME};
    for (int i = 0; i < 3; i++)
        ROW(timerfd_create(clocks[i], 0), 0);
    ROW(timerfd_create(CLOCK_PROCESS_CPUTIME_ID, 0), EINVAL);
    ROW(timerfd_create(CLOCK_TAI, 0), EINVAL);
    ROW(timerfd_create(77, 0), EINVAL);
    ROW(timerfd_create(CLOCK_MONOTONIC, 0x10), EINVAL);
    if (!privileged()) {
        ROW(timerfd_create(CLOCK_REALTIME_ALARM, 0), EPERM);
        ROW(timerfd_create(CLOCK_BOOTTIME_ALARM, 0), EPERM);
    }
    int t = OK(timerfd_create(CLOCK_REALTIME, TFD_NONBLOCK));
    struct itimerspec its = {{0, 0}, {0, 1000000000}}, ok = {{0, 0}, {100, 0}}, old;
    ROW(timerfd_settime(99, 0, &ok, NULL), EBADF);
    ROW(timerfd_settime(e, 0, &ok, NULL), EINVAL);
    ROW(timerfd_settime(t, 0x10, &ok, NULL), EINVAL);
    ROW(timerfd_settime(t, 0, &its, NULL), EINVAL);
    its.it_value.tv_nsec = -1;
    ROW(timerfd_settime(t, 0, &its, NULL), EINVAL);
    its = (struct itimerspec){{-1, 0}, {1, 0}};
    ROW(timerfd_settime(t, 0, &its, NULL), EINVAL);
    ROW(timerfd_settime(t, 0, (void *)8, NULL), EFAULT);
    ROW(timerfd_settime(t, 0, &ok, (void *)8), EFAULT);
    ROW(timerfd_settime(t, 0, &ok, &old), 0);
    ROW(timerfd_gettime(99, &old), EBADF);
    ROW(timerfd_gettime(e, &old), EINVAL);
    ROW(timerfd_gettime(t, (void *)8), EFAULT);
    ROW(timerfd_gettime(t, &old), 0);
    CHECK_LE(old.it_value.tv_sec, 100), CHECK_GE(old.it_value.tv_sec, 90);
    ROW(read(t, &n, 7), EINVAL);
    ROW(read(t, &n, 8), EAGAIN);
    ok.it_value = (struct timespec){1LL << 40, 0};
    ROW(timerfd_settime(t, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &ok, NULL), 0);
    ok.it_value = (struct timespec){1, 0};
    ROW(timerfd_settime(t, TFD_TIMER_ABSTIME, &ok, NULL), 0);
    OK(fcntl(t, F_SETFL, 0)); // it is over, but a busy machine may have to be waited for
    VALUE(read(t, &n, 8), 8);
    CHECK_EQ(n, 1);

    sigset_t set = sigset_of(SIGUSR1, SIGKILL, SIGSTOP);
    ROW(signalfd(99, &set, 0), EBADF);
    ROW(signalfd(e, &set, 0), EINVAL);
    ROW(syscall(SYS_signalfd4, -1, &set, 8, 0x10), EINVAL);
    ROW(syscall(SYS_signalfd4, -1, &set, 4, 0), EINVAL);
    ROW(syscall(SYS_signalfd4, -1, 8, 8, 0), EFAULT);
    ROW(syscall(SYS_signalfd, -1, &set, 4), EINVAL);
    int sf = OK(signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC));
    VALUE(signalfd(sf, &set, 0), sf);
    ROW(read(sf, b, 127), EINVAL);
    ROW(read(sf, b, 128), EAGAIN);
    block_signal(SIGUSR1), raise(SIGUSR1);
    ROW(read(sf, (void *)8, 128), EFAULT);
}
TEST_DIR(inotify_errors) {
    write_file("f", "x"), OK(mkdir("d", 0700));
    int i = OK(inotify_init1(IN_NONBLOCK | IN_CLOEXEC)), e = OK(eventfd(0, 0));
    ROW(inotify_init1(0x10), EINVAL);
    ROW(inotify_add_watch(99, "f", IN_CREATE), EBADF);
    ROW(inotify_add_watch(e, "f", IN_CREATE), EINVAL);
    ROW(inotify_add_watch(i, "f", 0), EINVAL);
    ROW(inotify_add_watch(i, "f", 0x10000), EINVAL);
    ROW(inotify_add_watch(i, "f", IN_ONLYDIR | IN_MODIFY), ENOTDIR);
    ROW(inotify_add_watch(i, "f", IN_MASK_ADD | IN_MASK_CREATE | IN_MODIFY), EINVAL);
    int w = OK(inotify_add_watch(i, "f", IN_MODIFY | IN_MASK_CREATE));
    ROW(inotify_add_watch(i, "f", IN_MODIFY | IN_MASK_CREATE), EEXIST);
    VALUE(inotify_add_watch(i, "f", IN_ATTRIB | IN_MASK_ADD), w);
    ROW(inotify_add_watch(i, (char *)8, IN_MODIFY), EFAULT);
    ROW(inotify_rm_watch(99, w), EBADF);
    ROW(inotify_rm_watch(e, w), EINVAL);
    ROW(inotify_rm_watch(i, w + 5), EINVAL);
    ROW(inotify_rm_watch(i, -1), EINVAL);
    ROW(read(i, b, 8192), EAGAIN);
    OK(chmod("f", 0600));
    ROW(read(i, b, 4), EINVAL);
    ROW(read(i, (void *)8, 100), EFAULT);
    OK(chmod("f", 0600)), OK(truncate("f", 0));
    CHECK_GE(read(i, b, 100), 16);
    ROW(inotify_rm_watch(i, w), 0);
    ROW(inotify_rm_watch(i, w), EINVAL);
    if (geteuid() != 0) {
        OK(chmod("f", 0));
        ROW(inotify_add_watch(i, "f", IN_MODIFY), EACCES);
    }
}
TEST_DIR(epoll_errors) {
    write_file("f", "x");
    int ep = OK(epoll_create1(EPOLL_CLOEXEC)), ep2 = OK(epoll_create1(0)), p[2], f = OK(open("f", O_RDONLY)), d = OK(open(".", O_RDONLY)), path = OK(open("f", O_PATH));
    struct epoll_event ev = {EPOLLIN, {0}}, out[4];
    OK(pipe(p));
    ROW(syscall(SYS_epoll_create, 0), EINVAL);
    ROW(syscall(SYS_epoll_create, -1), EINVAL);
    ROW(epoll_create1(1), EINVAL);
    ROW(epoll_ctl(99, EPOLL_CTL_ADD, p[0], &ev), EBADF);
    ROW(epoll_ctl(ep, EPOLL_CTL_ADD, 99, &ev), EBADF);
    ROW(epoll_ctl(ep, EPOLL_CTL_ADD, path, &ev), EBADF);
    ROW(epoll_ctl(p[0], EPOLL_CTL_ADD, p[0], &ev), EINVAL);
    ROW(epoll_ctl(ep, EPOLL_CTL_ADD, ep, &ev), EINVAL);
    ROW(epoll_ctl(ep, EPOLL_CTL_ADD, f, &ev), EPERM);
    ROW(epoll_ctl(ep, EPOLL_CTL_ADD, d, &ev), EPERM);
    ROW(epoll_ctl(ep, 9, p[0], &ev), EINVAL);
    ROW(epoll_ctl(ep, EPOLL_CTL_ADD, p[0], (void *)8), EFAULT);
    ROW(epoll_ctl(ep, EPOLL_CTL_MOD, p[0], &ev), ENOENT);
    ROW(epoll_ctl(ep, EPOLL_CTL_DEL, p[0], NULL), ENOENT);
    ROW(epoll_ctl(ep, EPOLL_CTL_ADD, p[0], &ev), 0);
    ROW(epoll_ctl(ep, EPOLL_CTL_ADD, p[0], &ev), EEXIST);
    ROW(epoll_ctl(ep, EPOLL_CTL_MOD, p[0], &ev), 0);
    ev.events = EPOLLIN | EPOLLEXCLUSIVE;
    ROW(epoll_ctl(ep, EPOLL_CTL_MOD, p[0], &ev), EINVAL);
    ROW(epoll_ctl(ep, EPOLL_CTL_ADD, ep2, &ev), EINVAL); // exclusive, of an epoll instance
    ev.events = EPOLLIN | EPOLLEXCLUSIVE | EPOLLONESHOT;
    ROW(epoll_ctl(ep, EPOLL_CTL_ADD, p[1], &ev), EINVAL);
    ev.events = EPOLLIN | EPOLLEXCLUSIVE | EPOLLET | EPOLLWAKEUP;
    ROW(epoll_ctl(ep, EPOLL_CTL_ADD, p[1], &ev), 0);
    ev.events = EPOLLIN;
    ROW(epoll_ctl(ep, EPOLL_CTL_MOD, p[1], &ev), EINVAL); // an exclusive one cannot change
    ROW(epoll_ctl(ep, EPOLL_CTL_DEL, p[1], NULL), 0);
    ROW(epoll_ctl(ep, EPOLL_CTL_ADD, ep2, &ev), 0);
    ROW(epoll_ctl(ep2, EPOLL_CTL_ADD, ep, &ev), ELOOP);
    int chain[6];
    for (int i = 0; i < 6; i++)
        chain[i] = OK(epoll_create1(0));
    for (int i = 0; i < 4; i++)
        ROW(epoll_ctl(chain[i], EPOLL_CTL_ADD, chain[i + 1], &ev), 0);
    ROW(epoll_ctl(chain[4], EPOLL_CTL_ADD, chain[5], &ev), ELOOP); // deeper than 5
    ROW(epoll_wait(99, out, 4, 0), EBADF);
    ROW(epoll_wait(p[0], out, 4, 0), EINVAL);
    ROW(epoll_wait(ep, out, 0, 0), EINVAL);
    ROW(epoll_wait(ep, out, -1, 0), EINVAL);
    ROW(epoll_wait(ep, out, INT_MAX, 0), EINVAL);
    VALUE(write(p[1], "x", 1), 1);
    ROW(epoll_wait(ep, (void *)8, 4, 0), EFAULT);
    VALUE(epoll_wait(ep, out, 4, 0), 1);
    sigset_t set = sigset_of(SIGALRM, 0, 0);
    ROW(epoll_pwait(99, out, 4, 0, &set), EBADF);
    ROW(epoll_pwait(p[0], out, 4, 0, &set), EINVAL);
    ROW(epoll_pwait(ep, out, 0, 0, &set), EINVAL);
    ROW(syscall(SYS_epoll_pwait, ep, out, 4, 0, &set, 4), EINVAL);
    ROW(syscall(SYS_epoll_pwait, ep, out, 4, 0, 8, 8), EFAULT);
    struct timespec zero = {0, 0}, bad = {0, 1000000000}, neg = {-1, 0};
#define PWAIT2(fd, ev, n, ts, set, size) syscall(441 /* epoll_pwait2 */, fd, ev, n, ts, set, size)
    VALUE(PWAIT2(ep, out, 4, &zero, &set, 8), 1);
    VALUE(PWAIT2(ep, out, 4, NULL, NULL, 0), 1);
    ROW(PWAIT2(99, out, 4, &zero, NULL, 8), EBADF);
    ROW(PWAIT2(p[0], out, 4, &zero, NULL, 8), EINVAL);
    ROW(PWAIT2(ep, out, 0, &zero, NULL, 8), EINVAL);
    ROW(PWAIT2(ep, out, 4, &bad, NULL, 8), EINVAL);
    ROW(PWAIT2(ep, out, 4, &neg, NULL, 8), EINVAL);
    ROW(PWAIT2(ep, out, 4, 8, NULL, 8), EFAULT);
    ROW(PWAIT2(ep, out, 4, &zero, &set, 4), EINVAL);
    ROW(PWAIT2(ep, out, 4, &zero, 8, 8), EFAULT);
    CHECK_EQ(read(p[0], b, 1), 1);
    on_signal(SIGALRM, on_nothing, SA_RESTART), tick(5);
    ROW(epoll_wait(ep, out, 4, -1), EINTR); // never restarted
    ROW(epoll_pwait(ep, out, 4, 1000, NULL), EINTR);
    ROW(PWAIT2(ep, out, 4, NULL, NULL, 0), EINTR);
}
TEST(poll_and_select) {
    int p[2];
    OK(pipe(p));
    struct pollfd pf[2] = {{p[0], POLLIN, 0}, {99, POLLIN, 0}};
    struct timespec zero = {0, 0}, bad = {0, 1000000000}, neg = {-1, 0};
    sigset_t set = sigset_of(SIGALRM, 0, 0);
    VALUE(poll(pf, 2, 0), 1);
    CHECK_EQ(pf[1].revents, POLLNVAL);
    ROW(poll((void *)8, 1, 0), EFAULT);
    VALUE(poll((void *)8, 0, 0), 0);
    ROW(poll(pf, 1 << 30, 0), EINVAL); // more than RLIMIT_NOFILE
    VALUE(poll(pf, 1, 0), 0);
    ROW(syscall(SYS_ppoll, 8, 1, &zero, NULL, 8), EFAULT);
    ROW(syscall(SYS_ppoll, pf, 1, 8, NULL, 8), EFAULT);
    ROW(syscall(SYS_ppoll, pf, 1, &bad, NULL, 8), EINVAL);
    ROW(syscall(SYS_ppoll, pf, 1, &neg, NULL, 8), EINVAL);
    ROW(syscall(SYS_ppoll, pf, 1, &zero, &set, 4), EINVAL);
    ROW(syscall(SYS_ppoll, pf, 1, &zero, 8, 8), EFAULT);
    ROW(syscall(SYS_ppoll, pf, 1 << 30, &zero, NULL, 8), EINVAL);
    fd_set r;
    struct timeval tz = {0, 0}, tbad = {0, -1}, tneg = {-1, 0};
    FD_ZERO(&r);
    FD_SET(p[0], &r);
    VALUE(select(p[0] + 1, &r, NULL, NULL, &tz), 0);
    ROW(select(-1, NULL, NULL, NULL, &tz), EINVAL);
    ROW(select(1, NULL, NULL, NULL, &tbad), EINVAL);
    ROW(select(1, NULL, NULL, NULL, &tneg), EINVAL);
    ROW(syscall(SYS_select, 1, 8, 0, 0, &tz), EFAULT);
    ROW(syscall(SYS_select, 1, 0, 8, 0, &tz), EFAULT);
    ROW(syscall(SYS_select, 1, 0, 0, 8, &tz), EFAULT);
    ROW(syscall(SYS_select, 1, 0, 0, 0, 8), EFAULT);
    FD_ZERO(&r);
    FD_SET(99, &r);
    OK(dup2(0, 100));
    ROW(select(100, &r, NULL, NULL, &tz), EBADF);
    ROW(select(100, NULL, &r, NULL, &tz), EBADF);
    ROW(select(100, NULL, NULL, &r, &tz), EBADF);
    ROW(syscall(SYS_pselect6, -1, 0, 0, 0, &zero, 0), EINVAL);
    FD_ZERO(&r);
    FD_SET(99, &r);
    ROW(syscall(SYS_pselect6, 100, &r, 0, 0, &zero, 0), EBADF);
    ROW(syscall(SYS_pselect6, 1, 8, 0, 0, &zero, 0), EFAULT);
    ROW(syscall(SYS_pselect6, 0, 0, 0, 0, &bad, 0), EINVAL);
    ROW(syscall(SYS_pselect6, 0, 0, 0, 0, &neg, 0), EINVAL);
    ROW(syscall(SYS_pselect6, 0, 0, 0, 0, 8, 0), EFAULT);
    ROW(syscall(SYS_pselect6, 0, 0, 0, 0, &zero, 8), EFAULT);
    struct { const void *set; size_t size; } arg = {&set, 4};
    ROW(syscall(SYS_pselect6, 0, 0, 0, 0, &zero, &arg), EINVAL);
    arg.set = (void *)8, arg.size = 8;
    ROW(syscall(SYS_pselect6, 0, 0, 0, 0, &zero, &arg), EFAULT);
    on_signal(SIGALRM, on_nothing, SA_RESTART), tick(5);
    ROW(poll(pf, 1, -1), EINTR);
    ROW(select(0, NULL, NULL, NULL, NULL), EINTR);
    ROW(ppoll(pf, 1, NULL, NULL), EINTR);
    ROW(pselect(0, NULL, NULL, NULL, NULL, NULL), EINTR);
    ROW(pause(), EINTR);
}
TEST(pidfd_errors) {
    int self = OK(syscall(SYS_pidfd_open, getpid(), 0)), e = OK(eventfd(0, 0));
    ROW(syscall(SYS_pidfd_open, 0, 0), EINVAL);
    ROW(syscall(SYS_pidfd_open, -1, 0), EINVAL);
    ROW(syscall(SYS_pidfd_open, getpid(), 1), EINVAL);
    ROW(syscall(SYS_pidfd_open, 1 << 29, 0), ESRCH);
    ROW(syscall(SYS_pidfd_open, getpid(), O_NONBLOCK), 0);
    ROW(syscall(SYS_pidfd_send_signal, 99, 0, NULL, 0), EBADF);
    ROW(syscall(SYS_pidfd_send_signal, e, 0, NULL, 0), EBADF);
    ROW(syscall(SYS_pidfd_send_signal, self, 0, NULL, 0), 0);
    ROW(syscall(SYS_pidfd_send_signal, self, 65, NULL, 0), EINVAL);
    ROW(syscall(SYS_pidfd_send_signal, self, -1, NULL, 0), EINVAL);
    ROW(syscall(SYS_pidfd_send_signal, self, 0, NULL, 8), EINVAL);
    ROW(syscall(SYS_pidfd_send_signal, self, 0, 8, 0), EFAULT);
    siginfo_t si = {.si_signo = SIGUSR1, .si_code = SI_QUEUE};
    ROW(syscall(SYS_pidfd_send_signal, self, SIGUSR2, &si, 0), EINVAL); // another signal than si_signo
    si.si_signo = 0;
    ROW(syscall(SYS_pidfd_send_signal, self, 0, &si, 0), 0);
    pid_t child = FORK();
    if (child == 0)
        pause();
    int c = OK(syscall(SYS_pidfd_open, child, 0)), nb = OK(syscall(SYS_pidfd_open, child, O_NONBLOCK));
    si = (siginfo_t){.si_signo = SIGUSR1, .si_code = SI_USER};
    ROW(syscall(SYS_pidfd_send_signal, c, SIGUSR1, &si, 0), EPERM); // pretending that kill() was called
    ROW(syscall(SYS_pidfd_getfd, c, 0, 1), EINVAL);
    ROW(syscall(SYS_pidfd_getfd, c, 99, 0), EBADF);
    ROW(syscall(SYS_pidfd_getfd, 99, 0, 0), EBADF);
    ROW(syscall(SYS_pidfd_getfd, e, 0, 0), EBADF);
    ROW(syscall(SYS_pidfd_getfd, c, 0, 0), 0);
    siginfo_t got;
    ROW(waitid(P_PIDFD, nb, &got, WEXITED), EAGAIN);
    ROW(waitid(P_PIDFD, e, &got, WEXITED), EBADF);
    ROW(waitid(P_PIDFD, 99, &got, WEXITED), EBADF);
    ROW(waitid(P_PIDFD, -1, &got, WEXITED), EINVAL);
    ROW(syscall(SYS_pidfd_send_signal, c, SIGKILL, NULL, 0), 0);
    ROW(waitid(P_PIDFD, c, &got, WEXITED), 0);
    CHECK_EQ(got.si_pid, child);
    ROW(waitid(P_PIDFD, c, &got, WEXITED), ECHILD);
    ROW(syscall(SYS_pidfd_send_signal, c, 0, NULL, 0), ESRCH);
    ROW(syscall(SYS_pidfd_getfd, c, 0, 0), ESRCH);
    if (geteuid() != 0) {
        int init = OK(syscall(SYS_pidfd_open, getppid(), 0));
        (void)init;
    } else if (privileged()) {
        gate_t g = gate_new();
        int me = OK(syscall(SYS_pidfd_open, getpid(), 0));
        IN_CHILD(become(1234); CHECK_ERR(syscall(SYS_pidfd_getfd, me, 0, 0), EPERM); CHECK_ERR(syscall(SYS_pidfd_send_signal, me, SIGUSR1, NULL, 0), EPERM));
        (void)g;
    }
    few_descriptors();
}
