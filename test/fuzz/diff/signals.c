// Signals that the process sends itself: handlers, masks, queues, signalfd.
#include "seq.h"

#include <poll.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>

static const int used[] = {SIGUSR1, SIGUSR2, SIGWINCH, SIGTERM, 34, 40};
enum { USED = sizeof used / sizeof *used };
static char stack[65536];

static unsigned bits(const sigset_t *s) {
    unsigned b = 0;
    for (int i = 0; i < USED; i++) b |= (unsigned)(sigismember(s, used[i]) == 1) << i;
    return b;
}
static sigset_t some_set(void) {
    sigset_t s;
    sigemptyset(&s);
    unsigned b = pick(1u << USED);
    for (int i = 0; i < USED; i++) if (b >> i & 1) sigaddset(&s, used[i]);
    return s;
}
static void on_signal(int sig, siginfo_t *info, void *context) {
    (void)context;
    sigset_t now;
    sigprocmask(SIG_BLOCK, NULL, &now);
    char here;
    note(" <%d code %d value %d mask %x%s>", sig, info->si_code, info->si_code == SI_QUEUE ? info->si_value.sival_int : 0, bits(&now), &here >= stack && &here < stack + sizeof stack ? " alt" : "");
}
static void on_plain(int sig) { note(" <%d>", sig); }

void start_signals(void) {
    sigset_t none;
    stack_t off = {.ss_flags = SS_DISABLE};
    struct sigaction a = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO};
    // What is still pending goes away with the disposition.
    for (int i = 0; i < USED; i++) signal(used[i], SIG_IGN), sigaction(used[i], &a, NULL);
    sigaction(SIGPIPE, &a, NULL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    sigaltstack(&off, NULL);
}

void family_signals(void) {
    int s = used[pick(USED)];
    sigset_t set = some_set(), old;
    long r;
    switch (pick(14)) {
    case 0 ... 2: note("kill(%d)", s); result(kill(getpid(), s)); break;
    case 3: { int v = (int)pick(1000); note("sigqueue(%d, %d)", s, v); result(sigqueue(getpid(), s, (union sigval){.sival_int = v})); break; }
    case 4 ... 6: { int how = (int)pick(4); note("sigprocmask(%d, %x)", how, bits(&set)); sigemptyset(&old); r = sigprocmask(how, &set, &old); note(" {%x}", bits(&old)); result(r); break; }
    case 7: {
        struct sigaction a = {.sa_flags = ONE_OF(0, SA_SIGINFO, SA_SIGINFO | SA_NODEFER, SA_SIGINFO | SA_ONSTACK, SA_SIGINFO | SA_RESTART), .sa_mask = set}, was;
        if (a.sa_flags & SA_SIGINFO) a.sa_sigaction = on_signal;
        else if (pick(3)) a.sa_handler = on_plain;
        else a.sa_handler = SIG_IGN;
        note("sigaction(%d, %x, mask %x)", s, a.sa_flags, bits(&set));
        r = sigaction(s, &a, &was);
        note(" {%x %x}", was.sa_flags & ~0x04000000, bits(&was.sa_mask));
        result(r);
        break;
    }
    case 8: note("sigpending"); sigemptyset(&old); r = sigpending(&old); note(" {%x}", bits(&old)); result(r); break;
    case 9: { siginfo_t i = {0}; struct timespec now = {0}; note("sigtimedwait(%x)", bits(&set)); r = sigtimedwait(&set, &i, &now); note(" {%d %d}", i.si_signo, i.si_code); result(r); break; }
    case 10: { int slot = some_fd(); note("signalfd(%x)", bits(&set)); result_fd(signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC), slot); break; }
    case 11: { struct signalfd_siginfo i[2] = {{0}}; int f = some_fd(); note("read(%d, signalfd)", f); r = read(f, i, sizeof i); if (r > 0) note(" {%d %d %d}", i[0].ssi_signo, i[0].ssi_code, i[1].ssi_signo); result(r); break; }
    case 12: { stack_t st = {.ss_sp = stack, .ss_size = ONE_OF(sizeof stack, sizeof stack, (size_t)100), .ss_flags = ONE_OF(0, 0, SS_DISABLE, 1 << 31, 8)}, was = {0}; note("sigaltstack(%zu, %x)", st.ss_size, (unsigned)st.ss_flags); r = sigaltstack(&st, &was); note(" {%x}", (unsigned)was.ss_flags); result(r); break; }
    case 13:
        if (pick(2)) { struct timespec now = {0}; struct pollfd p = {some_fd(), POLLIN, 0}; note("ppoll(%d, %x)", p.fd, bits(&set)); r = ppoll(&p, 1, &now, &set); note(" {%x}", p.revents); result(r); }
        else { int bad = ONE_OF(-1, 0, 65, 64, 32); note("kill(%d)", bad); result(bad == 64 || bad == 32 ? syscall(SYS_tgkill, getpid(), 0x3fffffff, bad) : kill(getpid(), bad)); }
        break;
    }
}
