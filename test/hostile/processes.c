// Processes, threads, signals and timers without end.
#include "bomb.h"
#include <dirent.h>
#include <linux/futex.h>
#include <sys/ptrace.h>
#include <sys/time.h>
#include <sys/timerfd.h>

BOMB(fork_bomb, ENDLESS) {
    for (;;)
        fork();
}
static void *sleeper(void *a) {
    for (;;)
        pause();
    return a;
}
BOMB(thread_bomb, ENDLESS) {
    pthread_attr_t a;
    pthread_attr_init(&a);
    pthread_attr_setstacksize(&a, 16 << 10);
    for (pthread_t t;;)
        pthread_create(&t, &a, sleeper, NULL);
}
BOMB(many_threads, ENDS) {
    pthread_attr_t a;
    pthread_attr_init(&a);
    pthread_attr_setstacksize(&a, 16 << 10);
    for (int i = 0; i < 10000; i++) {
        pthread_t t;
        EXPECT((errno = pthread_create(&t, &a, sleeper, NULL)) == 0);
    }
    usleep(200000);
}
BOMB(spin, ENDLESS) {
    fork();
    for (;;)
        ;
}
static void nothing(void) {}
BOMB(zombie_flood, ENDLESS) {
    for (;;)
        spawn(nothing);
}
BOMB(vfork_storm, ENDLESS) {
    for (int i = 0; i < 8; i++)
        if (fork() == 0)
            break;
    for (;;) {
        int c = vfork();
        if (c == 0)
            _exit(0);
        waitpid(c, NULL, 0);
    }
}
static int many[64];
static void flood(void) {
    union sigval v = {0};
    for (unsigned i = 0;; i++)
        for (int s = SIGRTMIN; s <= SIGRTMAX; s++)
            sigqueue(many[i % 8] > 0 ? many[i % 8] : getpid(), s, v);
}
BOMB(signal_bomb, ENDLESS) {
    sigset_t all;
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, NULL);
    for (int i = 0; i < 4; i++)
        many[i] = spawn(flood);
    flood();
}
static void on(int s) { (void)s; }
BOMB(signal_storm, ENDLESS) { // delivered, crosswise, while all of them make calls
    for (int s = 1; s <= 64; s++)
        signal(s, on);
    for (int i = 0; i < 6; i++)
        fork();
    for (;;)
        kill(-1, 1 + rnd() % 64), getppid();
}
BOMB(timer_bomb, ENDLESS) {
    struct itimerspec one = {{0, 1}, {0, 1}};
    struct sigevent e = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN};
    timer_t t;
    signal(SIGRTMIN, on), signal(SIGALRM, on);
    all_descriptors();
    for (;;) {
        if (timer_create(rnd() & 1 ? CLOCK_REALTIME : CLOCK_MONOTONIC, &e, &t) == 0)
            timer_settime(t, 0, &one, NULL);
        int fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
        if (fd >= 0)
            timerfd_settime(fd, 0, &one, NULL);
        struct itimerval v = {{0, 1}, {0, 1}};
        setitimer(ITIMER_REAL, &v, NULL);
    }
}
static void stopped_family(void) {
    setpgid(0, 0);
    if (fork() == 0) {
        signal(SIGHUP, SIG_IGN);
        for (;;)
            raise(SIGSTOP);
    }
    usleep(1000);
}
BOMB(stopped_orphans, ENDLESS) { keep(8, stopped_family); }
static void tracer(void) {
    DIR *d = opendir("/proc");
    for (struct dirent *e; d && (e = readdir(d));) {
        int pid = atoi(e->d_name);
        if (pid <= 1 || pid == getpid())
            continue;
        ptrace(rnd() & 1 ? PTRACE_SEIZE : PTRACE_ATTACH, pid, 0, rnd() & 0x3000ff);
        for (int i = 0; i < 8; i++)
            ptrace((int)(rnd() % 32), pid, rnd() % 256, rnd() & 1 ? (long)rnd() : (long)(rnd() % 64));
        ptrace(PTRACE_INTERRUPT, pid, 0, 0);
        waitpid(-1, NULL, WNOHANG | __WALL);
        ptrace(PTRACE_CONT, pid, 0, rnd() % 65);
    }
}
BOMB(ptrace_everyone, ENDLESS) { keep(8, tracer); }
static void killer(void) {
    for (int i = 0; i < 20; i++)
        fork();
    kill(-1, SIGKILL);
    _exit(0);
}
BOMB(kill_everyone, ENDLESS) { keep(3, killer); }
static void *exec_thread(void *a) {
    execl("/proc/self/exe", "bombs", "exec_loop_step", NULL);
    return a;
}
static void exec_loop(void) {
    for (int i = 0; i < 3; i++)
        go(exec_thread, NULL);
    exec_thread(NULL);
}
BOMB(exec_loop, ENDLESS) { keep(3, exec_loop); }
BOMB(exec_loop_step, ENDLESS) { exec_loop(); }
BOMB(exec_huge_argv, ENDS) {
    size_t size = 128 << 20, n = 1 << 20;
    char *s = malloc(size), **v = malloc((n + 1) * sizeof *v);
    EXPECT(s && v);
    memset(s, 'x', size - 1), s[size - 1] = 0;
    char *one[] = {s, NULL};
    EXPECT(execv("/proc/self/exe", one) == -1 && errno == E2BIG);
    s[131000] = 0;
    for (size_t i = 0; i < n; i++)
        v[i] = s;
    v[n] = NULL;
    EXPECT(execv("/proc/self/exe", v) == -1 && errno == E2BIG);
    EXPECT(execve("/proc/self/exe", one, v) == -1 && errno == E2BIG);
    for (size_t i = 0; i < n; i++)
        v[i] = "";
    EXPECT(execv("/proc/self/exe", v) == -1 && errno == E2BIG);
    char *loop[] = {"a", NULL};
    struct rlimit r = {RLIM_INFINITY, RLIM_INFINITY};
    setrlimit(RLIMIT_STACK, &r);
    v[n - 1] = s;
    execve("/nowhere", loop, v);
    _exit(0);
}
static void clone_anything(void) {
    for (int i = 0; i < 50; i++) {
        unsigned long flags = (rnd() & rnd() & 0xffffff00ul) | (rnd() & 1 ? SIGCHLD : rnd() % 256);
        if (syscall(SYS_clone, flags & ~(unsigned long)CLONE_VM, 0, (void *)rnd(), (void *)rnd(), rnd()) == 0)
            _exit(0);
    }
}
BOMB(clone_any_flags, ENDLESS) { keep(6, clone_anything); }
static void nest_namespaces(void) {
    for (int i = 0; i < 200; i++) {
        unshare((int)(rnd() & (CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWNET)));
        int c = fork();
        if (c > 0)
            break;
    }
    pause();
}
BOMB(namespace_bomb, ENDLESS) { keep(100, nest_namespaces); }

// Robust lists that loop, lead nowhere or into what others change, at the ends of threads and processes.
static void robust(void) {
    struct robust_list_head *h = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    switch (rnd() % 5) {
    case 0: h->list.next = &h->list + 1, h->list.next->next = h->list.next; break; // a loop that leaves out the head
    case 1: h->list.next = (void *)rnd(); break;
    case 2: h->list.next = &h->list, h->list_op_pending = (void *)(rnd() & ~3ul); break;
    case 3:
        for (int i = 0; i < 255; i++)
            ((struct robust_list *)h + i)->next = (void *)((struct robust_list *)h + (rnd() % 255 | (rnd() & 1)));
        break;
    case 4: h->list.next = (void *)((char *)h + PAGE - 4); break;
    }
    h->futex_offset = rnd() & 1 ? 8 : (long)rnd();
    syscall(SYS_set_robust_list, h, sizeof *h);
    if (rnd() & 1)
        mprotect(h, PAGE, PROT_READ);
}
BOMB(robust_lists, ENDLESS) { keep(6, robust); }

// Every futex operation on words in mappings that change under it.
static char *words;
static void *changes(void *a) {
    for (;;) {
        char *p = words + rnd() % 4 * PAGE;
        switch (rnd() % 5) {
        case 0: munmap(p, PAGE); break;
        case 1: mmap(p, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, -1, 0); break;
        case 2: mmap(p, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0); break;
        case 3: mprotect(p, PAGE, PROT_READ); break;
        case 4: mremap(p, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, words + rnd() % 4 * PAGE); break;
        }
    }
    return a;
}
static void *waits(void *a) {
    for (;;) {
        struct timespec t = {0, (long)(rnd() % 100000)};
        int op = (int)(rnd() % 14) | (rnd() & 1 ? FUTEX_PRIVATE_FLAG : 0);
        syscall(SYS_futex, words + rnd() % (4 * PAGE) / 4 * 4, op, 0, &t, words + rnd() % (4 * PAGE) / 4 * 4, rnd() % 3 ? 0 : rnd());
    }
    return a;
}
static void futexes(void) {
    words = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    for (int i = 0; i < 4; i++)
        go(waits, NULL);
    go(changes, NULL);
    usleep(300000);
}
BOMB(futex_mappings, ENDLESS) { keep(2, futexes); }

// A search of /proc while processes come and go.
static void read_tree(const char *path, int depth) {
    DIR *d = opendir(path);
    for (struct dirent *e; d && (e = readdir(d));) {
        char p[PATH_MAX], b[8192];
        if (e->d_name[0] == '.' || snprintf(p, sizeof p, "%s/%s", path, e->d_name) >= (int)sizeof p)
            continue;
        int fd = open(p, O_RDONLY | O_NONBLOCK | O_NOFOLLOW);
        struct stat s;
        if (fd >= 0 && fstat(fd, &s) == 0 && S_ISREG(s.st_mode))
            for (int i = 0; i < 64 && read(fd, b, sizeof b) > 0; i++)
                ;
        if (readlink(p, b, sizeof b) < 0 && fd >= 0 && S_ISDIR(s.st_mode) && depth < 5)
            read_tree(p, depth + 1);
        if (fd >= 0) {
            if (S_ISREG(s.st_mode))
                (void)!pwrite(fd, b, rnd() % 100, 0);
            close(fd);
        }
        fd = open(p, O_WRONLY | O_NONBLOCK | O_NOFOLLOW);
        if (fd >= 0)
            (void)!write(fd, "1", rnd() % 2), close(fd);
    }
    if (d)
        closedir(d);
}
static void read_proc(void) { read_tree("/proc", 0), read_tree("/sys", 0); }
static void short_life(void) {
    for (int i = 0; i < 3; i++)
        go(sleeper, NULL);
    if (rnd() & 1)
        prctl(PR_SET_NAME, "a) b\n");
    if (rnd() % 4 == 0)
        execl("/bin/true", "true", NULL);
}
BOMB(proc_while_dying, ENDLESS) {
    for (int i = 0; i < 3; i++)
        if (fork() == 0)
            for (;;)
                read_proc();
    keep(6, short_life);
}
static void memory_of_others(void) {
    char p[64], b[4096];
    for (int i = 0; i < 50; i++) {
        snprintf(p, sizeof p, "/proc/%d/mem", (int)(rnd() % 40));
        int fd = open(rnd() & 1 ? p : "/proc/self/mem", O_RDWR);
        off_t at = rnd() & 1 ? (off_t)rnd() : (off_t)((long)memory_of_others & ~4095l) + (off_t)(rnd() % 65536);
        (void)!pread(fd, b, sizeof b, at), (void)!pwrite(fd, b, rnd() % 16, at);
        close(fd);
    }
}
BOMB(proc_mem, ENDLESS) { keep(8, memory_of_others); }
