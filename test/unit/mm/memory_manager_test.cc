// The memory manager over real host mappings: what the application sees is compared with a model.
#include <doctest/doctest.h>
#include <signal.h>
#include <unistd.h>

#include <random>
#include <thread>
#include <vector>

#include "src/mm/mapping_set.h"
#include "test/unit/mm/fake_space.h"

using namespace sbx;
using namespace sbx::mm;
using namespace sbx::test;

namespace {

constexpr int kRw = PROT_READ | PROT_WRITE;
constexpr int kPrivate = MAP_PRIVATE | MAP_ANONYMOUS;
constexpr int kSharedAnon = MAP_SHARED | MAP_ANONYMOUS;
constexpr u64 kPage = kPageSize;

struct World {
    FakePlatform platform;
    Ref<MemoryFile> memory = *MemoryFile::create(256ull << 30);
    Process start() { return Process{*MemoryManager::create(platform, *memory), {}}; }
    Process fork(const Process& p) { return Process{*p.mm->fork(), p.limits}; }
};

u64 error(int e) { return static_cast<u64>(-static_cast<i64>(e)); }

// A file of the host, mapped from its descriptor.
class TestBacking final : public BackingFile {
public:
    explicit TestBacking(int f) : fd_(f) {}
    ~TestBacking() override { close(fd_); }
    int fd() const override { return fd_; }
    u8* window(Range) override { return nullptr; }
    void inc_ref(Range) override {}
    void dec_ref(Range) override {}

private:
    int fd_;
};

class TestFile final : public Mappable {
public:
    explicit TestFile(u64 length) {
        int fd = memfd_create("test-file", 0);
        resize(fd, length);
        for (u64 i = 0; i < length; i++) {
            u8 b = static_cast<u8>(i / kPage + 1);
            (void)!pwrite(fd, &b, 1, static_cast<off_t>(i));
        }
        backing = make_ref<TestBacking>(fd);
        size = length;
    }
    void resize(int fd, u64 to) { (void)!ftruncate(fd, static_cast<off_t>(to)); }
    void truncate(u64 to) {
        size = to;
        resize(backing->fd(), to);
        set.invalidate(*this, Range{page_up(to), ~0ull});
    }
    Result<Translation> translate(u64 offset, u64 length, bool) override {
        if (offset >= page_up(size)) return err(EFAULT);
        Translation t;
        t.file = backing;
        t.offset = offset;
        t.length = std::min(length, page_up(size) - offset);
        t.writable = true;
        return t;
    }
    void add_mapping(MemoryManager& m, Range a, u64 o, bool w) override { set.add(m, a, o, w); }
    void remove_mapping(MemoryManager& m, Range a, u64 o, bool w) override { set.remove(m, a, o, w); }
    MappableName name() override { return {}; }
    Ref<TestBacking> backing;
    u64 size;
    MappingSet set;
};

}  // namespace

TEST_CASE("mm: anonymous memory, mprotect, munmap") {
    World w;
    Process p = w.start();
    u64 a = p.map(8 * kPage, kRw, kPrivate);
    CHECK(p.load(a) == 0);
    CHECK(p.store(a + kPage, 7) == 0);
    CHECK(p.load(a + kPage) == 7);
    CHECK(p.mm->mprotect(a, 2 * kPage, PROT_READ, p.limits));
    CHECK(p.load(a + kPage) == 7);
    CHECK(p.store(a + kPage, 8) == SIGSEGV);
    CHECK(p.touch(a + kPage, true, true) == SIGSEGV);  // also where the platform cannot tell
    CHECK(p.mm->mprotect(a, kPage, PROT_NONE, p.limits));
    CHECK(p.load(a) == -SIGSEGV);
    CHECK(p.mm->vmas(false).size() == 3);
    CHECK(p.mm->mprotect(a, 2 * kPage, kRw, p.limits));
    CHECK(p.mm->vmas(false).size() == 1);
    CHECK(p.load(a + kPage) == 7);
    CHECK(p.mm->munmap(a + kPage, kPage));
    CHECK(p.load(a + kPage) == -SIGSEGV);
    CHECK(p.mm->mprotect(a, 3 * kPage, PROT_READ, p.limits).error() == ENOMEM);
    CHECK(p.mm->total_vm() == 7 * kPage);
    u64 again = p.map(kPage, kRw, kPrivate | MAP_FIXED, a + kPage);
    CHECK(again == a + kPage);
    CHECK(p.load(again) == 0);
}

TEST_CASE("mm: what mmap refuses") {
    World w;
    Process p = w.start();
    u64 a = p.map(4 * kPage, kRw, kPrivate);
    CHECK(p.map(0, kRw, kPrivate) == error(EINVAL));
    CHECK(p.map(kPage, kRw, MAP_ANONYMOUS) == error(EINVAL));
    CHECK(p.map(~0ull, kRw, kPrivate) == error(ENOMEM));
    CHECK(p.map(kPage, kRw, kPrivate | MAP_FIXED, a + 1) == error(EINVAL));
    CHECK(p.map(kPage, kRw, kPrivate | MAP_FIXED, kPage) == error(EPERM));
    CHECK(p.map(kPage, kRw, kPrivate | MAP_FIXED, FakePlatform::kEnd) == error(ENOMEM));
    CHECK(p.map(kPage, kRw, kPrivate | MAP_FIXED_NOREPLACE, a + kPage) == error(EEXIST));
    CHECK(p.map(kPage, kRw, kPrivate | MAP_HUGETLB) == error(ENOMEM));
    CHECK(p.map(kPage, kRw, kPrivate, 0, {}, 1) == error(EINVAL));
    CHECK(p.map(kPage, kRw, kSharedAnon | MAP_GROWSDOWN) == error(EINVAL));
    CHECK(p.map(kPage, kRw, kPrivate, a + 1) != a);  // a hint
    u64 low = p.map(kPage, kRw, kPrivate | MAP_32BIT);
    CHECK((low >= 0x40000000 && low < 0x80000000));
    p.limits.as = p.mm->total_vm() + kPage;
    CHECK(p.map(2 * kPage, kRw, kPrivate) == error(ENOMEM));
    p.limits.as = ~0ull;
    p.limits.memlock = kPage;
    CHECK(p.map(2 * kPage, kRw, kPrivate | MAP_LOCKED) == error(EAGAIN));
    CHECK(p.mm->mlock(a, 2 * kPage, 0, p.limits).error() == ENOMEM);
    CHECK(p.mm->mlock(a, kPage, 0, p.limits));
    CHECK(p.mm->locked_vm() == kPage);
    CHECK(p.mm->munlockall());
    CHECK(p.mm->locked_vm() == 0);
}

TEST_CASE("mm: mappings go down and merge") {
    World w;
    Process p = w.start();
    u64 a = p.map(kPage, kRw, kPrivate), b = p.map(kPage, kRw, kPrivate);
    CHECK(b == a - kPage);
    CHECK(p.mm->vmas(false).size() == 1);
    u64 c = p.map(3 * kPage, kRw, kPrivate);
    CHECK(p.mm->munmap(b, kPage));
    CHECK(p.map(2 * kPage, kRw, kPrivate) == c - 2 * kPage);
    CHECK(p.map(kPage, kRw, kPrivate) == b);
    int ops = p.space().ops_;
    p.store(a, 1), p.store(b, 1), p.store(c, 1);
    CHECK(p.space().ops_ - ops <= 2);
}

TEST_CASE("mm: fork copies on write, on both sides, also through the sentry") {
    World w;
    Process a = w.start();
    u64 m = a.map(64 * kPage, kRw, kPrivate), s = a.map(kPage, kRw, kSharedAnon);
    for (int i = 0; i < 64; i += 3) a.store(m + static_cast<u64>(i) * kPage, static_cast<u8>(i + 1));
    Process b = w.fork(a);
    CHECK(b.load(m + 3 * kPage) == 4);
    CHECK(a.store(m + 3 * kPage, 99) == 0);
    CHECK(b.load(m + 3 * kPage) == 4);
    CHECK(b.store(m, 50) == 0);
    CHECK(a.load(m) == 1);
    u8 byte = 77;
    CHECK(b.mm->copy_out(m + 63 * kPage, &byte, 1));
    CHECK(b.load(m + 63 * kPage) == 77);
    CHECK(a.load(m + 63 * kPage) == 64);
    CHECK(b.store(s, 5) == 0);
    CHECK(a.load(s) == 5);
    b.mm.reset();
    // Alone again: no copy is made.
    u64 used = w.memory->usage();
    for (u64 i = 0; i < 64; i += 3) CHECK(a.store(m + i * kPage, 1) == 0);
    CHECK(w.memory->usage() <= used);
    a.mm.reset();
    w.memory->set_cap(0);
    CHECK(!w.memory->over_limit());
}

TEST_CASE("mm: random writes over a tree of processes agree with a model") {
    World w;
    std::mt19937_64 random(3);
    constexpr u64 kPages = 200;
    struct Modelled {
        Process p;
        std::vector<int> bytes;
    };
    std::vector<Modelled> all;
    all.push_back({w.start(), std::vector<int>(kPages, 0)});
    u64 m = all[0].p.map(kPages * kPage, kRw, kPrivate);
    for (int step = 0; step < 6000; step++) {
        size_t k = random() % all.size();
        Modelled& x = all[k];
        u64 page = random() % kPages, addr = m + page * kPage;
        u8 value = static_cast<u8>(random());
        switch (random() % 12) {
        case 0:
            if (all.size() < 6) {
                Modelled y{w.fork(x.p), x.bytes};
                all.push_back(std::move(y));
            } else {
                all.erase(all.begin() + static_cast<long>(k));
            }
            break;
        case 1: {
            u64 n = std::min<u64>(1 + random() % 10, kPages - page);
            REQUIRE(x.p.mm->madvise(addr, n * kPage, MADV_DONTNEED));
            for (u64 i = 0; i < n; i++) x.bytes[page + i] = 0;
            break;
        }
        case 2: {
            u64 n = std::min<u64>(1 + random() % 10, kPages - page);
            REQUIRE(x.p.mm->mprotect(addr, n * kPage, PROT_READ, x.p.limits));
            REQUIRE(x.p.store(addr, 1) == SIGSEGV);
            REQUIRE(x.p.mm->mprotect(m, kPages * kPage, kRw, x.p.limits));
            break;
        }
        case 3: {
            u64 n = std::min<u64>(1 + random() % 10, kPages - page);
            std::vector<u8> data(n * kPage, value);
            REQUIRE(x.p.mm->copy_out(addr, data.data(), data.size()));
            for (u64 i = 0; i < n; i++) x.bytes[page + i] = value;
            break;
        }
        case 4: {
            // There and back.
            auto moved = x.p.mm->mremap(addr, kPage, kPage, MREMAP_MAYMOVE | MREMAP_FIXED, m - 10 * kPage, x.p.limits);
            REQUIRE(moved);
            REQUIRE(x.p.load(*moved) == x.bytes[page]);
            REQUIRE(x.p.load(addr) == -SIGSEGV);
            REQUIRE(x.p.mm->mremap(*moved, kPage, kPage, MREMAP_MAYMOVE | MREMAP_FIXED, addr, x.p.limits));
            break;
        }
        case 5: x.p.space().fail_next_ = true; [[fallthrough]];
        case 6:
        case 7:
        case 8:
            REQUIRE(x.p.store(addr, value) == 0);
            x.bytes[page] = value;
            break;
        default: REQUIRE(x.p.load(addr) == x.bytes[page]);
        }
        if (step % 500 == 0)
            for (Modelled& y : all)
                for (u64 i = 0; i < kPages; i++) {
                    u8 byte = 0;
                    REQUIRE(y.p.mm->copy_in(m + i * kPage, &byte, 1));
                    REQUIRE(byte == y.bytes[i]);
                    REQUIRE(y.p.load(m + i * kPage) == y.bytes[i]);
                }
    }
    all.clear();
    w.memory->set_cap(0);
    CHECK(!w.memory->over_limit());
}

TEST_CASE("mm: huge reservations cost nothing") {
    World w;
    Process p = w.start();
    u64 a = p.map(20ull << 30, PROT_NONE, kPrivate | MAP_NORESERVE);
    REQUIRE(a < FakePlatform::kEnd);
    u64 b = p.map(20ull << 30, kRw, kPrivate | MAP_NORESERVE);
    REQUIRE(b < FakePlatform::kEnd);
    CHECK(p.space().ops_ == 0);
    CHECK(p.store(b + (5ull << 30), 1) == 0);
    CHECK(p.load(a) == -SIGSEGV);
    CHECK(w.memory->usage() <= 64 * kPage);
    CHECK(p.mm->mprotect(a, 16 * kPage, kRw, p.limits));
    CHECK(p.store(a + 15 * kPage, 1) == 0);
}

TEST_CASE("mm: stacks grow down to the guard gap and the limit") {
    World w;
    Process p = w.start();
    u64 top = FakePlatform::kEnd - kPage;
    u64 a = p.map(4 * kPage, kRw, kPrivate | MAP_GROWSDOWN | MAP_FIXED, top - 4 * kPage);
    CHECK(p.store(a - 100 * kPage, 1) == 0);
    p.limits.stack = 1 << 20;
    CHECK(p.store(a - 300 * kPage, 1) == SIGSEGV);
    p.limits.stack = 64 << 20;
    u64 below = p.map(kPage, kRw, kPrivate | MAP_FIXED, a - 1000 * kPage);
    CHECK(p.store(below + 200 * kPage, 1) == SIGSEGV);
    CHECK(p.store(below + 260 * kPage, 1) == 0);
    CHECK(p.mm->stack_vm() == p.mm->total_vm() - kPage);
}

TEST_CASE("mm: brk") {
    World w;
    Process p = w.start();
    p.mm->set_brk_start(0x10000000);
    CHECK(p.mm->brk(0, p.limits) == 0x10000000);
    CHECK(p.mm->brk(0x10005000, p.limits) == 0x10005000);
    CHECK(p.store(0x10004fff, 3) == 0);
    CHECK(p.mm->brk(0x10400001, p.limits) == 0x10400001);
    CHECK(p.load(0x10004fff) == 3);
    CHECK(p.store(0x10400fff, 3) == 0);
    CHECK(p.mm->vmas(false)[0].label == "[heap]");
    CHECK(p.mm->brk(0x10001000, p.limits) == 0x10001000);
    CHECK(p.load(0x10004fff) == -SIGSEGV);
    p.limits.data = 1 << 20;
    CHECK(p.mm->brk(0x10400001, p.limits) == 0x10001000);
    p.map(kPage, kRw, kPrivate | MAP_FIXED, 0x10008000);
    CHECK(p.mm->brk(0x10009000, p.limits) == 0x10001000);
}

TEST_CASE("mm: private and shared mappings of a host file, and its truncation") {
    World w;
    auto file = make_ref<TestFile>(20 * kPage + 100);
    Process p = w.start();
    u64 priv = p.map(24 * kPage, kRw, MAP_PRIVATE, 0, file), shared = p.map(24 * kPage, kRw, MAP_SHARED, 0, file);
    CHECK(p.load(priv + 19 * kPage) == 20);
    CHECK(p.store(priv + kPage, 200) == 0);
    CHECK(p.load(shared + kPage) == 2);
    CHECK(p.store(shared + 2 * kPage, 201) == 0);
    u8 byte = 0;
    CHECK(p.mm->copy_in(shared + 2 * kPage, &byte, 1));
    CHECK(byte == 201);
    byte = 90;
    CHECK(p.mm->copy_out(shared + 3 * kPage, &byte, 1));
    CHECK(p.load(shared + 3 * kPage) == 90);
    CHECK(p.load(priv + 22 * kPage) == -SIGBUS);
    // The end of the last page is zero and may be written; nothing reaches the file.
    CHECK(p.load(priv + 20 * kPage + 200) == 0);
    CHECK(p.mm->copy_out(shared + 20 * kPage + 200, &byte, 1));
    CHECK(file->size == 20 * kPage + 100);
    std::vector<u8> data(10 * kPage);
    auto n = p.mm->copy_in_partial(shared + 15 * kPage, data.data(), data.size());
    REQUIRE(n);
    CHECK(*n == 6 * kPage);
    CHECK(p.mm->copy_in(shared + 22 * kPage, &byte, 1).error() == EFAULT);

    Process q = w.fork(p);
    CHECK(q.load(priv + kPage) == 200);
    file->truncate(kPage);
    for (Process* x : {&p, &q}) {
        CHECK(x->load(priv) == 1);
        CHECK(x->load(priv + kPage) == -SIGBUS);
        CHECK(x->load(shared + kPage) == -SIGBUS);
        CHECK(x->mm->copy_in(shared + kPage, &byte, 1).error() == EFAULT);
    }
    CHECK(file->set.has_writable());
    CHECK(p.mm->munmap(shared + 2 * kPage, kPage));
    CHECK(p.mm->munmap(shared, 24 * kPage));
    q.mm.reset();
    CHECK(!file->set.has_writable());
    CHECK(!file->set.empty());
    CHECK(p.mm->munmap(priv, 24 * kPage));
    CHECK(file->set.empty());
}

TEST_CASE("mm: mremap") {
    World w;
    Process p = w.start();
    u64 a = p.map(4 * kPage, kRw, kPrivate);
    for (u64 i = 0; i < 4; i++) p.store(a + i * kPage, static_cast<u8>(i + 1));
    auto b = p.mm->mremap(a, 4 * kPage, 2 * kPage, 0, 0, p.limits);
    CHECK(*b == a);
    b = p.mm->mremap(a, 2 * kPage, 4 * kPage, 0, 0, p.limits);
    CHECK(*b == a);
    CHECK(p.load(a + kPage) == 2);
    CHECK(p.load(a + 2 * kPage) == 0);
    p.map(kPage, PROT_READ, kPrivate | MAP_FIXED, a + 4 * kPage);
    CHECK(p.mm->mremap(a, 4 * kPage, 80 * kPage, 0, 0, p.limits).error() == ENOMEM);
    b = p.mm->mremap(a, 4 * kPage, 80 * kPage, MREMAP_MAYMOVE, 0, p.limits);
    REQUIRE(b);
    CHECK(p.load(*b + kPage) == 2);
    CHECK(p.load(a) == -SIGSEGV);
    CHECK(p.store(*b + 79 * kPage, 1) == 0);
    constexpr int kDontUnmap = 4;
    auto c = p.mm->mremap(*b, 80 * kPage, 80 * kPage, MREMAP_MAYMOVE | kDontUnmap, 0, p.limits);
    REQUIRE(c);
    CHECK(p.load(*c + kPage) == 2);
    CHECK(p.load(*b + kPage) == 0);
    u64 s = p.map(2 * kPage, kRw, kSharedAnon);
    p.store(s, 9);
    auto d = p.mm->mremap(s, 0, 2 * kPage, MREMAP_MAYMOVE, 0, p.limits);
    REQUIRE(d);
    CHECK(p.load(*d) == 9);
    CHECK(p.mm->mremap(*c, 0, kPage, MREMAP_MAYMOVE, 0, p.limits).error() == EINVAL);
    CHECK(p.mm->mremap(kPage * 100, kPage, kPage * 2, 0, 0, p.limits).error() == EFAULT);
}

TEST_CASE("mm: fork flags, names, residency") {
    World w;
    Process p = w.start();
    u64 a = p.map(3 * kPage, kRw, kPrivate);
    for (u64 i = 0; i < 3; i++) p.store(a + i * kPage, 1);
    CHECK(p.mm->madvise(a, kPage, MADV_DONTFORK));
    CHECK(p.mm->madvise(a + kPage, kPage, MADV_WIPEONFORK));
    CHECK(p.mm->madvise(a, kPage, 77).error() == EINVAL);
    Process q = w.fork(p);
    CHECK(q.load(a) == -SIGSEGV);
    CHECK(q.load(a + kPage) == 0);
    CHECK(q.load(a + 2 * kPage) == 1);
    std::string name = "pool";
    CHECK(p.mm->set_anon_name(a + 2 * kPage, kPage, &name));
    CHECK(p.mm->vmas(false).back().label == "[anon:pool]");
    u64 b = p.map(4 * kPage, kRw, kPrivate | MAP_FIXED, 0x20000000);
    p.store(b + kPage, 1);
    std::vector<u8> out;
    CHECK(p.mm->mincore(b, 4 * kPage, out));
    CHECK(out == std::vector<u8>{0, 1, 0, 0});
    CHECK(p.mm->mincore(b, 5 * kPage, out).error() == ENOMEM);
    CHECK(p.mm->rss() == 4 * kPage);
    CHECK(p.mm->msync(b, kPage, MS_SYNC));
    CHECK(p.mm->msync(b, 8 * kPage, MS_SYNC).error() == ENOMEM);
}

TEST_CASE("mm: strings, iovecs, spans, words") {
    World w;
    Process p = w.start();
    u64 a = p.map(2 * kPage, kRw, kPrivate);
    p.mm->munmap(a + kPage, kPage);
    CHECK(p.mm->copy_out(a + kPage - 4, "abc", 4));
    CHECK(*p.mm->copy_in_string(a + kPage - 4, 100) == "abc");
    CHECK(p.mm->copy_in_string(a + kPage - 4, 3).error() == ENAMETOOLONG);
    CHECK(p.mm->copy_out(a + kPage - 4, "abcd", 4));
    CHECK(p.mm->copy_in_string(a + kPage - 4, 100).error() == EFAULT);
    iovec v[2] = {{reinterpret_cast<void*>(a), 10}, {reinterpret_cast<void*>(a + kPage - 4), 8}};
    CHECK(p.mm->copy_out(a + 64, v, sizeof v));
    auto iov = p.mm->copy_in_iovecs(a + 64, 2);
    REQUIRE(iov);
    CHECK(p.mm->copy_in_iovecs(a + 64, 1025).error() == EINVAL);
    UserIoBuf buf(*p.mm, *iov);
    CHECK(buf.remaining() == 18);
    char text[18];
    CHECK(*buf.get(text, 18) == 14);
    CHECK(memcmp(text + 10, "abcd", 4) == 0);
    auto seen = p.mm->with_spans(a + kPage - 8, 100, true, [&](std::span<const iovec> s) -> Result<size_t> {
        CHECK(s.size() == 1);
        CHECK(s[0].iov_len == 8);
        return size_t{3};
    });
    CHECK(*seen == 3);
    CHECK(p.mm->with_word(a + 8, true, [](u32* x) { *x = 42; }));
    CHECK(p.load(a + 8) == 42);
    CHECK(p.mm->with_word(a + 9, true, [](u32*) {}).error() == EINVAL);
    CHECK(p.mm->mprotect(a, kPage, PROT_READ, p.limits));
    u8 byte = 5;
    CHECK(p.mm->copy_out(a, &byte, 1).error() == EFAULT);
    CHECK(*p.mm->access_remote(a, &byte, 1, true) == 1);
    CHECK(p.load(a) == 5);
    u64 s1 = p.map(kPage, kRw, kSharedAnon);
    Process q = w.fork(p);
    CHECK(*p.mm->word_key(s1, false) == *q.mm->word_key(s1, false));
    CHECK(!(*p.mm->word_key(a, false) == *q.mm->word_key(a, false)));
}

TEST_CASE("mm: threads of one process at once") {
    World w;
    Process p = w.start();
    constexpr u64 kEach = 32;
    u64 m = p.map(4 * kEach * kPage, kRw, kPrivate);
    std::vector<std::thread> threads;
    std::atomic<int> wrong{0};
    for (u64 k = 0; k < 4; k++) {
        threads.emplace_back([&, k] {
            std::mt19937_64 random(k);
            u64 own = m + k * kEach * kPage;
            std::vector<u8> model(kEach, 0);
            for (int step = 0; step < 400; step++) {
                u64 page = random() % kEach;
                u64 addr = own + page * kPage;
                u8 byte = static_cast<u8>(random());
                switch (random() % 6) {
                case 0: {
                    auto child = p.mm->fork();
                    u8 seen = 0;
                    if (!child || !(*child)->copy_in(addr, &seen, 1) || seen != model[page]) wrong++;
                    byte ^= 0xff;
                    if (!(*child)->copy_out(addr, &byte, 1)) wrong++;
                    break;
                }
                case 1:
                    if (!p.mm->madvise(addr, kPage, MADV_DONTNEED)) wrong++;
                    model[page] = 0;
                    break;
                case 2:
                    if (!p.mm->munmap(addr, kPage)) wrong++;
                    if (p.map(kPage, kRw, kPrivate | MAP_FIXED, addr) != addr) wrong++;
                    model[page] = 0;
                    break;
                case 3:
                    if (!p.mm->copy_out(addr, &byte, 1)) wrong++;
                    model[page] = byte;
                    break;
                case 4:
                    if (p.mm->handle_fault(addr, Access::Write, p.limits).signo) wrong++;
                    break;
                default: {
                    u8 seen = 0;
                    if (!p.mm->copy_in(addr, &seen, 1) || seen != model[page]) wrong++;
                }
                }
            }
        });
    }
    for (std::thread& t : threads) t.join();
    CHECK(wrong == 0);
}
