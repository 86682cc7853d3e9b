// Bits of Task::jobctl: what a task is still to do about stops (include/linux/sched/jobctl.h). Used by the signal and ptrace code.
#pragma once

#include "src/base/types.h"

namespace sbx {

constexpr u32 kJobSignalMask = 0xffff;      // the signal of the group stop
constexpr u32 kJobStopDequeued = 1u << 16;  // a stop signal was taken off the queue and not acted on yet
constexpr u32 kJobStopPending = 1u << 17;   // is to join the group stop
constexpr u32 kJobStopConsume = 1u << 18;   // is counted in stop_left
constexpr u32 kJobTrapStop = 1u << 19;      // is to trap for ptrace (PTRACE_EVENT_STOP or the group stop)
constexpr u32 kJobTrapNotify = 1u << 20;    // is to trap again: PTRACE_LISTEN's news
constexpr u32 kJobListening = 1u << 21;     // PTRACE_LISTEN: trapped, but SIGCONT and stops are reported
constexpr u32 kJobTrapMask = kJobTrapStop | kJobTrapNotify;
constexpr u32 kJobPendingMask = kJobStopPending | kJobTrapMask;

}  // namespace sbx
