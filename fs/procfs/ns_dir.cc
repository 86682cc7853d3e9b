// /proc/PID/ns: links to namespaces (nsfs). They can be read, compared, and opened for setns.
#include <dirent.h>
#include <sched.h>

#include "fs/nsfs/nsfs.h"
#include "fs/procfs/node.h"
#include "src/kernel/ns/cgroup.h"
#include "src/kernel/ns/ipc.h"
#include "src/kernel/ns/net.h"
#include "src/kernel/ns/uts.h"

namespace sbx::procfs {
namespace {

// A task that has exited has none of some.
template <class T>
Result<vfs::Path> link_to(u64 type, const char* shown, const Ref<RefCounted>& ns) {
    if (!ns) return err(ENOENT);
    return nsfs::ns_path(type, shown, static_cast<T&>(*ns).id(), ns);
}

struct NsRow {
    const char* name;
    Result<vfs::Path> (*follow)(Task& t, const NsProxy& ns);
};
constexpr NsRow kRows[] = {
    {"cgroup", [](Task&, const NsProxy& ns) { return link_to<CgroupNamespace>(CLONE_NEWCGROUP, "cgroup", ns.cgroup); }},
    {"ipc", [](Task&, const NsProxy& ns) { return link_to<IpcNamespace>(CLONE_NEWIPC, "ipc", ns.ipc); }},
    {"mnt", [](Task&, const NsProxy& ns) { return link_to<vfs::MountNamespace>(CLONE_NEWNS, "mnt", ns.mnt); }},
    {"net", [](Task&, const NsProxy& ns) { return link_to<NetNamespace>(CLONE_NEWNET, "net", ns.net); }},
    {"pid",
     [](Task& t, const NsProxy&) { return link_to<PidNamespace>(CLONE_NEWPID, "pid", Ref<PidNamespace>(t.pid_ns())); }},
    {"pid_for_children",
     [](Task&, const NsProxy& ns) { return link_to<PidNamespace>(CLONE_NEWPID, "pid", ns.pid_for_children); }},
    {"user",
     [](Task& t, const NsProxy&) { return link_to<UserNamespace>(CLONE_NEWUSER, "user", t.creds_of()->user_ns); }},
    {"uts", [](Task&, const NsProxy& ns) { return link_to<UtsNamespace>(CLONE_NEWUTS, "uts", ns.uts); }},
};

class NsDir final : public Directory {
public:
    NsDir(ProcFs& fs, const Subject& s) : Directory(fs, s, "ns", S_IFDIR | 0511) {}
    using Directory::Directory;
    Result<Ref<vfs::Inode>> find(std::string_view name) override {
        for (size_t i = 0; i < std::size(kRows); i++)
            if (name == kRows[i].name)
                return make_magic_link(proc(), subject(), name, 0777, follow_ns, static_cast<int>(i));
        return err(ENOENT);
    }
    std::vector<Entry> list(const vfs::Caller&) override {
        std::vector<Entry> out;
        for (const NsRow& r : kRows) out.push_back({r.name, DT_LNK});
        return out;
    }
};
SBX_SAVABLE(NsDir);

}  // namespace

Result<vfs::Path> follow_ns(const Context& c, int row) {
    if (row < 0 || static_cast<size_t>(row) >= std::size(kRows)) return err(ENOENT);
    return kRows[row].follow(c.task(), c.task().ns_of());
}

Ref<vfs::Inode> make_ns_dir(ProcFs& fs, const Subject& s) { return make_ref<NsDir>(fs, s); }

}  // namespace sbx::procfs
