// The template: clone, take away everything, hold it by a filter, stop in stub code.
#include "platform/ptrace/template.h"

#include <linux/ptrace.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <vector>

#include "platform/ptrace/tracee.h"
#include "platform/stub/code.h"
#include "platform/stub/filter.h"
#include "platform/stub/prepare.h"
#include "platform/xstate.h"
#include "src/host/futex.h"
#include "src/host/memory.h"
#include "src/host/vdso.h"

namespace sbx::platform::ptrace {
namespace {
struct Handshake {
    std::atomic<u32> go{0};
    Template made;  // the child's, before it stops
};

// Stub threads get signals that kernel code made for them and the sentry's interrupts; both stop them under ptrace before the
// disposition counts. All else is ignored, also while a thread is parked untraced.
void ignore_signals() {
    struct {
        void (*handler)(int);
        unsigned long flags;
        void (*restorer)();
        u64 mask;
    } ignore{SIG_IGN, 0, nullptr, 0}, plain{SIG_DFL, 0, nullptr, 0};
    for (int sig = 1; sig <= 64; sig++) {
        bool fault =
            sig == SIGSEGV || sig == SIGBUS || sig == SIGILL || sig == SIGFPE || sig == SIGTRAP || sig == SIGSYS;
        syscall(SYS_rt_sigaction, sig, fault ? &plain : &ignore, nullptr, 8);
    }
    u64 none = 0;
    syscall(SYS_rt_sigprocmask, SIG_SETMASK, &none, nullptr, 8);
}

// The child's part. Only raw calls: other threads' locks may be held in this copy of the sentry's memory.
[[noreturn]] void template_main(Handshake* shake, pid_t parent) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (syscall(SYS_getppid) != parent) _exit(ESRCH);
    while (shake->go.load(std::memory_order_acquire) == 0)
        host::futex_wait(shake->go, 0, kNever, host::FutexScope::Shared);
    ignore_signals();
    if (long r = stub::leave_sentry_behind(); r != 0) _exit(static_cast<int>(-r));
    // Task threads attach to threads of stubs, so they must be traceable even where the sentry made itself untraceable.
    prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
    const stub::Code& code = stub::code();
    if (long r = stub::place_code({code.start, code.size}); r != 0) _exit(static_cast<int>(-r));
    shake->made.host_vdso = stub::move_vdso();
    shake->made.barriers = host::accept_barriers().has_value();
    long r = stub::install_ptrace_filter();
    if (r != 0) _exit(static_cast<int>(-r));
    // Zero operations: int3 at once, where the mapper takes over.
    asm volatile("xor %%r12d, %%r12d; jmp *%0" : : "a"(code.ops) : "r12", "memory");
    __builtin_unreachable();
}

Result<> clean(pid_t pid, bool host_vdso) {
    const stub::Code& code = stub::code();
    struct {
        u64 start, end;
    } const others[] = {{0, stub::kStubStart},
                        {stub::kCode + kPageSize, stub::kHostVdso},
                        {stub::kHostVdso + (host_vdso ? host::vdso().range().length() : 0), stub::kHostEnd}};
    for (auto& o : others) {
        bool reaped = false;
        long r = inject_call(pid, reaped, code.call, SYS_munmap, o.start, o.end - o.start);
        if (r != 0) return err(static_cast<int>(-r));
    }
    std::vector<u8> image(host_xsave_size());
    if (!get_xsave(pid, image)) return err(errno);
    init_xsave(image);
    if (!set_xsave(pid, image)) return err(errno);
    return {};
}
}  // namespace

Result<Template> make_template() {
    void* shared = mmap(nullptr, kPageSize, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED) return err(errno);
    auto* shake = new (shared) Handshake;
    stub::code();  // the child must not be the first to initialise these
    host::vdso();
    pid_t parent = getpid();
    long pid = syscall(SYS_clone, CLONE_FILES | SIGCHLD, nullptr, nullptr, nullptr, nullptr);
    if (pid == 0) template_main(shake, parent);
    if (pid < 0) {
        int e = errno;
        munmap(shared, kPageSize);
        return err(e);
    }
    auto tid = static_cast<pid_t>(pid);
    int failure = 0;
    if (trace(PTRACE_SEIZE, tid, 0, PTRACE_O_EXITKILL | PTRACE_O_TRACESYSGOOD) != 0) failure = errno;
    shake->go.store(1, std::memory_order_release);
    host::futex_wake(shake->go, 1, host::FutexScope::Shared);
    while (failure == 0) {
        int status = 0;
        if (syscall(SYS_wait4, tid, &status, __WALL | __WNOTHREAD, nullptr) < 0) {
            if (errno != EINTR) failure = errno;
            continue;
        }
        if (WIFEXITED(status)) {
            munmap(shared, kPageSize);
            return err(WEXITSTATUS(status) != 0 ? WEXITSTATUS(status) : ESRCH);
        }
        if (WIFSIGNALED(status)) {
            munmap(shared, kPageSize);
            return err(ESRCH);
        }
        if (status >> 16 == 0 && WSTOPSIG(status) == SIGTRAP) break;
        if (trace(PTRACE_CONT, tid) != 0) failure = errno;
    }
    Template made = shake->made;
    made.pid = tid;
    munmap(shared, kPageSize);
    if (failure == 0) {
        Result<> cleaned = clean(tid, made.host_vdso);
        if (cleaned) return made;
        failure = cleaned.error().value;
    }
    syscall(SYS_kill, tid, SIGKILL);
    while (wait_stop(tid).kind != Stop::Gone) {}
    return err(failure);
}

}  // namespace sbx::platform::ptrace
