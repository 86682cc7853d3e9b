// inotify instances: watches and their queue of events.
#include "fs/anon/inotify.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

#include <deque>
#include <map>

#include "fs/anon/anon_inode.h"
#include "fs/vfs/inotify_marks.h"
#include "src/base/archive.h"
#include "src/mm/memory_manager.h"

namespace sbx::anon {
namespace {

constexpr size_t kMaxEvents = 16384;   // fs.inotify.max_queued_events
constexpr size_t kMaxWatches = 65536;  // of an instance; Linux counts by user
constexpr unsigned kMaxInstances = 1024;
std::atomic<unsigned> instances{0};  // no state: each counts itself

struct Event {
    int wd = 0;
    u32 mask = 0, cookie = 0;
    std::string name;
    template <class A>
    void state(A& ar) {
        ar(wd, mask, cookie, name);
    }
    // Names are padded so that the next event is aligned.
    size_t name_room() const {
        return name.empty() ? 0 : (name.size() + sizeof(inotify_event)) / sizeof(inotify_event) * sizeof(inotify_event);
    }
    size_t size() const { return sizeof(inotify_event) + name_room(); }
};

}  // namespace

class Watch;

// What watches refer to: the file itself may be gone while an event is on its way.
class InotifyCore final : public RefCounted {
public:
    void event(Watch& w, u32 mask, u32 cookie, std::string_view name);
    // The watch ends: IN_IGNORED, and it is found by its number no more. False if it had ended already.
    bool end_watch(Watch& w);
    void push_locked(Event e) SBX_REQUIRES(mu);
    template <class A>
    void state(A& ar);
    void state_loaded(state::Loader& ar);

    mutable Mutex<Rank::Inotify> mu;
    std::deque<Event> events SBX_GUARDED_BY(mu);
    std::map<int, Ref<Watch>> watches SBX_GUARDED_BY(mu);
    std::map<const vfs::Inode*, Watch*> by_inode SBX_GUARDED_BY(mu);
    // Ended; dropped when no lock of a file system is held.
    std::vector<Ref<Watch>> ended SBX_GUARDED_BY(mu);  // no state: nothing of them is seen any more
    int last_wd SBX_GUARDED_BY(mu) = 0;
    WaitQueue queue;
};

class Watch final : public vfs::InotifyMark {
public:
    Watch(Ref<InotifyCore> c, int n, vfs::Inode& i, u32 m) : core(std::move(c)), wd(n), inode(i), mask(m) {}
    void on_event(u32 m, u32 cookie, std::string_view name) override { core->event(*this, m, cookie, name); }
    void on_gone() override { core->end_watch(*this); }

    template <class A>
    auto state_head(A a) const {
        return a.args(core, wd, a.by_ref(*inode), mask);
    }
    // All of it is in its head.
    template <class A>
    void state(A& ar) {
        ar(mask);
    }

    const Ref<InotifyCore> core;
    const int wd;
    const Ref<vfs::Inode> inode;
    u32 mask;  // InotifyCore::mu
};

SBX_SAVABLE(InotifyFile);
SBX_SAVABLE(InotifyCore);
SBX_SAVABLE(Watch);

template <class A>
void InotifyFile::state(A& ar) {
    OpenFile::state(ar);
    ar(core_);
    if constexpr (A::kLoading) {
        instances.fetch_add(1);
        if (!core_) ar.fail("an inotify instance lacks its events");
    }
}

template <class A>
void InotifyCore::state(A& ar) SBX_NO_TSA {
    ar(events, watches, last_wd);
}

void InotifyCore::state_loaded(state::Loader& ar) SBX_NO_TSA {
    for (auto& [wd, w] : watches) {
        if (!w || w->wd != wd) return ar.fail("an inotify instance has a watch that is none");
        by_inode.emplace(w->inode.get(), w.get());
    }
}

void InotifyCore::push_locked(Event e) {
    if (!events.empty()) {
        const Event& last = events.back();
        if (last.wd == e.wd && last.mask == e.mask && last.name == e.name) return;
    }
    if (events.size() == kMaxEvents) e = Event{-1, IN_Q_OVERFLOW, 0, {}};
    if (events.size() > kMaxEvents) return;
    events.push_back(std::move(e));
}

void InotifyCore::event(Watch& w, u32 mask, u32 cookie, std::string_view name) {
    bool once = false;
    {
        Lock l(mu);
        auto it = watches.find(w.wd);
        if (it == watches.end() || !(it->second == &w) || !(mask & w.mask & IN_ALL_EVENTS)) return;
        // inotify_handle_inode_event(): not told of these.
        if (mask & (IN_MOVE_SELF | IN_DELETE_SELF)) mask &= ~static_cast<u32>(IN_ISDIR);
        push_locked(Event{w.wd, mask, cookie, std::string(name)});
        once = w.mask & IN_ONESHOT;
    }
    if (once) {
        Ref<Watch> hold(w);
        if (end_watch(w))
            if (vfs::InotifyMarks* marks = w.inode->marks()) marks->remove(w);
    }
    queue.notify(kEventIn | kEventRdNorm);
}

bool InotifyCore::end_watch(Watch& w) {
    {
        Lock l(mu);
        auto it = watches.find(w.wd);
        if (it == watches.end() || !(it->second == &w)) return false;
        push_locked(Event{w.wd, IN_IGNORED, 0, {}});
        by_inode.erase(w.inode.get());
        ended.push_back(std::move(it->second));
        watches.erase(it);
    }
    queue.notify(kEventIn | kEventRdNorm);
    return true;
}

InotifyFile::InotifyFile(int flags)
    : AnonFile("inotify", O_RDONLY | (flags & O_NONBLOCK)), core_(make_ref<InotifyCore>()) {}

Result<Ref<InotifyFile>> InotifyFile::create(int flags) {
    if (instances.fetch_add(1) >= kMaxInstances) {
        instances.fetch_sub(1);
        return err(EMFILE);
    }
    return make_ref<InotifyFile>(flags);
}

InotifyFile::~InotifyFile() {
    instances.fetch_sub(1);
    std::map<int, Ref<Watch>> watches;
    std::vector<Ref<Watch>> ended;
    {
        Lock l(core_->mu);
        watches.swap(core_->watches);
        ended.swap(core_->ended);
        core_->by_inode.clear();
    }
    for (auto& [wd, w] : watches)
        if (vfs::InotifyMarks* marks = w->inode->marks()) marks->remove(*w);
}

Result<int> InotifyFile::add_watch(vfs::Inode& inode, u32 mask) {
    InotifyCore& k = *core_;
    u32 wanted = mask & (IN_ALL_EVENTS | IN_ONESHOT | IN_EXCL_UNLINK);
    std::vector<Ref<Watch>> ended;
    Ref<Watch> w;
    {
        Lock l(k.mu);
        ended.swap(k.ended);
        if (auto it = k.by_inode.find(&inode); it != k.by_inode.end()) {
            if (mask & IN_MASK_CREATE) return err(EEXIST);
            it->second->mask = mask & IN_MASK_ADD ? it->second->mask | wanted : wanted;
            return it->second->wd;
        }
        if (k.watches.size() >= kMaxWatches || k.last_wd == INT32_MAX) return err(ENOSPC);
        w = make_ref<Watch>(core_, ++k.last_wd, inode, wanted);
        k.watches.emplace(w->wd, w);
        k.by_inode.emplace(&inode, w.get());
    }
    inode.make_marks().add(w);
    return w->wd;
}

Result<> InotifyFile::remove_watch(int wd) {
    Ref<Watch> w;
    std::vector<Ref<Watch>> ended;
    {
        Lock l(core_->mu);
        auto it = core_->watches.find(wd);
        if (it == core_->watches.end()) return err(EINVAL);
        w = it->second;
        ended.swap(core_->ended);
    }
    if (!core_->end_watch(*w)) return err(EINVAL);
    if (vfs::InotifyMarks* marks = w->inode->marks()) marks->remove(*w);
    return {};
}

Result<size_t> InotifyFile::read(mm::IoBuf& dst, i64*, u32, const vfs::Caller&) {
    InotifyCore& k = *core_;
    std::vector<Ref<Watch>> ended;
    size_t done = 0;
    Lock l(k.mu);
    ended.swap(k.ended);
    if (k.events.empty()) return err(EAGAIN);
    while (!k.events.empty()) {
        const Event& e = k.events.front();
        if (e.size() > dst.remaining()) {
            if (done == 0) return err(EINVAL);
            break;
        }
        inotify_event head{e.wd, e.mask, e.cookie, static_cast<u32>(e.name_room())};
        std::string bytes(reinterpret_cast<const char*>(&head), sizeof head);
        bytes += e.name;
        bytes.resize(e.size());
        Result<size_t> put = dst.put(bytes.data(), bytes.size());
        if (!put || *put < bytes.size()) {
            if (done == 0) return err(EFAULT);
            break;
        }
        done += bytes.size();
        k.events.pop_front();
    }
    l.unlock();
    return done;
}

Result<long> InotifyFile::ioctl(u32 cmd, u64 arg, const vfs::Caller& c) {
    if (cmd != FIONREAD) return err(ENOTTY);
    size_t n = 0;
    {
        Lock l(core_->mu);
        for (const Event& e : core_->events) n += e.size();
    }
    int v = static_cast<int>(n);
    SBX_TRY(c.mm->copy_out(arg, &v, sizeof v));
    return 0;
}

EventMask InotifyFile::poll(EventMask mask, const vfs::Caller&) {
    Lock l(core_->mu);
    return core_->events.empty() ? 0 : mask & (kEventIn | kEventRdNorm);
}
void InotifyFile::poll_add(Waiter& w, const vfs::Caller&) { core_->queue.add(w); }
void InotifyFile::poll_remove(Waiter& w) { core_->queue.remove(w); }

std::string InotifyFile::fdinfo(const vfs::Caller&) const {
    std::string text;
    Lock l(core_->mu);
    for (const auto& [wd, w] : core_->watches) {
        char line[96];
        snprintf(line, sizeof line, "inotify wd:%x ino:%llx sdev:0 mask:%x ignored_mask:0\n", static_cast<unsigned>(wd),
                 static_cast<unsigned long long>(w->inode->ino()), w->mask);
        text += line;
    }
    return text;
}

}  // namespace sbx::anon
