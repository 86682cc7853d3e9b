// The settings of system call user dispatch, and the test at each call.
#include "src/kernel/user_dispatch.h"

#include <linux/audit.h>
#include <linux/prctl.h>
#include <signal.h>

#include "src/kernel/kernel.h"

namespace sbx {
namespace {

constexpr int kSysUserDispatch = 2;  // si_code of SIGSYS

RunState die(Task& t, int sig) {
    t.prepare_group_exit(sig);
    return *t.take_next_state();
}

}  // namespace

Result<> set_user_dispatch(Task& t, u64 mode, u64 start, u64 length, u64 selector) {
    if (mode == PR_SYS_DISPATCH_OFF) {
        if (start || length || selector) return err(EINVAL);
        t.user_dispatch = {};
        return {};
    }
    // Calls of [start, start + length) are always made: the range must not wrap, but from 0 it may be anything.
    if (mode != PR_SYS_DISPATCH_ON || (start != 0 && start + length <= start)) return err(EINVAL);
    if (selector != 0 && selector >= t.mm().user_range().end) return err(EFAULT);
    t.user_dispatch = {true, start, length, selector};
    return {};
}

std::optional<RunState> user_dispatch_entry(Task& t) {
    const Task::UserDispatch& d = t.user_dispatch;
    if (!d.on || t.regs.rip - d.start < d.length) return std::nullopt;
    if (d.selector != 0) {
        Result<u8> state = t.copy_in(UserPtr<u8>{d.selector});
        if (!state) return die(t, SIGSEGV);
        if (*state == SYSCALL_DISPATCH_FILTER_ALLOW) return std::nullopt;
        if (*state != SYSCALL_DISPATCH_FILTER_BLOCK) return die(t, SIGSYS);
    }
    t.regs.rax = t.regs.orig_rax;  // syscall_rollback()
    SigInfo info{};
    info.si_signo = SIGSYS;
    info.si_code = kSysUserDispatch;
    info.si_call_addr = reinterpret_cast<void*>(t.regs.rip);
    info.si_syscall = static_cast<int>(t.regs.orig_rax);
    info.si_arch = AUDIT_ARCH_X86_64;
    force_signal(t, info);
    return RunInterrupt{};
}

}  // namespace sbx
