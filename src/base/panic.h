// A broken invariant ends the sandbox with a message, never with silence. Used by all of the sentry.
#pragma once

namespace sbx {

// Prints "sbx: internal error: ..." with the place and ends the process with status 125. Async-signal-safe.
[[noreturn]] void panic(const char* what, const char* file, int line);
// The same where not sbx but its host is to blame: "sbx: ...; the sandbox ends".
[[noreturn]] void give_up(const char* fmt, ...) __attribute__((format(printf, 1, 2)));

}  // namespace sbx

#define SBX_PANIC(what) ::sbx::panic(what, __FILE__, __LINE__)
#define SBX_ASSERT(cond)                                                                                               \
    do {                                                                                                               \
        if (!(cond)) [[unlikely]]                                                                                      \
            ::sbx::panic("assertion failed: " #cond, __FILE__, __LINE__);                                              \
    } while (0)
