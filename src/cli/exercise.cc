// The driver of the legs.
#include "src/cli/exercise.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cmath>
#include <random>
#include <vector>

#include "src/base/result.h"
#include "src/cli/output.h"
#include "src/config/error.h"
#include "src/host/keeper.h"

namespace sbx::boot {
namespace {

constexpr const char* kVariable = "SBX_LEG";
// Above what programs are given with --pass-fd.
constexpr int kFirstDescriptor = 400;

[[noreturn]] void fail(const std::string& what, int error) {
    throw UserError{"checkpoint.exercise", what + ": " + errno_text(error), {}, kExitFailed};
}

host::UniqueFd make_file(const char* name) {
    host::UniqueFd low(memfd_create(name, MFD_CLOEXEC));
    host::UniqueFd fd(low ? fcntl(low.get(), F_DUPFD_CLOEXEC, kFirstDescriptor) : -1);
    if (!fd) fail("no descriptor", errno);
    return fd;
}

// Short times are as likely as long ones: what tests do at their start is as interesting as how they wait.
Nanos random_span(std::mt19937_64& random) {
    double exponent = std::uniform_real_distribution<double>(0, 2.5)(random);
    return static_cast<Nanos>(std::pow(10.0, exponent) * static_cast<double>(kNanosPerMilli) / 4);
}

void keep_over_exec(int fd) {
    if (fd >= 0) fcntl(fd, F_SETFD, 0);
}

pid_t start(const Leg& leg, std::span<const std::string> args) {
    std::vector<char*> argv;
    for (const char* word : {"sbx", "run"}) argv.push_back(const_cast<char*>(word));
    for (const std::string& a : args) argv.push_back(const_cast<char*>(a.c_str()));
    argv.push_back(nullptr);
    char text[160];
    snprintf(text, sizeof text, "%d %lld %d %d %d %d", leg.driver, static_cast<long long>(leg.save_after),
             leg.archive_in.get(), leg.pages_in.get(), leg.archive_out.get(), leg.pages_out.get());
    setenv(kVariable, text, 1);
    pid_t pid = fork();
    if (pid != 0) {
        unsetenv(kVariable);
        return pid;
    }
    for (const host::UniqueFd* fd : {&leg.archive_in, &leg.pages_in, &leg.archive_out, &leg.pages_out})
        keep_over_exec(fd->get());
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != leg.driver) _exit(kExitFailed);
    execv("/proc/self/exe", argv.data());
    _exit(kExitFailed);
}

// How the leg ended: a wait status. Signals reach it meanwhile; those of a terminal it gets by itself, being of the same process group.
int wait_for(pid_t leg) {
    const sigset_t all = host::outside_signals();
    for (;;) {
        siginfo_t info{};
        int sig = sigwaitinfo(&all, &info);
        if (sig < 0) continue;
        if (sig != SIGCHLD) {
            if (info.si_code != SI_KERNEL) kill(leg, sig);
            continue;
        }
        int status = 0;
        while (waitpid(leg, &status, WNOHANG | WUNTRACED) == leg) {
            if (!WIFSTOPPED(status)) return status;
            // It suspended itself on behalf of the program.
            kill(getpid(), SIGSTOP);
            kill(leg, SIGCONT);
        }
    }
}

bool saved(const Leg& leg) {
    struct stat s {};
    return leg.archive_out && fstat(leg.archive_out.get(), &s) == 0 && s.st_size > 0;
}

}  // namespace

std::optional<Leg> take_leg() {
    const char* text = getenv(kVariable);
    if (!text) return std::nullopt;
    Leg leg;
    long long after = 0;
    int fds[4] = {-1, -1, -1, -1};
    bool good = sscanf(text, "%d %lld %d %d %d %d", &leg.driver, &after, &fds[0], &fds[1], &fds[2], &fds[3]) == 6;
    unsetenv(kVariable);
    if (!good || leg.driver != getppid()) return std::nullopt;
    leg.save_after = after;
    host::UniqueFd* places[] = {&leg.archive_in, &leg.pages_in, &leg.archive_out, &leg.pages_out};
    for (size_t i = 0; i < 4; i++) {
        *places[i] = host::UniqueFd(fds[i]);
        if (fds[i] >= 0) fcntl(fds[i], F_SETFD, FD_CLOEXEC);
    }
    return leg;
}

int run_legs(const Config& config, std::span<const std::string> args) {
    host::block_outside_signals();
    signal(SIGCHLD, SIG_DFL);
    if (config.run.die_with_parent) prctl(PR_SET_PDEATHSIG, SIGKILL);
    std::mt19937_64 random(static_cast<u64>(config.checkpoint.seed));
    Leg last;
    for (std::int64_t done = 0;; done++) {
        Leg leg;
        leg.driver = getpid();
        leg.archive_in = std::move(last.archive_out);
        leg.pages_in = std::move(last.pages_out);
        if (done < config.checkpoint.exercise) {
            leg.save_after = random_span(random);
            leg.archive_out = make_file("sbx-archive");
            leg.pages_out = make_file("sbx-pages");
        }
        pid_t pid = start(leg, args);
        if (pid < 0) fail("no process", errno);
        int status = wait_for(pid);
        if (WIFSIGNALED(status)) {
            rlimit none{0, 0};  // no core that it would dump is the program's
            setrlimit(RLIMIT_CORE, &none);
            host::end_by_signal(getpid(), WTERMSIG(status));
        }
        if (WEXITSTATUS(status) != 0 || !saved(leg)) return WEXITSTATUS(status);
        if (config.log.level >= config::LogLevel::Info) {
            char text[120];
            snprintf(text, sizeof text, "leg %lld saved after %.2f ms, seed %lld", static_cast<long long>(done + 1),
                     static_cast<double>(leg.save_after) / kNanosPerMilli,
                     static_cast<long long>(config.checkpoint.seed));
            cli::print_error({"checkpoint.exercise", text, {}, 0});
        }
        last = std::move(leg);
    }
}

}  // namespace sbx::boot
