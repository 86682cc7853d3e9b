// The making of the template stub: from a copy of the sentry to a process that holds our pages and nothing else. Used by the mapper.
#pragma once

#include <sys/types.h>

#include "src/base/result.h"

namespace sbx::platform::ptrace {

struct Template {
    pid_t pid = 0;
    // What it and so all stubs have:
    bool host_vdso = false;  // the host's vDSO, at stub::kHostVdso
    bool barriers = false;   // host::expedited_barrier() reaches them
};
// Called on the mapper thread, which becomes the tracer. The template is stopped when this returns.
Result<Template> make_template();

}  // namespace sbx::platform::ptrace
