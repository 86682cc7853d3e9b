// The tree of /dev.
#include "fs/devfs/devfs.h"

#include <sys/sysmacros.h>

#include <algorithm>

#include "fs/devfs/mem_devices.h"
#include "fs/tmpfs/tmpfs.h"
#include "fs/vfs/file_system.h"

namespace sbx::devfs {
namespace {

struct Node {
    const char* name;
    unsigned major, minor;
    u32 mode;
};
constexpr Node kNodes[] = {
    {"null", 1, 3, 0666},    {"zero", 1, 5, 0666}, {"full", 1, 7, 0666}, {"random", 1, 8, 0666},
    {"urandom", 1, 9, 0666}, {"tty", 5, 0, 0666},  {"ptmx", 5, 2, 0666},
};

struct Link {
    const char *name, *target;
};
constexpr Link kLinks[] = {
    {"fd", "/proc/self/fd"},       {"stdin", "/proc/self/fd/0"}, {"stdout", "/proc/self/fd/1"},
    {"stderr", "/proc/self/fd/2"}, {"core", "/proc/kcore"},
};

std::vector<std::string>& allowed() {
    static std::vector<std::string> a;  // no state: set at start-up
    return a;
}

Result<Ref<vfs::FileSystem>> create(std::string_view, std::string_view, const vfs::Caller& c) {
    tmpfs::Options o = tmpfs::default_options();
    o.mode = 0755;
    Ref<vfs::FileSystem> fs = tmpfs::create(o);
    Ref<vfs::Inode> root = fs->root();
    Lock l(root->dir_mu());
    for (const Node& n : kNodes) {
        if (std::find(allowed().begin(), allowed().end(), n.name) == allowed().end()) continue;
        vfs::NewNode node;
        node.mode = S_IFCHR | n.mode;
        node.rdev = makedev(n.major, n.minor);
        SBX_TRY(root->make_node(n.name, node, c));
    }
    for (const Link& n : kLinks) {
        vfs::NewNode node;
        node.mode = S_IFLNK | 0777;
        SBX_TRY(root->symlink(n.name, n.target, node, c));
    }
    for (const char* dir : {"pts", "shm", "mqueue"}) {
        vfs::NewNode node;
        node.mode = S_IFDIR | 0755;
        SBX_TRY(root->make_node(dir, node, c));
    }
    return fs;
}

}  // namespace

void init(std::vector<std::string> allow) {
    allowed() = std::move(allow);
    static const vfs::FileSystemType type{"devtmpfs", true, false, &create};
    vfs::register_file_system(type);
    register_mem_devices();
}

}  // namespace sbx::devfs
