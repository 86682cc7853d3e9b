// Kernel: everything of one sandbox. Made once by the boot code (cli/boot.cc); used everywhere.
#pragma once

#include <memory>
#include <string>

#include "fs/vfs/mount.h"
#include "platform/platform.h"
#include "src/kernel/thread_group.h"
#include "src/mm/memory_file.h"

namespace sbx {

class Pause;
class Timekeeper;
class FutexTable;
class CpuClock;
class CpuQuota;
class Vdso;

class Kernel {
public:
    struct Options {
        std::string hostname = "sbx";
        u64 memory_limit = 0;         // limits.memory, bytes: application memory and the sentry's for it; 0: the host's
        u64 kernel_memory_limit = 0;  // limits.kernel-memory: what the sentry may hold; 0: none
        double cpu_limit = 0;         // limits.cpus; 0: none
        unsigned pids_limit = 4096;
        unsigned cpus = 0;  // CPUs that programs see; 0: the host's
        bool verbose = false;
        bool use_init = false;  // PID 1 is ours and reaps
    };
    Kernel(Options o, std::unique_ptr<platform::Platform> platform, Ref<mm::MemoryFile> memory);
    ~Kernel();

    const Options& options() const { return options_; }
    platform::Platform& platform() const { return *platform_; }
    mm::MemoryFile& memory() const { return *memory_; }
    TaskSet& tasks() { return tasks_; }
    UserNamespace& user_ns() const { return *user_ns_; }
    Timekeeper& timekeeper() const { return *timekeeper_; }
    FutexTable& futexes() const { return *futexes_; }
    CpuClock& cpu_clock() const { return *cpu_clock_; }
    CpuQuota& cpu_quota() const { return *cpu_quota_; }
    Pause& pause() const { return *pause_; }
    unsigned cpus() const { return cpus_; }  // that programs see
    unsigned host_cpus() const { return host_cpus_; }

    // Set at boot, before the first program is loaded.
    std::unique_ptr<Vdso> vdso;
    // How the first process ended, once tasks are gone: wait status.
    std::atomic<int> init_status{0};
    std::atomic<bool> oom_killed{false};

    // Kills every task (timeout, memory limit, signals to sbx).
    void kill_all();
    // Kills the process that uses most memory, its own and the sentry's for it; called by the CPU clock and by allocation paths.
    // Those that oom_score_adj exempts come last. False if there is none.
    bool kill_for_memory();
    // Looks at the memory limits, and kills if they are exceeded. The CPU clock does at each tick.
    void check_memory();
    // More is in use than may be: whoever makes a system call waits a little, so that the sandbox does not outgrow the killing.
    bool short_of_memory() const { return short_of_memory_.load(std::memory_order_relaxed); }

private:
    friend struct state::Access;
    template <class A>
    void state(A& ar);
    Options options_;                               // no state: from the configuration, as at the first start
    std::unique_ptr<platform::Platform> platform_;  // no state: the process that loads has its own
    Ref<mm::MemoryFile> memory_;
    Ref<UserNamespace> user_ns_;
    TaskSet tasks_;
    std::unique_ptr<Timekeeper> timekeeper_;    // no state: the timers that are armed put themselves in
    std::unique_ptr<FutexTable> futexes_;       // no state: who waits begins again, and with it what is held in common
    std::unique_ptr<CpuQuota> cpu_quota_;       // no state: a new period begins
    std::unique_ptr<CpuClock> cpu_clock_;       // no state: tasks have what it counted
    std::unique_ptr<Pause> pause_;              // no state: it ends where the kernel is loaded
    std::atomic<bool> short_of_memory_{false};  // no state: looked at anew by the next tick
    u64 memory_bound_ = ~0ull;                  // no state: limits.memory, or what keeps the host going
    unsigned host_cpus_ = 1, cpus_ = 1;         // no state: the host's, and the configuration's
};

}  // namespace sbx
