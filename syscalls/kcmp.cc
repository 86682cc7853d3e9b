// kcmp: do two tasks share a kernel object?
#include <linux/kcmp.h>

#include "src/kernel/kernel.h"
#include "src/kernel/ptrace.h"
#include "syscalls/families.h"

namespace sbx {
namespace {

// An order among objects that does not show their addresses (kcmp(2): "mangled").
long compare(const void* a, const void* b) {
    if (a == b) return 0;
    constexpr u64 kMix = 0x9e3779b97f4a7c15;
    u64 x = reinterpret_cast<u64>(a) * kMix, y = reinterpret_cast<u64>(b) * kMix;
    return x < y ? 1 : 2;
}

Result<Ref<vfs::OpenFile>> file_of(Task& t, u64 fd) {
    Ref<vfs::FdTable> files = t.files_of();
    if (!files || fd > INT32_MAX) return err(EBADF);
    return files->get(static_cast<int>(fd));
}

Result<long> sys_kcmp(Task& t, int pid1, int pid2, int type, u64 index1, u64 index2) {
    Ref<Task> a, b;
    {
        SharedLock l(t.kernel().tasks().mu);
        a = Ref<Task>(t.kernel().tasks().find_task(pid1, t.pid_ns()));
        b = Ref<Task>(t.kernel().tasks().find_task(pid2, t.pid_ns()));
        if (!a || !b) return err(ESRCH);
        SBX_TRY(ptrace_may_access(t, *a, kPtraceRead));
        SBX_TRY(ptrace_may_access(t, *b, kPtraceRead));
    }
    // Without the lock: these references may turn out to be the last.
    switch (type) {
    case KCMP_FILE: {
        Ref<vfs::OpenFile> x = SBX_TRY(file_of(*a, index1))
        , y = SBX_TRY(file_of(*b, index2));
        return compare(x.get(), y.get());
    }
    case KCMP_VM: return compare(a->mm_of().get(), b->mm_of().get());
    case KCMP_FILES: return compare(a->files_of().get(), b->files_of().get());
    case KCMP_FS: return compare(a->fs_of().get(), b->fs_of().get());
    case KCMP_SIGHAND: return compare(a->group().handlers().get(), b->group().handlers().get());
    case KCMP_IO:
    case KCMP_SYSVSEM: return err(EOPNOTSUPP);
    default: return err(EINVAL);
    }
}

constexpr SyscallRow kRows[] = {
    {312, "kcmp", syscall<sys_kcmp>, "d d d u u", Support::Partial, "no KCMP_IO, KCMP_SYSVSEM, KCMP_EPOLL_TFD"},
};

}  // namespace

const SyscallFamily kKcmpSyscalls(kRows);

}  // namespace sbx
