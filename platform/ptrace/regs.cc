// Register rules.
#include "platform/ptrace/regs.h"

#include <linux/ptrace.h>
#include <string.h>

#include "platform/ptrace/tracee.h"

namespace sbx::platform::ptrace {
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

bool set_regs_piecemeal(int tid, const Registers& r) {
    u64 words[sizeof r / 8];
    memcpy(words, &r, sizeof r);
    for (size_t i = 0; i < sizeof r / 8; i++)
        if (trace(PTRACE_POKEUSR, tid, i * 8, words[i]) != 0 && errno == ESRCH) return false;
    return true;
}

}  // namespace sbx::platform::ptrace
