// Asynchronous I/O: io_setup, io_submit, io_getevents, io_pgetevents, io_cancel, io_destroy (fs/aio.c).
//
// A request is carried out when it is submitted, as Linux does with all but direct I/O; its event waits in the context. A context lives as
// long as its ring is mapped: the page at the address that is the context's name, without the magic number that would make libaio look for
// events there.
#include <linux/aio_abi.h>
#include <sys/mman.h>

#include <deque>
#include <map>

#include "fs/anon/eventfd.h"
#include "src/base/archive.h"
#include "src/kernel/kernel.h"
#include "src/mm/shared_anon.h"
#include "syscalls/families.h"
#include "syscalls/rw.h"
#include "syscalls/temporary_mask.h"

namespace sbx {
namespace {

constexpr u64 kMaxEvents = 65536;  // fs.aio-max-nr: of all contexts

class AioContext;
using Key = std::pair<const mm::MemoryManager*, u64>;
Mutex<Rank::Leaf> contexts_mu;
std::map<Key, AioContext*> contexts SBX_GUARDED_BY(contexts_mu);  // no state: contexts enter themselves
u64 events_of_all SBX_GUARDED_BY(contexts_mu) = 0;                // no state: contexts count themselves

Result<> reserve_events(u32 count) {
    Lock l(contexts_mu);
    if (count > kMaxEvents - events_of_all) return err(EAGAIN);
    events_of_all += count;
    return {};
}

struct Event : io_event {
    template <class A>
    void state(A& ar) {
        ar(data, obj, res, res2);
    }
};

// Also the ring's file, so that unmapping ends the context.
class AioContext final : public mm::Mappable {
public:
    // `limit` events are reserved.
    AioContext(mm::Mappable& page, u32 at_once) : limit(at_once), page_(page) {}
    ~AioContext() override {
        Lock l(contexts_mu);
        events_of_all -= limit;
        forget_locked();
    }
    void publish(const Key& k) {
        Lock l(contexts_mu);
        key_ = k;
        contexts[k] = this;
    }
    // False if somebody did before.
    bool forget() {
        Lock l(contexts_mu);
        return forget_locked();
    }

    Result<mm::Translation> translate(u64 offset, u64 length, bool write) override {
        return page_->translate(offset, length, write);
    }
    void add_mapping(mm::MemoryManager& m, Range a, u64 offset, bool writable) override {
        Lock l(contexts_mu);
        mapped_[&m] += a.length();
        l.unlock();
        page_->add_mapping(m, a, offset, writable);
    }
    void remove_mapping(mm::MemoryManager& m, Range a, u64 offset, bool writable) override {
        page_->remove_mapping(m, a, offset, writable);
        Lock l(contexts_mu);
        auto it = mapped_.find(&m);
        if ((it->second -= a.length()) != 0) return;
        mapped_.erase(it);
        // Another address space may have it still, and this one's place may be taken by a new one.
        if (key_.first == &m) forget_locked();
    }
    mm::MappableName name() override { return {0, 0, "/[aio] (deleted)"}; }
    const mm::Mappable& target() const override { return page_->target(); }

    const u32 limit;
    Mutex<Rank::Leaf> mu;
    std::deque<Event> events SBX_GUARDED_BY(mu);
    u32 taken SBX_GUARDED_BY(mu) = 0;  // requests under way, and those whose event nobody has taken
    WaitQueue queue;

private:
    friend struct state::Access;
    template <class A>
    auto state_head(A a) const {
        return a.args(a.by_ref(*page_), limit);
    }
    // One that is found by its address still has its address space.
    template <class A>
    void state(A& ar) SBX_NO_TSA {
        auto it = contexts.find(key_);
        auto* owner = const_cast<mm::MemoryManager*>(key_.first);
        if (it == contexts.end() || it->second != this) owner = nullptr;
        ar(events, taken, owner, key_.second);
        key_.first = owner;
    }
    void state_loaded(state::Loader& ar) {
        if (!reserve_events(limit)) return ar.fail("asynchronous requests have more events than there may be");
        if (key_.first) publish(key_);
    }
    bool forget_locked() SBX_REQUIRES(contexts_mu) {
        auto it = contexts.find(key_);
        if (it == contexts.end() || it->second != this) return false;
        contexts.erase(it);
        return true;
    }
    Key key_{};
    // no state: address spaces map it again.
    std::map<const mm::MemoryManager*, u64> mapped_ SBX_GUARDED_BY(contexts_mu);  // bytes
    Ref<mm::Mappable> page_;
};
SBX_SAVABLE(AioContext);

Result<Ref<AioContext>> find(Task& t, u64 id) {
    Lock l(contexts_mu);
    auto it = contexts.find({&t.mm(), id});
    if (it == contexts.end() || !it->second->try_ref()) return err(EINVAL);
    return Ref<AioContext>::adopt(it->second);
}

Result<long> sys_io_setup(Task& t, u32 count, UserPtr<u64> at) {
    u64 id = SBX_TRY(t.copy_in(at));
    // ioctx_alloc(), which doubles the number in 32 bits.
    if (id != 0 || count == 0 || count * 2 > 0x10000000 / sizeof(io_event)) return err(EINVAL);
    if (count * 2 == 0) return err(EAGAIN);
    SBX_TRY(reserve_events(count));
    Ref<AioContext> c = make_ref<AioContext>(*mm::make_shared_anonymous(t.kernel().memory(), kPageSize), count);
    mm::MmapRequest r;
    r.length = kPageSize;
    r.prot = PROT_READ | PROT_WRITE;
    r.flags = MAP_SHARED;
    r.file = c;
    id = SBX_TRY(t.mm().mmap(r, t.mm_limits()));
    // A child has no part in the context.
    (void)t.mm().madvise(id, kPageSize, MADV_DONTFORK);
    c->publish({&t.mm(), id});
    if (auto put = t.copy_out(at, id); !put) {
        c->forget();
        (void)t.mm().munmap(id, kPageSize);
        return err(put.error());
    }
    return 0;
}

Result<long> sys_io_destroy(Task& t, u64 id) {
    Ref<AioContext> c = SBX_TRY(find(t, id));
    if (!c->forget()) return err(EINVAL);
    c->queue.notify(kEventInternal);
    (void)t.mm().munmap(id, kPageSize);
    return 0;
}

// A place in a context, given back unless the request got as far as an event.
class Slot {
public:
    static Result<Slot> take(AioContext& c) {
        Lock l(c.mu);
        if (c.taken >= c.limit) return err(EAGAIN);
        c.taken++;
        return Slot(c);
    }
    Slot(Slot&& o) noexcept : c_(std::exchange(o.c_, nullptr)) {}
    ~Slot() {
        if (!c_) return;
        Lock l(c_->mu);
        c_->taken--;
    }
    void complete(const Event& e) {
        {
            Lock l(c_->mu);
            c_->events.push_back(e);
        }
        std::exchange(c_, nullptr)->queue.notify(kEventInternal);
    }

private:
    explicit Slot(AioContext& c) : c_(&c) {}
    AioContext* c_;
};

Result<mm::UserIoBuf> buffer_of(Task& t, const iocb& cb) {
    if (cb.aio_lio_opcode == IOCB_CMD_PREAD || cb.aio_lio_opcode == IOCB_CMD_PWRITE)
        return mm::UserIoBuf(t.mm(), cb.aio_buf, cb.aio_nbytes);
    return mm::UserIoBuf(t.mm(), SBX_TRY(t.mm().copy_in_iovecs(cb.aio_buf, cb.aio_nbytes)));
}

// The request itself. What is wrong before it starts (aio_read() and its kin) fails the submission.
Result<long> carry_out(Task& t, const iocb& cb, vfs::OpenFile& f, bool& started) {
    switch (cb.aio_lio_opcode) {
    case IOCB_CMD_PREAD:
    case IOCB_CMD_PWRITE:
    case IOCB_CMD_PREADV:
    case IOCB_CMD_PWRITEV: {
        bool write = cb.aio_lio_opcode == IOCB_CMD_PWRITE || cb.aio_lio_opcode == IOCB_CMD_PWRITEV;
        if (!(write ? f.writable() : f.readable())) return err(EBADF);
        if (f.inode().is_dir()) return err(EINVAL);
        u32 flags = static_cast<u32>(cb.aio_rw_flags);
        if (flags & ~kKnownRwf) return err(EOPNOTSUPP);
        mm::UserIoBuf buf = SBX_TRY(buffer_of(t, cb));
        started = true;
        if (f.positional() && cb.aio_offset < 0) return err(EINVAL);
        return transfer_at(t, f, write, buf, cb.aio_offset, flags);
    }
    case IOCB_CMD_FSYNC:
    case IOCB_CMD_FDSYNC:
        if (cb.aio_buf || cb.aio_offset || cb.aio_nbytes || cb.aio_rw_flags) return err(EINVAL);
        if (!f.inode().is_regular() && !f.inode().is_dir()) return err(EINVAL);
        started = true;
        SBX_TRY(f.sync(cb.aio_lio_opcode == IOCB_CMD_FDSYNC, Range{0, ~0ull}));
        return 0;
    default: return err(EINVAL);
    }
}

Result<> submit_one(Task& t, AioContext& c, u64 at) {
    iocb cb = SBX_TRY(t.copy_in(UserPtr<iocb>{at}));
    if (cb.aio_reserved2 || static_cast<i64>(cb.aio_nbytes) < 0) return err(EINVAL);
    Slot slot = SBX_TRY(Slot::take(c));
    Ref<vfs::OpenFile> f = SBX_TRY(t.files().get(static_cast<int>(cb.aio_fildes)));
    if (f->is_path_only()) return err(EBADF);
    Ref<vfs::OpenFile> told;
    if (cb.aio_flags & IOCB_FLAG_RESFD) {
        told = SBX_TRY(t.files().get(static_cast<int>(cb.aio_resfd)));
        if (told->kind() != &anon::EventFile::kKind) return err(EINVAL);
    }
    SBX_TRY(t.copy_out(UserPtr<u32>{at + offsetof(iocb, aio_key)}, u32{0}));  // KIOCB_KEY
    bool started = false;
    Result<long> r = carry_out(t, cb, *f, started);
    if (!started) return err(r.error());
    Event e{};
    e.data = cb.aio_data;
    e.obj = at;
    if (t.call.again) return err(ERESTARTNOINTR);
    // An interrupted request is not made again (aio_rw_done()).
    e.res = r ? *r : r.error() == ERESTARTSYS ? -EINTR : -static_cast<i64>(r.error().value);
    slot.complete(e);
    if (told) {
        const u64 one = 1;
        mm::KernelIoBuf buf(ConstBytes(reinterpret_cast<const u8*>(&one), sizeof one));
        (void)told->write(buf, nullptr, 0, t.caller());
    }
    return {};
}

Result<long> sys_io_submit(Task& t, u64 id, long count, UserPtr<u64> list) {
    if (count < 0) return err(EINVAL);
    Ref<AioContext> c = SBX_TRY(find(t, id));
    count = std::min<long>(count, c->limit);
    for (long i = static_cast<long>(std::exchange(t.call.items, 0)); i < count; i++) {
        Result<u64> at = t.copy_in(list + static_cast<u64>(i));
        Result<> r = at ? submit_one(t, *c, *at) : Result<>(err(at.error()));
        if (!r && t.call.again && t.again_after_pause(t.call.done, static_cast<u64>(i))) return err(r.error());
        if (!r) return i ? Result<long>(i) : err(r.error());
    }
    return count;
}

// Copies out what there is, up to `count` in all.
Result<> take_events(Task& t, AioContext& c, UserPtr<io_event> to, long count, long& done) {
    while (done < count) {
        io_event e;
        {
            Lock l(c.mu);
            if (c.events.empty()) return {};
            e = c.events.front();
            c.events.pop_front();
            c.taken--;
        }
        if (Result<> r = t.copy_out(to + static_cast<u64>(done), e); !r) {
            Lock l(c.mu);
            c.events.push_front({e});
            c.taken++;
            return r;
        }
        done++;
    }
    return {};
}

Result<long> get_events(Task& t, u64 id, long least, long count, UserPtr<io_event> to, Nanos deadline) {
    Ref<AioContext> c = SBX_TRY(find(t, id));
    if (least < 0 || least > count) return err(EINVAL);
    long done = static_cast<long>(std::exchange(t.call.done, 0));
    TaskWaiter w(t, kEventInternal);
    c->queue.add(w);
    Result<> r;
    BlockResult b = BlockResult::Woken;
    for (;;) {
        r = take_events(t, *c, to, count, done);
        // io_destroy of another thread ends the wait too.
        if (!r || done >= least || b != BlockResult::Woken || !find(t, id)) break;
        b = t.block(deadline);
    }
    c->queue.remove(w);
    if (r && b == BlockResult::Interrupted && t.again_after_pause(static_cast<u64>(done))) return err(ERESTARTNOINTR);
    if (done != 0) return done;
    if (!r) return err(r.error());
    if (b == BlockResult::Interrupted) return err(EINTR);
    return 0;
}

Result<Nanos> copy_in_deadline(Task& t, UserPtr<timespec> timeout) {
    if (!timeout) return kNever;
    timespec ts = SBX_TRY(t.copy_in(timeout));
    // Whatever it is: a time before now is over.
    if (!timespec_valid(ts)) return 0;
    return t.deadline_in(to_nanos(ts));
}

Result<long> sys_io_getevents(Task& t, u64 id, long least, long count, UserPtr<io_event> to,
                              UserPtr<timespec> timeout) {
    return get_events(t, id, least, count, to, SBX_TRY(copy_in_deadline(t, timeout)));
}

struct AioSigset {
    u64 mask, size;
};

Result<long> sys_io_pgetevents(Task& t, u64 id, long least, long count, UserPtr<io_event> to, UserPtr<timespec> timeout,
                               UserPtr<AioSigset> sigset) {
    Nanos deadline = SBX_TRY(copy_in_deadline(t, timeout));
    AioSigset s{};
    if (sigset) s = SBX_TRY(t.copy_in(sigset));
    if (s.mask) SBX_TRY(set_temporary_mask(t, UserPtr<SigSet>{s.mask}, s.size));
    return finish_temporary_mask(t, s.mask != 0, get_events(t, id, least, count, to, deadline));
}

// No request is ever found under way.
Result<long> sys_io_cancel(Task& t, u64 id, UserPtr<iocb> at, UserPtr<io_event>) {
    u32 key = SBX_TRY(t.copy_in(UserPtr<u32>{at.addr + offsetof(iocb, aio_key)}));
    if (key != 0) return err(EINVAL);
    (void)SBX_TRY(find(t, id));
    return err(EINVAL);
}

constexpr SyscallRow kRows[] = {
    {206, "io_setup", syscall<sys_io_setup>, "u ptr", Support::Full, ""},
    {207, "io_destroy", syscall<sys_io_destroy>, "x", Support::Full, ""},
    {208, "io_getevents", syscall<sys_io_getevents>, "x d d ptr ptr", Support::Full, ""},
    {209, "io_submit", syscall<sys_io_submit>, "x d ptr", Support::Partial, "no IOCB_CMD_POLL: EINVAL"},
    {210, "io_cancel", syscall<sys_io_cancel>, "x ptr ptr", Support::Full, ""},
    {333, "io_pgetevents", syscall<sys_io_pgetevents>, "x d d ptr ptr ptr", Support::Full, ""},
};

}  // namespace

const SyscallFamily kAioSyscalls(kRows);

}  // namespace sbx
