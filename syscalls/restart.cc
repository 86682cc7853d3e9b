// restart_syscall: goes on with a call that a signal without a handler interrupted (restart_syscall(2)).
#include "syscalls/restart.h"

#include "syscalls/families.h"

namespace sbx {
namespace {

Result<long> sys_restart_syscall(Task& t) {
    RestartBlock b = t.restart_block;
    t.restart_block = RestartBlock{};
    switch (b.kind) {
    case RestartBlock::Kind::Nanosleep: return restart_nanosleep(t, b);
    case RestartBlock::Kind::Poll: return restart_poll(t, b);
    case RestartBlock::Kind::Futex: return restart_futex(t, b);
    case RestartBlock::Kind::None: break;
    }
    return err(EINTR);
}

constexpr SyscallRow kRows[] = {
    {219, "restart_syscall", syscall<sys_restart_syscall>, "", Support::Full, ""},
};

}  // namespace

const SyscallFamily kRestartSyscalls(kRows);

}  // namespace sbx
