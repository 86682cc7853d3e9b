// EventFile: an eventfd (eventfd(2)): a counter that reads take and writes add to. Used by syscalls/event.cc.
#pragma once

#include "fs/anon/anon_inode.h"

namespace sbx::anon {

class EventFile final : public AnonFile {
public:
    static constexpr char kKind = 0;
    const void* kind() const override { return &kKind; }
    EventFile(u32 initial, bool semaphore, int flags);
    Result<size_t> read(mm::IoBuf& dst, i64* pos, u32 rwf, const vfs::Caller& c) override;
    Result<size_t> write(mm::IoBuf& src, i64* pos, u32 rwf, const vfs::Caller& c) override;
    EventMask poll(EventMask mask, const vfs::Caller& c) override;
    void poll_add(Waiter& w, const vfs::Caller& c) override;
    void poll_remove(Waiter& w) override;
    std::string fdinfo(const vfs::Caller& c) const override;

private:
    friend struct state::Access;
    template <class A>
    auto state_head(A a) const {
        return a.args(0u, semaphore_, 0);
    }
    template <class A>
    void state(A& ar) SBX_NO_TSA {
        OpenFile::state(ar);
        ar(count_);
    }
    Result<size_t> write_one(mm::IoBuf& src);

    const bool semaphore_;
    mutable Mutex<Rank::Leaf> mu_;
    u64 count_ SBX_GUARDED_BY(mu_);
    WaitQueue queue_;
};

}  // namespace sbx::anon
