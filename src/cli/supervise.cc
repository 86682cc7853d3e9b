// The supervisor's loop.
#include "src/cli/supervise.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fs/devpts/devpts.h"
#include "fs/hostfs/hostfs.h"
#include "src/base/panic.h"
#include "src/cli/output.h"
#include "src/config/error.h"
#include "src/host/keeper.h"
#include "src/kernel/fasync.h"
#include "src/kernel/pause.h"

namespace sbx::boot {
namespace {

// How long killed tasks may take to end in order: hundreds of them do on a busy host.
constexpr Nanos kPatience = 2 * kNanosPerSec;

int exit_status(int wait_status) {
    if (WIFSIGNALED(wait_status)) return 128 + WTERMSIG(wait_status);
    return WEXITSTATUS(wait_status);
}

}  // namespace

Supervisor::Supervisor(const Config& config, Kernel& kernel, Streams&)
    : Waiter(kEventAll), config_(config), kernel_(kernel) {
    ended_ = host::UniqueFd(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
    if (!ended_) throw UserError{"run", "no descriptors left for sbx", {}, kExitFailed};
    if (config.run.timeout_ns > 0) deadline_ = add_sat(host_monotonic(), config.run.timeout_ns);
    kernel_.tasks().all_gone.add(*this);
}

Supervisor::~Supervisor() { kernel_.tasks().all_gone.remove(*this); }

void Supervisor::on_event(EventMask) {
    u64 one = 1;
    ssize_t n;
    do n = write(ended_.get(), &one, sizeof one);
    while (n < 0 && errno == EINTR);
    // EAGAIN: it is full of news already.
    if (n < 0 && errno != EAGAIN) SBX_PANIC("the end of the program cannot be told to the supervisor");
}

void Supervisor::forward(int sig) {
    SharedLock l(kernel_.tasks().mu);
    ThreadGroup* init = kernel_.tasks().root_ns->init;
    if (!init) return;
    // The foreground group of its terminal, or PID 1's own group: who would have got a Ctrl-C outside.
    Ref<Pid> group = init->session ? init->session->tty_foreground : nullptr;
    if (!group) group = init->pgrp;
    if (!group) return send_outside_signal(*init, sig);
    for (ThreadGroup& member : group->pgrp_members) send_outside_signal(member, sig);
}

void Supervisor::use_terminal(std::unique_ptr<Relay> relay, Ref<vfs::OpenFile> master) {
    relay_ = std::move(relay);
    master_ = std::move(master);
}

void Supervisor::on_signal(int sig) {
    if (relay_ && sig == SIGWINCH) return relay_->resized();
    if (relay_ && sig == SIGTSTP) return suspend();
    if (relay_ && sig == SIGCONT) relay_->continued();
    // Who asks twice means it: a program that did not even take the first one is not asked again.
    if (sig == SIGTERM && std::exchange(terminated_, true) && init_ignores(sig)) return kill_all();
    forward(sig);
}

// PID 1 ignores it, or has it pending still: blocked, stopped, or too busy.
bool Supervisor::init_ignores(int sig) {
    SharedLock l(kernel_.tasks().mu);
    ThreadGroup* init = kernel_.tasks().root_ns->init;
    if (!init) return false;
    Lock h(init->handlers()->mu);
    return init->handlers()->actions[sig - 1].handler == kSigIgn || init->pending.set().has(sig);
}

void Supervisor::suspend() {
    relay_->suspend();
    host::stop_with_job();
}

int Supervisor::remaining_ms() const {
    Nanos until = std::min({deadline_, give_up_, save_at_});
    if (until == kNever) return -1;
    Nanos left = until - host_monotonic();
    if (left <= 0) return 0;
    return static_cast<int>(std::min<Nanos>(left / kNanosPerMilli + 1, 1000000));
}

void Supervisor::time_is_up() {
    if (timeout_ == Timeout::None) {
        timeout_ = Timeout::Terminated;
        deadline_ = add_sat(host_monotonic(), config_.run.kill_grace_ns);
        forward(SIGTERM);
        return;
    }
    timeout_ = Timeout::Killed;
    kill_all();
}

void Supervisor::kill_all() {
    kernel_.kill_all();
    deadline_ = kNever;
    give_up_ = add_sat(host_monotonic(), kPatience);
}

void Supervisor::save_at(Nanos when, std::function<std::string()> save) {
    save_at_ = when;
    save_ = std::move(save);
}

void Supervisor::go_on(Nanos deadline, bool timed_out) {
    deadline_ = deadline;
    if (timed_out) timeout_ = Timeout::Terminated;
}

// False: the program had ended before all of it stood still.
bool Supervisor::save() {
    save_at_ = kNever;
    if (timeout_ == Timeout::Killed) return false;
    if (!kernel_.pause().stop(add_sat(host_monotonic(), kPauseLimit)))
        throw UserError{"checkpoint", "the program does not stand still", {}, kExitFailed};
    if (kernel_.tasks().sentry_threads.load() == 0) {
        kernel_.pause().go_on();
        return false;
    }
    if (relay_) relay_->drain();
    hostfs::hold_events();
    settle_file_signals();
    if (std::string why = save_(); !why.empty()) throw UserError{"checkpoint", why, {}, kExitFailed};
    return true;
}

std::optional<int> Supervisor::wait() {
    for (;;) {
        pollfd fds[2 + Relay::kPolled] = {{host::keeper_bell(), POLLIN, 0}, {ended_.get(), POLLIN, 0}};
        if (relay_) relay_->prepare(fds + 2);
        int n = poll(fds, relay_ ? 2 + Relay::kPolled : 2, remaining_ms());
        if (n == 0 && host_monotonic() >= deadline_) time_is_up();
        if (host_monotonic() >= save_at_ && save()) {
            relay_.reset();
            return std::nullopt;
        }
        // The stubs end with sbx, whatever the tasks are still busy with.
        if (host_monotonic() >= give_up_) {
            kernel_.init_status.store(SIGKILL);
            break;
        }
        if (n <= 0) continue;
        while (int sig = host::take_signal()) on_signal(sig);
        if (relay_) {
            relay_->handle(fds + 2);
            if (devpts::take_suspend_request(*master_)) suspend();
        }
        if ((fds[1].revents & POLLIN) && kernel_.tasks().sentry_threads.load() == 0) break;
    }
    if (relay_) relay_->drain();
    relay_.reset();
    if (timeout_ != Timeout::None) return 124;
    return exit_status(kernel_.init_status.load());
}

}  // namespace sbx::boot
