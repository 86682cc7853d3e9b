// CPU features for the auxiliary vector.
#include "src/loader/hwcap.h"

#include <cpuid.h>
#include <sys/auxv.h>

#include "platform/platform.h"

namespace sbx::loader {

u64 hwcap() {
    unsigned a = 0, b = 0, c = 0, d = 0;
    __get_cpuid(1, &a, &b, &c, &d);
    return d;
}

// Bit 1, HWCAP2_FSGSBASE, is there if the host kernel lets applications use the instructions; bit 0 (ring 3 MWAIT) is not offered.
u64 hwcap2() { return getauxval(AT_HWCAP2) & 2; }

u64 min_signal_stack() {
    // struct rt_sigframe without the vector state, rounded up, plus alignment (arch/x86/kernel/signal.c: init_sigframe_size).
    constexpr u64 kFrame = 8 + 304 + 128, kAlign = 64 + 16, kMagic2 = 4;
    return (kFrame + kAlign + kMagic2 + platform::xsave_size() + 15) & ~15ull;
}

}  // namespace sbx::loader
