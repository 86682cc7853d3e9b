// Writing the report.
#include "src/cli/report.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "src/cli/output.h"
#include "src/config/value.h"
#include "src/kernel/cpu_clock.h"
#include "syscalls/dispatch.h"

namespace sbx::boot {
namespace {

using config::Value;

Value seconds(Nanos t) {
    Value v;
    v.kind = Value::Kind::Float;
    v.real = static_cast<double>(t) / 1e9;
    return v;
}

Value table() {
    Value v;
    v.kind = Value::Kind::Table;
    return v;
}

void add(Value& t, const char* name, Value v) { t.members.push_back({name, {}, std::move(v)}); }

std::vector<std::string> words(const std::string& text) {
    std::vector<std::string> out;
    for (size_t at = 0; at < text.size();) {
        size_t end = std::min(text.find(' ', at), text.size());
        out.push_back(text.substr(at, end - at));
        at = end + 1;
    }
    return out;
}

}  // namespace

Report::Report(const Config& config) : config_(config), start_(host_monotonic()) {
    const std::string& path = config.log.report;
    if (path.empty()) return;
    file_ = host::UniqueFd(open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
    if (!file_) throw UserError{place_of(config, "log.report"), path + ": " + errno_text(errno), {}, kExitFailed};
}

void Report::ended(const Supervisor& supervisor, int status, Kernel& kernel, ThreadGroup& program) const {
    if (!file_) return;
    int end = kernel.init_status.load();
    int signal = WIFSIGNALED(end) ? WTERMSIG(end) : 0;
    // What sbx's init could pass on of its child is a number, as a shell's $? is.
    if (config_.run.init && WIFEXITED(end) && WEXITSTATUS(end) > 128 && WEXITSTATUS(end) <= 128 + kSignalCount)
        signal = WEXITSTATUS(end) - 128;
    bool oom = kernel.oom_killed.load() && signal == SIGKILL;
    ResourceUse use;
    {
        SharedLock l(kernel.tasks().mu);
        use = program.resource_use();
        use.add(program.children_use);
    }
    Value cpu = table();
    add(cpu, "user", seconds(static_cast<Nanos>(use.cpu.user) * CpuClock::kTick));
    add(cpu, "system", seconds(static_cast<Nanos>(use.cpu.system) * CpuClock::kTick));
    Value v = table();
    add(v, "status", Value::of(static_cast<std::int64_t>(status)));
    add(v, "reason",
        Value::of(std::string(supervisor.timed_out() ? "timeout"
                              : oom                  ? "oom"
                              : signal               ? "signal"
                                                     : "exited")));
    if (signal) add(v, "signal", Value::of(static_cast<std::int64_t>(signal)));
    add(v, "elapsed", seconds(host_monotonic() - start_));
    add(v, "cpu", std::move(cpu));
    add(v, "max-rss", Value::of(static_cast<std::int64_t>(use.max_rss)));
    add(v, "unsupported", Value::of(words(unsupported_calls_met())));
    write(v);
}

void Report::failed(const UserError& error) const {
    if (!file_) return;
    Value v = table();
    add(v, "status", Value::of(static_cast<std::int64_t>(error.status)));
    add(v, "reason", Value::of(std::string("failed")));
    add(v, "error", Value::of(error.where + ": " + error.what));
    write(v);
}

void Report::write(const Value& value) const {
    std::string text = cli::to_json(value);
    for (std::string_view rest = text; !rest.empty();) {
        ssize_t n = ::write(file_.get(), rest.data(), rest.size());
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) {
            cli::print_error({place_of(config_, "log.report"), config_.log.report + ": " + errno_text(errno), {}, 0});
            return;
        }
        rest.remove_prefix(static_cast<size_t>(n));
    }
}

}  // namespace sbx::boot
