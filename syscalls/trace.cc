// The printer of system calls: arguments by the formats of the table's rows, a line when the call ends. One write(2) a line, so that lines
// of several threads do not mix.
#include "syscalls/trace.h"

#include <fcntl.h>
#include <unistd.h>

#include <bitset>
#include <cstring>
#include <string_view>

#include "src/kernel/task_syscall.h"
#include "syscalls/table.h"
#include "syscalls/trace_format.h"

namespace sbx {
namespace {

using CallSet = std::bitset<kMaxSyscall>;

CallSet chosen;    // no state: set at start-up
int trace_fd = 2;  // no state: set at start-up

bool has_format(const SyscallRow& r, std::string_view format) {
    return (" " + std::string(r.args) + " ").find(" " + std::string(format) + " ") != std::string::npos;
}

bool in_list(std::string_view list, std::string_view name) {
    for (size_t at = 0; at < list.size();) {
        size_t end = std::min(list.find(' ', at), list.size());
        std::string_view item = list.substr(at, end - at);
        if (item == name || (item.ends_with('*') && name.starts_with(item.substr(0, item.size() - 1)))) return true;
        at = end + 1;
    }
    return false;
}

bool in_file(const SyscallRow& r) {
    return has_format(r, "p") || in_list("getcwd fchdir inotify_add_watch fanotify_mark", r.name);
}
bool in_desc(const SyscallRow& r) {
    return has_format(r, "fd") || has_format(r, "fds") ||
           in_list(
               "open openat openat2 creat pipe pipe2 eventfd eventfd2 epoll_create epoll_create1 signalfd signalfd4 "
               "timerfd_create "
               "memfd_create inotify_init inotify_init1 select pselect6 poll ppoll mmap pidfd_open userfaultfd "
               "perf_event_open",
               r.name);
}
bool in_process(const SyscallRow& r) {
    return in_list(
        "fork vfork clone clone3 execve execveat exit exit_group wait4 waitid kill tkill tgkill rt_sigqueueinfo "
        "rt_tgsigqueueinfo "
        "pidfd_open pidfd_send_signal arch_prctl unshare setns",
        r.name);
}
bool in_memory(const SyscallRow& r) {
    return in_list(
        "brk mmap munmap mremap mprotect pkey_mprotect madvise process_madvise mincore msync mlock mlock2 munlock "
        "mlockall munlockall "
        "remap_file_pages mbind get_mempolicy set_mempolicy migrate_pages move_pages shmat shmdt io_setup io_destroy",
        r.name);
}
bool in_network(const SyscallRow& r) {
    return in_list(
               "socket socketpair bind connect listen accept accept4 getsockname getpeername getsockopt setsockopt "
               "send* recv* shutdown",
               r.name) &&
           std::string_view(r.name) != "sendfile";
}
bool in_signal(const SyscallRow& r) {
    return in_list("rt_sig* rt_tgsigqueueinfo sigaltstack kill tkill tgkill pause signalfd signalfd4 pidfd_send_signal",
                   r.name);
}

struct Family {
    const char* name;
    bool (*has)(const SyscallRow&);
};
constexpr Family kFamilies[] = {
    {"file", in_file},     {"desc", in_desc},       {"process", in_process},
    {"memory", in_memory}, {"network", in_network}, {"signal", in_signal},
};

CallSet matching(bool (*has)(const SyscallRow&)) {
    CallSet s;
    for (const SyscallRow* r : syscall_table())
        if (r && has(*r)) s.set(static_cast<size_t>(r->nr));
    return s;
}

// Empty: nothing has this name.
CallSet named(std::string_view name) {
    if (name == "all") return CallSet().set();
    bool family_only = name.starts_with('%');
    if (family_only) name.remove_prefix(1);
    for (const Family& f : kFamilies)
        if (name == f.name) return matching(f.has);
    if (name == "none") return {};
    CallSet s;
    if (family_only) return s;
    if (const SyscallRow* r = find_syscall(name)) s.set(static_cast<size_t>(r->nr));
    return s;
}

// What is kept between the entry and the end of a call: each task has a thread of its own.
struct Call {
    SyscallArgs args;
    std::string text[6];
    size_t count = 0, output = 6;
};
thread_local Call call;

void on_enter(Task& t, u64 nr) {
    if (nr >= kMaxSyscall || !chosen[nr]) return;
    const platform::Registers& r = t.regs;
    call.args = {{r.rdi, r.rsi, r.rdx, r.r10, r.r8, r.r9}};
    call.count = 0;
    call.output = 6;
    const SyscallRow* row = find_syscall(nr);
    // A call that is not there tells no more than its registers.
    std::string_view formats = !row || (!row->handler && !*row->args) ? "x x x x x x" : row->args;
    for (size_t at = 0; at < formats.size() && call.count < 6;) {
        size_t end = std::min(formats.find(' ', at), formats.size());
        std::string_view format = formats.substr(at, end - at);
        at = end + 1;
        if (format.empty()) continue;
        size_t i = call.count++;
        if (format == "obuf")
            call.output = i;
        else
            call.text[i] = trace::format_argument(t, format, call.args, i);
    }
}

void on_leave(Task& t, u64 nr, const Result<long>& result) {
    if (nr >= kMaxSyscall || !chosen[nr]) return;
    const SyscallRow* row = find_syscall(nr);
    std::string line = "[" + std::to_string(t.tid()) + "] " + (row ? row->name : "syscall_" + std::to_string(nr)) + "(";
    for (size_t i = 0; i < call.count; i++) {
        if (i) line += ", ";
        if (i == call.output)
            line += result && *result > 0 ? trace::format_bytes(t, call.args.a[i], static_cast<u64>(*result))
                                          : trace::format_pointer(call.args.a[i]);
        else
            line += call.text[i];
    }
    line += ") = " + trace::format_result(row ? row->name : "", result) + "\n";
    // A trace that cannot be written is no reason to end the sandbox.
    [[maybe_unused]] ssize_t n = write(trace_fd, line.data(), line.size());
}

constexpr SyscallTracer kTracer = {on_enter, on_leave};

}  // namespace

std::string start_trace(const std::vector<std::string>& filter, int fd) {
    chosen.reset();
    bool first = true;
    for (const std::string& item : filter) {
        bool out = item.starts_with('!');
        CallSet s = named(std::string_view(item).substr(out));
        if (s.none() && item != "none") return item;
        // A set that only takes out takes out of all.
        if (first && out) chosen.set();
        first = false;
        chosen = out ? chosen & ~s : chosen | s;
    }
    trace_fd = fd;
    if (chosen.any()) set_syscall_tracer(&kTracer);
    return {};
}

void trace_first_program(const std::string& path, const std::vector<std::string>& argv, size_t variables) {
    constexpr size_t kExecve = 59;
    if (!chosen[kExecve]) return;
    std::string line = "[1] execve(" + trace::quoted(path, false) + ", [";
    for (size_t i = 0; i < argv.size(); i++) line += (i ? ", " : "") + trace::quoted(argv[i], false);
    line += "], /* " + std::to_string(variables) + " vars */) = 0\n";
    [[maybe_unused]] ssize_t n = write(trace_fd, line.data(), line.size());
}

}  // namespace sbx
