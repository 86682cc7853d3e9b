// /proc/PID and /proc/PID/task.
#include <dirent.h>

#include "fs/procfs/node.h"
#include "src/kernel/exe_ref.h"

namespace sbx::procfs {
namespace {

Result<vfs::Path> follow_exe(const Context& c, int) {
    Ref<mm::MemoryManager> mm = c.task().mm_of();
    Ref<RefCounted> exe = mm ? mm->exe() : nullptr;
    if (!exe) return err(ENOENT);
    return static_cast<ExeRef&>(*exe).file->path();
}

Result<vfs::Path> follow_cwd(const Context& c, int) {
    Ref<vfs::FsContext> fs = c.task().fs_of();
    if (!fs) return err(ENOENT);
    return fs->cwd();
}

Result<vfs::Path> follow_root(const Context& c, int) {
    Ref<vfs::FsContext> fs = c.task().fs_of();
    if (!fs) return err(ENOENT);
    return fs->root();
}

constexpr FollowRow kMagic[] = {{"exe", follow_exe}, {"cwd", follow_cwd}, {"root", follow_root}};

class TaskDir final : public Directory {
public:
    TaskDir(ProcFs& fs, const Subject& s) : Directory(fs, s, "task") {}
    using Directory::Directory;
    Result<Ref<vfs::Inode>> find(std::string_view name) override {
        int nr = parse_number(name);
        if (nr <= 0) return err(ENOENT);
        TaskSet& tasks = proc().kernel().tasks();
        SharedLock l(tasks.mu);
        Task* t = tasks.find_task(nr, *proc().ns());
        if (!t || &t->group() != &task().group()) return err(ENOENT);
        return make_pid_dir(proc(), Subject{Ref<Task>(t), false});
    }
    std::vector<Entry> list(const vfs::Caller&) override {
        std::vector<Entry> out;
        TaskSet& tasks = proc().kernel().tasks();
        SharedLock l(tasks.mu);
        for (Task& t : task().group().threads) out.push_back({std::to_string(t.tid_in(*proc().ns())), DT_DIR});
        return out;
    }
};

struct DirRow {
    const char* name;
    Ref<vfs::Inode> (*make)(ProcFs& fs, const Subject& s);
};
constexpr DirRow kDirs[] = {
    {"fd", [](ProcFs& fs, const Subject& s) { return make_fd_dir(fs, s, false); }},
    {"fdinfo", [](ProcFs& fs, const Subject& s) { return make_fd_dir(fs, s, true); }},
    {"net", make_net_dir},
    {"ns", make_ns_dir},
};

class PidDir final : public Directory {
public:
    PidDir(ProcFs& fs, const Subject& s) : Directory(fs, s, "") {}
    using Directory::Directory;
    Result<Ref<vfs::Inode>> find(std::string_view name) override {
        for (const FileRow& row : pid_files())
            if (name == row.name) return make_file(proc(), subject(), row);
        for (const FollowRow& row : kMagic)
            if (name == row.name) return make_magic_link(proc(), subject(), name, 0777, row.follow);
        for (const DirRow& row : kDirs)
            if (name == row.name) return row.make(proc(), subject());
        if (name == "mem") return make_mem_file(proc(), subject());
        if (name == "task" && subject().whole_process) return Ref<vfs::Inode>(make_ref<TaskDir>(proc(), subject()));
        return err(ENOENT);
    }
    std::vector<Entry> list(const vfs::Caller&) override {
        std::vector<Entry> out;
        for (const FileRow& row : pid_files()) out.push_back({row.name, DT_REG});
        for (const FollowRow& row : kMagic) out.push_back({row.name, DT_LNK});
        for (const DirRow& row : kDirs) out.push_back({row.name, DT_DIR});
        out.push_back({"mem", DT_REG});
        if (subject().whole_process) out.push_back({"task", DT_DIR});
        return out;
    }
    Ref<Pid> process() const override { return subject().whole_process ? task().group().pid : nullptr; }
    // S_IMMUTABLE of proc_pid_instantiate(): goes before what the mode says.
    Result<> permission(u32 may, const vfs::Caller& c) override {
        if (may & vfs::kMayWrite) return err(EPERM);
        return Directory::permission(may, c);
    }
};

SBX_SAVABLE(TaskDir);
SBX_SAVABLE(PidDir);

}  // namespace

std::span<const FollowRow> pid_links() { return kMagic; }
Ref<vfs::Inode> make_pid_dir(ProcFs& fs, const Subject& s) { return make_ref<PidDir>(fs, s); }

}  // namespace sbx::procfs
