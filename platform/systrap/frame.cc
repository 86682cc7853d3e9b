// The layout of signal frames: arch/x86/include/uapi/asm/sigcontext.h and asm-generic/ucontext.h of Linux.
#include "platform/systrap/frame.h"

#include <string.h>

#include "platform/registers.h"
#include "platform/xstate.h"

namespace sbx::platform::systrap {
namespace {
struct SignalContext {
    u64 flags, link;
    u64 stack[3];
    u64 r8, r9, r10, r11, r12, r13, r14, r15, di, si, bp, bx, dx, ax, cx, sp, ip, eflags;
    u16 cs, gs, fs, ss;
    u64 error, trap, old_mask, cr2;
    u64 fpstate;
    u64 reserved[8];
    u64 mask;
};
static_assert(sizeof(SignalContext) == 304);
// What follows it: siginfo_t.
struct Info {
    u32 signo, error, code, pad;
    u64 address;
    u32 syscall, arch;
};
struct Shared {
    SignalContext context;
    Info info;
};
constexpr u64 kXstateHeader = 512, kSoftware = 464;
constexpr u32 kMagic1 = 0x46505853, kMagic2 = 0x46505845;

// Whether n bytes at an address of the stub lie in the frame's stack; then their offset.
bool inside(u64 address, u64 frame, u64 n, u64& offset) {
    offset = address - frame;
    return offset <= kControlOffset && n <= kControlOffset - offset;
}
// Copies that the compiler may not repeat: others write there.
void copy_once(void* to, const u8* from, size_t n) {
    memcpy(to, from, n);
    asm volatile("" : : : "memory");
}
}  // namespace

bool read_event(const u8* frame, u64 address, Event& e, Registers& r) {
    Control control;
    copy_once(static_cast<void*>(&control), frame + kControlOffset, sizeof control);
    if (!inside(control.context, address, sizeof(Shared), e.context) || (e.context & 7) != 0) return false;
    Shared s;
    copy_once(&s, frame + e.context, sizeof s);
    if (!inside(s.context.fpstate, address, xsave_size() + sizeof kMagic2, e.fp) || (e.fp & 63) != 0) return false;
    const SignalContext& c = s.context;
    r.r15 = c.r15, r.r14 = c.r14, r.r13 = c.r13, r.r12 = c.r12, r.rbp = c.bp, r.rbx = c.bx, r.r11 = c.r11;
    r.r10 = c.r10, r.r9 = c.r9, r.r8 = c.r8, r.rax = c.ax, r.rcx = c.cx, r.rdx = c.dx, r.rsi = c.si, r.rdi = c.di;
    r.rip = c.ip, r.eflags = c.eflags, r.rsp = c.sp;
    e.native = c.cs == kUserCs;
    r.fs_base = control.fs_base, r.gs_base = control.gs_base;
    r.orig_rax = ~0ull;
    sanitize(r);
    r.ds = r.es = r.fs = r.gs = 0;
    e.signal = control.signal;
    e.arch = s.info.arch;
    e.info = {};
    e.info.si_signo = static_cast<int>(control.signal);
    e.info.si_code = static_cast<int>(s.info.code);
    e.info.si_addr = reinterpret_cast<void*>(s.info.address);
    e.trap_no = c.trap & 31;
    e.error_code = e.trap_no == kPageFault ? c.error & 0x1f : 0;
    return true;
}

void write_registers(u8* frame, u64 context, const Registers& r) {
    auto* c = reinterpret_cast<SignalContext*>(frame + context);
    c->r15 = r.r15, c->r14 = r.r14, c->r13 = r.r13, c->r12 = r.r12, c->bp = r.rbp, c->bx = r.rbx, c->r11 = r.r11;
    c->r10 = r.r10, c->r9 = r.r9, c->r8 = r.r8, c->ax = r.rax, c->cx = r.rcx, c->dx = r.rdx, c->si = r.rsi;
    c->di = r.rdi, c->ip = r.rip, c->eflags = r.eflags, c->sp = r.rsp;
    c->cs = kUserCs, c->ss = kUserSs;
    c->mask = 0;
}

void read_fp(const u8* frame, u64 at, Bytes image) {
    copy_once(image.data(), frame + at, image.size());
    memset(image.data() + kSoftware, 0, kXstateHeader - kSoftware);
    sanitize_xsave(image);
    clear_absent_state(image);
}

void write_fp(u8* frame, u64 at, ConstBytes image) {
    u8* to = frame + at;
    memcpy(to, image.data(), kSoftware);
    memcpy(to + kXstateHeader, image.data() + kXstateHeader, image.size() - kXstateHeader);
    struct {
        u32 magic, extended_size;
        u64 features;
        u32 size, padding[7];
    } software{
        kMagic1, static_cast<u32>(image.size() + sizeof kMagic2), xsave_features(), static_cast<u32>(image.size()), {}};
    static_assert(sizeof software == kXstateHeader - kSoftware);
    memcpy(to + kSoftware, &software, sizeof software);
    memcpy(to + image.size(), &kMagic2, sizeof kMagic2);
}

}  // namespace sbx::platform::systrap
