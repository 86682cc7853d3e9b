// The rules, in order.
#include "platform/systrap/filter.h"

#include <linux/futex.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

namespace sbx::platform::systrap {
namespace {
constexpr u32 kArg5 = stub::arg(5);
constexpr u32 kCloseRange = 436;

// Traps unless the comparison has the outcome `wanted`.
void expect(stub::Program& p, u16 op, u32 k, bool wanted) {
    p.emit(BPF_JUMP(static_cast<u16>(BPF_JMP | op | BPF_K), k, static_cast<u8>(wanted), static_cast<u8>(!wanted)));
    p.ret(SECCOMP_RET_TRAP);
}
void require_equal(stub::Program& p, u32 at, u32 k) {
    p.load(at);
    p.require(BPF_JEQ, k, true);
}
}  // namespace

void build_filter(stub::Program& p, u64 password) {
    using namespace stub;
    p.load(offsetof(seccomp_data, arch));
    expect(p, BPF_JEQ, AUDIT_ARCH_X86_64, true);
    p.load(kIp + 4);
    expect(p, BPF_JEQ, hi(kCode), true);
    p.load(kIp);
    expect(p, BPF_JGT, lo(kCode), true);
    expect(p, BPF_JGT, lo(kCode + kPageSize), false);

    auto c = p.begin_call(SYS_futex);
    p.load(arg(1));
    p.returns_if_equal(FUTEX_WAIT, SECCOMP_RET_ALLOW);
    p.require(BPF_JEQ, FUTEX_WAKE, true);
    p.end_call(c);

    c = p.begin_call(SYS_rt_sigreturn);
    p.end_call(c);

    c = p.begin_call(SYS_mmap);
    require_equal(p, arg(2) + 4, hi(password));
    require_equal(p, arg(4) + 4, lo(password));
    p.require_prot(2);
    p.require_shared_fixed(3);
    p.end_call(c);

    require_equal(p, kArg5, lo(password));
    require_equal(p, kArg5 + 4, hi(password));

    c = p.begin_call(SYS_mprotect);
    p.require_prot(2);
    p.end_call(c);

    c = p.begin_call(SYS_clone);
    p.load(arg(0));
    p.returns_if_equal(static_cast<u32>(kProcessFlags), SECCOMP_RET_ALLOW);
    p.require(BPF_JEQ, static_cast<u32>(kThreadFlags), true);
    p.end_call(c);

    c = p.begin_call(SYS_prctl);
    require_equal(p, arg(0), PR_SET_PDEATHSIG);
    p.end_call(c);

    for (u32 nr :
         {static_cast<u32>(SYS_munmap), static_cast<u32>(SYS_pwrite64), kCloseRange, static_cast<u32>(SYS_sigaltstack),
          static_cast<u32>(SYS_rt_sigprocmask), static_cast<u32>(SYS_getppid)}) {
        c = p.begin_call(nr);
        p.end_call(c);
    }
    p.ret(kKill);
}

long install_filter(u64 password) {
    stub::Program p;
    build_filter(p, password);
    return p.install();
}

}  // namespace sbx::platform::systrap
