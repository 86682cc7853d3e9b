// exit, exit_group.
#include "syscalls/families.h"

namespace sbx {
namespace {

Result<long> sys_exit(Task& t, int status) {
    t.prepare_exit((status & 0xff) << 8);
    return 0;
}

Result<long> sys_exit_group(Task& t, int status) {
    t.prepare_group_exit((status & 0xff) << 8);
    return 0;
}

constexpr SyscallRow kRows[] = {
    {60, "exit", syscall<sys_exit>, "d", Support::Full, ""},
    {231, "exit_group", syscall<sys_exit_group>, "d", Support::Full, ""},
};

}  // namespace

const SyscallFamily kExitSyscalls(kRows);

}  // namespace sbx
