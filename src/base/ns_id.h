// Numbers of namespaces, shown as inode numbers under /proc/PID/ns. Used by every kind of namespace.
#pragma once

#include <atomic>

#include "src/base/types.h"

namespace sbx {

// The initial namespaces have fixed numbers (include/linux/proc_ns.h).
constexpr u64 kInitialIpcNs = 0xEFFFFFFF, kInitialUtsNs = 0xEFFFFFFE, kInitialUserNs = 0xEFFFFFFD,
              kInitialPidNs = 0xEFFFFFFC, kInitialCgroupNs = 0xEFFFFFFB, kInitialTimeNs = 0xEFFFFFFA;

inline std::atomic<u64> last_namespace_id{0xEFFFFFFF};
inline u64 next_namespace_id() { return last_namespace_id.fetch_add(1, std::memory_order_relaxed) + 1; }

}  // namespace sbx
