// The list of platforms: a fixed array, filled at start.
#include "platform/registry.h"

#include "src/base/panic.h"

namespace sbx::platform {
namespace {
PlatformType types[kMaxPlatforms];
size_t type_count = 0;
}  // namespace

void register_platform(const PlatformType& type) {
    SBX_ASSERT(type_count < kMaxPlatforms);
    types[type_count++] = type;
}

std::span<const PlatformType> registered_platforms() { return {types, type_count}; }

const PlatformType* find_platform(std::string_view name) {
    for (const PlatformType& t : registered_platforms())
        if (name == "auto" ? t.probe().works : t.name == name) return &t;
    return nullptr;
}

}  // namespace sbx::platform
