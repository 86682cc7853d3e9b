// Errors that take a scene of their own: another user, a directory as deep as they get, nested namespaces, damaged interpreters, full rings.
#include "../guest.h"
#include <elf.h>
#include <linux/aio_abi.h>
#include <linux/capability.h>
#include <linux/mempolicy.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/timex.h>
#include <sys/un.h>
#include <sys/xattr.h>
#include <utime.h>

static char b[8192];

static pid_t sleeper(uid_t uid) {
    int ready[2];
    OK(pipe(ready));
    pid_t p = FORK();
    if (p == 0) {
        if (uid) become(uid);
        OK(write(ready[1], "x", 1));
        for (;;) pause();
    }
    CHECK_EQ(read(ready[0], b, 1), 1);
    close(ready[0]), close(ready[1]);
    return p;
}
static void without(uint64_t caps) {
    struct __user_cap_header_struct h = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct d[2];
    OK(syscall(SYS_capget, &h, d));
    d[0].effective &= ~(uint32_t)caps, d[1].effective &= ~(uint32_t)(caps >> 32);
    OK(syscall(SYS_capset, &h, d));
}

TEST_DIR(another_users) {
    NEED_ROOT();
    OK(chmod(".", 01777)), write_file("f", "x"), OK(mkdir("d", 0755)), OK(mkdir("shut", 0700)), OK(mkdir("shut/in", 0755));
    struct sockaddr_un a = {AF_UNIX, "s"};
    int s = OK(socket(AF_UNIX, SOCK_DGRAM, 0)), from = OK(socket(AF_UNIX, SOCK_DGRAM, 0));
    OK(bind(s, (void *)&a, sizeof a)), OK(chmod("s", 0600));
    pid_t c = FORK();
    if (c == 0) {
        OK(setpgid(0, 0));
        pid_t own = sleeper(4321);
        int pidfd = OK(syscall(SYS_pidfd_open, own, 0));
        become(1234);
        OK(prctl(PR_SET_DUMPABLE, 1));
        int similar = OK(syscall(SYS_pidfd_open, sleeper(0), 0));
        struct utimbuf u = {0, 0};
        struct timeval tv[2] = {{0}};
        ROW(syscall(SYS_utime, "f", &u), EPERM);
        ROW(syscall(SYS_utimes, "f", tv), EPERM);
        static const int spaces[] = {CLONE_NEWNS, CLONE_NEWPID, CLONE_NEWUTS, CLONE_NEWIPC, CLONE_NEWNET, CLONE_NEWCGROUP};
        for (unsigned i = 0; i < sizeof spaces / sizeof *spaces; i++) ROW(syscall(SYS_clone, spaces[i] | SIGCHLD, 0, 0, 0, 0), EPERM);
        ROW(rmdir("d"), EPERM); // sticky
        ROW(chroot("shut/in"), EACCES);
        ROW(sendto(from, "x", 1, 0, (void *)&a, sizeof a), EACCES);
        struct msghdr m = {.msg_name = &a, .msg_namelen = sizeof a};
        ROW(sendmsg(from, &m, 0), EACCES);
        ROW(connect(from, (void *)&a, sizeof a), EACCES);
        void *page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        struct iovec v = {page, PAGE};
        ROW(syscall(SYS_process_madvise, pidfd, &v, 1, MADV_PAGEOUT, 0), EACCES);
        ROW(syscall(SYS_process_madvise, similar, &v, 1, MADV_PAGEOUT, 0), EPERM);
        ROW(syscall(SYS_process_madvise, similar, &v, 1, MADV_DONTNEED, 0), EINVAL);
        unsigned long node = 1;
        ROW(syscall(SYS_mbind, page, PAGE, MPOL_BIND, &node, 8, MPOL_MF_MOVE_ALL), EPERM);
        ROW(syscall(SYS_move_pages, 0, 1, &page, NULL, b, MPOL_MF_MOVE_ALL), EPERM);
        ROW(syscall(SYS_migrate_pages, own, 8, &node, &node), EPERM);
        ROW(syscall(SYS_ioprio_set, 1, own, 2 << 13 | 4), EPERM);
        struct timex t = {.modes = ADJ_STATUS};
        ROW(adjtimex(&t), EPERM);
        ROW(clock_adjtime(CLOCK_REALTIME, &t), EPERM);
        timer_t id;
        struct sigevent ev = {.sigev_notify = SIGEV_NONE};
        // A machine without a clock that could wake it has none of them.
        struct timespec none_yet = {0, 1};
        int alarm = clock_gettime(CLOCK_BOOTTIME_ALARM, &none_yet) == 0 ? EPERM : EOPNOTSUPP;
        ROW(timer_create(CLOCK_REALTIME_ALARM, &ev, &id), alarm);
        ROW(timer_create(CLOCK_BOOTTIME_ALARM, &ev, &id), alarm);
        ROW(syscall(SYS_clock_nanosleep, CLOCK_BOOTTIME_ALARM, 0, &none_yet, NULL), alarm);
        struct { uint32_t size, policy; uint64_t flags; int32_t nice; uint32_t priority; uint64_t a, b, c; } at = {48, SCHED_FIFO, 0, 0, 1, 0, 0, 0};
        ROW(syscall(SYS_sched_setattr, 0, &at, 0), EPERM);
        at.policy = SCHED_OTHER, at.priority = 0, at.nice = -20;
        ROW(syscall(SYS_sched_setattr, 0, &at, 0), EPERM);
        struct { unsigned short len; void *filter; } prog = {1, (uint64_t[]){0x7fff000000000006}};
        ROW(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &prog), EACCES);
        ROW(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog), EACCES);
        struct rlimit none = {0, 0};
        OK(setrlimit(RLIMIT_NPROC, &none));
        ROW(syscall(SYS_fork), EAGAIN);
        ROW(syscall(SYS_vfork), EAGAIN);
        kill(0, SIGKILL);
    }
    CHECK_KILLED(c, SIGKILL);
    unlink("s");
}
TEST_DIR(without_reading_all) {
    NEED_ROOT();
    OK(mkdir("d", 0)), OK(mkdir("d/e", 0755));
    IN_CHILD({
        without(1ull << CAP_DAC_OVERRIDE | 1ull << CAP_DAC_READ_SEARCH);
        ROW(chroot("d/e"), EACCES);
    });
}
TEST_DIR(not_a_mount_point) {
    enter_mount_namespace();
    OK(mkdir("d", 0755)), OK(mkdir("d/old", 0755)), OK(mkdir("e", 0755));
    // Of the root's own mount, which may be one that an ordinary user's namespace must not take apart either.
    CHECK_EQ(syscall(SYS_pivot_root, "d", "d/old"), -1);
    CHECK(errno == EBUSY || errno == EINVAL);
    OK(mount("none", "d", "tmpfs", 0, NULL)), OK(mkdir("d/sub", 0755)), OK(mkdir("d/sub/old", 0755));
    ROW(syscall(SYS_pivot_root, "d/sub", "d/sub/old"), EINVAL);
    ROW(syscall(SYS_pivot_root, "d", "e"), EBUSY);
    ROW(syscall(SYS_pivot_root, "d", "d/gone"), ENOENT);
    OK(umount("d"));
}
TEST_DIR(not_a_ruleset) {
    if (syscall(SYS_landlock_create_ruleset, NULL, 0, 1) < 0) skip("no Landlock");
    write_file("f", "");
    int fd = OK(open("f", O_RDWR));
    uint64_t path[2] = {1, fd};
    ROW(syscall(SYS_landlock_add_rule, fd, 1, path, 0), EBADFD);
    OK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
    ROW(syscall(SYS_landlock_restrict_self, fd, 0), EBADFD);
}
TEST_DIR(deepest_directory) {
    char name[201];
    memset(name, 'n', 200), name[200] = 0;
    int levels = 22;
    for (int i = 0; i < levels; i++) OK(mkdir(name, 0700)), OK(chdir(name));
    ROW(syscall(SYS_getcwd, b, sizeof b), ENAMETOOLONG);
    for (int i = 0; i < levels; i++) OK(chdir("..")), OK(rmdir(name));
    CHECK_GT(syscall(SYS_getcwd, b, sizeof b), 1);
}
// user_namespaces(7): "the limit of nested levels" is 32, below the initial one.
TEST(nested_user_namespaces) {
    char map[64];
    uid_t uid = geteuid();
    gid_t gid = getegid();
    // What there is outside of here is not known: natively it is the first level, in a container one of a few more.
    for (int level = 0; level < 40; level++) {
        if (unshare(CLONE_NEWUSER) != 0) {
            if (level < 20) skip("no user namespaces: %s", errno_name(errno));
            ROW(unshare(CLONE_NEWUSER), ENOSPC);
            ROW(syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0), ENOSPC);
            // Ids that no map of this namespace has.
            ROW(setreuid(99999, -1), EINVAL);
            ROW(setregid(99999, -1), EINVAL);
            ROW(setresuid(-1, -1, 99999), EINVAL);
            ROW(setresgid(-1, -1, 99999), EINVAL);
            return;
        }
        snprintf(map, sizeof map, "%d %d 1", (int)uid, (int)uid), write_file("/proc/self/uid_map", map);
        write_file("/proc/self/setgroups", "deny");
        snprintf(map, sizeof map, "%d %d 1", (int)gid, (int)gid), write_file("/proc/self/gid_map", map);
    }
    FAIL("no end of nesting");
}
// An executable that says what its interpreter is, and no more.
static void with_interpreter(const char *interpreter) {
    struct { Elf64_Ehdr h; Elf64_Phdr p[2]; char interp[64]; } e = {
        {.e_ident = {0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT}, .e_type = ET_DYN, .e_machine = EM_X86_64, .e_version = 1,
         .e_phoff = sizeof e.h, .e_ehsize = sizeof e.h, .e_phentsize = sizeof *e.p, .e_phnum = 2},
        {{.p_type = PT_INTERP, .p_offset = sizeof e.h + sizeof e.p, .p_filesz = strlen(interpreter) + 1},
         {.p_type = PT_LOAD, .p_flags = PF_R, .p_filesz = sizeof e, .p_memsz = sizeof e, .p_align = PAGE}}, ""};
    strcpy(e.interp, interpreter);
    unlink("x");
    int fd = OK(open("x", O_CREAT | O_WRONLY, 0755));
    CHECK_EQ(write(fd, &e, sizeof e), (long)sizeof e);
    close(fd);
}
TEST_DIR(damaged_interpreters) {
    char *argv[] = {"x", NULL};
    memset(b, 'b', sizeof b);
    int fd = OK(open("i", O_CREAT | O_WRONLY, 0755));
    CHECK_EQ(write(fd, b, 4096), 4096);
    close(fd);
    with_interpreter("i");
    CHECK_ERR(execve("x", argv, NULL), ELIBBAD);
    OK(truncate("i", 10));
    CHECK_ERR(execve("x", argv, NULL), EIO);
    OK(chmod("i", 0644));
    CHECK_ERR(execve("x", argv, NULL), EACCES);
    with_interpreter("/");
    CHECK_ERR(execve("x", argv, NULL), EACCES);
    with_interpreter("gone");
    CHECK_ERR(execve("x", argv, NULL), ENOENT);
    with_interpreter("x");
    // Itself: of the right kind, and still not to be run.
    CHECK_ERR(execve("x/", argv, NULL), ENOTDIR);
}
TEST_DIR(full_ring) {
    aio_context_t ctx = 0;
    write_file("f", "x");
    int fd = OK(open("f", O_RDONLY));
    OK(syscall(SYS_io_setup, 1, &ctx));
    struct iocb cb = {.aio_lio_opcode = IOCB_CMD_PREAD, .aio_fildes = fd, .aio_buf = (uintptr_t)b, .aio_nbytes = 1}, *cbs[] = {&cb};
    int n = 0;
    while (n < 100000 && syscall(SYS_io_submit, ctx, 1, cbs) == 1) n++;
    ROW(syscall(SYS_io_submit, ctx, 1, cbs), EAGAIN); // nobody takes what is done
    CHECK_GE(n, 1);
    struct io_event ev[1];
    CHECK_EQ(syscall(SYS_io_getevents, ctx, 1, 1, ev, NULL), 1);
    OK(syscall(SYS_io_destroy, ctx));
}
TEST_DIR(far_offsets) {
    write_file("f", "x");
    int in = OK(open("f", O_RDONLY)), out = OK(open("g", O_CREAT | O_WRONLY, 0600));
    off_t o = INT64_MAX;
    ROW(sendfile(out, in, &o, 16), EINVAL);
    int s = OK(socket(AF_UNIX, SOCK_SEQPACKET, 0));
    ROW(recv(s, b, 1, 0), ENOTCONN);
    struct msghdr m = {0};
    ROW(recvmsg(s, &m, 0), ENOTCONN);
}
