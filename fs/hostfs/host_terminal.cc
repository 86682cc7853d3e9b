// Terminal calls that are passed to an inherited host terminal: a list of what is safe.
#include <asm/ioctls.h>
#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "fs/hostfs/host_fd.h"
#include "src/mm/memory_manager.h"

namespace sbx::hostfs {
namespace {

constexpr u32 kTcgets2 = 0x802c542a, kTcsets2 = 0x402c542b, kTcsetsw2 = 0x402c542c, kTcsetsf2 = 0x402c542d;
constexpr size_t kTermios = 36, kTermios2 = 44,
                 kWinsize = 8;  // struct termios, termios2 (asm-generic/termbits.h), winsize

Result<long> pass(int fd, u32 cmd, void* arg) {
    long r = syscall(SYS_ioctl, fd, cmd, arg);
    if (r < 0) return err(errno);
    return r;
}

Result<long> get(int fd, u32 cmd, u64 arg, size_t n, const vfs::Caller& c) {
    u8 buf[64] = {};
    SBX_TRY(pass(fd, cmd, buf));
    SBX_TRY(c.mm->copy_out(arg, buf, n));
    return 0;
}

Result<long> set(int fd, u32 cmd, u64 arg, size_t n, const vfs::Caller& c) {
    u8 buf[64] = {};
    SBX_TRY(c.mm->copy_in(arg, buf, n));
    return pass(fd, cmd, buf);
}

}  // namespace

Result<long> terminal_ioctl(int fd, u32 cmd, u64 arg, const vfs::Caller& c) {
    if (!c.mm) return err(ENOTTY);
    switch (cmd) {
    case TCGETS: return get(fd, cmd, arg, kTermios, c);
    case kTcgets2: return get(fd, cmd, arg, kTermios2, c);
    // The forms that wait for output to drain would block a sentry thread: they set at once.
    case TCSETS:
    case TCSETSW: return set(fd, TCSETS, arg, kTermios, c);
    case kTcsets2:
    case kTcsetsw2: return set(fd, kTcsets2, arg, kTermios2, c);
    case TCSETSF:
        SBX_TRY(pass(fd, TCFLSH, nullptr));  // TCIFLUSH
        return set(fd, TCSETS, arg, kTermios, c);
    case kTcsetsf2: SBX_TRY(pass(fd, TCFLSH, nullptr)); return set(fd, kTcsets2, arg, kTermios2, c);
    case TIOCGWINSZ: return get(fd, cmd, arg, kWinsize, c);
    case FIONREAD:
    case TIOCOUTQ:
    case TIOCGETD: return get(fd, cmd, arg, sizeof(int), c);
    case TCFLSH:
    case TCXONC: return arg <= 3 ? pass(fd, cmd, reinterpret_cast<void*>(arg)) : err(EINVAL);
    case TCSBRK: return 0;  // tcdrain: see above
    default: return err(ENOTTY);
    }
}

}  // namespace sbx::hostfs
