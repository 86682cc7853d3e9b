// What is saved of tasks, processes and what hangs on them (src/base/archive.h).
#include "src/base/archive.h"
#include "src/base/ns_id.h"
#include "src/host/parker.h"
#include "src/kernel/exe_ref.h"
#include "src/kernel/itimers.h"
#include "src/kernel/kernel.h"
#include "src/kernel/ns/cgroup.h"
#include "src/kernel/ns/ipc.h"
#include "src/kernel/ns/net.h"
#include "src/kernel/ns/uts.h"
#include "src/kernel/posix_timers.h"
#include "src/kernel/user_counts.h"
#include "src/kernel/vdso.h"
#include "src/kernel/ptrace.h"
#include "src/kernel/task_internals.h"
#include "src/kernel/tty.h"

namespace sbx {

SBX_SAVED_COUNTER(last_namespace_id);
SBX_SAVABLE(UserNamespace);
SBX_SAVABLE(Creds);
SBX_SAVABLE(UtsNamespace);
SBX_SAVABLE(IpcNamespace);
SBX_SAVABLE(NetNamespace);
SBX_SAVABLE(CgroupNamespace);
SBX_SAVABLE(PidNamespace);
SBX_SAVABLE(Pid);
SBX_SAVABLE(SignalHandlers);
SBX_SAVABLE(ExeRef);
SBX_SAVABLE(ThreadGroup);
SBX_SAVABLE(Task);

template <class A>
void PendingSignals::state(A& ar) {
    // Timers put their instances back themselves, where they are to find the place free.
    SigSet set = set_, others;
    std::vector<QueuedSignal*> own;
    if constexpr (!A::kLoading) {
        for (QueuedSignal& q : queue_) {
            if (q.timer) {
                set.remove(q.info.si_signo);
            } else {
                own.push_back(&q);
                others.add(q.info.si_signo);
            }
        }
        set = set | others;
    }
    ar(set);
    if constexpr (A::kLoading) set_ = set;
    u64 n = own.size();
    ar(n);
    for (u64 i = 0; i < n; i++) {
        if constexpr (A::kLoading) {
            if (!ar.ok()) return;
            own.push_back(new QueuedSignal);
            queue_.push_back(*own.back());
            count_++;
        }
        ar(*own[i]);
    }
}

template <class A>
void PosixTimer::state(A& ar) SBX_NO_TSA {
    if constexpr (!A::kLoading) was_queued_ = signal_.linked();
    ar(cpu_at_, cpu_interval_, overrun_, last_overrun_, was_queued_, timer_);
}

void PosixTimer::requeue() {
    if (was_queued_) (notify_.thread ? notify_.thread->pending : group_.pending).enqueue(&signal_);
}

template <class A>
void PosixTimers::state(A& ar, ThreadGroup& g) SBX_NO_TSA {
    ar(next_id_);
    u64 n = timers_.size();
    ar(n);
    auto it = timers_.begin();
    for (; n > 0; n--) {
        int id = 0;
        clockid_t clock = 0;
        PosixTimer::Notify notify;
        if constexpr (!A::kLoading) {
            id = it->first;
            clock = it->second->clock_;
            notify = it->second->notify_;
        }
        ar(id, clock, notify);
        if constexpr (A::kLoading) {
            if (!ar.ok()) return;
            auto t = std::make_shared<PosixTimer>(g, g.kernel().timekeeper(), id, clock, std::move(notify));
            it = timers_.emplace(id, std::move(t)).first;
        }
        it->second->state(ar);
        ++it;
    }
}

void PosixTimers::requeue() SBX_NO_TSA {
    for (auto& [id, t] : timers_) t->requeue();
}

template <class A>
void ThreadGroup::state(A& ar) SBX_NO_TSA {
    ar(leader, threads, thread_count, live_threads, pid, pgrp, session, child_subreaper, has_child_subreaper, did_exec,
       dead_threads, children_use, pending, stopped, continued, stop_code, stop_left, cont_report, cld_pending,
       unkillable, exiting, exit_status, execing, exec_id, cpu_time, oom_score_adj, start_time);
    for (rlimit& l : limits_) ar.raw(l);
    bool has_itimers = itimers.get() != nullptr, has_timers = posix_timers.get() != nullptr;
    ar(has_itimers, has_timers);
    if constexpr (A::kLoading) {
        if (!ar.ok()) return;
        if (has_itimers) itimers.set(std::make_shared<IntervalTimers>(*this, kernel_.timekeeper()));
        if (has_timers) posix_timers.set(std::make_shared<PosixTimers>());
    }
    if (has_itimers) ar(*itimers.get());
    if (has_timers) posix_timers.get()->state(ar, *this);
}

template <class A>
void Task::state(A& ar) SBX_NO_TSA {
    ar.raw(regs);
    ar.raw(altstack);
    ar.raw(initial_debug_);
    ar.raw(ptrace_info);
    ar(group_, pid_, mm_, files_, fs_, creds_, ns_, name_, affinity_, initial_fp_.data, state_, next_state_, call,
       clear_child_tid, set_child_tid, robust_list, rseq.addr, rseq.length, rseq.signature, restart_block,
       fault_trap_no, fault_error_code, fault_address, saved_mask, restore_mask, parent_death_signal, no_new_privs,
       in_execve, timer_slack, mce_kill, mempolicy, io_flusher, personality, seccomp_filter, seccomp_mode, exit_code,
       ptrace, blocked, real_blocked, pending, jobctl, stop, exiting, ptrace_signal, ptrace_event, ptrace_event_message,
       parent, tracer, children, tracees, exit_signal, parent_exec_id, exit_state, counted, counted_as, vfork_parent,
       vfork_wait, user_ticks, system_ticks, voluntary_switches, involuntary_switches, minor_faults, major_faults,
       start_time, read_bytes, write_bytes, read_calls, write_calls, nice, sched_policy, sched_priority,
       sched_reset_on_fork, ioprio, oom_score_adj);
    ar(user_dispatch.on, user_dispatch.start, user_dispatch.length, user_dispatch.selector);
    u32 work = work_.load() & ~static_cast<u32>(kWorkPause);
    ar(work);
    if constexpr (A::kLoading) work_.store(work);
}

template <class A>
void Kernel::state(A& ar) {
    ar(memory_, user_ns_, tasks_.root_ns, tasks_.task_count, init_status, oom_killed, user_counts());
    if constexpr (A::kLoading) vdso = std::make_unique<Vdso>();
    ar(*vdso);
}
SBX_STATE_HERE(Kernel);

void Task::state_loaded(state::Loader&) {
    // The process tree's reference.
    if (List<Task, ThreadTag>::linked(*this)) ref();
    if (group_->leader == this)
        if (auto timers = group_->posix_timers.get()) timers->requeue();
}

}  // namespace sbx
