// The search for profiles, `extends`, and the reading of configuration files (load.h).
#include "src/config/load.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>

#include <unistd.h>

#include "src/config/apply.h"
#include "src/config/error.h"
#include "src/config/toml_file.h"

namespace sbx::config {

namespace {

bool is_profile_name(const std::string& name) {
    if (name.empty() || name.front() == '.' || name.size() > 200) return false;
    return std::all_of(name.begin(), name.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
               c == '-';
    });
}

}  // namespace

ProfilePath profile_path_from_environment() {
    ProfilePath path;
    const char* xdg = std::getenv("XDG_CONFIG_HOME");
    const char* home = std::getenv("HOME");
    // The XDG specification: a relative path is to be ignored.
    if (xdg && xdg[0] == '/')
        path.directories.push_back(std::string(xdg) + "/sbx");
    else if (home && home[0] == '/')
        path.directories.push_back(std::string(home) + "/.config/sbx");
    path.directories.push_back("/etc/sbx");
    return path;
}

void Loader::profile(Config& config, const std::string& name, const Origin& asked_by) {
    std::string where = to_string(asked_by);
    if (!is_profile_name(name)) fail_usage(where, "\"" + name + "\" is not a profile's name", "use -c FILE for a file");
    if (std::find(open_.begin(), open_.end(), name) != open_.end())
        fail_usage(where, "profile \"" + name + "\" extends itself");
    if (std::find(done_.begin(), done_.end(), name) != done_.end()) return;

    Origin origin;
    origin.kind = Origin::Kind::Profile;
    origin.profile = name;
    std::string source;
    bool found = false;
    for (const std::string& directory : path_.directories) {
        std::string file = directory + "/" + name + ".toml";
        if (access(file.c_str(), F_OK) != 0 && (errno == ENOENT || errno == ENOTDIR)) continue;
        source = read_config_file(file);
        origin.name = file;
        found = true;
        break;
    }
    if (!found) {
        std::size_t count = 0;
        const BuiltinProfile* builtin = builtin_profiles(count);
        std::string names;
        for (std::size_t i = 0; i < count; i++) {
            names += (names.empty() ? "" : ", ") + std::string(builtin[i].name);
            if (builtin[i].name != name) continue;
            source = builtin[i].text;
            origin.name = "built in";
            found = true;
        }
        if (!found) {
            std::string places;
            for (const std::string& directory : path_.directories)
                places += (places.empty() ? "" : " and ") + directory;
            fail_usage(where, "no profile \"" + name + "\"",
                       "looked for " + name + ".toml in " + places + "; built in: " + names);
        }
    }
    open_.push_back(name);
    text(config, source, origin);
    open_.pop_back();
    done_.push_back(name);
}

void Loader::file(Config& config, const std::string& path) {
    Origin origin;
    origin.kind = Origin::Kind::File;
    origin.name = path;
    text(config, read_config_file(path), origin);
}

void Loader::text(Config& config, std::string_view text, const Origin& origin) {
    Value table = parse_toml(text, origin);
    for (const Member& member : table.members) {
        if (member.name != "extends" || member.value.kind != Value::Kind::Array) continue;
        for (const Value& item : member.value.items)
            if (item.kind == Value::Kind::String) profile(config, item.text, item.origin);
    }
    apply_table(config, table);
}

}  // namespace sbx::config
