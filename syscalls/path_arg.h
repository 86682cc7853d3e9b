// Directory descriptors and paths as arguments of the *at calls. Used by all families that take paths.
#pragma once

#include <fcntl.h>

#include "fs/vfs/walk.h"
#include "src/kernel/task.h"

namespace sbx {

// Where a relative path starts: the directory open at dirfd, or the cwd (empty Path) for AT_FDCWD. An absolute path needs none and dirfd
// is not looked at. EBADF.
inline Result<vfs::Path> start_of(Task& t, int dirfd, std::string_view path) {
    if (dirfd == AT_FDCWD || path.starts_with('/')) return vfs::Path{};
    Ref<vfs::OpenFile> f = SBX_TRY(t.files().get(dirfd));
    return f->path();
}

// A path argument resolved. `flags`: AT_SYMLINK_NOFOLLOW, AT_EMPTY_PATH.
inline Result<vfs::Path> walk_at(Task& t, int dirfd, UserString name, int flags) {
    std::string path = SBX_TRY(t.copy_in_path(name));
    // getname(): before the descriptor is looked at.
    if (path.empty() && !(flags & AT_EMPTY_PATH)) return err(ENOENT);
    vfs::Path start = SBX_TRY(start_of(t, dirfd, path));
    vfs::WalkFlags w;
    w.follow = !(flags & AT_SYMLINK_NOFOLLOW);
    w.empty_path = (flags & AT_EMPTY_PATH) != 0;
    return vfs::walk(t.caller(), start, path, w);
}

}  // namespace sbx
