// Signals about readiness of open files.
#include "src/kernel/fasync.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>

#include <algorithm>

#include "fs/vfs/inode.h"
#include "fs/vfs/walk.h"
#include "src/base/archive.h"
#include "src/host/parker.h"
#include "src/host/thread.h"
#include "src/kernel/kernel.h"

namespace sbx {
namespace {

constexpr EventMask kTold = kEventIn | kEventOut | kEventPri | kEventErr | kEventHup;
constexpr EventMask kNotices = 0x2000000;  // in Fasync::pending: look at the notices
constexpr unsigned kMaxRepeats = 1024;     // of one notice that is not sent yet; a queue of signals is not longer

// A signal to come that does not tell of readiness.
struct Notice {
    int fd = -1, reason = 0;
    unsigned count = 0;
    template <class A>
    void state(A& ar) {
        ar(fd, reason, count);
    }
};

// The state behind OpenFile::signals.
class Fasync final : public vfs::FileSignals, public Waiter {
public:
    explicit Fasync(Kernel& k) : Waiter(kTold), kernel_(k) {}
    void on_event(EventMask events) override;
    // Nobody else can reach the file any more: no lock, whatever the caller holds.
    void file_gone(vfs::OpenFile& f) SBX_NO_TSA override {
        f.poll_remove(*this);
        listens_to_ = nullptr;
    }
    void tell(int fd, int reason) override {
        add_notice(fd, reason);
        on_event(kNotices);
    }
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
        if (on == (listens_to_ != nullptr)) return;
        listens_to_ = on ? &f : nullptr;
        if (on)
            f.poll_add(*this, c);
        else
            f.poll_remove(*this);
    }
    // A place for each descriptor that a process asked for notices on; repeats are counted.
    void add_notice(int fd, int reason) {
        Lock l(mu_);
        for (Notice& n : notices_)
            if (n.fd == fd && n.reason == reason) {
                n.count = std::min(n.count + 1, kMaxRepeats);
                return;
            }
        notices_.push_back({fd, reason, 1});
    }
    std::vector<Notice> take_notices() {
        Lock l(mu_);
        return std::exchange(notices_, {});
    }
    Kernel& kernel() const { return kernel_; }
    std::atomic<EventMask> pending{0};  // told by on_event, not sent yet

private:
    Kernel& kernel_;
    mutable Mutex<Rank::Leaf> mu_;
    FileOwner owner_ SBX_GUARDED_BY(mu_);
    std::vector<Notice> notices_ SBX_GUARDED_BY(mu_);
    Mutex<Rank::Boot> listen_mu_;                                     // before all that poll_add of any file takes
    vfs::OpenFile* listens_to_ SBX_GUARDED_BY(listen_mu_) = nullptr;  // the file that owns this, or null

    friend struct state::Access;
    template <class A>
    auto state_head(A a) const {
        return a.args(a.given(kernel_));
    }
    template <class A>
    void state(A& ar) SBX_NO_TSA {
        ar.identity(static_cast<Waiter&>(*this));
        ar(pending, owner_, notices_, listens_to_);
    }
    void state_loaded(state::Loader& ar);
};
SBX_SAVABLE(Fasync);

// The thread that sends. Never freed: it may run as the process ends.
class Sender {
public:
    static Sender& get() {
        static Sender* s = new Sender;  // no state: its work is saved with each Fasync
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

    // Sends what is due. When it returns, nothing that was due before is on its way.
    void send_all() {
        Lock s(sending_);
        for (;;) {
            std::vector<Ref<Fasync>> work;
            {
                Lock l(mu_);
                work.swap(queue_);
            }
            if (work.empty()) return;
            for (Ref<Fasync>& f : work) send(*f);
        }
    }

private:
    void run() {
        for (;;) {
            parker_.park();
            send_all();
        }
    }
    static void send(Fasync& f);

    Mutex<Rank::Sigio> sending_;  // one batch at a time
    Mutex<Rank::Leaf> mu_;
    std::vector<Ref<Fasync>> queue_ SBX_GUARDED_BY(mu_);  // each at most once: `pending` says whether it is there
    bool running_ SBX_GUARDED_BY(mu_) = false;
    host::Parker parker_;
};

void Fasync::state_loaded(state::Loader&) SBX_NO_TSA {
    if (listens_to_) listens_to_->poll_add(*this, vfs::Caller{});
    if (!owner_.pid && !listens_to_) return;
    Sender::get().start();
    if (pending.load() != 0) Sender::get().add(Ref<Fasync>(*this));
}

void Fasync::on_event(EventMask events) {
    if (pending.fetch_or(events) == 0) Sender::get().add(Ref<Fasync>(*this));
}

// sigio_perm()
bool may_signal(const Creds& who, const Task& target) {
    CredsRef c = target.creds_of();
    return who.euid == 0 || who.euid == c->suid || who.euid == c->uid || who.uid == c->suid || who.uid == c->uid;
}

int reason_of(EventMask events) {
    return events & (kEventErr | kEventHup) ? POLL_HUP
           : events & kEventPri             ? POLL_PRI
           : events & kEventIn              ? POLL_IN
                                            : POLL_OUT;
}

// band_table of fs/fcntl.c
long band_of(int reason) {
    switch (reason) {
    case POLL_IN: return POLLIN | POLLRDNORM;
    case POLL_OUT: return POLLOUT | POLLWRNORM | POLLWRBAND;
    case POLL_MSG: return POLLIN | POLLRDNORM | POLLMSG;
    case POLL_ERR: return POLLERR;
    case POLL_PRI: return POLLPRI | POLLRDBAND;
    default: return POLLHUP | POLLERR;
    }
}

// Signals whose si_code has meanings of its own.
bool has_own_codes(int signal) {
    for (int s : {SIGILL, SIGFPE, SIGSEGV, SIGBUS, SIGTRAP, SIGCHLD, SIGSYS})
        if (s == signal) return true;
    return false;
}

SigInfo signal_info(const FileOwner& o, int fd, int reason) {
    SigInfo info = kernel_siginfo(o.signal ? o.signal : SIGIO);
    if (o.signal == 0) return info;
    info.si_code = has_own_codes(o.signal) ? SI_SIGIO : reason;
    info.si_band = band_of(reason);
    info.si_fd = fd;
    return info;
}

template <class Target>
void deliver(Result<> (*send)(Target&, const SigInfo&), Target& target, const Task& checked, const FileOwner& o,
             const SigInfo& info) {
    if (!may_signal(*o.creds, checked)) return;
    // send_sigio_to_task(): SIGIO without details if the queue is full.
    if (!send(target, info)) (void)send(target, kernel_siginfo(SIGIO));
}

void signal_owner(const FileOwner& o, const SigInfo& info) {
    switch (o.type) {
    case FileOwner::Type::Tid:
        if (o.pid->task) deliver(send_signal, *o.pid->task, *o.pid->task, o, info);
        break;
    case FileOwner::Type::Pid:
        if (ThreadGroup* g = o.pid->group; g && g->leader) deliver(send_group_signal, *g, *g->leader, o, info);
        break;
    case FileOwner::Type::Pgrp:
        for (ThreadGroup& g : o.pid->pgrp_members)
            if (g.leader) deliver(send_group_signal, g, *g.leader, o, info);
        break;
    }
}

void Sender::send(Fasync& f) {
    EventMask events = f.pending.exchange(0);
    std::vector<Notice> notices;
    if (events & kNotices) notices = f.take_notices();
    FileOwner o = f.owner();
    if (!o.pid) return;
    if (events & kTold) notices.push_back({o.fd, reason_of(events), 1});
    SharedLock l(f.kernel().tasks().mu);
    for (const Notice& n : notices)
        for (unsigned i = 0; i < n.count; i++) signal_owner(o, signal_info(o, n.fd, n.reason));
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

void settle_file_signals() { Sender::get().send_all(); }

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

Ref<vfs::FileSignals> claim_file(Task& t, vfs::OpenFile& f) {
    Fasync& s = state_of(t, f);
    s.change([&](FileOwner& o) {
        if (o.pid) return;
        o.type = FileOwner::Type::Pid;
        o.pid = Ref<Pid>(t.pid());
        o.creds = t.creds();
    });
    Sender::get().start();
    return Ref<vfs::FileSignals>(s);
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
