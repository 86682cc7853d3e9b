// The platforms that this build has, by name. Filled where the program is put together (cli/); used by run and info.
#pragma once

#include "platform/platform.h"

namespace sbx::platform {

constexpr size_t kMaxPlatforms = 8;

// Adds a platform; the first ones are preferred by "auto". Single-threaded start-up only.
void register_platform(const PlatformType& type);
std::span<const PlatformType> registered_platforms();
// The platform of that name, or nullptr. "auto": the first whose probe works, or nullptr.
const PlatformType* find_platform(std::string_view name);

}  // namespace sbx::platform
