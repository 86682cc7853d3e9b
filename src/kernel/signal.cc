// Pending queues and dispositions of signals.
#include "src/kernel/signal.h"

#include "src/kernel/user_counts.h"

namespace sbx {

UserCounts& user_counts() {
    static UserCounts counts;  // no state: saved with the kernel
    return counts;
}

namespace {
void drop(QueuedSignal* q) {
    if (q->charged) {
        user_counts().remove(UserCounts::kPendingSignals, q->charged_to);
        q->charged = false;
    }
    // A timer's own is the timer's to free; not being linked tells it that it may be queued again.
    if (!q->timer) delete q;
}
}  // namespace

TimerSignalHook timer_signal_hook = nullptr;  // no state: set at start-up

SigInfo kernel_siginfo(int sig) {
    SigInfo info{};
    info.si_signo = sig;
    info.si_code = SI_KERNEL;
    return info;
}

PendingSignals::~PendingSignals() { discard(SigSet{~0ull}); }

bool PendingSignals::enqueue(QueuedSignal* q) {
    int sig = q->info.si_signo;
    if (sig < kSigRtMin && set_.has(sig)) {
        drop(q);
        return false;
    }
    queue_.push_back(*q);
    count_++;
    set_.add(sig);
    return true;
}

void PendingSignals::enqueue_without_info(int sig) { set_.add(sig); }

// collect_signal(): the first queued instance, with the bit kept while another one is queued.
bool PendingSignals::take(int sig, Taken* taken) {
    QueuedSignal* found = nullptr;
    bool more = false;
    for (QueuedSignal& q : queue_) {
        if (q.info.si_signo != sig) continue;
        if (found) {
            more = true;
            break;
        }
        found = &q;
    }
    if (!more) set_.remove(sig);
    *taken = Taken{};
    if (!found) {
        // Only the bit: as if from nobody (SI_USER, pid 0).
        taken->info.si_signo = sig;
        taken->info.si_code = SI_USER;
        return true;
    }
    taken->info = found->info;
    taken->timer = found->timer;
    taken->outside = found->outside;
    found->unlink();
    count_--;
    drop(found);
    return true;
}

bool PendingSignals::dequeue(SigSet allowed, Taken* taken) {
    u64 ready = (set_ & allowed).bits;
    if (!ready) return false;
    if (u64 sync = ready & kSynchronousSignals.bits) ready = sync;
    return take(__builtin_ctzll(ready) + 1, taken);
}

bool PendingSignals::dequeue_synchronous(SigSet allowed, Taken* taken) {
    if (!(set_ & allowed & kSynchronousSignals).bits) return false;
    for (QueuedSignal& q : queue_)
        if (q.info.si_code > 0 && (kSynchronousSignals & allowed).has(q.info.si_signo))
            return take(q.info.si_signo, taken);
    return false;
}

void PendingSignals::remove(QueuedSignal& q) {
    int sig = q.info.si_signo;
    q.unlink();
    count_--;
    for (QueuedSignal& other : queue_)
        if (other.info.si_signo == sig) return;
    set_.remove(sig);
}

void PendingSignals::discard(SigSet which) {
    if (!(set_ & which).bits) return;
    set_ = set_ & ~which;
    for (QueuedSignal& q : queue_) {
        if (!which.has(q.info.si_signo)) continue;
        q.unlink();
        count_--;
        if (q.timer && timer_signal_hook) timer_signal_hook(q.timer, nullptr);
        drop(&q);
    }
}

Ref<SignalHandlers> SignalHandlers::clone() {
    Ref<SignalHandlers> n = make_ref<SignalHandlers>();
    Lock l(mu);
    // n is not shared yet: its lock is not needed, nor allowed (two of one rank).
    [&]() SBX_NO_TSA {
        for (int i = 0; i < kSignalCount; i++) n->actions[i] = actions[i];
    }();
    return n;
}

void SignalHandlers::reset_for_exec() {
    Lock l(mu);
    for (KernelSigaction& a : actions) {
        bool ignored = a.handler == kSigIgn;
        a = KernelSigaction{};
        if (ignored) a.handler = kSigIgn;
    }
}

}  // namespace sbx
