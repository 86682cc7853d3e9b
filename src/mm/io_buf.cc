// The two kinds of IoBuf: application memory and the sentry's own.
#include "src/mm/io_buf.h"

#include <string.h>

#include "src/mm/memory_manager.h"

namespace sbx::mm {

UserIoBuf::UserIoBuf(MemoryManager& mm, u64 addr, u64 length) : mm_(mm) {
    one_ = iovec{reinterpret_cast<void*>(addr), length};
    remaining_ = length;
}

UserIoBuf::UserIoBuf(MemoryManager& mm, std::vector<iovec> iovecs) : mm_(mm), many_(std::move(iovecs)) {
    for (const iovec& v : many_) remaining_ += v.iov_len;
}

// Runs move(address, length, done so far) over the next n bytes, an iovec at a time, until one moves less than it was asked to.
template <class F>
Result<size_t> UserIoBuf::advance(size_t n, F&& move) {
    if (n > remaining_) n = remaining_;
    size_t done = 0;
    while (done < n) {
        const iovec& v = many_.empty() ? one_ : many_[index_];
        u64 left = v.iov_len - done_in_current_;
        if (left == 0) {
            index_++;
            done_in_current_ = 0;
            continue;
        }
        size_t part = std::min<u64>(left, n - done);
        Result<size_t> moved = move(reinterpret_cast<u64>(v.iov_base) + done_in_current_, part, done);
        if (!moved) {
            if (done == 0) return moved;
            break;
        }
        done += *moved;
        done_in_current_ += *moved;
        remaining_ -= *moved;
        if (*moved < part) break;
    }
    return done;
}

Result<size_t> UserIoBuf::put(const void* from, size_t n) {
    return advance(n, [&](u64 addr, size_t part, size_t done) {
        return mm_.copy_out_partial(addr, static_cast<const u8*>(from) + done, part);
    });
}

Result<size_t> UserIoBuf::put_zeros(size_t n) {
    return advance(n, [&](u64 addr, size_t part, size_t) { return mm_.zero_out_partial(addr, part); });
}

void UserIoBuf::skip(size_t n) {
    (void)advance(n, [](u64, size_t part, size_t) { return Result<size_t>(part); });
}

Result<size_t> UserIoBuf::get(void* to, size_t n) {
    return advance(n, [&](u64 addr, size_t part, size_t done) {
        return mm_.copy_in_partial(addr, static_cast<u8*>(to) + done, part);
    });
}

Result<size_t> UserIoBuf::with_spans(size_t n, bool into, FunctionRef<Result<size_t>(std::span<const iovec>)> fn) {
    if (n > remaining_) n = remaining_;
    if (n == 0) return fn(std::span<const iovec>{});
    while (!many_.empty() && many_[index_].iov_len == done_in_current_) {
        index_++;
        done_in_current_ = 0;
    }
    const iovec& v = many_.empty() ? one_ : many_[index_];
    // One iovec a call: the caller comes again for the rest.
    return advance(std::min<u64>(n, v.iov_len - done_in_current_),
                   [&](u64 addr, size_t part, size_t) { return mm_.with_spans(addr, part, into, fn); });
}

u64 UserIoBuf::segment() const {
    if (many_.empty()) return remaining_;
    size_t i = index_;
    u64 done = done_in_current_;
    if (done != 0 && done == many_[i].iov_len) i++, done = 0;
    return i < many_.size() ? std::min(many_[i].iov_len - done, remaining_) : 0;
}

Result<size_t> KernelIoBuf::put(const void* from, size_t n) {
    if (n > remaining_) n = remaining_;
    if (n) memcpy(data_, from, n);
    data_ += n;
    remaining_ -= n;
    return n;
}

Result<size_t> KernelIoBuf::put_zeros(size_t n) {
    if (n > remaining_) n = remaining_;
    if (n) memset(data_, 0, n);
    data_ += n;
    remaining_ -= n;
    return n;
}

Result<size_t> KernelIoBuf::get(void* to, size_t n) {
    if (n > remaining_) n = remaining_;
    if (n) memcpy(to, data_, n);
    data_ += n;
    remaining_ -= n;
    return n;
}

Result<size_t> KernelIoBuf::with_spans(size_t n, bool, FunctionRef<Result<size_t>(std::span<const iovec>)> fn) {
    if (n > remaining_) n = remaining_;
    iovec v{data_, n};
    size_t moved = SBX_TRY(fn(std::span<const iovec>(&v, n ? 1 : 0)));
    if (moved > n) moved = n;
    data_ += moved;
    remaining_ -= moved;
    return moved;
}

}  // namespace sbx::mm
