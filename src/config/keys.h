// The table of configuration keys: one row drives parsing, `-s key=value`, the hint for a misspelt key, `sbx show` and the check
// that sbx.toml(5) describes every key.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <type_traits>

#include "src/config/config.h"

namespace sbx::config {

// How a key is written and which type its field has.
enum class Shape : unsigned char {
    Boolean,       // bool
    Integer,       // int64_t, between min and max
    Fraction,      // double, more than 0, at most max
    String,        // std::string
    Path,          // std::string; resolve() expands ~ and makes it absolute
    Size,          // uint64_t
    Duration,      // int64_t, in nanoseconds
    Choice,        // an enum of unsigned char, by name
    Upper,         // UpperKind: "memory" or "dir:/path"
    Strings,       // std::vector<std::string>
    Integers,      // std::vector<int64_t>, each between min and max
    Inherit,       // EnvConfig: "all", "none" or names
    StringTable,   // std::vector<std::pair<std::string, std::string>>
    Identity,      // Identity: "host" or a number
    Capabilities,  // UserConfig: names
    Rlimits,       // std::vector<Rlimit>
};

// What a later layer does to an earlier one.
enum class Merge : unsigned char { Replace, Append, ByName };

struct Choice {
    const char* name;
    unsigned char value;
    const char* awaits = nullptr;  // the part of sbx it needs, which is not there yet
};

struct Key {
    const char* name;  // "run.timeout"; keys of one [[mount]]: "mount.src"
    Shape shape;
    void* (*field)(void*);  // from a Config, or a MountSpec for mount.*; null while awaits is set
    const char* doc;
    Merge merge = Merge::Replace;
    std::span<const Choice> choices = {};
    std::int64_t min = 0;
    std::int64_t max = INT64_MAX;
    const char* awaits = nullptr;  // the part of sbx that brings the key, if that is not there yet
};

std::span<const Key> keys();
const Key* find_key(std::string_view name);
bool is_section(std::string_view name);  // "run", "log.trace", "mount", ...

// The nearest name for a misspelt key among those that begin with `section` ("run."; "" for all); empty if none is near.
std::string nearest_key(std::string_view name, std::string_view section);

// The nearest of some words, empty if none is near. Also for verbs and options.
std::string nearest_word(std::string_view word, std::span<const std::string_view> words);

}  // namespace sbx::config
