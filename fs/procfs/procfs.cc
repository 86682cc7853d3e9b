// The root of /proc: system-wide files, self, and a directory for each process.
#include "fs/procfs/procfs.h"

#include <dirent.h>

#include "fs/procfs/node.h"

namespace sbx::procfs {
namespace {

Kernel* the_kernel = nullptr;  // no state: set at start-up

Ref<Task> find_task(ProcFs& fs, int nr, bool leader) {
    TaskSet& tasks = fs.kernel().tasks();
    SharedLock l(tasks.mu);
    if (leader) {
        ThreadGroup* g = tasks.find_group(nr, *fs.ns());
        return Ref<Task>(g ? g->leader : nullptr);
    }
    // A thread that is not a leader can be named, though it is not listed (proc_pid_lookup).
    return Ref<Task>(tasks.find_task(nr, *fs.ns()));
}

Result<std::string> self_target(const Context& c) {
    int nr = c.caller.task ? c.caller.task->group().pid_in(*c.fs.ns()) : 0;
    if (nr == 0) return err(ENOENT);
    return std::to_string(nr);
}

Result<std::string> thread_self_target(const Context& c) {
    std::string self = SBX_TRY(self_target(c));
    return self + "/task/" + std::to_string(c.caller.task->tid_in(*c.fs.ns()));
}

Result<std::string> mounts_target(const Context&) { return std::string("self/mounts"); }
Result<std::string> net_target(const Context&) { return std::string("self/net"); }

constexpr LinkRow kLinks[] = {
    {"self", self_target}, {"thread-self", thread_self_target}, {"mounts", mounts_target}, {"net", net_target}};

class ProcRoot final : public Directory {
public:
    explicit ProcRoot(ProcFs& fs) : Directory(fs, {}, "/") {}
    using Directory::Directory;
    Result<Ref<vfs::Inode>> find(std::string_view name) override {
        if (int nr = parse_number(name); nr > 0) {
            Ref<Task> t = find_task(proc(), nr, false);
            if (!t) return err(ENOENT);
            return make_pid_dir(proc(), Subject{t, true});
        }
        for (const FileRow& row : system_files())
            if (name == row.name) return make_file(proc(), {}, row);
        for (const LinkRow& row : kLinks)
            if (name == row.name) return make_symlink(proc(), {}, name, row.target);
        if (name == "sys") return make_sys_dir(proc());
        return err(ENOENT);
    }
    std::vector<Entry> list(const vfs::Caller&) override {
        std::vector<Entry> out;
        for (const LinkRow& row : kLinks) out.push_back({row.name, DT_LNK});
        for (const FileRow& row : system_files()) out.push_back({row.name, DT_REG});
        out.push_back({"sys", DT_DIR});
        TaskSet& tasks = proc().kernel().tasks();
        SharedLock l(tasks.mu);
        for (auto& [nr, pid] : proc().ns()->pids())
            if (pid->group && pid->group->leader) out.push_back({std::to_string(nr), DT_DIR});
        return out;
    }
};

SBX_SAVABLE(ProcRoot);

Result<Ref<vfs::FileSystem>> create(std::string_view, std::string_view, const vfs::Caller& c) {
    Ref<PidNamespace> ns = c.task ? Ref<PidNamespace>(c.task->pid_ns()) : the_kernel->tasks().root_ns;
    return Ref<vfs::FileSystem>(make_ref<ProcFs>(*the_kernel, std::move(ns)));
}

}  // namespace

std::span<const LinkRow> system_links() { return kLinks; }

Ref<vfs::Inode> ProcFs::root() { return make_ref<ProcRoot>(*this); }

Result<vfs::StatFs> ProcFs::statfs() {
    vfs::StatFs s;
    s.type = 0x9fa0;  // PROC_SUPER_MAGIC
    return s;
}

void init(Kernel& k) {
    the_kernel = &k;
    static const vfs::FileSystemType type{"proc", true, true, &create};
    vfs::register_file_system(type);
}

}  // namespace sbx::procfs
