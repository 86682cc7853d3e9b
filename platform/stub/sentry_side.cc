// SIGCHLD and the moved vDSO.
#include "platform/stub/sentry_side.h"

#include <signal.h>

#include "platform/stub/layout.h"
#include "src/host/vdso.h"

namespace sbx::platform::stub {

void keep_children() {
    struct sigaction old {};
    sigaction(SIGCHLD, nullptr, &old);
    if (old.sa_handler == SIG_IGN) old.sa_handler = SIG_DFL;  // would reap stubs by itself
    old.sa_flags = (old.sa_flags | SA_NOCLDSTOP) & ~SA_NOCLDWAIT;
    sigaction(SIGCHLD, &old, nullptr);
}

HostVdso moved_vdso() {
    const host::Vdso& v = host::vdso();
    auto moved = [&](u64 address) { return address ? kHostVdso + (address - v.range().start) : 0; };
    return {moved(v.clock_gettime), moved(v.getcpu)};
}

}  // namespace sbx::platform::stub
