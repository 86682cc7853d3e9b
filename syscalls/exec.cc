// execve and execveat.
#include <fcntl.h>

#include "fs/vfs/walk.h"
#include "src/kernel/kernel.h"
#include "src/kernel/task_exec.h"
#include "src/loader/loader.h"
#include "syscalls/families.h"

namespace sbx {
namespace {

// An array of string pointers that ends with a null one. *budget: bytes left for strings and pointers. E2BIG, EFAULT.
Result<std::vector<std::string>> copy_in_strings(Task& t, UserPtr<u64> array, u64* budget) {
    std::vector<std::string> out;
    if (!array) return out;
    for (u64 i = 0;; i++) {
        u64 p = SBX_TRY(t.copy_in(array + i));
        if (p == 0) return out;
        Result<std::string> s = t.mm().copy_in_string(p, loader::kMaxArgString);
        if (!s) return err(s.error() == ENAMETOOLONG ? Errno{E2BIG} : s.error());
        u64 cost = s->size() + 1 + sizeof(u64);
        if (cost > *budget) return err(E2BIG);
        *budget -= cost;
        out.push_back(std::move(*s));
    }
}

Result<long> exec(Task& t, int dirfd, UserString path, UserPtr<u64> argv, UserPtr<u64> envp, int flags) {
    if (flags & ~(AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW)) return err(EINVAL);
    std::string name = SBX_TRY(t.copy_in_path(path));
    if (name.empty() && !(flags & AT_EMPTY_PATH)) return err(ENOENT);
    vfs::Path start;
    std::string filename = name;
    if (dirfd != AT_FDCWD && !name.starts_with('/')) {
        Ref<vfs::OpenFile> dir = SBX_TRY(t.files().get(dirfd));
        start = dir->path();
        filename = "/dev/fd/" + std::to_string(dirfd) + (name.empty() ? "" : "/" + name);
    }
    u64 budget = loader::max_arg_bytes(t.rlimit(RLIMIT_STACK));
    std::vector<std::string> args = SBX_TRY(copy_in_strings(t, argv, &budget));
    std::vector<std::string> env = SBX_TRY(copy_in_strings(t, envp, &budget));
    Ref<vfs::OpenFile> file = SBX_TRY(loader::open_exec(t.caller(), start, name, flags));
    loader::Image image = SBX_TRY(loader::load(
        {t.kernel(), t.caller(), file, filename, std::move(args), std::move(env), *t.creds(), t.mm_limits()}));
    SBX_TRY(Exec::commit(t, {image.mm, image.creds, image.entry, image.sp, image.privileged, image.name}));
    return 0;
}

Result<long> sys_execve(Task& t, UserString path, UserPtr<u64> argv, UserPtr<u64> envp) {
    return exec(t, AT_FDCWD, path, argv, envp, 0);
}

Result<long> sys_execveat(Task& t, int dirfd, UserString path, UserPtr<u64> argv, UserPtr<u64> envp, int flags) {
    return exec(t, dirfd, path, argv, envp, flags);
}

constexpr SyscallRow kRows[] = {
    {59, "execve", syscall<sys_execve>, "p argv envp", Support::Full, ""},
    {322, "execveat", syscall<sys_execveat>, "fd p argv envp flags", Support::Full, ""},
};

}  // namespace

const SyscallFamily kExecSyscalls(kRows);

}  // namespace sbx
