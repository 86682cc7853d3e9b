// Content of files in memory (mm/shmem.c).
#include "fs/tmpfs/file_data.h"

#include <fcntl.h>
#include <string.h>

#include <algorithm>

#ifndef F_SEAL_FUTURE_WRITE
#define F_SEAL_FUTURE_WRITE 0x0010
#endif
#ifndef F_SEAL_EXEC
#define F_SEAL_EXEC 0x0020
#endif

namespace sbx::tmpfs {
namespace {
constexpr u64 kMaxSize = INT64_MAX;
constexpr u64 kWriteChunk = 1 << 20;
// What a fault in a mapping allocates at once, where the file is larger: each run is one mapping of the host.
constexpr u64 kFaultChunk = 256 << 10;
constexpr u32 kNoWrite = F_SEAL_WRITE | F_SEAL_FUTURE_WRITE;
constexpr u32 kAllSeals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_FUTURE_WRITE | F_SEAL_EXEC;
}  // namespace

bool Quota::charge(u64 pages) {
    u64 limit = limit_.load();
    u64 used = used_.fetch_add(pages) + pages;
    if (limit == 0 || used <= limit) return true;
    used_.fetch_sub(pages);
    return false;
}

bool Quota::set_limit(u64 pages) {
    if (pages != 0 && used_.load() > pages) return false;
    limit_.store(pages);
    return true;
}

FileData::FileData(Ref<mm::MemoryFile> memory, mm::MemoryKind kind, Ref<Quota> quota)
    : memory_(std::move(memory)), kind_(kind), quota_(std::move(quota)) {}

FileData::~FileData() {
    for (auto it = pages_.begin(); it != pages_.end(); ++it)
        memory_->dec_ref(Range{it->offset, it->offset + it.length()});
    if (quota_) quota_->uncharge(page_count_.load());
}

Result<> FileData::fill_locked(Range want, Range overwritten, std::vector<Range>* dirty) {
    u64 at = want.start;
    while (at < want.end) {
        auto it = pages_.find(at);
        if (it != pages_.end()) {
            at = it.end();
            continue;
        }
        Range gap = pages_.gap_around(at, want);
        u64 count = gap.length() / kPageSize;
        if (quota_ && !quota_->charge(count)) return err(ENOSPC);
        mm::Placement p;
        // After the page before it, so that the run stays one.
        auto before = pages_.find(gap.start - 1);
        if (gap.start != 0 && before != pages_.end()) p.want = before->offset + before.length();
        p.grows = true;
        p.dirty = overwritten.contains(gap);
        Result<Range> got = memory_->allocate(gap.length(), kind_, p);
        if (!got) {
            if (quota_) quota_->uncharge(count);
            return err(ENOSPC);
        }
        if (p.dirty && dirty) dirty->push_back(gap);
        pages_.insert(gap, At{got->start});
        pages_.merge(gap);
        page_count_.fetch_add(count, std::memory_order_relaxed);
        at = gap.end;
    }
    return {};
}

u8* FileData::window_at(u64 pos, u64 n, u64* length) {
    Lock l(pages_mu_);
    auto it = pages_.from(pos);
    if (it == pages_.end() || it.start() > pos) {
        *length = it == pages_.end() ? n : std::min(n, it.start() - pos);
        return nullptr;
    }
    *length = std::min(n, it.end() - pos);
    u64 offset = it->offset + (pos - it.start());
    return memory_->window(Range{page_down(offset), page_up(offset + *length)}) + (offset & kPageMask);
}

Result<size_t> FileData::read(mm::IoBuf& dst, u64 pos) {
    SharedLock l(data_mu_);
    u64 end = size();
    size_t done = 0;
    while (pos < end && dst.remaining() > 0) {
        u64 n = 0;
        u8* from = window_at(pos, std::min(end - pos, dst.remaining()), &n);
        Result<size_t> got = from ? dst.put(from, n) : dst.put_zeros(n);
        if (!got) {
            if (done) break;
            return got;
        }
        done += *got;
        pos += *got;
        if (*got < n) break;
    }
    return done;
}

Result<size_t> FileData::write_chunk(mm::IoBuf& src, u64 pos, u64 n) {
    std::vector<Range> dirty;
    {
        Lock l(pages_mu_);
        Range pages{page_down(pos), page_up(pos + n)};
        SBX_TRY(fill_locked(pages, Range{page_up(pos), page_down(pos + n)}, &dirty));
    }
    size_t done = 0;
    Result<size_t> got = size_t{0};
    while (done < n) {
        u64 length = 0;
        u8* to = window_at(pos + done, n - done, &length);
        got = src.get(to, length);
        if (!got) break;
        done += *got;
        if (*got < length) break;
    }
    if (done < n) {
        // What was not overwritten after all must not show what the pages held before.
        for (Range d : dirty) {
            Range rest = d.intersect(Range{pos + done, d.end});
            while (!rest.empty()) {
                u64 length = 0;
                memset(window_at(rest.start, rest.length(), &length), 0, length);
                rest.start += length;
            }
        }
        u64 end = page_up(std::max(size(), pos + done));
        if (end < page_up(pos + n)) drop(Range{end, page_up(pos + n)});
    }
    if (done == 0 && !got) return got;
    return done;
}

Result<size_t> FileData::write(mm::IoBuf& src, i64* pos, bool append, u64 limit) {
    Lock l(data_mu_);
    u64 n = src.remaining();
    if (n == 0) return size_t{0};
    if (seals() & kNoWrite) return err(EPERM);
    u64 at = append ? size() : static_cast<u64>(*pos);
    // generic_write_checks(): past the limit nothing fits; up to it a part does.
    u64 top = std::min(limit, kMaxSize);
    if (at >= top) return err(EFBIG);
    n = std::min(n, top - at);
    if ((seals() & F_SEAL_GROW) && at + n > size()) {
        if (at >= size()) return err(EPERM);
        n = size() - at;
    }
    src.truncate(n);
    size_t done = 0;
    while (done < n) {
        u64 chunk = std::min(n - done, kWriteChunk);
        Result<size_t> got = write_chunk(src, at + done, chunk);
        if (!got) {
            if (done) break;
            return got;
        }
        done += *got;
        if (at + done > size()) size_.store(at + done, std::memory_order_release);
        if (*got < chunk) break;
    }
    *pos = static_cast<i64>(at + done);
    return done;
}

void FileData::drop(Range r) {
    std::vector<Range> freed;
    u64 count = 0;
    {
        Lock l(pages_mu_);
        pages_.erase_range(r, [&](Range part, At& at) {
            freed.push_back(Range{at.offset, at.offset + part.length()});
            count += part.length() / kPageSize;
        });
    }
    for (Range f : freed) memory_->dec_ref(f);
    page_count_.fetch_sub(count, std::memory_order_relaxed);
    if (quota_) quota_->uncharge(count);
}

void FileData::zero_in_page(u64 from, u64 to) {
    if (from >= to) return;
    u64 length = 0;
    if (u8* p = window_at(from, to - from, &length)) memset(p, 0, length);
}

Result<> FileData::resize(u64 new_size) {
    if (new_size > kMaxSize) return err(EFBIG);
    Lock l(data_mu_);
    u64 old = size();
    if (new_size < old && (seals() & F_SEAL_SHRINK)) return err(EPERM);
    if (new_size > old && (seals() & F_SEAL_GROW)) return err(EPERM);
    {
        Lock p(pages_mu_);
        size_.store(new_size, std::memory_order_release);
    }
    if (new_size >= old) return {};
    Range gone{page_up(new_size), ~kPageMask};
    if (!mappings_.empty()) mappings_.invalidate(*this, gone);
    drop(gone);
    zero_in_page(new_size, gone.start);
    return {};
}

Result<> FileData::punch_hole(Range r) {
    Lock l(data_mu_);
    if (seals() & kNoWrite) return err(EPERM);
    Range whole{page_up(r.start), page_down(r.end)};
    if (whole.start > whole.end) {
        zero_in_page(r.start, r.end);
        return {};
    }
    zero_in_page(r.start, whole.start);
    zero_in_page(whole.end, r.end);
    if (whole.empty()) return {};
    if (!mappings_.empty()) mappings_.invalidate(*this, whole, false);
    drop(whole);
    return {};
}

Result<> FileData::allocate(Range r, bool keep_size) {
    Lock l(data_mu_);
    if ((seals() & F_SEAL_GROW) && r.end > size()) return err(EPERM);
    Range pages{page_down(r.start), page_up(r.end)};
    u64 limit = quota_ ? quota_->limit() : 0;
    if (limit != 0 && pages.length() / kPageSize > limit) return err(ENOSPC);
    u64 had = page_count();
    Result<> filled;
    {
        Lock p(pages_mu_);
        filled = fill_locked(pages, Range{}, nullptr);
    }
    if (!filled) {
        // Only what lies past the end can be told from data that was there before; the rest stays allocated.
        if (page_count() != had) drop(Range{std::max(pages.start, page_up(size())), pages.end});
        return filled;
    }
    if (!keep_size && r.end > size()) size_.store(r.end, std::memory_order_release);
    return {};
}

Result<i64> FileData::seek_data(u64 from) {
    SharedLock l(data_mu_);
    u64 end = size();
    if (from >= end) return err(ENXIO);
    Lock p(pages_mu_);
    for (auto it = pages_.from(from); it != pages_.end() && it.start() < end; ++it) {
        u64 at = std::max(from, it.start());
        u64 offset = it->offset + (page_down(at) - it.start());
        // Allocated ahead, but never written: as unwritten pages of fallocate(2), a hole.
        Range data = memory_->next_committed(Range{offset, it->offset + it.length()});
        if (data.empty()) continue;
        u64 found = std::max(at, it.start() + (data.start - it->offset));
        if (found >= end) break;
        return static_cast<i64>(found);
    }
    return err(ENXIO);
}

Result<i64> FileData::seek_hole(u64 from) {
    SharedLock l(data_mu_);
    u64 end = size();
    if (from >= end) return err(ENXIO);
    Lock p(pages_mu_);
    u64 at = from;
    for (auto it = pages_.from(from); it != pages_.end() && at < end; ++it) {
        if (it.start() > at) break;
        u64 offset = it->offset + (page_down(at) - it.start());
        while (offset < it->offset + it.length()) {
            Range data = memory_->next_committed(Range{offset, it->offset + it.length()});
            if (data.empty() || data.start > offset) return static_cast<i64>(std::min(at, end));
            offset = data.end;
            at = it.start() + (offset - it->offset);
        }
    }
    return static_cast<i64>(std::min(at, end));
}

Result<> FileData::add_seals(u32 seals, bool executable) {
    if (seals & ~kAllSeals) return err(EINVAL);
    Lock l(data_mu_);
    u32 old = seals_.load();
    if (old & F_SEAL_SEAL) return err(EPERM);
    // An executable that is sealed against changes of its mode may not be written either.
    if (executable && (seals & F_SEAL_EXEC)) seals |= F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_FUTURE_WRITE;
    if ((seals & F_SEAL_WRITE) && !(old & F_SEAL_WRITE) && mappings_.has_writable()) return err(EBUSY);
    seals_.store(old | seals);
    return {};
}

Result<mm::Translation> FileData::translate(u64 offset, u64 length, bool write) {
    if (write && (seals() & F_SEAL_WRITE)) return err(EFAULT);
    Lock l(pages_mu_);
    u64 end = page_up(size());
    if (offset >= end) return err(EFAULT);
    auto it = pages_.find(offset);
    if (it == pages_.end()) {
        Range chunk{offset & ~(kFaultChunk - 1), std::min((offset & ~(kFaultChunk - 1)) + kFaultChunk, end)};
        Range gap = pages_.gap_around(offset, chunk);
        // Close to the quota's end a page at a time still fits.
        if (!fill_locked(gap, Range{}, nullptr))
            SBX_TRY(fill_locked(Range{offset, offset + kPageSize}, Range{}, nullptr));
        it = pages_.find(offset);
    }
    mm::Translation t;
    t.file = memory_;
    t.offset = it->offset + (offset - it.start());
    t.length = std::min({it.end() - offset, length, end - offset});
    t.writable = !(seals() & F_SEAL_WRITE);
    memory_->inc_ref(Range{t.offset, t.offset + t.length});
    return t;
}

void FileData::add_mapping(mm::MemoryManager& mm, Range addr, u64 offset, bool writable_shared) {
    mappings_.add(mm, addr, offset, writable_shared);
}

void FileData::remove_mapping(mm::MemoryManager& mm, Range addr, u64 offset, bool writable_shared) {
    mappings_.remove(mm, addr, offset, writable_shared);
}

Result<> FileData::remove(Range file_range) { return punch_hole(file_range); }

}  // namespace sbx::tmpfs
