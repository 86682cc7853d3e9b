// Mutex<Rank>, RwMutex<Rank> and their guards: locks with a rank checked at run time in debug builds and annotations
// that clang checks in `make lint`.
#pragma once

#include <mutex>
#include <shared_mutex>

#include "src/base/lock_order.h"

#ifdef __clang__
#define SBX_TSA(x) __attribute__((x))
#else
#define SBX_TSA(x)
#endif
#define SBX_GUARDED_BY(x) SBX_TSA(guarded_by(x))
#define SBX_REQUIRES(...) SBX_TSA(requires_capability(__VA_ARGS__))
#define SBX_REQUIRES_SHARED(...) SBX_TSA(requires_shared_capability(__VA_ARGS__))
#define SBX_EXCLUDES(...) SBX_TSA(locks_excluded(__VA_ARGS__))
#define SBX_NO_TSA SBX_TSA(no_thread_safety_analysis)

namespace sbx {

#if SBX_DEBUG
// Pushes or pops a rank on the thread's stack of held ranks; aborts on inversion. `nested`: equal rank allowed.
void rank_acquire(Rank r, const void* lock, bool nested);
void rank_release(Rank r, const void* lock);
#else
inline void rank_acquire(Rank, const void*, bool) {}
inline void rank_release(Rank, const void*) {}
#endif

template <Rank R>
class SBX_TSA(capability("mutex")) Mutex {
public:
    void lock() SBX_TSA(acquire_capability()) {
        rank_acquire(R, this, false);
        m_.lock();
    }
    // For a second lock of the same rank, where an order among them is documented (by address, parent before child).
    void lock_nested() SBX_TSA(acquire_capability()) {
        rank_acquire(R, this, true);
        m_.lock();
    }
    bool try_lock() SBX_TSA(try_acquire_capability(true)) {
        if (!m_.try_lock()) return false;
        rank_acquire(R, this, true);
        return true;
    }
    void unlock() SBX_TSA(release_capability()) {
        m_.unlock();
        rank_release(R, this);
    }

private:
    std::mutex m_;
};

template <Rank R>
class SBX_TSA(capability("mutex")) RwMutex {
public:
    void lock() SBX_TSA(acquire_capability()) {
        rank_acquire(R, this, false);
        m_.lock();
    }
    void lock_nested() SBX_TSA(acquire_capability()) {
        rank_acquire(R, this, true);
        m_.lock();
    }
    void unlock() SBX_TSA(release_capability()) {
        m_.unlock();
        rank_release(R, this);
    }
    void lock_shared() SBX_TSA(acquire_shared_capability()) {
        rank_acquire(R, this, false);
        m_.lock_shared();
    }
    void lock_shared_nested() SBX_TSA(acquire_shared_capability()) {
        rank_acquire(R, this, true);
        m_.lock_shared();
    }
    void unlock_shared() SBX_TSA(release_shared_capability()) {
        m_.unlock_shared();
        rank_release(R, this);
    }

private:
    std::shared_mutex m_;
};

// Scoped exclusive lock.
template <class M>
class SBX_TSA(scoped_lockable) Lock {
public:
    explicit Lock(M& m) SBX_TSA(acquire_capability(m)) : m_(&m) { m.lock(); }
    struct Nested {};
    Lock(M& m, Nested) SBX_TSA(acquire_capability(m)) : m_(&m) { m.lock_nested(); }
    ~Lock() SBX_TSA(release_capability()) {
        if (m_) m_->unlock();
    }
    Lock(const Lock&) = delete;
    Lock& operator=(const Lock&) = delete;
    // Unlocks before the end of the scope.
    void unlock() SBX_TSA(release_capability()) {
        m_->unlock();
        m_ = nullptr;
    }

private:
    M* m_;
};
template <class M>
Lock(M&) -> Lock<M>;

// Scoped shared lock of a RwMutex.
template <class M>
class SBX_TSA(scoped_lockable) SharedLock {
public:
    explicit SharedLock(M& m) SBX_TSA(acquire_shared_capability(m)) : m_(m) { m.lock_shared(); }
    struct Nested {};
    SharedLock(M& m, Nested) SBX_TSA(acquire_shared_capability(m)) : m_(m) { m.lock_shared_nested(); }
    ~SharedLock() SBX_TSA(release_generic_capability()) { m_.unlock_shared(); }
    SharedLock(const SharedLock&) = delete;
    SharedLock& operator=(const SharedLock&) = delete;

private:
    M& m_;
};
template <class M>
SharedLock(M&) -> SharedLock<M>;

}  // namespace sbx
