// Namespaces, the empty root, capabilities; the order of it all.
#include "src/host/confine.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>

#include "src/base/types.h"
#include "src/host/capabilities.h"
#include "src/host/unique_fd.h"

namespace sbx::host {
namespace {
[[maybe_unused]] bool confined = false;

constexpr u64 bit(int c) { return 1ull << c; }
// What serving files as root needs: reading as root reads; and, with something writable, writing as root writes.
constexpr u64 kReadCapabilities = bit(CAP_DAC_READ_SEARCH);
constexpr u64 kWriteCapabilities =
    bit(CAP_DAC_OVERRIDE) | bit(CAP_FOWNER) | bit(CAP_CHOWN) | bit(CAP_FSETID) | bit(CAP_MKNOD) | bit(CAP_SETFCAP);

// Makes an empty file system the root of this mount namespace. Descriptors opened before stand in the namespace they were opened in.
int empty_root() {
    if (mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) return errno;
    const char* place = nullptr;
    for (const char* p : {"/tmp", "/proc", "/dev", "/usr", "/etc"}) {
        if (mount("none", p, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "size=4k,nr_inodes=2,mode=555") == 0) {
            place = p;
            break;
        }
    }
    if (!place) return errno;
    if (chdir(place) != 0) return errno;
    if (syscall(SYS_pivot_root, ".", ".") != 0) return errno;
    if (umount2(".", MNT_DETACH) != 0) return errno;
    if (chdir("/") != 0) return errno;
    mount("none", "/", nullptr, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, nullptr);
    return 0;
}

int unshare_one(int flag) { return unshare(flag) == 0 ? 0 : errno; }
}  // namespace

#ifdef __SANITIZE_ADDRESS__
// LeakSanitizer looks into /proc, of which a confined process has none.
extern "C" int __lsan_is_turned_off() { return confined; }
#endif

Result<std::vector<Layer>> confine(const ConfineOptions& options, std::vector<Layer> layers) {
    bool writable =
        std::any_of(options.paths.begin(), options.paths.end(), [](const ConfinedPath& p) { return p.writable; });
    // Of the user that it is, not of one that a user namespace of its own made it.
    bool root = geteuid() == 0 && !owners_are_hidden() && (effective_capabilities() & bit(CAP_SYS_ADMIN)) != 0;
    // Where it is refused, that is why the others are.
    int user = !layers.empty() && layers.front().name == kUserNamespace ? layers.front().error : 0;
    auto add = [&](const char* name, int e) { layers.push_back({name, user != 0 && e == EPERM ? user : e}); };
    add("IPC namespace", unshare_one(CLONE_NEWIPC));
    add("UTS namespace", unshare_one(CLONE_NEWUTS));
    if (!options.host_network) add("network namespace", unshare_one(CLONE_NEWNET));
    int mounts = unshare_one(CLONE_NEWNS);
    add("mount namespace", mounts);
    add("empty root", mounts != 0 ? mounts : empty_root());
    confined = true;

    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return err(errno);
    auto landlock = landlock_restrict(options.paths, options.host_network);
    layers.push_back({"Landlock", landlock ? 0 : landlock.error().value});
    u64 keep = 0;
    if (root) keep = kReadCapabilities | (writable ? kWriteCapabilities : 0);
    auto dropped = limit_capabilities(keep);
    if (!dropped) return err(dropped.error());
    return layers;
}

std::vector<Layer> probe_layers() {
    // The sentry of a child says each layer's errno in order; names are static, so both processes know them.
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) return {};
    struct Line {
        const char* name;
        int error;
    };
    pid_t pid = fork();
    if (pid == 0) {
        UniqueFd root(open("/", O_PATH | O_DIRECTORY | O_CLOEXEC));
        ConfinedPath paths[] = {{root.get(), false}};
        auto layers = leave_keeper({});
        if (layers) layers = confine({paths, false}, std::move(*layers));
        if (layers) {
            for (const Layer& l : *layers) {
                Line line{l.name, l.error};
                if (write(ends[1], &line, sizeof line) != sizeof line) _exit(1);
            }
        }
        _exit(0);
    }
    close(ends[1]);
    std::vector<Layer> found;
    Line line;
    while (read(ends[0], &line, sizeof line) == sizeof line) found.push_back({line.name, line.error});
    close(ends[0]);
    if (pid > 0) waitpid(pid, nullptr, 0);
    return found;
}

}  // namespace sbx::host
