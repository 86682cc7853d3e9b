// Result<T>: the error type of everything a guest can cause. Used by all of the sentry.
#pragma once

#include <errno.h>

#include <tl/expected.hpp>
#include <type_traits>
#include <utility>

namespace sbx {

// A Linux errno as the guest sees it (a positive number), or one of the internal restart codes below.
struct Errno {
    int value = 0;
    friend bool operator==(Errno a, Errno b) { return a.value == b.value; }
    friend bool operator==(Errno a, int b) { return a.value == b; }
};

// Internal restart codes (include/linux/errno.h): never seen by an application; signal delivery turns them into EINTR or
// a restart.
constexpr int ERESTARTSYS = 512;            // restart if SA_RESTART or no handler runs
constexpr int ERESTARTNOINTR = 513;         // always restart
constexpr int ERESTARTNOHAND = 514;         // restart only if no handler runs
constexpr int ERESTART_RESTARTBLOCK = 516;  // restart through restart_syscall(2) if no handler runs

template <class T = void>
using Result = tl::expected<T, Errno>;

[[nodiscard]] inline tl::unexpected<Errno> err(int e) { return tl::unexpected<Errno>(Errno{e}); }
[[nodiscard]] inline tl::unexpected<Errno> err(Errno e) { return tl::unexpected<Errno>(e); }

// For SBX_TRY: the value of a successful result.
template <class T>
T take_value(Result<T>&& r) {
    if constexpr (!std::is_void_v<T>) return *std::move(r);
}

// "ENOENT" for ENOENT; "E?" for an unknown number. Static storage.
const char* errno_name(int e);
// "No such file or directory"; static storage, locale-independent.
const char* errno_text(int e);

}  // namespace sbx

// Evaluates to the value of a Result, or returns its error from the calling function.
#define SBX_TRY(...) SBX_TRY_NAMED(__COUNTER__, __VA_ARGS__)
#define SBX_TRY_NAMED(n, ...) SBX_TRY_AS(n, __VA_ARGS__)
#define SBX_TRY_AS(n, ...)                                                                                             \
    __extension__({                                                                                                    \
        auto sbx_try_##n##_ = (__VA_ARGS__);                                                                           \
        if (!sbx_try_##n##_) [[unlikely]]                                                                              \
            return ::tl::unexpected<::sbx::Errno>(sbx_try_##n##_.error());                                             \
        ::sbx::take_value(std::move(sbx_try_##n##_));                                                                  \
    })
