// process_vm_readv and writev, membarrier, mprotect and pkey leftovers, memfd mappings and seals as mm sees them.
#include "../guest.h"
#include <pthread.h>
#define RW (PROT_READ | PROT_WRITE)

TEST(process_vm) {
    char *p = OK(mmap(NULL, 2 * PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    strcpy(p, "parent");
    gate_t g = gate_new(), h = gate_new();
    pid_t c = FORK();
    if (c == 0) {
        strcpy(p, "child");
        gate_open(g);
        gate_wait(h);
        CHECK_STR(p, "edited");
        _exit(0);
    }
    gate_wait(g);
    char buf[8] = "";
    struct iovec l = {buf, 6}, r = {p, 6};
    CHECK_EQ(process_vm_readv(c, &l, 1, &r, 1, 0), 6);
    CHECK_STR(buf, "child");
    CHECK_STR(p, "parent");
    struct iovec w = {"edited", 7}, rw = {p, 7};
    CHECK_EQ(process_vm_writev(c, &w, 1, &rw, 1, 0), 7);
    struct iovec bad = {(void *)8, 6};
    CHECK_ERR(process_vm_readv(c, &l, 1, &bad, 1, 0), EFAULT);
    CHECK_ERR(process_vm_readv(c, &l, 1, &r, 1, 1), EINVAL);
    CHECK_ERR(process_vm_readv(999999, &l, 1, &r, 1, 0), ESRCH);
    gate_open(h);
    CHECK_EXIT(c, 0);
}
TEST(memfd) {
    int fd = OK(memfd_create("x", MFD_CLOEXEC | MFD_ALLOW_SEALING));
    OK(ftruncate(fd, 2 * PAGE));
    char *p = OK(mmap(NULL, 2 * PAGE, RW, MAP_SHARED, fd, 0));
    p[PAGE] = 'm';
    char c;
    CHECK_EQ(pread(fd, &c, 1, PAGE), 1);
    CHECK_EQ(c, 'm');
    CHECK_ERR(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), EBUSY); // a writable shared mapping exists
    CHECK_EQ(munmap(p, 2 * PAGE), 0);
    CHECK_EQ(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), 0);
    CHECK_ERR(mmap(NULL, PAGE, RW, MAP_SHARED, fd, 0), EPERM);
    char *q = OK(mmap(NULL, PAGE, RW, MAP_PRIVATE, fd, 0));
    q[0] = 1;
    CHECK_NE((long)mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0), -1);
}
TEST(membarrier) {
    long q = syscall(SYS_membarrier, 0 /* QUERY */, 0, 0);
    if (q < 0) {
        CHECK_EQ(errno, ENOSYS);
        skip("no membarrier");
    }
    if (q & 8) {
        CHECK_ERR(syscall(SYS_membarrier, 8 /* PRIVATE_EXPEDITED */, 0, 0), EPERM);
        CHECK_EQ(syscall(SYS_membarrier, 16 /* REGISTER_PRIVATE_EXPEDITED */, 0, 0), 0);
        CHECK_EQ(syscall(SYS_membarrier, 8, 0, 0), 0);
    }
    CHECK_ERR(syscall(SYS_membarrier, 1 << 20, 0, 0), EINVAL);
}
HELPER(expedited_after_exec) { return syscall(SYS_membarrier, 8, 0, 0) == -1 && errno == EPERM ? 6 : 1; }
TEST(membarrier_registrations) { // children have them, other programs do not
    long q = syscall(SYS_membarrier, 0, 0, 0);
    if (q < 0 || !(q & 8))
        skip("no expedited membarrier");
    CHECK_EQ(syscall(SYS_membarrier, 16, 0, 0), 0);
    if (q & 512)
        CHECK_EQ(syscall(SYS_membarrier, 512 /* GET_REGISTRATIONS */, 0, 0), 16);
    pid_t child = OK(fork());
    if (child == 0)
        _exit(syscall(SYS_membarrier, 8, 0, 0) == 0 ? 5 : 1);
    CHECK_EXIT(child, 5);
    child = OK(fork());
    if (child == 0) {
        execl(guest_self, guest_self, "--helper", "expedited_after_exec", NULL);
        _exit(2);
    }
    CHECK_EXIT(child, 6);
    CHECK_ERR(syscall(SYS_membarrier, 8, 1, 0), EINVAL);
}
// Each of two threads raises its flag and then looks at the other's; only the slow one has a barrier in between, for both.
static volatile int fast_flag, slow_flag, inside, slow_done;
static void alone(int who) {
    CHECK_EQ(inside, 0);
    for (int i = 0; i < 50; i++) {
        inside = who;
        if (inside != who)
            FAIL("both are in");
    }
    inside = 0;
}
static atomic_long fast_entered;
static void *fast_side(void *unused UNUSED) {
    while (!slow_done) {
        fast_flag = 1;
        __asm__ volatile("" ::: "memory");
        if (!slow_flag) {
            alone(1);
            fast_entered++;
        }
        fast_flag = 0;
    }
    return NULL;
}
TEST_LONG(membarrier_is_a_barrier_for_others) {
    long q = syscall(SYS_membarrier, 0, 0, 0);
    if (q < 0 || !(q & 8))
        skip("no expedited membarrier");
    CHECK_EQ(syscall(SYS_membarrier, 16, 0, 0), 0);
    pthread_t t;
    CHECK_EQ(pthread_create(&t, NULL, fast_side, NULL), 0);
    time_t end = time(NULL) + 2;
    while (time(NULL) < end || fast_entered == 0) {
        slow_flag = 1;
        CHECK_EQ(syscall(SYS_membarrier, 8, 0, 0), 0);
        if (!fast_flag)
            alone(2);
        slow_flag = 0;
    }
    slow_done = 1;
    CHECK_EQ(pthread_join(t, NULL), 0);
}
TEST(shared_anon_is_shared_by_all_forks) {
    int *p = OK(mmap(NULL, PAGE, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
    for (int i = 0; i < 5; i++)
        IN_CHILD(p[i] = i + 1);
    for (int i = 0; i < 5; i++)
        CHECK_EQ(p[i], i + 1);
}
TEST(iovec_limits) {
    static struct iovec v[1025];
    char b[4] = "abc";
    int fd[2];
    OK(pipe(fd));
    for (int i = 0; i < 1025; i++)
        v[i] = (struct iovec){b, 1};
    CHECK_EQ(writev(fd[1], v, 1024), 1024);
    CHECK_ERR(writev(fd[1], v, 1025), EINVAL);
    CHECK_ERR(writev(fd[1], v, -1), EINVAL);
    CHECK_EQ(writev(fd[1], v, 0), 0);
    v[0].iov_len = -1;
    CHECK_ERR(writev(fd[1], v, 2), EINVAL);
    CHECK_ERR(writev(fd[1], (struct iovec *)8, 1), EFAULT);
    v[0] = (struct iovec){(void *)8, 1};
    CHECK_ERR(writev(fd[1], v, 2), EFAULT);
}
