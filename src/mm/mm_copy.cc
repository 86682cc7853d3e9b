// Copies between the sentry and application memory. Nothing here can fault: application pages are reached through the window of the
// memory file, and pages of host files by pread and pwrite.
#include <string.h>
#include <sys/uio.h>

#include <algorithm>
#include <atomic>
#include <memory>

#include "src/host/memory.h"
#include "src/mm/mm_impl.h"

namespace sbx::mm {
namespace {
constexpr size_t kMaxSpans = 32;
constexpr u64 kMaxIovecs = 1024;  // UIO_MAXIOV
}  // namespace

// The longest run from addr, up to n bytes, that allows the access with what is there. False: something must be made first, or the
// access is not allowed.
bool MemoryManager::Impl::present(u64 addr, u64 n, bool write, Rights rights, Run* out) {
    PmaIt p = pmas.find(addr);
    if (p == pmas.end()) return false;
    VmaIt v = vmas.find(addr);
    if (rights == Rights::Normal) {
        if (write ? !(v->prot & kWrite) : v->prot == 0) return false;
    } else if (write && v->shared() && !(v->prot & kWrite)) {
        return false;
    }
    if (write && (v->shared() ? !p->writable : p->cow)) return false;
    out->file = p->file.get();
    out->offset = p->offset + (addr - p.start());
    out->length = std::min(n, std::min(p.end(), v.end()) - addr);
    u8* w = p->file->window(Range{out->offset, out->offset + out->length});
    out->window = w;
    return true;
}

Result<> MemoryManager::Impl::make_present(u64 addr, bool write, Rights rights) {
    VmaIt v = vmas.find(addr);
    if (v == vmas.end()) return err(EFAULT);
    if (rights == Rights::Normal) {
        if (write ? !(v->prot & kWrite) : v->prot == 0) return err(EFAULT);
    } else if (write && v->shared() && !(v->prot & kWrite)) {
        // FOLL_FORCE writes private pages only (check_vma_flags, mm/gup.c).
        return err(EFAULT);
    }
    PmaIt p = SBX_TRY(get_page(v, addr, write));
    if (p->installed == Pma::kNone || (write && !(p->installed & kWrite))) install(v, p.range(), false);
    return {};
}

// Calls fn(run, bytes done before) -> Result<size_t> for the runs of [addr, addr+n). Stops at the first that cannot be had or that fn
// cuts short. An error only if nothing was done.
template <class F>
Result<size_t> MemoryManager::Impl::for_runs(u64 addr, size_t n, bool write, Rights rights, F&& fn) {
    if (n == 0) return size_t{0};
    if (!user.contains(addr)) return err(EFAULT);
    size_t most = std::min<u64>(n, user.end - addr);
    size_t done = 0;
    bool stop = false;
    Result<size_t> result = size_t{0};
    auto step = [&](Run& run) {
        auto moved = fn(run, done);
        if (moved) done += *moved;
        if (!moved || *moved < run.length) {
            stop = true;
            if (!moved) result = err(moved.error());
        }
    };
    Run run;
    {
        SharedLock lock(mu);
        while (!stop && done < most && present(addr + done, most - done, write, rights, &run)) step(run);
    }
    if (!stop && done < most) {
        Exclusive lock(*this);
        while (!stop && done < most) {
            if (!present(addr + done, most - done, write, rights, &run)) {
                auto made = make_present(addr + done, write, rights);
                if (!made) {
                    result = err(EFAULT);
                    break;
                }
                // Other threads see a page that was copied before anything is written to it, and the old one can be released.
                if (!unreachable.empty()) flush();
                if (!present(addr + done, most - done, write, rights, &run)) {
                    result = err(EFAULT);
                    break;
                }
            }
            step(run);
        }
    }
    if (done == 0 && !result) return result;
    if (done == 0 && !stop) return err(EFAULT);
    return done;
}

namespace {

// Application memory changes while it is copied, by the application's own doing: no race of the sentry's. A file may be read from, or written to,
// its own mapping: both may overlap.
void racy_copy(void* to, const void* from, size_t n) {
#ifdef __SANITIZE_THREAD__
    asm volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(n) : : "memory");
#else
    memmove(to, from, n);
#endif
}

template <class T>
bool is_word(const u8* at, size_t n) {
    return n == sizeof(T) && reinterpret_cast<u64>(at) % sizeof(T) == 0;
}

template <class T>
void store_word(u8* to, const void* from) {
    T value;
    memcpy(&value, from, sizeof value);
    std::atomic_ref<T>(*reinterpret_cast<T*>(to)).store(value, std::memory_order_relaxed);
}

// Words go in one piece, as with put_user(): others may be looking at them (clear_child_tid, a futex).
void copy_to_application(u8* to, const void* from, size_t n) {
    if (is_word<u32>(to, n))
        store_word<u32>(to, from);
    else if (is_word<u64>(to, n))
        store_word<u64>(to, from);
    else
        racy_copy(to, from, n);
}

Result<size_t> read_run(const MemoryManager::Impl::Run& run, void* to) {
    if (run.window) {
        racy_copy(to, run.window, run.length);
        return run.length;
    }
    size_t n = SBX_TRY(host::read_at(run.file->fd(), to, run.length, run.offset));
    if (n == run.length) return n;
    // The last page of a file reads as zeros after its end; what lies beyond would be SIGBUS.
    u64 valid = page_up(run.offset + n) - run.offset;
    if (n == 0 && run.offset % kPageSize == 0) return err(EFAULT);
    size_t have = std::min<u64>(valid, run.length);
    memset(static_cast<u8*>(to) + n, 0, have - n);
    return have;
}

// from == nullptr: zeros.
Result<size_t> write_run(const MemoryManager::Impl::Run& run, const void* from) {
    if (run.window) {
        if (from)
            copy_to_application(run.window, from, run.length);
        else
            memset(run.window, 0, run.length);
        return run.length;
    }
    u64 size = SBX_TRY(host::file_size(run.file->fd()));
    if (run.offset >= page_up(size)) return err(EFAULT);
    // A store after the end of a mapped file is not part of the file.
    u64 in_page = std::min<u64>(run.length, page_up(size) - run.offset);
    u64 in_file = size > run.offset ? std::min<u64>(in_page, size - run.offset) : 0;
    if (in_file == 0) return in_page;
    std::unique_ptr<u8[]> zeros;
    if (!from) zeros.reset(new u8[in_file]());
    size_t n = SBX_TRY(host::write_at(run.file->fd(), from ? from : zeros.get(), in_file, run.offset));
    return n == in_file ? in_page : n;
}

}  // namespace

Result<size_t> MemoryManager::copy_in_partial(u64 addr, void* to, size_t n) {
    return impl_->for_runs(addr, n, false, Impl::Rights::Normal,
                           [&](Impl::Run& run, size_t done) { return read_run(run, static_cast<u8*>(to) + done); });
}

Result<size_t> MemoryManager::copy_out_partial(u64 addr, const void* from, size_t n) {
    return impl_->for_runs(addr, n, true, Impl::Rights::Normal, [&](Impl::Run& run, size_t done) {
        return write_run(run, static_cast<const u8*>(from) + done);
    });
}

Result<size_t> MemoryManager::zero_out_partial(u64 addr, size_t n) {
    return impl_->for_runs(addr, n, true, Impl::Rights::Normal, [&](Impl::Run& run, size_t) {
        // Host files are zeroed a piece at a time: the run may be as large as the mapping.
        if (!run.window && run.length > kWriteAhead) run.length = kWriteAhead;
        return write_run(run, nullptr);
    });
}

Result<> MemoryManager::copy_in(u64 addr, void* to, size_t n) {
    if (SBX_TRY(copy_in_partial(addr, to, n)) != n) return err(EFAULT);
    return {};
}

Result<> MemoryManager::copy_out(u64 addr, const void* from, size_t n) {
    if (SBX_TRY(copy_out_partial(addr, from, n)) != n) return err(EFAULT);
    return {};
}

Result<std::string> MemoryManager::copy_in_string(u64 addr, size_t max) {
    std::string s;
    char buffer[256];
    while (s.size() < max) {
        // Up to a page boundary at most: what follows the string need not be mapped.
        size_t n =
            std::min<u64>(std::min<u64>(sizeof buffer, max - s.size()), kPageSize - ((addr + s.size()) & kPageMask));
        n = SBX_TRY(copy_in_partial(addr + s.size(), buffer, n));
        if (const void* nul = memchr(buffer, 0, n)) {
            s.append(buffer, static_cast<size_t>(static_cast<const char*>(nul) - buffer));
            return s;
        }
        s.append(buffer, n);
    }
    return err(ENAMETOOLONG);
}

Result<std::vector<iovec>> MemoryManager::copy_in_iovecs(u64 addr, u64 count) {
    if (count > kMaxIovecs) return err(EINVAL);
    std::vector<iovec> v(count);
    if (count == 0) return v;
    SBX_TRY(copy_in(addr, v.data(), count * sizeof(iovec)));
    constexpr u64 kMaxRw = 0x7ffff000;  // MAX_RW_COUNT
    u64 sum = 0;
    for (iovec& e : v) {
        if (static_cast<i64>(e.iov_len) < 0) return err(EINVAL);
        u64 base = reinterpret_cast<u64>(e.iov_base);
        // access_ok() of import_iovec(); empty ranges are not looked at.
        if (e.iov_len != 0 && (base >= impl_->user.end || e.iov_len > impl_->user.end - base)) return err(EFAULT);
        if (e.iov_len > kMaxRw - sum) e.iov_len = kMaxRw - sum;
        sum += e.iov_len;
    }
    return v;
}

Result<size_t> MemoryManager::access_remote(u64 addr, void* buf, size_t n, bool write) {
    return impl_->for_runs(addr, n, write, Impl::Rights::Remote, [&](Impl::Run& run, size_t done) {
        u8* at = static_cast<u8*>(buf) + done;
        return write ? write_run(run, at) : read_run(run, at);
    });
}

Result<size_t> MemoryManager::with_spans(u64 addr, size_t n, bool write,
                                         FunctionRef<Result<size_t>(std::span<const iovec>)> fn) {
    Impl& i = *impl_;
    if (n == 0) return fn(std::span<const iovec>{});
    if (!i.user.contains(addr)) return err(EFAULT);
    n = std::min<u64>(n, i.user.end - addr);
    iovec spans[kMaxSpans];
    size_t count = 0, covered = 0;
    Impl::Run run, host;
    // Collects what is there; host files go through a buffer, alone.
    auto collect = [&] {
        while (covered < n && count < kMaxSpans &&
               i.present(addr + covered, n - covered, write, Impl::Rights::Normal, &run)) {
            if (!run.window) {
                if (count == 0) host = run;
                return;
            }
            spans[count++] = iovec{run.window, run.length};
            covered += run.length;
        }
    };
    auto call = [&]() -> Result<size_t> {
        if (!host.file) return fn(std::span<const iovec>(spans, count));
        host.length = std::min(host.length, kStretch);
        std::unique_ptr<u8[]> buffer(new u8[host.length]);
        // For a write, too: an access beyond the end must fail before anything is moved.
        iovec v { buffer.get(), SBX_TRY(read_run(host, buffer.get())) };
        size_t moved = SBX_TRY(fn(std::span<const iovec>(&v, 1)));
        if (!write || moved == 0) return moved;
        host.length = std::min<u64>(moved, v.iov_len);
        return write_run(host, buffer.get());
    };
    {
        SharedLock lock(i.mu);
        collect();
        if (covered == n || count == kMaxSpans || host.file) return call();
    }
    Exclusive lock(i);
    count = covered = 0;
    host = Impl::Run{};
    for (;;) {
        collect();
        if (covered == n || count == kMaxSpans || host.file) break;
        if (!i.make_present(addr + covered, write, Impl::Rights::Normal)) break;
        if (!i.unreachable.empty()) i.flush();
        size_t before = covered;
        collect();
        if (covered == before) break;
    }
    if (count == 0 && !host.file) return err(EFAULT);
    return call();
}

Result<> MemoryManager::with_word(u64 addr, bool write, FunctionRef<void(u32*)> fn) {
    if (addr & 3) return err(EINVAL);
    auto r = impl_->for_runs(addr, 4, write, Impl::Rights::Normal, [&](Impl::Run& run, size_t) -> Result<size_t> {
        if (run.window) {
            fn(reinterpret_cast<u32*>(run.window));
            return size_t{4};
        }
        // A mapped host file: the sentry has no view of it that could not be taken away, so this is not atomic with the application.
        u32 word = 0;
        SBX_TRY(read_run(run, &word));
        u32 old = word;
        fn(&word);
        if (word != old) SBX_TRY(write_run(run, &word));
        return size_t{4};
    });
    if (!r) return err(r.error());
    return {};
}

Result<MemoryManager::WordKey> MemoryManager::word_key(u64 addr, bool write) {
    WordKey key;
    auto r = impl_->for_runs(addr, 1, write, Impl::Rights::Normal, [&](Impl::Run& run, size_t) -> Result<size_t> {
        VmaIt v = impl_->vmas.find(addr);
        if (v->shared())
            key = WordKey{run.file, run.offset};
        else
            key = WordKey{this, addr};
        return size_t{1};
    });
    if (!r) return err(r.error());
    return key;
}

}  // namespace sbx::mm
