// Changes of mappings as system calls.
#include "platform/stub/op_queue.h"

#include <sys/mman.h>
#include <sys/syscall.h>

#include "src/base/panic.h"

namespace sbx::platform::stub {
namespace {
bool good(Range r) { return !r.empty() && r.end <= kUserEnd && ((r.start | r.end) & kPageMask) == 0; }
}  // namespace

void OpQueue::map(Range range, int fd, u64 offset, u8 prot, bool populate) {
    SBX_ASSERT(good(range) && (offset & kPageMask) == 0);
    u64 flags = MAP_SHARED | MAP_FIXED | (populate ? MAP_POPULATE : 0);
    if (!ops_.empty()) {
        Op& o = ops_.back();
        if (o.nr == SYS_mmap && o.args[0] + o.args[1] == range.start && o.args[2] == prot && o.args[3] == flags &&
            o.args[4] == static_cast<u64>(fd) && o.args[5] + o.args[1] == offset) {
            o.args[1] += range.length();
            return;
        }
    }
    push(SYS_mmap, range.start, range.length(), prot & 7u, flags, static_cast<u64>(fd), offset);
}

void OpQueue::unmap(Range range) {
    SBX_ASSERT(good(range));
    if (!ops_.empty()) {
        Op& o = ops_.back();
        if (o.nr == SYS_munmap && o.args[0] + o.args[1] == range.start) {
            o.args[1] += range.length();
            return;
        }
    }
    push(SYS_munmap, range.start, range.length());
}

void OpQueue::protect(Range range, u8 prot) {
    SBX_ASSERT(good(range));
    push(SYS_mprotect, range.start, range.length(), prot & 7u);
}

bool OpQueue::replace(size_t at, Errno error) {
    Op& failed = ops_[at];
    if (!(error == ENOMEM) || failed.nr != SYS_mprotect) return false;
    // There is a hole in the range, or too many mappings. Without the pages the application faults and the memory manager installs
    // them again with what they allow by then.
    failed = {SYS_munmap, {failed.args[0], failed.args[1], 0, 0, 0, 0}, 0};
    return true;
}

}  // namespace sbx::platform::stub
