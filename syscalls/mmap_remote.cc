// Memory of other processes and of other CPUs: process_vm_readv, process_vm_writev, membarrier.
#include <linux/membarrier.h>

#include <algorithm>
#include <memory>
#include <vector>

#include "src/host/memory.h"
#include "src/kernel/kernel.h"
#include "src/kernel/pid.h"
#include "src/kernel/ptrace.h"
#include "src/kernel/thread_group.h"
#include "syscalls/families.h"

namespace sbx {
namespace {

constexpr u64 kPiece = 64 << 10;

// iovecs of the other process: not checked against this one's addresses.
Result<std::vector<iovec>> remote_iovecs(Task& t, UserPtr<iovec> p, u64 count) {
    if (count > 1024) return err(EINVAL);
    std::vector<iovec> v = SBX_TRY(t.copy_in_array(p, count));
    for (const iovec& e : v)
        if (static_cast<i64>(e.iov_len) < 0) return err(EINVAL);
    return v;
}

Result<Ref<mm::MemoryManager>> memory_of(Task& t, int pid) {
    Ref<Task> target;
    {
        SharedLock l(tasks_of(t).mu);
        target = Ref<Task>(tasks_of(t).find_task(pid, t.pid_ns()));
    }
    if (!target) return err(ESRCH);
    if (target.get() == &t) return t.mm_ref();
    auto may = ptrace_may_access(t, *target, kPtraceAttach);
    if (!may) return err(may.error() == EACCES ? EPERM : may.error().value);
    Ref<mm::MemoryManager> mm = target->mm_of();
    if (!mm) return err(ESRCH);
    return mm;
}

Result<long> transfer(Task& t, int pid, UserPtr<iovec> local, u64 local_count, UserPtr<iovec> remote, u64 remote_count,
                      u64 flags, bool write) {
    if (flags) return err(EINVAL);
    mm::UserIoBuf buf(t.mm(), SBX_TRY(t.mm().copy_in_iovecs(local.addr, local_count)));
    if (buf.remaining() == 0) return 0;
    std::vector<iovec> ranges = SBX_TRY(remote_iovecs(t, remote, remote_count));
    if (std::all_of(ranges.begin(), ranges.end(), [](const iovec& v) { return v.iov_len == 0; })) return 0;
    Ref<mm::MemoryManager> mm = SBX_TRY(memory_of(t, pid));
    std::unique_ptr<u8[]> piece(new u8[kPiece]);
    u64 done = 0;
    for (const iovec& v : ranges) {
        u64 at = reinterpret_cast<u64>(v.iov_base), left = v.iov_len;
        while (left != 0 && buf.remaining() != 0) {
            if (t.killed()) return static_cast<long>(done);
            size_t n = std::min<u64>(std::min<u64>(left, kPiece), buf.remaining());
            Result<size_t> first = write ? buf.get(piece.get(), n) : mm->copy_in_partial(at, piece.get(), n);
            Result<size_t> second = first;
            if (first) second = write ? mm->copy_out_partial(at, piece.get(), *first) : buf.put(piece.get(), *first);
            if (!second && done == 0) return err(EFAULT);
            if (!second) return static_cast<long>(done);
            done += *second;
            at += *second;
            left -= *second;
            if (*second < n) return static_cast<long>(done);
        }
    }
    return static_cast<long>(done);
}

Result<long> sys_process_vm_readv(Task& t, int pid, UserPtr<iovec> local, u64 local_count, UserPtr<iovec> remote,
                                  u64 remote_count, u64 flags) {
    return transfer(t, pid, local, local_count, remote, remote_count, flags, false);
}
Result<long> sys_process_vm_writev(Task& t, int pid, UserPtr<iovec> local, u64 local_count, UserPtr<iovec> remote,
                                   u64 remote_count, u64 flags) {
    return transfer(t, pid, local, local_count, remote, remote_count, flags, true);
}

// All of them by barriers that reach every thread of the sandbox: the platform's, or else the host's slow one.
Result<long> sys_membarrier(Task& t, int command, u32 flags, int) {
    constexpr u32 kRegister = MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED | MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED;
    constexpr u32 kKnown =
        MEMBARRIER_CMD_GLOBAL | MEMBARRIER_CMD_GLOBAL_EXPEDITED | MEMBARRIER_CMD_PRIVATE_EXPEDITED | kRegister;
    constexpr int kGetRegistrations = 1 << 9;  // MEMBARRIER_CMD_GET_REGISTRATIONS
    if (flags) return err(EINVAL);
    static const bool available = host::can_global_barrier();
    if (!available) return err(ENOSYS);
    if (command == MEMBARRIER_CMD_QUERY) return kKnown | kGetRegistrations;
    if (command == kGetRegistrations) return t.mm().membarrier_state.load();
    auto c = static_cast<u32>(command);
    if ((c & (c - 1)) || !(c & kKnown)) return err(EINVAL);
    if (c & kRegister) {
        t.mm().membarrier_state.fetch_or(c);
        return 0;
    }
    if (c == MEMBARRIER_CMD_PRIVATE_EXPEDITED &&
        !(t.mm().membarrier_state.load() & MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED))
        return err(EPERM);
    if (!t.kernel().platform().barrier()) SBX_TRY(host::global_barrier());
    return 0;
}

constexpr SyscallRow kRows[] = {
    {310, "process_vm_readv", syscall<sys_process_vm_readv>, "d iov u iov u flags", Support::Full, ""},
    {311, "process_vm_writev", syscall<sys_process_vm_writev>, "d iov u iov u flags", Support::Full, ""},
    {324, "membarrier", syscall<sys_membarrier>, "d flags d", Support::Partial, "no SYNC_CORE, no RSEQ"},
};

}  // namespace

const SyscallFamily kMmapRemoteSyscalls(kRows);

}  // namespace sbx
