// The programs whose speed `make bench` compares: work NAME [COUNT] does one and prints what a unit of it took, in nanoseconds.
// work sysemu NAME COUNT does it under a bare tracer: each system call is one PTRACE_SYSEMU round trip on one CPU and nothing else.
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void die(const char *what) {
    fprintf(stderr, "work: %s: %s\n", what, strerror(errno));
    exit(1);
}

static double now(void) {
    struct timespec t;
    if (clock_gettime(CLOCK_MONOTONIC, &t) != 0)
        die("clock_gettime");
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

// User code alone: integers, floating point and memory of the size of a cache.
static void compute(long count) {
    static uint64_t table[1 << 15];
    uint64_t x = 88172645463325252ull;
    double sum = 0;
    for (long i = 0; i < count; i++) {
        for (int j = 0; j < 1000; j++) {
            x ^= x << 13, x ^= x >> 7, x ^= x << 17;
            table[x % (sizeof table / sizeof *table)] += x;
            sum += (double)(x >> 40) * 1e-3;
        }
    }
    // Keeps the compiler from leaving the work out.
    if (table[0] == 1 && sum == 1)
        puts("");
}

// One system call that does next to nothing.
static void call(long count) {
    for (long i = 0; i < count; i++)
        syscall(SYS_getppid);
}

static void fork_exec(long count) {
    for (long i = 0; i < count; i++) {
        pid_t p = fork();
        if (p < 0)
            die("fork");
        if (p == 0) {
            execl("/proc/self/exe", "work", "nothing", (char *)NULL);
            _exit(127);
        }
        int status;
        if (waitpid(p, &status, 0) != p || status != 0)
            die("a child");
    }
}

static const struct {
    const char *name;
    void (*run)(long count);
    long count;
} kinds[] = {
    {"compute", compute, 40000},
    {"call", call, 20000},
    {"fork_exec", fork_exec, 100},
};

static int run(const char *name, const char *count) {
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (strcmp(name, kinds[i].name) != 0)
            continue;
        long n = count ? atol(count) : kinds[i].count;
        if (n < 1)
            break;
        kinds[i].run(n / 20 + 1); // warms up
        double start = now();
        kinds[i].run(n);
        printf("%.1f\n", (now() - start) / (double)n);
        return 0;
    }
    fprintf(stderr, "usage: work [sysemu] compute|call|fork_exec [COUNT]\n");
    return 2;
}

// The tracer answers no call: the work must not need the answers. A SIGSTOP by the tracee begins and ends the stretch that is
// timed, by the tracer's clock.
static int run_sysemu(long count) {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET((size_t)sched_getcpu(), &set);
    if (sched_setaffinity(0, sizeof set, &set) != 0)
        die("sched_setaffinity");
    pid_t p = fork();
    if (p < 0)
        die("fork");
    if (p == 0) {
        if (ptrace(PTRACE_TRACEME, 0, 0, 0) != 0)
            die("PTRACE_TRACEME");
        raise(SIGSTOP);
        for (;;)
            call(1000000);
    }
    int status;
    if (waitpid(p, &status, 0) != p || !WIFSTOPPED(status))
        die("no stop");
    double start = 0;
    long warm = count / 20 + 1;
    for (long i = 0; i < warm + count; i++) {
        if (i == warm)
            start = now();
        if (ptrace(PTRACE_SYSEMU, p, 0, 0) != 0 || waitpid(p, &status, 0) != p || !WIFSTOPPED(status))
            die("PTRACE_SYSEMU");
    }
    printf("%.1f\n", (now() - start) / (double)count);
    kill(p, SIGKILL);
    return 0;
}

int main(int argc, char **argv) {
    if (argc >= 2 && !strcmp(argv[1], "nothing"))
        return 0;
    if (argc >= 3 && !strcmp(argv[1], "sysemu") && !strcmp(argv[2], "call"))
        return run_sysemu(argc > 3 ? atol(argv[3]) : 20000);
    return run(argc >= 2 ? argv[1] : "", argc >= 3 ? argv[2] : NULL);
}
