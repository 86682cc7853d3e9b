// eventfd, eventfd2 and timerfd.
#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>

#include "fs/anon/eventfd.h"
#include "fs/anon/timerfd.h"
#include "src/kernel/kernel.h"
#include "syscalls/deadline.h"
#include "syscalls/families.h"

namespace sbx {
namespace {

Result<long> make_eventfd(Task& t, u32 initial, int flags) {
    if (flags & ~(EFD_CLOEXEC | EFD_NONBLOCK | EFD_SEMAPHORE)) return err(EINVAL);
    Ref<vfs::OpenFile> f = make_ref<anon::EventFile>(initial, flags & EFD_SEMAPHORE, O_RDWR | (flags & EFD_NONBLOCK));
    return SBX_TRY(t.files().add(std::move(f), flags & EFD_CLOEXEC, t.rlimit(RLIMIT_NOFILE)));
}

Result<long> sys_eventfd(Task& t, u32 initial) { return make_eventfd(t, initial, 0); }
Result<long> sys_eventfd2(Task& t, u32 initial, int flags) { return make_eventfd(t, initial, flags); }

Result<long> sys_timerfd_create(Task& t, int clock, int flags) {
    bool known =
        clock == CLOCK_REALTIME || clock == CLOCK_MONOTONIC || clock == CLOCK_BOOTTIME || Timekeeper::wakes(clock);
    if (!known || (flags & ~(TFD_CLOEXEC | TFD_NONBLOCK))) return err(EINVAL);
    SBX_TRY(check_wake_alarm(t, clock));
    Ref<vfs::OpenFile> f = make_ref<anon::TimerFile>(t.kernel().timekeeper(), clock, O_RDWR | (flags & TFD_NONBLOCK));
    return SBX_TRY(t.files().add(std::move(f), flags & TFD_CLOEXEC, t.rlimit(RLIMIT_NOFILE)));
}

Result<Ref<anon::TimerFile>> get_timer(Task& t, int fd) {
    Ref<vfs::OpenFile> f = SBX_TRY(t.files().get(fd));
    if (f->is_path_only()) return err(EBADF);
    if (f->kind() != &anon::TimerFile::kKind) return err(EINVAL);
    return static_ref_cast<anon::TimerFile>(f);
}

Result<long> sys_timerfd_settime(Task& t, int fd, int flags, UserPtr<itimerspec> in, UserPtr<itimerspec> old) {
    itimerspec i = SBX_TRY(t.copy_in(in));
    constexpr int kCancelOnSet = 2;
    if ((flags & ~(TFD_TIMER_ABSTIME | kCancelOnSet)) || !timespec_valid(i.it_value) || !timespec_valid(i.it_interval))
        return err(EINVAL);
    Ref<anon::TimerFile> f = SBX_TRY(get_timer(t, fd));
    itimerspec was = f->set(i, flags & TFD_TIMER_ABSTIME);
    if (old) SBX_TRY(t.copy_out(old, was));
    return 0;
}

Result<long> sys_timerfd_gettime(Task& t, int fd, UserPtr<itimerspec> out) {
    Ref<anon::TimerFile> f = SBX_TRY(get_timer(t, fd));
    SBX_TRY(t.copy_out(out, f->get()));
    return 0;
}

constexpr SyscallRow kRows[] = {
    {283, "timerfd_create", syscall<sys_timerfd_create>, "d flags", Support::Full, ""},
    {284, "eventfd", syscall<sys_eventfd>, "u", Support::Full, ""},
    {286, "timerfd_settime", syscall<sys_timerfd_settime>, "fd flags ptr ptr", Support::Full,
     "the host's clock does not jump: TFD_TIMER_CANCEL_ON_SET never fires"},
    {287, "timerfd_gettime", syscall<sys_timerfd_gettime>, "fd ptr", Support::Full, ""},
    {290, "eventfd2", syscall<sys_eventfd2>, "u flags", Support::Full, ""},
};

}  // namespace

const SyscallFamily kEventSyscalls(kRows);

}  // namespace sbx
