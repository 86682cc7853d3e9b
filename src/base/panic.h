// A broken invariant ends the sandbox with a message, never with silence. Used by all of the sentry.
#pragma once

#include <atomic>

namespace sbx {

// Prints "sbx: internal error: ..." with the place and ends the process with status 125. Async-signal-safe.
[[noreturn]] void panic(const char* what, const char* file, int line);
// The same where not sbx but its host is to blame: "sbx: ...; the sandbox ends".
[[noreturn]] void give_up(const char* fmt, ...) __attribute__((format(printf, 1, 2)));
// What these end with, after their message; status 125.
[[noreturn]] void end_at_once();
// Puts back what the end of the process does not (the caller's terminal). Async-signal-safe, any thread.
extern std::atomic<void (*)()> before_end_at_once;

}  // namespace sbx

#define SBX_PANIC(what) ::sbx::panic(what, __FILE__, __LINE__)
#define SBX_ASSERT(cond)                                                                                               \
    do {                                                                                                               \
        if (!(cond)) [[unlikely]]                                                                                      \
            ::sbx::panic("assertion failed: " #cond, __FILE__, __LINE__);                                              \
    } while (0)
