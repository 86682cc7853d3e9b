// sequences DIR FIRST COUNT [KEEP]: runs the random sequences of system calls numbered FIRST to FIRST+COUNT-1 below DIR and prints for each its
// number and a hash of everything that was returned. With KEEP, a hexadecimal mask of the calls to make, prints each call instead.
// The same numbers give the same calls everywhere: diff.py compares what Linux and sbx say.
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CALLS = 40, FDS = 8, BASE = 20, MAPS = 3, PAGE = 4096 };

static uint64_t state, hash;
static int verbose;
static uint64_t rnd(void) {
    state += 0x9e3779b97f4a7c15ull;
    uint64_t z = state;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
    return z ^ (z >> 31);
}
static unsigned pick(unsigned n) { return (unsigned)(rnd() % n); }

static void note(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void note(const char *format, ...) {
    char text[512];
    va_list ap;
    va_start(ap, format);
    vsnprintf(text, sizeof text, format, ap);
    va_end(ap);
    for (const char *p = text; *p; p++) hash = (hash ^ (unsigned char)*p) * 0x100000001b3ull;
    if (verbose) fputs(text, stdout);
}
static long result(long r) {
    int e = errno;
    if (r < 0) note(" = -1 %s\n", strerrorname_np(e));
    else note(" = %ld\n", r);
    return r;
}

static const char *const names[] = {"a", "b", "c", "d", "d/a", "d/b", "d/e", "d/e/a", "l", "a/", "./b", "d/../c", "d/", "", "l/a", ".", ".."};
static const char *path(void) { return names[pick(sizeof names / sizeof *names)]; }
static int fd(void) { return BASE + (int)pick(FDS); }
static unsigned char buf[3 * PAGE], *maps[MAPS];
static size_t map_size[MAPS];

static void keep(int f, int slot) {
    if (f < 0) return;
    if (f != slot) dup3(f, slot, fcntl(f, F_GETFD) & FD_CLOEXEC ? O_CLOEXEC : 0), close(f);
}
static unsigned bytes_hash(const unsigned char *p, long n) {
    unsigned h = 2166136261u;
    for (long i = 0; i < n; i++) h = (h ^ p[i]) * 16777619u;
    return h;
}
static size_t size(void) {
    static const size_t sizes[] = {0, 1, 7, 100, 511, 512, 4095, 4096, 4097, 8192, 12288};
    return sizes[pick(11)];
}
static long offset(void) {
    static const long offsets[] = {0, 0, 1, 10, 4095, 4096, 4097, 8192, 10000, 65536, -1, -4096};
    return offsets[pick(12)];
}
static void show_stat(const struct stat *s) {
    note(" [mode %o nlink %lu size %ld]", s->st_mode, S_ISDIR(s->st_mode) ? 0ul : (unsigned long)s->st_nlink, S_ISDIR(s->st_mode) ? 0l : (long)s->st_size);
}

static void call(void) {
    static const int open_flags[] = {O_RDONLY, O_WRONLY, O_RDWR, O_RDWR | O_CREAT, O_WRONLY | O_CREAT | O_EXCL, O_RDWR | O_CREAT | O_TRUNC,
        O_WRONLY | O_APPEND, O_RDONLY | O_DIRECTORY, O_PATH, O_RDWR | O_APPEND | O_CREAT, O_RDONLY | O_NOFOLLOW, O_RDWR | O_TMPFILE, O_PATH | O_NOFOLLOW};
    struct stat s;
    int f = fd(), g = fd(), m = (int)pick(MAPS);
    const char *p = path(), *q = path();
    size_t n = size();
    long at = offset(), r;
    errno = 0;
    switch (pick(46)) {
    case 0 ... 4: {
        int flags = open_flags[pick(13)];
        note("open(%s, %#o, 0644)", p, flags);
        r = open(p, flags | O_NONBLOCK, 0644);
        result(r < 0 ? -1 : 0);
        keep((int)r, f);
        break;
    }
    case 5: note("close(%d)", f); result(close(f)); break;
    case 6: case 7: note("write(%d, %zu)", f, n); result(write(f, buf, n)); break;
    case 8: case 9: note("read(%d, %zu)", f, n); { unsigned char b[3 * PAGE]; r = read(f, b, n); int e = errno; note(" {%x}", bytes_hash(b, r)); errno = e; result(r); } break;
    case 10: note("pwrite(%d, %zu, %ld)", f, n, at); result(pwrite(f, buf, n, at)); break;
    case 11: note("pread(%d, %zu, %ld)", f, n, at); { unsigned char b[3 * PAGE]; r = pread(f, b, n, at); int e = errno; note(" {%x}", bytes_hash(b, r)); errno = e; result(r); } break;
    case 12: { int w = (int)pick(6); note("lseek(%d, %ld, %d)", f, at, w); result(lseek(f, at, w)); break; }
    case 13: note("ftruncate(%d, %ld)", f, at); result(ftruncate(f, at)); break;
    case 14: note("truncate(%s, %ld)", p, at); result(truncate(p, at)); break;
    case 15: note("dup3(%d, %d)", f, g); result(dup3(f, g, pick(2) ? O_CLOEXEC : 0)); break;
    case 16: { static const int c[] = {F_GETFD, F_GETFL, F_SETFD, F_SETFL, F_GETPIPE_SZ, F_GET_SEALS, F_GETOWN, F_GETSIG}; int k = c[pick(8)], a = (int)pick(2) ? O_NONBLOCK | O_APPEND : O_NONBLOCK;
        note("fcntl(%d, %d, %#o)", f, k, a); result(fcntl(f, k, k == F_SETFD ? a & 1 : a)); break; }
    case 17: note("mkdir(%s)", p); result(mkdir(p, 0755)); break;
    case 18: note("rmdir(%s)", p); result(rmdir(p)); break;
    case 19: note("unlink(%s)", p); result(unlink(p)); break;
    case 20: { unsigned k = pick(4); note("renameat2(%s, %s, %u)", p, q, k); result(renameat2(AT_FDCWD, p, AT_FDCWD, q, k)); break; }
    case 21: note("link(%s, %s)", p, q); result(link(p, q)); break;
    case 22: note("symlink(%s, %s)", p, q); result(symlink(p, q)); break;
    case 23: { char t[100] = ""; note("readlink(%s)", p); r = readlink(p, t, 99); int e = errno; note(" {%s}", t); errno = e; result(r); break; }
    case 24: case 25: { int k = pick(2) ? AT_SYMLINK_NOFOLLOW : 0; note("fstatat(%s, %d)", p, k); r = fstatat(AT_FDCWD, p, &s, k); int e = errno; if (r == 0) show_stat(&s); errno = e; result(r); break; }
    case 26: note("fstat(%d)", f); r = fstat(f, &s); { int e = errno; if (r == 0 && !S_ISSOCK(s.st_mode) && s.st_mode & S_IFMT) show_stat(&s); errno = e; } result(r); break;
    case 27: { unsigned k = pick(01000); note("chmod(%s, %o)", p, k | 0700); result(chmod(p, k | 0700)); break; }
    case 28: { int k = (int)pick(8); note("access(%s, %d)", p, k); result(access(p, k)); break; }
    case 29: { int ends[2]; note("pipe2"); if (result(pipe2(ends, O_NONBLOCK)) == 0) keep(ends[0], BASE + FDS), keep(ends[1], f == g ? BASE + (g - BASE + 1) % FDS : g), keep(BASE + FDS, f); break; }
    case 30: { int ends[2], t = pick(2) ? SOCK_STREAM : pick(2) ? SOCK_DGRAM : SOCK_SEQPACKET; note("socketpair(%d)", t); if (result(socketpair(AF_UNIX, t | SOCK_NONBLOCK, 0, ends)) == 0) keep(ends[0], BASE + FDS), keep(ends[1], f == g ? BASE + (g - BASE + 1) % FDS : g), keep(BASE + FDS, f); break; }
    case 31: { struct pollfd v[2] = {{f, POLLIN | POLLOUT | POLLPRI | POLLRDHUP, 0}, {g, POLLIN | POLLOUT, 0}}; note("poll(%d, %d)", f, g); r = poll(v, 2, 0); note(" {%x %x}", v[0].revents, v[1].revents); result(r); break; }
    case 32: { size_t len = (size_t)(1 + pick(3)) * PAGE; int sh = pick(2) ? MAP_SHARED : MAP_PRIVATE, pr = (int)pick(4); long o = (long)pick(3) * PAGE;
        if (maps[m]) munmap(maps[m], map_size[m]), maps[m] = NULL;
        note("mmap(%zu, prot %d, flags %d, %d, %ld)", len, pr, sh, f, o); void *a = mmap(NULL, len, pr, sh, f, o); if (a == MAP_FAILED) result(-1); else maps[m] = a, map_size[m] = len, result(0); break; }
    case 33: if (maps[m]) { int fds[2]; // read and write through the mapping, by calls, which say EFAULT where an access would kill
        if (pipe(fds) != 0) break;
        size_t o = pick((unsigned)map_size[m] / PAGE) * PAGE; note("peek(%d, %zu)", m, o); r = write(fds[1], maps[m] + o, 100); unsigned char b[100] = {0}; int e = errno; if (r > 0) (void)!read(fds[0], b, 100); note(" {%x}", bytes_hash(b, 100)); errno = e; result(r);
        errno = 0; note("poke(%d, %zu)", m, o); (void)!write(fds[1], "xyz", 3); result(read(fds[0], maps[m] + o + 5, 3)); close(fds[0]); close(fds[1]); } break;
    case 34: if (maps[m]) { int pr = (int)pick(4); note("mprotect(%d, %d)", m, pr); result(mprotect(maps[m], map_size[m], pr)); } break;
    case 35: if (maps[m]) { static const int adv[] = {MADV_DONTNEED, MADV_WILLNEED, MADV_FREE, MADV_REMOVE, MADV_DONTFORK, MADV_NORMAL, MADV_POPULATE_READ, MADV_POPULATE_WRITE}; int k = adv[pick(8)]; note("madvise(%d, %d)", m, k); result(madvise(maps[m], map_size[m], k)); } break;
    case 36: if (maps[m]) { int k = (int)pick(8); note("msync(%d, %d)", m, k); result(msync(maps[m], map_size[m], k)); } break;
    case 37: { int k = 0; static const unsigned long c[] = {FIONREAD, FIONBIO, FIOCLEX, TIOCOUTQ, TCGETS}; unsigned i = pick(4); if (c[i] == FIONBIO) k = 1; note("ioctl(%d, %lx)", f, c[i]); r = ioctl(f, c[i], &k); int e = errno; note(" {%d}", k); errno = e; result(r); break; }
    case 38: { static const int c[] = {LOCK_SH, LOCK_EX, LOCK_UN}; int k = c[pick(3)] | LOCK_NB; note("flock(%d, %d)", f, k); result(flock(f, k)); break; }
    case 39: { off_t o = at; note("sendfile(%d, %d, %ld, %zu)", f, g, at, n); r = sendfile(f, g, pick(2) ? &o : NULL, n); int e = errno; note(" {%ld}", (long)o); errno = e; result(r); break; }
    case 40: { static const int c[] = {0, 1, 2, 3, 16, 17, 8, 32}; int k = c[pick(6)]; long len = offset(); note("fallocate(%d, %d, %ld, %ld)", f, k, at, len); result(fallocate(f, k, at, len)); break; }
    case 41: { loff_t o = at; note("splice(%d, %d, %zu)", f, g, n); r = splice(f, pick(2) ? &o : NULL, g, NULL, n, SPLICE_F_NONBLOCK); int e = errno; note(" {%ld}", (long)o); errno = e; result(r); break; }
    case 42: note("eventfd"); r = eventfd(pick(3), EFD_NONBLOCK); result(r < 0 ? -1 : 0); keep((int)r, f); break;
    case 43: { struct { struct iovec v[3]; } x = {{{buf, n}, {buf + 5, pick(50)}, {NULL, 0}}}; note("writev(%d, %zu)", f, n); result(writev(f, x.v, 3)); break; }
    case 44: { DIR *d = opendir(p); note("list(%s)", p); unsigned sum = 0, count = 0; if (!d) { result(-1); break; } for (struct dirent *e; (e = readdir(d));) sum += bytes_hash((unsigned char *)e->d_name, (long)strlen(e->d_name)) * (e->d_type + 1u), count++; closedir(d); note(" {%x}", sum); result(count); break; }
    case 45: { int how = (int)pick(3); note("shutdown(%d, %d)", f, how); result(shutdown(f, how)); break; }
    }
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

int main(int argc, char **argv) {
    // In a directory below, so that ".." is the same everywhere too.
    if (argc < 4 || chdir(argv[1]) != 0 || chmod(".", 0755) != 0 || (mkdir("w", 0755) != 0 && errno != EEXIST) || chdir("w") != 0) return fprintf(stderr, "sequences: wrong arguments\n"), 2;
    uint64_t first = strtoull(argv[2], NULL, 10), count = strtoull(argv[3], NULL, 10), mask = ~0ull;
    if (argc > 4) verbose = 1, mask = strtoull(argv[4], NULL, 16);
    signal(SIGPIPE, SIG_IGN);
    umask(022);
    for (size_t i = 0; i < sizeof buf; i++) buf[i] = (unsigned char)(i * 31 + i / 256);
    for (uint64_t k = first; k < first + count; k++) {
        state = k * 0xd1342543de82ef95ull, hash = 0xcbf29ce484222325ull;
        for (unsigned i = 0; i < CALLS; i++) {
            // Each call draws from a stream of its own, so that leaving one out does not change the others.
            uint64_t next = rnd();
            uint64_t saved = state;
            state = next;
            if (mask >> i & 1) { if (verbose) printf("%2u ", i); call(); if (verbose) fflush(stdout); }
            state = saved;
        }
        printf("%lu %lx\n", k, hash);
        for (int m = 0; m < MAPS; m++) if (maps[m]) munmap(maps[m], map_size[m]), maps[m] = NULL;
        for (int f = BASE; f <= BASE + FDS; f++) close(f);
        clean(open(".", O_RDONLY | O_DIRECTORY));
    }
    return 0;
}
