// Sizes and durations: what is read, what is refused, and that printing gives the same value back.
#include <doctest/doctest.h>

#include "src/config/units.h"

using namespace sbx::config;

TEST_CASE("sizes") {
    CHECK(parse_size("0") == 0u);
    CHECK(parse_size("65536") == 65536u);
    CHECK(parse_size("512M") == 512u << 20);
    CHECK(parse_size("2G") == 2ull << 30);
    CHECK(parse_size("1P") == 1ull << 50);
    CHECK(parse_size("9223372036854775807") == 9223372036854775807ull);
    for (const char* bad : {"", "M", "-1", "+1", "1.5G", " 1", "1 ", "1k", "1KB", "0x10", "9223372036854775808",
                            "9007199254740992K", "18446744073709551616", "99999999999999999999999"})
        CHECK_MESSAGE(!parse_size(bad), bad);
}

TEST_CASE("durations") {
    CHECK(parse_duration("0s") == 0);
    CHECK(parse_duration("5s") == 5'000'000'000);
    CHECK(parse_duration("250ms") == 250'000'000);
    CHECK(parse_duration("1m30s") == 90'000'000'000);
    CHECK(parse_duration("1d2h3m4s5ms6us7ns") == 93'784'005'006'007);
    for (const char* bad : {"", "5", "s", "-5s", "5S", "5 s", "1.5s", "30s1m", "1s1s", "5sec", "99999999999999999999s",
                            "106752d", "9223372036s999999999999999999ns", "s5"})
        CHECK_MESSAGE(!parse_duration(bad), bad);
}

TEST_CASE("sizes and durations print as they are read") {
    for (std::uint64_t size : {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{1023}, std::uint64_t{1024},
                               std::uint64_t{1536}, std::uint64_t{3} << 30, (std::uint64_t{1} << 63) - 1})
        CHECK(parse_size(format_size(size)) == size);
    CHECK(format_size(2ull << 30) == "2G");
    for (std::int64_t ns :
         {std::int64_t{0}, std::int64_t{1}, std::int64_t{1500}, std::int64_t{90'000'000'000}, INT64_MAX})
        CHECK(parse_duration(format_duration(ns)) == ns);
    CHECK(format_duration(90'000'000'000) == "1m30s");
}
