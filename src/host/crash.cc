// Faults of the sentry.
#include "src/host/crash.h"

#include <stdio.h>
#include <ucontext.h>
#include <unistd.h>

#include <exception>
#include <new>

#include "src/base/panic.h"

namespace sbx::host {
namespace {

constexpr int kSignals[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT};

extern "C" char __executable_start;

void on_crash(int sig, siginfo_t* info, void* context) {
    auto* u = static_cast<ucontext_t*>(context);
    unsigned long long ip = static_cast<unsigned long long>(u->uc_mcontext.gregs[REG_RIP]);
    char buf[200];
    int n;
    if (info->si_code <= 0)
        n = snprintf(buf, sizeof buf, "sbx: process %d sent sbx signal %d; the sandbox ends\n", info->si_pid, sig);
    else  // The place is relative to the executable, as addr2line wants it.
        n = snprintf(buf, sizeof buf, "sbx: internal error: signal %d (address %p) at sbx+0x%llx; the sandbox ends\n",
                     sig, info->si_addr, ip - reinterpret_cast<unsigned long long>(&__executable_start));
    [[maybe_unused]] ssize_t r = write(2, buf, n > 0 ? static_cast<size_t>(n) : 0);
    _exit(125);
}

}  // namespace

void remove_crash_signals(sigset_t& s) {
    for (int sig : kSignals) sigdelset(&s, sig);
}

void install_crash_handlers() {
    // Who allocates cannot hear of a failure: what a guest makes the sentry hold is bounded, so the host is short of memory.
    std::set_new_handler([] { give_up("the host gives sbx no more memory"); });
    // Not through abort(), which would raise a signal by a call that the filter refuses.
    std::set_terminate([] { give_up("internal error: an exception that nobody caught"); });
    for (int sig : kSignals) {
        struct sigaction sa {};
        sa.sa_sigaction = on_crash;
        sa.sa_flags = SA_SIGINFO | SA_RESETHAND | SA_NODEFER;
        sigaction(sig, &sa, nullptr);
    }
}

}  // namespace sbx::host
