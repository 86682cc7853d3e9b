// What mount.cc and mount_namespace.cc share.
#pragma once

#include <vector>

#include "fs/vfs/dentry.h"
#include "fs/vfs/mount.h"

namespace sbx::vfs {

// References that are given up under the tree's lock, and go after it.
struct Mount::Dropped {
    std::vector<Ref<Mount>> mounts;
    std::vector<Ref<Dentry>> mountpoints;
};

}  // namespace sbx::vfs
