// signalfd, signalfd4.
#include "fs/anon/signalfd.h"

#include <fcntl.h>

#include "syscalls/families.h"

namespace sbx {
namespace {

Result<long> sys_signalfd4(Task& t, int fd, UserPtr<SigSet> set, u64 size, int flags) {
    if (size != sizeof(SigSet)) return err(EINVAL);
    SigSet mask = SBX_TRY(t.copy_in(set))
    &~kUnblockable;
    if (flags & ~(O_CLOEXEC | O_NONBLOCK)) return err(EINVAL);
    if (fd == -1) {
        Ref<vfs::OpenFile> f = make_ref<anon::SignalFile>(mask, flags);
        return SBX_TRY(t.files().add(std::move(f), flags & O_CLOEXEC, t.rlimit(RLIMIT_NOFILE)));
    }
    Ref<vfs::OpenFile> f = SBX_TRY(t.files().get(fd));
    if (f->is_path_only()) return err(EBADF);
    if (f->kind() != &anon::SignalFile::kKind) return err(EINVAL);
    static_cast<anon::SignalFile&>(*f).set_mask(mask, t);
    return fd;
}

Result<long> sys_signalfd(Task& t, int fd, UserPtr<SigSet> set, u64 size) { return sys_signalfd4(t, fd, set, size, 0); }

constexpr SyscallRow kRows[] = {
    {282, "signalfd", syscall<sys_signalfd>, "fd ptr u", Support::Full, ""},
    {289, "signalfd4", syscall<sys_signalfd4>, "fd ptr u flags", Support::Full, ""},
};

}  // namespace

const SyscallFamily kSignalfdSyscalls(kRows);

}  // namespace sbx
