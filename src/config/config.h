// The configuration of one sandbox as plain data: made by src/config from TOML, profiles and the command line, read by cli/boot.
//
// After config::resolve() every path is absolute, every "host" is a number, and the mounts are in the order in which they
// are to be made. Nothing here owns a descriptor or knows TOML.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sbx::config {

// Where a value came from; `sbx show` prints it and error lines start with it.
struct Origin {
    enum class Kind : unsigned char { Default, Profile, File, CommandLine };
    Kind kind = Kind::Default;
    std::string name;     // File, Profile: the path or "built in"; CommandLine: the option as it is spelled, "--ro"
    std::string profile;  // Profile: its name
    unsigned line = 0;
    unsigned column = 0;
};

enum class TtyMode : unsigned char { Auto, Always, Never };
enum class RootMode : unsigned char { ReadOnly, ReadWrite, Overlay };
enum class UpperKind : unsigned char { Memory };
enum class MountType : unsigned char { Bind, Tmpfs, Overlay, Proc, Sys, Dev, Devpts, File, Symlink };
enum class AccessMode : unsigned char { Unset, ReadOnly, ReadWrite };  // resolve() leaves no Unset
enum class CacheMode : unsigned char { Revalidate, Exclusive };
enum class EnvInherit : unsigned char { All, None, Listed };
enum class NetworkMode : unsigned char { None };
enum class PlatformName : unsigned char { Auto, Ptrace, Systrap, Kvm };
enum class LogLevel : unsigned char { Error, Warn, Info, Debug, Trace };  // the numbers of sbx::LogLevel (base/log.h)
enum class LogFormat : unsigned char { Text };
enum class HostSockets : unsigned char { None };

struct RunConfig {
    std::vector<std::string> argv;
    std::string cwd;  // a path inside the sandbox. Default: the caller's where the root is the host's /, else "/"
    std::string hostname;
    TtyMode tty = TtyMode::Auto;
    bool init = false;
    std::int64_t timeout_ns = 0;  // 0: none
    std::int64_t kill_grace_ns = 5'000'000'000;
    std::vector<std::int64_t> pass_fds;  // besides 0, 1 and 2; open when resolve() looked
    bool die_with_parent = false;
    bool exit_signal = false;  // die of the signal that prog died of, instead of exiting with 128+n
};

struct RootConfig {
    std::string path = "/";
    RootMode mode = RootMode::Overlay;
    UpperKind upper = UpperKind::Memory;
    std::uint64_t size = 0;  // most bytes in the upper layer; 0: as much as the sandbox may have
};

struct MountSpec {
    MountType type = MountType::Bind;
    std::string src;  // bind, overlay, file: absolute host path; symlink: the text of the link; else empty
    std::string dst;  // absolute path inside
    AccessMode mode = AccessMode::Unset;
    std::vector<std::string> options;  // as written; the fields below are what they mean
    CacheMode cache = CacheMode::Revalidate;
    bool optional = false;  // leave it out if the source or the mount point is not there

    bool nosuid = false;
    bool nodev = false;
    bool noexec = false;
    std::uint64_t size = 0;         // tmpfs: option "size=64M"; 0: no limit of its own
    std::uint32_t permissions = 0;  // tmpfs: option "mode=1777", the root directory's bits; 0: the usual ones
    bool implied = false;           // one of sbx's own: /proc, /sys, /dev, /dev/pts, /dev/shm
    Origin origin;
};

struct HideConfig {
    // Absolute globs: * ? [] stay within a component, ** stands for any number of them (config/glob.h matches).
    std::vector<std::string> paths;
};

struct EnvConfig {
    EnvInherit inherit = EnvInherit::All;
    std::vector<std::string> names;  // inherit == Listed: names and globs
    std::vector<std::pair<std::string, std::string>> set;
    std::vector<std::string> unset;  // names and globs
    std::vector<std::string> kept;   // names that `-e K` asked for: inherited even if a glob of unset has them
};

struct Identity {
    bool host = true;      // as the caller has it
    std::uint32_t id = 0;  // filled in by resolve() in either case
};

struct UserConfig {
    Identity uid;
    Identity gid;
    bool fakeroot = false;
    bool capabilities_set = false;  // false: all for uid 0, none for others, as Linux does at execve
    std::vector<std::string> capability_names;
    std::uint64_t capabilities = 0;  // bit n is capability n
};

struct Rlimit {
    std::string name;    // "nofile"
    unsigned resource;   // RLIMIT_NOFILE
    std::uint64_t soft;  // ~0: unlimited
    std::uint64_t hard;
};

struct LimitsConfig {
    std::uint64_t memory = 0;         // bytes; 0: none
    std::uint64_t kernel_memory = 0;  // bytes; 0: by the host's memory
    double cpus = 0;                  // 0: none
    std::int64_t pids = 0;            // 0: none
    std::vector<Rlimit> rlimits;
};

struct NetworkConfig {
    NetworkMode mode = NetworkMode::None;
};

struct PlatformConfig {
    PlatformName name = PlatformName::Auto;
    std::int64_t cpus = 0;  // CPUs that prog sees; 0: the host's
};

struct DevicesConfig {
    std::vector<std::string> allow = {"null", "zero", "full", "random", "urandom", "tty", "ptmx"};
};

struct LogConfig {
    LogLevel level = LogLevel::Warn;
    LogFormat format = LogFormat::Text;
    std::string file;    // empty: stderr
    std::string report;  // empty: none
    // Empty: no trace. Otherwise names, families ("file", "process", ...), "all"; "!x" takes x out again.
    std::vector<std::string> trace_filter;
    std::string trace_file;  // empty: stderr; "%p" in it stands for the pid
};

struct CheckpointConfig {
    std::int64_t exercise = 0;  // saves and loads on the way
    std::int64_t seed = 0;      // of their times
};

struct SecurityConfig {
    bool strict = false;
    HostSockets host_sockets = HostSockets::None;
};

struct Config {
    std::int64_t version = 1;
    std::vector<std::string> extends;
    RunConfig run;
    RootConfig root;
    std::vector<MountSpec> mounts;
    HideConfig hide;
    EnvConfig env;
    UserConfig user;
    LimitsConfig limits;
    NetworkConfig network;
    PlatformConfig platform;
    DevicesConfig devices;
    LogConfig log;
    CheckpointConfig checkpoint;
    SecurityConfig security;

    // What resolve() found out about the caller.
    std::vector<std::string> environment;  // "K=V", what prog starts with
    unsigned closed_stdio = 0;             // bit n: descriptor n of 0..2 was closed when sbx started and is so for prog

    // One entry for each layer that gave (a part of) the key; a key without one has its default.
    std::vector<std::pair<std::string, Origin>> origins;
};

// The last origin of a key ("root.path"); a default one if nobody set it.
const Origin& origin_of(const Config& config, std::string_view key);

// "FILE:LINE:COL", "--ro", "profile build (FILE:LINE:COL)", "default".
std::string to_string(const Origin& origin);

// What an error about a key's value begins with: the origin, or the key's name where nobody set it or several did.
std::string place_of(const Config& config, std::string_view key);

}  // namespace sbx::config

namespace sbx {
using config::Config;
}
