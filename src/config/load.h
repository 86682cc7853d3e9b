// Files and profiles into a Config, in the order in which later ones override earlier ones: used by the verbs of the command line.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "src/config/config.h"

namespace sbx::config {

// Where profiles are looked for. The environment decides, so tests make their own.
struct ProfilePath {
    std::vector<std::string> directories;  // $XDG_CONFIG_HOME/sbx (or ~/.config/sbx), /etc/sbx
};
ProfilePath profile_path_from_environment();

class Loader {
public:
    explicit Loader(ProfilePath path) : path_(std::move(path)) {}

    // A profile by name, its own `extends` first; the second time it is asked for, nothing.
    void profile(Config& config, const std::string& name, const Origin& asked_by);

    // A file, its `extends` first.
    void file(Config& config, const std::string& path);

    // The text of a file that is not on disk, as file() does; for built-in profiles and tests.
    void text(Config& config, std::string_view text, const Origin& origin);

private:
    ProfilePath path_;
    std::vector<std::string> done_;
    std::vector<std::string> open_;  // profiles being read, to find a circle
};

struct BuiltinProfile {
    std::string_view name;
    std::string_view summary;
    std::string_view text;
};
const BuiltinProfile* builtin_profiles(std::size_t& count);

}  // namespace sbx::config
