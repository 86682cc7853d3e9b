// Names of capabilities and resource limits: used by config/apply and by `sbx show`.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace sbx::config {

// "net_admin", "CAP_NET_ADMIN" (any case) -> bit; "all" -> all of them.
std::optional<std::uint64_t> capability_mask(std::string_view name);

// "nofile" -> RLIMIT_NOFILE.
std::optional<unsigned> rlimit_number(std::string_view name);
std::span<const std::string_view> rlimit_names();

}  // namespace sbx::config
