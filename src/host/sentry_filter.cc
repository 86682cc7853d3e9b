// The table into libseccomp, and the message of a call that is not in it.
#include "src/host/sentry_filter.h"

#include <fcntl.h>
#include <seccomp.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "src/host/filter_rows.h"

namespace sbx::host {
namespace {
constexpr int kFailed = 125;

constexpr int kBySeccomp = 1;  // SYS_SECCOMP, si_code of its signal

// The call was not made. Its number is all that helps whoever reads the message.
void refused(int, siginfo_t* info, void*) {
    // Sent by a process outside. A refusal where the signal is blocked, as it is here, is death by it.
    if (info->si_code != kBySeccomp) syscall(SYS_reboot);
    char text[] = "sbx: internal error: host system call      is not in the filter\n";
    char* digit = text + sizeof "sbx: internal error: host system call " - 1 + 3;
    int nr = info->si_syscall;
    do *digit-- = static_cast<char>('0' + nr % 10);
    while ((nr /= 10) != 0);
    (void)!write(2, text, sizeof text - 1);
    _exit(kFailed);
}

scmp_arg_cmp compare(const ArgBound& b) {
    switch (b.op) {
    case ArgBound::MaskedEqual: return {b.index, SCMP_CMP_MASKED_EQ, b.mask, b.value};
    case ArgBound::Less: return {b.index, SCMP_CMP_LT, b.value, 0};
    default: return {b.index, SCMP_CMP_EQ, b.value, 0};
    }
}

bool applies(RowWhen when, const FilterOptions& o) {
    switch (when) {
    case RowWhen::Writable: return o.writable;
    default: return true;
    }
}

struct Context {
    scmp_filter_ctx ctx = nullptr;
    ~Context() {
        if (ctx) seccomp_release(ctx);
    }
};
}  // namespace

Result<> install_filter(const FilterOptions& options) {
    struct sigaction action {};
    action.sa_sigaction = refused;
    action.sa_flags = SA_SIGINFO;
    sigaction(SIGSYS, &action, nullptr);
    sigset_t sys;
    sigemptyset(&sys);
    sigaddset(&sys, SIGSYS);
    pthread_sigmask(SIG_UNBLOCK, &sys, nullptr);

    Context c;
    c.ctx = seccomp_init(SCMP_ACT_TRAP);
    if (!c.ctx) return err(ENOMEM);
    int e = seccomp_attr_set(c.ctx, SCMP_FLTATR_CTL_TSYNC, 1);
    if (e == 0) e = seccomp_attr_set(c.ctx, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
    // A binary tree: a dozen comparisons at most for a call instead of a hundred.
    if (e == 0) seccomp_attr_set(c.ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2);
    for (const FilterRow& row : filter_rows()) {
        if (e != 0) break;
        if (!applies(row.when, options)) continue;
        scmp_arg_cmp args[2];
        unsigned n = 0;
        for (const ArgBound& b : row.bounds)
            if (b.op != ArgBound::None) args[n++] = compare(b);
        e = seccomp_rule_add_exact_array(c.ctx, SCMP_ACT_ALLOW, row.nr, n, args);
    }
    // By path from the empty root there is nothing: what libc opens on its own account (a time zone file) hears so and goes on. musl's
    // fchmod and fchown of an O_PATH descriptor try the path below /proc: they are to end as they began, with EBADF.
    for (int nr : {SYS_open, SYS_stat, SYS_lstat, SYS_access, SYS_readlink})
        if (e == 0) e = seccomp_rule_add_exact(c.ctx, SCMP_ACT_ERRNO(ENOENT), nr, 0);
    // glibc says the same with AT_FDCWD.
    for (int nr : {SYS_openat, SYS_readlinkat}) {
        scmp_arg_cmp from_cwd[] = {{0, SCMP_CMP_MASKED_EQ, 0xffffffff, static_cast<u32>(AT_FDCWD)}};
        if (e == 0) e = seccomp_rule_add_exact_array(c.ctx, SCMP_ACT_ERRNO(ENOENT), nr, 1, from_cwd);
    }
    for (int nr : {SYS_chmod, SYS_chown})
        if (e == 0) e = seccomp_rule_add_exact(c.ctx, SCMP_ACT_ERRNO(EBADF), nr, 0);
    // glibc tries clone3 first and takes ENOSYS for an older kernel; its flags are in memory, where no filter sees them.
    if (e == 0) e = seccomp_rule_add_exact(c.ctx, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
    if (e == 0) e = seccomp_load(c.ctx);
    if (e != 0) return err(-e);
    return {};
}

}  // namespace sbx::host
