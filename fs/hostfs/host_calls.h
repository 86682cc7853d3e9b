// The host system calls on files that hostfs makes, and nobody else does: one place for the sentry's seccomp filter to look at.
// Used by fs/hostfs only.
//
// All give a guest's errno. None follows a symlink, none leaves the directory it is given (openat2's RESOLVE_BENEATH). A want of
// descriptors (EMFILE, ENFILE) is answered once by FdBudget, then given as ENFILE.
#pragma once

#include <fcntl.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <time.h>

#include <string>
#include <string_view>

#include "src/base/function_ref.h"
#include "src/base/result.h"
#include "src/base/types.h"
#include "src/host/unique_fd.h"

namespace sbx::hostfs {

using host::UniqueFd;

// struct statx of the kernel (include/uapi/linux/stat.h); musl's headers have it only from 1.2.5 on.
struct StatxTime {
    i64 sec;
    u32 nsec;
    i32 pad;
};
struct Statx {
    u32 mask, blksize;
    u64 attributes;
    u32 nlink, uid, gid;
    u16 mode, pad1;
    u64 ino, size, blocks, attributes_mask;
    StatxTime atime, btime, ctime, mtime;
    u32 rdev_major, rdev_minor, dev_major, dev_minor;
    u64 mnt_id;
    u64 spare[13];
    u64 dev() const { return static_cast<u64>(dev_major) << 32 | dev_minor; }
};
static_assert(sizeof(Statx) == 256);

// O_PATH descriptor of one name below dir; of a symlink itself.
Result<UniqueFd> open_node(int dir, const char* name);
// Opens one name below dir for I/O (no symlink followed; never a FIFO or device, which the caller has ruled out; O_NONBLOCK in case).
Result<UniqueFd> open_below(int dir, const char* name, int flags, u32 mode);
// Opens the directory behind an O_PATH descriptor.
Result<UniqueFd> open_dir(int dir);
// Opens for real what an O_PATH descriptor names, through the kept /proc/self/fd. EOPNOTSUPP where there is none.
Result<UniqueFd> reopen(int fd, int flags);
Result<UniqueFd> open_unnamed(int dir, int flags, u32 mode);  // O_TMPFILE

Result<Statx> stat_fd(int fd);
Result<Statx> stat_name(int dir, const char* name);
Result<std::string> read_link(int fd);
Result<> change_mode(int fd,
                     u32 mode);  // O_PATH or not; EOPNOTSUPP where neither fchmodat2 nor /proc/self/fd can be had
Result<> change_owner(int fd, u32 uid, u32 gid);
Result<> change_times(int fd, const timespec times[2]);
Result<> make_dir(int dir, const char* name, u32 mode);
Result<> make_node(int dir, const char* name, u32 mode, dev_t dev);
Result<> make_symlink(const char* target, int dir, const char* name);
// Gives the node behind fd one more name. Where only the name can be linked, old_dir and old_name say it; the caller compares.
Result<> make_link(int fd, int old_dir, const char* old_name, int dir, const char* name);
Result<> remove_name(int dir, const char* name, bool directory);
Result<> rename_name(int old_dir, const char* old_name, int new_dir, const char* new_name, u32 flags);

// Extended attributes. `path_only`: fd is an O_PATH descriptor (needs getxattrat(2) and /proc/self/fd: EOPNOTSUPP without).
Result<std::string> get_xattr(int fd, bool path_only, const char* name);
Result<> set_xattr(int fd, bool path_only, const char* name, std::string_view value, int flags);
Result<> remove_xattr(int fd, bool path_only, const char* name);
Result<std::string> list_xattr(int fd, bool path_only);  // names, each with its NUL

Result<size_t> read_at(int fd, std::span<const iovec> spans, u64 offset, u32 rwf);
Result<size_t> write_at(int fd, std::span<const iovec> spans, u64 offset, u32 rwf);
Result<size_t> read_entries(int fd, void* buf, size_t n);
Result<u64> seek(int fd, i64 offset, int whence);

// Keeps /proc/self/fd for good. To be called by the process that will be the sentry, before it loses its root; single-threaded (later calls
// by the same process do nothing).
// Without it (no /proc): files are reopened by name below their directory and compared; chmod needs Linux 6.6.
void keep_proc_self_fd();
void forget_proc_self_fd();  // for tests of the other ways

}  // namespace sbx::hostfs
