// System V semaphores (semget(2), semop(2), semctl(2)), a table of sets for each IPC namespace.
#include <sys/ipc.h>

#include <map>

#include "src/base/archive.h"
#include "src/kernel/kernel.h"
#include "src/kernel/sem_undo.h"
#include "syscalls/families.h"
#include "syscalls/ipc_perm.h"

namespace sbx {
namespace {

constexpr int kIpcInfo = 3, kGetPid = 11, kGetVal = 12, kGetAll = 13, kGetNcnt = 14, kGetZcnt = 15, kSetVal = 16,
              kSetAll = 17, kSemStat = 18, kSemInfo = 19, kSemStatAny = 20, kIpc64 = 0x100;
constexpr u16 kUndo = 0x1000;                                            // SEM_UNDO
constexpr int kMaxValue = 32767, kMaxOps = 500, kMaxPerSet = 32000;      // SEMVMX, SEMOPM, SEMMSL
constexpr size_t kMaxSets = 1024, kMaxTotal = 262144, kMaxUndo = 65536;  // fewer than Linux's: the sentry holds them
constexpr int kIndexes = 32768;  // IPCMNI: an id is a sequence number times this and an index

// struct sembuf, semid64_ds and seminfo of the kernel.
struct Op {
    u16 num;
    i16 op;
    u16 flags;
};
struct SemDs {
    i32 key;
    u32 uid, gid, cuid, cgid, mode;
    u16 seq, pad;
    u32 pad2;
    u64 unused[2];
    i64 otime;
    u64 unused1;
    i64 ctime;
    u64 unused2, nsems, unused3, unused4;
};
static_assert(sizeof(SemDs) == 104);
struct Limits {
    i32 map, mni, mns, mnu, msl, opm, ume, usz, vmx, aem;
};

i64 seconds() { return vfs::now().tv_sec; }

struct Semaphore {
    int value = 0;
    i32 pid = 0;
    // no state: calls begin again and count themselves.
    u32 waiting_up = 0, waiting_zero = 0;  // calls under way; not saved
    template <class A>
    void state(A& ar) {
        ar(value, pid);
    }
};

// All but the wait queue is guarded by the table's lock.
struct SemSet final : public RefCounted {
    key_t key = IPC_PRIVATE;
    int id = 0;
    IpcOwner owner{};
    i64 otime = 0, ctime = 0;
    bool removed = false;
    std::vector<Semaphore> sems;
    WaitQueue waiters;  // every change is told to all: who can go on does
    template <class A>
    void state(A& ar) {
        ar(key, id, owner, otime, ctime, removed, sems);
    }
};
SBX_SAVABLE(SemSet);

// What exit adds to a semaphore is known by the process, the index of the set and the number of the semaphore. The process's Pid is held:
// what it left in a namespace that one of its threads moved out of means no other.
struct UndoKey {
    Ref<Pid> process;
    int set = 0;
    u16 num = 0;
    friend bool operator<(const UndoKey& a, const UndoKey& b) {
        if (!(a.process == b.process)) return a.process.get() < b.process.get();
        return a.set != b.set ? a.set < b.set : a.num < b.num;
    }
    template <class A>
    void state(A& ar) {
        ar(process, set, num);
    }
};

struct SemTable final : public SemUndo {
    Mutex<Rank::SocketPair> mu;
    std::map<int, Ref<SemSet>> sets SBX_GUARDED_BY(mu);  // by index
    std::map<UndoKey, int> undo SBX_GUARDED_BY(mu);      // never 0
    size_t total SBX_GUARDED_BY(mu) = 0;                 // semaphores of all sets
    int sequence SBX_GUARDED_BY(mu) = 0;

    void process_leaves(ThreadGroup& g) override;
    bool has_undo(const ThreadGroup& g) override {
        Lock l(mu);
        auto it = undo.lower_bound({g.pid, 0, 0});
        return it != undo.end() && it->first.process == g.pid;
    }
    template <class A>
    void state(A& ar) SBX_NO_TSA {
        ar(sets, undo, total, sequence);
        ar.all_there(sets);
    }
    void state_loaded(state::Loader& ar) SBX_NO_TSA {
        for (auto& [key, n] : undo) {
            auto it = sets.find(key.set);
            if (!key.process || it == sets.end() || key.num >= it->second->sems.size())
                return ar.fail("what is to be undone belongs to no semaphore");
        }
    }
};
SBX_SAVABLE(SemTable);

i32 own_pid(Task& t) { return t.group().pid_in(t.pid_ns()); }
Ref<SemTable> table_of(Task& t) {
    auto& ns = static_cast<IpcNamespace&>(*t.ns().ipc);
    return ns.table<SemTable>(IpcNamespace::kSem, [](IpcNamespace&) { return make_ref<SemTable>(); });
}

Result<Ref<SemSet>> find(SemTable& tb, int id) SBX_REQUIRES(tb.mu) {
    auto it = id < 0 ? tb.sets.end() : tb.sets.find(id % kIndexes);
    if (it == tb.sets.end() || it->second->id != id) return err(EINVAL);
    return it->second;
}

// exit_sem(): values stay within bounds, whatever others did since.
void SemTable::process_leaves(ThreadGroup& g) {
    std::vector<Ref<SemSet>> changed;
    {
        Lock l(mu);
        auto it = undo.lower_bound({g.pid, 0, 0});
        while (it != undo.end() && it->first.process == g.pid) {
            auto set = sets.find(it->first.set);
            if (set != sets.end()) {
                Semaphore& s = set->second->sems[it->first.num];
                s.value = std::clamp(s.value + it->second, 0, kMaxValue);
                s.pid = g.pid->nr_in(g.pid->ns());
                set->second->otime = seconds();
                if (changed.empty() || changed.back() != set->second) changed.push_back(set->second);
            }
            it = undo.erase(it);
        }
    }
    for (Ref<SemSet>& s : changed) s->waiters.notify(kEventInternal);
}

Result<long> sys_semget(Task& t, int key, int count, int flags) {
    if (count < 0 || count > kMaxPerSet) return err(EINVAL);
    Ref<SemTable> tb = table_of(t);
    Lock l(tb->mu);
    if (key != IPC_PRIVATE) {
        for (auto& [index, s] : tb->sets) {
            if (s->key != key) continue;
            if ((flags & IPC_CREAT) && (flags & IPC_EXCL)) return err(EEXIST);
            if (static_cast<size_t>(count) > s->sems.size()) return err(EINVAL);
            if (!ipc_permitted(t, s->owner, static_cast<u32>(flags) & 0777)) return err(EACCES);
            return s->id;
        }
        if (!(flags & IPC_CREAT)) return err(ENOENT);
    }
    if (count == 0) return err(EINVAL);
    if (tb->sets.size() >= kMaxSets || tb->total + static_cast<size_t>(count) > kMaxTotal) return err(ENOSPC);
    int index = 0;
    while (tb->sets.count(index)) index++;
    tb->sequence = (tb->sequence + 1) % (INT32_MAX / kIndexes);
    const Creds& c = *t.creds();
    Ref<SemSet> s = make_ref<SemSet>();
    s->key = key;
    s->id = tb->sequence * kIndexes + index;
    s->owner = {static_cast<u32>(flags) & 0777, c.euid, c.euid, c.egid, c.egid};
    s->ctime = seconds();
    s->sems.resize(static_cast<size_t>(count));
    tb->total += s->sems.size();
    tb->sets.emplace(index, s);
    return s->id;
}

// One semop(2): all operations or none.
class Operation {
public:
    Operation(Task& t, SemTable& tb, SemSet& s, const std::vector<Op>& ops)
        : task_(t), table_(tb), set_(s), ops_(ops) {}

    // EAGAIN: waits for `blocker_`, as is counted from now on, unless that operation is not to wait (may_wait()).
    Result<> attempt() SBX_REQUIRES(table_.mu) {
        uncount();
        Result<> r = apply();
        if (!r && r.error() == EAGAIN && may_wait()) count(1);
        return r;
    }
    // Ends what attempt() counted.
    void uncount() SBX_REQUIRES(table_.mu) {
        if (counted_) count(-1);
    }
    bool may_wait() const { return !(blocker_->flags & IPC_NOWAIT); }

private:
    void count(int n) SBX_REQUIRES(table_.mu) {
        counted_ = n > 0;
        Semaphore& s = set_.sems[blocker_->num];
        u32& c = blocker_->op == 0 ? s.waiting_zero : s.waiting_up;
        c += static_cast<u32>(n);
    }

    Result<> apply() SBX_REQUIRES(table_.mu) {
        size_t done = 0;
        Result<> r;
        std::map<u16, int> adjust;
        for (const Op& o : ops_) {
            Semaphore& s = set_.sems[o.num];
            int value = s.value + o.op;
            if ((o.op == 0 && s.value != 0) || value < 0) {
                blocker_ = &o;
                r = err(EAGAIN);
                break;
            }
            if (value > kMaxValue) {
                r = err(ERANGE);
                break;
            }
            if ((o.flags & kUndo) && o.op != 0) {
                auto [it, fresh] = adjust.try_emplace(o.num, 0);
                if (fresh) it->second = adjustment(o.num);
                it->second -= o.op;
                if (it->second < -kMaxValue - 1 || it->second > kMaxValue) {
                    r = err(ERANGE);
                    break;
                }
            }
            s.value = value;
            done++;
        }
        if (r && table_.undo.size() + adjust.size() > kMaxUndo) r = err(ENOMEM);
        if (!r) {
            while (done--) set_.sems[ops_[done].num].value -= ops_[done].op;
            return r;
        }
        for (const Op& o : ops_) set_.sems[o.num].pid = own_pid(task_);
        for (auto [num, n] : adjust) {
            if (n)
                table_.undo[undo_key(num)] = n;
            else
                table_.undo.erase(undo_key(num));
        }
        set_.otime = seconds();
        return {};
    }

    UndoKey undo_key(u16 num) const { return {task_.group().pid, set_.id % kIndexes, num}; }
    int adjustment(u16 num) const SBX_REQUIRES(table_.mu) {
        auto it = table_.undo.find(undo_key(num));
        return it == table_.undo.end() ? 0 : it->second;
    }

    Task& task_;
    SemTable& table_;
    SemSet& set_;
    const std::vector<Op>& ops_;
    const Op* blocker_ = nullptr;
    bool counted_ = false;
};

// The analysis does not see that the operation's table is *tb.
SBX_NO_TSA Result<long> operate(Task& t, int id, UserPtr<Op> at, u32 count, Nanos deadline) {
    if (count < 1 || id < 0) return err(EINVAL);
    if (count > kMaxOps) return err(E2BIG);
    std::vector<Op> ops(count);
    SBX_TRY(t.mm().copy_in(at.addr, ops.data(), count * sizeof(Op)));
    u16 highest = 0;
    bool alters = false;
    for (const Op& o : ops) {
        highest = std::max(highest, o.num);
        alters |= o.op != 0;
    }
    Ref<SemTable> tb = table_of(t);
    Lock l(tb->mu);
    Ref<SemSet> s = SBX_TRY(find(*tb, id));
    if (highest >= s->sems.size()) return err(EFBIG);
    if (!ipc_permitted(t, s->owner, alters ? 0222 : 0444)) return err(EACCES);
    l.unlock();

    TaskWaiter w(t, kEventInternal);
    s->waiters.add(w);
    Operation operation(t, *tb, *s, ops);
    Result<> r;
    for (BlockResult blocked = BlockResult::Woken;; blocked = t.block(deadline)) {
        Lock again(tb->mu);
        if (s->removed) {
            r = err(EIDRM);
            break;
        }
        r = operation.attempt();
        if (r || !(r.error() == EAGAIN) || !operation.may_wait()) break;
        if (blocked == BlockResult::Woken) continue;
        operation.uncount();
        // Never restarted, whatever SA_RESTART says (signal(7)).
        if (blocked == BlockResult::Interrupted) r = err(EINTR);
        break;
    }
    s->waiters.remove(w);
    SBX_TRY(r);
    if (alters) s->waiters.notify(kEventInternal);
    return 0;
}

Result<long> sys_semop(Task& t, int id, UserPtr<Op> ops, u32 count) { return operate(t, id, ops, count, kNever); }

Result<long> sys_semtimedop(Task& t, int id, UserPtr<Op> ops, u32 count, UserPtr<timespec> timeout) {
    Nanos deadline = kNever;
    if (timeout) {
        timespec ts = SBX_TRY(t.copy_in(timeout));
        if (!timespec_valid(ts)) return err(EINVAL);
        deadline = t.deadline_in(to_nanos(ts));
    }
    return operate(t, id, ops, count, deadline);
}

// By SETVAL or SETALL, with the table's lock held. What was to be undone is forgotten then.
void set_value(Task& t, SemSet& s, u16 num, int value) {
    s.sems[num].value = value;
    s.sems[num].pid = own_pid(t);
    s.ctime = seconds();
}
template <class Which>
void forget_undo(SemTable& tb, const SemSet& s, Which&& which) SBX_REQUIRES(tb.mu) {
    std::erase_if(tb.undo, [&](auto& u) { return u.first.set == s.id % kIndexes && which(u.first.num); });
}

// The commands about one semaphore.
Result<long> one(Task& t, int id, int num, int cmd, u64 arg) {
    int value = static_cast<int>(arg);
    if (cmd == kSetVal && (value < 0 || value > kMaxValue)) return err(ERANGE);
    Ref<SemTable> tb = table_of(t);
    Lock l(tb->mu);
    Ref<SemSet> s = SBX_TRY(find(*tb, id));
    if (cmd == kSetVal) {
        if (num < 0 || static_cast<size_t>(num) >= s->sems.size()) return err(EINVAL);
        if (!ipc_permitted(t, s->owner, 0222)) return err(EACCES);
        u16 n = static_cast<u16>(num);
        set_value(t, *s, n, value);
        forget_undo(*tb, *s, [n](u16 other) { return other == n; });
        l.unlock();
        s->waiters.notify(kEventInternal);
        return 0;
    }
    if (!ipc_permitted(t, s->owner, 0444)) return err(EACCES);
    if (num < 0 || static_cast<size_t>(num) >= s->sems.size()) return err(EINVAL);
    const Semaphore& sem = s->sems[static_cast<size_t>(num)];
    switch (cmd) {
    case kGetVal: return sem.value;
    case kGetPid: return sem.pid;
    case kGetNcnt: return sem.waiting_up;
    default: return sem.waiting_zero;
    }
}

Result<long> get_all(Task& t, int id, u64 at) {
    std::vector<u16> values;
    Ref<SemTable> tb = table_of(t);
    {
        Lock l(tb->mu);
        Ref<SemSet> s = SBX_TRY(find(*tb, id));
        if (!ipc_permitted(t, s->owner, 0444)) return err(EACCES);
        for (const Semaphore& sem : s->sems) values.push_back(static_cast<u16>(sem.value));
    }
    SBX_TRY(t.mm().copy_out(at, values.data(), values.size() * sizeof(u16)));
    return 0;
}

Result<long> set_all(Task& t, int id, u64 at) {
    std::vector<u16> values;
    Ref<SemTable> tb = table_of(t);
    Ref<SemSet> s;
    {
        Lock l(tb->mu);
        s = SBX_TRY(find(*tb, id));
        if (!ipc_permitted(t, s->owner, 0222)) return err(EACCES);
        values.resize(s->sems.size());
    }
    SBX_TRY(t.mm().copy_in(at, values.data(), values.size() * sizeof(u16)));
    for (u16 v : values)
        if (v > kMaxValue) return err(ERANGE);
    {
        Lock l(tb->mu);
        if (s->removed) return err(EIDRM);
        for (size_t i = 0; i < values.size(); i++) set_value(t, *s, static_cast<u16>(i), values[i]);
        forget_undo(*tb, *s, [](u16) { return true; });
    }
    s->waiters.notify(kEventInternal);
    return 0;
}

Result<long> stat(Task& t, int id, int cmd, UserPtr<SemDs> at) {
    SemDs d{};
    long result = 0;
    Ref<SemTable> tb = table_of(t);
    {
        Lock l(tb->mu);
        Ref<SemSet> s;
        if (cmd == IPC_STAT) {
            s = SBX_TRY(find(*tb, id));
        } else {
            auto it = tb->sets.find(id);
            if (it == tb->sets.end()) return err(EINVAL);
            s = it->second;
            result = s->id;
        }
        if (cmd != kSemStatAny && !ipc_permitted(t, s->owner, 0444)) return err(EACCES);
        const UserNamespace& ns = *t.creds()->user_ns;
        d.key = s->key, d.mode = s->owner.mode, d.seq = static_cast<u16>(s->id / kIndexes);
        d.uid = ns.from_kuid_munged(s->owner.uid), d.gid = ns.from_kgid_munged(s->owner.gid);
        d.cuid = ns.from_kuid_munged(s->owner.cuid), d.cgid = ns.from_kgid_munged(s->owner.cgid);
        d.otime = s->otime, d.ctime = s->ctime, d.nsems = s->sems.size();
    }
    SBX_TRY(t.copy_out(at, d));
    return result;
}

Result<long> information(Task& t, int cmd, UserPtr<Limits> at) {
    constexpr i32 kAll = static_cast<i32>(kMaxTotal);
    Limits i{kAll, static_cast<i32>(kMaxSets), kAll, kAll, kMaxPerSet, kMaxOps, kMaxOps, 20, kMaxValue, kMaxValue};
    long highest = 0;
    Ref<SemTable> tb = table_of(t);
    {
        Lock l(tb->mu);
        if (!tb->sets.empty()) highest = tb->sets.rbegin()->first;
        if (cmd == kSemInfo) i.usz = static_cast<i32>(tb->sets.size()), i.aem = static_cast<i32>(tb->total);
    }
    SBX_TRY(t.copy_out(at, i));
    return highest;
}

// IPC_SET and IPC_RMID.
Result<long> control(Task& t, int id, int cmd, UserPtr<SemDs> at) {
    SemDs d{};
    if (cmd == IPC_SET) d = SBX_TRY(t.copy_in(at));
    Ref<SemTable> tb = table_of(t);
    Lock l(tb->mu);
    Ref<SemSet> s = SBX_TRY(find(*tb, id));
    if (!ipc_may_control(t, s->owner)) return err(EPERM);
    if (cmd == IPC_SET) {
        Kuid uid = t.creds()->user_ns->to_kuid(d.uid);
        Kgid gid = t.creds()->user_ns->to_kgid(d.gid);
        if (uid == kInvalidId || gid == kInvalidId) return err(EINVAL);
        s->owner.uid = uid, s->owner.gid = gid, s->owner.mode = d.mode & 0777;
        s->ctime = seconds();
        return 0;
    }
    s->removed = true;
    forget_undo(*tb, *s, [](u16) { return true; });
    tb->total -= s->sems.size();
    tb->sets.erase(id % kIndexes);
    l.unlock();
    s->waiters.notify(kEventInternal);
    return 0;
}

Result<long> sys_semctl(Task& t, int id, int num, int cmd, u64 arg) {
    if (id < 0) return err(EINVAL);
    cmd &= ~kIpc64;
    switch (cmd) {
    case kIpcInfo:
    case kSemInfo: return information(t, cmd, UserPtr<Limits>{arg});
    case IPC_STAT:
    case kSemStat:
    case kSemStatAny: return stat(t, id, cmd, UserPtr<SemDs>{arg});
    case kGetAll: return get_all(t, id, arg);
    case kSetAll: return set_all(t, id, arg);
    case kGetVal:
    case kGetPid:
    case kGetNcnt:
    case kGetZcnt:
    case kSetVal: return one(t, id, num, cmd, arg);
    case IPC_SET:
    case IPC_RMID: return control(t, id, cmd, UserPtr<SemDs>{arg});
    default: return err(EINVAL);
    }
}

constexpr SyscallRow kRows[] = {
    {64, "semget", syscall<sys_semget>, "x d flags", Support::Full, ""},
    {65, "semop", syscall<sys_semop>, "d ptr u", Support::Full, ""},
    {66, "semctl", syscall<sys_semctl>, "d d d ptr", Support::Full, ""},
    {220, "semtimedop", syscall<sys_semtimedop>, "d ptr u ptr", Support::Full, ""},
};

}  // namespace

const SyscallFamily kIpcSemSyscalls(kRows);

}  // namespace sbx
