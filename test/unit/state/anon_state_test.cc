// Saving and loading of files without a name: epoll sets, timers, signalfds, pidfds, inotify instances, and signals about files.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>

#include <thread>

#include "test/unit/state/sandbox.h"

using namespace sbx;
using namespace sbx::test;

namespace {

long add(Sandbox& s, long epoll, long fd, u32 events, u64 data) {
    epoll_event e{};
    e.events = events;
    e.data.u64 = data;
    return s.call(SYS_epoll_ctl, epoll, EPOLL_CTL_ADD, fd, s.put(e));
}

// The data of what is ready.
std::vector<u64> ready(Sandbox& s, long epoll) {
    epoll_event none[8] = {};
    u64 at = s.put(none);
    std::vector<u64> out;
    long n = s.call(SYS_epoll_wait, epoll, at, 8, 0);
    for (long i = 0; i < n; i++)
        out.push_back(s.get<epoll_event>(at + static_cast<u64>(i) * sizeof(epoll_event)).data.u64);
    return out;
}

using Datas = std::vector<u64>;

}  // namespace

TEST_CASE("state: epoll sets within epoll sets") {
    Sandbox a;
    long level = a.call(SYS_eventfd2, 1, EFD_NONBLOCK), edge = a.call(SYS_eventfd2, 1, EFD_NONBLOCK);
    long quiet = a.call(SYS_eventfd2, 0, EFD_NONBLOCK), once = a.call(SYS_eventfd2, 1, EFD_NONBLOCK);
    long inner = a.call(SYS_epoll_create1, 0), outer = a.call(SYS_epoll_create1, 0);
    REQUIRE(add(a, inner, level, EPOLLIN, 1) == 0);
    REQUIRE(add(a, inner, edge, EPOLLIN | EPOLLET, 2) == 0);
    REQUIRE(add(a, inner, quiet, EPOLLIN, 3) == 0);
    REQUIRE(add(a, inner, once, EPOLLIN | EPOLLONESHOT, 4) == 0);
    REQUIRE(add(a, outer, inner, EPOLLIN, 5) == 0);
    CHECK(ready(a, inner) == Datas{1, 2, 4});
    CHECK(ready(a, inner) == Datas{1});
    Sandbox b = Sandbox::load(a.save());
    CHECK(ready(b, outer) == Datas{5});
    // What was told once is not told again.
    CHECK(ready(b, inner) == Datas{1});
    CHECK(b.write(edge, std::string("\1\0\0\0\0\0\0\0", 8)) == 8);
    CHECK(b.write(quiet, std::string("\1\0\0\0\0\0\0\0", 8)) == 8);
    CHECK(b.write(once, std::string("\1\0\0\0\0\0\0\0", 8)) == 8);
    CHECK(ready(b, inner) == Datas{1, 2, 3});
    CHECK(b.read(quiet).size() == 8);
    CHECK(b.read(level).size() == 8);
    CHECK(ready(b, inner) == Datas{});
    CHECK(ready(b, outer) == Datas{});
    // Nesting is known: no circles. A file that is closed leaves its sets.
    CHECK(add(b, inner, outer, EPOLLIN, 6) == -ELOOP);
    CHECK(add(b, inner, quiet, EPOLLIN, 3) == -EEXIST);
    CHECK(b.call(SYS_close, quiet) == 0);
    CHECK(b.file(inner).fdinfo(b.caller()).find("tfd:        " + std::to_string(quiet)) == std::string::npos);
    CHECK(b.call(SYS_close, inner) == 0);
    CHECK(b.file(outer).fdinfo(b.caller()) == "");
}

TEST_CASE("state: a timer that is armed, and one that has expired") {
    Sandbox a;
    long far = a.call(SYS_timerfd_create, CLOCK_MONOTONIC, TFD_NONBLOCK);
    long past = a.call(SYS_timerfd_create, CLOCK_REALTIME, TFD_NONBLOCK);
    long day = a.call(SYS_timerfd_create, CLOCK_REALTIME, TFD_NONBLOCK);
    itimerspec hour{{7, 0}, {3600, 0}}, soon{{0, 0}, {0, 1}}, today{{0, 0}, {vfs::now().tv_sec + 3600, 0}};
    REQUIRE(a.call(SYS_timerfd_settime, day, TFD_TIMER_ABSTIME, a.put(today), 0) == 0);
    REQUIRE(a.call(SYS_timerfd_settime, far, 0, a.put(hour), 0) == 0);
    REQUIRE(a.call(SYS_timerfd_settime, past, 0, a.put(soon), 0) == 0);
    while (!(a.poll(past) & kEventIn)) std::this_thread::yield();
    Sandbox b = Sandbox::load(a.save());
    CHECK(b.read(past) == std::string("\1\0\0\0\0\0\0\0", 8));
    CHECK(b.read(past) == "!EAGAIN");
    CHECK(b.read(far) == "!EAGAIN");
    u64 at = b.put(itimerspec{});
    CHECK(b.call(SYS_timerfd_gettime, far, at) == 0);
    CHECK(b.get<itimerspec>(at).it_interval.tv_sec == 7);
    CHECK(b.get<itimerspec>(at).it_value.tv_sec >= 3500);
    CHECK(b.get<itimerspec>(at).it_value.tv_sec <= 3600);
    CHECK(b.call(SYS_timerfd_gettime, day, at) == 0);
    CHECK(b.get<itimerspec>(at).it_value.tv_sec >= 3500);
    CHECK(b.get<itimerspec>(at).it_value.tv_sec <= 3600);
    REQUIRE(b.call(SYS_timerfd_settime, far, 0, b.put(soon), 0) == 0);
    while (!(b.poll(far) & kEventIn)) std::this_thread::yield();
}

TEST_CASE("state: a signalfd in an epoll set, and a pidfd") {
    Sandbox a;
    SigSet mask{1ull << (SIGUSR1 - 1)};
    REQUIRE(a.call(SYS_rt_sigprocmask, SIG_BLOCK, a.put(mask), 0, 8) == 0);
    long sfd = a.call(SYS_signalfd4, -1, a.put(mask), 8, SFD_NONBLOCK);
    long pid = a.task().tid(), pfd = a.call(SYS_pidfd_open, pid, 0), epoll = a.call(SYS_epoll_create1, 0);
    REQUIRE(add(a, epoll, sfd, EPOLLIN, 1) == 0);
    REQUIRE(add(a, epoll, pfd, EPOLLIN, 2) == 0);
    CHECK(ready(a, epoll) == Datas{});
    Sandbox b = Sandbox::load(a.save());
    CHECK(ready(b, epoll) == Datas{});
    CHECK(b.call(SYS_kill, pid, SIGUSR1) == 0);
    CHECK(ready(b, epoll) == Datas{1});
    CHECK(b.read(sfd).size() == sizeof(signalfd_siginfo));
    CHECK(b.read(sfd) == "!EAGAIN");
    CHECK(b.file(pfd).fdinfo(b.caller()).find("Pid:\t" + std::to_string(pid) + "\n") == 0);
    CHECK(b.call(SYS_pidfd_send_signal, pfd, SIGUSR1, 0, 0) == 0);
    CHECK(b.read(sfd).size() == sizeof(signalfd_siginfo));
    b.task().pid().exited.notify(kEventIn | kEventRdNorm);
    CHECK(ready(b, epoll) == Datas{});  // it has not ended
    CHECK(b.call(SYS_close, sfd) == 0);
}

TEST_CASE("state: inotify watches and their events") {
    Sandbox a;
    REQUIRE(a.call(SYS_mkdir, a.put("/d"), 0755) == 0);
    long in = a.call(SYS_inotify_init1, IN_NONBLOCK);
    long wd = a.call(SYS_inotify_add_watch, in, a.put("/d"), IN_CREATE | IN_DELETE);
    REQUIRE(wd == 1);
    REQUIRE(a.call(SYS_mkdir, a.put("/d/before"), 0755) == 0);
    Sandbox b = Sandbox::load(a.save());
    REQUIRE(b.call(SYS_mkdir, b.put("/d/after"), 0755) == 0);
    std::string events = b.read(in);
    size_t before = events.find("before"), after = events.find("after");
    CHECK(before != std::string::npos);
    CHECK(after != std::string::npos);
    CHECK(before < after);
    CHECK(b.read(in) == "!EAGAIN");
    // The watch is the same one still.
    CHECK(b.call(SYS_inotify_add_watch, in, b.put("/d"), IN_CREATE) == wd);
    REQUIRE(b.call(SYS_rmdir, b.put("/d/after")) == 0);
    CHECK(b.read(in) == "!EAGAIN");
    CHECK(b.call(SYS_inotify_rm_watch, in, wd) == 0);
    CHECK(b.read(in).size() == sizeof(inotify_event));
    REQUIRE(b.call(SYS_mkdir, b.put("/d/more"), 0755) == 0);
    CHECK(b.read(in) == "!EAGAIN");
}

TEST_CASE("state: signals about a pipe and a directory") {
    Sandbox a;
    SigSet mask{1ull << (SIGIO - 1) | 1ull << (SIGUSR2 - 1)};
    REQUIRE(a.call(SYS_rt_sigprocmask, SIG_BLOCK, a.put(mask), 0, 8) == 0);
    REQUIRE(a.call(SYS_mkdir, a.put("/d"), 0755) == 0);
    int fds[2] = {};
    u64 at = a.put(fds);
    REQUIRE(a.call(SYS_pipe2, at, O_NONBLOCK) == 0);
    long r = a.get<int>(at), w = a.get<int>(at + 4), dir = a.call(SYS_open, a.put("/d"), O_RDONLY | O_DIRECTORY);
    REQUIRE(a.call(SYS_fcntl, r, F_SETOWN, a.task().tid()) == 0);
    REQUIRE(a.call(SYS_fcntl, r, F_SETSIG, SIGUSR2) == 0);
    REQUIRE(a.call(SYS_fcntl, r, F_SETFL, O_ASYNC | O_NONBLOCK) == 0);
    REQUIRE(a.call(SYS_fcntl, dir, F_NOTIFY, DN_CREATE) == 0);
    long sfd = a.call(SYS_signalfd4, -1, a.put(mask), 8, SFD_NONBLOCK);
    Sandbox b = Sandbox::load(a.save());
    CHECK(b.call(SYS_fcntl, r, F_GETOWN) == b.task().tid());
    CHECK(b.read(sfd) == "!EAGAIN");
    CHECK(b.write(w, "x") == 1);
    while (!(b.poll(sfd) & kEventIn)) std::this_thread::yield();
    std::string info = b.read(sfd);
    REQUIRE(info.size() == sizeof(signalfd_siginfo));
    CHECK(static_cast<int>(info[0]) == SIGUSR2);
    REQUIRE(b.call(SYS_mkdir, b.put("/d/new"), 0755) == 0);
    while (!(b.poll(sfd) & kEventIn)) std::this_thread::yield();
    info = b.read(sfd);
    CHECK(static_cast<int>(info[0]) == SIGIO);
    // Without DN_MULTISHOT once only.
    REQUIRE(b.call(SYS_mkdir, b.put("/d/more"), 0755) == 0);
    CHECK(b.read(sfd) == "!EAGAIN");
}

TEST_CASE("state: a damaged epoll set is an error") {
    Sandbox a;
    long fd = a.call(SYS_eventfd2, 1, 0), inner = a.call(SYS_epoll_create1, 0), outer = a.call(SYS_epoll_create1, 0);
    REQUIRE(add(a, inner, fd, EPOLLIN, 0x1122334455667788) == 0);
    REQUIRE(add(a, outer, inner, EPOLLIN, 0x99aabbccddeeff00) == 0);
    std::string bytes = a.save();
    CHECK(Sandbox::why_not(bytes) == "");
    for (u64 data : {0x1122334455667788ull, 0x99aabbccddeeff00ull}) {
        size_t at = bytes.find(std::string(reinterpret_cast<char*>(&data), sizeof data));
        REQUIRE(at != std::string::npos);
        // What is around it: whose it is, what it watches, what it is ready for.
        for (size_t i = at - 24; i < at + 16; i += 2) {
            std::string damaged = bytes;
            damaged[i] = static_cast<char>(damaged[i] ^ 1 << i % 3);
            (void)Sandbox::why_not(damaged);
        }
    }
    for (size_t n = bytes.size() - 4; n < bytes.size(); n++) CHECK(Sandbox::why_not(bytes.substr(0, n)) != "");
}
