// ResourceUse as struct rusage: for wait4, waitid and getrusage.
#pragma once

#include <sys/resource.h>

#include "src/kernel/thread_group.h"

namespace sbx {

rusage to_rusage(const ResourceUse& u);

}  // namespace sbx
