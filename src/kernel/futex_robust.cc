// Robust futex lists at the end of a task (get_robust_list(2), Documentation/locking/robust-futex-ABI.rst).
#include "src/kernel/futex.h"
#include "src/kernel/kernel.h"
#include "src/kernel/task.h"

namespace sbx {
namespace {

constexpr unsigned kListLimit = 2048;  // ROBUST_LIST_LIMIT: the list may be a circle

struct Head {
    u64 next;
    i64 futex_offset;
    u64 pending;
};

}  // namespace

void exit_robust_list(Task& t) {
    u64 head_addr = t.robust_list;
    if (!head_addr) return;
    t.robust_list = 0;
    Result<Head> head = t.copy_in(UserPtr<Head>{head_addr});
    if (!head) return;
    u32 tid = static_cast<u32>(t.tid());
    // Bit 0 of a pointer says that the futex is a PI one.
    auto word_of = [&](u64 entry) { return (entry & ~1ull) + static_cast<u64>(head->futex_offset); };
    u64 entry = head->next;
    for (unsigned n = 0; n < kListLimit && (entry & ~1ull) != head_addr; n++) {
        Result<u64> next = t.copy_in(UserPtr<u64>{entry & ~1ull});
        if ((entry & ~1ull) != (head->pending & ~1ull))
            t.kernel().futexes().owner_died(t, word_of(entry), tid, entry & 1, false);
        if (!next) return;
        entry = *next;
    }
    if (head->pending) t.kernel().futexes().owner_died(t, word_of(head->pending), tid, head->pending & 1, true);
}

}  // namespace sbx
