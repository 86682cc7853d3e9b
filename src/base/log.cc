// The log sink and panic: one write(2) a line, no allocation.
#include "src/base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "src/base/panic.h"

namespace sbx {

std::atomic<LogLevel> log_level{LogLevel::Warn};

namespace {
std::atomic<int> log_fd{2};

void write_line(char* buf, size_t size, int len) {
    size_t n = len < 0 ? 0 : static_cast<size_t>(len);
    if (n > size - 2) n = size - 2;
    buf[n++] = '\n';
    // A log that cannot be written is no reason to end the sandbox.
    [[maybe_unused]] ssize_t r = write(log_fd.load(std::memory_order_relaxed), buf, n);
}
}  // namespace

void log_to(int fd) { log_fd.store(fd); }

void log_line(LogLevel level, const char* fmt, ...) {
    static const char* const kNames[] = {"error", "warning", "info", "debug", "trace"};
    char buf[1024];
    int n = snprintf(buf, sizeof buf, "sbx: %s: ", kNames[static_cast<int>(level)]);
    va_list ap;
    va_start(ap, fmt);
    int m = vsnprintf(buf + n, sizeof buf - static_cast<size_t>(n), fmt, ap);
    va_end(ap);
    write_line(buf, sizeof buf, n + m);
}

void panic(const char* what, const char* file, int line) {
    char buf[512];
    int n = snprintf(buf, sizeof buf, "sbx: internal error: %s (%s:%d)", what, file, line);
    write_line(buf, sizeof buf, n);
    _exit(125);
}

void give_up(const char* fmt, ...) {
    char buf[512];
    int n = snprintf(buf, sizeof buf, "sbx: ");
    va_list ap;
    va_start(ap, fmt);
    n += vsnprintf(buf + n, sizeof buf - static_cast<size_t>(n), fmt, ap);
    va_end(ap);
    if (static_cast<size_t>(n) < sizeof buf)
        n += snprintf(buf + n, sizeof buf - static_cast<size_t>(n), "; the sandbox ends");
    write_line(buf, sizeof buf, n);
    _exit(125);
}

}  // namespace sbx
