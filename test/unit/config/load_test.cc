// TOML to Config: keys, layers, profiles and the lines for what is wrong.
#include <doctest/doctest.h>

#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <string>

#include "src/config/apply.h"
#include "src/config/error.h"
#include "src/config/load.h"

using namespace sbx::config;
using sbx::Config;
using sbx::UserError;

namespace {

Origin file_origin() {
    Origin origin;
    origin.kind = Origin::Kind::File;
    origin.name = "t.toml";
    return origin;
}

Config load(std::string_view text, ProfilePath path = {}) {
    Config config;
    Loader(std::move(path)).text(config, text, file_origin());
    return config;
}

std::string error_of(std::string_view text) {
    try {
        load(text);
    } catch (const UserError& error) {
        return error.where + ": " + error.what;
    }
    return "";
}

std::string option_error(std::string_view key, std::string_view value) {
    Config config;
    try {
        apply_text(config, key, value, Origin{Origin::Kind::CommandLine, "-s", {}, 0, 0});
    } catch (const UserError& error) {
        return error.what;
    }
    return "";
}

struct TemporaryDirectory {
    std::string path;
    TemporaryDirectory() {
        char name[] = "/tmp/sbx-unit-XXXXXX";
        path = mkdtemp(name);
    }
    ~TemporaryDirectory() {
        for (const std::string& file : files) unlink(file.c_str());
        rmdir(path.c_str());
    }
    void write(const std::string& name, const std::string& text) {
        files.push_back(path + "/" + name);
        std::ofstream(files.back()) << text;
    }
    std::vector<std::string> files;
};

}  // namespace

TEST_CASE("every supported key is read") {
    Config c = load(R"(
version = 1
[run]
argv = ["make", "-j4"]
cwd = "/work"
hostname = "box"
tty = "never"
init = true
timeout = "10m"
kill-grace = "250ms"
pass-fds = [3, 4, 3]
[root]
path = "/srv"
mode = "ro"
size = "2G"
[[mount]]
type = "bind"
src = "."
dst = "/work"
mode = "rw"
options = ["nosuid", "nodev", "noexec"]
cache = "exclusive"
optional = true
[[mount]]
type = "tmpfs"
dst = "/tmp"
options = ["size=64M", "mode=1777"]
[hide]
paths = ["~/.ssh"]
[env]
inherit = ["PATH", "LC_*"]
set = { CI = "1" }
unset = ["LD_PRELOAD"]
[user]
uid = 1000
gid = "host"
capabilities = ["net_admin", "CAP_CHOWN"]
[limits]
memory = "4G"
kernel-memory = "128M"
cpus = 1.5
pids = 4096
rlimit = { nofile = [1024, 1048576], core = 0, stack = "unlimited" }
[network]
mode = "none"
[platform]
name = "ptrace"
cpus = 2
[devices]
allow = ["null"]
[log]
level = "debug"
file = "sbx.log"
report = "report.json"
trace = { filter = ["file", "!futex"], file = "trace.%p" }
[security]
strict = true
host-sockets = "none"
)");
    CHECK(c.run.argv == std::vector<std::string>{"make", "-j4"});
    CHECK(c.run.cwd == "/work");
    CHECK(c.run.tty == TtyMode::Never);
    CHECK(c.run.init);
    CHECK(c.run.timeout_ns == 600'000'000'000);
    CHECK(c.run.kill_grace_ns == 250'000'000);
    CHECK(c.run.pass_fds == std::vector<std::int64_t>{3, 4});
    CHECK(c.root.mode == RootMode::ReadOnly);
    CHECK(c.root.size == 2ull << 30);
    REQUIRE(c.mounts.size() == 2);
    CHECK(c.mounts[0].mode == AccessMode::ReadWrite);
    CHECK((c.mounts[0].nosuid && c.mounts[0].nodev && c.mounts[0].noexec && c.mounts[0].optional));
    CHECK(c.mounts[0].cache == CacheMode::Exclusive);
    CHECK(c.mounts[1].type == MountType::Tmpfs);
    CHECK(c.mounts[1].size == 64u << 20);
    CHECK(c.mounts[1].permissions == 01777);
    CHECK(c.env.inherit == EnvInherit::Listed);
    CHECK(c.env.set == std::vector<std::pair<std::string, std::string>>{{"CI", "1"}});
    CHECK(c.user.uid.id == 1000);
    CHECK(c.user.gid.host);
    CHECK(c.user.capabilities == ((1u << 12) | 1u));
    CHECK(c.limits.memory == 4ull << 30);
    CHECK(c.limits.kernel_memory == 128ull << 20);
    CHECK(c.limits.cpus == 1.5);
    REQUIRE(c.limits.rlimits.size() == 3);
    CHECK(c.limits.rlimits[0].name == "nofile");
    CHECK(c.limits.rlimits[0].hard == 1048576);
    CHECK(c.limits.rlimits[2].soft == ~0ull);
    CHECK(c.platform.name == PlatformName::Ptrace);
    CHECK(c.log.level == LogLevel::Debug);
    CHECK(c.log.trace_filter.size() == 2);
    CHECK(c.log.trace_file == "trace.%p");
    CHECK(c.security.strict);
    CHECK(to_string(origin_of(c, "run.cwd")) == "t.toml:5:7");
    CHECK(to_string(origin_of(c, "run.exit-signal")) == "default");
}

TEST_CASE("mistakes are named with their place and the nearest key") {
    CHECK(error_of("[run]\ntimeuot = '5s'") == "t.toml:2:1: unknown key \"timeuot\" (did you mean \"timeout\"?)");
    CHECK(error_of("[rnu]\nx = 1") == "t.toml:1:2: unknown key \"rnu\" (did you mean \"run\"?)");
    CHECK(error_of("[run]\nmemory = 1") == "t.toml:2:1: unknown key \"memory\" (did you mean \"limits.memory\"?)");
    CHECK(error_of("qwertyuiop = 1") == "t.toml:1:1: unknown key \"qwertyuiop\"");
    CHECK(error_of("run = 1") == "t.toml:1:7: run is a table: write [run]");
    CHECK(error_of("[mount]\ntype='proc'") == "t.toml:1:1: mount is an array of tables: write [[mount]]");
    CHECK(error_of("[run]\ninit = 1") == "t.toml:2:8: run.init: expected true or false, not an integer");
    CHECK(error_of("[run]\nargv = 'ls'") == "t.toml:2:8: run.argv: expected an array of strings, not a string");
    CHECK(error_of("[run]\nargv = ['ls', 1]") == "t.toml:2:15: run.argv: expected a string, not an integer");
    CHECK(error_of("[run]\ntimeout = '5'") == "t.toml:2:11: run.timeout: \"5\" is not a duration");
    CHECK(error_of("[limits]\nmemory = -1") == "t.toml:2:10: limits.memory: a size cannot be negative");
    CHECK(error_of("[limits]\npids = 0") == "t.toml:2:8: limits.pids: 0 is not between 1 and 4194304");
    CHECK(error_of("[limits]\nrlimit = { nofil = 1 }") ==
          "t.toml:2:12: unknown resource limit \"nofil\" (did you mean \"nofile\"?)");
    CHECK(error_of("[limits]\nrlimit = { nofile = [2, 1] }") ==
          "t.toml:2:21: limits.rlimit: nofile: the soft limit is above the hard one");
    CHECK(error_of("[run]\ntty = 'on'") == "t.toml:2:7: run.tty: \"on\" is not one of auto, always, never");
    CHECK(error_of("version = 2") == "t.toml:1:11: version: 2 is not between 1 and 1");
    CHECK(error_of("[run]\ncwd = \"a\\u0000b\"") == "t.toml:2:7: run.cwd: a NUL byte in a string");
    CHECK(error_of("[root]\npath = ''") == "t.toml:2:8: root.path: an empty path");
    CHECK(error_of("[[mount]]\ndst = '/x'") == "t.toml:1:1: a mount needs a type");
    CHECK(error_of("[[mount]]\ntype = 'bind'") == "t.toml:1:1: this type of mount needs src");
    CHECK(error_of("[[mount]]\ntype = 'proc'\nsrc = '/x'\ndst = '/y'") == "t.toml:1:1: this type of mount has no src");
    CHECK(error_of("[[mount]]\ntype = 'tmpfs'\ndst = '/y'\noptions = ['size=x']") == "t.toml:1:1: not a size: size=x");
    CHECK(error_of("[[mount]]\ntype = 'proc'\ndst = '/y'\noptions = ['size=1']") ==
          "t.toml:1:1: unknown mount option \"size=1\"");
    CHECK(error_of("[limits]\ncpus = 0") == "t.toml:2:8: limits.cpus: 0 is not between 0.001 and 1024");
    CHECK(error_of("[limits]\ncpus = '2'") == "t.toml:2:8: limits.cpus: expected a number such as 1.5, not a string");
    CHECK(error_of("[user]\nuid = -1") == "t.toml:2:7: user.uid: -1 is not between 0 and 4294967294");
    CHECK(error_of("[user]\nuid = '5'") == "t.toml:2:7: user.uid: \"5\" is not a number or \"host\"");
    CHECK(error_of("[env]\nset = { 'A=B' = 'x' }") == "t.toml:2:9: not a variable's name: \"A=B\"");
    CHECK(error_of("x = ").starts_with("t.toml:1:"));
    CHECK(error_of("[run]\nzzz = 1\naaa = 2").starts_with("t.toml:2:1: unknown key \"zzz\""));
}

TEST_CASE("keys of parts that are not there are refused") {
    for (const char* text :
         {"[network]\nmode = 'user'", "[network]\npublish = []", "[checkpoint]\ndir = 'x'", "[root]\nupper = 'dir:/x'",
          "[log]\nformat = 'json'", "[platform]\nname = 'kvm'", "[security]\nhost-sockets = 'open'"})
        CHECK_MESSAGE(error_of(text).ends_with("not supported yet"), text);
}

TEST_CASE("later layers override, add and take away") {
    Config c;
    Loader loader{ProfilePath{}};
    loader.text(c, "[run]\nargv=['a','b']\ntimeout='1s'\n[env]\nset={A='1',B='1'}\nunset=['C']\n[hide]\npaths=['/a']",
                file_origin());
    loader.text(
        c, "[run]\nargv=['c']\n[env]\nset={C='2'}\nunset=['A']\n[hide]\npaths=['/b']\n[[mount]]\ntype='proc'\ndst='/p'",
        file_origin());
    CHECK(c.run.argv == std::vector<std::string>{"c"});
    CHECK(c.run.timeout_ns == 1'000'000'000);
    CHECK(c.env.set == std::vector<std::pair<std::string, std::string>>{{"B", "1"}, {"C", "2"}});
    CHECK(c.env.unset == std::vector<std::string>{"A"});
    CHECK(c.hide.paths == std::vector<std::string>{"/a", "/b"});
    CHECK(c.mounts.size() == 1);
}

TEST_CASE("profiles are found, extended once and refused in a circle") {
    TemporaryDirectory first, second;
    first.write("base.toml", "[run]\nhostname='base'\ncwd='/base'");
    first.write("left.toml", "extends=['base']\n[run]\nhostname='left'");
    second.write("base.toml", "[run]\nhostname='shadowed'");
    second.write("loop.toml", "extends=['loop2']");
    second.write("loop2.toml", "extends=['loop']");
    ProfilePath path{{first.path, second.path}};
    Config c = load("extends=['left','base']", path);
    CHECK(c.run.hostname == "left");
    CHECK(c.run.cwd == "/base");
    CHECK(to_string(origin_of(c, "run.hostname")) == "profile left (" + first.path + "/left.toml:3:10)");
    CHECK_THROWS_AS(load("extends=['loop']", path), UserError);
    CHECK_THROWS_AS(load("extends=['../base']", path), UserError);
    CHECK_THROWS_AS(load("extends=['absent']", path), UserError);
    std::size_t count = 0;
    const BuiltinProfile* builtin = builtin_profiles(count);
    for (std::size_t i = 0; i < count; i++) CHECK_NOTHROW(load("extends=['" + std::string(builtin[i].name) + "']"));
}

TEST_CASE("keys from the command line") {
    Config c;
    Origin origin{Origin::Kind::CommandLine, "-s", {}, 0, 0};
    apply_text(c, "run.timeout", "1m", origin);
    apply_text(c, "run.cwd", "\"/a b\"", origin);
    apply_text(c, "run.argv", "['x', 'y']", origin);
    apply_text(c, "hide.paths", "~/.ssh", origin);
    apply_text(c, "env.set.CI", "true", origin);
    apply_text(c, "env.inherit", "none", origin);
    apply_text(c, "limits.rlimit.nofile", "1024", origin);
    apply_text(c, "limits.rlimit.core", "unlimited", origin);
    apply_text(c, "user.uid", "5", origin);
    apply_text(c, "run.pass-fds", "7", origin);
    apply_text(c, "run.init", "true", origin);
    CHECK(c.run.timeout_ns == 60'000'000'000);
    CHECK(c.run.cwd == "/a b");
    CHECK(c.run.argv.size() == 2);
    CHECK(c.hide.paths == std::vector<std::string>{"~/.ssh"});
    CHECK(c.env.set.at(0).second == "true");
    CHECK(c.env.inherit == EnvInherit::None);
    CHECK(c.limits.rlimits.size() == 2);
    CHECK(c.user.uid.id == 5);
    CHECK(c.run.pass_fds == std::vector<std::int64_t>{7});
    CHECK(c.run.init);
    CHECK(option_error("run.timeuot", "1s") == "unknown key \"run.timeuot\" (did you mean \"run.timeout\"?)");
    CHECK(option_error("timeout", "1s") == "unknown key \"timeout\" (did you mean \"run.timeout\"?)");
    CHECK(option_error("run.argv", "['x'\n]") == "a value is one line");
    CHECK(option_error("limits.pids", "[") == "\"[\" is not a number");
    CHECK(option_error("mount.src", "x") == "mounts cannot be set this way");
    CHECK(option_error("network.publish", "[]") == "\"network.publish\" is not supported yet");
}

TEST_CASE("a Config is shown as it would be read") {
    Config c = load(
        "[run]\nargv=['a \"b\"']\ntimeout='90s'\n[limits]\nrlimit={nofile=[1,2],core='unlimited'}\nmemory=4096\n"
        "[env]\nset={A='x',B='y'}\ninherit=['P*']\n[user]\nuid=7\ncapabilities=['chown']");
    std::string text;
    for (const Key& key : keys())
        if (auto value = get_value(c, key)) text += std::string(key.name) + " = " + to_toml(*value) + "\n";
    Config again = load(text);
    std::string text_again;
    for (const Key& key : keys())
        if (auto value = get_value(again, key)) text_again += std::string(key.name) + " = " + to_toml(*value) + "\n";
    CHECK(text == text_again);
    CHECK(text.find("run.timeout = \"1m30s\"\n") != std::string::npos);
    CHECK(text.find("limits.memory = \"4K\"\n") != std::string::npos);
    CHECK(text.find("limits.rlimit = { nofile = [1, 2], core = [\"unlimited\", \"unlimited\"] }\n") !=
          std::string::npos);
}
