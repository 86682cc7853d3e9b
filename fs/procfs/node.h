// The kinds of nodes that procfs is made of. Used by the files of this folder.
#pragma once

#include <string>
#include <vector>

#include "fs/vfs/dentry.h"
#include "fs/vfs/file_system.h"
#include "fs/vfs/inode.h"
#include "fs/vfs/mount.h"
#include "fs/vfs/open_file.h"
#include "src/base/archive.h"
#include "src/kernel/kernel.h"

namespace sbx::procfs {

class ProcFs final : public vfs::FileSystem {
public:
    ProcFs(Kernel& k, Ref<PidNamespace> ns) : kernel_(k), ns_(std::move(ns)) {}
    std::string_view type_name() const override { return "proc"; }
    bool has_negative_names() const override { return false; }
    Ref<vfs::Inode> root() override;
    Result<vfs::StatFs> statfs() override;
    bool dentries_stable() const override { return false; }
    Kernel& kernel() const { return kernel_; }
    const Ref<PidNamespace>& ns() const { return ns_; }
    template <class A>
    auto state_head(A a) const {
        return a.args(a.given(kernel_), ns_);
    }
    template <class A>
    void state(A& ar) {
        FileSystem::state(ar);
        if (!ns_) ar.fail("a proc file system has no namespace");
    }

private:
    Kernel& kernel_;
    Ref<PidNamespace> ns_;
};

// What a node belongs to: nothing (system-wide) or a task, whose identity it shows as owner.
struct Subject {
    Ref<Task> task;
    bool whole_process = true;  // /proc/PID rather than /proc/PID/task/TID
    template <class A>
    void state(A& ar) {
        bool has = static_cast<bool>(task);
        ar(has, task, whole_process);
        if (has != static_cast<bool>(task)) ar.fail("a file of a process has no process");
    }
};

// A number that is stable for the same subject and name, as st_ino.
u64 node_ino(const Subject& s, std::string_view name);

// What an archive makes a node of: the ids that its number is made of may not be there yet. Nothing else of nodes is saved but what says
// which one it is: names of rows, numbers of descriptors.
struct Remade {
    state::ByRef<ProcFs> fs;
    Subject subject;
    u64 ino = 0;
    u32 mode = 0;
    template <class A>
    void state(A& ar) {
        ar(fs, subject, ino, mode);
    }
};

class Node : public vfs::Inode {
public:
    Node(ProcFs& fs, Subject s, std::string_view name, u32 mode);
    explicit Node(const Remade& r);
    Remade remade() const { return {{Ref<ProcFs>(proc())}, subject_, ino(), mode_}; }
    template <class A>
    auto state_head(A a) const {
        return a.args(remade());
    }
    template <class A>
    void state(A& ar) {
        Inode::state(ar);
        ar.raw(time_);
    }
    Result<vfs::Attr> attr() override;
    Result<> set_attr(const vfs::SetAttr& s, const vfs::Caller& c) override;
    ProcFs& proc() const { return static_cast<ProcFs&>(fs()); }
    const Subject& subject() const { return subject_; }
    Task& task() const { return *subject_.task; }

private:
    Subject subject_;
    u32 mode_;
    timespec time_;
};

// What files' text is made from.
struct Context {
    ProcFs& fs;
    const Subject& subject;
    const vfs::Caller& caller;
    Kernel& kernel() const { return fs.kernel(); }
    Task& task() const { return *subject.task; }
};

using Generate = Result<std::string> (*)(const Context& c);
using Accept = Result<> (*)(const Context& c, std::string_view text);

// A row of a directory's table of files.
struct FileRow {
    const char* name;
    u32 mode;
    Generate generate;
    Accept accept = nullptr;    // null: not writable
    bool ptrace_check = false;  // reading needs what ptrace needs
};
struct LinkRow {
    const char* name;
    Result<std::string> (*target)(const Context& c);
};

Ref<vfs::Inode> make_file(ProcFs& fs, const Subject& s, const FileRow& row);
Ref<vfs::Inode> make_symlink(ProcFs& fs, const Subject& s, std::string_view name,
                             Result<std::string> (*target)(const Context& c));
// A link that names an object rather than a path: cwd, root, exe, fd/N.
using Follow = Result<vfs::Path> (*)(const Context& c, int number);
struct FollowRow {
    const char* name;
    Follow follow;
};
Ref<vfs::Inode> make_magic_link(ProcFs& fs, const Subject& s, std::string_view name, u32 mode, Follow follow,
                                int number = 0);

// A directory whose names come from find() and list().
class Directory : public Node {
public:
    Directory(ProcFs& fs, Subject s, std::string_view name, u32 mode = S_IFDIR | 0555)
        : Node(fs, std::move(s), name, mode) {}
    using Node::Node;
    Result<Ref<vfs::Inode>> lookup(std::string_view name) override { return find(name); }
    // Linux's lookup in a directory of proc fails with ENOENT before it is asked to create anything.
    Result<Ref<vfs::Inode>> make_node(std::string_view, const vfs::NewNode&, const vfs::Caller&) override {
        return err(ENOENT);
    }
    Result<Ref<vfs::Inode>> symlink(std::string_view, std::string_view, const vfs::NewNode&,
                                    const vfs::Caller&) override {
        return err(ENOENT);
    }
    Result<Ref<vfs::OpenFile>> open(const vfs::OpenArgs& a) override;
    // Names may come and go at any time: every use asks again, but the same object stays where it is still right.
    bool revalidate(std::string_view name, vfs::Inode* cached) override;

    struct Entry {
        std::string name;
        u8 type = 0;  // DT_*
        template <class A>
        void state(A& ar) {
            ar(name, type);
        }
    };
    virtual Result<Ref<vfs::Inode>> find(std::string_view name) = 0;
    virtual std::vector<Entry> list(const vfs::Caller& c) = 0;
    // The process that the directory stands for; null if it is not a /proc/PID.
    virtual Ref<Pid> process() const { return nullptr; }
};

// May the caller look into the subject's memory, files and environment? EACCES.
Result<> check_access(const Context& c);
// Parses a decimal number without sign; -1 if it is none.
int parse_number(std::string_view s);

// One file of the folder each.
Ref<vfs::Inode> make_pid_dir(ProcFs& fs, const Subject& s);            // pid_dir.cc
Ref<vfs::Inode> make_fd_dir(ProcFs& fs, const Subject& s, bool info);  // fd_dir.cc
Ref<vfs::Inode> make_sys_dir(ProcFs& fs);                              // sys.cc
Ref<vfs::Inode> make_net_dir(ProcFs& fs, const Subject& s);            // net_dir.cc
Ref<vfs::Inode> make_ns_dir(ProcFs& fs, const Subject& s);             // ns_dir.cc
Ref<vfs::Inode> make_mem_file(ProcFs& fs, const Subject& s);           // mem_file.cc
Result<vfs::Path> follow_fd(const Context& c, int number);             // fd_dir.cc
Result<vfs::Path> follow_ns(const Context& c, int row);                // ns_dir.cc
std::span<const FollowRow> pid_links();                                // pid_dir.cc
std::span<const LinkRow> system_links();                               // procfs.cc
std::span<const FileRow> net_files();                                  // net_dir.cc
std::span<const FileRow> system_files();                               // system_files.cc
Result<std::string> locks(const Context& c);                           // locks.cc
std::span<const FileRow> pid_files();                                  // pid_files.cc
Result<std::string> pid_stat(const Context& c);                        // pid_stat.cc
Result<std::string> pid_statm(const Context& c);
Result<std::string> pid_status(const Context& c);
Result<std::string> pid_maps(const Context& c);  // pid_maps.cc
Result<std::string> pid_smaps(const Context& c);
Result<std::string> pid_smaps_rollup(const Context& c);
Result<std::string> pid_mounts(const Context& c);  // pid_mounts.cc
Result<std::string> pid_mountinfo(const Context& c);
Result<std::string> pid_mountstats(const Context& c);

}  // namespace sbx::procfs
