// Arguments that are structures with their size (copy_struct_from_user). Used by calls that may be extended.
#pragma once

#include "src/kernel/task.h"

namespace sbx {

// A structure at addr may be longer than the `known` bytes of ours if the rest is zero. E2BIG.
inline Result<> check_rest_zero(Task& t, u64 addr, u64 known, u64 size) {
    if (size > kPageSize) return err(E2BIG);
    for (; known < size; known++)
        if (SBX_TRY(t.copy_in(UserPtr<u8>{addr + known})) != 0) return err(E2BIG);
    return {};
}

}  // namespace sbx
