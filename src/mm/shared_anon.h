// Shared anonymous memory: the file behind mmap(MAP_SHARED | MAP_ANONYMOUS). Used by the memory manager and by /dev/zero.
#pragma once

#include "src/mm/mappable.h"

namespace sbx::mm {

Ref<Mappable> make_shared_anonymous(MemoryFile& memory, u64 size);

}  // namespace sbx::mm
