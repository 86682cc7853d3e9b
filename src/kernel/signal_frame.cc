// Building and taking apart signal frames.
#include "src/kernel/signal_frame.h"

#include <string.h>

#include "src/kernel/rseq.h"
#include "src/kernel/thread_group.h"

#ifndef SS_AUTODISARM
#define SS_AUTODISARM (1u << 31)
#endif

namespace sbx {
namespace {

constexpr u64 kRedZone = 128;
constexpr u32 kMagic1 = 0x46505853, kMagic2 = 0x46505845;  // FP_XSTATE_MAGIC1, 2
constexpr size_t kLegacySize = 512, kXsaveHeader = 64, kSwReserved = 464, kMxcsr = 24, kMxcsrMask = 28;
constexpr u64 kXstateFpSse = 3;
constexpr u64 kUcFpXstate = 1, kUcSigcontextSs = 2, kUcStrictRestoreSs = 4;
constexpr u64 kSaRestorer = 0x04000000;
constexpr u64 kUserCs = 0x33, kUserDs = 0x2b;
constexpr u64 kFlagTf = 0x100, kFlagDf = 0x400, kFlagRf = 0x10000;
// FIX_EFLAGS: what sigreturn may set. AC OF DF TF SF ZF AF PF CF RF
constexpr u64 kFixEflags = 0x40000 | 0x800 | kFlagDf | kFlagTf | 0x80 | 0x40 | 0x10 | 0x4 | 0x1 | kFlagRf;

// struct _fpx_sw_bytes
struct SwBytes {
    u32 magic1, extended_size;
    u64 xfeatures;
    u32 xstate_size;
    u32 padding[7];
};
static_assert(sizeof(SwBytes) == 48);

template <class T>
T peek(const std::vector<u8>& v, size_t at) {
    T x{};
    if (at + sizeof x <= v.size()) memcpy(&x, v.data() + at, sizeof x);
    return x;
}
template <class T>
void poke(std::vector<u8>& v, size_t at, const T& x) {
    if (at + sizeof x <= v.size()) memcpy(v.data() + at, &x, sizeof x);
}

// The state of a new program or handler (fpu__clear_user_states).
void init_fp(std::vector<u8>& fp) {
    u32 mxcsr_mask = peek<u32>(fp, kMxcsrMask);
    std::fill(fp.begin(), fp.end(), u8{0});
    poke<u16>(fp, 0, 0x37f);
    poke<u32>(fp, kMxcsr, 0x1f80);
    poke<u32>(fp, kMxcsrMask, mxcsr_mask);
    poke<u64>(fp, kLegacySize, kXstateFpSse);
}

// The FP image of a frame: XSAVE standard form with the software bytes and the closing magic.
std::vector<u8> frame_fp(Task& t) {
    size_t size = platform::xsave_size();
    std::vector<u8> image = t.fp().data;
    image.resize(size);
    SwBytes sw{};
    sw.magic1 = kMagic1;
    sw.extended_size = static_cast<u32>(size + 4);
    sw.xfeatures = platform::xsave_features();
    sw.xstate_size = static_cast<u32>(size);
    poke(image, kSwReserved, sw);
    // Legacy state counts as present always (save_xstate_epilog).
    poke<u64>(image, kLegacySize, peek<u64>(image, kLegacySize) | kXstateFpSse);
    image.resize(size + 4);
    poke(image, size, kMagic2);
    return image;
}

Result<> restore_fp(Task& t, u64 addr) {
    size_t size = platform::xsave_size();
    platform::FpState& fp = t.fp();
    fp.data.resize(size);
    if (addr == 0) {
        init_fp(fp.data);
        t.context()->fp_changed();
        return {};
    }
    std::vector<u8> image(kLegacySize);
    SBX_TRY(t.mm().copy_in(addr, image.data(), kLegacySize));
    SwBytes sw = peek<SwBytes>(image, kSwReserved);
    u32 mxcsr_mask = peek<u32>(fp.data, kMxcsrMask);
    if (mxcsr_mask == 0) mxcsr_mask = 0xffbf;
    bool extended = sw.magic1 == kMagic1 && sw.xstate_size >= kLegacySize + kXsaveHeader && sw.xstate_size <= size &&
                    sw.xstate_size <= sw.extended_size;
    u32 magic2 = 0;
    if (extended)
        extended = t.mm().copy_in(addr + sw.xstate_size, &magic2, sizeof magic2).has_value() && magic2 == kMagic2;
    if (extended) {
        image.resize(sw.xstate_size);
        SBX_TRY(t.mm().copy_in(addr + kLegacySize, image.data() + kLegacySize, sw.xstate_size - kLegacySize));
        u64 features = peek<u64>(image, kLegacySize), compact = peek<u64>(image, kLegacySize + 8);
        // validate_user_xstate_header(): supervisor or unknown components and the compacted form are refused.
        if (compact != 0 || (features & ~platform::xsave_features())) return err(EFAULT);
        features &= sw.xfeatures | kXstateFpSse;
        image.resize(size);
        poke(image, kLegacySize, features);
        memset(image.data() + kLegacySize + 8, 0, kXsaveHeader - 8);
    } else {
        // Only the legacy part: the rest goes to its initial state.
        image.resize(size);
        poke<u64>(image, kLegacySize, kXstateFpSse);
    }
    u32 mxcsr = peek<u32>(image, kMxcsr);
    if (mxcsr & ~mxcsr_mask) return err(EFAULT);
    poke(image, kMxcsrMask, mxcsr_mask);
    memset(image.data() + kSwReserved, 0, sizeof(SwBytes));
    fp.data = std::move(image);
    t.context()->fp_changed();
    return {};
}

bool armed(const Task& t) { return t.altstack.ss_size != 0 && !(t.altstack.ss_flags & SS_DISABLE); }
u64 base_of(const stack_t& s) { return reinterpret_cast<u64>(s.ss_sp); }

}  // namespace

FramePlace place_frame(u64 sp, u64 fp_size) {
    FramePlace p;
    p.fp = (sp - fp_size) & ~u64{63};
    // align_sigframe(): (sp + 8) % 16 == 0 at the first instruction of a function.
    p.frame = ((p.fp - sizeof(SignalFrame)) & ~u64{15}) - 8;
    return p;
}

bool on_alternate_stack(const Task& t, u64 sp) {
    // With SS_AUTODISARM the stack is never "in use": it is disarmed while a handler runs on it.
    if (static_cast<u32>(t.altstack.ss_flags) & SS_AUTODISARM) return false;
    u64 base = base_of(t.altstack);
    return sp > base && sp - base <= t.altstack.ss_size;
}

int alternate_stack_flags(const Task& t, u64 sp) {
    if (t.altstack.ss_size == 0) return SS_DISABLE;
    return on_alternate_stack(t, sp) ? SS_ONSTACK : 0;
}

Result<> set_alternate_stack(Task& t, const stack_t& s, u64 sp) {
    if (on_alternate_stack(t, sp)) return err(EPERM);
    u32 flags = static_cast<u32>(s.ss_flags);
    u32 mode = flags & ~SS_AUTODISARM;
    if (mode != SS_DISABLE && mode != SS_ONSTACK && mode != 0) return err(EINVAL);
    stack_t n = s;
    if (mode == SS_DISABLE) {
        n.ss_size = 0;
        n.ss_sp = nullptr;
    } else if (s.ss_size < 2048) {  // MINSIGSTKSZ
        return err(ENOMEM);
    }
    t.altstack = n;
    return {};
}

Result<> push_signal_frame(Task& t, const KernelSigaction& action, const SigInfo& info, SigSet mask) {
    platform::Registers& r = t.regs;
    rseq_signal(t);
    u64 sp = r.rsp - kRedZone;
    bool nested = on_alternate_stack(t, r.rsp);
    bool entering = false;
    if ((action.flags & SA_ONSTACK) && armed(t) && !nested) {
        sp = base_of(t.altstack) + t.altstack.ss_size;
        entering = true;
    }
    std::vector<u8> fp = frame_fp(t);
    FramePlace place = place_frame(sp, fp.size());
    // An overflow of the alternate stack must not run on into what lies below.
    if ((nested || entering) &&
        !(place.frame > base_of(t.altstack) && place.frame - base_of(t.altstack) <= t.altstack.ss_size))
        return err(EFAULT);
    if (!(action.flags & kSaRestorer)) return err(EFAULT);

    SignalFrame f{};
    f.restorer = action.restorer;
    f.uc_flags = kUcFpXstate | kUcSigcontextSs | kUcStrictRestoreSs;
    f.uc_stack.sp = base_of(t.altstack);
    f.uc_stack.flags = t.altstack.ss_flags;
    f.uc_stack.size = t.altstack.ss_size;
    FrameContext& c = f.context;
    c.r8 = r.r8, c.r9 = r.r9, c.r10 = r.r10, c.r11 = r.r11, c.r12 = r.r12, c.r13 = r.r13, c.r14 = r.r14, c.r15 = r.r15;
    c.di = r.rdi, c.si = r.rsi, c.bp = r.rbp, c.bx = r.rbx, c.dx = r.rdx, c.ax = r.rax, c.cx = r.rcx;
    c.sp = r.rsp, c.ip = r.rip, c.flags = r.eflags;
    c.cs = static_cast<u16>(r.cs), c.gs = 0, c.fs = 0, c.ss = static_cast<u16>(r.ss);
    c.err = t.fault_error_code, c.trapno = t.fault_trap_no, c.oldmask = mask.bits, c.cr2 = t.fault_address;
    c.fpstate = place.fp;
    f.mask = mask;
    if (action.flags & SA_SIGINFO) f.info = info;
    SBX_TRY(t.mm().copy_out(place.fp, fp.data(), fp.size()));
    size_t n = (action.flags & SA_SIGINFO) ? sizeof f : offsetof(SignalFrame, info);
    SBX_TRY(t.mm().copy_out(place.frame, &f, n));

    if (static_cast<u32>(t.altstack.ss_flags) & SS_AUTODISARM) {
        t.altstack = stack_t{};
        t.altstack.ss_flags = SS_DISABLE;
    }
    r.rdi = static_cast<u64>(info.si_signo);
    r.rax = 0;
    r.rsi = place.frame + offsetof(SignalFrame, info);
    r.rdx = place.frame + offsetof(SignalFrame, uc_flags);
    r.rip = action.handler;
    r.rsp = place.frame;
    r.cs = kUserCs;
    r.ss = kUserDs;
    r.eflags &= ~(kFlagDf | kFlagRf | kFlagTf);
    init_fp(t.fp().data);
    t.context()->fp_changed();
    return {};
}

Result<> pop_signal_frame(Task& t) {
    platform::Registers& r = t.regs;
    // The handler's ret has taken the restorer's address off.
    u64 at = r.rsp - 8;
    SignalFrame f;
    SBX_TRY(t.mm().copy_in(at, &f, offsetof(SignalFrame, info)));
    // Only 64-bit user mode; other code or stack selectors fault on Linux too, as the return to them does (iret).
    if ((f.context.cs | 3) != kUserCs) return err(EFAULT);
    if ((f.uc_flags & kUcStrictRestoreSs) && (f.context.ss | 3) != kUserDs) return err(EFAULT);
    set_signal_mask(t, f.mask);
    const FrameContext& c = f.context;
    r.r8 = c.r8, r.r9 = c.r9, r.r10 = c.r10, r.r11 = c.r11, r.r12 = c.r12, r.r13 = c.r13, r.r14 = c.r14, r.r15 = c.r15;
    r.rdi = c.di, r.rsi = c.si, r.rbp = c.bp, r.rbx = c.bx, r.rdx = c.dx, r.rax = c.ax, r.rcx = c.cx;
    r.rsp = c.sp, r.rip = c.ip;
    r.eflags = (r.eflags & ~kFixEflags) | (c.flags & kFixEflags);
    r.cs = kUserCs;
    r.ss = kUserDs;
    r.orig_rax = ~u64{0};
    SBX_TRY(restore_fp(t, c.fpstate));
    stack_t s{};
    s.ss_sp = reinterpret_cast<void*>(f.uc_stack.sp);
    s.ss_flags = f.uc_stack.flags;
    s.ss_size = f.uc_stack.size;
    // restore_altstack() ignores all errors but a frame that cannot be read.
    (void)set_alternate_stack(t, s, r.rsp);
    return {};
}

}  // namespace sbx
