// What programs parse below /proc: self, maps, status, stat, statm, fd, fdinfo, cmdline, environ, exe, cwd, mounts, and a few
// system-wide files.
#include "../guest.h"
#include <pthread.h>
#include <sys/file.h>

static const char *field(const char *text, const char *name) { // "Name:\t" in a status file
    static char line[512];
    char key[64];
    snprintf(key, 64, "\n%s:", name);
    const char *p = !strncmp(text, key + 1, strlen(key) - 1) ? text - 1 : strstr(text, key);
    if (!p)
        FAIL("no field %s", name);
    p += strlen(key);
    while (*p == ' ' || *p == '\t')
        p++;
    snprintf(line, sizeof line, "%.*s", (int)strcspn(p, "\n"), p);
    return line;
}
TEST(self_links) {
    char b[PATH_MAX] = "", want[64];
    snprintf(want, 64, "%d", getpid());
    CHECK_EQ(readlink("/proc/self", b, sizeof b), strlen(want));
    CHECK_STR(b, want);
    memset(b, 0, sizeof b);
    snprintf(want, 64, "%d/task/%d", getpid(), gettid());
    CHECK_GT(readlink("/proc/thread-self", b, sizeof b), 0);
    CHECK_STR(b, want);
    memset(b, 0, sizeof b);
    CHECK_GT(readlink("/proc/self/exe", b, sizeof b), 0);
    CHECK_STR(b, guest_self);
    struct stat x, y;
    CHECK_EQ(stat("/proc/self/exe", &x), 0), CHECK_EQ(stat(guest_self, &y), 0);
    CHECK_EQ(x.st_ino, y.st_ino), CHECK_EQ(x.st_dev, y.st_dev);
    memset(b, 0, sizeof b);
    OK(chdir("/dev"));
    CHECK_EQ(readlink("/proc/self/cwd", b, sizeof b), 4);
    CHECK_STR(b, "/dev");
    memset(b, 0, sizeof b);
    CHECK_EQ(readlink("/proc/self/root", b, sizeof b), 1);
    CHECK_STR(b, "/");
    CHECK_ERR(open("/proc/4194304", O_RDONLY), ENOENT);
    CHECK_ERR(open("/proc/self/nothing", O_RDONLY), ENOENT);
}
TEST_DIR(exe_deleted) {
    char cmd[PATH_MAX + 32];
    snprintf(cmd, sizeof cmd, "cp %s ./copy", guest_self);
    CHECK_EQ(system(cmd), 0);
    CHECK_EQ(WEXITSTATUS(system("./copy --helper deleted")), 0);
}
HELPER(deleted) {
    char b[PATH_MAX] = "";
    if (unlink("copy") != 0 || readlink("/proc/self/exe", b, sizeof b - 1) < 0)
        return 1;
    return strstr(b, "/copy (deleted)") ? 0 : 2;
}
TEST(cmdline_and_environ) {
    char *t = read_file("/proc/self/cmdline");
    CHECK_STR(strrchr(t, '/') + 1, "self");
    CHECK_EQ(setenv("LATER", "x", 1), 0);
    static char env[65536];
    int fd = OK(open("/proc/self/environ", O_RDONLY));
    ssize_t n = OK(read(fd, env, sizeof env));
    CHECK_GT(n, 0);
    CHECK(memmem(env, n, "PATH=", 5));
    CHECK(!memmem(env, n, "LATER=", 6));
}
HELPER(cmdline) {
    char *t = read_file("/proc/self/cmdline");
    t += strlen(t) + 1 + strlen("--helper") + 1 + strlen("cmdline") + 1;
    return !strcmp(t, "a b") && !strcmp(t + 4, "") && !strcmp(t + 5, "c") ? 0 : 1;
}
TEST(cmdline_of_arguments) {
    pid_t c = FORK();
    if (c == 0)
        execl(guest_self, guest_self, "--helper", "cmdline", "a b", "", "c", NULL), _exit(9);
    CHECK_EXIT(c, 0);
}
static int in_bss[1000];
TEST(maps) {
    char *anon = OK(mmap(NULL, 3 * PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    CHECK_EQ(mprotect(anon + PAGE, PAGE, PROT_READ | PROT_WRITE), 0);
    char *shared = OK(mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
    int exe = OK(open(guest_self, O_RDONLY));
    char *file = OK(mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, exe, PAGE));
    FILE *f = fopen("/proc/self/maps", "r");
    CHECK(f);
    char line[PATH_MAX + 128];
    unsigned long last = 0;
    int found = 0, local;
    while (fgets(line, sizeof line, f)) {
        unsigned long a, b, off, inode;
        unsigned maj, min;
        char perm[5], path[PATH_MAX] = "";
        int n = sscanf(line, "%lx-%lx %4s %lx %x:%x %lu %4095[^\n]", &a, &b, perm, &off, &maj, &min, &inode, path);
        CHECK_GE(n, 7);
        CHECK(a < b), CHECK(a >= last);
        last = b;
        if (a == (unsigned long)anon + PAGE) {
            found |= 1;
            CHECK_STR(perm, "rw-p");
            CHECK_EQ(b - a, PAGE);
            CHECK_EQ(inode, 0);
        }
        if (a <= (unsigned long)shared && (unsigned long)shared < b) {
            found |= 2;
            CHECK_STR(perm, "rw-s");
            CHECK(strstr(path, "/dev/zero (deleted)"));
        }
        if (a == (unsigned long)file) {
            found |= 4;
            CHECK_STR(perm, "r--p");
            CHECK_EQ(off, PAGE);
            CHECK_STR(path, guest_self);
            struct stat st;
            OK(fstat(exe, &st));
            CHECK_EQ(inode, st.st_ino);
        }
        if (a <= (unsigned long)&local && (unsigned long)&local < b) {
            found |= 8;
            CHECK_STR(path, "[stack]");
        }
        if (a <= (unsigned long)test_maps && (unsigned long)test_maps < b) {
            found |= 16;
            CHECK_STR(perm, "r-xp");
            CHECK_STR(path, guest_self);
        }
        if (!strcmp(path, "[heap]"))
            found |= 32;
        if (!strcmp(path, "[vdso]"))
            found |= 64;
    }
    in_bss[0] = 1;
    CHECK_EQ(found, 127);
    fclose(f);
}
TEST(smaps_and_pagemap_exist) {
    char *t = read_file("/proc/self/smaps");
    CHECK(strstr(t, "Rss:"));
}
TEST(status) {
    char *t = strdup(read_file("/proc/self/status"));
    CHECK_STR(field(t, "Name"), "self");
    CHECK_EQ(atoi(field(t, "Pid")), getpid()), CHECK_EQ(atoi(field(t, "Tgid")), getpid()), CHECK_EQ(atoi(field(t, "PPid")), getppid());
    CHECK_EQ(field(t, "State")[0], 'R');
    CHECK_EQ(atoi(field(t, "Threads")), 1);
    unsigned a, b, c, d;
    CHECK_EQ(sscanf(field(t, "Uid"), "%u %u %u %u", &a, &b, &c, &d), 4);
    CHECK_EQ(a, getuid()), CHECK_EQ(b, geteuid());
    CHECK_EQ(sscanf(field(t, "Gid"), "%u %u %u %u", &a, &b, &c, &d), 4);
    CHECK_EQ(a, getgid());
    CHECK_EQ(strtoull(field(t, "CapEff"), NULL, 16), cap_effective());
    CHECK_EQ(strtoul(field(t, "Umask"), NULL, 8), umask(0));
    CHECK_GT(atoi(field(t, "VmSize")), 100), CHECK_GT(atoi(field(t, "VmRSS")), 10);
    CHECK_EQ(atoi(field(t, "TracerPid")), 0);
    block_signal(SIGUSR1), raise(SIGUSR1), signal(SIGUSR2, SIG_IGN), on_signal(SIGHUP, _exit, 0);
    t = strdup(read_file("/proc/self/status"));
    CHECK_EQ(strtoull(field(t, "SigBlk"), NULL, 16), 1ULL << (SIGUSR1 - 1));
    CHECK_EQ((strtoull(field(t, "SigPnd"), NULL, 16) | strtoull(field(t, "ShdPnd"), NULL, 16)) >> (SIGUSR1 - 1) & 1, 1);
    CHECK_EQ(strtoull(field(t, "SigIgn"), NULL, 16) >> (SIGUSR2 - 1) & 1, 1);
    CHECK_EQ(strtoull(field(t, "SigCgt"), NULL, 16) >> (SIGHUP - 1) & 1, 1);
}
TEST(stat_fields) {
    char *t = read_file("/proc/self/stat"), *p = strrchr(t, ')');
    CHECK_EQ(atoi(t), getpid());
    CHECK_EQ(strncmp(strchr(t, '('), "(self)", 6), 0);
    char state;
    int ppid, pgrp, session, tty, tpgid;
    CHECK_EQ(sscanf(p + 2, "%c %d %d %d %d %d", &state, &ppid, &pgrp, &session, &tty, &tpgid), 6);
    CHECK_EQ(state, 'R'), CHECK_EQ(ppid, getppid()), CHECK_EQ(pgrp, getpgrp()), CHECK_EQ(session, getsid(0));
    int fields = 2;
    for (; *p; p++)
        fields += *p == ' ';
    CHECK_EQ(fields, 52);
}
TEST(states_of_a_child) {
    gate_t g = gate_new();
    pid_t c = FORK();
    if (c == 0) {
        gate_wait(g);
        _exit(0);
    }
    char path[64];
    snprintf(path, 64, "/proc/%d/stat", c);
    WAIT_UNTIL(strrchr(read_file(path), ')')[2] == 'S');
    OK(kill(c, SIGSTOP));
    WAIT_UNTIL(strrchr(read_file(path), ')')[2] == 'T');
    OK(kill(c, SIGCONT));
    gate_open(g);
    WAIT_UNTIL(strrchr(read_file(path), ')')[2] == 'Z');
    char link[64], b[64];
    snprintf(link, 64, "/proc/%d/exe", c);
    CHECK_ERR(readlink(link, b, 64), ENOENT);
    snprintf(link, 64, "/proc/%d/cmdline", c);
    CHECK_STR(read_file(link), "");
    CHECK_EXIT(c, 0);
    CHECK_ERR(open(path, O_RDONLY), ENOENT);
}
TEST(statm) {
    long size, rss, shared;
    CHECK_EQ(sscanf(read_file("/proc/self/statm"), "%ld %ld %ld", &size, &rss, &shared), 3);
    CHECK_GT(size, 10), CHECK_GT(rss, 0), CHECK_LE(rss, size);
}
TEST_DIR(fd_directory) {
    write_file("file", "x");
    int fd = OK(open("file", O_RDONLY));
    close(OK(open("file", O_RDONLY)));
    char p[64], b[PATH_MAX] = "", cwd[PATH_MAX];
    snprintf(p, 64, "/proc/self/fd/%d", fd);
    CHECK_GT(readlink(p, b, sizeof b), 0);
    strcat(OK(getcwd(cwd, sizeof cwd)), "/file");
    CHECK_STR(b, cwd);
    OK(unlink("file"));
    memset(b, 0, sizeof b);
    CHECK_GT(readlink(p, b, sizeof b), 0);
    strcat(cwd, " (deleted)");
    CHECK_STR(b, cwd);
    DIR *d = opendir("/proc/self/fd");
    CHECK(d);
    int n = 0, me = 0;
    for (struct dirent *e; (e = readdir(d));)
        if (e->d_name[0] != '.') {
            n++;
            me |= atoi(e->d_name) == fd;
        }
    CHECK_EQ(me, 1);
    CHECK_GE(n, 4);
    closedir(d);
    OK(lseek(fd, 0, SEEK_END));
    snprintf(p, 64, "/proc/self/fdinfo/%d", fd);
    char *t = read_file(p);
    CHECK_EQ(atoi(field(t, "pos")), 1);
    CHECK_EQ(strtol(field(t, "flags"), NULL, 8) & O_ACCMODE, O_RDONLY);
    CHECK_ERR(open("/proc/self/fd/777", O_RDONLY), ENOENT);
    struct stat st;
    CHECK_EQ(lstat("/proc/self/fd/0", &st), 0);
    CHECK(S_ISLNK(st.st_mode));
}
static void *idle(void *a) {
    gate_open(((gate_t *)a)[0]);
    gate_wait(((gate_t *)a)[1]);
    return NULL;
}
TEST(task_directory) {
    gate_t g[2] = {gate_new(), gate_new()};
    pthread_t t[3];
    for (int i = 0; i < 3; i++) {
        CHECK_RET(pthread_create(&t[i], NULL, idle, g), 0);
        gate_wait(g[0]);
    }
    DIR *d = opendir("/proc/self/task");
    int n = 0;
    for (struct dirent *e; (e = readdir(d));)
        n += e->d_name[0] != '.';
    closedir(d);
    CHECK_EQ(n, 4);
    CHECK_EQ(atoi(field(read_file("/proc/self/status"), "Threads")), 4);
    for (int i = 0; i < 3; i++)
        gate_open(g[1]);
    for (int i = 0; i < 3; i++)
        CHECK_RET(pthread_join(t[i], NULL), 0);
}
TEST(comm) {
    CHECK_STR(read_file("/proc/self/comm"), "self\n");
    CHECK_EQ(prctl(PR_SET_NAME, "renamed"), 0);
    CHECK_STR(read_file("/proc/self/comm"), "renamed\n");
    int fd = OK(open("/proc/self/comm", O_WRONLY));
    CHECK_EQ(write(fd, "written", 7), 7);
    CHECK_STR(read_file("/proc/self/comm"), "written\n");
}
TEST(mounts) {
    char *t = read_file("/proc/self/mounts");
    CHECK(strstr(t, " / ")), CHECK(strstr(t, " /proc proc "));
    t = read_file("/proc/self/mountinfo");
    CHECK(strstr(t, " / ")), CHECK(strstr(t, " - proc ")); // the root may itself be a bind mount
    CHECK(strstr(read_file("/proc/filesystems"), "tmpfs"));
}
TEST(limits_file) {
    struct rlimit r = {77, 99};
    OK(setrlimit(RLIMIT_NOFILE, &r));
    char *p = strstr(read_file("/proc/self/limits"), "Max open files");
    CHECK(p);
    long a, b;
    CHECK_EQ(sscanf(p + 14, "%ld %ld", &a, &b), 2);
    CHECK_EQ(a, 77), CHECK_EQ(b, 99);
}
TEST(memory_through_mem) {
    static volatile int value = 5;
    int fd = OK(open("/proc/self/mem", O_RDWR)), got = 0, seven = 7;
    CHECK_EQ(pread(fd, &got, 4, (off_t)(uintptr_t)&value), 4);
    CHECK_EQ(got, 5);
    CHECK_EQ(pwrite(fd, &seven, 4, (off_t)(uintptr_t)&value), 4);
    CHECK_EQ(value, 7);
    CHECK_ERR(pread(fd, &got, 4, 8), EIO);
}
TEST(system_files) {
    char *t = read_file("/proc/meminfo");
    long kb;
    CHECK_EQ(sscanf(t, "MemTotal: %ld kB\nMemFree: %ld", &kb, &kb), 2);
    CHECK(strstr(t, "MemAvailable:")), CHECK(strstr(t, "SwapTotal:"));
    t = read_file("/proc/cpuinfo");
    CHECK(strstr(t, "processor\t: 0\n")), CHECK(strstr(t, "flags\t\t: ")), CHECK(strstr(t, "model name\t: "));
    t = read_file("/proc/stat");
    CHECK_EQ(strncmp(t, "cpu  ", 5), 0), CHECK(strstr(t, "\ncpu0 ")), CHECK(strstr(t, "\nbtime "));
    double up, idle;
    CHECK_EQ(sscanf(read_file("/proc/uptime"), "%lf %lf", &up, &idle), 2);
    CHECK(up > 0);
    float l;
    int r, n, last;
    CHECK_EQ(sscanf(read_file("/proc/loadavg"), "%f %f %f %d/%d %d", &l, &l, &l, &r, &n, &last), 6);
    CHECK_EQ(strncmp(read_file("/proc/version"), "Linux version ", 14), 0);
    CHECK_GE(atoi(read_file("/proc/sys/kernel/pid_max")), 301);
    CHECK_GT(strlen(read_file("/proc/sys/kernel/hostname")), 1);
    CHECK_GT(strlen(read_file("/proc/sys/kernel/osrelease")), 1);
    CHECK_EQ(strlen(read_file("/proc/sys/kernel/random/uuid")), 37);
    CHECK_EQ(strlen(read_file("/proc/sys/kernel/random/boot_id")), 37);
    CHECK_GT(atoll(read_file("/proc/sys/fs/file-max")), 0);
    CHECK_GE(atoi(read_file("/proc/sys/vm/overcommit_memory")), 0);
    CHECK_GT(sysconf(_SC_NPROCESSORS_ONLN), 0), CHECK_GT(sysconf(_SC_PHYS_PAGES), 0);
}
TEST(read_in_pieces) {
    // Small reads and seeks give the same text as one large read.
    char *whole = strdup(read_file("/proc/self/limits"));
    size_t len = strlen(whole), n = 0;
    char *parts = calloc(1, len + 64);
    int fd = OK(open("/proc/self/limits", O_RDONLY));
    for (ssize_t r; n < len + 32 && (r = OK(read(fd, parts + n, 7))) > 0;)
        n += r;
    CHECK_EQ(n, len);
    CHECK_STR(parts, whole);
    char b[10];
    CHECK_EQ(pread(fd, b, 10, 20), 10);
    CHECK_MEM(b, whole + 20, 10);
    CHECK_EQ(read(fd, b, 10), 0);
    struct stat st;
    OK(fstat(fd, &st));
    CHECK_EQ(st.st_size, 0);
    CHECK(S_ISREG(st.st_mode));
}
TEST(readonly_tree) {
    CHECK_ERR(mkdir("/proc/x", 0755), ENOENT);
    CHECK_ERR(unlink("/proc/self/status"), EPERM);
    CHECK_ERR(open("/proc/self/x", O_CREAT | O_WRONLY, 0644), ENOENT);
    CHECK_EQ(access("/proc/self/status", R_OK), 0);
    DIR *d = opendir("/proc");
    int self = 0;
    for (struct dirent *e; (e = readdir(d));)
        self |= atoi(e->d_name) == getpid();
    CHECK_EQ(self, 1);
}
TEST(fdinfo_of_itself) {
    // A descriptor that describes itself: the position is asked for while the read holds it.
    OK(dup2(0, 50));
    int f = OK(open("/proc/self/fdinfo/50", O_RDONLY));
    OK(dup2(f, 50));
    char b[64] = "";
    CHECK_GT(read(50, b, 63), 0);
    CHECK_EQ(strncmp(b, "pos:\t0\n", 7), 0);
}

// Whether /proc/locks has a line with that kind, type and range on the file.
static bool listed(int fd, const char *kind, const char *type, int pid, const char *range) {
    struct stat st;
    char want[200];
    OK(fstat(fd, &st));
    snprintf(want, sizeof want, ": %-6s ADVISORY  %s %d ", kind, type, pid);
    char ino[64];
    snprintf(ino, sizeof ino, ":%llu %s\n", (unsigned long long)st.st_ino, range);
    for (char *line = read_file("/proc/locks"), *end; (end = strchr(line, '\n')); line = end + 1) {
        char *w = memmem(line, end + 1 - line, want, strlen(want));
        if (w && memmem(w, end + 1 - w, ino, strlen(ino)))
            return true;
    }
    return false;
}
TEST_DIR(locks) {
    int fd = OK(open("f", O_RDWR | O_CREAT, 0600));
    struct flock l = {.l_type = F_WRLCK, .l_start = 3, .l_len = 4};
    OK(fcntl(fd, F_SETLK, &l));
    CHECK(listed(fd, "POSIX", "WRITE", getpid(), "3 6"));
    l.l_type = F_RDLCK, l.l_start = 100, l.l_len = 0;
    OK(fcntl(fd, F_SETLK, &l));
    CHECK(listed(fd, "POSIX", "READ", getpid(), "100 EOF"));
    OK(flock(fd, LOCK_EX));
    CHECK(listed(fd, "FLOCK", "WRITE", getpid(), "0 EOF"));
    l = (struct flock){.l_type = F_WRLCK, .l_start = 50, .l_len = 1};
    OK(fcntl(fd, F_OFD_SETLK, &l));
    CHECK(listed(fd, "OFDLCK", "WRITE", -1, "50 50"));
    int other = OK(open("f", O_RDWR));
    close(fd);
    CHECK(!listed(other, "FLOCK", "WRITE", getpid(), "0 EOF"));
    CHECK(!listed(other, "POSIX", "WRITE", getpid(), "3 6"));
}
