// Timers as files.
#include "fs/anon/timerfd.h"

#include <stdio.h>

#include <algorithm>
#include <utility>

#include "fs/anon/anon_inode.h"
#include "src/base/archive.h"
#include "src/kernel/kernel.h"

namespace sbx::anon {

SBX_SAVABLE(TimerFile);

template <class H>
TimerFile* TimerFile::state_make(state::Loader& ar, H& head) {
    auto* kernel = ar.given<Kernel>();
    return kernel ? new TimerFile(kernel->timekeeper(), std::get<0>(head), 0) : nullptr;
}

// The time of day goes on while a sandbox is saved: a timer that was set for a time of it keeps that. Others keep what was left.
template <class A>
void TimerFile::state(A& ar) SBX_NO_TSA {
    OpenFile::state(ar);
    bool of_day = absolute_ && (clock_ == CLOCK_REALTIME || clock_ == CLOCK_REALTIME_ALARM);
    Nanos time_of_day = kNever;
    if constexpr (!A::kLoading)
        if (Timer::Setting s = timer_.get(); of_day && s.at != kNever && !s.rests)
            time_of_day = Timekeeper::now(CLOCK_REALTIME).value_or(0) + (s.at - host_monotonic());
    ar(expirations_, absolute_, timer_, time_of_day);
    if constexpr (A::kLoading) {
        if (time_of_day == kNever) return;
        Nanos left = add_sat(time_of_day, -Timekeeper::now(CLOCK_REALTIME).value_or(0));
        timer_.set({add_sat(host_monotonic(), left), timer_.get().interval});
    }
}

TimerFile::TimerFile(Timekeeper& k, clockid_t clock, int flags)
    : AnonFile("[timerfd]", flags), clock_(clock), timer_(k, *this) {}

// timerfd_get_remaining(): of a periodic timer that was not read since, there is none.
itimerspec TimerFile::remaining() const {
    Timer::Setting s = timer_.get();
    itimerspec i{};
    if (s.at != kNever && !s.rests) i.it_value = to_timespec(s.left(host_monotonic()));
    i.it_interval = to_timespec(s.interval);
    return i;
}

itimerspec TimerFile::get() {
    u64 missed = timer_.collect();
    {
        Lock l(mu_);
        expirations_ += missed;
    }
    return remaining();
}

itimerspec TimerFile::set(const itimerspec& s, bool absolute) {
    itimerspec old = get();
    Timer::Setting n;
    Nanos at = to_nanos(s.it_value);
    n.interval = to_nanos(s.it_interval);
    if (at != 0) n.at = absolute ? Timekeeper::monotonic_deadline(at, clock_) : add_sat(host_monotonic(), at);
    timer_.disarm();
    {
        Lock l(mu_);
        expirations_ = 0;
        absolute_ = absolute;
    }
    timer_.set(n);
    return old;
}

void TimerFile::on_timer() {
    {
        Lock l(mu_);
        expirations_++;
    }
    queue_.notify(kEventIn | kEventRdNorm);
}

Result<size_t> TimerFile::read(mm::IoBuf& dst, i64*, u32, const vfs::Caller&) {
    if (dst.remaining() < sizeof(u64)) return err(EINVAL);
    u64 n = timer_.collect();
    {
        Lock l(mu_);
        n += std::exchange(expirations_, 0);
    }
    if (n == 0) return err(EAGAIN);
    return dst.put(&n, sizeof n);
}

EventMask TimerFile::poll(EventMask mask, const vfs::Caller&) {
    Lock l(mu_);
    return expirations_ != 0 ? mask & (kEventIn | kEventRdNorm) : 0;
}

void TimerFile::poll_add(Waiter& w, const vfs::Caller&) { queue_.add(w); }
void TimerFile::poll_remove(Waiter& w) { queue_.remove(w); }

std::string TimerFile::fdinfo(const vfs::Caller&) const {
    itimerspec i = remaining();
    char buf[200];
    Lock l(mu_);
    snprintf(buf, sizeof buf,
             "clockid: %d\nticks: %llu\nsettime flags: 00\nit_value: (%lld, %ld)\nit_interval: (%lld, %ld)\n", clock_,
             static_cast<unsigned long long>(expirations_), static_cast<long long>(i.it_value.tv_sec),
             i.it_value.tv_nsec, static_cast<long long>(i.it_interval.tv_sec), i.it_interval.tv_nsec);
    return buf;
}

}  // namespace sbx::anon
