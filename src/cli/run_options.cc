// The options of run, show and check, and how each of them changes the Config (verbs.h).
#include "src/cli/verbs.h"

#include <cstring>

#include "src/config/apply.h"
#include "src/config/error.h"
#include "src/config/load.h"
#include "src/config/units.h"

namespace sbx::cli {

namespace {

using config::MountSpec;
using config::MountType;
using config::Origin;
using config::Value;

constexpr const char* kNetwork = "the network";

constexpr Option kOptions[] = {
    {'r', "root", "DIR", "root.path", "make DIR the root; changes stay in memory"},
    {0, "ro", "P[:D]", nullptr, "mount path P at D (or P), read-only"},
    {0, "rw", "P[:D]", nullptr, "mount path P at D (or P); changes reach the host"},
    {0, "ov", "P[:D]", nullptr, "mount directory P at D (or P); changes stay in memory"},
    {0, "tmpfs", "D[:SIZE]", nullptr, "mount an empty file system in memory at D"},
    {0, "hide", "P", nullptr, "let path or glob P not exist inside"},
    {'C', "cwd", "DIR", "run.cwd", "start in DIR"},
    {'e', "env", "K[=V]", nullptr, "set variable K, or inherit it"},
    {'u', "user", "UID[:GID]", nullptr, "ids that the program sees"},
    {0, "fakeroot", nullptr, "user.fakeroot", "be uid 0 inside"},
    {'n', "network", "none", "network.mode", "none: loopback only"},
    {'p', "publish", "[ADDR:]H:G", "network.publish", "publish a port", nullptr, kNetwork},
    {0, "allow", "HOST[:PORT]", "network.allow", "allow connections", nullptr, kNetwork},
    {'m', "memory", "SIZE", "limits.memory", "most memory, such as 512M"},
    {0, "cpus", "N", "limits.cpus", "most CPU time, in CPUs, such as 1.5"},
    {0, "pids", "N", "limits.pids", "most tasks at a time"},
    {'t', "timeout", "TIME", "run.timeout", "end the program after TIME, such as 30s; status 124"},
    {'c', "config", "FILE", nullptr, "read the configuration FILE"},
    {'P', "profile", "NAME", nullptr, "start from profile NAME; may be repeated"},
    {'s', "set", "KEY=VALUE", nullptr, "set any key of sbx.toml"},
    {0, "platform", "NAME", "platform.name", "auto or ptrace"},
    {0, "trace", "SET", nullptr, "print system calls: names, families or !name, with commas", "all"},
    {0, "report", "FILE", "log.report", "write a JSON report to FILE at the end"},
    {0, "pass-fd", "N", nullptr, "pass descriptor N to the program"},
    {0, "name", "ID", nullptr, "name the sandbox", nullptr, "the control socket"},
    {0, "strict", nullptr, "security.strict", "fail if a layer of protection cannot be had"},
    {0, "die-with-parent", nullptr, "run.die-with-parent", "end when the process that started sbx ends"},
    {0, "exit-signal", nullptr, "run.exit-signal", "die of the signal that the program died of"},
    {'q', "quiet", nullptr, nullptr, "print errors only"},
    {'v', "verbose", nullptr, nullptr, "print more; twice: much more"},
    {0, "dry-run", nullptr, nullptr, "print what would be done, and do not do it"},
    {0, "json", nullptr, nullptr, "with --dry-run and show: print JSON"},
    {'h', "help", nullptr, nullptr, "print this"},
};

// P[:D] with an absolute D; a path that has ":/" in it can be mounted from a file only.
void add_path(Config& config, MountType type, config::AccessMode mode, const Given& given, const Origin& origin) {
    MountSpec mount;
    mount.type = type;
    mount.mode = mode;
    mount.origin = origin;
    std::size_t colon = given.value.rfind(":/");
    mount.src = given.value.substr(0, colon);
    if (colon != std::string::npos) mount.dst = given.value.substr(colon + 1);
    if (mount.src.empty()) fail_usage(given.spelled, given.value + ": no path before the colon");
    config::add_mount(config, std::move(mount));
}

void add_tmpfs(Config& config, const Given& given, const Origin& origin) {
    MountSpec mount;
    mount.type = MountType::Tmpfs;
    mount.origin = origin;
    std::size_t colon = given.value.rfind(':');
    mount.dst = given.value.substr(0, colon);
    if (colon != std::string::npos) {
        std::string size = given.value.substr(colon + 1);
        if (!config::parse_size(size))
            fail_usage(given.spelled, "\"" + size + "\" is not a size", "write " + mount.dst + ":64M");
        mount.options.push_back("size=" + size);
    }
    config::add_mount(config, std::move(mount));
}

void set_variable(Config& config, const Given& given, const Origin& origin) {
    std::size_t equals = given.value.find('=');
    std::string name = given.value.substr(0, equals);
    if (name.empty()) fail_usage(given.spelled, "\"" + given.value + "\" has no name");
    if (equals != std::string::npos) {
        Value table;
        table.kind = Value::Kind::Table;
        table.origin = origin;
        Value value = Value::of(given.value.substr(equals + 1));
        value.origin = origin;
        table.members.push_back({name, origin, value});
        config::apply_value(config, *config::find_key("env.set"), table);
        return;
    }
    // Inherited whatever the files say.
    config::EnvConfig& env = config.env;
    std::erase_if(env.set, [&](const auto& entry) { return entry.first == name; });
    std::erase(env.unset, name);
    env.kept.push_back(name);
    if (env.inherit == config::EnvInherit::All) return;
    if (env.inherit == config::EnvInherit::None) env.names.clear();
    env.inherit = config::EnvInherit::Listed;
    env.names.push_back(name);
    config.origins.emplace_back("env.inherit", origin);
}

void set_user(Config& config, const Given& given, const Origin& origin) {
    std::size_t colon = given.value.find(':');
    config::apply_string(config, "user.uid", given.value.substr(0, colon), origin);
    if (colon != std::string::npos) config::apply_string(config, "user.gid", given.value.substr(colon + 1), origin);
}

void set_trace(Config& config, const Given& given, const Origin& origin) {
    std::vector<std::string> filter;
    for (std::size_t at = 0; at <= given.value.size();) {
        std::size_t end = std::min(given.value.find(',', at), given.value.size());
        std::string item = given.value.substr(at, end - at);
        if (item.empty() || item == "!") fail_usage(given.spelled, "\"" + given.value + "\" has an empty name");
        filter.push_back(std::move(item));
        at = end + 1;
    }
    Value value = Value::of(filter);
    value.origin = origin;
    for (Value& item : value.items) item.origin = origin;
    config::apply_value(config, *config::find_key("log.trace.filter"), value);
}

void set_key(Config& config, const Given& given) {
    std::size_t equals = given.value.find('=');
    if (equals == std::string::npos || equals == 0)
        fail_usage(given.spelled, "\"" + given.value + "\" is not KEY=VALUE", "for instance -s run.timeout=30s");
    std::string key = given.value.substr(0, equals);
    Origin origin;
    origin.kind = Origin::Kind::CommandLine;
    origin.name = given.spelled + " " + key;
    config::apply_text(config, key, given.value.substr(equals + 1), origin);
}

void apply_option(Config& config, const Given& given) {
    const Option& option = *given.option;
    Origin origin;
    origin.kind = Origin::Kind::CommandLine;
    origin.name = given.spelled;
    auto is = [&](const char* name) { return std::strcmp(option.name, name) == 0; };
    if (is("ro")) {
        add_path(config, MountType::Bind, config::AccessMode::ReadOnly, given, origin);
    } else if (is("rw")) {
        add_path(config, MountType::Bind, config::AccessMode::ReadWrite, given, origin);
    } else if (is("ov")) {
        add_path(config, MountType::Overlay, config::AccessMode::Unset, given, origin);
    } else if (is("tmpfs")) {
        add_tmpfs(config, given, origin);
    } else if (is("hide")) {
        Value value = Value::of(std::vector<std::string>{given.value});
        value.origin = value.items[0].origin = origin;
        config::apply_value(config, *config::find_key("hide.paths"), value);
    } else if (is("env")) {
        set_variable(config, given, origin);
    } else if (is("user")) {
        set_user(config, given, origin);
    } else if (is("trace")) {
        set_trace(config, given, origin);
    } else if (is("set")) {
        set_key(config, given);
    } else if (is("pass-fd")) {
        config::apply_text(config, "run.pass-fds", given.value, origin);
    } else if (is("quiet")) {
        config::apply_string(config, "log.level", "error", origin);
    } else if (is("verbose")) {
        bool again = config.log.level >= config::LogLevel::Info;
        config::apply_string(config, "log.level", again ? "debug" : "info", origin);
    } else if (option.key) {
        config::apply_text(config, option.key, option.metavar ? given.value : "true", origin);
    }
}

}  // namespace

std::span<const Option> run_options() { return kOptions; }

Config load_config(const CommandLine& line) {
    Config config;
    config::Loader loader(config::profile_path_from_environment());
    for (const Given& given : line.given) {
        if (std::strcmp(given.option->name, "profile") != 0) continue;
        Origin origin;
        origin.kind = Origin::Kind::CommandLine;
        origin.name = given.spelled;
        loader.profile(config, given.value, origin);
    }
    const Given* file = nullptr;
    for (const Given& given : line.given) {
        if (std::strcmp(given.option->name, "config") != 0) continue;
        if (file)
            fail_usage(given.spelled, "one file only: " + file->value + " or " + given.value,
                       "profiles (-P) can be combined");
        file = &given;
    }
    if (file) loader.file(config, file->value);
    for (const Given& given : line.given) apply_option(config, given);
    if (!line.words.empty()) {
        Origin origin;
        origin.kind = Origin::Kind::CommandLine;
        origin.name = "command line";
        Value value = Value::of(line.words);
        value.origin = origin;
        config::apply_value(config, *config::find_key("run.argv"), value);
    }
    return config;
}

}  // namespace sbx::cli
