// Where the parts of the sandbox are put together: platform, memory, kernel, files, the first program; then the sentry is confined, the
// program started and waited for.
#include "src/cli/boot.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fs/devpts/devpts.h"
#include "fs/hostfs/hostfs.h"
#include "fs/procfs/procfs.h"
#include "fs/sysfs/sysfs.h"
#include "fs/vfs/walk.h"
#include "platform/registry.h"
#include "src/cli/boot_confine.h"
#include "src/cli/boot_files.h"
#include "src/cli/boot_host.h"
#include "src/cli/boot_init.h"
#include "src/cli/exercise.h"
#include "src/cli/output.h"
#include "src/cli/report.h"
#include "src/cli/supervise.h"
#include "src/cli/terminal.h"
#include "src/config/error.h"
#include "src/host/crash.h"
#include "src/host/facts.h"
#include "src/host/keeper.h"
#include "src/host/vdso.h"
#include "src/kernel/kernel.h"
#include "src/kernel/ns/namespaces.h"
#include "src/kernel/pause.h"
#include "src/kernel/posix_timers.h"
#include "src/kernel/task_init.h"
#include "src/loader/loader.h"
#include "src/loader/vdso.h"
#include "src/state/sandbox.h"
#include "syscalls/dispatch.h"
#include "syscalls/trace.h"

namespace sbx::boot {
namespace {

// Sparse room for all application memory; only what is touched costs anything.
#ifdef __SANITIZE_THREAD__
constexpr u64 kMemoryFileSize = 256ull << 30;  // what ThreadSanitizer's shadow leaves room for
#else
constexpr u64 kMemoryFileSize = 8ull << 40;
#endif

[[noreturn]] void fail(const std::string& where, const std::string& what, std::string hint = {},
                       int status = kExitFailed) {
    throw UserError{where, what, std::move(hint), status};
}

std::unique_ptr<platform::Platform> make_platform(config::PlatformName wanted) {
    static constexpr const char* kNames[] = {"auto", "ptrace", "systrap", "kvm"};
    const char* name = kNames[static_cast<int>(wanted)];
    register_platforms();
    const platform::PlatformType* type = platform::find_platform(name);
    if (!type)
        fail("platform",
             std::string(name) == "auto" ? "none works on this host"
                                         : std::string(name) + " is not available in this build",
             "`sbx info` says what works and what would help");
    platform::Probe probe = type->probe();
    if (!probe.works) fail("platform", std::string(type->name) + ": " + probe.why, probe.hint);
    auto p = type->create();
    if (!p) fail("platform", std::string(type->name) + " does not start: " + errno_text(p.error().value));
    return std::move(*p);
}

Ref<Creds> make_creds(const Config& config, Ref<UserNamespace> ns) {
    Ref<Creds> c = make_ref<Creds>();
    bool fake = config.user.fakeroot;
    c->uid = c->euid = c->suid = c->fsuid = fake ? 0 : config.user.uid.id;
    c->gid = c->egid = c->sgid = c->fsgid = fake ? 0 : config.user.gid.id;
    if (config.user.gid.host && !fake) c->groups = host_groups();
    c->user_ns = std::move(ns);
    c->bounding = CapSet::all();
    if (config.user.capabilities_set)
        c->permitted = c->effective = c->bounding = CapSet{config.user.capabilities};
    else if (c->uid == 0)
        c->permitted = c->effective = CapSet::all();
    return c;
}

// The file that argv[0] names: looked up in PATH of the new environment if it has no slash, as execvp(3) does.
std::string find_program(const vfs::Caller& c, const Config& config) {
    const std::string& name = config.run.argv[0];
    if (name.find('/') != name.npos) return name;
    std::string path = "/bin:/usr/bin";
    for (const std::string& e : config.environment)
        if (e.starts_with("PATH=")) path = e.substr(5);
    bool found_unusable = false;
    for (size_t start = 0; start <= path.size();) {
        size_t end = std::min(path.find(':', start), path.size());
        std::string candidate = path.substr(start, end - start);
        candidate = (candidate.empty() ? "." : candidate) + "/" + name;
        Result<Ref<vfs::OpenFile>> f = loader::open_exec(c, {}, candidate, 0);
        if (f) return candidate;
        if (f.error() == EACCES) found_unusable = true;
        start = end + 1;
    }
    if (found_unusable) fail("run", name + ": " + errno_text(EACCES), {}, kExitNotExecutable);
    fail("run", name + ": not found in PATH", {}, kExitNotFound);
}

struct Started {
    Ref<Sandbox> sandbox;
    Ref<Task> init;  // of a new one
};

Ref<Task> make_first_task(const Config& config, Kernel& kernel, Ref<vfs::MountNamespace> ns, const Streams& streams) {
    Task::Args a;
    a.kernel = &kernel;
    a.creds = make_creds(config, Ref<UserNamespace>(kernel.user_ns()));
    vfs::Path root = namespace_root(*ns);
    a.fs = make_ref<vfs::FsContext>(root, root, 022);
    vfs::Caller caller;
    caller.creds = a.creds.get();
    caller.fs = a.fs.get();
    vfs::WalkFlags directory;
    directory.directory = true;
    // A directory that nobody asked for is the caller's own, which a process has whether or not its user may go there.
    vfs::Caller inheriting = caller;
    Ref<Creds> all = make_ref<Creds>();
    all->permitted = all->effective = all->bounding = CapSet::all();
    all->user_ns = Ref<UserNamespace>(kernel.user_ns());
    if (config::origin_of(config, "run.cwd").kind == config::Origin::Kind::Default) inheriting.creds = all.get();
    Result<vfs::Path> cwd = vfs::walk(inheriting, {}, config.run.cwd, directory);
    if (!cwd)
        fail(place_of(config, "run.cwd"), config.run.cwd + ": " + errno_text(cwd.error().value),
             "it must be a directory inside the sandbox (-C DIR)", kExitUsage);
    Result<> searchable = vfs::check_permission(inheriting, *cwd, vfs::kMayExec);
    if (!searchable)
        fail(place_of(config, "run.cwd"), config.run.cwd + ": " + errno_text(searchable.error().value), {}, kExitUsage);
    a.fs->set_cwd(*cwd);
    a.fs->set_umask(host_umask());

    std::string program = find_program(caller, config);
    Ref<SignalHandlers> handlers = make_ref<SignalHandlers>();
    apply_inherited_dispositions(*handlers);
    a.group = make_ref<ThreadGroup>(kernel, handlers);
    set_limits(*a.group, config);
    mm::MmLimits limits;
    limits.stack = a.group->limit(RLIMIT_STACK).rlim_cur;
    Result<Ref<vfs::OpenFile>> file = loader::open_exec(caller, {}, program, 0);
    Result<loader::Image> image = err(ENOENT);
    if (file)
        image = loader::load({kernel, caller, *file, program, config.run.argv, config.environment, *a.creds, limits});
    else
        image = err(file.error());
    if (!image) {
        int e = image.error().value;
        bool missing = e == ENOENT || e == ENOTDIR;
        fail("run", program + ": " + errno_text(e),
             e == ENOEXEC ? "it is neither an x86-64 ELF program nor a script with #!" : "",
             missing ? kExitNotFound : kExitNotExecutable);
    }
    if (config.run.init) {
        // The program was loaded for its errors; it is the child of our init that executes it.
        Result<Ref<vfs::OpenFile>> f = open_init(caller);
        std::vector<std::string> argv = {"sbx-init", program};
        argv.insert(argv.end(), config.run.argv.begin(), config.run.argv.end());
        image =
            f ? loader::load({kernel, caller, *f, "/sbx-init", std::move(argv), config.environment, *a.creds, limits})
              : Result<loader::Image>(err(f.error()));
        if (!image) fail("run.init", std::string("the init does not start: ") + errno_text(image.error().value));
    } else {
        trace_first_program(program, config.run.argv, config.environment.size());
    }
    a.mm = image->mm;
    a.creds = image->creds;
    a.name = image->name;
    a.regs.rip = image->entry;
    a.regs.rsp = image->sp;
    a.regs.cs = 0x33;
    a.regs.ss = 0x2b;
    a.regs.eflags = 0x202;
    a.regs.orig_rax = ~0ull;
    a.ns = initial_namespaces(kernel, std::move(ns));
    a.files = make_ref<vfs::FdTable>();
    for (const auto& [fd, open_file] : streams.files)
        if (Result<> r = a.files->set(fd, open_file, false, 1 << 20, caller); !r)
            fail("run", "descriptor " + std::to_string(fd) + ": " + errno_text(r.error().value));
    Result<Ref<Task>> task = create_init_task(kernel, std::move(a));
    if (!task) fail("run", std::string("no first task: ") + errno_text(task.error().value));
    return *task;
}

// A sandbox with its first program, which is not started yet.
Started make_sandbox(const Config& config, Kernel& kernel, HostFiles host, const HostTerminal& host_terminal,
                     Streams& streams) {
    if (Result<> r = loader::prepare_vdso(kernel); !r)
        fail("memory", std::string("no room for the vDSO: ") + errno_text(r.error().value));
    Started s;
    s.sandbox = make_ref<Sandbox>(kernel);
    Ref<vfs::MountNamespace> ns = make_namespace(config, kernel, std::move(host));
    if (host_terminal)
        s.sandbox->terminal = make_terminal(host_terminal, *make_creds(config, Ref<UserNamespace>(kernel.user_ns())),
                                            kernel, *ns, streams);
    s.init = make_first_task(config, kernel, std::move(ns), streams);
    if (s.sandbox->terminal) devpts::make_controlling(*s.sandbox->terminal, s.init->group());
    s.sandbox->program = Ref<ThreadGroup>(&s.init->group());
    return s;
}

Started load_sandbox(const Config& config, Kernel& kernel, HostFiles host, Streams& streams, const Leg& leg) {
    kernel.pause().begin();
    hostfs::Sources sources;
    sources.file_systems = make_host_file_systems(config, std::move(host));
    sources.streams = std::move(streams.files);
    std::string why;
    Started s;
    s.sandbox = Sandbox::load(kernel, sources, leg.archive_in.get(), leg.pages_in.get(), &why);
    if (!s.sandbox) fail("checkpoint", why);
    return s;
}

int run_reported(const Config& config, const Report& report, const Leg* leg) {
    host::block_outside_signals();
    host::install_crash_handlers();
    note_inherited_dispositions();
    host::vdso();  // while there is a /proc
    set_log(config);
    set_trace(config);
    HostFiles host = open_host_files(config);
    HostTerminal host_terminal = take_host_terminal(config);
    Streams streams = open_streams(config);
    confine_sentry(config, host, leg != nullptr);
    std::unique_ptr<platform::Platform> platform = make_platform(config.platform.name);
    Result<Ref<mm::MemoryFile>> memory = mm::MemoryFile::create(kMemoryFileSize);
    if (!memory) fail("memory", std::string("the host gives no memory file: ") + errno_text(memory.error().value));
    install_syscalls();
    install_timer_signals();
    register_file_systems(config, *memory);

    Kernel::Options o;
    o.hostname = config.run.hostname.empty() ? host_name() : config.run.hostname;
    o.memory_limit = config.limits.memory;
    o.kernel_memory_limit = config.limits.kernel_memory;
    // Programs hold little there: so much is somebody who wants the host to run out of memory.
    if (!o.kernel_memory_limit) o.kernel_memory_limit = std::min<u64>(host::memory_facts().total / 4, 1 << 30);
    o.cpu_limit = config.limits.cpus;
    if (config.limits.pids > 0) o.pids_limit = static_cast<unsigned>(config.limits.pids);
    o.cpus = static_cast<unsigned>(config.platform.cpus);
    o.verbose = config.log.level >= config::LogLevel::Info;
    o.use_init = config.run.init;
    Kernel kernel(o, std::move(platform), std::move(*memory));

    procfs::init(kernel);
    sysfs::init(kernel.cpus());
    devpts::init(kernel.tasks());
    bool loads = leg && leg->loads();
    auto [sandbox, init] = loads ? load_sandbox(config, kernel, std::move(host), streams, *leg)
                                 : make_sandbox(config, kernel, std::move(host), host_terminal, streams);
    hostfs::raise_descriptor_limit();
    // The program's alone now: when it closes its output, the reader of it must see the end.
    streams.files.clear();
    Supervisor supervisor(config, kernel, streams);
    filter_sentry(config);
    if (sandbox->terminal) supervisor.use_terminal(make_relay(host_terminal, sandbox->terminal), sandbox->terminal);
    if (loads) supervisor.go_on(sandbox->deadline, sandbox->deadline_passed);
    if (Result<> r = loads ? sandbox->start() : init->start(); !r)
        fail("run", std::string("no thread for the program: ") + errno_text(r.error().value));
    init.reset();
    if (loads) {
        if (!kernel.pause().stop(add_sat(host_monotonic(), Supervisor::kPauseLimit)))
            fail("checkpoint", "the program does not start");
        sandbox->start_clock();
        loader::reconnect_vdso(kernel);
        kernel.pause().go_on();
    }
    if (leg && leg->archive_out)
        supervisor.save_at(add_sat(host_monotonic(), leg->save_after), [&sandbox = *sandbox, &supervisor, leg] {
            sandbox.deadline = supervisor.deadline();
            sandbox.deadline_passed = supervisor.timed_out();
            return sandbox.save(leg->archive_out.get(), leg->pages_out.get());
        });
    std::optional<int> ended = supervisor.wait();
    if (!ended) _exit(0);
    int status = *ended;
    if (o.verbose)
        if (std::string calls = unsupported_calls_met(); !calls.empty())
            cli::print_error({"run", "the program used system calls that are not implemented: " + calls, {}, 0});
    report.ended(supervisor, status, kernel, *sandbox->program);
    // Nothing is owed to anybody now: the host takes back memory and stubs faster than destructors would.
    _exit(status);
}

}  // namespace

int run_sandbox(const Config& config, const Leg* leg) {
    Report report(config);
    try {
        return run_reported(config, report, leg);
    } catch (const UserError& error) {
        report.failed(error);
        throw;
    }
}

}  // namespace sbx::boot
