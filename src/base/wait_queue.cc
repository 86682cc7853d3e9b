// Wait queues: registration and notification.
#include "src/base/wait_queue.h"

#include "src/base/panic.h"
#include "src/base/stress.h"

namespace sbx {

WaitQueue::~WaitQueue() { SBX_ASSERT(waiters_.empty()); }

void WaitQueue::add(Waiter& w) {
    mu_.lock_nested();
    SBX_ASSERT(w.queue_ == nullptr);
    w.queue_ = this;
    // Exclusive waiters go to the end, so that the others are always told (wait_queue_head in kernel/sched/wait.c).
    if (w.exclusive_)
        waiters_.push_back(w);
    else
        waiters_.push_front(w);
    // seq_cst: pairs with notify(): either notify sees the waiter or the waiter's next readiness check sees the event.
    count_.fetch_add(1);
    mu_.unlock();
}

void WaitQueue::remove(Waiter& w) {
    mu_.lock_nested();
    if (w.queue_ == this) {
        waiters_.remove(w);
        w.queue_ = nullptr;
        count_.fetch_sub(1);
    }
    mu_.unlock();
}

void WaitQueue::notify(EventMask events) {
    stress_point();
    std::atomic_thread_fence(std::memory_order_seq_cst);
    if (count_.load(std::memory_order_relaxed) == 0) return;
    mu_.lock_nested();
    for (Waiter& w : waiters_) {
        EventMask hit = events & (w.mask_ | kEventErr | kEventHup);
        if (!hit) continue;
        w.on_event(hit);
        if (w.exclusive_) break;
    }
    mu_.unlock();
}

}  // namespace sbx
