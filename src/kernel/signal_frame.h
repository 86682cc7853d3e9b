// The x86-64 signal frame (arch/x86/kernel/signal_64.c): layout, building at delivery, taking apart at rt_sigreturn(2).
#pragma once

#include "src/kernel/task.h"

namespace sbx {

// struct sigcontext_64
struct FrameContext {
    u64 r8, r9, r10, r11, r12, r13, r14, r15, di, si, bp, bx, dx, ax, cx, sp, ip, flags;
    u16 cs, gs, fs, ss;
    u64 err, trapno, oldmask, cr2;
    u64 fpstate;
    u64 reserved[8];
};
// struct rt_sigframe, with struct ucontext in it
struct SignalFrame {
    u64 restorer;
    u64 uc_flags, uc_link;
    struct {
        u64 sp;
        i32 flags, pad;
        u64 size;
    } uc_stack;
    FrameContext context;
    SigSet mask;
    SigInfo info;
};
static_assert(sizeof(FrameContext) == 256);
static_assert(offsetof(SignalFrame, context) == 8 + 40 && offsetof(SignalFrame, mask) == 8 + 40 + 256);

// Where the parts of a frame go below `sp`: the floating-point state (64-byte aligned), and the frame so that the handler finds the
// stack as after a call.
struct FramePlace {
    u64 frame = 0, fp = 0;
};
FramePlace place_frame(u64 sp, u64 fp_size);

// Writes a frame for the handler and points the registers at it; `mask` is what rt_sigreturn restores. EFAULT: the stack cannot take it.
Result<> push_signal_frame(Task& t, const KernelSigaction& action, const SigInfo& info, SigSet mask);
// rt_sigreturn(2): registers, floating-point state, mask and alternate stack from the frame at rsp. EFAULT: bad frame (SIGSEGV).
Result<> pop_signal_frame(Task& t);

// Is sp on the alternate stack (on_sig_stack), and sas_ss_flags().
bool on_alternate_stack(const Task& t, u64 sp);
int alternate_stack_flags(const Task& t, u64 sp);
// do_sigaltstack(): EPERM while on it, EINVAL, ENOMEM.
Result<> set_alternate_stack(Task& t, const stack_t& s, u64 sp);

}  // namespace sbx
