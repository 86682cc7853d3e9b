// Futexes: waiting, waking and requeueing.
#include "src/kernel/futex.h"

#include <algorithm>
#include <optional>

#include "src/kernel/kernel.h"
#include "src/kernel/task.h"

namespace sbx {

using WordKey = mm::MemoryManager::WordKey;

FutexTable::TwoBuckets::TwoBuckets(FutexTable& t, const WordKey& a, const WordKey& b)
    : first_(&t.buckets_[index_of(a)]), second_(&t.buckets_[index_of(b)]) {
    if (first_ > second_) std::swap(first_, second_);
    first_->mu.lock();
    if (second_ != first_) second_->mu.lock_nested();
}

FutexTable::TwoBuckets::~TwoBuckets() {
    if (second_ != first_) second_->mu.unlock();
    first_->mu.unlock();
}

Result<WordKey> FutexTable::key_of(Task& t, Word w, bool write) {
    if (w.addr & 3) return err(EINVAL);
    if (w.addr >= t.kernel().platform().user_range().end) return err(EFAULT);
    if (!w.shared) return WordKey{&t.mm(), w.addr};
    return t.mm().word_key(w.addr, write);
}

unsigned FutexTable::index_of(const WordKey& k) {
    u64 h = (reinterpret_cast<u64>(k.object) >> 4) * 0x9e3779b97f4a7c15ull + (k.offset >> 2) * 0xc2b2ae3d27d4eb4full;
    return static_cast<unsigned>(h >> 56) % kBuckets;
}

void FutexTable::enqueue(FutexWaiter& w, const WordKey& k) {
    w.key = k;
    unsigned i = index_of(k);
    w.bucket.store(i, std::memory_order_relaxed);
    buckets_[i].waiters.push_back(w);
}

bool FutexTable::dequeue(FutexWaiter& w) {
    for (;;) {
        unsigned i = w.bucket.load(std::memory_order_acquire);
        Lock l(buckets_[i].mu);
        // A requeue may have moved it while we waited for the lock.
        if (w.bucket.load(std::memory_order_relaxed) != i) continue;
        w.unlink();
        return w.woken.load(std::memory_order_relaxed);
    }
}

void FutexTable::wake_waiter(FutexWaiter& w) {
    // The waiter lives on its task's stack: once woken is set it may be gone. The reference keeps the task for wake().
    Ref<Task> t(w.task);
    w.unlink();
    w.woken.store(true, std::memory_order_release);
    t->wake();
}

int FutexTable::wake_locked(Bucket& b, const WordKey& k, int count, u32 bitset) {
    int woken = 0;
    for (FutexWaiter& w : b.waiters) {
        if (woken >= count) break;
        // FUTEX_WAKE must not meet waiters that only a PI unlock or requeue may wake.
        if (!(w.key == k) || w.pi || w.requeue_pi || !(w.bitset & bitset)) continue;
        wake_waiter(w);
        woken++;
    }
    return woken;
}

void FutexTable::move(FutexWaiter& w, const WordKey& to) {
    w.unlink();
    w.key = to;
    unsigned i = index_of(to);
    buckets_[i].waiters.push_back(w);
    w.bucket.store(i, std::memory_order_release);
}

Result<> FutexTable::wait(Task& t, Word word, u32 value, u32 bitset, Nanos deadline) {
    if (bitset == 0) return err(EINVAL);
    WordKey k = SBX_TRY(key_of(t, word, false));
    FutexWaiter w;
    w.task = &t;
    w.bitset = bitset;
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
        // dequeue() takes the bucket's lock, which a waker may still hold: the waiter must not go away before.
        if (dequeue(w)) return {};
        return err(b == BlockResult::TimedOut ? ETIMEDOUT : ERESTARTSYS);
    }
}

Result<long> FutexTable::wait_any(Task& t, const std::vector<WaitvEntry>& words, Nanos deadline) {
    std::vector<FutexWaiter> waiters(words.size());
    size_t queued = 0;
    auto finish = [&](Result<long> r) {
        // A wake that came meanwhile wins over any error, lowest index first.
        for (size_t i = queued; i-- > 0;)
            if (dequeue(waiters[i])) r = static_cast<long>(i);
        return r;
    };
    for (; queued < words.size(); queued++) {
        const WaitvEntry& e = words[queued];
        Result<WordKey> k = key_of(t, e.word, false);
        if (!k) return finish(err(k.error()));
        FutexWaiter& w = waiters[queued];
        w.task = &t;
        bool differs = false;
        Result<> r = t.mm().with_word(e.word.addr, false, [&](u32* p) {
            Lock l(buckets_[index_of(*k)].mu);
            differs = __atomic_load_n(p, __ATOMIC_SEQ_CST) != e.value;
            if (!differs) enqueue(w, *k);
        });
        if (!r) return finish(err(r.error()));
        if (differs) return finish(err(EAGAIN));
    }
    for (;;) {
        BlockResult b = t.block(deadline);
        for (FutexWaiter& w : waiters)
            if (w.woken.load(std::memory_order_acquire)) return finish(err(EAGAIN));
        if (b != BlockResult::Woken) return finish(err(b == BlockResult::TimedOut ? ETIMEDOUT : ERESTARTSYS));
    }
}

Result<long> FutexTable::wake(Task& t, Word word, int count, u32 bitset) {
    if (bitset == 0) return err(EINVAL);
    WordKey k = SBX_TRY(key_of(t, word, false));
    Bucket& b = buckets_[index_of(k)];
    Lock l(b.mu);
    return wake_locked(b, k, std::max(count, 1), bitset);
}

namespace {

// FUTEX_OP of futex(2): the operation, its argument, the comparison and its argument.
struct WakeOp {
    unsigned op, compare;
    i32 op_arg, compare_arg;
};

std::optional<WakeOp> decode(u32 encoded) {
    WakeOp o;
    o.op = encoded >> 28 & 7;
    o.compare = encoded >> 24 & 15;
    o.op_arg = static_cast<i32>(encoded << 8) >> 20;
    o.compare_arg = static_cast<i32>(encoded << 20) >> 20;
    if (encoded >> 31) o.op_arg = static_cast<i32>(1u << (o.op_arg & 31));
    if (o.op > FUTEX_OP_XOR || o.compare > FUTEX_OP_CMP_GE) return std::nullopt;
    return o;
}

u32 apply(const WakeOp& o, u32* word) {
    u32 arg = static_cast<u32>(o.op_arg);
    switch (o.op) {
    case FUTEX_OP_SET: return __atomic_exchange_n(word, arg, __ATOMIC_SEQ_CST);
    case FUTEX_OP_ADD: return __atomic_fetch_add(word, arg, __ATOMIC_SEQ_CST);
    case FUTEX_OP_OR: return __atomic_fetch_or(word, arg, __ATOMIC_SEQ_CST);
    case FUTEX_OP_ANDN: return __atomic_fetch_and(word, ~arg, __ATOMIC_SEQ_CST);
    default: return __atomic_fetch_xor(word, arg, __ATOMIC_SEQ_CST);
    }
}

bool compare(const WakeOp& o, u32 old) {
    i32 v = static_cast<i32>(old);
    switch (o.compare) {
    case FUTEX_OP_CMP_EQ: return v == o.compare_arg;
    case FUTEX_OP_CMP_NE: return v != o.compare_arg;
    case FUTEX_OP_CMP_LT: return v < o.compare_arg;
    case FUTEX_OP_CMP_LE: return v <= o.compare_arg;
    case FUTEX_OP_CMP_GT: return v > o.compare_arg;
    default: return v >= o.compare_arg;
    }
}

}  // namespace

Result<long> FutexTable::wake_op(Task& t, Word a, Word b, int count_a, int count_b, u32 encoded) {
    WordKey ka = SBX_TRY(key_of(t, a, false));
    WordKey kb = SBX_TRY(key_of(t, b, true));
    std::optional<WakeOp> op = decode(encoded);
    if (!op) return err(ENOSYS);
    long woken = 0;
    SBX_TRY(t.mm().with_word(b.addr, true, [&](u32* p) {
        TwoBuckets l(*this, ka, kb);
        u32 old = apply(*op, p);
        woken = wake_locked(buckets_[index_of(ka)], ka, std::max(count_a, 1), FUTEX_BITSET_MATCH_ANY);
        if (compare(*op, old))
            woken += wake_locked(buckets_[index_of(kb)], kb, std::max(count_b, 1), FUTEX_BITSET_MATCH_ANY);
    }));
    return woken;
}

Result<long> FutexTable::requeue(Task& t, Word a, Word b, int wake_count, int move_count, const u32* expected) {
    if (wake_count < 0 || move_count < 0) return err(EINVAL);
    WordKey ka = SBX_TRY(key_of(t, a, false));
    WordKey kb = SBX_TRY(key_of(t, b, false));
    long done = 0;
    bool differs = false;
    auto go = [&](u32* p) {
        TwoBuckets l(*this, ka, kb);
        if (expected && __atomic_load_n(p, __ATOMIC_SEQ_CST) != *expected) {
            differs = true;
            return;
        }
        Bucket& from = buckets_[index_of(ka)];
        done = wake_count ? wake_locked(from, ka, wake_count, FUTEX_BITSET_MATCH_ANY) : 0;
        int moved = 0;
        for (FutexWaiter& w : from.waiters) {
            if (moved >= move_count) break;
            if (!(w.key == ka) || w.pi || w.requeue_pi || ka == kb) continue;
            move(w, kb);
            moved++;
        }
        done += moved;
    };
    SBX_TRY(t.mm().with_word(a.addr, false, go));
    if (differs) return err(EAGAIN);
    return done;
}

}  // namespace sbx
