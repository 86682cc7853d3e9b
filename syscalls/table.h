// The system-call table: one row a call drives dispatch, tracing, `sbx syscalls`, the manual and the report of unsupported calls.
// Each family file in syscalls/ holds its handlers and, at its end, its rows.
#pragma once

#include <type_traits>

#include "src/base/result.h"
#include "src/base/types.h"
#include "src/kernel/task.h"
#include "src/mm/user_ptr.h"

namespace sbx {

struct SyscallArgs {
    u64 a[6];
};
using SyscallHandler = Result<long> (*)(Task&, const SyscallArgs&);

enum class Support : u8 {
    Full,     // as on Linux
    Partial,  // the note says what is missing
    None,     // fails with ENOSYS or the errno Linux gives for an absent feature; the note says why
};

struct SyscallRow {
    int nr;
    const char* name;
    SyscallHandler handler;  // null: ENOSYS
    const char* args;        // formats for tracing, space-separated: d u x o p(ath) s(tring) fd buf:N ptr flags sig ...
    Support support;
    const char* note;
};

// All calls by number; rows without a handler included. Null for numbers that Linux does not have.
const SyscallRow* find_syscall(u64 nr);
const SyscallRow* find_syscall(std::string_view name);
constexpr int kMaxSyscall = 512;
std::span<const SyscallRow* const> syscall_table();  // indexed by number, null where unused

namespace detail {
template <class T>
T syscall_arg(u64 v) {
    if constexpr (std::is_integral_v<T>)
        return static_cast<T>(v);  // truncation as the kernel's own prototypes do
    else
        return T{v};  // UserPtr, UserString
}
template <auto F>
struct Thunk;
template <class... A, Result<long> (*F)(Task&, A...)>
struct Thunk<F> {
    template <size_t... I>
    static Result<long> call(Task& t, const SyscallArgs& a, std::index_sequence<I...>) {
        return F(t, syscall_arg<A>(a.a[I])...);
    }
    static Result<long> run(Task& t, const SyscallArgs& a) {
        static_assert(sizeof...(A) <= 6);
        return call(t, a, std::index_sequence_for<A...>{});
    }
};
}  // namespace detail

// The handler pointer for a typed function: syscall<sys_read>.
template <auto F>
constexpr SyscallHandler syscall = &detail::Thunk<F>::run;

// A family's rows, gathered by table.cc: define `extern const SyscallFamily kFileSyscalls` and name it in families.h.
using SyscallFamily = std::span<const SyscallRow>;

}  // namespace sbx
