// From a copy of the sentry to a mapper without a process to map for.
#include "platform/systrap/template.h"

#include <errno.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "platform/stub/prepare.h"
#include "platform/systrap/code.h"
#include "platform/systrap/filter.h"
#include "src/host/memory.h"

namespace sbx::platform::systrap {
namespace {
constexpr unsigned long kRestorer = 0x04000000;

// What comes to threads that run application code: exceptions, traps of the filter and the sentry's interrupts. The mapper blocks all.
void set_signals() {
    u64 all = ~0ull;
    syscall(SYS_rt_sigprocmask, SIG_SETMASK, &all, nullptr, 8);
    struct {
        u64 handler;
        unsigned long flags;
        u64 restorer;
        u64 mask;
    } ignore{1 /* SIG_IGN */, 0, 0, 0},
        caught{code().handler, SA_SIGINFO | SA_ONSTACK | kRestorer, code().handler, all};
    for (int sig = 1; sig <= 64; sig++) {
        bool ours = sig == SIGSEGV || sig == SIGBUS || sig == SIGILL || sig == SIGFPE || sig == SIGTRAP ||
                    sig == SIGSYS || sig == SIGUSR1;
        syscall(SYS_rt_sigaction, sig, ours ? &caught : &ignore, nullptr, 8);
    }
}
}  // namespace

void template_main(Made* made, pid_t parent, int orders_file, u64 slot_offset) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (syscall(SYS_getppid) != parent) _exit(ESRCH);
    set_signals();
    if (long r = stub::leave_sentry_behind(); r != 0) _exit(static_cast<int>(-r));
    prctl(PR_SET_PDEATHSIG, SIGKILL);  // giving up capabilities cleared it
    if (syscall(SYS_getppid) != parent) _exit(ESRCH);
    rlimit size{};
    // Answers are writes to a file that is there already.
    if (getrlimit(RLIMIT_FSIZE, &size) == 0) size.rlim_cur = size.rlim_max, setrlimit(RLIMIT_FSIZE, &size);
    if (long r = stub::place_code(code().bytes); r != 0) _exit(static_cast<int>(-r));
    made->host_vdso = stub::move_vdso();
    made->barriers = host::accept_barriers().has_value();
    if (mmap(reinterpret_cast<void*>(stub::kOps), kPageSize, PROT_READ, MAP_SHARED | MAP_FIXED, orders_file,
             static_cast<off_t>(slot_offset)) == MAP_FAILED)
        _exit(errno);
    u64 password = 0;
    if (getrandom(&password, sizeof password, 0) != sizeof password) _exit(EIO);
    long r = install_filter(password);
    if (r != 0) _exit(static_cast<int>(-r));
    made->done.store(true, std::memory_order_release);
    register u64 orders asm("rbx") = stub::kOps;
    register u64 secret asm("r14") = password;
    register u64 file asm("r15") = file_and_offset(orders_file, slot_offset);
    asm volatile("xor %%ebp, %%ebp; jmp *%0" : : "a"(code().loop), "r"(orders), "r"(secret), "r"(file) : "memory");
    __builtin_unreachable();
}

}  // namespace sbx::platform::systrap
