// The image of the vDSO that applications get, run in this process behind data pages of the test's making.
#include <doctest/doctest.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>

#include "src/host/vdso.h"
#include "src/kernel/vdso.h"

using namespace sbx;

extern "C" const u8 sbx_vdso_image[], sbx_vdso_image_end[];

namespace {
timespec host_time;
int host_result, host_calls, host_clock;
int fake_clock(int clock, timespec* out) {
    host_calls++;
    host_clock = clock;
    if (host_result == 0) *out = host_time;
    return host_result;
}
int fake_getcpu(unsigned* cpu, unsigned* node, void*) {
    host_calls++;
    CHECK(node == nullptr);
    *cpu = 77;
    return 0;
}

struct World {
    size_t size = page_up(static_cast<size_t>(sbx_vdso_image_end - sbx_vdso_image));
    u8* base = static_cast<u8*>(
        mmap(nullptr, kPageSize + size, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    sbx_vdso_data* data = reinterpret_cast<sbx_vdso_data*>(base);

    explicit World(platform::HostVdso host) {
        *data = vdso_data(host);
        memcpy(base + kPageSize, sbx_vdso_image, static_cast<size_t>(sbx_vdso_image_end - sbx_vdso_image));
        host_result = host_calls = 0;
    }
    ~World() { munmap(base, kPageSize + size); }
    template <class F>
    F* find(const char* name) {
        u64 at = host::vdso_symbol({base + kPageSize, size}, name);
        REQUIRE(at != 0);
        return reinterpret_cast<F*>(base + kPageSize + at);
    }
};
using Clock = int(int, timespec*);

const platform::HostVdso kFake{reinterpret_cast<u64>(&fake_clock), reinterpret_cast<u64>(&fake_getcpu)};
}  // namespace

TEST_CASE("vdso image: the host's function reads the host's clocks and no others") {
    World w(kFake);
    auto* get = w.find<Clock>("__vdso_clock_gettime");
    timespec t{};
    host_time = {5, 999'999'999};
    for (int clock :
         {CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_MONOTONIC_RAW, CLOCK_BOOTTIME, CLOCK_TAI, CLOCK_MONOTONIC_COARSE}) {
        CHECK(get(clock, &t) == 0);
        CHECK(host_clock == clock);
        CHECK(t.tv_sec == 5);
        CHECK(t.tv_nsec == 999'999'999);
    }
    int calls = host_calls;
    for (int clock : {CLOCK_PROCESS_CPUTIME_ID, CLOCK_THREAD_CPUTIME_ID, CLOCK_BOOTTIME_ALARM}) (void)get(clock, &t);
    for (int clock : {10, 15, 16, 17, 31, 32, 33, INT32_MAX}) CHECK(get(clock, &t) == -EINVAL);
    CHECK(get(~0 << 3 | 2, &t) == 0);  // this process's CPU clock
    CHECK(host_calls == calls);
    host_result = -EPERM;
    CHECK(get(CLOCK_MONOTONIC, &t) == -EPERM);
}

TEST_CASE("vdso image: offsets of clocks") {
    World w(kFake);
    auto* get = w.find<Clock>("__vdso_clock_gettime");
    struct {
        timespec host;
        i64 offset;
        timespec expected;
    } const rows[] = {
        {{5, 999'999'999}, 1, {6, 0}},
        {{5, 0}, -1, {4, 999'999'999}},
        {{5, 500}, 3'000'000'000, {8, 500}},
        {{5, 500}, -3'000'000'000, {2, 500}},
        {{5, 100}, -1'000'000'101, {3, 999'999'999}},
        {{5, 100}, 999'999'899, {5, 999'999'999}},
        {{5, 100}, 999'999'900, {6, 0}},
    };
    for (auto& r : rows) {
        host_time = r.host;
        w.data->offset[CLOCK_MONOTONIC] = r.offset;
        timespec t{};
        CHECK(get(CLOCK_MONOTONIC, &t) == 0);
        CHECK(t.tv_sec == r.expected.tv_sec);
        CHECK(t.tv_nsec == r.expected.tv_nsec);
        CHECK(get(CLOCK_BOOTTIME, &t) == 0);
        CHECK(t.tv_sec == r.host.tv_sec);
    }
    w.data->offset[CLOCK_REALTIME] = 10'000'000'000;
    w.data->offset[CLOCK_REALTIME_COARSE] = 20'000'000'000;
    host_time = {7, 123'456'789};
    timeval v{};
    CHECK(w.find<int(timeval*, void*)>("__vdso_gettimeofday")(&v, nullptr) == 0);
    CHECK(v.tv_sec == 17);
    CHECK(v.tv_usec == 123'456);
    long seconds = 0;
    CHECK(w.find<long(long*)>("__vdso_time")(&seconds) == 27);
    CHECK(seconds == 27);
}

TEST_CASE("vdso image: resolutions and CPUs") {
    World w(kFake);
    auto* get = w.find<Clock>("__vdso_clock_getres");
    for (int clock = 0; clock < 12; clock++) {
        timespec expected{}, t{};
        int e = clock_getres(clock, &expected) == 0 ? 0 : -errno;
        CHECK(get(clock, &t) == e);
        CHECK(t.tv_nsec == expected.tv_nsec);
    }
    unsigned cpu = 0, node = 9;
    CHECK(w.find<int(unsigned*, unsigned*, void*)>("__vdso_getcpu")(&cpu, &node, nullptr) == 0);
    CHECK(cpu == 77);
    CHECK(node == 0);
}

TEST_CASE("vdso image: without functions of the host it makes system calls") {
    World w({});
    timespec a{}, b{}, c{};
    CHECK(clock_gettime(CLOCK_MONOTONIC, &a) == 0);
    CHECK(w.find<Clock>("__vdso_clock_gettime")(CLOCK_MONOTONIC, &b) == 0);
    CHECK(clock_gettime(CLOCK_MONOTONIC, &c) == 0);
    auto nanos = [](timespec t) { return t.tv_sec * 1'000'000'000 + t.tv_nsec; };
    CHECK(nanos(a) <= nanos(b));
    CHECK(nanos(b) <= nanos(c));
    timeval v{};
    CHECK(w.find<int(timeval*, void*)>("__vdso_gettimeofday")(&v, nullptr) == 0);
    CHECK(v.tv_sec >= time(nullptr) - 1);
    CHECK(w.find<long(long*)>("__vdso_time")(nullptr) <= time(nullptr) + 1);
    unsigned cpu = ~0u;
    CHECK(w.find<int(unsigned*, unsigned*, void*)>("__vdso_getcpu")(&cpu, nullptr, nullptr) == 0);
    CHECK(cpu < 4096);
    CHECK(host_calls == 0);
}
