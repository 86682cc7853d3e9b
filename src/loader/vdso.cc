// Mapping of the vDSO.
#include "src/loader/vdso.h"

namespace sbx::loader {

Result<u64> map_vdso(mm::MemoryManager& mm, Kernel& k) {
    (void)mm, (void)k;
    return 0;
}

}  // namespace sbx::loader
