// [hide] for one hostfs: used by boot when it makes the root and the mounts.
#pragma once

#include <string>

#include "fs/hostfs/hidden.h"
#include "src/config/config.h"

namespace sbx::boot {

// What a hostfs of the host directory `source` must not show at `target` inside: a path is hidden if a pattern matches it as it is inside or
// as it is on the host. Null if there are no patterns.
Ref<hostfs::Hidden> hidden_below(const Config& config, const std::string& source, const std::string& target);

}  // namespace sbx::boot
