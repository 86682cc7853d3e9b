// The pattern of every call that may wait for a file: try, and on EAGAIN wait for readiness and try again. Used by read, write, accept, ...
#pragma once

#include "fs/vfs/open_file.h"
#include "src/kernel/task.h"

namespace sbx {

// Calls op() until it gives anything but EAGAIN, waiting for `events` of the file in between. Gives EAGAIN at once if the file (or
// `nonblock`) says so, EAGAIN at the deadline, ERESTARTSYS when a signal is to be handled.
template <class Op>
auto wait_file(Task& t, vfs::OpenFile& f, EventMask events, bool nonblock, Op&& op, Nanos deadline = kNever)
    -> decltype(op()) {
    auto r = op();
    if (r || !(r.error() == EAGAIN) || nonblock) return r;
    TaskWaiter w(t, events);
    f.poll_add(w, t.caller());
    // What came together with the signal is taken first (___wait_event: the condition goes before the signal).
    for (bool interrupted = false, late = false;;) {
        r = op();
        if (r || !(r.error() == EAGAIN) || late) break;
        if (interrupted) {
            r = err(ERESTARTSYS);
            break;
        }
        BlockResult b = t.block(deadline);
        interrupted = b == BlockResult::Interrupted;
        late = b == BlockResult::TimedOut;
    }
    f.poll_remove(w);
    return r;
}

// A FIFO's open waits for the other side.
inline Result<> finish_open(Task& t, vfs::OpenFile& f) {
    if (f.open_complete()) return {};
    auto ready = [&]() -> Result<> { return f.open_complete() ? Result<>{} : err(EAGAIN); };
    Result<> r = wait_file(t, f, kEventInternal, false, ready);
    return r || f.abandon_open() ? r : Result<>{};
}

}  // namespace sbx
