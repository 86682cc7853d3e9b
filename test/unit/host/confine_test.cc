// Confinement, in child processes: as root where the test is run by root, and as an ordinary user.
#include "src/host/confine.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>

#include "platform/ptrace/ptrace.h"
#include "src/host/capabilities.h"
#include "src/host/keeper.h"
#include "src/host/unique_fd.h"
#include "test/unit/platform/guest_code.h"

using namespace sbx;
using namespace sbx::host;

namespace {

// Runs f in a child with that uid (-1: unchanged). What f returns: 0, or the line of the failed check.
template <class F>
int in_child(int uid, F f) {
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        if (uid >= 0 && (setresgid(1234, 1234, 1234) != 0 || setresuid(1234, 1234, 1234) != 0)) _exit(250);
        alarm(20);
        _exit(f());
    }
    int status = 0;
    waitpid(pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

#define MUST(x)                                                                                                        \
    do {                                                                                                               \
        if (!(x)) {                                                                                                    \
            fprintf(stderr, "confine_test.cc:%d: %s (errno %d)\n", __LINE__, #x, errno);                               \
            return 1;                                                                                                  \
        }                                                                                                              \
    } while (0)

int one_guest_call() {
    using namespace sbx::platform;
    auto p = platform::ptrace::type().create();
    if (!p) fprintf(stderr, "ptrace platform: %s\n", errno_name(p.error().value));
    MUST(p);
    GuestMemory memory;
    auto space = (*p)->create_address_space();
    MUST(space);
    memory.map_into(**space);
    auto c = (*space)->create_context();
    MUST(c);
    MUST((*space)->flush());
    Registers r = guest_regs(guest_getpid_loop);
    MUST(std::holds_alternative<SyscallTrap>((*c)->run(r)));
    return 0;
}

int confined(bool root) {
    UniqueFd fd(open("/", O_PATH | O_DIRECTORY | O_CLOEXEC));
    ConfinedPath paths[] = {{fd.get(), false}};
    auto layers = leave_keeper({});
    MUST(layers);
    layers = confine({paths, false}, std::move(*layers));
    MUST(layers);
    MUST(getppid() == 0 || layers->at(root ? 0 : 1).error != 0);
    bool empty = false;
    for (const Layer& l : *layers) {
        if (l.error != 0) fprintf(stderr, "  (this host: no %s: %s)\n", l.name, errno_name(l.error));
        if (std::string(l.name) == "empty root") empty = l.error == 0;
    }
    if (empty) {
        MUST(open("/etc/passwd", O_RDONLY) < 0 && errno == ENOENT);
        MUST(open("/x", O_RDWR | O_CREAT, 0600) < 0);
    }
    UniqueFd passwd(openat(fd.get(), "etc/passwd", O_RDONLY));
    MUST(passwd);
    // What is mounted below stays reachable.
    MUST(UniqueFd(openat(fd.get(), "proc/version", O_RDONLY)));
    struct stat s;
    MUST(fstat(passwd.get(), &s) == 0);
    u32 uid = 1, gid = 1;
    if (owners_are_hidden()) {
        MUST(s.st_uid == 65534);
        MUST(real_owner(passwd.get(), &uid, &gid));
        MUST(uid == 0 && gid == 0);
        uid = 1;
        MUST(real_owner(fd.get(), &uid, &gid));
        MUST(uid == 0);
        MUST(!real_owner(9999, &uid, &gid));
    } else {
        MUST(s.st_uid == 0);
    }
    MUST(root || effective_capabilities() == 0);
    MUST((effective_capabilities() & (1ull << 21)) == 0);
    return one_guest_call();
}

}  // namespace

TEST_CASE("confine: as the caller") {
    CHECK(in_child(-1, [] { return confined(geteuid() == 0); }) == 0);
}

TEST_CASE("confine: as an ordinary user") {
    if (geteuid() != 0) return;
    CHECK(in_child(1234, [] { return confined(false); }) == 0);
}

TEST_CASE("confine: where user namespaces are refused") {
    if (geteuid() != 0) return;
    // A chroot is one of the places where they are (user_namespaces(7)).
    CHECK(in_child(-1, [] {
              MUST(chroot("/") == 0);
              MUST(mkdir("/tmp/sbx-confine-test", 0755) == 0 || errno == EEXIST);
              MUST(setresgid(1234, 1234, 1234) == 0 && setresuid(1234, 1234, 1234) == 0);
              return confined(false);
          }) == 0);
}

TEST_CASE("confine: nothing can be written but where a writable path is") {
    CHECK(in_child(-1, [] {
              MUST(mkdir("/tmp/sbx-confine-test", 0777) == 0 || errno == EEXIST);
              UniqueFd root(open("/", O_PATH | O_DIRECTORY | O_CLOEXEC));
              UniqueFd rw(open("/tmp/sbx-confine-test", O_PATH | O_DIRECTORY | O_CLOEXEC));
              ConfinedPath paths[] = {{root.get(), false}, {rw.get(), true}};
              auto layers = leave_keeper({});
              MUST(layers);
              MUST(confine({paths, false}, std::move(*layers)));
              if (landlock_version() == 0) return 0;
              MUST(openat(root.get(), "tmp/sbx-other", O_WRONLY | O_CREAT, 0600) < 0 && errno == EACCES);
              UniqueFd f(openat(rw.get(), "file", O_WRONLY | O_CREAT, 0600));
              MUST(f);
              MUST(renameat(rw.get(), "file", rw.get(), "other") == 0);
              MUST(unlinkat(rw.get(), "other", 0) == 0);
              return 0;
          }) == 0);
    rmdir("/tmp/sbx-confine-test");
}

TEST_CASE("confine: the layers can be listed") { CHECK(probe_layers().size() >= 7); }
