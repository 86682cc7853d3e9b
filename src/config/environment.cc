// inherit, unset and set of [env], evaluated (environment.h).
#include "src/config/environment.h"

#include <algorithm>

#include "src/config/glob.h"

namespace sbx::config {

namespace {

bool matches_any(const std::vector<std::string>& patterns, std::string_view name) {
    return std::any_of(patterns.begin(), patterns.end(), [&](const std::string& p) { return glob_match(p, name); });
}

}  // namespace

std::vector<std::string> build_environment(const EnvConfig& env, std::span<const std::string> host) {
    std::vector<std::string> out;
    for (const std::string& entry : host) {
        std::string_view name = std::string_view(entry).substr(0, entry.find('='));
        bool inherited =
            env.inherit == EnvInherit::All || (env.inherit == EnvInherit::Listed && matches_any(env.names, name));
        bool replaced = std::any_of(env.set.begin(), env.set.end(), [&](const auto& set) { return set.first == name; });
        bool kept = std::find(env.kept.begin(), env.kept.end(), name) != env.kept.end();
        if (!replaced && (kept || (inherited && !matches_any(env.unset, name)))) out.push_back(entry);
    }
    for (const auto& [name, value] : env.set) out.push_back(name + "=" + value);
    return out;
}

}  // namespace sbx::config
