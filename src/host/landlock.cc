// Landlock's three calls. The header of the build host may be older than the kernel: constants stand here
// (include/uapi/linux/landlock.h).
#include "src/host/landlock.h"

#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "src/base/types.h"
#include "src/host/unique_fd.h"

namespace sbx::host {
namespace {
constexpr long kCreateRuleset = 444, kAddRule = 445, kRestrictSelf = 446;
constexpr u32 kVersionFlag = 1, kPathBeneath = 1;
constexpr u64 kExecute = 1, kWriteFile = 2, kReadFile = 4, kReadDir = 8, kRefer = 1 << 13, kTruncate = 1 << 14,
              kIoctlDev = 1 << 15;
constexpr u64 kVersion1 = (1 << 13) - 1;
constexpr u64 kNetAll = 3;    // bind and connect of TCP
constexpr u64 kScopeAll = 3;  // abstract Unix sockets, signals

struct Ruleset {
    u64 fs, net, scoped;
};
struct [[gnu::packed]] PathBeneath {
    u64 allowed;
    i32 fd;
};
}  // namespace

int landlock_version() {
    long v = syscall(kCreateRuleset, nullptr, 0, kVersionFlag);
    return v < 0 ? 0 : static_cast<int>(v);
}

Result<> landlock_restrict(std::span<const ConfinedPath> paths, bool network) {
    int version = landlock_version();
    if (version < 1) return err(ENOSYS);
    Ruleset r{kVersion1, 0, 0};
    if (version >= 2) r.fs |= kRefer;
    if (version >= 3) r.fs |= kTruncate;
    if (version >= 5) r.fs |= kIoctlDev;
    if (version >= 4 && !network) r.net = kNetAll;
    if (version >= 6) r.scoped = kScopeAll;
    size_t size = version >= 6 ? 24 : version >= 4 ? 16 : 8;
    UniqueFd rules(static_cast<int>(syscall(kCreateRuleset, &r, size, 0)));
    if (!rules) return err(errno);
    for (const ConfinedPath& p : paths) {
        struct stat s {};
        if (fstat(p.fd, &s) != 0) return err(errno);
        u64 allowed = kExecute | kReadFile | kReadDir;
        if (p.writable) allowed = r.fs & ~kIoctlDev;
        if (!S_ISDIR(s.st_mode)) allowed &= kExecute | kReadFile | kWriteFile | kTruncate;
        PathBeneath rule{allowed & r.fs, p.fd};
        if (syscall(kAddRule, rules.get(), kPathBeneath, &rule, 0) != 0) return err(errno);
    }
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return err(errno);
    if (syscall(kRestrictSelf, rules.get(), 0) != 0) return err(errno);
    return {};
}

}  // namespace sbx::host
