// The relay between the caller's terminal (a pty here) and the program's (a socket in the place of its master).
#include <doctest/doctest.h>

#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fs/hostfs/hostfs.h"
#include "src/cli/relay.h"

using sbx::boot::Relay;
using sbx::host::UniqueFd;

namespace {

winsize told;

struct Terminals {
    UniqueFd keyboard;  // the master of the caller's terminal: what a person types and sees
    UniqueFd terminal;  // the caller's terminal
    UniqueFd program;   // what the program reads and writes
    UniqueFd other;     // the other end of that, owned by the open file below
    std::unique_ptr<Relay> relay;

    Terminals() {
        keyboard = UniqueFd(posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK));
        REQUIRE(grantpt(keyboard.get()) == 0);
        REQUIRE(unlockpt(keyboard.get()) == 0);
        terminal = UniqueFd(open(ptsname(keyboard.get()), O_RDWR | O_NOCTTY));
        REQUIRE(terminal);
        winsize size{24, 80, 0, 0};
        REQUIRE(ioctl(keyboard.get(), TIOCSWINSZ, &size) == 0);
        int pair[2];
        REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair) == 0);
        program = UniqueFd(pair[0]);
        auto master = sbx::hostfs::open_inherited(pair[1]);
        REQUIRE(master);
        auto made = Relay::create(
            *master, [](sbx::vfs::OpenFile&, const winsize& s) { told = s; }, terminal.get(), terminal.get());
        REQUIRE(made);
        relay = std::move(*made);
    }

    // Lets the relay work until `fd` has `want`, or for two seconds.
    std::string pump(int fd, const std::string& want) {
        std::string got;
        for (int i = 0; i < 200 && got.size() < want.size(); i++) {
            pollfd fds[Relay::kPolled];
            relay->prepare(fds);
            poll(fds, Relay::kPolled, 10);
            relay->handle(fds);
            char buffer[4096];
            ssize_t n = read(fd, buffer, sizeof buffer);
            if (n > 0) got.append(buffer, static_cast<size_t>(n));
        }
        return got;
    }
};

}  // namespace

TEST_CASE("the relay passes bytes both ways, untouched") {
    Terminals t;
    REQUIRE(write(t.keyboard.get(), "a\x03\r\x1a", 4) == 4);
    CHECK(t.pump(t.program.get(), "a\x03\r\x1a") == "a\x03\r\x1a");
    REQUIRE(write(t.program.get(), "x\n\x1b[1m", 6) == 6);
    CHECK(t.pump(t.keyboard.get(), "x\n\x1b[1m") == "x\n\x1b[1m");
}

TEST_CASE("much output arrives whole") {
    Terminals t;
    std::string sent;
    for (int i = 0; i < 20000; i++) sent += std::to_string(i) + " ";
    std::string got;
    size_t at = 0;
    while (got.size() < sent.size()) {
        ssize_t n = write(t.program.get(), sent.data() + at, sent.size() - at);
        if (n > 0) at += static_cast<size_t>(n);
        std::string more = t.pump(t.keyboard.get(), "x");
        REQUIRE(!more.empty());
        got += more;
    }
    CHECK(got == sent);
}

TEST_CASE("the relay tells sizes and leaves the terminal as it was") {
    termios before{}, during{}, after{};
    int fd;
    UniqueFd keep;
    {
        Terminals t;
        CHECK(told.ws_row == 24);
        CHECK(told.ws_col == 80);
        winsize size{30, 100, 0, 0};
        REQUIRE(ioctl(t.keyboard.get(), TIOCSWINSZ, &size) == 0);
        t.relay->resized();
        CHECK(told.ws_row == 30);

        fd = t.terminal.get();
        REQUIRE(tcgetattr(fd, &during) == 0);
        CHECK((during.c_lflag & (ICANON | ECHO | ISIG)) == 0);
        t.relay->suspend();
        REQUIRE(tcgetattr(fd, &before) == 0);
        CHECK((before.c_lflag & (ICANON | ECHO | ISIG)) == (ICANON | ECHO | ISIG));
        t.relay->continued();
        REQUIRE(tcgetattr(fd, &during) == 0);
        CHECK((during.c_lflag & ICANON) == 0);

        REQUIRE(write(t.program.get(), "last", 4) == 4);
        t.relay->drain();
        CHECK(t.pump(t.keyboard.get(), "last") == "last");
        t.relay.reset();
        REQUIRE(tcgetattr(fd, &after) == 0);
        CHECK(after.c_lflag == before.c_lflag);
        CHECK(after.c_iflag == before.c_iflag);
    }
}

TEST_CASE("a relay needs a terminal") {
    auto file = sbx::hostfs::open_inherited(open("/dev/null", O_RDWR | O_CLOEXEC));
    REQUIRE(file);
    UniqueFd null(open("/dev/null", O_RDWR | O_CLOEXEC));
    CHECK(!Relay::create(
        *file, [](sbx::vfs::OpenFile&, const winsize&) {}, null.get(), null.get()));
}
