// Timekeeper: the sandbox's clocks, and the thread that fires timers. Used by time and timer system calls, timerfd, itimers, alarms.
//
// Clocks are the host's, but for what monotonic ones lag behind in a sandbox that was saved and loaded. CLOCK_MONOTONIC, CLOCK_REALTIME and
// CLOCK_BOOTTIME are read when asked, never cached; nobody inside can set them.
#pragma once

#include <time.h>

#include <condition_variable>
#include <optional>
#include <set>

#include "src/base/mutex.h"
#include "src/base/result.h"
#include "src/base/time.h"

namespace sbx {

class Timekeeper;

// Told when a timer expires, on the timekeeper's thread and with no lock held.
class TimerListener {
public:
    virtual void on_timer() = 0;

protected:
    ~TimerListener() = default;
};

// A timer on the host's monotonic clock. A periodic one that has expired rests until its owner has seen that (collect()), as in Linux: what
// nobody looks at costs nothing, however short its period. Its owner serialises set(); disarm() and the destructor wait for a running on_timer,
// so they must not be called with a lock that on_timer takes.
class Timer {
public:
    Timer(Timekeeper& k, TimerListener& listener) : keeper_(k), listener_(listener) {}
    ~Timer();
    Timer(const Timer&) = delete;
    Timer& operator=(const Timer&) = delete;

    struct Setting {
        Nanos at = kNever;   // next expiry, CLOCK_MONOTONIC; kNever: disarmed
        Nanos interval = 0;  // 0: once
        bool rests = false;  // it has expired at `at`
        // Time until the next expiry that is not over: 0 if it is over for a timer that does not rest, kNever if there is none.
        Nanos left(Nanos now) const;
    };
    // Arms, re-arms or disarms; returns what was set.
    Setting set(Setting s);
    Setting get() const;
    void disarm();
    // How many periods are over but for one that on_timer was told of: 0 if it does not rest and is not due. Lets it go on, with no expiry in the
    // next `pause` nanoseconds (rounded up to a period). Takes no lock but the timekeeper's.
    u64 collect(Nanos pause = 0);
    // The timekeeper is paused meanwhile.
    template <class A>
    void state(A& ar) {
        Setting s = get();
        ar(s.at, s.interval, s.rests);
        s.rests = s.rests && s.interval > 0;
        if constexpr (A::kLoading) set(s);
    }

private:
    friend class Timekeeper;
    Timekeeper& keeper_;
    TimerListener& listener_;  // no state: the owner
    Setting setting_;          // Timekeeper::mu_
};

class Timekeeper {
public:
    Timekeeper() = default;
    ~Timekeeper();

    // Time of a clock that is not a CPU clock; EINVAL for others.
    static Result<Nanos> now(clockid_t clock);
    // A clock whose timers wake a machine that sleeps: takes CAP_WAKE_ALARM.
    static bool wakes(clockid_t clock) { return clock == CLOCK_REALTIME_ALARM || clock == CLOCK_BOOTTIME_ALARM; }
    // clock_getres(2) of any clock that there is.
    static Nanos resolution(clockid_t clock);
    // The monotonic deadline for an absolute time on `clock` (not a CPU clock), as things stand now. At or before now: 0.
    static Nanos monotonic_deadline(Nanos at, clockid_t clock);

    // What it is ahead of the host's, of a sandbox that was loaded: monotonic clocks stood still while it was saved.
    static Nanos offset(clockid_t clock);

    // No timer fires from the return of pause() until resume(), which returns when those that are due have fired.
    void pause();
    void resume();

private:
    friend class Timer;
    struct Earlier {
        bool operator()(const Timer* a, const Timer* b) const {
            return a->setting_.at != b->setting_.at ? a->setting_.at < b->setting_.at : a < b;
        }
    };
    void run();
    void start_locked();
    Timer::Setting set(Timer& t, Timer::Setting s);
    u64 collect(Timer& t, Nanos pause);
    void arm_locked(Timer& t);
    void wait_not_firing(Timer& t);

    mutable Mutex<Rank::Timekeeper> mu_;
    std::condition_variable_any changed_;                                         // earliest timer, stopping_, firing_
    std::set<Timer*, Earlier> armed_;                                             // mu_
    Timer* firing_ = nullptr;                                                     // mu_
    bool started_ = false, stopping_ = false, stopped_ = false, paused_ = false;  // mu_
};

}  // namespace sbx
