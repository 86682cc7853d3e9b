// Where our pages stand in an application's address space: a hole at the top that user_range() leaves out. Used by
// platform/ptrace and platform/systrap.
#pragma once

#include "src/base/types.h"

namespace sbx::platform::stub {

// The end of what an application may use, the same on every platform so that checkpoints move between them. The gigabyte above it
// is ours: far more than the pages here need, so that per-thread pages fit too.
constexpr u64 kUserEnd = 0x7fffc0000000;
// The end of the host's user addresses with four-level page tables (TASK_SIZE_MAX).
constexpr u64 kHostEnd = 0x7ffffffff000;

constexpr u64 kCode = kUserEnd + 0x10000;  // read-execute
constexpr u64 kOps = kUserEnd + 0x20000;   // operations of the current batch, read-only here, written by the sentry
// The host's vDSO with its data, where the host lets it be moved here: code of the host's kernel, like any code of the application's.
constexpr u64 kHostVdso = kUserEnd + 0x100000;
constexpr u64 kStubStart = kCode;
constexpr u64 kStubEnd = kUserEnd + 0x30000;

// The lowest address an application may map: vm.mmap_min_addr of the host, at least 64 KiB.
u64 user_start();

}  // namespace sbx::platform::stub
