// fork and exit: ids, what is inherited and what is not, descriptors shared, exit codes, many children.
#include "../guest.h"
#include <sys/times.h>

TEST(ids) {
    pid_t me = getpid();
    pid_t c = FORK();
    if (c == 0) {
        CHECK_EQ(getppid(), me);
        CHECK_NE(getpid(), me);
        CHECK_EQ(gettid(), getpid());
        CHECK_EQ(getpgrp(), getpgid(me));
        _exit(0);
    }
    CHECK_GT(c, 0);
    CHECK_EXIT(c, 0);
}
TEST(exit_codes) {
    int codes[] = {0, 1, 42, 255};
    for (int i = 0; i < 4; i++) {
        pid_t c = FORK();
        if (c == 0)
            _exit(codes[i]);
        CHECK_EXIT(c, codes[i]);
    }
    pid_t c = FORK();
    if (c == 0)
        _exit(256 + 7);
    CHECK_EXIT(c, 7);
    c = FORK();
    if (c == 0)
        _exit(-1);
    CHECK_EXIT(c, 255);
    c = FORK();
    if (c == 0)
        syscall(SYS_exit, 9);
    CHECK_EXIT(c, 9);
}
TEST_DIR(descriptors_share_the_offset) {
    write_file("f", "abcdefgh");
    int fd = OK(open("f", O_RDWR));
    char b[2];
    IN_CHILD(CHECK_EQ(read(fd, b, 2), 2); close(fd));
    CHECK_EQ(lseek(fd, 0, SEEK_CUR), 2);
    IN_CHILD(CHECK_EQ(lseek(fd, 5, SEEK_SET), 5); fcntl(fd, F_SETFL, O_APPEND); fcntl(fd, F_SETFD, FD_CLOEXEC));
    CHECK_EQ(lseek(fd, 0, SEEK_CUR), 5);
    CHECK_EQ(fcntl(fd, F_GETFL) & O_APPEND, O_APPEND); // status flags belong to the open file
    CHECK_EQ(fcntl(fd, F_GETFD), 0);                   // close-on-exec to the descriptor
}
TEST_DIR(own_working_directory_and_umask) {
    OK(mkdir("d", 0755));
    umask(022);
    IN_CHILD(OK(chdir("d")); umask(077));
    CHECK_EQ(access("d", F_OK), 0);
    CHECK_EQ(umask(0), 022);
}
TEST(not_inherited) {
    tick(3000);
    block_signal(SIGUSR1);
    raise(SIGUSR1);
    clock_t used = times(&(struct tms){0});
    (void)used;
    IN_CHILD(
        struct itimerval it;
        CHECK_EQ(getitimer(ITIMER_REAL, &it), 0);
        CHECK_EQ(it.it_value.tv_sec, 0);
        CHECK_EQ(it.it_value.tv_usec, 0);
        sigset_t p;
        sigpending(&p);
        CHECK_EQ(sigismember(&p, SIGUSR1), 0);
        sigprocmask(SIG_BLOCK, NULL, &p);
        CHECK_EQ(sigismember(&p, SIGUSR1), 1);
        struct rusage ru;
        CHECK_EQ(getrusage(RUSAGE_CHILDREN, &ru), 0);
        CHECK_EQ(ru.ru_utime.tv_sec * 1000000 + ru.ru_utime.tv_usec, 0);
    );
}
TEST(handlers_are_inherited) {
    on_signal(SIGUSR1, _exit, 0);
    pid_t c = FORK();
    if (c == 0) {
        raise(SIGUSR1);
        _exit(0);
    }
    CHECK_EXIT(c, SIGUSR1);
}
TEST(many_at_once) {
    pid_t c[40];
    gate_t g = gate_new();
    for (int i = 0; i < 40; i++)
        if ((c[i] = FORK()) == 0) {
            gate_wait(g);
            _exit(i);
        }
    for (int i = 0; i < 40; i++)
        gate_open(g);
    for (int i = 39; i >= 0; i--)
        CHECK_EXIT(c[i], i);
    for (int i = 0; i < 40; i++)
        for (int j = 0; j < i; j++)
            CHECK_NE(c[i], c[j]);
}
TEST(one_after_another) {
    for (int i = 0; i < 60; i++) {
        pid_t c = FORK();
        if (c == 0)
            _exit(i);
        CHECK_EXIT(c, i);
    }
}
TEST(rlimit_nproc) {
    NEED_USER();
    struct rlimit r = {1, 1};
    OK(setrlimit(RLIMIT_NPROC, &r));
    CHECK_ERR(fork(), EAGAIN);
}
static int at[4];
static int natexit;
static gate_t exited;
static void first(void) { at[natexit++] = 1; if (at[0] == 2 && write(exited.fd[1], "!", 1) != 1) _exit(9); }
static void second(void) { at[natexit++] = 2; }
TEST(atexit_order_and_underscore_exit) {
    exited = gate_new();
    pid_t c = FORK();
    if (c == 0) {
        atexit(first), atexit(second);
        exit(5);
    }
    CHECK_EXIT(c, 5);
    gate_wait(exited);
    c = FORK();
    if (c == 0) {
        atexit(first), atexit(second);
        _exit(6);
    }
    CHECK_EXIT(c, 6);
    char b;
    close(exited.fd[1]);
    CHECK_EQ(read(exited.fd[0], &b, 1), 0);
}
