// Inherited host descriptors: positions, readiness, what is not allowed.
#include <poll.h>
#include <sys/socket.h>

#include <doctest/doctest.h>

#include <atomic>

#include "fs/hostfs/host_calls.h"
#include "test/unit/hostfs/world.h"

using namespace sbx;
using host_test::FsWorld;
using host_test::TempDir;

namespace {

Result<std::string> read_stream(vfs::OpenFile& f, size_t n = 100) {
    std::string s(n, '\0');
    mm::KernelIoBuf b(Bytes(reinterpret_cast<u8*>(s.data()), s.size()));
    s.resize(SBX_TRY(f.read(b, nullptr, 0, vfs::Caller{})));
    return s;
}

Result<size_t> write_stream(vfs::OpenFile& f, std::string_view text) {
    mm::KernelIoBuf b(ConstBytes(reinterpret_cast<const u8*>(text.data()), text.size()));
    return f.write(b, nullptr, 0, vfs::Caller{});
}

struct Bell : Waiter {
    Bell() : Waiter(kEventIn | kEventOut | kEventHup) {}
    void on_event(EventMask) override { rung.fetch_add(1); }
    std::atomic<int> rung{0};
    bool wait() {
        for (int i = 0; i < 2000 && rung == 0; i++) usleep(1000);
        return rung.exchange(0) != 0;
    }
};

}  // namespace

TEST_CASE("an inherited file shares its position with the caller") {
    TempDir d;
    d.write("f", "0123456789");
    int fd = open((d / "f").c_str(), O_RDWR), mine = dup(fd);
    auto f = hostfs::open_inherited(fd);
    REQUIRE(f);
    CHECK(*read_stream(**f, 3) == "012");
    CHECK(lseek(mine, 0, SEEK_CUR) == 3);
    char two[2];
    CHECK(read(mine, two, 2) == 2);
    CHECK(*read_stream(**f, 3) == "567");
    CHECK(*(*f)->seek(0, 1, SEEK_SET, vfs::Caller{}) == 1);
    CHECK(lseek(mine, 0, SEEK_CUR) == 1);
    CHECK(*write_stream(**f, "XY") == 2);
    CHECK(d.read("f") == "0XY3456789");
    i64 pos = 8;
    char at[4] = {};
    mm::KernelIoBuf b(Bytes(reinterpret_cast<u8*>(at), 4));
    CHECK(*(*f)->read(b, &pos, 0, vfs::Caller{}) == 2);
    CHECK(lseek(mine, 0, SEEK_CUR) == 3);
    CHECK((*f)->inode().attr()->size == 10);
    close(mine);
}

TEST_CASE("an inherited pipe never blocks, and rings") {
    for (bool proc : {true, false}) {
        CAPTURE(proc);
        if (!proc) hostfs::forget_proc_self_fd();
        int p[2];
        REQUIRE(pipe(p) == 0);
        auto r = hostfs::open_inherited(p[0]);
        REQUIRE(r);
        CHECK((fcntl(p[0], F_GETFL) & O_NONBLOCK) == 0);
        CHECK(read_stream(**r).error() == EAGAIN);
        CHECK((*r)->poll(kEventIn, {}) == 0);
        Bell bell;
        (*r)->poll_add(bell, {});
        CHECK(read_stream(**r).error() == EAGAIN);
        CHECK(write(p[1], "abc", 3) == 3);
        CHECK(bell.wait());
        CHECK((*r)->poll(kEventIn, {}) == kEventIn);
        CHECK(*read_stream(**r) == "abc");
        CHECK(read_stream(**r).error() == EAGAIN);
        close(p[1]);
        CHECK(bell.wait());
        CHECK(*read_stream(**r) == "");
        (*r)->poll_remove(bell);
        hostfs::prepare();
    }
}

TEST_CASE("an inherited pipe that is full says so, and one without readers") {
    int p[2];
    REQUIRE(pipe(p) == 0);
    auto w = hostfs::open_inherited(p[1]);
    REQUIRE(w);
    std::string big(50000, 'x');
    size_t total = 0;
    for (;;) {
        auto r = write_stream(**w, big);
        if (!r) {
            CHECK(r.error() == EAGAIN);
            break;
        }
        total += *r;
    }
    CHECK(total > 50000);
    CHECK((*w)->poll(kEventOut, {}) == 0);
    Bell bell;
    (*w)->poll_add(bell, {});
    char buf[65536];
    CHECK(read(p[0], buf, sizeof buf) == static_cast<ssize_t>(total));
    CHECK(bell.wait());
    CHECK((*w)->poll(kEventOut, {}) == kEventOut);
    (*w)->poll_remove(bell);
    close(p[0]);
    CHECK(write_stream(**w, "x").error() == EPIPE);
}

TEST_CASE("the last open file of an inherited pipe closes it") {
    int p[2];
    REQUIRE(pipe(p) == 0);
    {
        auto w = hostfs::open_inherited(p[1]);
        Bell bell;
        (*w)->poll_add(bell, {});
        (*w)->poll_remove(bell);
    }
    char c;
    pollfd q{p[0], POLLIN, 0};
    CHECK(poll(&q, 1, 1000) == 1);
    CHECK(read(p[0], &c, 1) == 0);
    close(p[0]);
}

TEST_CASE("an inherited descriptor opened again gives no more than it was") {
    TempDir d;
    d.write("f", "text");
    int fd = open((d / "f").c_str(), O_RDONLY);
    auto f = hostfs::open_inherited(fd);
    REQUIRE(f);
    vfs::Caller c;
    vfs::Inode& i = (*f)->inode();
    CHECK(i.open(vfs::OpenArgs{(*f)->path(), O_RDWR, c}).error() == EACCES);
    auto again = i.open(vfs::OpenArgs{(*f)->path(), O_RDONLY, c});
    REQUIRE(again);
    CHECK(*read_stream(**f, 2) == "te");
    CHECK(*read_stream(**again, 2) == "te");
    vfs::SetAttr s;
    s.valid = vfs::SetAttr::kMode;
    s.mode = 0777;
    CHECK(i.set_attr(s, c).error() == EPERM);
    s.valid = vfs::SetAttr::kSize;
    CHECK(i.set_attr(s, c).error() == EINVAL);
    CHECK(d.read("f") == "text");
}

TEST_CASE("an inherited socket and /dev/null are streams") {
    int s[2];
    REQUIRE(socketpair(AF_UNIX, SOCK_STREAM, 0, s) == 0);
    auto f = hostfs::open_inherited(s[0]);
    REQUIRE(f);
    CHECK(read_stream(**f).error() == EAGAIN);
    CHECK(*write_stream(**f, "hi") == 2);
    char two[2];
    CHECK(read(s[1], two, 2) == 2);
    close(s[1]);
    CHECK(write_stream(**f, "hi").error() == EPIPE);
    CHECK((*f)->ioctl(0x5413, 0, {}).error() == ENOTTY);
    auto n = hostfs::open_inherited(open("/dev/null", O_RDWR));
    REQUIRE(n);
    CHECK(*read_stream(**n) == "");
    CHECK(*write_stream(**n, "gone") == 4);
    CHECK((*n)->poll(kEventIn | kEventOut, {}) == (kEventIn | kEventOut));
    CHECK(hostfs::open_inherited(987654).error() == EBADF);
}
