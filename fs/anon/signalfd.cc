// signalfd files (fs/signalfd.c).
#include "fs/anon/signalfd.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/signalfd.h>

#include "fs/anon/anon_inode.h"
#include "src/base/archive.h"
#include "src/kernel/thread_group.h"

namespace sbx::anon {
namespace {

// signalfd_copyinfo(): which fields are there depends on who sent it.
signalfd_siginfo to_record(const SigInfo& i) {
    signalfd_siginfo r{};
    r.ssi_signo = static_cast<u32>(i.si_signo);
    r.ssi_errno = i.si_errno;
    r.ssi_code = i.si_code;
    auto value = [&] {
        r.ssi_int = i.si_value.sival_int;
        r.ssi_ptr = reinterpret_cast<u64>(i.si_value.sival_ptr);
    };
    auto sender = [&] {
        r.ssi_pid = static_cast<u32>(i.si_pid);
        r.ssi_uid = i.si_uid;
    };
    switch (i.si_code) {
    case SI_USER:
    case SI_TKILL: sender(); return r;
    case SI_TIMER:
        r.ssi_tid = static_cast<u32>(i.si_timerid);
        r.ssi_overrun = static_cast<u32>(i.si_overrun);
        value();
        return r;
    case SI_KERNEL: return r;
    default: break;
    }
    if (i.si_code < 0) {
        if (i.si_code == SI_SIGIO) {
            r.ssi_band = static_cast<u32>(i.si_band);
            r.ssi_fd = i.si_fd;
            return r;
        }
        sender();
        value();
        return r;
    }
    switch (i.si_signo) {
    case SIGCHLD:
        sender();
        r.ssi_status = i.si_status;
        r.ssi_utime = static_cast<u64>(i.si_utime);
        r.ssi_stime = static_cast<u64>(i.si_stime);
        break;
    case SIGPOLL:
        r.ssi_band = static_cast<u32>(i.si_band);
        r.ssi_fd = i.si_fd;
        break;
    case SIGSEGV:
    case SIGBUS:
    case SIGFPE:
    case SIGILL:
    case SIGTRAP: r.ssi_addr = reinterpret_cast<u64>(i.si_addr); break;
    case SIGSYS:
        r.ssi_syscall = i.si_syscall;
        r.ssi_arch = i.si_arch;
        break;
    default: break;
    }
    return r;
}

}  // namespace

SBX_SAVABLE(SignalFile);

template <class A>
void SignalFile::state(A& ar) SBX_NO_TSA {
    OpenFile::state(ar);
    std::deque<Loaded> saved;
    if constexpr (!A::kLoading)
        for (auto& [w, h] : waiters_) saved.push_back({w, h});
    std::deque<Loaded>& list = A::kLoading ? loaded_ : saved;
    u64 n = list.size();
    ar(n);
    for (u64 i = 0; i < n; i++) {
        if constexpr (A::kLoading) {
            if (!ar.ok()) return;
            list.emplace_back();
        }
        ar.link(list[i].waiter);
        ar(list[i].handlers);
    }
}

void SignalFile::state_loaded(state::Loader& ar) SBX_NO_TSA {
    for (Loaded& l : std::exchange(loaded_, {})) {
        if (!l.waiter || !l.handlers || !waiters_.emplace(l.waiter, l.handlers).second)
            return ar.fail("a signalfd has a waiter that is none");
        l.handlers->queued.add(*l.waiter);
    }
}

SignalFile::SignalFile(SigSet mask, int flags)
    : AnonFile("[signalfd]", O_RDWR | (flags & O_NONBLOCK)), mask_(mask.bits) {}

void SignalFile::set_mask(SigSet mask, Task& t) {
    mask_.store(mask.bits, std::memory_order_relaxed);
    t.group().handlers()->queued.notify(kEventIn);
}

Result<size_t> SignalFile::read(mm::IoBuf& dst, i64*, u32, const vfs::Caller& c) {
    if (dst.remaining() < sizeof(signalfd_siginfo)) return err(EINVAL);
    Task& t = *c.task;
    size_t done = 0;
    while (dst.remaining() >= sizeof(signalfd_siginfo)) {
        PendingSignals::Taken taken;
        {
            Lock l(t.group().handlers()->mu);
            if (!dequeue_signal(t, mask(), &taken)) break;
        }
        signalfd_siginfo r = to_record(taken.info);
        Result<size_t> put = dst.put(&r, sizeof r);
        if (!put || *put < sizeof r) return done ? Result<size_t>(done) : err(EFAULT);
        done += sizeof r;
    }
    if (done == 0) return err(EAGAIN);
    return done;
}

EventMask SignalFile::poll(EventMask mask, const vfs::Caller& c) {
    Task& t = *c.task;
    Lock l(t.group().handlers()->mu);
    bool ready = t.pending.peek(this->mask()) || t.group().pending.peek(this->mask());
    return ready ? mask & (kEventIn | kEventRdNorm) : 0;
}

void SignalFile::poll_add(Waiter& w, const vfs::Caller& c) {
    // From an archive: whose signals it is about was saved here.
    if (!c.task) return;
    Ref<SignalHandlers> h = c.task->group().handlers();
    {
        Lock l(mu_);
        waiters_.emplace(&w, h);
    }
    h->queued.add(w);
}

void SignalFile::poll_remove(Waiter& w) {
    Ref<SignalHandlers> h;
    {
        Lock l(mu_);
        auto it = waiters_.find(&w);
        if (it == waiters_.end()) return;
        h = std::move(it->second);
        waiters_.erase(it);
    }
    h->queued.remove(w);
}

std::string SignalFile::fdinfo(const vfs::Caller&) const {
    char line[40];
    snprintf(line, sizeof line, "sigmask:\t%016llx\n", static_cast<unsigned long long>(mask().bits));
    return line;
}

}  // namespace sbx::anon
