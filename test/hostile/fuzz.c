// Random calls with random arguments, and arguments that change while they are read.
#include "bomb.h"

#define ARENA (64 * PAGE)
static char *shared; // arguments: some rubbish, some sizes, some pointers into itself
static unsigned long argument(void) {
    switch (rnd() % 12) {
    case 0: return rnd();
    case 1: return rnd() >> (rnd() % 64);
    case 2: return -(rnd() % 64);
    case 3: return rnd() % 8;
    case 4: return 1ul << (rnd() % 64);
    case 5: return (1ul << (rnd() % 64)) - 1 + rnd() % 3;
    case 6: return rnd() % 64; // descriptors, sizes
    case 7: return (unsigned long)shared + ARENA - rnd() % 64;
    case 8: return (unsigned long[]){0x7fffc0000000, 0x7ffffffff000, 0x800000000000, 0x8000000000000000, 0x10000, 0}[rnd() % 6];
    default: return (unsigned long)shared + rnd() % ARENA / 8 * 8;
    }
}
static void scramble(void) {
    for (int i = 0; i < 200; i++) {
        unsigned long *w = (unsigned long *)(shared + rnd() % (ARENA - 8) / 8 * 8);
        switch (rnd() % 8) {
        case 0: *w = argument(); break;
        case 1: memcpy(w, "/proc/s\0", 8); break;
        case 2: *w = rnd() % 4096; break;
        case 3: memcpy(w, "/tmp/x\0", 7); break;
        case 4: *w = (unsigned long)shared + rnd() % ARENA; break;
        case 5: *w = (rnd() % 16) << 32 | rnd() % 64; break;
        case 6: memcpy(w, "./../..\0", 8); break;
        case 7: *w = 1 | rnd() << 32 % 3; break;
        }
    }
}
static void *scrambles(void *a) {
    for (;;)
        scramble();
    return a;
}
static int skipped(long nr) {
    switch (nr) { // what would only stop the fuzzer
    case SYS_exit: case SYS_exit_group: case SYS_pause: case SYS_rt_sigsuspend: case SYS_rt_sigreturn: case SYS_kill: case SYS_tkill:
    case SYS_tgkill: case SYS_reboot: return 1;
    }
    return 0;
}
static void *calls(void *a) {
    for (;;) {
        long nr = (long)(rnd() % 461);
        if (skipped(nr))
            continue;
        if (nr == SYS_fork || nr == SYS_vfork || nr == SYS_clone || nr == SYS_clone3) {
            if (rnd() % 8 == 0 && fork() == 0)
                _exit(0);
            continue;
        }
        syscall(nr, argument(), argument(), argument(), argument(), argument(), argument());
    }
    return a;
}
static void with_files(void) {
    char d[] = "/dev/shm/fuzz.XXXXXX";
    (void)!(mkdtemp(d) && chdir(d) == 0);
    int p[2];
    (void)!pipe2(p, O_NONBLOCK);
    (void)!socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, p), (void)!socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, p);
    open("/dev/ptmx", O_RDWR | O_NONBLOCK), open("/proc/self/maps", O_RDONLY), open("/proc", O_RDONLY), open(".", O_RDONLY), open("f", O_CREAT | O_RDWR, 0600);
    syscall(SYS_eventfd2, 0, O_NONBLOCK), syscall(SYS_timerfd_create, 1, O_NONBLOCK), syscall(SYS_epoll_create1, 0), syscall(SYS_inotify_init1, O_NONBLOCK);
    syscall(SYS_memfd_create, "f", 3), syscall(SYS_signalfd4, -1, &(long){-1}, 8, O_NONBLOCK), open("/dev/zero", O_RDWR), open("/dev/null", O_RDWR);
    syscall(SYS_pidfd_open, getpid(), 0), open("/usr", O_RDONLY), open("/etc/passwd", O_RDONLY), open("/proc/self/mem", O_RDWR), syscall(SYS_socket, 2, 1, 0), syscall(SYS_socket, 16, 3, 0);
}
static void fuzz(void) {
    for (int s = 1; s < 65; s++)
        signal(s, s == SIGALRM || s == SIGSEGV ? SIG_DFL : SIG_IGN);
    shared = mmap(NULL, ARENA + PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    mprotect(shared + ARENA, PAGE, PROT_NONE);
    with_files();
    scramble();
    alarm(1);
    go(calls, NULL), go(calls, NULL);
    calls(NULL);
}
BOMB(fuzz_calls, ENDLESS) { keep(4, fuzz); }
static void fuzz_changing(void) {
    shared = mmap(NULL, ARENA + PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    mprotect(shared + ARENA, PAGE, PROT_NONE);
    with_files();
    alarm(1);
    go(scrambles, NULL);
    static const long with_arguments[] = {SYS_open, SYS_stat, SYS_readv, SYS_writev, SYS_preadv, SYS_pwritev, SYS_vmsplice, SYS_sendmsg, SYS_recvmsg, SYS_sendto, SYS_recvfrom,
                                          SYS_bind, SYS_connect, SYS_setsockopt, SYS_getsockopt, SYS_execve, SYS_rename, SYS_poll, SYS_select, SYS_ppoll, SYS_pselect6, SYS_epoll_ctl,
                                          SYS_epoll_wait, SYS_ioctl, SYS_fcntl, SYS_openat, SYS_openat2, SYS_clone3, SYS_rt_sigaction, SYS_rt_sigtimedwait, SYS_process_vm_readv,
                                          SYS_process_vm_writev, SYS_getdents64, SYS_setxattr, SYS_getxattr, SYS_sendmmsg, SYS_recvmmsg, SYS_semop, SYS_msgsnd, SYS_mount, SYS_futex,
                                          SYS_set_robust_list, SYS_prctl, SYS_seccomp, SYS_prlimit64, SYS_timer_create, SYS_timerfd_settime, SYS_sched_setattr, SYS_capset, SYS_setgroups, SYS_statx};
    for (;;) {
        long nr = with_arguments[rnd() % (sizeof with_arguments / sizeof *with_arguments)];
        if (nr == SYS_clone3 || (nr == SYS_execve && rnd() % 100))
            continue;
        syscall(nr, rnd() & 1 ? rnd() % 32 : argument(), (unsigned long)shared + rnd() % ARENA, rnd() & 1 ? rnd() % 1024 : argument(), argument(), argument(), argument());
    }
}
BOMB(changing_arguments, ENDLESS) { keep(4, fuzz_changing); }
