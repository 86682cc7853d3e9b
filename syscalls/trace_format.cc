// Texts of arguments and results, as strace(1) has them. What is copied in and what is printed is capped.
#include "syscalls/trace_format.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>

#include <algorithm>
#include <cstring>

namespace sbx::trace {
namespace {

constexpr size_t kMaxPath = 256, kMaxText = 32, kMaxList = 32;

struct Bit {
    u64 value;
    const char* name;
};
constexpr Bit kProt[] = {
    {PROT_READ, "PROT_READ"}, {PROT_WRITE, "PROT_WRITE"}, {PROT_EXEC, "PROT_EXEC"}, {PROT_GROWSDOWN, "PROT_GROWSDOWN"}};
// Those of several bits before those that they contain. Of libc's headers only what is the kernel's on all of them.
constexpr Bit kOpen[] = {
    {O_CREAT, "O_CREAT"},         {O_EXCL, "O_EXCL"},         {O_NOCTTY, "O_NOCTTY"},   {O_TRUNC, "O_TRUNC"},
    {O_APPEND, "O_APPEND"},       {O_NONBLOCK, "O_NONBLOCK"}, {04010000, "O_SYNC"},     {010000, "O_DSYNC"},
    {020000, "FASYNC"},           {O_DIRECT, "O_DIRECT"},     {0100000, "O_LARGEFILE"}, {020200000, "O_TMPFILE"},
    {O_DIRECTORY, "O_DIRECTORY"}, {O_NOFOLLOW, "O_NOFOLLOW"}, {O_NOATIME, "O_NOATIME"}, {O_CLOEXEC, "O_CLOEXEC"},
    {010000000, "O_PATH"},
};
constexpr Bit kAt[] = {
    {AT_SYMLINK_NOFOLLOW, "AT_SYMLINK_NOFOLLOW"},
    {AT_REMOVEDIR, "AT_REMOVEDIR"},
    {AT_SYMLINK_FOLLOW, "AT_SYMLINK_FOLLOW"},
    {0x800, "AT_NO_AUTOMOUNT"},
    {0x1000, "AT_EMPTY_PATH"},
};
constexpr Bit kMap[] = {
    {3, "MAP_SHARED_VALIDATE"},       {MAP_SHARED, "MAP_SHARED"},       {MAP_PRIVATE, "MAP_PRIVATE"},
    {MAP_FIXED, "MAP_FIXED"},         {MAP_ANONYMOUS, "MAP_ANONYMOUS"}, {MAP_GROWSDOWN, "MAP_GROWSDOWN"},
    {MAP_DENYWRITE, "MAP_DENYWRITE"}, {MAP_LOCKED, "MAP_LOCKED"},       {MAP_NORESERVE, "MAP_NORESERVE"},
    {MAP_POPULATE, "MAP_POPULATE"},   {MAP_STACK, "MAP_STACK"},         {0x100000, "MAP_FIXED_NOREPLACE"},
};
constexpr const char* kSignals[] = {
    "0",         "SIGHUP",  "SIGINT",    "SIGQUIT", "SIGILL",   "SIGTRAP", "SIGABRT", "SIGBUS",
    "SIGFPE",    "SIGKILL", "SIGUSR1",   "SIGSEGV", "SIGUSR2",  "SIGPIPE", "SIGALRM", "SIGTERM",
    "SIGSTKFLT", "SIGCHLD", "SIGCONT",   "SIGSTOP", "SIGTSTP",  "SIGTTIN", "SIGTTOU", "SIGURG",
    "SIGXCPU",   "SIGXFSZ", "SIGVTALRM", "SIGPROF", "SIGWINCH", "SIGIO",   "SIGPWR",  "SIGSYS",
};

std::string number(const char* format, u64 v) {
    char buf[32];
    snprintf(buf, sizeof buf, format, static_cast<unsigned long long>(v));
    return buf;
}
std::string hex(u64 v) { return v ? number("%#llx", v) : "0"; }
std::string octal(u64 v) { return number("%#llo", v); }

template <size_t N>
std::string bits(const Bit (&table)[N], u64 v, std::string start, const char* zero) {
    for (const Bit& b : table) {
        if ((v & b.value) != b.value) continue;
        start += (start.empty() ? "" : "|") + std::string(b.name);
        v &= ~b.value;
    }
    if (v) start += (start.empty() ? "" : "|") + hex(v);
    return start.empty() ? zero : start;
}

std::string open_flags(u64 v) {
    static constexpr const char* kAccess[] = {"O_RDONLY", "O_WRONLY", "O_RDWR", "O_ACCMODE"};
    return bits(kOpen, v & 0xfffffffc, kAccess[v & 3], "");
}

// An int that was negative has a zero upper half where the program moved 32 bits.
i64 signed_value(u64 v) { return v >= 0xfffff000 && v <= 0xffffffff ? static_cast<i32>(v) : static_cast<i64>(v); }

std::string descriptor(u64 v) {
    i32 fd = static_cast<i32>(v);
    return fd == AT_FDCWD ? "AT_FDCWD" : std::to_string(fd);
}

std::string text(Task& t, u64 addr, size_t most) {
    if (addr == 0) return "NULL";
    std::string s;
    char buf[kMaxPath];
    while (s.size() < most) {
        // Up to a page boundary at most: what follows the string need not be mapped.
        size_t n = std::min<u64>(most - s.size(), kPageSize - ((addr + s.size()) & (kPageSize - 1)));
        Result<size_t> got = t.mm().copy_in_partial(addr + s.size(), buf, n);
        if (!got || *got == 0) return format_pointer(addr);
        if (const void* nul = memchr(buf, 0, *got)) {
            s.append(buf, static_cast<size_t>(static_cast<const char*>(nul) - buf));
            return quoted(s, false);
        }
        s.append(buf, *got);
    }
    return quoted(s, true);
}

std::string argument_list(Task& t, u64 addr, bool only_count) {
    if (addr == 0) return "NULL";
    constexpr size_t kMaxCount = 4096;
    std::string out = "[";
    size_t n = 0;
    for (; n < kMaxCount; n++) {
        Result<u64> p = t.copy_in(UserPtr<u64>{addr + n * sizeof(u64)});
        if (!p) return format_pointer(addr);
        if (*p == 0) break;
        if (only_count) continue;
        if (n == kMaxList) {
            out += ", ...";
            break;
        }
        out += (n ? ", " : "") + text(t, *p, kMaxPath);
    }
    if (only_count) return format_pointer(addr) + " /* " + std::to_string(n) + " vars */";
    return out + "]";
}

bool returns_address(std::string_view call) {
    return call == "mmap" || call == "mremap" || call == "brk" || call == "shmat";
}

}  // namespace

std::string quoted(std::string_view s, bool cut) {
    std::string out = "\"";
    for (size_t i = 0; i < s.size(); i++) {
        u8 c = static_cast<u8>(s[i]);
        if (c == '"' || c == '\\') {
            out += '\\';
            out += s[i];
        } else if (c >= 0x20 && c < 0x7f) {
            out += s[i];
        } else if (c == '\n') {
            out += "\\n";
        } else if (c == '\t') {
            out += "\\t";
        } else if (c == '\r') {
            out += "\\r";
        } else {
            // Three digits where a digit follows, which would be taken for one of it.
            bool digit = i + 1 < s.size() && s[i + 1] >= '0' && s[i + 1] <= '9';
            out += number(digit ? "\\%03llo" : "\\%llo", c);
        }
    }
    return out + (cut ? "\"..." : "\"");
}

std::string format_pointer(u64 addr) { return addr ? hex(addr) : "NULL"; }

std::string format_bytes(Task& t, u64 addr, u64 length) {
    if (addr == 0) return "NULL";
    char buf[kMaxText];
    Result<size_t> got = t.mm().copy_in_partial(addr, buf, std::min<u64>(length, sizeof buf));
    if (!got || (*got == 0 && length != 0)) return format_pointer(addr);
    return quoted({buf, *got}, length > *got);
}

std::string format_argument(Task& t, std::string_view format, const SyscallArgs& args, size_t index) {
    u64 v = args.a[index];
    if (format == "d") return std::to_string(signed_value(v));
    if (format == "u") return std::to_string(v);
    if (format == "o" || format == "mode") return octal(v & 0xffffffff);
    if (format == "fd") return descriptor(v);
    if (format == "p") return text(t, v, kMaxPath);
    if (format == "s") return text(t, v, kMaxText);
    // The length is the next argument.
    if (format == "buf") return index < 5 ? format_bytes(t, v, args.a[index + 1]) : format_pointer(v);
    if (format == "sig") return v < std::size(kSignals) ? kSignals[v] : std::to_string(signed_value(v));
    if (format == "prot") return bits(kProt, v, "", "PROT_NONE");
    if (format == "oflags") return open_flags(v);
    if (format == "atflags") return bits(kAt, v & 0xffffffff, "", "0");
    if (format == "mmap_flags") return bits(kMap, v, "", "0");
    if (format == "argv") return argument_list(t, v, false);
    if (format == "envp") return argument_list(t, v, true);
    if (format == "flags" || format == "x" || format == "op") return hex(v);
    return format_pointer(v);
}

std::string format_result(std::string_view call, const Result<long>& r) {
    if (call == "exit" || call == "exit_group") return "?";
    if (r) return returns_address(call) ? hex(static_cast<u64>(*r)) : std::to_string(*r);
    int e = r.error().value;
    // Codes that the program never sees: the call is made again, or fails with EINTR.
    constexpr int kFirstInternal = 512;
    return (e >= kFirstInternal ? "? " : "-1 ") + std::string(errno_name(e)) + " (" + errno_text(e) + ")";
}

}  // namespace sbx::trace
