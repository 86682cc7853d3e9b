// TimerFile: a timerfd (timerfd_create(2)): reads take the count of expirations. Used by syscalls/event.cc.
#pragma once

#include <time.h>

#include "fs/anon/anon_inode.h"
#include "src/kernel/timekeeper.h"

namespace sbx::anon {

class TimerFile final : public AnonFile, private TimerListener {
public:
    static constexpr char kKind = 0;
    const void* kind() const override { return &kKind; }
    TimerFile(Timekeeper& k, clockid_t clock, int flags);
    // Values are valid timespecs. Returns what was set.
    itimerspec set(const itimerspec& s, bool absolute);
    itimerspec get();
    Result<size_t> read(mm::IoBuf& dst, i64* pos, u32 rwf, const vfs::Caller& c) override;
    EventMask poll(EventMask mask, const vfs::Caller& c) override;
    void poll_add(Waiter& w, const vfs::Caller& c) override;
    void poll_remove(Waiter& w) override;
    std::string fdinfo(const vfs::Caller& c) const override;

private:
    friend struct state::Access;
    template <class A>
    auto state_head(A a) const {
        return a.args(clock_);
    }
    // With the kernel's timekeeper.
    template <class H>
    static TimerFile* state_make(state::Loader& ar, H& head);
    template <class A>
    void state(A& ar);
    void on_timer() override;
    itimerspec remaining() const;

    const clockid_t clock_;
    mutable Mutex<Rank::Leaf> mu_;
    u64 expirations_ SBX_GUARDED_BY(mu_) = 0;
    bool absolute_ SBX_GUARDED_BY(mu_) = false;  // the time that was set is one of the clock
    WaitQueue queue_;
    Timer timer_;  // last: its destructor waits for on_timer
};

}  // namespace sbx::anon
