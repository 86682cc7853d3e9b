// pidfd_open, pidfd_send_signal, pidfd_getfd.
#include "syscalls/pidfd.h"

#include <fcntl.h>

#include "fs/anon/pidfd.h"
#include "fs/procfs/procfs.h"
#include "src/kernel/kernel.h"
#include "src/kernel/ptrace.h"
#include "syscalls/families.h"

namespace sbx {

Result<Ref<Pid>> pid_of_pidfd(vfs::OpenFile& f) {
    if (f.kind() != &anon::PidFile::kKind) return err(EBADF);
    return static_cast<anon::PidFile&>(f).pid();
}

Result<int> add_pidfd(Task& t, const Ref<Pid>& pid, int flags) {
    return t.files().add(make_ref<anon::PidFile>(pid, flags), true, t.rlimit(RLIMIT_NOFILE));
}

namespace {

Result<long> sys_pidfd_open(Task& t, int pid, unsigned flags) {
    if (flags & ~static_cast<unsigned>(O_NONBLOCK)) return err(EINVAL);
    if (pid <= 0) return err(EINVAL);
    Ref<Pid> p;
    {
        SharedLock l(t.kernel().tasks().mu);
        p = Ref<Pid>(t.pid_ns().find(pid));
        if (!p || !p->task) return err(ESRCH);
        // A thread that leads no process (pidfd_prepare: -EINVAL).
        if (!p->group) return err(EINVAL);
    }
    return SBX_TRY(add_pidfd(t, p, static_cast<int>(flags)));
}

Result<long> sys_pidfd_send_signal(Task& t, int fd, int sig, UserPtr<SigInfo> info, unsigned flags) {
    if (flags) return err(EINVAL);
    Ref<vfs::OpenFile> f = SBX_TRY(t.files().get(fd));
    Ref<Pid> pid = procfs::process_of(*f);
    if (!pid) pid = SBX_TRY(pid_of_pidfd(*f));
    SigInfo i{};
    bool self = pid == t.group().pid.get();
    if (info) {
        i = SBX_TRY(t.copy_in(info));
        if (i.si_signo != sig) return err(EINVAL);
        if (!self && (i.si_code >= 0 || i.si_code == SI_TKILL)) return err(EPERM);
    } else {
        i.si_signo = sig;
        i.si_code = SI_USER;
        i.si_pid = t.group().pid_in(t.pid_ns());
        i.si_uid = t.creds()->user_ns->from_kuid_munged(t.creds()->uid);
    }
    if (sig < 0 || sig > kSignalCount) return err(EINVAL);
    SharedLock l(t.kernel().tasks().mu);
    // Only into one's own PID namespace and those below it (access_pidfd_pidns).
    if (!t.pid_ns().contains(pid->ns())) return err(EINVAL);
    ThreadGroup* g = pid->group;
    if (!g || !g->leader) return err(ESRCH);
    SBX_TRY(check_signal_permission(t, *g->leader, sig));
    if (sig != 0) SBX_TRY(send_group_signal(*g, i));
    return 0;
}

Result<long> sys_pidfd_getfd(Task& t, int fd, int target_fd, unsigned flags) {
    if (flags) return err(EINVAL);
    Ref<vfs::OpenFile> f = SBX_TRY(t.files().get(fd));
    Ref<Pid> pid = SBX_TRY(pid_of_pidfd(*f));
    Ref<vfs::FdTable> files;
    {
        SharedLock l(t.kernel().tasks().mu);
        ThreadGroup* g = pid->group;
        if (!g || !g->leader) return err(ESRCH);
        SBX_TRY(ptrace_may_access(t, *g->leader, kPtraceAttach));
        files = g->leader->files_of();
    }
    if (!files) return err(ESRCH);
    Ref<vfs::OpenFile> got = SBX_TRY(files->get(target_fd));
    return SBX_TRY(t.files().add(std::move(got), true, t.rlimit(RLIMIT_NOFILE)));
}

constexpr SyscallRow kRows[] = {
    {424, "pidfd_send_signal", syscall<sys_pidfd_send_signal>, "fd sig ptr flags", Support::Full, ""},
    {434, "pidfd_open", syscall<sys_pidfd_open>, "d flags", Support::Partial, "no PIDFD_THREAD"},
    {438, "pidfd_getfd", syscall<sys_pidfd_getfd>, "fd d flags", Support::Full, ""},
};

}  // namespace

const SyscallFamily kPidfdSyscalls(kRows);

}  // namespace sbx
