// Interval timers of a thread group (getitimer(2), alarm(2)). Used by syscalls/timer.cc; CPU time comes from the CPU clock.
#pragma once

#include "src/base/mutex.h"
#include "src/base/ref.h"
#include "src/kernel/timekeeper.h"

namespace sbx {

class ThreadGroup;

class IntervalTimers final : private TimerListener {
public:
    IntervalTimers(ThreadGroup& g, Timekeeper& k) : group_(g), real_(k, *this) {}
    // Time left and interval, in nanoseconds; zero: disarmed.
    struct Value {
        Nanos left = 0, interval = 0;
        template <class A>
        void state(A& ar) {
            ar(left, interval);
        }
    };
    enum Which { kReal, kVirtual, kProf };
    Value get(Which w) const;
    // Returns the old value. `v.left` zero disarms.
    Value set(Which w, Value v);
    // TaskSet::mu held shared.
    void cpu_time_passed(Nanos user, Nanos system);
    // A SIGALRM of the group is being delivered: a periodic kReal goes on from here (posixtimer_rearm_itimer()).
    void alarm_delivered() { (void)real_.collect(); }

private:
    friend struct state::Access;
    template <class A>
    void state(A& ar) SBX_NO_TSA {
        ar(cpu_, real_);
    }
    void on_timer() override;

    ThreadGroup& group_;  // no state: the owner
    mutable Mutex<Rank::TimerGroup> mu_;
    Value cpu_[2] SBX_GUARDED_BY(mu_);  // kVirtual, kProf
    Timer real_;                        // last: its destructor waits for on_timer
};

}  // namespace sbx
