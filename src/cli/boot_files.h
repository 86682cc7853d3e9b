// The sandbox's files: descriptors opened on the host before confinement, the mount namespace made of them, and the inherited streams.
#pragma once

#include <utility>
#include <vector>

#include "fs/hostfs/hidden.h"
#include "fs/vfs/fd_table.h"
#include "fs/vfs/mount.h"
#include "src/config/config.h"
#include "src/host/unique_fd.h"
#include "src/kernel/kernel.h"

namespace sbx::boot {

// A part of the host's tree as it is: changes reach the host if the mode allows them.
bool binds(const config::MountSpec& m);

// O_PATH descriptors of the configured host directories and files: the root, and one for each mount with a source (-1 where optional and absent).
struct HostFiles {
    host::UniqueFd root;
    std::vector<host::UniqueFd> sources;  // by index in Config::mounts
};
// Throws UserError (status 2) naming the key and the path.
HostFiles open_host_files(const Config& config);

// Builds root and mounts. Throws UserError.
Ref<vfs::MountNamespace> make_namespace(const Config& config, Kernel& kernel, HostFiles host);
// The file systems over host directories alone, for a sandbox that is loaded with its mounts. Throws UserError.
std::vector<Ref<vfs::FileSystem>> make_host_file_systems(const Config& config, HostFiles host);
vfs::Path namespace_root(vfs::MountNamespace& ns);

// Descriptors that prog starts with.
struct Streams {
    std::vector<std::pair<int, Ref<vfs::OpenFile>>> files;
};
Streams open_streams(const Config& config);

}  // namespace sbx::boot
