// guest: root
// capabilities(7): what each capability is good for fails without it, though all others are there, and works with it alone.
#include "../guest.h"
#include <linux/capability.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/ptrace.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/sysmacros.h>
#include <sys/timerfd.h>
#include <sys/xattr.h>

static uint64_t all;
static void set_effective(uint64_t mask) {
    struct { uint32_t version; int pid; } h = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct { uint32_t effective, permitted, inheritable; } d[2] = {{mask, all, 0}, {mask >> 32, all >> 32, 0}};
    OK(syscall(SYS_capset, &h, d));
}
#define BIT(c) (1ULL << (c))

static pid_t other;                 // a process of user 1234
static int msg, sem, shm, s, drop = 20; // IPC objects of that user, a socket
static long (*op)(void);

static long chown_it(void) { return chown("mine", 1, -1); }
static long write_protected(void) { return open("theirs", O_WRONLY); }
static long list_protected(void) { return open("their-dir", O_RDONLY); }
static long read_protected(void) { return open("theirs", O_RDONLY); }
static long walk_protected(void) { return access("their-dir/f", F_OK) == 0 ? open("their-dir/f", O_PATH) : -1; }
static long chmod_others(void) { return chmod("theirs", 0); }
static long times_of_others(void) { return utimensat(AT_FDCWD, "theirs", (struct timespec[]){{1, 0}, {1, 0}}, 0); }
static long noatime_of_others(void) { return open("their-open", O_RDONLY | O_NOATIME); }
static long unlink_sticky(void) { return unlink("sticky/theirs") == 0 ? open("sticky/theirs", O_CREAT | O_WRONLY, 0600) : -1; }
static long keep_setgid(void) {
    struct stat st;
    if (chmod("of-group", 02755) != 0 || stat("of-group", &st) != 0)
        return -1;
    errno = EPERM;
    return st.st_mode & 02000 ? 0 : -1;
}
static long signal_others(void) { return kill(other, 0); }
static long change_gid(void) { return syscall(SYS_setregid, 77, -1); }
static long change_groups(void) { return syscall(SYS_setgroups, 1, (gid_t[]){5}); }
static long change_uid(void) { return syscall(SYS_setresuid, 77, -1, -1); }
static long drop_bound(void) { return prctl(PR_CAPBSET_DROP, drop); }
static long secure(void) { return prctl(PR_SET_SECUREBITS, 1); }
static long mark(void) { return setsockopt(s, SOL_SOCKET, SO_MARK, &(int){5}, 4); }
static long force_buffer(void) { return setsockopt(s, SOL_SOCKET, SO_RCVBUFFORCE, &(int){50000}, 4); }
static long priority(void) { return setsockopt(s, SOL_SOCKET, SO_PRIORITY, &(int){7}, 4); }
static long lock_memory(void) {
    setrlimit(RLIMIT_MEMLOCK, &(struct rlimit){0, 0});
    return mlock(&all, 1);
}
static long read_queue(void) { return msgctl(msg, IPC_STAT, &(struct msqid_ds){0}); }
static long read_semaphore(void) { return semctl(sem, 0, GETVAL); }
static long attach_segment(void) { return (long)shmat(shm, NULL, 0); }
static long remove_segment(void) { return shmctl(shm, IPC_SET, &(struct shmid_ds){.shm_perm = {.uid = 1234, .gid = 1234}}); }
static long change_root(void) { return chroot("."); }
static long trace_others(void) { return ptrace(PTRACE_SEIZE, other, 0, 0); }
static long memory_of_others(void) {
    char b;
    struct iovec v = {&b, 1}, r = {&all, 1};
    return process_vm_readv(other, &v, 1, &r, 1, 0);
}
static long mount_it(void) { return mount("none", "dir", "tmpfs", 0, NULL); }
static long host_name(void) { return sethostname("some-name", 9); }
static long domain_name(void) { return setdomainname("some-name", 9); }
static long new_namespace(void) { return unshare(CLONE_NEWUTS); }
static long trusted(void) { return setxattr("mine", "trusted.x", "1", 1, 0); }
static long raise_priority(void) { return setpriority(PRIO_PROCESS, 0, getpriority(PRIO_PROCESS, 0) - 1); }
static long real_time(void) { return sched_setscheduler(0, SCHED_RR, &(struct sched_param){.sched_priority = 5}); }
static long nice_others(void) { return setpriority(PRIO_PROCESS, other, 5); }
static long bind_others(void) {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(0, &set);
    return sched_setaffinity(other, sizeof set, &set);
}
static long raise_limit(void) { return setrlimit(RLIMIT_CORE, &(struct rlimit){6, 6}); }
static long limits_of_others(void) { return prlimit(other, RLIMIT_CORE, NULL, &(struct rlimit){0}); }
static long large_pipe(void) {
    int p[2];
    return pipe(p) == 0 ? fcntl(p[0], F_SETPIPE_SZ, 1 << 21) : -1;
}
static long make_device(void) { return mknod("device", S_IFCHR | 0600, makedev(1, 3)) == 0 ? unlink("device") : -1; }
static long lease_others(void) { return fcntl(OK(open("their-open", O_RDONLY)), F_SETLEASE, F_RDLCK); }
static long file_capabilities(void) { return setxattr("mine", "security.capability", "\1\0\0\2\0\4\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 20, 0); }
static long wake(void) { return timerfd_create(CLOCK_BOOTTIME_ALARM, 0); }

// The capability, more than one if each does, what it needs besides, and what is said without.
static const struct { const char *name; long (*op)(void); uint64_t caps, besides; int want; } table[] = {
#define T(op, caps, besides, want) {#op, op, caps, besides, want}
    T(chown_it, BIT(CAP_CHOWN), 0, EPERM), T(write_protected, BIT(CAP_DAC_OVERRIDE), 0, EACCES), T(list_protected, BIT(CAP_DAC_OVERRIDE) | BIT(CAP_DAC_READ_SEARCH), 0, EACCES),
    T(read_protected, BIT(CAP_DAC_OVERRIDE) | BIT(CAP_DAC_READ_SEARCH), 0, EACCES), T(walk_protected, BIT(CAP_DAC_OVERRIDE) | BIT(CAP_DAC_READ_SEARCH), 0, EACCES),
    T(chmod_others, BIT(CAP_FOWNER), 0, EPERM), T(times_of_others, BIT(CAP_FOWNER), 0, EPERM), T(noatime_of_others, BIT(CAP_FOWNER), 0, EPERM), T(unlink_sticky, BIT(CAP_FOWNER), 0, EPERM),
    T(keep_setgid, BIT(CAP_FSETID), 0, EPERM), T(signal_others, BIT(CAP_KILL), 0, EPERM), T(change_gid, BIT(CAP_SETGID), 0, EPERM), T(change_groups, BIT(CAP_SETGID), 0, EPERM),
    T(change_uid, BIT(CAP_SETUID), 0, EPERM), T(drop_bound, BIT(CAP_SETPCAP), 0, EPERM), T(secure, BIT(CAP_SETPCAP), 0, EPERM), T(mark, BIT(CAP_NET_ADMIN) | BIT(CAP_NET_RAW), 0, EPERM),
    T(force_buffer, BIT(CAP_NET_ADMIN), 0, EPERM), T(priority, BIT(CAP_NET_ADMIN) | BIT(CAP_NET_RAW), 0, EPERM), T(lock_memory, BIT(CAP_IPC_LOCK), 0, EPERM), T(read_queue, BIT(CAP_IPC_OWNER), 0, EACCES),
    T(read_semaphore, BIT(CAP_IPC_OWNER), 0, EACCES), T(attach_segment, BIT(CAP_IPC_OWNER), 0, EACCES), T(remove_segment, BIT(CAP_SYS_ADMIN), 0, EPERM), T(change_root, BIT(CAP_SYS_CHROOT), 0, EPERM),
    T(trace_others, BIT(CAP_SYS_PTRACE), 0, EPERM), T(memory_of_others, BIT(CAP_SYS_PTRACE), 0, EPERM), T(mount_it, BIT(CAP_SYS_ADMIN), 0, EPERM), T(host_name, BIT(CAP_SYS_ADMIN), 0, EPERM),
    T(domain_name, BIT(CAP_SYS_ADMIN), 0, EPERM), T(new_namespace, BIT(CAP_SYS_ADMIN), 0, EPERM), T(trusted, BIT(CAP_SYS_ADMIN), 0, EPERM), T(raise_priority, BIT(CAP_SYS_NICE), 0, EACCES),
    T(real_time, BIT(CAP_SYS_NICE), 0, EPERM), T(nice_others, BIT(CAP_SYS_NICE), 0, EPERM), T(bind_others, BIT(CAP_SYS_NICE), 0, EPERM), T(raise_limit, BIT(CAP_SYS_RESOURCE), 0, EPERM),
    T(limits_of_others, BIT(CAP_SYS_RESOURCE), 0, EPERM), T(large_pipe, BIT(CAP_SYS_RESOURCE), 0, EPERM), T(make_device, BIT(CAP_MKNOD), 0, EPERM), T(lease_others, BIT(CAP_LEASE), 0, EACCES),
    T(file_capabilities, BIT(CAP_SETFCAP), 0, EPERM), T(wake, BIT(35 /* CAP_WAKE_ALARM */), 0, EPERM),
};
// In a child, with these effective.
static void row(const char *name, uint64_t effective, const char *how, int want) {
    IN_CHILD({
        char what[80];
        set_effective(effective);
        snprintf(what, sizeof what, "%s %s", name, how);
        errno = 0;
        long r = op();
        guest_row(__FILE__, __LINE__, what, r, errno, want, false);
    });
}
TEST_DIR(each_alone_and_all_but_it) {
    NEED_ROOT();
    all = cap_effective();
    if (!(all & BIT(CAP_SYS_ADMIN)))
        skip("needs CAP_SYS_ADMIN");
    OK(unshare(CLONE_NEWNS | CLONE_NEWUTS)), OK(mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL));
    OK(chmod(".", 0777)), OK(mkdir("dir", 0777)), OK(mkdir("sticky", 0777)), OK(chmod("sticky", 01777)), OK(chown("sticky", 1234, 1234)), write_file("sticky/theirs", ""), OK(chown("sticky/theirs", 1234, 1234));
    write_file("mine", ""), write_file("theirs", ""), OK(chown("theirs", 1234, 1234)), OK(chmod("theirs", 0)), write_file("their-open", ""), OK(chown("their-open", 1234, 1234)), OK(chmod("their-open", 0644));
    OK(mkdir("their-dir", 0700)), write_file("their-dir/f", ""), OK(chown("their-dir", 1234, 1234)), OK(chmod("their-dir", 0)), write_file("of-group", ""), OK(chown("of-group", 0, 77));
    int p[2];
    OK(pipe(p));
    other = FORK();
    if (other == 0) {
        become(1234);
        prctl(PR_SET_DUMPABLE, 1);
        int ids[3] = {msgget(IPC_PRIVATE, 0600), semget(IPC_PRIVATE, 1, 0600), shmget(IPC_PRIVATE, PAGE, 0600)};
        OK(write(p[1], ids, sizeof ids));
        for (;;)
            pause();
    }
    int ids[3];
    CHECK_EQ(read(p[0], ids, sizeof ids), sizeof ids);
    msg = ids[0], sem = ids[1], shm = ids[2];
    s = OK(socket(AF_UNIX, SOCK_DGRAM, 0));
    OK(setrlimit(RLIMIT_CORE, &(struct rlimit){5, 5})), OK(setrlimit(RLIMIT_NICE, &(struct rlimit){0, 0})), OK(setrlimit(RLIMIT_RTPRIO, &(struct rlimit){0, 0}));
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        op = table[i].op;
        row(table[i].name, all & ~table[i].caps, "without", table[i].want);
        for (int c = 0; c < 41; c++)
            if (table[i].caps & all & BIT(c)) {
                char how[40];
                snprintf(how, sizeof how, "with capability %d alone", c);
                row(table[i].name, BIT(c) | table[i].besides, how, 0);
            }
    }
    kill(other, SIGKILL);
    CHECK_KILLED(other, SIGKILL);
    OK(msgctl(msg, IPC_RMID, NULL)), OK(semctl(sem, 0, IPC_RMID)), OK(shmctl(shm, IPC_RMID, NULL));
}
