// The VFS's operations on names: permission checks, ownership of new files, locks and notification around the file systems' methods.
// One function a system call family; used by syscalls/ and by the kernel (core dumps, exec, unix sockets).
#pragma once

#include "fs/vfs/types.h"
#include "fs/vfs/walk.h"

namespace sbx::vfs {

// openat2(2): all of O_*, with creation. `mode` for O_CREAT and O_TMPFILE before umask.
struct OpenHow {
    int flags = 0;
    u32 mode = 0;
    u64 resolve = 0;
};
Result<Ref<OpenFile>> open(const Caller& c, const Path& start, std::string_view path, const OpenHow& how);
// Opens what a path already names (execve, /proc/self/fd). Checks permission.
Result<Ref<OpenFile>> open_path(const Caller& c, const Path& p, int flags);

Result<> mkdir(const Caller& c, const Path& start, std::string_view path, u32 mode);
Result<> mknod(const Caller& c, const Path& start, std::string_view path, u32 mode, dev_t dev);
// Creates a node and returns its path (bind of a unix socket).
Result<Path> make_node(const Caller& c, const Path& start, std::string_view path, u32 mode, dev_t dev);
Result<> symlink(const Caller& c, std::string_view target, const Path& start, std::string_view path);
Result<> link(const Caller& c, const Path& target, const Path& start, std::string_view path);
Result<> unlink(const Caller& c, const Path& start, std::string_view path);
Result<> rmdir(const Caller& c, const Path& start, std::string_view path);
// What renameat2(2) looks at before the names.
Result<> check_rename_flags(u32 flags);
Result<> rename(const Caller& c, const Path& old_start, std::string_view old_path, const Path& new_start,
                std::string_view new_path, u32 flags);
Result<std::string> read_link(const Caller& c, const Path& p);

// stat: the attributes with what the VFS adds (dev).
Result<Attr> get_attr(const Path& p);
Result<> chmod(const Caller& c, const Path& p, u32 mode);
Result<> chown(const Caller& c, const Path& p, u32 uid, u32 gid);  // ids as kernel ids, kInvalidId: unchanged
struct TimeSpecOrNow {
    timespec t{};
    bool now = false, omit = false;
};
Result<> utimens(const Caller& c, const Path& p, const TimeSpecOrNow times[2], bool both_null);
Result<> truncate(const Caller& c, const Path& p, u64 size);     // by name: needs write permission
Result<> truncate_file(const Caller& c, OpenFile& f, u64 size);  // ftruncate
Result<> access(const Caller& c, const Path& p, u32 may);
// Drops set-user-ID, set-group-ID and file capabilities after a write (file_remove_privs).
void remove_privileges(const Caller& c, const Path& p);

Result<std::string> get_xattr(const Caller& c, const Path& p, std::string_view name);
Result<> set_xattr(const Caller& c, const Path& p, std::string_view name, std::string_view value, int flags);
Result<> remove_xattr(const Caller& c, const Path& p, std::string_view name);
Result<std::vector<std::string>> list_xattr(const Caller& c, const Path& p);

}  // namespace sbx::vfs
