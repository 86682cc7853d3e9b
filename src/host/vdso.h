// The host's vDSO in this process: where it is mapped, with the data it reads, and where its functions are. Used by platforms, which
// keep it in the address spaces of applications, and by the boot code.
#pragma once

#include <vector>

#include "src/base/types.h"

namespace sbx::host {

struct Vdso {
    std::vector<Range> mappings;  // [vvar], [vvar_vclock], [vdso], in order: their distances must be kept
    u64 clock_gettime = 0;        // addresses of functions; 0: there is none
    u64 getcpu = 0;

    bool found() const { return !mappings.empty(); }
    // From the first mapping to the last.
    Range range() const { return found() ? Range{mappings.front().start, mappings.back().end} : Range{}; }
};

// Looked for once: the first call must be made while /proc is there. Nothing found: a host without it.
const Vdso& vdso();

// The value of a function's symbol in the ELF image of a vDSO that is in memory at `image`; 0: none.
u64 vdso_symbol(ConstBytes image, std::string_view name);

}  // namespace sbx::host
