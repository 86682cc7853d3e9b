// ThreadGroup and TaskSet: limits, times and look-up.
#include "src/kernel/thread_group.h"

#include "src/base/panic.h"
#include "src/kernel/kernel.h"

namespace sbx {
namespace {
constexpr rlim_t kInf = RLIM_INFINITY;
// INIT_RLIMITS of include/asm-generic/resource.h, with the values that distributions give.
constexpr std::array<rlimit, 16> kInitialLimits = {{
    {kInf, kInf},          // CPU
    {kInf, kInf},          // FSIZE
    {kInf, kInf},          // DATA
    {8u << 20, kInf},      // STACK
    {0, kInf},             // CORE
    {kInf, kInf},          // RSS
    {kInf, kInf},          // NPROC
    {1024, 1048576},       // NOFILE
    {8u << 20, 8u << 20},  // MEMLOCK
    {kInf, kInf},          // AS
    {kInf, kInf},          // LOCKS
    {16384, 16384},        // SIGPENDING
    {819200, 819200},      // MSGQUEUE
    {0, 0},                // NICE
    {0, 0},                // RTPRIO
    {kInf, kInf},          // RTTIME
}};
}  // namespace

void ResourceUse::add(const ResourceUse& o) {
    cpu.user += o.cpu.user;
    cpu.system += o.cpu.system;
    minor_faults += o.minor_faults;
    major_faults += o.major_faults;
    voluntary += o.voluntary;
    involuntary += o.involuntary;
    in_blocks += o.in_blocks;
    out_blocks += o.out_blocks;
    if (o.max_rss > max_rss) max_rss = o.max_rss;
}

ThreadGroup::ThreadGroup(Kernel& k, Ref<SignalHandlers> h)
    : kernel_(k), handlers_(std::move(h)), limits_(kInitialLimits) {}
ThreadGroup::~ThreadGroup() = default;

rlimit ThreadGroup::limit(int resource) const {
    Lock l(limits_mu_);
    SBX_ASSERT(resource >= 0 && static_cast<size_t>(resource) < limits_.size());
    return limits_[static_cast<size_t>(resource)];
}

void ThreadGroup::set_limit(int resource, rlimit v) {
    Lock l(limits_mu_);
    SBX_ASSERT(resource >= 0 && static_cast<size_t>(resource) < limits_.size());
    limits_[static_cast<size_t>(resource)] = v;
}

std::array<rlimit, 16> ThreadGroup::limits() const {
    Lock l(limits_mu_);
    return limits_;
}

ResourceUse resource_use(const Task& t) {
    ResourceUse u;
    u.cpu.user = t.user_ticks.load(std::memory_order_relaxed);
    u.cpu.system = t.system_ticks.load(std::memory_order_relaxed);
    u.minor_faults = t.minor_faults.load(std::memory_order_relaxed);
    u.major_faults = t.major_faults.load(std::memory_order_relaxed);
    u.voluntary = t.voluntary_switches.load(std::memory_order_relaxed);
    u.involuntary = t.involuntary_switches.load(std::memory_order_relaxed);
    u.in_blocks = t.read_bytes.load(std::memory_order_relaxed) / 512;
    u.out_blocks = t.write_bytes.load(std::memory_order_relaxed) / 512;
    return u;
}

ResourceUse ThreadGroup::resource_use() const {
    ResourceUse u = dead_threads;
    for (const Task& t : threads) u.add(sbx::resource_use(t));
    return u;
}

CpuTimes ThreadGroup::cpu_times() const { return resource_use().cpu; }

TaskSet& tasks_of(const Task& t) { return t.kernel().tasks(); }

Task* TaskSet::find_task(int tid, const PidNamespace& ns) const {
    Pid* p = ns.find(tid);
    return p ? p->task : nullptr;
}

ThreadGroup* TaskSet::find_group(int pid, const PidNamespace& ns) const {
    Pid* p = ns.find(pid);
    return p ? p->group : nullptr;
}

}  // namespace sbx
