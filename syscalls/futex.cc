// futex, futex_waitv and robust lists.
#include "src/kernel/futex.h"

#include <time.h>

#include "src/kernel/kernel.h"
#include "syscalls/deadline.h"
#include "syscalls/families.h"
#include "syscalls/restart.h"

namespace sbx {
namespace {

constexpr u64 kMaxWaitv = 128;   // FUTEX_WAITV_MAX
constexpr u32 kWaitvSize32 = 2;  // FUTEX2_SIZE_U32
constexpr u32 kWaitvPrivate = 128;

// What struct futex_waitv looks like (linux/futex.h, 5.16).
struct Waitv {
    u64 value, addr;
    u32 flags, reserved;
};

// With a time limit, a wait is restarted for what is left of it (futex_wait in kernel/futex/waitwake.c).
Result<long> finish_wait(Task& t, Result<> r, const RestartBlock& block) {
    if (r) return 0;
    if (!(r.error() == ERESTARTSYS) || block.deadline == kNever) return err(r.error());
    t.restart_block = block;
    return err(ERESTART_RESTARTBLOCK);
}

Result<long> wait(Task& t, FutexTable::Word w, u32 value, u32 bitset, Nanos deadline) {
    RestartBlock b;
    b.kind = RestartBlock::Kind::Futex;
    b.args[0] = w.addr;
    b.args[1] = w.shared;
    b.args[2] = value;
    b.args[3] = bitset;
    b.deadline = deadline;
    return finish_wait(t, t.kernel().futexes().wait(t, w, value, bitset, deadline), b);
}

Result<long> done(Result<> r) {
    if (!r) return err(r.error());
    return 0;
}

Result<long> sys_futex(Task& t, u64 addr, int op, u32 value, UserPtr<timespec> timeout, u64 addr2, u32 value3) {
    FutexTable& futexes = t.kernel().futexes();
    int cmd = op & FUTEX_CMD_MASK;
    FutexTable::Word a{addr, !(op & FUTEX_PRIVATE_FLAG)}, b{addr2, a.shared};
    bool realtime = op & FUTEX_CLOCK_REALTIME;
    if (realtime && cmd != FUTEX_WAIT_BITSET && cmd != FUTEX_WAIT_REQUEUE_PI && cmd != FUTEX_LOCK_PI2)
        return err(ENOSYS);
    clockid_t clock = realtime || cmd == FUTEX_LOCK_PI ? CLOCK_REALTIME : CLOCK_MONOTONIC;
    Nanos deadline = kNever;
    if (cmd == FUTEX_WAIT || cmd == FUTEX_WAIT_BITSET || cmd == FUTEX_LOCK_PI || cmd == FUTEX_LOCK_PI2 ||
        cmd == FUTEX_WAIT_REQUEUE_PI)
        deadline = SBX_TRY(copy_in_deadline(t, timeout, cmd == FUTEX_WAIT, clock));
    int count = static_cast<int>(value), count2 = static_cast<int>(timeout.addr);
    switch (cmd) {
    case FUTEX_WAIT: return wait(t, a, value, FUTEX_BITSET_MATCH_ANY, deadline);
    case FUTEX_WAIT_BITSET: return wait(t, a, value, value3, deadline);
    case FUTEX_WAKE: return futexes.wake(t, a, count, FUTEX_BITSET_MATCH_ANY);
    case FUTEX_WAKE_BITSET: return futexes.wake(t, a, count, value3);
    case FUTEX_REQUEUE: return futexes.requeue(t, a, b, count, count2, nullptr);
    case FUTEX_CMP_REQUEUE: return futexes.requeue(t, a, b, count, count2, &value3);
    case FUTEX_WAKE_OP: return futexes.wake_op(t, a, b, count, count2, value3);
    case FUTEX_LOCK_PI:
    case FUTEX_LOCK_PI2: return done(futexes.lock_pi(t, a, false, deadline));
    case FUTEX_TRYLOCK_PI: return done(futexes.lock_pi(t, a, true, kNever));
    case FUTEX_UNLOCK_PI: return done(futexes.unlock_pi(t, a));
    case FUTEX_WAIT_REQUEUE_PI: return done(futexes.wait_requeue_pi(t, a, value, FUTEX_BITSET_MATCH_ANY, b, deadline));
    case FUTEX_CMP_REQUEUE_PI: return futexes.cmp_requeue_pi(t, a, b, count, count2, value3);
    default: return err(ENOSYS);
    }
}

Result<long> sys_futex_waitv(Task& t, UserPtr<Waitv> waiters, u32 count, u32 flags, UserPtr<timespec> timeout,
                             int clock) {
    if (flags || count == 0 || count > kMaxWaitv || !waiters) return err(EINVAL);
    if (timeout && clock != CLOCK_MONOTONIC && clock != CLOCK_REALTIME) return err(EINVAL);
    Nanos deadline = SBX_TRY(copy_in_deadline(t, timeout, false, clock));
    std::vector<Waitv> in = SBX_TRY(t.copy_in_array(waiters, count));
    std::vector<FutexTable::WaitvEntry> words;
    for (const Waitv& w : in) {
        if ((w.flags & ~kWaitvPrivate) != kWaitvSize32 || w.reserved || w.value > 0xffffffff) return err(EINVAL);
        words.push_back({{w.addr, !(w.flags & kWaitvPrivate)}, static_cast<u32>(w.value)});
    }
    return t.kernel().futexes().wait_any(t, words, deadline);
}

constexpr u64 kRobustHeadSize = 24;

Result<long> sys_set_robust_list(Task& t, u64 head, u64 size) {
    if (size != kRobustHeadSize) return err(EINVAL);
    t.robust_list = head;
    return 0;
}

Result<long> sys_get_robust_list(Task& t, int tid, UserPtr<u64> head, UserPtr<u64> size) {
    // Another task's list is its own business until it can be read without stopping it; debuggers do without.
    if (tid != 0 && tid != t.tid()) {
        SharedLock l(t.kernel().tasks().mu);
        return err(t.kernel().tasks().find_task(tid, t.pid_ns()) ? EPERM : ESRCH);
    }
    SBX_TRY(t.copy_out(head, t.robust_list));
    SBX_TRY(t.copy_out(size, kRobustHeadSize));
    return 0;
}

constexpr SyscallRow kRows[] = {
    {202, "futex", syscall<sys_futex>, "ptr op u ptr ptr u", Support::Full, "priorities are not inherited"},
    {273, "set_robust_list", syscall<sys_set_robust_list>, "ptr u", Support::Full, ""},
    {274, "get_robust_list", syscall<sys_get_robust_list>, "d ptr ptr", Support::Partial, "own list only"},
    {449, "futex_waitv", syscall<sys_futex_waitv>, "ptr u flags ptr d", Support::Full, ""},
};

}  // namespace

Result<long> restart_futex(Task& t, const RestartBlock& b) {
    return wait(t, {b.args[0], b.args[1] != 0}, static_cast<u32>(b.args[2]), static_cast<u32>(b.args[3]), b.deadline);
}

const SyscallFamily kFutexSyscalls(kRows);

}  // namespace sbx
