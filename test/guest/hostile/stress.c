// Several things at once, briefly: mappings against faults, forks against threads, signals against system calls, descriptors, exec.
#include "../guest.h"
#include <pthread.h>
#include <sched.h>
#include <sys/socket.h>

static atomic_int stop, bad;
static char *region;
static void *mapper(void *a) {
    unsigned x = (long)a;
    while (!stop) {
        x = x * 1103515245 + 12345;
        char *p = region + (x >> 8) % 64 * PAGE;
        size_t n = (1 + (x >> 16) % 8) * PAGE;
        switch (x >> 24 & 3) {
        case 0: mprotect(p, n, PROT_READ); break;
        case 1: mprotect(p, n, PROT_READ | PROT_WRITE); break;
        case 2: madvise(p, n, MADV_DONTNEED); break;
        case 3: if (mmap(p, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != p) bad = 1; break;
        }
    }
    return NULL;
}
static void *toucher(void *a) {
    unsigned x = (long)a;
    int fd[2];
    if (pipe2(fd, O_NONBLOCK))
        return NULL;
    while (!stop) {
        x = x * 1103515245 + 12345;
        char *p = region + (x >> 8) % 72 * PAGE, b;
        if (write(fd[1], p, 1) == 1) // through the kernel: EFAULT at worst
            if (read(fd[0], p, 1) != 1 && read(fd[0], &b, 1) != 1)
                bad = 2;
    }
    return NULL;
}
TEST(mappings_and_faults) {
    region = OK(mmap(NULL, 80 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    pthread_t t[4];
    for (long i = 0; i < 4; i++)
        CHECK_RET(pthread_create(&t[i], NULL, i & 1 ? toucher : mapper, (void *)(i * 7919 + 1)), 0);
    for (int i = 0; i < 10; i++)
        IN_CHILD(_exit(0));
    sleep_ms(150);
    stop = 1;
    for (int i = 0; i < 4; i++)
        CHECK_RET(pthread_join(t[i], NULL), 0);
    CHECK_EQ(bad, 0);
}
static volatile int hits;
static void hit(int s) { (void)s; hits++; }
static void *sender(void *a) {
    pid_t pid = getpid();
    while (!stop)
        syscall(SYS_tgkill, pid, (pid_t)(long)a, SIGUSR1), sched_yield();
    return NULL;
}
TEST(signals_and_system_calls) {
    on_signal(SIGUSR1, hit, SA_RESTART);
    pthread_t t;
    CHECK_RET(pthread_create(&t, NULL, sender, (void *)(long)gettid()), 0);
    int fd[2];
    OK(pipe(fd));
    char b[16];
    long long end = now_ms() + 200;
    volatile double f = 1;
    while (now_ms() < end) {
        if (write(fd[1], "0123456789", 10) != 10 || read(fd[0], b, 16) != 10 || memcmp(b, "0123456789", 10))
            FAIL("a call interrupted with SA_RESTART went wrong: %s", errno_name(errno));
        f = f * 1.5 / 1.5;
    }
    stop = 1;
    CHECK_RET(pthread_join(t, NULL), 0);
    CHECK(f == 1);
    CHECK_GT(hits, 0);
}
static void *forker(void *a) {
    for (int i = 0; i < 15; i++) {
        pid_t c = fork();
        if (c == 0)
            _exit(i);
        int st;
        if (c < 0 || guest_waitpid(c, &st, 0) != c || WEXITSTATUS(st) != i)
            bad = 3;
    }
    return a;
}
TEST(forks_from_threads) {
    pthread_t t[4];
    for (int i = 0; i < 4; i++)
        CHECK_RET(pthread_create(&t[i], NULL, forker, NULL), 0);
    for (int i = 0; i < 4; i++)
        CHECK_RET(pthread_join(t[i], NULL), 0);
    CHECK_EQ(bad, 0);
}
static void *opener(void *a) {
    while (!stop) {
        int fd = open("/dev/null", O_RDWR), d = dup(fd);
        dup2(fd, 90);
        close(fd), close(d), close(90);
    }
    return a;
}
TEST(descriptors_from_threads) {
    pthread_t t[3];
    for (int i = 0; i < 3; i++)
        CHECK_RET(pthread_create(&t[i], NULL, opener, NULL), 0);
    for (int i = 0; i < 10; i++)
        IN_CHILD(_exit(0));
    sleep_ms(60);
    stop = 1;
    for (int i = 0; i < 3; i++)
        CHECK_RET(pthread_join(t[i], NULL), 0);
}
TEST(kill_at_any_moment) {
    for (int i = 0; i < 25; i++) {
        pid_t c = FORK();
        if (c == 0) {
            pthread_t t;
            region = mmap(NULL, 80 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
            pthread_create(&t, NULL, mapper, (void *)3L);
            pthread_create(&t, NULL, opener, NULL);
            for (;;)
                if (fork() == 0)
                    _exit(0);
                else
                    waitpid(-1, NULL, WNOHANG);
        }
        struct timespec ts = {0, i * 200000L};
        nanosleep(&ts, NULL);
        OK(kill(c, SIGKILL));
        CHECK_KILLED(c, SIGKILL);
    }
}
TEST(exec_at_any_moment) {
    for (int i = 0; i < 10; i++) {
        pid_t c = FORK();
        if (c == 0) {
            pthread_t t;
            pthread_create(&t, NULL, opener, NULL);
            pthread_create(&t, NULL, opener, NULL);
            struct timespec ts = {0, i * 100000L};
            nanosleep(&ts, NULL);
            execl("/bin/true", "true", NULL);
            _exit(9);
        }
        CHECK_EXIT(c, 0);
    }
}
TEST(pipeline) {
    // Eight processes in a row hand 200 KB along.
    int in[2], prev;
    OK(pipe(in));
    prev = in[0];
    for (int i = 0; i < 8; i++) {
        int p[2];
        OK(pipe(p));
        if (FORK() == 0) {
            close(p[0]), close(in[1]);
            char b[3000];
            for (ssize_t n; (n = read(prev, b, sizeof b)) > 0;)
                for (ssize_t o = 0, w; o < n; o += w)
                    if ((w = write(p[1], b + o, n - o)) < 0)
                        _exit(1);
            _exit(0);
        }
        close(p[1]), close(prev);
        prev = p[0];
    }
    pid_t c = FORK();
    if (c == 0) {
        close(prev);
        for (int i = 0; i < 50000; i += 4) // 16 bytes: atomic
            if (write(in[1], (int[]){i, i + 1, i + 2, i + 3}, 16) != 16)
                _exit(1);
        _exit(0);
    }
    close(in[1]);
    FILE *f = fdopen(prev, "r");
    int v, i = 0;
    while (fread(&v, 4, 1, f) == 1) {
        if (v != i)
            FAIL("number %d is %d", i, v);
        i++;
    }
    CHECK_EQ(i, 50000);
    for (i = 0; i < 9; i++)
        CHECK_GT(wait(NULL), 0);
}
TEST(resource_exhaustion_is_an_errno) {
    struct rlimit r = {64, 64};
    OK(setrlimit(RLIMIT_NOFILE, &r));
    int n = 0, s[2];
    while (n < 200 && socketpair(AF_UNIX, SOCK_STREAM, 0, s) == 0)
        n++;
    CHECK_EQ(errno, EMFILE);
    CHECK_LT(n, 32);
    r = (struct rlimit){512 << 20, 512 << 20};
    OK(setrlimit(RLIMIT_AS, &r));
    n = 0;
    while (n < 100000 && mmap(NULL, 16 << 20, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED)
        n++;
    CHECK_EQ(errno, ENOMEM);
}
