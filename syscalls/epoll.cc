// epoll.
#include <fcntl.h>
#include <sys/epoll.h>

#include "fs/anon/epoll.h"
#include "src/kernel/kernel.h"
#include "syscalls/families.h"
#include "syscalls/temporary_mask.h"

namespace sbx {
namespace {

using anon::EpollEvent;
using anon::EpollFile;

Result<long> make_epoll(Task& t, int flags) {
    Ref<vfs::OpenFile> f = make_ref<EpollFile>(O_RDWR);
    return SBX_TRY(t.files().add(std::move(f), flags & EPOLL_CLOEXEC, t.rlimit(RLIMIT_NOFILE)));
}

Result<long> sys_epoll_create(Task& t, int size) { return size <= 0 ? err(EINVAL) : make_epoll(t, 0); }
Result<long> sys_epoll_create1(Task& t, int flags) {
    return flags & ~EPOLL_CLOEXEC ? err(EINVAL) : make_epoll(t, flags);
}

Result<Ref<EpollFile>> get_epoll(Task& t, int fd) {
    Ref<vfs::OpenFile> f = SBX_TRY(t.files().get(fd));
    if (f->is_path_only()) return err(EBADF);
    if (f->kind() != &EpollFile::kKind) return err(EINVAL);
    return static_ref_cast<EpollFile>(f);
}

Result<long> sys_epoll_ctl(Task& t, int epfd, int op, int fd, UserPtr<EpollEvent> event) {
    EpollEvent e{};
    if (op != EPOLL_CTL_DEL) e = SBX_TRY(t.copy_in(event));
    Ref<vfs::OpenFile> outer = SBX_TRY(t.files().get(epfd));
    Ref<vfs::OpenFile> f = SBX_TRY(t.files().get(fd));
    if (outer->is_path_only() || f->is_path_only()) return err(EBADF);
    if (!f->epoll_allowed()) return err(EPERM);
    Ref<EpollFile> ep = SBX_TRY(get_epoll(t, epfd));
    if (f == outer) return err(EINVAL);
    constexpr u32 kExclusiveOk = EPOLLIN | EPOLLOUT | EPOLLERR | EPOLLHUP | EPOLLWAKEUP | EPOLLET | EPOLLEXCLUSIVE;
    if (e.events & EPOLLEXCLUSIVE)
        if (op == EPOLL_CTL_MOD || f->kind() == &EpollFile::kKind || (e.events & ~kExclusiveOk)) return err(EINVAL);
    switch (op) {
    case EPOLL_CTL_ADD: SBX_TRY(ep->add(fd, *f, e, t.caller())); return 0;
    case EPOLL_CTL_MOD: SBX_TRY(ep->modify(fd, *f, e, t.caller())); return 0;
    case EPOLL_CTL_DEL: SBX_TRY(ep->remove(fd, *f)); return 0;
    default: return err(EINVAL);
    }
}

Result<long> wait(Task& t, int epfd, u64 out, int max, Nanos deadline) {
    if (max <= 0 || static_cast<u64>(max) > INT32_MAX / sizeof(EpollEvent)) return err(EINVAL);
    u64 end = 0;
    if (!checked_add(out, static_cast<u64>(max) * sizeof(EpollEvent), &end) ||
        end > t.kernel().platform().user_range().end)
        return err(EFAULT);
    Ref<EpollFile> ep = SBX_TRY(get_epoll(t, epfd));
    TaskWaiter w(t, kEventIn);
    bool registered = false;
    Result<long> result = 0;
    for (;;) {
        std::vector<EpollEvent> events = ep->collect(static_cast<size_t>(max), t.caller());
        if (!events.empty()) {
            Result<> r = t.mm().copy_out(out, events.data(), events.size() * sizeof(EpollEvent));
            result = r ? Result<long>(static_cast<long>(events.size())) : err(r.error());
            break;
        }
        if (deadline == 0 || host_monotonic() >= deadline) break;
        if (!registered) {
            ep->poll_add(w, t.caller());
            registered = true;
            continue;
        }
        if (t.block(deadline) == BlockResult::Interrupted) {
            result = err(EINTR);
            break;
        }
    }
    if (registered) ep->poll_remove(w);
    return result;
}

Nanos deadline_of(Task& t, int ms) { return ms < 0 ? kNever : ms == 0 ? 0 : t.deadline_in(ms * kNanosPerMilli); }

Result<long> sys_epoll_wait(Task& t, int epfd, u64 out, int max, int timeout) {
    return wait(t, epfd, out, max, deadline_of(t, timeout));
}

Result<long> masked_wait(Task& t, int epfd, u64 out, int max, Nanos deadline, UserPtr<SigSet> mask, u64 size) {
    if (mask) SBX_TRY(set_temporary_mask(t, mask, size));
    Result<long> r = wait(t, epfd, out, max, deadline);
    // Unlike ppoll, epoll_pwait is never restarted.
    if (!r && r.error() == EINTR) return r;
    return finish_temporary_mask(t, static_cast<bool>(mask), r);
}

Result<long> sys_epoll_pwait(Task& t, int epfd, u64 out, int max, int timeout, UserPtr<SigSet> mask, u64 size) {
    return masked_wait(t, epfd, out, max, deadline_of(t, timeout), mask, size);
}

Result<long> sys_epoll_pwait2(Task& t, int epfd, u64 out, int max, UserPtr<timespec> timeout, UserPtr<SigSet> mask,
                              u64 size) {
    Nanos deadline = kNever;
    if (timeout) {
        timespec ts = SBX_TRY(t.copy_in(timeout));
        if (!timespec_valid(ts)) return err(EINVAL);
        deadline = to_nanos(ts) == 0 ? 0 : t.deadline_in(to_nanos(ts));
    }
    return masked_wait(t, epfd, out, max, deadline, mask, size);
}

constexpr SyscallRow kRows[] = {
    {213, "epoll_create", syscall<sys_epoll_create>, "d", Support::Full, ""},
    {232, "epoll_wait", syscall<sys_epoll_wait>, "fd ptr d d", Support::Full, ""},
    {233, "epoll_ctl", syscall<sys_epoll_ctl>, "fd d fd ptr", Support::Full, ""},
    {281, "epoll_pwait", syscall<sys_epoll_pwait>, "fd ptr d d ptr u", Support::Full, ""},
    {291, "epoll_create1", syscall<sys_epoll_create1>, "flags", Support::Full, ""},
    {441, "epoll_pwait2", syscall<sys_epoll_pwait2>, "fd ptr d ptr ptr u", Support::Full, ""},
};

}  // namespace

const SyscallFamily kEpollSyscalls(kRows);

}  // namespace sbx
