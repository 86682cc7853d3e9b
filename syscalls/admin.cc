// Calls of the machine's administrator: reboot, swapon, swapoff, acct, vhangup. Who lacks the capability hears so; the machine is not
// there for the others.
#include <linux/capability.h>

#include "src/kernel/kernel.h"
#include "syscalls/families.h"

namespace sbx {
namespace {

Result<long> refuse(Task& t, int capability) { return err(t.creds_of()->capable(capability) ? ENOSYS : EPERM); }

Result<long> sys_vhangup(Task& t) { return refuse(t, CAP_SYS_TTY_CONFIG); }
Result<long> sys_acct(Task& t, u64) { return refuse(t, CAP_SYS_PACCT); }
Result<long> sys_swapon(Task& t, u64, int) { return refuse(t, CAP_SYS_ADMIN); }
Result<long> sys_swapoff(Task& t, u64) { return refuse(t, CAP_SYS_ADMIN); }
Result<long> sys_reboot(Task& t, int, int, unsigned, u64) { return refuse(t, CAP_SYS_BOOT); }

constexpr SyscallRow kRows[] = {
    {153, "vhangup", syscall<sys_vhangup>, "", Support::None, "EPERM, or ENOSYS with the capability"},
    {163, "acct", syscall<sys_acct>, "p", Support::None, "EPERM, or ENOSYS with the capability"},
    {167, "swapon", syscall<sys_swapon>, "p x", Support::None, "EPERM, or ENOSYS with the capability"},
    {168, "swapoff", syscall<sys_swapoff>, "p", Support::None, "EPERM, or ENOSYS with the capability"},
    {169, "reboot", syscall<sys_reboot>, "x x x ptr", Support::None, "EPERM, or ENOSYS with the capability"},
};

}  // namespace

const SyscallFamily kAdminSyscalls(kRows);

}  // namespace sbx
