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
#include "src/host/owner_broker.h"
#include "src/host/unique_fd.h"

namespace sbx::host {
namespace {
bool hidden_owners = false;
[[maybe_unused]] bool confined = false;

constexpr u64 bit(int c) { return 1ull << c; }
// What serving files as root needs: reading as root reads; and, with something writable, writing as root writes.
constexpr u64 kReadCapabilities = bit(CAP_DAC_READ_SEARCH);
constexpr u64 kWriteCapabilities =
    bit(CAP_DAC_OVERRIDE) | bit(CAP_FOWNER) | bit(CAP_CHOWN) | bit(CAP_FSETID) | bit(CAP_MKNOD) | bit(CAP_SETFCAP);

int write_file(const char* path, const char* text) {
    UniqueFd fd(open(path, O_WRONLY | O_CLOEXEC));
    if (!fd) return errno;
    auto n = static_cast<ssize_t>(strlen(text));
    return write(fd.get(), text, static_cast<size_t>(n)) == n ? 0 : errno;
}

// A user namespace with the caller's own ids and no others, which anybody may make who may make one at all.
int enter_user_namespace() {
    unsigned uid = geteuid(), gid = getegid();
    // Where the program may be run but not read, /proc/self would be root's.
    prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
    if (!start_owner_broker()) return EAGAIN;
    if (unshare(CLONE_NEWUSER) != 0) return errno;
    hidden_owners = true;
    char map[48];
    int e = write_file("/proc/self/setgroups", "deny");
    if (e != 0 && e != ENOENT) return e;
    snprintf(map, sizeof map, "%u %u 1", gid, gid);
    e = write_file("/proc/self/gid_map", map);
    if (e != 0) return e;
    snprintf(map, sizeof map, "%u %u 1", uid, uid);
    return write_file("/proc/self/uid_map", map);
}

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

bool owners_are_hidden() { return hidden_owners; }

Result<std::vector<Layer>> confine(const ConfineOptions& options) {
    std::vector<Layer> layers;
    bool privileged = (effective_capabilities() & bit(CAP_SYS_ADMIN)) != 0;
    bool writable =
        std::any_of(options.paths.begin(), options.paths.end(), [](const ConfinedPath& p) { return p.writable; });
    // Who has CAP_SYS_ADMIN needs no user namespace for the others, and in one it could not serve other owners' files.
    int user = privileged ? 0 : enter_user_namespace();
    if (!privileged) layers.push_back({"user namespace", user});
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
    if (privileged && geteuid() == 0) keep = kReadCapabilities | (writable ? kWriteCapabilities : 0);
    auto dropped = limit_capabilities(keep);
    if (!dropped) return err(dropped.error());
    return layers;
}

std::vector<Layer> probe_layers() {
    // The child says each layer's errno in the order of confine(); names are static, so both processes know them.
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) return {};
    struct Line {
        const char* name;
        int error;
    };
    long pid = syscall(SYS_clone, SIGCHLD, nullptr, nullptr, nullptr, nullptr);
    if (pid == 0) {
        UniqueFd root(open("/", O_PATH | O_DIRECTORY | O_CLOEXEC));
        ConfinedPath paths[] = {{root.get(), false}};
        auto layers = confine({paths, false});
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
    if (pid > 0) waitpid(static_cast<pid_t>(pid), nullptr, 0);
    return found;
}

}  // namespace sbx::host
