// Extents, found with SEEK_DATA and SEEK_HOLE.
#include "syscalls/fiemap.h"

#include <linux/fiemap.h>
#include <unistd.h>

#include <algorithm>

namespace sbx {
namespace {

struct Head {  // struct fiemap without its extents
    u64 start, length;
    u32 flags, mapped, room, reserved;
};
constexpr u32 kMaxExtents = static_cast<u32>((UINT32_MAX - sizeof(Head)) / sizeof(fiemap_extent));
constexpr u32 kFlags = FIEMAP_FLAG_SYNC | FIEMAP_FLAG_CACHE;

// The next run of data that ends after `from`, cut to pages; empty: none.
Result<Range> next_data(vfs::OpenFile& f, u64 from, const vfs::Caller& c) {
    Result<i64> start = f.seek(0, static_cast<i64>(from), SEEK_DATA, c);
    if (!start && start.error() == ENXIO) return Range{};
    if (!start) return err(start.error());
    i64 end = SBX_TRY(f.seek(0, *start, SEEK_HOLE, c));
    return Range{page_down(static_cast<u64>(*start)), page_up(static_cast<u64>(end))};
}

}  // namespace

Result<long> file_extents(Task& t, vfs::OpenFile& f, u64 arg) {
    if (!f.inode().is_regular()) return err(EOPNOTSUPP);
    Head head = SBX_TRY(t.copy_in(UserPtr<Head>{arg}));
    if (head.room > kMaxExtents || head.length == 0) return err(EINVAL);
    constexpr u64 kMaxSize = INT64_MAX;
    if (head.start > kMaxSize) return err(EFBIG);
    u64 end = std::min(kMaxSize, head.start + std::min(head.length, kMaxSize - head.start));
    u32 bad = head.flags & ~kFlags;
    head.mapped = 0;
    Result<long> result = 0;
    if (bad != 0) {
        head.flags = bad;
        result = err(EBADR);
    } else {
        if (head.flags & FIEMAP_FLAG_SYNC) SBX_TRY(f.sync(true, Range{0, kMaxSize}));
        u64 out = arg + sizeof(Head);
        Range r = SBX_TRY(next_data(f, head.start, t.caller()));
        while (!r.empty() && r.start < end && (head.room == 0 || head.mapped < head.room)) {
            Range next = SBX_TRY(next_data(f, r.end, t.caller()));
            if (head.room != 0) {
                fiemap_extent e{};
                e.fe_logical = r.start;
                e.fe_length = r.length();
                e.fe_flags = FIEMAP_EXTENT_UNKNOWN | (next.empty() ? FIEMAP_EXTENT_LAST : 0);
                SBX_TRY(t.copy_out(UserPtr<fiemap_extent>{out}, e));
                out += sizeof e;
            }
            head.mapped++;
            r = next;
            if (t.interrupted()) return err(ERESTARTSYS);
        }
    }
    SBX_TRY(t.copy_out(UserPtr<Head>{arg}, head));
    return result;
}

}  // namespace sbx
