// Paths, identities, implied mounts and checks against the host (resolve.h).
#include "src/config/resolve.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <cstring>

#include "src/config/environment.h"
#include "src/config/error.h"
#include "src/config/glob.h"

extern char** environ;

namespace sbx::config {

namespace {

[[noreturn]] void fail_path(const std::string& where, const std::string& path, int error) {
    fail_usage(where, path + ": " + std::strerror(error));
}

std::string expand(const std::string& path, const HostFacts& host, const std::string& where) {
    if (path == "~" || path.starts_with("~/")) {
        if (host.home.empty()) fail_usage(where, path + ": HOME is not set");
        return host.home + path.substr(1);
    }
    if (path.starts_with("/")) return path;
    if (host.cwd.empty()) fail_usage(where, path + ": the current directory is gone", "use an absolute path");
    return path == "." ? host.cwd : host.cwd + "/" + path;
}

bool has_dotdot(const std::string& path) { return (path + "/").find("/../") != std::string::npos; }

// Without double slashes, "." components and a slash at the end. ".." stays: what it means depends on symlinks.
std::string tidy(const std::string& path) {
    std::string out;
    for (std::size_t at = 0; at < path.size();) {
        std::size_t end = std::min(path.find('/', at), path.size());
        std::string component = path.substr(at, end - at);
        if (!component.empty() && component != ".") out += "/" + component;
        at = end + 1;
    }
    return out.empty() ? "/" : out;
}

bool is_below(const std::string& path, const std::string& directory) {
    return directory == "/" || path == directory || path.starts_with(directory + "/");
}

void resolve_root(Config& config, const HostFacts& host) {
    RootConfig& root = config.root;
    std::string where = place_of(config, "root.path");
    root.path = tidy(expand(root.path, host, where));
    int fd = open(root.path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 && errno == ENOTDIR)
        fail_usage(where, root.path + ": not a directory",
                   "image files are not supported yet: unpack it and name the directory");
    if (fd < 0) fail_path(where, root.path, errno);
    close(fd);
    if (root.size != 0 && root.mode != RootMode::Overlay)
        fail_usage(place_of(config, "root.size"), "a size goes with mode = \"overlay\" only");
}

// False: an optional mount whose source is not there.
bool resolve_mount(MountSpec& mount, const HostFacts& host) {
    std::string where = to_string(mount.origin);
    bool on_host = mount.type == MountType::Bind || mount.type == MountType::Overlay || mount.type == MountType::File;
    if (on_host) {
        mount.src = expand(mount.src, host, where);
        struct stat st;
        if (stat(mount.src.c_str(), &st) != 0) {
            if (mount.optional && (errno == ENOENT || errno == ENOTDIR)) return false;
            int error = errno;
            std::size_t colon = mount.src.rfind(':');
            std::string hint;
            if (mount.origin.kind == Origin::Kind::CommandLine && colon != std::string::npos)
                hint = "in P:D, D is an absolute path";
            fail_usage(where, mount.src + ": " + std::strerror(error), hint);
        }
        if (mount.type == MountType::Overlay && !S_ISDIR(st.st_mode)) fail_path(where, mount.src, ENOTDIR);
        if (mount.type == MountType::File && S_ISDIR(st.st_mode)) fail_path(where, mount.src, EISDIR);
        if (mount.dst.empty()) {
            mount.dst = mount.src;
            if (has_dotdot(mount.dst)) {
                char resolved[PATH_MAX];
                if (!realpath(mount.dst.c_str(), resolved)) fail_path(where, mount.src, errno);
                mount.dst = resolved;
            }
        }
        if (!has_dotdot(mount.src)) mount.src = tidy(mount.src);
    }
    if (mount.dst.starts_with("~")) mount.dst = expand(mount.dst, host, where);
    if (!mount.dst.starts_with("/")) fail_usage(where, mount.dst + ": not an absolute path");
    if (has_dotdot(mount.dst)) fail_usage(where, mount.dst + ": .. in the path of a mount");
    mount.dst = tidy(mount.dst);
    if (mount.dst == "/") fail_usage(where, "a mount on / would hide everything", "use --root, or [root] path");
    return true;
}

void add_implied_mounts(Config& config) {
    struct Implied {
        const char* dst;
        MountType type;
        bool noexec;
    };
    // What Linux distributions mount with these flags. The order is parents first.
    static constexpr Implied kImplied[] = {
        {"/proc", MountType::Proc, true},      {"/sys", MountType::Sys, true},        {"/dev", MountType::Dev, false},
        {"/dev/pts", MountType::Devpts, true}, {"/dev/shm", MountType::Tmpfs, false},
    };
    std::vector<MountSpec> mounts;
    for (const Implied& implied : kImplied) {
        std::string dst = implied.dst;
        // One that the configuration mounts itself, or that lies below such a one, is not ours.
        bool taken = std::any_of(config.mounts.begin(), config.mounts.end(),
                                 [&](const MountSpec& mount) { return is_below(dst, mount.dst); });
        if (taken) continue;
        MountSpec mount;
        mount.type = implied.type;
        mount.dst = dst;
        mount.mode = AccessMode::ReadWrite;
        mount.optional = true;
        mount.implied = true;
        mount.nosuid = true;
        mount.noexec = implied.noexec;
        mount.nodev = implied.type != MountType::Dev && implied.type != MountType::Devpts;
        if (dst == "/dev/shm") mount.permissions = 01777;
        mounts.push_back(std::move(mount));
    }
    config.mounts.insert(config.mounts.begin(), mounts.begin(), mounts.end());
}

void resolve_hidden(Config& config, const HostFacts& host) {
    std::string where = place_of(config, "hide.paths");
    HostFacts literal;  // these stand before a glob and are none
    literal.cwd = quote_glob(host.cwd);
    literal.home = quote_glob(host.home);
    for (std::string& path : config.hide.paths) {
        if (path.empty()) fail_usage(where, "an empty path");
        std::string full = path == "**" || path.starts_with("**/") ? "/" + path : expand(path, literal, where);
        if (has_dotdot(full)) fail_usage(where, path + ": .. in a hidden path");
        path = tidy(full);
        if (path == "/" || path == "/**" || path == "/*") fail_usage(where, path + ": would hide everything");
    }
}

// The file is made when the sandbox starts; what would keep that from working is said now.
void check_output(const std::string& where, const std::string& path) {
    struct stat st;
    if (stat(path.c_str(), &st) == 0) {
        if (S_ISDIR(st.st_mode)) fail_path(where, path, EISDIR);
        if (faccessat(AT_FDCWD, path.c_str(), W_OK, AT_EACCESS) != 0) fail_path(where, path, errno);
        return;
    }
    if (errno != ENOENT) fail_path(where, path, errno);
    std::string directory = path.substr(0, path.rfind('/') + 1);
    if (faccessat(AT_FDCWD, directory.c_str(), W_OK | X_OK, AT_EACCESS) != 0) fail_path(where, path, errno);
}

void resolve_user(Config& config, const HostFacts& host) {
    UserConfig& user = config.user;
    if (user.fakeroot) {
        if ((!user.uid.host && user.uid.id != 0) || (!user.gid.host && user.gid.id != 0))
            fail_usage(place_of(config, "user.fakeroot"),
                       "fakeroot is uid 0 and gid 0, but " + place_of(config, user.uid.host ? "user.gid" : "user.uid") +
                           " asks for another");
        user.uid = user.gid = Identity{false, 0};
    }
    if (user.uid.host) user.uid.id = host.uid;
    if (user.gid.host) user.gid.id = host.gid;
}

// Whether the directory is there, where the root alone decides that; mounts of the configuration leave it to boot.
void check_cwd(const Config& config, const std::string& where) {
    for (const MountSpec& mount : config.mounts)
        if (!mount.implied || is_below(config.run.cwd, mount.dst)) return;
    int root = open(config.root.path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (root < 0) return;
    open_how how{};
    how.flags = O_PATH | O_DIRECTORY | O_CLOEXEC;
    how.resolve = RESOLVE_IN_ROOT;
    long fd = syscall(SYS_openat2, root, config.run.cwd.c_str(), &how, sizeof how);
    int error = errno;
    close(root);
    if (fd >= 0)
        close(static_cast<int>(fd));
    else if (error != ENOSYS)
        fail_path(where, config.run.cwd, error);
}

void resolve_cwd(Config& config, const HostFacts& host) {
    RunConfig& run = config.run;
    bool given = !run.cwd.empty();
    std::string where = given ? place_of(config, "run.cwd") : "run.cwd";
    std::string base = config.root.path == "/" ? host.cwd : "/";
    if (!given && base.empty()) fail_usage(where, "the current directory is gone", "use -C DIR");
    if (run.cwd == "~" || run.cwd.starts_with("~/")) run.cwd = expand(run.cwd, host, where);
    if (!run.cwd.starts_with("/")) {
        if (base.empty()) fail_usage(where, run.cwd + ": the current directory is gone", "use an absolute path");
        run.cwd = base + "/" + run.cwd;
    }
    run.cwd = tidy(run.cwd);
    check_cwd(config, where);
}

void resolve_hostname(Config& config, const HostFacts& host) {
    std::string& name = config.run.hostname;
    if (name.empty()) {
        name = host.hostname;
        return;
    }
    // sethostname(2): at most 64 bytes. The characters are those of hostname(7).
    bool good = name.size() <= 64 && name.front() != '-' && name.front() != '.';
    for (char c : name)
        good = good &&
               ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.');
    if (!good) fail_usage(place_of(config, "run.hostname"), "\"" + name + "\" is not a host name");
}

void check_devices(const Config& config) {
    static constexpr std::string_view kDevices[] = {"null", "zero", "full", "random", "urandom", "tty", "ptmx"};
    for (const std::string& name : config.devices.allow)
        if (std::find(std::begin(kDevices), std::end(kDevices), name) == std::end(kDevices))
            fail_usage(place_of(config, "devices.allow"), "unknown device \"" + name + "\"",
                       "known are null, zero, full, random, urandom, tty, ptmx");
}

void check_descriptors(const Config& config) {
    for (std::int64_t fd : config.run.pass_fds)
        if (fcntl(static_cast<int>(fd), F_GETFD) < 0)
            fail_usage(place_of(config, "run.pass-fds"),
                       "descriptor " + std::to_string(fd) + ": " + std::strerror(errno));
}

}  // namespace

HostFacts host_facts() {
    HostFacts host;
    char cwd[PATH_MAX];
    // Linux says "(unreachable)/..." for a directory outside of the root.
    if (getcwd(cwd, sizeof cwd) && cwd[0] == '/') host.cwd = cwd;
    const char* home = std::getenv("HOME");
    if (home && home[0] == '/') host.home = tidy(home);
    utsname names{};
    host.hostname = uname(&names) == 0 ? names.nodename : "sbx";
    host.uid = geteuid();
    host.gid = getegid();
    for (char** entry = environ; entry && *entry; entry++) host.environment.emplace_back(*entry);
    return host;
}

void resolve(Config& config, const HostFacts& host) {
    resolve_root(config, host);
    std::erase_if(config.mounts, [&](MountSpec& mount) { return !resolve_mount(mount, host); });
    add_implied_mounts(config);
    resolve_hidden(config, host);
    resolve_user(config, host);
    resolve_cwd(config, host);
    resolve_hostname(config, host);
    check_devices(config);
    check_descriptors(config);
    for (auto [key, path] : {std::pair{"log.file", &config.log.file}, std::pair{"log.report", &config.log.report},
                             std::pair{"log.trace.file", &config.log.trace_file}})
        if (!path->empty()) {
            std::string where = place_of(config, key);
            *path = expand(*path, host, where);
            check_output(where, *path);
        }
    config.environment = build_environment(config.env, host.environment);
}

}  // namespace sbx::config
