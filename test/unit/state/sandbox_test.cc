// Saving and loading of a kernel as a whole, with what it has before its first program; calls that a pause cuts short.
#include <doctest/doctest.h>

#include <cstring>
#include <sys/mman.h>
#include <unistd.h>

#include "src/host/parker.h"
#include "src/host/unique_fd.h"
#include "src/kernel/pause.h"
#include "src/kernel/timekeeper.h"
#include "src/kernel/vdso.h"
#include "src/mm/io_buf.h"
#include "src/state/sandbox.h"
#include "test/unit/mm/fake_space.h"

using namespace sbx;

namespace {

class Platform final : public platform::Platform {
public:
    std::string_view name() const override { return "none"; }
    Range user_range() const override { return {1 << 16, 1ull << 32}; }
    Result<Ref<platform::AddressSpace>> create_address_space() override { return err(ENOSYS); }
    Nanos cpu_time() override { return 0; }
};

std::unique_ptr<Kernel> make_kernel() {
    return std::make_unique<Kernel>(Kernel::Options{}, std::make_unique<Platform>(),
                                    *mm::MemoryFile::create(1ull << 30));
}

struct Files {
    host::UniqueFd archive{memfd_create("archive", MFD_CLOEXEC)}, pages{memfd_create("pages", MFD_CLOEXEC)};
};

u8* page_of(Kernel& k, mm::Mappable& m, u64 offset = 0) {
    mm::Translation t = *m.translate(offset, kPageSize, false);
    t.file->dec_ref({t.offset, t.offset + t.length});
    return k.memory().window({t.offset, t.offset + kPageSize});
}

}  // namespace

TEST_CASE("state: a kernel goes to files and back") {
    auto k = make_kernel();
    std::string image(kPageSize + 1, 'v');
    platform::HostVdso here{0x1000, 0x2000}, there{0x3000, 0x4000};
    k->vdso = *Vdso::create(k->memory(), ConstBytes(reinterpret_cast<const u8*>(image.data()), image.size()), here);
    k->vdso->cpus_differ();
    k->init_status.store(7);
    Files f;
    auto s = make_ref<Sandbox>(*k);
    s->deadline = 1234;
    CHECK(s->save(f.archive.get(), f.pages.get()) == "");

    auto other = make_kernel();
    hostfs::Sources sources;
    std::string why;
    Ref<Sandbox> loaded = Sandbox::load(*other, sources, f.archive.get(), f.pages.get(), &why);
    CHECK(why == "");
    REQUIRE(loaded);
    CHECK(loaded->deadline == 1234);
    CHECK(other->init_status.load() == 7);
    CHECK(other->tasks().root_ns->id() == k->tasks().root_ns->id());
    CHECK(&other->tasks().root_ns->owner() == &other->user_ns());
    CHECK(other->memory().usage() == k->memory().usage());
    CHECK(page_of(*other, *other->vdso->image(), kPageSize)[0] == 'v');
    // The functions of this host; getcpu stays away.
    other->vdso->set_host(there);
    auto* data = reinterpret_cast<sbx_vdso_data*>(page_of(*other, *other->vdso->data()));
    CHECK(data->clock_gettime == 0x3000);
    CHECK(data->getcpu == 0);
}

TEST_CASE("state: the clock stands still between saving and loading") {
    auto k = make_kernel();
    const u8 image = 1;
    k->vdso = *Vdso::create(k->memory(), ConstBytes(&image, 1), platform::HostVdso{0x1000, 0x2000});
    Files f;
    Nanos before = host_monotonic();
    CHECK(make_ref<Sandbox>(*k)->save(f.archive.get(), f.pages.get()) == "");
    Nanos saved = host_monotonic();
    usleep(300000);
    auto other = make_kernel();
    hostfs::Sources sources;
    std::string why;
    Ref<Sandbox> s = Sandbox::load(*other, sources, f.archive.get(), f.pages.get(), &why);
    REQUIRE(s);
    usleep(1000);
    s->start_clock();
    Nanos now = host_monotonic();
    CHECK(now >= before);
    CHECK(now - saved < 250 * kNanosPerMilli);
    // All that reads it goes along, waits too.
    CHECK(*Timekeeper::now(CLOCK_MONOTONIC) - now < 250 * kNanosPerMilli);
    CHECK(Timekeeper::offset(CLOCK_MONOTONIC) == monotonic_offset());
    CHECK(Timekeeper::offset(CLOCK_REALTIME) == 0);
    CHECK(vdso_data({0x1000, 0x2000}).offset[CLOCK_MONOTONIC] == monotonic_offset());
    host::Parker parker;
    CHECK(!parker.park(host_monotonic() + 2 * kNanosPerMilli));
    set_monotonic(host_monotonic() - monotonic_offset());
}

TEST_CASE("state: what is no archive is refused") {
    Files f;
    auto k = make_kernel();
    hostfs::Sources sources;
    std::string why;
    CHECK(!Sandbox::load(*k, sources, f.archive.get(), f.pages.get(), &why));
    CHECK(why.find("no archive") != std::string::npos);
    CHECK(!Sandbox::load(*k, sources, -1, f.pages.get(), &why));
    CHECK(why == "the archive cannot be read");
}

TEST_CASE("state: an object that cannot be saved is named") {
    struct Nameless final : mm::Mappable {
        Result<mm::Translation> translate(u64, u64, bool) override { return err(EFAULT); }
        void add_mapping(mm::MemoryManager&, Range, u64, bool) override {}
        void remove_mapping(mm::MemoryManager&, Range, u64, bool) override {}
        mm::MappableName name() override { return {}; }
    };
    auto k = make_kernel();
    k->vdso = std::make_unique<Vdso>();
    const_cast<Ref<mm::Mappable>&>(k->vdso->data()) = make_ref<Nameless>();
    Files f;
    std::string why = make_ref<Sandbox>(*k)->save(f.archive.get(), f.pages.get());
    CHECK(why.find("Nameless") != std::string::npos);
    CHECK(why.find("cannot be saved") != std::string::npos);
}

TEST_CASE("state: no timer fires in a pause") {
    auto k = make_kernel();
    struct Listener final : TimerListener {
        std::atomic<int> fired{0};
        void on_timer() override { fired++; }
    } listener;
    k->pause().begin();
    CHECK(k->pause().on());
    CHECK(k->pause().stop(0));  // there are no tasks
    Timer timer(k->timekeeper(), listener);
    timer.set({1, 0});
    CHECK(timer.get().at == 1);
    k->pause().go_on();
    CHECK(!k->pause().on());
    while (listener.fired.load() == 0) usleep(100);
    CHECK(listener.fired.load() == 1);
}

TEST_CASE("a buffer is entered again where a call was cut short") {
    std::string from = "hello world";
    char to[6] = {};
    mm::KernelIoBuf buf(ConstBytes(reinterpret_cast<const u8*>(from.data()), from.size()));
    buf.skip(6);
    CHECK(buf.remaining() == 5);
    CHECK(*buf.get(to, 100) == 5);
    CHECK(std::string(to) == "world");
    buf.skip(3);
    CHECK(buf.remaining() == 0);
}
