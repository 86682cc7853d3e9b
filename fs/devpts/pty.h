// Pty: a pseudo-terminal (pty(7)), and its two kinds of open file. Used by devpts.
//
// Locks: Pty::mu_ (Rank::Tty) guards the line and its states; it is held over copies from and to application memory (Rank::Mm is later),
// so that reads and writes are whole. What job control knows (session_, and Pid::tty and Pid::tty_foreground of the session) is guarded
// by TaskSet::mu. Signals are sent with mu_ let go.
#pragma once

#include "fs/devpts/line_discipline.h"
#include "fs/vfs/open_file.h"
#include "src/kernel/thread_group.h"
#include "src/kernel/tty.h"

namespace sbx::devpts {

// struct winsize
struct WindowSize {
    u16 rows = 0, columns = 0, x = 0, y = 0;
    friend bool operator==(const WindowSize&, const WindowSize&) = default;
    template <class A>
    void state(A& ar) {
        ar(rows, columns, x, y);
    }
};

class Pty final : public ControllingTty {
public:
    Pty(TaskSet& tasks, unsigned number) : index(number), tasks_(tasks) {}
    const unsigned index;

    // --- ControllingTty ---
    void session_ended(Pid& session, Pid* foreground, bool exiting) override;
    u64 device() const override;

    // --- the two sides; EAGAIN, EIO ---
    Result<size_t> read_master(mm::IoBuf& dst);
    Result<size_t> write_master(mm::IoBuf& src);
    Result<size_t> read_slave(mm::IoBuf& dst, size_t least);
    // Bytes to read; EAGAIN if none.
    Result<size_t> peek_slave() const;
    Result<size_t> write_slave(mm::IoBuf& src);
    EventMask poll_master();
    EventMask poll_slave();
    WaitQueue& master_queue() { return master_queue_; }
    WaitQueue& slave_queue() { return slave_queue_; }
    // An open of the slave: EIO while locked or once the master is gone, EBUSY.
    Result<> add_slave(const Creds& c);
    void remove_slave();
    void master_closed();
    bool hung_up() const;
    struct ReadLimits {
        u8 least, time;
    };
    ReadLimits read_limits() const;

    // --- job control (job_control.cc) ---
    // The task may read, write or change the terminal now: EIO; ERESTARTSYS after SIGTTIN or SIGTTOU for its group (__tty_check_change).
    Result<> check_job_control(Task& t, int sig);
    // A session leader without a terminal opened it without O_NOCTTY.
    void opened_by(Task& t, bool readable);
    void make_controlling(ThreadGroup& g);
    Result<long> job_control_ioctl(u32 cmd, u64 arg, const vfs::Caller& c, bool master, bool readable);
    void signal_foreground(int sig);
    bool take_suspend_request() { return suspend_.exchange(false); }

    // --- ioctls (pty_ioctl.cc) ---
    Result<long> ioctl(u32 cmd, u64 arg, const vfs::Caller& c, bool master);
    Result<long> master_ioctl(u32 cmd, u64 arg, const vfs::Caller& c);
    void set_size(WindowSize s);
    Result<> check_write_stop(Task& t);
    void set_locked(bool locked);

private:
    friend struct state::Access;
    template <class A>
    auto state_head(A a) const {
        return a.args(a.given(tasks_), index);
    }
    template <class A>
    void state(A& ar) SBX_NO_TSA {
        ar.raw(fixed_);
        ar(line_, size_, locked_, hung_up_, exclusive_, slave_gone_, slaves_, packet_, packet_status_, session_,
           suspend_);
    }
    Result<> read_termios(u32 cmd, u64 arg, const vfs::Caller& c, KernelTermios& t);
    Result<> set_termios(u32 cmd, u64 arg, const vfs::Caller& c, bool master);
    Result<> flush(u64 what, bool master);
    Result<> flow(u64 what);
    bool is_of(const Task& t) const;  // TaskSet::mu: its session's terminal
    void clear_session_locked();
    void note_suspend(const Pid& foreground);
    void notify_after(u64 signals, bool had_output, bool had_room);

    TaskSet& tasks_;
    mutable Mutex<Rank::Tty> mu_;
    LineDiscipline line_ SBX_GUARDED_BY(mu_);
    KernelTermios fixed_ SBX_GUARDED_BY(mu_){};  // what TIOCSLCKTRMIOS keeps from changing
    WindowSize size_ SBX_GUARDED_BY(mu_);
    bool locked_ SBX_GUARDED_BY(mu_) = true;
    bool hung_up_ SBX_GUARDED_BY(mu_) = false;
    bool exclusive_ SBX_GUARDED_BY(mu_) = false;
    bool slave_gone_ SBX_GUARDED_BY(mu_) = false;  // was open, and is no more (TTY_OTHER_CLOSED)
    unsigned slaves_ SBX_GUARDED_BY(mu_) = 0;
    bool packet_ SBX_GUARDED_BY(mu_) = false;
    u8 packet_status_ SBX_GUARDED_BY(mu_) = 0;  // TIOCPKT_*
    WaitQueue master_queue_, slave_queue_;
    Ref<Pid> session_;  // TaskSet::mu
    std::atomic<bool> suspend_{false};
};

class PtyFile : public vfs::OpenFile {
public:
    Pty& pty() const { return *pty_; }

protected:
    PtyFile(vfs::Path p, int flags, Ref<Pty> pty) : OpenFile(std::move(p), flags), pty_(std::move(pty)) {}
    Ref<Pty> pty_;
};

class DevptsFs;

class MasterFile final : public PtyFile {
public:
    MasterFile(vfs::Path p, int flags, Ref<Pty> pty, Ref<DevptsFs> fs);
    ~MasterFile() override;
    static inline const char kKind = 0;
    const void* kind() const override { return &kKind; }
    Result<size_t> read(mm::IoBuf& dst, i64*, u32, const vfs::Caller&) override { return pty_->read_master(dst); }
    Result<size_t> write(mm::IoBuf& src, i64*, u32, const vfs::Caller&) override { return pty_->write_master(src); }
    Result<long> ioctl(u32 cmd, u64 arg, const vfs::Caller& c) override;
    EventMask poll(EventMask mask, const vfs::Caller& c) override;
    void poll_add(Waiter& w, const vfs::Caller&) override { pty_->master_queue().add(w); }
    void poll_remove(Waiter& w) override { pty_->master_queue().remove(w); }
    DevptsFs& fs() const { return *fs_; }

private:
    friend struct state::Access;
    MasterFile(Pty& pty, DevptsFs& fs);
    template <class A>
    auto state_head(A a) const {
        return a.args(a.by_ref(*pty_), a.by_ref(*fs_));
    }
    Result<long> open_peer(int flags, const vfs::Caller& c);
    Ref<DevptsFs> fs_;
};

// The slave, by its own name or as /dev/tty.
class SlaveFile final : public PtyFile {
public:
    // The caller has counted it with Pty::add_slave().
    SlaveFile(vfs::Path p, int flags, Ref<Pty> pty) : PtyFile(std::move(p), flags, std::move(pty)) {}
    ~SlaveFile() override { pty_->remove_slave(); }
    static inline const char kKind = 0;
    const void* kind() const override { return &kKind; }
    Result<size_t> read(mm::IoBuf& dst, i64*, u32, const vfs::Caller& c) override;
    Result<size_t> write(mm::IoBuf& src, i64*, u32, const vfs::Caller& c) override;
    Result<long> ioctl(u32 cmd, u64 arg, const vfs::Caller& c) override;
    EventMask poll(EventMask mask, const vfs::Caller& c) override;
    void poll_add(Waiter& w, const vfs::Caller&) override { pty_->slave_queue().add(w); }
    void poll_remove(Waiter& w) override { pty_->slave_queue().remove(w); }

private:
    friend struct state::Access;
    // Made by an archive: the terminal was saved with this one counted.
    explicit SlaveFile(Pty& pty) : PtyFile({}, 0, Ref<Pty>(pty)) {}
    template <class A>
    auto state_head(A a) const {
        return a.args(a.by_ref(*pty_));
    }
};

}  // namespace sbx::devpts
