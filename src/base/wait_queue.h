// Wait queues with event masks: the one way to wait for something to become ready. Used by files, sockets, pipes, epoll,
// futexes' users, the netstack and tasks. Nothing is allocated on registration or wake.
#pragma once

#include <atomic>

#include "src/base/list.h"
#include "src/base/mutex.h"
#include "src/base/types.h"

namespace sbx {

// Values of poll(2): POLLIN and so on (EPOLL* have the same values).
using EventMask = u32;
constexpr EventMask kEventIn = 0x001, kEventPri = 0x002, kEventOut = 0x004, kEventErr = 0x008, kEventHup = 0x010;
constexpr EventMask kEventRdNorm = 0x040, kEventRdBand = 0x080, kEventWrNorm = 0x100, kEventWrBand = 0x200;
constexpr EventMask kEventRdHup = 0x2000;
constexpr EventMask kEventInternal = 0x1000000;  // for waits that poll(2) cannot express
constexpr EventMask kEventAll = 0xffffffff;

class WaitQueue;

// One registration on one queue. The owner removes it before destroying it. on_event runs under the queue's lock (Rank::WaitQueue):
// it may wake threads and take ranks above, and must not touch the queue.
class Waiter : public ListNode<> {
public:
    explicit Waiter(EventMask mask = kEventAll) : mask_(mask) {}
    virtual void on_event(EventMask events) = 0;
    EventMask mask_;
    // Only one exclusive waiter is woken by notify_one_exclusive (accept, EPOLLEXCLUSIVE).
    bool exclusive_ = false;

protected:
    ~Waiter() = default;

private:
    friend class WaitQueue;
    WaitQueue* queue_ = nullptr;
};

class WaitQueue {
public:
    WaitQueue() = default;
    ~WaitQueue();
    void add(Waiter& w);
    // No effect if w is not on this queue. When it returns, w.on_event is not running and will not run.
    void remove(Waiter& w);
    // Calls on_event(events & mask) of each waiter whose mask meets events. EPOLLERR and EPOLLHUP always meet.
    // Of exclusive waiters at most one is called.
    void notify(EventMask events);
    bool empty() const { return count_.load(std::memory_order_acquire) == 0; }

private:
    mutable Mutex<Rank::WaitQueue> mu_;
    List<Waiter> waiters_ SBX_GUARDED_BY(mu_);
    std::atomic<unsigned> count_{0};  // pairs with add/notify: lets notify skip the lock when nobody waits
};

}  // namespace sbx
