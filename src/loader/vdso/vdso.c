// The vDSO of applications, vdso(7): each function makes the system call of its name. Freestanding: compiled for the guest, laid out by
// vdso.lds, embedded by src/loader/vdso_image.S, mapped by src/loader/vdso.cc.
#include <asm/unistd.h>

static long call(long nr, long a, long b, long c) {
    long result;
    __asm__ volatile("syscall" : "=a"(result) : "a"(nr), "D"(a), "S"(b), "d"(c) : "rcx", "r11", "memory");
    return result;
}

int __vdso_clock_gettime(int clock, void* timespec) { return (int)call(__NR_clock_gettime, clock, (long)timespec, 0); }
int __vdso_clock_getres(int clock, void* timespec) { return (int)call(__NR_clock_getres, clock, (long)timespec, 0); }
int __vdso_gettimeofday(void* timeval, void* timezone) { return (int)call(__NR_gettimeofday, (long)timeval, (long)timezone, 0); }
long __vdso_time(long* seconds) { return call(__NR_time, (long)seconds, 0, 0); }
int __vdso_getcpu(unsigned* cpu, unsigned* node, void* unused) { return (int)call(__NR_getcpu, (long)cpu, (long)node, (long)unused); }

// The kernel's vDSO has these names too, as weak ones (vdso.lds.S of Linux).
#define WEAK(name) __attribute__((weak, alias("__vdso_" #name)))
int clock_gettime(int clock, void* timespec) WEAK(clock_gettime);
int clock_getres(int clock, void* timespec) WEAK(clock_getres);
int gettimeofday(void* timeval, void* timezone) WEAK(gettimeofday);
long time(long* seconds) WEAK(time);
int getcpu(unsigned* cpu, unsigned* node, void* unused) WEAK(getcpu);
