// The address space of a process (Linux's mm_struct): VMAs (what the application asked for), pmas (what backs which addresses now) and
// everything that system calls do to them. Used by the kernel, the loader, syscalls/mmap*.cc, procfs.
//
// Ownership: Ref-counted; tasks of a thread group share one; vfork children borrow it. Lock: mu_ (Rank::Mm) guards all; it is held
// (shared) across copies from and to application memory, which touch only the sentry's window of the memory file.
// Invariants: VMAs do not overlap; a pma never outlives its VMA; a pma of a private VMA that is marked copy-on-write is never
// writable in the platform; pages are dec_ref'ed only after the platform's flush() took them away.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "platform/platform.h"
#include "src/base/function_ref.h"
#include "src/base/mutex.h"
#include "src/base/ref.h"
#include "src/base/result.h"
#include "src/mm/io_buf.h"
#include "src/mm/mappable.h"
#include "src/mm/memory_file.h"
#include "src/mm/user_ptr.h"

namespace sbx::mm {

// The limits that apply to a call, from the task (bytes; RLIM_INFINITY = ~0).
struct MmLimits {
    u64 as = ~0ull, data = ~0ull, stack = 8 << 20, memlock = 8 << 20;
    bool ipc_lock = false;  // CAP_IPC_LOCK: memlock does not apply
};

struct MmapRequest {
    u64 addr = 0;
    u64 length = 0;
    int prot = 0;        // PROT_*
    int flags = 0;       // MAP_*
    Ref<Mappable> file;  // none: anonymous
    u64 offset = 0;
    bool copy_ahead =
        true;         // private: pages near a written one may be copied with it, and see no later change of the file
    u8 max_prot = 7;  // what mprotect may give later (shared mapping of a file not open for writing: no write)
};

// Read also stands for a fault of which the platform does not know what it was (FaultTrap.error_code 0).
enum class Access : u8 { Read, Write, Exec };

constexpr int kFaultNoMemory = 1;

// Result of a page fault that could not be served.
struct FaultError {
    int signo;  // SIGSEGV or SIGBUS; 0: retry; SIGKILL: the address space is lost, or out of memory
    int code;   // SEGV_MAPERR, SEGV_ACCERR, BUS_ADRERR; kFaultNoMemory
};

// What /proc/PID/maps and smaps show of a VMA.
struct VmaInfo {
    Range range;
    u8 prot = 0, max_prot = 0;
    bool shared = false, grows_down = false, locked = false;
    u64 offset = 0;
    MappableName file;
    std::string label;                                                          // [heap], [stack], "[anon:NAME]"
    u64 rss = 0, anonymous = 0, swap = 0, private_dirty = 0, shared_dirty = 0;  // bytes; filled for smaps only
};

// Addresses that the loader records; shown in /proc/PID/stat and set by prctl(PR_SET_MM).
struct MmLayout {
    u64 start_code = 0, end_code = 0, start_data = 0, end_data = 0, start_brk = 0, start_stack = 0;
    u64 arg_start = 0, arg_end = 0, env_start = 0, env_end = 0;
    std::vector<u64> auxv;
    template <class A>
    void state(A& ar) {
        ar(start_code, end_code, start_data, end_data, start_brk, start_stack, arg_start, arg_end, env_start, env_end,
           auxv);
    }
};

class MemoryManager final : public RefCounted {
public:
    // `random`: bits for address space layout randomisation; 0: a fixed layout.
    static Result<Ref<MemoryManager>> create(platform::Platform& platform, MemoryFile& memory, u64 random = 0);
    ~MemoryManager() override;
    // A copy for fork(2): shared mappings shared, private ones copy-on-write on both sides. MADV_DONTFORK, MADV_WIPEONFORK honoured.
    Result<Ref<MemoryManager>> fork();

    platform::AddressSpace& address_space();
    // Applies mappings that are still queued. For the run loop, before the application goes on; what is not flushed costs a fault.
    void flush_pending();
    // The addresses applications may use.
    Range user_range() const;

    // System calls; semantics and errno as in the man page of each.
    Result<u64> mmap(const MmapRequest& r, const MmLimits& l);
    Result<> munmap(u64 addr, u64 length);
    Result<> mprotect(u64 addr, u64 length, int prot, const MmLimits& l);
    Result<u64> mremap(u64 addr, u64 old_length, u64 new_length, int flags, u64 new_addr, const MmLimits& l);
    Result<> madvise(u64 addr, u64 length, int advice);
    // Returns the (new or unchanged) break, as the raw system call does.
    u64 brk(u64 addr, const MmLimits& l);
    Result<> mlock(u64 addr, u64 length, int flags, const MmLimits& l);
    Result<> munlock(u64 addr, u64 length);
    Result<> mlockall(int flags, const MmLimits& l);
    Result<> munlockall();
    Result<> mincore(u64 addr, u64 length, std::vector<u8>& out);
    Result<> msync(u64 addr, u64 length, int flags);
    Result<> remap_file_pages(u64 addr, u64 length, u64 file_offset);
    // mbind(2), set_mempolicy_home_node(2): EFAULT if not all of the range is mapped.
    Result<> check_mapped(u64 addr, u64 length);
    // move_pages(2): 0 if the page is there, -ENOENT if not, -EFAULT outside of mappings.
    int page_status(u64 addr);
    Result<> set_anon_name(u64 addr, u64 length, const std::string* name);  // PR_SET_VMA_ANON_NAME

    // A fault of the application at addr that the host could not serve: maps what is missing. nullopt-like success has signo 0.
    FaultError handle_fault(u64 addr, Access access, const MmLimits& l);

    // Copies between sentry and application memory. EFAULT if nothing (copy_*) could be copied; the *_partial forms return the bytes done.
    Result<> copy_in(u64 addr, void* to, size_t n);
    Result<> copy_out(u64 addr, const void* from, size_t n);
    Result<size_t> copy_in_partial(u64 addr, void* to, size_t n);
    Result<size_t> copy_out_partial(u64 addr, const void* from, size_t n);
    Result<size_t> zero_out_partial(u64 addr, size_t n);
    // A NUL-terminated string of at most max-1 bytes; ENAMETOOLONG if longer.
    Result<std::string> copy_in_string(u64 addr, size_t max);
    // iovec array of readv(2) and friends: EINVAL for count > 1024 or a negative sum, EFAULT. Each range is in the user range.
    Result<std::vector<iovec>> copy_in_iovecs(u64 addr, u64 count);
    // For ptrace, /proc/PID/mem: ignores protections (private pages are copied on write), not mappings. EIO/EFAULT.
    Result<size_t> access_remote(u64 addr, void* buf, size_t n, bool write);
    // Calls fn with sentry spans of [addr, addr+n) (a prefix if the rest is not accessible); the address space is locked meanwhile.
    Result<size_t> with_spans(u64 addr, size_t n, bool write, FunctionRef<Result<size_t>(std::span<const iovec>)> fn);
    // Atomic operations on an aligned 32-bit word, for futexes. fn gets the sentry's address of the word.
    Result<> with_word(u64 addr, bool write, FunctionRef<void(u32*)> fn);
    // The identity of a shared word, for process-shared futexes: (backing file, offset) for shared mappings; (this, addr) for private ones.
    struct WordKey {
        const void* object = nullptr;
        u64 offset = 0;
        friend bool operator==(const WordKey&, const WordKey&) = default;
    };
    Result<WordKey> word_key(u64 addr, bool write);

    // Drops what is mapped of a file range that was truncated or punched (file lock not held; called by Mappable implementations).
    // `file` is compared with the target() of what is mapped.
    // `copies`: private copies too, as truncation does and punching does not.
    void invalidate(const Mappable& file, Range addr, bool copies = true);

    // Views.
    std::vector<VmaInfo> vmas(bool with_usage);
    u64 total_vm() const;  // bytes mapped
    u64 rss();             // bytes resident (approximate)
    u64 max_rss() const;
    u64 locked_vm() const;
    u64 data_vm() const, stack_vm() const, exec_vm() const;
    MmLayout layout() const;
    void set_layout(const MmLayout& l);
    void set_brk_start(u64 addr);
    // The loader says where the stack begins (its highest address): mmap's area ends below it by the stack limit (128 MB at least, 5/6 of the
    // space at most) and the guard gap, as mmap_base() does on Linux. Before the first mmap.
    void set_stack_top(u64 top, const MmLimits& l);
    // The executable, for /proc/PID/exe; held as an opaque reference by the VFS's Path type.
    void set_exe(Ref<RefCounted> path_holder);
    Ref<RefCounted> exe() const;
    // PR_SET_DUMPABLE.
    std::atomic<int> dumpable{1};
    // PR_SET_THP_DISABLE: kept and shown; huge pages are the host's business.
    std::atomic<bool> thp_disable{false};
    // membarrier registrations (bits of MEMBARRIER_CMD_*).
    std::atomic<u32> membarrier_state{0};

    struct Impl;  // mm_impl.h

private:
    friend struct state::Access;
    static MemoryManager* state_make(state::Loader& ar);
    template <class A>
    void state(A& ar);
    void state_loaded(state::Loader& ar);
    MemoryManager();
    std::unique_ptr<Impl> impl_;
};

}  // namespace sbx::mm
