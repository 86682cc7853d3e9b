// Run-time check of lock ranks, in debug builds only. Used by Mutex and RwMutex.
#include "src/base/mutex.h"

#if SBX_DEBUG
#include <stdio.h>

#include "src/base/panic.h"
#include "src/base/stress.h"

namespace sbx {
namespace {
struct Held {
    Rank rank;
    const void* lock;
};
constexpr unsigned kMaxHeld = 32;
thread_local Held held[kMaxHeld];
thread_local unsigned held_count = 0;
}  // namespace

void rank_acquire(Rank r, const void* lock, bool nested) {
    Rank top = Rank::Boot;
    for (unsigned i = 0; i < held_count; i++)
        if (held[i].rank > top) top = held[i].rank;
    if (held_count != 0 && (r < top || (r == top && !nested))) {
        static char message[96];
        snprintf(message, sizeof message, "lock rank %u taken while holding rank %u", static_cast<unsigned>(r),
                 static_cast<unsigned>(top));
        SBX_PANIC(message);
    }
    SBX_ASSERT(held_count < kMaxHeld);
    held[held_count++] = Held{r, lock};
    stress_point();
}

void rank_release(Rank, const void* lock) {
    for (unsigned i = held_count; i-- > 0;) {
        if (held[i].lock != lock) continue;
        held[i] = held[--held_count];
        stress_point();
        return;
    }
    SBX_PANIC("released a lock that is not held");
}

}  // namespace sbx
#endif
