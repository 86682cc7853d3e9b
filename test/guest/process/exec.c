// execve: arguments and environment, scripts, errnos, close-on-exec, what a new program keeps and what it loses.
#include "../guest.h"
#include <elf.h>
#include <pthread.h>
#include <sys/auxv.h>

static pid_t run(const char *helper, const char *a, const char *b) {
    pid_t c = FORK();
    if (c == 0) {
        execl(guest_self, guest_self, "--helper", helper, a, b, NULL);
        FAIL("execl: %s", errno_name(errno));
    }
    return c;
}
HELPER(args) {
    if (argc != 3 || strcmp(argv[0], "") || strcmp(argv[1], "a b\n\"'") || strlen(argv[2]) != 100000)
        return 1;
    extern char **environ;
    return environ[0] && !strcmp(environ[0], "A=1") && environ[1] && !strcmp(environ[1], "=odd") && !environ[2] ? 0 : 2;
}
TEST(argv_and_env) {
    static char big[100001];
    memset(big, 'x', 100000);
    char *argv[] = {(char *)guest_self, "--helper", "args", "", "a b\n\"'", big, NULL}, *env[] = {"A=1", "=odd", NULL};
    pid_t c = FORK();
    if (c == 0) {
        execve(guest_self, argv, env);
        FAIL("execve: %s", errno_name(errno));
    }
    CHECK_EXIT(c, 0);
}
TEST_DIR(errnos) {
    char *argv[] = {"x", NULL}, *env[] = {NULL};
    CHECK_ERR(execve("nothing", argv, env), ENOENT);
    CHECK_ERR(execve("", argv, env), ENOENT);
    write_file("text", "plain words, no magic\n");
    CHECK_ERR(execve("text", argv, env), EACCES); // no x bit
    OK(chmod("text", 0755));
    CHECK_ERR(execve("text", argv, env), ENOEXEC);
    write_file("empty", "");
    OK(chmod("empty", 0755));
    CHECK_ERR(execve("empty", argv, env), ENOEXEC);
    OK(mkdir("dir", 0755));
    CHECK_ERR(execve("dir", argv, env), EACCES);
    CHECK_ERR(execve("text/x", argv, env), ENOTDIR);
    write_file("script", "#!/nonexistent/interpreter\n");
    OK(chmod("script", 0755));
    CHECK_ERR(execve("script", argv, env), ENOENT);
    write_file("script2", "#!\n");
    OK(chmod("script2", 0755));
    CHECK_ERR(execve("script2", argv, env), ENOEXEC);
    write_file("loop", "#!loop\n");
    OK(chmod("loop", 0755));
    CHECK_ERR(execve("loop", argv, env), ELOOP);
    OK(symlink("link", "link"));
    CHECK_ERR(execve("link", argv, env), ELOOP);
    write_file("elf", "\177ELF");
    OK(chmod("elf", 0755));
    CHECK_ERR(execve("elf", argv, env), ENOEXEC);
    CHECK_ERR(execve((char *)8, argv, env), EFAULT);
    CHECK_ERR(execve(guest_self, (char **)8, env), EFAULT);
    char *bad[] = {"x", (char *)8, NULL};
    CHECK_ERR(execve(guest_self, bad, env), EFAULT);
    int fd = OK(open("text", O_WRONLY));
    CHECK_ERR(execve("text", argv, env), ETXTBSY);
    close(fd);
}
TEST(e2big) {
    static char one[200000];
    memset(one, 'y', sizeof one - 1);
    char *argv[3] = {"x", one, NULL}, *env[] = {NULL};
    CHECK_ERR(execve(guest_self, argv, env), E2BIG); // one string over 128 KiB
    static char *many[200];
    one[120000] = 0;
    for (int i = 0; i < 199; i++)
        many[i] = one;
    CHECK_ERR(execve(guest_self, many, env), E2BIG); // together over a quarter of the stack limit
}
TEST_DIR(elf_damage) {
    char buf[PAGE];
    int fd = OK(open(guest_self, O_RDONLY));
    CHECK_EQ(read(fd, buf, PAGE), PAGE);
    close(fd);
    char *argv[] = {"x", NULL}, *env[] = {NULL};
    for (int i = 0; i < 4; i++) {
        char copy[PAGE];
        memcpy(copy, buf, PAGE);
        Elf64_Ehdr *h = (void *)copy;
        if (i == 0) h->e_machine = EM_ARM;
        if (i == 1) h->e_type = ET_REL;
        if (i == 2) h->e_phentsize = 3;
        if (i == 3) h->e_phnum = 0;
        int o = OK(open("bad", O_WRONLY | O_CREAT | O_TRUNC, 0755));
        CHECK_EQ(write(o, copy, PAGE), PAGE);
        close(o);
        CHECK_ERR(execve("bad", argv, env), ENOEXEC);
    }
}
TEST_DIR(script) {
    char text[PATH_MAX + 64];
    snprintf(text, sizeof text, "#! /bin/sh -e\necho \"$0|$#|$1|$2\" >out\nexit 7\n");
    write_file("s", text);
    OK(chmod("s", 0755));
    pid_t c = FORK();
    if (c == 0) {
        execl("./s", "ignored", "one", "two words", NULL);
        FAIL("execl: %s", errno_name(errno));
    }
    CHECK_EXIT(c, 7);
    CHECK_STR(read_file("out"), "./s|2|one|two words\n"); // argv[0] is the path that was given
}
TEST_DIR(script_single_argument) {
    // Everything after the interpreter is one argument; trailing blanks go.
    write_file("s", "#!/bin/echo  a b  c \n");
    OK(chmod("s", 0755));
    int fd[2];
    OK(pipe(fd));
    pid_t c = FORK();
    if (c == 0) {
        dup2(fd[1], 1);
        execl("./s", "s", "x", NULL);
        FAIL("execl: %s", errno_name(errno));
    }
    close(fd[1]);
    CHECK_EXIT(c, 0);
    char b[64] = "";
    CHECK_GT(read(fd[0], b, 63), 0);
    CHECK_STR(b, "a b  c ./s x\n");
}
TEST_DIR(script_of_a_script) {
    char t[PATH_MAX + 16];
    char *cwd = OK(getcwd(NULL, 0));
    snprintf(t, sizeof t, "#!%s/inner one\n", cwd);
    write_file("inner", "#!/bin/echo i\n");
    write_file("outer", t);
    OK(chmod("inner", 0755)), OK(chmod("outer", 0755));
    int fd[2];
    OK(pipe(fd));
    pid_t c = FORK();
    if (c == 0) {
        dup2(fd[1], 1);
        execl("./outer", "s", "x", NULL);
        _exit(9);
    }
    CHECK_EXIT(c, 0);
    char b[PATH_MAX] = "", want[PATH_MAX];
    snprintf(want, sizeof want, "i %s/inner one ./outer x\n", cwd);
    CHECK_GT(read(fd[0], b, sizeof b - 1), 0);
    CHECK_STR(b, want);
}
HELPER(fds) {
    int keep = atoi(argv[0]), gone = atoi(argv[1]);
    char b;
    return fcntl(keep, F_GETFD) == 0 && fcntl(gone, F_GETFD) == -1 && errno == EBADF && read(keep, &b, 1) == 1 && b == 'q' ? 0 : 1;
}
TEST_DIR(close_on_exec) {
    write_file("f", "pq");
    int keep = OK(open("f", O_RDONLY)), gone = OK(open("f", O_RDONLY | O_CLOEXEC));
    char b, ks[16], gs[16];
    CHECK_EQ(read(keep, &b, 1), 1);
    snprintf(ks, 16, "%d", keep), snprintf(gs, 16, "%d", gone);
    CHECK_EXIT(run("fds", ks, gs), 0);
    CHECK_EQ(fcntl(gone, F_GETFD), FD_CLOEXEC);
}
HELPER(dispositions) {
    struct sigaction sa;
    sigset_t m, p;
    sigaction(SIGUSR1, NULL, &sa);
    if (sa.sa_handler != SIG_DFL)
        return 1;
    sigaction(SIGUSR2, NULL, &sa);
    if (sa.sa_handler != SIG_IGN)
        return 2;
    sigprocmask(SIG_BLOCK, NULL, &m);
    if (!sigismember(&m, SIGHUP) || sigismember(&m, SIGTERM))
        return 3;
    sigpending(&p);
    if (!sigismember(&p, SIGHUP))
        return 4;
    return umask(0) == 037 ? 0 : 5;
}
static void nothing(int s) { (void)s; }
TEST(signals_over_exec) {
    on_signal(SIGUSR1, nothing, 0);
    signal(SIGUSR2, SIG_IGN);
    block_signal(SIGHUP);
    umask(037);
    pid_t c = FORK();
    if (c == 0) {
        raise(SIGHUP);
        execl(guest_self, guest_self, "--helper", "dispositions", NULL);
        _exit(9);
    }
    CHECK_EXIT(c, 0);
}
HELPER(same_pid) { return getpid() == atoi(argv[0]) && gettid() == getpid() ? 0 : 1; }
TEST(pid_stays) {
    pid_t c = FORK();
    if (c == 0) {
        char s[16];
        snprintf(s, 16, "%d", getpid());
        execl(guest_self, guest_self, "--helper", "same_pid", s, NULL);
        _exit(9);
    }
    CHECK_EXIT(c, 0);
}
static void *forever(void *a) {
    for (;;)
        pause();
    return a;
}
static void *exec_from_thread(void *a) {
    (void)a;
    char s[16];
    snprintf(s, 16, "%d", getpid());
    execl(guest_self, guest_self, "--helper", "same_pid", s, NULL);
    _exit(9);
}
TEST(de_thread) {
    // exec by a thread that is not the leader: the others end, and it takes over the leader's id.
    for (int other = 0; other < 2; other++) {
        pid_t c = FORK();
        if (c == 0) {
            pthread_t t;
            for (int i = 0; i < 4; i++)
                CHECK_RET(pthread_create(&t, NULL, forever, NULL), 0);
            if (other) {
                CHECK_RET(pthread_create(&t, NULL, exec_from_thread, NULL), 0);
                forever(NULL);
            }
            exec_from_thread(NULL);
        }
        CHECK_EXIT(c, 0);
    }
}
TEST(failed_exec_changes_nothing) {
    pid_t c = FORK();
    if (c == 0) {
        static int data = 5;
        on_signal(SIGUSR1, _exit, 0);
        char *argv[] = {"x", NULL};
        CHECK_ERR(execve("/nonexistent", argv, NULL), ENOENT);
        CHECK_EQ(data, 5);
        raise(SIGUSR1);
    }
    CHECK_EXIT(c, SIGUSR1);
}
TEST(fexecve_and_execveat) {
    int fd = OK(open(guest_self, O_RDONLY | O_CLOEXEC)), dir = OK(open("/", O_RDONLY | O_CLOEXEC));
    for (int i = 0; i < 3; i++) {
        pid_t c = FORK();
        if (c == 0) {
            char s[16];
            snprintf(s, 16, "%d", getpid());
            char *argv[] = {(char *)guest_self, "--helper", "same_pid", s, NULL}, *env[] = {NULL};
            if (i == 0)
                syscall(SYS_execveat, fd, "", argv, env, AT_EMPTY_PATH);
            else if (i == 1)
                syscall(SYS_execveat, dir, guest_self + 1, argv, env, 0);
            else
                syscall(SYS_execveat, -1, guest_self, argv, env, 0);
            FAIL("execveat %d: %s", i, errno_name(errno));
        }
        CHECK_EXIT(c, 0);
    }
    char *argv[] = {"x", NULL};
    CHECK_ERR(syscall(SYS_execveat, fd, "", argv, NULL, 0), ENOENT);
    CHECK_ERR(syscall(SYS_execveat, fd, "x", argv, NULL, 0), ENOTDIR);
    CHECK_ERR(syscall(SYS_execveat, 99, "x", argv, NULL, 0), EBADF);
    CHECK_ERR(syscall(SYS_execveat, dir, guest_self + 1, argv, NULL, 1), EINVAL);
}
TEST(auxv) {
    CHECK_EQ(getauxval(AT_PAGESZ), PAGE);
    CHECK_NE(getauxval(AT_PHDR), 0);
    CHECK_EQ(getauxval(AT_PHENT), sizeof(Elf64_Phdr));
    CHECK_GT(getauxval(AT_PHNUM), 3);
    CHECK_NE(getauxval(AT_ENTRY), 0);
    CHECK_EQ(getauxval(AT_UID), getuid()), CHECK_EQ(getauxval(AT_EUID), geteuid());
    CHECK_EQ(getauxval(AT_GID), getgid()), CHECK_EQ(getauxval(AT_EGID), getegid());
    CHECK_EQ(getauxval(AT_SECURE), 0);
    CHECK_EQ(getauxval(AT_CLKTCK), 100);
    CHECK_NE(getauxval(AT_RANDOM), 0);
    unsigned char *r = (void *)getauxval(AT_RANDOM);
    int zeros = 0;
    for (int i = 0; i < 16; i++)
        zeros += r[i] == 0;
    CHECK_LT(zeros, 8);
    CHECK_STR((char *)getauxval(AT_PLATFORM), "x86_64");
    CHECK(getauxval(AT_EXECFN) != 0);
}
HELPER(clean) {
    // SSE and x87 state are reset by exec.
    unsigned v;
    unsigned short w;
    __asm__ volatile("stmxcsr %0; fnstcw %1" : "=m"(v), "=m"(w));
    return v == 0x1f80 && w == 0x37f ? 0 : 1;
}
TEST(fpu_is_reset) {
    unsigned v = 0x1f80 | 0x6000;
    __asm__ volatile("ldmxcsr %0" : : "m"(v));
    CHECK_EXIT(run("clean", NULL, NULL), 0);
}
TEST(empty_argv) {
    // Linux 5.18 makes argv[0] an empty string of it.
    pid_t c = FORK();
    if (c == 0) {
        char *none[] = {NULL};
        execve("/bin/true", none, none);
        _exit(9);
    }
    CHECK_EXIT(c, 0);
}
TEST(vfork_exec) {
    for (int i = 0; i < 10; i++) {
        pid_t c = vfork();
        if (c == 0) {
            execl("/bin/true", "true", NULL);
            _exit(9);
        }
        CHECK_EXIT(c, 0);
    }
}
TEST(comm) {
    char name[17] = "";
    CHECK_EQ(prctl(PR_GET_NAME, name), 0);
    CHECK_STR(name, "exec");
    CHECK_EQ(prctl(PR_SET_NAME, "a name longer than fifteen"), 0);
    CHECK_EQ(prctl(PR_GET_NAME, name), 0);
    CHECK_STR(name, "a name longer t");
}
TEST(system_and_popen) {
    CHECK_EQ(WEXITSTATUS(system("exit 3")), 3);
    FILE *f = popen("echo hello; echo there", "r");
    CHECK(f);
    char b[32];
    CHECK(fgets(b, 32, f));
    CHECK_STR(b, "hello\n");
    CHECK(fgets(b, 32, f));
    CHECK_EQ(pclose(f), 0);
}
