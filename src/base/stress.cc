// Giving way at random.
#include "src/base/stress.h"

#if SBX_DEBUG
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <time.h>

#include "src/base/types.h"

namespace sbx {
namespace {

u32 wanted() {
    const char* text = getenv("SBX_STRESS");
    return text ? static_cast<u32>(strtoul(text, nullptr, 10)) : 0;
}

u32 next_random() {
    static thread_local u32 state = 0;
    if (state == 0) {
        timespec t{};
        clock_gettime(CLOCK_MONOTONIC, &t);
        state = static_cast<u32>(t.tv_nsec) | 1;
    }
    state ^= state << 13, state ^= state >> 17, state ^= state << 5;
    return state;
}

}  // namespace

void stress_point() {
    static const u32 one_in = wanted();
    if (one_in == 0 || next_random() % one_in != 0) return;
    int saved = errno;
    u32 r = next_random();
    if (r % 4 != 0) {
        sched_yield();
    } else if (r % 16 != 0) {
        for (u32 i = 0; i < r % 4096; i++) asm volatile("pause");
    } else {
        // Threads of a pair share a CPU (platform/placement.h): only sleep lets all others by.
        timespec t{0, static_cast<long>(r % 200000)};
        nanosleep(&t, nullptr);
    }
    errno = saved;
}

}  // namespace sbx
#endif
