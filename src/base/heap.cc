// operator new and delete, counted.
#include "src/base/heap.h"

#include <malloc.h>
#include <stdlib.h>

#include <algorithm>
#include <new>

#include "src/base/panic.h"

namespace sbx::heap {
namespace {

// Each thread counts by itself up to so much: the shared counters are touched seldom.
constexpr i64 kBatch = 8 << 10;

std::atomic<i64> total{0};

struct Local {
    i64 pending;
    std::atomic<i64>* account;
};
constinit thread_local Local local{0, nullptr};

void settle() {
    total.fetch_add(local.pending, std::memory_order_relaxed);
    if (local.account) local.account->fetch_add(local.pending, std::memory_order_relaxed);
    local.pending = 0;
}

}  // namespace

u64 in_use() { return static_cast<u64>(std::max<i64>(0, total.load(std::memory_order_relaxed))); }

void charge_to(std::atomic<i64>* account) {
    settle();
    local.account = account;
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
namespace {

void* allocated(void* p) {
    // Without memory nothing of the sandbox can go on, and there are no exceptions to say so with.
    if (!p) SBX_PANIC("the host has no more memory");
    local.pending += static_cast<i64>(malloc_usable_size(p));
    if (local.pending >= kBatch) settle();
    return p;
}

void release(void* p) {
    if (!p) return;
    local.pending -= static_cast<i64>(malloc_usable_size(p));
    if (local.pending <= -kBatch) settle();
    free(p);
}

}  // namespace
#endif

}  // namespace sbx::heap

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
// The other forms call these (new.delete in the standard), but for the aligned ones.
void* operator new(size_t n) { return sbx::heap::allocated(malloc(std::max<size_t>(n, 1))); }
void* operator new(size_t n, std::align_val_t align) {
    auto a = std::max(static_cast<size_t>(align), sizeof(void*));
    return sbx::heap::allocated(aligned_alloc(a, (std::max<size_t>(n, 1) + a - 1) / a * a));
}
void operator delete(void* p) noexcept { sbx::heap::release(p); }
void operator delete(void* p, size_t) noexcept { sbx::heap::release(p); }
void operator delete(void* p, std::align_val_t) noexcept { sbx::heap::release(p); }
void operator delete(void* p, size_t, std::align_val_t) noexcept { sbx::heap::release(p); }
#endif
