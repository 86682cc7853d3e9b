// What the boot takes from the host.
#include "src/cli/boot_host.h"

#include <fcntl.h>
#include <grp.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>

#include "fs/devfs/devfs.h"
#include "fs/pipefs/pipe.h"
#include "fs/tmpfs/tmpfs.h"
#include "platform/ptrace/ptrace.h"
#include "platform/registry.h"
#include "platform/systrap/systrap.h"
#include "src/base/log.h"
#include "src/cli/output.h"
#include "src/host/facts.h"
#include "src/config/error.h"
#include "syscalls/trace.h"

namespace sbx::boot {

void register_platforms() {
    platform::register_platform(platform::ptrace::type());
    platform::register_platform(platform::systrap::type());
}

void register_file_systems(const Config& config, const Ref<mm::MemoryFile>& memory) {
    pipefs::register_fifos();
    tmpfs::init(memory, host::memory_facts().total);
    devfs::init(config.devices.allow);
}

std::vector<Kgid> host_groups() {
    int n = getgroups(0, nullptr);
    std::vector<gid_t> groups(static_cast<size_t>(std::max(n, 0)));
    n = getgroups(static_cast<int>(groups.size()), groups.data());
    groups.resize(static_cast<size_t>(std::max(n, 0)));
    std::vector<Kgid> out(groups.begin(), groups.end());
    std::sort(out.begin(), out.end());
    return out;
}

u32 host_umask() {
    mode_t m = umask(0);
    umask(m);
    return m;
}

std::string host_name() {
    utsname u{};
    return uname(&u) == 0 ? u.nodename : "sbx";
}

namespace {
SigSet inherited_ignores;
}

void note_inherited_dispositions() {
    for (int sig = 1; sig <= kSignalCount; sig++) {
        struct sigaction sa {};
        // libc keeps a few real-time signals to itself and refuses to tell.
        if (sigaction(sig, nullptr, &sa) == 0 && sa.sa_handler == SIG_IGN) inherited_ignores.add(sig);
    }
}

void apply_inherited_dispositions(SignalHandlers& h) {
    Lock l(h.mu);
    for (int sig = 1; sig <= kSignalCount; sig++)
        if (inherited_ignores.has(sig)) h.actions[sig - 1].handler = kSigIgn;
}

void set_limits(ThreadGroup& g, const Config& config) {
    // Limits on what the sandbox keeps account of itself come from the host's caller; the others are the host's business.
    for (int resource : {RLIMIT_STACK, RLIMIT_CORE, RLIMIT_FSIZE, RLIMIT_DATA, RLIMIT_AS, RLIMIT_CPU, RLIMIT_NOFILE}) {
        rlimit r{};
        if (getrlimit(static_cast<__typeof__(RLIMIT_STACK)>(resource), &r) == 0) g.set_limit(resource, r);
    }
    for (const config::Rlimit& l : config.limits.rlimits) {
        rlimit r{};
        r.rlim_cur = l.soft;
        r.rlim_max = l.hard;
        g.set_limit(static_cast<int>(l.resource), r);
    }
}

void set_log(const Config& config) {
    log_level.store(static_cast<LogLevel>(config.log.level));
    if (config.log.file.empty()) return;
    int fd = open(config.log.file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (fd < 0)
        throw UserError{place_of(config, "log.file"), config.log.file + ": " + errno_text(errno), {}, kExitFailed};
    log_to(fd);
}

void set_trace(const Config& config) {
    if (config.log.trace_filter.empty()) return;
    int fd = STDERR_FILENO;
    if (!config.log.trace_file.empty()) {
        std::string path = config.log.trace_file;
        std::string pid = std::to_string(getpid());
        for (size_t at; (at = path.find("%p")) != path.npos;) path.replace(at, 2, pid);
        fd = open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0644);
        if (fd < 0)
            throw UserError{place_of(config, "log.trace.file"), path + ": " + errno_text(errno), {}, kExitFailed};
    }
    std::string unknown = start_trace(config.log.trace_filter, fd);
    if (!unknown.empty())
        fail_usage(place_of(config, "log.trace.filter"), "\"" + unknown + "\" is no system call and no family of them",
                   "families are file, desc, process, memory, network and signal; `sbx syscalls` lists the calls");
}

}  // namespace sbx::boot
