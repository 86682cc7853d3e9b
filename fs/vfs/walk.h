// The path walk: from a name to a dentry, with symlinks, mounts, `..`, permissions and openat2's RESOLVE_ flags in one place
// (path_resolution(7), fs/namei.c). Used by every system call that takes a path.
#pragma once

#include "fs/vfs/types.h"

namespace sbx::vfs {

struct WalkFlags {
    bool follow = true;       // follow a symlink in the last component
    bool directory = false;   // ENOTDIR unless the result is a directory (also implied by a trailing slash)
    bool empty_path = false;  // AT_EMPTY_PATH: "" names the start itself
    u64 resolve = 0;          // RESOLVE_* of openat2(2)
};

// Resolves `path` from `start` (used if the path is relative; empty Path: the caller's cwd). ENOENT, ENOTDIR, EACCES, ELOOP, ENAMETOOLONG,
// EXDEV, EAGAIN.
Result<Path> walk(const Caller& c, const Path& start, std::string_view path, WalkFlags flags = {});

// The parent directory and last name, for calls that create or remove names. `last` of "/", "." or ".." is classified as Linux does.
struct LastComponent {
    enum class Kind { Normal, Dot, DotDot, Root } kind = Kind::Normal;
    Path parent;
    std::string name;
    bool trailing_slash = false;
};
Result<LastComponent> walk_parent(const Caller& c, const Path& start, std::string_view path, u64 resolve = 0);

// Generic permission check by mode bits and capabilities (generic_permission, inode_permission): also EROFS for kMayWrite on a read-only
// mount of a regular file, directory or symlink. With `caller.creds` fsuid/fsgid.
Result<> check_permission(const Caller& c, const Path& p, u32 may);
Result<> check_inode_permission(const Caller& c, Inode& inode, u32 may);
Result<> generic_permission(const Caller& c, const Attr& a, u32 may);
// Owner of the inode, or CAP_FOWNER (inode_owner_or_capable).
bool owner_or_capable(const Caller& c, const Attr& a);

// The absolute name of a path as seen from `root` (d_path): "/a/b", "... (deleted)", "pipe:[1]"; "(unreachable)/..." if not below it.
std::string path_name(const Path& p, const Path& root);

}  // namespace sbx::vfs
