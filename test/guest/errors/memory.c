// Memory: the errors and flags that the pages of mmap, mprotect, mremap, madvise, mlock, mincore, msync, pkey_*, process_vm_*,
// process_madvise, brk and the NUMA calls document.
#include "../guest.h"
#include <sys/eventfd.h>

#define MAP(n, prot) OK(mmap(NULL, (n)*PAGE, prot, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0))
#define RW (PROT_READ | PROT_WRITE)

TEST_DIR(mmap_errors) {
    write_file("f", "x");
    int r = OK(open("f", O_RDONLY)), w = OK(open("f", O_WRONLY)), rw = OK(open("f", O_RDWR)), a = OK(open("f", O_RDWR | O_APPEND)), path = OK(open("f", O_PATH)), d = OK(open(".", O_RDONLY)), p[2];
    OK(pipe(p));
#define MMAP(addr, len, prot, flags, fd, off) syscall(SYS_mmap, addr, len, prot, flags, fd, off)
    ROW(MMAP(0, PAGE, PROT_READ, MAP_PRIVATE, 99, 0), EBADF);
    ROW(MMAP(0, PAGE, PROT_READ, MAP_PRIVATE, -1, 0), EBADF);
    ROW(MMAP(0, PAGE, PROT_READ, MAP_PRIVATE, path, 0), EBADF);
    ROW(MMAP(0, PAGE, PROT_READ, MAP_PRIVATE, d, 0), ENODEV);
    ROW(MMAP(0, PAGE, PROT_READ, MAP_PRIVATE, p[0], 0), ENODEV);
    ROW(MMAP(0, PAGE, PROT_READ, MAP_SHARED, OK(eventfd(0, 0)), 0), ENODEV);
    ROW(MMAP(0, PAGE, PROT_READ, MAP_PRIVATE, w, 0), EACCES);
    ROW(MMAP(0, PAGE, RW, MAP_SHARED, r, 0), EACCES);
    ROW(MMAP(0, PAGE, PROT_WRITE, MAP_SHARED, r, 0), EACCES);
    ROW(MMAP(0, PAGE, PROT_READ, MAP_SHARED, r, 0), 0);
    ROW(MMAP(0, PAGE, RW, MAP_PRIVATE, r, 0), 0);
    ROW(MMAP(0, PAGE, RW, MAP_SHARED, a, 0), 0);
    ROW(MMAP(0, 0, PROT_READ, MAP_PRIVATE, r, 0), EINVAL);
    ROW(MMAP(0, PAGE, PROT_READ, MAP_PRIVATE, r, 1), EINVAL);
    ROW(MMAP(0, PAGE, PROT_READ, 0, r, 0), EINVAL);
    ROW(MMAP(0, PAGE, PROT_READ, MAP_ANONYMOUS, -1, 0), EINVAL);
    ROW(MMAP(0, PAGE, PROT_READ, MAP_SHARED | MAP_PRIVATE, r, 0), 0); // MAP_SHARED_VALIDATE
    ROW(MMAP(0, PAGE, PROT_READ, MAP_SHARED_VALIDATE | MAP_SYNC, r, 0), EOPNOTSUPP);
    ROW(MMAP(0, PAGE, PROT_READ, MAP_SHARED_VALIDATE | 0x200000, r, 0), EOPNOTSUPP);
    ROW(MMAP(0, PAGE, PROT_READ, MAP_PRIVATE | 0x200000, r, 0), 0); // elsewhere unknown flags are ignored
    ROW(MMAP(0, PAGE, PROT_READ | 0x100, MAP_PRIVATE, r, 0), 0);
    ROW(MMAP(1, PAGE, PROT_READ, MAP_PRIVATE | MAP_FIXED, r, 0), EINVAL);
    ROW(MMAP(0x7ffffffff000, PAGE, PROT_READ, MAP_PRIVATE | MAP_FIXED, r, 0), ENOMEM);
    ROW(MMAP(0xffff800000000000, PAGE, PROT_READ, MAP_PRIVATE | MAP_FIXED, r, 0), ENOMEM);
    ROW(MMAP(0, 1L << 47, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), ENOMEM);
    ROW(MMAP(0, -PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), ENOMEM);
    ROW(MMAP(0, -1L, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), ENOMEM);
    ROW(MMAP(0, 2 * PAGE, PROT_READ, MAP_PRIVATE, r, -PAGE), EOVERFLOW);
    char *at = MAP(3, RW);
    ROW(MMAP(at, PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0), EEXIST);
    OK(munmap(at + PAGE, PAGE));
    ROW(MMAP(at + PAGE, PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0), (long)0);
    ROW(MMAP(at, 2 * PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0), EEXIST);
    static const int harmless[] = {MAP_GROWSDOWN, MAP_DENYWRITE, MAP_EXECUTABLE, MAP_NORESERVE, MAP_POPULATE, MAP_NONBLOCK, MAP_STACK, MAP_32BIT, MAP_LOCKED};
    for (size_t i = 0; i < sizeof harmless / sizeof *harmless; i++)
        ROW(MMAP(0, PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS | harmless[i], -1, 0), 0);
    CHECK_LT((unsigned long)MMAP(0, PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0), 1UL << 31);
    ROW(MMAP(0, PAGE, RW, MAP_SHARED | MAP_ANONYMOUS | MAP_GROWSDOWN, -1, 0), EINVAL);
    ROW(MMAP(0, PAGE, PROT_READ, MAP_PRIVATE | MAP_GROWSDOWN, r, 0), EINVAL);
    ROW(munmap(at + 1, PAGE), EINVAL);
    ROW(munmap(at, 0), EINVAL);
    ROW(munmap(at, -PAGE), EINVAL);
    ROW(munmap((void *)0x7ffffffff000, 2 * PAGE), EINVAL);
    ROW(munmap(at, 1), 0);
    ROW(munmap(at, PAGE), 0); // nothing there is no error
    struct rlimit small = {64 << 20, 64 << 20};
    IN_CHILD(OK(setrlimit(RLIMIT_AS, &small)); CHECK_ERR(MMAP(0, 128L << 20, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), ENOMEM); CHECK_ERR(mremap(at + PAGE, PAGE, 128L << 20, MREMAP_MAYMOVE), ENOMEM));
    struct rlimit none = {0, 0};
    IN_CHILD(if (geteuid() == 0) { if (!privileged()) _exit(0); OK(setrlimit(RLIMIT_MEMLOCK, &none)); become(1234); } else OK(setrlimit(RLIMIT_MEMLOCK, &none));
             CHECK_ERR(MMAP(0, PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_LOCKED, -1, 0), EPERM));
    (void)rw;
}
TEST_DIR(mprotect_errors) {
    write_file("f", "x");
    char *at = MAP(3, RW), *ro = OK(mmap(NULL, PAGE, PROT_READ, MAP_SHARED, OK(open("f", O_RDONLY)), 0));
    OK(munmap(at + PAGE, PAGE));
    ROW(mprotect(at + 1, PAGE, RW), EINVAL);
    ROW(mprotect(at, PAGE, 0x100), EINVAL);
    ROW(mprotect(at, PAGE, PROT_GROWSDOWN | PROT_GROWSUP | PROT_READ), EINVAL);
    ROW(mprotect(at, PAGE, PROT_GROWSDOWN | PROT_READ), EINVAL); // not a stack
    ROW(mprotect(at, 0, RW), 0);
    ROW(mprotect(at, 3 * PAGE, RW), ENOMEM);
    ROW(mprotect(at + PAGE, PAGE, RW), ENOMEM);
    ROW(mprotect(at, -PAGE, RW), ENOMEM);
    ROW(mprotect(ro, PAGE, RW), EACCES);
    ROW(mprotect(ro, PAGE, PROT_NONE), 0);
    ROW(mprotect(at, PAGE, PROT_NONE), 0);
    ROW(mprotect(at, PAGE, PROT_READ | PROT_EXEC | 8 /* PROT_SEM */), 0);
    ROW(syscall(SYS_pkey_mprotect, at, PAGE, RW, -1), 0);
    ROW(syscall(SYS_pkey_mprotect, at + 1, PAGE, RW, -1), EINVAL);
    ROW(syscall(SYS_pkey_mprotect, at, PAGE, RW, 15), EINVAL); // was never allocated
    ROW(syscall(SYS_pkey_mprotect, at, PAGE, RW, 77), EINVAL);
    ROW(syscall(SYS_pkey_alloc, 1, 0), EINVAL);
    ROW(syscall(SYS_pkey_alloc, 0, 4), EINVAL);
    ROW(syscall(SYS_pkey_free, 77), EINVAL);
    ROW(syscall(SYS_pkey_free, 15), EINVAL);
    ROW(syscall(SYS_remap_file_pages, at, PAGE, 1, 0, 0), EINVAL);
    ROW(syscall(SYS_remap_file_pages, at, PAGE, 0, 0, 0), EINVAL); // private
}
TEST(mremap_errors) {
    char *at = MAP(8, RW), *sh = OK(mmap(NULL, 2 * PAGE, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
    OK(munmap(at + 4 * PAGE, PAGE));
#define MREMAP(a, o, n, f, t) syscall(SYS_mremap, a, o, n, f, t)
    ROW(MREMAP(at + 1, PAGE, PAGE, 0, 0), EINVAL);
    ROW(MREMAP(at, PAGE, 0, 0, 0), EINVAL);
    ROW(MREMAP(at, PAGE, PAGE, 8, 0), EINVAL);
    ROW(MREMAP(at, PAGE, PAGE, MREMAP_FIXED, at + 5 * PAGE), EINVAL); // without MAYMOVE
    ROW(MREMAP(at, PAGE, PAGE, MREMAP_FIXED | MREMAP_MAYMOVE, at + 5 * PAGE + 1), EINVAL);
    ROW(MREMAP(at, 2 * PAGE, 2 * PAGE, MREMAP_FIXED | MREMAP_MAYMOVE, at + PAGE), EINVAL); // overlap
    ROW(MREMAP(at, PAGE, PAGE, MREMAP_FIXED | MREMAP_MAYMOVE, 1L << 47), EINVAL);
    ROW(MREMAP(at, 0, PAGE, MREMAP_MAYMOVE, 0), EINVAL); // a copy of a private mapping
    ROW(MREMAP(at, PAGE, 2 * PAGE, 0, 0), ENOMEM);
    ROW(MREMAP(at, 8 * PAGE, 16 * PAGE, MREMAP_MAYMOVE, 0), EFAULT); // over a hole
    ROW(MREMAP(at + 4 * PAGE, PAGE, 2 * PAGE, MREMAP_MAYMOVE, 0), EFAULT);
    VALUE(MREMAP(at + 3 * PAGE, PAGE, 2 * PAGE, 0, 0), (long)(at + 3 * PAGE)); // into the hole
    ROW(MREMAP(sh, 0, PAGE, MREMAP_MAYMOVE, 0), 0);
    ROW(MREMAP(at, PAGE, 2 * PAGE, 4 /* MREMAP_DONTUNMAP */ | MREMAP_MAYMOVE, 0), EINVAL); // the sizes differ
    ROW(MREMAP(at, PAGE, PAGE, 4, 0), EINVAL);
    ROW(MREMAP(at, PAGE, PAGE, 4 | MREMAP_MAYMOVE, 0), 0);
    VALUE(MREMAP(at, 2 * PAGE, PAGE, 0, 0), (long)at);
}
TEST_DIR(madvise_errors) {
    write_file("f", "x");
    int fd = OK(open("f", O_RDWR));
    OK(ftruncate(fd, 4 * PAGE));
    char *at = MAP(3, RW), *shared = OK(mmap(NULL, PAGE, RW, MAP_SHARED, fd, 0)), *private = OK(mmap(NULL, PAGE, RW, MAP_PRIVATE, fd, 0)), *ro = OK(mmap(NULL, PAGE, PROT_READ, MAP_SHARED, OK(open("f", O_RDONLY)), 0));
    static const int all[] = {MADV_NORMAL, MADV_RANDOM, MADV_SEQUENTIAL, MADV_WILLNEED, MADV_DONTNEED, MADV_FREE, MADV_DONTFORK, MADV_DOFORK, MADV_DONTDUMP, MADV_DODUMP, MADV_WIPEONFORK, MADV_KEEPONFORK,
        20 /* COLD */, 21 /* PAGEOUT */, 22 /* POPULATE_READ */, 23 /* POPULATE_WRITE */};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        ROW(madvise(at, PAGE, all[i]), 0);
        ROW(madvise(at, 0, all[i]), 0);
        ROW(madvise(at + 1, PAGE, all[i]), EINVAL);
        ROW(madvise(at, -PAGE, all[i]), EINVAL);
    }
    ROW(madvise(at, PAGE, 77), EINVAL);
    ROW(madvise(at, 0, 77), EINVAL);
    OK(munmap(at + PAGE, PAGE));
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        ROW(madvise(at, 3 * PAGE, all[i]), ENOMEM);
    ROW(madvise(shared, PAGE, MADV_FREE), EINVAL);
    ROW(madvise(private, PAGE, MADV_FREE), EINVAL);
    ROW(madvise(private, PAGE, MADV_WIPEONFORK), EINVAL);
    ROW(madvise(shared, PAGE, MADV_WIPEONFORK), EINVAL);
    ROW(madvise(at, PAGE, MADV_REMOVE), EINVAL);
    ROW(madvise(private, PAGE, MADV_REMOVE), EACCES);
    ROW(madvise(ro, PAGE, MADV_REMOVE), EACCES);
    ROW(madvise(ro, PAGE, 23), EINVAL); // to be written, but not writable
    OK(mprotect(at, PAGE, PROT_NONE));
    ROW(madvise(at, PAGE, 22), EINVAL);
    OK(mprotect(at, PAGE, RW));
    OK(ftruncate(fd, 0));
    ROW(madvise(shared, PAGE, 22), EFAULT); // past its end
    ROW(madvise(shared, PAGE, MADV_WILLNEED), 0);
    if (mlock(at, PAGE) == 0) {
        ROW(madvise(at, PAGE, MADV_DONTNEED), EINVAL);
        ROW(madvise(at, PAGE, MADV_FREE), EINVAL);
        ROW(madvise(at, PAGE, 20), EINVAL);
        ROW(madvise(at, PAGE, 24 /* MADV_DONTNEED_LOCKED */), 0);
    }
}
TEST(lock_errors) {
    char *at = MAP(3, RW);
    unsigned char vec[8];
    OK(munmap(at + PAGE, PAGE));
    ROW(mlock(at, 3 * PAGE), ENOMEM);
    ROW(mlock(at + 1, 1), 0); // rounded
    ROW(mlock(at, 0), 0);
    ROW(mlock(at, -PAGE), privileged() ? EINVAL : ENOMEM); // the limit is looked at first
    ROW(syscall(SYS_mlock2, at, PAGE, 1 /* MLOCK_ONFAULT */), 0);
    ROW(syscall(SYS_mlock2, at, PAGE, 2), EINVAL);
    ROW(syscall(SYS_mlock2, at, 3 * PAGE, 0), ENOMEM);
    ROW(syscall(SYS_mlock2, at, -PAGE, 0), privileged() ? EINVAL : ENOMEM);
    ROW(munlock(at, 3 * PAGE), ENOMEM);
    ROW(munlock(at, -PAGE), EINVAL);
    ROW(munlock(at, PAGE), 0);
    ROW(mlockall(0), EINVAL);
    ROW(mlockall(8), EINVAL);
    ROW(mlockall(MCL_ONFAULT), EINVAL);
    ROW(munlockall(), 0);
    struct rlimit r = {2 * PAGE, 2 * PAGE};
    IN_CHILD(if (privileged()) { OK(setrlimit(RLIMIT_MEMLOCK, &r)); become(1234); } else OK(setrlimit(RLIMIT_MEMLOCK, &r));
        char *m = MAP(4, RW);
        CHECK_ERR(mlock(m, 3 * PAGE), ENOMEM);
        CHECK_ERR(syscall(SYS_mlock2, m, 3 * PAGE, 0), ENOMEM);
        CHECK_EQ(mlock(m, PAGE), 0);
        CHECK_ERR(mlockall(MCL_CURRENT), ENOMEM);
        CHECK_EQ(mlockall(MCL_FUTURE), 0);
        CHECK_ERR(mmap(NULL, 4 * PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), EAGAIN);
        CHECK_ERR(mremap(m, PAGE, 8 * PAGE, MREMAP_MAYMOVE), EAGAIN));
    r = (struct rlimit){0, 0};
    IN_CHILD(if (privileged()) { OK(setrlimit(RLIMIT_MEMLOCK, &r)); become(1234); } else OK(setrlimit(RLIMIT_MEMLOCK, &r));
        char *m = MAP(4, RW);
        CHECK_ERR(mlock(m, PAGE), EPERM);
        CHECK_ERR(syscall(SYS_mlock2, m, PAGE, 0), EPERM);
        CHECK_ERR(mlockall(MCL_CURRENT), EPERM);
        CHECK_EQ(munlock(m, PAGE), 0);
        CHECK_EQ(munlockall(), 0));
    ROW(mincore(at, 3 * PAGE, vec), ENOMEM);
    ROW(mincore(at + 1, PAGE, vec), EINVAL);
    ROW(mincore(at, PAGE, (void *)8), EFAULT);
    ROW(mincore(at, -PAGE, vec), ENOMEM);
    ROW(mincore(at, 0, vec), 0);
    ROW(mincore(at, 1, vec), 0);
    ROW(msync(at, PAGE, MS_SYNC | MS_ASYNC), EINVAL);
    ROW(msync(at, PAGE, 8), EINVAL);
    ROW(msync(at + 1, PAGE, MS_SYNC), EINVAL);
    ROW(msync(at, 3 * PAGE, MS_SYNC), ENOMEM);
    ROW(msync(at, 3 * PAGE, MS_ASYNC), ENOMEM);
    ROW(msync(at, -PAGE, MS_SYNC), ENOMEM);
    ROW(msync(at, 0, MS_SYNC), 0);
    ROW(msync(at, PAGE, 0), 0);
    ROW(msync(at, PAGE, MS_INVALIDATE), 0);
    OK(mlock(at, PAGE));
    ROW(msync(at, PAGE, MS_INVALIDATE), EBUSY);
    void *top = (void *)syscall(SYS_brk, 0);
    VALUE(syscall(SYS_brk, 1), (long)top); // unchanged
    VALUE(syscall(SYS_brk, 1L << 47), (long)top);
}
TEST(other_processes_memory) {
    char a[8] = "1234567", b[8];
    struct iovec l = {b, 8}, r = {a, 8}, bad = {(void *)8, 8}, huge = {a, -1L};
    pid_t me = getpid();
    VALUE(process_vm_readv(me, &l, 1, &r, 1, 0), 8);
    VALUE(process_vm_writev(me, &l, 1, &r, 1, 0), 8);
#define BOTH(x, e) x(process_vm_readv, e) x(process_vm_writev, e)
#define EACH(f)                                                                                                          \
    ROW(f(me, &l, 1, &r, 1, 1), EINVAL);                                                                                 \
    ROW(f(me, &l, 1025, &r, 1, 0), EINVAL);                                                                              \
    ROW(f(me, &l, 1, &r, 1025, 0), EINVAL);                                                                              \
    ROW(f(me, &huge, 1, &r, 1, 0), EINVAL);                                                                              \
    ROW(f(me, (void *)8, 1, &r, 1, 0), EFAULT);                                                                          \
    ROW(f(me, &l, 1, (void *)8, 1, 0), EFAULT);                                                                          \
    ROW(f(me, &l, 1, &bad, 1, 0), EFAULT);                                                                               \
    ROW(f(me, &bad, 1, &r, 1, 0), EFAULT);                                                                               \
    ROW(f(1 << 29, &l, 1, &r, 1, 0), ESRCH);                                                                             \
    ROW(f(0, &l, 1, &r, 1, 0), ESRCH);                                                                                   \
    ROW(f(-1, &l, 1, &r, 1, 0), ESRCH);                                                                                  \
    VALUE(f(1 << 29, &l, 0, &r, 1, 0), 0);                                                                               \
    VALUE(f(me, &l, 1, &r, 0, 0), 0)
    EACH(process_vm_readv);
    EACH(process_vm_writev);
    if (privileged())
        IN_CHILD(become(1234); CHECK_ERR(process_vm_readv(me, &l, 1, &r, 1, 0), EPERM); CHECK_ERR(process_vm_writev(me, &l, 1, &r, 1, 0), EPERM));
    int self = OK(syscall(SYS_pidfd_open, me, 0)), e = OK(eventfd(0, 0));
    char *at = MAP(1, RW);
    struct iovec m = {at, PAGE}, odd = {at + 1, PAGE};
#define PMADV(fd, v, n, adv, fl) syscall(440 /* process_madvise */, fd, v, n, adv, fl)
    VALUE(PMADV(self, &m, 1, 20 /* MADV_COLD */, 0), PAGE);
    VALUE(PMADV(self, &m, 1, 21 /* MADV_PAGEOUT */, 0), PAGE);
    VALUE(PMADV(self, &m, 1, MADV_WILLNEED, 0), PAGE);
    VALUE(PMADV(self, &m, 0, 20, 0), 0);
    ROW(PMADV(self, &m, 1, 20, 1), EINVAL);
    ROW(PMADV(self, &m, 1, 77, 0), EINVAL);
    ROW(PMADV(self, &odd, 1, 20, 0), EINVAL);
    ROW(PMADV(self, &m, 1025, 20, 0), EINVAL);
    ROW(PMADV(self, 8, 1, 20, 0), EFAULT);
    ROW(PMADV(99, &m, 1, 20, 0), EBADF);
    ROW(PMADV(e, &m, 1, 20, 0), EBADF);
    OK(munmap(at, PAGE));
    ROW(PMADV(self, &m, 1, 20, 0), ENOMEM);
    pid_t child = FORK();
    if (child == 0)
        pause();
    int c = OK(syscall(SYS_pidfd_open, child, 0));
    ROW(PMADV(c, &r, 1, MADV_DONTNEED, 0), EINVAL); // not to others
    OK(kill(child, SIGKILL)), CHECK_KILLED(child, SIGKILL);
    ROW(PMADV(c, &m, 1, 20, 0), ESRCH);
}
TEST(numa_calls) {
    unsigned long mask[2] = {1, 0}, none[2] = {0, 0};
    int mode = -1, status[1];
    char *at = MAP(3, RW);
    void *page[1] = {at};
    *at = 1;
    if (syscall(SYS_get_mempolicy, &mode, NULL, 0, NULL, 0) == -1 && errno == ENOSYS)
        skip("a kernel without NUMA");
    CHECK_EQ(mode, 0);
    ROW(syscall(SYS_get_mempolicy, &mode, NULL, 0, NULL, 0x10), EINVAL);
    ROW(syscall(SYS_get_mempolicy, 8, NULL, 0, NULL, 0), EFAULT);
    ROW(syscall(SYS_get_mempolicy, &mode, NULL, 0, at, 0), EINVAL); // an address without MPOL_F_ADDR
    ROW(syscall(SYS_get_mempolicy, &mode, NULL, 0, 8, 2 /* MPOL_F_ADDR */), EFAULT);
    ROW(syscall(SYS_get_mempolicy, &mode, NULL, 0, at, 2), 0);
    ROW(syscall(SYS_set_mempolicy, 77, NULL, 0), EINVAL);
    ROW(syscall(SYS_set_mempolicy, 2 /* MPOL_BIND */, NULL, 0), EINVAL);
    ROW(syscall(SYS_set_mempolicy, 2, none, 64), EINVAL);
    ROW(syscall(SYS_set_mempolicy, 2, 8, 64), EFAULT);
    ROW(syscall(SYS_set_mempolicy, 0, mask, 64), EINVAL); // MPOL_DEFAULT takes no nodes
    ROW(syscall(SYS_set_mempolicy, 2, mask, 64), 0);
    ROW(syscall(SYS_set_mempolicy, 0, NULL, 0), 0);
    ROW(syscall(SYS_mbind, at, PAGE, 77, NULL, 0, 0), EINVAL);
    ROW(syscall(SYS_mbind, at + 1, PAGE, 2, mask, 64, 0), EINVAL);
    ROW(syscall(SYS_mbind, at, PAGE, 2, none, 64, 0), EINVAL);
    ROW(syscall(SYS_mbind, at, PAGE, 2, 8, 64, 0), EFAULT);
    ROW(syscall(SYS_mbind, at, PAGE, 2, mask, 64, 0x10), EINVAL);
    ROW(syscall(SYS_mbind, at, PAGE, 2, mask, 64, 0), 0);
    if (!privileged())
        ROW(syscall(SYS_mbind, at, PAGE, 2, mask, 64, 4 /* MPOL_MF_MOVE_ALL */), EPERM);
    OK(munmap(at + PAGE, PAGE));
    ROW(syscall(SYS_mbind, at, 3 * PAGE, 2, mask, 64, 0), EFAULT);
    ROW(syscall(SYS_move_pages, 0, 1, page, NULL, status, 0), 0);
    CHECK_EQ(status[0], 0);
    ROW(syscall(SYS_move_pages, 0, 1, page, NULL, status, 8), EINVAL);
    ROW(syscall(SYS_move_pages, 0, 1, 8, NULL, status, 0), EFAULT);
    ROW(syscall(SYS_move_pages, 0, 1, page, NULL, 8, 0), EFAULT);
    ROW(syscall(SYS_move_pages, 1 << 29, 1, page, NULL, status, 0), ESRCH);
    int node = 500;
    ROW(syscall(SYS_move_pages, 0, 1, page, &node, status, 2), ENODEV);
    ROW(syscall(SYS_move_pages, 0, 1, page, 8, status, 2), EFAULT);
    if (!privileged())
        ROW(syscall(SYS_move_pages, 0, 1, page, NULL, status, 4 /* MPOL_MF_MOVE_ALL */), EPERM);
    ROW(syscall(SYS_migrate_pages, 1 << 29, 64, mask, mask), ESRCH);
    ROW(syscall(SYS_migrate_pages, 0, 64, 8, mask), EFAULT);
    ROW(syscall(SYS_migrate_pages, 0, 64, mask, mask), 0);
    unsigned cpu, n;
    ROW(syscall(SYS_getcpu, 8, &n, NULL), EFAULT);
    ROW(syscall(SYS_getcpu, &cpu, 8, NULL), EFAULT);
    ROW(syscall(SYS_getcpu, NULL, NULL, NULL), 0);
}
