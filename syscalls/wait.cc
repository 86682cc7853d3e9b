// wait4, waitid.
#include <sys/wait.h>

#include "src/kernel/kernel.h"
#include "src/kernel/task_wait.h"
#include "syscalls/families.h"
#include "syscalls/pidfd.h"
#include "syscalls/rusage.h"

namespace sbx {
namespace {

#ifndef P_PIDFD
constexpr int P_PIDFD = 3;
#endif

Ref<Pid> find_pid(Task& t, int nr) {
    SharedLock l(t.kernel().tasks().mu);
    return Ref<Pid>(t.pid_ns().find(nr));
}

Result<long> sys_wait4(Task& t, int pid, UserPtr<int> status, int options, UserPtr<KernelRusage> usage) {
    if (options & ~(WNOHANG | WUNTRACED | WCONTINUED | __WNOTHREAD | __WCLONE | __WALL)) return err(EINVAL);
    if (pid == INT32_MIN) return err(ESRCH);
    WaitQuery q;
    q.options = options | WEXITED;
    if (pid > 0) {
        q.who = WaitQuery::Who::Pid;
        q.pid = find_pid(t, pid);
    } else if (pid != -1) {
        q.who = WaitQuery::Who::Pgrp;
        q.pid = pid == 0 ? t.group().pgrp : find_pid(t, -pid);
    }
    if (q.who != WaitQuery::Who::Any && !q.pid) return err(ECHILD);
    WaitResult r = SBX_TRY(wait_for_child(t, q));
    if (r.pid == 0) return 0;
    if (status) SBX_TRY(t.copy_out(status, r.wait_status));
    if (usage) SBX_TRY(t.copy_out(usage, to_rusage(r.usage)));
    return r.pid;
}

Result<long> sys_waitid(Task& t, int which, int id, UserPtr<SigInfo> out, int options, UserPtr<KernelRusage> usage) {
    if (options & ~(WNOHANG | WNOWAIT | WEXITED | WSTOPPED | WCONTINUED | __WNOTHREAD | __WCLONE | __WALL))
        return err(EINVAL);
    if (!(options & (WEXITED | WSTOPPED | WCONTINUED))) return err(EINVAL);
    WaitQuery q;
    q.options = options;
    switch (which) {
    case P_ALL: break;
    case P_PID:
        if (id <= 0) return err(EINVAL);
        q.who = WaitQuery::Who::Pid;
        q.pid = find_pid(t, id);
        break;
    case P_PGID:
        if (id < 0) return err(EINVAL);
        q.who = WaitQuery::Who::Pgrp;
        q.pid = id == 0 ? t.group().pgrp : find_pid(t, id);
        break;
    case P_PIDFD: {
        if (id < 0) return err(EINVAL);
        q.who = WaitQuery::Who::Pid;
        Ref<vfs::OpenFile> f = SBX_TRY(t.files().get(id));
        q.pid = SBX_TRY(pid_of_pidfd(*f));
        if (f->nonblocking()) q.options |= WNOHANG;
        break;
    }
    default: return err(EINVAL);
    }
    if (q.who != WaitQuery::Who::Any && !q.pid) return err(ECHILD);
    WaitResult r = SBX_TRY(wait_for_child(t, q));
    // A pidfd that does not block says so (kernel_waitid: -EAGAIN).
    if (r.pid == 0 && which == P_PIDFD && !(options & WNOHANG)) return err(EAGAIN);
    if (r.pid != 0 && usage) SBX_TRY(t.copy_out(usage, to_rusage(r.usage)));
    if (out) {
        SigInfo info{};
        if (r.pid != 0) {
            info.si_signo = SIGCHLD;
            info.si_code = r.code;
            info.si_pid = r.pid;
            info.si_uid = t.creds()->user_ns->from_kuid_munged(r.uid);
            info.si_status = r.status;
        }
        // Only these fields are written (unsafe_put_user one by one): the rest of the caller's structure stays.
        constexpr size_t kWritten = offsetof(SigInfo, si_status) + sizeof(int);
        SBX_TRY(t.mm().copy_out(out.addr, &info, kWritten));
    }
    return 0;
}

constexpr SyscallRow kRows[] = {
    {61, "wait4", syscall<sys_wait4>, "d ptr flags ptr", Support::Full, ""},
    {247, "waitid", syscall<sys_waitid>, "d d ptr flags ptr", Support::Full, ""},
};

}  // namespace

const SyscallFamily kWaitSyscalls(kRows);

}  // namespace sbx
