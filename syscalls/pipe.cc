// pipe and pipe2.
#include <fcntl.h>

#include "fs/pipefs/pipe.h"
#include "syscalls/families.h"

namespace sbx {
namespace {

Result<long> make_pipe(Task& t, UserPtr<int[2]> out, int flags) {
    if (flags & ~(O_CLOEXEC | O_NONBLOCK | O_DIRECT)) return err(EINVAL);
    pipefs::Ends ends = pipefs::create_pipe(flags & (O_NONBLOCK | O_DIRECT), t.caller());
    int fds[2];
    SBX_TRY(t.files().add2(ends.read, ends.write, flags & O_CLOEXEC, t.rlimit(RLIMIT_NOFILE), fds));
    if (Result<> r = t.mm().copy_out(out.addr, fds, sizeof fds); !r) {
        for (int fd : fds) static_cast<void>(t.files().close(fd, t.caller()));
        return err(r.error());
    }
    return 0;
}

Result<long> sys_pipe(Task& t, UserPtr<int[2]> out) { return make_pipe(t, out, 0); }
Result<long> sys_pipe2(Task& t, UserPtr<int[2]> out, int flags) { return make_pipe(t, out, flags); }

constexpr SyscallRow kRows[] = {
    {22, "pipe", syscall<sys_pipe>, "fds", Support::Full, ""},
    {293, "pipe2", syscall<sys_pipe2>, "fds flags", Support::Full, ""},
};

}  // namespace

const SyscallFamily kPipeSyscalls(kRows);

}  // namespace sbx
