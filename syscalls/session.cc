// Process groups and sessions: setpgid, getpgid, getpgrp, setsid, getsid.
#include "src/kernel/kernel.h"
#include "src/kernel/sessions.h"
#include "syscalls/families.h"

namespace sbx {
namespace {

Result<ThreadGroup*> group_by_pid(Task& t, int pid) {
    if (pid == 0) return &t.group();
    Task* o = t.kernel().tasks().find_task(pid, t.pid_ns());
    if (!o) return err(ESRCH);
    return &o->group();
}

Result<long> sys_setpgid(Task& t, int pid, int pgid) {
    Lock l(t.kernel().tasks().mu);
    SBX_TRY(set_pgrp(t, pid, pgid));
    return 0;
}

Result<long> sys_getpgid(Task& t, int pid) {
    SharedLock l(t.kernel().tasks().mu);
    return SBX_TRY(group_by_pid(t, pid))
    ->pgrp->nr_in(t.pid_ns());
}

Result<long> sys_getpgrp(Task& t) { return sys_getpgid(t, 0); }

Result<long> sys_getsid(Task& t, int pid) {
    SharedLock l(t.kernel().tasks().mu);
    return SBX_TRY(group_by_pid(t, pid))
    ->session->nr_in(t.pid_ns());
}

Result<long> sys_setsid(Task& t) {
    Lock l(t.kernel().tasks().mu);
    SBX_TRY(set_session(t.group()));
    return t.group().session->nr_in(t.pid_ns());
}

constexpr SyscallRow kRows[] = {
    {109, "setpgid", syscall<sys_setpgid>, "d d", Support::Full, ""},
    {111, "getpgrp", syscall<sys_getpgrp>, "", Support::Full, ""},
    {112, "setsid", syscall<sys_setsid>, "", Support::Full, ""},
    {121, "getpgid", syscall<sys_getpgid>, "d", Support::Full, ""},
    {124, "getsid", syscall<sys_getsid>, "d", Support::Full, ""},
};

}  // namespace

const SyscallFamily kSessionSyscalls(kRows);

}  // namespace sbx
