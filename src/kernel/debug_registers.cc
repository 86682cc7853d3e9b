// Checks of hardware breakpoints (arch/x86/kernel/hw_breakpoint.c).
#include "src/kernel/debug_registers.h"

namespace sbx {
namespace {

constexpr u64 kTaskSizeMax = 0x7ffffffff000;
enum Kind : u64 { kExecute = 0, kIo = 2 };

bool valid(const platform::DebugRegisters& d, unsigned slot) {
    u64 kind = d.control >> (16 + slot * 4) & 3;
    u64 code = d.control >> (18 + slot * 4) & 3;
    constexpr u64 kLength[4] = {1, 2, 8, 4};
    u64 length = d.enabled(slot) ? kLength[code] : 1;
    if (d.enabled(slot) && (kind == kIo || (kind == kExecute && length != 1))) return false;
    return d.address[slot] < kTaskSizeMax && d.address[slot] % length == 0;
}

}  // namespace

u64 debug_register(Task& tracee, unsigned n) {
    const platform::DebugRegisters& d = tracee.context()->debug();
    if (n < 4) return d.address[n];
    return n == 6 ? d.status : n == 7 ? d.control : 0;
}

Result<> set_debug_register(Task& tracee, unsigned n, u64 value) {
    platform::DebugRegisters d = tracee.context()->debug();
    if (n == 4 || n == 5) return err(EIO);
    (n < 4 ? d.address[n] : n == 6 ? d.status : d.control) = value;
    for (unsigned slot = 0; slot < 4; slot++)
        if (!valid(d, slot)) return err(EINVAL);
    tracee.context()->debug() = d;
    if (n != 6) tracee.context()->debug_changed();
    // A platform without breakpoints has taken them out again, as a machine whose breakpoints are all in use.
    if (d.any_enabled() && !tracee.context()->debug().any_enabled()) return err(ENOSPC);
    return {};
}

}  // namespace sbx
