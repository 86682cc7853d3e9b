// The queue of changes to an address space, as host system calls that its stub makes. Used by the spaces of platforms with stubs.
#pragma once

#include <algorithm>
#include <vector>

#include "platform/stub/code.h"
#include "src/base/result.h"

namespace sbx::platform::stub {

class OpQueue {
public:
    // As platform::AddressSpace. Neighbours become one call: the memory manager works in pieces, the host counts mappings.
    void map(Range range, int fd, u64 offset, u8 prot, bool populate);
    void unmap(Range range);
    void protect(Range range, u8 prot);

    bool empty() const { return ops_.empty(); }
    void clear() { ops_.clear(); }
    // Applies all in pieces of at most `most` operations: apply(first, count, done) says in `done` how many of them succeeded. The queue is
    // empty afterwards.
    template <class F>
    Result<> flush(size_t most, F apply) {
        size_t at = 0;
        Result<> result;
        while (at < ops_.size()) {
            size_t done = 0;
            result = apply(&ops_[at], std::min(ops_.size() - at, most), done);
            at += done;
            if (!result && !replace(at, result.error())) break;
            result = {};
        }
        ops_.clear();
        return result;
    }

private:
    void push(u64 nr, u64 a, u64 b, u64 c = 0, u64 d = 0, u64 e = 0, u64 f = 0) {
        ops_.push_back({nr, {a, b, c, d, e, f}, 0});
    }
    // Puts something else in the place of the operation that failed; false: there is nothing.
    bool replace(size_t at, Errno error);

    std::vector<Op> ops_;
};

}  // namespace sbx::platform::stub
