// The patterns of [hide] as hostfs asks for them (hidden.h).
#include "src/cli/hidden.h"

#include <vector>

#include "src/config/glob.h"

namespace sbx::boot {

namespace {

class HiddenPaths final : public hostfs::Hidden {
public:
    HiddenPaths(const std::vector<std::string>& patterns, const std::string& source, const std::string& target)
        : patterns_(patterns), source_(prefix(source)), target_(prefix(target)) {
        for (const std::string& pattern : patterns_) last_names_.push_back(pattern.substr(pattern.rfind('/') + 1));
    }

    bool may_hide(std::string_view name) const override {
        for (const std::string& last : last_names_)
            if (last == "**" || config::glob_match(last, name)) return true;
        return false;
    }

    bool hides(std::string_view path) const override {
        std::string inside = target_, outside = source_;
        inside += path;
        outside += path;
        for (const std::string& pattern : patterns_)
            if (config::path_glob_match(pattern, inside) || config::path_glob_match(pattern, outside)) return true;
        return false;
    }

private:
    // The root adds nothing to a path that begins with a slash.
    static std::string prefix(const std::string& directory) { return directory == "/" ? "" : directory; }

    std::vector<std::string> patterns_;
    std::string source_;
    std::string target_;
    std::vector<std::string> last_names_;
};

}  // namespace

Ref<hostfs::Hidden> hidden_below(const Config& config, const std::string& source, const std::string& target) {
    if (config.hide.paths.empty()) return {};
    return make_ref<HiddenPaths>(config.hide.paths, source, target);
}

}  // namespace sbx::boot
