// The filter, the hand-over of its listener, and the loop that answers.
#include "test/host/watched.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>

#include "test/host/shorten.h"

#ifndef SECCOMP_USER_NOTIF_FLAG_CONTINUE
#define SECCOMP_USER_NOTIF_FLAG_CONTINUE (1UL << 0)
#endif

namespace sbx::test {
namespace {

constexpr unsigned kNr = offsetof(seccomp_data, nr);
unsigned low_half(unsigned index) { return static_cast<unsigned>(offsetof(seccomp_data, args)) + index * 8; }

struct Shared {
    std::atomic<int> listener{-1};  // set by the watched process; both share one table of descriptors
    std::atomic<int> taken{0};      // set by the watcher: 1, or -1 on failure
};

// A number of /proc/TID/status, or -1.
long status_of(pid_t tid, const char* field) {
    char path[64], line[128];
    snprintf(path, sizeof path, "/proc/%d/status", tid);
    FILE* f = fopen(path, "re");
    if (!f) return -1;
    long value = -1;
    size_t n = strlen(field);
    while (value < 0 && fgets(line, sizeof line, f))
        if (strncmp(line, field, n) == 0) value = strtol(line + n, nullptr, 10);
    fclose(f);
    return value;
}

// Whether a thread is the keeper's or the sentry's, which is its only child; all others are the stubs'.
bool of_sbx(pid_t keeper, pid_t tid) {
    static pid_t sentry = -1;
    auto process = static_cast<pid_t>(status_of(tid, "Tgid:"));
    if (process == keeper || process == sentry) return true;
    if (sentry < 0 && status_of(tid, "PPid:") == keeper) sentry = process;
    return process == sentry;
}

[[noreturn]] void watch(Shared* shared, Judge& judge, pid_t program) {
    while (shared->listener.load() < 0) {
        if (kill(program, 0) != 0) _exit(0);
        sched_yield();
    }
    int mine = shared->listener.load();
    // From here on a table of its own, in which nothing of the program's stays open.
    if (unshare(CLONE_FILES) != 0 || (mine != 0 && dup2(mine, 0) != 0) || syscall(SYS_close_range, 1, ~0u, 0) != 0) {
        shared->taken.store(-1);
        _exit(1);
    }
    setsid();
    shared->taken.store(1);
    for (;;) {
        pollfd p{0, POLLIN, 0};
        if (poll(&p, 1, -1) < 0 && errno != EINTR) _exit(1);
        if (p.revents & POLLHUP) _exit(0);  // the last watched process is gone
        seccomp_notif call;
        memset(&call, 0, sizeof call);
        // ENOENT: the caller died before we looked.
        if (ioctl(0, SECCOMP_IOCTL_NOTIF_RECV, &call) != 0) continue;
        int error = judge.judge(call.data, of_sbx(program, static_cast<pid_t>(call.pid)));
        seccomp_notif_resp answer;
        memset(&answer, 0, sizeof answer);
        answer.id = call.id;
        long moved = 0;
        if (error == Judge::kHalf) {
            auto tid = static_cast<pid_t>(call.pid);
            if (!shorten(static_cast<pid_t>(status_of(tid, "Tgid:")), tid, call.data, &moved)) error = 0;
        }
        answer.error = error == Judge::kHalf ? static_cast<int>(std::min(moved, 0l)) : -error;
        answer.val = std::max(moved, 0l);
        if (error == 0) answer.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
        ioctl(0, SECCOMP_IOCTL_NOTIF_SEND, &answer);
    }
}

}  // namespace

void Picker::pick(int nr, const std::vector<Bound>& bounds) {
    // After the test of the number: three instructions a bound, and the return.
    auto rest = static_cast<__u8>(bounds.size() * 3 + 1);
    code_.push_back(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, kNr));
    code_.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<unsigned>(nr), 0, rest));
    for (const Bound& b : bounds) {
        rest = static_cast<__u8>(rest - 3);
        code_.push_back(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, low_half(b.index)));
        code_.push_back(BPF_STMT(BPF_ALU | BPF_AND | BPF_K, b.mask));
        code_.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, b.value, 0, rest));
    }
    code_.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF));
}

std::vector<sock_filter> Picker::program() const {
    std::vector<sock_filter> all = code_;
    all.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
    return all;
}

int exec_watched(const Picker& picker, Judge& judge, char** argv) {
    void* page = mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED) return perror("host-calls: mmap"), 1;
    auto* shared = new (page) Shared;
    pid_t program = getpid();
    // A grandchild, so that the program never sees it among its children.
    long child = syscall(SYS_clone, CLONE_FILES | SIGCHLD, nullptr, nullptr, nullptr, nullptr);
    if (child < 0) return perror("host-calls: clone"), 1;
    if (child == 0) {
        if (syscall(SYS_clone, CLONE_FILES, nullptr, nullptr, nullptr, nullptr) == 0) watch(shared, judge, program);
        _exit(0);
    }
    syscall(SYS_wait4, child, nullptr, 0, nullptr);

    std::vector<sock_filter> code = picker.program();
    sock_fprog prog{static_cast<unsigned short>(code.size()), code.data()};
    long fd = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &prog);
    if (fd < 0 && errno == EACCES) {
        prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
        fd = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &prog);
    }
    if (fd < 0) return perror("host-calls: seccomp"), 1;
    shared->listener.store(static_cast<int>(fd));
    while (shared->taken.load() == 0) {}
    if (shared->taken.load() < 0) return fprintf(stderr, "host-calls: no watcher\n"), 1;
    close(static_cast<int>(fd));
    execv(argv[0], argv);
    perror(argv[0]);
    return 127;
}

}  // namespace sbx::test
