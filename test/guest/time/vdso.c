// The functions of the vDSO, as a libc finds them (by version): they agree with the system calls, in results and in errors.
#include "../guest.h"
#include <dlfcn.h>
#include <pthread.h>
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
// Readings of the vDSO, the libc and the system call in turn: none is before the one before it.
static void check_order(clock_function get, clockid_t clock, int rounds) {
    struct timespec last, now;
    CHECK_EQ(get(clock, &last), 0);
    for (int i = 0; i < rounds; i++) {
        if (i % 3 == 0)
            OK(syscall(SYS_clock_gettime, clock, &now));
        else if (i % 3 == 1)
            OK(clock_gettime(clock, &now));
        else
            CHECK_EQ(get(clock, &now), 0);
        if (!at_most(last, now) || now.tv_nsec < 0 || now.tv_nsec >= 1000000000)
            FAIL("clock %d went from %ld.%09ld to %ld.%09ld in round %d", clock, (long)last.tv_sec, last.tv_nsec, (long)now.tv_sec,
                 now.tv_nsec, i);
        last = now;
    }
}
static const clockid_t steady[] = {CLOCK_MONOTONIC, CLOCK_MONOTONIC_RAW, CLOCK_MONOTONIC_COARSE, CLOCK_BOOTTIME};
TEST(readings_of_any_kind_are_in_order) {
    clock_function get = find("__vdso_clock_gettime");
    for (unsigned i = 0; i < sizeof steady / sizeof *steady; i++)
        check_order(get, steady[i], 600);
}
static void *read_in_thread(void *get) {
    for (unsigned i = 0; i < sizeof steady / sizeof *steady; i++)
        check_order((clock_function)get, steady[i], 300);
    return NULL;
}
TEST(works_in_threads_and_their_children) {
    clock_function get = find("__vdso_clock_gettime");
    pthread_t threads[4];
    for (int i = 0; i < 4; i++)
        CHECK_EQ(pthread_create(&threads[i], NULL, read_in_thread, (void *)get), 0);
    pid_t child = OK(fork());
    if (child == 0) {
        read_in_thread((void *)get);
        _exit(3);
    }
    CHECK_EXIT(child, 3);
    for (int i = 0; i < 4; i++)
        CHECK_EQ(pthread_join(threads[i], NULL), 0);
}
HELPER(after) { // argv[0]: nanoseconds of CLOCK_BOOTTIME before execve
    struct timespec t;
    clock_function get = find("__vdso_clock_gettime");
    CHECK_EQ(get(CLOCK_BOOTTIME, &t), 0);
    long long now = t.tv_sec * 1000000000LL + t.tv_nsec, before = atoll(argv[0]);
    return now >= before && now - before < 60000000000LL ? 5 : 6;
}
TEST(goes_on_after_exec) {
    struct timespec t;
    clock_function get = find("__vdso_clock_gettime");
    CHECK_EQ(get(CLOCK_BOOTTIME, &t), 0);
    char text[32];
    snprintf(text, sizeof text, "%lld", t.tv_sec * 1000000000LL + t.tv_nsec);
    pid_t child = OK(fork());
    if (child == 0) {
        execl(guest_self, guest_self, "--helper", "after", text, NULL);
        _exit(1);
    }
    CHECK_EXIT(child, 5);
}
// The vDSO reads TAI and the two clocks of alarms too, itself or by a system call.
TEST(rare_clocks_agree) {
    clock_function get = find("__vdso_clock_gettime");
    for (clockid_t c = 0; c < 64; c++) {
        struct timespec a = {0}, b = {0};
        int by_call = syscall(SYS_clock_gettime, c, &a) == 0 ? 0 : -errno, by_vdso = get(c, &b);
        CHECK_EQ(by_call, by_vdso);
        CHECK(at_most(a, b));
        CHECK_LE(b.tv_sec - a.tv_sec, 2);
    }
    // A process's CPU clock: negative, and never the host's.
    clockid_t own;
    CHECK_EQ(clock_getcpuclockid(getpid(), &own), 0);
    struct timespec a, b;
    CHECK_EQ(get(own, &a), 0);
    OK(syscall(SYS_clock_gettime, own, &b));
    CHECK(at_most(a, b));
    CHECK_LE(b.tv_sec, 60);
    CHECK_EQ(get(INT_MIN, &a), (syscall(SYS_clock_gettime, INT_MIN, &b) == 0 ? 0 : -errno));
    CHECK_EQ(get(INT_MAX, &a), -EINVAL);
}
TEST(a_bad_pointer_is_a_fault) {
    clock_function get = find("__vdso_clock_gettime");
    int (*get_day)(struct timeval *, struct timezone *) = find("__vdso_gettimeofday");
    long (*get_time)(long *) = find("__vdso_time");
    char *page = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(page != MAP_FAILED);
    CHECK_FAULT(get(CLOCK_MONOTONIC, (void *)page), SIGSEGV, SEGV_ACCERR, page);
    CHECK_FAULT(get_day((void *)page, NULL), SIGSEGV, SEGV_ACCERR, page);
    CHECK_FAULT(get_time((void *)page), SIGSEGV, SEGV_ACCERR, page);
    OK(munmap(page, PAGE));
    CHECK_FAULT(get(CLOCK_MONOTONIC, (void *)page), SIGSEGV, SEGV_MAPERR, page);
    // An unknown clock makes the system call, which says so.
    CHECK_EQ(get(CLOCK_THREAD_CPUTIME_ID, (void *)page), -EFAULT);
}
TEST(a_page_not_yet_there_is_filled) { // fresh, and write-protected by a fork
    clock_function get = find("__vdso_clock_gettime");
    struct timespec *t = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(t != MAP_FAILED);
    CHECK_EQ(get(CLOCK_BOOTTIME, t), 0);
    CHECK(t->tv_sec > 0 || t->tv_nsec > 0);
    struct timespec parents = *t;
    pid_t child = OK(fork());
    if (child == 0)
        _exit(get(CLOCK_BOOTTIME, t) == 0 && at_most(parents, *t) ? 4 : 1);
    CHECK_EXIT(child, 4);
    CHECK_MEM(t, &parents, sizeof parents);
    CHECK_EQ(get(CLOCK_BOOTTIME, t), 0);
    CHECK(at_most(parents, *t));
}
static volatile sig_atomic_t ticks;
static void count_tick(int sig UNUSED) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    ticks++;
}
TEST_LONG(signals_come_while_it_reads) {
    clock_function get = find("__vdso_clock_gettime");
    on_signal(SIGALRM, count_tick, SA_RESTART);
    struct itimerval every = {{0, 2000}, {0, 2000}};
    OK(setitimer(ITIMER_REAL, &every, NULL));
    struct timespec last, now;
    CHECK_EQ(get(CLOCK_MONOTONIC, &last), 0);
    for (long i = 0; ticks < 50; i++) {
        CHECK_EQ(get(CLOCK_MONOTONIC, &now), 0);
        if (!at_most(last, now))
            FAIL("backwards in round %ld", i);
        last = now;
    }
}
TEST(maps_name_its_pages) {
    char *maps = strdup(read_file("/proc/self/maps"));
    char *data = strstr(maps, "[vvar]"), *image = strstr(maps, "[vdso]");
    CHECK(data && image && data < image);
    unsigned long a, b;
    char perm[8];
    while (data > maps && data[-1] != '\n')
        data--;
    CHECK_EQ(sscanf(data, "%lx-%lx %7s", &a, &b, perm), 3);
    CHECK_STR(perm, "r--p");
    CHECK_FAULT(*(volatile char *)a = 1, SIGSEGV, SEGV_ACCERR, (void *)a);
    CHECK_ERR(mprotect((void *)a, PAGE, PROT_READ | PROT_WRITE), EACCES);
    while (image > maps && image[-1] != '\n')
        image--;
    CHECK_EQ(sscanf(image, "%lx-%lx %7s", &a, &b, perm), 3);
    CHECK_STR(perm, "r-xp");
    free(maps);
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
    for (int i = 0; i < 300; i++) {
        long first = syscall(SYS_time, NULL), stored = 0, returned = get_time(&stored), last = syscall(SYS_time, NULL);
        CHECK_EQ(returned, stored);
        CHECK_LE(first, returned), CHECK_LE(returned, last);
    }
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
