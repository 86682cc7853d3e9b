// Where the parts of the sandbox are put together (boot.h). The kernel is not linked into this build.
#include "src/cli/boot.h"

#include "src/cli/output.h"
#include "src/config/error.h"

namespace sbx::boot {

int run_sandbox(const Config&) {
    cli::print_error({"run", "not linked in this build", {}, kExitFailed});
    return kExitFailed;
}

}  // namespace sbx::boot
