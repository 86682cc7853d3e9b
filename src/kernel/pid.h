// Pid (Linux's struct pid) and PidNamespace: identities of tasks, thread groups, process groups and sessions, with a number in each
// namespace they are seen from (pid_namespaces(7)). Everything here is guarded by TaskSet::mu unless it says otherwise.
#pragma once

#include <map>
#include <vector>

#include "src/base/list.h"
#include "src/base/ref.h"
#include "src/base/result.h"
#include "src/base/types.h"
#include "src/base/wait_queue.h"
#include "src/cred/creds.h"

namespace sbx {

class ControllingTty;
class PidNamespace;
class Task;
class ThreadGroup;

struct PgrpTag {};
struct SessionTag {};

// A number stays taken while the Pid is attached to anything: a task, a thread group, a process group or a session. References
// alone (pidfd, F_SETOWN) do not keep the number.
class Pid final : public RefCounted {
public:
    // The number in `ns`, or 0 if not visible there. Immutable: no lock.
    int nr_in(const PidNamespace& ns) const;
    int nr_in_root() const { return numbers_[0]; }
    PidNamespace& ns() const { return *ns_; }  // the deepest
    bool dead() const { return uses_ == 0; }

    Task* task = nullptr;          // as a thread id
    ThreadGroup* group = nullptr;  // as a process id
    List<ThreadGroup, PgrpTag> pgrp_members;
    List<ThreadGroup, SessionTag> session_members;
    // pidfd waits here for the exit of the group. Not guarded by TaskSet::mu.
    WaitQueue exited;
    // The controlling terminal if this is a session id, and its foreground process group (kernel/tty.h).
    Ref<ControllingTty> tty;
    Ref<Pid> tty_foreground;

private:
    friend class PidNamespace;
    friend struct state::Access;
    template <class A>
    void state(A& ar) {
        ar(task, group, pgrp_members, session_members, tty, tty_foreground, ns_, numbers_, uses_);
    }
    Pid();
    ~Pid() override;  // where ControllingTty is known
    Ref<PidNamespace> ns_;
    std::vector<int> numbers_;  // by level
    unsigned uses_ = 0;
};

class PidNamespace final : public RefCounted {
public:
    static constexpr int kPidMax =
        4194304;  // PID_MAX_LIMIT on 64 bits; /proc/sys/kernel/pid_max starts at 32768 as Linux does on small hosts
    static Ref<PidNamespace> create_initial(Ref<UserNamespace> owner);
    static Result<Ref<PidNamespace>> create(Ref<PidNamespace> parent,
                                            Ref<UserNamespace> owner);  // ENOSPC past 32 levels

    // A new Pid with a number in this namespace and each above it, in use once. Numbers go up and wrap at pid_max (restarting at 300 as
    // Linux does), skipping those taken. EAGAIN when full; ENOMEM when the namespace's init is gone. `wanted`: clone3's set_tid, the
    // deepest namespace first: EEXIST, EINVAL.
    Result<Ref<Pid>> allocate(std::span<const int> wanted = {});
    // One more, one fewer use of the number; the last one frees it.
    static void use(Pid& p);
    static void unuse(Pid& p);
    // The Pid with that number here, or null.
    Pid* find(int nr) const;

    PidNamespace* parent() const { return parent_.get(); }
    unsigned level() const { return level_; }
    u64 id() const { return id_; }  // inode number under /proc/PID/ns
    UserNamespace& owner() const { return *owner_; }
    // This namespace or an ancestor of other.
    bool contains(const PidNamespace& other) const;
    ThreadGroup* init = nullptr;  // child reaper
    bool dying = false;           // init has exited: no new tasks
    int pid_max = 32768;
    int last_pid = 0;
    // All Pids by number, ascending; for procfs.
    const std::map<int, Pid*>& pids() const { return pids_; }

private:
    friend struct state::Access;
    template <class A>
    void state(A& ar) {
        ar(init, dying, pid_max, last_pid, parent_, owner_, level_, id_, pids_);
    }
    PidNamespace() = default;
    int next_free() const;  // 0: none
    Ref<PidNamespace> parent_;
    Ref<UserNamespace> owner_;
    unsigned level_ = 0;
    u64 id_ = 0;
    std::map<int, Pid*> pids_;
};

}  // namespace sbx
