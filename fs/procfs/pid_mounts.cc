// /proc/PID/mounts, mountinfo, mountstats (fs/proc_namespace.c).
#include <sys/mount.h>
#include <sys/sysmacros.h>

#include "fs/procfs/node.h"
#include "fs/vfs/walk.h"

namespace sbx::procfs {
namespace {

// Space, tab, newline and backslash would split fields: shown as octal (mangle()).
std::string mangle(std::string_view s) {
    std::string out;
    for (char ch : s) {
        if (ch == ' ' || ch == '\t' || ch == '\n' || ch == '\\') {
            out += '\\';
            out += static_cast<char>('0' + (ch >> 6 & 7));
            out += static_cast<char>('0' + (ch >> 3 & 7));
            out += static_cast<char>('0' + (ch & 7));
        } else {
            out += ch;
        }
    }
    return out;
}

std::string flag_options(u64 flags) {
    struct Row {
        u64 flag;
        const char* name;
    };
    static constexpr Row kRows[] = {{MS_NOSUID, ",nosuid"},
                                    {MS_NODEV, ",nodev"},
                                    {MS_NOEXEC, ",noexec"},
                                    {MS_NOATIME, ",noatime"},
                                    {MS_NODIRATIME, ",nodiratime"},
                                    {MS_RELATIME, ",relatime"},
                                    {256 /* MS_NOSYMFOLLOW */, ",nosymfollow"}};
    std::string s = flags & MS_RDONLY ? "ro" : "rw";
    for (const Row& r : kRows)
        if (flags & r.flag) s += r.name;
    return s;
}

std::string fs_options(const vfs::Mount& m) {
    std::string o = m.fs().options();
    std::string base = m.fs().read_only.load() ? "ro" : "rw";
    return o.empty() ? base : base + "," + o;
}

struct View {
    std::vector<Ref<vfs::Mount>> mounts;
    vfs::Path root;
};

Result<View> view_of(const Context& c) {
    NsProxy ns = c.task().ns_of();
    Ref<vfs::FsContext> fs = c.task().fs_of();
    if (!ns.mnt || !fs) return err(EINVAL);
    return View{ns.mnt->mounts(), fs->root()};
}

// Where a mount stands as the process sees it; empty if it cannot see it.
std::string point_of(const vfs::Mount& m, const vfs::Path& root) {
    if (root.mount.get() == &m && root.dentry == m.root()) return "/";
    vfs::Path at{Ref<vfs::Mount>(const_cast<vfs::Mount*>(&m)), m.root()};
    std::string name = vfs::path_name(at, root);
    return name.starts_with('/') ? name : "";
}

}  // namespace

Result<std::string> pid_mounts(const Context& c) {
    View v = SBX_TRY(view_of(c));
    std::string out;
    for (const Ref<vfs::Mount>& m : v.mounts) {
        std::string at = point_of(*m, v.root);
        if (at.empty()) continue;
        std::string options = flag_options(m->flags()), extra = m->fs().options();
        if (!extra.empty()) options += "," + extra;
        out +=
            mangle(m->source()) + " " + mangle(at) + " " + std::string(m->fs().type_name()) + " " + options + " 0 0\n";
    }
    return out;
}

Result<std::string> pid_mountinfo(const Context& c) {
    View v = SBX_TRY(view_of(c));
    std::string out;
    for (const Ref<vfs::Mount>& m : v.mounts) {
        std::string at = point_of(*m, v.root);
        if (at.empty()) continue;
        vfs::Path on = m->mountpoint();
        u64 dev = m->fs().dev();
        // The part of the file system that is mounted: its path from the file system's root.
        std::string root;
        for (Ref<vfs::Dentry> d = m->root(); d && !d->is_root(); d = d->parent()) root = "/" + d->name() + root;
        out += std::to_string(m->id()) + " " + std::to_string(on ? on.mount->id() : m->id()) + " " +
               std::to_string(major(dev)) + ":" + std::to_string(minor(dev)) + " " + mangle(root.empty() ? "/" : root) +
               " " + mangle(at) + " " + flag_options(m->flags()) + (m->unbindable() ? " unbindable" : "") + " - " +
               std::string(m->fs().type_name()) + " " + mangle(m->source()) + " " + fs_options(*m) + "\n";
    }
    return out;
}

Result<std::string> pid_mountstats(const Context& c) {
    View v = SBX_TRY(view_of(c));
    std::string out;
    for (const Ref<vfs::Mount>& m : v.mounts) {
        std::string at = point_of(*m, v.root);
        if (!at.empty())
            out += "device " + mangle(m->source()) + " mounted on " + mangle(at) + " with fstype " +
                   std::string(m->fs().type_name()) + "\n";
    }
    return out;
}

}  // namespace sbx::procfs
