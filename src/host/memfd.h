// Creation of memory descriptors. Used by the memory file and the platforms.
#pragma once

#include "src/base/result.h"
#include "src/base/types.h"
#include "src/host/unique_fd.h"

namespace sbx::host {

// A sparse memory file of `size` bytes, close-on-exec. `name` is what the host's /proc/PID/maps shows.
Result<UniqueFd> create_memfd(const char* name, u64 size);

}  // namespace sbx::host
