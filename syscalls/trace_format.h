// Texts of arguments and results for the trace (trace.cc).
#pragma once

#include <string>
#include <string_view>

#include "syscalls/table.h"

namespace sbx::trace {

// The argument `index` by its row's format. Application memory that cannot be read is shown as its address.
std::string format_argument(Task& t, std::string_view format, const SyscallArgs& args, size_t index);
std::string format_bytes(Task& t, u64 addr, u64 length);
std::string format_pointer(u64 addr);
// In quotes, escaped; with dots behind if it was cut.
std::string quoted(std::string_view s, bool cut);
std::string format_result(std::string_view call, const Result<long>& r);

}  // namespace sbx::trace
