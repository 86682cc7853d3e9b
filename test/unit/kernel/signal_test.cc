// Pending queues: order, standard against real-time signals, synchronous ones first; the place of a signal frame.
#include <doctest/doctest.h>

#include "src/kernel/signal.h"
#include "src/kernel/signal_frame.h"

using namespace sbx;

namespace {
QueuedSignal* make(int sig, int value = 0, int code = SI_QUEUE) {
    QueuedSignal* q = new QueuedSignal;
    q->info = SigInfo{};
    q->info.si_signo = sig;
    q->info.si_code = code;
    q->info.si_value.sival_int = value;
    return q;
}
}  // namespace

TEST_CASE("standard signals are queued once, real-time ones each time and in order") {
    PendingSignals p;
    CHECK(p.enqueue(make(SIGUSR1, 1)));
    CHECK(!p.enqueue(make(SIGUSR1, 2)));
    CHECK(p.enqueue(make(35, 1)));
    CHECK(p.enqueue(make(34, 2)));
    CHECK(p.enqueue(make(34, 3)));
    CHECK(p.count() == 4);
    PendingSignals::Taken t;
    const int order[][2] = {{SIGUSR1, 1}, {34, 2}, {34, 3}, {35, 1}};
    for (auto& [sig, value] : order) {
        REQUIRE(p.dequeue(SigSet{~0ull}, &t));
        CHECK(t.info.si_signo == sig);
        CHECK(t.info.si_value.sival_int == value);
    }
    CHECK(!p.dequeue(SigSet{~0ull}, &t));
    CHECK(p.set().bits == 0);
}

TEST_CASE("faults go first, whatever their number") {
    PendingSignals p;
    p.enqueue(make(SIGHUP));
    p.enqueue(make(SIGSEGV));
    PendingSignals::Taken t;
    REQUIRE(p.dequeue(SigSet{~0ull}, &t));
    CHECK(t.info.si_signo == SIGSEGV);
    // One that was sent is no fault of the thread's own.
    p.enqueue(make(SIGBUS, 0, SI_USER));
    CHECK(!p.dequeue_synchronous(SigSet{~0ull}, &t));
    p.enqueue(make(SIGFPE, 0, FPE_INTDIV));
    REQUIRE(p.dequeue_synchronous(SigSet{~0ull}, &t));
    CHECK(t.info.si_signo == SIGFPE);
}

TEST_CASE("only the bit of a signal without room for its information") {
    PendingSignals p;
    p.enqueue_without_info(SIGTERM);
    PendingSignals::Taken t;
    REQUIRE(p.dequeue(SigSet{~0ull}, &t));
    CHECK(t.info.si_signo == SIGTERM);
    CHECK(t.info.si_code == SI_USER);
    CHECK(t.info.si_pid == 0);
}

TEST_CASE("discarding and blocking") {
    PendingSignals p;
    p.enqueue(make(40));
    p.enqueue(make(40));
    p.enqueue(make(SIGCONT));
    PendingSignals::Taken t;
    CHECK(!p.dequeue(SigSet::of(SIGUSR2), &t));
    p.discard(SigSet::of(40));
    CHECK(p.count() == 1);
    CHECK(p.set() == SigSet::of(SIGCONT));
}

TEST_CASE("a timer's instance is the timer's") {
    PendingSignals p;
    QueuedSignal q;
    q.info = SigInfo{};
    q.info.si_signo = SIGALRM;
    q.timer = reinterpret_cast<PosixTimer*>(&p);
    CHECK(p.enqueue(&q));
    CHECK(q.linked());
    p.remove(q);
    CHECK(!q.linked());
    CHECK(p.set().bits == 0);
}

TEST_CASE("a frame is aligned as after a call") {
    for (u64 sp = 0x7ffff000; sp > 0x7fffef00; sp -= 8) {
        FramePlace f = place_frame(sp, 2700);
        CHECK(f.fp % 64 == 0);
        CHECK(f.fp + 2700 <= sp);
        CHECK((f.frame + 8) % 16 == 0);
        CHECK(f.frame + sizeof(SignalFrame) <= f.fp);
    }
}
