// The program: picks a bomb by its name, and the helpers of all of them.
#include "bomb.h"

static struct bomb {
    const char *name;
    void (*fn)(void);
    enum kind kind;
} bombs[128];
static int nbombs;

void bomb_register(const char *name, void (*fn)(void), enum kind kind) { bombs[nbombs++] = (struct bomb){name, fn, kind}; }

static _Thread_local unsigned long seed;
unsigned long rnd(void) {
    if (!seed) {
        struct timespec t;
        clock_gettime(CLOCK_MONOTONIC, &t);
        const char *s = getenv("SEED");
        seed = (s ? strtoul(s, NULL, 0) : (unsigned long)t.tv_nsec) * 2654435761u + (unsigned long)syscall(SYS_gettid) + 1;
    }
    seed ^= seed << 13, seed ^= seed >> 7, seed ^= seed << 17;
    return seed;
}
void all_descriptors(void) {
    struct rlimit r;
    getrlimit(RLIMIT_NOFILE, &r);
    r.rlim_cur = r.rlim_max;
    setrlimit(RLIMIT_NOFILE, &r);
}
pthread_t go(void *(*fn)(void *), void *arg) {
    pthread_t t;
    pthread_attr_t a;
    pthread_attr_init(&a);
    pthread_attr_setstacksize(&a, 64 << 10);
    if (pthread_create(&t, &a, fn, arg))
        _exit(3);
    return t;
}
int spawn(void (*fn)(void)) {
    int c = fork();
    if (c == 0) {
        fn();
        _exit(0);
    }
    return c;
}
void keep(int processes, void (*fn)(void)) {
    for (int i = 0; i < processes; i++)
        spawn(fn);
    for (;;)
        if (wait(NULL) > 0)
            spawn(fn);
}
void enter_tmpfs(void) {
    char d[] = "/dev/shm/bomb.XXXXXX";
    if (!mkdtemp(d) || chdir(d))
        _exit(4);
}

int main(int argc, char **argv) {
    if (argc < 2) {
        for (int i = 0; i < nbombs; i++)
            printf("%s %s\n", bombs[i].name, bombs[i].kind == ENDS ? "ends" : "endless");
        return 0;
    }
    for (int i = 0; i < nbombs; i++)
        if (!strcmp(bombs[i].name, argv[1])) {
            signal(SIGTERM, SIG_IGN);
            signal(SIGPIPE, SIG_IGN);
            bombs[i].fn();
            while (bombs[i].kind == ENDLESS) // a full sandbox stays full until it is stopped
                pause();
            return 0;
        }
    return 2;
}
