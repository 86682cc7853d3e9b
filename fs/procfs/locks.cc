// proc/locks: the file locks there are (fs/locks.c: locks_show).
#include "fs/vfs/locks.h"

#include <stdio.h>
#include <sys/sysmacros.h>

#include "fs/procfs/node.h"

namespace sbx::procfs {
namespace {

constexpr u64 kOffsetMax = INT64_MAX;

void show(std::string& out, const Context& c, unsigned& number, const char* kind, const vfs::FileLock& l) {
    int pid = l.pid;
    if (pid > 0) {
        SharedLock lock(c.kernel().tasks().mu);
        Pid* p = c.kernel().tasks().root_ns->find(pid);
        pid = p ? p->nr_in(*c.fs.ns()) : 0;
    }
    if (pid == 0) return;  // of a process that this instance of /proc does not know
    char buf[160];
    snprintf(buf, sizeof buf, "%u: %-6s ADVISORY  %s %d %02x:%02x:%llu %llu ", number++, kind,
             l.type == vfs::LockType::Write ? "WRITE" : "READ", pid, major(l.dev), minor(l.dev),
             static_cast<unsigned long long>(l.ino), static_cast<unsigned long long>(l.start));
    out += buf;
    out += l.end >= kOffsetMax ? "EOF\n" : std::to_string(l.end) + "\n";
}

}  // namespace

Result<std::string> locks(const Context& c) {
    std::string out;
    unsigned number = 1;
    for (const Ref<vfs::Inode>& i : vfs::locked_inodes()) {
        for (const vfs::FileLock& l : i->locks().flocks()) show(out, c, number, "FLOCK", l);
        for (const vfs::FileLock& l : i->locks().records()) show(out, c, number, l.pid < 0 ? "OFDLCK" : "POSIX", l);
    }
    return out;
}

}  // namespace sbx::procfs
