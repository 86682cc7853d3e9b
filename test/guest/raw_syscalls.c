// guest: static
// The first calls by hand, in order of need, without fork, signals or libc's wrappers. Each failure prints a line and ends the
// program with the number of the check, so it says how far a young kernel gets.
#include <asm/prctl.h>
#include <asm/unistd.h>
#include <errno.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <sys/utsname.h>
#include <time.h>

static long call6(long n, long a, long b, long c, long d, long e, long f) {
    long r;
    register long r10 __asm__("r10") = d;
    register long r8 __asm__("r8") = e;
    register long r9 __asm__("r9") = f;
    __asm__ volatile("syscall" : "=a"(r) : "a"(n), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9) : "rcx", "r11", "memory");
    return r;
}
#define SYS(n, a, b, c, d, e, f) call6(__NR_##n, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), (long)(f))

static int checks;
static void put(const char *s) {
    long n = 0;
    while (s[n])
        n++;
    SYS(write, 1, s, n, 0, 0, 0);
}
static void put_number(long v) {
    char b[24], *p = b + 23;
    unsigned long u = v < 0 ? -(unsigned long)v : (unsigned long)v;
    *p = 0;
    do
        *--p = '0' + u % 10;
    while (u /= 10);
    if (v < 0)
        *--p = '-';
    put(p);
}
static void check(long got, long want, const char *what) {
    checks++;
    if (got == want)
        return;
    put("FAIL: raw_syscalls.c: "), put(what), put(": got "), put_number(got), put(", expected "), put_number(want), put("\n");
    SYS(exit_group, checks, 0, 0, 0, 0, 0);
}
#define EQ(got, want) check((long)(got), (long)(want), #got)
#define POSITIVE(got) check((long)(got) > 0, 1, #got " > 0")

int main(void) {
    EQ(SYS(write, 1, "", 0, 0, 0, 0), 0);
    EQ(SYS(write, 77, "x", 1, 0, 0, 0), -EBADF);
    EQ(SYS(write, 1, 1, 1, 0, 0, 0), -EFAULT);
    EQ(call6(1000, 0, 0, 0, 0, 0, 0), -ENOSYS);
    EQ(call6(-1, 0, 0, 0, 0, 0, 0), -ENOSYS);
    POSITIVE(SYS(getpid, 0, 0, 0, 0, 0, 0));
    EQ(SYS(gettid, 0, 0, 0, 0, 0, 0), SYS(getpid, 0, 0, 0, 0, 0, 0));
    EQ(SYS(getuid, 0, 0, 0, 0, 0, 0), SYS(geteuid, 0, 0, 0, 0, 0, 0));

    // rcx and r11 are the only registers that a system call may change.
    long regs[6];
    __asm__ volatile("mov $0x11, %%r12; mov $0x22, %%r13; mov $0x33, %%r14; mov $0x44, %%r15; mov $0x55, %%r10\n\t"
                     "mov $39, %%eax; syscall\n\t"
                     "mov %%r12, 0(%0); mov %%r13, 8(%0); mov %%r14, 16(%0); mov %%r15, 24(%0); mov %%r10, 32(%0)"
                     : : "b"(regs) : "rax", "rcx", "r10", "r11", "r12", "r13", "r14", "r15", "memory");
    EQ(regs[0], 0x11), EQ(regs[1], 0x22), EQ(regs[2], 0x33), EQ(regs[3], 0x44), EQ(regs[4], 0x55);

    long old = SYS(brk, 0, 0, 0, 0, 0, 0);
    POSITIVE(old);
    EQ(SYS(brk, old + 8192, 0, 0, 0, 0, 0), old + 8192);
    for (long i = 0; i < 8192; i += 512)
        EQ(*(volatile char *)(old + i), 0), *(volatile char *)(old + i) = 1;
    EQ(SYS(brk, old, 0, 0, 0, 0, 0), old);

    volatile char *p = (volatile char *)SYS(mmap, 0, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    check((long)p > 0, 1, "mmap");
    for (int i = 0; i < 65536; i += 4096)
        EQ(p[i], 0), p[i] = i >> 12;
    for (int i = 0; i < 65536; i += 4096)
        EQ(p[i], i >> 12);
    EQ(SYS(mprotect, p, 4096, PROT_READ, 0, 0, 0), 0);
    EQ(SYS(read, 77, p, 1, 0, 0, 0), -EBADF);
    EQ(SYS(munmap, p + 4096, 4096, 0, 0, 0, 0), 0);
    EQ(SYS(write, 1, p + 4096, 1, 0, 0, 0), -EFAULT);
    EQ(SYS(munmap, p, 65536, 0, 0, 0, 0), 0);
    EQ(SYS(mmap, 0, 0, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), -EINVAL);

    struct utsname u;
    EQ(SYS(uname, &u, 0, 0, 0, 0, 0), 0);
    EQ(u.sysname[0], 'L'), EQ(u.machine[0], 'x');
    EQ(SYS(uname, 8, 0, 0, 0, 0, 0), -EFAULT);

    struct timespec a, b;
    EQ(SYS(clock_gettime, CLOCK_MONOTONIC, &a, 0, 0, 0, 0), 0);
    struct timespec ms = {0, 2000000};
    EQ(SYS(nanosleep, &ms, 0, 0, 0, 0, 0), 0);
    EQ(SYS(clock_gettime, CLOCK_MONOTONIC, &b, 0, 0, 0, 0), 0);
    check((b.tv_sec - a.tv_sec) * 1000000000L + b.tv_nsec - a.tv_nsec >= 2000000, 1, "nanosleep takes 2 ms");

    long fs = 0;
    EQ(SYS(arch_prctl, ARCH_GET_FS, &fs, 0, 0, 0, 0), 0);
    check(fs != 0, 1, "fs base is set");

    int fd[2];
    EQ(SYS(pipe2, fd, 0, 0, 0, 0, 0), 0);
    struct iovec iov[2] = {{"ab", 2}, {"cd", 2}};
    EQ(SYS(writev, fd[1], iov, 2, 0, 0, 0), 4);
    char buf[8] = "";
    EQ(SYS(read, fd[0], buf, 8, 0, 0, 0), 4);
    EQ(buf[0], 'a'), EQ(buf[3], 'd');
    EQ(SYS(close, fd[0], 0, 0, 0, 0, 0), 0);
    EQ(SYS(close, fd[0], 0, 0, 0, 0, 0), -EBADF);
    EQ(SYS(close, fd[1], 0, 0, 0, 0, 0), 0);

    long f = SYS(openat, -100, "/dev/null", 2, 0, 0, 0);
    POSITIVE(f);
    EQ(SYS(write, f, "x", 1, 0, 0, 0), 1);
    EQ(SYS(read, f, buf, 1, 0, 0, 0), 0);
    EQ(SYS(close, f, 0, 0, 0, 0, 0), 0);
    EQ(SYS(openat, -100, "/nonexistent", 0, 0, 0, 0), -ENOENT);

    put("ok: "), put_number(checks), put(" assertions\n");
    SYS(exit_group, 0, 0, 0, 0, 0, 0);
}
