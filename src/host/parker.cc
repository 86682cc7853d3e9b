// Parker on a futex word.
#include "src/host/parker.h"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "src/base/stress.h"

namespace sbx::host {

void Parker::unpark() {
    stress_point();
    if (token_.exchange(1, std::memory_order_release) == 0)
        syscall(SYS_futex, &token_, FUTEX_WAKE_PRIVATE, 1, nullptr, nullptr, 0);
}

bool Parker::park(Nanos deadline) {
    for (;;) {
        if (token_.exchange(0, std::memory_order_acquire) != 0) return true;
        stress_point();
        timespec t = host_deadline(deadline);
        // FUTEX_WAIT_BITSET takes an absolute time; EAGAIN and EINTR come back to the exchange.
        long r = syscall(SYS_futex, &token_, FUTEX_WAIT_BITSET_PRIVATE, 0, deadline == kNever ? nullptr : &t, nullptr,
                         FUTEX_BITSET_MATCH_ANY);
        if (r == -1 && errno == ETIMEDOUT) return token_.exchange(0, std::memory_order_acquire) != 0;
    }
}

}  // namespace sbx::host
