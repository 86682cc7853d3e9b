// Paths made absolute, implied mounts, the environment and the checks against the host.
#include <doctest/doctest.h>

#include <algorithm>
#include <string>

#include "src/config/apply.h"
#include "src/config/environment.h"
#include "src/config/error.h"
#include "src/config/load.h"
#include "src/config/resolve.h"

using namespace sbx::config;
using sbx::Config;
using sbx::UserError;

namespace {

HostFacts host() {
    HostFacts facts;
    facts.cwd = "/usr";
    facts.home = "/root";
    facts.hostname = "here";
    facts.uid = 1000;
    facts.gid = 1001;
    facts.environment = {"PATH=/bin", "LC_ALL=C", "LD_PRELOAD=x"};
    return facts;
}

Config resolved(std::string_view text) {
    Config config;
    Origin origin{Origin::Kind::File, "t.toml", {}, 0, 0};
    Loader(ProfilePath{}).text(config, text, origin);
    resolve(config, host());
    return config;
}

std::string error_of(std::string_view text) {
    try {
        resolved(text);
    } catch (const UserError& error) {
        return error.where + ": " + error.what;
    }
    return "";
}

const MountSpec* mount_at(const Config& config, std::string_view dst) {
    for (const MountSpec& mount : config.mounts)
        if (mount.dst == dst) return &mount;
    return nullptr;
}

}  // namespace

TEST_CASE("defaults come from the caller") {
    Config c = resolved("");
    CHECK(c.run.cwd == "/usr");
    CHECK(c.run.hostname == "here");
    CHECK(c.root.path == "/");
    CHECK(c.user.uid.id == 1000);
    CHECK(c.user.gid.id == 1001);
    CHECK(c.environment == host().environment);
    REQUIRE(c.mounts.size() == 5);
    CHECK(c.mounts[0].dst == "/proc");
    CHECK(c.mounts[4].dst == "/dev/shm");
    CHECK(std::all_of(c.mounts.begin(), c.mounts.end(), [](const MountSpec& m) { return m.implied && m.optional; }));
}

TEST_CASE("another root starts at its top") {
    CHECK(resolved("[root]\npath='/usr'").run.cwd == "/");
    CHECK(resolved("[root]\npath='/usr'\n[run]\ncwd='bin'").run.cwd == "/bin");
    CHECK(error_of("[root]\npath='/usr'\n[run]\ncwd='/usr'") == "t.toml:4:5: /usr: No such file or directory");
}

TEST_CASE("paths are made absolute and tidy") {
    Config c = resolved(
        "[[mount]]\ntype='bind'\nsrc='.'\n[[mount]]\ntype='bind'\nsrc='lib//./'\ndst='/x//y/'\n"
        "[[mount]]\ntype='bind'\nsrc='../tmp'\n[hide]\npaths=['~/.ssh/','**/.env','x']\n[log]\nfile='../tmp/l'");
    REQUIRE(c.mounts.size() == 8);
    CHECK(c.mounts[5].src == "/usr");
    CHECK(c.mounts[5].dst == "/usr");
    CHECK(c.mounts[6].src == "/usr/lib");
    CHECK(c.mounts[6].dst == "/x/y");
    CHECK(c.mounts[7].dst == "/tmp");
    CHECK(c.hide.paths == std::vector<std::string>{"/root/.ssh", "/**/.env", "/usr/x"});
    CHECK(c.log.file == "/usr/../tmp/l");
}

TEST_CASE("a mount of the user's takes the place of an implied one") {
    Config c = resolved("[[mount]]\ntype='tmpfs'\ndst='/dev'\n[[mount]]\ntype='proc'\ndst='/proc'");
    CHECK(c.mounts.size() == 3);
    CHECK(mount_at(c, "/sys")->implied);
    CHECK(!mount_at(c, "/proc")->implied);
    CHECK(!mount_at(c, "/dev/pts"));
}

TEST_CASE("what is not there is named") {
    CHECK(error_of("[root]\npath='/nonexistent'") == "t.toml:2:6: /nonexistent: No such file or directory");
    CHECK(error_of("[root]\npath='/etc/passwd'") == "t.toml:2:6: /etc/passwd: not a directory");
    CHECK(error_of("[run]\ncwd='/nonexistent'") == "t.toml:2:5: /nonexistent: No such file or directory");
    CHECK(error_of("[run]\ncwd='/etc/passwd'") == "t.toml:2:5: /etc/passwd: Not a directory");
    CHECK(error_of("[[mount]]\ntype='bind'\nsrc='/nonexistent'") ==
          "t.toml:1:1: /nonexistent: No such file or directory");
    CHECK(resolved("[[mount]]\ntype='bind'\nsrc='/nonexistent'\noptional=true").mounts.size() == 5);
    CHECK(error_of("[[mount]]\ntype='overlay'\nsrc='/etc/passwd'") == "t.toml:1:1: /etc/passwd: Not a directory");
    CHECK(error_of("[[mount]]\ntype='file'\nsrc='/etc'") == "t.toml:1:1: /etc: Is a directory");
    CHECK(error_of("[[mount]]\ntype='tmpfs'\ndst='x'") == "t.toml:1:1: x: not an absolute path");
    CHECK(error_of("[[mount]]\ntype='tmpfs'\ndst='/a/../b'") == "t.toml:1:1: /a/../b: .. in the path of a mount");
    CHECK(error_of("[[mount]]\ntype='tmpfs'\ndst='/.'") == "t.toml:1:1: a mount on / would hide everything");
    CHECK(error_of("[hide]\npaths=['/']") == "t.toml:2:7: /: would hide everything");
    CHECK(error_of("[run]\npass-fds=[999]") == "t.toml:2:10: descriptor 999: Bad file descriptor");
    CHECK(error_of("[run]\nhostname='a b'") == "t.toml:2:10: \"a b\" is not a host name");
    CHECK(error_of("[devices]\nallow=['sda']") == "t.toml:2:7: unknown device \"sda\"");
    CHECK(error_of("[user]\nfakeroot=true\nuid=5") ==
          "t.toml:2:10: fakeroot is uid 0 and gid 0, but t.toml:3:5 asks for another");
    CHECK(error_of("[root]\nmode='rw'\nsize='1G'") == "t.toml:3:6: a size goes with mode = \"overlay\" only");
}

TEST_CASE("fakeroot is uid 0") {
    Config c = resolved("[user]\nfakeroot=true");
    CHECK((c.user.uid.id == 0 && c.user.gid.id == 0 && !c.user.uid.host));
}

TEST_CASE("the environment is inherited, unset and set in this order") {
    EnvConfig env;
    std::vector<std::string> host = {"PATH=/bin", "LC_ALL=C", "LC_TIME=C", "LD_PRELOAD=x"};
    CHECK(build_environment(env, host) == host);
    env.unset = {"LD_*"};
    env.set = {{"PATH", "/x"}, {"LD_Y", "1"}};
    CHECK(build_environment(env, host) == std::vector<std::string>{"LC_ALL=C", "LC_TIME=C", "PATH=/x", "LD_Y=1"});
    env = {};
    env.inherit = EnvInherit::Listed;
    env.names = {"LC_*", "ABSENT"};
    CHECK(build_environment(env, host) == std::vector<std::string>{"LC_ALL=C", "LC_TIME=C"});
    env.inherit = EnvInherit::None;
    CHECK(build_environment(env, host).empty());
}
