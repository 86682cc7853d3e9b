// POSIX message queues (mq_overview(7), ipc/mqueue.c): mq_open, mq_unlink, mq_timedsend, mq_timedreceive, mq_notify, mq_getsetattr. A table
// of names for each IPC namespace; there is no file system to mount it as.
#include <fcntl.h>
#include <linux/capability.h>
#include <mqueue.h>
#include <signal.h>
#include <sys/stat.h>

#include <deque>
#include <map>

#include "fs/anon/anon_inode.h"
#include "fs/vfs/fs_context.h"
#include "src/base/archive.h"
#include "src/kernel/kernel.h"
#include "src/kernel/ns/ipc.h"
#include "syscalls/deadline.h"
#include "syscalls/families.h"
#include "syscalls/wait_file.h"

namespace sbx {
namespace {

constexpr u32 kMaxPriority = 32768;                               // MQ_PRIO_MAX
constexpr size_t kMaxQueues = 256;                                // fs.mqueue.queues_max
constexpr i64 kMaxMessages = 10, kMaxSize = 8192;                 // fs.mqueue.msg_max, msgsize_max
constexpr i64 kHardMaxMessages = 65536, kHardMaxSize = 16 << 20;  // for CAP_SYS_RESOURCE
constexpr u64 kMaxBytes = 64 << 20;                               // of all queues: the sentry holds the messages
constexpr u64 kMessageCost = 96;                                  // msg_msg and a node of the tree, for RLIMIT_MSGQUEUE

struct MqAttr {
    i64 flags, max_messages, size, messages, reserved[4];
};

// Bytes that queues may hold, by user (RLIMIT_MSGQUEUE).
Mutex<Rank::Leaf> bytes_mu;
std::map<Kuid, u64> bytes_of_user SBX_GUARDED_BY(bytes_mu);  // no state: queues count themselves
u64 bytes_of_all SBX_GUARDED_BY(bytes_mu) = 0;               // no state: queues count themselves

class PosixQueue final : public RefCounted {
public:
    static Result<Ref<PosixQueue>> create(Task& t, i64 max_messages, i64 size, u32 mode) {
        u64 bytes = static_cast<u64>(max_messages) * (static_cast<u64>(size) + kMessageCost);
        const Creds& c = *t.creds();
        const u64 limit = t.rlimit(RLIMIT_MSGQUEUE);
        Lock l(bytes_mu);
        u64& used = bytes_of_user[c.uid];
        if (used + bytes > limit || bytes_of_all + bytes > kMaxBytes) return err(EMFILE);
        used += bytes;
        bytes_of_all += bytes;
        return adopt_ref(new PosixQueue(c, max_messages, size, mode, bytes));
    }
    ~PosixQueue() override {
        Lock l(bytes_mu);
        bytes_of_all -= bytes_;
        auto it = bytes_of_user.find(charged_);
        if ((it->second -= bytes_) == 0) bytes_of_user.erase(it);
    }

    // EAGAIN: full.
    Result<> send(Task& t, std::string&& text, u32 priority) {
        Lock l(mu_);
        if (count_ == max_messages) return err(EAGAIN);
        messages_[priority].push_back(std::move(text));
        Notification n;
        // Who waits to receive comes before who wants to hear of it.
        if (count_++ == 0 && receivers_ == 0) std::swap(n, notification_);
        l.unlock();
        waiters.notify(kEventIn | kEventRdNorm);
        tell(t, n);
        return {};
    }
    Result<std::string> receive(u32* priority) {
        Lock l(mu_);
        if (count_ == 0) return err(EAGAIN);
        auto highest = std::prev(messages_.end());
        std::string text = std::move(highest->second.front());
        *priority = highest->first;
        highest->second.pop_front();
        if (highest->second.empty()) messages_.erase(highest);
        count_--;
        l.unlock();
        waiters.notify(kEventOut | kEventWrNorm);
        return text;
    }
    // A task that waits in receive.
    class Receiver {
    public:
        explicit Receiver(PosixQueue& q) : q_(q) {
            Lock l(q_.mu_);
            q_.receivers_++;
        }
        ~Receiver() {
            Lock l(q_.mu_);
            q_.receivers_--;
        }

    private:
        PosixQueue& q_;
    };

    Result<> ask(Task& t, const sigevent& e) {
        Lock l(mu_);
        SharedLock tasks(t.kernel().tasks().mu);
        if (notification_.process && notification_.process->group) return err(EBUSY);
        notification_ = {t.group().pid, e.sigev_notify, e.sigev_signo, e.sigev_value};
        return {};
    }
    void forget(Task& t) {
        Lock l(mu_);
        if (notification_.process == t.group().pid.get()) notification_ = {};
    }

    i64 count() {
        Lock l(mu_);
        return count_;
    }
    EventMask ready() {
        Lock l(mu_);
        EventMask m = 0;
        if (count_ != 0) m |= kEventIn | kEventRdNorm;
        if (count_ < max_messages) m |= kEventOut | kEventWrNorm;
        return m;
    }
    bool permitted(Task& t, bool read, bool write) const {
        const Creds& c = *t.creds();
        u32 asked = (read ? 4 : 0) | (write ? 2 : 0);
        u32 granted = c.euid == uid ? mode >> 6 : c.in_egroup(gid) ? mode >> 3 : mode;
        return (asked & ~granted) == 0 || c.capable(CAP_DAC_OVERRIDE);
    }

    const i64 max_messages, size;
    const u32 mode;
    const Kuid uid;
    const Kgid gid;
    WaitQueue waiters;

private:
    struct Notification {
        Ref<Pid> process;
        int kind = 0, signal = 0;
        sigval value{};
        template <class A>
        void state(A& ar) {
            ar(process, kind, signal);
            ar.raw(value);
        }
    };
    friend struct state::Access;
    template <class A>
    auto state_head(A a) const {
        return a.args(max_messages, size, mode, uid, gid, charged_, bytes_);
    }
    // Who waits to receive counts itself again.
    template <class A>
    void state(A& ar) SBX_NO_TSA {
        ar(messages_, count_, notification_);
    }
    void state_loaded(state::Loader& ar) SBX_NO_TSA {
        i64 n = 0;
        for (auto& [priority, list] : messages_) {
            if (list.empty()) ar.fail("a message queue lacks a message");
            n += static_cast<i64>(list.size());
        }
        if (n != count_) ar.fail("a message queue has not as many messages as it says");
        Lock l(bytes_mu);
        bytes_of_user[charged_] += bytes_;
        bytes_of_all += bytes_;
    }
    PosixQueue(i64 most, i64 bytes_each, u32 m, Kuid user, Kgid group, Kuid charged, u64 bytes)
        : max_messages(most), size(bytes_each), mode(m), uid(user), gid(group), charged_(charged), bytes_(bytes) {}
    PosixQueue(const Creds& c, i64 most, i64 bytes_each, u32 m, u64 bytes)
        : PosixQueue(most, bytes_each, m, c.euid, c.egid, c.uid, bytes) {}

    static void tell(Task& t, const Notification& n) {
        if (!n.process || n.kind != SIGEV_SIGNAL || n.signal == 0) return;
        SharedLock l(t.kernel().tasks().mu);
        ThreadGroup* g = n.process->group;
        if (!g) return;
        SigInfo i{};
        i.si_signo = n.signal;
        i.si_code = SI_MESGQ;
        i.si_value = n.value;
        i.si_pid = t.group().pid->nr_in(n.process->ns());
        i.si_uid = t.creds()->user_ns->from_kuid_munged(t.creds()->uid);
        (void)send_group_signal(*g, i);
    }

    const Kuid charged_;
    const u64 bytes_;
    Mutex<Rank::SocketPair> mu_;
    std::map<u32, std::deque<std::string>> messages_ SBX_GUARDED_BY(mu_);  // by priority
    i64 count_ SBX_GUARDED_BY(mu_) = 0;
    unsigned receivers_ SBX_GUARDED_BY(mu_) = 0;  // no state: calls begin again and count themselves
    Notification notification_ SBX_GUARDED_BY(mu_);
};

class PosixQueueFile final : public vfs::OpenFile {
public:
    static constexpr char kKind = 0;
    const void* kind() const override { return &kKind; }
    PosixQueueFile(PosixQueue& q, int flags) : OpenFile(anon::anon_path("mqueue"), flags), queue_(q) {}
    PosixQueue& queue() const { return *queue_; }
    EventMask poll(EventMask mask, const vfs::Caller&) override { return queue_->ready() & mask; }
    void poll_add(Waiter& w, const vfs::Caller&) override { queue_->waiters.add(w); }
    void poll_remove(Waiter& w) override { queue_->waiters.remove(w); }
    // mqueue_flush_file(): who closes it wants to hear no more.
    Result<> flush(const vfs::Caller& c) override {
        if (c.task) queue_->forget(*c.task);
        return {};
    }
    template <class A>
    auto state_head(A a) const {
        return a.args(a.by_ref(*queue_), 0);
    }

private:
    Ref<PosixQueue> queue_;
};
SBX_SAVABLE(PosixQueue);
SBX_SAVABLE(PosixQueueFile);

struct PosixQueueTable final : public RefCounted {
    Mutex<Rank::SocketPair> mu;
    std::map<std::string, Ref<PosixQueue>> queues SBX_GUARDED_BY(mu);
    template <class A>
    void state(A& ar) SBX_NO_TSA {
        ar(queues);
        ar.all_there(queues);
    }
};
SBX_SAVABLE(PosixQueueTable);

Ref<PosixQueueTable> table_of(Task& t) {
    auto& ns = static_cast<IpcNamespace&>(*t.ns().ipc);
    return ns.table<PosixQueueTable>(IpcNamespace::kMqueue, [](IpcNamespace&) { return make_ref<PosixQueueTable>(); });
}

// The name without the slash that libc takes away.
Result<std::string> copy_in_name(Task& t, UserString at) {
    std::string name = SBX_TRY(t.copy_in_path(at));
    if (name.empty()) return err(ENOENT);
    if (name == "." || name == ".." || name.find('/') != std::string::npos) return err(EACCES);
    if (name.size() > NAME_MAX) return err(ENAMETOOLONG);
    return name;
}

// mqueue_get_inode(), mqueue_create_attr()
Result<Ref<PosixQueue>> make_queue(Task& t, size_t there, u32 mode, const MqAttr* a) {
    bool privileged = t.creds()->capable(CAP_SYS_RESOURCE);
    if (there >= kMaxQueues && !privileged) return err(ENOSPC);
    i64 most = a ? a->max_messages : kMaxMessages, size = a ? a->size : kMaxSize;
    if (most <= 0 || size <= 0 || most > (privileged ? kHardMaxMessages : kMaxMessages) ||
        size > (privileged ? kHardMaxSize : kMaxSize))
        return err(EINVAL);
    return PosixQueue::create(t, most, size, mode & 0777 & ~t.fs().umask());
}

Result<Ref<PosixQueue>> open_queue(Task& t, const std::string& name, int flags, u32 mode, const MqAttr* attr) {
    Ref<PosixQueueTable> tb = table_of(t);
    Lock l(tb->mu);
    auto it = tb->queues.find(name);
    if (it == tb->queues.end()) {
        if (!(flags & O_CREAT)) return err(ENOENT);
        Ref<PosixQueue> q = SBX_TRY(make_queue(t, tb->queues.size(), mode, attr));
        tb->queues[name] = q;
        return q;
    }
    if ((flags & (O_CREAT | O_EXCL)) == (O_CREAT | O_EXCL)) return err(EEXIST);
    int access = flags & O_ACCMODE;
    if (access == O_ACCMODE) return err(EINVAL);
    if (!it->second->permitted(t, access != O_WRONLY, access != O_RDONLY)) return err(EACCES);
    return it->second;
}

Result<long> sys_mq_open(Task& t, UserString name_at, int flags, u32 mode, UserPtr<MqAttr> attr_at) {
    MqAttr attr{};
    bool given = (flags & O_CREAT) && attr_at;
    if (given) attr = SBX_TRY(t.copy_in(attr_at));
    std::string name = SBX_TRY(copy_in_name(t, name_at));
    SBX_TRY(t.files().has_room(t.rlimit(RLIMIT_NOFILE)));
    Ref<PosixQueue> q = SBX_TRY(open_queue(t, name, flags, mode, given ? &attr : nullptr));
    auto f = make_ref<PosixQueueFile>(*q, flags & (O_ACCMODE | O_NONBLOCK));
    return SBX_TRY(t.files().add(std::move(f), true, t.rlimit(RLIMIT_NOFILE)));
}

Result<long> sys_mq_unlink(Task& t, UserString name_at) {
    std::string name = SBX_TRY(copy_in_name(t, name_at));
    Ref<PosixQueueTable> tb = table_of(t);
    Ref<PosixQueue> q;
    Lock l(tb->mu);
    auto it = tb->queues.find(name);
    if (it == tb->queues.end()) return err(ENOENT);
    // The directory is sticky.
    if (it->second->uid != t.creds()->euid && !t.creds()->capable(CAP_FOWNER)) return err(EPERM);
    q = std::move(it->second);
    tb->queues.erase(it);
    l.unlock();
    return 0;
}

Result<Ref<vfs::OpenFile>> queue_file(Task& t, int fd) {
    Ref<vfs::OpenFile> f = SBX_TRY(t.files().get(fd));
    if (f->kind() != &PosixQueueFile::kKind) return err(EBADF);
    return f;
}

PosixQueue& queue_of(vfs::OpenFile& f) { return static_cast<PosixQueueFile&>(f).queue(); }

// What wait_file() gives at its end, as these calls say it.
int late(const vfs::OpenFile& f, int e) { return e == EAGAIN && !f.nonblocking() ? ETIMEDOUT : e; }

Result<long> sys_mq_timedsend(Task& t, int fd, u64 at, u64 length, u32 priority, UserPtr<timespec> timeout) {
    Nanos deadline = SBX_TRY(copy_in_deadline(t, timeout, false, CLOCK_REALTIME));
    if (priority >= kMaxPriority) return err(EINVAL);
    Ref<vfs::OpenFile> f = SBX_TRY(queue_file(t, fd));
    if (!f->writable()) return err(EBADF);
    PosixQueue& q = queue_of(*f);
    if (length > static_cast<u64>(q.size)) return err(EMSGSIZE);
    std::string text(length, '\0');
    SBX_TRY(t.mm().copy_in(at, text.data(), length));
    Result<> r = wait_file(
        t, *f, kEventOut, f->nonblocking(), [&] { return q.send(t, std::move(text), priority); }, deadline);
    if (!r) return err(late(*f, r.error().value));
    return 0;
}

Result<long> sys_mq_timedreceive(Task& t, int fd, u64 at, u64 length, UserPtr<u32> priority_at,
                                 UserPtr<timespec> timeout) {
    Nanos deadline = SBX_TRY(copy_in_deadline(t, timeout, false, CLOCK_REALTIME));
    Ref<vfs::OpenFile> f = SBX_TRY(queue_file(t, fd));
    if (!f->readable()) return err(EBADF);
    PosixQueue& q = queue_of(*f);
    if (length < static_cast<u64>(q.size)) return err(EMSGSIZE);
    u32 priority = 0;
    Result<std::string> text = q.receive(&priority);
    if (!text && text.error() == EAGAIN && !f->nonblocking()) {
        PosixQueue::Receiver waiting(q);
        text = wait_file(
            t, *f, kEventIn, false, [&] { return q.receive(&priority); }, deadline);
    }
    if (!text) return err(late(*f, text.error().value));
    if (priority_at) SBX_TRY(t.copy_out(priority_at, priority));
    SBX_TRY(t.mm().copy_out(at, text->data(), text->size()));
    return static_cast<long>(text->size());
}

Result<long> sys_mq_notify(Task& t, int fd, UserPtr<sigevent> at) {
    if (!at) {
        Ref<vfs::OpenFile> f = SBX_TRY(queue_file(t, fd));
        queue_of(*f).forget(t);
        return 0;
    }
    sigevent e = SBX_TRY(t.copy_in(at));
    if (e.sigev_notify != SIGEV_NONE && e.sigev_notify != SIGEV_SIGNAL) return err(EINVAL);
    if (e.sigev_notify == SIGEV_SIGNAL && (e.sigev_signo < 0 || e.sigev_signo > kSignalCount)) return err(EINVAL);
    Ref<vfs::OpenFile> f = SBX_TRY(queue_file(t, fd));
    SBX_TRY(queue_of(*f).ask(t, e));
    return 0;
}

Result<long> sys_mq_getsetattr(Task& t, int fd, UserPtr<MqAttr> in, UserPtr<MqAttr> out) {
    MqAttr wanted{};
    if (in) {
        wanted = SBX_TRY(t.copy_in(in));
        if (wanted.flags & ~i64{O_NONBLOCK}) return err(EINVAL);
    }
    Ref<vfs::OpenFile> f = SBX_TRY(queue_file(t, fd));
    PosixQueue& q = queue_of(*f);
    MqAttr now{f->flags() & O_NONBLOCK, q.max_messages, q.size, q.count(), {}};
    if (in) SBX_TRY(f->set_flags((f->flags() & ~O_NONBLOCK) | static_cast<int>(wanted.flags), t.caller()));
    if (out) SBX_TRY(t.copy_out(out, now));
    return 0;
}

constexpr SyscallRow kRows[] = {
    {240, "mq_open", syscall<sys_mq_open>, "s oflags mode ptr", Support::Full, ""},
    {241, "mq_unlink", syscall<sys_mq_unlink>, "s", Support::Full, ""},
    {242, "mq_timedsend", syscall<sys_mq_timedsend>, "fd buf u u ptr", Support::Full, ""},
    {243, "mq_timedreceive", syscall<sys_mq_timedreceive>, "fd obuf u ptr ptr", Support::Full, ""},
    {244, "mq_notify", syscall<sys_mq_notify>, "fd ptr", Support::Partial, "no SIGEV_THREAD: EINVAL"},
    {245, "mq_getsetattr", syscall<sys_mq_getsetattr>, "fd ptr ptr", Support::Full, ""},
};

}  // namespace

const SyscallFamily kMqueueSyscalls(kRows);

}  // namespace sbx
