// Kernel: construction, and the operations that concern all tasks.
#include "src/kernel/kernel.h"

#include <sched.h>

#include <algorithm>

#include "src/base/heap.h"
#include "src/host/facts.h"
#include "src/kernel/cpu_clock.h"
#include "src/kernel/cpu_quota.h"
#include "src/kernel/futex.h"
#include "src/kernel/pause.h"
#include "src/kernel/timekeeper.h"
#include "src/kernel/vdso.h"

namespace sbx {
namespace {
// A task's sentry thread: the pages of its stack that are touched, and its thread-local data.
constexpr u64 kThreadMemory = 16 << 10;

unsigned count_host_cpus() {
    cpu_set_t set;
    CPU_ZERO(&set);
    if (sched_getaffinity(0, sizeof set, &set) != 0) return 1;
    return static_cast<unsigned>(CPU_COUNT(&set));
}
}  // namespace

Kernel::Kernel(Options o, std::unique_ptr<platform::Platform> platform, Ref<mm::MemoryFile> memory)
    : options_(std::move(o)),
      platform_(std::move(platform)),
      memory_(std::move(memory)),
      user_ns_(UserNamespace::create_initial()),
      timekeeper_(std::make_unique<Timekeeper>()),
      futexes_(std::make_unique<FutexTable>()),
      cpu_quota_(std::make_unique<CpuQuota>(options_.cpu_limit)),
      cpu_clock_(std::make_unique<CpuClock>(*this)),
      pause_(std::make_unique<Pause>(*this)),
      host_cpus_(count_host_cpus()),
      cpus_(options_.cpus ? options_.cpus : host_cpus_) {
    tasks_.root_ns = PidNamespace::create_initial(user_ns_);
    tasks_.task_limit = options_.pids_limit;
    if (options_.memory_limit) memory_->set_cap(options_.memory_limit);
    // Without a limit what is killed is in the sandbox still, and not what the host's OOM killer takes for the culprit.
    if (options_.memory_limit)
        memory_bound_ = options_.memory_limit;
    else if (u64 total = host::memory_facts().total)
        memory_bound_ = total / 10 * 9;
}

Kernel::~Kernel() = default;

void Kernel::kill_all() {
    Lock l(tasks_.mu);
    for (auto& [nr, pid] : tasks_.root_ns->pids())
        if (pid->group) send_group_signal(*pid->group, kernel_siginfo(SIGKILL));
}

bool Kernel::kill_for_memory() {
    // Address spaces are measured, and let go, without the task set's lock, which is the inner one.
    struct Candidate {
        int nr;
        Ref<mm::MemoryManager> mm;
        i64 held;
        int adj;
    };
    std::vector<Candidate> candidates;
    {
        SharedLock l(tasks_.mu);
        for (auto& [nr, pid] : tasks_.root_ns->pids()) {
            if (!pid->group || !pid->group->leader) continue;
            // The leader may have ended before the others.
            Ref<mm::MemoryManager> mm;
            for (Task& t : pid->group->threads)
                if ((mm = t.mm_of())) break;
            if (mm)
                candidates.push_back(Candidate{nr, std::move(mm), std::max<i64>(0, pid->group->held.load()),
                                               pid->group->oom_score_adj.load()});
        }
    }
    int worst = 0;
    bool worst_exempt = true;
    i64 most = 0;
    for (Candidate& c : candidates) {
        // oom_score_adj as in oom_badness(): in thousandths of the limit; -1000 exempts, as long as there are others.
        bool exempt = c.adj == -1000;
        i64 score = static_cast<i64>(c.mm->rss()) + c.held + static_cast<i64>(memory_bound_ / 1000) * c.adj;
        if (worst != 0 && (exempt > worst_exempt || (exempt == worst_exempt && score <= most))) continue;
        worst = c.nr;
        worst_exempt = exempt;
        most = score;
    }
    SharedLock l(tasks_.mu);
    ThreadGroup* largest = worst ? tasks_.find_group(worst, *tasks_.root_ns) : nullptr;
    if (!largest) return false;
    if (largest == tasks_.root_ns->init) oom_killed.store(true);
    send_group_signal(*largest, kernel_siginfo(SIGKILL));
    return true;
}

void Kernel::check_memory() {
    u64 held = heap::in_use() + tasks_.sentry_threads.load() * kThreadMemory;
    // What the sentry holds leaves less for the application.
    if (options_.memory_limit) memory_->set_cap(memory_bound_ - std::min(held, memory_bound_));
    bool over = (options_.kernel_memory_limit && held > options_.kernel_memory_limit) ||
                (options_.memory_limit ? memory_->over_limit() : memory_->usage() + held > memory_bound_);
    if (over) kill_for_memory();
    short_of_memory_.store(over, std::memory_order_relaxed);
}

}  // namespace sbx
