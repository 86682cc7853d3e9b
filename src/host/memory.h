// Host calls on memory files and mappings: the sentry's own window of the memory file, hole punching, reads and writes that never fault.
// Used by src/mm.
#pragma once

#include "src/base/result.h"
#include "src/base/types.h"

namespace sbx::host {

// A memfd of `size` bytes, sparse. EFBIG if RLIMIT_FSIZE is lower (no SIGXFSZ is raised).
Result<int> create_memfd(const char* name, u64 size);
void close_fd(int fd);
// Maps the file whole, read-write and shared; not inherited by host children and not dumped.
Result<u8*> map_window(int fd, u64 size);
void unmap_window(u8* base, u64 size);
// Frees the pages of a range; it reads as zeros afterwards.
Result<> punch_hole(int fd, Range r);
// Bytes read or written at the offset; short only at end of file or error (error only if nothing was moved).
Result<size_t> read_at(int fd, void* to, size_t n, u64 offset);
Result<size_t> write_at(int fd, const void* from, size_t n, u64 offset);
Result<u64> file_size(int fd);
// Bytes allocated to the file.
u64 file_usage(int fd);
// The first stretch of pages within r that have memory; empty (at r.end) if none has.
Range next_data(int fd, Range r);
// The same for a short range of a file that `window` maps whole: does not look beyond it, as SEEK_HOLE does.
Range next_data_near(int fd, u8* window, Range r);
// Bytes of a short range that are in memory now.
u64 resident(u8* window, Range r);
constexpr u64 kNear = 1 << 20;
// membarrier(MEMBARRIER_CMD_GLOBAL): a memory barrier on every running thread of the host. ENOSYS if it has none.
bool can_global_barrier();
Result<> global_barrier();
// The same on running threads of processes that asked for it, as children of such a one have (MEMBARRIER_CMD_GLOBAL_EXPEDITED): less than a
// microsecond instead of many milliseconds. Asking is quick in a process of one thread. Async-signal-safe.
Result<> accept_barriers();
Result<> expedited_barrier();
// Bytes of RAM and swap of the host.
u64 total_memory();

}  // namespace sbx::host
