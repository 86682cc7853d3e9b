// Flags and commands that pages document and that no other test uses: each does what its page says.
#include "../guest.h"
#include <linux/capability.h>
#include <linux/kcmp.h>
#include <linux/membarrier.h>
#include <pthread.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/ipc.h>
#include <sys/mount.h>
#include <sys/msg.h>
#include <sys/personality.h>
#include <sys/ptrace.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <sys/utsname.h>

static char b[8192];
#define RW (PROT_READ | PROT_WRITE)

TEST_DIR(types_of_entries) {
    struct sockaddr_un a = {AF_UNIX, "sock"};
    OK(mkfifo("fifo", 0600)), OK(bind(OK(socket(AF_UNIX, SOCK_DGRAM, 0)), (void *)&a, sizeof a)), OK(mkdir("dir", 0700)), write_file("reg", ""), OK(symlink("x", "lnk"));
    if (privileged())
        OK(mknod("chr", S_IFCHR | 0600, makedev(1, 3))), OK(mknod("blk", S_IFBLK | 0600, makedev(7, 0)));
    DIR *d = opendir(".");
    int seen = 0;
    for (struct dirent *e; (e = readdir(d));) {
        static const struct { const char *name; int type; } want[] = {{"fifo", DT_FIFO}, {"sock", DT_SOCK}, {"dir", DT_DIR}, {"reg", DT_REG}, {"lnk", DT_LNK}, {"chr", DT_CHR}, {"blk", DT_BLK}};
        for (int i = 0; i < 7; i++)
            if (!strcmp(e->d_name, want[i].name))
                CHECK_EQ(e->d_type, want[i].type), seen++;
    }
    CHECK_EQ(seen, privileged() ? 7 : 5);
}
TEST(ipc_by_index) {
    struct msqid_ds q;
    struct semid_ds s;
    struct shmid_ds m;
    int mq = OK(msgget(IPC_PRIVATE, 0600)), se = OK(semget(IPC_PRIVATE, 2, 0600)), sh = OK(shmget(IPC_PRIVATE, PAGE, 0700 | SHM_NORESERVE)), found[3] = {0};
    struct msginfo mi;
    struct seminfo si;
    struct shm_info hi;
    for (int i = 0, top = OK(msgctl(0, MSG_INFO, (void *)&mi)); i <= top; i++)
        found[0] += msgctl(i, MSG_STAT, &q) == mq, found[0] += msgctl(i, 13 /* MSG_STAT_ANY */, &q) == mq;
    for (int i = 0, top = OK(semctl(0, 0, SEM_INFO, &si)); i <= top; i++)
        found[1] += semctl(i, 0, SEM_STAT, &s) == se, found[1] += semctl(i, 0, 20 /* SEM_STAT_ANY */, &s) == se;
    for (int i = 0, top = OK(shmctl(0, SHM_INFO, (void *)&hi)); i <= top; i++)
        found[2] += shmctl(i, SHM_STAT, &m) == sh, found[2] += shmctl(i, 15 /* SHM_STAT_ANY */, &m) == sh;
    CHECK_EQ(found[0], 2), CHECK_EQ(found[1], 2), CHECK_EQ(found[2], 2);
    CHECK_GT(mi.msgpool, 0), CHECK_GE(si.semusz, 1), CHECK_GE(hi.used_ids, 1);
    char *at = OK(shmat(sh, NULL, SHM_EXEC));
    ROW(shmctl(sh, SHM_LOCK, NULL), 0);
    OK(shmctl(sh, IPC_STAT, &m));
    CHECK_EQ(m.shm_perm.mode & 02000 /* SHM_LOCKED */, 02000);
    ROW(shmctl(sh, SHM_UNLOCK, NULL), 0);
    ROW(shmctl(sh, IPC_RMID, NULL), 0);
    OK(shmctl(sh, IPC_STAT, &m));
    CHECK_EQ(m.shm_perm.mode & 03000, 01000 /* SHM_DEST */), CHECK_EQ(m.shm_perm.__key, 0);
    at[0] = (char)0xc3; // ret
    ((void (*)(void))at)();
    OK(shmdt(at));
    ROW(shmctl(sh, IPC_STAT, &m), EINVAL);
    OK(msgctl(mq, IPC_RMID, NULL)), OK(semctl(se, 0, IPC_RMID));
}
static int nothing_thread(void *p) {
    for (;;)
        syscall(SYS_pause);
    return p != NULL;
}
TEST(kcmp_types) {
    static char stack[4][16384];
    static const struct { int share, type; } table[] = {{CLONE_FILES, KCMP_FILES}, {CLONE_FS, KCMP_FS}, {CLONE_SIGHAND | CLONE_VM, KCMP_SIGHAND}, {CLONE_VM, KCMP_VM}};
    for (int i = 0; i < 4; i++) {
        int with = OK(clone(nothing_thread, stack[i] + 16384, table[i].share | SIGCHLD, NULL)), without = FORK();
        if (without == 0)
            pause();
        VALUE(syscall(SYS_kcmp, getpid(), with, table[i].type, 0, 0), 0);
        CHECK_GT(syscall(SYS_kcmp, getpid(), without, table[i].type, 0, 0), 0);
        kill(with, SIGKILL), kill(without, SIGKILL);
        CHECK_KILLED(with, SIGKILL);
        CHECK_KILLED(without, SIGKILL);
    }
    VALUE(syscall(SYS_kcmp, getpid(), getpid(), KCMP_SYSVSEM, 0, 0), 0);
    ROW(syscall(SYS_kcmp, getpid(), getpid(), KCMP_IO, 0, 0), 0);
}
TEST(memory_policies) {
    unsigned long node = 1, got[16] = {0};
    int mode = -1;
    char *at = OK(mmap(NULL, PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    if (syscall(SYS_get_mempolicy, &mode, NULL, 0, NULL, 0) == -1 && errno == ENOSYS)
        skip("a kernel without NUMA");
    static const int modes[] = {1 /* PREFERRED */, 2 /* BIND */, 3 /* INTERLEAVE */, 2 | 1 << 15 /* STATIC_NODES */, 3 | 1 << 14 /* RELATIVE_NODES */};
    for (int i = 0; i < 5; i++) {
        ROW(syscall(SYS_set_mempolicy, modes[i], &node, 64), 0);
        ROW(syscall(SYS_get_mempolicy, &mode, got, 1024, NULL, 0), 0);
        CHECK_EQ(mode, modes[i]), CHECK_EQ(got[0] & 1, 1);
        IN_CHILD(CHECK_EQ(syscall(SYS_get_mempolicy, &mode, NULL, 0, NULL, 0), 0); CHECK_EQ(mode, modes[i]));
        ROW(syscall(SYS_mbind, at, PAGE, modes[i], &node, 64, 1 | 2 /* STRICT | MOVE */), 0);
    }
    ROW(syscall(SYS_set_mempolicy, 4 /* LOCAL */, NULL, 0), 0);
    ROW(syscall(SYS_get_mempolicy, &mode, NULL, 0, NULL, 0), 0);
    CHECK_EQ(mode, 4);
    ROW(syscall(SYS_set_mempolicy, 1, NULL, 0), 0); // prefers no node
    ROW(syscall(SYS_get_mempolicy, &mode, NULL, 0, NULL, 0), 0);
    CHECK_EQ(mode, 4);
    ROW(syscall(SYS_get_mempolicy, &mode, NULL, 0, NULL, 1 /* NODE */), EINVAL);
    ROW(syscall(SYS_set_mempolicy, 3, &node, 64), 0);
    ROW(syscall(SYS_get_mempolicy, &mode, NULL, 0, NULL, 1), 0); // the next node to interleave on
    CHECK_EQ(mode, 0);
    ROW(syscall(SYS_set_mempolicy, 0, NULL, 0), 0);
    ROW(syscall(SYS_get_mempolicy, &mode, NULL, 0, NULL, 0), 0);
    CHECK_EQ(mode, 0);
    ROW(syscall(SYS_set_mempolicy, 4, &node, 64), EINVAL);
    ROW(syscall(SYS_set_mempolicy, 2 | 1 << 15 | 1 << 14, &node, 64), EINVAL);
    *at = 1;
    ROW(syscall(SYS_get_mempolicy, &mode, NULL, 0, at, 1 | 2 /* NODE | ADDR */), 0);
    CHECK_EQ(mode, 0);
    ROW(syscall(SYS_get_mempolicy, NULL, got, 1024, NULL, 4 /* MEMS_ALLOWED */), 0);
    CHECK_EQ(got[0] & 1, 1);
    ROW(syscall(SYS_get_mempolicy, NULL, got, 1024, NULL, 4 | 1), EINVAL);
}
TEST(advice_about_pages) {
    char *at = OK(mmap(NULL, 4 << 20, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    static const int advice[] = {14 /* HUGEPAGE */, 15 /* NOHUGEPAGE */, 12 /* MERGEABLE */, 13 /* UNMERGEABLE */};
    memset(at, 7, 4 << 20);
    for (int i = 0; i < 4; i++) {
        long r = madvise(at, 4 << 20, advice[i]);
        CHECK(r == 0 || errno == EINVAL); // a kernel without transparent huge pages or without KSM
    }
    long r = madvise(at, 4 << 20, 25 /* COLLAPSE */);
    CHECK(r == 0 || errno == EINVAL || errno == ENOMEM || errno == EAGAIN);
    CHECK_EQ(at[12345], 7);
    r = (long)mmap(NULL, 2 << 20, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0);
    CHECK(r != -1 || errno == ENOMEM); // none are set aside
    ROW(mmap(NULL, PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB | 21 << 27, -1, 0), EINVAL); // of no such size
}
TEST(memory_barriers) {
    long can = OK(syscall(SYS_membarrier, MEMBARRIER_CMD_QUERY, 0, 0));
    static const struct { int use, reg; } kinds[] = {{MEMBARRIER_CMD_PRIVATE_EXPEDITED, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED}, {32, 64 /* SYNC_CORE */}, {MEMBARRIER_CMD_GLOBAL_EXPEDITED, MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED}};
    for (int i = 0; i < 3; i++) {
        if (!(can & kinds[i].use))
            continue;
        CHECK(can & kinds[i].reg);
        if (i < 2)
            ROW(syscall(SYS_membarrier, kinds[i].use, 0, 0), EPERM);
        ROW(syscall(SYS_membarrier, kinds[i].reg, 0, 0), 0);
        ROW(syscall(SYS_membarrier, kinds[i].use, 0, 0), 0);
        IN_CHILD(CHECK_EQ(syscall(SYS_membarrier, kinds[i].use, 0, 0), 0)); // inherited
    }
    ROW(syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0), 0);
}
static char *mount_line(const char *end) {
    static char text[65536];
    strcpy(text, read_file("/proc/self/mountinfo"));
    char *at = strstr(text, end);
    CHECK(at);
    while (at > text && at[-1] != '\n')
        at--;
    strchr(at, '\n')[0] = 0;
    return at;
}
TEST_DIR(mount_flags) {
    enter_mount_namespace();
    OK(mkdir("the-mount", 0777));
    static const struct { unsigned long flag, st; const char *text; } table[] = {{MS_RDONLY, ST_RDONLY, "ro"}, {MS_NOSUID, ST_NOSUID, "nosuid"}, {MS_NODEV, 4 /* ST_NODEV */, "nodev"}, {MS_NOEXEC, 8 /* ST_NOEXEC */, "noexec"},
        {MS_NOATIME, 1024 /* ST_NOATIME */, "noatime"}, {MS_NODIRATIME, 2048 /* ST_NODIRATIME */, "nodiratime"}, {MS_RELATIME, 4096 /* ST_RELATIME */, "relatime"}, {256 /* MS_NOSYMFOLLOW */, 0x2000 /* ST_NOSYMFOLLOW */, "nosymfollow"}};
    for (int i = 0; i < 8; i++) {
        struct statvfs v;
        ROW(mount("none", "the-mount", "tmpfs", table[i].flag, NULL), 0);
        OK(statvfs("the-mount", &v));
        snprintf(b, sizeof b, "%s of statvfs", table[i].text);
        guest_row(__FILE__, __LINE__, b, (v.f_flag & table[i].st) != 0, 0, 1, true);
        char *line = mount_line("/the-mount ");
        snprintf(b, sizeof b, "%s in %s", table[i].text, line);
        guest_row(__FILE__, __LINE__, b, strstr(line, table[i].text) != NULL, 0, 1, true);
        OK(umount2("the-mount", 0));
    }
    ROW(mount("none", "the-mount", "tmpfs", MS_STRICTATIME, NULL), 0);
    CHECK(!strstr(mount_line("/the-mount "), "atime"));
    OK(chdir("the-mount")), write_file("f", "x"), OK(symlink("f", "l")), OK(mkdir("d", 0777)), OK(symlink("d", "dl"));
    struct stat st;
    OK(utimensat(AT_FDCWD, "f", (struct timespec[]){{5, 0}, {1, 0}}, 0));
    read_file("f");
    OK(stat("f", &st));
    CHECK_NE(st.st_atime, 5);
    ROW(mount("none", ".", NULL, MS_REMOUNT | MS_BIND | MS_NOATIME | 256, NULL), 0);
    OK(utimensat(AT_FDCWD, "f", (struct timespec[]){{5, 0}, {1, 0}}, 0));
    read_file("f");
    OK(stat("f", &st));
    CHECK_EQ(st.st_atime, 5);
    ROW(open("l", O_RDONLY), ELOOP); // no link is followed
    ROW(stat("dl/", &st), ELOOP);
    ROW(readlink("l", b, 10), 0);
    ROW(open("l", O_PATH | O_NOFOLLOW), 0);
    ROW(mount("none", ".", NULL, MS_REMOUNT | MS_BIND | MS_NOEXEC, NULL), 0);
    OK(chmod("f", 0755));
    char *argv[] = {"f", NULL};
    ROW(execve("./f", argv, NULL), EACCES);
    ROW(access("f", X_OK), EACCES);
    ROW(mmap(NULL, PAGE, PROT_READ | PROT_EXEC, MAP_PRIVATE, OK(open("f", O_RDONLY)), 0), EPERM);
    char *m = OK(mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, OK(open("f", O_RDONLY)), 0));
    ROW(mprotect(m, PAGE, PROT_READ | PROT_EXEC), EACCES);
    ROW(mount("none", "d", "tmpfs", MS_LAZYTIME | MS_SYNCHRONOUS | MS_DIRSYNC, NULL), 0);
}
TEST_DIR(whiteouts) {
    write_file("a", "x");
    struct stat st;
    long r = syscall(SYS_renameat2, AT_FDCWD, "a", AT_FDCWD, "c", 4 /* RENAME_WHITEOUT */);
    if (r == -1 && errno == EINVAL)
        skip("this file system has no whiteouts");
    CHECK_EQ(r, 0);
    if (lstat("a", &st) == 0)
        CHECK(S_ISCHR(st.st_mode) && st.st_rdev == 0);
    else
        CHECK_EQ(errno, ENOENT); // below an overlay it is not to be seen
    ROW(syscall(SYS_renameat2, AT_FDCWD, "c", AT_FDCWD, "d", 4 | 2), EINVAL);
}
TEST(personalities) {
    struct utsname u;
    IN_CHILD(OK(personality(8 /* PER_LINUX32 */)); OK(uname(&u)); CHECK_STR(u.machine, "i686"));
    IN_CHILD(OK(personality(0x0020000 /* UNAME26 */)); OK(uname(&u)); CHECK_MEM(u.release, "2.6.", 4));
    static const unsigned kept[] = {0x0040000 /* ADDR_NO_RANDOMIZE */, 0x0080000 /* FDPIC_FUNCPTRS */, 0x0100000 /* MMAP_PAGE_ZERO */, 0x0200000 /* ADDR_COMPAT_LAYOUT */, 0x0400000 /* READ_IMPLIES_EXEC */,
        0x0800000 /* ADDR_LIMIT_32BIT */, 0x1000000 /* SHORT_INODE */, 0x2000000 /* WHOLE_SECONDS */, 0x4000000 /* STICKY_TIMEOUTS */, 0x8000000 /* ADDR_LIMIT_3GB */};
    for (int i = 0; i < 10; i++) {
        IN_CHILD(OK(personality(kept[i])); CHECK_EQ(personality(0xffffffff), kept[i]));
    }
    IN_CHILD(
        OK(personality(0x0400000 /* READ_IMPLIES_EXEC */));
        char *at = OK(mmap(NULL, PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
        at[0] = (char)0xc3;
        CHECK_NO_FAULT(((void (*)(void))at)());
        char *no = OK(mmap(NULL, PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
        OK(mprotect(no, PAGE, RW));
        no[0] = (char)0xc3;
        CHECK_NO_FAULT(((void (*)(void))no)()));
    IN_CHILD(
        OK(personality(0x4000000 /* STICKY_TIMEOUTS */));
        struct timeval tv = {0, 5000};
        CHECK_EQ(syscall(SYS_select, 0, NULL, NULL, NULL, &tv), 0);
        CHECK_EQ(tv.tv_usec, 5000));
}
TEST(settings_of_prctl) {
#define PRCTL(...) syscall(SYS_prctl, __VA_ARGS__)
    for (int policy = 0; policy < 3; policy++) {
        ROW(PRCTL(PR_MCE_KILL, PR_MCE_KILL_SET, policy, 0, 0), 0);
        VALUE(PRCTL(PR_MCE_KILL_GET, 0, 0, 0, 0), policy);
        IN_CHILD(CHECK_EQ(PRCTL(PR_MCE_KILL_GET, 0, 0, 0, 0), policy));
    }
    ROW(PRCTL(PR_SET_PTRACER, -1, 0, 0, 0), errno == EINVAL ? EINVAL : 0);
    if (cap_effective() >> CAP_SYS_RESOURCE & 1) {
        ROW(PRCTL(PR_SET_IO_FLUSHER, 1, 0, 0, 0), 0);
        VALUE(PRCTL(PR_GET_IO_FLUSHER, 0, 0, 0, 0), 1);
    }
    ROW(PRCTL(PR_SET_THP_DISABLE, 1, 0, 0, 0), 0);
    IN_CHILD(CHECK_EQ(PRCTL(PR_GET_THP_DISABLE, 0, 0, 0, 0), 1));
    ROW(PRCTL(PR_SET_THP_DISABLE, 0, 0, 0, 0), 0);
    VALUE(PRCTL(PR_GET_THP_DISABLE, 0, 0, 0, 0), 0);
    for (int i = 0; i < 3; i++) {
        CHECK_EQ(PRCTL(PR_SET_SPECULATION_CTRL, i, 77, 0, 0), -1);
        CHECK(errno == ENXIO || errno == ERANGE || errno == EPERM); // not to be changed, or not to that
    }
}
TEST(io_priorities) {
    static const int values[] = {2 << 13 | 0, 2 << 13 | 7, 3 << 13 /* idle */};
    for (int i = 0; i < 3; i++) {
        ROW(syscall(SYS_ioprio_set, 1 /* PROCESS */, 0, values[i]), 0);
        VALUE(syscall(SYS_ioprio_get, 1, getpid()), values[i]);
        IN_CHILD(CHECK_EQ(syscall(SYS_ioprio_get, 1, 0), values[i]));
    }
    OK(setpgid(0, 0));
    ROW(syscall(SYS_ioprio_set, 2 /* PGRP */, 0, values[1]), 0);
    VALUE(syscall(SYS_ioprio_get, 2, getpid()), values[1]);
    ROW(syscall(SYS_ioprio_get, 2, 1 << 29), ESRCH);
    ROW(syscall(SYS_ioprio_get, 3 /* USER */, 54321), ESRCH);
    ROW(syscall(SYS_ioprio_get, 3, getuid()), 0);
    struct { uint32_t size, policy; uint64_t flags; int32_t nice; uint32_t priority; uint64_t runtime, deadline, period; } at = {.size = 48, .nice = getpriority(PRIO_PROCESS, 0), .flags = 1 | 2 | 4 /* RESET_ON_FORK | RECLAIM | DL_OVERRUN */};
    ROW(syscall(SYS_sched_setattr, 0, &at, 0), 0);
    VALUE(sched_getscheduler(0), SCHED_OTHER | SCHED_RESET_ON_FORK);
}
TEST(traced_vfork_and_calls) {
    pid_t p = FORK();
    if (p == 0) {
        ptrace(PTRACE_TRACEME, 0, 0, 0);
        raise(SIGSTOP);
        syscall(SYS_getpgid, 0);
        pid_t v = vfork();
        if (v == 0)
            _exit(3);
        _exit(v > 0 ? 0 : 1);
    }
    int st;
    unsigned long msg = 0;
    struct { uint8_t op, pad[3]; uint32_t arch; uint64_t ip, sp, body[8]; } info;
    CHECK_EQ(waitpid(p, &st, 0), p);
    OK(ptrace(PTRACE_SETOPTIONS, p, 0, PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEVFORK | PTRACE_O_TRACEVFORKDONE | PTRACE_O_EXITKILL));
    CHECK_GE(ptrace(0x420e /* PTRACE_GET_SYSCALL_INFO */, p, sizeof info, &info), 24);
    CHECK_EQ(info.op, 0 /* NONE */);
    do {
        OK(ptrace(PTRACE_SYSCALL, p, 0, 0));
        CHECK_EQ(waitpid(p, &st, 0), p);
        CHECK_EQ(st >> 8, SIGTRAP | 0x80);
        CHECK_GT(ptrace(0x420e, p, sizeof info, &info), 24);
    } while (info.op != 1 /* ENTRY */ || info.body[0] != SYS_getpgid);
    CHECK_EQ(info.arch, 0xc000003e), CHECK_EQ(info.body[1], 0);
    OK(ptrace(PTRACE_SYSCALL, p, 0, 0)), CHECK_EQ(waitpid(p, &st, 0), p);
    CHECK_GT(ptrace(0x420e, p, sizeof info, &info), 24);
    CHECK_EQ(info.op, 2 /* EXIT */), CHECK_EQ(info.body[0], getpgrp());
    OK(ptrace(PTRACE_CONT, p, 0, 0)), CHECK_EQ(waitpid(p, &st, 0), p);
    CHECK_EQ(st >> 8, SIGTRAP | PTRACE_EVENT_VFORK << 8);
    OK(ptrace(PTRACE_GETEVENTMSG, p, 0, &msg));
    pid_t child = msg;
    CHECK_EQ(waitpid(child, &st, __WALL), child);
    OK(ptrace(PTRACE_CONT, child, 0, 0)), OK(ptrace(PTRACE_CONT, p, 0, 0));
    bool done = false, gone = false, ended = false;
    while (!gone || !ended) {
        pid_t w = OK(waitpid(-1, &st, __WALL));
        if (w == child) {
            CHECK(WIFEXITED(st) && WEXITSTATUS(st) == 3);
            gone = true;
        } else if (WIFSTOPPED(st)) {
            if (st >> 8 == (SIGTRAP | PTRACE_EVENT_VFORK_DONE << 8)) {
                OK(ptrace(PTRACE_GETEVENTMSG, p, 0, &msg));
                CHECK_EQ(msg, child);
                done = true;
            }
            OK(ptrace(PTRACE_CONT, p, 0, 0));
        } else {
            CHECK_EQ(st, 0);
            ended = true;
        }
    }
    CHECK(done);
}
TEST(floating_point_faults) {
    static const struct { unsigned mask; double x, y; bool divide; int code; } table[] = {{0x80 /* IM */, 0, 0, true, FPE_FLTINV}, {0x200 /* ZM */, 1, 0, true, FPE_FLTDIV},
        {0x400 /* OM */, 1e308, 1e308, false, FPE_FLTOVF}, {0x800 /* UM */, 1e-300, 1e-300, false, FPE_FLTUND}, {0x1000 /* PM */, 1, 3, true, FPE_FLTRES}};
    for (int i = 0; i < 5; i++) {
        unsigned open = 0x1f80 & ~table[i].mask, usual = 0x1f80;
        double x = table[i].x, y = table[i].y;
        siginfo_t si = FAULT(
            if (table[i].divide) __asm__ volatile("ldmxcsr %2; divsd %1, %0" : "+x"(x) : "x"(y), "m"(open));
            else __asm__ volatile("ldmxcsr %2; mulsd %1, %0" : "+x"(x) : "x"(y), "m"(open)));
        __asm__ volatile("ldmxcsr %0" ::"m"(usual));
        CHECK_EQ(si.si_signo, SIGFPE), CHECK_EQ(si.si_code, table[i].code);
    }
    siginfo_t si = FAULT(__asm__ volatile("cltd; idivl %0" ::"r"(0), "a"(1) : "rdx"));
    CHECK_EQ(si.si_signo, SIGFPE), CHECK_EQ(si.si_code, FPE_INTDIV);
    si = FAULT(__asm__ volatile("int3"));
    CHECK_EQ(si.si_signo, SIGTRAP);
    si = FAULT(__asm__ volatile("ud2"));
    CHECK_EQ(si.si_signo, SIGILL), CHECK_EQ(si.si_code, ILL_ILLOPN);
    si = FAULT(__asm__ volatile("hlt"));
    CHECK_EQ(si.si_signo, SIGSEGV), CHECK_EQ(si.si_code, SI_KERNEL);
}
static volatile int io_code, io_band;
static void on_io(int s, siginfo_t *si, void *u) { (void)s, (void)u, io_code = si->si_code, io_band = si->si_band; }
static volatile int child_code;
static void on_child(int s, siginfo_t *si, void *u) { (void)s, (void)u, child_code = si->si_code; }
TEST(codes_of_signals) {
    int s[2];
    OK(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
    on_siginfo(SIGRTMIN, on_io, 0);
    struct f_owner_ex own = {F_OWNER_TID, syscall(SYS_gettid)};
    OK(fcntl(s[0], F_SETOWN_EX, &own)), OK(fcntl(s[0], F_SETSIG, SIGRTMIN)), OK(fcntl(s[0], F_SETFL, O_ASYNC));
    OK(write(s[1], "x", 1));
    WAIT_UNTIL(io_code == POLL_IN);
    CHECK(io_band & 1 /* POLLIN */);
    close(s[1]);
    WAIT_UNTIL(io_code == POLL_HUP);
    on_siginfo(SIGCHLD, on_child, 0);
    pid_t p = FORK();
    if (p == 0)
        _exit(0);
    WAIT_UNTIL(child_code == CLD_EXITED);
    CHECK_EXIT(p, 0);
    struct rlimit core = {0, 0};
    OK(setrlimit(RLIMIT_CORE, &core));
    p = FORK();
    if (p == 0)
        pause();
    kill(p, SIGKILL);
    WAIT_UNTIL(child_code == CLD_KILLED);
    CHECK_KILLED(p, SIGKILL);
    p = FORK();
    if (p == 0)
        for (;;)
            pause();
    kill(p, SIGSTOP);
    WAIT_UNTIL(child_code == CLD_STOPPED);
    kill(p, SIGCONT);
    WAIT_UNTIL(child_code == CLD_CONTINUED);
    kill(p, SIGKILL);
    CHECK_KILLED(p, SIGKILL);
    p = FORK();
    if (p == 0)
        ptrace(PTRACE_TRACEME, 0, 0, 0), raise(SIGUSR1), _exit(0);
    WAIT_UNTIL(child_code == CLD_TRAPPED);
    kill(p, SIGKILL);
    int st;
    while (waitpid(p, &st, 0) == p && WIFSTOPPED(st)) {
    }
}
TEST(flags_of_messages) {
    int s[2], d[2];
    OK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, s)), OK(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, d));
    static const int harmless[] = {MSG_CONFIRM, MSG_DONTROUTE, MSG_MORE, MSG_EOR, MSG_NOSIGNAL, MSG_FASTOPEN & 0};
    for (int i = 0; i < 6; i++) {
        VALUE(send(s[0], b, 1, harmless[i]), 1);
        VALUE(recv(s[1], b, 1, 0), 1);
        VALUE(send(d[0], b, 1, harmless[i]), 1);
        VALUE(recv(d[1], b, 1, 0), 1);
    }
    int t = OK(timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK));
    uint64_t ticks = 7;
    long r = syscall(SYS_ioctl, t, 0x40085400 /* TFD_IOC_SET_TICKS */, &ticks);
    if (r == 0) {
        CHECK_EQ(read(t, &ticks, 8), 8);
        CHECK_EQ(ticks, 7);
        ticks = 0;
        ROW(syscall(SYS_ioctl, t, 0x40085400, &ticks), EINVAL);
    } else
        CHECK_EQ(errno, ENOTTY); // CONFIG_CHECKPOINT_RESTORE
}
// A child that clones with `flags` once it is traced; the clone ends with 5.
static pid_t cloning_tracee(unsigned long flags, unsigned long options) {
    pid_t p = FORK();
    int st;
    if (p == 0) {
        ptrace(PTRACE_TRACEME, 0, 0, 0);
        raise(SIGSTOP);
        long c = syscall(SYS_clone, flags | SIGCHLD, 0, 0, 0, 0);
        if (c == 0)
            _exit(5);
        int status = 0;
        while (waitpid(c, &status, 0) != c) {
        }
        _exit(WIFEXITED(status) && WEXITSTATUS(status) == 5 ? 0 : 1);
    }
    CHECK_EQ(waitpid(p, &st, 0), p);
    OK(ptrace(PTRACE_SETOPTIONS, p, 0, options | PTRACE_O_EXITKILL));
    OK(ptrace(PTRACE_CONT, p, 0, 0));
    return p;
}
// Lets all go on until p has ended; how many others were traced.
static int let_run(pid_t p) {
    int others = 0, st;
    for (;;) {
        pid_t w = OK(waitpid(-1, &st, __WALL));
        if (WIFSTOPPED(st)) {
            others += w != p;
            int sig = WSTOPSIG(st);
            OK(ptrace(PTRACE_CONT, w, 0, sig == SIGTRAP || sig == SIGSTOP ? 0 : sig));
        } else if (w == p) {
            CHECK_EQ(st, 0);
            return others;
        }
    }
}
TEST(clone_flags_about_tracing) {
    VALUE(let_run(cloning_tracee(0, 0)), 0);
    VALUE(let_run(cloning_tracee(CLONE_PTRACE, 0)), 1);
    VALUE(let_run(cloning_tracee(0, PTRACE_O_TRACEFORK | PTRACE_O_TRACECLONE)), 1);
    VALUE(let_run(cloning_tracee(CLONE_UNTRACED, PTRACE_O_TRACEFORK | PTRACE_O_TRACECLONE)), 0);
}
TEST(tracee_text_registers_and_queues) {
    pid_t p = FORK();
    if (p == 0) {
        sigset_t s = sigset_of(SIGUSR1, SIGRTMIN, 0);
        sigprocmask(SIG_BLOCK, &s, NULL);
        ptrace(PTRACE_TRACEME, 0, 0, 0);
        raise(SIGUSR1), kill(getpid(), SIGRTMIN), kill(getpid(), SIGRTMIN);
        raise(SIGSTOP);
        _exit(0);
    }
    int st;
    CHECK_EQ(waitpid(p, &st, 0), p);
    long word = ptrace(PTRACE_PEEKTEXT, p, nothing_thread, 0);
    CHECK_EQ(word, *(long *)nothing_thread);
    OK(ptrace(PTRACE_POKETEXT, p, nothing_thread, 0x1122334455667788)); // into a private copy, though the page is read-only
    CHECK_EQ(ptrace(PTRACE_PEEKTEXT, p, nothing_thread, 0), 0x1122334455667788);
    CHECK_EQ(*(long *)nothing_thread, word);
    char before[512], after[512];
    OK(ptrace(PTRACE_GETFPREGS, p, 0, before));
    before[160] ^= 0x5a; // xmm0
    OK(ptrace(PTRACE_SETFPREGS, p, 0, before));
    OK(ptrace(PTRACE_GETFPREGS, p, 0, after));
    CHECK_EQ(after[160], before[160]);
    struct { uint64_t off; uint32_t flags, nr; } peek = {0, 0, 10};
    siginfo_t si[10];
    VALUE(ptrace(PTRACE_PEEKSIGINFO, p, &peek, si), 1);
    CHECK_EQ(si[0].si_signo, SIGUSR1);
    peek.flags = 1 /* PTRACE_PEEKSIGINFO_SHARED */;
    VALUE(ptrace(PTRACE_PEEKSIGINFO, p, &peek, si), 2);
    CHECK_EQ(si[1].si_signo, SIGRTMIN), CHECK_EQ(si[1].si_code, SI_USER);
    peek.off = 1;
    VALUE(ptrace(PTRACE_PEEKSIGINFO, p, &peek, si), 1);
    OK(kill(p, SIGKILL)), CHECK_KILLED(p, SIGKILL);
}
static void handler(int s) { (void)s; }
TEST(flags_of_sigaction) {
    struct { void (*handler)(int); unsigned long flags; void *restorer; unsigned long mask; } sa = {handler, 0, NULL, ~0UL}, old;
    static const unsigned long all = SA_NOCLDSTOP | SA_NOCLDWAIT | SA_SIGINFO | SA_ONSTACK | SA_RESTART | SA_NODEFER | SA_RESETHAND | 0x04000000 /* SA_RESTORER */ | 0x800 /* SA_EXPOSE_TAGBITS */;
    sa.flags = all | 0x400 /* SA_UNSUPPORTED */ | 0x100;
    ROW(syscall(SYS_rt_sigaction, SIGUSR1, &sa, NULL, 8), 0);
    ROW(syscall(SYS_rt_sigaction, SIGUSR1, NULL, &old, 8), 0);
    CHECK_EQ(old.flags, all); // what the kernel does not know is gone
    CHECK_EQ(old.mask, ~0UL & ~(1UL << (SIGKILL - 1)) & ~(1UL << (SIGSTOP - 1)));
    CHECK_EQ((long)old.handler, (long)handler);
}
TEST(descriptors_of_other_processes) {
    pid_t p = FORK();
    if (p == 0)
        pause();
    int fd = OK(syscall(SYS_pidfd_open, p, 0)), ns;
    VALUE(ns = syscall(SYS_pidfd_getfd, fd, 0, 0), fd + 1);
    CHECK_EQ(fcntl(ns, F_GETFD), FD_CLOEXEC);
    close(ns);
    struct rlimit r = {fd + 1, fd + 1};
    OK(setrlimit(RLIMIT_NOFILE, &r));
    ROW(syscall(SYS_pidfd_getfd, fd, 0, 0), EMFILE);
    OK(kill(p, SIGKILL)), CHECK_KILLED(p, SIGKILL);
    ROW(setns(fd, CLONE_NEWUTS), ESRCH);
}
