// Advice on memory, and its residency: madvise, process_madvise, mlock and relatives, mincore, msync.
#include <linux/capability.h>
#include <sys/mman.h>

#include <algorithm>
#include <vector>

#include "src/kernel/kernel.h"
#include "src/kernel/pid.h"
#include "src/kernel/ptrace.h"
#include "src/kernel/thread_group.h"
#include "syscalls/families.h"
#include "syscalls/pidfd.h"

namespace sbx {
namespace {

constexpr int kPidfdSelfThread = -10000, kPidfdSelfGroup = -10001;  // PIDFD_SELF_*, Linux 6.14

Result<long> sys_madvise(Task& t, u64 addr, u64 length, int advice) {
    SBX_TRY(t.mm().madvise(addr, length, advice));
    return 0;
}

Result<long> sys_process_madvise(Task& t, int fd, UserPtr<iovec> iov, u64 count, int advice, u32 flags) {
    if (flags) return err(EINVAL);
    std::vector<iovec> ranges = SBX_TRY(t.mm().copy_in_iovecs(iov.addr, count));
    Ref<mm::MemoryManager> mm = t.mm_ref();
    if (fd != kPidfdSelfThread && fd != kPidfdSelfGroup) {
        Ref<vfs::OpenFile> file = SBX_TRY(t.files().get(fd));
        Ref<Pid> pid = SBX_TRY(pid_of_pidfd(*file));
        Ref<Task> target;
        {
            SharedLock l(tasks_of(t).mu);
            if (pid->group) target = Ref<Task>(pid->group->leader);
        }
        if (!target) return err(ESRCH);
        // mm_access() has an error of its own.
        if (target.get() != &t && !ptrace_may_access(t, *target, kPtraceRead | kPtraceFsCreds)) return err(EACCES);
        mm = target->mm_of();
        if (!mm) return err(ESRCH);
    }
    // process_madvise_remote_valid(): others may be given advice that loses nothing.
    constexpr int kWillNeed = 3, kCold = 20, kPageOut = 21, kCollapse = 25;
    if (mm.get() != &t.mm()) {
        if (advice != kWillNeed && advice != kCold && advice != kPageOut && advice != kCollapse) return err(EINVAL);
        if (!t.creds()->capable(CAP_SYS_NICE, t.kernel().user_ns())) return err(EPERM);
    }
    u64 done = 0;
    for (const iovec& v : ranges) {
        auto r = mm->madvise(reinterpret_cast<u64>(v.iov_base), v.iov_len, advice);
        if (!r && done == 0) return err(r.error());
        if (!r) break;
        done += v.iov_len;
    }
    return static_cast<long>(done);
}

Result<long> sys_mlock(Task& t, u64 addr, u64 length) {
    SBX_TRY(t.mm().mlock(addr, length, 0, t.mm_limits()));
    return 0;
}
Result<long> sys_mlock2(Task& t, u64 addr, u64 length, int flags) {
    SBX_TRY(t.mm().mlock(addr, length, flags, t.mm_limits()));
    return 0;
}
Result<long> sys_munlock(Task& t, u64 addr, u64 length) {
    SBX_TRY(t.mm().munlock(addr, length));
    return 0;
}
Result<long> sys_mlockall(Task& t, int flags) {
    SBX_TRY(t.mm().mlockall(flags, t.mm_limits()));
    return 0;
}
Result<long> sys_munlockall(Task& t) {
    SBX_TRY(t.mm().munlockall());
    return 0;
}

Result<long> sys_mincore(Task& t, u64 addr, u64 length, UserPtr<u8> out) {
    if (addr & kPageMask) return err(EINVAL);
    u64 end = 0;
    if (!checked_add(addr, length, &end) || end > t.mm().user_range().end) return err(ENOMEM);
    // A piece at a time: the length is the application's.
    constexpr u64 kPiece = 64 << 20;
    std::vector<u8> pages;
    for (u64 at = addr; at < end; at += kPiece) {
        SBX_TRY(t.mm().mincore(at, std::min(kPiece, end - at), pages));
        SBX_TRY(t.mm().copy_out(out.addr + (at - addr) / kPageSize, pages.data(), pages.size()));
    }
    return 0;
}

Result<long> sys_msync(Task& t, u64 addr, u64 length, int flags) {
    SBX_TRY(t.mm().msync(addr, length, flags));
    return 0;
}

constexpr SyscallRow kRows[] = {
    {26, "msync", syscall<sys_msync>, "ptr u flags", Support::Full, ""},
    {27, "mincore", syscall<sys_mincore>, "ptr u ptr", Support::Full,
     "pages of host files count as resident once mapped"},
    {28, "madvise", syscall<sys_madvise>, "ptr u d", Support::Full, "MADV_FREE frees at once"},
    {149, "mlock", syscall<sys_mlock>, "ptr u", Support::Full, "pages are there, the host may still swap them"},
    {150, "munlock", syscall<sys_munlock>, "ptr u", Support::Full, ""},
    {151, "mlockall", syscall<sys_mlockall>, "flags", Support::Full, ""},
    {152, "munlockall", syscall<sys_munlockall>, "", Support::Full, ""},
    {325, "mlock2", syscall<sys_mlock2>, "ptr u flags", Support::Full, ""},
    {440, "process_madvise", syscall<sys_process_madvise>, "fd iov u d flags", Support::Full, ""},
};

}  // namespace

const SyscallFamily kMmapAdviseSyscalls(kRows);

}  // namespace sbx
