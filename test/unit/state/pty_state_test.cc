// Saving and loading of pseudo-terminals: bytes in the line, modes, size, job control.
#include <doctest/doctest.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <termios.h>

#include "fs/devpts/devpts.h"
#include "test/unit/state/sandbox.h"

using namespace sbx;
using namespace sbx::test;

namespace {

struct Terminal {
    long master, slave;
};
// Becomes the task's controlling terminal.
Terminal make_terminal(Sandbox& s) {
    devpts::init(s.kernel().tasks());
    REQUIRE(s.call(SYS_mkdir, s.put("/pts"), 0755) == 0);
    REQUIRE(s.call(SYS_mount, s.put("devpts"), s.put("/pts"), s.put("devpts"), 0, 0) == 0);
    long master = s.call(SYS_open, s.put("/pts/ptmx"), O_RDWR | O_NOCTTY | O_NONBLOCK);
    REQUIRE(master >= 0);
    REQUIRE(s.call(SYS_ioctl, master, TIOCSPTLCK, s.put(0)) == 0);
    u64 number = s.put(-1);
    REQUIRE(s.call(SYS_ioctl, master, TIOCGPTN, number) == 0);
    std::string name = "/pts/" + std::to_string(s.get<int>(number));
    long slave = s.call(SYS_open, s.put(name), O_RDWR | O_NONBLOCK);
    REQUIRE(slave >= 0);
    return {master, slave};
}

u64 pending(Sandbox& s) {
    u64 at = s.put(u64{0});
    CHECK(s.call(SYS_rt_sigpending, at, 8) == 0);
    return s.get<u64>(at);
}
constexpr u64 bit(int sig) { return 1ull << (sig - 1); }

}  // namespace

TEST_CASE("state: a pty with unread input, output and a line being typed") {
    Sandbox a;
    Terminal t = make_terminal(a);
    winsize size{33, 101, 0, 0};
    REQUIRE(a.call(SYS_ioctl, t.master, TIOCSWINSZ, a.put(size)) == 0);
    REQUIRE(a.write(t.master, "a line\nhalf a li") == 16);
    REQUIRE(a.write(t.slave, "output\n") == 7);
    Sandbox b = Sandbox::load(a.save());
    CHECK((b.poll(t.slave) & kEventIn) != 0);
    CHECK(b.read(t.slave) == "a line\n");
    CHECK(b.read(t.slave) == "!EAGAIN");
    // The line is edited where it was left: the erase key takes what was typed before.
    CHECK(b.write(t.master, "\177\177\177 pint\n") == 9);
    CHECK(b.read(t.slave) == "half a pint\n");
    CHECK(b.read(t.master) == "a line\r\nhalf a lioutput\r\n\b \b\b \b\b \b pint\r\n");
    u64 at = b.put(winsize{});
    CHECK(b.call(SYS_ioctl, t.slave, TIOCGWINSZ, at) == 0);
    CHECK(b.get<winsize>(at).ws_col == 101);
    CHECK(a.read(t.slave) == "a line\n");
}

TEST_CASE("state: a pty in raw mode, stopped, in packet mode") {
    Sandbox a;
    Terminal t = make_terminal(a);
    u64 at = a.put(std::string(64, 0).data(), 64);
    REQUIRE(a.call(SYS_ioctl, t.slave, TCGETS, at) == 0);
    u32 lflag = a.get<u32>(at + 12) & ~static_cast<u32>(ICANON | ECHO);
    REQUIRE(a.task().mm().copy_out(at + 12, &lflag, 4));
    REQUIRE(a.call(SYS_ioctl, t.slave, TCSETS, at) == 0);
    REQUIRE(a.call(SYS_ioctl, t.master, TIOCPKT, a.put(1)) == 0);
    REQUIRE(a.write(t.master, "xyz\023") == 4);  // and the key that stops output
    Sandbox b = Sandbox::load(a.save());
    CHECK(b.read(t.slave) == "xyz");
    CHECK(b.read(t.master) == std::string("\4", 1));  // TIOCPKT_STOP
    CHECK(b.write(t.master, "\021") == 1);
    CHECK(b.read(t.master) == std::string("\10", 1));  // TIOCPKT_START
    CHECK(b.write(t.slave, "out") == 3);
    CHECK(b.read(t.master) == std::string("\0out", 4));
    u64 now = b.put(std::string(64, 0).data(), 64);
    CHECK(b.call(SYS_ioctl, t.slave, TCGETS, now) == 0);
    CHECK(b.get<u32>(now + 12) == lflag);
}

TEST_CASE("state: job control of a pty") {
    Sandbox a;
    REQUIRE(a.call(SYS_rt_sigprocmask, SIG_BLOCK, a.put(bit(SIGINT) | bit(SIGHUP)), 0, 8) == 0);
    Terminal t = make_terminal(a);
    long dir = a.call(SYS_open, a.put("/pts"), O_RDONLY | O_DIRECTORY);
    REQUIRE(dir >= 0);
    REQUIRE(a.call(SYS_chmod, a.put("/pts/0"), 0604) == 0);
    Sandbox b = Sandbox::load(a.save());
    u64 at = b.put(0);
    CHECK(b.call(SYS_ioctl, t.slave, TIOCGPGRP, at) == 0);
    CHECK(b.get<int>(at) == b.task().tid());
    CHECK(pending(b) == 0);
    CHECK(b.write(t.master, "\003") == 1);
    CHECK(pending(b) == bit(SIGINT));
    CHECK(names(b.caller(), b.file(dir)) == std::vector<std::string>{".", "..", "ptmx", "0"});
    CHECK(b.file(t.slave).inode().attr()->mode == (S_IFCHR | 0604));
    // The next one gets the next number, in the same instance.
    long other = b.call(SYS_open, b.put("/pts/ptmx"), O_RDWR | O_NOCTTY);
    CHECK(b.call(SYS_ioctl, other, TIOCGPTN, at) == 0);
    CHECK(b.get<int>(at) == 1);
    CHECK(b.call(SYS_close, t.master) == 0);
    CHECK(pending(b) == (bit(SIGINT) | bit(SIGHUP)));
    CHECK(b.read(t.slave) == "");
    CHECK(b.call(SYS_open, b.put("/pts/0"), O_RDWR) == -ENOENT);
}
