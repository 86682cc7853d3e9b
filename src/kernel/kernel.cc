// Kernel: construction, and the operations that concern all tasks.
#include "src/kernel/kernel.h"

#include <sched.h>

#include "src/kernel/cpu_clock.h"
#include "src/kernel/futex.h"
#include "src/kernel/timekeeper.h"

namespace sbx {
namespace {
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
      cpu_clock_(std::make_unique<CpuClock>(*this)),
      host_cpus_(count_host_cpus()),
      cpus_(options_.cpus ? options_.cpus : host_cpus_) {
    tasks_.root_ns = PidNamespace::create_initial(user_ns_);
    tasks_.task_limit = options_.pids_limit;
    if (options_.memory_limit) memory_->set_cap(options_.memory_limit);
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
        int adj;
    };
    std::vector<Candidate> candidates;
    {
        SharedLock l(tasks_.mu);
        for (auto& [nr, pid] : tasks_.root_ns->pids()) {
            if (!pid->group || !pid->group->leader) continue;
            Ref<mm::MemoryManager> mm = pid->group->leader->mm_of();
            // oom_score_adj as in oom_badness(): in thousandths of the limit; -1000 exempts.
            int adj = pid->group->oom_score_adj.load();
            if (mm && adj != -1000) candidates.push_back(Candidate{nr, std::move(mm), adj});
        }
    }
    int worst = 0;
    i64 most = 0;
    for (Candidate& c : candidates) {
        i64 score = static_cast<i64>(c.mm->rss()) + static_cast<i64>(options_.memory_limit / 1000) * c.adj;
        if (worst != 0 && score <= most) continue;
        worst = c.nr;
        most = score;
    }
    SharedLock l(tasks_.mu);
    ThreadGroup* largest = worst ? tasks_.find_group(worst, *tasks_.root_ns) : nullptr;
    if (!largest) return false;
    if (largest == tasks_.root_ns->init) oom_killed.store(true);
    send_group_signal(*largest, kernel_siginfo(SIGKILL));
    return true;
}

}  // namespace sbx
