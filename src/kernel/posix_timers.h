// POSIX timers of a thread group (timer_create(2)). Used by syscalls/timer.cc; signals are queued through the timers' own instances, so that
// an expiry never fails for lack of memory.
#pragma once

#include <map>
#include <memory>
#include <optional>

#include "src/base/mutex.h"
#include "src/kernel/cpu_limits.h"
#include "src/kernel/signal.h"
#include "src/kernel/thread_group.h"
#include "src/kernel/timekeeper.h"

namespace sbx {

class PosixTimer final : private TimerListener {
public:
    struct Notify {
        int how = 0;  // SIGEV_SIGNAL, SIGEV_NONE, SIGEV_THREAD_ID
        int signo = 0;
        sigval value{};
        Ref<Task> thread;  // SIGEV_THREAD_ID
        Kuid user{};       // charged for its signal
        template <class A>
        void state(A& ar) {
            ar(how, signo, thread, user);
            ar.raw(value);
        }
    };
    PosixTimer(ThreadGroup& g, Timekeeper& k, int id, clockid_t clock, Notify n);
    ~PosixTimer();

    struct Value {
        Nanos left = 0, interval = 0;
    };
    Value get(Task& caller) const;
    // `at` is absolute on the timer's clock if `absolute`; zero disarms. Returns the old value.
    Value set(Task& caller, Nanos at, Nanos interval, bool absolute);
    int overrun() const;
    // Its signal is being delivered: the overrun count of this delivery. A periodic timer goes on from here.
    int delivered();
    // Its signal was thrown away, and may be the next time.
    void ignored();
    // CPU-clock timers: looks whether the time has come. TaskSet::mu held shared.
    void check_cpu_time(Nanos group_time);
    bool on_cpu_clock() const { return cpu_; }

private:
    friend class PosixTimers;
    template <class A>
    void state(A& ar);
    void requeue();
    void on_timer() override;
    void expire(u64 expirations);
    Nanos cpu_now(Nanos group_time) const;

    ThreadGroup& group_;     // no state: the owner
    clockid_t clock_;        // no state: saved by PosixTimers, with the id
    bool cpu_, cpu_thread_;  // no state: what clock_ says
    Notify notify_;          // no state: saved by PosixTimers, with the id
    QueuedSignal signal_;    // the group's SignalHandlers lock
    mutable Mutex<Rank::Timer> mu_;
    Nanos cpu_at_ SBX_GUARDED_BY(mu_) = kNever, cpu_interval_ SBX_GUARDED_BY(mu_) = 0;
    u64 overrun_ SBX_GUARDED_BY(mu_) = 0;
    int last_overrun_ SBX_GUARDED_BY(mu_) = 0;
    bool was_queued_ = false;  // when it was saved
    Timer timer_;              // last: its destructor waits for on_timer
};

class PosixTimers {
public:
    // EAGAIN when the process has too many, or n.user as many signals as `limit` says (RLIMIT_SIGPENDING). `id_as_value`: the signal's
    // value is the timer's id (no sigevent was given).
    Result<int> create(ThreadGroup& g, Timekeeper& k, clockid_t clock, PosixTimer::Notify n, bool id_as_value,
                       u64 limit);
    std::shared_ptr<PosixTimer> find(int id) const;  // null: EINVAL
    // False if there is none.
    bool remove(int id);
    // `g`: whose they are.
    void check_cpu_time(ThreadGroup& g, Nanos group_time, HeldTimers& held);
    // Of the group's timers, with all else of the group.
    template <class A>
    void state(A& ar, ThreadGroup& g);
    // Once all tasks are loaded: puts signals that were queued back.
    void requeue();

private:
    mutable Mutex<Rank::TimerGroup> mu_;
    std::map<int, std::shared_ptr<PosixTimer>> timers_ SBX_GUARDED_BY(mu_);
    int next_id_ SBX_GUARDED_BY(mu_) = 0;
};

// Makes signal delivery know of timers. At start-up.
void install_timer_signals();

}  // namespace sbx
