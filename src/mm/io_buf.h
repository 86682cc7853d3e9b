// IoBuf: where the bytes of a read go to and those of a write come from: application memory or the sentry's own. Used by every file's
// read and write, by splice and by the loader.
#pragma once

#include <sys/uio.h>

#include <vector>

#include "src/base/function_ref.h"
#include "src/base/result.h"
#include "src/base/types.h"

namespace sbx::mm {

class MemoryManager;

// A cursor over a list of buffers; every operation advances it by what was moved.
class IoBuf {
public:
    virtual ~IoBuf() = default;
    u64 remaining() const { return remaining_; }
    // Copies up to n bytes into the buffer (a file's read). Returns the bytes copied; fewer than min(n, remaining) only if application
    // memory cannot be written there; EFAULT if none could.
    virtual Result<size_t> put(const void* from, size_t n) = 0;
    // The same with zeros.
    virtual Result<size_t> put_zeros(size_t n) = 0;
    // Copies up to n bytes out of the buffer (a file's write). Results as put().
    virtual Result<size_t> get(void* to, size_t n) = 0;
    // Calls fn once with sentry-addressable spans of the next bytes (at most n, perhaps fewer, at least one), for host I/O without a
    // copy; fn returns how many bytes it moved. `into`: fn writes to the spans. fn must not touch application memory otherwise, nor
    // block for long (the address space is locked). EFAULT if there are none.
    virtual Result<size_t> with_spans(size_t n, bool into, FunctionRef<Result<size_t>(std::span<const iovec>)> fn) = 0;
    // Passes over n bytes, which were moved before.
    virtual void skip(size_t n) = 0;
    // What is left of the buffer that is next in the list (0 for an empty one): for files that take a vector as so many writes.
    virtual u64 segment() const { return remaining_; }
    // Limits what is left to n bytes.
    void truncate(u64 n) {
        if (n < remaining_) remaining_ = n;
    }

protected:
    u64 remaining_ = 0;
};

// Application memory. The iovecs were copied in and checked by MemoryManager::copy_in_iovecs or come from one pointer and length.
class UserIoBuf final : public IoBuf {
public:
    UserIoBuf(MemoryManager& mm, u64 addr, u64 length);
    UserIoBuf(MemoryManager& mm, std::vector<iovec> iovecs);
    Result<size_t> put(const void* from, size_t n) override;
    Result<size_t> put_zeros(size_t n) override;
    Result<size_t> get(void* to, size_t n) override;
    Result<size_t> with_spans(size_t n, bool into, FunctionRef<Result<size_t>(std::span<const iovec>)> fn) override;
    void skip(size_t n) override;
    u64 segment() const override;

private:
    template <class F>
    Result<size_t> advance(size_t n, F&& move);
    MemoryManager& mm_;
    iovec one_{};
    std::vector<iovec> many_;
    size_t index_ = 0;
    u64 done_in_current_ = 0;
};

// Sentry memory, for the kernel's own reads and writes. put() into a buffer made from const memory is a bug.
class KernelIoBuf final : public IoBuf {
public:
    explicit KernelIoBuf(Bytes b) : data_(b.data()) { remaining_ = b.size(); }
    explicit KernelIoBuf(ConstBytes b) : data_(const_cast<u8*>(b.data())) { remaining_ = b.size(); }
    Result<size_t> put(const void* from, size_t n) override;
    Result<size_t> put_zeros(size_t n) override;
    Result<size_t> get(void* to, size_t n) override;
    Result<size_t> with_spans(size_t n, bool into, FunctionRef<Result<size_t>(std::span<const iovec>)> fn) override;
    void skip(size_t n) override {
        n = std::min<u64>(n, remaining_);
        data_ += n;
        remaining_ -= n;
    }

private:
    u8* data_;
};

}  // namespace sbx::mm
