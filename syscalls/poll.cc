// poll, ppoll, select, pselect6.
#include <poll.h>
#include <sys/select.h>
#include <sys/time.h>

#include <memory>

#include "src/kernel/kernel.h"
#include "src/kernel/thread_group.h"
#include "syscalls/families.h"
#include "syscalls/restart.h"
#include "syscalls/temporary_mask.h"

namespace sbx {
namespace {

// One file being watched; registered while we wait.
struct Watch {
    Ref<vfs::OpenFile> file;
    EventMask mask = 0;
    std::unique_ptr<TaskWaiter> waiter;
    Watch() = default;
    Watch(Watch&&) = default;
    ~Watch() {
        if (waiter) file->poll_remove(*waiter);
    }
};

// Looks at all watches until one is ready, the deadline passes or a signal comes. `ready(i, events)` records; the count of ready ones.
template <class Ready>
Result<long> wait_ready(Task& t, std::vector<Watch>& watches, Nanos deadline, long already, Ready&& ready) {
    bool registered = false, interrupted = false;
    for (;;) {
        long n = already;
        for (size_t i = 0; i < watches.size(); i++) {
            if (!watches[i].file) continue;
            EventMask e = watches[i].file->poll(watches[i].mask, t.caller());
            if (e && ready(i, e)) n++;
        }
        if (n != 0) return n;
        // What came together with the signal goes first (do_poll).
        if (interrupted) return err(EINTR);
        // And the signal before the time limit, also where there was no time to wait.
        if (deadline == 0 || host_monotonic() >= deadline) return t.interrupted() ? Result<long>(err(EINTR)) : 0;
        if (!registered) {
            for (Watch& w : watches) {
                if (!w.file) continue;
                w.waiter = std::make_unique<TaskWaiter>(t, w.mask | kEventErr | kEventHup);
                w.file->poll_add(*w.waiter, t.caller());
            }
            registered = true;
            continue;
        }
        interrupted = t.block(deadline) == BlockResult::Interrupted;
    }
}

Nanos deadline_of(Task& t, Nanos timeout) { return timeout <= 0 ? 0 : t.deadline_in(timeout); }

Result<long> do_poll(Task& t, u64 addr, u64 count, Nanos deadline) {
    if (count > t.rlimit(RLIMIT_NOFILE)) return err(EINVAL);
    UserPtr<pollfd> user{addr};
    std::vector<pollfd> fds = SBX_TRY(t.copy_in_array(user, count));
    std::vector<Watch> watches(count);
    long already = 0;
    for (size_t i = 0; i < count; i++) {
        fds[i].revents = 0;
        if (fds[i].fd < 0) continue;
        Result<Ref<vfs::OpenFile>> f = t.files().get(fds[i].fd);
        if (!f || (*f)->is_path_only()) {
            fds[i].revents = POLLNVAL;
            already++;
            continue;
        }
        watches[i].file = std::move(*f);
        watches[i].mask = static_cast<u16>(fds[i].events) | kEventErr | kEventHup;
    }
    if (already) deadline = 0;
    Result<long> n = wait_ready(t, watches, deadline, already, [&](size_t i, EventMask e) {
        fds[i].revents = static_cast<short>(e);
        return true;
    });
    if (!n) return n;
    for (size_t i = 0; i < count; i++)
        SBX_TRY(t.mm().copy_out(addr + i * sizeof(pollfd) + offsetof(pollfd, revents), &fds[i].revents,
                                sizeof fds[i].revents));
    return n;
}

Result<long> poll_restartable(Task& t, u64 addr, u64 count, Nanos deadline) {
    Result<long> r = do_poll(t, addr, count, deadline);
    if (r || !(r.error() == EINTR)) return r;
    RestartBlock b;
    b.kind = RestartBlock::Kind::Poll;
    b.args[0] = addr;
    b.args[1] = count;
    b.deadline = deadline;
    t.restart_block = b;
    return err(ERESTART_RESTARTBLOCK);
}

Result<long> sys_poll(Task& t, u64 addr, u32 count, int timeout_ms) {
    return poll_restartable(t, addr, count, deadline_of(t, timeout_ms < 0 ? kNever : timeout_ms * kNanosPerMilli));
}

// A pause interrupted it: the call is to find its timeout as it was.
bool begins_again(Task& t, const Result<long>& r) {
    return !r && (r.error() == EINTR || r.error() == ERESTARTNOHAND) && t.again_after_pause();
}

// personality(2): the time left is not written back.
bool sticky_timeouts(Task& t) { return t.personality & 0x4000000; }

// What is left is written back, but a bad pointer there is no error (poll_select_finish).
void put_remaining(Task& t, UserPtr<timespec> p, Nanos deadline, const Result<long>& r) {
    if (!p || deadline == kNever || sticky_timeouts(t) || begins_again(t, r)) return;
    Nanos left = deadline ? std::max<Nanos>(deadline - host_monotonic(), 0) : 0;
    static_cast<void>(t.copy_out(p, to_timespec(left)));
}

Result<Nanos> copy_in_timeout(Task& t, UserPtr<timespec> p) {
    if (!p) return kNever;
    timespec ts = SBX_TRY(t.copy_in(p));
    if (!timespec_valid(ts)) return err(EINVAL);
    return deadline_of(t, to_nanos(ts));
}

Result<long> sys_ppoll(Task& t, u64 addr, u32 count, UserPtr<timespec> timeout, UserPtr<SigSet> mask, u64 size) {
    Nanos deadline = SBX_TRY(copy_in_timeout(t, timeout));
    if (mask) SBX_TRY(set_temporary_mask(t, mask, size));
    Result<long> r = do_poll(t, addr, count, deadline);
    r = finish_temporary_mask(t, mask ? true : false, r);
    put_remaining(t, timeout, deadline, r);
    return r;
}

// The three sets of select(2), as words.
struct Sets {
    std::vector<u64> words[3];
};
constexpr EventMask kSelectMask[3] = {kEventIn | kEventRdNorm | kEventRdBand | kEventHup | kEventErr,
                                      kEventOut | kEventWrNorm | kEventWrBand | kEventErr, kEventPri};

Result<long> do_select(Task& t, int n, const UserPtr<u64> user[3], Nanos deadline) {
    if (n < 0) return err(EINVAL);
    u64 limit = t.rlimit(RLIMIT_NOFILE);
    size_t bits = std::min<u64>(static_cast<u64>(n), std::max<u64>(limit, 1024)), words = (bits + 63) / 64;
    Sets in, out;
    for (int s = 0; s < 3; s++) {
        in.words[s].resize(words);
        out.words[s].resize(words);
        if (user[s] && words) SBX_TRY(t.mm().copy_in(user[s].addr, in.words[s].data(), words * 8));
    }
    std::vector<Watch> watches;
    std::vector<int> fds;
    std::vector<size_t> always;
    for (size_t fd = 0; fd < bits; fd++) {
        EventMask mask = 0;
        for (int s = 0; s < 3; s++)
            if (in.words[s][fd / 64] >> (fd % 64) & 1) mask |= kSelectMask[s];
        if (!mask) continue;
        Watch w;
        w.file = SBX_TRY(t.files().get(static_cast<int>(fd)));
        w.mask = mask;
        if (w.file->is_path_only()) {
            // Ready for all, as POLLNVAL is.
            always.push_back(fds.size());
            w.file.reset();
            deadline = 0;
        }
        watches.push_back(std::move(w));
        fds.push_back(static_cast<int>(fd));
    }
    long hits = 0;
    auto ready = [&](size_t i, EventMask e) {
        size_t word = static_cast<size_t>(fds[i]) / 64;
        u64 bit = 1ull << (fds[i] % 64);
        bool any = false;
        for (int s = 0; s < 3; s++) {
            if (!(in.words[s][word] & bit) || !(e & kSelectMask[s])) continue;
            out.words[s][word] |= bit;
            hits++;
            any = true;
        }
        return any;
    };
    for (size_t i : always) ready(i, ~EventMask{0});
    SBX_TRY(wait_ready(t, watches, deadline, hits, ready));
    for (int s = 0; s < 3; s++)
        if (user[s] && words) SBX_TRY(t.mm().copy_out(user[s].addr, out.words[s].data(), words * 8));
    return hits;
}

Result<long> sys_select(Task& t, int n, UserPtr<u64> r, UserPtr<u64> w, UserPtr<u64> e, UserPtr<timeval> timeout) {
    Nanos deadline = kNever;
    if (timeout) {
        timeval tv = SBX_TRY(t.copy_in(timeout));
        if (tv.tv_sec < 0 || tv.tv_usec < 0) return err(EINVAL);
        timespec ts{};
        ts.tv_sec = add_sat(tv.tv_sec, tv.tv_usec / 1000000);
        ts.tv_nsec = tv.tv_usec % 1000000 * 1000;
        deadline = deadline_of(t, to_nanos(ts));
    }
    const UserPtr<u64> sets[3] = {r, w, e};
    Result<long> result = do_select(t, n, sets, deadline);
    if (timeout && sticky_timeouts(t)) return result;
    if (timeout && deadline != kNever && !begins_again(t, result)) {
        timespec left = to_timespec(deadline ? std::max<Nanos>(deadline - host_monotonic(), 0) : 0);
        timeval tv{};
        tv.tv_sec = left.tv_sec;
        tv.tv_usec = left.tv_nsec / 1000;
        static_cast<void>(t.copy_out(timeout, tv));
    }
    // The time left was written back, so that a restart would wait for no longer than asked.
    if (!result && result.error() == EINTR) return err(ERESTARTNOHAND);
    return result;
}

struct SigsetArg {
    u64 mask, size;
};

Result<long> sys_pselect6(Task& t, int n, UserPtr<u64> r, UserPtr<u64> w, UserPtr<u64> e, UserPtr<timespec> timeout,
                          UserPtr<SigsetArg> sig) {
    SigsetArg arg{};
    if (sig) arg = SBX_TRY(t.copy_in(sig));
    Nanos deadline = SBX_TRY(copy_in_timeout(t, timeout));
    if (arg.mask) SBX_TRY(set_temporary_mask(t, {arg.mask}, arg.size));
    const UserPtr<u64> sets[3] = {r, w, e};
    Result<long> result = finish_temporary_mask(t, arg.mask != 0, do_select(t, n, sets, deadline));
    put_remaining(t, timeout, deadline, result);
    return result;
}

constexpr SyscallRow kRows[] = {
    {7, "poll", syscall<sys_poll>, "ptr u d", Support::Full, ""},
    {23, "select", syscall<sys_select>, "d ptr ptr ptr ptr", Support::Full, ""},
    {270, "pselect6", syscall<sys_pselect6>, "d ptr ptr ptr ptr ptr", Support::Full, ""},
    {271, "ppoll", syscall<sys_ppoll>, "ptr u ptr ptr u", Support::Full, ""},
};

}  // namespace

Result<long> restart_poll(Task& t, const RestartBlock& b) {
    return poll_restartable(t, b.args[0], b.args[1], b.deadline);
}

const SyscallFamily kPollSyscalls(kRows);

}  // namespace sbx
