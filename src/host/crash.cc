// Faults of the sentry.
#include "src/host/crash.h"

#include <stdio.h>
#include <ucontext.h>
#include <unistd.h>

namespace sbx::host {
namespace {

constexpr int kSignals[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT};

extern "C" char __executable_start;

void on_crash(int sig, siginfo_t* info, void* context) {
    auto* u = static_cast<ucontext_t*>(context);
    unsigned long long ip = static_cast<unsigned long long>(u->uc_mcontext.gregs[REG_RIP]);
    char buf[200];
    // The place is relative to the executable, as addr2line wants it.
    int n = snprintf(buf, sizeof buf, "sbx: internal error: signal %d (address %p) at sbx+0x%llx; the sandbox ends\n",
                     sig, info->si_addr, ip - reinterpret_cast<unsigned long long>(&__executable_start));
    [[maybe_unused]] ssize_t r = write(2, buf, n > 0 ? static_cast<size_t>(n) : 0);
    _exit(125);
}

}  // namespace

void remove_crash_signals(sigset_t& s) {
    for (int sig : kSignals) sigdelset(&s, sig);
}

void install_crash_handlers() {
    for (int sig : kSignals) {
        struct sigaction sa {};
        sa.sa_sigaction = on_crash;
        sa.sa_flags = SA_SIGINFO | SA_RESETHAND | SA_NODEFER;
        sigaction(sig, &sa, nullptr);
    }
}

}  // namespace sbx::host
