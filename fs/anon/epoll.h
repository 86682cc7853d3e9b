// EpollFile: an epoll instance (epoll(7), fs/eventpoll.c). Used by syscalls/epoll.cc.
//
// Items do not keep their files open: a file that goes tells its watchers (vfs::FileWatchers), who take the items off. Locks: one
// structure lock for all instances (adding, removing, files that go), then an instance's own (Rank::Epoll both; instances nest
// along their acyclic, bounded tree), then ready_mu_ (Rank::EpollReady), which callbacks take under the watched file's queue.
#pragma once

#include <map>
#include <memory>
#include <vector>

#include "fs/anon/anon_inode.h"

namespace sbx::anon {

// struct epoll_event, which is packed on x86-64.
struct [[gnu::packed]] EpollEvent {
    u32 events;
    u64 data;
};
static_assert(sizeof(EpollEvent) == 12);

class EpollFile final : public AnonFile {
public:
    static constexpr char kKind = 0;
    const void* kind() const override { return &kKind; }
    explicit EpollFile(int flags);
    ~EpollFile() override;

    // EEXIST, EPERM (file cannot be polled), ELOOP (cycle, or nested too deep), ENOSPC (too many).
    Result<> add(int fd, vfs::OpenFile& f, const EpollEvent& e, const vfs::Caller& c);
    Result<> modify(int fd, vfs::OpenFile& f, const EpollEvent& e, const vfs::Caller& c);  // ENOENT
    Result<> remove(int fd, vfs::OpenFile& f);                                             // ENOENT
    // Of the files added as `fd`, the one number `which`, for comparison alone; null if there is none.
    const void* target(int fd, u32 which) const;
    // Up to `max` events that are ready now.
    std::vector<EpollEvent> collect(size_t max, const vfs::Caller& c);

    // ep_eventpoll_ioctl(); its parameters of busy polling are not offered.
    Result<long> ioctl(u32, u64, const vfs::Caller&) override { return err(EINVAL); }
    EventMask poll(EventMask mask, const vfs::Caller& c) override;
    void poll_add(Waiter& w, const vfs::Caller& c) override;
    void poll_remove(Waiter& w) override;
    bool may_hold_files() const override { return true; }
    std::string fdinfo(const vfs::Caller& c) const override;

private:
    friend class Watchers;
    friend struct state::Access;
    template <class A>
    auto state_head(A a) const {
        return a.args(0);
    }
    template <class A>
    void state(A& ar);
    void state_loaded(state::Loader& ar);
    struct Item;
    struct Key {
        vfs::OpenFile* file;
        int fd;
        bool operator<(const Key& o) const { return file != o.file ? file < o.file : fd < o.fd; }
    };
    void make_ready(Item& i);
    // The part of add() that needs the structure lock. ELOOP.
    Result<> check_nesting(vfs::OpenFile& f) const;
    void watch(Item& i, const vfs::Caller& c);
    void remove_item(const Key& k);  // structure lock held
    // Along the tree of instances, with the structure lock held.
    bool reaches(const EpollFile& target) const;
    unsigned chain_below() const;
    static unsigned chain_above(const EpollFile& e);

    mutable Mutex<Rank::Epoll> mu_;
    std::map<Key, std::unique_ptr<Item>> items_ SBX_GUARDED_BY(mu_);
    Mutex<Rank::EpollReady> ready_mu_;
    List<Item, EpollFile> ready_ SBX_GUARDED_BY(ready_mu_);
    WaitQueue queue_;
    std::vector<std::unique_ptr<Item>>
        loaded_;  // from an archive, until all their files are there; those that are ready first, in order
};

}  // namespace sbx::anon
