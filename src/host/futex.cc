// futex(2) calls; errno is kept, so that signal handlers and error paths may use them.
#include "src/host/futex.h"

#include <errno.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace sbx::host {

bool futex_wait(const std::atomic<u32>& word, u32 expected, Nanos deadline, FutexScope scope) {
    int saved = errno;
    timespec t = host_deadline(deadline);
    int op = FUTEX_WAIT_BITSET | (scope == FutexScope::Private ? FUTEX_PRIVATE_FLAG : 0);
    long r =
        syscall(SYS_futex, &word, op, expected, deadline == kNever ? nullptr : &t, nullptr, FUTEX_BITSET_MATCH_ANY);
    bool in_time = !(r == -1 && errno == ETIMEDOUT);
    errno = saved;
    return in_time;
}

void futex_wake(const std::atomic<u32>& word, int count, FutexScope scope) {
    int saved = errno;
    syscall(SYS_futex, &word, FUTEX_WAKE | (scope == FutexScope::Private ? FUTEX_PRIVATE_FLAG : 0), count, nullptr,
            nullptr, 0);
    errno = saved;
}

}  // namespace sbx::host
