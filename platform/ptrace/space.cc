// The queue of mapping changes and how it reaches the stub.
#include "platform/ptrace/space.h"

#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include <algorithm>

#include "platform/ptrace/context.h"
#include "src/base/panic.h"

namespace sbx::platform::ptrace {
namespace {
bool good(Range r) { return !r.empty() && r.end <= stub::kUserEnd && ((r.start | r.end) & kPageMask) == 0; }
}  // namespace

Space::Space(Mapper& mapper, Placement& placement, std::unique_ptr<Stub> stub)
    : mapper_(mapper), placement_(placement), stub_(std::move(stub)) {}

Space::~Space() { mapper_.retire(std::move(stub_)); }

void Space::push(u64 nr, u64 a, u64 b, u64 c, u64 d, u64 e, u64 f) { queue_.push_back({nr, {a, b, c, d, e, f}, 0}); }

void Space::map(Range range, int fd, u64 offset, u8 prot, bool populate) {
    SBX_ASSERT(good(range) && (offset & kPageMask) == 0);
    u64 flags = MAP_SHARED | MAP_FIXED | (populate ? MAP_POPULATE : 0);
    if (!queue_.empty()) {
        // One call for neighbours: the memory manager works in pieces, the host counts mappings.
        stub::Op& o = queue_.back();
        if (o.nr == SYS_mmap && o.args[0] + o.args[1] == range.start && o.args[2] == prot && o.args[3] == flags &&
            o.args[4] == static_cast<u64>(fd) && o.args[5] + o.args[1] == offset) {
            o.args[1] += range.length();
            return;
        }
    }
    push(SYS_mmap, range.start, range.length(), prot & 7u, flags, static_cast<u64>(fd), offset);
}

void Space::unmap(Range range) {
    SBX_ASSERT(good(range));
    if (!queue_.empty()) {
        stub::Op& o = queue_.back();
        if (o.nr == SYS_munmap && o.args[0] + o.args[1] == range.start) {
            o.args[1] += range.length();
            return;
        }
    }
    push(SYS_munmap, range.start, range.length());
}

void Space::protect(Range range, u8 prot) {
    SBX_ASSERT(good(range));
    push(SYS_mprotect, range.start, range.length(), prot & 7u);
}

Result<> Space::flush() {
    if (queue_.empty()) return {};
    if (lost() != 0) {
        queue_.clear();
        return err(ESRCH);
    }
    size_t at = 0;
    while (at < queue_.size()) {
        size_t n = std::min(queue_.size() - at, stub::kOpsPerPage);
        memcpy(stub_->ops, queue_.data() + at, n * sizeof(stub::Op));
        size_t done = 0;
        PtraceContext* own = PtraceContext::of_this_thread(*this);
        Result<> r = own ? own->apply(n, done) : mapper_.apply(*stub_, n, done);
        at += done;
        if (r) continue;
        stub::Op& failed = queue_[at];
        if (r.error() == ENOMEM && failed.nr == SYS_mprotect) {
            // There is a hole in the range, or too many mappings. Without the pages the application faults and the memory manager
            // installs them again with what they allow by then.
            failed = {SYS_munmap, {failed.args[0], failed.args[1], 0, 0, 0, 0}, 0};
            continue;
        }
        queue_.clear();
        return r;
    }
    queue_.clear();
    return {};
}

Result<std::unique_ptr<Context>> Space::create_context() {
    auto c = std::make_unique<PtraceContext>(*this);
    SBX_TRY(c->attach());
    return std::unique_ptr<Context>(std::move(c));
}

}  // namespace sbx::platform::ptrace
