// System V shared memory (shmget(2), shmop(2), shmctl(2)), a table of segments for each IPC namespace.
#include <fcntl.h>
#include <stdio.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/sysmacros.h>

#include <map>

#include "fs/tmpfs/file_data.h"
#include "fs/tmpfs/tmpfs.h"
#include "src/base/archive.h"
#include "src/kernel/kernel.h"
#include "src/kernel/ns/ipc.h"
#include "syscalls/families.h"
#include "syscalls/ipc_perm.h"

namespace sbx {
namespace {

constexpr int kShmRdonly = 010000, kShmRnd = 020000, kShmRemap = 040000, kShmExec = 0100000, kShmHugetlb = 04000;
constexpr u32 kShmDest = 01000, kShmLocked = 02000;
constexpr int kShmLock = 11, kShmUnlock = 12, kShmStat = 13, kShmInfo = 14, kShmStatAny = 15, kIpcInfo = 3,
              kIpc64 = 0x100;
constexpr size_t kMaxSegments = 4096;     // SHMMNI
constexpr u64 kMaxSize = 1ull << 46;      // more than any address space holds
constexpr int kIndexes = 32768;           // IPCMNI: an id is a sequence number times this and an index
const u64 kShmDev = makedev(0, 0xfffff);  // shown in maps; above the device numbers of file systems

// struct ipc64_perm and struct shmid64_ds of the kernel.
struct KernelPerm {
    i32 key;
    u32 uid, gid, cuid, cgid, mode;
    u16 seq, pad;
    u32 pad2;
    u64 unused[2];
};
struct ShmDs {
    KernelPerm perm;
    u64 size;
    i64 atime, dtime, ctime;
    i32 cpid, lpid;
    u64 attached, unused[2];
};
static_assert(sizeof(ShmDs) == 112);
struct ShmLimits {
    u64 max, min, mni, seg, all, unused[4];
};
struct ShmUsage {
    i32 used_ids;
    u64 total, resident, swapped, swap_attempts, swap_successes;
};

i64 seconds() { return vfs::now().tv_sec; }

class ShmSegment;

// What outlives the memory: an entry of the table, and the mapped segment, share it.
struct ShmState final : public RefCounted {
    u64 size = 0;
    std::atomic<u64> mapped{0};  // no state: address spaces map it again; bytes
    std::atomic<i64> atime{0}, dtime{0};
    std::atomic<i32> lpid{0};
    Mutex<Rank::Leaf> mu;
    ShmSegment* segment SBX_GUARDED_BY(mu) = nullptr;  // no state: the segment enters itself; not owned
    // Mappings that were cut count as the share that is left of them.
    u64 attached() const { return (mapped.load() + page_up(size) - 1) / page_up(size); }
    // Address spaces map it again, and the segment enters itself.
    template <class A>
    void state(A& ar) {
        ar(size, atime, dtime, lpid);
        if (size == 0 || size > kMaxSize) ar.fail("a segment of shared memory has no size");
    }
};
SBX_SAVABLE(ShmState);

class ShmSegment final : public mm::Mappable {
public:
    ShmSegment(ShmState& s, tmpfs::FileData& data, int id, key_t key) : state_(s), data_(data), id_(id), key_(key) {
        Lock l(state_->mu);
        state_->segment = this;
    }
    ~ShmSegment() override {
        Lock l(state_->mu);
        state_->segment = nullptr;
    }
    Result<mm::Translation> translate(u64 offset, u64 length, bool write) override {
        return data_->translate(offset, length, write);
    }
    void add_mapping(mm::MemoryManager& mm, Range addr, u64 offset, bool writable) override {
        state_->mapped.fetch_add(addr.length());
        data_->add_mapping(mm, addr, offset, writable);
    }
    void remove_mapping(mm::MemoryManager& mm, Range addr, u64 offset, bool writable) override {
        data_->remove_mapping(mm, addr, offset, writable);
        state_->mapped.fetch_sub(addr.length());
        state_->dtime.store(seconds());
    }
    mm::MappableName name() override {
        char path[40];
        snprintf(path, sizeof path, "/SYSV%08x (deleted)", static_cast<unsigned>(key_));
        return {kShmDev, static_cast<u64>(id_), path};
    }
    const mm::Mappable& target() const override { return data_->target(); }
    Result<> remove(Range r) override { return data_->remove(r); }
    ShmState& shared() const { return *state_; }
    template <class A>
    auto state_head(A a) const {
        return a.args(a.by_ref(*state_), a.by_ref(*data_), id_, key_);
    }
    // All of it is in its head.
    template <class A>
    void state(A&) {}

private:
    const Ref<ShmState> state_;
    const Ref<tmpfs::FileData> data_;
    const int id_;
    const key_t key_;
};
SBX_SAVABLE(ShmSegment);

struct ShmEntry {
    key_t key = IPC_PRIVATE;
    u32 mode = 0;
    Kuid uid = 0, cuid = 0;
    Kgid gid = 0, cgid = 0;
    i64 ctime = 0;
    i32 cpid = 0;
    Ref<ShmState> shared;
    Ref<ShmSegment> segment;  // none once removed: its mappings alone hold the memory
    bool removed() const { return !segment; }
    IpcOwner owner() const { return {mode, uid, cuid, gid, cgid}; }
    template <class A>
    void state(A& ar) {
        ar(key, mode, uid, cuid, gid, cgid, ctime, cpid, shared, segment);
        if (!shared) ar.fail("a segment of shared memory is missing");
    }
};

// Segments that are taken out end after the lock.
struct ShmTable final : public RefCounted {
    // A table of files, as a directory is: making one takes the locks of its data.
    Mutex<Rank::Dir> mu;
    std::map<int, ShmEntry> entries SBX_GUARDED_BY(mu);  // by index
    std::map<int, int> sequences SBX_GUARDED_BY(mu);
    template <class A>
    void state(A& ar) SBX_NO_TSA {
        ar(entries, sequences);
    }
};
SBX_SAVABLE(ShmTable);

Ref<ShmTable> table_of(Task& t) {
    auto& ns = static_cast<IpcNamespace&>(*t.ns().ipc);
    return ns.table<ShmTable>(IpcNamespace::kShm, [](IpcNamespace&) { return make_ref<ShmTable>(); });
}

int id_of(ShmTable& tb, int index) SBX_REQUIRES(tb.mu) { return tb.sequences[index] * kIndexes + index; }

// Removed segments that nothing maps any more are gone.
void sweep(ShmTable& tb) SBX_REQUIRES(tb.mu) {
    std::erase_if(tb.entries, [](auto& e) { return e.second.removed() && e.second.shared->mapped.load() == 0; });
}

Result<ShmEntry*> find(ShmTable& tb, int id) SBX_REQUIRES(tb.mu) {
    sweep(tb);
    if (id < 0) return err(EINVAL);
    auto it = tb.entries.find(id % kIndexes);
    if (it == tb.entries.end() || id_of(tb, it->first) != id) return err(EINVAL);
    return &it->second;
}

Result<long> sys_shmget(Task& t, int key, u64 size, int flags) {
    Ref<ShmTable> tb = table_of(t);
    Lock l(tb->mu);
    sweep(*tb);
    if (key != IPC_PRIVATE) {
        for (auto& [index, e] : tb->entries) {
            if (e.key != key || e.removed()) continue;
            if ((flags & IPC_CREAT) && (flags & IPC_EXCL)) return err(EEXIST);
            if (size > e.shared->size) return err(EINVAL);
            if (!ipc_permitted(t, e.owner(), static_cast<u32>(flags) & 0777)) return err(EACCES);
            return id_of(*tb, index);
        }
        if (!(flags & IPC_CREAT)) return err(ENOENT);
    }
    if (size == 0 || size > ~0ull - (1ull << 24)) return err(EINVAL);
    // No huge pages are reserved.
    if (size > kMaxSize || (flags & kShmHugetlb)) return err(ENOMEM);
    if (tb->entries.size() >= kMaxSegments) return err(ENOSPC);
    int index = 0;
    while (tb->entries.count(index)) index++;
    int& sequence = tb->sequences[index];
    sequence = (sequence + 1) % (INT32_MAX / kIndexes);
    const Creds& c = *t.creds();
    ShmEntry e;
    e.key = key;
    e.mode = static_cast<u32>(flags) & 0777;
    e.uid = e.cuid = c.euid;
    e.gid = e.cgid = c.egid;
    e.ctime = seconds();
    e.cpid = t.group().pid_in(*t.kernel().tasks().root_ns);
    e.shared = make_ref<ShmState>();
    e.shared->size = size;
    e.segment = make_ref<ShmSegment>(*e.shared, *tmpfs::create_shm(page_up(size)), id_of(*tb, index), key);
    tb->entries.emplace(index, std::move(e));
    return id_of(*tb, index);
}

Result<long> sys_shmat(Task& t, int id, u64 addr, int flags) {
    if (addr & kPageMask) {
        if (!(flags & kShmRnd)) return err(EINVAL);
        addr = page_down(addr);
    }
    if (addr == 0 && (flags & kShmRemap)) return err(EINVAL);
    bool write = !(flags & kShmRdonly);
    mm::MmapRequest r;
    Ref<ShmSegment> segment;
    Ref<ShmTable> tb = table_of(t);
    {
        Lock l(tb->mu);
        ShmEntry* e = SBX_TRY(find(*tb, id));
        u32 wanted = 0444u | (write ? 0222u : 0) | (flags & kShmExec ? 0111u : 0);
        if (!ipc_permitted(t, e->owner(), wanted)) return err(EACCES);
        segment = e->segment;
        if (!segment) {
            // Linux lets a segment that is to go be attached as long as somebody has it.
            Lock s(e->shared->mu);
            if (e->shared->segment && e->shared->segment->try_ref()) segment = adopt_ref(e->shared->segment);
            if (!segment) return err(EINVAL);
        }
    }
    r.addr = addr;
    r.length = segment->shared().size;
    r.prot = PROT_READ | (write ? PROT_WRITE : 0) | (flags & kShmExec ? PROT_EXEC : 0);
    r.flags = MAP_SHARED;
    // MAP_FIXED_NOREPLACE
    if (addr) r.flags |= flags & kShmRemap ? MAP_FIXED : 0x100000;
    if (!write) r.max_prot &= static_cast<u8>(~PROT_WRITE);
    r.file = segment;
    Result<u64> at = t.mm().mmap(r, t.mm_limits());
    if (!at) return err(at.error() == EEXIST ? EINVAL : at.error().value);
    segment->shared().atime.store(seconds());
    segment->shared().lpid.store(t.group().pid_in(*t.kernel().tasks().root_ns));
    return static_cast<long>(*at);
}

// What is left of the attachment that began at addr, also if it was cut (ksys_shmdt).
Result<long> sys_shmdt(Task& t, u64 addr) {
    if (addr & kPageMask) return err(EINVAL);
    u64 ino = 0;
    bool any = false;
    for (const mm::VmaInfo& v : t.mm().vmas(false)) {
        if (v.file.dev != kShmDev || v.range.start < addr || v.range.start - addr != v.offset ||
            (any && v.file.ino != ino))
            continue;
        ino = v.file.ino;
        any = true;
        SBX_TRY(t.mm().munmap(v.range.start, v.range.length()));
    }
    if (!any) return err(EINVAL);
    Ref<ShmTable> tb = table_of(t);
    Lock l(tb->mu);
    if (Result<ShmEntry*> e = find(*tb, static_cast<int>(ino)))
        (*e)->shared->lpid.store(t.group().pid_in(*t.kernel().tasks().root_ns));
    return 0;
}

ShmDs describe(Task& t, ShmTable& tb, int index, const ShmEntry& e) SBX_REQUIRES(tb.mu) {
    const UserNamespace& ns = *t.creds()->user_ns;
    ShmDs d{};
    // A removed segment shows no key (IPC_PRIVATE).
    d.perm.key = e.removed() ? IPC_PRIVATE : e.key;
    d.perm.uid = ns.from_kuid_munged(e.uid), d.perm.gid = ns.from_kgid_munged(e.gid);
    d.perm.cuid = ns.from_kuid_munged(e.cuid), d.perm.cgid = ns.from_kgid_munged(e.cgid);
    d.perm.mode = e.mode | (e.removed() ? kShmDest : 0);
    d.perm.seq = static_cast<u16>(tb.sequences[index]);
    d.size = e.shared->size;
    d.atime = e.shared->atime.load(), d.dtime = e.shared->dtime.load(), d.ctime = e.ctime;
    auto seen = [&t](i32 nr) {
        Pid* p = t.kernel().tasks().root_ns->find(nr);
        return p ? p->nr_in(t.pid_ns()) : 0;
    };
    SharedLock l(t.kernel().tasks().mu);
    d.cpid = seen(e.cpid), d.lpid = seen(e.shared->lpid.load());
    d.attached = e.shared->attached();
    return d;
}

Result<long> stat(Task& t, ShmTable& tb, int id, int cmd, UserPtr<ShmDs> at) {
    ShmDs d;
    long result = 0;
    {
        Lock l(tb.mu);
        ShmEntry* e;
        int index = id % kIndexes;
        if (cmd == IPC_STAT) {
            e = SBX_TRY(find(tb, id));
        } else {
            sweep(tb);
            auto it = tb.entries.find(id);
            if (it == tb.entries.end()) return err(EINVAL);
            e = &it->second;
            result = id_of(tb, id);
        }
        if (cmd != kShmStatAny && !ipc_permitted(t, e->owner(), 0444)) return err(EACCES);
        d = describe(t, tb, index, *e);
    }
    SBX_TRY(t.copy_out(at, d));
    return result;
}

Result<long> information(Task& t, ShmTable& tb, int cmd, UserPtr<void> at) {
    long highest = 0;
    ShmUsage u{};
    {
        Lock l(tb.mu);
        sweep(tb);
        if (!tb.entries.empty()) highest = tb.entries.rbegin()->first;
        u.used_ids = static_cast<i32>(tb.entries.size());
        for (auto& [index, e] : tb.entries) u.total += page_up(e.shared->size) / kPageSize;
    }
    if (cmd == kShmInfo) {
        SBX_TRY(t.copy_out(at.cast<ShmUsage>(), u));
    } else {
        u64 most = ~0ull - (1ull << 24);
        SBX_TRY(t.copy_out(at.cast<ShmLimits>(), ShmLimits{most, 1, kMaxSegments, kMaxSegments, most, {}}));
    }
    return highest;
}

Result<long> sys_shmctl(Task& t, int id, int cmd, UserPtr<ShmDs> at) {
    cmd &= ~kIpc64;
    if (cmd < 0 || id < 0) return err(EINVAL);
    Ref<ShmTable> tb = table_of(t);
    if (cmd == IPC_STAT || cmd == kShmStat || cmd == kShmStatAny) return stat(t, *tb, id, cmd, at);
    if (cmd == kIpcInfo || cmd == kShmInfo) return information(t, *tb, cmd, at.cast<void>());
    if (cmd != IPC_RMID && cmd != IPC_SET && cmd != kShmLock && cmd != kShmUnlock) return err(EINVAL);
    ShmDs d{};
    if (cmd == IPC_SET) d = SBX_TRY(t.copy_in(at));
    Ref<ShmSegment> gone;  // dropped after the lock
    Lock l(tb->mu);
    ShmEntry* e = SBX_TRY(find(*tb, id));
    if (cmd == kShmLock || cmd == kShmUnlock) {
        if (!t.creds()->capable(CAP_IPC_LOCK, ipc_owner_ns(t)) &&
            (!ipc_may_control(t, e->owner()) || (cmd == kShmLock && t.rlimit(RLIMIT_MEMLOCK) == 0)))
            return err(EPERM);
        e->mode = cmd == kShmLock ? e->mode | kShmLocked : e->mode & ~kShmLocked;
        return 0;
    }
    if (!ipc_may_control(t, e->owner())) return err(EPERM);
    if (cmd == IPC_RMID) {
        gone = std::move(e->segment);
        return 0;
    }
    const UserNamespace& ns = *t.creds()->user_ns;
    Kuid uid = ns.to_kuid(d.perm.uid);
    Kgid gid = ns.to_kgid(d.perm.gid);
    if (uid == kInvalidId || gid == kInvalidId) return err(EINVAL);
    e->uid = uid, e->gid = gid;
    e->mode = (e->mode & ~0777u) | (d.perm.mode & 0777);
    e->ctime = seconds();
    return 0;
}

constexpr SyscallRow kRows[] = {
    {29, "shmget", syscall<sys_shmget>, "x u flags", Support::Partial, "SHM_HUGETLB gives ENOMEM"},
    {30, "shmat", syscall<sys_shmat>, "d ptr flags", Support::Full, ""},
    {31, "shmctl", syscall<sys_shmctl>, "d d ptr", Support::Partial, "SHM_LOCK is kept and shown, without effect"},
    {67, "shmdt", syscall<sys_shmdt>, "ptr", Support::Full, ""},
};

}  // namespace

const SyscallFamily kIpcShmSyscalls(kRows);

}  // namespace sbx
