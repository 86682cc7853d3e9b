// Signals: sets, pending queues, actions (signal(7), kernel/signal.c). Delivery to a task is in task_signals.cc.
#pragma once

#include <signal.h>

#include "src/base/list.h"
#include "src/base/mutex.h"
#include "src/base/ref.h"
#include "src/base/result.h"
#include "src/base/types.h"
#include "src/base/wait_queue.h"

namespace sbx {

constexpr int kSignalCount = 64;  // 1..64
constexpr int kSigRtMin = 32;     // the kernel's SIGRTMIN

// A set of signals as the kernel lays it out: bit n-1 is signal n.
struct SigSet {
    u64 bits = 0;
    template <class A>
    void state(A& ar) {
        ar(bits);
    }
    static constexpr SigSet of(int sig) { return SigSet{1ull << (sig - 1)}; }
    constexpr bool has(int sig) const { return (bits >> (sig - 1)) & 1; }
    constexpr void add(int sig) { bits |= 1ull << (sig - 1); }
    constexpr void remove(int sig) { bits &= ~(1ull << (sig - 1)); }
    friend constexpr SigSet operator|(SigSet a, SigSet b) { return {a.bits | b.bits}; }
    friend constexpr SigSet operator&(SigSet a, SigSet b) { return {a.bits & b.bits}; }
    friend constexpr SigSet operator~(SigSet a) { return {~a.bits}; }
    friend constexpr bool operator==(SigSet a, SigSet b) { return a.bits == b.bits; }
};
constexpr SigSet kUnblockable{(1ull << (SIGKILL - 1)) | (1ull << (SIGSTOP - 1))};
constexpr SigSet kStopSignals{(1ull << (SIGSTOP - 1)) | (1ull << (SIGTSTP - 1)) | (1ull << (SIGTTIN - 1)) |
                              (1ull << (SIGTTOU - 1))};

constexpr u64 kSigDfl = 0, kSigIgn = 1;
// struct sigaction of the x86-64 system call (arch/x86/include/uapi/asm/signal.h).
struct KernelSigaction {
    u64 handler = 0;  // or kSigDfl, kSigIgn
    u64 flags = 0;    // SA_*
    u64 restorer = 0;
    SigSet mask;
    template <class A>
    void state(A& ar) {
        ar(handler, flags, restorer, mask);
    }
};

// Classes of default actions (include/linux/signal.h).
constexpr bool is_kernel_only(int sig) { return kUnblockable.has(sig); }
constexpr bool is_stop_signal(int sig) { return kStopSignals.has(sig); }
constexpr bool is_ignored_by_default(int sig) {
    return sig == SIGCONT || sig == SIGCHLD || sig == SIGWINCH || sig == SIGURG;
}
constexpr bool is_valid_signal(int sig) { return sig >= 1 && sig <= kSignalCount; }
// What a fault of the thread itself raises (SYNCHRONOUS_MASK).
constexpr SigSet kSynchronousSignals{(1ull << (SIGSEGV - 1)) | (1ull << (SIGBUS - 1)) | (1ull << (SIGILL - 1)) |
                                     (1ull << (SIGTRAP - 1)) | (1ull << (SIGFPE - 1)) | (1ull << (SIGSYS - 1))};

// A siginfo_t of the kernel: 128 bytes; libc's has the same layout.
using SigInfo = siginfo_t;
// si_signo=sig, si_code=SI_KERNEL, nothing else.
SigInfo kernel_siginfo(int sig);

class PosixTimer;
class Task;

// One queued instance.
struct QueuedSignal : ListNode<> {
    SigInfo info;
    // no state: queued by its timer again.
    PosixTimer* timer = nullptr;  // of SI_TIMER: preallocated, owned by the timer, and re-armed at delivery
    bool outside = false;         // acts on an init without a handler too (signal_send.cc)
    bool charged = false;         // counted in sigpending of `charged_to` (kernel/user_counts.h)
    u32 charged_to = 0;
    // A timer's instance is saved with its timer, which puts it back where it was queued.
    template <class A>
    void state(A& ar) {
        ar.raw(info);
        ar(outside, charged, charged_to);
    }
};

// Set by the timers: a timer's signal is being delivered, which sets si_overrun, or (null) thrown away. The group's SignalHandlers lock is held.
using TimerSignalHook = void (*)(PosixTimer* timer, SigInfo* info);
extern TimerSignalHook timer_signal_hook;

// Pending signals of a task or a thread group. Guarded by the SignalHandlers lock of the group.
class PendingSignals {
public:
    ~PendingSignals();
    SigSet set() const { return set_; }
    // Queues; standard signals at most once. False if it was dropped because already pending (standard) .
    bool enqueue(QueuedSignal* q);  // takes ownership
    void enqueue_without_info(
        int sig);  // no memory or limit reached: only the bit is set (Linux does so for standard signals and kill)
    // Removes the next signal in `allowed` (synchronous ones first, then lowest number). False if none.
    struct Taken {
        SigInfo info;
        PosixTimer* timer = nullptr;
        bool outside = false;
    };
    bool dequeue(SigSet allowed, Taken* taken);
    // Removes the first instance of a fault of the thread itself (si_code > 0), which goes before everything else.
    bool dequeue_synchronous(SigSet allowed, Taken* taken);
    // Removes q, which is queued here (a timer that is deleted). Ownership goes back to the caller.
    void remove(QueuedSignal& q);
    bool peek(SigSet allowed) const { return ((set_ & allowed).bits) != 0; }
    // Discards all instances of the signals.
    void discard(SigSet which);
    unsigned count() const { return count_; }
    // For PTRACE_PEEKSIGINFO and /proc.
    const List<QueuedSignal>& queue() const { return queue_; }

private:
    friend struct state::Access;
    template <class A>
    void state(A& ar);
    bool take(int sig, Taken* taken);
    SigSet set_;
    List<QueuedSignal> queue_;
    unsigned count_ = 0;
};

// Dispositions, shared by the thread groups that CLONE_SIGHAND ties together; its lock guards all pending queues, masks
// and stop states of their tasks.
class SignalHandlers final : public RefCounted {
public:
    Mutex<Rank::SignalHandlers> mu;
    KernelSigaction actions[kSignalCount] SBX_GUARDED_BY(mu);
    // signalfd and sigtimedwait waiters: notified whenever a signal is queued.
    WaitQueue queued;
    // A copy for fork.
    Ref<SignalHandlers> clone();
    // For execve: handlers become SIG_DFL, ignored ones stay. Also for CLONE_CLEAR_SIGHAND.
    void reset_for_exec();
    template <class A>
    void state(A& ar) SBX_NO_TSA {
        ar(actions);
    }
};

}  // namespace sbx
