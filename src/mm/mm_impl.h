// The insides of MemoryManager, shared by src/mm/mm_*.cc alone: VMAs, pmas, the queue of platform changes.
//
// Order of a change: VMAs and pmas are edited and platform changes queued under the exclusive lock; flush() applies them; only then
// are the pages that went away released, and only after the lock was dropped (files and inodes have lower lock ranks).
// Changes that only add (new mappings, more rights) may stay queued: whoever touches them faults, and the fault flushes.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "src/base/interval_map.h"
#include "src/mm/memory_manager.h"

namespace sbx::mm {

constexpr u8 kRead = platform::kProtRead, kWrite = platform::kProtWrite, kExec = platform::kProtExec;
constexpr u64 kMaxMapCount = 65530;              // vm.max_map_count
constexpr u64 kMmapMinAddr = 65536;              // vm.mmap_min_addr
constexpr u64 kStackGuardGap = 256 * kPageSize;  // stack_guard_gap (mm/mmap.c)
constexpr u64 kChunk = 64 << 20;        // anonymous memory is given out whole up to here, then in pieces of this size
constexpr u64 kStretch = 64 << 10;      // what is copied around a written page
constexpr u64 kWriteAhead = 256 << 10;  // what is asked of a file around a first write to a shared mapping

enum VmaFlag : u32 {
    kShared = 1,
    kGrowsDown = 2,
    kLocked = 4,
    kLockOnFault = 8,
    kNoReserve = 16,
    kDontFork = 32,
    kWipeOnFork = 64,
    kDontDump = 128,
    kHuge = 256,
    kNoHuge = 512,
    kMergeable = 1024,
    kRandom = 2048,
    kSequential = 4096,
    kHeap = 8192,
    kByPage = 16384,  // MmapRequest::copy_ahead is false
};

struct Vma {
    u8 prot = 0, max_prot = 7;
    u32 flags = 0;
    Ref<Mappable> file;                       // none: private anonymous memory
    u64 offset = 0;                           // in the file
    std::shared_ptr<const std::string> name;  // PR_SET_VMA_ANON_NAME

    bool shared() const { return flags & kShared; }
    bool anonymous() const { return !file; }
    bool writable_shared() const { return shared() && (max_prot & kWrite); }
    // Linux's is_data_mapping(): what RLIMIT_DATA counts.
    bool is_data() const { return (prot & kWrite) && !(flags & (kShared | kGrowsDown)); }
    void advance(u64 delta) {
        if (file) offset += delta;
    }
    template <class A>
    void state(A& ar) {
        ar(prot, max_prot, flags, file, offset, name);
    }
    bool joins(const Vma& next, u64 length) const {
        return prot == next.prot && max_prot == next.max_prot && flags == next.flags && !(flags & kGrowsDown) &&
               file == next.file && (!file || offset + length == next.offset) &&
               (name == next.name || (name && next.name && *name == *next.name));
    }
};

// Which pages back a range of addresses now. Invariant: `own` pages are of the memory file and belong to private mappings alone.
struct Pma {
    static constexpr u8 kNone = 0xff;
    Ref<BackingFile> file;
    u64 offset = 0;
    bool own = false;  // this mapping's anonymous pages; otherwise the mapped file's
    bool cow =
        false;  // of a private mapping: must be copied, or proved to be used by nobody else, before it is written
    bool writable = false;  // of a shared mapping: the file said it may be written now
    // no state: the platform of the loading process has nothing installed.
    u8 installed = kNone;  // what the platform has (or has queued): protection bits

    void advance(u64 delta) { offset += delta; }
    // The platform of the process that loads it has nothing installed.
    template <class A>
    void state(A& ar) {
        ar(file, offset, own, cow, writable);
    }
    bool joins(const Pma& next, u64 length) const {
        return file == next.file && offset + length == next.offset && own == next.own && cow == next.cow &&
               writable == next.writable && installed == next.installed;
    }
};

using Vmas = IntervalMap<Vma>;
using Pmas = IntervalMap<Pma>;
using VmaIt = Vmas::Iterator;
using PmaIt = Pmas::Iterator;

// Collects platform changes and joins neighbours into one operation.
class OpQueue {
public:
    explicit OpQueue(platform::AddressSpace& space) : space_(space) {}
    void map(Range r, int fd, u64 offset, u8 prot, bool populate);
    void unmap(Range r);
    void protect(Range r, u8 prot);
    // Any thread: its own changes it sees for sure, those of others cost it a fault at most.
    bool dirty() const { return dirty_.load(std::memory_order_relaxed); }
    Result<> flush();

private:
    enum class Kind : u8 { None, Map, Unmap, Protect };
    void emit();
    void start(Kind k, Range r);
    platform::AddressSpace& space_;
    Kind kind_ = Kind::None;
    Range range_;
    int fd_ = -1;
    u64 offset_ = 0;
    u8 prot_ = 0;
    bool populate_ = false;
    std::atomic<bool> dirty_{false};
};

struct Pages {
    Ref<BackingFile> file;
    Range range;
};

struct MemoryManager::Impl {
    Impl(MemoryManager& m, platform::Platform& p, MemoryFile& f, Ref<platform::AddressSpace> s);

    MemoryManager& self;
    platform::Platform& platform;
    Ref<MemoryFile> memory;
    Ref<platform::AddressSpace> space;
    const Range user;

    RwMutex<Rank::Mm> mu;
    OpQueue ops;
    Vmas vmas;
    Pmas pmas;
    std::vector<Pages> unreachable;        // to be released after the next flush
    std::vector<Pages> released;           // to be released once the lock is dropped
    std::vector<Ref<Mappable>> old_files;  // the same
    u64 changes = 0;                       // counts flushes
    bool lost = false;                     // the platform's space cannot be kept in step any more

    u64 random = 0;
    u64 mmap_base = 0;
    u64 gap_hint = 0, gap_max = 0;  // no free range at or above gap_hint (and below mmap_base) is larger than gap_max
    u64 brk_start = 0, brk = 0;
    u32 future_flags = 0;  // mlockall(MCL_FUTURE)
    u64 total_vm = 0, data_vm = 0, stack_vm = 0, exec_vm = 0, locked_vm = 0, max_rss = 0;
    MmLayout layout;
    Ref<RefCounted> exe;

    // mm_space.cc: bookkeeping of both maps.
    void account(const Vma& v, u64 length, bool add);
    VmaIt add_vma(Range r, Vma v);
    void remove_vmas(Range r);
    void drop_pages(Range r);
    void install(VmaIt v, Range r, bool populate);
    void flush();
    bool may_expand(u64 length, bool data, const MmLimits& l) const;
    // The overcommit heuristics of Linux's mode 0 (__vm_enough_memory): only what can never be is refused.
    bool overcommits(u64 length, u8 prot, u32 flags) const;
    u64 mapped_in(Range r);
    // Pieces that cutting both edges of r out of VMAs would add.
    u64 cuts(Range r);

    // mm_pages.cc: what backs an address. On success the entry holds addr and allows the access; the platform knows nothing of it yet
    // unless it did before.
    Result<PmaIt> get_page(VmaIt v, u64 addr, bool write);
    Result<PmaIt> make_anonymous(VmaIt v, u64 addr);
    Result<PmaIt> make_of_file(VmaIt v, u64 addr, bool write);
    Result<PmaIt> make_shared_writable(VmaIt v, PmaIt p, u64 addr);
    Result<PmaIt> copy_on_write(VmaIt v, PmaIt p, u64 addr);
    // The other side of a fork is gone: what else was shared with it can be written again without more faults.
    void regain();
    Placement place(Range r, VmaIt v);
    // Backs all of r∩v that can be, and installs it. `fill`: also what would be left to faults, in its final form.
    Result<> back(VmaIt v, Range r, bool fill);
    void back_range(Range r, bool fill);
    bool fits(u64 length) const;

    // mm_mmap.cc
    Result<u64> find_room(u64 hint, u64 length, int flags);
    u64 lower_edge(VmaIt v) const;
    Result<u64> search_down(u64 length, u64 low, u64 high);
    void note_gap(Range r);
    VmaIt grow_stack(u64 addr, const MmLimits& l);

    // mm_copy.cc
    struct Run {
        BackingFile* file = nullptr;
        u64 offset = 0;
        u64 length = 0;
        u8* window = nullptr;  // none: a host file
    };
    enum class Rights : u8 { Normal, Remote };
    bool present(u64 addr, u64 n, bool write, Rights rights, Run* out);
    Result<> make_present(u64 addr, bool write, Rights rights);
    template <class F>
    Result<size_t> for_runs(u64 addr, size_t n, bool write, Rights rights, F&& fn);
};

// The exclusive lock; what was given up under it is released after it.
class Exclusive {
public:
    explicit Exclusive(MemoryManager::Impl& i) SBX_NO_TSA : i_(i) { i.mu.lock(); }
    ~Exclusive() SBX_NO_TSA;
    Exclusive(const Exclusive&) = delete;
    Exclusive& operator=(const Exclusive&) = delete;

private:
    MemoryManager::Impl& i_;
};

// What the platform may be told of a page.
inline u8 effective_prot(const Vma& v, const Pma& p) {
    u8 prot = v.prot & 7;
    if (prot & kWrite) prot |= kRead;  // x86 has no write-only pages
    if ((prot & kWrite) && (v.shared() ? !p.writable : p.cow)) prot &= static_cast<u8>(~kWrite);
    return prot;
}

}  // namespace sbx::mm
