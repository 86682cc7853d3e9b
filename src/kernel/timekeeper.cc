// Timers and the thread that fires them.
#include "src/kernel/timekeeper.h"

#include <algorithm>

#include "src/base/panic.h"
#include "src/host/thread.h"

namespace sbx {

Timer::~Timer() { disarm(); }

Timer::Setting Timer::set(Setting s) { return keeper_.set(*this, s); }

Timer::Setting Timer::get() const {
    Lock l(keeper_.mu_);
    return setting_;
}

u64 Timer::collect(Nanos pause) { return keeper_.collect(*this, pause); }

Nanos Timer::Setting::left(Nanos now) const {
    if (at == kNever) return kNever;
    if (rests) return interval - (now - at) % interval;
    return std::max<Nanos>(at - now, 0);
}

void Timer::disarm() {
    set({});
    keeper_.wait_not_firing(*this);
}

Timekeeper::~Timekeeper() {
    mu_.lock();
    stopping_ = true;
    changed_.notify_all();
    while (started_ && !stopped_) changed_.wait(mu_);
    mu_.unlock();
}

Timer::Setting Timekeeper::set(Timer& t, Timer::Setting s) {
    Lock l(mu_);
    Timer::Setting old = t.setting_;
    armed_.erase(&t);
    t.setting_ = s;
    if (s.at != kNever && !s.rests) arm_locked(t);
    return old;
}

void Timekeeper::arm_locked(Timer& t) {
    bool first = armed_.empty() || t.setting_.at < (*armed_.begin())->setting_.at;
    armed_.insert(&t);
    start_locked();
    if (first) changed_.notify_all();
}

u64 Timekeeper::collect(Timer& t, Nanos pause) {
    Lock l(mu_);
    Timer::Setting& s = t.setting_;
    const Nanos now = host_monotonic();
    if (s.at == kNever || (!s.rests && s.at > now)) return 0;
    // Due, and the thread has not come to it yet: that is one more.
    u64 missed = s.rests ? 0 : 1;
    armed_.erase(&t);
    if (s.interval == 0) {
        s.at = kNever;
        return missed;
    }
    u64 periods = static_cast<u64>((now - s.at) / s.interval);
    missed += periods;
    if (pause > 0) periods += static_cast<u64>(pause / s.interval);
    s.at = add_sat(s.at, static_cast<Nanos>(periods + 1) * s.interval);
    s.rests = false;
    arm_locked(t);
    return missed;
}

void Timekeeper::wait_not_firing(Timer& t) {
    mu_.lock();
    while (firing_ == &t) changed_.wait(mu_);
    mu_.unlock();
}

// The thread exists from the first timer on: most programs never set one.
void Timekeeper::start_locked() {
    if (started_) return;
    Result<> r = host::spawn_thread([](void* k) { static_cast<Timekeeper*>(k)->run(); }, this, "timekeeper");
    if (!r) SBX_PANIC("no host thread for timers");
    started_ = true;
}

void Timekeeper::run() {
    mu_.lock();
    while (!stopping_) {
        if (armed_.empty() || paused_) {
            changed_.wait(mu_);
            continue;
        }
        Timer& t = **armed_.begin();
        Nanos now = host_monotonic();
        if (t.setting_.at > now) {
            // steady_clock is CLOCK_MONOTONIC in both C++ libraries.
            changed_.wait_until(mu_, std::chrono::steady_clock::time_point(
                                         std::chrono::nanoseconds(to_nanos(host_deadline(t.setting_.at)))));
            continue;
        }
        armed_.erase(armed_.begin());
        if (t.setting_.interval > 0)
            t.setting_.rests = true;
        else
            t.setting_.at = kNever;
        firing_ = &t;
        mu_.unlock();
        t.listener_.on_timer();
        mu_.lock();
        firing_ = nullptr;
        changed_.notify_all();
    }
    stopped_ = true;
    changed_.notify_all();
    mu_.unlock();
}

void Timekeeper::pause() {
    mu_.lock();
    paused_ = true;
    while (firing_) changed_.wait(mu_);
    mu_.unlock();
}

void Timekeeper::resume() {
    mu_.lock();
    paused_ = false;
    changed_.notify_all();
    const Nanos now = host_monotonic();
    while (started_ && !stopping_ && (firing_ || (!armed_.empty() && (*armed_.begin())->setting_.at <= now)))
        changed_.wait(mu_);
    mu_.unlock();
}

Result<Nanos> Timekeeper::now(clockid_t clock) {
    switch (clock) {
    case CLOCK_REALTIME:
    case CLOCK_MONOTONIC:
    case CLOCK_MONOTONIC_RAW:
    case CLOCK_REALTIME_COARSE:
    case CLOCK_MONOTONIC_COARSE:
    case CLOCK_BOOTTIME:
    case CLOCK_TAI: break;
    // As on a machine with a clock for them, whether the host has one or not.
    case CLOCK_REALTIME_ALARM: return now(CLOCK_REALTIME);
    case CLOCK_BOOTTIME_ALARM: return now(CLOCK_BOOTTIME);
    default: return err(EINVAL);
    }
    timespec t;
    if (clock_gettime(clock, &t) != 0) return err(errno);
    return to_nanos(t) + offset(clock);
}

Nanos Timekeeper::offset(clockid_t clock) {
    bool stands_still = clock == CLOCK_MONOTONIC || clock == CLOCK_MONOTONIC_RAW || clock == CLOCK_MONOTONIC_COARSE;
    return stands_still ? monotonic_offset() : 0;
}

Nanos Timekeeper::resolution(clockid_t clock) {
    timespec t;
    return now(clock) && clock_getres(clock, &t) == 0 ? to_nanos(t) : 1;
}

Nanos Timekeeper::monotonic_deadline(Nanos at, clockid_t clock) {
    if (clock == CLOCK_MONOTONIC || at == kNever) return at;
    Result<Nanos> current = now(clock);
    if (!current || at <= *current) return 0;
    return add_sat(host_monotonic(), at - *current);
}

}  // namespace sbx
