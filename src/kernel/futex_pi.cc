// Priority-inheriting futexes: a word that holds its owner's thread id. There are no priorities to inherit here; what remains is the
// protocol: ownership handed over by the kernel, owner death, requeueing of condition variables (kernel/futex/pi.c, requeue.c).
#include <optional>

#include "src/kernel/futex.h"
#include "src/kernel/kernel.h"
#include "src/kernel/task.h"

namespace sbx {

using WordKey = mm::MemoryManager::WordKey;

namespace {

bool owner_exists(Task& t, u32 tid) {
    TaskSet& tasks = t.kernel().tasks();
    SharedLock l(tasks.mu);
    Task* owner = tasks.find_task(static_cast<int>(tid), t.pid_ns());
    return owner && owner->exit_state == Task::ExitState::Running;
}

}  // namespace

int FutexTable::acquire_pi(u32* word, FutexWaiter& w, const WordKey& k, bool try_only) {
    u32 old = __atomic_load_n(word, __ATOMIC_SEQ_CST);
    for (;;) {
        u32 owner = old & FUTEX_TID_MASK;
        if (owner == w.tid) return EDEADLK;
        if (owner == 0) {
            // Free, or its owner died: it is ours; the other bits stay for the application to see.
            if (__atomic_compare_exchange_n(word, &old, old | w.tid, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
                return 0;
            continue;
        }
        if (try_only) return EAGAIN;
        if ((old & FUTEX_WAITERS) == 0 &&
            !__atomic_compare_exchange_n(word, &old, old | FUTEX_WAITERS, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
            continue;
        w.pi = true;
        enqueue(w, k);
        return EINPROGRESS;
    }
}

Result<> FutexTable::wait_pi(Task& t, FutexWaiter& w, Word, Nanos deadline) {
    for (;;) {
        BlockResult b = t.block(deadline);
        if (b == BlockResult::Woken && !w.woken.load(std::memory_order_acquire)) continue;
        if (dequeue(w)) return {};
        return err(b == BlockResult::TimedOut ? ETIMEDOUT : ERESTARTNOINTR);
    }
}

Result<> FutexTable::lock_pi(Task& t, Word word, bool try_only, Nanos deadline) {
    WordKey k = SBX_TRY(key_of(t, word, true));
    // The owner is looked up outside of the bucket's lock; if the word changes hands meanwhile, look again.
    for (;;) {
        u32 seen = SBX_TRY(t.copy_in(UserPtr<u32>{word.addr}));
        u32 owner = seen & FUTEX_TID_MASK;
        if (owner != 0 && owner != static_cast<u32>(t.tid()) && !owner_exists(t, owner)) {
            u32 again = SBX_TRY(t.copy_in(UserPtr<u32>{word.addr}));
            if ((again & FUTEX_TID_MASK) == owner) return err(ESRCH);
            continue;
        }
        break;
    }
    FutexWaiter w;
    w.task = &t;
    w.tid = static_cast<u32>(t.tid());
    int e = 0;
    SBX_TRY(t.mm().with_word(word.addr, true, [&](u32* p) {
        Lock l(buckets_[index_of(k)].mu);
        e = acquire_pi(p, w, k, try_only);
    }));
    if (e == 0) return {};
    if (e != EINPROGRESS) return err(e);
    return wait_pi(t, w, word, deadline);
}

Result<> FutexTable::unlock_pi(Task& t, Word word) {
    WordKey k = SBX_TRY(key_of(t, word, true));
    u32 tid = static_cast<u32>(t.tid());
    int e = 0;
    SBX_TRY(t.mm().with_word(word.addr, true, [&](u32* p) {
        Bucket& b = buckets_[index_of(k)];
        Lock l(b.mu);
        u32 old = __atomic_load_n(p, __ATOMIC_SEQ_CST);
        if ((old & FUTEX_TID_MASK) != tid) {
            e = EPERM;
            return;
        }
        FutexWaiter *next = nullptr, *after = nullptr;
        for (FutexWaiter& w : b.waiters) {
            if (!w.pi || !(w.key == k)) continue;
            if (next) {
                after = &w;
                break;
            }
            next = &w;
        }
        __atomic_store_n(p, next ? next->tid | (after ? FUTEX_WAITERS : 0) : 0, __ATOMIC_SEQ_CST);
        if (next) {
            next->owner = true;
            wake_waiter(*next);
        }
    }));
    if (e) return err(e);
    return {};
}

Result<> FutexTable::wait_requeue_pi(Task& t, Word word, u32 value, u32 bitset, Word target, Nanos deadline) {
    if (bitset == 0 || word.addr == target.addr) return err(EINVAL);
    WordKey k = SBX_TRY(key_of(t, word, false));
    SBX_TRY(key_of(t, target, true));
    FutexWaiter w;
    w.task = &t;
    w.bitset = bitset;
    w.requeue_pi = true;
    w.tid = static_cast<u32>(t.tid());
    bool differs = false;
    SBX_TRY(t.mm().with_word(word.addr, false, [&](u32* p) {
        Lock l(buckets_[index_of(k)].mu);
        differs = __atomic_load_n(p, __ATOMIC_SEQ_CST) != value;
        if (!differs) enqueue(w, k);
    }));
    if (differs) return err(EAGAIN);
    for (;;) {
        BlockResult b = t.block(deadline);
        if (b == BlockResult::Woken && !w.woken.load(std::memory_order_acquire)) continue;
        if (dequeue(w)) return {};
        if (b == BlockResult::TimedOut) return err(ETIMEDOUT);
        // A signal before the requeue is a spurious wake-up (EAGAIN, handle_early_requeue_pi_wakeup); after it, the lock is restarted by
        // the application's own FUTEX_LOCK_PI.
        return err(EAGAIN);
    }
}

Result<long> FutexTable::cmp_requeue_pi(Task& t, Word a, Word b, int wake_count, int move_count, u32 expected) {
    if (wake_count != 1 || move_count < 0 || a.addr == b.addr) return err(EINVAL);
    WordKey ka = SBX_TRY(key_of(t, a, false));
    WordKey kb = SBX_TRY(key_of(t, b, true));
    u32 seen = SBX_TRY(t.copy_in(UserPtr<u32>{a.addr}));
    if (seen != expected) return err(EAGAIN);
    long done = 0;
    int e = 0;
    SBX_TRY(t.mm().with_word(b.addr, true, [&](u32* p) {
        TwoBuckets l(*this, ka, kb);
        Bucket& from = buckets_[index_of(ka)];
        for (FutexWaiter& w : from.waiters) {
            if (done >= static_cast<long>(move_count) + wake_count) break;
            if (!(w.key == ka)) continue;
            if (!w.requeue_pi) {
                e = EINVAL;
                return;
            }
            w.unlink();
            w.requeue_pi = false;
            int r = acquire_pi(p, w, kb, false);
            if (r == 0) {
                w.owner = true;
                wake_waiter(w);
            } else if (r != EINPROGRESS) {
                w.requeue_pi = true;
                from.waiters.push_back(w);
                e = r;
                return;
            }
            done++;
        }
    }));
    if (e && done == 0) return err(e);
    return done;
}

void FutexTable::owner_died(Task& t, u64 addr, u32 tid, bool pi, bool pending_op) {
    Word word{addr, true};
    Result<WordKey> k = key_of(t, word, true);
    if (!k) return;
    // Waiters may have queued with the private flag or without.
    WordKey private_key{&t.mm(), addr};
    static_cast<void>(t.mm().with_word(addr, true, [&](u32* p) {
        TwoBuckets l(*this, *k, private_key);
        u32 old = __atomic_load_n(p, __ATOMIC_SEQ_CST);
        if (pending_op && !pi && old == 0) {
            // Unlocked, but the wake-up that was to follow never came.
            if (!wake_locked(buckets_[index_of(*k)], *k, 1, FUTEX_BITSET_MATCH_ANY))
                wake_locked(buckets_[index_of(private_key)], private_key, 1, FUTEX_BITSET_MATCH_ANY);
            return;
        }
        do {
            if ((old & FUTEX_TID_MASK) != tid) return;
        } while (!__atomic_compare_exchange_n(p, &old, (old & FUTEX_WAITERS) | FUTEX_OWNER_DIED, false,
                                              __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST));
        if (!(old & FUTEX_WAITERS)) return;
        for (const WordKey& key : {*k, private_key}) {
            Bucket& b = buckets_[index_of(key)];
            if (wake_locked(b, key, 1, FUTEX_BITSET_MATCH_ANY)) return;
            for (FutexWaiter& w : b.waiters) {
                if (!w.pi || !(w.key == key)) continue;
                __atomic_store_n(p, w.tid | FUTEX_WAITERS | FUTEX_OWNER_DIED, __ATOMIC_SEQ_CST);
                w.owner = true;
                wake_waiter(w);
                return;
            }
        }
    }));
}

}  // namespace sbx
