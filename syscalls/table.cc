// Gathers the rows of all families into one table by number. Used by dispatch, tracing and `sbx syscalls`.
#include "syscalls/table.h"

#include <array>

#include "src/base/panic.h"
#include "syscalls/families.h"

namespace sbx {
namespace {

using Table = std::array<const SyscallRow*, kMaxSyscall>;

void add_family(Table& t, SyscallFamily rows, bool absent) {
    for (const SyscallRow& r : rows) {
        SBX_ASSERT(r.nr >= 0 && r.nr < kMaxSyscall);
        const SyscallRow*& slot = t[static_cast<size_t>(r.nr)];
        if (absent && slot) continue;
        // A family named twice is a merge of the list gone wrong, not two handlers for one call.
        SBX_ASSERT(slot == nullptr || slot == &r);
        slot = &r;
    }
}

Table gather() {
    Table t{};
#define X(name) add_family(t, name, false);
#include "syscalls/families.inc"
#undef X
    add_family(t, kAbsentSyscalls, true);
    return t;
}

const Table& table() {
    static const Table t = gather();
    return t;
}

}  // namespace

const SyscallRow* find_syscall(u64 nr) { return nr < kMaxSyscall ? table()[nr] : nullptr; }

const SyscallRow* find_syscall(std::string_view name) {
    for (const SyscallRow* r : table())
        if (r && name == r->name) return r;
    return nullptr;
}

std::span<const SyscallRow* const> syscall_table() { return table(); }

}  // namespace sbx
