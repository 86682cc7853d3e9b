// What backs an address: anonymous pages, pages of files, and copies of either before a write.
#include <string.h>

#include <memory>

#include "src/base/panic.h"
#include "src/host/memory.h"
#include "src/mm/mm_impl.h"

namespace sbx::mm {
namespace {

// The aligned piece of `size` bytes (a power of two) around addr, within bounds.
Range piece_around(u64 addr, u64 size, Range bounds) {
    u64 start = addr & ~(size - 1);
    u64 end = start + size;
    return bounds.intersect(Range{start, end < start ? ~0ull : end});
}

}  // namespace

// Next to its neighbour, in the file as in the address space, so that the host needs one mapping for both.
Placement MemoryManager::Impl::place(Range r, VmaIt v) {
    Placement p;
    PmaIt next = pmas.from(r.start);
    if (next != pmas.end() && next.start() == r.end && next->own && next->offset >= r.length())
        p.want = next->offset - r.length();
    if (next != pmas.begin()) {
        PmaIt before = next.prev();
        if (before.end() == r.start && before->own) p.want = before->offset + before.length();
    }
    // Heaps, and arenas that are made accessible bit by bit, grow upwards.
    VmaIt above = v.next();
    p.grows = (v->flags & kHeap) ||
              (above != vmas.end() && above.start() == v.end() && above->anonymous() && above->prot == 0);
    p.align_hint = r.start;
    return p;
}

Result<PmaIt> MemoryManager::Impl::make_anonymous(VmaIt v, u64 addr) {
    Range gap = pmas.gap_around(addr, v.range());
    for (u64 chunk : {kChunk, kChunk / 32, kStretch, kPageSize}) {
        Range r = gap.length() <= chunk ? gap : piece_around(addr, chunk, gap);
        auto pages = memory->allocate(r.length(), MemoryKind::Anonymous, place(r, v));
        if (!pages) continue;
        return pmas.insert(r, Pma{memory, pages->start, true, false, false, Pma::kNone});
    }
    return err(ENOMEM);
}

Result<PmaIt> MemoryManager::Impl::make_of_file(VmaIt v, u64 addr, bool write) {
    write = write && v->shared();
    Range gap = pmas.gap_around(addr, v.range());
    u64 page = page_down(addr);
    u64 most = write ? kWriteAhead : kChunk;
    u64 start = write ? page : std::max(gap.start, page & ~(kStretch - 1));
    for (;;) {
        u64 length = std::min(gap.end - start, most);
        auto t = v->file->translate(v->offset + (start - v.start()), length, write);
        if (t && t->length > page - start) {
            SBX_ASSERT(t->length % kPageSize == 0);
            if (t->length > length) {
                t->file->dec_ref(Range{t->offset + length, t->offset + t->length});
                t->length = length;
            }
            return pmas.insert(Range{start, start + t->length}, Pma{std::move(t->file), t->offset, false, !v->shared(),
                                                                    v->shared() && t->writable, Pma::kNone});
        }
        if (t) t->file->dec_ref(Range{t->offset, t->offset + t->length});
        if (start == page) return err(t ? EFAULT : t.error().value);
        start = page;
    }
}

// The file gave pages that may only be read (holes, pages to be copied up); asks again for the write.
Result<PmaIt> MemoryManager::Impl::make_shared_writable(VmaIt v, PmaIt p, u64 addr) {
    u64 page = page_down(addr);
    u64 length = std::min(std::min(p.end(), v.end()) - page, kWriteAhead);
    auto t = SBX_TRY(v->file->translate(v->offset + (page - v.start()), length, true));
    if (t.length > length) {
        t.file->dec_ref(Range{t.offset + length, t.offset + t.length});
        t.length = length;
    }
    Range r{page, page + t.length};
    p = pmas.isolate(p, r);
    if (p->file == t.file && p->offset == t.offset) {
        t.file->dec_ref(Range{t.offset, t.offset + t.length});
        p->writable = true;
        return p;
    }
    drop_pages(r);
    return pmas.insert(r, Pma{std::move(t.file), t.offset, false, false, true, Pma::kNone});
}

Result<PmaIt> MemoryManager::Impl::copy_on_write(VmaIt v, PmaIt p, u64 addr) {
    u64 page = page_down(addr);
    auto offset_of = [&](u64 a) { return p->offset + (a - p.start()); };
    if (p->own) {
        // Everybody else let go of the pages (fork and exec): they are ours again.
        Range sole = memory->sole_range(offset_of(page));
        if (!sole.empty()) {
            Range at{sole.start < p->offset ? p.start() : p.start() + (sole.start - p->offset), p.end()};
            if (sole.end < p->offset + p.length()) at.end = p.start() + (sole.end - p->offset);
            p = pmas.isolate(p, at.intersect(v.range()));
            p->cow = false;
            return p;
        }
    }
    Range r =
        piece_around(page, !p->own && (v->flags & kByPage) ? kPageSize : kStretch, p.range().intersect(v.range()));
    u8* window = p->file->window(Range{p->offset, p->offset + p.length()});
    std::unique_ptr<u8[]> buffer;
    bool hole = false;
    const u8* from = nullptr;
    if (window) {
        // Only what has memory is copied; a hole is replaced by a hole.
        u64 at = r.start;
        hole = true;
        while (at <= page) {
            Range data = p->file->is_memory_file() ? memory->next_committed(Range{offset_of(at), offset_of(r.end)})
                                                   : Range{offset_of(at), offset_of(r.end)};
            u64 data_start = at + (data.start - offset_of(at)), data_end = at + (data.end - offset_of(at));
            if (data_start > page) {
                r = Range{at, data_start};
                break;
            }
            if (data_end > page) {
                r = Range{data_start, data_end};
                hole = false;
                break;
            }
            at = data_end;
        }
        from = window + (r.start - p.start());
    } else {
        buffer.reset(new u8[r.length()]);
        size_t n = SBX_TRY(host::read_at(p->file->fd(), buffer.get(), r.length(), offset_of(r.start)));
        if (n <= page - r.start) return err(EFAULT);  // beyond the end of the file: SIGBUS
        r.end = r.start + page_up(n);
        memset(buffer.get() + n, 0, r.length() - n);
        from = buffer.get();
    }
    Placement where = place(r, v);
    where.grows = true;
    where.dirty = !hole;
    Range pages = SBX_TRY(memory->allocate(r.length(), MemoryKind::Anonymous, where));
    if (!hole) {
        auto copied = memory->write(pages.start, from, r.length());
        if (!copied) {
            memory->dec_ref(pages);
            return err(copied.error());
        }
    }
    drop_pages(r);
    return pmas.insert(r, Pma{memory, pages.start, true, false, false, Pma::kNone});
}

void MemoryManager::Impl::regain() {
    constexpr size_t kMost = 256;  // a look at each must cost less than the faults it saves
    if (pmas.size() > kMost) return;
    for (VmaIt v = vmas.begin(); v != vmas.end(); ++v) {
        if (v->shared() || !(v->prot & kWrite)) continue;
        bool some = false;
        for (PmaIt p = pmas.from(v.start()); p != pmas.end() && p.start() < v.end(); ++p) {
            if (!p->own || !p->cow || !memory->sole_range(p->offset).contains(Range{p->offset, p->offset + p.length()}))
                continue;
            p->cow = false;
            some = true;
        }
        if (some) install(v, v.range(), false);
    }
}

Result<PmaIt> MemoryManager::Impl::get_page(VmaIt v, u64 addr, bool write) {
    PmaIt p = pmas.find(addr);
    if (p == pmas.end()) p = SBX_TRY(v->anonymous() ? make_anonymous(v, addr) : make_of_file(v, addr, write));
    if (!write) return p;
    if (v->shared()) return p->writable ? p : make_shared_writable(v, p, addr);
    return p->cow ? copy_on_write(v, p, addr) : p;
}

// Whether so much more memory is within the cap. Filling what is not would have the host's OOM killer decide, before the cap is
// looked at.
bool MemoryManager::Impl::fits(u64 length) const {
    u64 cap = memory->cap();
    return cap == ~0ull || length <= cap - std::min(memory->usage(), cap);
}

Result<> MemoryManager::Impl::back(VmaIt v, Range r, bool fill) {
    r = v.range().intersect(r);
    if (v->prot == 0 || r.empty()) return {};
    bool write = (v->prot & kWrite) && !v->shared();
    // Data segments are written at once by the dynamic linker: copying them now saves the faults.
    bool copy = fill || (write && !v->anonymous() && !(v->flags & kByPage) && r.length() <= kStretch);
    if (fill && !fits(r.length())) {
        if (v->flags & kLocked) return err(ENOMEM);
        fill = false;
    }
    if (!fill && v->anonymous() && v.length() > kChunk) return {};
    Result<> result;
    u64 at = r.start;
    for (int tries = fill ? 1 << 20 : 64; at < r.end && tries > 0; tries--) {
        auto p = get_page(v, at, write && copy);
        if (!p) {
            result = err(p.error());
            break;
        }
        at = p->end();
        // A file in memory may be sparse: asking for more would make pages that nobody has touched.
        if (!fill && !v->anonymous() && (*p)->file->is_memory_file() && !(*p)->own) break;
    }
    install(v, Range{r.start, std::min(at, r.end)}, fill);
    return result;
}

void MemoryManager::Impl::back_range(Range r, bool fill) {
    for (VmaIt v = vmas.from(r.start); v != vmas.end() && v.start() < r.end; ++v) (void)back(v, r, fill);
}

}  // namespace sbx::mm
