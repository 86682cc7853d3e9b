// Signals about readiness of open files.
#include "src/kernel/fasync.h"

#include <fcntl.h>
#include <signal.h>

#include "fs/vfs/inode.h"
#include "fs/vfs/walk.h"
#include "src/host/parker.h"
#include "src/host/thread.h"
#include "src/kernel/kernel.h"

namespace sbx {
namespace {

constexpr EventMask kTold = kEventIn | kEventOut | kEventPri | kEventErr | kEventHup;

// The state behind OpenFile::signals.
class Fasync final : public vfs::FileSignals, public Waiter {
public:
    explicit Fasync(Kernel& k) : Waiter(kTold), kernel_(k) {}
    void on_event(EventMask events) override;
    // Nobody else can reach the file any more: no lock, whatever the caller holds.
    void file_gone(vfs::OpenFile& f) override { f.poll_remove(*this); }
    FileOwner owner() const {
        Lock l(mu_);
        return owner_;
    }
    template <class F>
    void change(F&& f) {
        FileOwner old;
        Lock l(mu_);
        old = owner_;
        f(owner_);
        l.unlock();
    }
    void listen(vfs::OpenFile& f, bool on, const vfs::Caller& c) {
        Lock l(listen_mu_);
        if (on == listening_) return;
        listening_ = on;
        if (on)
            f.poll_add(*this, c);
        else
            f.poll_remove(*this);
    }
    Kernel& kernel() const { return kernel_; }
    std::atomic<EventMask> pending{0};  // told by on_event, not sent yet

private:
    Kernel& kernel_;
    mutable Mutex<Rank::Leaf> mu_;
    FileOwner owner_ SBX_GUARDED_BY(mu_);
    Mutex<Rank::Boot> listen_mu_;  // before all that poll_add of any file takes
    bool listening_ SBX_GUARDED_BY(listen_mu_) = false;
};

// The thread that sends. Never freed: it may run as the process ends.
class Sender {
public:
    static Sender& get() {
        static Sender* s = new Sender;
        return *s;
    }
    void start() {
        Lock l(mu_);
        if (running_) return;
        running_ = host::spawn_thread([](void* p) { static_cast<Sender*>(p)->run(); }, this, "sigio").has_value();
    }
    void add(Ref<Fasync> f) {
        {
            Lock l(mu_);
            queue_.push_back(std::move(f));
        }
        parker_.unpark();
    }

private:
    void run() {
        for (;;) {
            parker_.park();
            std::vector<Ref<Fasync>> work;
            {
                Lock l(mu_);
                work.swap(queue_);
            }
            for (Ref<Fasync>& f : work) send(*f);
        }
    }
    static void send(Fasync& f);

    Mutex<Rank::Leaf> mu_;
    std::vector<Ref<Fasync>> queue_ SBX_GUARDED_BY(mu_);  // each at most once: `pending` says whether it is there
    bool running_ SBX_GUARDED_BY(mu_) = false;
    host::Parker parker_;
};

void Fasync::on_event(EventMask events) {
    if (pending.fetch_or(events) == 0) Sender::get().add(Ref<Fasync>(*this));
}

// sigio_perm()
bool may_signal(const Creds& who, const Task& target) {
    CredsRef c = target.creds_of();
    return who.euid == 0 || who.euid == c->suid || who.euid == c->uid || who.uid == c->suid || who.uid == c->uid;
}

SigInfo signal_info(const FileOwner& o, EventMask events) {
    SigInfo info = kernel_siginfo(o.signal ? o.signal : SIGIO);
    if (o.signal == 0) return info;
    info.si_code = events & (kEventErr | kEventHup) ? POLL_HUP
                   : events & kEventPri             ? POLL_PRI
                   : events & kEventIn              ? POLL_IN
                                                    : POLL_OUT;
    info.si_band = static_cast<long>(events);
    info.si_fd = o.fd;
    return info;
}

void Sender::send(Fasync& f) {
    EventMask events = f.pending.exchange(0);
    FileOwner o = f.owner();
    if (!o.pid || events == 0) return;
    SigInfo info = signal_info(o, events & kTold);
    SharedLock l(f.kernel().tasks().mu);
    switch (o.type) {
    case FileOwner::Type::Tid:
        if (o.pid->task && may_signal(*o.creds, *o.pid->task)) send_signal(*o.pid->task, info);
        break;
    case FileOwner::Type::Pid:
        if (o.pid->group && o.pid->group->leader && may_signal(*o.creds, *o.pid->group->leader))
            send_group_signal(*o.pid->group, info);
        break;
    case FileOwner::Type::Pgrp:
        for (ThreadGroup& g : o.pid->pgrp_members)
            if (g.leader && may_signal(*o.creds, *g.leader)) send_group_signal(g, info);
        break;
    }
}

Fasync& state_of(Task& t, vfs::OpenFile& f) {
    vfs::FileSignals* s = f.signals.load();
    if (!s) {
        Fasync* mine = new Fasync(t.kernel());
        if (f.signals.compare_exchange_strong(s, mine)) return *mine;
        mine->unref();
    }
    return static_cast<Fasync&>(*s);
}

}  // namespace

FileOwner file_owner(const vfs::OpenFile& f) {
    vfs::FileSignals* s = f.signals.load();
    return s ? static_cast<Fasync*>(s)->owner() : FileOwner{};
}

void set_file_owner(Task& t, vfs::OpenFile& f, FileOwner::Type type, Ref<Pid> pid) {
    state_of(t, f).change([&](FileOwner& o) {
        o.type = type;
        o.pid = std::move(pid);
        o.creds = t.creds();
    });
}

void set_file_signal(Task& t, vfs::OpenFile& f, int signal) {
    state_of(t, f).change([&](FileOwner& o) { o.signal = signal; });
}

Result<> set_file_flags(Task& t, vfs::OpenFile& f, int fd, int flags) {
    int old = f.flags();
    if ((flags & O_NOATIME) && !(old & O_NOATIME)) {
        vfs::Attr a = SBX_TRY(f.inode().attr());
        if (!vfs::owner_or_capable(t.caller(), a)) return err(EPERM);
    }
    SBX_TRY(f.set_flags(flags, t.caller()));
    bool async = f.flags() & O_ASYNC;
    if (async == ((old & O_ASYNC) != 0)) return {};
    Fasync& s = state_of(t, f);
    s.change([&](FileOwner& o) { o.fd = fd; });
    if (async) Sender::get().start();
    s.listen(f, async, t.caller());
    return {};
}

}  // namespace sbx
