// sequences DIR FIRST COUNT: runs the random sequences of system calls numbered FIRST to FIRST+COUNT-1 below DIR, each in a process of its own
// and an empty directory, and prints for each its number and a hash of everything that was returned.
// sequences DIR -v NUMBER:MASK...: prints each call of these instead, with those that the hexadecimal mask has.
// One that does not end is killed, and ends the run after it was said. The same numbers give the same calls everywhere: diff.py compares what
// Linux and sbx say. What a call returns must be decided by the calls before it: no clocks, addresses, numbers of processes or inodes.
#include "seq.h"

#include <dirent.h>
#include <stdarg.h>
#include <sys/wait.h>
#include <sys/xattr.h>

enum { CALLS = 40 };

static uint64_t state, hash;
static int verbose;
static uint64_t rnd(void) {
    state += 0x9e3779b97f4a7c15ull;
    uint64_t z = state;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
    return z ^ (z >> 31);
}
unsigned pick(unsigned n) { return (unsigned)(rnd() % n); }

void note(const char *format, ...) {
    char text[512];
    int saved = errno;
    va_list ap;
    va_start(ap, format);
    vsnprintf(text, sizeof text, format, ap);
    va_end(ap);
    for (const char *p = text; *p; p++) hash = (hash ^ (unsigned char)*p) * 0x100000001b3ull;
    if (verbose) fputs(text, stdout), fflush(stdout);
    errno = saved;
}
long result(long r) {
    if (r < 0) note(" = -1 %s\n", strerrorname_np(errno));
    else note(" = %ld\n", r);
    return r;
}

static void move(int f, int slot) {
    if (f < 0 || f == slot) return;
    dup3(f, slot, fcntl(f, F_GETFD) & FD_CLOEXEC ? O_CLOEXEC : 0);
    close(f);
}
void result_fd(int fd, int slot) {
    result(fd < 0 ? -1 : 0);
    move(fd, slot);
}
void keep_two(const int *ends, int a, int b) {
    if (a == b) b = BASE + (b - BASE + 1) % FDS;
    move(ends[0], BASE + FDS), move(ends[1], b), move(BASE + FDS, a);
}

static const char *const names[] = {"a", "b", "c", "d", "d/a", "d/b", "d/e", "d/e/a", "l", "a/", "./b", "d/../c", "d/", "", "l/a", ".", ".."};
const char *some_path(void) { return names[pick(sizeof names / sizeof *names)]; }
int some_fd(void) { return BASE + (int)pick(FDS); }
unsigned char data[3 * PAGE];
unsigned bytes_hash(const void *from, long n) {
    const unsigned char *p = from;
    unsigned h = 2166136261u;
    for (long i = 0; i < n; i++) h = (h ^ p[i]) * 16777619u;
    return h;
}
void note_bytes(const void *p, long n) { note(" {%x}", bytes_hash(p, n)); }
size_t some_size(void) { return (size_t)ONE_OF(0, 1, 7, 8, 100, 511, 512, 4095, 4096, 4097, 8192, 12288); }
long some_offset(void) { return ONE_OF(0l, 0, 1, 10, 4095, 4096, 4097, 8192, 10000, 65536, -1, -4096); }

static char *edge; // 4 pages, then one that is not there
void *some_buffer(size_t n) {
    static unsigned char good[4 * PAGE];
    unsigned k = pick(24);
    if (k > 2) return memcpy(good, data, sizeof data);
    memcpy(edge, data, sizeof data);
    if (k == 2) return NULL;
    // To the edge, or over it.
    return edge + 4 * PAGE - n + (k == 1 && n ? 1 + pick((unsigned)n) : 0);
}

static const struct {
    unsigned weight;
    void (*call)(void);
} families[] = {
    {30, family_files}, {16, family_names}, {8, family_descriptors}, {10, family_memory}, {8, family_signals}, {4, family_timers},
    {2, family_processes}, {12, family_sockets}, {10, family_events}, {10, family_pipes}, {5, family_locks}, {6, family_attributes},
};
static void call(void) {
    unsigned sum = 0;
    for (unsigned i = 0; i < sizeof families / sizeof *families; i++) sum += families[i].weight;
    unsigned k = pick(sum), i = 0;
    while (k >= families[i].weight) k -= families[i++].weight;
    errno = 0;
    families[i].call();
}
unsigned calls_of_child(unsigned n) {
    hash = 0xcbf29ce484222325ull;
    for (unsigned i = 0; i < n; i++) {
        note("child: ");
        call();
    }
    return (unsigned)hash;
}

// What calls on ".." leave.
static void clean_top(int top) {
    char names[4096];
    long n = flistxattr(top, names, sizeof names);
    for (long i = 0; i < n; i += (long)strlen(names + i) + 1) fremovexattr(top, names + i);
    fchown(top, 0, 0);
}
static void clean(int dir) {
    DIR *d = fdopendir(dir);
    for (struct dirent *e; (e = readdir(d));) {
        if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, "..")) continue;
        if (unlinkat(dirfd(d), e->d_name, 0) == 0) continue;
        int sub = openat(dirfd(d), e->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
        if (sub >= 0) clean(sub);
        unlinkat(dirfd(d), e->d_name, AT_REMOVEDIR);
    }
    closedir(d);
}

enum { PATIENCE = 20 }; // seconds

static void run(uint64_t number, uint64_t mask) {
    pid_t self = getpid();
    umask(022);
    start_signals();
    state = number * 0xd1342543de82ef95ull, hash = 0xcbf29ce484222325ull;
    for (unsigned i = 0; i < CALLS; i++) {
        // Each call draws from a stream of its own, so that leaving one out does not change the others.
        uint64_t next = rnd();
        uint64_t saved = state;
        state = next;
        if (mask >> i & 1) { if (verbose) printf("%2u ", i); call(); }
        state = saved;
        if (getpid() != self) _exit(99);
    }
    printf("%lu %lx\n", number, hash);
}

// Runs it in a child. 0 if all is as it was.
static int one(int top, uint64_t number, uint64_t mask) {
    // In a directory below, so that ".." is the same everywhere too.
    if (fchmod(top, 0755) != 0 || mkdir("w", 0755) != 0) return perror("sequences"), 2;
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        sigset_t none;
        sigemptyset(&none), sigprocmask(SIG_SETMASK, &none, NULL);
        if (chdir("w") != 0) _exit(2);
        run(number, mask);
        fflush(stdout);
        _exit(0);
    }
    int status;
    sigset_t child;
    struct timespec patience = {PATIENCE, 0};
    sigemptyset(&child), sigaddset(&child, SIGCHLD);
    for (;;) {
        pid_t ended = waitpid(pid, &status, WNOHANG);
        if (ended == pid) break;
        if (ended == 0 && sigtimedwait(&child, NULL, &patience) < 0 && errno == EAGAIN) {
            kill(pid, SIGKILL);
            return printf("%s%lu stuck\n", verbose ? "\n" : "", number), fflush(stdout), 3;
        }
    }
    if (status) printf("%s%lu ended with %x\n", verbose ? "\n" : "", number, (unsigned)status);
    clean_top(top);
    clean(fcntl(top, F_DUPFD_CLOEXEC, 100));
    lseek(top, 0, SEEK_SET);
    return 0;
}

int main(int argc, char **argv) {
    // So that no sequence of ".." leads further; what root may is compared.
    int top = argc < 4 || chdir(argv[1]) != 0 || chroot(".") != 0 ? -1 : open("/", O_RDONLY | O_DIRECTORY);
    if (top < 0) return fprintf(stderr, "sequences: wrong arguments, or not root\n"), 2;
    top = fcntl(top, F_DUPFD_CLOEXEC, 100);
    for (size_t i = 0; i < sizeof data; i++) data[i] = (unsigned char)(i * 31 + i / 256);
    edge = mmap(NULL, 5 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    munmap(edge + 4 * PAGE, PAGE);
    sigset_t child;
    sigemptyset(&child), sigaddset(&child, SIGCHLD), sigprocmask(SIG_BLOCK, &child, NULL);
    verbose = !strcmp(argv[2], "-v");
    if (verbose) {
        for (int i = 3; i < argc; i++) {
            char *end;
            uint64_t number = strtoull(argv[i], &end, 10);
            int e = one(top, number, strtoull(end + 1, NULL, 16));
            if (e) return e;
        }
        return 0;
    }
    uint64_t first = strtoull(argv[2], NULL, 10), count = strtoull(argv[3], NULL, 10);
    for (uint64_t k = first; k < first + count; k++) {
        int e = one(top, k, ~0ull);
        if (e) return e;
    }
    return 0;
}
