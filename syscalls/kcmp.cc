// kcmp: do two tasks share a kernel object?
#include <linux/kcmp.h>

#include "fs/anon/epoll.h"
#include "src/kernel/kernel.h"
#include "src/kernel/ptrace.h"
#include "src/kernel/sem_undo.h"
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

// A task has an I/O context once it was given an I/O priority; without, all have none alike.
const void* io_context(const Task& t) { return t.ioprio.load() != 0 ? &t : nullptr; }

// Likewise with what is to be undone to semaphores.
const void* undo_list(const Task& t) {
    NsProxy ns = t.ns_of();
    if (!ns.ipc) return nullptr;
    Ref<SemUndo> table = static_cast<IpcNamespace&>(*ns.ipc).table<SemUndo>(
        IpcNamespace::kSem, [](IpcNamespace&) { return Ref<SemUndo>(); });
    return table && table->has_undo(t.group()) ? &t.group() : nullptr;
}

struct EpollSlot {
    u32 efd, tfd, toff;
};

// kcmp_epoll_target(): is the file a target of an epoll instance of the other task?
Result<long> compare_with_target(Task& t, Task& a, u64 fd, Task& b, u64 slot_at) {
    EpollSlot slot = SBX_TRY(t.copy_in(UserPtr<EpollSlot>{slot_at}));
    Ref<vfs::OpenFile> file = SBX_TRY(file_of(a, fd));
    Ref<vfs::OpenFile> e = SBX_TRY(file_of(b, slot.efd));
    if (e->kind() != &anon::EpollFile::kKind) return err(EINVAL);
    const void* target = static_cast<anon::EpollFile&>(*e).target(static_cast<int>(slot.tfd), slot.toff);
    if (!target) return err(ENOENT);
    return compare(file.get(), target);
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
    case KCMP_IO: return compare(io_context(*a), io_context(*b));
    case KCMP_SYSVSEM: return compare(undo_list(*a), undo_list(*b));
    case KCMP_EPOLL_TFD: return compare_with_target(t, *a, index1, *b, index2);
    default: return err(EINVAL);
    }
}

constexpr SyscallRow kRows[] = {
    {312, "kcmp", syscall<sys_kcmp>, "d d d u u", Support::Full, ""},
};

}  // namespace

const SyscallFamily kKcmpSyscalls(kRows);

}  // namespace sbx
