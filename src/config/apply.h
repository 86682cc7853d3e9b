// Puts values into a Config by the table of keys, and takes them out again: used by config/load, the command line and `sbx show`.
#pragma once

#include <optional>
#include <string_view>

#include "src/config/config.h"
#include "src/config/keys.h"
#include "src/config/value.h"

namespace sbx::config {

// A whole file or profile. Throws UserError at the first unknown key, wrong type or value out of range.
void apply_table(Config& config, const Value& table);

// One key other than mount.*; `where` starts an error line and is the origin's text if empty.
void apply_value(Config& config, const Key& key, const Value& value);

// `-s key=text`: text is TOML, or the bare value for keys that take a string.
void apply_text(Config& config, std::string_view key, std::string_view text, const Origin& origin);

// A string value for a key, from an option of the command line.
void apply_string(Config& config, std::string_view key, std::string text, const Origin& origin);

// A [[mount]] from an option or a table, checked for keys that do not go together, and added.
void add_mount(Config& config, MountSpec mount);

// What is in the Config now, as the file would have it; nullopt for keys that are awaited or have nothing to show.
std::optional<Value> get_value(const Config& config, const Key& key);
std::vector<Member> get_mount(const MountSpec& mount);

}  // namespace sbx::config
