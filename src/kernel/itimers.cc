// Interval timers.
#include "src/kernel/itimers.h"

#include <algorithm>

#include "src/kernel/kernel.h"

namespace sbx {

IntervalTimers::Value IntervalTimers::get(Which w) const {
    if (w == kReal) {
        Timer::Setting s = real_.get();
        if (s.at == kNever || s.rests) return {0, s.interval};
        // A timer about to fire still counts as armed (itimer_get_remtime).
        return {std::max<Nanos>(s.left(host_monotonic()), kNanosPerMicro), s.interval};
    }
    Lock l(mu_);
    return cpu_[w - kVirtual];
}

IntervalTimers::Value IntervalTimers::set(Which w, Value v) {
    Value old = get(w);
    if (w == kReal) {
        real_.set(v.left ? Timer::Setting{add_sat(host_monotonic(), v.left), v.interval} : Timer::Setting{});
        return old;
    }
    Lock l(mu_);
    cpu_[w - kVirtual] = v;  // set_cpu_itimer(): a disarmed one keeps its interval
    return old;
}

void IntervalTimers::on_timer() {
    TaskSet& tasks = group_.kernel().tasks();
    SharedLock l(tasks.mu);
    send_group_signal(group_, kernel_siginfo(SIGALRM));
}

void IntervalTimers::cpu_time_passed(Nanos user, Nanos system) {
    const Nanos passed[2] = {user, user + system};
    const int signals[2] = {SIGVTALRM, SIGPROF};
    for (int i = 0; i < 2; i++) {
        bool fire = false;
        {
            Lock l(mu_);
            Value& v = cpu_[i];
            if (v.left == 0) continue;
            v.left -= passed[i];
            fire = v.left <= 0;
            if (fire) v.left = v.interval ? std::max<Nanos>(v.interval + v.left % v.interval, 1) : 0;
            if (fire && !v.interval) v = {};
        }
        if (fire) send_group_signal(group_, kernel_siginfo(signals[i]));
    }
}

}  // namespace sbx
