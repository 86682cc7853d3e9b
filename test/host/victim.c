// victim PART DIR: a little of everything that makes the sentry call its host, each step checked. Says "ok" and ends with 0; with 3 after a
// system call that failed, named on stderr; with 4 for wrong data, which no failure of the host may lead to.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { FAILED = 3, WRONG = 4 };

static void failed(const char *what) {
    dprintf(2, "victim: %s: errno %d\n", what, errno);
    _exit(FAILED);
}
static void wrong(const char *what) {
    dprintf(2, "victim: wrong data: %s\n", what);
    _exit(WRONG);
}
#define TRY(call) ({ __typeof__(call) r_ = (call); if (r_ < 0) failed(#call); r_; })

static unsigned char pattern(size_t i) { return (unsigned char)(i * 7 + (i >> 8) * 13 + 1); }
static void fill(unsigned char *p, size_t n, size_t from) { for (size_t i = 0; i < n; i++) p[i] = pattern(from + i); }
static void check(const unsigned char *p, size_t n, size_t from, const char *what) {
    for (size_t i = 0; i < n; i++) if (p[i] != pattern(from + i)) wrong(what);
}

static unsigned char buf[200000], back[200000];

static void write_all(int fd, const unsigned char *p, size_t n) {
    while (n > 0) {
        ssize_t w = TRY(write(fd, p, n));
        if (w == 0) wrong("write of nothing");
        p += w, n -= (size_t)w;
    }
}
static size_t read_all(int fd, unsigned char *p, size_t n) {
    size_t done = 0;
    for (;;) {
        ssize_t r = TRY(read(fd, p + done, n - done));
        if (r == 0 || done + (size_t)r == n) return done + (size_t)r;
        done += (size_t)r;
    }
}
static int reap(pid_t pid) {
    int status;
    TRY(waitpid(pid, &status, 0));
    // A child that met a failure has said so; one that the host's want of memory killed is a failure as well.
    if (WIFSIGNALED(status)) { errno = ENOMEM; failed("child killed"); }
    if (WEXITSTATUS(status) == 127) { errno = EIO; failed("start of the child's libraries"); }
    if (WEXITSTATUS(status) == FAILED || WEXITSTATUS(status) == WRONG) _exit(WEXITSTATUS(status));
    return WEXITSTATUS(status);
}

static void one_file(const char *name) {
    int fd = TRY(open(name, O_RDWR | O_CREAT | O_TRUNC, 0600));
    fill(buf, sizeof buf, 0);
    write_all(fd, buf, sizeof buf);
    TRY(lseek(fd, 0, SEEK_SET));
    if (read_all(fd, back, sizeof back) != sizeof back) wrong("length of file");
    check(back, sizeof back, 0, "file");
    unsigned char *m = mmap(NULL, sizeof buf, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (m == MAP_FAILED) failed("mmap of file");
    check(m, sizeof buf, 0, "mapping of file");
    TRY(munmap(m, sizeof buf));
    TRY(ftruncate(fd, 5000));
    TRY(fsync(fd));
    struct stat s;
    TRY(fstat(fd, &s));
    if (s.st_size != 5000) wrong("size");
    TRY(close(fd));
}
static void files(const char *dir) {
    TRY(chdir(dir));
    one_file("a");
    TRY(mkdir("d", 0700));
    TRY(rename("a", "d/b"));
    TRY(symlink("d/b", "l"));
    TRY(link("d/b", "h"));
    TRY(chmod("h", 0640));
    struct stat s;
    TRY(stat("l", &s));
    if (s.st_size != 5000 || s.st_nlink != 2 || (s.st_mode & 0777) != 0640) wrong("stat");
    TRY(unlink("l"));
    TRY(unlink("h"));
    TRY(unlink("d/b"));
    TRY(rmdir("d"));
    one_file("/tmp/m");
    TRY(unlink("/tmp/m"));
}
static void processes(const char *self) {
    for (int i = 0; i < 3; i++) {
        pid_t pid = TRY(fork());
        if (pid == 0) {
            fill(buf, sizeof buf, (size_t)i);
            check(buf, sizeof buf, (size_t)i, "memory of child");
            if (i < 2) _exit(40 + i);
            execl(self, "victim", "nothing", "", NULL);
            failed("exec");
        }
        if (reap(pid) != (i < 2 ? 40 + i : 0)) wrong("status of child");
    }
}
static void memory(void) {
    for (int i = 0; i < 3; i++) {
        size_t n = 3u << 20;
        unsigned char *m = mmap(NULL, n, PROT_READ | PROT_WRITE, (i == 1 ? MAP_SHARED : MAP_PRIVATE) | MAP_ANONYMOUS, -1, 0);
        if (m == MAP_FAILED) failed("mmap");
        for (size_t at = 0; at < n; at += 65536) fill(m + at, 64, at);
        TRY(mprotect(m, 65536, PROT_READ));
        TRY(mprotect(m, 65536, PROT_READ | PROT_WRITE));
        pid_t pid = TRY(fork());
        for (size_t at = 0; at < n; at += 65536) check(m + at, 64, at, "anonymous memory");
        if (pid == 0) _exit(0);
        if (reap(pid) != 0) wrong("status");
        unsigned char *moved = mremap(m, n, n + 65536, MREMAP_MAYMOVE);
        if (moved == MAP_FAILED) failed("mremap");
        for (size_t at = 0; at < n; at += 65536) check(moved + at, 64, at, "moved memory");
        TRY(munmap(moved, n + 65536));
    }
}
static void pipes(void) {
    int p[2];
    TRY(pipe(p));
    pid_t pid = TRY(fork());
    if (pid == 0) {
        close(p[0]);
        fill(buf, sizeof buf, 5);
        write_all(p[1], buf, sizeof buf);
        _exit(0);
    }
    close(p[1]);
    size_t n = read_all(p[0], back, sizeof back);
    int status = reap(pid);
    if (n != sizeof back || status != 0) wrong("length from pipe");
    check(back, sizeof back, 5, "pipe");
}
static void *thread_main(void *arg) {
    size_t n = (size_t)arg;
    unsigned char *p = malloc(100000);
    if (p) {
        fill(p, 100000, n);
        check(p, 100000, n, "memory of thread");
    }
    free(p);
    return arg;
}
static void threads(void) {
    pthread_t t[6];
    for (size_t i = 0; i < 6; i++) if ((errno = pthread_create(&t[i], NULL, thread_main, (void *)i)) != 0) failed("pthread_create");
    for (size_t i = 0; i < 6; i++) {
        void *r;
        pthread_join(t[i], &r);
        if (r != (void *)i) wrong("result of thread");
    }
}

int main(int argc, char **argv) {
    if (argc != 3) return 2;
    const char *part = argv[1];
    if (!strcmp(part, "nothing")) return 0;
    if (!strcmp(part, "files")) files(argv[2]);
    else if (!strcmp(part, "processes")) processes(argv[0]);
    else if (!strcmp(part, "memory")) memory();
    else if (!strcmp(part, "pipes")) pipes();
    else if (!strcmp(part, "threads")) threads();
    else return 2;
    if (write(1, "ok\n", 3) != 3) return FAILED;
    return 0;
}
