// File handles: name_to_handle_at, open_by_handle_at (fs/fhandle.c).
#include <fcntl.h>
#include <linux/capability.h>

#include "fs/vfs/handles.h"
#include "fs/vfs/mount.h"
#include "fs/vfs/operations.h"
#include "src/kernel/kernel.h"
#include "syscalls/families.h"
#include "syscalls/path_arg.h"
#include "syscalls/wait_file.h"
#include "syscalls/wait_lease.h"

namespace sbx {
namespace {

constexpr int kAtHandleFid = 0x200, kAtHandleMntIdUnique = 1, kAtHandleConnectable = 2;
constexpr u32 kMaxHandle = 128;  // MAX_HANDLE_SZ
constexpr int kType = 0x81;      // FILEID_INO64_GEN

struct Header {  // struct file_handle without what it holds
    u32 bytes;
    int type;
};

Result<> put_mount_id(Task& t, u64 at, const vfs::Mount& m, bool unique) {
    if (unique) return t.copy_out(UserPtr<u64>{at}, static_cast<u64>(m.id()));
    return t.copy_out(UserPtr<int>{at}, m.id());
}

Result<long> sys_name_to_handle_at(Task& t, int dirfd, UserString path, UserPtr<Header> out, u64 mount_id, int flags) {
    if (flags & ~(AT_SYMLINK_FOLLOW | AT_EMPTY_PATH | kAtHandleFid | kAtHandleMntIdUnique | kAtHandleConnectable))
        return err(EINVAL);
    if ((flags & kAtHandleConnectable) && (flags & (kAtHandleFid | AT_EMPTY_PATH))) return err(EINVAL);
    vfs::Path p = SBX_TRY(
        walk_at(t, dirfd, path, (flags & AT_EMPTY_PATH) | (flags & AT_SYMLINK_FOLLOW ? 0 : AT_SYMLINK_NOFOLLOW)));
    vfs::FileHandle handle = SBX_TRY(vfs::make_handle(p));
    Header h = SBX_TRY(t.copy_in(out));
    if (h.bytes > kMaxHandle) return err(EINVAL);
    bool fits = h.bytes >= sizeof handle;
    h = Header{sizeof handle, kType};
    SBX_TRY(put_mount_id(t, mount_id, *p.mount, flags & kAtHandleMntIdUnique));
    SBX_TRY(t.copy_out(out, h));
    if (!fits) return err(EOVERFLOW);
    SBX_TRY(t.copy_out(UserPtr<vfs::FileHandle>{out.addr + sizeof h}, handle));
    return 0;
}

Result<long> sys_open_by_handle_at(Task& t, int mount_fd, UserPtr<Header> in, int flags) {
    vfs::Path where;
    if (mount_fd == AT_FDCWD)
        where = t.fs().cwd();
    else
        where = SBX_TRY(t.files().get(mount_fd))
    ->path();
    if (!t.creds()->capable(CAP_DAC_READ_SEARCH, t.kernel().user_ns())) return err(EPERM);
    Header h = SBX_TRY(t.copy_in(in));
    if (h.bytes == 0 || h.bytes > kMaxHandle) return err(EINVAL);
    if (h.type != kType || h.bytes < sizeof(vfs::FileHandle)) return err(ESTALE);
    vfs::FileHandle handle = SBX_TRY(t.copy_in(UserPtr<vfs::FileHandle>{in.addr + sizeof h}));
    vfs::Path p { where.mount, SBX_TRY(vfs::find_handle(where.mount->fs(), handle)) };
    Ref<vfs::OpenFile> f = SBX_TRY(wait_lease(t, [&] { return vfs::open_path(t.caller(), p, flags); }));
    if (!f->is_path_only()) SBX_TRY(finish_open(t, *f));
    return SBX_TRY(t.files().add(std::move(f), flags & O_CLOEXEC, t.rlimit(RLIMIT_NOFILE)));
}

constexpr SyscallRow kRows[] = {
    {303, "name_to_handle_at", syscall<sys_name_to_handle_at>, "fd p ptr ptr atflags", Support::Full, ""},
    {304, "open_by_handle_at", syscall<sys_open_by_handle_at>, "fd ptr oflags", Support::Partial,
     "of the files that had a handle made, the last 4096 are found"},
};

}  // namespace

const SyscallFamily kHandleSyscalls(kRows);

}  // namespace sbx
