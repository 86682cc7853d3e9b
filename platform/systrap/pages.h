// The pages that sentry and stubs share. Used by platform/systrap alone.
//
// Orders: one page a stub process, read-only for everything in it. The sentry writes what the mapper is to do; the mapper answers through
// the file (pwrite), which threads that run application code cannot, so answers can be trusted.
// Frame: one for each thread that runs application code, writable by all of its application: nothing in it is trusted. The host's kernel
// puts signal frames there, and the thread waits there for the sentry.
#pragma once

#include <signal.h>

#include <atomic>

#include "platform/stub/code.h"

namespace sbx::platform::systrap {

struct Orders {
    static constexpr size_t kMost = 63;
    std::atomic<u32> seq;  // counts batches: the mapper works when it changes
    std::atomic<u32> ack;  // the last batch that is done. All below is valid then
    u32 count;
    u8 error;   // errno of the operation that failed
    u8 left;    // how many were left then, that one included
    u8 tid[4];  // of the last clone, bytes in order
    u8 unused[46];
    stub::Op ops[kMost];
};
static_assert(sizeof(Orders) == kPageSize);

constexpr u64 kFrameSize = 16384;
constexpr u64 kControlOffset = kFrameSize - 256;
constexpr u64 kFrames = stub::kUserEnd + 0x10000000;  // frame N of a process is N * kFrameSize above
constexpr u64 kMaxFrames = (stub::kHostEnd - kFrames) / kFrameSize;

// The end of a frame; the signal stack grows down from it.
struct Control {
    static constexpr u32 kRuns = 0, kTrapped = 1, kDead = 2;  // kDead: written by the sentry when the process is gone
    std::atomic<u32> state;
    std::atomic<u32> sentry_sleeps;
    std::atomic<u32> stub_sleeps;
    u32 spin;     // how often the stub looks before it sleeps
    u64 context;  // where its ucontext is
    u32 signal;
    u32 load_bases;
    u64 fs_base, gs_base;
    stack_t stack;  // for sigaltstack
};
static_assert(sizeof(Control) <= 256 && offsetof(Control, stack) == 48);

}  // namespace sbx::platform::systrap
