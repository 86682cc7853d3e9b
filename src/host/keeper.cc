// Splitting the process, the keeper's loop, and the sentry's questions to it.
#include "src/host/keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <bit>

#include "src/base/mutex.h"
#include "src/base/panic.h"
#include "src/host/capabilities.h"
#include "src/host/futex.h"
#include "src/host/unique_fd.h"

namespace sbx::host {
namespace {

constexpr int kForwarded[] = {SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGWINCH, SIGCONT, SIGTSTP};
constexpr int kFailed = 125;

// What the two share. The sentry may be in a guest's hands: the keeper believes nothing of it but a question, which it may answer anybody.
struct Mailbox {
    enum : u32 { Idle, Asked, Answered };
    enum Question : u32 { Owner, Foreground, Stop };
    std::atomic<u32> state{Idle};
    std::atomic<Question> question{Owner};  // read once
    std::atomic<int> fd{-1};
    int error = 0;  // of Owner; of Foreground: 0 is yes
    u32 uid = 0, gid = 0;
    std::atomic<u64> signals{0};  // bit n: signal n waits for the sentry
    std::atomic<int> terminal{-1};
    termios attributes{};  // written while terminal is -1
};
static_assert(sizeof(Mailbox) <= kPageSize);

Mailbox* mailbox = nullptr;
int to_keeper = -1, to_sentry = -1;  // eventfds
bool hidden_owners = false;
Mutex<Rank::Leaf> mu;  // one question at a time

void ring(int bell) {
    u64 one = 1;
    // EAGAIN: it has been rung often enough.
    (void)!write(bell, &one, sizeof one);
}
void silence(int bell) {
    u64 count;
    (void)!read(bell, &count, sizeof count);
}

bool in_background(int terminal) {
    pid_t group = tcgetpgrp(terminal);
    return group >= 0 && group != getpgid(0);
}

// --- the keeper ---

// Only what the loop below and libc for it ask for; signals only to the sentry and to itself.
int hold_keeper(pid_t self, pid_t sentry) {
    constexpr u32 nr = offsetof(seccomp_data, nr), arch = offsetof(seccomp_data, arch);
    constexpr u32 arg0 = offsetof(seccomp_data, args[0]), arg1 = offsetof(seccomp_data, args[1]);
    constexpr sock_filter allow = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    constexpr sock_filter kill = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS);
    // Each line skips what belongs to it where its call is not the one.
    const sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, arch),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 1, 0),
        kill,
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, nr),
#ifdef __SANITIZE_ADDRESS__
        // AddressSanitizer, before it leaves a function for good.
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_sigaltstack, 11, 0),
#endif
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_poll, 10, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_restart_syscall, 9, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_read, 8, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_write, 7, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_futex, 6, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_newfstatat, 5, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_wait4, 4, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getpgid, 3, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_rt_sigaction, 2, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_rt_sigprocmask, 1, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_exit_group, 0, 1),
        allow,
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_kill, 0, 4),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, arg0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<u32>(self), 1, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<u32>(sentry), 0, 5),
        allow,
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_ioctl, 0, 3),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, arg1),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, TIOCGPGRP, 2, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, TCSETS, 1, 0),
        kill,
        allow,
    };
    sock_fprog prog{sizeof code / sizeof code[0], const_cast<sock_filter*>(code)};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return errno;
    return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog, 0, 0) == 0 ? 0 : errno;
}

[[noreturn]] void end_as(pid_t self, int wait_status, const KeeperOptions& options) {
    int terminal = mailbox->terminal.load(std::memory_order_acquire);
    if (terminal >= 0 && !in_background(terminal)) tcsetattr(terminal, TCSANOW, &mailbox->attributes);
    if (WIFSIGNALED(wait_status)) {
        int sig = WTERMSIG(wait_status);
        // Its own message (crash.h) needs a thread that does not block the signal, as libc does now and then.
        for (int bug : {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGTRAP, SIGSYS})
            if (sig == bug) {
                char text[100];
                int n = snprintf(text, sizeof text,
                                 "sbx: internal error: the sentry died of signal %d; the sandbox ends\n", sig);
                (void)!write(2, text, static_cast<size_t>(n));
                _exit(kFailed);
            }
        end_by_signal(self, sig);
    }
    int status = WEXITSTATUS(wait_status);
    constexpr int kLast = 64;
    if (options.exit_signal && status > 128 && status <= 128 + kLast) end_by_signal(self, status - 128);
    _exit(status);
}

void answer(pid_t self, pid_t sentry) {
    if (mailbox->state.load(std::memory_order_acquire) != Mailbox::Asked) return;
    int fd = mailbox->fd.load(std::memory_order_relaxed);
    switch (mailbox->question.load(std::memory_order_relaxed)) {
    case Mailbox::Owner: {
        struct stat s {};
        mailbox->error = syscall(SYS_newfstatat, fd, "", &s, AT_EMPTY_PATH) == 0 ? 0 : errno;
        mailbox->uid = s.st_uid;
        mailbox->gid = s.st_gid;
        break;
    }
    case Mailbox::Foreground: mailbox->error = in_background(fd); break;
    case Mailbox::Stop:
        // PID 1 of a namespace cannot stop itself.
        kill(sentry, SIGSTOP);
        kill(self, SIGSTOP);
        kill(sentry, SIGCONT);
        break;
    }
    mailbox->state.store(Mailbox::Answered, std::memory_order_release);
    futex_wake(mailbox->state, 1, FutexScope::Shared);
}

void forward(int sig, pid_t sentry) {
    // Whoever stopped and continued sbx alone meant all of it.
    if (sig == SIGCONT) kill(sentry, SIGCONT);
    mailbox->signals.fetch_or(1ull << sig, std::memory_order_release);
    ring(to_sentry);
}

[[noreturn]] void keep(pid_t self, pid_t sentry, int signals, const KeeperOptions& options) {
    rlimit none{0, 0};  // no core that it would dump is the program's
    setrlimit(RLIMIT_CORE, &none);
    int e = limit_capabilities(0) ? 0 : EPERM;
    // After capabilities have gone: a change of credentials clears it (prctl(2)).
    if (options.die_with_parent) prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (e == 0) e = hold_keeper(self, sentry);
    if (e != 0) {
        kill(sentry, SIGKILL);
        dprintf(2, "sbx: security: the keeper cannot be confined: %s\n", strerror(e));
        _exit(kFailed);
    }
    for (;;) {
        pollfd fds[] = {{signals, POLLIN, 0}, {to_keeper, POLLIN, 0}};
        poll(fds, 2, -1);
        if (fds[1].revents != 0) silence(to_keeper);
        answer(self, sentry);
        signalfd_siginfo s;
        while (read(signals, &s, sizeof s) == sizeof s) {
            int sig = static_cast<int>(s.ssi_signo);
            int status = 0;
            if (sig != SIGCHLD)
                forward(sig, sentry);
            else if (waitpid(sentry, &status, WNOHANG) == sentry)
                end_as(self, status, options);
        }
    }
}

// --- the sentry ---

// Where the C library keeps its thread's id, found by its value; null if it is not there. A process made by clone(2) itself holds its
// parent's there, and in a PID namespace that may be the id of a thread that is yet to come: two owners of one lock.
pid_t* library_tid() {
#ifdef __GLIBC__
    pid_t* place = nullptr;
    if (prctl(PR_GET_TID_ADDRESS, &place) != 0 || !place) return nullptr;
#else
    pid_t* place = &errno - 1;  // musl's struct pthread; its clone() corrects it since 1.2.5
#endif
    return *place == syscall(SYS_gettid) ? place : nullptr;
}

int write_file(const char* path, const char* text) {
    UniqueFd fd(open(path, O_WRONLY | O_CLOEXEC));
    if (!fd) return errno;
    auto n = static_cast<ssize_t>(strlen(text));
    return write(fd.get(), text, static_cast<size_t>(n)) == n ? 0 : errno;
}

// The caller's own ids and no others, which anybody may map who may make a user namespace at all.
int map_own_ids(unsigned uid, unsigned gid) {
    char map[48];
    int e = write_file("/proc/self/setgroups", "deny");
    if (e != 0 && e != ENOENT) return e;
    snprintf(map, sizeof map, "%u %u 1", gid, gid);
    e = write_file("/proc/self/gid_map", map);
    if (e != 0) return e;
    snprintf(map, sizeof map, "%u %u 1", uid, uid);
    return write_file("/proc/self/uid_map", map);
}

// Sets the question and waits for the answer; false if the keeper had an error to tell.
bool ask(Mailbox::Question question, int fd, u32* uid = nullptr, u32* gid = nullptr) {
    SBX_ASSERT(mailbox);
    Lock l(mu);
    mailbox->question.store(question, std::memory_order_relaxed);
    mailbox->fd.store(fd, std::memory_order_relaxed);
    mailbox->state.store(Mailbox::Asked, std::memory_order_release);
    ring(to_keeper);
    // The keeper's death is the sentry's.
    while (mailbox->state.load(std::memory_order_acquire) == Mailbox::Asked)
        futex_wait(mailbox->state, Mailbox::Asked, kNever, FutexScope::Shared);
    if (mailbox->error != 0) return false;
    if (uid) *uid = mailbox->uid;
    if (gid) *gid = mailbox->gid;
    return true;
}

// clone(2) with as many of the namespaces as the host grants. Raw: descriptors are shared, and memory is not, since a process that shares it
// may not enter a user namespace.
long split(bool want_user, pid_t* tid, int& user_error, int& pid_error) {
    auto clone_with = [](int flags) {
        long pid = syscall(SYS_clone, flags | CLONE_FILES | SIGCHLD, nullptr, nullptr, nullptr, nullptr);
        return pid >= 0 ? pid : -errno;
    };
    int user = want_user ? CLONE_NEWUSER : 0;
    user_error = 0;
    pid_error = ENOTSUP;
    if (tid) {
        long pid = clone_with(user | CLONE_NEWPID);
        pid_error = pid >= 0 ? 0 : static_cast<int>(-pid);
        if (pid >= 0) return pid;
    }
    if (want_user) {
        long pid = clone_with(user);
        if (pid >= 0) return pid;
        user_error = static_cast<int>(-pid);
    }
    return clone_with(0);
}

}  // namespace

sigset_t outside_signals() {
    sigset_t s;
    sigemptyset(&s);
    for (int sig : kForwarded) sigaddset(&s, sig);
    sigaddset(&s, SIGCHLD);
    return s;
}

void end_by_signal(pid_t self, int sig) {
    struct sigaction plain {};
    plain.sa_handler = SIG_DFL;
    sigaction(sig, &plain, nullptr);
    sigset_t s;
    sigemptyset(&s);
    sigaddset(&s, sig);
    sigprocmask(SIG_UNBLOCK, &s, nullptr);
    kill(self, sig);
    _exit(128 + sig);
}

void block_outside_signals() {
    sigset_t s = outside_signals();
    sigaddset(&s, SIGPIPE);
    sigprocmask(SIG_BLOCK, &s, nullptr);
}

Result<std::vector<Layer>> leave_keeper(const KeeperOptions& options) {
    constexpr u64 kSysAdmin = 1ull << 21;
    // Who has CAP_SYS_ADMIN needs no user namespace for the others, and in one it could not serve other owners' files.
    bool want_user = (effective_capabilities() & kSysAdmin) == 0;
    unsigned uid = geteuid(), gid = getegid();
    sigset_t outside = outside_signals();
    block_outside_signals();
    signal(SIGCHLD, SIG_DFL);  // ignored, children leave no status

    pid_t self = getpid();
    void* p = mmap(nullptr, kPageSize, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED) return err(errno);
    mailbox = new (p) Mailbox;
    int signals = signalfd(-1, &outside, SFD_NONBLOCK | SFD_CLOEXEC);
    int keeper_alive = static_cast<int>(syscall(SYS_pidfd_open, self, 0));
    to_keeper = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    to_sentry = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (signals < 0 || to_keeper < 0 || to_sentry < 0) return err(errno);
    // Where the program may be run but not read, /proc/self would be root's.
    if (want_user) prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);

    pid_t* tid = library_tid();
    int user_error = 0, pid_error = 0;
    long pid = split(want_user, tid, user_error, pid_error);
    if (pid < 0) return err(static_cast<int>(-pid));
    if (pid > 0) keep(self, static_cast<pid_t>(pid), signals, options);

    if (tid) *tid = static_cast<pid_t>(syscall(SYS_gettid));
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    pollfd gone{keeper_alive, POLLIN, 0};
    if (keeper_alive >= 0 && poll(&gone, 1, 0) == 1) _exit(kFailed);
    prctl(PR_SET_NAME, "sbx-sentry");
    hidden_owners = want_user && user_error == 0;
    if (hidden_owners) user_error = map_own_ids(uid, gid);
    std::vector<Layer> layers;
    if (want_user) layers.push_back({kUserNamespace, user_error});
    layers.push_back({"PID namespace", want_user && user_error != 0 && pid_error == EPERM ? user_error : pid_error});
    return layers;
}

int keeper_bell() { return to_sentry; }

int take_signal() {
    u64 waiting = mailbox->signals.load(std::memory_order_acquire);
    if (waiting == 0) {
        silence(to_sentry);
        waiting = mailbox->signals.load(std::memory_order_acquire);
        if (waiting == 0) return 0;
    }
    int sig = std::countr_zero(waiting);
    mailbox->signals.fetch_and(~(1ull << sig), std::memory_order_acq_rel);
    return sig;
}

void stop_with_job() { ask(Mailbox::Stop, -1); }
bool in_foreground(int terminal) {
    // Who has no keeper, a unit test, is in the process group itself.
    return mailbox ? ask(Mailbox::Foreground, terminal) : !in_background(terminal);
}
void restore_at_end(int terminal, const termios& attributes) {
    if (!mailbox) return;
    mailbox->terminal.store(-1, std::memory_order_release);
    mailbox->attributes = attributes;
    mailbox->terminal.store(terminal, std::memory_order_release);
}
bool owners_are_hidden() { return hidden_owners; }
bool real_owner(int fd, u32* uid, u32* gid) { return ask(Mailbox::Owner, fd, uid, gid); }

}  // namespace sbx::host
