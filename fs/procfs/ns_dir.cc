// /proc/PID/ns: links that name namespaces. They can be read and compared.
#include <dirent.h>

#include "fs/procfs/node.h"
#include "src/kernel/ns/cgroup.h"
#include "src/kernel/ns/ipc.h"
#include "src/kernel/ns/net.h"
#include "src/kernel/ns/uts.h"

namespace sbx::procfs {
namespace {

template <class T>
u64 id_of(const Ref<RefCounted>& ns) {
    return ns ? static_cast<T&>(*ns).id() : 0;
}

struct NsRow {
    const char* name;
    const char* shown;
    u64 (*id)(Task& t, const NsProxy& ns);
};
constexpr NsRow kRows[] = {
    {"cgroup", "cgroup", [](Task&, const NsProxy& ns) { return id_of<CgroupNamespace>(ns.cgroup); }},
    {"ipc", "ipc", [](Task&, const NsProxy& ns) { return id_of<IpcNamespace>(ns.ipc); }},
    {"mnt", "mnt", [](Task&, const NsProxy& ns) { return ns.mnt ? ns.mnt->id() : 0; }},
    {"net", "net", [](Task&, const NsProxy& ns) { return id_of<NetNamespace>(ns.net); }},
    {"pid", "pid", [](Task& t, const NsProxy&) { return t.pid_ns().id(); }},
    {"pid_for_children", "pid",
     [](Task&, const NsProxy& ns) { return ns.pid_for_children ? ns.pid_for_children->id() : 0; }},
    {"user", "user", [](Task& t, const NsProxy&) { return t.creds_of()->user_ns->id(); }},
    {"uts", "uts", [](Task&, const NsProxy& ns) { return id_of<UtsNamespace>(ns.uts); }},
};

template <size_t I>
Result<std::string> target(const Context& c) {
    u64 id = kRows[I].id(c.task(), c.task().ns_of());
    if (id == 0) return err(ENOENT);
    return std::string(kRows[I].shown) + ":[" + std::to_string(id) + "]";
}

template <size_t... I>
constexpr auto make_targets(std::index_sequence<I...>) {
    using Target = Result<std::string> (*)(const Context& c);
    return std::array<Target, sizeof...(I)>{&target<I>...};
}
constexpr auto kTargets = make_targets(std::make_index_sequence<std::size(kRows)>{});

class NsDir final : public Directory {
public:
    NsDir(ProcFs& fs, const Subject& s) : Directory(fs, s, "ns", S_IFDIR | 0511) {}
    Result<Ref<vfs::Inode>> find(std::string_view name) override {
        for (size_t i = 0; i < std::size(kRows); i++)
            if (name == kRows[i].name) return make_symlink(proc(), subject(), name, kTargets[i]);
        return err(ENOENT);
    }
    std::vector<Entry> list(const vfs::Caller&) override {
        std::vector<Entry> out;
        for (const NsRow& r : kRows) out.push_back({r.name, DT_LNK});
        return out;
    }
};

}  // namespace

Ref<vfs::Inode> make_ns_dir(ProcFs& fs, const Subject& s) { return make_ref<NsDir>(fs, s); }

}  // namespace sbx::procfs
