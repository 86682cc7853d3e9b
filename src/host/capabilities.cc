// capset(2) and the bounding set.
#include "src/host/capabilities.h"

#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace sbx::host {
namespace {
constexpr int kMaxCapability = 63;
}

u64 effective_capabilities() {
    __user_cap_header_struct head{_LINUX_CAPABILITY_VERSION_3, 0};
    __user_cap_data_struct data[2] = {};
    if (syscall(SYS_capget, &head, data) != 0) return 0;
    return static_cast<u64>(data[1].effective) << 32 | data[0].effective;
}

Result<> limit_capabilities(u64 keep) {
    __user_cap_header_struct head{_LINUX_CAPABILITY_VERSION_3, 0};
    __user_cap_data_struct data[2] = {};
    if (syscall(SYS_capget, &head, data) != 0) return err(errno);
    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    // Without CAP_SETPCAP the bounding set stays; no_new_privs makes it useless.
    for (int c = 0; c <= kMaxCapability; c++)
        if ((keep >> c & 1) == 0) prctl(PR_CAPBSET_DROP, c, 0, 0, 0);
    for (unsigned i = 0; i < 2; i++) {
        u32 mask = static_cast<u32>(keep >> (32 * i));
        data[i].permitted &= mask;
        data[i].effective = data[i].permitted;
        data[i].inheritable = 0;
    }
    if (syscall(SYS_capset, &head, data) != 0) return err(errno);
    return {};
}

}  // namespace sbx::host
