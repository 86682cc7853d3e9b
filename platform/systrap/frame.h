// What the host's kernel puts on a thread's signal stack, read and written by the sentry. Used by contexts.
#pragma once

#include "platform/platform.h"
#include "platform/systrap/pages.h"

namespace sbx::platform::systrap {

// A copy of what the application could have written anything to; checked only as far as said.
struct Event {
    u32 signal = 0;
    siginfo_t info;  // only what an exception has, all else zero
    u64 trap_no = 0, error_code = 0;
    u32 arch = 0;     // of a system call (SIGSYS)
    u64 context = 0;  // where the registers are: an offset in the frame, with room for all of them
    u64 fp = 0;       // where the XSAVE image is: an offset in the frame, with room for xsave_size() and the end mark
    bool native = false;  // 64-bit code
};
// Copies event and registers (all but orig_rax) out of a frame. False: no kernel has written that.
bool read_event(const u8* frame, u64 address, Event& event, Registers& regs);
// Writes registers, which are sanitized, back.
void write_registers(u8* frame, u64 context, const Registers& regs);
// `image`: xsave_size() bytes. Without what the processor did not save, which is some older state's.
void read_fp(const u8* frame, u64 at, Bytes image);
void write_fp(u8* frame, u64 at, ConstBytes image);

}  // namespace sbx::platform::systrap
