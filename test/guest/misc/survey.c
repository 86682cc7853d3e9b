// Which system calls are there at all? Each is made with arguments that must fail; ENOSYS means that it is missing. One line names
// all that a family lacks.
#include "../guest.h"

struct call { const char *name; int nr; };
#ifndef SYS_epoll_pwait2
#define SYS_epoll_pwait2 441
#endif
#ifndef SYS_faccessat2
#define SYS_faccessat2 439
#endif
#ifndef SYS_process_madvise
#define SYS_process_madvise 440
#endif
#define C(n) {#n, SYS_##n}
static void survey(const struct call *c, size_t n) {
    char missing[800] = "";
    size_t len = 0;
    int fd[2];
    OK(pipe(fd));
    pid_t child = FORK();
    if (child == 0) {
        // In a child without privileges: the few that succeed with -1 change nothing outside it.
        if (geteuid() == 0 && (cap_effective() & 0xc0) == 0xc0)
            become(1234);
        for (size_t i = 0; i < n; i++) {
            errno = 0;
            if (syscall(c[i].nr, -1L, -1L, -1L, -1L, -1L, -1L) == -1 && errno == ENOSYS)
                len += snprintf(missing + len, sizeof missing - len, " %s", c[i].name);
            if (len > sizeof missing - 40)
                break;
        }
        if (write(fd[1], missing, len) != (ssize_t)len)
            _exit(1);
        _exit(0);
    }
    close(fd[1]);
    char text[900] = "";
    for (ssize_t r; len < sizeof text - 1 && (r = read(fd[0], text + len, sizeof text - 1 - len)) > 0;)
        len += r;
    int st;
    CHECK_EQ(guest_waitpid(child, &st, 0), child);
    if (st)
        FAIL("the surveying child: status %#x", st);
    atomic_fetch_add(&guest->checks, (int)n);
    if (text[0])
        FAIL("ENOSYS:%s", text);
}
#define SURVEY(...)                                                                                                      \
    const struct call c_[] = {__VA_ARGS__};                                                                              \
    survey(c_, sizeof c_ / sizeof *c_)

TEST(reading_and_writing) {
    SURVEY(C(read), C(write), C(open), C(close), C(lseek), C(pread64), C(pwrite64), C(readv), C(writev), C(preadv), C(pwritev), C(preadv2), C(pwritev2),
           C(sendfile), C(splice), C(tee), C(vmsplice), C(copy_file_range), C(fsync), C(fdatasync), C(syncfs), C(sync_file_range), C(truncate),
           C(ftruncate), C(fallocate), C(fadvise64), C(readahead));
}
TEST(descriptors) {
    SURVEY(C(dup), C(dup2), C(dup3), C(fcntl), C(ioctl), C(flock), C(pipe), C(pipe2), C(close_range), C(eventfd), C(eventfd2), C(signalfd),
           C(signalfd4), C(timerfd_create), C(timerfd_settime), C(timerfd_gettime), C(memfd_create), C(inotify_init1), C(inotify_add_watch),
           C(inotify_rm_watch), C(pidfd_open), C(pidfd_send_signal), C(pidfd_getfd));
}
TEST(polling) {
    SURVEY(C(poll), C(ppoll), C(select), C(pselect6), C(epoll_create), C(epoll_create1), C(epoll_ctl), C(epoll_wait), C(epoll_pwait), C(epoll_pwait2));
}
TEST(names) {
    SURVEY(C(stat), C(lstat), C(fstat), C(newfstatat), C(statx), C(access), C(faccessat), C(faccessat2), C(openat), C(openat2), C(creat), C(mkdir), C(mkdirat),
           C(rmdir), C(mknod), C(mknodat), C(unlink), C(unlinkat), C(rename), C(renameat), C(renameat2), C(link), C(linkat), C(symlink),
           C(symlinkat), C(readlink), C(readlinkat), C(chdir), C(fchdir), C(getcwd), C(getdents), C(getdents64), C(chroot));
}
TEST(metadata) {
    SURVEY(C(chmod), C(fchmod), C(fchmodat), C(chown), C(fchown), C(lchown), C(fchownat), C(utime), C(utimes), C(futimesat), C(utimensat), C(statfs),
           C(fstatfs), C(ustat), C(setxattr), C(lsetxattr), C(fsetxattr), C(getxattr), C(lgetxattr), C(fgetxattr), C(listxattr), C(llistxattr),
           C(flistxattr), C(removexattr), C(lremovexattr), C(fremovexattr), C(umask), C(name_to_handle_at));
}
TEST(mounting) { SURVEY(C(mount), C(umount2), C(pivot_root), C(setns), C(unshare)); }
TEST(memory) {
    SURVEY(C(mmap), C(munmap), C(mprotect), C(mremap), C(msync), C(mincore), C(madvise), C(mlock), C(mlock2), C(munlock), C(munlockall), C(brk),
           C(process_vm_readv), C(process_vm_writev), C(membarrier), C(mbind), C(get_mempolicy), C(set_mempolicy), C(migrate_pages), C(move_pages),
           C(remap_file_pages), C(process_madvise));
}
TEST(processes) {
    SURVEY(C(getpid), C(gettid), C(getppid), C(getpgrp), C(getpgid), C(setpgid), C(getsid), C(execve), C(execveat), C(wait4), C(waitid), C(kill), C(tkill),
           C(tgkill), C(prctl), C(arch_prctl), C(ptrace), C(set_tid_address), C(set_robust_list), C(get_robust_list), C(kcmp), C(personality),
           C(getcpu));
}
TEST(signals) {
    SURVEY(C(rt_sigaction), C(rt_sigprocmask), C(rt_sigpending), C(rt_sigtimedwait), C(rt_sigqueueinfo), C(rt_tgsigqueueinfo), C(rt_sigsuspend),
           C(sigaltstack));
}
TEST(scheduling) {
    SURVEY(C(sched_yield), C(sched_setparam), C(sched_getparam), C(sched_setscheduler), C(sched_getscheduler), C(sched_get_priority_max),
           C(sched_get_priority_min), C(sched_rr_get_interval), C(sched_setaffinity), C(sched_getaffinity), C(sched_setattr), C(sched_getattr),
           C(getpriority), C(setpriority), C(ioprio_set), C(ioprio_get));
}
TEST(time) {
    SURVEY(C(time), C(gettimeofday), C(settimeofday), C(clock_gettime), C(clock_settime), C(clock_getres), C(clock_nanosleep), C(clock_adjtime), C(adjtimex),
           C(nanosleep), C(alarm), C(getitimer), C(setitimer), C(timer_create), C(timer_settime), C(timer_gettime), C(timer_getoverrun),
           C(timer_delete), C(times), C(getrusage));
}
TEST(credentials_and_limits) {
    SURVEY(C(getuid), C(geteuid), C(getgid), C(getegid), C(getresuid), C(getresgid), C(setuid), C(setgid), C(setreuid), C(setregid), C(setresuid),
           C(setresgid), C(setfsuid), C(setfsgid), C(getgroups), C(setgroups), C(capget), C(capset), C(getrlimit), C(setrlimit), C(prlimit64));
}
TEST(sockets) {
    SURVEY(C(socket), C(socketpair), C(bind), C(listen), C(accept), C(accept4), C(connect), C(getsockname), C(getpeername), C(sendto), C(recvfrom), C(sendmsg),
           C(recvmsg), C(sendmmsg), C(recvmmsg), C(setsockopt), C(getsockopt), C(shutdown));
}
TEST(sysv_and_queues) {
    SURVEY(C(shmget), C(shmat), C(shmdt), C(shmctl), C(semget), C(semop), C(semtimedop), C(semctl), C(msgget), C(msgsnd), C(msgrcv), C(msgctl), C(mq_open),
           C(mq_unlink), C(mq_timedsend), C(mq_timedreceive), C(mq_notify), C(mq_getsetattr));
}
TEST(system) { SURVEY(C(uname), C(sysinfo), C(getrandom), C(syslog), C(sethostname), C(setdomainname), C(seccomp)); }
TEST(keys) { SURVEY(C(add_key), C(request_key), C(keyctl)); }
TEST(asynchronous_io) { SURVEY(C(io_setup), C(io_destroy), C(io_submit), C(io_cancel), C(io_getevents)); }
