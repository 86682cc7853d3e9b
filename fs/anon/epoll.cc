// Epoll instances.
#include "fs/anon/epoll.h"

#include <stdio.h>
#include <sys/epoll.h>

#include <algorithm>
#include <set>

#include "fs/anon/anon_inode.h"
#include "src/base/archive.h"

namespace sbx::anon {
namespace {

constexpr unsigned kMaxNesting = 5;    // instances in a chain: EP_MAX_NESTS and the one at its end
constexpr size_t kMaxItems = 1000000;  // /proc/sys/fs/epoll/max_user_watches
constexpr u32 kPrivateBits = EPOLLONESHOT | EPOLLET | EPOLLEXCLUSIVE | EPOLLWAKEUP;

// The structure lock: a leaf of the static kind, never destroyed.
Mutex<Rank::Epoll>& structure_mu() {
    static Mutex<Rank::Epoll>& m = *new Mutex<Rank::Epoll>();
    return m;
}

}  // namespace

struct EpollFile::Item final : Waiter, ListNode<EpollFile> {
    Item(EpollFile& e, const Key& k, const EpollEvent& ev)
        : Waiter(ev.events | kEventErr | kEventHup), epoll(e), key(k), events(ev.events), data(ev.data) {}
    explicit Item(EpollFile& e) : epoll(e), key{nullptr, 0}, events(0), data(0) {}
    void on_event(EventMask) override { epoll.make_ready(*this); }
    template <class A>
    void state(A& ar) {
        ar.identity(static_cast<Waiter&>(*this));
        ar(key.file, key.fd, events, data, ready, mask_, exclusive_);
    }
    EpollFile& epoll;  // no state: the owner
    Key key;           // fixed
    // Written under mu_; the callback reads it without: a change is followed by a fresh look at the file.
    std::atomic<u32> events;
    u64 data;
    bool ready = false;  // on ready_; ready_mu_
};

// What a file knows of the instances that watch it.
class Watchers final : public vfs::FileWatchers {
public:
    std::set<std::pair<EpollFile*, int>> who;  // no state: the instances enter themselves; structure lock
    // The instances enter themselves again.
    template <class A>
    void state(A&) {}
    void file_gone(vfs::OpenFile& f) override {
        Lock l(structure_mu());
        while (!who.empty()) {
            auto [epoll, fd] = *who.begin();
            who.erase(who.begin());
            epoll->remove_item({&f, fd});
        }
    }
};

SBX_SAVABLE(EpollFile);
SBX_SAVABLE(Watchers);

template <class A>
void EpollFile::state(A& ar) SBX_NO_TSA {
    OpenFile::state(ar);
    std::vector<Item*> in_order;
    if constexpr (!A::kLoading) {
        for (Item& i : ready_) in_order.push_back(&i);
        for (auto& [k, i] : items_)
            if (!i->ready) in_order.push_back(i.get());
    }
    u64 n = in_order.size();
    ar(n);
    for (u64 i = 0; i < n; i++) {
        if constexpr (A::kLoading) {
            if (!ar.ok()) return;
            loaded_.push_back(std::make_unique<Item>(*this));
            in_order.push_back(loaded_.back().get());
        }
        ar(*in_order[i]);
    }
}

// Items are added as if by epoll_ctl(2), since what an archive says may be no tree; who is ready was saved.
void EpollFile::state_loaded(state::Loader& ar) SBX_NO_TSA {
    Lock s(structure_mu());
    for (std::unique_ptr<Item>& p : std::exchange(loaded_, {})) {
        Key k = p->key;
        if (!k.file || !k.file->epoll_allowed() || items_.count(k) || !check_nesting(*k.file))
            return ar.fail("an epoll instance watches what it cannot");
        Item& i = *(items_[k] = std::move(p));
        if (i.ready) ready_.push_back(i);
        watch(i, vfs::Caller{});
    }
}

EpollFile::EpollFile(int flags) : AnonFile("[eventpoll]", flags) {}

EpollFile::~EpollFile() {
    Lock l(structure_mu());
    for (;;) {
        Key k{};
        {
            Lock own(mu_, Lock<Mutex<Rank::Epoll>>::Nested{});
            if (items_.empty()) break;
            k = items_.begin()->first;
        }
        // The file is there: if it is going, it waits for the structure lock.
        if (auto* w = static_cast<Watchers*>(k.file->watchers.load())) w->who.erase({this, k.fd});
        remove_item(k);
    }
}

void EpollFile::remove_item(const Key& k) {
    std::unique_ptr<Item> item;
    {
        Lock l(mu_, Lock<Mutex<Rank::Epoll>>::Nested{});
        auto it = items_.find(k);
        if (it == items_.end()) return;
        item = std::move(it->second);
        items_.erase(it);
    }
    // After this no callback runs; then it can be taken off the ready list for good.
    k.file->poll_remove(*item);
    Lock r(ready_mu_);
    static_cast<ListNode<EpollFile>&>(*item).unlink();
}

void EpollFile::make_ready(Item& i) {
    // A one-shot item that has fired is deaf until it is armed again.
    if (!(i.events.load(std::memory_order_relaxed) & ~kPrivateBits)) return;
    {
        Lock l(ready_mu_);
        if (!i.ready) {
            i.ready = true;
            ready_.push_back(i);
        }
    }
    queue_.notify(kEventIn | kEventRdNorm);
}

bool EpollFile::reaches(const EpollFile& target) const {
    if (this == &target) return true;
    Lock l(mu_, Lock<Mutex<Rank::Epoll>>::Nested{});
    for (auto& [k, item] : items_)
        if (k.file->kind() == &kKind && static_cast<EpollFile*>(k.file)->reaches(target)) return true;
    return false;
}

unsigned EpollFile::chain_below() const {
    unsigned longest = 0;
    Lock l(mu_, Lock<Mutex<Rank::Epoll>>::Nested{});
    for (auto& [k, item] : items_)
        if (k.file->kind() == &kKind) longest = std::max(longest, static_cast<EpollFile*>(k.file)->chain_below());
    return longest + 1;
}

unsigned EpollFile::chain_above(const EpollFile& e) {
    unsigned longest = 0;
    if (auto* w = static_cast<Watchers*>(e.watchers.load()))
        for (auto& [epoll, fd] : w->who) longest = std::max(longest, chain_above(*epoll));
    return longest + 1;
}

Result<> EpollFile::check_nesting(vfs::OpenFile& f) const {
    if (f.kind() != &kKind) return {};
    auto& inner = static_cast<EpollFile&>(f);
    if (inner.reaches(*this) || chain_above(*this) + inner.chain_below() > kMaxNesting) return err(ELOOP);
    return {};
}

void EpollFile::watch(Item& i, const vfs::Caller& c) {
    vfs::OpenFile& f = *i.key.file;
    auto* w = static_cast<Watchers*>(f.watchers.load());
    if (!w) {
        w = new Watchers();
        f.watchers.store(w);
    }
    w->who.insert({this, i.key.fd});
    f.poll_add(i, c);
}

Result<> EpollFile::add(int fd, vfs::OpenFile& f, const EpollEvent& e, const vfs::Caller& c) {
    if (!f.epoll_allowed() || f.is_path_only()) return err(EPERM);
    Lock s(structure_mu());
    SBX_TRY(check_nesting(f));
    Item* item = nullptr;
    {
        Lock l(mu_, Lock<Mutex<Rank::Epoll>>::Nested{});
        Key k{&f, fd};
        if (items_.count(k)) return err(EEXIST);
        if (items_.size() >= kMaxItems) return err(ENOSPC);
        auto p = std::make_unique<Item>(*this, k, e);
        p->exclusive_ = (e.events & EPOLLEXCLUSIVE) != 0;
        item = p.get();
        items_[k] = std::move(p);
    }
    watch(*item, c);
    if (f.poll(e.events | kEventErr | kEventHup, c)) make_ready(*item);
    return {};
}

Result<> EpollFile::modify(int fd, vfs::OpenFile& f, const EpollEvent& e, const vfs::Caller& c) {
    Lock s(structure_mu());
    Item* item = nullptr;
    {
        Lock l(mu_, Lock<Mutex<Rank::Epoll>>::Nested{});
        auto it = items_.find({&f, fd});
        if (it == items_.end()) return err(ENOENT);
        item = it->second.get();
        if (item->exclusive_) return err(EINVAL);
        item->data = e.data;
        item->events.store(e.events);
    }
    // Registered anew, since queues look at the mask under their own lock only.
    f.poll_remove(*item);
    item->mask_ = e.events | kEventErr | kEventHup;
    f.poll_add(*item, c);
    if (f.poll(item->mask_, c)) make_ready(*item);
    return {};
}

Result<> EpollFile::remove(int fd, vfs::OpenFile& f) {
    Lock s(structure_mu());
    {
        Lock l(mu_, Lock<Mutex<Rank::Epoll>>::Nested{});
        if (!items_.count({&f, fd})) return err(ENOENT);
    }
    if (auto* w = static_cast<Watchers*>(f.watchers.load())) w->who.erase({this, fd});
    remove_item({&f, fd});
    return {};
}

std::vector<EpollEvent> EpollFile::collect(size_t max, const vfs::Caller& c) {
    std::vector<EpollEvent> out;
    // The instance's lock keeps items and their files in place: a file that goes waits for it.
    Lock l(mu_, Lock<Mutex<Rank::Epoll>>::Nested{});
    size_t left = 0;
    {
        Lock r(ready_mu_);
        left = ready_.count();
    }
    while (left-- != 0 && out.size() < max) {
        Item* i = nullptr;
        {
            Lock r(ready_mu_);
            i = ready_.pop_front();
            if (!i) break;
            // From now on a callback may put it back: what happens after our look is not lost.
            i->ready = false;
        }
        u32 events = i->events.load();
        if (!(events & ~kPrivateBits)) continue;
        EventMask hit = i->key.file->poll((events & ~kPrivateBits) | kEventErr | kEventHup, c);
        if (!hit) continue;
        out.push_back({hit, i->data});
        if (events & EPOLLONESHOT) {
            i->events.store(events & kPrivateBits);
        } else if (!(events & EPOLLET)) {
            Lock r(ready_mu_);
            if (!i->ready) {
                i->ready = true;
                ready_.push_back(*i);
            }
        }
    }
    return out;
}

EventMask EpollFile::poll(EventMask mask, const vfs::Caller& c) {
    if (!(mask & (kEventIn | kEventRdNorm))) return 0;
    Lock l(mu_, Lock<Mutex<Rank::Epoll>>::Nested{});
    std::vector<Item*> ready;
    {
        Lock r(ready_mu_);
        for (Item& i : ready_) ready.push_back(&i);
    }
    for (Item* i : ready) {
        u32 events = i->events.load() & ~kPrivateBits;
        if (events && i->key.file->poll(events | kEventErr | kEventHup, c)) return (kEventIn | kEventRdNorm) & mask;
    }
    return 0;
}

void EpollFile::poll_add(Waiter& w, const vfs::Caller&) { queue_.add(w); }
void EpollFile::poll_remove(Waiter& w) { queue_.remove(w); }

const void* EpollFile::target(int fd, u32 which) const {
    Lock l(mu_, Lock<Mutex<Rank::Epoll>>::Nested{});
    for (auto& [k, i] : items_)
        if (k.fd == fd && which-- == 0) return k.file;
    return nullptr;
}

std::string EpollFile::fdinfo(const vfs::Caller&) const {
    std::string out;
    Lock l(mu_, Lock<Mutex<Rank::Epoll>>::Nested{});
    for (auto& [k, i] : items_) {
        char buf[128];
        snprintf(buf, sizeof buf, "tfd: %8d events: %8x data: %16llx  pos:0 ino:%llx sdev:0\n", k.fd, i->events.load(),
                 static_cast<unsigned long long>(i->data), static_cast<unsigned long long>(k.file->inode().ino()));
        out += buf;
    }
    return out;
}

}  // namespace sbx::anon
