// The sentry's log: level-filtered lines to stderr or a file. Safe from any thread; never blocks on guest actions.
#pragma once

#include <atomic>

namespace sbx {

enum class LogLevel : int { Error = 0, Warn = 1, Info = 2, Debug = 3, Trace = 4 };

extern std::atomic<LogLevel> log_level;

// Sends log lines to fd (not owned) instead of stderr.
void log_to(int fd);
void log_line(LogLevel level, const char* fmt, ...) __attribute__((format(printf, 2, 3)));

}  // namespace sbx

#define SBX_LOG(level, ...)                                                                                            \
    do {                                                                                                               \
        if (::sbx::LogLevel::level <= ::sbx::log_level.load(std::memory_order_relaxed))                                \
            ::sbx::log_line(::sbx::LogLevel::level, __VA_ARGS__);                                                      \
    } while (0)
