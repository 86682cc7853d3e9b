// Record locks (POSIX and OFD), flock, deadlock detection, locks lost by close and exit.
#include "../guest.h"
#include <sys/file.h>
#include <pthread.h>

static int lk(int fd, int cmd, int type, off_t start, off_t len) {
    struct flock l = {.l_type = type, .l_whence = SEEK_SET, .l_start = start, .l_len = len};
    return fcntl(fd, cmd, &l);
}
// What would stop this lock? F_UNLCK when nothing does.
static struct flock probe(int fd, int cmd, int type, off_t start, off_t len) {
    struct flock l = {.l_type = type, .l_whence = SEEK_SET, .l_start = start, .l_len = len};
    OK(fcntl(fd, cmd, &l));
    return l;
}
static int fresh(void) { return OK(open("f", O_RDWR | O_CREAT, 0644)); }

TEST_DIR(posix_between_processes) {
    int fd = fresh();
    CHECK_EQ(lk(fd, F_SETLK, F_WRLCK, 10, 10), 0);
    CHECK_EQ(lk(fd, F_SETLK, F_RDLCK, 100, 10), 0);
    pid_t me = getpid();
    IN_CHILD(
        CHECK_ERR(lk(fd, F_SETLK, F_WRLCK, 15, 1), EAGAIN);
        CHECK_ERR(lk(fd, F_SETLK, F_RDLCK, 0, 0), EAGAIN);
        CHECK_EQ(lk(fd, F_SETLK, F_WRLCK, 0, 10), 0);
        CHECK_EQ(lk(fd, F_SETLK, F_WRLCK, 20, 10), 0);
        CHECK_EQ(lk(fd, F_SETLK, F_RDLCK, 100, 10), 0);
        CHECK_ERR(lk(fd, F_SETLK, F_WRLCK, 100, 10), EAGAIN);
        struct flock l = probe(fd, F_GETLK, F_WRLCK, 0, 0);
        CHECK_EQ(l.l_type, F_WRLCK);
        CHECK_EQ(l.l_pid, me);
        CHECK_EQ(l.l_start, 10);
        CHECK_EQ(l.l_len, 10);
        CHECK_EQ(probe(fd, F_GETLK, F_WRLCK, 50, 5).l_type, F_UNLCK);
    );
    CHECK_EQ(probe(fd, F_GETLK, F_WRLCK, 0, 0).l_type, F_UNLCK); // the child's went with it; own ones do not count
}
TEST_DIR(posix_split_and_merge) {
    int fd = fresh();
    CHECK_EQ(lk(fd, F_SETLK, F_WRLCK, 0, 100), 0);
    CHECK_EQ(lk(fd, F_SETLK, F_UNLCK, 40, 20), 0);
    CHECK_EQ(lk(fd, F_SETLK, F_RDLCK, 70, 10), 0);
    IN_CHILD(
        struct flock l = probe(fd, F_GETLK, F_WRLCK, 0, 0);
        CHECK_EQ(l.l_start, 0);
        CHECK_EQ(l.l_len, 40);
        l = probe(fd, F_GETLK, F_WRLCK, 40, 20);
        CHECK_EQ(l.l_type, F_UNLCK);
        l = probe(fd, F_GETLK, F_WRLCK, 75, 1);
        CHECK_EQ(l.l_type, F_RDLCK);
        CHECK_EQ(l.l_start, 70);
        CHECK_EQ(l.l_len, 10);
    );
    CHECK_EQ(lk(fd, F_SETLK, F_WRLCK, 0, 0), 0); // to the end of all
    IN_CHILD(struct flock l = probe(fd, F_GETLK, F_RDLCK, 1L << 40, 1); CHECK_EQ(l.l_start, 0); CHECK_EQ(l.l_len, 0));
}
TEST_DIR(posix_any_close_releases) {
    int fd = fresh(), other = OK(open("f", O_RDONLY));
    CHECK_EQ(lk(fd, F_SETLK, F_WRLCK, 0, 0), 0);
    close(other); // the well-known trap
    IN_CHILD(CHECK_EQ(lk(fd, F_SETLK, F_WRLCK, 0, 0), 0));
}
TEST_DIR(posix_errnos) {
    int fd = fresh(), r = OK(open("f", O_RDONLY)), w = OK(open("f", O_WRONLY));
    CHECK_ERR(lk(r, F_SETLK, F_WRLCK, 0, 0), EBADF);
    CHECK_ERR(lk(w, F_SETLK, F_RDLCK, 0, 0), EBADF);
    CHECK_ERR(lk(fd, F_SETLK, 77, 0, 0), EINVAL);
    CHECK_ERR(lk(fd, F_SETLK, F_WRLCK, -1, 0), EINVAL);
    CHECK_ERR(lk(fd, F_SETLK, F_WRLCK, LONG_MAX, LONG_MAX), EOVERFLOW);
    CHECK_ERR(fcntl(fd, F_SETLK, (void *)8), EFAULT);
    struct flock l = {.l_type = F_WRLCK, .l_whence = 9};
    CHECK_ERR(fcntl(fd, F_SETLK, &l), EINVAL);
    CHECK_ERR(lk(fd, F_SETLK, F_WRLCK, 5, -10), EINVAL);
    CHECK_EQ(lk(fd, F_SETLK, F_WRLCK, 20, -10), 0); // 10 to 19
    IN_CHILD(CHECK_EQ(probe(fd, F_GETLK, F_WRLCK, 0, 0).l_start, 10));
}
TEST_DIR(posix_waits) {
    int fd = fresh();
    gate_t g = gate_new();
    CHECK_EQ(lk(fd, F_SETLK, F_WRLCK, 0, 1), 0);
    pid_t c = FORK();
    if (c == 0) {
        gate_open(g);
        CHECK_EQ(lk(fd, F_SETLKW, F_WRLCK, 0, 1), 0);
        gate_open(g);
        _exit(0);
    }
    gate_wait(g);
    sleep_ms(10);
    CHECK_EQ(waitpid(c, NULL, WNOHANG), 0);
    CHECK_EQ(lk(fd, F_SETLK, F_UNLCK, 0, 1), 0);
    gate_wait(g);
    CHECK_EXIT(c, 0);
}
TEST_DIR(posix_deadlock) {
    int fd = fresh();
    gate_t g = gate_new(), h = gate_new();
    CHECK_EQ(lk(fd, F_SETLK, F_WRLCK, 0, 1), 0);
    pid_t c = FORK();
    if (c == 0) {
        CHECK_EQ(lk(fd, F_SETLK, F_WRLCK, 1, 1), 0);
        gate_open(g);
        gate_wait(h);
        sleep_ms(30); // the parent is waiting for byte 1 by now
        int r = lk(fd, F_SETLKW, F_WRLCK, 0, 1);
        _exit(r == -1 && errno == EDEADLK ? 0 : 1);
    }
    gate_wait(g);
    gate_open(h);
    CHECK_EQ(lk(fd, F_SETLKW, F_WRLCK, 1, 1), 0); // given when the child ends
    CHECK_EXIT(c, 0);
}
TEST_DIR(ofd_locks) {
    int a = fresh(), b = OK(open("f", O_RDWR)), d = OK(dup(a));
    CHECK_EQ(lk(a, F_OFD_SETLK, F_WRLCK, 0, 10), 0);
    CHECK_ERR(lk(b, F_OFD_SETLK, F_WRLCK, 5, 1), EAGAIN); // the same process, another open file
    CHECK_EQ(lk(d, F_OFD_SETLK, F_WRLCK, 5, 1), 0);
    CHECK_ERR(lk(b, F_SETLK, F_WRLCK, 5, 1), EAGAIN);
    struct flock l = probe(b, F_OFD_GETLK, F_WRLCK, 0, 0);
    CHECK_EQ(l.l_type, F_WRLCK), CHECK_EQ(l.l_pid, -1);
    close(d);
    CHECK_ERR(lk(b, F_OFD_SETLK, F_WRLCK, 5, 1), EAGAIN); // still open through a
    IN_CHILD(CHECK_EQ(lk(a, F_OFD_SETLK, F_RDLCK, 0, 10), 0)); // shared with the child
    CHECK_EQ(lk(b, F_OFD_SETLK, F_RDLCK, 5, 1), 0);
    close(a);
    CHECK_EQ(lk(b, F_OFD_SETLK, F_WRLCK, 0, 0), 0);
    l = (struct flock){.l_type = F_WRLCK, .l_pid = 5};
    CHECK_ERR(fcntl(b, F_OFD_SETLK, &l), EINVAL);
}
TEST_DIR(flock_rules) {
    int a = fresh(), b = OK(open("f", O_RDONLY)), d = OK(dup(a));
    CHECK_EQ(flock(a, LOCK_EX), 0);
    CHECK_ERR(flock(b, LOCK_SH | LOCK_NB), EAGAIN);
    CHECK_EQ(flock(d, LOCK_EX | LOCK_NB), 0);
    CHECK_EQ(flock(d, LOCK_SH), 0); // converts
    CHECK_EQ(flock(b, LOCK_SH | LOCK_NB), 0);
    CHECK_ERR(flock(a, LOCK_EX | LOCK_NB), EAGAIN);
    CHECK_EQ(flock(b, LOCK_UN), 0);
    CHECK_EQ(flock(a, LOCK_EX | LOCK_NB), 0);
    IN_CHILD(CHECK_EQ(flock(a, LOCK_UN), 0)); // the open file is shared, so is the lock
    CHECK_EQ(flock(b, LOCK_EX | LOCK_NB), 0);
    CHECK_EQ(lk(a, F_SETLK, F_WRLCK, 0, 0), 0); // another kind: no conflict
    CHECK_ERR(flock(a, 0), EINVAL);
    CHECK_ERR(flock(99, LOCK_EX), EBADF);
    close(b);
    CHECK_EQ(flock(a, LOCK_EX | LOCK_NB), 0);
    gate_t g = gate_new();
    pid_t c = FORK();
    if (c == 0) {
        int e = OK(open("f", O_RDONLY));
        gate_open(g);
        CHECK_EQ(flock(e, LOCK_SH), 0);
        _exit(0);
    }
    gate_wait(g);
    sleep_ms(5);
    CHECK_EQ(flock(a, LOCK_UN), 0);
    CHECK_EXIT(c, 0);
}
TEST_DIR(fork_does_not_inherit_posix_locks) {
    int fd = fresh();
    CHECK_EQ(lk(fd, F_SETLK, F_WRLCK, 0, 1), 0);
    IN_CHILD(CHECK_ERR(lk(fd, F_SETLK, F_WRLCK, 0, 1), EAGAIN); close(fd));
    IN_CHILD(CHECK_ERR(lk(fd, F_SETLK, F_WRLCK, 0, 1), EAGAIN)); // the first child's close did not release ours
}
static void *thread_lock(void *a) { return (void *)(long)lk(*(int *)a, F_SETLK, F_WRLCK, 0, 1); }
TEST_DIR(threads_share_posix_locks) {
    int fd = fresh();
    pthread_t t;
    void *r;
    CHECK_EQ(lk(fd, F_SETLK, F_WRLCK, 0, 1), 0);
    CHECK_RET(pthread_create(&t, NULL, thread_lock, &fd), 0);
    CHECK_RET(pthread_join(t, &r), 0);
    CHECK_EQ((long)r, 0);
    CHECK_EQ(lockf(fd, F_TEST, 0), 0);
}
