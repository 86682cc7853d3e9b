// IntervalMap against a map of single pages, by random operations.
#include "src/base/interval_map.h"

#include <doctest/doctest.h>

#include <map>
#include <random>

using namespace sbx;

namespace {

// A value that counts upwards along the range, like a file offset.
struct Run {
    u64 at;
    void advance(u64 delta) { at += delta; }
    bool joins(const Run& next, u64 length) const { return at + length == next.at; }
};

}  // namespace

TEST_CASE("interval map: splitting and merging agree with a page map") {
    std::mt19937_64 random(1);
    IntervalMap<Run> map;
    std::map<u64, u64> pages;
    for (int step = 0; step < 20000; step++) {
        u64 a = random() % 200, b = a + 1 + random() % 20;
        Range r{a, b};
        switch (random() % 4) {
        case 0: {
            map.erase_range(r);
            for (u64 p = a; p < b; p++) pages.erase(p);
            u64 value = random() % 2 ? a : random() % 1000;  // equal slopes merge
            map.insert(r, Run{value});
            for (u64 p = a; p < b; p++) pages[p] = value + (p - a);
            map.merge(r);
            break;
        }
        case 1: {
            u64 erased = 0, expected = 0;
            map.erase_range(r, [&](Range part, Run& v) {
                erased += part.length();
                CHECK(v.at == pages.at(part.start));
            });
            for (u64 p = a; p < b; p++) expected += pages.erase(p);
            CHECK(erased == expected);
            break;
        }
        case 2: {
            auto it = map.from(a);
            auto model = pages.lower_bound(a);
            CHECK((it == map.end()) == (model == pages.end()));
            if (it != map.end()) CHECK(std::max(it.start(), a) == model->first);
            CHECK((map.find(a) == map.end()) == !pages.contains(a));
            CHECK(map.overlaps(r) == (model != pages.end() && model->first < b));
            break;
        }
        case 3: {
            if (pages.contains(a)) break;
            Range gap = map.gap_around(a, Range{0, 1000});
            for (u64 p = gap.start; p < gap.end; p++) CHECK(!pages.contains(p));
            CHECK((gap.start == 0 || pages.contains(gap.start - 1)));
            CHECK((gap.end == 1000 || pages.contains(gap.end)));
            break;
        }
        }
        size_t total = 0;
        u64 last = 0;
        for (auto it = map.begin(); it != map.end(); ++it) {
            CHECK(it.start() >= last);
            CHECK(it.length() > 0);
            last = it.end();
            total += it.length();
        }
        REQUIRE(total == pages.size());
    }
    for (auto [p, value] : pages) {
        auto it = map.find(p);
        REQUIRE(it != map.end());
        CHECK(it->at + (p - it.start()) == value);
    }
}

TEST_CASE("interval map: merge joins both neighbours, set_start moves an edge") {
    IntervalMap<Run> map;
    map.insert(Range{0, 10}, Run{0});
    map.insert(Range{20, 30}, Run{20});
    map.insert(Range{10, 20}, Run{10});
    map.merge(Range{10, 20});
    CHECK(map.size() == 1);
    auto it = map.isolate(map.begin(), Range{5, 6});
    CHECK(map.size() == 3);
    CHECK(it->at == 5);
    map.erase(map.begin());
    it = map.set_start(map.begin(), 2);
    CHECK(it.range() == Range{2, 6});
}
