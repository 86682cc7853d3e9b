// Saving and loading of files and directories of proc, sysfs and nsfs.
#include <doctest/doctest.h>
#include <sched.h>

#include "fs/procfs/procfs.h"
#include "fs/sysfs/sysfs.h"
#include "fs/vfs/walk.h"
#include "test/unit/state/sandbox.h"

using namespace sbx;
using namespace sbx::test;

namespace {

void mount_all(Sandbox& s) {
    procfs::init(s.kernel());
    sysfs::init(2);
    for (const char* type : {"proc", "sysfs"}) {
        std::string at = std::string("/") + type;
        REQUIRE(s.call(SYS_mkdir, s.put(at), 0755) == 0);
        REQUIRE(s.call(SYS_mount, s.put(type), s.put(at), s.put(type), 0, 0) == 0);
    }
}

long open_at(Sandbox& s, std::string_view path, int flags = O_RDONLY) { return s.call(SYS_open, s.put(path), flags); }

}  // namespace

TEST_CASE("state: open files of proc and sysfs") {
    Sandbox a;
    mount_all(a);
    REQUIRE(a.call(SYS_sethostname, a.put("before"), 6) == 0);
    long status = open_at(a, "/proc/1/status"), uptime = open_at(a, "/proc/uptime"),
         net = open_at(a, "/proc/1/net/tcp");
    long host = open_at(a, "/proc/sys/kernel/hostname", O_RDWR), cpus = open_at(a, "/sysfs/devices/system/cpu/online");
    long info = open_at(a, "/proc/1/fdinfo/" + std::to_string(host)), mem = open_at(a, "/proc/1/mem", O_RDWR);
    long sys = open_at(a, "/sysfs/class/net"), fds = open_at(a, "/proc/1/fd"), limits = open_at(a, "/proc/sys/fs");
    for (long fd : {status, uptime, net, host, cpus, info, mem, sys, fds, limits}) REQUIRE(fd >= 0);
    u64 buffer = a.put(std::string(64, 0).data(), 64);
    REQUIRE(a.call(SYS_read, status, buffer, 6) == 6);
    Sandbox b = Sandbox::load(a.save());
    // The rest of the text that was there when it was read first, and a new one from the start.
    CHECK(b.text(buffer, 6) == "Name:\t");
    CHECK(b.read(status).find("Pid:\t1\n") != std::string::npos);
    CHECK(b.call(SYS_prctl, 15 /* PR_SET_NAME */, b.put("renamed")) == 0);
    CHECK(b.call(SYS_lseek, status, 0, SEEK_SET) == 0);
    CHECK(b.read(status).find("Name:\trenamed\n") == 0);
    CHECK(b.read(uptime) != "");
    CHECK(b.read(net).find("local_address") != std::string::npos);
    CHECK(b.read(host) == "before\n");
    CHECK(b.call(SYS_pwrite64, host, b.put("after"), 5, 0) == 5);
    CHECK(b.read(open_at(b, "/proc/sys/kernel/hostname")) == "after\n");
    CHECK(b.read(cpus) == "0-1\n");
    CHECK(b.read(info).find("pos:\t7\n") == 0);
    u64 secret = b.put(u64{0x5ec4e7});
    CHECK(b.call(SYS_lseek, mem, secret, SEEK_SET) == static_cast<long>(secret));
    CHECK(b.read(mem).substr(0, 3) == "\xe7\xc4\x5e");
    auto listed = names(b.caller(), b.file(fds));
    CHECK(std::find(listed.begin(), listed.end(), std::to_string(mem)) != listed.end());
    CHECK(names(b.caller(), b.file(sys)) == std::vector<std::string>{".", "..", "lo"});
    CHECK(b.call(SYS_openat, limits, b.put("file-max"), O_RDONLY) >= 0);
    CHECK(b.call(SYS_openat, fds, b.put("../stat"), O_RDONLY) >= 0);
    CHECK(b.call(SYS_openat, sys, b.put("lo/mtu"), O_RDONLY) >= 0);
    CHECK(b.call(SYS_openat, sys, b.put("eth0"), O_RDONLY) == -ENOENT);
    // Another instance in the same kernel means the same processes.
    CHECK(open_at(b, "/proc/1/task/1/comm") >= 0);
    CHECK(open_at(b, "/proc/2") == -ENOENT);
}

TEST_CASE("state: links of proc, and namespaces as files") {
    Sandbox a;
    mount_all(a);
    REQUIRE(a.call(SYS_mkdir, a.put("/d"), 0755) == 0);
    REQUIRE(a.call(SYS_chdir, a.put("/d")) == 0);
    long cwd = open_at(a, "/proc/1/cwd", O_PATH | O_NOFOLLOW), mounts = open_at(a, "/proc/mounts", O_PATH | O_NOFOLLOW);
    long link = open_at(a, "/proc/1/ns/uts", O_PATH | O_NOFOLLOW), uts = open_at(a, "/proc/1/ns/uts");
    long pid = open_at(a, "/proc/1");
    for (long fd : {cwd, mounts, link, uts, pid}) REQUIRE(fd >= 0);
    REQUIRE(a.call(SYS_sethostname, a.put("shared"), 6) == 0);
    std::string id = a.file(uts).path().dentry->name();
    Sandbox b = Sandbox::load(a.save());
    CHECK(vfs::path_name(*b.file(cwd).inode().follow_magic(b.caller()), b.task().fs().root()) == "/d");
    CHECK(*b.file(mounts).inode().read_link() == "self/mounts");
    CHECK(b.file(uts).path().dentry->name() == id);
    CHECK(b.file(link).inode().follow_magic(b.caller())->dentry->name() == id);
    CHECK(b.call(SYS_unshare, CLONE_NEWUTS) == 0);
    CHECK(b.file(link).inode().follow_magic(b.caller())->dentry->name() != id);
    CHECK(b.call(SYS_sethostname, b.put("own"), 3) == 0);
    CHECK(b.call(SYS_setns, uts, CLONE_NEWUTS) == 0);
    CHECK(b.read(open_at(b, "/proc/sys/kernel/hostname")) == "shared\n");
    CHECK(b.call(SYS_pidfd_send_signal, pid, 0, 0, 0) == 0);
    CHECK(b.call(SYS_openat, pid, b.put("cwd/."), O_RDONLY) >= 0);
}
