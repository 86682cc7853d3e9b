// The environment that prog starts with, from the rules of [env] and the caller's: used by config/resolve.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "src/config/config.h"

namespace sbx::config {

// inherit, then unset, then set. `host` holds "K=V" entries; the order is the host's, then that of set.
std::vector<std::string> build_environment(const EnvConfig& env, std::span<const std::string> host);

}  // namespace sbx::config
