// Sizes ("512M"), durations ("1m30s") and plain numbers as text, strictly: used by config/apply and the command line.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sbx::config {

// Decimal digits and nothing else; nullopt on anything else or past max.
std::optional<std::uint64_t> parse_number(std::string_view text, std::uint64_t max);

// Digits and at most one of K M G T P (powers of 1024); no sign, no space, no fraction. At most 2^63-1.
std::optional<std::uint64_t> parse_size(std::string_view text);

// One or more of digits and unit, from d h m s ms us ns, each unit smaller than the one before. In nanoseconds, at most 2^63-1.
std::optional<std::int64_t> parse_duration(std::string_view text);

// The shortest text that the parser above reads as the same value.
std::string format_size(std::uint64_t bytes);
std::string format_duration(std::int64_t ns);

}  // namespace sbx::config
