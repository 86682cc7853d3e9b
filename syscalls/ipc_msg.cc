// System V message queues (msgget(2), msgop(2), msgctl(2)), a table of queues for each IPC namespace.
#include <sys/ipc.h>

#include <deque>
#include <map>

#include "src/base/archive.h"
#include "src/kernel/kernel.h"
#include "src/kernel/ns/ipc.h"
#include "syscalls/families.h"
#include "syscalls/ipc_perm.h"

namespace sbx {
namespace {

constexpr int kIpc64 = 0x100, kMsgNoError = 010000, kMsgExcept = 020000, kMsgCopy = 040000;
constexpr int kIpcInfo = 3, kMsgStat = 11, kMsgInfo = 12, kMsgStatAny = 13;
constexpr size_t kMaxQueues = 1024;  // fewer than Linux's MSGMNI: the sentry holds the messages
constexpr u64 kMaxMessage = 8192, kMaxBytes = 16384;
constexpr int kIndexes = 32768;  // IPCMNI: an id is a sequence number times this and an index

// struct msqid64_ds of the kernel.
struct MsgDs {
    i32 key;
    u32 uid, gid, cuid, cgid, mode;
    u16 seq, pad;
    u32 pad2;
    u64 unused[2];
    i64 stime, rtime, ctime;
    u64 cbytes, qnum, qbytes;
    i32 lspid, lrpid;
    u64 unused2[2];
};
static_assert(sizeof(MsgDs) == 120);
struct MsgLimits {
    i32 pool, map, max, mnb, mni, ssz, tql;
    u16 seg;
};

struct Message {
    i64 type = 0;
    std::string text;
    template <class A>
    void state(A& ar) {
        ar(type, text);
    }
};

i64 seconds() { return vfs::now().tv_sec; }

struct MsgQueue final : public RefCounted {
    MsgQueue() = default;
    MsgQueue(const Creds& c, u32 m) : mode(m), uid(c.euid), cuid(c.euid), gid(c.egid), cgid(c.egid), ctime(seconds()) {}
    key_t key = IPC_PRIVATE;
    int id = 0;
    WaitQueue waiters;  // every change is told to all: who can go on does
    Mutex<Rank::SocketPair> mu;
    u32 mode SBX_GUARDED_BY(mu) = 0;
    Kuid uid SBX_GUARDED_BY(mu) = 0, cuid = 0;
    Kgid gid SBX_GUARDED_BY(mu) = 0, cgid = 0;
    std::deque<Message> messages SBX_GUARDED_BY(mu);
    u64 bytes SBX_GUARDED_BY(mu) = 0, limit SBX_GUARDED_BY(mu) = kMaxBytes;
    i64 stime SBX_GUARDED_BY(mu) = 0, rtime SBX_GUARDED_BY(mu) = 0, ctime SBX_GUARDED_BY(mu) = 0;
    i32 lspid SBX_GUARDED_BY(mu) = 0, lrpid SBX_GUARDED_BY(mu) = 0;
    bool removed SBX_GUARDED_BY(mu) = false;
    IpcOwner owner() const SBX_REQUIRES(mu) { return {mode, uid, cuid, gid, cgid}; }
    template <class A>
    void state(A& ar) SBX_NO_TSA {
        ar(key, id, mode, uid, cuid, gid, cgid, messages, bytes, limit, stime, rtime, ctime, lspid, lrpid, removed);
    }
};
SBX_SAVABLE(MsgQueue);

struct MsgTable final : public RefCounted {
    Mutex<Rank::Leaf> mu;
    std::map<int, Ref<MsgQueue>> queues SBX_GUARDED_BY(mu);  // by index
    int sequence SBX_GUARDED_BY(mu) = 0;
    template <class A>
    void state(A& ar) SBX_NO_TSA {
        ar(queues, sequence);
        ar.all_there(queues);
    }
};
SBX_SAVABLE(MsgTable);

i32 own_pid(Task& t) { return t.group().pid_in(t.pid_ns()); }
Ref<MsgTable> table_of(Task& t) {
    auto& ns = static_cast<IpcNamespace&>(*t.ns().ipc);
    return ns.table<MsgTable>(IpcNamespace::kMsg, [](IpcNamespace&) { return make_ref<MsgTable>(); });
}

Result<Ref<MsgQueue>> find(Task& t, int id) {
    Ref<MsgTable> tb = table_of(t);
    Lock l(tb->mu);
    auto it = id < 0 ? tb->queues.end() : tb->queues.find(id % kIndexes);
    if (it == tb->queues.end() || it->second->id != id) return err(EINVAL);
    return it->second;
}

Result<long> sys_msgget(Task& t, int key, int flags) {
    Ref<MsgTable> tb = table_of(t);
    Ref<MsgQueue> found;
    {
        Lock l(tb->mu);
        if (key != IPC_PRIVATE)
            for (auto& [index, q] : tb->queues)
                if (q->key == key) found = q;
        if (!found) {
            if (key != IPC_PRIVATE && !(flags & IPC_CREAT)) return err(ENOENT);
            if (tb->queues.size() >= kMaxQueues) return err(ENOSPC);
            int index = 0;
            while (tb->queues.count(index)) index++;
            tb->sequence = (tb->sequence + 1) % (INT32_MAX / kIndexes);
            Ref<MsgQueue> q = make_ref<MsgQueue>(*t.creds(), static_cast<u32>(flags) & 0777);
            q->key = key;
            q->id = tb->sequence * kIndexes + index;
            tb->queues.emplace(index, q);
            return q->id;
        }
    }
    if ((flags & IPC_CREAT) && (flags & IPC_EXCL)) return err(EEXIST);
    Lock l(found->mu);
    if (!ipc_permitted(t, found->owner(), static_cast<u32>(flags) & 0777)) return err(EACCES);
    return found->id;
}

// Calls op() until it gives anything but EAGAIN, waiting for a change of the queue in between.
template <class Op>
Result<long> wait_for(Task& t, MsgQueue& q, Op&& op) {
    TaskWaiter w(t, kEventInternal);
    q.waiters.add(w);
    Result<long> r = 0;
    for (bool interrupted = false;;) {
        r = op();
        if (r || !(r.error() == EAGAIN)) break;
        if (interrupted) {
            r = err(ERESTARTNOHAND);
            break;
        }
        interrupted = t.block() == BlockResult::Interrupted;
    }
    q.waiters.remove(w);
    return r;
}

Result<long> sys_msgsnd(Task& t, int id, u64 at, u64 size, int flags) {
    if (size > kMaxMessage || id < 0) return err(EINVAL);
    i64 type = SBX_TRY(t.copy_in(UserPtr<i64>{at}));
    if (type < 1) return err(EINVAL);
    std::string text(size, '\0');
    SBX_TRY(t.mm().copy_in(at + sizeof type, text.data(), size));
    Ref<MsgQueue> q = SBX_TRY(find(t, id));
    auto attempt = [&]() -> Result<long> {
        Lock l(q->mu);
        if (q->removed) return err(EIDRM);
        if (!ipc_permitted(t, q->owner(), 0222)) return err(EACCES);
        // As many messages as bytes: empty ones are bounded too.
        if (q->bytes + size > q->limit || q->messages.size() >= q->limit) return err(EAGAIN);
        q->messages.push_back({type, std::move(text)});
        q->bytes += size;
        q->stime = seconds();
        q->lspid = own_pid(t);
        return 0;
    };
    SBX_TRY(flags & IPC_NOWAIT ? attempt() : wait_for(t, *q, attempt));
    q->waiters.notify(kEventInternal);
    return 0;
}

Result<long> sys_msgrcv(Task& t, int id, u64 at, u64 size, i64 type, int flags) {
    if (id < 0 || static_cast<i64>(size) < 0) return err(EINVAL);
    bool copy = flags & kMsgCopy;  // of the message at a position, which stays
    if (copy && ((flags & kMsgExcept) || !(flags & IPC_NOWAIT))) return err(EINVAL);
    Ref<MsgQueue> q = SBX_TRY(find(t, id));
    Message m{};
    auto attempt = [&]() -> Result<long> {
        Lock l(q->mu);
        if (q->removed) return err(EIDRM);
        if (!ipc_permitted(t, q->owner(), 0444)) return err(EACCES);
        auto best = q->messages.end();
        if (copy && type >= 0 && static_cast<u64>(type) < q->messages.size()) best = q->messages.begin() + type;
        i64 bound = type == INT64_MIN ? INT64_MAX : -type;
        for (auto it = q->messages.begin(); !copy && it != q->messages.end(); ++it) {
            if (type < 0) {
                if (it->type <= bound && (best == q->messages.end() || it->type < best->type)) best = it;
            } else if (type == 0 || (flags & kMsgExcept ? it->type != type : it->type == type)) {
                best = it;
                break;
            }
        }
        if (best == q->messages.end()) return err(EAGAIN);
        if (best->text.size() > size && !(flags & kMsgNoError)) return err(E2BIG);
        if (copy) {
            if (best->text.size() > size) return err(EINVAL);  // a copy is not cut
            m = *best;
            return 0;
        }
        m = std::move(*best);
        q->bytes -= m.text.size();
        q->messages.erase(best);
        q->rtime = seconds();
        q->lrpid = own_pid(t);
        return 0;
    };
    Result<long> r = flags & IPC_NOWAIT ? attempt() : wait_for(t, *q, attempt);
    if (!r) return err(r.error() == EAGAIN ? ENOMSG : r.error().value);
    q->waiters.notify(kEventInternal);
    u64 n = std::min<u64>(size, m.text.size());
    SBX_TRY(t.copy_out(UserPtr<i64>{at}, m.type));
    SBX_TRY(t.mm().copy_out(at + sizeof m.type, m.text.data(), n));
    return static_cast<long>(n);
}

// IPC_INFO and MSG_INFO (msgctl_info).
Result<long> information(Task& t, int cmd, UserPtr<MsgLimits> at) {
    std::vector<Ref<MsgQueue>> queues;
    long highest = 0;
    {
        Ref<MsgTable> tb = table_of(t);
        Lock l(tb->mu);
        for (auto& [index, q] : tb->queues) queues.push_back(q), highest = index;
    }
    constexpr i32 kQueues = static_cast<i32>(kMaxQueues), kBytes = static_cast<i32>(kMaxBytes);
    MsgLimits m{kQueues * (kBytes / 1024), kBytes, static_cast<i32>(kMaxMessage), kBytes, kQueues, 16, kBytes, 0xffff};
    if (cmd == kMsgInfo) {
        m.pool = static_cast<i32>(queues.size());
        m.map = m.tql = 0;
        for (Ref<MsgQueue>& q : queues) {
            Lock l(q->mu);
            m.map += static_cast<i32>(q->messages.size());
            m.tql += static_cast<i32>(q->bytes);
        }
    }
    SBX_TRY(t.copy_out(at, m));
    return highest;
}

Result<Ref<MsgQueue>> find_index(Task& t, int index) {
    Ref<MsgTable> tb = table_of(t);
    Lock l(tb->mu);
    auto it = tb->queues.find(index);
    if (it == tb->queues.end()) return err(EINVAL);
    return it->second;
}

Result<long> sys_msgctl(Task& t, int id, int cmd, UserPtr<MsgDs> at) {
    cmd &= ~kIpc64;
    if (id < 0) return err(EINVAL);
    if (cmd == kIpcInfo || cmd == kMsgInfo) return information(t, cmd, at.cast<MsgLimits>());
    const bool by_index = cmd == kMsgStat || cmd == kMsgStatAny, any = cmd == kMsgStatAny;
    if (by_index) cmd = IPC_STAT;
    if (cmd != IPC_RMID && cmd != IPC_SET && cmd != IPC_STAT) return err(EINVAL);
    MsgDs d{};
    if (cmd == IPC_SET) d = SBX_TRY(t.copy_in(at));
    Ref<MsgTable> tb = table_of(t);
    Ref<MsgQueue> q = SBX_TRY(by_index ? find_index(t, id) : find(t, id));
    const Creds& c = *t.creds();
    {
        Lock l(q->mu);
        if (q->removed) return err(EIDRM);
        if (cmd == IPC_STAT) {
            if (!any && !ipc_permitted(t, q->owner(), 0444)) return err(EACCES);
            const UserNamespace& ns = *c.user_ns;
            d.key = q->key, d.mode = q->mode, d.seq = static_cast<u16>(q->id / kIndexes);
            d.uid = ns.from_kuid_munged(q->uid), d.gid = ns.from_kgid_munged(q->gid);
            d.cuid = ns.from_kuid_munged(q->cuid), d.cgid = ns.from_kgid_munged(q->cgid);
            d.stime = q->stime, d.rtime = q->rtime, d.ctime = q->ctime;
            d.cbytes = q->bytes, d.qnum = q->messages.size(), d.qbytes = q->limit;
            d.lspid = q->lspid, d.lrpid = q->lrpid;
        } else {
            if (!ipc_may_control(t, q->owner())) return err(EPERM);
            if (cmd == IPC_RMID) {
                q->removed = true;
                q->messages.clear();
            } else {
                // Nobody raises it above MSGMNB: the sentry holds the messages.
                if (d.qbytes > kMaxBytes) return err(EPERM);
                Kuid uid = c.user_ns->to_kuid(d.uid);
                Kgid gid = c.user_ns->to_kgid(d.gid);
                if (uid == kInvalidId || gid == kInvalidId) return err(EINVAL);
                q->uid = uid, q->gid = gid, q->limit = d.qbytes;
                q->mode = d.mode & 0777;
                q->ctime = seconds();
            }
        }
    }
    if (cmd == IPC_STAT) {
        SBX_TRY(t.copy_out(at, d));
        return by_index ? q->id : 0;
    }
    if (cmd == IPC_RMID) {
        Lock l(tb->mu);
        tb->queues.erase(id % kIndexes);
    }
    q->waiters.notify(kEventInternal);
    return 0;
}

constexpr SyscallRow kRows[] = {
    {68, "msgget", syscall<sys_msgget>, "x flags", Support::Full, ""},
    {69, "msgsnd", syscall<sys_msgsnd>, "d ptr u flags", Support::Full, ""},
    {70, "msgrcv", syscall<sys_msgrcv>, "d ptr u d flags", Support::Full, ""},
    {71, "msgctl", syscall<sys_msgctl>, "d d ptr", Support::Full, ""},
};

}  // namespace

const SyscallFamily kIpcMsgSyscalls(kRows);

}  // namespace sbx
