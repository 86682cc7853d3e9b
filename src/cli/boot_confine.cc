// Confining the sentry as the configuration asks: which host files stay in reach, and what to say of layers that the host refuses.
#include "src/cli/boot_confine.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <string>

#include "fs/hostfs/hostfs.h"
#include "src/cli/output.h"
#include "src/config/error.h"
#include "src/host/confine.h"
#include "src/host/sentry_filter.h"

namespace sbx::boot {
namespace {

// Inherited descriptors of regular files are opened again through /proc when the program opens /dev/stdout.
void add_inherited(std::vector<host::ConfinedPath>& paths) {
    constexpr int kSmallDescriptors = 64;
    for (int fd = 0; fd < kSmallDescriptors; fd++) {
        int flags = fcntl(fd, F_GETFL);
        struct stat s {};
        if (flags < 0 || (flags & O_PATH) != 0 || fstat(fd, &s) != 0 || !S_ISREG(s.st_mode)) continue;
        paths.push_back({fd, (flags & O_ACCMODE) != O_RDONLY});
    }
}

}  // namespace

void confine_sentry(const Config& config, const HostFiles& host, bool driven) {
    auto layers = host::leave_keeper({config.run.exit_signal, config.run.die_with_parent || driven});
    if (!layers)
        throw UserError{"security",
                        std::string("no process for the sandbox: ") + errno_text(layers.error().value),
                        {},
                        kExitFailed};
    hostfs::prepare();
    std::vector<host::ConfinedPath> paths;
    paths.push_back({host.root.get(), config.root.mode == config::RootMode::ReadWrite});
    for (size_t i = 0; i < host.sources.size(); i++) {
        if (!host.sources[i]) continue;
        const config::MountSpec& m = config.mounts[i];
        paths.push_back({host.sources[i].get(), binds(m) && m.mode != config::AccessMode::ReadOnly});
    }
    add_inherited(paths);
    layers = host::confine({paths, false}, std::move(*layers));
    if (!layers)
        throw UserError{
            "security", std::string("cannot give up privileges: ") + errno_text(layers.error().value), {}, kExitFailed};
    std::string missing;
    for (const host::Layer& l : *layers) {
        if (l.error == 0) continue;
        if (!missing.empty()) missing += ", ";
        missing += std::string(l.name) + " (" + errno_text(l.error) + ")";
    }
    if (missing.empty()) return;
    if (config.security.strict)
        throw UserError{"security", "the host refuses: " + missing, "without --strict sbx does without them",
                        kExitFailed};
    if (config.log.level >= config::LogLevel::Warn)
        cli::print_error({"security", "warning: the host refuses: " + missing, {}, 0});
}

void filter_sentry(const Config& config) {
    host::FilterOptions o;
    o.writable = config.root.mode == config::RootMode::ReadWrite;
    for (const config::MountSpec& m : config.mounts) o.writable |= binds(m) && m.mode != config::AccessMode::ReadOnly;
    if (Result<> r = host::install_filter(o); !r)
        throw UserError{"security",
                        std::string("the host refuses the seccomp filter: ") + errno_text(r.error().value),
                        {},
                        kExitFailed};
}

}  // namespace sbx::boot
