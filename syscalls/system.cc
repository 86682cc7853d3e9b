// Calls about the machine and the system: arch_prctl, getrandom, sysinfo, uname, getcpu.
#include <asm/prctl.h>
#include <string.h>
#include <sys/random.h>

#include <algorithm>

#include "src/abi/sysinfo.h"
#include "src/host/facts.h"
#include "src/kernel/kernel.h"
#include "syscalls/families.h"

namespace sbx {
namespace {

Result<long> sys_arch_prctl(Task& t, int code, u64 addr) {
    // Bases must be canonical user addresses (do_arch_prctl_64: EPERM).
    bool user = addr < t.kernel().platform().user_range().end;
    switch (code) {
    case ARCH_SET_FS:
        if (!user) return err(EPERM);
        t.regs.fs_base = addr;
        return 0;
    case ARCH_SET_GS:
        if (!user) return err(EPERM);
        t.regs.gs_base = addr;
        return 0;
    case ARCH_GET_FS: SBX_TRY(t.copy_out(UserPtr<u64>{addr}, t.regs.fs_base)); return 0;
    case ARCH_GET_GS: SBX_TRY(t.copy_out(UserPtr<u64>{addr}, t.regs.gs_base)); return 0;
    case ARCH_GET_CPUID: return 1;
    case ARCH_SET_CPUID:
        // Faulting on CPUID needs hardware help; without it Linux says ENODEV.
        return err(ENODEV);
    default: return err(EINVAL);
    }
}

Result<long> sys_getrandom(Task& t, UserPtr<void> buf, u64 length, unsigned flags) {
    if (flags & ~7u || (flags & (GRND_RANDOM | 4u)) == (GRND_RANDOM | 4u)) return err(EINVAL);
    u64 left = std::min<u64>(length, INT32_MAX & ~kPageMask), done = 0;
    while (left != 0) {
        u8 chunk[256];
        size_t n = std::min<u64>(left, sizeof chunk);
        if (getrandom(chunk, n, 0) != static_cast<ssize_t>(n)) return err(EIO);
        Result<size_t> put = t.mm().copy_out_partial(buf.addr + done, chunk, n);
        if (!put) return done ? Result<long>(static_cast<long>(done)) : err(put.error());
        done += *put;
        if (*put < n) break;
        left -= n;
    }
    return static_cast<long>(done);
}

Result<long> sys_sysinfo(Task& t, UserPtr<abi::Sysinfo> out) {
    abi::Sysinfo s{};
    host::MemoryFacts m = host::memory_facts();
    u64 limit = t.kernel().options().memory_limit;
    u64 used = t.kernel().memory().usage();
    s.uptime = host_monotonic() / kNanosPerSec;
    s.totalram = limit ? std::min(limit, m.total) : m.total;
    s.freeram = limit && limit < m.total ? limit - std::min(limit, used) : m.available;
    s.procs = static_cast<u16>(std::min(t.kernel().tasks().task_count.load(), 65535u));
    s.mem_unit = 1;
    SBX_TRY(t.copy_out(out, s));
    return 0;
}

Result<long> sys_getcpu(Task& t, UserPtr<u32> cpu, UserPtr<u32> node, u64) {
    // Tasks are not bound to CPUs of the host in a way that programs could rely on: the host's answer, within what they see.
    if (cpu) {
        u32 now = host::current_cpu() % t.kernel().cpus();
        std::vector<u64> mask = t.affinity();
        auto allowed = [&](u32 c) { return mask.empty() || (c / 64 < mask.size() && (mask[c / 64] >> (c % 64) & 1)); };
        // A program that bound itself is told a CPU of its choice.
        while (!allowed(now)) now = (now + 1) % t.kernel().cpus();
        SBX_TRY(t.copy_out(cpu, now));
    }
    if (node) SBX_TRY(t.copy_out(node, 0u));
    return 0;
}

constexpr SyscallRow kRows[] = {
    {99, "sysinfo", syscall<sys_sysinfo>, "ptr", Support::Full, ""},
    {158, "arch_prctl", syscall<sys_arch_prctl>, "d x", Support::Partial,
     "FS and GS bases; no CPUID faulting, no shadow stacks"},
    {309, "getcpu", syscall<sys_getcpu>, "ptr ptr ptr", Support::Full, ""},
    {318, "getrandom", syscall<sys_getrandom>, "ptr u flags", Support::Full, ""},
};

}  // namespace

const SyscallFamily kSystemSyscalls(kRows);

}  // namespace sbx
