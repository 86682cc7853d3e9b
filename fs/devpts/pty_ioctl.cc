// What a pty answers to ioctl(2) (ioctl_tty(2)).
#include <asm/ioctls.h>
#include <asm/termbits.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <string.h>

#include "fs/devpts/devpts_fs.h"
#include "fs/devpts/pty.h"
#include "fs/vfs/walk.h"
#include "src/mm/memory_manager.h"

namespace sbx::devpts {
namespace {

constexpr EventMask kReadable = kEventIn | kEventRdNorm, kWritable = kEventOut | kEventWrNorm;
constexpr u32 kTcgets2 = 0x802c542a, kTcsets2 = 0x402c542b, kTcsetsw2 = 0x402c542c, kTcsetsf2 = 0x402c542d;

Result<long> put(const vfs::Caller& c, u64 arg, const void* from, size_t n) {
    SBX_TRY(c.mm->copy_out(arg, from, n));
    return 0;
}

Result<long> put_int(const vfs::Caller& c, u64 arg, int value) { return put(c, arg, &value, sizeof value); }

// The line speed of the bits of c_cflag (tty_termios_baud_rate()).
u32 baud_of(u32 cflag) {
    static constexpr u32 kLow[] = {0, 50, 75, 110, 134, 150, 200, 300, 600, 1200, 1800, 2400, 4800, 9600, 19200, 38400};
    static constexpr u32 kHigh[] = {57600,   115200,  230400,  460800,  500000,  576000,  921600, 1000000,
                                    1152000, 1500000, 2000000, 2500000, 3000000, 3500000, 4000000};
    u32 bits = cflag & CBAUD;
    if (!(bits & CBAUDEX)) return kLow[bits & 15];
    u32 i = (bits & 15);
    return i >= 1 && i <= 15 ? kHigh[i - 1] : 0;
}

// struct termio, which TCGETA and its kin take.
struct OldTermios {
    u16 iflag, oflag, cflag, lflag;
    u8 line, cc[8];
    explicit OldTermios(const KernelTermios& t)
        : iflag(static_cast<u16>(t.iflag)),
          oflag(static_cast<u16>(t.oflag)),
          cflag(static_cast<u16>(t.cflag)),
          lflag(static_cast<u16>(t.lflag)),
          line(t.line) {
        memcpy(cc, t.cc, sizeof cc);
    }
    OldTermios() = default;
    void to(KernelTermios& t) const {
        auto low = [](u32& all, u16 half) { all = (all & 0xffff0000) | half; };
        low(t.iflag, iflag), low(t.oflag, oflag), low(t.cflag, cflag), low(t.lflag, lflag);
        t.line = line;
        memcpy(t.cc, cc, sizeof cc);
    }
};
static_assert(sizeof(OldTermios) == 18);

// unset_locked_termios()
void keep_fixed(KernelTermios& t, const KernelTermios& old, const KernelTermios& fixed) {
    auto keep = [](u32& now, u32 before, u32 mask) { now = (now & ~mask) | (before & mask); };
    keep(t.iflag, old.iflag, fixed.iflag);
    keep(t.oflag, old.oflag, fixed.oflag);
    keep(t.cflag, old.cflag, fixed.cflag);
    keep(t.lflag, old.lflag, fixed.lflag);
    if (fixed.line) t.line = old.line;
    for (size_t i = 0; i < sizeof t.cc; i++)
        if (fixed.cc[i]) t.cc[i] = old.cc[i];
}

}  // namespace

Result<> Pty::check_write_stop(Task& t) {
    {
        Lock l(mu_);
        if (!(line_.termios().lflag & TOSTOP)) return {};
    }
    return check_job_control(t, SIGTTOU);
}

void Pty::set_locked(bool locked) {
    Lock l(mu_);
    locked_ = locked;
}

// pty_resize()
void Pty::set_size(WindowSize s) {
    {
        Lock l(mu_);
        if (size_ == s) return;
        size_ = s;
    }
    signal_foreground(SIGWINCH);
}

// The new settings in any of the three structures; what the structure does not have stays as it is.
Result<> Pty::read_termios(u32 cmd, u64 arg, const vfs::Caller& c, KernelTermios& t) {
    bool two = cmd == kTcsets2 || cmd == kTcsetsw2 || cmd == kTcsetsf2;
    if (cmd == TCSETA || cmd == TCSETAW || cmd == TCSETAF) {
        OldTermios old;
        SBX_TRY(c.mm->copy_in(arg, &old, sizeof old));
        old.to(t);
    } else {
        SBX_TRY(c.mm->copy_in(arg, &t, two ? sizeof t : kTermiosSize));
    }
    if (!two || (t.cflag & CBAUD) != BOTHER) t.ispeed = t.ospeed = baud_of(t.cflag);
    return {};
}

Result<> Pty::set_termios(u32 cmd, u64 arg, const vfs::Caller& c, bool master) {
    if (!master && c.task) SBX_TRY(check_job_control(*c.task, SIGTTOU));
    KernelTermios t{};
    {
        Lock l(mu_);
        t = line_.termios();
    }
    SBX_TRY(read_termios(cmd, arg, c, t));
    // pty_set_termios(): a pty has eight bits and no parity.
    t.cflag = (t.cflag & ~static_cast<u32>(CSIZE | PARENB)) | CS8 | CREAD;
    if (cmd == TCSETSF || cmd == kTcsetsf2 || cmd == TCSETAF) SBX_TRY(flush(TCIFLUSH, false));
    Lock l(mu_);
    keep_fixed(t, line_.termios(), fixed_);
    auto stops_by_keys = [](const KernelTermios& k) {
        return (k.iflag & IXON) && k.cc[VSTOP] == 023 && k.cc[VSTART] == 021;
    };
    bool before = stops_by_keys(line_.termios()), after = stops_by_keys(t);
    if (packet_ && before != after) {
        packet_status_ &= static_cast<u8>(~(TIOCPKT_DOSTOP | TIOCPKT_NOSTOP));
        packet_status_ |= after ? TIOCPKT_DOSTOP : TIOCPKT_NOSTOP;
    }
    line_.set_termios(t);
    bool status = packet_ && packet_status_ != 0;
    l.unlock();
    if (status) master_queue_.notify(kReadable | kEventPri);
    slave_queue_.notify(kReadable | kWritable);
    master_queue_.notify(kWritable);
    return {};
}

Result<> Pty::flush(u64 what, bool master) {
    if (what > TCIOFLUSH) return err(EINVAL);
    // The master's input is the slave's output.
    bool in = what != TCOFLUSH, out = what != TCIFLUSH;
    if (master) std::swap(in, out);
    Lock l(mu_);
    if (in) line_.flush_input();
    if (out) line_.output().clear();
    bool status = packet_ && !master;
    if (status) packet_status_ |= static_cast<u8>((in ? TIOCPKT_FLUSHREAD : 0) | (out ? TIOCPKT_FLUSHWRITE : 0));
    l.unlock();
    master_queue_.notify((in ? kWritable : 0) | (status ? kReadable | kEventPri : 0));
    if (out) slave_queue_.notify(kWritable);
    return {};
}

Result<> Pty::flow(u64 what) {
    if (what > TCION) return err(EINVAL);
    // What the slave asks the other side to do with its own output means nothing to a program that holds the master.
    if (what == TCIOFF || what == TCION) return {};
    Lock l(mu_);
    line_.stop_output(what == TCOOFF);
    if (what == TCOON) line_.start_output();
    l.unlock();
    slave_queue_.notify(kWritable);
    return {};
}

Result<long> Pty::ioctl(u32 cmd, u64 arg, const vfs::Caller& c, bool master) {
    if (!c.mm) return err(ENOTTY);
    switch (cmd) {
    case TCGETS:
    case kTcgets2: {
        KernelTermios t{};
        {
            Lock l(mu_);
            t = line_.termios();
        }
        return put(c, arg, &t, cmd == TCGETS ? kTermiosSize : sizeof t);
    }
    case TCGETA: {
        Lock l(mu_);
        OldTermios t(line_.termios());
        l.unlock();
        return put(c, arg, &t, sizeof t);
    }
    case TIOCGLCKTRMIOS: {
        Lock l(mu_);
        KernelTermios fixed = fixed_;
        l.unlock();
        return put(c, arg, &fixed, kTermiosSize);
    }
    case TIOCSLCKTRMIOS: {
        if (!c.creds->capable(CAP_SYS_ADMIN)) return err(EPERM);
        KernelTermios fixed{};
        SBX_TRY(c.mm->copy_in(arg, &fixed, kTermiosSize));
        Lock l(mu_);
        fixed_ = fixed;
        return 0;
    }
    case TCSETA:
    case TCSETAW:
    case TCSETAF:
    case TCSETS:
    case TCSETSW:
    case TCSETSF:
    case kTcsets2:
    case kTcsetsw2:
    case kTcsetsf2: SBX_TRY(set_termios(cmd, arg, c, master)); return 0;
    case TIOCGWINSZ: {
        WindowSize s;
        {
            Lock l(mu_);
            s = size_;
        }
        return put(c, arg, &s, sizeof s);
    }
    case TIOCSWINSZ: {
        WindowSize s;
        SBX_TRY(c.mm->copy_in(arg, &s, sizeof s));
        set_size(s);
        return 0;
    }
    case FIONREAD: {
        size_t n = 0;
        {
            Lock l(mu_);
            n = master ? line_.output().used() : line_.queued();
        }
        return put_int(c, arg, static_cast<int>(n));
    }
    case TIOCOUTQ: return put_int(c, arg, 0);  // what was written is at the other side at once
    case TIOCGETD: return put_int(c, arg, 0);  // N_TTY
    case TIOCSETD: {
        int discipline = 0;
        SBX_TRY(c.mm->copy_in(arg, &discipline, sizeof discipline));
        if (discipline != 0) return err(EINVAL);
        return 0;
    }
    case TIOCGEXCL: {
        Lock l(mu_);
        int exclusive = exclusive_;
        l.unlock();
        return put_int(c, arg, exclusive);
    }
    case TIOCEXCL:
    case TIOCNXCL: {
        Lock l(mu_);
        exclusive_ = cmd == TIOCEXCL;
        return 0;
    }
    case TCFLSH:
        if (!master && c.task) SBX_TRY(check_job_control(*c.task, SIGTTOU));
        SBX_TRY(flush(arg, master));
        return 0;
    case TCXONC:
        if (!master && c.task) SBX_TRY(check_job_control(*c.task, SIGTTOU));
        SBX_TRY(flow(arg));
        return 0;
    case TCSBRK:
    case TCSBRKP:
        if (!master && c.task) SBX_TRY(check_job_control(*c.task, SIGTTOU));
        return 0;
    // As with dev.tty.legacy_tiocsti = 0: typing for others is how programs break out of what su and sbx put them in.
    case TIOCSTI: return err(EIO);
    default: return err(ENOTTY);
    }
}

Result<long> SlaveFile::ioctl(u32 cmd, u64 arg, const vfs::Caller& c) {
    if (pty_->hung_up()) return err(cmd == TIOCSPGRP ? ENOTTY : EIO);  // hung_up_tty_ioctl()
    if (cmd == TIOCSCTTY || cmd == TIOCNOTTY || cmd == TIOCGPGRP || cmd == TIOCSPGRP || cmd == TIOCGSID)
        return pty_->job_control_ioctl(cmd, arg, c, false, readable());
    return pty_->ioctl(cmd, arg, c, false);
}

// ptm_open_peer()
Result<long> MasterFile::open_peer(int flags, const vfs::Caller& c) {
    vfs::Path dir = path();
    std::string name = std::to_string(pty_->index);
    Ref<vfs::Dentry> parent = dir.dentry->parent();
    if (!parent) return err(EIO);
    dir.dentry = parent;
    // A ptmx outside of devpts stands next to its directory.
    if (&parent->inode()->fs() != fs_.get()) name = "pts/" + name;
    vfs::Path p = SBX_TRY(vfs::walk(c, dir, name));
    if (!p.dentry->inode() || &p.dentry->inode()->fs() != fs_.get()) return err(EIO);
    Ref<vfs::OpenFile> f = SBX_TRY(p.dentry->inode()->open(vfs::OpenArgs{p, flags & ~O_CLOEXEC, c}));
    f->set_creds(CredsRef(c.creds));
    return SBX_TRY(c.task->files().add(std::move(f), flags & O_CLOEXEC, c.task->rlimit(RLIMIT_NOFILE)));
}

Result<long> Pty::master_ioctl(u32 cmd, u64 arg, const vfs::Caller& c) {
    switch (cmd) {
    case TIOCGPTN: return put_int(c, arg, static_cast<int>(index));
    case TIOCSPTLCK: {
        int lock = 0;
        SBX_TRY(c.mm->copy_in(arg, &lock, sizeof lock));
        set_locked(lock != 0);
        return 0;
    }
    case TIOCGPTLCK:
    case TIOCGPKT: {
        Lock l(mu_);
        int value = cmd == TIOCGPTLCK ? locked_ : packet_;
        l.unlock();
        return put_int(c, arg, value);
    }
    case TIOCPKT: {
        int on = 0;
        SBX_TRY(c.mm->copy_in(arg, &on, sizeof on));
        Lock l(mu_);
        if (on && !packet_) packet_status_ = 0;
        packet_ = on != 0;
        return 0;
    }
    case TIOCSIG:
        if (arg < 1 || arg > kSignalCount || (arg != SIGINT && arg != SIGQUIT && arg != SIGTSTP)) return err(EINVAL);
        signal_foreground(static_cast<int>(arg));
        return 0;
    default: return ioctl(cmd, arg, c, true);
    }
}

Result<long> MasterFile::ioctl(u32 cmd, u64 arg, const vfs::Caller& c) {
    if (!c.mm || !c.task) return err(ENOTTY);
    if (cmd == TIOCGPTPEER) return open_peer(static_cast<int>(arg), c);
    if (cmd == TIOCSCTTY || cmd == TIOCNOTTY || cmd == TIOCGPGRP || cmd == TIOCSPGRP || cmd == TIOCGSID)
        return pty_->job_control_ioctl(cmd, arg, c, true, readable());
    return pty_->master_ioctl(cmd, arg, c);
}

}  // namespace sbx::devpts
