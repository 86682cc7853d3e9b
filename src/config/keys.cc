// The rows of the table of configuration keys, and the search for a near name (keys.h).
#include "src/config/keys.h"

#include <algorithm>
#include <string>

namespace sbx::config {

namespace {

template <Shape S>
struct FieldOf;
template <>
struct FieldOf<Shape::Boolean> {
    using type = bool;
};
template <>
struct FieldOf<Shape::Integer> {
    using type = std::int64_t;
};
template <>
struct FieldOf<Shape::Fraction> {
    using type = double;
};
template <>
struct FieldOf<Shape::String> {
    using type = std::string;
};
template <>
struct FieldOf<Shape::Path> {
    using type = std::string;
};
template <>
struct FieldOf<Shape::Size> {
    using type = std::uint64_t;
};
template <>
struct FieldOf<Shape::Duration> {
    using type = std::int64_t;
};
template <>
struct FieldOf<Shape::Upper> {
    using type = UpperKind;
};
template <>
struct FieldOf<Shape::Strings> {
    using type = std::vector<std::string>;
};
template <>
struct FieldOf<Shape::Integers> {
    using type = std::vector<std::int64_t>;
};
template <>
struct FieldOf<Shape::Inherit> {
    using type = EnvConfig;
};
template <>
struct FieldOf<Shape::StringTable> {
    using type = std::vector<std::pair<std::string, std::string>>;
};
template <>
struct FieldOf<Shape::Identity> {
    using type = Identity;
};
template <>
struct FieldOf<Shape::Capabilities> {
    using type = UserConfig;
};
template <>
struct FieldOf<Shape::Rlimits> {
    using type = std::vector<Rlimit>;
};

template <Shape S, class T>
constexpr bool fits() {
    if constexpr (S == Shape::Choice)
        return std::is_enum_v<T> && sizeof(T) == 1;
    else
        return std::is_same_v<T, typename FieldOf<S>::type>;
}

// A field of one section of the Config, checked against the shape of its row when it is compiled.
template <Shape S, auto Section, auto Member>
void* at(void* config) {
    auto& field = (static_cast<Config*>(config)->*Section).*Member;
    static_assert(fits<S, std::remove_reference_t<decltype(field)>>());
    return &field;
}
template <Shape S, auto Member>
void* top(void* config) {
    auto& field = static_cast<Config*>(config)->*Member;
    static_assert(fits<S, std::remove_reference_t<decltype(field)>>());
    return &field;
}
template <Shape S, auto Member>
void* of_mount(void* mount) {
    auto& field = static_cast<MountSpec*>(mount)->*Member;
    static_assert(fits<S, std::remove_reference_t<decltype(field)>>());
    return &field;
}

constexpr const char* kNetwork = "the network";
constexpr const char* kCheckpoint = "checkpoints";

template <class E>
constexpr Choice choice(const char* name, E value, const char* awaits = nullptr) {
    return {name, static_cast<unsigned char>(value), awaits};
}

constexpr Choice kTtyModes[] = {choice("auto", TtyMode::Auto), choice("always", TtyMode::Always),
                                choice("never", TtyMode::Never)};
constexpr Choice kRootModes[] = {choice("ro", RootMode::ReadOnly), choice("rw", RootMode::ReadWrite),
                                 choice("overlay", RootMode::Overlay)};
constexpr Choice kMountTypes[] = {
    choice("bind", MountType::Bind),     choice("tmpfs", MountType::Tmpfs), choice("overlay", MountType::Overlay),
    choice("proc", MountType::Proc),     choice("sys", MountType::Sys),     choice("dev", MountType::Dev),
    choice("devpts", MountType::Devpts), choice("file", MountType::File),   choice("symlink", MountType::Symlink),
};
constexpr Choice kAccessModes[] = {choice("ro", AccessMode::ReadOnly), choice("rw", AccessMode::ReadWrite)};
constexpr Choice kCacheModes[] = {choice("revalidate", CacheMode::Revalidate),
                                  choice("exclusive", CacheMode::Exclusive)};
constexpr Choice kNetworkModes[] = {
    choice("none", NetworkMode::None), {"user", 0, kNetwork}, {"host", 0, kNetwork}, {"tap", 0, kNetwork}};
constexpr Choice kPlatforms[] = {choice("auto", PlatformName::Auto), choice("ptrace", PlatformName::Ptrace),
                                 choice("systrap", PlatformName::Systrap),
                                 choice("kvm", PlatformName::Kvm, "the kvm platform")};
constexpr Choice kLevels[] = {choice("error", LogLevel::Error), choice("warn", LogLevel::Warn),
                              choice("info", LogLevel::Info), choice("debug", LogLevel::Debug),
                              choice("trace", LogLevel::Trace)};
constexpr Choice kFormats[] = {choice("text", LogFormat::Text), {"json", 0, "the JSON log"}};
constexpr Choice kHostSockets[] = {
    choice("none", HostSockets::None), {"open", 0, "host sockets"}, {"create", 0, "host sockets"}};

using C = Config;
constexpr Merge kReplace = Merge::Replace;

constexpr Key later(const char* name, Shape shape, const char* awaits, const char* doc) {
    return {name, shape, nullptr, doc, kReplace, {}, 0, INT64_MAX, awaits};
}

constexpr Key kKeys[] = {
    {"version", Shape::Integer, top<Shape::Integer, &C::version>, "version of this format", kReplace, {}, 1, 1},
    {"extends", Shape::Strings, top<Shape::Strings, &C::extends>, "profiles to start from, left to right"},

    {"run.argv", Shape::Strings, at<Shape::Strings, &C::run, &RunConfig::argv>, "program and its arguments"},
    {"run.cwd", Shape::String, at<Shape::String, &C::run, &RunConfig::cwd>, "working directory inside"},
    {"run.hostname", Shape::String, at<Shape::String, &C::run, &RunConfig::hostname>, "host name inside"},
    {"run.tty", Shape::Choice, at<Shape::Choice, &C::run, &RunConfig::tty>, "give the program a terminal of its own",
     kReplace, kTtyModes},
    {"run.init", Shape::Boolean, at<Shape::Boolean, &C::run, &RunConfig::init>,
     "put a small init before the program as PID 1"},
    {"run.timeout", Shape::Duration, at<Shape::Duration, &C::run, &RunConfig::timeout_ns>,
     "end the program after this time"},
    {"run.kill-grace", Shape::Duration, at<Shape::Duration, &C::run, &RunConfig::kill_grace_ns>,
     "time between TERM and KILL at the timeout"},
    {"run.pass-fds",
     Shape::Integers,
     at<Shape::Integers, &C::run, &RunConfig::pass_fds>,
     "descriptors passed besides 0, 1 and 2",
     Merge::Append,
     {},
     3,
     65535},
    {"run.die-with-parent", Shape::Boolean, at<Shape::Boolean, &C::run, &RunConfig::die_with_parent>,
     "end when the process that started sbx ends"},
    {"run.exit-signal", Shape::Boolean, at<Shape::Boolean, &C::run, &RunConfig::exit_signal>,
     "die of the signal that the program died of"},

    {"root.path", Shape::Path, at<Shape::Path, &C::root, &RootConfig::path>, "directory that becomes / inside"},
    {"root.mode", Shape::Choice, at<Shape::Choice, &C::root, &RootConfig::mode>, "whether the root can be changed",
     kReplace, kRootModes},
    {"root.upper", Shape::Upper, at<Shape::Upper, &C::root, &RootConfig::upper>,
     "where changes to an overlay root are kept"},
    {"root.size", Shape::Size, at<Shape::Size, &C::root, &RootConfig::size>, "most that the overlay may hold"},

    {"mount.type", Shape::Choice, of_mount<Shape::Choice, &MountSpec::type>, "what is mounted", kReplace, kMountTypes},
    {"mount.src", Shape::String, of_mount<Shape::String, &MountSpec::src>,
     "path on the host, or the text of a symlink"},
    {"mount.dst", Shape::Path, of_mount<Shape::Path, &MountSpec::dst>, "path inside; src where it is left out"},
    {"mount.mode", Shape::Choice, of_mount<Shape::Choice, &MountSpec::mode>, "whether the mount can be changed",
     kReplace, kAccessModes},
    {"mount.options", Shape::Strings, of_mount<Shape::Strings, &MountSpec::options>,
     "nosuid, nodev, noexec; tmpfs also size=SIZE and mode=OCTAL"},
    {"mount.cache", Shape::Choice, of_mount<Shape::Choice, &MountSpec::cache>,
     "whether others may change the files meanwhile", kReplace, kCacheModes},
    {"mount.optional", Shape::Boolean, of_mount<Shape::Boolean, &MountSpec::optional>,
     "leave it out if the source is not there"},

    {"hide.paths", Shape::Strings, at<Shape::Strings, &C::hide, &HideConfig::paths>,
     "paths and globs that do not exist inside", Merge::Append},

    {"env.inherit", Shape::Inherit, top<Shape::Inherit, &C::env>, "variables that come from the caller"},
    {"env.set", Shape::StringTable, at<Shape::StringTable, &C::env, &EnvConfig::set>, "variables that are set",
     Merge::ByName},
    {"env.unset", Shape::Strings, at<Shape::Strings, &C::env, &EnvConfig::unset>, "variables that are taken out",
     Merge::Append},

    {"user.uid", Shape::Identity, at<Shape::Identity, &C::user, &UserConfig::uid>, "user id that the program sees"},
    {"user.gid", Shape::Identity, at<Shape::Identity, &C::user, &UserConfig::gid>, "group id that the program sees"},
    {"user.fakeroot", Shape::Boolean, at<Shape::Boolean, &C::user, &UserConfig::fakeroot>,
     "uid 0 inside, changes of owner kept in the overlay"},
    {"user.capabilities", Shape::Capabilities, top<Shape::Capabilities, &C::user>,
     "capabilities that the program has inside"},

    {"limits.memory", Shape::Size, at<Shape::Size, &C::limits, &LimitsConfig::memory>,
     "most memory, all processes together"},
    {"limits.kernel-memory", Shape::Size, at<Shape::Size, &C::limits, &LimitsConfig::kernel_memory>,
     "most memory that sbx itself may hold for the program"},
    {"limits.pids",
     Shape::Integer,
     at<Shape::Integer, &C::limits, &LimitsConfig::pids>,
     "most tasks at a time",
     kReplace,
     {},
     1,
     4194304},
    {"limits.rlimit", Shape::Rlimits, at<Shape::Rlimits, &C::limits, &LimitsConfig::rlimits>,
     "resource limits, soft and hard", Merge::ByName},
    {"limits.cpus",
     Shape::Fraction,
     at<Shape::Fraction, &C::limits, &LimitsConfig::cpus>,
     "most CPU time, in CPUs",
     kReplace,
     {},
     0,
     1024},

    {"network.mode", Shape::Choice, at<Shape::Choice, &C::network, &NetworkConfig::mode>, "what the program can reach",
     kReplace, kNetworkModes},
    later("network.address", Shape::String, kNetwork, "address of the sandbox"),
    later("network.publish", Shape::Strings, kNetwork, "ports that the host can reach"),
    later("network.allow", Shape::Strings, kNetwork, "what may be connected to"),
    later("network.deny", Shape::Strings, kNetwork, "what may not be connected to"),
    later("network.pcap", Shape::Path, kNetwork, "file for a packet capture"),

    {"platform.name", Shape::Choice, at<Shape::Choice, &C::platform, &PlatformConfig::name>,
     "how the program's instructions are executed", kReplace, kPlatforms},
    {"platform.cpus",
     Shape::Integer,
     at<Shape::Integer, &C::platform, &PlatformConfig::cpus>,
     "CPUs that the program sees",
     kReplace,
     {},
     0,
     1024},

    {"devices.allow", Shape::Strings, at<Shape::Strings, &C::devices, &DevicesConfig::allow>, "devices in /dev"},

    {"log.level", Shape::Choice, at<Shape::Choice, &C::log, &LogConfig::level>, "how much sbx says", kReplace, kLevels},
    {"log.format", Shape::Choice, at<Shape::Choice, &C::log, &LogConfig::format>, "form of the log", kReplace,
     kFormats},
    {"log.file", Shape::Path, at<Shape::Path, &C::log, &LogConfig::file>, "file for the log; stderr if not set"},
    {"log.report", Shape::Path, at<Shape::Path, &C::log, &LogConfig::report>, "file for a JSON report at the end"},
    {"log.trace.filter", Shape::Strings, at<Shape::Strings, &C::log, &LogConfig::trace_filter>,
     "system calls to print: names, families, all, !name"},
    {"log.trace.file", Shape::Path, at<Shape::Path, &C::log, &LogConfig::trace_file>,
     "file for the trace; stderr if not set"},

    {"checkpoint.exercise",
     Shape::Integer,
     at<Shape::Integer, &C::checkpoint, &CheckpointConfig::exercise>,
     "a test of sbx itself: saves and loads on the way",
     kReplace,
     {},
     0,
     1000000},
    {"checkpoint.seed", Shape::Integer, at<Shape::Integer, &C::checkpoint, &CheckpointConfig::seed>,
     "of the times of those"},
    later("checkpoint.dir", Shape::Path, kCheckpoint, "directory of the checkpoint"),
    later("checkpoint.compress", Shape::String, kCheckpoint, "compression of the checkpoint"),
    later("checkpoint.on-signal", Shape::String, kCheckpoint, "signal that makes one"),
    later("checkpoint.leave-running", Shape::Boolean, kCheckpoint, "go on after it"),

    {"security.strict", Shape::Boolean, at<Shape::Boolean, &C::security, &SecurityConfig::strict>,
     "fail if a layer of protection cannot be had"},
    {"security.host-sockets", Shape::Choice, at<Shape::Choice, &C::security, &SecurityConfig::host_sockets>,
     "unix sockets of the host that can be connected to", kReplace, kHostSockets},
};

// Edits (insert, delete, replace, swap of neighbours) from a to b, or past `limit` something larger than it.
std::size_t distance(std::string_view a, std::string_view b, std::size_t limit) {
    std::size_t gap = a.size() > b.size() ? a.size() - b.size() : b.size() - a.size();
    if (gap > limit || a.size() > 64 || b.size() > 64) return limit + 1;
    std::vector<std::size_t> before(b.size() + 1), last(b.size() + 1), now(b.size() + 1);
    for (std::size_t j = 0; j <= b.size(); j++) last[j] = j;
    for (std::size_t i = 1; i <= a.size(); i++) {
        now[0] = i;
        for (std::size_t j = 1; j <= b.size(); j++) {
            std::size_t cost = a[i - 1] == b[j - 1] ? 0 : 1;
            now[j] = std::min({last[j] + 1, now[j - 1] + 1, last[j - 1] + cost});
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                now[j] = std::min(now[j], before[j - 2] + 1);
        }
        before.swap(last);
        last.swap(now);
    }
    return last[b.size()];
}

}  // namespace

std::span<const Key> keys() { return kKeys; }

const Key* find_key(std::string_view name) {
    for (const Key& key : kKeys)
        if (key.name == name) return &key;
    return nullptr;
}

bool is_section(std::string_view name) {
    for (const Key& key : kKeys) {
        std::string_view full = key.name;
        if (full.size() > name.size() && full.starts_with(name) && full[name.size()] == '.') return true;
    }
    return false;
}

std::string nearest_word(std::string_view word, std::span<const std::string_view> words) {
    std::size_t best = std::max<std::size_t>(1, std::min<std::size_t>(3, word.size() / 3)) + 1;
    std::string_view found;
    for (std::string_view candidate : words) {
        std::size_t d = distance(word, candidate, best);
        if (d < best) {
            best = d;
            found = candidate;
        }
    }
    return std::string(found);
}

std::string nearest_key(std::string_view name, std::string_view section) {
    // Names one level below the section first; then the last part of any key, for a key under the wrong section.
    std::vector<std::string_view> names;
    for (const Key& key : kKeys) {
        std::string_view full = key.name;
        if (!full.starts_with(section)) continue;
        std::string_view rest = full.substr(section.size());
        rest = rest.substr(0, rest.find('.'));
        if (std::find(names.begin(), names.end(), rest) == names.end()) names.push_back(rest);
    }
    std::string near = nearest_word(name, names);
    if (!near.empty()) return near;
    for (const Key& key : kKeys) {
        std::string_view full = key.name;
        if (full.substr(full.rfind('.') + 1) == name) return std::string(full);
    }
    return {};
}

}  // namespace sbx::config
