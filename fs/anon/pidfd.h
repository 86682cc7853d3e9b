// PidFile: a pidfd (pidfd_open(2)): names a process for good, and is readable once it has ended. Used by syscalls/pidfd.cc.
#pragma once

#include "fs/vfs/open_file.h"
#include "src/kernel/pid.h"

namespace sbx::anon {

class PidFile final : public vfs::OpenFile {
public:
    static constexpr char kKind = 0;
    const void* kind() const override { return &kKind; }
    PidFile(Ref<Pid> pid, int flags);
    bool positional() const override { return true; }  // pread fails as read does
    const Ref<Pid>& pid() const { return pid_; }
    bool can_splice() const override { return false; }
    EventMask poll(EventMask mask, const vfs::Caller& c) override;
    void poll_add(Waiter& w, const vfs::Caller& c) override;
    void poll_remove(Waiter& w) override;
    Result<size_t> read(mm::IoBuf&, i64*, u32, const vfs::Caller&) override { return err(EINVAL); }
    Result<size_t> write(mm::IoBuf&, i64*, u32, const vfs::Caller&) override { return err(EINVAL); }
    std::string fdinfo(const vfs::Caller& c) const override;

private:
    friend struct state::Access;
    template <class A>
    auto state_head(A a) const {
        return a.args(pid_, 0);
    }
    Ref<Pid> pid_;
};

}  // namespace sbx::anon
