// POSIX timers.
#include "src/kernel/posix_timers.h"

#include <limits.h>

#include <algorithm>
#include <vector>

#include "src/kernel/cpu_clock.h"
#include "src/kernel/kernel.h"
#include "src/kernel/user_counts.h"

namespace sbx {
namespace {
// RLIMIT_SIGPENDING bounds them too: each holds an instance of a signal.
constexpr size_t kMaxTimers = 32768;

SigInfo timer_info(int id, const PosixTimer::Notify& n) {
    SigInfo i{};
    i.si_signo = n.signo;
    i.si_code = SI_TIMER;
    i.si_timerid = id;
    i.si_value = n.value;
    return i;
}
}  // namespace

PosixTimer::PosixTimer(ThreadGroup& g, Timekeeper& k, int id, clockid_t clock, Notify n)
    : group_(g),
      clock_(clock),
      cpu_(!Timekeeper::now(clock)),
      cpu_thread_(clock == CLOCK_THREAD_CPUTIME_ID || (clock < 0 && (clock & 4))),
      notify_(std::move(n)),
      timer_(k, *this) {
    signal_.info = timer_info(id, notify_);
    signal_.timer = this;
}

PosixTimer::~PosixTimer() {
    timer_.disarm();
    user_counts().remove(UserCounts::kPendingSignals, notify_.user);
    TaskSet& tasks = group_.kernel().tasks();
    SharedLock l(tasks.mu);
    Lock h(group_.handlers()->mu);
    if (!signal_.linked()) return;
    if (notify_.thread)
        notify_.thread->pending.remove(signal_);
    else
        group_.pending.remove(signal_);
}

Nanos PosixTimer::cpu_now(Nanos group_time) const {
    if (!cpu_thread_ || !notify_.thread) return group_time;
    return static_cast<Nanos>(notify_.thread->user_ticks.load() + notify_.thread->system_ticks.load()) *
           CpuClock::kTick;
}

PosixTimer::Value PosixTimer::get(Task& caller) const {
    if (cpu_) {
        Nanos now = cpu_now(cpu_clock_now(caller, CLOCK_PROCESS_CPUTIME_ID).value_or(0));
        Lock l(mu_);
        if (cpu_at_ == kNever) return {0, cpu_interval_};
        return {std::max<Nanos>(cpu_at_ - now, 1), cpu_interval_};
    }
    Timer::Setting s = timer_.get();
    if (s.at == kNever) return {0, s.interval};
    Nanos left = s.left(host_monotonic());
    // A one-shot SIGEV_NONE timer shows when it is over; others about to fire still count as armed (common_timer_get).
    if (left <= 0) left = notify_.how == SIGEV_NONE ? 0 : 1;
    return {left, s.interval};
}

PosixTimer::Value PosixTimer::set(Task& caller, Nanos at, Nanos interval, bool absolute) {
    Value old = get(caller);
    if (cpu_) {
        Nanos now = cpu_now(cpu_clock_now(caller, CLOCK_PROCESS_CPUTIME_ID).value_or(0));
        Lock l(mu_);
        overrun_ = 0;
        last_overrun_ = 0;
        cpu_interval_ = interval;
        cpu_at_ = at == 0 ? kNever : absolute ? at : add_sat(now, at);
        return old;
    }
    {
        Lock l(mu_);
        overrun_ = 0;
        last_overrun_ = 0;
    }
    Timer::Setting s;
    s.interval = interval;
    if (at != 0) s.at = absolute ? Timekeeper::monotonic_deadline(at, clock_) : add_sat(host_monotonic(), at);
    timer_.set(s);
    return old;
}

int PosixTimer::overrun() const {
    Lock l(mu_);
    return last_overrun_;
}

int PosixTimer::delivered() {
    u64 missed = timer_.collect();
    Lock l(mu_);
    last_overrun_ = static_cast<int>(std::min<u64>(overrun_ + missed, INT_MAX));
    overrun_ = 0;
    return last_overrun_;
}

void PosixTimer::on_timer() {
    SharedLock l(group_.kernel().tasks().mu);
    expire(1);
}

void PosixTimer::ignored() { (void)timer_.collect(CpuClock::kTick); }

void PosixTimer::expire(u64 expirations) {
    if (notify_.how == SIGEV_NONE) return;
    Task* target = notify_.thread ? notify_.thread.get() : group_.leader;
    if (!target) return;
    // While the last signal is still queued, expiries are only counted.
    Sent sent = send_queued_signal(*target, !notify_.thread, signal_);
    if (sent == Sent::Ignored) return ignored();
    Lock l(mu_);
    overrun_ += sent == Sent::Queued ? expirations - 1 : expirations;
}

void PosixTimer::check_cpu_time(Nanos group_time) {
    Nanos now = cpu_now(group_time);
    u64 expirations = 0;
    {
        Lock l(mu_);
        if (now < cpu_at_) return;
        expirations = 1;
        if (cpu_interval_ > 0) {
            expirations += static_cast<u64>((now - cpu_at_) / cpu_interval_);
            cpu_at_ = add_sat(cpu_at_, static_cast<Nanos>(expirations) * cpu_interval_);
        } else {
            cpu_at_ = kNever;
        }
    }
    expire(expirations);
}

Result<int> PosixTimers::create(ThreadGroup& g, Timekeeper& k, clockid_t clock, PosixTimer::Notify n, bool id_as_value,
                                u64 limit) {
    Lock l(mu_);
    if (timers_.size() >= kMaxTimers) return err(EAGAIN);
    if (!user_counts().add(UserCounts::kPendingSignals, n.user, limit)) return err(EAGAIN);
    while (timers_.count(next_id_)) next_id_ = next_id_ == INT_MAX ? 0 : next_id_ + 1;
    int id = next_id_++;
    if (next_id_ < 0) next_id_ = 0;
    if (id_as_value) n.value.sival_int = id;
    timers_[id] = std::make_shared<PosixTimer>(g, k, id, clock, std::move(n));
    return id;
}

std::shared_ptr<PosixTimer> PosixTimers::find(int id) const {
    Lock l(mu_);
    auto it = timers_.find(id);
    return it == timers_.end() ? nullptr : it->second;
}

bool PosixTimers::remove(int id) {
    std::shared_ptr<PosixTimer> gone;  // destroyed without the lock
    Lock l(mu_);
    auto it = timers_.find(id);
    if (it == timers_.end()) return false;
    gone = std::move(it->second);
    timers_.erase(it);
    l.unlock();
    return true;
}

void PosixTimers::check_cpu_time(ThreadGroup& g, Nanos group_time, HeldTimers& held) {
    std::vector<std::shared_ptr<PosixTimer>> on_cpu;
    {
        Lock l(mu_);
        for (auto& [id, t] : timers_)
            if (t->on_cpu_clock()) on_cpu.push_back(t);
    }
    for (auto& t : on_cpu) {
        t->check_cpu_time(group_time);
        held.emplace_back(g, std::move(t));
    }
}

void install_timer_signals() {
    timer_signal_hook = [](PosixTimer* timer, SigInfo* info) {
        if (info)
            info->si_overrun = timer->delivered();
        else
            timer->ignored();
    };
}

}  // namespace sbx
