// The sandbox's mounts: host descriptors, root, and each configured mount in order.
#include "src/cli/boot_files.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include <cerrno>

#include "fs/hostfs/hostfs.h"
#include "fs/overlay/overlay.h"
#include "fs/vfs/file_system.h"
#include "fs/vfs/operations.h"
#include "fs/vfs/walk.h"
#include "src/cli/hidden.h"
#include "src/config/error.h"
#include "src/host/confine.h"
#include "src/host/keeper.h"

namespace sbx::boot {
namespace {

using config::MountSpec;
using config::MountType;

bool has_source(const MountSpec& m) { return binds(m) || m.type == MountType::Overlay; }

[[noreturn]] void fail_mount(const MountSpec& m, const std::string& what, Errno e) {
    throw UserError{to_string(m.origin), what + ": " + errno_text(e.value), {}, kExitUsage};
}

// The boot's own caller: may do everything, from the root of the namespace.
struct BootCaller {
    explicit BootCaller(Kernel& k, const vfs::Path& root)
        : fs(make_ref<vfs::FsContext>(root, root, 0)), creds(make_ref<Creds>()) {
        creds->permitted = creds->effective = creds->bounding = CapSet::all();
        creds->user_ns = Ref<UserNamespace>(k.user_ns());
        caller.creds = creds.get();
        caller.fs = fs.get();
    }
    Ref<vfs::FsContext> fs;
    Ref<Creds> creds;
    vfs::Caller caller;
};

u64 mount_flags(const MountSpec& m) {
    u64 f = MS_RELATIME;
    if (m.nosuid) f |= MS_NOSUID;
    if (m.nodev) f |= MS_NODEV;
    if (m.noexec) f |= MS_NOEXEC;
    if (m.mode == config::AccessMode::ReadOnly) f |= MS_RDONLY;
    return f;
}

Result<Ref<vfs::FileSystem>> make_registered(const char* type, std::string_view source, const std::string& data,
                                             const vfs::Caller& c) {
    const vfs::FileSystemType* t = vfs::find_file_system(type);
    if (!t) return err(ENODEV);
    return t->create(source, data, c);
}

Result<Ref<vfs::FileSystem>> make_tmpfs(u64 size, u32 mode, const vfs::Caller& c) {
    std::string data;
    if (size) data = "size=" + std::to_string(size);
    if (mode) {
        char octal[24];
        snprintf(octal, sizeof octal, "mode=%o", mode);
        data += (data.empty() ? "" : ",") + std::string(octal);
    }
    return make_registered("tmpfs", "tmpfs", data, c);
}

// The host's part of the root, and of the mount of that index.
Result<Ref<vfs::FileSystem>> make_host_root(const Config& config, host::UniqueFd root) {
    hostfs::Options o;
    o.hidden = hidden_below(config, config.root.path, "/");
    o.owner = host::owners_are_hidden() ? host::real_owner : nullptr;
    o.read_only = config.root.mode != config::RootMode::ReadWrite;
    o.source = 0;
    return hostfs::create(std::move(root), o);
}

Result<Ref<vfs::FileSystem>> make_host_part(const Config& config, size_t index, host::UniqueFd source) {
    const MountSpec& m = config.mounts[index];
    hostfs::Options o;
    o.hidden = hidden_below(config, m.src, m.dst);
    o.owner = host::owners_are_hidden() ? host::real_owner : nullptr;
    o.read_only = m.mode == config::AccessMode::ReadOnly || !binds(m);
    if (m.cache == config::CacheMode::Exclusive) o.cache = hostfs::Cache::Exclusive;
    o.source = static_cast<int>(index) + 1;
    return hostfs::create(std::move(source), o);
}

Result<Ref<vfs::FileSystem>> make_file_system(const Config& config, size_t index, host::UniqueFd source,
                                              const vfs::Caller& c) {
    const MountSpec& m = config.mounts[index];
    switch (m.type) {
    case MountType::Bind:
    case MountType::File: return make_host_part(config, index, std::move(source));
    case MountType::Overlay: {
        Ref<vfs::FileSystem> lower = SBX_TRY(make_host_part(config, index, std::move(source)));
        Ref<vfs::FileSystem> upper = SBX_TRY(make_tmpfs(m.size, 0, c));
        return overlay::create(lower, upper);
    }
    case MountType::Tmpfs: return make_tmpfs(m.size, m.permissions, c);
    case MountType::Proc: return make_registered("proc", "proc", "", c);
    case MountType::Sys: return make_registered("sysfs", "sysfs", "", c);
    case MountType::Dev: return make_registered("devtmpfs", "devtmpfs", "", c);
    case MountType::Devpts: return make_registered("devpts", "devpts", "", c);
    case MountType::Symlink: break;
    }
    return err(EINVAL);
}

// Makes the directories above `path`, and `path` itself as a directory or an empty file.
Result<> make_mountpoint(const vfs::Caller& c, const std::string& path, bool directory) {
    for (size_t i = 1; i < path.size(); i++) {
        if (path[i] != '/') continue;
        Result<> r = vfs::mkdir(c, {}, path.substr(0, i), 0755);
        if (!r && !(r.error() == EEXIST)) return r;
    }
    Result<> r = directory ? vfs::mkdir(c, {}, path, 0755) : vfs::mknod(c, {}, path, S_IFREG | 0644, 0);
    if (!r && !(r.error() == EEXIST)) return r;
    return {};
}

bool is_directory(int fd) {
    struct stat st;
    return fstat(fd, &st) == 0 && S_ISDIR(st.st_mode);
}

void mount_one(const Config& config, size_t index, host::UniqueFd source, vfs::MountNamespace& ns,
               const vfs::Caller& c) {
    const MountSpec& m = config.mounts[index];
    if (m.type == MountType::Symlink) {
        size_t slash = m.dst.rfind('/');
        Result<> r = slash == 0 ? Result<>{} : make_mountpoint(c, m.dst.substr(0, slash), true);
        if (r) r = vfs::symlink(c, m.src, {}, m.dst);
        if (!r && !m.optional) fail_mount(m, m.dst, r.error());
        return;
    }
    bool directory = !has_source(m) || is_directory(source.get());
    Result<Ref<vfs::FileSystem>> fs = make_file_system(config, index, std::move(source), c);
    // A part of sbx that this build does not have leaves an empty place, as a kernel without it would.
    if (!fs && m.implied && fs.error() == ENODEV) return;
    if (!fs) fail_mount(m, m.src.empty() ? m.dst : m.src, fs.error());
    if (m.dst != "/")
        if (Result<> r = make_mountpoint(c, m.dst, directory); !r && !(r.error() == EROFS)) {
            if (m.optional) return;
            fail_mount(m, m.dst, r.error());
        }
    Result<vfs::Path> at = vfs::walk(c, {}, m.dst);
    Ref<vfs::Inode> root_inode = (*fs)->root();
    const char* kind = has_source(m) ? m.src.c_str() : (*fs)->type_name().data();
    Ref<vfs::Mount> mount = vfs::Mount::create(*fs, vfs::Dentry::create_root(root_inode), mount_flags(m), kind);
    Result<> r = at ? ns.attach(mount, *at) : Result<>(err(at.error()));
    if (!r && (m.optional || m.implied)) return;
    if (!r) fail_mount(m, m.dst, r.error());
}

}  // namespace

bool binds(const MountSpec& m) { return m.type == MountType::Bind || m.type == MountType::File; }

HostFiles open_host_files(const Config& config) {
    HostFiles h;
    h.root = host::UniqueFd(open(config.root.path.c_str(), O_PATH | O_CLOEXEC));
    if (!h.root) {
        throw UserError{place_of(config, "root.path"), config.root.path + ": " + errno_text(errno),
                        "the root must be a directory", kExitUsage};
    }
    if (!is_directory(h.root.get()))
        throw UserError{place_of(config, "root.path"), config.root.path + ": " + errno_text(ENOTDIR), {}, kExitUsage};
    for (const MountSpec& m : config.mounts) {
        if (!has_source(m)) {
            h.sources.emplace_back();
            continue;
        }
        h.sources.emplace_back(open(m.src.c_str(), O_PATH | O_CLOEXEC));
        if (!h.sources.back() && !m.optional) fail_mount(m, m.src, Errno{errno});
    }
    return h;
}

vfs::Path namespace_root(vfs::MountNamespace& ns) {
    Ref<vfs::Mount> root = ns.root();
    return vfs::Path{root, root->root()};
}

Ref<vfs::MountNamespace> make_namespace(const Config& config, Kernel& kernel, HostFiles host) {
    BootCaller nobody(kernel, {});
    Result<Ref<vfs::FileSystem>> fs = make_host_root(config, std::move(host.root));
    if (fs && config.root.mode == config::RootMode::Overlay) {
        Result<Ref<vfs::FileSystem>> upper = make_tmpfs(config.root.size, 0755, nobody.caller);
        fs = upper ? overlay::create(*fs, *upper) : upper;
    }
    if (!fs)
        throw UserError{
            place_of(config, "root.path"), config.root.path + ": " + errno_text(fs.error().value), {}, kExitUsage};
    u64 flags = MS_RELATIME | (config.root.mode == config::RootMode::ReadOnly ? MS_RDONLY : 0);
    const char* source = config.root.mode == config::RootMode::Overlay ? "overlay" : "sbx";
    Ref<vfs::Mount> root = vfs::Mount::create(*fs, vfs::Dentry::create_root((*fs)->root()), flags, source);
    Ref<vfs::MountNamespace> ns = vfs::MountNamespace::create(root, Ref<UserNamespace>(kernel.user_ns()));
    BootCaller boot(kernel, namespace_root(*ns));
    for (size_t i = 0; i < config.mounts.size(); i++) {
        if (has_source(config.mounts[i]) && !host.sources[i]) continue;
        mount_one(config, i, std::move(host.sources[i]), *ns, boot.caller);
    }
    return ns;
}

std::vector<Ref<vfs::FileSystem>> make_host_file_systems(const Config& config, HostFiles host) {
    std::vector<Ref<vfs::FileSystem>> all;
    auto add = [&](Result<Ref<vfs::FileSystem>> fs, const std::string& path) {
        if (!fs) throw UserError{"checkpoint", path + ": " + errno_text(fs.error().value), {}, kExitFailed};
        all.push_back(std::move(*fs));
    };
    add(make_host_root(config, std::move(host.root)), config.root.path);
    for (size_t i = 0; i < config.mounts.size(); i++) {
        if (has_source(config.mounts[i]) && host.sources[i])
            add(make_host_part(config, i, std::move(host.sources[i])), config.mounts[i].src);
        else
            all.emplace_back();
    }
    return all;
}

Streams open_streams(const Config& config) {
    Streams s;
    std::vector<int> fds = {0, 1, 2};
    for (std::int64_t fd : config.run.pass_fds) fds.push_back(static_cast<int>(fd));
    for (int fd : fds) {
        if (fd <= 2 && (config.closed_stdio >> fd & 1)) continue;
        Result<Ref<vfs::OpenFile>> f = hostfs::open_inherited(fd);
        if (!f)
            throw UserError{
                "run", "descriptor " + std::to_string(fd) + ": " + errno_text(f.error().value), {}, kExitFailed};
        s.files.emplace_back(fd, std::move(*f));
    }
    return s;
}

}  // namespace sbx::boot
