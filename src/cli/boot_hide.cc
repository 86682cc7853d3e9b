// Hidden paths: tells host file systems which of their names [hide] covers.
#include "fs/hostfs/hidden.h"
#include "src/cli/boot_files.h"
#include "src/config/glob.h"

namespace sbx::boot {
namespace {

class HiddenPaths final : public hostfs::Hidden {
public:
    HiddenPaths(std::vector<std::string> patterns, std::string below) : patterns_(std::move(patterns)), below_(std::move(below)) {}
    bool may_hide(std::string_view name) const override {
        for (const std::string& p : patterns_)
            if (config::glob_match(std::string_view(p).substr(p.rfind('/') + 1), name)) return true;
        return false;
    }
    bool hides(std::string_view path) const override {
        std::string full = below_ + std::string(path);
        for (const std::string& p : patterns_)
            if (config::path_glob_match(p, full)) return true;
        return false;
    }

private:
    std::vector<std::string> patterns_;
    std::string below_;  // where the file system is mounted; empty for the root
};

}  // namespace

Ref<hostfs::Hidden> hidden_paths(const Config& config, const std::string& mounted_at) {
    if (config.hide.paths.empty()) return {};
    return make_ref<HiddenPaths>(config.hide.paths, mounted_at == "/" ? "" : mounted_at);
}

}  // namespace sbx::boot
