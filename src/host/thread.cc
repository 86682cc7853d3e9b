// Creation of sentry threads.
#include "src/host/thread.h"

#include <pthread.h>
#include <signal.h>

#include <memory>

#include "src/base/panic.h"
#include "src/host/crash.h"

#ifdef __SANITIZE_THREAD__
// Children made by fork start threads of their own (the owner broker, tests). A race ends the sandbox, so that no test overlooks it.
extern "C" const char* __tsan_default_options() { return "die_after_fork=0:halt_on_error=1:exitcode=125"; }
#endif

namespace sbx::host {
namespace {

// Deep path walks and copy-ups fit in a fraction of it; pages that are never touched cost nothing.
constexpr size_t kStackSize = 256 * 1024;

struct Start {
    void (*fn)(void*);
    void* arg;
    char name[16];
};

void* enter(void* p) {
    std::unique_ptr<Start> s(static_cast<Start*>(p));
    pthread_setname_np(pthread_self(), s->name);
    auto fn = s->fn;
    void* arg = s->arg;
    s.reset();
    fn(arg);
    return nullptr;
}

}  // namespace

Result<> spawn_thread(void (*fn)(void*), void* arg, const char* name) {
    auto start = std::make_unique<Start>(Start{fn, arg, {}});
    for (size_t i = 0; i + 1 < sizeof start->name && name[i]; i++) start->name[i] = name[i];
    pthread_attr_t attr;
    pthread_attr_init(&attr);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&attr, kStackSize);
    // The new thread inherits the mask: blocked from its first instruction on.
    sigset_t all, old;
    sigfillset(&all);
    remove_crash_signals(all);
    sigdelset(&all, SIGSYS);  // the filter's message (sentry_filter.cc)
    pthread_sigmask(SIG_SETMASK, &all, &old);
    pthread_t thread;
    int e = pthread_create(&thread, &attr, enter, start.get());
    pthread_sigmask(SIG_SETMASK, &old, nullptr);
    pthread_attr_destroy(&attr);
    if (e != 0) return err(EAGAIN);
    static_cast<void>(start.release());
    return {};
}

}  // namespace sbx::host
