// Fuzz target: rt_sigreturn(2) from a hostile frame (src/kernel/signal_frame.h), its floating-point state included.
#include "src/kernel/signal_frame.h"
#include "test/fuzz/task.h"

using namespace sbx;
using namespace sbx::test;

extern "C" int LLVMFuzzerTestOneInput(const u8* data, size_t size) {
    Sandbox& s = fuzz_sandbox();
    Task& t = s.task();
    static const u64 at = s.put(std::string(16384, 0).data(), 16384);
    SignalFrame f{};
    memcpy(static_cast<void*>(&f), data, std::min(size, sizeof f));
    // Few inputs would point to what comes after them.
    if (f.context.fpstate & 1) f.context.fpstate = at + 4096;
    (void)t.mm().copy_out(at, &f, sizeof f);
    if (size > sizeof f) (void)t.mm().copy_out(at + 4096, data + sizeof f, std::min<size_t>(size - sizeof f, 8192));
    t.regs.rsp = at + 8;
    t.regs.eflags = 0x202;
    if (pop_signal_frame(t)) {
        if (t.regs.cs != 0x33 || t.regs.ss != 0x2b || (t.regs.eflags & ~0x254fd7ull)) __builtin_trap();
        if (t.fp().data.size() != platform::xsave_size()) __builtin_trap();
    }
    return 0;
}
