// The vDSO of applications, vdso(7). The clocks are read by the host's vDSO where the platform keeps it in the address space; what is not
// possible so is the system call of the function's name. Freestanding: compiled for the guest, laid out by vdso.lds, embedded by
// src/loader/vdso_image.S, mapped by src/loader/vdso.cc.
#include <asm/unistd.h>

#include "src/abi/vdso_data.h"

enum { REALTIME = 0, REALTIME_COARSE = 5 };

struct timespec {
    long tv_sec, tv_nsec;
};
struct timeval {
    long tv_sec, tv_usec;
};
struct timezone {
    int tz_minuteswest, tz_dsttime;
};
typedef int clock_function(int, struct timespec*);
typedef int getcpu_function(unsigned*, unsigned*, void*);

// The page before the image, which begins at a symbol of the linker's.
static inline const volatile struct sbx_vdso_data* data(void) {
    const volatile struct sbx_vdso_data* d;
    __asm__(".hidden __ehdr_start\n\tlea __ehdr_start-4096(%%rip), %0" : "=r"(d));
    return d;
}

static long call(long nr, long a, long b, long c) {
    long result;
    __asm__ volatile("syscall" : "=a"(result) : "a"(nr), "D"(a), "S"(b), "d"(c) : "rcx", "r11", "memory");
    return result;
}

static int by_host(int clock) { return (unsigned)clock < SBX_VDSO_CLOCKS && (data()->clocks >> clock & 1); }

__attribute__((noinline)) static int shifted(int clock, struct timespec* out, long offset) {
    struct timespec t;
    for (;;) {
        int r = ((clock_function*)data()->clock_gettime)(clock, &t);
        if (r != 0) return r;
        // Another one if the sandbox was saved and loaded meanwhile: the clock was read of another host's then.
        long now = data()->offset[clock];
        if (now == offset) break;
        offset = now;
    }
    long seconds = offset / 1000000000, nanos = t.tv_nsec + offset % 1000000000;
    if (nanos < 0) nanos += 1000000000, seconds--;
    if (nanos >= 1000000000) nanos -= 1000000000, seconds++;
    // In the order in which the host's function meets a bad pointer.
    out->tv_sec = t.tv_sec + seconds;
    __asm__ volatile("" : : : "memory");
    out->tv_nsec = nanos;
    return 0;
}

static inline int read_clock(int clock, struct timespec* out) {
    long offset = data()->offset[clock];
    if (__builtin_expect(offset != 0, 0)) return shifted(clock, out, offset);
    int r = ((clock_function*)data()->clock_gettime)(clock, out);
    offset = data()->offset[clock];
    return __builtin_expect(offset != 0, 0) ? shifted(clock, out, offset) : r;
}

int __vdso_clock_gettime(int clock, struct timespec* out) {
    if (!by_host(clock)) return (int)call(__NR_clock_gettime, clock, (long)out, 0);
    return read_clock(clock, out);
}

int __vdso_clock_getres(int clock, struct timespec* out) {
    unsigned nanos = (unsigned)clock < SBX_VDSO_CLOCKS ? data()->resolution[clock] : 0;
    if (nanos == 0) return (int)call(__NR_clock_getres, clock, (long)out, 0);
    if (out) {
        out->tv_sec = 0;
        out->tv_nsec = nanos;
    }
    return 0;
}

int __vdso_gettimeofday(struct timeval* out, struct timezone* zone) {
    if (!by_host(REALTIME)) return (int)call(__NR_gettimeofday, (long)out, (long)zone, 0);
    if (out) {
        struct timespec t;
        int r = read_clock(REALTIME, &t);
        if (r != 0) return r;
        out->tv_sec = t.tv_sec;
        out->tv_usec = t.tv_nsec / 1000;
    }
    if (zone) zone->tz_minuteswest = zone->tz_dsttime = 0;
    return 0;
}

long __vdso_time(long* seconds) {
    struct timespec t;
    if (!by_host(REALTIME_COARSE) || read_clock(REALTIME_COARSE, &t) != 0) return call(__NR_time, (long)seconds, 0, 0);
    if (seconds) *seconds = t.tv_sec;
    return t.tv_sec;
}

int __vdso_getcpu(unsigned* cpu, unsigned* node, void* unused) {
    getcpu_function* host = (getcpu_function*)data()->getcpu;
    if (!host) return (int)call(__NR_getcpu, (long)cpu, (long)node, (long)unused);
    if (node) *node = 0;  // the sandbox has one
    return host(cpu, 0, 0);
}

// The kernel's vDSO has these names too, as weak ones (vdso.lds.S of Linux).
#define WEAK(name) __attribute__((weak, alias("__vdso_" #name)))
int clock_gettime(int clock, struct timespec* out) WEAK(clock_gettime);
int clock_getres(int clock, struct timespec* out) WEAK(clock_getres);
int gettimeofday(struct timeval* out, struct timezone* zone) WEAK(gettimeofday);
long time(long* seconds) WEAK(time);
int getcpu(unsigned* cpu, unsigned* node, void* unused) WEAK(getcpu);
