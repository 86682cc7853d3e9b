// Reads TOML text into Values: the only place that knows tomlplusplus. Used by config/load and by `-s key=value`.
#pragma once

#include <string>
#include <string_view>

#include "src/config/value.h"

namespace sbx::config {

// The top table. Every origin is a copy of `origin` with line and column set. Throws UserError with the place of a syntax error.
Value parse_toml(std::string_view text, const Origin& origin);

// A single value, without a newline in it.
Value parse_toml_value(std::string_view text, const Origin& origin);

// A whole regular file, pipe or device, at most 1 MiB. Throws UserError that starts with `where`, or with the path if that is empty.
std::string read_config_file(const std::string& path);

}  // namespace sbx::config
