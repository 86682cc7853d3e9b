// One transfer at a given position, for calls that are not read or write themselves. Used by aio.cc; implemented by rw.cc.
#pragma once

#include <sys/uio.h>

#include "src/kernel/task.h"
#include "src/mm/io_buf.h"

namespace sbx {

constexpr u32 kKnownRwf = 0x1f;  // RWF_HIPRI, DSYNC, SYNC, NOWAIT, APPEND

// As pread or pwrite; a file without positions is a stream. The file is open for it. Waits; ERESTARTSYS when a signal is to be handled.
Result<long> transfer_at(Task& t, vfs::OpenFile& f, bool write, mm::IoBuf& buf, i64 offset, u32 rwf);

}  // namespace sbx
