// The functions of the vDSO, as a libc finds them (by version): they agree with the system calls, in results and in errors.
#include "../guest.h"
#include <dlfcn.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>

typedef int (*clock_function)(clockid_t, struct timespec *);
static void *find(const char *name) {
    void *vdso = dlopen("linux-vdso.so.1", RTLD_LAZY | RTLD_NOLOAD);
    if (!vdso)
        skip("no vDSO");
    void *f = dlvsym(vdso, name, "LINUX_2.6");
    CHECK(f);
    return f;
}
static int at_most(struct timespec a, struct timespec b) {
    return a.tv_sec < b.tv_sec || (a.tv_sec == b.tv_sec && a.tv_nsec <= b.tv_nsec);
}
TEST(clock_gettime_agrees) {
    clock_function get = find("__vdso_clock_gettime");
    static const clockid_t clocks[] = {CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_MONOTONIC_RAW, CLOCK_BOOTTIME, CLOCK_REALTIME_COARSE,
        CLOCK_MONOTONIC_COARSE, CLOCK_PROCESS_CPUTIME_ID, CLOCK_THREAD_CPUTIME_ID};
    for (unsigned i = 0; i < sizeof clocks / sizeof *clocks; i++)
        for (int n = 0; n < 100; n++) {
            struct timespec before, now, after;
            OK(syscall(SYS_clock_gettime, clocks[i], &before));
            CHECK_EQ(get(clocks[i], &now), 0);
            OK(syscall(SYS_clock_gettime, clocks[i], &after));
            CHECK(at_most(before, now)), CHECK(at_most(now, after));
        }
}
TEST(clock_getres_agrees) {
    clock_function get = find("__vdso_clock_getres");
    for (clockid_t c = CLOCK_REALTIME; c <= CLOCK_BOOTTIME; c++) {
        struct timespec a, b;
        OK(syscall(SYS_clock_getres, c, &a));
        CHECK_EQ(get(c, &b), 0);
        CHECK_EQ(a.tv_sec, b.tv_sec), CHECK_EQ(a.tv_nsec, b.tv_nsec);
    }
    CHECK_EQ(get(CLOCK_REALTIME, NULL), 0);
}
TEST(seconds_agree) {
    int (*get)(struct timeval *, struct timezone *) = find("__vdso_gettimeofday");
    long (*get_time)(long *) = find("__vdso_time");
    struct timeval before, now, after;
    struct timezone z = {1, 1};
    OK(syscall(SYS_gettimeofday, &before, NULL));
    CHECK_EQ(get(&now, &z), 0);
    OK(syscall(SYS_gettimeofday, &after, NULL));
    CHECK(!timercmp(&now, &before, <)), CHECK(!timercmp(&after, &now, <));
    CHECK_EQ(z.tz_dsttime, 0);
    CHECK_EQ(get(NULL, NULL), 0);
    // time(2) is coarse: it may lag behind the others by a tick.
    long first = syscall(SYS_time, NULL), stored = 0, returned = get_time(&stored), last = syscall(SYS_time, NULL);
    CHECK_EQ(returned, stored);
    CHECK_LE(first, returned), CHECK_LE(returned, last);
}
TEST(getcpu_is_a_cpu_of_ours) {
    int (*get)(unsigned *, unsigned *, void *) = find("__vdso_getcpu");
    unsigned cpu = ~0u, node = ~0u;
    CHECK_EQ(get(&cpu, &node, NULL), 0);
    CHECK_LT(cpu, (unsigned)sysconf(_SC_NPROCESSORS_CONF)), CHECK_LT(node, 1024u);
    CHECK_EQ(get(NULL, NULL, NULL), 0);
}
TEST(errors_are_returned) { // not through errno: the caller's libc does that
    struct timespec t;
    clock_function get = find("__vdso_clock_gettime"), resolution = find("__vdso_clock_getres");
    CHECK_EQ(get(99, &t), -EINVAL);
    CHECK_EQ(resolution(99, &t), -EINVAL);
}
TEST(stays_after_fork_and_beside_neighbours) {
    clock_function get = find("__vdso_clock_gettime");
    // Mappings like it next to it are no part of it.
    for (int i = 0; i < 8; i++)
        CHECK(mmap(NULL, PAGE, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED);
    CHECK(strstr(read_file("/proc/self/maps"), "[vdso]"));
    pid_t child = OK(fork());
    struct timespec t;
    if (child == 0)
        _exit(get(CLOCK_MONOTONIC, &t) == 0 ? 7 : 1);
    CHECK_EXIT(child, 7);
}
