// The two sides of a pty: bytes, readiness, and the end of either.
#include "fs/devpts/pty.h"

#include <asm/ioctls.h>
#include <linux/capability.h>

#include <algorithm>

#include "fs/devpts/devpts_fs.h"
#include "src/base/archive.h"

namespace sbx::devpts {
namespace {
constexpr EventMask kReadable = kEventIn | kEventRdNorm, kWritable = kEventOut | kEventWrNorm;
constexpr size_t kChunk = 1024;
}  // namespace

SBX_SAVABLE(Pty);
SBX_SAVABLE(MasterFile);
SBX_SAVABLE(SlaveFile);

// Tells the sides what a change of the line means to them. mu_ not held.
void Pty::notify_after(u64 signals, bool had_output, bool had_room) {
    for (int sig = 1; signals != 0; sig++, signals >>= 1)
        if (signals & 1) signal_foreground(sig);
    Lock l(mu_);
    bool output = line_.output().used() != 0, input = line_.input_ready(false), room = line_.output_room() != 0;
    l.unlock();
    if (output && !had_output) master_queue_.notify(kReadable);
    if (input) slave_queue_.notify(kReadable);
    if (room && !had_room) slave_queue_.notify(kWritable);
}

Result<size_t> Pty::write_master(mm::IoBuf& src) {
    size_t done = 0;
    Lock l(mu_);
    bool had_output = line_.output().used() != 0, had_room = line_.output_room() != 0, was_stopped = line_.stopped();
    u64 signals = 0;
    Result<size_t> last = 0;
    while (src.remaining() != 0) {
        u8 chunk[kChunk];
        size_t n = std::min({static_cast<size_t>(src.remaining()), sizeof chunk, line_.input_room()});
        if (n == 0) break;
        last = src.get(chunk, n);
        if (!last) break;
        for (size_t i = 0; i < *last; i++) line_.receive(chunk[i]);
        done += *last;
        if (*last < n) break;
    }
    signals = line_.take_signals();
    if (packet_ && signals) packet_status_ |= TIOCPKT_FLUSHREAD | TIOCPKT_FLUSHWRITE;
    if (packet_ && line_.stopped() != was_stopped) {
        packet_status_ &= static_cast<u8>(~(TIOCPKT_STOP | TIOCPKT_START));
        packet_status_ |= line_.stopped() ? TIOCPKT_STOP : TIOCPKT_START;
    }
    l.unlock();
    notify_after(signals, had_output, had_room);
    if (done != 0 || src.remaining() == 0) return done;
    if (!last) return last;
    return err(EAGAIN);
}

Result<size_t> Pty::read_master(mm::IoBuf& dst) {
    if (dst.remaining() == 0) return 0;
    Lock l(mu_);
    OutputRing& out = line_.output();
    size_t done = 0;
    if (packet_) {
        u8 status = packet_status_;
        if (status == 0 && out.used() == 0) return err(slave_gone_ ? EIO : EAGAIN);
        done += SBX_TRY(dst.put(&status, 1));
        packet_status_ = 0;
        if (status != 0) return done;
    }
    if (out.used() == 0) return err(slave_gone_ ? EIO : EAGAIN);
    bool had_room = line_.output_room() != 0;
    Result<size_t> last = 0;
    while (out.used() != 0 && dst.remaining() != 0) {
        ConstBytes span = out.front();
        last = dst.put(span.data(), std::min<size_t>(span.size(), dst.remaining()));
        if (!last || *last == 0) break;
        out.pop(*last);
        done += *last;
    }
    bool room = line_.output_room() != 0;
    l.unlock();
    if (room && !had_room) slave_queue_.notify(kWritable);
    if (done == 0) return last;
    return done;
}

Result<size_t> Pty::read_slave(mm::IoBuf& dst, size_t least) {
    Lock l(mu_);
    if (hung_up_) return 0;
    if (!line_.input_ready(false) || (!line_.canonical() && line_.queued() < least)) return err(EAGAIN);
    bool had_room = line_.input_room() != 0;
    size_t done = 0;
    for (bool more = true; more;) {
        u8 chunk[kChunk];
        size_t entries = 0, want = std::min<size_t>(dst.remaining(), sizeof chunk);
        size_t n = line_.peek(chunk, want, &entries);
        Result<size_t> put = n ? dst.put(chunk, n) : Result<size_t>(0);
        if (!put || *put < n) {
            if (put) line_.consume(*put);
            if (done || put) return done + (put ? *put : 0);
            return put;
        }
        // A longer line goes on in the next chunk.
        bool ended = n < want || entries != n || (line_.canonical() && n != 0 && line_.is_line_end(entries - 1));
        line_.consume(entries);
        done += n;
        more = !ended && dst.remaining() != 0;
    }
    bool room = line_.input_room() != 0;
    l.unlock();
    if (room && !had_room) master_queue_.notify(kWritable);
    return done;
}

Result<size_t> Pty::peek_slave() const {
    Lock l(mu_);
    if (hung_up_) return 0;
    size_t n = line_.queued();
    if (n == 0) return err(EAGAIN);
    return n;
}

Result<size_t> Pty::write_slave(mm::IoBuf& src) {
    Lock l(mu_);
    if (hung_up_) return err(EIO);
    bool had_output = line_.output().used() != 0;
    size_t done = 0;
    Result<size_t> last = 0;
    while (src.remaining() != 0) {
        u8 chunk[kChunk];
        // A byte may become two, or a tab eight: what is left of the reserve covers the last ones.
        size_t n = std::min({static_cast<size_t>(src.remaining()), sizeof chunk, (line_.output_room() + 7) / 8});
        if (n == 0) break;
        last = src.get(chunk, n);
        if (!last) break;
        for (size_t i = 0; i < *last; i++) line_.write(chunk[i]);
        done += *last;
        if (*last < n) break;
    }
    l.unlock();
    if (done != 0 && !had_output) master_queue_.notify(kReadable);
    if (done != 0 || src.remaining() == 0) return done;
    if (!last) return last;
    return err(EAGAIN);
}

EventMask Pty::poll_master() {
    Lock l(mu_);
    EventMask m = 0;
    if (line_.output().used() != 0) m |= kReadable;
    if (packet_ && packet_status_ != 0) m |= kReadable | kEventPri;
    if (slave_gone_) m |= kEventHup;
    if (line_.input_room() != 0) m |= kWritable;
    return m;
}

EventMask Pty::poll_slave() {
    Lock l(mu_);
    if (hung_up_) return kReadable | kWritable | kEventErr | kEventHup;  // hung_up_tty_poll()
    EventMask m = 0;
    if (line_.input_ready(true)) m |= kReadable;
    if (line_.output_room() != 0) m |= kWritable;
    return m;
}

Result<> Pty::add_slave(const Creds& c) {
    Lock l(mu_);
    if (locked_ || hung_up_) return err(EIO);
    if (exclusive_ && !c.capable(CAP_SYS_ADMIN)) return err(EBUSY);
    slaves_++;
    slave_gone_ = false;
    return {};
}

void Pty::remove_slave() {
    Lock l(mu_);
    if (--slaves_ != 0) return;
    slave_gone_ = true;
    exclusive_ = false;
    l.unlock();
    master_queue_.notify(kReadable | kEventHup);
}

// pty_close() of the master: tty_vhangup() of the slave.
void Pty::master_closed() {
    {
        Lock l(mu_);
        hung_up_ = true;
        line_.flush_input();
        line_.output().clear();
    }
    Ref<Pid> session, foreground;
    {
        Lock l(tasks_.mu);
        session = session_;
        if (session) foreground = session->tty_foreground;
        // tty_signal_session_leader()
        if (session && session->group) {
            for (int sig : {SIGHUP, SIGCONT}) (void)send_group_signal(*session->group, kernel_siginfo(sig));
            if (foreground && foreground != session)
                for (int sig : {SIGHUP, SIGCONT}) send_pgrp_signal(*foreground, kernel_siginfo(sig));
        }
        clear_session_locked();
    }
    slave_queue_.notify(kReadable | kWritable | kEventErr | kEventHup);
}

bool Pty::hung_up() const {
    Lock l(mu_);
    return hung_up_;
}

Pty::ReadLimits Pty::read_limits() const {
    Lock l(mu_);
    if (line_.canonical()) return {1, 0};
    return {line_.vmin(), line_.vtime()};
}

// --- open files ---

EventMask MasterFile::poll(EventMask mask, const vfs::Caller&) {
    return pty_->poll_master() & (mask | kEventErr | kEventHup);
}
EventMask SlaveFile::poll(EventMask mask, const vfs::Caller&) {
    return pty_->poll_slave() & (mask | kEventErr | kEventHup);
}

// n_tty_read(). VTIME is the one wait of a file here: it ends by itself, after 25.5 seconds at most without a byte.
Result<size_t> SlaveFile::read(mm::IoBuf& dst, i64*, u32, const vfs::Caller& c) {
    if (dst.remaining() == 0) return 0;
    if (c.task && !pty_->hung_up()) SBX_TRY(pty_->check_job_control(*c.task, SIGTTIN));
    Pty::ReadLimits limits = pty_->read_limits();
    if (nonblocking()) return pty_->read_slave(dst, 1);
    size_t least = std::min<u64>(std::max<u64>(limits.least, 1), dst.remaining());
    if (limits.time == 0 || !c.task) {
        Result<size_t> r = pty_->read_slave(dst, least);
        if (!r && r.error() == EAGAIN && limits.least == 0 && limits.time == 0) return 0;
        return r;
    }
    // With VMIN the time runs between bytes, after the first; without, from the call on.
    if (limits.least > 0) {
        Result<size_t> none = pty_->peek_slave();
        if (!none) return none;
    }
    Nanos step = static_cast<Nanos>(limits.time) * (kNanosPerMilli * 100);
    TaskWaiter w(*c.task, kReadable);
    pty_->slave_queue().add(w);
    Result<size_t> r = 0;
    size_t had = 0;
    for (Nanos deadline = host_monotonic() + step;;) {
        r = pty_->read_slave(dst, least);
        if (r || !(r.error() == EAGAIN)) break;
        if (Result<size_t> now = pty_->peek_slave(); now && *now != had) {
            had = *now;
            deadline = host_monotonic() + step;
        }
        BlockResult b = c.task->block(deadline);
        if (b == BlockResult::Woken) continue;
        r = pty_->read_slave(dst, 1);
        if (!r && r.error() == EAGAIN)
            r = b == BlockResult::Interrupted ? Result<size_t>(err(ERESTARTSYS)) : Result<size_t>(0);
        break;
    }
    pty_->slave_queue().remove(w);
    return r;
}

Result<size_t> SlaveFile::write(mm::IoBuf& src, i64*, u32, const vfs::Caller& c) {
    if (c.task && !pty_->hung_up()) SBX_TRY(pty_->check_write_stop(*c.task));
    return pty_->write_slave(src);
}

}  // namespace sbx::devpts
