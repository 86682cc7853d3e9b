// The broker shares the sentry's descriptor table and one page of memory; its own filter leaves it few calls.
#include "src/host/owner_broker.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "src/base/mutex.h"
#include "src/host/capabilities.h"
#include "src/host/futex.h"

namespace sbx::host {
namespace {

struct Mailbox {
    enum : u32 { Idle, Asked, Answered };
    std::atomic<u32> state{Idle};
    int bell = -1;    // an eventfd: asked
    int parent = -1;  // a pidfd: readable when the sentry has gone
    int fd = -1;
    int error = 0;
    u32 uid = 0, gid = 0;
};
static_assert(sizeof(Mailbox) <= kPageSize);

Mailbox* mailbox = nullptr;
Mutex<Rank::Leaf> mu;  // one question at a time

constexpr Nanos kPatience = kNanosPerSec;

long hold_broker() {
    constexpr u32 nr = offsetof(seccomp_data, nr), arch = offsetof(seccomp_data, arch);
    const sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, arch),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 1, 0),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, nr),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_futex, 5, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_poll, 4, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_read, 3, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_newfstatat, 2, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_exit_group, 1, 0),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    sock_fprog prog{sizeof code / sizeof code[0], const_cast<sock_filter*>(code)};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return errno;
    return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog, 0, 0) == 0 ? 0 : errno;
}

[[noreturn]] void broker_main() {
    prctl(PR_SET_NAME, "sbx-owner");
    setsid();  // out of reach of the terminal's signals
    if (!limit_capabilities(0) || hold_broker() != 0) _exit(1);
    for (;;) {
        // Not by PR_SET_PDEATHSIG: a parent behind Landlock's signal scope cannot even send that one.
        pollfd fds[] = {{mailbox->bell, POLLIN, 0}, {mailbox->parent, POLLIN, 0}};
        syscall(SYS_poll, fds, 2, -1);
        if (fds[1].revents != 0) syscall(SYS_exit_group, 0);
        u64 count = 0;
        if (fds[0].revents != 0) syscall(SYS_read, mailbox->bell, &count, sizeof count);
        if (mailbox->state.load(std::memory_order_acquire) != Mailbox::Asked) continue;
        struct stat s {};
        mailbox->error = syscall(SYS_newfstatat, mailbox->fd, "", &s, AT_EMPTY_PATH) == 0 ? 0 : errno;
        mailbox->uid = s.st_uid;
        mailbox->gid = s.st_gid;
        mailbox->state.store(Mailbox::Answered, std::memory_order_release);
        futex_wake(mailbox->state, 1, FutexScope::Shared);
    }
}

Result<> forget(int e) {
    if (mailbox->bell >= 0) close(mailbox->bell);
    if (mailbox->parent >= 0) close(mailbox->parent);
    munmap(mailbox, kPageSize);
    mailbox = nullptr;
    return err(e);
}

}  // namespace

Result<> start_owner_broker() {
    void* p = mmap(nullptr, kPageSize, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED) return err(errno);
    mailbox = new (p) Mailbox;
    mailbox->bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    mailbox->parent = static_cast<int>(syscall(SYS_pidfd_open, getpid(), 0));
    if (mailbox->bell < 0 || mailbox->parent < 0) return forget(errno);
    // No CLONE_VM: a process that shares its memory with another may not enter a user namespace.
    long pid = syscall(SYS_clone, CLONE_FILES | SIGCHLD, nullptr, nullptr, nullptr, nullptr);
    if (pid == 0) broker_main();
    if (pid < 0) return forget(errno);
    return {};
}

bool real_owner(int fd, u32* uid, u32* gid) {
    if (!mailbox) return false;
    Lock l(mu);
    // A broker that somebody killed does not answer; it was patient once, then not again.
    if (mailbox->state.load(std::memory_order_acquire) == Mailbox::Asked) return false;
    mailbox->fd = fd;
    mailbox->state.store(Mailbox::Asked, std::memory_order_release);
    u64 one = 1;
    if (write(mailbox->bell, &one, sizeof one) < 0) return false;
    Nanos deadline = host_monotonic() + kPatience;
    while (mailbox->state.load(std::memory_order_acquire) == Mailbox::Asked)
        if (!futex_wait(mailbox->state, Mailbox::Asked, deadline, FutexScope::Shared)) return false;
    if (mailbox->error != 0) return false;
    *uid = mailbox->uid;
    *gid = mailbox->gid;
    return true;
}

}  // namespace sbx::host
