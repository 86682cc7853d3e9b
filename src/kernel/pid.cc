// Pid and PidNamespace: allocation and look-up of numbers (kernel/pid.c).
#include "src/kernel/pid.h"

#include "src/base/ns_id.h"
#include "src/base/panic.h"
#include "src/kernel/tty.h"

namespace sbx {
namespace {
// Numbers below this are not used again after a wrap (RESERVED_PIDS).
constexpr int kReservedPids = 300;
constexpr unsigned kMaxLevels = 32;  // MAX_PID_NS_LEVEL
}  // namespace

Pid::Pid() = default;
Pid::~Pid() = default;

int Pid::nr_in(const PidNamespace& ns) const {
    if (ns.level() >= numbers_.size()) return 0;
    const PidNamespace* own = ns_.get();
    while (own->level() > ns.level()) own = own->parent();
    return own == &ns ? numbers_[ns.level()] : 0;
}

Ref<PidNamespace> PidNamespace::create_initial(Ref<UserNamespace> owner) {
    Ref<PidNamespace> ns = adopt_ref(new PidNamespace);
    ns->owner_ = std::move(owner);
    ns->id_ = kInitialPidNs;
    return ns;
}

Result<Ref<PidNamespace>> PidNamespace::create(Ref<PidNamespace> parent, Ref<UserNamespace> owner) {
    if (parent->level_ + 1 >= kMaxLevels) return err(ENOSPC);
    Ref<PidNamespace> ns = adopt_ref(new PidNamespace);
    ns->level_ = parent->level_ + 1;
    ns->pid_max = parent->pid_max;
    ns->parent_ = std::move(parent);
    ns->owner_ = std::move(owner);
    ns->id_ = next_namespace_id();
    return ns;
}

bool PidNamespace::contains(const PidNamespace& other) const {
    const PidNamespace* n = &other;
    while (n && n->level_ > level_) n = n->parent_.get();
    return n == this;
}

int PidNamespace::next_free() const {
    int first = last_pid + 1 <= kReservedPids ? 1 : kReservedPids;
    int start = last_pid + 1 < first ? first : last_pid + 1;
    auto free_from = [this](int from, int to) {
        auto it = pids_.lower_bound(from);
        while (from < to && it != pids_.end() && it->first == from) {
            ++it;
            ++from;
        }
        return from < to ? from : 0;
    };
    if (int nr = start < pid_max ? free_from(start, pid_max) : 0) return nr;
    return free_from(first, start < pid_max ? start : pid_max);
}

Result<Ref<Pid>> PidNamespace::allocate(std::span<const int> wanted) {
    if (wanted.size() > level_ + 1) return err(EINVAL);
    for (PidNamespace* ns = this; ns; ns = ns->parent_.get())
        if (ns->dying) return err(ENOMEM);
    std::vector<int> numbers(level_ + 1);
    for (PidNamespace* ns = this; ns; ns = ns->parent_.get()) {
        size_t i = level_ - ns->level_;
        int nr;
        if (i < wanted.size()) {
            nr = wanted[i];
            if (nr < 1 || nr >= ns->pid_max) return err(EINVAL);
            // The first process of a namespace is 1 (alloc_pid: "Also fail if a PID != 1 is requested and no PID 1 exists").
            if (nr != 1 && !ns->init) return err(EINVAL);
            if (ns->pids_.contains(nr)) return err(EEXIST);
        } else {
            nr = ns->next_free();
            if (nr == 0) return err(EAGAIN);
        }
        numbers[ns->level_] = nr;
    }
    Ref<Pid> pid = adopt_ref(new Pid);
    pid->ns_ = Ref(*this);
    pid->numbers_ = std::move(numbers);
    pid->uses_ = 1;
    for (PidNamespace* ns = this; ns; ns = ns->parent_.get()) {
        int nr = pid->numbers_[ns->level_];
        ns->pids_.emplace(nr, pid.get());
        // A number that was asked for does not move the cursor (idr_alloc against idr_alloc_cyclic).
        if (level_ - ns->level_ >= wanted.size()) ns->last_pid = nr;
    }
    return pid;
}

void PidNamespace::use(Pid& p) {
    SBX_ASSERT(p.uses_ > 0);
    p.uses_++;
}

void PidNamespace::unuse(Pid& p) {
    SBX_ASSERT(p.uses_ > 0);
    if (--p.uses_ != 0) return;
    for (PidNamespace* ns = p.ns_.get(); ns; ns = ns->parent_.get()) ns->pids_.erase(p.numbers_[ns->level_]);
}

Pid* PidNamespace::find(int nr) const {
    auto it = pids_.find(nr);
    return it == pids_.end() ? nullptr : it->second;
}

}  // namespace sbx
