// inotify_init, inotify_init1, inotify_add_watch, inotify_rm_watch.
#include "fs/anon/inotify.h"

#include <fcntl.h>
#include <sys/inotify.h>

#include "syscalls/families.h"
#include "syscalls/path_arg.h"

namespace sbx {
namespace {

constexpr u32 kOptions =
    IN_ONLYDIR | IN_DONT_FOLLOW | IN_EXCL_UNLINK | IN_MASK_ADD | IN_MASK_CREATE | IN_ISDIR | IN_ONESHOT;
constexpr u32 kKernelEvents = IN_UNMOUNT | IN_Q_OVERFLOW | IN_IGNORED;

Result<long> sys_inotify_init1(Task& t, int flags) {
    if (flags & ~(IN_CLOEXEC | IN_NONBLOCK)) return err(EINVAL);
    Ref<vfs::OpenFile> f = SBX_TRY(anon::InotifyFile::create(flags));
    return SBX_TRY(t.files().add(std::move(f), flags & IN_CLOEXEC, t.rlimit(RLIMIT_NOFILE)));
}
Result<long> sys_inotify_init(Task& t) { return sys_inotify_init1(t, 0); }

Result<Ref<anon::InotifyFile>> get(Task& t, int fd) {
    Ref<vfs::OpenFile> f = SBX_TRY(t.files().get(fd));
    if (f->is_path_only()) return err(EBADF);
    if (f->kind() != &anon::InotifyFile::kKind) return err(EINVAL);
    return static_ref_cast<anon::InotifyFile>(f);
}

Result<long> sys_inotify_add_watch(Task& t, int fd, UserString path, u32 mask) {
    if (!(mask & (IN_ALL_EVENTS | kOptions | kKernelEvents))) return err(EINVAL);
    Ref<vfs::OpenFile> any = SBX_TRY(t.files().get(fd));
    if (any->is_path_only()) return err(EBADF);
    if ((mask & IN_MASK_ADD) && (mask & IN_MASK_CREATE)) return err(EINVAL);
    Ref<anon::InotifyFile> f = SBX_TRY(get(t, fd));
    vfs::WalkFlags w;
    w.follow = !(mask & IN_DONT_FOLLOW);
    w.directory = mask & IN_ONLYDIR;
    vfs::Path p = SBX_TRY(vfs::walk(t.caller(), {}, SBX_TRY(t.copy_in_path(path)), w));
    SBX_TRY(vfs::check_permission(t.caller(), p, vfs::kMayRead));
    return SBX_TRY(f->add_watch(*p.dentry->inode(), mask));
}

Result<long> sys_inotify_rm_watch(Task& t, int fd, int wd) {
    Ref<anon::InotifyFile> f = SBX_TRY(get(t, fd));
    SBX_TRY(f->remove_watch(wd));
    return 0;
}

constexpr SyscallRow kRows[] = {
    {253, "inotify_init", syscall<sys_inotify_init>, "", Support::Full, ""},
    {254, "inotify_add_watch", syscall<sys_inotify_add_watch>, "fd p x", Support::Partial,
     "changes made outside of the sandbox are not told"},
    {255, "inotify_rm_watch", syscall<sys_inotify_rm_watch>, "fd d", Support::Full, ""},
    {294, "inotify_init1", syscall<sys_inotify_init1>, "flags", Support::Full, ""},
};

}  // namespace

const SyscallFamily kInotifySyscalls(kRows);

}  // namespace sbx
