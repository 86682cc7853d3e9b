// The stub's filter.
#include "platform/stub/filter.h"

#include <sys/syscall.h>
#include <unistd.h>

#include "platform/stub/program.h"

namespace sbx::platform::stub {

long install_ptrace_filter() {
    Program p;
    p.load(offsetof(seccomp_data, arch));
    p.require(BPF_JEQ, AUDIT_ARCH_X86_64, true);
    // vsyscall calls of an application reach seccomp from the kernel's fixed page; TRAP hands them to the sentry as SIGSYS. Anything
    // else that is not ours has got past PTRACE_SYSEMU, which cannot happen: the stub dies.
    p.load(kIp + 4);
    p.returns_if_equal(0xffffffff, SECCOMP_RET_TRAP);
    p.require(BPF_JEQ, hi(kCode), true);
    p.load(kIp);
    p.require(BPF_JGE, lo(kCode), true);
    p.require(BPF_JGT, lo(kCode + kPageSize), false);

    auto c = p.begin_call(SYS_mmap);
    p.require_prot(2);
    p.require_shared_fixed(3);
    p.end_call(c);

    c = p.begin_call(SYS_munmap);
    p.end_call(c);

    c = p.begin_call(SYS_mprotect);
    p.require_prot(2);
    p.end_call(c);

    c = p.begin_call(SYS_clone);
    p.load(arg(0));
    p.returns_if_equal(static_cast<u32>(kSpaceCloneFlags), SECCOMP_RET_ALLOW);
    p.require(BPF_JEQ, static_cast<u32>(kThreadCloneFlags), true);
    p.end_call(c);

    for (u32 nr : {SYS_pause, SYS_exit}) {
        c = p.begin_call(nr);
        p.end_call(c);
    }
    p.ret(kKill);

    return p.install();
}

}  // namespace sbx::platform::stub
