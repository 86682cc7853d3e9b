// seccomp, and what prctl's PR_SET_SECCOMP needs of it.
#include "syscalls/seccomp.h"

#include <linux/capability.h>
#include <linux/seccomp.h>

#include "src/kernel/kernel.h"
#include "src/kernel/seccomp.h"
#include "syscalls/families.h"

namespace sbx {
namespace {

Result<long> set_filter(Task& t, u64 flags, u64 at) {
    // No listeners; LOG and SPEC_ALLOW change nothing that an application can see.
    constexpr u64 kFlags = SECCOMP_FILTER_FLAG_TSYNC | SECCOMP_FILTER_FLAG_LOG | SECCOMP_FILTER_FLAG_SPEC_ALLOW |
                           SECCOMP_FILTER_FLAG_TSYNC_ESRCH;
    if (flags & ~kFlags) return err(EINVAL);
    struct {  // struct sock_fprog
        u16 length, pad[3];
        u64 code;
    } p;
    SBX_TRY(t.mm().copy_in(at, &p, sizeof p));
    if (p.length == 0 || p.length > BPF_MAXINSNS) return err(EINVAL);
    // A program that can gain privileges must not be run under a stranger's filter.
    if (!t.no_new_privs && !t.creds()->capable(CAP_SYS_ADMIN)) return err(EACCES);
    std::vector<sock_filter> code = SBX_TRY(t.copy_in_array(UserPtr<sock_filter>{p.code}, p.length));
    int failed = SBX_TRY(seccomp_add_filter(t, std::move(code), flags & SECCOMP_FILTER_FLAG_TSYNC));
    if (failed && (flags & SECCOMP_FILTER_FLAG_TSYNC_ESRCH)) return err(ESRCH);
    return failed;
}

Result<long> set_strict(Task& t) {
    SBX_TRY(seccomp_set_strict(t));
    return 0;
}

Result<long> is_action_available(Task& t, UserPtr<u32> at) {
    switch (SBX_TRY(t.copy_in(at))) {
    case SECCOMP_RET_KILL_PROCESS:
    case SECCOMP_RET_KILL_THREAD:
    case SECCOMP_RET_TRAP:
    case SECCOMP_RET_ERRNO:
    case SECCOMP_RET_TRACE:
    case SECCOMP_RET_LOG:
    case SECCOMP_RET_ALLOW: return 0;
    default: return err(EOPNOTSUPP);
    }
}

Result<long> sys_seccomp(Task& t, u32 op, u32 flags, u64 args) {
    switch (op) {
    case SECCOMP_SET_MODE_STRICT:
        if (flags || args) return err(EINVAL);
        return set_strict(t);
    case SECCOMP_SET_MODE_FILTER: return set_filter(t, flags, args);
    case SECCOMP_GET_ACTION_AVAIL:
        if (flags) return err(EINVAL);
        return is_action_available(t, UserPtr<u32>{args});
    default: return err(EINVAL);
    }
}

constexpr SyscallRow kRows[] = {
    {317, "seccomp", syscall<sys_seccomp>, "x flags ptr", Support::Partial, "no user notification"},
};

}  // namespace

Result<long> prctl_set_seccomp(Task& t, u64 mode, u64 filter) {
    if (mode == SECCOMP_MODE_STRICT) return set_strict(t);
    if (mode == SECCOMP_MODE_FILTER) return set_filter(t, 0, filter);
    return err(EINVAL);
}

const SyscallFamily kSeccompSyscalls(kRows);

}  // namespace sbx
