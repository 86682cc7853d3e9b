// The host's vDSO is found, and its functions are what their names say.
#include "src/host/vdso.h"

#include <doctest/doctest.h>
#include <sys/auxv.h>
#include <time.h>

#include <cstring>
#include <vector>

using namespace sbx;

TEST_CASE("host vdso: mappings and functions") {
    const host::Vdso& v = host::vdso();
    u64 at = getauxval(AT_SYSINFO_EHDR);
    if (at == 0) {
        CHECK(!v.found());
        return;
    }
    REQUIRE(v.found());
    CHECK(v.mappings.back().start == at);
    CHECK(v.mappings.size() >= 2);
    for (size_t i = 1; i < v.mappings.size(); i++) CHECK(v.mappings[i - 1].end <= v.mappings[i].start);
    REQUIRE(v.clock_gettime != 0);
    auto get = reinterpret_cast<int (*)(clockid_t, timespec*)>(v.clock_gettime);
    timespec before{}, now{};
    CHECK(clock_gettime(CLOCK_MONOTONIC, &before) == 0);
    CHECK(get(CLOCK_MONOTONIC, &now) == 0);
    CHECK((now.tv_sec > before.tv_sec || (now.tv_sec == before.tv_sec && now.tv_nsec >= before.tv_nsec)));
}

TEST_CASE("host vdso: symbols of broken images") {
    const host::Vdso& v = host::vdso();
    if (!v.found()) return;
    Range code = v.mappings.back();
    std::vector<u8> image(code.length());
    memcpy(image.data(), reinterpret_cast<const void*>(code.start), image.size());
    CHECK(host::vdso_symbol(image, "__vdso_clock_gettime") == v.clock_gettime - code.start);
    CHECK(host::vdso_symbol(image, "__vdso_clock_gettim") == 0);
    CHECK(host::vdso_symbol(image, "") == 0);
    CHECK(host::vdso_symbol({}, "__vdso_clock_gettime") == 0);
    for (size_t n = 0; n < 1024; n += 7) CHECK(host::vdso_symbol(ConstBytes(image).first(n), "nothing") == 0);
    // Any byte may be wrong: the answer is some offset in the image, or none.
    for (size_t i = 0; i < 1024; i++) {
        std::vector<u8> broken = image;
        broken[i] ^= 0xff;
        CHECK(host::vdso_symbol(broken, "__vdso_clock_gettime") < image.size());
    }
}
