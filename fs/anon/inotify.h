// InotifyFile: an inotify instance (inotify(7), fs/notify/inotify). Used by syscalls/inotify.cc.
#pragma once

#include "fs/anon/anon_inode.h"

namespace sbx::anon {

class InotifyCore;

class InotifyFile final : public AnonFile {
public:
    static inline const char kKind = 0;
    const void* kind() const override { return &kKind; }
    // EMFILE if there are too many.
    static Result<Ref<InotifyFile>> create(int flags);
    ~InotifyFile() override;
    // The watch descriptor; `mask` with IN_MASK_ADD and IN_MASK_CREATE. ENOSPC, EEXIST.
    Result<int> add_watch(vfs::Inode& inode, u32 mask);
    Result<> remove_watch(int wd);

    Result<size_t> read(mm::IoBuf& dst, i64* pos, u32 rwf, const vfs::Caller& c) override;
    Result<size_t> write(mm::IoBuf&, i64*, u32, const vfs::Caller&) override { return err(EBADF); }
    Result<long> ioctl(u32 cmd, u64 arg, const vfs::Caller& c) override;
    EventMask poll(EventMask mask, const vfs::Caller& c) override;
    void poll_add(Waiter& w, const vfs::Caller& c) override;
    void poll_remove(Waiter& w) override;
    std::string fdinfo(const vfs::Caller& c) const override;

private:
    template <class T, class... A>
    friend Ref<T> sbx::make_ref(A&&... a);
    explicit InotifyFile(int flags);
    friend struct state::Access;
    template <class A>
    auto state_head(A a) const {
        return a.args(0);
    }
    template <class A>
    void state(A& ar);
    Ref<InotifyCore> core_;
};

}  // namespace sbx::anon
