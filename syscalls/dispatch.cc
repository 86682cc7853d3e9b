// Dispatch of system calls through the table.
#include "syscalls/dispatch.h"

#include <atomic>

#include "src/kernel/task_syscall.h"
#include "syscalls/table.h"

namespace sbx {
namespace {

std::atomic<u64> met[kMaxSyscall / 64];  // no state: a report of this process

void note_unsupported(u64 nr) {
    if (nr < kMaxSyscall) met[nr / 64].fetch_or(1ull << (nr % 64), std::memory_order_relaxed);
}

Result<long> dispatch(Task& t, u64 nr) {
    const SyscallRow* row = find_syscall(nr);
    if (!row || row->support == Support::None) note_unsupported(nr);
    if (!row || !row->handler) return err(ENOSYS);
    const platform::Registers& r = t.regs;
    return row->handler(t, SyscallArgs{{r.rdi, r.rsi, r.rdx, r.r10, r.r8, r.r9}});
}

}  // namespace

void install_syscalls() { set_syscall_dispatcher(&dispatch); }

std::string unsupported_calls_met() {
    std::string names;
    for (size_t nr = 0; nr < kMaxSyscall; nr++) {
        if (!(met[nr / 64].load() >> (nr % 64) & 1)) continue;
        const SyscallRow* row = find_syscall(nr);
        if (!names.empty()) names += ' ';
        names += row ? row->name : std::to_string(nr);
    }
    return names;
}

}  // namespace sbx
