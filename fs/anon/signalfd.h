// SignalFile: a signalfd (signalfd(2)): reads take pending signals of the reading task. Used by syscalls/signalfd.cc.
#pragma once

#include <deque>
#include <unordered_map>

#include "fs/anon/anon_inode.h"
#include "src/kernel/signal.h"

namespace sbx::anon {

class SignalFile final : public AnonFile {
public:
    static constexpr char kKind = 0;
    const void* kind() const override { return &kKind; }
    SignalFile(SigSet mask, int flags);
    void set_mask(SigSet mask, Task& t);
    Result<size_t> read(mm::IoBuf& dst, i64* pos, u32 rwf, const vfs::Caller& c) override;
    Result<size_t> write(mm::IoBuf&, i64*, u32, const vfs::Caller&) override { return err(EINVAL); }
    EventMask poll(EventMask mask, const vfs::Caller& c) override;
    void poll_add(Waiter& w, const vfs::Caller& c) override;
    void poll_remove(Waiter& w) override;
    std::string fdinfo(const vfs::Caller& c) const override;

private:
    friend struct state::Access;
    template <class A>
    auto state_head(A a) const {
        return a.args(mask(), 0);
    }
    template <class A>
    void state(A& ar);
    void state_loaded(state::Loader& ar);
    SigSet mask() const { return SigSet{mask_.load(std::memory_order_relaxed)}; }
    std::atomic<u64> mask_;
    // Whose queue a waiter is on: that of the process that registered it.
    Mutex<Rank::Leaf> mu_;
    std::unordered_map<Waiter*, Ref<SignalHandlers>> waiters_ SBX_GUARDED_BY(mu_);
    // From an archive, until the waiters are there: those that outlive calls (epoll, O_ASYNC).
    struct Loaded {
        Waiter* waiter = nullptr;
        Ref<SignalHandlers> handlers;
    };
    std::deque<Loaded> loaded_;
};

}  // namespace sbx::anon
