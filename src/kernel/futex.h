// FutexTable: the futexes of the sandbox (futex(2), kernel/futex/). Used by syscalls/futex.cc and by exit.
//
// Locks: a bucket's lock (Rank::Futex) is taken inside MemoryManager::with_word, so that comparing the word and queueing are one step
// against wakers, who take the bucket's lock alone.
#pragma once

#include <linux/futex.h>

#include <array>
#include <vector>

#include "src/base/list.h"
#include "src/base/mutex.h"
#include "src/base/result.h"
#include "src/base/time.h"
#include "src/mm/memory_manager.h"

namespace sbx {

class Task;

// One task waiting on one word. On the waiting task's stack; linked while it waits.
struct FutexWaiter : ListNode<> {
    Task* task = nullptr;
    mm::MemoryManager::WordKey key;
    u32 bitset = FUTEX_BITSET_MATCH_ANY;
    bool pi = false;          // waits to own the word
    bool requeue_pi = false;  // FUTEX_WAIT_REQUEUE_PI: may be moved to a PI word
    u32 tid = 0;              // what a PI word holds once this waiter owns it
    // The bucket it is on; changed by requeue under both buckets' locks.
    std::atomic<unsigned> bucket{0};
    std::atomic<bool> woken{false};  // taken off by a waker; set with the bucket's lock held, read without (acquire)
    bool owner = false;              // PI: the word was handed to this waiter. Bucket lock
};

class FutexTable {
public:
    struct Word {
        u64 addr = 0;
        bool shared = false;  // not FUTEX_PRIVATE_FLAG
    };
    // EAGAIN if *word != value, ETIMEDOUT, ERESTARTSYS when interrupted, EFAULT, EINVAL (misaligned, bitset 0).
    Result<> wait(Task& t, Word w, u32 value, u32 bitset, Nanos deadline);
    // Waits on up to 128 words; the index of one that was woken.
    struct WaitvEntry {
        Word word;
        u32 value = 0;
    };
    Result<long> wait_any(Task& t, const std::vector<WaitvEntry>& words, Nanos deadline);
    // Wakes up to `count`; how many.
    Result<long> wake(Task& t, Word w, int count, u32 bitset);
    // FUTEX_WAKE_OP.
    Result<long> wake_op(Task& t, Word a, Word b, int count_a, int count_b, u32 op);
    // FUTEX_REQUEUE, FUTEX_CMP_REQUEUE: wakes `wake_count`, moves up to `move_count` to b. EAGAIN if `compare` is given and differs.
    Result<long> requeue(Task& t, Word a, Word b, int wake_count, int move_count, const u32* compare);

    // Priority-inheriting futexes (without priorities: waiters get the word in order). EDEADLK, ESRCH, EAGAIN, EPERM, ETIMEDOUT.
    Result<> lock_pi(Task& t, Word w, bool try_only, Nanos deadline);
    Result<> unlock_pi(Task& t, Word w);
    Result<> wait_requeue_pi(Task& t, Word w, u32 value, u32 bitset, Word target, Nanos deadline);
    Result<long> cmp_requeue_pi(Task& t, Word a, Word b, int wake_count, int move_count, u32 compare);

    // The owner of a robust or PI word is gone: marks it and wakes a waiter (handle_futex_death).
    void owner_died(Task& t, u64 addr, u32 tid, bool pi, bool pending_op);

private:
    struct Bucket {
        Mutex<Rank::Futex> mu;
        List<FutexWaiter> waiters;
    };
    static constexpr unsigned kBuckets = 256;
    // The locks of one or two buckets, in order of index.
    class TwoBuckets {
    public:
        TwoBuckets(FutexTable& t, const mm::MemoryManager::WordKey& a, const mm::MemoryManager::WordKey& b) SBX_NO_TSA;
        ~TwoBuckets() SBX_NO_TSA;
        TwoBuckets(const TwoBuckets&) = delete;
        TwoBuckets& operator=(const TwoBuckets&) = delete;

    private:
        Bucket* first_;
        Bucket* second_;
    };

    Result<mm::MemoryManager::WordKey> key_of(Task& t, Word w, bool write);
    static unsigned index_of(const mm::MemoryManager::WordKey& k);
    void enqueue(FutexWaiter& w, const mm::MemoryManager::WordKey& k);  // bucket lock held
    // Takes the waiter off if it is still on; true if it had been woken.
    bool dequeue(FutexWaiter& w);
    static void wake_waiter(FutexWaiter& w);  // bucket lock held
    int wake_locked(Bucket& b, const mm::MemoryManager::WordKey& k, int count, u32 bitset);
    void move(FutexWaiter& w, const mm::MemoryManager::WordKey& to);  // both locks held
    // Tries to take or join a PI word for `w`: 0 acquired, EAGAIN queued (w.pi), else errno. Called within with_word, bucket lock held.
    int acquire_pi(u32* word, FutexWaiter& w, const mm::MemoryManager::WordKey& k, bool try_only);
    Result<> wait_pi(Task& t, FutexWaiter& w, Word word, Nanos deadline);

    std::array<Bucket, kBuckets> buckets_;
};

// At exit and execve: the robust list of a task, which the application wrote and may be anything (exit_robust_list). futex_robust.cc.
void exit_robust_list(Task& t);

}  // namespace sbx
