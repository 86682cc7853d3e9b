// Processes and threads: clone, clone3, fork, vfork, getpid and the like, set_tid_address.
#include <linux/sched.h>
#include <signal.h>

#include "src/kernel/kernel.h"
#include "src/kernel/task_clone.h"
#include "syscalls/copy_struct.h"
#include "syscalls/families.h"
#include "syscalls/pidfd.h"

#ifndef CLONE_PIDFD
#define CLONE_PIDFD 0x1000
#endif

namespace sbx {
namespace {

constexpr u64 kSignalMask = 0xff;  // CSIGNAL
constexpr u64 kCloneArgsV0 = 64, kCloneArgsV1 = 80, kCloneArgsV2 = 88;

// struct clone_args
struct UserCloneArgs {
    u64 flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls, set_tid, set_tid_size, cgroup;
};

Result<long> do_clone(Task& t, const CloneArgs& a, u64 pidfd_at, int pidfd_flags) {
    int fd = -1;
    auto make_pidfd = [&](const Ref<Pid>& pid) -> Result<> {
        if (!(a.flags & CLONE_PIDFD)) return {};
        fd = SBX_TRY(add_pidfd(t, pid, pidfd_flags));
        Result<> out = t.mm().copy_out(pidfd_at, &fd, sizeof fd);
        if (!out) (void)t.files().close(fd, t.caller());
        return out;
    };
    auto undo = [&] {
        if (fd >= 0) (void)t.files().close(fd, t.caller());
    };
    return SBX_TRY(clone_task(t, a, make_pidfd, undo));
}

Result<long> sys_clone(Task& t, u64 flags, u64 stack, u64 parent_tid, u64 child_tid, u64 tls) {
    CloneArgs a;
    a.flags = flags & 0xffffffff & ~kSignalMask;
    a.exit_signal = static_cast<int>(flags & kSignalMask);
    a.stack = stack;
    a.parent_tid = parent_tid;
    a.child_tid = child_tid;
    a.tls = tls;
    if (a.flags & CLONE_PIDFD) {
        // The descriptor comes where the parent's tid would.
        if (a.flags & (CLONE_DETACHED | CLONE_PARENT_SETTID)) return err(EINVAL);
    }
    return do_clone(t, a, parent_tid, 0);
}

Result<long> sys_clone3(Task& t, UserPtr<u8> args, u64 size) {
    if (size > kPageSize) return err(E2BIG);
    if (size < kCloneArgsV0) return err(EINVAL);
    SBX_TRY(check_rest_zero(t, args.addr, sizeof(UserCloneArgs), size));
    std::vector<u8> raw = SBX_TRY(t.copy_in_array(args, std::min<u64>(size, sizeof(UserCloneArgs))));
    raw.resize(sizeof(UserCloneArgs));
    UserCloneArgs u;
    __builtin_memcpy(&u, raw.data(), sizeof u);
    constexpr u64 kKnown = 0x300000000ull | 0xffffffffull;  // CLONE_CLEAR_SIGHAND, CLONE_INTO_CGROUP and all of clone's
    if (u.flags & ~kKnown) return err(EINVAL);
    if (u.flags & (CLONE_DETACHED | (kSignalMask & ~u64{CLONE_NEWTIME}))) return err(EINVAL);
    if ((u.flags & (CLONE_SIGHAND | CLONE_CLEAR_SIGHAND)) == (CLONE_SIGHAND | CLONE_CLEAR_SIGHAND)) return err(EINVAL);
    if ((u.flags & (CLONE_THREAD | CLONE_PARENT)) && u.exit_signal) return err(EINVAL);
    if (u.exit_signal & ~kSignalMask || u.exit_signal > 64) return err(EINVAL);
    u64 stack_end = 0;
    if ((u.stack == 0) != (u.stack_size == 0) || !checked_add(u.stack, u.stack_size, &stack_end) ||
        stack_end > t.kernel().platform().user_range().end)
        return err(EINVAL);
    if ((u.set_tid == 0) != (u.set_tid_size == 0) || u.set_tid_size > 32) return err(EINVAL);
    // No descriptor is one of a cgroup to place a child in, and there are no time namespaces.
    if (u.flags & CLONE_INTO_CGROUP) return err(size < kCloneArgsV2 || u.cgroup > INT32_MAX ? EINVAL : EBADF);
    if (u.flags & CLONE_NEWTIME) return err(EINVAL);
    (void)kCloneArgsV1;
    CloneArgs a;
    a.flags = u.flags;
    a.exit_signal = static_cast<int>(u.exit_signal);
    a.stack = u.stack + u.stack_size;
    a.parent_tid = u.parent_tid;
    a.child_tid = u.child_tid;
    a.tls = u.tls;
    if (u.set_tid_size) a.set_tid = SBX_TRY(t.copy_in_array(UserPtr<int>{u.set_tid}, u.set_tid_size));
    return do_clone(t, a, u.pidfd, 0);
}

Result<long> sys_fork(Task& t) {
    CloneArgs a;
    a.exit_signal = SIGCHLD;
    return do_clone(t, a, 0, 0);
}

Result<long> sys_vfork(Task& t) {
    CloneArgs a;
    a.flags = CLONE_VFORK | CLONE_VM;
    a.exit_signal = SIGCHLD;
    return do_clone(t, a, 0, 0);
}

Result<long> sys_getpid(Task& t) { return t.group().pid_in(t.pid_ns()); }
Result<long> sys_gettid(Task& t) { return t.tid(); }

Result<long> sys_getppid(Task& t) {
    SharedLock l(t.kernel().tasks().mu);
    Task* leader = t.group().leader;
    return leader && leader->parent ? leader->parent->group().pid_in(t.pid_ns()) : 0;
}

Result<long> sys_set_tid_address(Task& t, u64 addr) {
    t.clear_child_tid = addr;
    return t.tid();
}

constexpr SyscallRow kRows[] = {
    {39, "getpid", syscall<sys_getpid>, "", Support::Full, ""},
    {56, "clone", syscall<sys_clone>, "flags ptr ptr ptr x", Support::Full, ""},
    {57, "fork", syscall<sys_fork>, "", Support::Full, ""},
    {58, "vfork", syscall<sys_vfork>, "", Support::Full, ""},
    {110, "getppid", syscall<sys_getppid>, "", Support::Full, ""},
    {186, "gettid", syscall<sys_gettid>, "", Support::Full, ""},
    {218, "set_tid_address", syscall<sys_set_tid_address>, "ptr", Support::Full, ""},
    {435, "clone3", syscall<sys_clone3>, "ptr u", Support::Partial, "no CLONE_INTO_CGROUP, no CLONE_NEWTIME"},
};

}  // namespace

const SyscallFamily kProcessSyscalls(kRows);

}  // namespace sbx
