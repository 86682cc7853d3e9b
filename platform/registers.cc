// Register rules.
#include "platform/registers.h"

namespace sbx::platform {
namespace {
// CF PF AF ZF SF TF DF OF NT RF AC ID; IF and bit 1 are always on. IOPL, VM and the rest are the kernel's.
constexpr u64 kUserFlags =
    0x1 | 0x4 | 0x10 | 0x40 | 0x80 | 0x100 | 0x400 | 0x800 | 0x4000 | 0x10000 | 0x40000 | 0x200000;
constexpr u64 kFixedFlags = 0x202;

u64 selector(u64 s) {
    s &= 0xffff;
    return (s & 3) == 3 ? s : 0;
}
}  // namespace

void sanitize(Registers& r) {
    r.cs = kUserCs;
    r.ss = kUserSs;
    r.eflags = (r.eflags & kUserFlags) | kFixedFlags;
    r.ds = selector(r.ds);
    r.es = selector(r.es);
    r.fs = selector(r.fs);
    r.gs = selector(r.gs);
    r.orig_rax = ~0ull;
}

u64 vector_of(const siginfo_t& i) {
    switch (i.si_signo) {
    case SIGSEGV: return i.si_code == SI_KERNEL ? 13 : kPageFault;
    case SIGBUS: return i.si_code == BUS_ADRALN ? 17 : i.si_code == SI_KERNEL ? 12 : kPageFault;
    case SIGILL: return 6;
    case SIGFPE: return i.si_code == FPE_INTDIV ? 0 : 19;
    case SIGTRAP: return i.si_code == SI_KERNEL ? 3 : 1;
    default: return 0;
    }
}

Trap refused_mode() {
    FaultTrap f{};
    f.info.si_signo = SIGSEGV;
    f.info.si_code = SI_KERNEL;
    f.trap_no = 13;
    return f;
}

}  // namespace sbx::platform
