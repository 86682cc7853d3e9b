// Event counters.
#include "fs/anon/eventfd.h"

#include <stdio.h>
#include <string.h>

#include <algorithm>

#include "fs/anon/anon_inode.h"
#include "src/base/archive.h"

namespace sbx::anon {
namespace {
constexpr u64 kMax = ~0ull - 1;
}

SBX_SAVABLE(EventFile);

EventFile::EventFile(u32 initial, bool semaphore, int flags)
    : AnonFile("[eventfd]", flags), semaphore_(semaphore), count_(initial) {}

Result<size_t> EventFile::read(mm::IoBuf& dst, i64*, u32, const vfs::Caller&) {
    if (dst.remaining() < sizeof(u64)) return err(EINVAL);
    u64 value = 0;
    {
        Lock l(mu_);
        if (count_ == 0) return err(EAGAIN);
        value = semaphore_ ? 1 : count_;
        count_ -= value;
    }
    queue_.notify(kEventOut | kEventWrNorm);
    return dst.put(&value, sizeof value);
}

Result<size_t> EventFile::write(mm::IoBuf& src, i64*, u32, const vfs::Caller&) {
    size_t done = 0;
    // Each buffer of a vector is a write of its own, of one number exactly (eventfd_write() is not an iterator's).
    do {
        Result<size_t> n = write_one(src);
        if (!n && done == 0) return n;
        if (!n) break;
        done += *n;
    } while (src.remaining() != 0);
    return done;
}

Result<size_t> EventFile::write_one(mm::IoBuf& src) {
    u64 value = 0;
    if (src.segment() != sizeof value) return err(EINVAL);
    // Looked at without taking: a write that has to wait comes again with the same buffer.
    size_t seen = 0;
    SBX_TRY(src.with_spans(sizeof value, false, [&](std::span<const iovec> spans) -> Result<size_t> {
        for (const iovec& v : spans) {
            size_t n = std::min(v.iov_len, sizeof value - seen);
            memcpy(reinterpret_cast<u8*>(&value) + seen, v.iov_base, n);
            seen += n;
        }
        return 0;
    }));
    if (seen < sizeof value) return err(EFAULT);
    if (value == ~0ull) return err(EINVAL);
    {
        Lock l(mu_);
        if (value > kMax - count_) return err(EAGAIN);
        count_ += value;
    }
    queue_.notify(kEventIn | kEventRdNorm);
    return src.get(&value, sizeof value);
}

EventMask EventFile::poll(EventMask mask, const vfs::Caller&) {
    Lock l(mu_);
    EventMask m = 0;
    if (count_ != 0) m |= kEventIn | kEventRdNorm;
    if (count_ < kMax) m |= kEventOut | kEventWrNorm;
    return m & mask;
}

void EventFile::poll_add(Waiter& w, const vfs::Caller&) { queue_.add(w); }
void EventFile::poll_remove(Waiter& w) { queue_.remove(w); }

std::string EventFile::fdinfo(const vfs::Caller&) const {
    char buf[64];
    Lock l(mu_);
    snprintf(buf, sizeof buf, "eventfd-count: %16llx\n", static_cast<unsigned long long>(count_));
    return buf;
}

}  // namespace sbx::anon
